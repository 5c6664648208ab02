"""A mark in every secret of an installation, in the tenants' tokens too, and a look for it in all that a day leaves.

With every flow: DEEP_TESTS=1 pytest tests/journeys/test_canary.py
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import logging
import os
import resource
import signal
import subprocess
import sys
import threading
import time
import zipfile
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the one the store uses

from tests.journeys.canaries import Canaries, forms, in_url
from tests.journeys.conftest import (
    CONFIG,
    FINANCE_HUB,
    WORKSPACE,
    Sandbox,
    assert_sound,
    command_line,
    environment,
    request_runs,
    runs_of,
    wait_for,
    work,
)
from tests.journeys.desk import Desk as PersonsDesk
from tests.journeys.posting_desk import FLOW, open_periods
from tests.ui.stage import press, shoot, stage, type_in
from tests.ui.terminal import Terminal
from tui_connector.approval.keys import KeyFile
from tui_connector.bootstrap import open_installation
from tui_connector.domain.loglines import JsonLines, log_to
from tui_connector.domain.run import RunState
from tui_connector.engine.load import LoadRun
from tui_connector.flows import FLOWS
from tui_connector.sandbox.sap.posting import PATH
from tui_connector.ui.dialogs.credential import SetCredential

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.conftest import Postgres
    from tui_connector.bootstrap import Installation
    from tui_connector.domain.run import Run
    from tui_connector.views.desk import Desk

MORE = """
[http]
read_seconds = 30
attempts = 1
[log]
format = "json"
level = "DEBUG"
[posting]
quiet_seconds = 1
look_seconds = 0.1
test_run = false
[traces]
endpoint = "http://127.0.0.1:{traces}/v1/traces"
[alerts.targets.hook]
[sap.basic]
base_url = "{url}"
auth = "basic"
[sap.cert]
base_url = "{url}"
auth = "certificate"
[sap.away]
base_url = "{secure}"
auth = "basic"
{models}
[flows.gl_accounts]
sap = "basic"
anaplan = "cert"
[flows.suppliers]
anaplan = "device"
[flows.plan_writeback]
company_codes = ["1010", "2010"]
two_approvers_from = {{ EUR = "1000000000", CHF = "1000000000" }}
"""
MODEL = """[anaplan.{name}]
api_url = "{url}"
auth_url = "{url}"
oauth_url = "{url}"
auth = "{auth}"
workspace_id = "{workspace}"
model_id = "{model}"
requests_per_second = 10
burst = 600
"""
SAP_SAYS = {"content_type": "application/json", "body": '{"error": {"code": "X/1", "message": {"value": "{request}"}}}'}
SOAP_SAYS = {
    "status": 400, "content_type": "text/xml", "body": '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">'
    "<s:Body><s:Fault><faultcode>s:Client</faultcode><faultstring><![CDATA[{request}]]></faultstring></s:Fault></s:Body></s:Envelope>",
}  # fmt: skip
ANAPLAN_SAYS = {
    "content_type": "application/json",
    "body": '{"status": {"message": "{request}"}, "statusMessage": "{request}"}',
}
DEEP = os.environ.get("DEEP_TESTS") == "1"
ALL = tuple(flow.name for flow in FLOWS)
SERVED = ALL if DEEP else ("gl_accounts", "profit_centers", "cost_centers", "suppliers", FLOW)
POST = PATH + "$"
VIEWS = ("overview", "runs", "approvals", "audit", "flows", "connections", "rejects")
DISCREET = """import ctypes
from tui_connector.cli.discreet import leave_no_core
leave_no_core()
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), flush=True)"""
UNEXPECTED = """
import sys
from tui_connector.__main__ import main
from tui_connector.vault import Vault
before = Vault.open
def opened(self, connection):
    raise RuntimeError(f"{before(self, connection)!r} {list(before(self, connection).values())}")
Vault.open = opened
sys.exit(main())
"""


@dataclass
class Town:
    """An installation whose every secret holds the mark, both tenants behind it, and a folder with what was said and shown."""

    canaries: Canaries
    config: Path
    sandbox: Sandbox
    secrets: dict[str, dict[str, str]]
    passphrase: str
    said: Path
    started: list[int] = field(default_factory=list)  # processes

    @property
    def state(self) -> Path:
        return self.config.parent / "state"

    @cached_property
    def approver(self) -> KeyFile:
        """A key under a passphrase that holds the mark, enrolled."""
        key = KeyFile(self.config.parent / "approver" / "approver.key")
        public = key.create("a.novak", "novak", self.passphrase, environments=("TEST",))
        folder = self.config.parent / "approvers.d"
        folder.mkdir(mode=0o755)
        (folder / public.file_name).write_text(public.to_text())
        return key

    def tell(self, *arguments: str, code: int | None = 0) -> str:
        """Give a command in this process; what it prints is kept."""
        told = PersonsDesk(self.config, self.sandbox).tell(*arguments)
        self.keep("-".join(arguments), told.text)
        assert code is None or told.code == code, told.text
        return told.text

    def process(self, *command: str) -> subprocess.CompletedProcess[bytes]:
        """Let a process of its own do something; what it prints is kept."""
        done = subprocess.run(command, capture_output=True, timeout=60, check=False, env=environment())
        self.keep("process", done.stdout.decode() + done.stderr.decode())
        return done

    def keep(self, name: str, text: str) -> None:
        names = "".join(char if char.isalnum() else "-" for char in name)
        (self.said / f"{len(list(self.said.iterdir()))}-{names[:60]}").write_text(text)

    def leaks(self) -> list[str]:
        """Where the mark stands: in files of the installation, in what was said and shown, in arguments of processes."""
        return [*self.canaries.in_files(self.config.parent), *self.canaries.in_processes([os.getpid()])]


@contextmanager
def town(
    sandbox: Sandbox, folder: Path, *, store: str = "", traces: int = 9, canaries: Canaries | None = None
) -> Iterator[Town]:
    """The installation with its secrets sealed."""
    canaries, url = canaries or Canaries(), sandbox.url
    sap, client, anaplan, lock = (canaries.secret(one) for one in ("sap", "client", "anaplan", "lock"))
    sandbox.sap(password=client, token_mark=canaries.mark)
    sandbox.anaplan(password=anaplan, token_mark=canaries.mark)
    for_anaplan = canaries.certificate(canaries.secret("seal"), curve=False)
    sandbox.call("POST", "anaplan/certificates", {"pem": for_anaplan["certificate_pem"]})
    secrets = {
        "sap.main": {"client_id": "CONNECTOR", "client_secret": client},
        "sap.basic": {"user": "CONNECTOR", "password": client},
        "sap.cert": canaries.certificate("", curve=True),
        "sap.away": {"user": "CONNECTOR", "password": sap},
        "anaplan.main": {"user": "integration@example.com", "password": anaplan},
        "anaplan.cert": for_anaplan,
        "anaplan.device": {"client_id": "sandbox-client", "refresh_token": refresh_token(sandbox)},
        "alert.hook": {"url": f"json://user:{in_url(lock)}@{url[7:]}/hook/{canaries.word('way')}"},
    }  # fmt: skip
    models = "".join(
        MODEL.format(name=name, auth=auth, url=url, workspace=WORKSPACE, model=FINANCE_HUB)
        for name, auth in (("cert", "certificate"), ("device", "device"))
    )
    text = CONFIG.replace("[http]\nread_seconds = 30\n", "").format(url=url, workspace=WORKSPACE, model=FINANCE_HUB)
    # what listens there speaks no TLS
    text += MORE.format(url=url, secure=url.replace("http:", "https:"), traces=traces, models=models)
    config, said = folder / "config.toml", folder / "said"
    config.write_text(text + (f'[store]\nurl = "{store}"\n' if store else ""))
    said.mkdir()
    made = Town(canaries, config, sandbox, secrets, canaries.word("approver"), said)
    with open_installation(str(config)) as installation:
        for name, fields in made.secrets.items():
            installation.set_credential(name, fields)
        open_periods(installation)
    yield made


def refresh_token(sandbox: Sandbox) -> str:
    """What a person's approval of a device yields; the tenant has just put the mark into it."""
    begun = sandbox.http.post(f"{sandbox.url}/oauth/device/code", json={"client_id": "sandbox-client"}).json()
    sandbox.call("POST", "anaplan/device/approve", {"user_code": begun["user_code"]})
    fields = {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code", "client_id": "sandbox-client",
        "device_code": begun["device_code"],
    }  # fmt: skip
    token: str = sandbox.http.post(f"{sandbox.url}/oauth/token", json=fields).json()["refresh_token"]
    return token


@contextmanager
def collector() -> Iterator[tuple[int, list[bytes]]]:
    """Takes whatever is posted: its port, and what came."""
    came: list[bytes] = []

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append(str(self.headers).encode() + self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """In silence."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Taking) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port, came
        server.shutdown()


@contextmanager
def logged(installation: Installation, path: Path) -> Iterator[None]:
    """All that this process logs, in the lines that the product writes."""
    root, own = logging.getLogger(), logging.getLogger("tui_connector")
    before, levels = root.handlers[:], (root.level, own.level)
    with path.open("w") as file:
        root.handlers.clear()
        log_to(file, JsonLines(installation.vault.mask), "DEBUG")
        try:
            yield
        finally:
            root.handlers[:] = before
            root.setLevel(levels[0])
            own.setLevel(levels[1])


# Flow, part of the path, and what comes back instead of an answer. The first ones meet who has no token yet.
ECHOES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("gl_accounts", "/token/authenticate", {"status": 401, **ANAPLAN_SAYS}),
    ("profit_centers", "/oauth2/token", {"status": 401, "content_type": "application/json", "body": '{"error": "{request}"}'}),
    ("profit_centers", "/oauth2/token", {"status": 200, "content_type": "application/json", "body": '{"token": "{request}"}'}),
    ("suppliers", "/oauth/token", {"status": 403, "content_type": "application/json",
        "body": '{"error": "invalid_grant", "error_description": "{request}"}'}),
    ("gl_accounts", "A_GLAccount", {"status": 400, **SAP_SAYS}),
    ("gl_accounts", "A_GLAccount", {"status": 500}),
    ("profit_centers", "A_ProfitCenter", {"status": 403, **SAP_SAYS}),
    ("profit_centers", "A_ProfitCenter", {"status": 302, "headers": {"location": "https://elsewhere.example/?was={request}"}}),
    ("profit_centers", "A_ProfitCenter", {"status": 404, "content_type": "application/xml",
        "body": "<error><code>X</code><message><![CDATA[{request}]]></message></error>"}),
    ("profit_centers", "A_ProfitCenter", {"status": 200, "content_type": "application/json", "body": '{"d": "{request}"}'}),
    ("profit_centers", "/2/0/", {"status": 400, **ANAPLAN_SAYS}),
    ("profit_centers", "/2/0/", {"status": 500, **ANAPLAN_SAYS}),
    ("suppliers", "/imports", {"status": 403, **ANAPLAN_SAYS}),
)  # fmt: skip


def fail_with_echoes(made: Town, installation: Installation, echoes: Sequence[Any] = ECHOES) -> None:
    """Loads whose requests come back in the refusal; each is told without the secrets that came back."""
    for flow, path, echo in echoes:
        made.sandbox.clear_faults()
        made.sandbox.fault("echo", path, **echo, times=-1)
        (run,) = work(installation, request_runs(installation, flow))
        assert run.state is RunState.FAILED, (flow, path, run)
        assert made.sandbox.hits()[0] > 0, (flow, path, run.reason)
    made.sandbox.clear_faults()
    reasons = [run.reason for run in installation.store.runs.history(100)]
    assert sum("***" in reason for reason in reasons) >= len(echoes) // 2, reasons


def allow_cores() -> None:
    """As far as this machine lets anybody."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))


@contextmanager
def serving(made: Town) -> Iterator[subprocess.Popen[bytes]]:
    """The worker as a service, started by somebody who wants core files."""
    folder = made.said / "cores"
    folder.mkdir()
    with (made.said / "worker").open("wb") as said:
        worker = subprocess.Popen(
            command_line(made.config, "--no-ui"), cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
            env=environment(), preexec_fn=allow_cores,  # noqa: PLW1509 - no thread of this process holds a lock for it
        )  # fmt: skip
    made.started.append(worker.pid)
    try:
        yield worker
    finally:
        worker.kill()
        worker.wait(10)


def ended(installation: Installation, ids: Sequence[int]) -> list[Run]:
    """The runs, once the worker has brought them to an end; asked for seldom, since that takes this process's time."""
    runs = runs_of(installation, list(ids))
    while not all(run.state.ended for run in runs):
        time.sleep(0.2)
        runs = runs_of(installation, list(ids))
    return runs


def serve_a_day(made: Town, installation: Installation, traces: list[bytes]) -> None:
    """Loads, and a plan that is posted; the first document's answer quotes the request. Then the worker crashes."""
    with serving(made) as worker:
        runs = ended(installation, request_runs(installation, *SERVED))
        failed = [run.reason for run in runs if run.state is not RunState.DONE]
        assert not failed, (failed, (made.said / "worker").read_text()[-4000:])
        made.sandbox.fault("echo", POST, method="POST", **SOAP_SAYS)
        plan = installation.writeback(FLOW)
        proposal = installation.store.proposals.history(1)[0]
        signed = installation.decisions().approve(
            proposal.id, typed=proposal.short, key=made.approver, passphrase=made.passphrase, by="uid:4242", flow=plan,
            head=installation.head(plan),
        )  # fmt: skip
        told = [(run.purpose, run.state, run.reason) for run in ended(installation, signed.run_ids)]
        assert made.sandbox.call("GET", "sap/documents")["documents"], told
        assert made.sandbox.hits() == [1]
        wait_for(lambda: traces)
        assert made.canaries.in_processes([*made.started, os.getpid()]) == []
        assert resource.prlimit(worker.pid, resource.RLIMIT_CORE) == (0, 0)
        _, most = resource.getrlimit(resource.RLIMIT_CORE)
        with suppress(PermissionError):  # root may raise it again
            resource.prlimit(worker.pid, resource.RLIMIT_CORE, (most, most))
        worker.send_signal(signal.SIGABRT)
        assert worker.wait(10) == -signal.SIGABRT
    assert [*(made.said / "cores").iterdir()] == []


def test_a_process_that_allows_it_does_leave_a_core(tmp_path: Path) -> None:
    """What the look for core files is worth on this machine: another program leaves one, and the secret is in it."""
    canaries = Canaries()
    held = f"import os, signal; held = '{canaries.mark}'; os.kill(os.getpid(), signal.SIGABRT)"
    subprocess.run([sys.executable, "-c", held], cwd=tmp_path, preexec_fn=allow_cores, check=False)
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    here = most != 0 and Path("/proc/sys/kernel/core_pattern").read_text()[0] not in "|/"
    assert bool(canaries.in_files(tmp_path)) == here
    folder = tmp_path / "discreet"
    folder.mkdir()
    discreet = f"{DISCREET}\n{held}"
    command = [sys.executable, "-c", discreet]
    done = subprocess.run(
        command, cwd=folder, preexec_fn=allow_cores, env=environment(), capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (-signal.SIGABRT, b"0\n")  # not dumpable, as prctl(2) has it
    assert [*folder.iterdir()] == []


def look_at_everything(made: Town) -> None:
    """What an operator asks for in the course of a day, and takes away."""
    folder, sandbox = made.said, made.sandbox
    sandbox.fault("echo", "/hook/", status=500)
    made.tell("alerts", "test", "--json", code=None)
    made.tell("alerts", "list", "--all", "--json")
    made.tell("connections", "ping", "--json", code=None)
    made.tell("doctor", "--json", code=None)
    made.tell("metrics")
    made.tell("config", "show", "--json")
    made.tell("credentials", "list", "--json")
    made.tell("runs", "--limit", "100", "--json", code=None)
    made.tell("proposals", "show", "P-0001", "--lines", code=None)
    made.tell("proposals", "export", "P-0001", "--format", "html", "--output", str(folder / "pack.html"))
    made.tell("audit", "verify")
    made.tell("audit", "show", "--format", "jsonl", "--output", str(folder / "log.jsonl"))
    made.tell("audit", "explain", "GL Accounts", "0000400000", code=None)
    made.tell("audit", "export", "--since", "2020-01-01", "--output", str(folder / "evidence.zip"))
    made.tell("store", "backup", str(folder / "backup.db"))
    for view in (*VIEWS, "proposal P-0001", "connection sap.basic", "run 1"):
        made.tell("--plain", *view.split(), code=None)


@pytest.mark.timeout(300)
def test_a_day_leaves_no_trace_of_a_secret(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with collector() as (port, traces), town(sandbox, tmp_path, traces=port) as made:
        with open_installation(str(made.config)) as installation, logged(installation, made.said / "here.log"):
            fail_with_echoes(made, installation)
            secrets = [one for name in made.secrets for one in installation.vault.open(name).values()]
            monkeypatch.setattr(
                LoadRun, "go", lambda _: (_ for _ in ()).throw(RuntimeError(f"{secrets!r} {secrets[1]}"))
            )
            (run,) = work(installation, request_runs(installation, "customers"))
            assert run.reason == "an unexpected fault in the connector"
            monkeypatch.undo()
            serve_a_day(made, installation, traces)
            look_at_everything(made)
            asyncio.run(watch_the_console(made, installation.desk()))
            assert_sound(installation)
        done = made.process(sys.executable, "-c", UNEXPECTED, "--config", str(made.config), "connections", "ping")
        assert done.returncode == 1, done
        assert b"RuntimeError" in done.stdout + done.stderr
        assert b"***" in done.stdout + done.stderr
        (made.said / "traces").write_bytes(b"".join(traces))
        assert made.leaks() == []

        with sqlite3.connect(made.state / "connector.db") as connection:  # the look itself finds what is there
            connection.execute("INSERT INTO meta VALUES ('canary', ?)", (made.secrets["sap.main"]["client_secret"],))
            connection.execute("DELETE FROM meta WHERE name = 'canary'")
        connection.close()
        assert {Path(one.partition(":")[0]).name for one in made.leaks()} & {"connector.db", "connector.db-wal"}


async def watch_the_console(made: Town, desk: Desk) -> None:
    """Every screen photographed; then a secret is typed half, and the terminal goes."""
    async with stage(desk) as pilot:
        for number in range(1, len(VIEWS) + 1):
            await press(pilot, str(number))
            shoot(pilot.app, made.said / f"screen-{number}.svg")
        await press(pilot, "tab", "K")
        assert isinstance(pilot.app.screen, SetCredential)
        await type_in(pilot, made.canaries.mark)
        shoot(pilot.app, made.said / "typed.svg")


@pytest.mark.parametrize("how", forms(b"Kn0123456789abcd"))
@pytest.mark.parametrize("before", [b"", b"1", b"22"])
def test_the_look_finds_a_secret_however_it_is_written(tmp_path: Path, how: str, before: bytes) -> None:
    """As a log line, as base64 with other things around it, as text of another width."""
    canaries = Canaries()
    secret = canaries.secret("tenant")
    whole = before + secret.encode() + b"22"
    written = {
        "plain": whole, "hex": whole.hex().encode(), "HEX": whole.hex().upper().encode(),
        "utf-16-le": secret.encode("utf-16-le"), "utf-16-be": secret.encode("utf-16-be"),
    }  # fmt: skip
    coded = base64.urlsafe_b64encode if how.startswith("base64url") else base64.b64encode
    (tmp_path / "log").write_bytes(b"line\n" + written.get(how, coded(whole)) + b"\nline")
    assert canaries.in_files(tmp_path) != []
    for spelled in (in_url(secret), json.dumps(secret), secret.encode().decode("latin-1")):
        assert canaries.in_bytes(spelled.encode()) != []
    (tmp_path / "log").write_bytes(whole.replace(canaries.mark.encode(), canaries.mark.encode()[:-1]))
    assert canaries.in_files(tmp_path) == []


def test_the_look_opens_what_is_packed_and_finds_keys(tmp_path: Path) -> None:
    canaries = Canaries()
    keys = [canaries.certificate(canaries.word("lock"), curve=False), canaries.certificate("", curve=True)]
    for number, content in enumerate([canaries.mark, *(one["private_key_pem"] for one in keys)]):
        with zipfile.ZipFile(tmp_path / f"{number}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("inside", content)
    (tmp_path / "packed.gz").write_bytes(gzip.compress(canaries.mark.encode()))
    (tmp_path / "screen.svg").write_text(f"<text>{canaries.mark[:5]}</text><text>{canaries.mark[5:]}</text>")
    found = {Path(one.partition(":")[0].partition(" ")[0]).name for one in canaries.in_files(tmp_path)}
    assert found == {"0.zip", "1.zip", "2.zip", "packed.gz", "screen.svg"}
    assert [one for one in keys if canaries.in_bytes(one["certificate_pem"].encode())] == []


def test_what_is_typed_at_a_terminal_stays_there(sandbox: Sandbox, tmp_path: Path) -> None:
    """The passphrase of the master key, and secrets that are asked for."""
    canaries, config = Canaries(), tmp_path / "config.toml"
    config.write_text(CONFIG.format(url=sandbox.url, workspace=WORKSPACE, model=FINANCE_HUB))
    passphrase, secret = canaries.word("pass"), canaries.word("client")
    said = b""
    for arguments, answers in (
        (("keys", "init", "--source", "passphrase"), (passphrase,)),
        (("credentials", "set", "sap.main"), ("CONNECTOR", secret, passphrase)),
    ):
        with Terminal(command_line(config, *arguments)) as terminal:
            for number, answer in enumerate(answers, 1):
                terminal.until(lambda text: text.count(":") >= number)  # noqa: B023
                terminal.send(f"{answer}\r")
            assert terminal.wait() == 0
            said += bytes(terminal.raw)
    assert b"client secret" in said.lower().replace(b"_", b" ")
    assert canaries.in_bytes(said) == []
    assert canaries.in_files(tmp_path) == []


def test_nothing_in_the_pages_of_postgresql(sandbox: Sandbox, tmp_path: Path, postgres: Postgres) -> None:
    """A role whose password holds the mark as well; every file of the database, its log of writes and what it said."""
    url, access = postgres.borrow(), postgres.folder / "pg_hba.conf"
    before = access.read_text()
    with psycopg.connect(postgres.url(), autocommit=True) as admin, ExitStack() as stack:
        canaries = Canaries()
        secret = canaries.word("database")
        role = sql.Identifier(f"role_{canaries.mark[-6:]}")
        admin.execute(sql.SQL("CREATE ROLE {} SUPERUSER LOGIN PASSWORD {}").format(role, secret))
        stack.callback(admin.execute, sql.SQL("DROP ROLE {}").format(role))
        access.write_text(f'local all "{role.as_string().strip(chr(34))}" scram-sha-256\n{before}')
        stack.callback(access.write_text, before)
        admin.execute("SELECT pg_reload_conf()")
        outside = tmp_path.with_name(f"{tmp_path.name}-pgpass")
        outside.touch(mode=0o600)
        outside.write_text(f"*:*:*:*:{secret}\n")
        stack.enter_context(patch.dict(os.environ, PGPASSFILE=str(outside)))
        mine = url.replace("postgres@", f"{role.as_string().strip(chr(34))}@", 1)
        made = stack.enter_context(town(sandbox, tmp_path, store=mine, canaries=canaries))
        with open_installation(str(made.config)) as installation, logged(installation, made.said / "here.log"):
            fail_with_echoes(made, installation, ECHOES[4:7])
            (run,) = work(installation, request_runs(installation, "profit_centers"))
            assert run.state is RunState.DONE, run.reason
        made.tell("alerts", "test", code=None)
        made.tell("audit", "verify")
        name = conninfo_to_dict(url)["dbname"]
        (number,) = admin.execute("SELECT oid FROM pg_database WHERE datname = %s", (name,)).fetchall()[0]
        pages = [
            postgres.folder / "base" / str(number),
            postgres.folder / "pg_wal",
            postgres.folder / "log",
        ]
        admin.execute("CHECKPOINT")
        assert [*made.leaks(), *canaries.in_files(*pages)] == []
        with psycopg.connect(url) as connection:  # the look itself finds what is there
            connection.execute("INSERT INTO meta VALUES ('canary', %s)", (canaries.secret("row"),))
            connection.rollback()
        admin.execute("CHECKPOINT")
        assert canaries.in_files(*pages) != []
    postgres.give_back(url)
