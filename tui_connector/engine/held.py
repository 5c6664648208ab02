"""What a module itself holds of single records: the rows of its view, cell by cell beside what SAP holds."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from tui_connector.anaplan import discovery
from tui_connector.anaplan.dimensions import members_called, members_of, row_dimensions
from tui_connector.anaplan.reading import read_view
from tui_connector.domain.explanation import Held, Text
from tui_connector.domain.text import clean
from tui_connector.domain.tie import Total
from tui_connector.engine.scopes import ZERO, number, plus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from tui_connector.anaplan.client import AnaplanClient
    from tui_connector.domain.flow import Column, LoadFlow
    from tui_connector.domain.tie import Scope

Row = tuple[str, ...]
Members = dict[str, dict[str, str]]  # by list, names by code
_TEXT = 80
_BLANK = frozenset({"", "0", "false"})  # how cells are shown that hold nothing
_BEYOND = 500  # rows told that SAP does not hold


@dataclass(slots=True)
class InModule:
    """What was found. held: by code, of the records asked for. counted: rows of the cell; beyond: those not known."""

    held: dict[str, Held] = field(default_factory=dict)
    counted: Total = ZERO
    beyond: list[tuple[str, Decimal]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CellAsked:
    """A cell whose rows are looked for. known: codes of SAP's records in it; None when there are too many to tell."""

    scope: Scope
    known: AbstractSet[str] | None


async def look_into(
    anaplan: AnaplanClient, flow: LoadFlow, rows: Mapping[str, Row], cell: CellAsked | None = None
) -> InModule:
    """Read the flow's module once, row by row. rows: what SAP holds by a record's code, as the flow's columns.

    Raises ConnectorError when the module cannot be read.
    """
    view: _View | None = None
    found, shown = InModule(), dict[str, Row]()
    async with aclosing(read_view(anaplan, flow.target_module)) as lines:
        async for line in lines:
            if view is None:
                codes = rows.keys() | (cell.known or set() if cell else set())
                view = _View(line, flow, await _labels(anaplan, flow, line, codes))
                continue
            code = view.code(line)
            if code in rows:
                shown[code] = tuple(line)
            if cell is not None and view.scope(line) == cell.scope:
                amount = view.amount(line) or Decimal(0)
                found.counted = plus(found.counted, Total(1, amount))
                if cell.known is not None and code not in cell.known and len(found.beyond) < _BEYOND:
                    found.beyond.append((code, amount))
    assert view is not None  # noqa: S101 - a view without a header is refused where it is read
    members = await _members(anaplan, view, rows, shown)
    for code, ours in rows.items():
        theirs = shown.get(code)
        found.held[code] = Held(False) if theirs is None else view.held(ours, theirs, members)
    return found


class _View:
    """Where the columns of a flow stand in the module's view. labels: codes by what the view shows in their place."""

    def __init__(self, header: Sequence[str], flow: LoadFlow, labels: Mapping[str, str]) -> None:
        places = {name: at for at, name in enumerate(header)}
        self.columns = [
            (at, column, places[column.header])
            for at, column in enumerate(flow.columns)
            if at and column.header in places
        ]
        taken = {place for _, _, place in self.columns}
        leads = [at for at in range(len(header)) if at not in taken]
        self._code = places.get(flow.columns[0].header, leads[0] if leads else 0)
        self._labels, self._name, totals = labels, flow.target_module, flow.totals
        self._by = [places.get(one) for one in totals.by] if totals else []
        self._amount = places.get(totals.amount) if totals else None

    def code(self, line: Sequence[str]) -> str:
        shown = _at(line, self._code)
        return self._labels.get(shown, shown)

    def scope(self, line: Sequence[str]) -> Scope:
        """() where the module does not hold every part of a scope."""
        return () if None in self._by else tuple(_at(line, at) for at in self._by)

    def amount(self, line: Sequence[str]) -> Decimal | None:
        return None if self._amount is None else number(_at(line, self._amount), self._name)

    def held(self, ours: Row, theirs: Row, members: Members) -> Held:
        if all(_at(theirs, place) in _BLANK for _, _, place in self.columns):
            return Held(False)  # a view has a row for each member of the list, whether anything was loaded or not
        cells = tuple(_compared(column, ours[at], _at(theirs, place), members) for at, column, place in self.columns)
        return Held(True, self.amount(theirs), cells)


def _at(line: Sequence[str], place: int | None) -> str:
    return line[place] if place is not None and place < len(line) else ""


def _compared(column: Column, ours: str, theirs: str, members: Members) -> Text:
    same = _same(column.type, ours.strip(), theirs.strip())
    if column.member_of and ours and theirs and not same:
        same = _same_member(ours.strip(), theirs.strip(), members.get(column.member_of, {}))
    return Text(column.header, same, clean(ours, limit=_TEXT), clean(theirs, limit=_TEXT))


def _same_member(ours: str, shown: str, members: Mapping[str, str]) -> bool | None:
    """Whether a cell shows the member of this code; None where it shows neither a code nor a name that is known."""
    if members.get(ours) == shown:
        return True
    return False if shown in members or shown in members.values() else None


def _same(type_: type, ours: str, theirs: str) -> bool | None:
    """Whether both say the same; None where it is Anaplan's own way of writing that nobody tells."""
    if ours == theirs:
        return True
    try:
        if type_ is Decimal:
            return Decimal(ours or 0) == Decimal(theirs or 0)
        if type_ is date:
            return bool(ours) and bool(theirs) and date.fromisoformat(ours) == date.fromisoformat(theirs)
    except (InvalidOperation, ValueError):
        return None
    return (ours or "false").casefold() == (theirs or "false").casefold() if type_ is bool else False


async def _labels(
    anaplan: AnaplanClient, flow: LoadFlow, header: Sequence[str], codes: Iterable[str]
) -> dict[str, str]:
    """Codes by what the members are called, where a view tells no codes."""
    if flow.columns[0].header in header:
        return {}
    told: dict[str, str] = {}
    for dimension in await row_dimensions(anaplan, flow.target_module):
        told |= {name: code for code, name in (await members_of(anaplan, dimension, codes)).items()}
    return told


async def _members(anaplan: AnaplanClient, view: _View, rows: Mapping[str, Row], shown: Mapping[str, Row]) -> Members:
    """The lists' members that cells show in another way than by the code that SAP has."""
    codes, texts = dict[str, set[str]](), dict[str, set[str]]()
    for code, theirs in shown.items():
        for at, column, place in view.columns:
            ours, text = rows[code][at], _at(theirs, place).strip()
            if column.member_of and ours and text not in {"", ours}:
                codes.setdefault(column.member_of, set()).update((ours, text))
                texts.setdefault(column.member_of, set()).add(text)
    found: Members = {}
    for name, wanted in codes.items():
        dimension = (await discovery.find_list(anaplan, name)).id
        members = await members_of(anaplan, dimension, wanted)
        found[name] = await members_called(anaplan, dimension, texts[name]) | members
    return found
