"""Who may post and when: one worker at a time, a stopped one never again, and nothing is sent twice unasked."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest

from tests.journeys.conftest import Sandbox, assert_sound, fork, start_process, wait_for
from tests.journeys.desk import Desk
from tests.journeys.posting_desk import POST, Batch, copies, lines_in_sap, post, prepare
from tests.journeys.posting_harness import RESEND, Doom, live
from tui_connector.domain.proposal import DocumentState, ProposalState
from tui_connector.domain.run import RunState
from tui_connector.engine.writeback import moments
from tui_connector.sandbox.sap.posting import PATH

if TYPE_CHECKING:
    from pathlib import Path


def sent(sandbox: Sandbox) -> int:
    """How often the posting service was called."""
    return len(sandbox.requests("POST", PATH))


def assert_once(sandbox: Sandbox, batch: Batch) -> None:
    """All of the batch is in SAP, line by line, and nothing else."""
    batch.assert_posted()
    assert lines_in_sap(sandbox) == batch.lines()


def told(batch: Batch) -> list[str]:
    """Kinds of all audit events."""
    with batch.opened() as installation:
        return [one.fact.kind for one in installation.store.audit.events(limit=10_000)]


def ends(pid: int, seconds: float = 30.0) -> int:
    """The exit code of a child."""
    return os.waitstatus_to_exitcode(
        wait_for(lambda: os.waitpid(pid, os.WNOHANG), lambda found: found[0] == pid, seconds)[1]
    )


def test_what_was_not_found_is_held_and_sent_again_only_when_a_person_says_so(sandbox: Sandbox, tmp_path: Path) -> None:
    batch = prepare(sandbox, tmp_path / "batch", 3, 6)
    desk = Desk(batch.config, sandbox)
    sandbox.fault("drop_request", POST, "POST")
    answer = desk.tell("proposals", "post", "P-0001", "--json")
    states = Counter(one["state"] for one in json.loads(answer.out)["posting"])
    assert (answer.code, states) == (7, {"verified": 2, "held": 1})
    assert sent(sandbox) == 3
    (held,) = [one for one in batch.states() if one.state is DocumentState.HELD]
    assert (held.attempt, held.looks) == (1, 2)
    assert held.difference == "not in SAP after 2 looks; whether it still comes, nobody can tell"
    assert desk.tell("proposals", "post", "P-0001").code == 7
    assert sent(sandbox) == 3

    with batch.opened() as installation:
        short = installation.store.proposals.get(batch.proposal).short
    choice = ("proposals", "choose", "P-0001", str(held.document.number), "--send-again", "--reason", "not in SAP")
    assert desk.tell(*choice, "--fingerprint", short).code == 0
    assert sent(sandbox) == 3
    assert desk.tell("proposals", "post", "P-0001").code == 0
    assert sent(sandbox) == 4
    assert desk.tell("proposals", "post", "P-0001").code == 0
    assert (sent(sandbox), copies(sandbox).total()) == (4, 3)
    assert lines_in_sap(sandbox) == batch.lines()
    with batch.opened() as installation:
        assert installation.store.proposals.get(batch.proposal).state is ProposalState.POSTED
        assert_sound(installation)


@pytest.mark.parametrize("moment", ["ready", "looked first", "sending", "marked", "answered", "settled", "proved"])
def test_a_stopped_worker_wakes_up_after_its_lease_and_does_nothing(
    moment: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    batch = prepare(sandbox, tmp_path / "batch", 4, 8, **RESEND)
    left = 1 if moment == "ready" else 2

    def reached(name: str) -> None:
        nonlocal left
        left -= name == moment
        if left == 0:
            left = -1
            os.kill(os.getpid(), signal.SIGSTOP)

    def stops() -> int:
        with patch.object(moments, "reached", reached):
            return post(batch)

    zombie = fork(stops)
    try:
        assert os.WIFSTOPPED(os.waitpid(zombie, os.WUNTRACED)[1])
        batch.work()
        assert_once(sandbox, batch)
        before = told(batch)
        os.kill(zombie, signal.SIGCONT)
        assert ends(zombie) == 0
    except BaseException:
        os.kill(zombie, signal.SIGKILL)
        raise
    assert_once(sandbox, batch)
    assert sent(sandbox) == 4
    assert told(batch)[len(before) :] == ["worker.stopped"]


def test_two_workers_post_a_proposal_as_one(sandbox: Sandbox, tmp_path: Path) -> None:
    batch = prepare(sandbox, tmp_path / "batch", 20, 40, **RESEND)
    sandbox.sap(post_faults=0.4, read_back_delay_seconds=0.05)
    workers = [fork(partial(post, batch)) for _ in range(2)]
    assert [ends(pid, 60) for pid in workers] == [0, 0]
    sandbox.sap(post_faults=0.0)
    assert_once(sandbox, batch)
    with batch.opened() as installation:
        audit = installation.store.audit
        (started,) = audit.events(kind="run.started", run_id=batch.run)
        moved = {one.fact.actor for one in audit.events(run_id=batch.run, limit=1000)}
        assert len(audit.events(kind="worker.started", limit=1000)) >= 2
    assert moved - {started.fact.actor} <= {"uid:4242"}


STOPPED = {
    "its answer comes": (2.0, DocumentState.POSTED),
    "its answer does not come": (120.0, DocumentState.SENDING),
}


@pytest.mark.parametrize("name", list(STOPPED) if os.environ.get("DEEP_TESTS") else list(STOPPED)[:1])
def test_a_worker_told_to_stop_with_a_post_open_waits_for_it_and_loses_nothing(
    name: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    seconds, then = STOPPED[name]
    batch = prepare(sandbox, tmp_path / "batch", 3, 6, **RESEND)
    sandbox.fault("delay", POST, "POST", seconds=seconds, skip=1)
    process = start_process(batch.config, tmp_path / "process")
    try:
        wait_for(lambda: sandbox.hits() == [1] or not process.running)
        assert process.running, process.said
        process.send(signal.SIGTERM)
        asked = time.monotonic()
        assert process.wait(30) == 0, process.said
        took = time.monotonic() - asked
    finally:
        process.kill()
    print(f"\nended {took:.2f} s after SIGTERM with a post open")
    expected = Counter([DocumentState.POSTED, then, DocumentState.READY])
    assert Counter(one.state for one in batch.states()) == expected
    sandbox.clear_faults()
    batch.work()
    assert_once(sandbox, batch)
    assert sent(sandbox) == 3 + (then is DocumentState.SENDING)  # the one that did not arrive goes once more


def test_nothing_is_sent_while_the_disk_is_nearly_full(sandbox: Sandbox, tmp_path: Path) -> None:
    """Neither where the store is, nor where its mark and the exports are."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    batch = prepare(sandbox, tmp_path / "batch", 2, 4, store=f"sqlite://{elsewhere}/connector.db")
    usage = shutil.disk_usage(tmp_path)
    nearly = usage._replace(free=63 * 1024 * 1024)
    for full in (elsewhere, tmp_path / "batch" / "state"):
        with patch.object(
            shutil, "disk_usage", {elsewhere: usage, tmp_path / "batch" / "state": usage, full: nearly}.get
        ):
            run = batch.work()
        assert run.state is RunState.FAILED
        assert "Less than 64 MB are free" in run.reason
        assert "nothing was sent" in run.hint
        assert {(one.state, one.attempt) for one in batch.states()} == {(DocumentState.READY, 0)}
        assert sent(sandbox) == 0
        batch = batch.again()
    batch.work()
    assert_once(sandbox, batch)


def test_nothing_is_sent_while_the_posting_mark_cannot_be_written(sandbox: Sandbox, tmp_path: Path) -> None:
    """/dev/full stands for the disk: the system says of it what it says of a full one."""
    batch = prepare(sandbox, tmp_path / "batch", 2, 4)
    with batch.opened() as installation:
        mark = installation.settings.posting.mark
    assert mark is not None
    fresh = mark.with_name(mark.name + ".new")
    fresh.symlink_to("/dev/full")
    run = batch.work()
    assert run.state is RunState.FAILED
    assert f"{mark} cannot be written: No space left on device; nothing was sent" in run.reason
    assert {one.state for one in batch.states()} == {DocumentState.READY}
    assert sent(sandbox) == 0
    fresh.unlink()
    batch = batch.again()
    batch.work()
    assert_once(sandbox, batch)


@pytest.mark.parametrize("done", [0, 2])
def test_a_restored_store_looks_up_before_it_sends(done: int, sandbox: Sandbox, tmp_path: Path) -> None:
    batch = prepare(sandbox, tmp_path / "batch", 4, 8, **RESEND)
    if done:
        assert live(partial(post, batch), Doom("settled", done)) == ["settled"]
    copied = copy_store(batch)
    batch.work()
    assert_once(sandbox, batch)
    put_back(batch, copied)
    assert Counter(one.state for one in batch.states())[DocumentState.VERIFIED] == 0
    batch.work()
    assert_once(sandbox, batch)
    assert sent(sandbox) == 4
    with batch.opened() as installation:
        assert len(installation.store.audit.events(kind="store.restored_behind")) == 1


def test_a_restored_store_waits_for_what_was_sent_after_its_copy(sandbox: Sandbox, tmp_path: Path) -> None:
    batch = prepare(sandbox, tmp_path / "batch", 1, 2, **RESEND)
    assert live(partial(post, batch), Doom("marked")) == ["marked"]
    copied = copy_store(batch)
    sandbox.fault("late_commit", POST, "POST", seconds=0.8)
    assert live(partial(post, batch), Doom("answered")) == ["answered"]
    assert not copies(sandbox)
    put_back(batch, copied)
    batch.work()
    assert_once(sandbox, batch)
    assert sent(sandbox) == 1


def test_a_backup_put_back_without_a_posting_mark_counts_as_behind(sandbox: Sandbox, tmp_path: Path) -> None:
    batch = prepare(sandbox, tmp_path / "batch", 2, 4, **RESEND)
    desk, file = Desk(batch.config, sandbox), tmp_path / "store.backup"
    made = desk.tell("store", "backup", str(file), "--json")
    batch.work()
    assert_once(sandbox, batch)
    for lost in (batch.folder / "state").glob("*.mark"):
        lost.unlink()
    told = desk.tell("store", "restore", str(file), "--reason", "the disk was lost", "--json")
    assert (made.code, told.code) == (0, 0), told.text
    assert json.loads(made.out)["seq"] == json.loads(told.out)["seq"]
    assert {one.state for one in batch.states()} == {DocumentState.PLANNED}
    batch.work()
    assert_once(sandbox, batch)
    assert sent(sandbox) == 2
    with batch.opened() as installation:
        assert len(installation.store.audit.events(kind="store.restored_behind")) == 1
        assert installation.store.restores.open_since() is not None
    assert "Confirmed" in desk.tell("proposals", "restored", "--reason", "compared with SAP").out


def test_a_lost_store_finds_its_documents_by_their_references(sandbox: Sandbox, tmp_path: Path) -> None:
    lost = prepare(sandbox, tmp_path / "lost", 4, 8)
    lost.work()
    batch = prepare(sandbox, tmp_path / "new", 4, 8)
    assert [one.reference for one in batch.states()] == [one.reference for one in lost.states()]
    batch.work()
    assert_once(sandbox, batch)
    assert sent(sandbox) == 4


def store_files(batch: Batch) -> list[Path]:
    """The store with what SQLite keeps beside it; nobody has it open."""
    return sorted((batch.folder / "state").glob("connector.db*"))


def copy_store(batch: Batch) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in store_files(batch)}


def put_back(batch: Batch, copied: dict[Path, bytes]) -> None:
    for path in store_files(batch):
        path.unlink()
    for path, content in copied.items():
        path.write_bytes(content)
