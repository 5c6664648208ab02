"""Whole journeys: one sandbox process a session, an installation of the connector against it, and ways to run flows."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from unittest.mock import patch

import httpx
import pytest

from tui_connector.bootstrap import Installation, open_installation
from tui_connector.domain.run import Run, RunRequest
from tui_connector.engine import action
from tui_connector.store.sqlite import SqliteBackend

if TYPE_CHECKING:
    import signal

ROOT = Path(__file__).resolve().parent.parent.parent
WORKSPACE = "8a81b0927f3c4e1d9a6b5c4d3e2f1a00"
FINANCE_HUB = "3F02A9C41B7D4E58A1C6D2E37B9F0456"
WORKFORCE = "77B1E0D25C9A4F3E8D6B1A2C3E4F5061"
LINE_ITEMS = 600  # of each ledger
PAGE_SIZE = 200  # rows of one answer of the simulated SAP

ANAPLAN = """[anaplan.{name}]
api_url = "{url}"
auth_url = "{url}"
oauth_url = "{url}"
auth = "basic"
workspace_id = "{workspace}"
model_id = "{model}"
requests_per_second = 10
burst = 600
"""
CONFIG = (
    """environment = "TEST"
[vault]
key = "file"
[http]
read_seconds = 30
[engine]
lease_seconds = 2
poll_seconds = 0.05
task_poll_seconds = 0.2
[sap.main]
base_url = "{url}"
auth = "oauth"
token_url = "{url}/sap/bc/sec/oauth2/token"
requests_per_second = 1000
"""
    + ANAPLAN.replace("{name}", "main")
    + """# These journeys rename masters to see something arrive; nobody is there to be asked.
[flows.gl_accounts.radar]
renamed = "go on"
reappeared = "go on"
[flows.profit_centers.radar]
renamed = "go on"
"""
)
SAP_SECRETS = {"client_id": "CONNECTOR", "client_secret": "sandbox-secret-1"}
ANAPLAN_SECRETS = {"user": "integration@example.com", "password": "sandbox-secret-2"}

Seen = TypeVar("Seen")
Doom = Callable[[int, str], bool]  # number of a commit and kind of its newest audit event -> whether to strike there


def wait_for(ask: Callable[[], Seen], good: Callable[[Seen], Any] = bool, seconds: float = 20.0) -> Seen:
    """Ask again and again until the answer is good; it. Fails after so many seconds, and shows the last answer."""
    end = time.monotonic() + seconds
    while True:
        seen = ask()
        if good(seen):
            return seen
        assert time.monotonic() < end, f"after {seconds} s still {str(seen)[:2000]}"
        time.sleep(0.01)


@dataclass
class Sandbox:
    """Where both simulated tenants answer, and everything their control API can do."""

    url: str
    http: httpx.Client = field(repr=False)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One call of the control API below /_sandbox/; the decoded answer."""
        answer = self.http.request(method, f"{self.url}/_sandbox/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def reset(self) -> None:
        """Both tenants back to their seed; no faults, no log, the present time."""
        self.call("POST", "reset")

    def fault(self, kind: str, path: str, method: str = "*", **fields: Any) -> None:
        """Lay down a fault rule: `path` is searched in path?query; times, skip and the kind's own fields by name."""
        self.call("POST", "faults", {"kind": kind, "path": path, "method": method, **fields})

    def faults(self) -> list[dict[str, Any]]:
        """Every rule with its counters `matched` and `hits`, in the order they were laid down."""
        rules: list[dict[str, Any]] = self.call("GET", "faults")["faults"]
        return rules

    def hits(self) -> list[int]:
        """How often each rule has struck."""
        return [rule["hits"] for rule in self.faults()]

    def clear_faults(self) -> None:
        self.call("DELETE", "faults")

    def sap(self, **switches: Any) -> None:
        """Turn switches of the simulated SAP."""
        self.call("PATCH", "sap/settings", switches)

    def anaplan(self, **switches: Any) -> None:
        """Turn switches of the simulated Anaplan."""
        self.call("PATCH", "anaplan/settings", switches)

    def advance(self, seconds: float) -> None:
        """Move the clock of both tenants."""
        self.call("POST", "clock", {"advance": seconds})

    def change(self, entity_set: str, key: dict[str, Any], **values: Any) -> None:
        """Change or create a SAP record; its change fields are stamped as the real entity would."""
        self.call("POST", f"sap/records/{entity_set}", {"key": key, "set": values})

    def remove(self, entity_set: str, key: dict[str, Any]) -> None:
        """Take a SAP record away."""
        assert self.call("DELETE", f"sap/records/{entity_set}", {"key": key})["removed"] == 1

    def masters(self, *changes: dict[str, Any]) -> None:
        """Change whole masters of SAP: {"kind": "cost_centers", "code", "do": "rename", "name"} and the like."""
        self.call("POST", "sap/masters", {"changes": list(changes)})

    def requests(self, method: str, part: str) -> list[dict[str, Any]]:
        """Requests so far whose path?query holds `part`: method, path, status (0: no answer), at."""
        log = self.call("GET", "log")["requests"]
        return [one for one in log if one["method"] == method and part in one["path"]]

    def tasks(self, action: str | None = None) -> list[dict[str, Any]]:
        """Anaplan tasks that were started, in order: model, action, kind, task, state, created, started, ended."""
        shown: list[dict[str, Any]] = self.call("GET", "anaplan/actions")["actions"]
        return [one for one in shown if action is None or one["action"] == action]

    def clashes(self) -> tuple[int, int]:
        """Pairs of tasks of one model that overlapped, and tasks started while another one was under way."""
        shown = self.call("GET", "anaplan/actions")
        return shown["overlaps"], shown["concurrent_starts"]

    def items(self, name: str) -> dict[str, dict[str, Any]]:
        """Members of a list of the Finance Hub: code -> {"name", "parent", "properties"}."""
        found: dict[str, dict[str, Any]] = self.call("GET", f"anaplan/lists/{name}")["items"]
        return found

    def module(self, name: str) -> dict[str, Any]:
        """A module of the Finance Hub: {"count", "cells": {code: {line item: value}}, "totals": {line item: sum}}."""
        found: dict[str, Any] = self.call("GET", f"anaplan/modules/{name}")
        return found


@dataclass
class Process:
    """A connector process of its own; what it says is kept in files."""

    popen: subprocess.Popen[bytes] = field(repr=False)
    folder: Path

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def running(self) -> bool:
        return self.popen.poll() is None

    def send(self, number: signal.Signals) -> None:
        self.popen.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.popen.kill()
        self.popen.wait(10)

    def wait(self, seconds: float = 30.0) -> int:
        """Its exit code."""
        return self.popen.wait(seconds)

    @property
    def said(self) -> str:
        """Standard output and standard error so far."""
        return (self.folder / "out").read_text() + (self.folder / "err").read_text()


class RunFlows(Protocol):
    def __call__(self, *names: str, seconds: float = 60.0, **request: Any) -> list[Run]: ...


@pytest.fixture(scope="session")
def sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The sandbox in a process of its own, which ends with this one; its complaints are kept in a file."""
    complaints = tmp_path_factory.mktemp("sandbox") / "err"
    command = [sys.executable, "-m", "tui_connector.sandbox", "--parent-pipe"]
    command += ["--line-items", str(LINE_ITEMS), "--page-size", str(PAGE_SIZE)]
    pipe = subprocess.PIPE
    with (
        complaints.open("w") as err,
        subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=err, text=True) as process,
    ):
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["port"]
        with httpx.Client(trust_env=False, timeout=30) as http:
            yield Sandbox(f"http://127.0.0.1:{port}", http)
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def sandbox(sandbox_process: Sandbox) -> Sandbox:
    """The sandbox as it was when it started, with quick tasks, and room for a burst of 600 beside the rate."""
    sandbox_process.reset()
    sandbox_process.anaplan(task_seconds=0.05, task_queue_seconds=0.0, cancel_seconds=0.05, rate_capacity=1200)
    return sandbox_process


@pytest.fixture
def more_config() -> str:
    """What comes after the usual config.toml; a test module or a parametrized test overrides it."""
    return ""


def seal_config(sandbox: Sandbox, folder: Path, more: str = "") -> Path:
    """Write a config.toml against the sandbox into a folder and seal the secrets of its connections; its path."""
    path = folder / "config.toml"
    text = CONFIG.format(url=sandbox.url, workspace=WORKSPACE, model=FINANCE_HUB)
    path.write_text(text + more.replace("{url}", sandbox.url), encoding="utf-8")
    with open_installation(str(path)) as opened:
        for connection in opened.connections():
            secrets = SAP_SECRETS if connection.name.startswith("sap.") else ANAPLAN_SECRETS
            opened.set_credential(connection.name, secrets)
    return path


@pytest.fixture
def config(sandbox: Sandbox, tmp_path: Path, more_config: str) -> Path:
    """A config.toml against the sandbox with the secrets of every connection sealed; its path."""
    return seal_config(sandbox, tmp_path, more_config)


@pytest.fixture
def installation(config: Path) -> Iterator[Installation]:
    """The installation of `config`, opened in this process."""
    with open_installation(str(config)) as opened:
        yield opened


@contextmanager
def open_hastily(config: Path) -> Iterator[Installation]:
    """Open an installation with leases and pauses shorter than config.toml allows."""
    with open_installation(str(config)) as installation:
        engine = installation.settings.engine.model_copy(update={"lease_seconds": 0.4, "task_poll_seconds": 0.05})
        yield replace(installation, settings=installation.settings.model_copy(update={"engine": engine}))


def request_runs(installation: Installation, *names: str, **request: Any) -> list[int]:
    """Write down runs of these flows as one cycle, in this order; their numbers. request: fields of RunRequest."""
    return installation.request_runs([RunRequest(name, **request) for name in names], "test")


def runs_of(installation: Installation, ids: list[int]) -> list[Run]:
    return [installation.store.runs.get(run_id) for run_id in ids]


def wait_for_runs(installation: Installation, ids: list[int], seconds: float = 30.0) -> list[Run]:
    """The runs, once some other process has brought all of them to an end."""
    return wait_for(lambda: runs_of(installation, ids), lambda runs: all(run.state.ended for run in runs), seconds)


def serve(installation: Installation, until: Callable[[], bool], seconds: float = 60.0) -> None:
    """Let a worker in this process serve until that is so."""

    async def served() -> None:
        async with asyncio.timeout(seconds), installation.worker() as worker:
            await worker.serve(asyncio.Event(), until=until, scheduled=False)

    with patch.object(action, "_LOOK_SECONDS", 0.2):  # between two looks for a task that may have been started
        asyncio.run(served())
    holder = installation.store.leases.holder(FINANCE_HUB)
    assert holder is None or f":{os.getpid()}:" not in holder.owner, "the worker has kept its lease"


def work(installation: Installation, ids: list[int], seconds: float = 60.0) -> list[Run]:
    """Let a worker in this process serve until these runs have ended; the runs."""
    serve(installation, lambda: all(run.state.ended for run in runs_of(installation, ids)), seconds)
    return runs_of(installation, ids)


@pytest.fixture
def run_flows(installation: Installation) -> RunFlows:
    """Run flows as one cycle with a worker in this process, until all have ended; the runs in the order asked for.

    request: mode, dry_run, since as in RunRequest.
    """

    def run(*names: str, seconds: float = 60.0, **request: Any) -> list[Run]:
        return work(installation, request_runs(installation, *names, **request), seconds)

    return run


def environment() -> dict[str, str]:
    """That of this process, with the project found from any folder."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def command_line(config: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "tui_connector", "--config", str(config), *arguments]


@pytest.fixture
def cli(config: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run one command of the connector to its end: cli("audit", "verify", "--json").stdout."""

    def run(*arguments: str, stdin: str = "", seconds: float = 60.0) -> subprocess.CompletedProcess[str]:
        command = command_line(config, *arguments)
        return subprocess.run(
            command, input=stdin, capture_output=True, text=True, timeout=seconds, check=False, env=environment()
        )

    return run


def start_process(config: Path, folder: Path, *arguments: str) -> Process:
    """Start a connector process, the worker alone unless arguments say otherwise; what it says goes into `folder`."""
    folder.mkdir()
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        command = command_line(config, *(arguments or ("--no-ui",)))
        popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment())
    return Process(popen, folder)


@pytest.fixture
def start_worker(config: Path, tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Start a connector process: the worker alone, or start_worker("run", "gl_accounts"). Survivors are killed."""
    started: list[Process] = []

    def start(*arguments: str) -> Process:
        started.append(start_process(config, tmp_path / f"process-{len(started)}", *arguments))
        return started[-1]

    yield start
    for process in started:
        process.kill()


def fork(job: Callable[[], int]) -> int:
    """Do a job in a child process and end it with the job's exit code; its pid.

    No store may be open in this process meanwhile: an open SQLite does not outlive a fork.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = job()
        except BaseException:  # noqa: BLE001 (the child ends here, whatever it was)
            traceback.print_exc()
        finally:
            os._exit(code)
    return child


@contextmanager
def signal_at(number: signal.Signals, doom: Doom, *, after: bool) -> Iterator[None]:
    """Send this process a signal right before or after the commit that is its doom; only audited commits count."""
    commit, newest, counted = SqliteBackend.commit, 0, 0

    def watched(backend: SqliteBackend) -> None:
        nonlocal newest, counted
        event, kind = backend.query("SELECT seq, kind FROM audit_event ORDER BY seq DESC LIMIT 1", ())[0]
        counted, newest, doomed = counted + (event != newest), event, event != newest and doom(counted + 1, kind)
        if doomed and not after:
            os.kill(os.getpid(), number)
        commit(backend)
        if doomed and after:
            os.kill(os.getpid(), number)

    with patch.object(SqliteBackend, "commit", watched):
        yield


def anaplan(sandbox: Sandbox) -> tuple[str, dict[str, str]]:
    """Where the Finance Hub answers, and headers that let a test in without the connector."""
    answer = sandbox.http.post(
        f"{sandbox.url}/token/authenticate", auth=(ANAPLAN_SECRETS["user"], ANAPLAN_SECRETS["password"])
    )
    token = answer.raise_for_status().json()["tokenInfo"]["tokenValue"]
    model = f"{sandbox.url}/2/0/workspaces/{WORKSPACE}/models/{FINANCE_HUB}"
    return model, {"Authorization": f"AnaplanAuthToken {token}"}


def assert_sound(installation: Installation) -> None:
    """The audit chain with the records it covers is whole (what `audit verify` looks at)."""
    verdict = installation.store.audit.verify()
    assert verdict.broken_at is None, verdict.finding
