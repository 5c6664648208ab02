"""Workers die at any moment of a posting, SAP loses requests and answers: every document is there exactly once.

A longer run than usual:
POSTING_DOCUMENTS=10000 POSTING_KILLS=5000 pytest tests/journeys/test_posting_crash.py -k under_fire -n 0 -s
"""

from __future__ import annotations

import os
import signal
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.journeys.conftest import fork, wait_for
from tests.journeys.naive_poster import post_naively
from tests.journeys.posting_desk import POST, copies, lines_in_sap, post, prepare
from tests.journeys.posting_harness import RANDOM, RESEND, Doom, live, prepare_all, run_harness
from tui_connector.engine.writeback.moments import MOMENTS
from tui_connector.sandbox.sap.post_faults import KINDS
from tui_connector.sandbox.sap.posting import PATH

if TYPE_CHECKING:
    from pathlib import Path

    from tests.journeys.conftest import Sandbox

DOCUMENTS = int(os.environ.get("POSTING_DOCUMENTS", "200"))
KILLS = int(os.environ.get("POSTING_KILLS", "100"))
FAULTS: dict[str, dict[str, Any]] = {
    "request lost": {"kind": "drop_request"},
    "answer lost": {"kind": "drop_answer"},
    "committed late": {"kind": "late_commit", "seconds": 0.3},
    "503 instead": {"kind": "status", "status": 503},
    "503 afterwards": {"kind": "status", "status": 503, "after": True},
}


@pytest.mark.timeout(180 + DOCUMENTS)
def test_every_document_is_posted_once_under_fire(sandbox: Sandbox, tmp_path: Path) -> None:
    batches = prepare_all(sandbox, tmp_path, DOCUMENTS, **RESEND)
    toll = run_harness(sandbox, batches, KILLS)
    print(f"\n{toll}")
    assert (toll.doubled, toll.lost) == (0, 0)
    assert toll.kills.total() >= KILLS
    assert set(toll.kills) == {*MOMENTS, RANDOM}
    assert all(toll.faults[kind] for kind in KINDS)
    for batch in batches:
        batch.assert_posted()


@pytest.mark.parametrize("fault", FAULTS)
def test_each_moment_is_survived_with_each_fault(fault: str, sandbox: Sandbox, tmp_path: Path) -> None:
    documents = 10
    batch = prepare(sandbox, tmp_path / "batch", documents, 2 * documents, **RESEND, test_run=True)
    # every document is tested once; of the posts that follow the first six are met
    sandbox.fault(path=POST, method="POST", skip=documents, times=6, **FAULTS[fault])
    sandbox.sap(read_back_delay_seconds=0.05)
    assert [live(partial(post, batch), Doom(moment)) for moment in MOMENTS] == [[moment] for moment in MOMENTS]
    assert live(partial(post, batch), None) == []
    assert sandbox.hits() == [6]
    batch.assert_posted()
    assert lines_in_sap(sandbox) == batch.lines()


def test_a_worker_may_die_while_sap_checks_what_is_to_be_sent(sandbox: Sandbox, tmp_path: Path) -> None:
    batch = prepare(sandbox, tmp_path / "batch", 8, 16, test_run=True)
    sandbox.fault("delay", POST, "POST", skip=4, seconds=1)
    worker = fork(partial(post, batch))
    wait_for(sandbox.hits, lambda hits: hits == [1])
    os.kill(worker, signal.SIGKILL)
    os.waitpid(worker, 0)
    assert not copies(sandbox)
    batch.work()
    batch.assert_posted()
    assert lines_in_sap(sandbox) == batch.lines()
    assert len(sandbox.requests("POST", PATH)) == 5 + 2 * 8


def test_a_naive_poster_doubles_documents_in_the_same_harness(sandbox: Sandbox, tmp_path: Path) -> None:
    batches = prepare_all(sandbox, tmp_path, 60, each=15)
    toll = run_harness(sandbox, batches, 28, fire=partial(post_naively, sandbox.url))
    print(f"\n{toll}")
    assert toll.kills.total() >= 25
    assert toll.lost == 0
    assert toll.doubled > 0.05 * toll.documents


def test_a_quiet_time_shorter_than_sap_doubles_documents(sandbox: Sandbox, tmp_path: Path) -> None:
    batches = prepare_all(sandbox, tmp_path, 40, each=5, **RESEND, quiet_seconds=0.05, look_seconds=0.02)
    toll = run_harness(sandbox, batches, 8, faults=0.8, late=0.6)
    print(f"\n{toll}")
    assert toll.lost == 0
    assert toll.doubled > 0
