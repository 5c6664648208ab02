"""What happens in the afternoon, one scene after another, written as the worker and the people would write it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from tests.ui import plan
from tui_connector import __version__
from tui_connector.domain.audit import Fact
from tui_connector.domain.canonical import sha256
from tui_connector.domain.case import Place
from tui_connector.domain.cause import bad_value, unknown_member
from tui_connector.domain.concern import Rule
from tui_connector.domain.flow import LoadFlow
from tui_connector.domain.ledger import FiscalPeriod, PeriodStatus
from tui_connector.domain.mapping import Mapping, mapping_digest
from tui_connector.domain.proposal import DocumentState, Gate, ProposalState, Verdict
from tui_connector.domain.record import Outcome, Record, Reject, RejectedBy
from tui_connector.domain.run import (
    Counts,
    Purpose,
    RunRequest,
    RunState,
    StepState,
    Watermark,
    WorkerInfo,
)
from tui_connector.engine.proposal.gates import GateFacts, judge
from tui_connector.engine.steps import Checkpoints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from collections.abc import Mapping as AnyMapping
    from datetime import datetime

    from tests.ui.people import Person
    from tests.ui.still import Still
    from tui_connector.bootstrap import Installation
    from tui_connector.domain.proposal import Draft, PostingDocument, Proposal
    from tui_connector.domain.risk import Flag
    from tui_connector.domain.run import Lease, Run
    from tui_connector.domain.tie import Tie

HOST, PID = "fin-int-01", 2117
WORKER = f"{HOST}:{PID}:8412907"
ACTOR = f"worker:{WORKER}"
_LEASE = 30.0


@dataclass(slots=True)
class Load:
    """What one run of a load flow comes to."""

    seconds: float
    loaded: int
    unchanged: int = 0
    refused: tuple[Reject, ...] = ()
    fails: tuple[str, str] = ("", "")
    codes: tuple[str, ...] = ()
    tie: Callable[[Counts], Tie] | None = None


class Scenes:
    """Writes into an installation's store; every scene begins at a moment of its clock."""

    def __init__(self, installation: Installation, clock: Still) -> None:
        self.installation = installation
        self.store = installation.store
        self.clock = clock
        self.flows = {flow.name: flow for flow in installation.flows}

    # --- the worker -------------------------------------------------------------------------------------------

    def worker(self, started: datetime) -> None:
        """A worker is entered, and tells so."""
        self.clock.at = started
        info = WorkerInfo(WORKER, HOST, PID, "b0071d", "8412907", started, started, alive=True, version=__version__)
        with self.store.transaction() as tx:
            self.store.workers.register(tx, info)
            self.store.audit.append(tx, Fact("worker.started", ACTOR, WORKER, {"pid": PID}))

    def beat(self) -> None:
        """It gives a sign of life."""
        with self.store.transaction() as tx:
            self.store.workers.beat(tx, WORKER)

    def request(self, at: datetime, by: str, *flows: str, **fields: Any) -> list[int]:
        """Runs are asked for together."""
        self.clock.at = at
        return self.installation.request_runs([RunRequest(name, **fields) for name in flows], by)

    def start(self, run_id: int, lease: Lease) -> Checkpoints:
        """A run begins under a lease."""
        with self.store.transaction() as tx:
            run = self.store.runs.claim(tx, run_id, WORKER, lease.fence)
            self.store.audit.append(
                tx, Fact("run.started", ACTOR, run.flow, {"fence": lease.fence, "from": None}, run_id)
            )
        return Checkpoints(self.store, run, cast("Any", SimpleNamespace(fence=lease.fence, check=lambda: None)), ACTOR)

    @contextmanager
    def held(self, run_id: int, seconds: float = _LEASE) -> Iterator[Checkpoints]:
        """A run from its beginning to its end, with what it holds."""
        lease = self.lease(self.store.runs.get(run_id).model, seconds)
        yield self.start(run_id, lease)
        with self.store.transaction() as tx:
            self.store.leases.release(tx, lease)

    def lease(self, model: str, seconds: float = _LEASE) -> Lease:
        with self.store.transaction() as tx:
            lease = self.store.leases.claim(tx, model, WORKER, seconds)
        assert lease is not None
        return lease

    # --- loads ------------------------------------------------------------------------------------------------

    def load(self, run_id: int, at: datetime, what: Load) -> Run:
        """A load flow runs to its end."""
        self.clock.at = at
        with self.held(run_id, what.seconds + 60) as points:
            self._transfer(points, what)
            if what.fails[0]:
                self._fail(points, *what.fails)
            else:
                self._import(points, what)
                self._settle(points, what)
        return self.store.runs.get(run_id)

    def replay(self, at: datetime, by: Person, run_id: int, position: int, what: Load) -> int:
        """A person lets a refused record be sent once more."""
        self.clock.at = at
        flow = self.store.runs.get(run_id).flow
        place = Place(run_id, position)
        wanted = self.installation._wanted(RunRequest(flow, purpose=Purpose.REPLAY))
        with self.store.transaction() as tx:
            number = self.store.runs.create_cycle(tx, [wanted], requested_by=by.account)[0]
            digest = self.store.cases.select(tx, number, [place])
            data = {"count": 1, "runs": [run_id], "digest": digest}
            self.store.audit.append(tx, Fact("replay.requested", by.account, flow, data, number))
        self.load(number, at + timedelta(seconds=2), what)
        return number

    def _transfer(self, points: Checkpoints, what: Load) -> None:
        flow, run = self.load_flow(points.run.flow), points.run
        total, sent = what.loaded + what.unchanged + len(what.refused), what.loaded + len(what.refused)
        points.begin("prepare", **Mapping.of(flow).kept())
        self.clock.step(1.5)
        codes = {name: 1000 + 96 * at for at, name in enumerate(flow.lists)}
        action = flow.import_action or flow.process or ""
        points.done("prepare", model="FIN_HUB", file=f"113{run.target_id:09}", action=action, codes=codes)
        points.begin("survey")
        with self.store.transaction() as tx:
            found = self.store.concerns.keep(tx, run.id, run.target_id, ())
            points.done_in(tx, "survey", {**found, "rule": Rule.GO_ON.value, "words": ""})
            points.fact(tx, "run.surveyed", run.flow, **found, allowed_by=[])
        until = self.clock.at - timedelta(seconds=5)
        points.begin(
            "transfer", since=(until - timedelta(days=1)).isoformat(), until=until.isoformat(),
            file_id=f"113{run.target_id:09}", action_kind="imports" if flow.import_action else "processes",
            action_id=f"112{run.target_id:09}", action_name=action,
        )  # fmt: skip
        self.clock.step(what.seconds * 0.45)
        self._records(run, what)
        points.done(
            "transfer", read=total, unchanged=what.unchanged, sent=sent, rejected=self._by_us(what),
            chunks=1 + sent // 31_000,
        )  # fmt: skip
        with self.store.transaction() as tx:
            counts = Counts(total, what.unchanged, sent - self._by_us(what), 0, 0, self._by_us(what))
            self.store.runs.note_counts(tx, run.id, run.fence, counts)

    def _records(self, run: Run, what: Load) -> None:
        """Some of a run's records: those that tell a story, and a few beside them."""
        keys = [*what.codes, *(f"{run.flow[:2].upper()}{run.id:05}{at:03}" for at in range(3))]
        rows = [Record(at, key, sha256(key)[:32], Outcome.SENT, at + 1) for at, key in enumerate(keys, 1)]
        refused = [one for one in what.refused if one.rejected_by is RejectedBy.CONNECTOR]
        late = [one for one in what.refused if one.rejected_by is RejectedBy.ANAPLAN]
        rows += [Record(one.position, one.key, sha256(one.key)[:32], Outcome.REJECTED) for one in refused]
        rows += [Record(one.position, one.key, sha256(one.key)[:32], Outcome.SENT, one.file_line) for one in late]
        rows.sort(key=lambda one: one.position)
        with self.store.transaction() as tx:
            self.store.records.append(tx, run.id, run.target_id, rows, fence=run.fence)
            self.store.records.reject(tx, run.id, run.target_id, refused, fence=run.fence)

    @staticmethod
    def _by_us(what: Load) -> int:
        return sum(one.rejected_by is RejectedBy.CONNECTOR for one in what.refused)

    def _import(self, points: Checkpoints, what: Load) -> None:
        run, flow = points.run, self.load_flow(points.run.flow)
        if not what.loaded:
            return
        points.intend("import", known=[], action=flow.import_action or flow.process)
        self.clock.step(1)
        task = sha256(f"task of {run.id}")[:32].upper()
        points.note("import", task_id=task)
        self.clock.step(what.seconds * 0.5)
        late = [one for one in what.refused if one.rejected_by is RejectedBy.ANAPLAN]
        with self.store.transaction() as tx:
            self.store.records.reject(tx, run.id, run.target_id, late, fence=run.fence)
        said = f"{what.loaded:,} rows loaded" + (f", {len(late)} failed" if late else "")
        points.done("import", outcome="partial" if late else "clean", refused=len(late), ignored=0, said=said)

    def _settle(self, points: Checkpoints, what: Load) -> None:
        run, flow = points.run, self.load_flow(points.run.flow)
        total = what.loaded + what.unchanged + len(what.refused)
        sent = what.loaded + len(what.refused) - self._by_us(what)
        counts = Counts(total, what.unchanged, sent, what.loaded, 0, len(what.refused))
        hint = f"`rejects --flow {run.flow}` tells why; once that is mended, `rejects replay` sends them again"
        self.clock.step(0.5)
        until = run.started_at
        tie = what.tie(counts) if what.tie else None
        with self.store.transaction() as tx:
            if run.purpose is Purpose.FLOW:
                moved = Watermark(run.target_id, until, mapping_digest(flow), run.id, self.clock.now())
                self.store.watermarks.move(tx, moved, run.fence)
                points.fact(tx, "watermark.moved", run.flow, value=until and until.isoformat())
            self.store.runs.finish(
                tx, run.id, run.fence, RunState.DONE, "", hint if what.refused else "", counts=counts
            )
            if tie is not None:
                points.fact(tx, "run.tied", run.flow, **self.store.ties.keep(tx, run.id, tie))
            told = {
                name: getattr(counts, name) for name in ("read", "unchanged", "sent", "loaded", "ignored", "rejected")
            }
            points.fact(tx, "run.done", run.flow, **told, dry_run=False)

    def _fail(self, points: Checkpoints, reason: str, hint: str) -> None:
        run = points.run
        with self.store.transaction() as tx:
            for step in self.store.steps.of(run.id):
                if step.ended_at is None:
                    self.store.steps.update(tx, run.id, run.fence, step.name, StepState.FAILED)
            self.store.runs.finish(tx, run.id, run.fence, RunState.FAILED, reason, hint)
            data = {"reason": reason, "error": "UnreachableError", "fence": run.fence}
            self.store.audit.append(tx, Fact("run.failed", ACTOR, run.flow, data, run.id))

    def running(self, run_id: int, at: datetime, now: datetime, rows: int, percent: int) -> None:
        """A load that Anaplan imports at this moment."""
        self.clock.at = at
        points = self.start(run_id, self.lease(self.store.runs.get(run_id).model, 3600))
        flow, run = self.load_flow(points.run.flow), points.run
        self._transfer(points, Load((now - at).total_seconds() * 1.55, rows))
        points.intend("import", known=[], action=flow.import_action or flow.process)
        self.clock.step(2)
        task = "8F3A40D2B4C14E5F9A6D1E027E6691C2"
        points.note("import", task_id=task)
        self.clock.at = now - timedelta(seconds=2)
        self.store.steps.set_progress(
            run.id, "import", {
                "task": task, "state": "IN_PROGRESS", "percent": percent, "current": "Importing into ACT01", "budget": 143,
            },
        )  # fmt: skip

    def load_flow(self, name: str) -> LoadFlow:
        flow = self.flows[name]
        assert isinstance(flow, LoadFlow)
        return flow

    # --- the plan ---------------------------------------------------------------------------------------------

    def propose(
        self,
        draft: Draft,
        at: datetime,
        by: Person,
        flags: AnyMapping[int, Sequence[Flag]] | None = None,
    ) -> Proposal:
        """The plan is exported and proposed."""
        run_id = self.request(at, by.account, plan.FLOW.name)[0]
        self.clock.step(2)
        with self.held(run_id, 120) as points:
            points.intend("export", known=[], action=draft.head.export)
            self.clock.step(1)
            points.note("export", task_id=draft.origin.task_id)
            self.clock.step(21)
            size = 140 * draft.origin.rows
            points.done("export", digest=draft.origin.digest, size=size, exported_at=self.clock.at.isoformat())
            points.begin("propose")
            self.clock.step(8)
            points.done("propose", fingerprint=draft.fingerprint, documents=len(draft.documents), closed="")
            made = self._keep(draft, run_id, by, flags)
            run, lines = points.run, len(draft.lines)
            counts = Counts(draft.origin.rows, made.changes.get("unchanged", 0), lines, 0, 0, 0)
            with self.store.transaction() as tx:
                self.store.runs.finish(
                    tx, run_id, run.fence, RunState.DONE, f"{made.name} waits for approval", counts=counts
                )
                points.fact(tx, "run.done", run.flow, read=counts.read, sent=lines, dry_run=False)
        return made

    def unchanged(self, at: datetime) -> None:
        """The plan is exported, and is what it was."""
        run_id = self.request(at, "schedule", plan.FLOW.name)[0]
        with self.held(run_id, 120) as points:
            points.intend("export", known=[], action=plan.FLOW.export)
            self.clock.step(19)
            points.done("export", digest=sha256("the plan as it was"), size=41_000)
            told = "the plan has not changed"
            with self.store.transaction() as tx:
                counts = Counts(read=293, unchanged=293)
                self.store.runs.finish(tx, run_id, points.run.fence, RunState.DONE, told, counts=counts)
                points.fact(tx, "run.done", points.run.flow, read=293, reason=told)

    def _keep(self, draft: Draft, run_id: int, by: Person, flags: AnyMapping[int, Sequence[Flag]] | None) -> Proposal:
        now = self.clock.now()
        calendar = {(one.company_code, one.period): one for one in self.store.periods.all()}
        control = Gate("control total", Verdict.PASS, f"{draft.origin.rows} rows, as the export says")
        lines = [line for line in draft.lines if line.document is not None]
        facts = GateFacts(plan.masters(lines), calendar, {}, control, draft.origin.exported_at, now)
        with self.store.transaction() as tx:
            self.store.names.put(tx, plan.SAP, plan.NAMES, now)
            return self.store.proposals.add(
                tx, draft, target_id=self.installation.target_id(self.flows[draft.head.flow]), run_id=run_id,
                author=by.account, made_at=now, expires_at=now + timedelta(hours=4),
                gates=judge(plan.FLOW, draft.documents, lines, facts), payloads=plan.payloads(draft, now), flags=flags,
                actor=ACTOR,
            )  # fmt: skip

    def check(self, made: Proposal, run_id: int, at: datetime) -> None:
        """What was approved is exported once more, and has not moved."""
        self.clock.at = at
        with self.held(run_id, 120) as points:
            points.intend("export", known=[], action=made.head.export)
            self.clock.step(20)
            points.done("export", digest=made.origin.digest, size=140 * made.origin.rows)
            with self.store.transaction() as tx:
                self.store.proposals.checked(tx, made.id, self.clock.now(), actor=ACTOR)
                counts = Counts(read=made.origin.rows)
                told = "the plan has not moved"
                self.store.runs.finish(tx, run_id, points.run.fence, RunState.DONE, told, counts=counts)
                points.fact(tx, "run.done", made.flow, read=counts.read)

    def post(self, made: Proposal, run_id: int, at: datetime, *, lost: int | None = None) -> None:
        """What was approved is posted; with `lost` SAP gives no answer for that document, and it goes on."""
        self.clock.at = at
        lease = self.lease(self.store.runs.get(run_id).model, 3600)
        points = self.start(run_id, lease)
        run = points.run
        points.begin("test")
        self.clock.step(3)
        points.done("test", documents=made.documents)
        with self.store.transaction() as tx:
            self.store.postings.make_ready(tx, run.id, run.fence, made.id)
        for document in self.store.proposals.documents(made.id):
            self._send(points, document, lost=document.document.number == lost)
            if document.document.number == lost:
                self.store.steps.set_progress(
                    run.id, "post", {"documents": made.documents, "proved": document.document.number - 1, "unknown": 1}
                )
                return
        with self.store.transaction() as tx:
            self.store.proposals.change_state(
                tx, made.id, ProposalState.POSTED, reason="every document is proved", actor=ACTOR
            )
            counts = Counts(sent=made.documents, loaded=made.documents)
            self.store.runs.finish(
                tx, run.id, run.fence, RunState.DONE, f"{made.documents} documents posted and proved", counts=counts
            )
            points.fact(tx, "run.done", made.flow, sent=made.documents)
            self.store.leases.release(tx, lease)

    def _send(self, points: Checkpoints, document: PostingDocument, *, lost: bool) -> None:
        run, number = points.run, document.document.number
        state = DocumentState

        def move(to: DocumentState, **changes: Any) -> None:
            found = self.store.proposals.document(document.proposal_id, number).state
            with self.store.transaction() as tx:
                self.store.postings.move(
                    tx, run.id, run.fence, document.proposal_id, number, expect=(found,), to=to, actor=ACTOR, **changes
                )

        self.clock.step(1)
        move(state.SENDING, attempt=1, sent_at=self.clock.now())
        self.clock.step(2)
        if lost:
            move(state.UNKNOWN, look_at=self.clock.now() + timedelta(seconds=30), looks=0, said="connection lost")
            self.clock.step(30)
            move(state.UNKNOWN, look_at=self.clock.now() + timedelta(seconds=60), looks=1)
            return
        accounting = f"{100004700 + 10 * document.proposal_id + number:010}"
        move(state.POSTED, accounting_document=accounting, fiscal_year="2026")
        self.clock.step(3)
        move(state.VERIFIED, proved_at=self.clock.now(), difference="")

    # --- beside ------------------------------------------------------------------------------------------------

    def period(self, at: datetime, by: Person, month: int, status: PeriodStatus, reason: str) -> None:
        self.clock.at = at
        with self.store.transaction() as tx:
            for code in plan.COMPANIES:
                self.store.periods.set(tx, code, FiscalPeriod(2026, month), status, reason, by.account)

    def ping(self, at: datetime, connection: str, by: str, answer: dict[str, Any]) -> None:
        """A person or the worker looks whether a tenant answers."""
        self.clock.at = at
        with self.store.transaction() as tx:
            number = self.store.commands.enqueue(tx, "ping", {}, by, subject=connection)
            self.store.audit.append(tx, Fact("command.ping", by, connection, {"command": number}))
        self.clock.step(0.4)
        with self.store.transaction() as tx:
            self.store.commands.take(tx, number, WORKER)
        self.clock.step(1.1)
        with self.store.transaction() as tx:
            self.store.commands.finish(tx, number, ok=True, answer=answer)
            data = {"command": number, "kind": "ping", "ok": True}
            self.store.audit.append(tx, Fact("command.answered", ACTOR, connection, data))


def line_breaks(count: int) -> tuple[Reject, ...]:
    """Suppliers whose name does not fit into one line of a file."""
    cause = bad_value("Name", "a line break")
    return tuple(
        Reject(
            100 + at, f"{1003710 + 7 * at}", RejectedBy.CONNECTOR, cause,
            {
                "Code": f"{1003710 + 7 * at}", "Name": f"Huber & Söhne\nWerk {at + 1}", "Account Group": "SUPL",
                "Business Partner": f"{1003710 + 7 * at}", "Blocked": "false",
            },
        )
        for at in range(count)
    )  # fmt: skip


def line_item(number: int, account: str, center: str, amount: str, position: int) -> dict[str, str]:
    """The values of one line item, as its file would have them."""
    return {
        "Code": f"1010-2026-{number:010}-{position:06}", "Company Code": "1010", "GL Account": account,
        "Cost Center": center, "Profit Center": "YB600", "Fiscal Year": "2026", "Period": "011",
        "Posting Date": "2026-11-30", "Document": f"{number:010}", "Debit Credit": "S", "Amount": amount,
        "Currency": "EUR",
    }  # fmt: skip


def missing_center(center: str, items: Sequence[tuple[int, str, str, int]], first: int = 200) -> tuple[Reject, ...]:
    """Line items on a cost center that Anaplan's list does not hold."""
    cause = unknown_member("Cost Center", center, "Cost Centers")
    found = [line_item(number, account, center, amount, place) for number, account, amount, place in items]
    return tuple(Reject(first + at, one["Code"], RejectedBy.CONNECTOR, cause, one) for at, one in enumerate(found))


def closed_account(position: int = 300) -> tuple[Reject, ...]:
    """A line item that Anaplan itself refused."""
    values = line_item(100038204, "0061099000", "0000004711", "75.50", 4)
    cause = "Account is closed for planning: 0061099000"
    return (
        Reject(
            position, values["Code"], RejectedBy.ANAPLAN, cause, values, "GL Account: 0061099000 closed", position + 1
        ),
    )


def unreadable_center() -> tuple[Reject, ...]:
    """Cost centers whose date is none."""
    return tuple(
        Reject(
            150 + at, f"A000-000000{4801 + at}", RejectedBy.CONNECTOR, bad_value("Name", "a control character"),
            {"Code": f"A000-000000{4801 + at}", "Name": f"Hall {at + 7}\x07"},
        )
        for at in range(4)
    )  # fmt: skip
