"""The soak waits more than it works: begun first, it goes on beside all the other tests and nobody waits for it."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test of all is what the first process takes up at once; what follows it there, the others take over."""
    items.sort(key=lambda item: item.path.parent != HERE)
