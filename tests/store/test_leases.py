"""Leases: one holder at a time, across real processes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tui_connector.store import Store

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from tests.store.conftest import Bench
    from tui_connector.domain.run import Lease, WorkerInfo

RACER = """
import sys
from tui_connector.store import Store
store = Store.open(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
won = 0
for number in range(40):
    with store.transaction() as tx:
        won += store.leases.claim(tx, f"M{number}", sys.argv[2], 60) is not None
print(won, flush=True)
"""


def test_one_holder_at_a_time(bench: Bench) -> None:
    store = bench.store
    lease = bench.lease()
    assert store.leases.holder("M1") == lease
    with store.transaction() as tx:
        assert store.leases.claim(tx, "M1", "w2", 30) is None
        assert store.leases.claim(tx, "M1", "w1", 30) is None
        assert store.leases.claim(tx, "M2", "w2", 30) is not None
        assert store.leases.renew(tx, lease, 30)
    bench.release(lease)
    assert store.leases.holder("M1") is None
    assert bench.lease(owner="w2").fence == lease.fence + 1  # the fence survives a release
    with store.transaction() as tx:
        assert not store.leases.renew(tx, lease, 30)
        assert not store.leases.release(tx, lease)


def test_a_lease_runs_out_when_it_is_not_renewed(bench: Bench, until: Callable[[Callable[[], bool]], None]) -> None:
    store = bench.store
    lease = bench.lease(seconds=0.15)
    with store.transaction() as tx:
        taken_at = tx.value("SELECT taken_at FROM lease WHERE model = 'M1'")
    claimed: list[tuple[Lease, int]] = []

    def claim() -> bool:
        with store.transaction() as tx:
            other = store.leases.claim(tx, "M1", "w2", 30)
            if other:
                claimed.append((other, tx.now))
        return other is not None

    until(claim)
    other, at = claimed[0]
    assert other.fence == lease.fence + 1
    assert at - taken_at >= 0.15 * 1_000_000
    with store.transaction() as tx:
        assert not store.leases.renew(tx, lease, 30)


def test_a_lease_that_ran_out_untaken_is_renewed(bench: Bench, until: Callable[[Callable[[], bool]], None]) -> None:
    lease = bench.lease(seconds=0.02)
    until(lambda: bench.store.leases.holder("M1") is None)
    with bench.store.transaction() as tx:
        assert bench.store.leases.renew(tx, lease, 30)
    assert bench.store.leases.holder("M1") == lease


def test_the_holders_own_life_counts(bench: Bench, until: Callable[[Callable[[], bool]], None]) -> None:
    bench.lease(seconds=1.0)

    def claim() -> bool:
        with bench.store.transaction() as tx:
            return bench.store.leases.claim(tx, "M1", "w2", 0.01) is not None

    begun = time.monotonic()
    until(claim)
    assert time.monotonic() - begun >= 1.0


def test_a_dead_owner_is_replaced_at_once(bench: Bench, worker: Callable[..., WorkerInfo]) -> None:
    store = bench.store
    with store.transaction() as tx:
        store.workers.register(tx, worker("w1", 4711))
    lease = bench.lease(seconds=3600)
    asked: list[WorkerInfo] = []

    def dead(info: WorkerInfo) -> bool:
        asked.append(info)
        return len(asked) > 1

    with store.transaction() as tx:
        assert store.leases.claim(tx, "M1", "w2", 30, dead_owner=dead) is None
        taken = store.leases.claim(tx, "M1", "w2", 30, dead_owner=dead)
    assert taken is not None
    assert taken.fence == lease.fence + 1
    assert [(info.id, info.pid, info.boot_id) for info in asked] == [("w1", 4711, "boot")] * 2


def test_to_look_tells_which_models_a_claim_would_not_get(
    bench: Bench, worker: Callable[..., WorkerInfo], until: Callable[[Callable[[], bool]], None]
) -> None:
    leases = bench.store.leases
    with bench.store.transaction() as tx:
        for name in ("alive", "dead"):
            bench.store.workers.register(tx, worker(name))
    bench.release(bench.lease("given back"))
    for name in ("alive", "dead", "silent"):
        bench.lease(name, owner=name, seconds=0.2 if name == "silent" else 3600)
    assert leases.taken(30) == {"alive", "dead", "silent"}
    assert leases.taken(30, dead_owner=lambda info: info.id == "dead") == {"alive", "silent"}
    until(lambda: leases.taken(30) == {"alive", "dead"})
    assert bench.lease("silent", owner="w2").fence == 2


def test_an_owner_nobody_knows_is_waited_for(bench: Bench) -> None:
    bench.lease(owner="stranger")
    with bench.store.transaction() as tx:
        assert bench.store.leases.claim(tx, "M1", "w2", 30, dead_owner=lambda _: True) is None


def test_two_processes_never_share_a_lease(url: str, spawn: Callable[..., subprocess.Popen[str]]) -> None:
    Store.open(url).close()
    racers = [spawn(RACER, url, name) for name in ("w1", "w2")]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n", racer.communicate()[1]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    won = [int(racer.communicate(timeout=60)[0]) for racer in racers]
    assert sum(won) == 40, won
    store = Store.open(url)
    holders = [store.leases.holder(f"M{number}") for number in range(40)]
    assert all(holder is not None and holder.fence == 1 for holder in holders)
    store.close()
