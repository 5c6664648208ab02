"""The doctor names what is broken: one setup after the other, each with its remedy, and nothing written anywhere."""

from __future__ import annotations

import json
import os
import shutil
import socket
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.journeys.conftest import ANAPLAN_SECRETS, FINANCE_HUB, Sandbox
from tests.journeys.desk import Desk, assert_plain, set_up
from tests.journeys.outage_desk import Way, serving, trusting
from tui_connector.approval.keys import KeyFile
from tui_connector.engine.doctor import place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WRITEBACK = """
[flows.plan_writeback]
company_codes = ["1010"]
[flows.plan_writeback.status]
file = "posting_status.csv"
import = "PLN02 Posting Status from posting_status.csv"
"""
GIGABYTE = 1 << 30


@dataclass
class Setup:
    """An installation that is sound, until a test breaks it."""

    desk: Desk
    folder: Path
    stack: ExitStack = field(repr=False)

    @property
    def sandbox(self) -> Sandbox:
        return self.desk.sandbox

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def enrol(self, *names: str) -> None:
        (self.folder / "approvers.d").mkdir(mode=0o755)
        for name in names:
            (self.folder / "approvers.d" / f"{name}.json").write_text(public_key(name))

    def put(self, folder: Path, text: str) -> None:
        """A service unit, in the folder where the service manager would have it."""
        folder.mkdir()
        (folder / place.UNIT).write_text(text)
        self.stack.enter_context(patch.object(place, "UNIT_FOLDERS", (folder,)))

    def seal_certificate(self, days: float) -> None:
        self.desk.amend('auth = "basic"\nworkspace_id', 'auth = "certificate"\nworkspace_id')
        self.desk.seal("anaplan.main", **certificate(days, self.sandbox))

    def model(self, **change: Any) -> None:
        self.sandbox.call("POST", "anaplan/model", change)

    def diagnose(self, *flows: str) -> tuple[int, dict[tuple[str, str], tuple[str, str, str]]]:
        """Exit code, and what was found wrong: (about, check) -> health, words, remedy."""
        told = self.desk.tell("doctor", *flows, "--json")
        assert_plain(told.text)
        checks = [(one["about"], check) for one in json.loads(told.out) for check in one["checks"]]
        assert all(check.get("hint") for _, check in checks if check["health"] != "ok"), told.out
        found = {(a, c["name"]): (c["health"], c["words"], c["hint"]) for a, c in checks if c["health"] != "ok"}
        return told.code, found


@cache
def public_key(name: str) -> str:
    """What `approver init` shows; made once, since sealing the private half takes its time."""
    with TemporaryDirectory() as folder:
        key = KeyFile(Path(folder) / "approver.key")
        return key.create(name, name, "four words are enough", environments=("TEST",)).to_text()


def certificate(days: float, sandbox: Sandbox) -> dict[str, str]:
    """A key and its certificate with so many days left, registered with the simulated tenant."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "integration")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=90))
        .not_valid_after(now + timedelta(days=days)).sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = made.public_bytes(serialization.Encoding.PEM).decode()
    sandbox.call("POST", "anaplan/certificates", {"pem": pem})
    plain, pkcs8 = serialization.NoEncryption(), serialization.PrivateFormat.PKCS8
    return {
        "certificate_pem": pem,
        "private_key_pem": key.private_bytes(serialization.Encoding.PEM, pkcs8, plain).decode(),
        "passphrase": "",
    }


@pytest.fixture
def setup(sandbox: Sandbox, tmp_path: Path) -> Iterator[Setup]:
    with ExitStack() as stack:
        made = Setup(set_up(sandbox, tmp_path, WRITEBACK), tmp_path, stack)
        made.enrol("a.novak", "e.kaya")
        made.desk.amend("[http]", "[http]\nattempts = 1")
        tmp_path.joinpath("config.toml").chmod(0o600)
        yield made


def test_a_sound_setup_is_well_and_nothing_is_written(setup: Setup) -> None:
    assert setup.diagnose() == (0, {})
    wrote = [one for way in ("POST", "PUT", "PATCH", "DELETE") for one in setup.sandbox.requests(way, "")]
    assert all("token" in one["path"] for one in wrote), wrote
    assert setup.sandbox.tasks() == []
    told = setup.desk.tell("doctor")
    assert_plain(told.text)
    assert "✗ 0 broken" in told.out
    told = setup.desk.tell("doctor", "gl_acounts")
    assert (told.code, "did you mean gl_accounts?" in told.err) == (2, True)
    told = setup.desk.tell("doctor", "gl_accounts", "--json")
    assert [one["about"] for one in json.loads(told.out)] == [
        "installation", "sap.main", "anaplan.main", "flow gl_accounts",
    ]  # fmt: skip


def _amend(old: str, new: str) -> Callable[[Setup], None]:
    return lambda setup: setup.desk.amend(old, new)


def _append(text: str) -> Callable[[Setup], None]:
    return lambda setup: setup.desk.append(text)


def _free(size: int) -> Callable[[Setup], None]:
    def break_it(setup: Setup) -> None:
        usage = shutil.disk_usage(setup.folder)._replace(free=size)
        setup.stack.enter_context(patch.object(shutil, "disk_usage", lambda _: usage))

    return break_it


def _on_nfs(setup: Setup) -> None:
    mounts = setup.folder / "mounts"
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\nfiles:/vol {setup.state} nfs4 rw 0 0\n")
    setup.stack.enter_context(patch.object(place, "_MOUNTS", mounts))


def _restored(setup: Setup) -> None:
    with setup.desk.opened(read_only=False) as opened, opened.store.transaction() as tx:
        opened.store.restores.notice(tx)


def _blocked(setup: Setup) -> None:
    with setup.desk.opened(read_only=False) as opened:
        opened.store.budget.block(SAP, 0.5)


def _full(setup: Setup) -> None:
    space = {
        "id": "8a81b0927f3c4e1d9a6b5c4d3e2f1a00",
        "name": "Finance",
        "active": True,
        "sizeAllowance": 1000,
        "currentSize": 1000,
    }
    body = {"meta": {"paging": {"currentPageSize": 1, "totalSize": 1, "offset": 0}}, "workspaces": [space]}
    setup.sandbox.fault("replace_json", r"/2/0/workspaces\?", "GET", times=-1, body=body)


def _nameless(setup: Setup) -> None:
    """The name service is out of reach."""
    ask = socket.getaddrinfo

    def getaddrinfo(host: str | bytes, *more: Any, **named: Any) -> Any:
        if host in ("localhost", b"localhost"):
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return ask(host, *more, **named)

    setup.desk.amend('base_url = "http://127.0.0.1', 'base_url = "http://localhost')
    setup.stack.enter_context(patch.object(socket, "getaddrinfo", getaddrinfo))


def _ended_server(setup: Setup) -> None:
    way = setup.stack.enter_context(Way(setup.sandbox, serving(setup.folder, -1)))
    setup.desk.amend(f'base_url = "{setup.sandbox.url}', f'base_url = "{way.url}')
    setup.desk.amend("[http]", f"[http]\n{trusting(setup.folder)}")


# what is broken, the flow that is asked about, how to break it, where it is named, its health, words and remedy
Case = tuple[str, str, "Callable[[Setup], object]", tuple[str, str], str, str, str]
LOAD, POST = "gl_accounts", "plan_writeback"
SAP, ANAPLAN, HERE = "sap.main", "anaplan.main", "installation"
SETUPS: list[Case] = [
    ("configuration", LOAD, _append('[sap.main.auht]\n'), (HERE, "configuration"), "fail", "auht", "config check"),
    ("no configuration", LOAD, lambda s: s.desk.config.unlink(), (HERE, "configuration"), "fail", "no configuration", "--config"),
    ("damaged store", LOAD, lambda s: (s.state / "connector.db").write_bytes(b"\0" * 8192), (HERE, "store"), "fail", "", "copy"),
    ("store on nfs", LOAD, _on_nfs, (HERE, "store"), "fail", "nfs4", "local disk"),
    ("restored store", LOAD, _restored, (HERE, "restored"), "warn", "earlier state", "proposals restored"),
    ("full disk", LOAD, _free(63 << 20), (HERE, "disk"), "fail", "63 MB free", "free some space"),
    ("little disk", LOAD, _free(GIGABYTE - 1), (HERE, "disk"), "warn", "1,023 MB free", "free some space"),
    ("open state folder", LOAD, lambda s: s.state.chmod(0o755), (HERE, "files"), "warn", "others may look into", "chmod 700"),
    ("open configuration", LOAD, lambda s: s.desk.config.chmod(0o666), (HERE, "files"), "warn", "others may change", "chmod go-w"),
    ("no master key", LOAD, lambda s: (s.state / "master.key").unlink(), (HERE, "master key"), "fail", "missing", "Put it back"),
    ("open master key", LOAD, lambda s: (s.state / "master.key").chmod(0o644), (HERE, "master key"), "fail", "read by others", "chmod 600"),
    ("no worker", LOAD, _append('[flows.gl_accounts]\nschedule = "0 2 * * *"\n'), (HERE, "worker"), "warn", "none serves", "--no-ui"),
    ("bare unit", LOAD, lambda s: s.put(s.folder / "units", "[Service]\nType=simple\n"), (HERE, "unit"), "warn", "lacks Type=notify", "service unit"),
    ("no such port", LOAD, _amend('base_url = "', 'base_url = "http://127.0.0.1:9"\n#'), (SAP, "reached"), "fail", "accepts no connection", "firewall"),
    ("no TLS there", LOAD, _amend('base_url = "http:', 'base_url = "https:'), (SAP, "reached"), "fail", "does not speak TLS", "scheme and port"),
    ("no such name", LOAD, _nameless, (SAP, "reached"), "fail", "the host name localhost does not resolve", "name service"),
    ("server's certificate ended", LOAD, _ended_server, (SAP, "reached"), "fail", "the certificate of localhost has expired", "renewed"),
    ("no credential", LOAD, lambda s: s.desk.tell("credentials", "delete", SAP), (SAP, "credential"), "fail", "no credential", "credentials set sap.main"),
    ("wrong secret", LOAD, lambda s: s.desk.seal(SAP, client_id="CONNECTOR", client_secret="no"), (SAP, "sign-in"), "fail", "gives no token", "Check id and secret"),
    ("wrong password", LOAD, lambda s: s.desk.seal(ANAPLAN, user=ANAPLAN_SECRETS["user"], password="no"), (ANAPLAN, "sign-in"), "fail", "", "password"),
    ("certificate ends", LOAD, lambda s: s.seal_certificate(3.5), (ANAPLAN, "certificate"), "warn", "3 days left", "credentials set anaplan.main"),
    ("certificate ended", LOAD, lambda s: s.seal_certificate(-1), (ANAPLAN, "certificate"), "fail", "ended on", "register a new one"),
    ("clock", LOAD, lambda s: s.sandbox.advance(3600), (SAP, "clock"), "warn", "ahead", "time server"),
    ("service not arranged", LOAD, lambda s: s.sandbox.sap(services_off=["API_GLACCOUNTINCHARTOFACCOUNTS_SRV"]), (SAP, "read rights"), "fail", "0 of 1 services", "SAP_COM_0087"),
    ("rate limit", LOAD, _blocked, (SAP, "requests"), "warn", "lets nobody in", "limit"),
    ("other workspace", LOAD, _amend("8a81b0927f3c4e1d9a6b5c4d3e2f1a00", "8a81b0927f3c4e1d9a6b5c4d3e2f1a01"), (ANAPLAN, "answers"), "fail", "lies in workspace", "workspace_id"),
    ("no such model", LOAD, _amend(FINANCE_HUB, "0" * 32), (ANAPLAN, "answers"), "fail", "0" * 32, ""),
    ("archived model", LOAD, lambda s: s.model(activeState="ARCHIVED"), (ANAPLAN, "model"), "fail", "archived", "back from the archive"),
    ("locked model", LOAD, lambda s: s.model(activeState="LOCKED"), (f"flow {LOAD}", "model"), "fail", "LOCKED", "unlocked"),
    ("model in maintenance", LOAD, lambda s: s.model(activeState="MAINTENANCE"), (ANAPLAN, "model"), "fail", "in maintenance", ""),
    ("full workspace", LOAD, _full, (f"flow {LOAD}", "space"), "fail", "is full", "free space"),
    ("no such file", LOAD, _append('[flows.gl_accounts]\nfile = "acounts.csv"\n'), (f"flow {LOAD}", "file"), "fail", "no file 'acounts.csv'", "'accounts.csv'"),
    ("renamed import", LOAD, lambda s: s.sandbox.call("POST", "anaplan/imports", {"rename": {"from": "Accounts from accounts.csv", "to": "Accounts"}}), (f"flow {LOAD}", "import"), "fail", "no import", "nearest"),
    ("import of another file", LOAD, _append('[flows.gl_accounts]\nfile = "cost_centers.csv"\n'), (f"flow {LOAD}", "columns"), "fail", "does not read the file", "point the import at"),
    ("file with other columns", LOAD, lambda s: s.sandbox.call("POST", "anaplan/files/accounts.csv", {"headers": ["Code", "Text"]}), (f"flow {LOAD}", "columns"), "fail", "knows no column", "rename the column"),
    ("no such list", LOAD, _append('[flows.gl_accounts]\ntarget_list = "GL Acounts"\n'), (f"flow {LOAD}", "lists"), "fail", "no list", "'GL Accounts'"),
    ("no such field", LOAD, _append('[flows.gl_accounts.source]\nalso = ["GLAccountGrup"]\n'), (f"flow {LOAD}", "fields"), "fail", "no field GLAccountGrup", "GLAccountGroup"),
    ("no such entity set", LOAD, _append('[flows.gl_accounts.source]\nentity_set = "A_GLAccounts"\n'), (f"flow {LOAD}", "fields"), "fail", "no entity set A_GLAccounts", "source"),
    ("no such connection", LOAD, _append('[flows.gl_accounts]\nsap = "other"\n'), (f"flow {LOAD}", "configuration"), "fail", "[sap.other] is not configured", "add the section"),
    ("no such export", POST, _amend("[flows.plan_writeback]", '[flows.plan_writeback]\nexport = "Plan.csv"'), (f"flow {POST}", "export"), "fail", "no export", ""),
    ("export without a column", POST, _append('[flows.plan_writeback.approval]\ncolumn = "State"\n'), (f"flow {POST}", "columns"), "fail", "writes no column 'State'", "approval"),
    ("no status import", POST, _amend("PLN02 Posting Status from", "PLN02 Status from"), (f"flow {POST}", "status"), "fail", "no import", "nearest"),
    ("hidden company code", POST, _amend('company_codes = ["1010"]', 'company_codes = ["1010", "9010"]'), (f"flow {POST}", "company codes"), "fail", "9010", "company_codes"),
    ("no company code", POST, _amend('company_codes = ["1010"]', ""), (f"flow {POST}", "company codes"), "fail", "none", "company_codes"),
    ("nobody enrolled", POST, lambda s: shutil.rmtree(s.folder / "approvers.d"), (f"flow {POST}", "approvers"), "fail", "nobody is enrolled", "approver init"),
    ("one approver", POST, lambda s: (s.folder / "approvers.d" / "e.kaya.json").unlink(), (f"flow {POST}", "approvers"), "warn", "a.novak alone", "approver init"),
    ("open approvers", POST, lambda s: (s.folder / "approvers.d").chmod(0o777), (f"flow {POST}", "approvers"), "fail", "approvers.d", "chmod"),
]  # fmt: skip


# variants of a neighbour, which the ordinary run leaves to DEEP_TESTS=1
VARIANTS = {
    "no configuration", "little disk", "open configuration", "open master key", "wrong password", "certificate ended",
    "no such model", "model in maintenance", "no such entity set", "no such list", "no status import",
    "no company code", "one approver", "restored store",
}  # fmt: skip
CASES = [one for one in SETUPS if os.environ.get("DEEP_TESTS") or one[0] not in VARIANTS]


@pytest.mark.parametrize("case", CASES, ids=[one[0] for one in CASES])
def test_each_broken_setup_is_named(setup: Setup, case: Case) -> None:
    _, flow, break_it, at, health, words, remedy = case
    break_it(setup)
    code, found = setup.diagnose(flow)
    assert at in found, found
    assert found[at][0] == health, found
    assert words in found[at][1], found
    assert remedy in found[at][2], found
    assert code == (1 if any(one[0] == "fail" for one in found.values()) else 0)
    others = {name for name, _ in found} - {at[0]}
    assert at[0] == HERE or HERE not in others, f"more than its cause is named: {found}"
    if at[0] == HERE:
        assert all(
            health == "warn" and "not looked at" in words
            for (name, _), (health, words, _) in found.items()
            if name != HERE
        )
