"""Desks to sit at: an afternoon of one customer, a quiet day, a new installation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.ui import afternoon as made

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tui_connector.views.desk import Desk


@pytest.fixture(autouse=True)
def _every_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is drawn depends on no variable of whoever runs the tests."""
    for name in ("NO_COLOR", "COLORTERM", "TEXTUAL_THEME", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """The afternoon, at the desk of one who may act."""
    found = made.afternoon(tmp_path)
    yield found
    found.store.close()


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Desk]:
    """The afternoon, at a desk that only reads."""
    found = made.afternoon(tmp_path, read_only=True)
    yield found
    found.store.close()


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[Desk]:
    """A day on which nothing needs a person."""
    found = made.quiet(tmp_path)
    yield found
    found.store.close()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Desk]:
    """A new installation."""
    found = made.empty(tmp_path)
    yield found
    found.store.close()
