"""Approvers' keys: what was signed with an enrolled key counts, and nothing else does."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_connector.approval.keys import Directory, KeyFile, PublicKey, default_key_path, verify
from tui_connector.domain.canonical import canonical
from tui_connector.domain.errors import AuthenticationError, ConfigError
from tui_connector.domain.proposal import APPROVAL_SCHEMA, Approval

PASSPHRASE = "vier graue Ärmel"
NOW = datetime(2026, 11, 30, 14, 41, 20, tzinfo=UTC)


class Desk:
    """An approver with a key, and the folder in which it is enrolled."""

    def __init__(self, folder: Path) -> None:
        self.file = KeyFile(folder / "home" / "approver.key")
        self.key = self.file.create("novak", "a.novak", PASSPHRASE, environments=("production",))
        self.folder = folder / "approvers.d"
        self.folder.mkdir(mode=0o755)
        self.directory = Directory(self.folder)
        self.enrol(self.key)

    def enrol(self, key: PublicKey, name: str | None = None) -> Path:
        path = self.folder / (name or key.file_name)
        path.write_text(key.to_text())
        path.chmod(0o644)
        return path

    def approve(self, **other: Any) -> Approval:
        said = {
            "schema": APPROVAL_SCHEMA,
            "decision": "approve",
            "fingerprint": "7f3a91c2" * 8,
            "head": {"environment": "production"},
            "gross": {"EUR": Decimal("1204551.10")},
            "approver_key": self.key.key_id,
            "approver": "a.novak",
            "nonce": "51c2",
            **other,
        }
        statement = canonical(said)
        signature = self.file.sign(PASSPHRASE, statement)
        return Approval(17, self.key.key_id, "novak", "a.novak", "uid:1000", statement, signature, NOW)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """For tests that change nothing: making a key and signing are slow on purpose."""
    return Desk(tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="module")
def approval(shared: Desk) -> Approval:
    return shared.approve()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_signature_of_an_enrolled_key_counts(shared: Desk, approval: Approval) -> None:
    assert verify(shared.directory, approval) == shared.key
    assert len(approval.signature) == 64
    assert shared.file.public() == shared.key
    assert shared.directory.keys() == (shared.key,)


def test_the_file_is_its_owners_alone_and_tells_nothing(shared: Desk) -> None:
    assert stat.S_IMODE(shared.file.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(shared.file.path.parent.stat().st_mode) == 0o700
    said = json.loads(shared.file.path.read_text())
    assert said["key_id"] == shared.key.key_id
    assert PASSPHRASE not in shared.file.path.read_text()


def test_a_key_is_never_overwritten(shared: Desk) -> None:
    before = shared.file.path.read_bytes()
    with pytest.raises(ConfigError, match="exists already"):
        shared.file.create("novak", "a.novak", PASSPHRASE)
    assert shared.file.path.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "user", "passphrase", "why"),
    [
        ("novak", "a.novak", "sieben7", "too short"),
        ("../novak", "a.novak", PASSPHRASE, "the name may hold"),
        ("", "a.novak", PASSPHRASE, "1 to 64"),
        ("novak", "", PASSPHRASE, "1 to 64"),
        ("novak", "a.\u202enovak", PASSPHRASE, "printable"),
    ],
)
def test_what_cannot_become_a_key(tmp_path: Path, name: str, user: str, passphrase: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        KeyFile(tmp_path / "approver.key").create(name, user, passphrase)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_others_may_write_gets_no_key(tmp_path: Path) -> None:
    tmp_path.chmod(0o770)
    with pytest.raises(ConfigError, match="written by others"):
        KeyFile(tmp_path / "approver.key").create("novak", "a.novak", PASSPHRASE)


def test_a_wrong_passphrase_is_told_as_such(shared: Desk) -> None:
    with pytest.raises(AuthenticationError, match="does not open") as caught:
        shared.file.sign("vier graue Armel", "text")
    assert "new key" in caught.value.hint


def test_a_missing_key_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no approver's key") as caught:
        KeyFile(tmp_path / "approver.key").public()
    assert "approver init" in caught.value.hint


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610])
def test_a_key_that_others_can_reach_is_refused(desk: Desk, mode: int) -> None:
    desk.file.path.chmod(mode)
    with pytest.raises(ConfigError, match="read by others") as caught:
        desk.file.sign(PASSPHRASE, "text")
    assert "chmod 600" in caught.value.hint


def test_a_link_to_a_key_is_not_followed(shared: Desk, tmp_path: Path) -> None:
    (tmp_path / "approver.key").symlink_to(shared.file.path)
    with pytest.raises(ConfigError, match="cannot be read"):
        KeyFile(tmp_path / "approver.key").public()


def test_a_damaged_key_is_told_as_such(desk: Desk) -> None:
    whole = desk.file.path.read_text()
    said = json.loads(whole)
    changed = [{**said, field: value} for field, value in (("user", "b"), ("sealed", "AAAA"), ("digest", ""), ("x", 1))]
    texts = [json.dumps(one) for one in changed] + ["", "[]", "null", whole[:100], "\udcff"]
    for text in texts:
        desk.file.path.write_bytes(text.encode(errors="surrogateescape"))
        with pytest.raises(ConfigError, match="is damaged"):
            desk.file.sign(PASSPHRASE, "text")


def test_a_public_key_goes_through_its_text(shared: Desk) -> None:
    for key in (shared.key, replace(shared.key, environments=()), replace(shared.key, revoked_at=NOW)):
        assert PublicKey.from_text(key.to_text()) == key


def test_a_folder_that_does_not_exist_holds_no_keys(tmp_path: Path) -> None:
    directory = Directory(tmp_path / "approvers.d")
    assert directory.keys() == ()
    assert directory.find("0" * 16) is None


def test_a_key_that_was_taken_away_counts_no_more(desk: Desk) -> None:
    made = desk.approve()
    assert verify(desk.directory, made) == desk.key
    (desk.folder / "novak.json").unlink()
    with pytest.raises(AuthenticationError, match="never enrolled, or it was removed"):
        verify(desk.directory, made)


def test_a_revoked_key_counts_no_more(desk: Desk) -> None:
    made = desk.approve()
    desk.enrol(replace(desk.key, revoked_at=NOW))
    with pytest.raises(AuthenticationError, match="revoked on 2026-11-30"):
        verify(desk.directory, made)


@pytest.mark.parametrize("environments", [(), ("quality",), ("PRODUCTION",)])
def test_a_key_counts_only_where_it_was_enrolled_for(desk: Desk, environments: tuple[str, ...]) -> None:
    made = desk.approve()
    desk.enrol(replace(desk.key, environments=environments))
    with pytest.raises(AuthenticationError, match="not valid for the environment production"):
        verify(desk.directory, made)


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"approver": "m.keller"}, "approver's user is a.novak in the folder of approvers, m.keller in the signed"),
        ({"approver_key": "0" * 16}, "approver's key is"),
        ({"approver": None}, "user"),
        ({"head": None}, "environment None"),
        ({"head": {}}, "environment None"),
        ({"schema": "tui-connector/approval/0"}, "does not fit"),
        ({"decision": "reject"}, "does not fit"),
    ],
)
def test_a_statement_that_says_something_else(shared: Desk, other: dict[str, Any], why: str) -> None:
    with pytest.raises(AuthenticationError, match=why):
        verify(shared.directory, shared.approve(**other))


def test_the_row_must_say_what_was_signed(shared: Desk, approval: Approval) -> None:
    for row in (replace(approval, user="m.keller"), replace(approval, name="keller")):
        with pytest.raises(AuthenticationError, match="in the store"):
            verify(shared.directory, row)
    with pytest.raises(AuthenticationError, match="no such key"):
        verify(shared.directory, replace(approval, key_id="0" * 16))


def test_a_signature_by_somebody_else_is_forged(shared: Desk, approval: Approval) -> None:
    forged = Ed25519PrivateKey.generate().sign(approval.statement.encode())
    for signature in (forged, b"", bytes(64), approval.signature + b"\0"):
        with pytest.raises(AuthenticationError, match="does not fit the statement"):
            verify(shared.directory, replace(approval, signature=signature))
    with pytest.raises(AuthenticationError, match="does not fit the statement"):
        verify(shared.directory, replace(approval, statement=approval.statement + "\udc80"))


@settings(max_examples=150, deadline=None)
@given(at=st.integers(0), to=st.integers(1, 255), of_signature=st.booleans())
def test_any_one_byte_changed_is_refused(
    shared: Desk, approval: Approval, at: int, to: int, of_signature: bool
) -> None:
    content = bytearray(approval.signature if of_signature else approval.statement.encode())
    content[at % len(content)] ^= to
    if of_signature:
        changed = replace(approval, signature=bytes(content))
    else:
        changed = replace(approval, statement=content.decode(errors="surrogateescape"))
    with pytest.raises(AuthenticationError, match="does not fit the statement"):
        verify(shared.directory, changed)


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o622])
def test_what_others_may_write_is_not_believed(desk: Desk, mode: int) -> None:
    (desk.folder / "novak.json").chmod(mode)
    with pytest.raises(ConfigError, match=r"novak\.json can be written by others"):
        desk.directory.keys()
    (desk.folder / "novak.json").chmod(0o644)
    desk.folder.chmod(mode | 0o111)
    with pytest.raises(ConfigError, match=r"approvers\.d can be written by others"):
        desk.directory.keys()


def test_what_another_user_owns_is_not_believed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = os.fstat

    def as_if_given_away(file: int) -> os.stat_result:
        about = seen(file)
        if not stat.S_ISREG(about.st_mode):
            return about
        return os.stat_result([*about[: stat.ST_UID], os.geteuid() + 12345, *about[stat.ST_UID + 1 :]])

    monkeypatch.setattr("tui_connector.approval.keys.os.fstat", as_if_given_away)
    with pytest.raises(ConfigError, match=r"novak\.json belongs to user \d*12345"):
        desk.directory.keys()


def test_links_and_pipes_are_not_followed(desk: Desk, tmp_path: Path) -> None:
    (desk.folder / "novak.json").rename(tmp_path / "elsewhere.json")
    (desk.folder / "novak.json").symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(ConfigError, match=r"novak\.json cannot be read"):
        desk.directory.keys()
    (desk.folder / "novak.json").unlink()
    os.mkfifo(desk.folder / "novak.json", 0o644)
    with pytest.raises(ConfigError, match=r"novak\.json is no file"):
        desk.directory.keys()
    (tmp_path / "link").symlink_to(desk.folder)
    with pytest.raises(ConfigError, match="link cannot be read"):
        Directory(tmp_path / "link").keys()


def test_one_key_has_one_file(desk: Desk) -> None:
    desk.enrol(replace(desk.key, name="keller", user="m.keller"))
    with pytest.raises(ConfigError, match=r"keller\.json and novak\.json hold the same key"):
        desk.directory.keys()
    (desk.folder / "keller.json").unlink()
    desk.enrol(desk.key, "other.json")
    with pytest.raises(ConfigError, match=r"other\.json holds the key of novak"):
        desk.directory.keys()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"revokedat": "2026-11-30T00:00:00Z"}, "unknown: revokedat"),
        ({"revoked_at": "2026-11-30"}, "with their zone"),
        ({"revoked_at": None}, "with their zone"),
        ({"key_id": "0" * 16}, "does not fit the public key"),
        ({"public_key": "AAAA"}, "does not fit the public key"),
        ({"public_key": 5}, "no base64"),
        ({"environments": "production"}, "must be a list"),
        ({"environments": [1]}, "printable"),
        ({"name": "../novak"}, "the name may hold"),
        ({"schema": "other"}, "no approver's public key"),
    ],
)
def test_a_file_that_does_not_parse_is_named(desk: Desk, change: dict[str, Any], why: str) -> None:
    said = json.loads(desk.key.to_text())
    (desk.folder / "novak.json").write_text(json.dumps({**said, **change}))
    with pytest.raises(ConfigError, match=rf"(?s)novak\.json holds no approver's key.*{why}"):
        desk.directory.keys()
    (desk.folder / "novak.json").write_text("{")
    with pytest.raises(ConfigError, match=r"novak\.json holds no approver's key: it is not JSON"):
        desk.directory.keys()


def test_only_files_of_keys_are_looked_at(desk: Desk) -> None:
    (desk.folder / "README").write_text("Who may approve.")
    assert desk.directory.keys() == (desk.key,)


def test_the_place_of_a_key(tmp_path: Path) -> None:
    assert default_key_path({"XDG_CONFIG_HOME": str(tmp_path)}) == tmp_path / "tui_connector" / "approver.key"
    for relative in ({}, {"XDG_CONFIG_HOME": ""}, {"XDG_CONFIG_HOME": "here"}):
        assert default_key_path(relative) == Path.home() / ".config" / "tui_connector" / "approver.key"
