"""One installation of the writeback between two far sides in memory, its people, and a worker that can die or stop."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast
from unittest.mock import patch

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.engine.proposal.plans import HEADER, NOW, with_control
from tests.engine.writeback.far_sides import Clock, Exported, Ledger
from tui_connector.anaplan.model import ExportColumns
from tui_connector.approval.keys import KeyFile, PublicKey
from tui_connector.bootstrap import Installation
from tui_connector.domain.errors import LeaseLostError
from tui_connector.domain.run import Purpose, ReadMode, RunRequest, RunState
from tui_connector.engine.context import Tenants
from tui_connector.engine.hold import Hold
from tui_connector.engine.worker import Equipment, Worker, WorkerOptions
from tui_connector.engine.writeback import beside, facts, keep, moments, post, run
from tui_connector.settings.load import load_settings
from tui_connector.store.processes import this_process
from tui_connector.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from tui_connector.approval.decisions import Signed
    from tui_connector.domain.flow import WritebackFlow
    from tui_connector.domain.ledger import MasterFacts
    from tui_connector.domain.names import Member
    from tui_connector.domain.proposal import DocumentState, PostingDocument, Proposal
    from tui_connector.domain.run import Run
    from tui_connector.sap.masters import WantedMasters

QUIET = 30.0  # seconds
MODEL = "3F02A9C41B7D4E58A1C6D2E37B9F0456"
CONFIG = f"""environment = "TEST"
[periods]
unset = "open"
[sap.main]
base_url = "https://sap.example"
[anaplan.main]
workspace_id = "8a81b0927f3c4e1d9a6b5c4d3e2f1a00"
model_id = "{MODEL}"
[posting]
quiet_seconds = {QUIET}
look_seconds = 5
prove_seconds = 20
recheck_seconds = 0
"""
_LEASE = 1e9  # seconds: what keeps a worker that was passed over from writing is its number, not its watch


class Died(BaseException):
    """The process is gone at this point; nothing of it runs any more."""


class QuickKey(KeyFile):
    """A key that nobody has to unseal, which takes a tenth of a second on purpose."""

    def __init__(self, name: str, user: str) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
        raw = self._private.public_key().public_bytes_raw()
        self._public = PublicKey(hashlib.sha256(raw).hexdigest()[:16], name, user, raw, ("TEST",), NOW)

    def public(self) -> PublicKey:
        return self._public

    def sign(self, passphrase: str, statement: str) -> bytes:
        return self._private.sign(statement.encode())


DANA, ERIK, AUTHOR = QuickKey("dana", "uid:2001"), QuickKey("erik", "uid:2002"), QuickKey("ann", "uid:1000")


@dataclass(slots=True)
class Stopped:
    """A worker that was stopped in the middle of a run and does not know what happened since."""

    going_on: Coroutine[Any, Any, None]
    hold: Hold


@dataclass(slots=True)
class World:
    """One installation with its two far sides; a context manager. rows: of the plan, as the export writes them."""

    folder: Path
    flow: WritebackFlow
    posting: str = ""
    clock: Clock = field(default_factory=Clock)
    rows: list[list[str]] = field(default_factory=list)
    crash_at: tuple[str, int] | None = None  # a moment, and how often it comes before
    crash_after: int | None = None  # commits
    on_moment: Callable[[str], object] = lambda _name: None
    stopped: list[Stopped] = field(default_factory=list)
    seen: dict[int, list[list[str]]] = field(default_factory=dict)  # the plan's rows, by the run that exported them
    ledger: Ledger = field(init=False)
    inst: Installation = field(init=False)
    _patches: ExitStack = field(default_factory=ExitStack)
    _worker: Worker | None = None
    _workers: int = 0
    _at_work: bool = False

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.clock)
        config = self.folder / "config.toml"
        config.write_text(CONFIG + self.posting, encoding="utf-8")
        settings = load_settings(config)
        settings.approval.approvers.mkdir(mode=0o755)
        for key in (DANA, ERIK, AUTHOR):
            self.enrol(key, settings.approval.approvers)
        self.inst = Installation(settings, (self.flow,), self._open(), cast("Any", None), self.clock, Path())

    def __enter__(self) -> Self:
        async def masters(client: Ledger, wanted: WantedMasters) -> MasterFacts:
            return client.masters(wanted)

        async def names(client: Ledger, wanted: WantedMasters, _known: MasterFacts) -> dict[Member, str]:
            return client.names(wanted)

        for place, name, ours in (
            (post, "open_channel", lambda client, _flow: client),
            (keep, "open_channel", lambda client, _flow: client),
            (run, "ExportStep", lambda _context, folder: _Export(self, folder)),
            (facts, "read_masters", masters),
            (beside, "read_masters", masters),
            (beside, "read_names", names),
            (moments, "reached", self._reached),
        ):
            self._patches.enter_context(patch.object(place, name, ours))
        return self

    def __exit__(self, *_: object) -> None:
        for one in self.stopped:
            one.going_on.close()
        self.store.close()
        self._patches.close()

    @property
    def store(self) -> Store:
        return self.inst.store

    @property
    def database(self) -> Path:
        return self.folder / "state" / "connector.db"

    def enrol(self, key: QuickKey, folder: Path | None = None) -> None:
        folder = folder or self.inst.settings.approval.approvers
        (folder / key.public().file_name).write_text(key.public().to_text(), encoding="utf-8")

    def remove(self, key: QuickKey) -> None:
        (self.inst.settings.approval.approvers / key.public().file_name).unlink(missing_ok=True)

    def configure(self, **changes: Any) -> None:
        """Change settings of the flow; the worker is started anew with them."""
        self.flow = replace(self.flow, **changes)
        self.restart()

    def restart(self, *, environment: str | None = None) -> None:
        settings = self.inst.settings
        if environment is not None:
            settings = settings.model_copy(update={"environment": environment})
        self.inst = replace(self.inst, settings=settings, flows=(self.flow,))
        self._worker = None

    # What people do

    def request(self, purpose: Purpose = Purpose.FLOW, proposal: int | None = None, *, full: bool = False) -> Run:
        mode = ReadMode.FULL if full else ReadMode.DELTA
        wish = RunRequest(self.flow.name, mode, purpose=purpose, proposal=proposal)
        return self.store.runs.get(self.inst.request_runs([wish], "uid:1000")[0])

    def propose(self, *, full: bool = False) -> Proposal | None:
        """Run the flow; the proposal it made, if any."""
        made = self.request(full=full)
        self.work()
        newest = self.store.proposals.history(1)
        return newest[0] if newest and newest[0].run_id == made.id else None

    def approve(self, proposal: Proposal, key: QuickKey = DANA) -> Signed:
        return self.inst.decisions().approve(
            proposal.id, typed=proposal.short, key=key, passphrase="", by=key.public().user, flow=self.flow,
            head=self.inst.head(self.flow),
        )  # fmt: skip

    def post_again(self, proposal: Proposal) -> None:
        self.inst.request_posting(proposal, "uid:1000")
        self.work()

    def choose(self, document: PostingDocument, to: DocumentState, number: str = "") -> None:
        with self.store.transaction() as tx:
            self.store.postings.choose(
                tx, document.proposal_id, document.document.number, to=to, reason="looked in SAP", actor="uid:1000",
                accounting_document=number, fiscal_year="2026" if number else "",
            )  # fmt: skip

    def documents(self, proposal: Proposal) -> list[PostingDocument]:
        return self.store.proposals.documents(proposal.id)

    def latest_run(self, purpose: Purpose = Purpose.POST) -> Run:
        return self.store.runs.history(1, purpose=purpose)[0]

    # What the worker does

    def work(self) -> None:
        """Carry out what waits, until nothing does or the worker dies or is stopped."""
        while (found := self._next_run()) is not None:
            worker, one = found
            with self.store.transaction() as tx:
                lease = self.store.leases.claim(tx, one.model, worker.info.id, _LEASE, dead_owner=lambda _: True)
            assert lease is not None
            if not self._drive(Stopped(cast("Any", None), Hold(self.store, lease, _LEASE, self.clock)), worker, one):
                break
        self.crash_at = self.crash_after = None
        self.ledger.faults.clear()

    def wake(self, one: Stopped) -> bool:
        """Let a stopped worker go on; whether it is still the one to do so."""
        self.stopped.remove(one)
        holder = self.store.leases.holder(one.hold.lease.model)
        mine = holder is not None and holder.fence == one.hold.fence
        self._go_on(one)
        return mine

    def _next_run(self) -> tuple[Worker, Run] | None:
        worker = self._worker or self._start()
        for one in (*self.store.runs.running(), *self.store.runs.waiting()):
            if one.state is RunState.RUNNING or worker._ready(one):
                return worker, one
        return None

    def _start(self) -> Worker:
        self._workers += 1
        tenants = Tenants(self._sap, self._anaplan, lambda _: 0)
        equipment = Equipment(self.inst.flows, tenants, WorkerOptions(), self.inst.terms(), self.inst.request_runs)
        worker = Worker(self.store, self.clock, equipment)
        worker.info = replace(this_process(self.clock), id=f"w{self._workers}")
        with self.store.transaction() as tx:
            self.store.workers.register(tx, worker.info)
        self._worker = worker
        return worker

    def _drive(self, one: Stopped, worker: Worker, found: Run) -> bool:
        one.going_on = worker._execute(found.id, one.hold)
        return self._go_on(one)

    def _go_on(self, one: Stopped) -> bool:
        """Whether the worker is still there afterwards."""
        try:
            self._at_work = True
            one.going_on.send(None)
        except (StopIteration, LeaseLostError):
            self._at_work = False
            with self.store.transaction() as tx:
                self.store.leases.release(tx, one.hold.lease)
            return True
        except Died:
            self._worker = None
            return False
        finally:
            self._at_work = False
        self.stopped.append(one)
        self._worker = None
        return False

    def _reached(self, name: str) -> None:
        self.on_moment(name)
        if self.crash_at and self.crash_at[0] == name:
            if self.crash_at[1] == 0:
                self.crash_at = None
                raise Died
            self.crash_at = name, self.crash_at[1] - 1

    def _sap(self, _name: str) -> Any:
        return self.ledger

    def _anaplan(self, _name: str) -> Any:
        return self

    def _open(self) -> Store:
        store = Store.open(str(self.folder / "state" / "connector.db"))
        store._database.rows("PRAGMA synchronous = OFF")  # nobody pulls the plug here
        begin = store.transaction

        def counted() -> Any:
            if self.crash_after is not None and self._at_work:
                self.crash_after -= 1
                if self.crash_after < 0:
                    self.crash_after = None
                    raise Died
            return begin()

        store.transaction = counted  # type: ignore[method-assign]
        return store

    # Backups

    def back_up(self, to: Path) -> None:
        """A copy of the store, by SQLite's own way, and of the mark beside it."""
        connection = cast("Any", self.store._database)._backend._mine().handle
        to.unlink(missing_ok=True)
        connection.execute("VACUUM INTO ?", (str(to),))
        mark = self.inst.terms().mark
        if mark.exists():
            to.with_suffix(".mark").write_bytes(mark.read_bytes())

    def restore(self, copy: Path, *, with_mark: bool) -> None:
        """Put a copy in the store's place. with_mark: the mark goes back as well, so that nothing tells."""
        for one in self.stopped:
            one.going_on.close()
        self.stopped.clear()
        self.seen.clear()  # numbers of runs come again
        self.store.close()
        for suffix in ("-wal", "-shm"):
            self.database.with_name(self.database.name + suffix).unlink(missing_ok=True)
        self.database.write_bytes(copy.read_bytes())
        if with_mark:
            mark, kept = self.inst.terms().mark, copy.with_suffix(".mark")
            if kept.exists():
                mark.write_bytes(kept.read_bytes())
            else:
                mark.unlink(missing_ok=True)
        self.inst = replace(self.inst, store=self._open())
        self._worker = None


class _Export:
    """Takes the place of the export's step."""

    def __init__(self, world: World, folder: Path) -> None:
        self._world = world
        self._folder = folder

    async def go(self) -> Exported:
        rows = tuple(with_control(self._world.rows))
        for one in self._world.store.runs.running():
            if one.purpose in (Purpose.FLOW, Purpose.CHECK):
                self._world.seen[one.id] = self._world.rows
        digest = hashlib.sha256(repr(rows).encode()).hexdigest()
        return Exported(
            self._folder / digest, digest, 1, "116000000001", self._world.flow.export, "Finance Hub", "T1",
            self._world.clock.now(), ExportColumns(tuple(HEADER), "UTF-8", ",", '"', None), rows,
        )  # fmt: skip
