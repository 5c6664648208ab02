"""`audit export`: one archive, told in words or JSON, and noted in the log when that is wanted."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.cli.counter import TWO, Counter, open_counter
from tui_connector.review import verifier

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def counter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counter:
    made = open_counter(tmp_path, monkeypatch)
    made.enrol()
    made.propose(*TWO)
    assert made.sign().code == 0
    monkeypatch.chdir(tmp_path)
    return made


def test_a_pack_is_written_and_told(counter: Counter) -> None:
    said = counter.json("audit", "export", "--proposal", "1")
    assert (said["sound"], said["fault"], said["proposals"]) == (True, "", 1)
    assert said["scope"]["words"] == "proposal P-0001"
    assert said["open_points"][0].endswith("not ended: 1, 2.")
    told = verifier.look(said["file"])
    assert told[1] == ""
    assert told[0][0].endswith(said["digest"])
    assert counter.json("audit", "show", "kind:evidence") == []
    words = counter.tell("audit", "export", "--proposal", "P-0001", "--output", "again.zip")
    assert words.code == 0
    assert "✓ The pack verifies." in words.out
    assert re.search(r"^Digest [0-9a-f]{64}$", words.out, re.MULTILINE)


def test_the_log_tells_of_it_when_asked_to(counter: Counter) -> None:
    said = counter.json("audit", "export", "--since", "today", "--note", "--output", "day.zip")
    (noted,) = counter.json("audit", "show", "kind:evidence")
    assert (noted["kind"], noted["data"]["digest"]) == ("evidence.exported", said["digest"])
    assert "file" not in noted["data"]
    assert "pack made" in counter.tell("--plain", "audit").out
    assert counter.json("audit", "verify")["sound"]


def test_nothing_is_overwritten_unasked(counter: Counter) -> None:
    assert counter.tell("audit", "export", "--period", "011/2026").code == 0
    again = counter.tell("audit", "export", "--period", "011/2026")
    assert again.code == 2
    assert "exists already" in again.err
    assert counter.tell("audit", "export", "--period", "011/2026", "--output", "evidence-011-2026.zip").code == 0
    assert counter.tell("audit", "export", "--period", "011/2026", "--output", "no/where.zip").code == 2


def test_what_cannot_be_meant_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counter = open_counter(tmp_path, monkeypatch)
    for given in (
        [], ["--period", "011/2026", "--proposal", "1"], ["--until", "today"], ["--period", "11"],
        ["--proposal", "1", "--company", "1010"], ["--since", "today", "--period", "011/2026"],
    ):  # fmt: skip
        told = counter.tell("audit", "export", *given)
        assert (told.code, told.out) == (2, "")
        assert "next:" in told.err


def test_a_pack_of_a_store_that_was_changed_does_not_verify(counter: Counter) -> None:
    with counter.opened() as here, here.store.transaction() as tx:
        tx.change("UPDATE proposal_line SET amount = '1.00' WHERE number = 1")
    told = counter.tell("audit", "export", "--proposal", "1", "--json")
    assert told.code == 1
    assert json.loads(told.out)["fault"] == "rows of P-0001 are not as they were made"


def test_what_cannot_be_read_is_told_and_leaves_no_file(counter: Counter) -> None:
    with counter.opened() as here, here.store.transaction() as tx:
        tx.change("UPDATE audit_event SET data = 'rubbish' WHERE kind = 'proposal.made'")
    told = counter.tell("audit", "export", "--proposal", "1")
    assert told.code == 1
    assert "cannot be read" in told.err
    assert "audit verify" in told.err
    assert list(counter.folder.glob("*.zip*")) == []


def test_on_a_terminal_there_is_a_bar(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr("rich.console.Console.print", lambda _, text, **__: shown.append(str(text)))
    counter.on_screen("audit", "export", "--proposal", "1")
    assert any(re.search(r"━{30} (\d+) of \1 events", line) for line in shown)
    assert "✓ The pack verifies." in shown[-1]
