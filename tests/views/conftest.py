"""Desks to read from, and a proposal of the world that a test has made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.ui import afternoon as made

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.engine.writeback.world import World
    from tui_connector.domain.proposal import Proposal
    from tui_connector.views.desk import Desk


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
