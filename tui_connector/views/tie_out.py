"""A run's tie-out in words: the verdict, the figures hop by hop, and the scopes that differ, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tui_connector.domain.errors import ConfigError
from tui_connector.domain.flow import LoadFlow
from tui_connector.domain.run import Purpose
from tui_connector.domain.text import clean
from tui_connector.domain.tie import Difference, Hop, Total, Verdict
from tui_connector.review.amounts import ABSENT, counted, listed, money, signed
from tui_connector.views.marks import Mark
from tui_connector.views.numbered import PAGE, NumberedList
from tui_connector.views.runs import NOT_TIED
from tui_connector.views.words import figure, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from tui_connector.domain.flow import Flow
    from tui_connector.domain.run import Run
    from tui_connector.domain.tie import Tie
    from tui_connector.store.store import Store
    from tui_connector.store.ties import Ties
    from tui_connector.views.desk import Desk

MARKS = {
    Verdict.TIED: Mark("✓", "tied", "ok"),
    Verdict.NOT_TIED: NOT_TIED,
    Verdict.UNVERIFIED: Mark("–", "unverified", "muted"),
}
HOPS = {
    Hop.READ: "read", Hop.STAGED: "staged", Hop.LEFT: "left out", Hop.UPLOADED: "uploaded", Hop.IMPORTED: "imported",
    Hop.SOURCE: "SAP asked again", Hop.READ_BACK: "read back", Hop.EXPORTED: "exported", Hop.PROPOSED: "proposed",
    Hop.POSTED: "posted",
}  # fmt: skip
NONE = "not tied out"
_FIRST = 5
_CURRENCY = "Currency"


@dataclass(frozen=True, slots=True)
class HopRow:
    """One hop. amounts: with their currency, one after the other; none where the hop sums none. gross: the amounts are
    told without the signs of their scopes.
    """

    name: str
    records: str
    amounts: tuple[tuple[str, str], ...]
    note: str
    gross: bool = False

    @property
    def words(self) -> str:
        """The row as one line."""
        amounts = listed(f"{amount} {currency}".strip() for amount, currency in self.amounts) if self.amounts else ""
        amounts += " gross" if amounts and self.gross else ""
        records = "" if self.records == ABSENT else f"{self.records} records"
        return f"{self.name}: {', '.join(part for part in (records, amounts, self.note) if part) or 'not told'}"


@dataclass(frozen=True, slots=True)
class DifferenceRow:
    """One scope that differs. parts: the scope's values. between: the two hops, by name. delta: of what differs.

    expected, found: amounts where they differ, else records; a dash for a scope that is not there.
    """

    number: int
    parts: tuple[str, ...]
    between: tuple[str, str]
    expected: str
    found: str
    delta: str
    currency: str
    words: str
    totals: tuple[Total | None, Total | None]

    @property
    def scope(self) -> str:
        """The scope's values on one line."""
        return "  ".join(self.parts)

    @property
    def told(self) -> str:
        """Both sides in full: records and amounts of either hop."""
        sides = zip(self.between, self.totals, strict=True)
        return "; ".join(f"{hop}: {_total(total, self.currency)}" for hop, total in sides)


@dataclass(frozen=True, slots=True)
class TieOut:
    """A run's tie-out. verdict: its mark. sentence: the same in words. more: what was set aside, in sentences.

    parts: what a scope is made of. differences: how many scopes differ. first: the first of them.
    """

    run: int
    flow: str
    mark: Mark
    sentence: str
    more: tuple[str, ...]
    parts: tuple[str, ...]
    hops: tuple[HopRow, ...]
    differences: int
    first: tuple[DifferenceRow, ...]

    @property
    def tied(self) -> bool:
        return self.mark is not NOT_TIED

    @property
    def counts(self) -> str:
        """The hops' records on one line: 12 read, 12 staged, ..."""
        return ", ".join(f"{hop.records} {hop.name}" for hop in self.hops if hop.records != ABSENT)


class DifferenceList(NumberedList[Difference, DifferenceRow]):
    """The scopes of a run that differ. currency: which part of a scope tells it."""

    def __init__(self, ties: Ties, run_id: int, currency: int | None = None, word: str = "") -> None:
        super().__init__(word)
        self._ties, self._run, self._currency = ties, run_id, currency

    def _page(self, after: int) -> Sequence[tuple[int, Difference]]:
        return self._ties.differences(self._run, after, PAGE)

    def _page_before(self, before: int | None) -> Sequence[tuple[int, Difference]]:
        return self._ties.differences_before(self._run, before, PAGE)

    def _row(self, number: int, kept: Difference) -> DifferenceRow:
        return _row(number, kept, self._currency)

    def _text(self, row: DifferenceRow) -> str:
        return f"{row.scope} {row.words}"


def read_tie(store: Store, run: Run, flow: Flow | None) -> TieOut | None:
    """The tie-out of a run; None when it has none."""
    tie = store.ties.get(run.id)
    if tie is None:
        return None
    found = differences_of(store, run.id, tie, flow)
    return TieOut(
        run.id, run.flow, MARKS[tie.verdict], clean(sentence(tie.words)), tuple(_more(tie)),
        tuple(map(clean, tie.parts)), tuple(_hops(tie)), tie.differences,
        tuple(found.after(None, _FIRST)) if tie.differences else (),
    )  # fmt: skip


def differences_of(store: Store, run_id: int, tie: Tie, flow: Flow | None, word: str = "") -> DifferenceList:
    """The scopes that differ in a run, with the currency of their amounts where the scope tells it."""
    totals = flow.totals if isinstance(flow, LoadFlow) else None
    name = totals.currency if totals else _CURRENCY
    return DifferenceList(store.ties, run_id, tie.parts.index(name) if name in tie.parts else None, word)


def find_tie(desk: Desk, run_id: int) -> TieOut:
    """The tie-out of a run; ConfigError when there is no such run, or it has none."""
    run = desk.store.runs.get(run_id)
    found = read_tie(desk.store, run, next((one for one in desk.flows if one.name == run.flow), None))
    if found is None:
        raise ConfigError(f"run {run_id} was {NONE}", hint=why_none(run))
    return found


def why_none(run: Run) -> str:
    """Why a run may have no tie-out."""
    if run.dry_run:
        return "It was a dry run: nothing was sent."
    if not run.state.ended:
        return "It has not ended yet: a load is tied out at its end."
    if run.purpose is Purpose.REPLAY:
        return "A replay asks nothing of SAP; the flow's next run is tied out."
    return "A load and a posting are tied out when they end well; this one was not."


def _more(tie: Tie) -> Iterator[str]:
    if tie.explained:
        are = "is" if tie.explained == 1 else "are"
        yield f"{counted(tie.explained, 'refused record')} {are} left out on either side."
    if tie.moving:
        yield f"{counted(tie.moving, 'scope')} left to the next run, since SAP changed meanwhile."


def _hops(tie: Tie) -> Iterator[HopRow]:
    """Sums of a ledger are told gross: its debits and credits are nothing together, whatever is missing."""
    gross = any(
        one.gross and one.amounts and any(one.gross[currency] != abs(net) for currency, net in one.amounts.items())
        for one in tie.hops
    )
    for one in tie.hops:
        shown = gross and one.gross is not None
        amounts = sorted(((one.gross if shown else one.amounts) or {}).items())
        told = tuple((money(amount, currency), clean(currency)) for currency, amount in amounts)
        yield HopRow(HOPS[one.hop], figure(one.records), told, clean(one.note), gross=shown)


def _row(number: int, one: Difference, currency_at: int | None) -> DifferenceRow:
    currency = one.scope[currency_at] if currency_at is not None and currency_at < len(one.scope) else ""
    wanted, found = one.expected, one.found
    amounts = wanted.amount if wanted else None, found.amount if found else None
    if _or_zero(amounts[0]) != _or_zero(amounts[1]):
        told = money(amounts[0], currency), money(amounts[1], currency)
        delta = signed(_or_zero(amounts[1]) - _or_zero(amounts[0]), currency)
    else:
        counts = (wanted.records if wanted else None), (found.records if found else None)
        told, by = (figure(counts[0]), figure(counts[1])), (counts[1] or 0) - (counts[0] or 0)
        delta = f"{by:+,}" if by else ABSENT
    between = HOPS[one.between[0]], HOPS[one.between[1]]
    return DifferenceRow(
        number, tuple(map(clean, one.scope)), between, *told, delta, clean(currency), clean(one.words), (wanted, found)
    )


def _or_zero(amount: Decimal | None) -> Decimal:
    return Decimal(0) if amount is None else amount


def _total(total: Total | None, currency: str) -> str:
    if total is None:
        return "nothing"
    records = counted(total.records, "record") if total.records is not None else ""
    amount = f"{money(total.amount, currency)} {currency}".strip() if total.amount is not None else ""
    return ", ".join(part for part in (records, amount) if part) or "not told"


def tie_lines(tie: TieOut) -> Iterator[str]:
    """The verdict and the hops in words, one fact a line."""
    yield f"Tie-out: {tie.mark.word}. {tie.sentence}"
    yield from tie.more
    yield from (f"Hop {hop.words}" for hop in tie.hops)


def difference_line(tie: TieOut, row: DifferenceRow) -> str:
    """One scope that differs, in words."""
    scope = ", ".join(f"{name} {value}" for name, value in zip(tie.parts, row.parts, strict=False)) or row.scope
    amount = row.delta if row.delta != ABSENT else ""
    delta = f"; difference {amount} {row.currency if '.' in amount else ''}".rstrip() if amount else ""
    return f"Difference {row.number}: {scope}: {row.told}{delta}" + (f"; {row.words}" if row.words else "")


def differences_lines(desk: Desk, run_id: int) -> Iterator[str]:
    """Every scope of a run that differs, as far as they are kept."""
    tie = find_tie(desk, run_id)
    yield f"Run {run_id} {tie.flow}: {tie.mark.word}. {tie.sentence}"
    shown = 0
    for shown, row in enumerate(all_differences(desk, run_id).each(), 1):  # noqa: B007 - counts
        yield difference_line(tie, row)
    if not tie.differences:
        yield "No scope differs."
    elif shown < tie.differences:
        yield f"{figure(tie.differences - shown)} more differ; only the first {figure(shown)} are kept."


def all_differences(desk: Desk, run_id: int, word: str = "") -> DifferenceList:
    """The scopes of a run that differ, those with a word in them alone."""
    run, tie = desk.store.runs.get(run_id), desk.store.ties.get(run_id)
    flow = next((one for one in desk.flows if one.name == run.flow), None)
    if tie is None:
        return DifferenceList(desk.store.ties, run_id)
    return differences_of(desk.store, run_id, tie, flow, word)


def how_tied(flow: LoadFlow) -> str:
    """How a flow is tied out, in words; of one that is not, the setting that would change it."""
    if flow.target_list:
        return f"by its codes in the list {flow.target_list}"
    totals = flow.totals
    if totals is None:
        setting = "target_list" if flow.lands_in == "lists" else "totals"
        return f"it is not: nobody can tell whether all of it arrived; {setting} in [flows.{flow.name}] changes that"
    kind = "view" if totals.view else "export"
    return f"by {' × '.join(totals.by)} in the {kind} {totals.place}"


def what_is_summed(flow: LoadFlow) -> str:
    """What a load of a module is compared by: the sum, and the count where the view has one."""
    if flow.totals is None or flow.target_list:
        return ""
    return f"the sum of {flow.totals.amount}" + (f" and the count in {flow.totals.count}" if flow.totals.count else "")


@dataclass(frozen=True, slots=True)
class FlowTie:
    """How a flow stands: the run that speaks for it, when that ended, and its verdict in words; None for none yet."""

    flow: str
    run: int | None
    verdict: Verdict | None
    at: datetime | None
    words: str
    how: str


def read_flow_ties(desk: Desk) -> list[FlowTie]:
    """Every load flow with how it stands."""
    found = []
    for flow in desk.flows:
        if not isinstance(flow, LoadFlow):
            continue
        number = desk.target(flow)
        last = None if number is None else desk.store.ties.standing(number)
        if last is None:
            found.append(FlowTie(flow.name, None, None, None, "", how_tied(flow)))
            continue
        run, tie = desk.store.runs.get(last[0]), desk.store.ties.get(last[0])
        words = clean(sentence(tie.words)) if tie else ""
        found.append(FlowTie(flow.name, run.id, last[1], run.ended_at, words, how_tied(flow)))
    return found


def describe_tie(tie: Tie, found: Sequence[tuple[int, Difference]] = ()) -> dict[str, Any]:
    """A tie-out as JSON, with those scopes that differ."""
    return {
        "verdict": tie.verdict.value, "words": tie.words, "parts": list(tie.parts),
        "hops": [
            {
                "hop": one.hop.value, "records": one.records, "amounts": _exact(one.amounts), "digest": one.digest,
                "note": one.note, "gross": _exact(one.gross), "sheet": one.sheet,
            }
            for one in tie.hops
        ],
        "differences": tie.differences, "explained": tie.explained, "moving": tie.moving,
        "found": [
            {
                "number": number, "scope": list(one.scope), "between": [hop.value for hop in one.between],
                "expected": side(one.expected), "found": side(one.found), "words": one.words,
            }
            for number, one in found
        ],
    }  # fmt: skip


def _exact(amounts: Mapping[str, Decimal] | None) -> dict[str, str] | None:
    return None if amounts is None else {currency: format(amount, "f") for currency, amount in amounts.items()}


def side(total: Total | None) -> dict[str, Any] | None:
    """Records and amount of a scope as JSON; None for one that is not there."""
    if total is None:
        return None
    return {"records": total.records, "amount": None if total.amount is None else format(total.amount, "f")}
