"""Masters as they were seen: only what changed is written, and nothing of it changes unseen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tui_connector.domain.audit import Fact
from tui_connector.domain.master import Master, Standing

if TYPE_CHECKING:
    from tests.store.conftest import Bench

A, B, C = (Master(code, f"Name {code}", ("1010", "Süd, \x07")) for code in "ABC")


def keep(bench: Bench, target: int, *seen: Master) -> int:
    """What the event says has changed; 0 for no event."""
    masters = bench.store.masters
    with bench.store.transaction() as tx:
        told = masters.keep(tx, target, masters.all(target), {one.code: one for one in seen})
        if told is not None:
            bench.store.audit.append(tx, Fact("masters.seen", "worker:w1", "cost_centers", told))
    return 0 if told is None else int(told["changed"])


def test_what_was_seen_is_read_back_by_target(bench: Bench) -> None:
    first, other = bench.target(), bench.target("cost_centers")
    assert keep(bench, first, A, B) == 2
    assert keep(bench, other, C) == 1
    assert bench.store.masters.all(first) == {"A": A, "B": B}
    assert bench.store.masters.all(other) == {"C": C}
    assert keep(bench, first, A, B) == 0
    moved = B._replace(places=("2010", ""), standing=Standing.EXPIRED)
    assert keep(bench, first, moved, C) == 3
    assert bench.store.masters.all(first) == {"B": moved, "C": C}
    assert bench.store.audit.verify().broken_at is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE master SET name = 'x' WHERE code = 'A'",
        "UPDATE master SET places = '[]' WHERE code = 'A'",
        "UPDATE master SET standing = 'missing' WHERE code = 'A'",
        "DELETE FROM master WHERE code = 'A'",
        "DELETE FROM master",
        "INSERT INTO master SELECT 99, code, name, places, standing FROM master",
        "INSERT INTO master SELECT target_id, 'Z', name, places, standing FROM master WHERE code = 'A'",
    ],
)
def test_no_change_of_it_goes_unseen(bench: Bench, statement: str) -> None:
    keep(bench, bench.target(), A, B)
    with bench.store.transaction() as tx:
        assert tx.change(statement)
    assert "masters" in bench.store.audit.verify().finding
