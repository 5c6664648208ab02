"""The database's clock jumps by hours, forward and back: nobody loses a lease, and nobody waits for hours."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests import clocks
from tests.clocks import HOURS, Skew
from tui_connector.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Postgres
    from tui_connector.domain.run import Lease


class Jumpy(NamedTuple):
    """A store whose clock `move` sets so many seconds off."""

    store: Store
    move: Callable[[float], None]

    def claim(self, owner: str, life: float) -> Lease | None:
        with self.store.transaction() as tx:
            return self.store.leases.claim(tx, "M1", owner, life)

    def renew(self, lease: Lease, life: float) -> bool:
        with self.store.transaction() as tx:
            return self.store.leases.renew(tx, lease, life)

    def wait(self, rate: float, burst: int) -> float:
        return self.store.budget.reserve("c", rate, burst).wait


@pytest.fixture(params=["sqlite", "postgresql"])
def jumpy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Jumpy]:
    if request.param == "sqlite":
        skew = Skew(tmp_path / "skew")
        with clocks.of_sqlite(skew):
            store = Store.open(str(tmp_path / "store.db"))
            yield Jumpy(store, skew.set)
            store.close()
        skew.close()
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    url = postgres.new()
    clocks.make_movable(url)
    store = Store.open(url)
    yield Jumpy(store, partial(clocks.move_server, url))
    store.close()


def now(store: Store) -> int:
    with store.transaction() as tx:
        return tx.now


def test_the_clock_moves(jumpy: Jumpy) -> None:
    before = now(jumpy.store)
    jumpy.move(5 * HOURS)
    assert 4 * HOURS < (now(jumpy.store) - before) / 1_000_000 < 6 * HOURS
    jumpy.move(-5 * HOURS)
    assert -6 * HOURS < (now(jumpy.store) - before) / 1_000_000 < -4 * HOURS


@pytest.mark.parametrize("hours", [5, -5])
def test_who_renews_keeps_its_lease_and_who_is_silent_loses_it(
    jumpy: Jumpy, hours: float, until: Callable[[Callable[[], bool]], None]
) -> None:
    life = 0.5
    lease = jumpy.claim("w1", life)
    assert lease is not None
    assert jumpy.claim("w2", life) is None
    jumpy.move(hours * HOURS)
    assert jumpy.renew(lease, life)
    assert jumpy.claim("w2", life) is None
    jumpy.move(0)
    assert jumpy.renew(lease, life)
    assert jumpy.claim("w2", life) is None
    jumpy.move(hours * HOURS)  # and now it is silent
    until(lambda: jumpy.claim("w2", life) is not None)
    assert not jumpy.renew(lease, life)


def test_who_just_came_takes_nothing_that_seems_to_have_run_out(jumpy: Jumpy) -> None:
    lease = jumpy.claim("w1", 30)
    jumpy.move(5 * HOURS)
    assert jumpy.claim("w2", 30) is None
    assert jumpy.store.leases.holder("M1") is None  # by the clock of the day it has
    assert lease is not None
    assert jumpy.renew(lease, 30)


def test_the_line_for_requests_goes_back_with_the_clock(jumpy: Jumpy) -> None:
    waits = [jumpy.wait(10, 5) for _ in range(25)]
    assert waits[0] == 0
    assert 0.5 < waits[-1] <= 2
    jumpy.move(-5 * HOURS)
    assert 0.5 < jumpy.wait(10, 5) <= 2.1
    jumpy.store.budget.block("c", 60)
    jumpy.move(-10 * HOURS)
    assert 50 < jumpy.wait(10, 5) <= 63


def test_who_renews_a_token_is_not_waited_for_longer_when_the_clock_goes_back(jumpy: Jumpy) -> None:
    shelf = jumpy.store.tokens("anaplan.main", bytes, bytes, process="elsewhere:1:1", is_gone=lambda _: False)
    assert shelf.claim("one", 30)
    assert not shelf.claim("two", 30)
    jumpy.move(-5 * HOURS)
    assert shelf.claim("two", 30)
