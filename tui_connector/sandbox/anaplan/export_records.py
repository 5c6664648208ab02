"""The records of an export below its header: rows, control lines, and what the switches make of them."""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from typing import TYPE_CHECKING

from tui_connector.sandbox.anaplan.formats import plain_number
from tui_connector.sandbox.anaplan.tables import module_header
from tui_connector.sandbox.seed.model import NUMBER

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

    from tui_connector.sandbox.anaplan.objects import ModuleObject
    from tui_connector.sandbox.anaplan.settings import AnaplanSettings
    from tui_connector.sandbox.seed.model import ControlSeed

CENT = Decimal("0.01")
SHIFTED = 4  # where a value is left out: the cost center of a plan line
GERMAN = str.maketrans(",.", ".,")


def export_records(
    rows: Iterable[list[str]],
    module: ModuleObject,
    control: ControlSeed | None,
    settings: AnaplanSettings,
    hidden: Container[tuple[str, ...]] = (),
) -> Iterator[list[str]]:
    """What is written below the header, numbers in the form that the switch says; `hidden` are first columns."""
    if settings.export_header_only:
        return
    numbers = [at for at, one in enumerate(module.line_items, len(module.lead)) if one.format == NUMBER]
    records = _without_last(_records(rows, module, control, settings, hidden), settings.export_truncate_rows)
    for number, record in enumerate(records):
        for at in numbers:
            record[at] = show_number(record[at], settings.export_number_format)
        if settings.export_shift_column and number == 0:
            del record[SHIFTED]
        yield record


def _records(
    rows: Iterable[list[str]],
    module: ModuleObject,
    control: ControlSeed | None,
    settings: AnaplanSettings,
    hidden: Container[tuple[str, ...]],
) -> Iterator[list[str]]:
    width = len(module.lead)
    totals = ControlTotals(module, control) if control else None
    for number, row in enumerate(rows):
        if totals:
            totals.add(row)
        if number >= settings.export_hide_rows and tuple(row[:width]) not in hidden:
            yield row
    if totals:
        yield from totals.lines(CENT if settings.export_control_off else Decimal(0))


def _without_last(records: Iterator[list[str]], count: int) -> Iterator[list[str]]:
    held: deque[list[str]] = deque()
    for record in records:
        held.append(record)
        if len(held) > count:
            yield held.popleft()


class ControlTotals:
    """Exact sums over the rows of an export, by the value of one of their columns."""

    def __init__(self, module: ModuleObject, control: ControlSeed) -> None:
        header = module_header(module)
        self._width = len(header)
        self._by = header.index(control.by)
        self._sums = [header.index(name) for name in control.sums]
        self._totals: dict[str, list[Decimal]] = {}

    def add(self, row: list[str]) -> None:
        """Count one row in."""
        totals = self._totals.setdefault(row[self._by], [Decimal(0)] * len(self._sums))
        for place, at in enumerate(self._sums):
            totals[place] += Decimal(row[at])

    def lines(self, off: Decimal) -> Iterator[list[str]]:
        """The control lines, all other cells blank; the first sum of the first one is wrong by `off`."""
        for value, totals in self._totals.items():
            name = f"TOTAL {value}"  # a summary item, whose code is its name
            line = [name, name, *[""] * (self._width - 2)]
            for at, total in zip(self._sums, totals, strict=True):
                line[at] = plain_number(format(total + off, "f"))
                off = Decimal(0)
            yield line


def show_number(text: str, form: str) -> str:
    """A number as it is written: plain, german (1.234,5) or exponent (1.2345E+3)."""
    if not text or form == "plain":
        return text
    number = Decimal(text)
    return f"{number:,f}".translate(GERMAN) if form == "german" else f"{number:E}"
