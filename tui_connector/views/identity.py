"""Where a proposal comes from and where it goes, and how its gates stand now for the person here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from tui_connector.approval.keys import KeyFile
from tui_connector.domain.errors import ConfigError, RefusedError
from tui_connector.domain.flow import WritebackFlow
from tui_connector.domain.ledger import FiscalPeriod
from tui_connector.domain.proposal import Verdict, short_fingerprint
from tui_connector.domain.text import clean
from tui_connector.review.amounts import counted, listed
from tui_connector.views.approvals import target
from tui_connector.views.marks import Mark
from tui_connector.views.people import names
from tui_connector.views.words import actor, age, moment, sentence, until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tui_connector.domain.proposal import Approval, Gate, Proposal
    from tui_connector.store.proposals import DocumentGroup
    from tui_connector.views.desk import Desk

_MARKS = {
    Verdict.PASS: Mark("✓", "passes", "ok"),
    Verdict.ASK: Mark("▲", "asks", "warn"),
    Verdict.FAIL: Mark("✗", "closed", "fail"),
}
FOUR_EYES = "four eyes"


class Fact(NamedTuple):
    """A label and its value; strong: one of the few words that must not be missed."""

    label: str
    text: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """A few facts under one title."""

    title: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class GateRow:
    """One gate as it stands now. words: what it found; lines: numbers of the lines concerned, count: of how many."""

    name: str
    verdict: Verdict
    words: str
    lines: tuple[int, ...] = ()
    count: int = 0

    @property
    def mark(self) -> Mark:
        return _MARKS[self.verdict]

    @property
    def told(self) -> str:
        """Its words with the lines they are about."""
        if not self.lines:
            return clean(self.words)
        more = f" and {self.count - len(self.lines):,} more" if self.count > len(self.lines) else ""
        return clean(f"{self.words} ({'line' if self.count == 1 else 'lines'} {', '.join(map(str, self.lines))}{more})")


def flow_of(desk: Desk, proposal: Proposal) -> WritebackFlow | None:
    """The flow that made a proposal, when it is configured still."""
    found = (one for one in desk.flows if one.name == proposal.flow and isinstance(one, WritebackFlow))
    return next(found, None)


def panels(desk: Desk, proposal: Proposal, outline: Sequence[DocumentGroup]) -> tuple[Panel, Panel, Panel]:
    """Proposal, From Anaplan, Into SAP."""
    return (
        Panel("Proposal", tuple(_made(desk, proposal))),
        Panel("From Anaplan", tuple(_from_anaplan(desk, proposal))),
        Panel("Into SAP", tuple(_into_sap(desk, proposal, outline))),
    )


def gates(desk: Desk, proposal: Proposal, approvals: Sequence[Approval]) -> tuple[GateRow, ...]:
    """The gates as they were judged, and those that can be judged without a tenant as they stand now."""
    now, flow = desk.clock.now(), flow_of(desk, proposal)
    rows = [GateRow(one.name, one.verdict, _words(one), one.lines, one.count) for one in proposal.gates]
    if proposal.state.undecided:
        exported = proposal.origin.exported_at
        if flow is not None and exported and not proposal.head.reverses:
            old = now - exported
            fresh = old < timedelta(minutes=flow.fresh_minutes)
            words = f"the export is {age(old)} old, {flow.fresh_minutes:,g} min are allowed"
            rows = [
                GateRow(one.name, Verdict.PASS if fresh else Verdict.FAIL, words) if one.name == "export fresh" else one
                for one in rows
            ]
        rows.append(_four_eyes(desk, proposal, approvals))
        if now >= proposal.expires_at:
            over = f"it expired at {until(proposal.expires_at, now, desk.zone)}; the flow has to propose again"
            rows.append(GateRow("in time", Verdict.FAIL, over))
    return tuple(rows)


def _words(gate: Gate) -> str:
    """Its words; of limits only those that are reached, when any is."""
    if gate.verdict is Verdict.PASS or gate.name != "threshold":
        return gate.words
    reached = [part for part in gate.words.split("; ") if ", below " not in part]
    return "; ".join(reached) or gate.words


def gates_note(rows: Sequence[GateRow]) -> str:
    """How many pass, ask and are closed."""
    count = {verdict: sum(row.verdict is verdict for row in rows) for verdict in Verdict}
    parts = [f"{count[Verdict.PASS]} {'passes' if count[Verdict.PASS] == 1 else 'pass'}"]
    if count[Verdict.ASK]:
        parts.append(f"{count[Verdict.ASK]} {'asks' if count[Verdict.ASK] == 1 else 'ask'} for a second approver")
    if count[Verdict.FAIL]:
        parts.append(f"{count[Verdict.FAIL]} {'is' if count[Verdict.FAIL] == 1 else 'are'} closed")
    return ", ".join(parts)


def gates_said(proposal: Proposal, rows: Sequence[GateRow], approvals: Sequence[Approval]) -> tuple[str, ...]:
    """A sentence for each gate that does not simply pass; the first of those that ask tells which signature is next."""
    said = [f"{row.name}: {row.told}" for row in rows if row.verdict is Verdict.FAIL]
    asking = [row for row in rows if row.verdict is Verdict.ASK]
    for at, row in enumerate(asking):
        told = row.told if len(asking) == 1 and not said else f"{row.name}: {row.told}"
        said.append(sentence(told) + ("" if at or not proposal.state.undecided else f" {_next(approvals)}"))
    return tuple(map(sentence, said))


def _next(approvals: Sequence[Approval]) -> str:
    if not approvals:
        return "You would be the first."
    return f"{listed(clean(one.name) for one in approvals)} signed first, you would be the second."


def _four_eyes(desk: Desk, proposal: Proposal, approvals: Sequence[Approval]) -> GateRow:
    """Whether the person here may sign, as far as that is known before anything is typed."""
    acts = desk.acts
    if acts is None or not acts.approver_key.exists():
        if proposal.author == desk.person:
            return GateRow(FOUR_EYES, Verdict.FAIL, "you made it: another person has to approve it")
        if any(desk.person in (one.by, one.user) for one in approvals):
            return GateRow(FOUR_EYES, Verdict.FAIL, "you signed it: another approver has to sign")
        return GateRow(FOUR_EYES, Verdict.PASS, "you did not make it")
    try:
        acts.decisions.check_person(proposal, KeyFile(acts.approver_key, clock=desk.clock).public(), desk.person)
    except (RefusedError, ConfigError) as error:
        return GateRow(FOUR_EYES, Verdict.FAIL, f"{error.message.rstrip('.')}; {error.hint}")
    return GateRow(FOUR_EYES, Verdict.PASS, "you did not make it and have not signed it")


def _made(desk: Desk, proposal: Proposal) -> Iterator[Fact]:
    now, called = desk.clock.now(), names(desk)
    yield Fact("fingerprint", proposal.short, strong=True)
    yield Fact("prepared", f"{moment(proposal.made_at, now, desk.zone)} by {actor(proposal.author, called)}")
    yield Fact("mode", f"{proposal.head.mode}, rules {short_fingerprint(proposal.head.mapping)}")
    left = proposal.expires_at - now
    when = until(proposal.expires_at, now, desk.zone)
    if not proposal.state.undecided:
        yield Fact("state", proposal.state.value)
    elif left > timedelta():
        yield Fact("expires", f"{when}, in {age(left)}")
    else:
        yield Fact("expired", f"{when}, {age(-left)} ago")


def _from_anaplan(desk: Desk, proposal: Proposal) -> Iterator[Fact]:
    now, origin, head = desk.clock.now(), proposal.origin, proposal.head
    yield Fact("model", clean(origin.model_name or head.model_id))
    yield Fact("export", f"{counted(origin.rows, 'row')}, {clean(origin.export_name or head.export)}")
    approved = " by ".join(part for part in (_as_told(desk, origin.approved_at), clean(origin.approved_by)) if part)
    yield Fact("approved", approved or "the plan names no approver")
    if origin.exported_at is None:
        yield Fact("exported", "nobody knows when")
        return
    told = moment(origin.exported_at, now, desk.zone)
    told += f", {age(now - origin.exported_at)} old" if proposal.state.undecided else ""
    yield Fact("exported", told + (f", run {proposal.run_id}" if proposal.run_id and proposal.parent is None else ""))


def _as_told(desk: Desk, text: str) -> str:
    """A moment as the plan tells it, shortened as others are; its zone is the plan's own."""
    try:
        told = datetime.fromisoformat(text.strip())
    except ValueError:
        return clean(text)
    day = told.replace(tzinfo=told.tzinfo or desk.zone)
    return moment(day, desk.clock.now(), desk.zone) if ":" in text else told.date().isoformat()


def _into_sap(desk: Desk, proposal: Proposal, outline: Sequence[DocumentGroup]) -> Iterator[Fact]:
    yield Fact("ledger", target(proposal), strong=True)
    yield Fact("system", clean(urlsplit(proposal.head.sap).netloc or proposal.head.sap))
    days = sorted({one.posting_date for one in outline})
    types = sorted({clean(one.document_type) for one in outline})
    told = "nothing to post"
    if days:
        told = days[0].isoformat() if len(days) == 1 else f"{days[0]} to {days[-1]}"
        told += f", type {listed(types)}"
    yield Fact("posting", told)
    yield Fact("period", periods_of(desk, proposal, outline))


def periods_of(desk: Desk, proposal: Proposal, outline: Sequence[DocumentGroup]) -> str:
    """The posting periods with how they stand: 011/2026, open."""
    flow = flow_of(desk, proposal)
    months = flow.first_month if flow else {}
    gate = next((one for one in proposal.gates if one.name == "period open"), None)
    found: dict[tuple[FiscalPeriod, str], list[str]] = {}
    for code, day in sorted({(one.company_code, one.posting_date) for one in outline}):
        period = FiscalPeriod.of(day, months.get(code, 1))
        known = desk.store.periods.get(code, period)
        found.setdefault((period, known.status.value if known else _unset(gate)), []).append(clean(code))
    if len(found) == 1:
        ((period, status),) = found
        return f"{period}, {status}" if status else str(period)
    return ", ".join(f"{period} {status} in {listed(codes)}" for (period, status), codes in found.items()) or "–"


def _unset(gate: Gate | None) -> str:
    """How a period stands that the calendar does not name: as the gate took it."""
    return "open" if gate is not None and gate.verdict is Verdict.PASS else ""
