"""Approved proposals that wait to be posted, workers that post them, and what the simulated SAP holds afterwards."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.journeys.conftest import Sandbox, assert_sound, request_runs, runs_of, seal_config, serve, work
from tui_connector.approval.keys import KeyFile
from tui_connector.bootstrap import Installation, open_installation
from tui_connector.domain.ledger import FiscalPeriod, PeriodStatus
from tui_connector.domain.proposal import PostingDocument, ProposalState
from tui_connector.domain.run import Run, RunState
from tui_connector.sandbox.sap.posting import PATH

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FLOW = "plan_writeback"
COMPANY_CODES = ("1010", "2010", "3010")
PASSPHRASE = "four words are enough"
MORE = """
[posting]
quiet_seconds = 1
look_seconds = 0.1
test_run = false
[approval]
approvers = "{approvers}"
[flows.plan_writeback]
company_codes = ["1010", "2010", "3010"]
two_approvers_from = {{ EUR = "1000000000", CHF = "1000000000", USD = "1000000000" }}
"""
# short, but in the order that keeps the books safe: the quiet time outlasts lease, late commit and read-back delay
QUICK = {"quiet_seconds": 1.2, "look_seconds": 0.1, "prove_seconds": 30.0, "test_run": False}
LEASE_SECONDS = 0.5
POST = PATH + "$"

Line = tuple[str, str, str, Decimal, str]  # reference, account, cost center, signed amount, text


@dataclass(frozen=True)
class Batch:
    """One installation of its own with one approved proposal, its plan compared, so that only posting is left.

    policy: of posting, laid over the settings, since these allow nothing so short.
    """

    folder: Path
    proposal: int = 0
    run: int = 0
    documents: int = 0
    policy: dict[str, Any] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    @contextmanager
    def opened(self) -> Iterator[Installation]:
        """The installation with leases, pauses and a policy that are quicker than its settings allow."""
        with open_installation(str(self.config)) as installation:
            settings = installation.settings
            engine = settings.engine.model_copy(update={"lease_seconds": LEASE_SECONDS, "task_poll_seconds": 0.05})
            posting = settings.posting.model_copy(update={**QUICK, **self.policy})
            yield replace(
                installation, settings=settings.model_copy(update={"engine": engine, "posting": posting})
            )  # fmt: skip

    def work(self, *, seconds: float = 60.0) -> Run:
        """Let a worker in this process post until the run has ended; the run."""
        with self.opened() as installation:
            return work(installation, [self.run], seconds)[0]

    def again(self) -> Batch:
        """The batch with a run that takes the posting up again, its plan compared anew."""
        with self.opened() as installation:
            proposal = installation.store.proposals.get(self.proposal)
            *checks, run_id = installation.request_posting(proposal, "test")
            work_exactly(installation, checks)
        return replace(self, run=run_id)

    def states(self) -> list[PostingDocument]:
        with self.opened() as installation:
            return installation.store.proposals.documents(self.proposal)

    def lines(self) -> Counter[Line]:
        """Every line that is to be in SAP."""
        with self.opened() as installation:
            proposals = installation.store.proposals
            found = Counter[Line]()
            for one in proposals.documents(self.proposal):
                for line in proposals.each_line(self.proposal, one.document.number):
                    found[one.reference, line.gl_account, line.cost_center, line.amount, line.text] += 1
            return found

    def assert_posted(self) -> None:
        """Every document is proved, the proposal posted, and the audit chain sound."""
        with self.opened() as installation:
            store = installation.store
            (run,) = runs_of(installation, [self.run])
            assert (run.state, run.reason) == (RunState.DONE, "")
            odd = [one for one in store.proposals.documents(self.proposal) if one.state != "verified"]
            assert not odd, odd
            assert store.proposals.get(self.proposal).state is ProposalState.POSTED
            assert_sound(installation)


def prepare(sandbox: Sandbox, folder: Path, documents: int, lines: int, *, store: str = "", **policy: Any) -> Batch:
    """Propose a generated plan of so many lines and documents, approve it with the approver's key, and compare it.

    The same numbers make the same plan, and so documents with the same references. store: its address, if no file.
    """
    folder.mkdir(parents=True)
    approvers = folder.parent / "approvers.d"
    key = KeyFile(folder.parent / "approver.key")
    if not approvers.exists():
        approvers.mkdir(mode=0o755)
        public = key.create("a.novak", "novak", PASSPHRASE, environments=("TEST",))
        (approvers / public.file_name).write_text(public.to_text())
    sandbox.call("POST", "anaplan/plan/fill", {"documents": documents, "lines": lines})
    where = f'[store]\nurl = "{store}"\n' if store else ""
    seal_config(sandbox, folder, where + MORE.format(approvers=approvers))
    batch = Batch(folder, documents=documents, policy=policy)
    with batch.opened() as installation:
        open_periods(installation)
        (run,) = work(installation, request_runs(installation, FLOW))
        assert run.state is RunState.DONE, run.reason
        flow = installation.writeback(FLOW)
        made = installation.store.proposals.latest(FLOW, run.target_id)
        assert made is not None, run.reason
        signed = installation.decisions().approve(
            made.id, typed=made.short, key=key, passphrase=PASSPHRASE, by="uid:4242", flow=flow,
            head=installation.head(flow),
        )  # fmt: skip
        *checks, posting = signed.run_ids
        work_exactly(installation, checks)
        assert made.documents == documents
    return replace(batch, proposal=made.id, run=posting)


def work_exactly(installation: Installation, ids: list[int]) -> None:
    """Let a worker do these runs and none that waits for them."""
    for run in work(installation, ids) if ids else ():
        assert run.state is RunState.DONE, run.reason


def open_periods(installation: Installation) -> None:
    """Open the period of every generated plan in the close calendar."""
    with installation.store.transaction() as tx:
        for company_code in COMPANY_CODES:
            installation.store.periods.set(
                tx, company_code, FiscalPeriod(2026, 11), PeriodStatus.OPEN, "the journeys", "test"
            )


def post(batch: Batch, *, seconds: float = 60.0) -> int:
    """What a forked worker does: post until the run has ended."""
    with batch.opened() as installation:
        serve(installation, lambda: installation.store.runs.get(batch.run).state.ended, seconds)
    return 0


def lines_in_sap(sandbox: Sandbox) -> Counter[Line]:
    """Every line of every document that was posted, as an accountant sees them."""
    return Counter(
        (one["reference"], item["account"], item["cost_center"], Decimal(item["amount"]), item["text"])
        for one in documents_in_sap(sandbox)
        for item in one["items"]
    )


def documents_in_sap(sandbox: Sandbox) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sandbox.call("GET", "sap/documents")["documents"]
    return found


def copies(sandbox: Sandbox) -> Counter[str]:
    """How often SAP holds each reference."""
    return Counter(one["reference"] for one in documents_in_sap(sandbox))
