"""Checkpoints at the command line: made, sent out, and held against a store that was cut, put back or written anew."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.counter import TWO, Counter, open_counter
from tui_connector.anchors.notes import Signer
from tui_connector.cli import Exit
from tui_connector.domain.audit import Fact
from tui_connector.domain.checkpoint import VerifierKey, read_notes
from tui_connector.domain.clock import SystemClock
from tui_connector.store import chain

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tui_connector.store.database import Transaction


@pytest.fixture
def counter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counter:
    made = open_counter(tmp_path, monkeypatch, more='[evidence]\nfile = "out/checkpoints.txt"')
    made.propose(*TWO)
    assert made.tell("keys", "init").code == 0
    return made


@pytest.fixture
def anchor(counter: Counter) -> Path:
    """A checkpoint that has left."""
    assert counter.json("audit", "checkpoint")["sent"] == [{"way": "file", "left": True, "said": ""}]
    return counter.folder / "out" / "checkpoints.txt"


def verified(counter: Counter, anchor: Path, code: Exit, *more: str) -> dict[str, Any]:
    value: dict[str, Any] = counter.json("audit", "verify", "--anchor", str(anchor), *more, code=code)
    assert value["sound"] is (code is Exit.DONE)
    return value


def happen(counter: Counter, count: int = 3) -> None:
    with counter.opened() as here, here.store.transaction() as tx:
        for _ in range(count):
            here.store.audit.append(tx, Fact("run.failed", "w", "x", {"reason": "y"}))


def meddle(counter: Counter, change: Callable[[Transaction], Any]) -> None:
    with counter.opened() as here, here.store.transaction() as tx:
        change(tx)


def cut(counter: Counter, seq: int) -> None:
    """The events from one on are gone, and the head goes along: a chain that is sound by itself."""

    def change(tx: Transaction) -> None:
        tx.change("DELETE FROM audit_event WHERE seq >= ?", seq)
        tx.change("DELETE FROM checkpoint WHERE seq >= ? - 1", seq)
        tx.change(
            "UPDATE audit_head SET seq = ?, digest = (SELECT digest FROM audit_event WHERE seq = ?)", seq - 1, seq - 1
        )

    meddle(counter, change)


def rewrite(counter: Counter, seq: int) -> None:
    """One event tells another story, and every digest after it is made anew."""

    def change(tx: Transaction) -> None:
        tx.change("UPDATE audit_event SET actor = 'uid:9' WHERE seq = ?", seq)
        previous = tx.value("SELECT previous FROM audit_event WHERE seq = ?", seq)
        for row in tx.rows(f"SELECT {chain.COLUMNS} FROM audit_event WHERE seq >= ? ORDER BY seq", seq):
            event = chain.event_of(row)
            digest = chain.event_digest(previous, event.seq, row[1], event.fact, event.payload_hash)
            tx.change("UPDATE audit_event SET previous = ?, digest = ? WHERE seq = ?", previous, digest, event.seq)
            previous = digest
        tx.change("UPDATE audit_head SET digest = ?", previous)

    meddle(counter, change)


def test_a_checkpoint_is_made_sent_and_fits(counter: Counter, anchor: Path) -> None:
    happen(counter)
    (note,) = read_notes(anchor.read_text())
    value = verified(counter, anchor, Exit.DONE)
    assert value["verdict"] == "sound"
    assert value["anchor"] == {
        "fit": "fits", "finding": f"1 fit, up to event {note.checkpoint.seq}", "notes": 1, "reaches": note.checkpoint.seq,
    }  # fmt: skip
    told = counter.tell("audit", "verify", "--anchor", str(anchor))
    assert "✓ The chain is sound" in told.out
    assert f"✓ Its checkpoints fit: 1, up to event {note.checkpoint.seq}." in told.out
    lines = anchor.with_name("checkpoints.txt.pub").read_text().splitlines()
    assert counter.json("audit", "key") == lines
    assert counter.tell("audit", "key").out.replace("\n", "") == lines[0]
    assert "is signed up to event" in counter.tell("audit", "checkpoint").out
    assert verified(counter, anchor, Exit.DONE)["anchor"]["notes"] == 2


def test_a_cut_tail_is_behind_its_anchor(counter: Counter, anchor: Path) -> None:
    happen(counter)
    assert counter.tell("audit", "checkpoint").code == Exit.DONE
    seq = read_notes(anchor.read_text())[1].checkpoint.seq
    cut(counter, seq)
    assert counter.tell("audit", "verify").code == Exit.DONE, "alone, nobody can tell"
    value = verified(counter, anchor, Exit.NOT_TIED)
    assert (value["verdict"], value["broken_at"]) == ("behind", None)
    assert f"the log ends at event {seq - 1}" in value["anchor"]["finding"]


def test_a_store_that_was_put_back_and_went_on_is_told(counter: Counter) -> None:
    store = counter.folder / "state" / "connector.db"
    shutil.copyfile(store, counter.folder / "copy.db")
    happen(counter)
    counter.tell("audit", "checkpoint")
    for name in ("connector.db-wal", "connector.db-shm"):
        (store.parent / name).unlink(missing_ok=True)
    shutil.copyfile(counter.folder / "copy.db", store)
    anchor = counter.folder / "out" / "checkpoints.txt"
    assert verified(counter, anchor, Exit.NOT_TIED)["verdict"] == "behind"
    happen(counter, 20)
    assert verified(counter, anchor, Exit.FAILED, "--key", f"{anchor}.pub")["verdict"] == "rewritten"


def test_a_chain_written_anew_disagrees_with_its_anchor(counter: Counter, anchor: Path) -> None:
    happen(counter)
    rewrite(counter, 2)
    with counter.opened() as here:
        assert here.store.audit.verify().broken_at is None, "every digest fits the next"
    value = verified(counter, anchor, Exit.FAILED)
    seq = read_notes(anchor.read_text())[0].checkpoint.seq
    assert value["broken_at"] == seq, "the store's own checkpoints tell as well"
    meddle(counter, lambda tx: tx.change("DELETE FROM checkpoint"))
    meddle(counter, lambda tx: tx.change("UPDATE audit_event SET kind = 'run.failed' WHERE kind = 'checkpoint.made'"))
    rewrite(counter, 2)
    assert counter.tell("audit", "verify").code == Exit.DONE
    assert verified(counter, anchor, Exit.FAILED)["verdict"] == "rewritten"


def test_a_broken_chain_is_told_as_such(counter: Counter, anchor: Path) -> None:
    happen(counter)
    meddle(counter, lambda tx: tx.change("UPDATE audit_event SET actor = 'uid:9' WHERE seq = 2"))
    value = verified(counter, anchor, Exit.FAILED)
    assert (value["verdict"], value["broken_at"]) == ("broken", 2)
    assert verified(counter, anchor, Exit.DONE, "--from", "3")["verdict"] == "sound"


def test_a_forged_note_is_refused(counter: Counter, anchor: Path) -> None:
    good = anchor.read_text()
    (note,) = read_notes(good)
    with counter.opened() as here:
        forged = Signer.make(here.store.id).sign(note.checkpoint.seq, note.checkpoint.digest, SystemClock().now())
    for text in (
        forged.to_text(),
        good.replace(f"\nseq {note.checkpoint.seq}\n", "\nseq 4\n"),
        good[:-20],
        f"{good}nonsense\n",
        good.upper(),
    ):
        anchor.write_text(text)
        assert verified(counter, anchor, Exit.REFUSED)["verdict"] == "forged", text
    anchor.write_bytes(b"\xff" + good.encode())
    assert verified(counter, anchor, Exit.REFUSED)["verdict"] == "forged"
    anchor.write_text(good)
    other = Signer.make("ab" * 16).key.to_text()
    assert verified(counter, anchor, Exit.REFUSED, "--key", other)["verdict"] == "forged"
    assert verified(counter, anchor, Exit.DONE, "--key", counter.json("audit", "key")[0])["verdict"] == "sound"


def test_an_anchor_of_another_store_is_the_wrong_file(counter: Counter, anchor: Path) -> None:
    signer = Signer.make("ab" * 16)
    anchor.write_text(signer.sign(3, "cd" * 32, SystemClock().now()).to_text())
    value = verified(counter, anchor, Exit.USAGE)
    assert value["verdict"] == "foreign"
    assert "ab" * 16 in value["anchor"]["finding"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--anchor", "nowhere"),
        ("--anchor", "empty"),
        ("--from", "0"),
        ("--from", "x"),
        ("--anchor", "empty", "--key", "a+b"),
    ],
)
def test_wrong_arguments_are_told(
    counter: Counter, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(counter.folder)
    (counter.folder / "empty").write_text("\n")
    assert counter.tell("audit", "verify", *arguments).code == Exit.USAGE


def test_a_way_that_does_not_work_is_told_and_stands_on_the_overview(counter: Counter) -> None:
    counter.amend("out/checkpoints.txt", "config.toml/checkpoints.txt")
    value = counter.json("audit", "checkpoint", code=Exit.FAILED)
    assert value["sent"][0]["left"] is False
    assert "Not a directory" in value["sent"][0]["said"] or "File exists" in value["sent"][0]["said"]
    assert "not sent checkpoint: file: " in counter.tell("--plain", "overview").out
    counter.amend("config.toml/checkpoints.txt", "out/checkpoints.txt")
    told = counter.tell("audit", "checkpoint")
    assert (told.code, "✓ It left by file." in told.out) == (0, True)
    assert "not sent checkpoint" not in counter.tell("--plain", "overview").out


def test_the_audit_says_how_far_the_last_one_reaches(counter: Counter, anchor: Path) -> None:
    seq = read_notes(anchor.read_text())[0].checkpoint.seq
    first = counter.tell("--plain", "audit").out.splitlines()[1]
    assert first.startswith(f"The last checkpoint that left reaches event {seq} (file, ")
    assert first.endswith(") and fits.")
    rewrite(counter, 2)
    told = counter.tell("--plain", "audit").out.splitlines()[1]
    assert f"and does not fit: event {seq} is not the one" in told


def test_a_program_gets_the_note(counter: Counter) -> None:
    script = counter.folder / "hook.py"
    script.write_text("import sys; open(sys.argv[1], 'w').write(sys.stdin.read())")
    out = counter.folder / "note.txt"
    command = json.dumps([sys.executable, str(script), str(out)])
    counter.amend('file = "out/checkpoints.txt"', f"command = {command}")
    assert counter.tell("audit", "checkpoint").code == Exit.DONE
    (note,) = read_notes(out.read_text())
    (key,) = map(VerifierKey.from_text, counter.json("audit", "key"))
    assert note.checkpoint.signer == key.signer
