"""Results of tasks: what Anaplan says was loaded, ignored and refused, and what that amounts to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from tui_connector.anaplan.model import Wire, number, text
from tui_connector.domain.errors import ContractChangedError

if TYPE_CHECKING:
    from collections.abc import Iterator

# Entries about single rows or columns stand beside the completion entry; any of them means that not all data arrived.
_ROW_LEVEL = re.compile(
    r"hierarchyImport|moduleImport|columnSeparatorExpected|unmatchedTextDelimiter|dateFormat|invalid|expected"
    r"|missingFields|users(?!RowsProcessed|NoChanges)"
)
_FAILED = ("failedCount", "failureCount", "invalidCount")
_WARNED = ("warningsRowCount",)
_LOADED = ("successRowCount", "rowCount")


class TaskOutcome(StrEnum):
    """What a finished task amounts to. PARTIAL: it ran to its end, yet some rows or cells were not written as sent."""

    CLEAN = "clean"
    PARTIAL = "partial"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Detail:
    """One entry of a result. occurrences: how often it was seen; Anaplan writes 0 for an entry that stands alone."""

    type: str
    text: str
    values: dict[str, str]
    occurrences: int

    @classmethod
    def read(cls, wire: Wire) -> Detail:
        return cls(
            text(wire, "type"),
            text(wire, "localMessageText"),
            pair_up(wire.get("values")),
            number(wire, "occurrences") or 0,
        )

    def count(self, *keys: str) -> int:
        """The first of these figures that the entry has, else 0."""
        return next((found for key in keys if (found := number(self.values, key)) is not None), 0)

    @property
    def row_level(self) -> bool:
        return _ROW_LEVEL.match(self.type) is not None


@dataclass(frozen=True, slots=True)
class TaskResult:
    """The result of one action; a process has one nested result for each of its actions, in running order.

    loaded, ignored, failed count rows of a list import. A module import tells cells by line item: there each figure is
    the highest of any line item, so `failed` is a lower bound of the rows; the failure dump has them all. For a
    process, loaded and ignored are those of its last action that counted anything, failed the highest of any action.
    """

    outcome: TaskOutcome
    object_id: str
    name: str
    details: tuple[Detail, ...] = ()
    loaded: int = 0
    ignored: int = 0
    failed: int = 0
    has_dump: bool = False
    nested: tuple[TaskResult, ...] = ()

    @classmethod
    def read(cls, wire: Wire) -> TaskResult:
        """Take a result apart; keys that are absent count as nothing said."""
        details = tuple(Detail.read(one) for one in wire.get("details") or ())
        nested = tuple(cls.read(one) for one in wire.get("nestedResults") or ())
        has_dump = wire.get("failureDumpAvailable") is True
        loaded, ignored, failed = _count(details, nested)
        return cls(
            _judge(wire.get("successful") is True, details, nested, has_dump=has_dump, failed=failed),
            text(wire, "objectId"),
            text(wire, "objectName"),
            details,
            loaded,
            ignored,
            failed,
            has_dump,
            nested,
        )

    def type_of(self, error: str) -> str:
        """Anaplan's name for an error that a dump tells in words; "" where no entry bears these words."""
        told = [one for one in self.details if one.text and error.startswith(one.text)]
        return max(told, key=lambda one: len(one.text)).type if told else ""

    @property
    def written(self) -> int | None:
        """How many bytes an export says it wrote; None when it does not say."""
        told = (one for leaf in self.leaves() for one in leaf.details if one.type == "exportSucceeded")
        return next((one.count("fileSize") for one in told if "fileSize" in one.values), None)

    def check_written(self, size: int) -> None:
        """Raises ContractChangedError unless so many bytes came as the export says it wrote, where it says so."""
        written = self.written
        if written is not None and written != size:
            raise ContractChangedError(
                f"Anaplan wrote an export of {written:,} bytes, but {size:,} came; it is truncated or another one's.",
                hint="Run the flow again; if this stays, look who else runs this export as the same user.",
            )

    def leaves(self) -> Iterator[TaskResult]:
        """The results of single actions: this one, or those inside a process."""
        if not self.nested:
            yield self
        for one in self.nested:
            yield from one.leaves()

    def explain(self) -> str:
        """Anaplan's own words about it, in one line."""
        texts = [detail.text or detail.type for leaf in (self, *self.nested) for detail in leaf.details]
        return "; ".join(dict.fromkeys(texts)) or "Anaplan gives no reason"


def pair_up(values: object) -> dict[str, str]:
    """Turn Anaplan's flat key, value, key, value … list into a map; a null value becomes ""."""
    if not isinstance(values, list):
        return {}
    pairs = zip(values[::2], values[1::2], strict=False)
    return {str(key): "" if value is None else str(value) for key, value in pairs if key is not None}


def _count(details: tuple[Detail, ...], nested: tuple[TaskResult, ...]) -> tuple[int, int, int]:
    loaded = max((one.count(*_LOADED) + one.count(*_WARNED) for one in details), default=0)
    ignored = max((one.count("ignoredCount") for one in details), default=0)
    failed = max((one.count(*_FAILED) for one in details), default=0)
    for one in nested:
        if one.loaded or one.ignored:
            loaded, ignored = one.loaded, one.ignored
        failed = max(failed, one.failed)
    return loaded, ignored, failed


def _judge(
    successful: bool, details: tuple[Detail, ...], nested: tuple[TaskResult, ...], *, has_dump: bool, failed: int
) -> TaskOutcome:
    if any(one.outcome is TaskOutcome.FAILED for one in nested):
        return TaskOutcome.FAILED
    if not successful:
        # A process was seen to call itself unsuccessful because rows were ignored, though none of its actions failed.
        harmless = nested and not any(not one.type.startswith("taskElement") for one in details)
        return TaskOutcome.PARTIAL if harmless else TaskOutcome.FAILED
    lost = has_dump or failed > 0
    lost = lost or any(one.row_level or one.count(*_WARNED) > 0 or _ignored_cells(one) for one in details)
    lost = lost or any(one.outcome is not TaskOutcome.CLEAN for one in nested)
    return TaskOutcome.PARTIAL if lost else TaskOutcome.CLEAN


def _ignored_cells(detail: Detail) -> bool:
    # An ignored row of a list needed no change; an ignored cell of a module could not be written.
    return detail.type.startswith("lineItem") and detail.count("ignoredCount") > 0
