"""What an evidence pack comes to, gathered while it is written: sums, gaps, refusals, signatures, proofs, changes."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tui_connector.approval.keys import verify
from tui_connector.domain.audit import Fact
from tui_connector.domain.errors import AuthenticationError, ConfigError
from tui_connector.domain.flow import LoadFlow, WritebackFlow
from tui_connector.domain.ledger import FiscalPeriod
from tui_connector.domain.mapping import Mapping
from tui_connector.domain.proposal import Approval, DocumentState, ProposalState, short_fingerprint
from tui_connector.domain.run import Purpose, RunState
from tui_connector.domain.tie import Verdict
from tui_connector.review.amounts import by_currency, counted, money
from tui_connector.review.report_data import (
    BECAME,
    COUNTS,
    CauseRow,
    ChangeRow,
    DifferenceRow,
    DocumentRow,
    LoadRow,
    ProposalRow,
    RunRow,
    SignatureRow,
    TieRow,
    TotalRow,
)
from tui_connector.store.database import to_moment
from tui_connector.views import events
from tui_connector.views.gaps import Begun, Gaps, Times, find_gaps

if TYPE_CHECKING:
    from collections.abc import Mapping as AnyMapping
    from collections.abc import Sequence

    from tui_connector.store.evidence import KeptEvent, KeptProposal
    from tui_connector.views.desk import Desk
    from tui_connector.views.evidence_scope import Scope

MOST = 200  # rows of one table of the report; the members hold all
LONGEST = 62  # days of the plot of runs
_CHANGES = ("schedule", "credential", "key", "period", "store", "hold", "data")
_AGES = (timedelta(days=1), timedelta(days=7), timedelta(days=31))
_WORST = ("failed", "blocked", "not tied", "unexplained", "open", "rejected", "cancelled", "explained", "done")
_OVER = {ProposalState.REJECTED, ProposalState.SUPERSEDED, ProposalState.EXPIRED}
_SETTLED = {DocumentState.VERIFIED, DocumentState.REJECTED}


@dataclass(slots=True)
class Story:
    """Takes what is written, in the order of the members, and remembers no more than the report shows."""

    desk: Desk
    scope: Scope
    now: datetime
    names: AnyMapping[str, str]
    full: int = 0
    loads: dict[str, LoadRow] = field(default_factory=dict)
    totals: dict[tuple[str, str, str], TotalRow] = field(default_factory=dict)
    differences: list[DifferenceRow] = field(default_factory=list)
    causes: dict[tuple[str, str], CauseRow] = field(default_factory=dict)
    troubles: list[RunRow] = field(default_factory=list)
    proposals: list[ProposalRow] = field(default_factory=list)
    signatures: list[SignatureRow] = field(default_factory=list)
    documents: list[DocumentRow] = field(default_factory=list)
    changes: list[ChangeRow] = field(default_factory=list)
    change_facts: list[dict[str, Any]] = field(default_factory=list)
    marks: dict[str, dict[date, str]] = field(default_factory=lambda: defaultdict(dict))
    more: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    open_documents: int = 0
    different: int = 0
    times: Times = field(default_factory=Times)
    begun: Begun = field(default_factory=Begun)
    flow_of: dict[int, str] = field(default_factory=dict)
    _mapped: dict[str, Mapping] = field(default_factory=dict)
    _set: dict[str, dict[str, Any]] = field(default_factory=dict)
    _pending: dict[tuple[str, str, int | None], list[int]] = field(default_factory=lambda: defaultdict(list))

    # --- events -------------------------------------------------------------------------------------------------

    def event(self, event: KeptEvent) -> None:
        """One event that is in the pack with its data."""
        at, data = to_moment(event.at), json.loads(event.data or "{}")
        self.full += event.data is not None
        self.times.keep(event, at, str(data.get("reason", "")))
        if event.kind.partition(".")[0] in _CHANGES:
            fact = Fact(event.kind, event.actor, event.subject, data, event.run_id)
            self._changed(event, at, f"{events.mark_of(event.kind).word}: {events.text_of(fact)}")
        elif event.kind == "step.running" and event.subject.endswith("/prepare"):
            self._mapping(event, at, data)
        elif event.kind in {"worker.started", "worker.reconfigured"}:
            self._settings(event, at, data.get("flows") or {})

    def _mapping(self, event: KeptEvent, at: datetime, data: dict[str, Any]) -> None:
        flow, now = event.subject.partition("/")[0], Mapping.read(data)
        if now is None:
            return
        before = self._mapped.get(flow)
        self._mapped[flow] = now
        if before is not None and before.digest != now.digest:
            told = before.differences(now) or ["what is read or in which language"]
            self._changed(event, at, f"mapping of {flow}: {'; '.join(told)}; {before.digest[:8]} to {now.digest[:8]}")

    def _settings(self, event: KeptEvent, at: datetime, flows: dict[str, dict[str, Any]]) -> None:
        """How flows are set that a worker begins to serve, against what the one before was told."""
        before, self._set = self._set, flows or self._set
        told = list[str]()
        for name in sorted(before.keys() | flows.keys()) if before and flows else ():
            was, now = before.get(name), flows.get(name)
            if was is None or now is None:
                told.append(f"flow {name} is {'new' if was is None else 'gone'}")
            elif was != now:
                part = "schedule" if was["schedule"] != now["schedule"] else "settings"
                told.append(f"flow {name}: {part} {was[part] or 'none'} to {now[part] or 'none'}")
        if told:
            self._changed(event, at, "; ".join(told))

    def _changed(self, event: KeptEvent, at: datetime, what: str) -> None:
        self.changes.append(ChangeRow(event.seq, at, self.person(event.actor), what))
        self.change_facts.append(
            {
                "event": event.seq,
                "at": at,
                "by": event.actor,
                "kind": event.kind,
                "subject": event.subject,
                "what": what,
            }
        )

    # --- runs ---------------------------------------------------------------------------------------------------

    def run(self, run: dict[str, Any]) -> None:
        """One run; they come in the order of their numbers."""
        number, flow, state = run["run"], run["flow"], run["state"]
        self.flow_of[number] = flow
        asked, ended, purpose = run["requested_at"], run["ended_at"], run["purpose"]
        if purpose == Purpose.FLOW:
            self.begun.keep(flow, asked, ended)
        row = self.loads.setdefault(flow, LoadRow(flow))
        row.runs += 1
        row.failed += state in {RunState.FAILED, RunState.BLOCKED}
        if state == RunState.DONE and not run["dry_run"] and purpose in {Purpose.FLOW, Purpose.REPLAY}:
            row.counts.update({name: run[name] for name in COUNTS})
        if run["tie"]:
            row.ties[Verdict(run["tie"])] += 1
        kind = (flow, purpose, run["serves"])
        if state == RunState.DONE:
            self._mended(kind, number)
        else:
            self._pending[kind].append(len(self.troubles))
            self.troubles.append(RunRow(number, flow, asked, state, run["reason"], None))
        word = "not tied" if run["tie"] == Verdict.NOT_TIED else "open" if ended is None else state
        self._mark(flow, asked, "rejected" if word == "done" and run["rejected"] else word)

    def _mended(self, kind: tuple[str, str, int | None], number: int) -> None:
        for place in self._pending.pop(kind, ()):
            one = self.troubles[place]
            self.troubles[place] = RunRow(one.run, one.flow, one.at, one.state, one.reason, number)

    def _mark(self, flow: str, at: datetime, word: str) -> None:
        day = at.astimezone(self.desk.zone).date()
        before = self.marks[flow].get(day, "done")
        self.marks[flow][day] = min(before, word, key=_WORST.index)

    def find_gaps(self) -> Gaps:
        """Due moments without a run, in the time that the pack is about; and what later runs have mended."""
        for flow, purpose, proposal in list(self._pending):
            later = self.desk.store.runs.latest(flow, RunState.DONE, Purpose(purpose))
            if (
                later is not None
                and later.proposal == proposal
                and later.id > self.troubles[self._pending[flow, purpose, proposal][0]].run
            ):
                self._mended((flow, purpose, proposal), later.id)
        since, until = self.scope.since, self.scope.until
        if since is None or until is None:
            return Gaps((), {})
        for slot in self.desk.store.schedule.all().values():
            if slot.paused_at is not None and slot.paused_at < since:
                self.times.pauses[slot.flow].insert(
                    0, (slot.paused_at, None, f"paused by {slot.paused_by}: {slot.paused_why}")
                )
        born = self.desk.store.audit.event(1)
        begins = max(since, born.at) if born else since
        gaps = find_gaps(self.desk.timetables, begins, min(until, self.now), self.begun, self.times)
        for row in gaps.rows:
            for day in range((row.last - row.first).days + 1):
                at = min(row.first + timedelta(days=day), row.last)
                self._mark(row.flow, at, "explained" if row.explained else "unexplained")
        return gaps

    # --- ties and refusals --------------------------------------------------------------------------------------

    def tie(self, tie: dict[str, Any]) -> None:
        """One tie-out with its differences as they are kept."""
        flow = self.flow_of[tie["run"]]
        hops = {one["hop"]: _figures(one) for one in tie["told"]["hops"]}
        self.loads[flow].newest = TieRow(tie["run"], tie["verdict"], tie["words"], hops)
        self.more["differences"] += max(0, tie["told"]["differences"] - len(tie["differences"]))
        for scope, hop, other, *figures, words in tie["differences"]:
            if len(self.differences) >= MOST:
                self.more["differences"] += 1
                continue
            told = ", ".join(
                f"{part} {value}" for part, value in zip(tie["told"]["parts"], json.loads(scope), strict=False)
            )
            self.differences.append(
                DifferenceRow(
                    tie["run"], flow, told or ", ".join(json.loads(scope)), f"{hop} to {other}",
                    _total(*figures[:2]), _total(*figures[2:]), words,
                )
            )  # fmt: skip

    def refusal(self, refusal: dict[str, Any]) -> None:
        """One refusal and what became of it; a record's further refusals in the same run count with the first."""
        if refusal["part"] != 1:
            return
        flow, ended = self.flow_of.get(refusal["run"], ""), refusal["resolution"]
        row = self.causes.setdefault((flow, refusal["cause"]), CauseRow(flow, refusal["cause"]))
        became = ended["state"] if ended["state"] in BECAME else "void"
        if ended.get("again") and ended["again"][0] in self.flow_of:
            became = "again"
        row.became[became] += 1
        if became == "open":
            row.ages[sum(self.now - ended["since"] > age for age in _AGES)] += 1
        elif became == "waived":
            why = f"{self.person(ended['by'])}: {ended['reason']}"
            row.reasons[why] = row.reasons.get(why, 0) + 1

    # --- proposals ----------------------------------------------------------------------------------------------

    def proposal(self, kept: KeptProposal, documents: Sequence[tuple[list[Any], dict[str, Any]]]) -> None:
        """One proposal with its documents and signatures. documents: what never changes and where it stands."""
        name, state = f"P-{kept.row[0]:04}", ProposalState(kept.state)
        gross = {currency: Decimal(amount) for currency, amount in json.loads(kept.row[14]).items()}
        proved = sum(one["state"] == DocumentState.VERIFIED for _, one in documents)
        made_at, author = to_moment(kept.row[10]), self.person(kept.row[8])
        amount = by_currency(gross)
        self.proposals.append(
            ProposalRow(name, state, kept.reason, author, made_at, len(documents), proved, amount, len(kept.approvals))
        )
        for approval in kept.approvals:
            self._signature(name, kept, approval, amount, author)
        for row, stands in documents:
            self._document(name, kept.row[1], state, row, stands)

    def _signature(self, name: str, kept: KeptProposal, row: Any, amount: str, author: str) -> None:
        _, _, key, signer, account, by, statement, signature, at = row
        approval = Approval(kept.row[0], key, signer, account, by, statement, bytes(signature), to_moment(at))
        try:
            verify(self.desk.directory, approval)
            said = json.loads(statement).get("fingerprint")
            fault = "" if said == kept.row[5] else "it stands under another proposal than the one that was signed"
        except (AuthenticationError, ConfigError) as error:
            fault = error.message
        self.signatures.append(
            SignatureRow(
                name, short_fingerprint(kept.row[5]), amount, author, signer, account, key, to_moment(at), fault
            )
        )

    def _document(self, name: str, flow: str, proposal: ProposalState, row: list[Any], stands: dict[str, Any]) -> None:
        company, currency, debit, day = row[3], row[4], Decimal(row[10]), date.fromisoformat(row[5])
        state = DocumentState(stands["state"])
        period = str(FiscalPeriod.of(day, self._first_month(flow, company)))
        total = self.totals.setdefault(
            (period, company, currency),
            TotalRow(period, company, currency, 0, *(Decimal(0),) * 4),
        )
        total.documents += 1
        total.proposed += debit
        total.posted += debit if stands["accounting_document"] else 0
        total.proved += debit if state is DocumentState.VERIFIED else 0
        over = proposal in _OVER or state is DocumentState.REJECTED
        total.given_up += debit if over and state is not DocumentState.VERIFIED else 0
        self.different += bool(stands["difference"])
        self.open_documents += proposal is ProposalState.APPROVED and state not in _SETTLED
        sap = (
            f"{company}/{stands['accounting_document']}/{stands['fiscal_year']}"
            if stands["accounting_document"]
            else ""
        )
        proof = stands["difference"] or (
            "read back, equal to the cent" if state is DocumentState.VERIFIED else stands["said"]
        )
        if len(self.documents) < MOST:
            self.documents.append(
                DocumentRow(
                    f"{name}/{row[1]}", company, period, f"{money(debit, currency)} {currency}",
                    "given up" if over and state is not DocumentState.REJECTED else state, sap, proof,
                    stands["proved_at"] or stands["sent_at"],
                )
            )  # fmt: skip
        else:
            self.more["documents"] += 1

    def _first_month(self, name: str, company: str) -> int:
        flow = next((flow for flow in self.desk.flows if flow.name == name), None)
        return flow.first_month.get(company, 1) if isinstance(flow, WritebackFlow) else 1

    # --- what it comes to ---------------------------------------------------------------------------------------

    def person(self, actor: str) -> str:
        """Who did something, by name where the account has one."""
        return f"{self.names[actor]} ({actor})" if actor in self.names else actor

    def points(self, gaps: Gaps, missing: tuple[int, ...]) -> list[str]:
        """What is open, each in a sentence that names it."""
        found: list[str] = []
        if missing:
            found.append(f"{counted(len(missing), 'number')} of runs {_is(len(missing))} missing: {_few(missing)}.")
        found += [
            f"{row.flow} was not tied at its last tie-out, run {row.newest.run}."
            for row in self.loads.values()
            if row.newest is not None and row.newest.verdict == Verdict.NOT_TIED
        ]
        failed = [
            row.run
            for row in self.troubles
            if row.mended_by is None and row.state in {RunState.FAILED, RunState.BLOCKED}
        ]
        if failed:
            found.append(
                f"{counted(len(failed), 'run')} failed and nothing has made {_it(failed)} good: {_few(failed)}."
            )
        under_way = [row.run for row in self.troubles if row.state in {RunState.WAITING, RunState.RUNNING}]
        if under_way:
            found.append(f"{counted(len(under_way), 'run')} {_has(len(under_way))} not ended: {_few(under_way)}.")
        slots = sum(row.slots for row in gaps.rows if not row.explained)
        if slots:
            found.append(f"At {counted(slots, 'due moment')} no run began and the log does not tell why.")
        if rejects := sum(row.open for row in self.causes.values()):
            found.append(f"{counted(rejects, 'refused record')} {_is(rejects)} open: neither loaded since nor waived.")
        if waiting := [row.name for row in self.proposals if ProposalState(row.state).undecided]:
            found.append(f"{counted(len(waiting), 'proposal')} {_waits(len(waiting))} for a decision: {_few(waiting)}.")
        if self.open_documents:
            found.append(
                f"{counted(self.open_documents, 'document')} {_is(self.open_documents)} not proved in SAP yet."
            )
        if self.different:
            found.append(f"{counted(self.different, 'document')} did not read back as posted.")
        if wrong := [row.proposal for row in self.signatures if row.fault]:
            found.append(f"{counted(len(wrong), 'signature')} cannot be held to be genuine: {_few(wrong)}.")
        return found

    def notes(self, erased: int) -> list[str]:
        """What limits what the pack can say, without anything being wrong. erased: events whose data are gone."""
        found: list[str] = []
        if self.scope.until is not None and self.scope.until > self.now:
            found.append("The time it is about has not ended: what comes later is not in it.")
        blind = [row.flow for row in self.loads.values() if set(row.ties) == {Verdict.UNVERIFIED}]
        if blind:
            found.append(f"Nothing was read back for {_few(blind)}: whether Anaplan holds what was sent is not known.")
        known = {flow.name for flow in self.desk.flows if isinstance(flow, LoadFlow)}
        silent = [row.flow for row in self.loads.values() if row.flow in known and not row.ties]
        if silent:
            found.append(f"No run of {_few(silent)} was tied out.")
        if erased:
            found.append(f"The data of {counted(erased, 'event')} were erased on purpose; the log holds without them.")
        return found


def _figures(hop: dict[str, Any]) -> tuple[str, ...]:
    records = [] if hop["records"] is None else [counted(hop["records"], "record")]
    net, gross = hop["amounts"] or {}, hop.get("gross") or {}  # earlier versions told no gross sums
    told = [f"{money(Decimal(amount), currency)} {currency}" for currency, amount in (gross or net).items()]
    return (*records, *(f"{one} gross" if gross != net else one for one in told))


def _total(count: int | None, amount: str | None) -> str:
    if count is None and amount is None:
        return "not there"
    parts = [] if count is None else [counted(count, "record")]
    return ", ".join([*parts, *([] if amount is None else [f"{Decimal(amount):,}"])])


def _few(names: Any) -> str:
    told = [str(one) for one in names]
    return ", ".join(told[:5]) + (f" and {len(told) - 5} more" if len(told) > 5 else "")


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def _has(count: int) -> str:
    return "has" if count == 1 else "have"


def _waits(count: int) -> str:
    return "waits" if count == 1 else "wait"


def _it(found: list[Any]) -> str:
    return "it" if len(found) == 1 else "them"
