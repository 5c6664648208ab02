"""Checkpoints in an evidence pack: those that cover it go with it, and it reaches to the next one."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.review.packs import Parts
from tests.ui.afternoon import afternoon
from tui_connector.anchors.notes import Signer
from tui_connector.review import verifier
from tui_connector.views import evidence
from tui_connector.views.evidence_scope import read_scope

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tui_connector.views.desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    found = afternoon(tmp_path / "desk")
    yield found
    found.store.close()


def sign(desk: Desk, *numbers: int) -> Signer:
    """Checkpoints of these events, by one key."""
    signer, store = Signer.make(desk.store.id), desk.store
    with store.transaction() as tx:
        store.checkpoints.add_key(tx, signer.key, "worker:w1")
    for ago, number in enumerate(reversed(numbers)):
        event = store.audit.event(number)
        assert event is not None
        note = signer.sign(number, event.digest, desk.clock.now() - timedelta(minutes=ago))
        with store.transaction() as tx:
            store.checkpoints.keep(tx, note, "worker:w1")
    return signer


def test_a_pack_reaches_to_the_next_checkpoint(desk: Desk, tmp_path: Path) -> None:
    one = evidence.choose(desk, read_scope(desk, "P-0001"))
    plain = evidence.export(desk, read_scope(desk, "P-0001"), tmp_path / "plain.zip")
    assert plain.report.checkpoint.startswith("none covers these events")
    signer = sign(desk, 5, one.first - 1, one.first + 3, one.last + 20, one.last + 40)
    made = evidence.export(desk, read_scope(desk, "P-0001"), tmp_path / "pack.zip")
    assert (made.fault, made.chosen.first, made.chosen.last) == ("", one.first, one.last + 20)
    assert made.report.checkpoint.startswith("all of them signed on 2026-12-01")
    pack = Parts.of(tmp_path / "pack.zip")
    assert pack.members["checkpoints.txt"].decode().count("\nseq ") == 3
    assert pack.json("keys.json")["checkpoints"] == [signer.key.to_text()]
    assert all(data is None for row, data, _ in pack.lines("events.jsonl") if row["seq"] > one.last)
    assert "2 under a checkpoint" in verifier.look(tmp_path / "pack.zip")[0][1]
    assert made.report.full == plain.report.full


def test_what_stands_before_a_pack_is_held_by_a_checkpoint_too(desk: Desk, tmp_path: Path) -> None:
    one = evidence.choose(desk, read_scope(desk, "P-0001"))
    sign(desk, one.first - 1)
    evidence.export(desk, read_scope(desk, "P-0001"), tmp_path / "pack.zip")
    pack = Parts.of(tmp_path / "pack.zip")
    told = pack.json("manifest.json")["chain"]
    pack.tell(chain={**told, "before": "0" * 64})
    assert "before the first" in verifier.look(pack.rewrite().repair().packed())[1]


def test_a_log_cut_behind_its_checkpoint_is_found(desk: Desk, tmp_path: Path) -> None:
    one = evidence.choose(desk, read_scope(desk, "P-0001"))
    sign(desk, one.last)
    evidence.export(desk, read_scope(desk, "P-0001"), tmp_path / "pack.zip")
    pack = Parts.of(tmp_path / "pack.zip")
    pack.change("events.jsonl", lambda events: events.pop())
    pack.tell(chain={**pack.json("manifest.json")["chain"], "last": one.last - 1})
    assert "a checkpoint names" in verifier.look(pack.rewrite().repair().packed())[1]
