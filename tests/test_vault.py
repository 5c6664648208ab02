"""The vault: what was sealed opens under the right key, in its own place, unchanged, and nowhere else."""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import keyring
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tui_connector.domain.credential import Token
from tui_connector.domain.errors import ConfigError
from tui_connector.store import Store
from tui_connector.vault import Vault, key_id

if TYPE_CHECKING:
    from collections.abc import Iterator

CANARY = "canary-5f2c91-Schlüssel"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(str(tmp_path / "store.db"))
    yield opened
    opened.close()


def vault_of(
    store: Store, folder: Path, answers: list[str] | None = None, environment: dict[str, str] | None = None
) -> Vault:
    """A vault as a process that starts now would open it."""
    ask = (lambda _: answers.pop(0)) if answers is not None else None
    return Vault(store.credentials, folder / "master.key", ask=ask, environment=environment or {})


@pytest.fixture
def vault(store: Store, tmp_path: Path) -> Vault:
    made = vault_of(store, tmp_path)
    assert made.init_key("file", by="uid:1") == str(tmp_path / "master.key")
    return made


def test_secrets_come_back(vault: Vault, store: Store, tmp_path: Path) -> None:
    pem = "-----BEGIN KEY-----\nline\n" * 200
    vault.seal("sap.main", {"user": "u", "password": CANARY, "private_key_pem": pem}, by="uid:1")
    vault.seal("anaplan.main", {"user": "", "password": "x"}, by="uid:2")
    for opener in (vault, vault_of(store, tmp_path)):
        assert opener.open("sap.main") == {"user": "u", "password": CANARY, "private_key_pem": pem}
        assert opener.open("anaplan.main") == {"user": "", "password": "x"}
    infos = vault.list()
    assert [(i.name, i.fields, i.key_version, i.changed_by) for i in infos] == [
        ("anaplan.main", ("password", "user"), 1, "uid:2"),
        ("sap.main", ("password", "private_key_pem", "user"), 1, "uid:1"),
    ]
    vault.seal("sap.main", {"client_id": "c"})
    assert vault.open("sap.main") == {"client_id": "c"}
    assert vault.delete("sap.main")
    assert not vault.delete("sap.main")
    with pytest.raises(ConfigError, match=r"no credential for sap\.main"):
        vault.open("sap.main")
    kinds = [event.fact.kind for event in store.audit.events(kind="credential.")]
    assert kinds == ["credential.stored", "credential.stored", "credential.changed", "credential.deleted"]
    assert [event.fact.kind for event in store.audit.events(kind="key.")] == ["key.made"]


def test_no_trace_of_a_secret_in_the_store(vault: Vault, store: Store, tmp_path: Path) -> None:
    vault.seal("sap.main", {"password": CANARY})
    shelf = store.tokens("sap.main", lambda b: vault.seal_bytes("token", b), lambda b: vault.open_bytes("token", b))
    moment = store.audit.events()[0].at
    shelf.save(Token(CANARY, "Bearer", moment, moment, 1))
    loaded = shelf.load()
    assert loaded is not None
    assert loaded.value == CANARY
    vault.rotate()
    vault.seal("sap.main", {"password": CANARY + "2"})
    vault.delete("sap.main")
    master = base64.b64decode((tmp_path / "master.key").read_text())
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "master.key"]
    assert len(files) >= 2  # the file and its log
    for needle in (
        CANARY.encode(),
        CANARY.encode("utf-16-le"),
        base64.b64encode(CANARY.encode())[:-4],
        b"canary",
        master,
    ):
        assert not [path for path in files if needle in path.read_bytes()]
    assert CANARY not in repr(vault) + repr(loaded) + repr(store.audit.events())


def test_no_key_no_secrets(store: Store, tmp_path: Path) -> None:
    vault = vault_of(store, tmp_path)
    for use in (lambda: vault.seal("a", {"b": "c"}), lambda: vault.seal_bytes("t", b""), vault.rotate):
        with pytest.raises(ConfigError, match="no master key yet") as caught:
            use()
        assert "keys init" in caught.value.hint
    assert vault.list() == ()


def test_a_second_first_key_is_refused(vault: Vault, tmp_path: Path, store: Store) -> None:
    before = (tmp_path / "master.key").read_bytes()
    with pytest.raises(ConfigError, match="already"):
        vault_of(store, tmp_path).init_key("file")
    assert (tmp_path / "master.key").read_bytes() == before
    other = Store.open(str(tmp_path / "other.db"))
    with pytest.raises(ConfigError, match="exists"):
        vault_of(other, tmp_path).init_key("file")
    other.close()
    assert (tmp_path / "master.key").read_bytes() == before


def test_a_wrong_key_is_told_as_such(vault: Vault, store: Store, tmp_path: Path) -> None:
    vault.seal("sap.main", {"password": CANARY})
    path = tmp_path / "master.key"
    right = path.read_text()
    wrong = secrets.token_bytes(32)
    path.write_text(base64.b64encode(wrong).decode())
    with pytest.raises(ConfigError, match="not the one") as caught:
        vault_of(store, tmp_path).open("sap.main")
    assert key_id(wrong) in str(caught.value)
    for garbage in ("", "no base64!", base64.b64encode(b"short").decode(), "\xff\xfe"):
        path.write_text(garbage)
        with pytest.raises(ConfigError):
            vault_of(store, tmp_path).open("sap.main")
    path.unlink()
    with pytest.raises(ConfigError, match="missing"):
        vault_of(store, tmp_path).open("sap.main")
    path.touch(0o600)
    path.write_text(right)
    path.chmod(0o600)
    assert vault_of(store, tmp_path).open("sap.main") == {"password": CANARY}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610])
def test_a_key_file_that_others_can_read_is_refused(vault: Vault, store: Store, tmp_path: Path, mode: int) -> None:
    vault.seal("sap.main", {"password": CANARY})
    assert (tmp_path / "master.key").stat().st_mode & 0o777 == 0o600
    (tmp_path / "master.key").chmod(mode)
    with pytest.raises(ConfigError, match="read by others") as caught:
        vault_of(store, tmp_path).open("sap.main")
    assert "chmod 600" in caught.value.hint


def test_a_link_is_not_followed(vault: Vault, store: Store, tmp_path: Path) -> None:
    vault.seal("sap.main", {"password": CANARY})
    (tmp_path / "master.key").rename(tmp_path / "real.key")
    (tmp_path / "master.key").symlink_to(tmp_path / "real.key")
    with pytest.raises(ConfigError, match="cannot be read"):
        vault_of(store, tmp_path).open("sap.main")


def certificate(days: float) -> tuple[str, datetime]:
    """A certificate that ends so many days from now, as PEM; when."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC).replace(microsecond=0)
    name, ends = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "svc-anaplan")]), now + timedelta(days=days)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, ends)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode(), ends


def test_the_end_of_a_certificate_is_known_without_the_key(vault: Vault, store: Store) -> None:
    pem, ends = certificate(12)
    older, _ = certificate(400)
    vault.seal("anaplan.main", {"certificate_pem": f"{pem}{older}", "private_key_pem": "k"})
    vault.seal("sap.main", {"user": "u", "password": "p"})
    assert {one.name: one.expires_at for one in store.credentials.names()} == {"anaplan.main": ends, "sap.main": None}
    vault.rotate()
    assert store.credentials.names()[0].expires_at == ends
    with pytest.raises(ConfigError, match="the certificate cannot be read; nothing was stored"):
        vault.seal("anaplan.main", {"certificate_pem": "-----BEGIN CERTIFICATE-----\nx\n", "private_key_pem": "k"})
    assert vault.open("anaplan.main")["certificate_pem"].startswith(pem)
    vault.seal("anaplan.main", {"user": "u", "password": "p"})
    assert store.credentials.names()[0].expires_at is None


def test_exchanged_secrets_do_not_open(vault: Vault, store: Store) -> None:
    """Neither between connections nor between fields: the place is part of what was sealed."""
    vault.seal("sap.main", {"user": "u", "password": "p"})
    vault.seal("sap.test", {"user": "u", "password": "p"})
    other = "(SELECT {0} FROM {1} o WHERE o.connection = 'sap.{2}'{3}) WHERE connection = 'sap.main'"
    same_field = other.format("sealed", "credential_field", "test", " AND o.field = credential_field.field")
    next_field = other.format("sealed", "credential_field", "main", " AND o.field <> credential_field.field")
    columns = "wrapped, data_key_version, key_version, 0, '', NULL"
    swaps = (
        f"UPDATE credential_field SET sealed = {same_field}",
        f"UPDATE credential_field SET sealed = {next_field}",
        f"UPDATE credential SET wrapped = {other.format('wrapped', 'credential', 'test', '')}",
        "UPDATE credential SET data_key_version = 99 WHERE connection = 'sap.main'",
        "UPDATE credential_field SET field = 'client_id' WHERE connection = 'sap.main' AND field = 'user'",
        (
            f"INSERT INTO credential SELECT 'sap.copy', {columns} FROM credential WHERE connection = 'sap.test';"
            "UPDATE credential_field SET connection = 'sap.copy' WHERE connection = 'sap.test'"
        ),
    )
    for swap in swaps:
        with store.transaction() as tx:
            for statement in swap.split(";"):
                assert tx.change(statement) > 0
        with pytest.raises(ConfigError, match="not what was sealed"):
            vault.open("sap.copy" if "copy" in swap else "sap.main")
        vault.seal("sap.main", {"user": "u", "password": "p"})
        assert vault.open("sap.main") == {"user": "u", "password": "p"}


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    place=st.integers(0, 10_000), bit=st.integers(0, 7), cut=st.booleans(), table=st.sampled_from(["wrapped", "sealed"])
)
def test_changed_or_cut_secrets_do_not_open(  # noqa: PLR0917
    vault: Vault, store: Store, place: int, bit: int, cut: bool, table: str
) -> None:
    vault.seal("sap.main", {"password": CANARY})
    where = "credential" if table == "wrapped" else "credential_field"
    with store.transaction() as tx:
        sealed = bytearray(tx.value(f"SELECT {table} FROM {where}"))
        place %= len(sealed)
        if cut:
            sealed = sealed[:place]
        else:
            sealed[place] ^= 1 << bit
        tx.change(f"UPDATE {where} SET {table} = ?", bytes(sealed))
    with pytest.raises(ConfigError, match="not what was sealed"):
        vault.open("sap.main")


def test_bytes_open_only_for_their_purpose(vault: Vault, store: Store, tmp_path: Path) -> None:
    sealed = vault.seal_bytes("token.sap.main", b"plain")
    assert vault_of(store, tmp_path).open_bytes("token.sap.main", sealed) == b"plain"
    assert sealed != vault.seal_bytes("token.sap.main", b"plain")
    for purpose, content in (("token.sap.test", sealed), ("token.sap.main", sealed[:-1]), ("token.sap.main", b"")):
        with pytest.raises(ConfigError):
            vault.open_bytes(purpose, content)


def test_rotation_rewraps_everything(vault: Vault, store: Store, tmp_path: Path) -> None:
    running = vault_of(store, tmp_path)  # another process that has the old key in its hands
    for name in ("sap.main", "anaplan.main"):
        vault.seal(name, {"password": name + CANARY})
    assert running.open("sap.main") == {"password": "sap.main" + CANARY}
    old = (tmp_path / "master.key").read_text()
    wrapped = {row[0] for row in store._database.rows("SELECT wrapped FROM credential")}
    sealed = store._database.rows("SELECT sealed FROM credential_field")
    token = vault.seal_bytes("token", b"x")
    assert vault.rotate(by="uid:9") == 2
    assert wrapped.isdisjoint(row[0] for row in store._database.rows("SELECT wrapped FROM credential"))
    assert store._database.rows("SELECT sealed FROM credential_field") == sealed  # only data keys are wrapped anew
    assert old not in (tmp_path / "master.key").read_text()
    assert (tmp_path / "master.key").stat().st_mode & 0o777 == 0o600
    for opener in (vault, running, vault_of(store, tmp_path)):
        for name in ("sap.main", "anaplan.main"):
            assert opener.open(name) == {"password": name + CANARY}
        with pytest.raises(ConfigError):
            opener.open_bytes("token", token)
    running.seal("sap.main", {"password": "new"})
    assert vault.open("sap.main") == {"password": "new"}
    assert {info.key_version for info in vault.list()} == {2}
    assert vault.rotate() == 3
    told = store.audit.events(kind="key.rotated")[0].fact.data
    assert told.items() >= {"kind": "file", "version": 2, "credentials": 2}.items()
    assert set(told) == {"kind", "version", "credentials", "row", "rows"}  # the last two seal keys and credentials
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith("master")] == ["master.key"]


def test_a_rotation_that_does_not_end_leaves_all_as_it_was(
    vault: Vault, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.seal("sap.main", {"password": CANARY})
    monkeypatch.setattr(store.credentials, "rotate", lambda *_: False)
    with pytest.raises(ConfigError, match="nothing was changed"):
        vault.rotate()
    assert len((tmp_path / "master.key").read_text().split()) == 2  # the new key lies beside the old one
    assert vault_of(store, tmp_path).open("sap.main") == {"password": CANARY}
    monkeypatch.undo()
    assert vault_of(store, tmp_path).rotate() == 2
    assert len((tmp_path / "master.key").read_text().split()) == 1
    assert vault.open("sap.main") == {"password": CANARY}


def test_a_credential_that_changes_during_a_rotation_is_not_lost(
    vault: Vault, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.seal("sap.main", {"password": "before"})
    rotate = store.credentials.rotate

    def late(*arguments: Any) -> bool:
        vault_of(store, tmp_path).seal("sap.main", {"password": CANARY})
        return rotate(*arguments)

    monkeypatch.setattr(store.credentials, "rotate", late)
    with pytest.raises(ConfigError, match="nothing was changed"):
        vault.rotate()
    monkeypatch.undo()
    assert vault.open("sap.main") == {"password": CANARY}
    assert vault.rotate() == 2
    assert vault.open("sap.main") == {"password": CANARY}


def test_tokens_are_forgotten_with_the_key_and_the_credential(vault: Vault, store: Store) -> None:
    shelf = store.tokens("sap.main", lambda b: vault.seal_bytes("token", b), lambda b: vault.open_bytes("token", b))
    moment = store.audit.events()[0].at
    token = Token("t", "Bearer", moment, moment, 1)
    for forget in (vault.rotate, lambda: vault.seal("sap.main", {"password": "p"}), lambda: vault.delete("sap.main")):
        shelf.save(token)
        assert shelf.load() == token
        assert shelf.claim("w1", 60)
        forget()
        assert shelf.load() is None


def test_a_passphrase(store: Store, tmp_path: Path) -> None:
    vault = vault_of(store, tmp_path, ["right one"])
    assert vault.init_key("passphrase") == "a passphrase"
    vault.seal("sap.main", {"password": CANARY})
    assert list(tmp_path.glob("*.key")) == []
    again = vault_of(store, tmp_path, ["right one"])
    assert again.open("sap.main") == {"password": CANARY}
    assert again.open("sap.main") == {"password": CANARY}  # asked once
    with pytest.raises(ConfigError, match="not the one") as caught:
        vault_of(store, tmp_path, ["wrong one"]).open("sap.main")
    assert "passphrase" in caught.value.hint
    for answers in ([""], None):
        with pytest.raises(ConfigError):
            vault_of(store, tmp_path, answers).open("sap.main")
    assert vault_of(store, tmp_path, ["right one", "next one"]).rotate() == 2
    assert vault_of(store, tmp_path, ["next one"]).open("sap.main") == {"password": CANARY}


def test_the_service_managers_credential(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    environment = {"CREDENTIALS_DIRECTORY": str(folder)}
    first, second = (base64.b64encode(secrets.token_bytes(32)).decode() for _ in range(2))
    with pytest.raises(ConfigError, match="exactly one new key"):
        vault_of(store, tmp_path, environment=environment).init_key("systemd")
    (folder / "master.key").write_text(first)
    vault = vault_of(store, tmp_path, environment=environment)
    vault.init_key("auto")
    vault.seal("sap.main", {"password": CANARY})
    assert not (tmp_path / "master.key").exists()
    with pytest.raises(ConfigError, match="missing"):
        vault_of(store, tmp_path).open("sap.main")
    with pytest.raises(ConfigError, match="exactly one new key"):
        vault.rotate()
    (folder / "master.key").write_text(f"{first}\n{second}\n")
    assert vault.rotate() == 2
    (folder / "master.key").write_text(second)
    assert vault_of(store, tmp_path, environment=environment).open("sap.main") == {"password": CANARY}


def test_the_service_managers_credential_comes_before_the_file(vault: Vault, store: Store, tmp_path: Path) -> None:
    """A key that was moved into the unit works without a further step."""
    vault.seal("sap.main", {"password": CANARY})
    folder = tmp_path / "credentials"
    folder.mkdir()
    (tmp_path / "master.key").rename(folder / "master.key")
    environment = {"CREDENTIALS_DIRECTORY": str(folder)}
    assert vault_of(store, tmp_path, environment=environment).open("sap.main") == {"password": CANARY}


class Ring:
    """A keyring that keeps its entries in memory."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.entries[service, username]


def test_the_keyring(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = Ring()
    monkeypatch.setattr(keyring, "get_keyring", lambda: ring)
    vault = vault_of(store, tmp_path)
    assert "keyring" in vault.init_key("auto")
    vault.seal("sap.main", {"password": CANARY})
    assert vault_of(store, tmp_path).open("sap.main") == {"password": CANARY}
    assert vault.rotate() == 2
    assert vault_of(store, tmp_path).open("sap.main") == {"password": CANARY}
    assert vault.rotate("file") == 3  # moving house
    assert ring.entries == {}
    assert vault_of(store, tmp_path).open("sap.main") == {"password": CANARY}


@pytest.mark.parametrize(
    "name", ["keyring.backends.fail", "keyring.backends.null", "keyrings.alt.file.PlaintextKeyring", "empty"]
)
def test_a_keyring_that_keeps_nothing_is_refused(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    unsafe: Any = type("PlaintextKeyring" if "Plain" in name else "Keyring", (Ring,), {"__module__": name})()
    chain = type("Chain", (Ring,), {"backends": [] if name == "empty" else [Ring(), unsafe]})()
    for found in (chain,) if name == "empty" else (unsafe, chain):
        monkeypatch.setattr(keyring, "get_keyring", lambda found=found: found)
        with pytest.raises(ConfigError, match="no safe keyring"):
            vault_of(store, tmp_path).init_key("keyring")
        assert found.entries == {}
    assert store.credentials.key() is None
    assert vault_of(store, tmp_path).init_key("auto") == str(tmp_path / "master.key")


def test_names_cannot_forge_a_place(vault: Vault) -> None:
    for connection, field in (("sap|main", "password"), ("sap.main", "pass|word"), ("", "x"), ("sap.main", "a\nb")):
        with pytest.raises(ConfigError, match="cannot name"):
            vault.seal(connection, {field: "x"})


def test_nothing_slow_is_loaded_until_it_is_needed() -> None:
    code = "import sys, tui_connector.vault; print('keyring' in sys.modules, 'sqlite_utils' in sys.modules)"
    root = Path(__file__).parents[1]
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True, env={**os.environ}
    )
    assert told.stdout == "False False\n"


def test_what_was_opened_or_sealed_is_masked_wherever_it_is_written(vault: Vault, store: Store, tmp_path: Path) -> None:
    pem = "-----BEGIN KEY-----\nMIIB-first\nMIIB-second\n-----END KEY-----\n"
    vault.seal("sap.main", {"password": CANARY, "passphrase": f"{CANARY}2", "private_key_pem": pem}, by="uid:1")
    token = "eyJhbGciOiJSUzI1NiJ9.token-of-some-length"
    sealed = vault.seal_bytes(
        "token.sap.main", b'{"value": "' + token.encode() + b'", "at": "2026-11-26T11:00:00+00:00"}'
    )
    told = (
        f"password {CANARY}, passphrase {CANARY}2, MIIB-second of the key, Bearer {token} at 2026-11-26T11:00:00+00:00"
    )
    masked = "password ***, passphrase ***, *** of the key, Bearer *** at 2026-11-26T11:00:00+00:00"
    assert vault.mask(told) == masked
    other = vault_of(store, tmp_path)
    assert other.mask(told) == told
    other.open("sap.main")
    other.open_bytes("token.sap.main", sealed)
    assert other.mask(told) == masked


def test_a_secret_is_masked_however_a_tenant_may_quote_it(vault: Vault) -> None:
    secret = 'a "/+ü&=% b\\'
    vault.seal("sap.main", {"client_id": "CONNECTOR", "client_secret": secret})
    vault.seal("anaplan.main", {"user": "me@example.com", "password": secret})
    pairs = [base64.b64encode(f"{user}:{secret}".encode()).decode() for user in ("CONNECTOR", "me@example.com")]
    spelled = [quote(secret, safe=""), quote_plus(secret), json.dumps(secret), json.dumps(secret, ensure_ascii=False)]
    for told in (secret, *spelled, *(f"Basic {pair}" for pair in pairs)):
        assert vault.mask(f"<{told}>").strip('<>"').removeprefix("Basic ") == "***", told
