"""The composition root: reads the settings once, opens store and vault, builds clients and the worker."""

from __future__ import annotations

import getpass
import os
import sys
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from tui_connector.anchors.ways import ways_out
from tui_connector.approval.decisions import Decisions
from tui_connector.approval.keys import Directory, default_key_path
from tui_connector.domain.audit import Fact
from tui_connector.domain.clock import SystemClock
from tui_connector.domain.errors import ConfigError, ConnectorError
from tui_connector.domain.flow import WritebackFlow
from tui_connector.domain.loglines import PlainLines, log_to, set_level
from tui_connector.domain.proposal import ProposalHead
from tui_connector.domain.retention import CLASSES
from tui_connector.domain.run import Purpose, RunRequest, RunState
from tui_connector.domain.text import clean
from tui_connector.flows import FLOWS
from tui_connector.settings.credentials import credential_fields
from tui_connector.settings.flows import connected_flows, effective_flows
from tui_connector.settings.load import config_path, load_settings, make_folder
from tui_connector.settings.timetables import timetables
from tui_connector.store.processes import is_dead
from tui_connector.store.run_search import RunFilter
from tui_connector.store.store import Store
from tui_connector.vault import Vault
from tui_connector.views.desk import Acts, Connection, Desk, Looking

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tui_connector.alerting.teller import Teller
    from tui_connector.anaplan.device import DeviceRequest
    from tui_connector.anchors.keeper import Keeper
    from tui_connector.clients import Clients
    from tui_connector.domain.case import Place
    from tui_connector.domain.clock import Clock
    from tui_connector.domain.flow import Flow
    from tui_connector.domain.proposal import Proposal
    from tui_connector.domain.timetable import Timetable
    from tui_connector.engine.alerts import Alerts
    from tui_connector.engine.context import Tenants
    from tui_connector.engine.worker import Equipment, Worker
    from tui_connector.engine.writeback.terms import Terms
    from tui_connector.settings.changes import Change
    from tui_connector.settings.sections import Settings
    from tui_connector.store.database import Transaction
    from tui_connector.store.erasures import Erasing


@dataclass(frozen=True, slots=True)
class Installation:
    """Everything the configuration names, opened once."""

    settings: Settings
    flows: tuple[Flow, ...]
    store: Store
    vault: Vault
    clock: Clock
    config: Path

    def person(self) -> str:
        """Who sits at this command."""
        return person()

    def connections(self) -> tuple[Connection, ...]:
        """The configured tenants."""
        saps = [
            Connection(f"sap.{name}", one.auth, one.base_url, f"sap.{name}", round(60 * one.requests_per_second))
            for name, one in self.settings.sap.items()
        ]
        models = [
            Connection(
                f"anaplan.{name}", one.auth, one.api_url, one.budget, round(60 * one.requests_per_second),
                one.workspace_id, one.model_id,
            )
            for name, one in self.settings.anaplan.items()
        ]  # fmt: skip
        return (*saps, *models)

    def desk(self, *, approver_key: Path | None = None) -> Desk:
        """What a console reads from, and may do; nothing of the latter when the store is open for reading only."""
        assert self.settings.state_folder is not None  # noqa: S101 - load_settings fills it
        posting = self.settings.posting
        return Desk(
            store=self.store,
            flows=self.flows,
            connections=self.connections(),
            directory=Directory(self.settings.approval.approvers),
            clock=self.clock,
            zone=datetime.now().astimezone().tzinfo or UTC,
            environment=self.settings.environment,
            person=self.person(),
            config=self.config,
            state=self.settings.state_folder,
            target=self._known_target,
            is_dead=is_dead,
            acts=None if self.store.read_only else self._acts(approver_key or default_key_path()),
            looking=Looking(posting.looks, posting.look_seconds, posting.resend, posting.attempts),
            seal=self.seal,
            ways_out=tuple(way.name for way in ways_out(self.settings.evidence)),
            timetables=self.timetables(),
            late=timedelta(minutes=self.settings.schedule.late_minutes),
            alert_targets=tuple(self.settings.alerts.targets),
        )

    def _acts(self, approver_key: Path) -> Acts:
        return Acts(
            request_runs=self.request_runs,
            request_posting=self.request_posting,
            request_remake=self.request_remake,
            decisions=self.decisions(),
            head=self.head,
            command=self.command,
            set_credential=self.set_credential,
            secret_fields=partial(credential_fields, self.settings),
            pause=self.pause,
            resume=self.resume,
            approver_key=approver_key,
            waive=self.waive,
            take_back=self.take_back_waivers,
            assign=self.assign_rejects,
            note_rejects=self.note_rejects,
            request_replay=self.request_replay,
            note=self.note,
            allow=self.allow,
        )

    def seal(self, digest: str) -> str | None:
        """A signed note over an evidence pack's digest; None without a key for checkpoints that opens here."""
        from tui_connector.anchors.notes import CREDENTIAL, Signer

        if self.store.credentials.changed_at(CREDENTIAL) is None:
            return None
        try:
            signer = Signer.open(self.store.id, self.vault)
        except ConnectorError:
            return None  # a person who reads the store need not hold the master key
        return signer.seal(digest) if signer.key in self.store.checkpoints.verifiers() else None

    def note(self, kind: str, subject: str, data: Mapping[str, Any]) -> None:
        """Write down what the person here did, when it changed nothing else."""
        with self.store.transaction() as tx:
            self.store.audit.append(tx, Fact(kind, self.person(), subject, dict(data)))

    def command(self, kind: str, subject: str, payload: Mapping[str, Any]) -> int:
        """Write down a wish of the person here; a worker answers it."""
        with self.store.transaction() as tx:
            number = self.store.commands.enqueue(tx, kind, dict(payload), self.person(), subject=subject)
            data = {"command": number, **payload}
            self.store.audit.append(tx, Fact(f"command.{kind}", self.person(), subject, data))
        return number

    def pause(self, flow: str, why: str) -> None:
        """Let a flow not start by itself until it is resumed; raises ConfigError for one without a schedule."""
        with self.store.transaction() as tx:
            self.store.schedule.pause(tx, self._scheduled(flow), why, self.person())

    def resume(self, flow: str) -> None:
        """Let it start by itself again, from its next slot on."""
        with self.store.transaction() as tx:
            self.store.schedule.resume(tx, self._scheduled(flow), self.person())

    def _scheduled(self, name: str) -> str:
        found = next((flow for flow in self.flows if flow.name == name), None)
        if found is None:
            raise ConfigError(f"there is no flow {name}", hint=f"there are {', '.join(f.name for f in self.flows)}")
        if not found.schedule:
            raise ConfigError(
                f"{name} is on no schedule; it starts only when asked",
                hint=f"`run {name}` starts it; config.toml gives it one",
            )
        return name

    def _known_target(self, flow: Flow) -> int | None:
        return self.store.targets.find(*self._place(flow))

    def target_id(self, flow: Flow) -> int:
        """The flow on its pair of tenants, to which its trail and watermark belong."""
        known = self._known_target(flow)
        if known is not None:
            return known
        with self.store.transaction() as tx:
            return self.store.targets.id_for(tx, *self._place(flow))

    def _place(self, flow: Flow) -> tuple[str, str, str, str, str, str]:
        sap = self.settings.sap_of(flow.sap)
        anaplan = self.settings.anaplan_of(flow.anaplan)
        return flow.name, flow.sap, sap.base_url, flow.anaplan, anaplan.workspace_id, anaplan.model_id

    def request_runs(
        self,
        requests: Sequence[RunRequest],
        by: str,
        *,
        wins: Callable[[Transaction, RunRequest], bool] = lambda _tx, _request: True,
    ) -> list[int]:
        """Write down runs asked for together, those that `wins` says yes to; a worker claims them in their order."""
        wanted = [self._wanted(request) for request in requests]
        with self.store.transaction() as tx:
            return self._request_runs(tx, [one for one in wanted if wins(tx, one[0])], by)

    def request_remake(self, proposal: Proposal, purpose: Purpose, reason: str, by: str) -> int:
        """Let a proposal be made from another one: without the lines taken out, or the opposite of what was posted."""
        self.writeback(proposal.flow)
        wanted = self._wanted(RunRequest(proposal.flow, purpose=purpose, proposal=proposal.id))
        with self.store.transaction() as tx:
            run_id = self._request_runs(tx, [wanted], by)[0]
            if reason:
                data = {"proposal": proposal.id, "reason": reason}
                self.store.audit.append(tx, Fact("reversal.requested", by, proposal.name, data, run_id))
        return run_id

    def _request_runs(self, tx: Transaction, wanted: Sequence[tuple[RunRequest, int, str]], by: str) -> list[int]:
        ids = self.store.runs.create_cycle(tx, wanted, requested_by=by)
        for run_id, (request, _, _) in zip(ids, wanted, strict=True):
            data = {
                "mode": request.mode.value,
                "dry_run": request.dry_run,
                "since": request.since and request.since.isoformat(),
            }
            self.store.audit.append(tx, Fact("run.requested", by, request.flow, data, run_id))
        return ids

    def request_replay(self, flow: str, records: Sequence[Place], by: str) -> int:
        """Let refused records of a load flow be sent once more, exactly these; the run's number."""
        wanted = self._wanted(RunRequest(flow))
        with self.store.transaction() as tx:
            return self._request_replay(tx, wanted, records, by)

    def _request_replay(
        self, tx: Transaction, wanted: tuple[RunRequest, int, str], records: Sequence[Place], by: str
    ) -> int:
        from tui_connector.engine.replay import request_replay

        request, target_id, model = wanted
        declared = next(one for one in self.flows if one.name == request.flow)
        return request_replay(tx, self.store, declared, (target_id, model), records, by=by)

    def allow(self, run_id: int, reason: str, by: str) -> list[int]:
        """Allow what a run asked about; the runs that follow. See `engine.allowing.allow`."""
        from tui_connector.engine.allowing import allow

        def request(tx: Transaction, requests: Sequence[RunRequest], person: str) -> list[int]:
            return self._request_runs(tx, [self._wanted(one) for one in requests], person)

        def replay(tx: Transaction, flow: str, records: Sequence[Place], person: str) -> int:
            return self._request_replay(tx, self._wanted(RunRequest(flow)), records, person)

        return allow(self.store, run_id, reason, by, request=request, request_replay=replay)

    def waive(self, records: Sequence[Place], reason: str, by: str) -> int:
        """Let open rejects be, with a reason; how many."""
        with self.store.transaction() as tx:
            return self.store.cases.waive(tx, records, reason, by)

    def assign_rejects(self, records: Sequence[Place], to: str, by: str) -> int:
        """Give rejects that have not ended to a person, or with "" to nobody; how many."""
        with self.store.transaction() as tx:
            return self.store.cases.assign(tx, records, clean(to.strip(), limit=80), by)

    def note_rejects(self, records: Sequence[Place], text: str, by: str) -> int:
        """Write a note on rejects that have not ended, in place of the one before; how many."""
        with self.store.transaction() as tx:
            return self.store.cases.note(tx, records, clean(text.strip(), limit=500), by)

    def take_back_waivers(self, records: Sequence[Place], reason: str, by: str) -> int:
        """Take waivers back: their records are open again; how many."""
        with self.store.transaction() as tx:
            return self.store.cases.take_back(tx, records, reason, by)

    def _wanted(self, request: RunRequest) -> tuple[RunRequest, int, str]:
        """A wish with its target and what its run will hold exclusively."""
        flow = next(flow for flow in self.flows if flow.name == request.flow)
        if request.purpose in (Purpose.POST, Purpose.REVISE, Purpose.REVERSE):
            return request, self.target_id(flow), f"posting/{flow.sap}/{flow.name}"
        model = self.settings.anaplan_of(flow.anaplan).model_id
        return request, self.target_id(flow), model

    def writeback(self, name: str) -> WritebackFlow:
        """The writeback flow of this name; ConfigError when there is none any more."""
        found = next((flow for flow in self.flows if flow.name == name and isinstance(flow, WritebackFlow)), None)
        if found is None:
            raise ConfigError(
                f"the writeback flow {name} is not in the configuration", hint="declare it again in config.toml"
            )
        return found

    def head(self, flow: WritebackFlow) -> ProposalHead:
        """Where a flow's proposals come from and go, as configured now."""
        from tui_connector.engine.proposal.propose import mapping_digest

        anaplan = self.settings.anaplan_of(flow.anaplan)
        return ProposalHead(
            environment=self.settings.environment,
            flow=flow.name,
            sap=self.settings.sap_of(flow.sap).base_url,
            workspace_id=anaplan.workspace_id,
            model_id=anaplan.model_id,
            export=flow.export,
            mode=flow.mode,
            channel=flow.channel,
            ledger=flow.ledger,
            ledger_words=flow.ledger_words,
            mapping=mapping_digest(flow),
        )

    def terms(self) -> Terms:
        """What every writeback of this installation is bound by."""
        from tui_connector.engine.writeback.terms import PostingPolicy, Terms

        approval, posting, folder = self.settings.approval, self.settings.posting, self.settings.state_folder
        assert folder is not None  # noqa: S101 - load_settings fills both
        assert posting.mark is not None  # noqa: S101
        policy = PostingPolicy(**posting.model_dump(exclude={"mark"}))
        return Terms(
            directory=Directory(approval.approvers),
            head=self.head,
            single_operator=approval.single_operator,
            expires=timedelta(hours=approval.expires_hours),
            unset=self.settings.periods.unset,
            posting=policy,
            exports=folder / "exports",
            mark=posting.mark,
        )

    def decisions(self) -> Decisions:
        """What people may say of proposals, and the runs that follow from it."""
        approval = self.settings.approval
        return Decisions(
            self.store,
            Directory(approval.approvers),
            self.clock,
            single_operator=approval.single_operator,
            request_posting=self._request_posting,
        )

    def request_posting(self, proposal: Proposal, by: str) -> list[int]:
        """Let an approved proposal be posted, or what is open of it be looked up; the runs, also those under way."""
        with self.store.transaction() as tx:
            return self._request_posting(tx, proposal, by)

    def _request_posting(self, tx: Transaction, proposal: Proposal, by: str) -> list[int]:
        under_way = [
            run.id
            for run in (*self.store.runs.running(), *self.store.runs.waiting())
            if run.proposal == proposal.id and run.purpose in (Purpose.CHECK, Purpose.POST)
        ]
        if under_way:
            return under_way
        documents = self.store.proposals.documents(proposal.id)
        unsent = any(one.state.unsent for one in documents)
        purposes = [Purpose.CHECK, Purpose.POST] if unsent and not proposal.head.reverses else [Purpose.POST]
        wanted = [
            self._wanted(RunRequest(proposal.flow, purpose=purpose, proposal=proposal.id)) for purpose in purposes
        ]
        ids = self.store.runs.create_cycle(tx, wanted, requested_by=by)
        data = {"proposal": proposal.id, "purposes": [purpose.value for purpose in purposes]}
        self.store.audit.append(tx, Fact("posting.requested", by, proposal.name, data, ids[-1]))
        return ids

    def request_status(self, proposal: Proposal, by: str) -> list[int]:
        """Let Anaplan be told once more what became of a posted proposal, where it was not; the run, if any."""
        if self.writeback(proposal.flow).status is None:
            return []
        runs = self.store.runs.search(RunFilter(proposal=proposal.id))
        last = next((run for run in runs if run.purpose is Purpose.STATUS), None)
        if last is not None and (last.state is RunState.DONE or not last.state.ended):
            return []
        return self.request_runs([RunRequest(proposal.flow, purpose=Purpose.STATUS, proposal=proposal.id)], by)

    def _clients(self) -> Clients:
        from tui_connector.clients import Clients  # a console starts without them

        return Clients(self.settings, self.store, self.vault, self.clock, self.set_credential)

    def tenants(self) -> AbstractAsyncContextManager[Tenants]:
        """Clients, opened when first asked for and closed at the end."""
        return self._clients().open()

    async def approve_device(self, name: str, client_id: str, show: Callable[[DeviceRequest], None]) -> None:
        """Let a person approve this machine in Anaplan and seal the refresh token that yields.

        Raises AuthenticationError when it was refused or nobody decided in time.
        """
        await self._clients().approve_device(name, client_id, show)

    @asynccontextmanager
    async def worker(self, *, beat_seconds: float | None = None) -> AsyncIterator[Worker]:
        """A worker with its clients. beat_seconds: between two signs of life, where the engine's own are too rare."""
        from tui_connector.engine.memory import keep_flat
        from tui_connector.engine.worker import Worker

        keep_flat()
        async with self.tenants() as tenants:
            yield Worker(self.store, self.clock, self.equipment(tenants, beat_seconds=beat_seconds))

    def equipment(self, tenants: Tenants, *, beat_seconds: float | None = None) -> Equipment:
        """What a worker of this configuration goes by."""
        from tui_connector.engine.evidence import Evidence
        from tui_connector.engine.worker import BEAT_SECONDS, Equipment, WorkerOptions

        engine = self.settings.engine
        beat = min(beat_seconds or BEAT_SECONDS, BEAT_SECONDS)
        options = WorkerOptions(engine.lease_seconds, engine.poll_seconds, engine.task_poll_seconds, beat)
        return Equipment(
            self.flows, tenants, options, self.terms(), self.request_runs, self.timetables(),
            Evidence(self.keeper(), self.retain), self._alerts(),
        )  # fmt: skip

    def reread(self) -> tuple[Installation, tuple[Change, ...]]:
        """The installation by config.toml as it is now, and what that changes.

        Raises ConfigError for a configuration that is not sound, or that takes a restart.
        """
        from tui_connector.settings.changes import changes

        settings = load_settings(self.config)
        flows = connected_flows(settings, FLOWS)
        timetables(settings, flows)  # all of them can come due
        changed = changes(self.settings, settings)
        set_level(settings.log.level)
        return replace(self, settings=settings, flows=flows), changed

    def timetables(self) -> dict[str, Timetable]:
        """When each flow that is on a schedule is due."""
        return timetables(self.settings, self.flows)

    def aged(self) -> Erasing:
        """What is older than the settings keep."""
        now, settings = self.clock.now(), self.settings.retention
        days = {kept.name: settings.days(kept) for kept in CLASSES}
        return self.store.erasures.aged({name: now - timedelta(days=n) for name, n in days.items() if n is not None})

    def retain(self, by: str) -> Erasing:
        """Erase it; what was erased."""
        if not self.aged().empty:
            with self.store.transaction() as tx:
                found = self.aged()
                self.store.erasures.erase(tx, found, "older than [retention] keeps", by)
                return found
        return self.aged()

    def keeper(self) -> Keeper:
        """Who makes checkpoints of the audit log and sends them out."""
        from tui_connector.anchors.keeper import Keeper, Pace

        evidence = self.settings.evidence
        pace = Pace(evidence.events, timedelta(minutes=evidence.minutes))
        return Keeper(self.store, self.vault, ways_out(evidence), pace, self.clock)

    def teller(self) -> Teller:
        """Who tells the targets of [alerts] what needs a person."""
        from tui_connector.engine.alerts import teller

        return teller(self.settings, self.store, self.vault, self.desk())

    def _alerts(self) -> Alerts | None:
        """The worker's part of it; None without a target."""
        from tui_connector.engine.alerts import Alerts

        given = self.settings.alerts
        return Alerts(self.teller().look, given.look_seconds) if given.targets else None

    def set_credential(self, name: str, values: Mapping[str, str]) -> None:
        """Seal a connection's secrets; a token of the old ones is forgotten."""
        if name.startswith("alert."):
            from tui_connector.alerting.ring import check

            check(values.get("url", ""))
        if self.store.credentials.key() is None:
            self.vault.init_key(self.settings.vault.key, by=self.person())
        self.vault.seal(name, values, by=self.person())
        self.store.forget_token(name)

    def delete_credential(self, name: str) -> bool:
        """Forget a connection's secrets and its token; False when there were none."""
        self.store.forget_token(name)
        return self.vault.delete(name, by=self.person())

    def rotate_key(self) -> int:
        """Make a new master key; its version. Tokens sealed under the old one are fetched anew."""
        version = self.vault.rotate(by=self.person())
        for connection in self.connections():
            self.store.forget_token(connection.name)
        return version


@contextmanager
def open_installation(config: str | None, *, read_only: bool = False) -> Iterator[Installation]:
    """Read the settings and open store and vault; closed at the end."""
    path = config_path(config)
    settings = load_settings(path)
    flows = effective_flows(settings, FLOWS)
    assert settings.state_folder is not None  # noqa: S101 - load_settings fills it
    if not read_only:
        make_folder(settings.state_folder)  # exports, key and marks are there, wherever the store is
    store = Store.open(store_url(settings), read_only=read_only)
    try:
        vault = Vault(store.credentials, settings.state_folder / "master.key", ask=_ask_passphrase)
        log_to(sys.stderr, PlainLines(vault.mask), settings.log.level)
        yield Installation(settings, flows, store, vault, SystemClock(), path)
    finally:
        store.close()


def store_url(settings: Settings) -> str:
    """Where the store is, whatever the configuration calls it."""
    assert settings.state_folder is not None  # noqa: S101 - load_settings fills it
    return str(settings.state_folder / "connector.db") if settings.store.url == "sqlite" else settings.store.url


def person() -> str:
    """Who sits at this command: the user id, which cannot be forged by the environment."""
    return f"uid:{os.getuid()}" if hasattr(os, "getuid") else getpass.getuser()


def _ask_passphrase(prompt: str) -> str:
    if not sys.stdin.isatty():
        raise ConfigError(
            "the master key is sealed by a passphrase, and nobody is here to type it",
            hint="for a service, keep the key in a systemd credential or a key file: `tui-connector keys rotate`",
        )
    return getpass.getpass(prompt)
