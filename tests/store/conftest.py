"""Stores to test on: the same suite runs on every backend and in both of SQLite's modes."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tui_connector.domain.proposal import (
    GATES,
    Change,
    Draft,
    Gate,
    LineKind,
    Origin,
    ProposalHead,
    ProposalState,
    ProposedDocument,
    ProposedLine,
    Verdict,
    document_digest,
    document_keys,
    fingerprint_of,
)
from tui_connector.domain.record import Outcome, Record
from tui_connector.domain.run import Purpose, ReadMode, RunRequest, WorkerInfo
from tui_connector.store import Store
from tui_connector.store import sqlite as sqlite_backend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.conftest import Postgres
    from tui_connector.domain.proposal import DocumentState, Proposal
    from tui_connector.domain.run import Lease
    from tui_connector.store.database import Transaction

ROOT = Path(__file__).parents[2]
FILES = ("sqlite", "sqlite before 3.51.3")
in_files = pytest.mark.parametrize("url", FILES, indirect=True)  # what there is to say of a file
NOON = datetime(2026, 11, 30, 12, 0, 0, 123456, tzinfo=UTC)
HEAD = ProposalHead(
    "TEST",
    "plan_writeback",
    "https://sap.example",
    "ws",
    "M1",
    "Plan.csv",
    "entries",
    "soap",
    "0L",
    "ACTUALS",
    "m" * 64,
)
GATES_PASSED = tuple(Gate(name, Verdict.PASS, f"{name}: yes") for name in GATES)


def plan_line(number: int, document: int | None, key: str, amount: str, **fields: object) -> ProposedLine:
    """A line of the plan; what is not given follows from the rest."""
    made = ProposedLine(
        number, document, LineKind.PLAN, Change.NEW, key, "1010", "0061003000", "0000004711", "YB600", "EUR",
        date(2026, 11, 30), Decimal(amount), Decimal(0), Decimal(amount), f"Text ü {key}", number + 1, f"row of {key}", None,
    )  # fmt: skip
    return made._replace(**fields)  # type: ignore[arg-type]


def make_draft(*documents: Mapping[str, str], unchanged: Mapping[str, str] | None = None, **head: Any) -> Draft:
    """A draft of documents given as key -> amount, each balanced by a line of its own."""
    lines: list[ProposedLine] = []
    made: list[ProposedDocument] = []
    for number, amounts in enumerate(documents, 1):
        own = [plan_line(len(lines) + i, number, key, amount) for i, (key, amount) in enumerate(amounts.items(), 1)]
        rest = -sum((line.amount for line in own), Decimal(0))
        if rest:
            own.append(
                plan_line(len(lines) + len(own) + 1, number, "", str(rest), kind=LineKind.OFFSET, row=0, source="")
            )
        debit = sum((line.amount for line in own if line.amount > 0), Decimal(0))
        credit = -sum((line.amount for line in own if line.amount < 0), Decimal(0))
        day = date(2026, 11, 30)
        document = ProposedDocument(number, "1010", "EUR", day, day, "SA", "Reallocation", len(own), debit, credit, "")
        made.append(replace(document, digest=document_digest(document, own)))
        lines += own
    for key, amount in (unchanged or {}).items():
        line = plan_line(len(lines) + 1, None, key, amount, change=Change.UNCHANGED)
        lines.append(line._replace(posted=line.wanted, amount=Decimal(0), last=line.wanted))
    whole = replace(HEAD, **head)
    origin = Origin("1", "Plan.csv", "Finance Hub", "T1", "e" * 64, len(lines), NOON, "Ann", "2026-11-29 17:00")
    return Draft(whole, origin, tuple(lines), tuple(made), fingerprint_of(whole, made), {"not approved": 3})


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of a new store on each backend."""
    if request.param.startswith("postgresql"):
        postgres: Postgres = request.getfixturevalue("postgres")
        if request.param.endswith("empty"):
            yield postgres.new()
            return
        borrowed = postgres.borrow()
        yield borrowed
        postgres.give_back(borrowed)
        return
    if request.param != "sqlite":
        monkeypatch.setattr(sqlite_backend, "_WAL_SAFE", (99, 0, 0))
    yield f"sqlite://{tmp_path}/state/store.db"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """A new, empty store."""
    opened = Store.open(url)
    yield opened
    opened.close()


@dataclass
class Bench:
    """A store with ways to get quickly to where a test begins."""

    store: Store

    def target(self, flow: str = "gl_accounts", model: str = "M1") -> int:
        with self.store.transaction() as tx:
            return self.store.targets.id_for(tx, flow, "main", "https://sap.example", "main", "ws", model)

    def request(self, *flows: str, model: str = "M1", dry_run: bool = False) -> list[int]:
        targets = [(RunRequest(flow, ReadMode.DELTA, dry_run), self.target(flow, model), model) for flow in flows]
        with self.store.transaction() as tx:
            return self.store.runs.create_cycle(tx, targets, requested_by="uid:1000")

    def lease(self, model: str = "M1", owner: str = "w1", seconds: float = 30) -> Lease:
        with self.store.transaction() as tx:
            lease = self.store.leases.claim(tx, model, owner, seconds)
        assert lease is not None
        return lease

    def release(self, lease: Lease) -> None:
        with self.store.transaction() as tx:
            assert self.store.leases.release(tx, lease)

    def running(self, flow: str = "gl_accounts", *, dry_run: bool = False) -> tuple[int, int, Lease]:
        """Number of a run that is running, of its target, and the lease it runs under."""
        run_id = self.request(flow, dry_run=dry_run)[0]
        holder = self.store.leases.holder("M1")
        lease = holder or self.lease()
        with self.store.transaction() as tx:
            run = self.store.runs.claim(tx, run_id, lease.owner, lease.fence)
        return run_id, run.target_id, lease

    def propose(self, draft: Draft, **fields: object) -> Proposal:
        """A draft as a proposal; the bytes of each document tell its number."""
        given: dict[str, Any] = {
            "target_id": self.target(HEAD.flow), "run_id": None, "author": "uid:1000", "made_at": NOON,
            "expires_at": NOON + timedelta(hours=72), "gates": GATES_PASSED, "actor": "worker:w1",
        }  # fmt: skip
        keys = [document_keys(draft.head.sap, d.company_code, draft.fingerprint, d.number) for d in draft.documents]
        given["payloads"] = [(key, f"<bytes n='{i}'/>".encode() * 50) for i, key in enumerate(keys, 1)]
        with self.store.transaction() as tx:
            return self.store.proposals.add(tx, draft, **{**given, **fields})

    def state(self, proposal_id: int, *states: ProposalState) -> None:
        for to in states:
            with self.store.transaction() as tx:
                self.store.proposals.change_state(tx, proposal_id, to, reason="r", actor="a")

    def posting(self, proposal_id: int) -> tuple[int, int]:
        """A running run that posts a proposal: its number and fence."""
        model = "posting/https://sap.example/plan_writeback"
        wish = RunRequest(HEAD.flow, purpose=Purpose.POST, proposal=proposal_id)
        held, target_id = self.store.leases.holder(model) or self.lease(model), self.target(HEAD.flow)
        with self.store.transaction() as tx:
            run_id = self.store.runs.create_cycle(tx, [(wish, target_id, model)], requested_by="w")[0]
            self.store.runs.claim(tx, run_id, held.owner, held.fence)
        return run_id, held.fence

    def ready(self, proposal_id: int) -> tuple[int, int]:
        """As `posting`, of a proposal that is approved now and its documents ready."""
        self.state(proposal_id, ProposalState.APPROVED)
        run = self.posting(proposal_id)
        with self.store.transaction() as tx:
            self.store.postings.make_ready(tx, *run, proposal_id)
        return run

    def steps(self, run: tuple[int, int], proposal_id: int, number: int, *states: DocumentState, **last: Any) -> None:
        """Move a document through states; `last` goes with the last one."""
        for place, to in enumerate(states, 1):
            found = self.store.proposals.document(proposal_id, number).state
            changes = last if place == len(states) else {}
            with self.store.transaction() as tx:
                self.store.postings.move(tx, *run, proposal_id, number, expect=(found,), to=to, actor="w1", **changes)

    def write(self, change: Callable[[Transaction], object]) -> None:
        with self.store.transaction() as tx:
            change(tx)


@pytest.fixture
def bench(store: Store) -> Bench:
    return Bench(store)


@pytest.fixture
def records() -> Callable[..., list[Record]]:
    """Makes records whose keys and contents follow from their positions."""

    def make(first: int, last: int, outcome: Outcome = Outcome.SENT, content: str = "c") -> list[Record]:
        lines = outcome is Outcome.SENT
        return [
            Record(i, f"K{i:06}", f"{content}{i}", outcome, i + 1 if lines else None) for i in range(first, last + 1)
        ]

    return make


@pytest.fixture
def worker() -> Callable[..., WorkerInfo]:
    """Makes a worker's particulars."""

    def make(name: str = "w1", pid: int = 1) -> WorkerInfo:
        now = datetime.now(UTC)
        return WorkerInfo(name, "host", pid, "boot", "start", now, now, alive=True)

    return make


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], None]:
    """Waits for something to become true, not longer than ten seconds."""

    def wait(true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not true():
            assert time.monotonic() < deadline, "it did not come true in time"
            time.sleep(0.005)

    return wait


@pytest.fixture
def spawn() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts Python processes that run a script; those that are left at the end are killed."""
    started: list[subprocess.Popen[str]] = []

    def start(script: str, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", script, *arguments],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
