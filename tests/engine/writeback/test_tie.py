"""A posting is tied when SAP shows every document equal to the cent, and what is not stands in its tie-out."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.engine.proposal.plans import FLOW, PAIR
from tests.engine.writeback.far_sides import Fault
from tests.engine.writeback.world import World
from tui_connector.domain.run import Purpose
from tui_connector.domain.tie import Hop, Tie, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


ONE_SIGNS = replace(FLOW, two_approvers_from={"EUR": Decimal(1000)})


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, ONE_SIGNS) as made:
        made.rows = list(PAIR)
        yield made


def posted(world: World, *faults: Fault) -> Tie:
    proposal = world.propose()
    assert proposal is not None
    world.approve(proposal)
    world.ledger.faults[:] = faults
    world.work()
    run = world.store.runs.latest(proposal.flow, purpose=Purpose.POST)
    assert run is not None
    tie = world.store.ties.get(run.id)
    assert tie is not None
    assert world.store.audit.verify().finding == "everything fits"
    return tie


def test_what_was_read_back_equal_is_tied(world: World) -> None:
    tie = posted(world)
    assert (tie.verdict, tie.differences) == (Verdict.TIED, 0)
    assert tie.words == "The document was read back equal: 100.00 EUR."
    assert [one.hop for one in tie.hops] == [Hop.EXPORTED, Hop.PROPOSED, Hop.POSTED, Hop.READ_BACK]
    _, proposed, sent, back = tie.hops
    assert (proposed.records, proposed.amounts) == (sent.records, sent.amounts) == (back.records, back.amounts)
    assert proposed.amounts == {"EUR": Decimal("100.00")}


def test_what_sap_refused_is_not_tied(world: World) -> None:
    tie = posted(world, Fault.REJECTED)
    assert tie.verdict is Verdict.NOT_TIED
    assert "0 of 1 document" in tie.words
    assert tie.hops[-1].records == 0
    assert tie.differences == 1
