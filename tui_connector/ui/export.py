"""A view as a file: CSV or JSON lines, with the filter it was shown under."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tui_connector.domain.errors import ConfigError
from tui_connector.review.sheet import guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Sheet:
    """What an export holds. name: of the view. filter: under which its rows were shown. rows: read in a thread.

    lines: the whole file for "csv" or "jsonl", of a view that a command writes as well: what it is, then (in CSV) the
    columns, then its rows.
    """

    name: str
    columns: Sequence[str]
    rows: Callable[[], Iterable[Mapping[str, Any]]]
    filter: str = field(default="")
    lines: Callable[[str], Iterable[str]] | None = None


def write(sheet: Sheet, path: Path) -> int:
    """Write a view into a new file that only its owner may read; how many rows it has.

    Raises ConfigError when the name ends neither in .csv nor in .jsonl, when the file exists, or cannot be written.
    """
    if path.suffix not in (".csv", ".jsonl"):
        raise ConfigError(f"{path.name} says no format", hint="let the name end in .csv or .jsonl")
    try:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(opened, "w", encoding="utf-8", newline="") as file:
            if sheet.lines is not None:
                heads = 1 if path.suffix == ".jsonl" else 2
                return sum(bool(file.write(line)) for line in sheet.lines(path.suffix[1:])) - heads
            if path.suffix == ".jsonl":
                return _lines(sheet, file)
            return _table(sheet, file)
    except FileExistsError as error:
        raise ConfigError(f"{path} exists already", hint="choose another name; nothing is overwritten") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}", hint="choose another folder") from error


def _lines(sheet: Sheet, file: Any) -> int:
    count = 0
    for count, row in enumerate(sheet.rows(), 1):  # noqa: B007 - counts
        file.write(json.dumps({name: row.get(name) for name in sheet.columns}, ensure_ascii=False, default=str) + "\n")
    return count


def _table(sheet: Sheet, file: Any) -> int:
    count, out = 0, csv.writer(file, lineterminator="\r\n")
    out.writerow(sheet.columns)
    for count, row in enumerate(sheet.rows(), 1):  # noqa: B007 - counts
        out.writerow([_cell(row.get(name)) for name in sheet.columns])
    return count


def _cell(value: Any) -> str:
    """A number stays a number for whoever opens the file; a text never becomes a formula."""
    if value is None:
        return ""
    if isinstance(value, (int, float, Decimal)):
        return format(value, "f") if isinstance(value, Decimal) else str(value)
    return value.isoformat() if isinstance(value, (date, datetime)) else guarded(str(value))
