"""Whatever is wrong is told with its place and the next move, loses nothing, and is over once it has been mended."""

from __future__ import annotations

import base64
import contextlib
import io
import os
import resource
import socket
import sqlite3
import ssl
import subprocess
import threading
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tests.journeys import conftest as journeys
from tests.journeys.conftest import ANAPLAN_SECRETS, SAP_SECRETS, Sandbox
from tests.transport.test_tls import LOOPBACK, Authority
from tui_connector import cli as commands
from tui_connector.bootstrap import Installation, open_installation
from tui_connector.domain.record import Reject
from tui_connector.domain.run import Run, RunState

MASTER_DATA = ("gl_accounts", "profit_centers", "cost_centers")
ACCOUNT_SET = "A_GLAccountInChartOfAccounts"
ACCOUNT_SERVICE = "/sap/opu/odata/sap/API_GLACCOUNTINCHARTOFACCOUNTS_SRV"
LINE_SET = "/sap/opu/odata/sap/API_GLACCOUNTLINEITEM/GLAccountLineItem"
LINE_KEY = ("CompanyCode", "FiscalYear", "AccountingDocument", "LedgerGLLineItem")
COLUMNS = """
[flows.gl_accounts.columns]
Code = "GLAccount"
Name = "{name}"
"{kind}" = "GLAccountType"
"Account Group" = "GLAccountGroup"
Blocked = "AccountIsBlockedForPosting"
"""


@dataclass(frozen=True)
class Told:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


@dataclass
class Desk:
    """An operator's place: commands given in this process, and a look at what the store holds afterwards."""

    config: Path
    sandbox: Sandbox = field(repr=False)

    def tell(self, *arguments: str) -> Told:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = commands.run(["--config", str(self.config), *arguments])
            except SystemExit as ended:  # argparse
                code = int(ended.code or 0)
        return Told(int(code), out.getvalue(), err.getvalue())

    def amend(self, old: str, new: str) -> None:
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new))

    def append(self, text: str) -> None:
        self.config.write_text(self.config.read_text() + text)

    @contextlib.contextmanager
    def opened(self, *, read_only: bool = True) -> Iterator[Installation]:
        with open_installation(str(self.config), read_only=read_only) as installation:
            yield installation

    def seal(self, connection: str, **secrets: str) -> None:
        with self.opened(read_only=False) as installation:
            installation.set_credential(connection, secrets)

    def latest(self, flow: str) -> Run:
        with self.opened() as installation:
            run = installation.store.runs.latest(flow)
        assert run is not None
        return run

    def rejects(self, flow: str) -> dict[str, Reject]:
        with self.opened() as installation:
            return {one.key: one for one in installation.store.records.rejects(self.latest(flow).id)}

    def fails(self, *said: str, hint: str, flow: str = "gl_accounts") -> Run:
        """Run a flow that must fail, saying all this; nothing may count as loaded, and the trail must be sound."""
        told = self.tell("run", flow)
        run = self.latest(flow)
        assert (told.code, run.state) == (1, RunState.FAILED), told.text
        for words in said:
            assert words in run.reason
            assert words in told.text
        assert hint in run.hint
        assert hint in " ".join(told.out.split())
        assert_plain(told.text)
        self.nothing_lost(run)
        return run

    def nothing_lost(self, run: Run) -> None:
        with self.opened() as installation:
            store = installation.store
            assert store.watermarks.get(run.target_id) is None
            assert not store.records.has_any(run.target_id)
            journeys.assert_sound(installation)
        assert self.tell("audit", "verify").code == 0

    def loads(self, flow: str = "gl_accounts", members: str = "GL Accounts") -> None:
        """Run a flow that must load everything."""
        told = self.tell("run", flow)
        counts = self.latest(flow).counts
        assert told.code == 0, told.text
        assert counts.read == counts.loaded == len(self.sandbox.items(members)) > 0


@pytest.fixture
def desk(sandbox: Sandbox, config: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("TUI_CONNECTOR_HTTP__ATTEMPTS", "2")
    return Desk(config, sandbox)


def restore(sandbox: Sandbox) -> None:
    sandbox.reset()
    sandbox.anaplan(task_seconds=0.0, task_queue_seconds=0.0)


def assert_plain(text: str) -> None:
    """No control character but the line end, so that nothing printed can steer a terminal."""
    found = {f"U+{ord(one):04X}" for one in text if unicodedata.category(one) == "Cc" and one != "\n"}
    assert not found, f"{found} in {text!r}"


def read_sap(sandbox: Sandbox, path: str, **query: str) -> list[dict[str, Any]]:
    """Rows of one plain read."""
    wanted = {f"${name}": value for name, value in query.items()} | {"$format": "json"}
    auth = (SAP_SECRETS["client_id"], SAP_SECRETS["client_secret"])
    answer = httpx.get(sandbox.url + path, params=wanted, auth=auth, trust_env=False, timeout=30)
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()["d"]["results"]
    return rows


def line_items(sandbox: Sandbox, count: int) -> list[dict[str, Any]]:
    return read_sap(sandbox, LINE_SET, filter="Ledger eq '0L' and FiscalPeriod ne '000'", top=str(count))


def key_of(row: dict[str, Any]) -> dict[str, str]:
    return {name: row[name] for name in LINE_KEY}


# Settings and arguments


@pytest.mark.parametrize(
    ("old", "new", "said", "near"),
    [
        ("read_seconds", "read_secnds", "[http] read_secnds: unknown setting", "did you mean read_seconds?"),
        ("[http]", "[htpp]", "htpp: unknown setting", "did you mean http?"),
        ("base_url", "base_uri", "[sap.main] base_url: is missing", "did you mean base_url?"),
        ("read_seconds = ", 'read_seconds = "soon" # ', "[http] read_seconds:", "number"),
        ("read_seconds = ", "read_seconds = = ", "cannot be read", "line 5"),
        ('model_id = "3F02', 'model_id = "ZZ02', "[anaplan.main] model_id:", "32 hexadecimal characters"),
        ('environment = "TEST"', 'environment = "TEST"\n[flows.gl_acounts]', "[flows.gl_acounts]", "[flows.gl_accounts]?"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named_with_its_place(desk: Desk, old: str, new: str, said: str, near: str) -> None:
    desk.amend(old, new)
    for command in (["config", "check"], ["run", "gl_accounts"]):
        told = desk.tell(*command)
        assert told.code == 2
        assert said in told.err
        assert near in told.err
        assert "next: " in told.err
    assert not desk.sandbox.requests("GET", "/")


def test_a_wrong_variable_and_a_missing_file_are_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUI_CONNECTOR_HTPP__ATTEMPTS", "3")
    told = desk.tell("config", "check")
    assert told.code == 2
    assert "TUI_CONNECTOR_HTPP__ATTEMPTS overrides no setting" in told.err
    assert "did you mean TUI_CONNECTOR_HTTP" in told.err
    monkeypatch.delenv("TUI_CONNECTOR_HTPP__ATTEMPTS")
    desk.config.unlink()
    told = desk.tell("run", "gl_accounts")
    assert told.code == 2
    assert f"there is no configuration at {desk.config}" in told.err
    assert "--config" in told.err


@pytest.mark.parametrize(
    ("arguments", "said", "hint"),
    [
        (("run",), "which flows?", "or say --all"),
        (("run", "gl_acounts"), "there is no flow gl_acounts", "did you mean gl_accounts?"),
        (("run", "gl_accounts", "--since", "tomorrow"), "tomorrow is no moment", "write 2026-11-01"),
        (("runs", "99"), "there is no run 99", "list of runs"),
        (("audit", "trace", "YCOA-1"), "no run has seen a record YCOA-1", "key"),
        (("connections", "ping", "sap.mian"), "there is no connection sap.mian", "sap.main"),
        (("credentials", "set", "sap.mian"), "there is no connection sap.mian", "sap.main"),
        (("credentials", "delete", "sap.mian"), "there are no secrets for sap.mian", "credentials list"),
        (("keys", "init"), "there is a master key already", "keys rotate"),
        (("run", "gl_\x1b[31maccounts"), "there is no flow gl_", "gl_accounts"),
    ],
)
def test_a_wrong_argument_is_named(desk: Desk, arguments: tuple[str, ...], said: str, hint: str) -> None:
    told = desk.tell(*arguments)
    assert told.code == 2
    assert said in told.err
    assert hint in told.err.partition("next: ")[2]
    assert_plain(told.text)


# Credentials and the way to the tenants


@pytest.mark.parametrize(
    ("way", "secrets", "tries", "said"),
    [
        ("sap basic", {"user": "CONNECTOR", "password": "wrong-7"}, "/sap/", "SAP refused the credential (401)"),
        ("sap oauth", {"client_id": "CONNECTOR", "client_secret": "wrong-7"}, "/oauth2/token", "SAP gives no token (401"),
        ("anaplan basic", {"user": ANAPLAN_SECRETS["user"], "password": "wrong-7"}, "/token/authenticate", "Anaplan refused the credential (401)"),
    ],
)  # fmt: skip
def test_a_wrong_secret_is_told_and_tried_once(
    desk: Desk, way: str, secrets: dict[str, str], tries: str, said: str
) -> None:
    tenant, auth = way.split()
    if way == "sap basic":
        desk.amend('auth = "oauth"', f'auth = "{auth}"')
    desk.seal(f"{tenant}.main", **secrets)
    desk.fails(said, hint="credential" if tenant == "anaplan" else "Check")
    refused = [one for method in ("GET", "POST") for one in desk.sandbox.requests(method, tries) if one["status"] == 401]
    assert len(refused) == 1
    desk.sandbox.call("DELETE", "log")
    told = desk.tell("run", "--all")
    assert told.code == 1
    assert "wrong-7" not in told.text + desk.tell("audit", "show", "--json", "--limit", "500").out
    refused = [one for method in ("GET", "POST") for one in desk.sandbox.requests(method, tries) if one["status"] == 401]
    assert len(refused) == 1, "a tenant locks a user who is refused again and again"
    right = {"user": SAP_SECRETS["client_id"], "password": SAP_SECRETS["client_secret"]} if auth == "basic" else SAP_SECRETS
    desk.seal(f"{tenant}.main", **(ANAPLAN_SECRETS if tenant == "anaplan" else right))
    desk.loads()


def test_an_expired_certificate_is_told_before_anything_is_sent(desk: Desk) -> None:
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "connector")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=400)).not_valid_after(now - timedelta(days=3)).sign(key, hashes.SHA256())
    )  # fmt: skip
    pem, clear = serialization.Encoding.PEM, serialization.NoEncryption()
    desk.amend('auth = "basic"', 'auth = "certificate"')
    desk.seal(
        "anaplan.main",
        certificate_pem=certificate.public_bytes(pem).decode(),
        private_key_pem=key.private_bytes(pem, serialization.PrivateFormat.PKCS8, clear).decode(),
    )
    day = f"{now - timedelta(days=3):%Y-%m-%d}"
    desk.fails("Anaplan certificate", f"expired on {day}", hint="Register a new certificate")
    assert not desk.sandbox.requests("POST", "/token/")
    desk.amend('auth = "certificate"', 'auth = "basic"')
    desk.seal("anaplan.main", **ANAPLAN_SECRETS)
    desk.loads()


@pytest.mark.parametrize("tenant", ["sap", "anaplan"])
def test_a_host_that_does_not_resolve_is_named(desk: Desk, tenant: str) -> None:
    before = desk.config.read_text()
    for setting in ("base_url",) if tenant == "sap" else ("api_url", "auth_url", "oauth_url"):
        desk.amend(f'{setting} = "{desk.sandbox.url}"', f'{setting} = "https://{tenant}.tenant.invalid"')
    desk.fails(f"{tenant}.main: the host name {tenant}.tenant.invalid does not resolve", hint="getent hosts")
    desk.config.write_text(before)
    desk.loads()


@pytest.mark.parametrize(
    ("names", "days", "trusted", "said", "hint"),
    [
        ([x509.DNSName("elsewhere.example")], 30, True, "is made out for another name", "Correct the host"),
        (LOOPBACK, -5, True, "has expired", "clock"),
        (LOOPBACK, 30, False, "is signed by nobody this machine trusts", "ca_bundle"),
    ],
    ids=["another name", "expired", "unknown authority"],
)
def test_a_server_whose_certificate_does_not_hold_gets_nothing(
    desk: Desk, tmp_path: Path, names: list[x509.GeneralName], days: int, trusted: bool, said: str, hint: str
) -> None:
    authority = Authority("Company CA", tmp_path)
    context, shaken = authority.server(names, days), []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    visitor, _ = listener.accept()
                    with contextlib.suppress(ssl.SSLError, ConnectionError), visitor:
                        shaken.append(context.wrap_socket(visitor, server_side=True).recv(1))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        address = f"https://127.0.0.1:{listener.getsockname()[1]}"
        desk.amend(f'base_url = "{desk.sandbox.url}"', f'base_url = "{address}"')
        if trusted:
            desk.amend("[http]", f'[http]\nca_bundle = "{authority.bundle}"')
        desk.fails("sap.main: the certificate of 127.0.0.1", said, "nothing was sent", hint=hint)
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)
    assert shaken == []


@pytest.mark.parametrize("harm", ["readable", "missing", "another"])
def test_a_master_key_that_cannot_be_used_is_told(desk: Desk, harm: str) -> None:
    key = desk.config.parent / "state" / "master.key"
    right = key.read_bytes()
    if harm == "readable":
        key.chmod(0o644)
        said, hint = "can be read by others", "chmod 600"
    elif harm == "missing":
        key.unlink()
        said, hint = "the master key is missing", "Put it back"
    else:
        key.write_bytes(base64.b64encode(bytes(32)) + b"\n")
        said, hint = "is not the one that sealed the credentials", "Put the right key back"
    desk.fails(str(key), said, hint=hint)
    assert not desk.sandbox.requests("POST", "/token/")
    key.write_bytes(right)
    key.chmod(0o600)
    desk.loads()


def test_a_missing_credential_names_the_command_that_stores_it(desk: Desk) -> None:
    assert desk.tell("credentials", "delete", "sap.main").code == 0
    desk.fails("there is no credential for sap.main", hint="tui-connector credentials set sap.main")
    desk.seal("sap.main", **SAP_SECRETS)
    desk.loads()


# What the tenants answer, and what the model holds


@dataclass(frozen=True)
class Case:
    """One thing that is wrong: in the configuration, or in a tenant. said: in the reason. hint: in the next move."""

    name: str
    said: tuple[str, ...]
    hint: str
    config: str = ""
    harm: Callable[[Sandbox], object] = lambda _: None


def account_pages(sandbox: Sandbox, *links: str, rows: int = 3) -> None:
    """Answer the reads of accounts with these rows and next links, one after another, the last for ever."""
    sandbox.sap(gzip=False)
    found = read_sap(sandbox, f"{ACCOUNT_SERVICE}/{ACCOUNT_SET}", expand="to_Text", top=str(rows)) if rows else []
    for place, link in enumerate(links, 1):
        body = {"d": {"results": found, "__next": link}}
        sandbox.fault("replace_json", f"{ACCOUNT_SET}\\?", body=body, times=-1 if place == len(links) else 1)


def links(sandbox: Sandbox, count: int) -> list[str]:
    return [f"{sandbox.url}{ACCOUNT_SERVICE}/{ACCOUNT_SET}?$skiptoken={number}" for number in range(count)]


def stray(sandbox: Sandbox, url: str) -> None:
    sandbox.sap(gzip=False, page_size=100)
    sandbox.fault("foreign_next", f"{ACCOUNT_SET}\\?", url=url, times=-1)


def state(name: str) -> Callable[[Sandbox], object]:
    return lambda sandbox: sandbox.call("POST", "anaplan/model", {"activeState": name})


CASES = [
    Case("service outside the arrangement", ("API_GLACCOUNTINCHARTOFACCOUNTS_SRV", "403"), "SAP_COM_0087",
         harm=lambda sandbox: sandbox.sap(services_off=["API_GLACCOUNTINCHARTOFACCOUNTS_SRV"])),
    Case("unknown field", (f"{ACCOUNT_SET} has no field GLAccountNme",), "$metadata",
         COLUMNS.format(name="GLAccountNme", kind="Account Type")),
    Case("unknown column", ("Accounts from accounts.csv knows no column 'Acount Type'",), "[flows.gl_accounts] columns",
         COLUMNS.format(name="GLAccountName", kind="Acount Type")),
    Case("no such import", ('Model "Finance Hub" has no import \'Accounts from acounts.csv\'',),
         "'Accounts from accounts.csv'", '[flows.gl_accounts]\nimport = "Accounts from acounts.csv"\n'),
    Case("no such process", ('Model "Finance Hub" has no process \'Load GL line item\'',), "'Load GL line items'",
         '[flows.gl_accounts]\nprocess = "Load GL line item"\n'),
    Case("import renamed", ("has no import 'Accounts from accounts.csv'",), "'GL Accounts from accounts.csv'",
         harm=lambda sandbox: sandbox.call("POST", "anaplan/imports", {
             "rename": {"from": "Accounts from accounts.csv", "to": "GL Accounts from accounts.csv"}})),
    Case("import twice", ("has 2 import entries called 'Accounts from accounts.csv'",), "Write the id",
         harm=lambda sandbox: sandbox.call("POST", "anaplan/imports", {"duplicate": "Accounts from accounts.csv"})),
    Case("no such file", ('Model "Finance Hub" has no file \'acounts.csv\'',), "'accounts.csv'",
         '[flows.gl_accounts]\nfile = "acounts.csv"\n'),
    Case("file of another import", ("does not read the file customers.csv",), "[flows.gl_accounts]",
         '[flows.gl_accounts]\nfile = "customers.csv"\n'),
    Case("column gone from the file", ("knows no column 'Blocked'", "Account Group"), "let the model builder add it",
         harm=lambda sandbox: sandbox.call("POST", "anaplan/files/accounts.csv", {
             "headers": ["Code", "Name", "Account Type", "Account Group"]})),
    Case("headers that steer a terminal", ("knows no column 'Blocked'",), "let the model builder add it",
         harm=lambda sandbox: sandbox.call("POST", "anaplan/files/accounts.csv", {
             "headers": ["Code", "Name", "Account Type", "Account Group", "\x1b[31mBlocked\x9b0m"]})),
    Case("model archived", ('"Finance Hub" is ARCHIVED',), "archive", harm=state("ARCHIVED")),
    Case("model locked", ('"Finance Hub" is LOCKED',), "unlocked", harm=state("LOCKED")),
    Case("model in maintenance", ('"Finance Hub" is MAINTENANCE',), "maintenance", harm=state("MAINTENANCE")),
    Case("workspace full, told", ("Accounts from accounts.csv", "no room left"), "run the flow again",
         harm=lambda sandbox: sandbox.anaplan(room=100)),
    Case("workspace full, not told", ("Accounts from accounts.csv",), "workspace",
         harm=lambda sandbox: sandbox.anaplan(room=100, room_variant="silent")),
    Case("page repeats", (ACCOUNT_SET, "a page repeats"), "page_size",
         harm=lambda sandbox: account_pages(sandbox, *links(sandbox, 4))),
    Case("link repeats", (ACCOUNT_SET, "a page repeats"), "page_size",
         harm=lambda sandbox: account_pages(sandbox, *links(sandbox, 1), rows=0)),
    Case("pages never end", (ACCOUNT_SET, "empty pages in a row"), "does not end",
         harm=lambda sandbox: account_pages(sandbox, *links(sandbox, 25), rows=0)),
    Case("next link to another host", ("points to 'elsewhere.invalid'", "nothing was sent there"), "proxy",
         harm=lambda sandbox: stray(sandbox, "https://elsewhere.invalid/steal")),
    Case("next link out of the service", (ACCOUNT_SET, "leads out of the service"), "nothing was sent there",
         harm=lambda sandbox: stray(sandbox, f"{sandbox.url}/_sandbox/health")),
    Case("gzip bomb from SAP", (ACCOUNT_SET, "bytes allowed here"), "smaller pages",
         harm=lambda sandbox: sandbox.fault("gzip_bomb", f"{ACCOUNT_SET}\\?", megabytes=280, times=-1)),
    Case("gzip bomb from Anaplan", ("anaplan.main", "/files", "bytes allowed here"), "limit",
         harm=lambda sandbox: sandbox.fault("gzip_bomb", "/files", megabytes=40, times=-1)),
    Case("sign-in page from SAP", ("API_GLACCOUNTINCHARTOFACCOUNTS_SRV answers with a web page",), "base_url",
         harm=lambda sandbox: sandbox.fault("html", f"{ACCOUNT_SET}\\?", times=-1)),
    Case("sign-in page from Anaplan", ("text/html instead of JSON for the list of files",), "api_url",
         harm=lambda sandbox: sandbox.fault("html", "/files", times=-1)),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_fault_is_told_and_once_mended_everything_loads(desk: Desk, case: Case) -> None:
    before = desk.config.read_text()
    desk.append(case.config)
    case.harm(desk.sandbox)
    desk.fails(*case.said, hint=case.hint)
    desk.config.write_text(before)
    restore(desk.sandbox)
    desk.loads()


# Records


HOSTILE = {
    "a\nsecond line": "Name holds a line feed (U+000A)",
    "bell\x07": "Name holds a control character (U+0007)",
    "nothing\x00": "Name holds a NUL character (U+0000)",
    "tab\there": "Name holds a tab (U+0009)",
    "\x1b[31mred\x1b[0m": "Name holds a control character (U+001B)",
    "\x1b]0;owned\x07": "Name holds a control character (U+001B)",
    "old\x9b31m": "Name holds a control character (U+009B)",
    "line\u2028separator": "Name holds line separator (U+2028)",
    'say "hello"': "",
    "comma, here": "",
    '"","': "",
    "=1+1": "",
    "back\u202ewards": "",
}


def test_hostile_names_are_refused_or_quoted_and_never_reach_a_terminal(desk: Desk) -> None:
    rows = read_sap(desk.sandbox, f"{ACCOUNT_SERVICE}/{ACCOUNT_SET}", top=str(len(HOSTILE)), select="GLAccount")
    accounts = dict(zip((row["GLAccount"] for row in rows), HOSTILE, strict=True))
    for account, name in accounts.items():
        key = {"ChartOfAccounts": "YCOA", "GLAccount": account}
        desk.sandbox.change(ACCOUNT_SET, key, GLAccountName=name)
    told = desk.tell("run", "gl_accounts")
    assert told.code == 3
    refused = {f"YCOA-{account}": name for account, name in accounts.items() if HOSTILE[name]}
    rejects = desk.rejects("gl_accounts")
    assert {key: (one.cause, one.values["Name"]) for key, one in rejects.items()} == {
        key: (HOSTILE[name], name) for key, name in refused.items()
    }
    loaded = desk.sandbox.items("GL Accounts")
    assert {account: loaded[account]["name"] for account, name in accounts.items() if not HOSTILE[name]} == {
        account: name for account, name in accounts.items() if not HOSTILE[name]
    }
    counts = desk.latest("gl_accounts").counts
    assert (counts.read, counts.loaded) == (len(loaded) + len(refused), len(loaded))
    printed = [told, *(desk.tell("audit", "trace", key, *how) for key in refused for how in ([], ["--json"]))]
    for arguments in (["runs", "1"], ["runs", "1", "--json"], ["audit", "show", "--json"], ["audit", "verify"]):
        printed.append(desk.tell(*arguments))
    for one in printed:
        assert_plain(one.text)
    assert printed[-1].code == 0


def unreadable(desk: Desk, **values: object) -> tuple[Told, list[dict[str, Any]]]:
    """Let SAP answer line items, each of the first with one of these values; run the flow."""
    desk.sandbox.sap(gzip=False)
    rows = line_items(desk.sandbox, 20)
    for row, (name, value) in zip(rows, values.items(), strict=False):
        row[name] = value
    assert desk.tell("run", *MASTER_DATA).code == 0
    desk.sandbox.fault("replace_json", "/GLAccountLineItem\\?", body={"d": {"results": rows}}, times=-1)
    return desk.tell("run", "gl_line_items"), rows


def test_a_value_that_cannot_be_read_refuses_its_record_only(desk: Desk) -> None:
    bad = {"AmountInCompanyCodeCurrency": "12,50", "PostingDate": "yesterday"}
    told, rows = unreadable(desk, **bad)
    assert told.code == 3, told.text
    rejects = desk.rejects("gl_line_items")
    assert list(rejects) == ["-".join(key_of(row).values()) for row in rows[:2]]
    for one, (name, value), why in zip(
        rejects.values(), bad.items(), ("is not a plain decimal number", "is not a date"), strict=True
    ):
        assert one.cause == f"{name} {why}"
        assert one.detail == value
        assert value in one.values.values()
    cells = desk.sandbox.module("ACT01 GL Actuals")["cells"]
    assert set(cells) == {"-".join(key_of(row).values()) for row in rows[2:]}
    assert desk.tell("audit", "verify").code == 0


def test_a_structure_where_a_text_belongs_refuses_its_record(desk: Desk) -> None:
    told, rows = unreadable(desk, CompanyCodeCurrency=["EUR"])
    assert told.code == 3, desk.sandbox.module("ACT01 GL Actuals")["cells"]["-".join(key_of(rows[0]).values())]
    assert desk.rejects("gl_line_items").keys() == {"-".join(key_of(rows[0]).values())}


@pytest.mark.parametrize("unknown_members", ["reject", "send"])
def test_a_member_that_anaplan_does_not_hold_refuses_its_record_only(desk: Desk, unknown_members: str) -> None:
    desk.append(f'[flows.gl_line_items]\nunknown_members = "{unknown_members}"\n')
    first, second, *_ = line_items(desk.sandbox, 2)
    desk.sandbox.change("GLAccountLineItem", key_of(first), GLAccount="99999999")
    desk.sandbox.change("GLAccountLineItem", key_of(second), CostCenter="NOSUCH")
    told = desk.tell("run", *MASTER_DATA, "gl_line_items")
    assert told.code == 3, told.text
    run, module = desk.latest("gl_line_items"), desk.sandbox.module("ACT01 GL Actuals")
    keys = ["-".join(key_of(row).values()) for row in (first, second)]
    rejects = desk.rejects("gl_line_items")
    assert list(rejects) == keys
    assert [rejects[key].values[name] for key, name in zip(keys, ("GL Account", "Cost Center"), strict=True)] == [
        "99999999",
        "NOSUCH",
    ]
    if unknown_members == "reject":
        assert [one.rejected_by for one in rejects.values()] == ["connector"] * 2
        assert [one.cause for one in rejects.values()] == [
            "GL Account 99999999 is not in the Anaplan list GL Accounts",
            "Cost Center NOSUCH is not in the Anaplan list Cost Centers",
        ]
        assert not set(keys) & set(module["cells"])
        assert run.counts.sent == run.counts.loaded == run.counts.read - 2 == module["count"]
    else:
        assert [one.rejected_by for one in rejects.values()] == ["anaplan"] * 2
        assert [one.cause for one in rejects.values()] == [
            "loaded in part: Item not located in list: 99999999",
            "loaded in part: Item not located in list: NOSUCH",
        ]
        assert run.counts.sent == run.counts.read == run.counts.loaded + 2 == module["count"]
        assert [module["cells"][key]["Amount"] for key in keys] == [
            row["AmountInCompanyCodeCurrency"].rstrip("0").rstrip(".") for row in (first, second)
        ]
    assert desk.tell("audit", "verify").code == 0
    # once SAP says something that Anaplan holds, a full run loads them
    desk.sandbox.change("GLAccountLineItem", key_of(first), GLAccount=first["GLAccount"])
    desk.sandbox.change("GLAccountLineItem", key_of(second), CostCenter=second["CostCenter"])
    assert desk.tell("run", "gl_line_items", "--full").code == 0
    cells = desk.sandbox.module("ACT01 GL Actuals")["cells"]
    assert cells[keys[0]]["GL Account"] == first["GLAccount"]


# The store


def test_a_full_disk_loses_nothing_and_the_run_is_taken_up_when_there_is_room(desk: Desk) -> None:
    """RLIMIT_FSIZE stands for the disk: a write beyond it fails as one to a full disk does."""
    size = sum(one.stat().st_size for one in (desk.config.parent / "state").glob("connector.db*"))
    limit = size + 100_000

    def shrink() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    ended = subprocess.run(
        journeys.command_line(desk.config, "run", "gl_accounts"), env={**os.environ, **journeys.environment(), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, timeout=60, check=False, preexec_fn=shrink,
    )  # fmt: skip
    run = desk.latest("gl_accounts")
    desk.nothing_lost(run)
    desk.loads()
    with desk.opened() as installation:
        states = {one.state for one in installation.store.runs.history(flow="gl_accounts")}
        journeys.assert_sound(installation)
    assert states <= {RunState.DONE, RunState.FAILED}
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr, ended.stderr
    assert "the disk of the store is full" in ended.stdout + ended.stderr
    assert str(desk.config.parent / "state" / "connector.db") in ended.stdout + ended.stderr
    assert "next: Free space" in ended.stdout + ended.stderr


def test_a_store_of_a_newer_version_and_a_foreign_file_are_left_alone(desk: Desk) -> None:
    path = desk.config.parent / "state" / "connector.db"
    desk.loads()
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE meta SET value = '99' WHERE name = 'version'")
    for command in (["run", "gl_accounts"], ["runs"], ["audit", "verify"], ["credentials", "list"]):
        told = desk.tell(*command)
        assert told.code == 1
        assert "newer version of this program (tables 99" in told.err
        assert "next: Update this installation" in told.err
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        assert database.execute("SELECT count(*) FROM run").fetchone() == (1,)
        database.execute("UPDATE meta SET value = '1' WHERE name = 'version'")
    assert desk.tell("audit", "verify").code == 0
    path.write_bytes(b"no database at all\n" * 500)
    told = desk.tell("run", "gl_accounts")
    assert told.code == 1
    assert f"the store {path} is damaged" in told.err
    assert "put back a copy" in told.err
    assert path.read_bytes() == b"no database at all\n" * 500


def test_two_processes_share_a_store_from_its_first_moment(
    desk: Desk, start_worker: Callable[..., journeys.Process]
) -> None:
    path = desk.config.parent / "state" / "connector.db"
    kept = path.with_name("kept")
    path.rename(kept)
    both = [start_worker("flows"), start_worker("connections")]
    assert [one.wait() for one in both] == [0, 0], [one.said for one in both]
    for one in path.parent.glob("connector.db*"):
        one.unlink()
    kept.rename(path)
    both = [start_worker("run", "suppliers"), start_worker("run", "customers")]
    assert [one.wait() for one in both] == [0, 0], [one.said for one in both]
    for flow, members in (("suppliers", "Suppliers"), ("customers", "Customers")):
        assert desk.latest(flow).counts.loaded == len(desk.sandbox.items(members)) > 0
    assert desk.sandbox.clashes() == (0, 0)
    assert desk.tell("audit", "verify").code == 0
