"""A worker for a long time under faults: schedules that come round each minute, plans that are approved and posted."""

from __future__ import annotations

import signal
import subprocess
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from tests.journeys.conftest import (
    ANAPLAN,
    ANAPLAN_SECRETS,
    FINANCE_HUB,
    SAP_SECRETS,
    WORKSPACE,
    Sandbox,
    command_line,
    environment,
    wait_for,
)
from tests.journeys.posting_desk import copies, documents_in_sap, open_periods
from tests.soak.watching import Course, Manager, look
from tui_connector.approval.keys import KeyFile
from tui_connector.bootstrap import Installation, open_installation
from tui_connector.demo import start_sandbox
from tui_connector.domain.errors import ConnectorError
from tui_connector.domain.flow import LoadFlow
from tui_connector.domain.proposal import DocumentState, ProposalState
from tui_connector.domain.run import ReadMode, Run, RunRequest, RunState
from tui_connector.domain.tie import Verdict
from tui_connector.flows import FLOWS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tui_connector.domain.proposal import Proposal

IDLE_SECONDS = 10.0
WATCHDOG_SECONDS = 60.0  # as the printed unit has it
PASSPHRASE = "four words are enough"
WRITEBACK = "plan_writeback"
LOADS = tuple(flow.name for flow in FLOWS if isinstance(flow, LoadFlow))
UNEXPECTED = "an unexpected fault in the connector"
# Of a hundred requests so many suffer; ten in all.
FAULTS: tuple[tuple[float, dict[str, Any]], ...] = (
    (1.5, {"kind": "drop_request"}),
    (1.5, {"kind": "drop_answer"}),
    (1.5, {"kind": "reset"}),
    (1.5, {"kind": "delay", "seconds": 0.5}),
    (1.5, {"kind": "status", "status": 503}),
    (0.5, {"kind": "status", "status": 502, "after": True}),
    (1.0, {"kind": "truncate"}),
    (1.0, {"kind": "rate_limit", "retry_after": 1}),
)
CONFIG = (
    """environment = "TEST"
[vault]
key = "file"
[log]
format = "json"
level = "INFO"
[engine]
task_poll_seconds = 0.5
[posting]
quiet_seconds = 2
look_seconds = 1
resend = true
attempts = 10
[sap.main]
base_url = "{url}"
auth = "oauth"
token_url = "{url}/sap/bc/sec/oauth2/token"
requests_per_second = 100
"""
    + ANAPLAN.replace("{name}", "main")
    + """{loads}
[flows.plan_writeback]
schedule = "* * * * *"
mode = "target"
company_codes = ["1010", "2010"]
two_approvers_from = {{ EUR = "1000000000", CHF = "1000000000" }}
[flows.plan_writeback.status]
file = "posting_status.csv"
import = "PLN02 Posting Status from posting_status.csv"
"""
)


@dataclass(frozen=True)
class Plan:
    """How long and how much. grows: MiB that the median of the resident memory may grow from first to last third."""

    minutes: float = 60.0
    warm_minutes: float = 5.0
    line_items: int = 600
    look_seconds: float = 1.0
    grows: float = 8.0
    seed: int = 7


@dataclass(frozen=True)
class Limit:
    """A figure beside what it must be."""

    name: str
    found: str
    must: str
    held: bool


@dataclass
class Soak:
    """One worker process, its service manager and its tenants."""

    plan: Plan
    sandbox: Sandbox
    installation: Installation
    worker: subprocess.Popen[bytes]
    manager: Manager
    folder: Path
    course: Course = field(default_factory=Course)
    posted: int = 0
    changed: int = 0  # the last minute in which something was changed in SAP
    refused: Counter[str] = field(default_factory=Counter)

    def runs(self) -> list[Run]:
        return self.installation.store.runs.history(100_000)

    @property
    def said(self) -> str:
        """What the worker has logged, and what it has complained of."""
        return (self.folder / "out").read_text() + (self.folder / "err").read_text()

    def go(self) -> list[Limit]:
        """All of the time under faults, then one round without them; what each limit came to."""
        wait_for(lambda: self.manager.ready or self.worker.poll() is not None, seconds=30)
        assert self.worker.poll() is None, self.said
        begun = time.monotonic()
        self.installation.request_runs([RunRequest(name) for name in (*LOADS, WRITEBACK)], "test")
        while time.monotonic() < begun + 60 * self.plan.minutes:
            time.sleep(self.plan.look_seconds)
            assert self.worker.poll() is None, self.said[-4000:]
            under_way = self._look()
            if not under_way:
                self._see_to_the_plan()
                self._change(int((time.monotonic() - begun) / 60))
        faults = self._end_of_faults()
        self._quiet()
        after = self.installation.request_runs([RunRequest(name) for name in LOADS], "test")
        self._quiet()
        self._make_up()
        told = time.monotonic()
        gap = self.manager.longest_gap(told)
        self.worker.send_signal(signal.SIGTERM)
        code = self.worker.wait(60)
        return self._judged(faults, after, gap, code, time.monotonic() - told)

    def _look(self) -> bool:
        runs = self.installation.store.runs
        under_way = bool(runs.running() or runs.waiting())
        newest = runs.history(1)[0].id
        self.course.samples.append(look(self.worker.pid, self.folder / "state", busy=under_way, last=newest))
        return under_way

    def _change(self, minute: int) -> None:
        """Once a minute a supplier gets another name in SAP; each third minute all line items are read and sent again."""
        if minute <= self.changed:
            return
        self.changed = minute
        codes = sorted(self.sandbox.items("Suppliers"))
        key = {"Supplier": codes[minute % len(codes)]}
        self.sandbox.change("A_Supplier", key, SupplierName=f"Supplier of minute {minute}")
        if minute % 3 == 1:
            self.installation.request_runs([RunRequest("gl_line_items", ReadMode.FULL)], "test")

    def _see_to_the_plan(self) -> None:
        """What people do: approve what waits, post again what was held up, and plan something else once it is posted."""
        latest = next(iter(self.installation.store.proposals.history(1)), None)
        if latest is None:
            return
        if latest.state is ProposalState.PLANNED:
            self._approve(latest)
        elif latest.state is ProposalState.APPROVED:
            self._settle(latest)
            self.installation.request_posting(latest, "uid:4242")
        elif latest.state is ProposalState.POSTED and latest.id > self.posted:
            self.posted = latest.id
            amount = str(1000 + latest.id)
            lines = {"PL-0001": {"Amount": amount}, "PL-0002": {"Amount": f"-{amount}"}}
            self.sandbox.call("PATCH", "anaplan/plan", {"lines": lines})

    def _approve(self, proposal: Proposal) -> None:
        flow, key = self.installation.writeback(WRITEBACK), KeyFile(self.folder / "approver.key")
        try:
            self.installation.decisions().approve(
                proposal.id, typed=proposal.short, key=key, passphrase=PASSPHRASE, by="uid:4242", flow=flow,
                head=self.installation.head(flow),
            )  # fmt: skip
        except ConnectorError as error:  # the plan moved meanwhile; the next run proposes it anew
            self.refused[error.message] += 1

    def _settle(self, proposal: Proposal) -> None:
        """Held documents are looked up in SAP by a person, who says what is there."""
        there = {one["reference"]: f"{one['document']}/{one['fiscal_year']}" for one in documents_in_sap(self.sandbox)}
        for document in self.installation.store.proposals.documents(proposal.id):
            if document.state is DocumentState.HELD:
                said = there.get(document.reference, "")
                self.installation.decisions().choose(
                    proposal.id, document.document.number, DocumentState.VERIFIED if said else DocumentState.READY,
                    typed=proposal.short, reason="looked up in SAP", by="uid:4242", said=said,
                )  # fmt: skip

    def _end_of_faults(self) -> tuple[int, int]:
        """How many requests suffered, and how many there were."""
        struck = sum(self.sandbox.hits())
        asked = sum(self.sandbox.call("GET", "log")["counts"].values())
        self.sandbox.clear_faults()
        return struck, asked

    def _quiet(self) -> None:
        """Wait until nothing is under way; schedules may begin something meanwhile."""
        wait_for(lambda: not self._look(), seconds=120)

    def _make_up(self) -> None:
        """On a busy machine the time may have been too short for something to be posted, and for a rest."""
        end = time.monotonic() + 90
        while time.monotonic() < end and (not copies(self.sandbox) or self.course.idle()[0] < IDLE_SECONDS):
            time.sleep(self.plan.look_seconds)
            if not self._look() and not copies(self.sandbox):
                self._see_to_the_plan()
        self._quiet()

    def _judged(self, faults: tuple[int, int], after: list[int], gap: float, code: int, end: float) -> list[Limit]:
        store, plan = self.installation.store, self.plan
        runs = self.runs()
        states = Counter(run.state.value for run in runs)
        odd = [run for run in runs if not _explained(run)]
        last = [(run, store.ties.get(run.id)) for run in map(store.runs.get, after)]
        untied = [
            run.flow
            for run, tie in last
            if run.state is not RunState.DONE or not tie or tie.verdict is not Verdict.TIED
        ]
        overlaps, concurrent = self.sandbox.clashes()
        doubled = sum(count - 1 for count in copies(self.sandbox).values())
        documents = [
            one for proposal in store.proposals.history(10_000) for one in store.proposals.documents(proposal.id)
        ]
        proved = sum(one.state == "verified" for one in documents)
        share = 100 * faults[0] / faults[1]
        idle, cpu = self.course.idle()
        warm = 60 * plan.warm_minutes
        rss, files, threads, size = (self.course.thirds(name, warm) for name in ("rss", "files", "threads", "store"))
        verdict = store.audit.verify()
        tracebacks = self.said.count("Traceback")
        shown = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        return [
            Limit("faults", f"{faults[0]:,} of {faults[1]:,} requests, {share:.1f} %", "about 10 %", 6 <= share <= 14),
            Limit("runs", f"{len(runs):,}: {shown}", "each ended, and explained", not odd),
            Limit("tracebacks in the log", str(tracebacks), "0", tracebacks == 0),
            Limit("a round without faults", f"{len(after) - len(untied)} of {len(after)} tied", "all", not untied),
            Limit("actions at once on a model", str(overlaps + concurrent), "0", overlaps + concurrent == 0),
            Limit("documents in SAP", f"{len(copies(self.sandbox))}, proved {proved}", "at least one, all proved",
                  0 < proved == len(copies(self.sandbox))),
            Limit("documents doubled", str(doubled), "0", doubled == 0),
            Limit("audit log", verdict.finding or f"{store.audit.last_seq():,} events", "verifies", verdict.broken_at is None),
            Limit("memory, first and last third", f"{rss[0]:.1f} and {rss[1]:.1f} MiB", f"≤ {plan.grows:g} MiB more",
                  rss[1] <= rss[0] + plan.grows),
            Limit("open files, likewise", f"{files[0]:g} and {files[1]:g}", "≤ 3 more", files[1] <= files[0] + 3),
            Limit("threads, likewise", f"{threads[0]:g} and {threads[1]:g}", "≤ 2 more", threads[1] <= threads[0] + 2),
            Limit("store, likewise", f"{size[0]:.1f} and {size[1]:.1f} MiB", "told only", True),
            Limit("CPU when idle", f"{100 * cpu / max(idle, 1e-9):.2f} % of {idle:.0f} s", f"≤ 2 % of at least {IDLE_SECONDS:g} s",
                  idle >= IDLE_SECONDS and cpu <= 0.02 * idle),
            Limit("longest without a sign of life", f"{gap:.1f} s of {WATCHDOG_SECONDS:g} s", "less than half",
                  0 < gap < WATCHDOG_SECONDS / 2),
            Limit("end on SIGTERM", f"exit code {code} after {end:.1f} s", "0 within 30 s", code == 0 and end <= 30),
        ]  # fmt: skip


def _explained(run: Run) -> bool:
    """Whether it has ended, and says why where it did not end well; a fault that nobody foresaw is no reason."""
    return run.state.ended and (run.state is RunState.DONE or bool(run.reason)) and UNEXPECTED not in run.reason


@contextmanager
def soaking(folder: Path, plan: Plan) -> Iterator[Soak]:
    """Tenants with faults, an installation, its approver, and the worker alone under a watchdog."""
    with start_sandbox(plan.line_items) as url, httpx.Client(trust_env=False, timeout=30) as http:
        sandbox = Sandbox(url, http)
        sandbox.anaplan(task_seconds=0.5, task_queue_seconds=0.1)
        sandbox.call("POST", "anaplan/plan/fill", {"documents": 2, "lines": 4})
        config = folder / "config.toml"
        loads = "\n".join(f'[flows.{name}]\nschedule = "* * * * *"' for name in LOADS)
        config.write_text(CONFIG.format(url=url, workspace=WORKSPACE, model=FINANCE_HUB, loads=loads))
        approvers = folder / "approvers.d"
        approvers.mkdir(mode=0o755)
        public = KeyFile(folder / "approver.key").create("a.novak", "novak", PASSPHRASE, environments=("TEST",))
        (approvers / public.file_name).write_text(public.to_text())
        with open_installation(str(config)) as installation:
            installation.set_credential("sap.main", SAP_SECRETS)
            installation.set_credential("anaplan.main", ANAPLAN_SECRETS)
            open_periods(installation)
            for number, (share, rule) in enumerate(FAULTS):
                rate = {"rate": share / 100, "times": -1, "seed": plan.seed + number}
                sandbox.call("POST", "faults", {**rule, **rate, "path": ""})
            manager = Manager(folder / "notify")
            told = {"NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": str(round(WATCHDOG_SECONDS * 1e6))}
            with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
                worker = subprocess.Popen(
                    command_line(config, "--no-ui"), stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                    env={**environment(), **told},
                )  # fmt: skip
            try:
                yield Soak(plan, sandbox, installation, worker, manager, folder)
            finally:
                if worker.poll() is None:
                    worker.kill()
                worker.wait(10)


def table(limits: list[Limit]) -> str:
    """Every limit as a line: what was found, what it must be, whether it held."""
    rows = [(one.name, one.found, one.must, "held" if one.held else "BROKEN") for one in limits]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
