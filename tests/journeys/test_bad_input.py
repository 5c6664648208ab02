"""Whatever is wrong is told with its place and the next move, loses nothing, and is over once it has been mended."""

from __future__ import annotations

import base64
import contextlib
import socket
import ssl
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tests.journeys.conftest import ANAPLAN_SECRETS, SAP_SECRETS, Sandbox
from tests.journeys.desk import ACCOUNT_SERVICE, ACCOUNT_SET, Desk, assert_plain, read_sap, restore
from tests.transport.test_tls import LOOPBACK, Authority

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.journeys import conftest as journeys

COLUMNS = """
[flows.gl_accounts.columns]
Code = "GLAccount"
Name = "{name}"
"{kind}" = "GLAccountType"
"Account Group" = "GLAccountGroup"
Blocked = "AccountIsBlockedForPosting"
"""


@pytest.fixture
def desk(sandbox: Sandbox, config: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("TUI_CONNECTOR_HTTP__ATTEMPTS", "2")
    return Desk(config, sandbox)


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
    assert refusals(desk.sandbox, tries) == 1
    desk.sandbox.call("DELETE", "log")
    told = desk.tell("run", "--all")
    assert told.code == 1
    assert "wrong-7" not in told.text + desk.tell("audit", "show", "--json", "--limit", "500").out
    assert refusals(desk.sandbox, tries) == 1, "a tenant locks a user who is refused again and again"
    sap = dict(zip(secrets, SAP_SECRETS.values(), strict=True))
    desk.seal(f"{tenant}.main", **(ANAPLAN_SECRETS if tenant == "anaplan" else sap))
    desk.loads()


def refusals(sandbox: Sandbox, path: str) -> int:
    found = sandbox.requests("GET", path) + sandbox.requests("POST", path)
    return sum(one["status"] == 401 for one in found)


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
    head, section, rest = before.partition(f"[{tenant}.main]")
    own, following, others = rest.partition("\n[")
    away = own.replace(desk.sandbox.url, f"https://{tenant}.tenant.invalid")
    desk.config.write_text(head + section + away + following + others)
    desk.fails(f"{tenant}.main: the host name {tenant}.tenant.invalid does not resolve", hint="getent hosts")
    desk.config.write_text(before)
    desk.loads()


@pytest.mark.parametrize(
    ("names", "days", "said", "hint"),
    [
        ([x509.DNSName("elsewhere.example")], 30, "is made out for another name", "Correct the host"),
        (LOOPBACK, -5, "has expired", "clock"),
        (LOOPBACK, 30, "is signed by nobody this machine trusts", "ca_bundle"),
    ],
    ids=["another name", "expired", "unknown authority"],
)
def test_a_server_whose_certificate_does_not_hold_gets_nothing(
    desk: Desk, names: list[x509.GeneralName], days: int, said: str, hint: str
) -> None:
    authority = Authority("Company CA", desk.config.parent)
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
        if hint != "ca_bundle":
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
        body, times = {"d": {"results": found, "__next": link}}, -1 if place == len(links) else 1
        sandbox.fault("replace_json", f"{ACCOUNT_SET}\\?", body=body, status=200, times=times)


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
    Case("key that tells no records apart", ("a key that this run has read before, for example 'YCOA'",),
         "does not identify a record", '[flows.gl_accounts.source]\nkey = ["ChartOfAccounts"]\n'),
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


def test_a_list_of_anaplan_that_never_ends_is_told(desk: Desk, start_worker: Callable[..., journeys.Process]) -> None:
    found = {"id": "113000000001", "name": "accounts.csv"}
    paging = {"currentPageSize": 1, "totalSize": 10**9, "offset": 0}
    desk.sandbox.fault("replace_json", "/files\\?", body={"meta": {"paging": paging}, "files": [found]}, times=-1)
    assert start_worker("run", "gl_accounts").wait(10) == 1
    run = desk.latest("gl_accounts")
    assert "files" in run.reason
    desk.nothing_lost(run)
    desk.sandbox.clear_faults()
    desk.loads()
