"""An approver's own key by commands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.cli.counter import PASSPHRASE, Counter, open_counter
from tui_connector.approval.keys import KeyFile, default_key_path

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def counter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counter:
    return open_counter(tmp_path, monkeypatch)


def test_a_key_is_made_sealed_and_can_be_enrolled(counter: Counter) -> None:
    told = counter.tell("approver", "init", "--name", "a.novak", "--key", str(counter.key), stdin=f"{PASSPHRASE}\n")
    assert told.code == 0, told.text
    assert PASSPHRASE not in told.text
    assert PASSPHRASE.encode() not in counter.key.read_bytes()
    assert counter.key.stat().st_mode & 0o777 == 0o600
    place = counter.folder / "approvers.d" / "a.novak.json"
    assert f"An administrator enrols it for TEST by putting this into {place}:" in told.out
    assert "not enrolled" in counter.tell("approver", "show", "--key", str(counter.key)).out
    assert "Nobody is enrolled" in counter.tell("approver", "list").out
    assert counter.json("approver", "list") == []
    place.parent.mkdir(mode=0o755)
    place.write_text(told.out[told.out.index("{") :])
    assert "✓ enrolled for TEST" in counter.tell("approver", "show", "--key", str(counter.key)).out
    (listed,) = counter.json("approver", "list")
    with counter.opened() as installation:
        user = installation.person()
    assert (listed["name"], listed["user"], listed["environments"]) == ("a.novak", user, ["TEST"])
    assert "✓ TEST" in counter.tell("approver", "list").out
    assert KeyFile(counter.key).sign(PASSPHRASE, "a statement")


def test_a_revoked_key_says_so(counter: Counter) -> None:
    counter.enrol()
    place = counter.folder / "approvers.d" / "a.novak.json"
    place.write_text(json.dumps(json.loads(place.read_text()) | {"revoked_at": "2026-11-30T12:00:00+00:00"}))
    assert "✗ revoked since 2026-11-30 12:00:00 UTC" in counter.tell("approver", "show", "--key", str(counter.key)).out
    assert "✗ revoked 2026-11-30" in counter.tell("approver", "list").out
    assert counter.json("approver", "show", "--key", str(counter.key))["revoked_at"].startswith("2026-11-30")


def test_json_has_what_an_administrator_needs(counter: Counter) -> None:
    value = counter.json("approver", "init", "--name", "bo", stdin=f"{PASSPHRASE}\n")
    assert value["key"] == str(default_key_path())
    assert value["public_key"]["environments"] == ["TEST"]
    assert value["enrol_as"].endswith("/bo.json")
    assert counter.json("approver", "show")["enrolled"] is False


@pytest.mark.parametrize(
    ("name", "stdin", "said"),
    [
        ("a.novak", "short\n", "is too short"),
        ("a.novak", "", "no passphrase was given"),
        ("../a", f"{PASSPHRASE}\n", "the name may hold letters"),
    ],
)
def test_what_makes_no_key(counter: Counter, name: str, stdin: str, said: str) -> None:
    told = counter.tell("approver", "init", "--name", name, "--key", str(counter.key), stdin=stdin)
    assert (told.code, said in told.err) == (2, True), told.text
    assert not counter.key.exists()


def test_a_key_is_never_overwritten(counter: Counter) -> None:
    counter.enrol()
    before = counter.key.read_bytes()
    told = counter.tell("approver", "init", "--name", "b", "--key", str(counter.key), stdin=f"{PASSPHRASE}\n")
    assert (told.code, "is never overwritten" in told.err) == (2, True)
    assert counter.key.read_bytes() == before


def test_a_passphrase_is_typed_twice(counter: Counter) -> None:
    command = ("approver", "init", "--name", "a", "--key", str(counter.key))
    told = counter.tell(*command, secrets=(PASSPHRASE, "another one"))
    assert (told.code, "the two passphrases differ" in told.err, counter.key.exists()) == (2, True, False)
    assert counter.tell(*command, secrets=(PASSPHRASE, PASSPHRASE)).code == 0
    assert KeyFile(counter.key).sign(PASSPHRASE, "a statement")
