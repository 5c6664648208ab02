"""What an Anaplan model holds, as frozen values read from its answers; unknown fields are ignored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from tui_connector.domain.errors import ContractChangedError

if TYPE_CHECKING:
    from collections.abc import Mapping

Wire = dict[str, Any]


def text(wire: Mapping[str, Any], key: str) -> str:
    """A field as text; absent and null are ""."""
    value = wire.get(key)
    return "" if value is None else str(value)


def number(wire: Mapping[str, Any], key: str) -> int | None:
    """A whole number; Anaplan writes some of them as text, and leaves some out."""
    value = wire.get(key)
    try:
        return None if value is None or isinstance(value, bool) else int(float(value))
    except (TypeError, ValueError, OverflowError):
        return None


def moment(wire: Wire, key: str) -> datetime | None:
    """A time as metadata spell it, for example 2020-11-26T00:29:01.000+0000."""
    try:
        found = datetime.fromisoformat(text(wire, key))
    except ValueError:
        return None
    return found if found.tzinfo else None


def required(wire: Wire, key: str, what: str) -> str:
    """A field that must be there."""
    value = text(wire, key)
    if not value:
        raise ContractChangedError(
            f"Anaplan describes {what} without its field {key!r}.",
            hint="Look at the answer in the log; the API may have changed.",
        )
    return value


@dataclass(frozen=True, slots=True)
class Workspace:
    """Sizes are bytes; None when the user may not see them."""

    id: str
    name: str
    size_allowance: int | None = None
    current_size: int | None = None

    @classmethod
    def read(cls, wire: Wire) -> Self:
        ids = required(wire, "id", "a workspace")
        return cls(ids, text(wire, "name"), number(wire, "sizeAllowance"), number(wire, "currentSize"))


@dataclass(frozen=True, slots=True)
class Model:
    """active_state is an open word: UNLOCKED, LOCKED, ARCHIVED, PRODUCTION, MAINTENANCE and whatever comes next."""

    id: str
    name: str
    active_state: str
    workspace_id: str = ""
    workspace_name: str = ""
    memory_usage: int | None = None
    last_modified: datetime | None = None

    @classmethod
    def read(cls, wire: Wire) -> Self:
        return cls(
            required(wire, "id", "a model"),
            text(wire, "name"),
            text(wire, "activeState"),
            text(wire, "currentWorkspaceId"),
            text(wire, "currentWorkspaceName"),
            number(wire, "memoryUsage"),
            moment(wire, "lastModified"),
        )


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """What the model is doing now; tooltip names user and task while it is busy."""

    step: str
    progress: float
    tooltip: str = ""

    @classmethod
    def read(cls, wire: Wire) -> Self:
        progress = wire.get("progress")
        return cls(
            text(wire, "currentStep"),
            float(progress) if isinstance(progress, int | float) else -1.0,
            text(wire, "tooltip"),
        )

    @property
    def busy(self) -> bool:
        return self.step not in ("", "Open", "Closed", "Complete.")


@dataclass(frozen=True, slots=True)
class User:
    """Who the credential belongs to."""

    id: str
    email: str
    customer_id: str = ""

    @classmethod
    def read(cls, wire: Wire) -> Self:
        return cls(required(wire, "id", "a user"), text(wire, "email"), text(wire, "customerId"))


@dataclass(frozen=True, slots=True)
class File:
    """A file of the model with its saved parse settings; rows count from 1, 0 means none."""

    id: str
    name: str
    chunk_count: int = 0
    encoding: str = "UTF-8"
    separator: str = ","
    qualifier: str = '"'
    header_row: int = 1
    first_data_row: int = 2

    @classmethod
    def read(cls, wire: Wire) -> Self:
        separator = text(wire, "separator") or ","
        return cls(
            required(wire, "id", "a file"),
            text(wire, "name"),
            number(wire, "chunkCount") or 0,
            text(wire, "encoding") or "UTF-8",
            "\t" if separator == "\\t" else separator,
            # Anaplan calls the text qualifier "delimiter"; output files have none of these fields.
            text(wire, "delimiter") if "delimiter" in wire else '"',
            number(wire, "headerRow") or 0,
            number(wire, "firstDataRow") or 0,
        )


@dataclass(frozen=True, slots=True)
class ImportAction:
    """source_file_id is "" when the import does not read a file."""

    id: str
    name: str
    type: str = ""
    source_file_id: str = ""

    @classmethod
    def read(cls, wire: Wire) -> Self:
        source = text(wire, "importDataSourceId")
        is_file = source.startswith("113") and not wire.get("importDataSource")
        ids = required(wire, "id", "an import")
        return cls(ids, text(wire, "name"), text(wire, "importType"), source if is_file else "")


@dataclass(frozen=True, slots=True)
class ImportColumns:
    """How an import reads its file: column names and parse settings; header_names is empty for other sources."""

    name: str
    type: str
    header_names: tuple[str, ...] = ()
    encoding: str = ""
    separator: str = ""
    qualifier: str = ""
    header_row: int = 0
    first_data_row: int = 0
    decimal_separator: str = ""

    @classmethod
    def read(cls, wire: Wire) -> Self:
        source = wire.get("source") or {}
        separator = text(source, "columnSeparator")
        return cls(
            text(wire, "name"),
            text(wire, "type"),
            tuple(str(name) for name in source.get("headerNames") or ()),
            text(source, "textEncoding"),
            "\t" if separator == "\\t" else separator,
            text(source, "textDelimiter"),
            number(source, "headerRow") or 0,
            number(source, "firstDataRow") or 0,
            text(source, "decimalSeparator"),
        )


@dataclass(frozen=True, slots=True)
class ExportAction:
    """An export; its output file has the same id."""

    id: str
    name: str
    type: str = ""
    format: str = ""
    encoding: str = ""
    layout: str = ""

    @classmethod
    def read(cls, wire: Wire) -> Self:
        return cls(
            required(wire, "id", "an export"),
            text(wire, "name"),
            text(wire, "exportType"),
            text(wire, "exportFormat"),
            text(wire, "encoding"),
            text(wire, "layout"),
        )


@dataclass(frozen=True, slots=True)
class ExportColumns:
    """What an export writes; row_estimate is Anaplan's own estimate. types: of its columns, if told."""

    header_names: tuple[str, ...]
    encoding: str
    separator: str
    qualifier: str
    row_estimate: int | None
    types: tuple[str, ...] = ()
    format: str = ""

    @classmethod
    def read(cls, wire: Wire) -> Self:
        separator = text(wire, "separator")
        return cls(
            tuple(str(name) for name in wire.get("headerNames") or ()),
            text(wire, "encoding") or "UTF-8",
            "\t" if separator == "\\t" else separator or ",",
            text(wire, "delimiter"),
            number(wire, "rowCount"),
            tuple(str(name) for name in wire.get("dataTypes") or ()),
            text(wire, "exportFormat"),
        )


@dataclass(frozen=True, slots=True)
class Process:
    """A process: actions in a fixed order under one task."""

    id: str
    name: str

    @classmethod
    def read(cls, wire: Wire) -> Self:
        return cls(required(wire, "id", "a process"), text(wire, "name"))


@dataclass(frozen=True, slots=True)
class ProcessAction:
    """One action of a process."""

    id: str
    name: str
    type: str = ""
    source_file_id: str = ""

    @classmethod
    def read(cls, wire: Wire) -> Self:
        ids = required(wire, "id", "an action of a process")
        return cls(ids, text(wire, "name"), text(wire, "actionType"), text(wire, "importDataSourceId"))


@dataclass(frozen=True, slots=True)
class OtherAction:
    """An action that is neither import, export nor process, for example a deletion by selection."""

    id: str
    name: str
    type: str = ""

    @classmethod
    def read(cls, wire: Wire) -> Self:
        return cls(required(wire, "id", "an action"), text(wire, "name"), text(wire, "actionType"))


@dataclass(frozen=True, slots=True)
class ModelList:
    """A list (a dimension's members)."""

    id: str
    name: str

    @classmethod
    def read(cls, wire: Wire) -> Self:
        return cls(required(wire, "id", "a list"), text(wire, "name"))


@dataclass(frozen=True, slots=True)
class ListDetails:
    """A list's metadata; item_count is None when Anaplan does not tell it. parent: the list its members lie below."""

    id: str
    name: str
    numbered: bool
    item_count: int | None
    properties: tuple[str, ...] = ()
    parent: ModelList | None = None

    @classmethod
    def read(cls, wire: Wire) -> Self:
        parent = wire.get("parent")
        return cls(
            required(wire, "id", "a list"),
            text(wire, "name"),
            wire.get("numberedList") is True,
            number(wire, "itemCount"),
            tuple(text(one, "name") for one in wire.get("properties") or ()),
            ModelList.read(parent) if isinstance(parent, dict) and parent.get("id") else None,
        )


@dataclass(frozen=True, slots=True)
class Module:
    """A module."""

    id: str
    name: str

    @classmethod
    def read(cls, wire: Wire) -> Self:
        return cls(required(wire, "id", "a module"), text(wire, "name"))


@dataclass(frozen=True, slots=True)
class LineItem:
    """A line item of a module."""

    id: str
    name: str

    @classmethod
    def read(cls, wire: Wire) -> Self:
        return cls(required(wire, "id", "a line item"), text(wire, "name"))
