"""Desks to read from, and a proposal of the world that a test has made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.store.conftest import Bench
from tests.ui import afternoon as made
from tui_connector.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.engine.writeback.world import World
    from tui_connector.domain.proposal import Proposal
    from tui_connector.views.desk import Desk


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A store of its own, with runs as a test makes them."""
    store = Store.open(f"sqlite://{tmp_path}/store.db")
    yield Bench(store)
    store.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """The afternoon."""
    found = made.afternoon(tmp_path)
    yield found
    found.store.close()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Desk]:
    """A new installation."""
    found = made.empty(tmp_path)
    yield found
    found.store.close()


@pytest.fixture
def proposal(world: World) -> Proposal:
    """What the world's rows come to."""
    proposed = world.propose()
    assert proposed is not None
    return proposed
