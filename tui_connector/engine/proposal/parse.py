"""Strict reading of a plan's export: every record is checked, nothing is guessed, and what is wrong is named by row."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from tui_connector.domain.errors import ContractChangedError
from tui_connector.domain.flow import ColumnSignal, JournalField
from tui_connector.domain.ledger import FiscalPeriod, same_number
from tui_connector.domain.proposal import Gate, Verdict
from tui_connector.domain.text import clean
from tui_connector.engine.proposal.amounts import EXACT, settled, shown
from tui_connector.engine.proposal.cells import CURRENCY, CellError, Cells
from tui_connector.engine.proposal.header import checked_header

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from datetime import date

    from tui_connector.domain.flow import ControlTotal, WritebackFlow

MAX_FAULTS = 20
SHOWN = 3
_HEADER_ROW = 1
_LAST = "Let the control lines come last in the export."


class PlanRow(NamedTuple):
    """One approved row of the plan. row: record in the export, the header being 1. amount: debit positive.

    Accounts and centers stand as exported. source: digest of the mapped cells as they stand in the export.
    """

    row: int
    key: str
    company_code: str
    gl_account: str
    cost_center: str
    profit_center: str
    posting_date: date
    currency: str
    amount: Decimal
    text: str
    group: str
    source: str


class Total(NamedTuple):
    """Sum of amounts without their signs, and how many there are."""

    gross: Decimal
    rows: int

    def plus(self, amount: Decimal, rows: int = 1) -> Total:
        return Total(EXACT.add(self.gross, amount.copy_abs()), self.rows + rows)


NOTHING = Total(Decimal(0), 0)


class ControlLine(NamedTuple):
    """A line of the export that holds totals. currency: "" when it does not name one."""

    row: int
    currency: str
    total: Total


@dataclass(frozen=True, slots=True)
class Plan:
    """An export as read. rows: the approved ones. waiting: how many are not, and waiting_keys: which.

    control: its control lines. totals: by currency, over all rows, approved or not. records: all rows, without header
    and control lines. approved_by, approved_at: as the approved rows tell.
    """

    rows: list[PlanRow] = field(repr=False)  # a task's representation holds that of its result
    control: tuple[ControlLine, ...]
    totals: dict[str, Total]
    waiting: int
    waiting_keys: frozenset[str] = field(repr=False)
    approved_by: str
    approved_at: str
    records: int


async def read_plan(
    records: AsyncIterator[list[str]],
    flow: WritebackFlow,
    header_names: Sequence[str],
    *,
    approved: bool | None = None,
) -> Plan:
    """Read an export, its header first. approved: whether the whole plan is, where no column of it tells.

    Raises:
        ContractChangedError: columns are missing or renamed, the export is truncated, or rows are not as they must be;
            up to 20 of these are collected, and the first three named.
    """
    header = await anext(records, None)
    if header is None:
        raise ContractChangedError(
            f'The export "{flow.export}" is empty, without a header.',
            hint="Run the export in Anaplan as the connector's user and look at what it writes.",
        )
    reader = _Reader(flow, checked_header(flow, header, header_names), approved=approved is True)
    row = _HEADER_ROW
    async for record in records:
        row += 1
        reader.take(row, record)
        if reader.full:
            break
    return reader.finish()


def control_gate(flow: WritebackFlow, plan: Plan) -> Gate:
    """Whether the export's control lines agree with all of its rows; a line that names no currency covers them all."""
    if flow.control is None:
        words = "no control total is declared, so that nobody can tell whether the export is whole"
        return Gate("control total", Verdict.ASK, words)
    found = [*_differences(plan), *_uncovered(plan)]
    if found:
        more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        return Gate("control total", Verdict.FAIL, "; ".join(found[:SHOWN]) + more)
    gross = ", ".join(shown(total.gross, currency) for currency, total in sorted(plan.totals.items()))
    return Gate(
        "control total", Verdict.PASS, f"{_rows(plan.records)}, {gross or 'no amount'} gross, as the export says"
    )


def _differences(plan: Plan) -> Iterator[str]:
    for line in plan.control:
        total = _covered(plan, line)
        name = f"control line {line.currency}".strip()
        if total.gross != line.total.gross:
            said, off = line.total.gross, EXACT.subtract(total.gross, line.total.gross)
            yield f"{name} says {said:,f} gross, the rows add up to {total.gross:,f}: difference {off:+,f}"
        if total.rows != line.total.rows:
            yield (
                f"{name} counts {line.total.rows:,}, but {_rows(total.rows)} came: "
                "often the user may not see all of them"
            )


def _uncovered(plan: Plan) -> Iterator[str]:
    if not any(_covers_all(plan, line) for line in plan.control):
        for currency in sorted(plan.totals.keys() - {line.currency for line in plan.control}):
            yield f"no control line covers {currency}"


def _covers_all(plan: Plan, line: ControlLine) -> bool:
    # ALL is also the currency of Albania.
    return line.currency in ("", "ALL") and line.currency not in plan.totals


def _covered(plan: Plan, line: ControlLine) -> Total:
    if not _covers_all(plan, line):
        return plan.totals.get(line.currency, NOTHING)
    whole = NOTHING
    for total in plan.totals.values():
        whole = whole.plus(total.gross, total.rows)
    return whole


def _rows(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"


class _Reader:
    """Takes the records of one export, one after the other."""

    def __init__(self, flow: WritebackFlow, header: list[str], *, approved: bool) -> None:
        self._flow = flow
        self._width = len(header)
        self._cells = Cells(flow, header)
        self._approved = approved
        self._signal = flow.approval if isinstance(flow.approval, ColumnSignal) else None
        self._by_at: tuple[set[str], set[str]] = (set(), set())
        self._places = {name: place for place, name in enumerate(header)}
        self._rows: list[PlanRow] = []
        self._control: list[ControlLine] = []
        self._totals: dict[str, Total] = {}
        self._keys: dict[str, int] = {}
        self._waiting: set[str] = set()
        self._faults: list[str] = []
        self._hints: list[str] = []

    @property
    def full(self) -> bool:
        return len(self._faults) == MAX_FAULTS

    def take(self, row: int, record: list[str]) -> None:
        """Take one record, or note what is wrong with it."""
        control = self._flow.control
        try:
            if len(record) != self._width:
                what = f"it has {len(record)} fields, the header {self._width}: a blank value may have shifted them"
                self._refuse(row, what, "Let the export write blank cells too, with a text qualifier.")
            elif control and self._cell(control.column, record).startswith(control.begins):
                self._control.append(self._control_line(control, row, record))
            elif self._control:
                self._refuse(row, f"it comes after the control line of row {self._control[-1].row}", _LAST)
            else:
                self._take_row(row, record)
        except CellError as fault:
            self._refuse(row, str(fault), fault.hint)

    def finish(self) -> Plan:
        """The plan, when no row was at fault and the export is whole."""
        flow = self._flow
        if self._faults:
            count = f"{len(self._faults)}{' or more' if self.full else ''} faults" if self._faults[1:] else "a fault"
            raise ContractChangedError(
                f'The export "{flow.export}" has {count}: {"; ".join(self._faults[:SHOWN])}.',
                hint=" ".join(dict.fromkeys(self._hints[:SHOWN])),
            )
        records = len(self._keys)
        if not records and not self._control:
            raise ContractChangedError(
                f'The export "{flow.export}" holds a header only.',
                hint="Often the user may not see the rows: look at its role and selective access in Anaplan.",
            )
        if flow.control and not self._control:
            raise ContractChangedError(
                f'The export "{flow.export}" is truncated: after {_rows(records)} no control line '
                f'"{flow.control.begins}" came in column "{flow.control.column}".',
                hint="Run the flow again; if this stays, let the model builder put the control lines back.",
            )
        by, at = map(_joined, self._by_at)
        waiting = frozenset(self._waiting)
        return Plan(self._rows, tuple(self._control), self._totals, len(waiting), waiting, by, at, records)

    def _refuse(self, row: int, what: str, hint: str) -> None:
        self._faults.append(f"row {row}, {what}")
        self._hints.append(hint)

    def _take_row(self, row: int, record: list[str]) -> None:
        cells = self._cells
        company_code = cells.code(JournalField.COMPANY_CODE, record)
        gl_account = cells.code(JournalField.GL_ACCOUNT, record)
        cost_center = cells.code(JournalField.COST_CENTER, record)
        profit_center = cells.code(JournalField.PROFIT_CENTER, record)
        currency = cells.code(JournalField.CURRENCY, record)
        group = cells.code(JournalField.GROUP, record)
        posting_date = cells.date(record)
        amount = settled(cells.amount(record), currency)
        text = cells.text(record)
        if cells.has(JournalField.KEY):
            key = cells.key(record)
        else:
            period = FiscalPeriod.of(posting_date, self._flow.first_month.get(company_code, 1))
            numbers = map(same_number, (gl_account, cost_center, profit_center))
            key = "|".join((company_code, *numbers, currency, str(period)))
        first = self._keys.setdefault(key, row)
        if first != row:
            self._refuse(
                row, f"it has the key {key!r} that row {first} has", "Let each row of the export have a key of its own."
            )
            return
        self._totals[currency] = self._totals.get(currency, NOTHING).plus(amount)
        if not self._is_approved(record):
            self._waiting.add(key)
            return
        self._rows.append(
            PlanRow(
                row, key, company_code, gl_account, cost_center, profit_center, posting_date, currency, amount, text,
                group, cells.source(record),
            )
        )  # fmt: skip

    def _is_approved(self, record: list[str]) -> bool:
        if self._signal is None:
            return self._approved
        if self._cell(self._signal.column, record) != self._signal.value:
            return False
        for found, name in zip(self._by_at, (self._signal.by, self._signal.at), strict=True):
            if name:
                found.add(self._cell(name, record))
        return True

    def _control_line(self, control: ControlTotal, row: int, record: list[str]) -> ControlLine:
        gross = self._cells.numbers.read(control.gross, self._cell(control.gross, record))
        count = self._cells.numbers.read(control.count, self._cell(control.count, record))
        if gross < 0 or count < 0 or count != int(count):
            raise CellError(control.count, f"holds {count}, with {gross} gross", "Look at the control line in Anaplan.")
        rest = self._cell(control.column, record).removeprefix(control.begins).strip()
        told = self._cells.raw(JournalField.CURRENCY, record) or rest
        return ControlLine(row, told if CURRENCY.fullmatch(told) else "", Total(gross, int(count)))

    def _cell(self, name: str, record: list[str]) -> str:
        return record[self._places[name]].strip()


def _joined(told: set[str]) -> str:
    names = sorted(filter(None, told))
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return clean(", ".join(names[:SHOWN]), limit=200) + more
