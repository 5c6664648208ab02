"""Workers die at any moment of a posting, SAP loses requests and answers: every document is there exactly once.

A longer run than usual:
POSTING_DOCUMENTS=10000 POSTING_KILLS=5000 pytest tests/journeys/test_posting_crash.py -k under_fire -n 0 -s
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.journeys.naive_poster import post_naively
from tests.journeys.posting_harness import RANDOM, RESEND, prepare_all, run_harness
from tui_connector.engine.writeback.moments import MOMENTS
from tui_connector.sandbox.sap.post_faults import KINDS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.journeys.conftest import Sandbox

DOCUMENTS = int(os.environ.get("POSTING_DOCUMENTS", "500"))
KILLS = int(os.environ.get("POSTING_KILLS", "250"))


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


def test_a_naive_poster_doubles_documents_in_the_same_harness(sandbox: Sandbox, tmp_path: Path) -> None:
    batches = prepare_all(sandbox, tmp_path, 60, each=15)
    toll = run_harness(sandbox, batches, 24, fire=partial(post_naively, sandbox.url))
    print(f"\n{toll}")
    assert toll.kills.total() > 10
    assert toll.lost == 0
    assert toll.doubled > 0.05 * toll.documents


def test_a_quiet_time_shorter_than_sap_doubles_documents(sandbox: Sandbox, tmp_path: Path) -> None:
    batches = prepare_all(sandbox, tmp_path, 40, each=5, **RESEND, quiet_seconds=0.05, look_seconds=0.02)
    toll = run_harness(sandbox, batches, 8, faults=0.8)
    print(f"\n{toll}")
    assert toll.lost == 0
    assert toll.doubled > 0
