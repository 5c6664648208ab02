"""Causes of open rejects as rows: what was refused and why, what it is worth, and the next move in words."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from tui_connector.domain.case import Missing, Which
from tui_connector.domain.cause import Cause, CauseKind, cause_of, money_columns
from tui_connector.domain.flow import Landing, LoadFlow
from tui_connector.domain.reject_class import IN_PART
from tui_connector.domain.run import RunState
from tui_connector.domain.text import clean
from tui_connector.review.amounts import by_currency, counted, listed
from tui_connector.views.marks import Mark
from tui_connector.views.words import figure, moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from tui_connector.domain.case import CauseGroup
    from tui_connector.domain.record import Reject
    from tui_connector.views.desk import Desk

TO_REPLAY = Mark("▲", "can be replayed", "warn")
IN_SAP = Mark("✗", "to mend in SAP", "fail")
LET_BE = Mark("◇", "waived", "muted")
SUMMED = 50_000  # records whose amounts are added up for a screen, at most


@dataclass(frozen=True, slots=True)
class CauseRow:
    """One cause of one flow. words: the cause, cleaned. missing: None when there are too many to add up here.

    next: what helps, as a sentence.
    """

    group: CauseGroup
    cause: Cause
    words: str
    mark: Mark
    missing: Missing | None
    next: str

    @property
    def owner(self) -> str:
        """Who sees to these; "–" nobody."""
        return "several" if self.group.owner is None else clean(self.group.owner, limit=40) or "–"

    @property
    def seen_to(self) -> str:
        """The same as a clause; "" for nobody."""
        return "" if self.group.owner == "" else f"{self.owner} {'see' if self.group.owner is None else 'sees'} to it"

    @property
    def which(self) -> Which:
        """Which cases of this cause are meant."""
        return Which(waived=self.group.waived, owner=self.group.owned_by)

    @property
    def brief(self) -> str:
        """The cause for a list, without what a page tells beside it."""
        if self.cause.kind is not CauseKind.MEMBER:
            return self.words
        return f"{clean(self.cause.column, limit=60)} {clean(self.cause.value, limit=60)} is not in Anaplan"

    @property
    def amounts(self) -> str:
        """What is missing in Anaplan, gross, one amount a currency; "–" for records without any."""
        if self.missing is None:
            return "not summed"
        return by_currency(self.missing.gross) if self.missing.gross else "–"


def load_flows(desk: Desk) -> dict[int, LoadFlow]:
    """The configured load flows by the number of their present pair of tenants; those that never ran are left out."""
    found = ((desk.target(flow), flow) for flow in desk.flows if isinstance(flow, LoadFlow))
    return {number: flow for number, flow in found if number is not None}


def cause_rows(desk: Desk, flows: Mapping[int, LoadFlow], groups: Sequence[CauseGroup]) -> list[CauseRow]:
    """Groups as rows; what they are worth is added up from the values kept, as long as that stays quick."""
    samples = {one.place: one.reject for one in desk.store.cases.refusals([group.sample for group in groups])}
    rows, left = [], SUMMED
    for group in groups:
        flow, missing = flows[group.target_id], None
        if group.records <= left:
            missing, left = missing_of(desk, flow, group), left - group.records
        rows.append(_row(desk, flow, group, samples.get(group.sample), missing))
    return rows


def _row(desk: Desk, flow: LoadFlow, group: CauseGroup, sample: Reject | None, missing: Missing | None) -> CauseRow:
    cause = cause_of(flow, sample) if sample else Cause(CauseKind.ANAPLAN)
    if group.waived:
        mark, move = LET_BE, "A person lets it be; taking the waiver back opens it again."
    else:
        mark = TO_REPLAY if cause.replayable else IN_SAP
        in_part = group.cause.startswith(IN_PART)
        move = next_move(desk, flow, cause, group.records, group.since, in_part=in_part)
    words = clean(group.cause, limit=300) or "no cause was kept"
    return CauseRow(group, cause, words, mark, missing, move)


def missing_of(desk: Desk, flow: LoadFlow, group: CauseGroup) -> Missing:
    """What the records of a cause are worth; master data has no amounts to read."""
    if money_columns(flow) is None:
        return Missing({}, {}, 0)
    found = desk.store.cases.values(group.target_id, group.cause, Which(waived=group.waived, owner=group.owned_by))
    return total(flow, (values for _, values in found))


def total(flow: LoadFlow, records: Iterable[Mapping[str, str]]) -> Missing:
    """What records are worth together."""
    columns, unknown = money_columns(flow), 0
    debit, credit = dict[str, Decimal](), dict[str, Decimal]()
    for values in records if columns else ():
        found = columns.read(values) if columns else None
        if found is None:
            unknown += 1
            continue
        currency, zero = clean(found[1], limit=8), Decimal(0)
        debit[currency] = debit.get(currency, zero) + max(found[0], zero)
        credit[currency] = credit.get(currency, zero) - min(found[0], zero)
    return Missing.of(debit, credit, unknown)


def together(parts: Iterable[Missing]) -> Missing:
    """Several causes as one; each of their currencies apart."""
    debit, credit, unknown = dict[str, Decimal](), dict[str, Decimal](), 0
    for one in parts:
        unknown += one.unknown
        for currency, gross in one.gross.items():
            plus, minus = gross, gross - abs(one.net[currency])
            if one.net[currency] < 0:
                plus, minus = minus, plus
            debit[currency] = debit.get(currency, Decimal(0)) + plus
            credit[currency] = credit.get(currency, Decimal(0)) + minus
    return Missing.of(debit, credit, unknown)


def loader_of(desk: Desk, flow: LoadFlow, list_name: str) -> LoadFlow | None:
    """The flow that loads a list, of those that come before this one; None when its declaration does not tell."""
    before = [one for one in desk.flows if isinstance(one, LoadFlow) and one.lands_in is Landing.LISTS and one != flow]
    wanted = list_name.casefold()
    named = [one for one in before if wanted in (one.title.casefold(), one.name.replace("_", " ").casefold())]
    named += [one for one in before if (one.import_action or "").casefold().startswith(f"{wanted} from ")]
    return named[0] if named else None


def next_move(desk: Desk, flow: LoadFlow, cause: Cause, records: int, since: datetime, *, in_part: bool = False) -> str:
    """What a person does next, as far as the flows and the runs tell."""
    these = "it" if records == 1 else f"these {figure(records)}"
    match cause.kind:
        case CauseKind.MEMBER:
            loader = loader_of(desk, flow, cause.list)
            if loader is None:
                return f"Add {_value(cause)} to the list {clean(cause.list, limit=80)} in Anaplan, then replay {these}."
            loaded = loaded_since(desk, loader, since)
            if loaded:
                return f"{loaded}: replay {these}."
            return f"Run {loader.name}, then replay {these}."
        case CauseKind.VALUE | CauseKind.UNREADABLE:
            what = clean(cause.column, limit=80) or "the value"
            return f"Mend {what} in SAP: the next run of {flow.name} reads what changed there. Or waive {these}."
        case _ if not cause.replayable:
            return f"{cause.fix}: the next run of {flow.name} reads what changed there. Or waive {these}."
        case _:
            rest = "The rest of each record is in Anaplan. " if in_part else ""
            return f"{rest}{cause.fix}, then replay {these}."


def loaded_since(desk: Desk, loader: LoadFlow, since: datetime) -> str:
    """That the flow of a list has loaded something since, as a clause; "" when it has not."""
    run = desk.store.runs.latest(loader.name, RunState.DONE)
    if run is None or run.ended_at is None or run.ended_at <= since or not run.counts.loaded:
        return ""
    at = moment(run.ended_at, desk.clock.now(), desk.zone)
    return f"{loader.name} has loaded {counted(run.counts.loaded, 'record')} since ({at})"


def _value(cause: Cause) -> str:
    return clean(cause.value, limit=60) or "the member"


def told_missing(missing: Missing | None) -> str:
    """What is missing, for a sentence; "" when there is nothing to tell."""
    if missing is None or not (missing.gross or missing.unknown):
        return ""
    cancels = any(missing.gross[one] != abs(missing.net[one]) for one in missing.gross)
    parts = [by_currency(missing.gross) + (" gross" if cancels else "")] if missing.gross else []
    parts += [f"{counted(missing.unknown, 'record')} of unknown amount"] if missing.unknown else []
    return listed(parts)
