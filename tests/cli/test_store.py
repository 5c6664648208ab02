"""An installation moves to PostgreSQL at the command line, and roles get their rights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from tests.cli.counter import open_counter

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.conftest import Postgres


def test_an_installation_moves_and_works_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres: Postgres
) -> None:
    counter = open_counter(tmp_path, monkeypatch, more="[store]\n")
    counter.tell("keys", "init")
    counter.tell("credentials", "set", "sap.main", stdin="user=me\npassword=of-the-canary\n")
    target = postgres.new()
    moved = counter.tell("store", "copy", str(tmp_path / "state" / "connector.db"), target)
    assert moved.code == 0, moved.text
    assert "audit log is whole up to event" in moved.out
    assert "set store.url" in moved.out
    assert "moved to another place" in counter.tell("credentials", "delete", "sap.main").text
    counter.amend("[store]\n", f'[store]\nurl = "{target}"\n')
    assert counter.json("audit", "verify")["sound"]
    assert "sap.main" in [one["name"] for one in counter.json("credentials", "list")]
    assert counter.tell("credentials", "set", "sap.main", stdin="user=me\npassword=another\n").code == 0
    assert [one["kind"] for one in counter.json("audit", "show", "--kind", "store.arrived")] == ["store.arrived"]
    told = counter.json("store", "copy", target, str(tmp_path / "back.db"))
    assert told["verified"]
    with psycopg.connect(target) as raw:
        fields = raw.execute("SELECT sealed FROM credential_field").fetchall()
    assert told["rows"]["credential_field"] == len(fields) > 2  # the installation's own key is one more
    assert not any(b"canary" in bytes(sealed) for (sealed,) in fields)


def test_rights_are_printed_for_the_owner_to_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counter = open_counter(tmp_path, monkeypatch)
    reads = counter.tell("store", "grant", 'look"er').out.splitlines()
    assert reads[1] == 'GRANT SELECT ON ALL TABLES IN SCHEMA "public" TO "look""er";'
    assert not any(word in " ".join(reads) for word in ("INSERT", "UPDATE", "DELETE"))
    (writes,) = counter.json("store", "grant", "worker", "--write", "--schema", "plan").values()
    assert writes[1] == 'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "plan" TO "worker";'
    assert counter.tell("store", "grant", "a\nb").code == 2
