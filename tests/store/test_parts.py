"""The smaller parts: commands, schedule, request budget, watermarks, targets, tokens."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from tui_connector.domain.credential import Token
from tui_connector.domain.errors import ConfigError, RefusedError
from tui_connector.domain.run import Watermark

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from tests.store.conftest import Bench
    from tui_connector.store import Store
    from tui_connector.store.tokens import StoredShelf
    from tui_connector.transport.tokens import TokenShelf

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def test_commands_are_taken_once_and_answered(bench: Bench) -> None:
    commands = bench.store.commands
    with bench.store.transaction() as tx:
        first = commands.enqueue(tx, "cancel", {"reason": "a"}, "uid:1", subject="7")
        second = commands.enqueue(tx, "ping", {}, "uid:2")
    with bench.store.transaction() as tx:
        assert [commands.take(tx, first, "w1"), commands.take(tx, second, "w1")] == [True, True]
        assert not commands.take(tx, 99, "w1")
    assert [(command.id, command.worker) for command in commands.pending()] == [(first, "w1"), (second, "w1")]
    with bench.store.transaction() as tx:
        commands.finish(tx, first, ok=False, answer={"why": "no"})
        commands.finish(tx, first, ok=True, answer={"why": "late"})  # the first answer stands
        assert commands.give_back(tx, "w1") == 1
        assert commands.take(tx, second, "w3")
    answered, again = commands.get(first), commands.get(second)
    assert answered is not None
    assert (answered.ok, answered.answer, answered.payload, answered.requested_by, answered.subject) == (
        False, {"why": "no"}, {"reason": "a"}, "uid:1", "7",
    )  # fmt: skip
    assert again is not None
    assert (again.worker, again.ok) == ("w3", None)
    assert commands.get(99) is None


def test_a_wish_is_taken_by_one_and_given_back_by_itself(bench: Bench) -> None:
    commands = bench.store.commands
    with bench.store.transaction() as tx:
        first, second = (commands.enqueue(tx, "ping", {}, "uid:1", subject="sap.main") for _ in range(2))
    with bench.store.transaction() as tx:
        assert commands.take(tx, first, "w1")
        assert not commands.take(tx, first, "w2")
        assert commands.take(tx, second, "w1")
        assert commands.give_back(tx, "w1", first) == 1
        assert commands.take(tx, first, "w2")
        commands.finish(tx, first, ok=True)
        assert not commands.take(tx, first, "w1")
    assert [(one.id, one.worker) for one in commands.pending()] == [(second, "w1")]
    assert [one.id for one in commands.answered("ping", "sap.main")] == [first]


def test_a_paused_flow_has_no_slot_until_it_is_resumed(bench: Bench) -> None:
    schedule, store = bench.store.schedule, bench.store
    with store.transaction() as tx:
        schedule.set_next(tx, "a", NOON)
        schedule.pause(tx, "a", " month end ", "uid:1")
    slot = schedule.get("a")
    assert slot is not None
    assert (slot.paused, slot.paused_by, slot.paused_why, slot.next_at) == (True, "uid:1", "month end", None)
    with store.transaction() as tx:
        assert not schedule.claim(tx, "a", NOON)
    for reason, said in (("again", "pauses already"), ("  ", "needs a reason")):
        with pytest.raises(RefusedError, match=said), store.transaction() as tx:
            schedule.pause(tx, "a", reason, "uid:2")
    with store.transaction() as tx:
        schedule.resume(tx, "a", "uid:2")
    with pytest.raises(RefusedError, match="does not pause"), store.transaction() as tx:
        schedule.resume(tx, "a", "uid:2")
    slot = schedule.get("a")
    assert slot is not None
    assert (slot.paused, slot.paused_at, slot.paused_why, slot.next_at) == (False, None, "", None)
    told = [(one.fact.kind, one.fact.actor, one.fact.data) for one in store.audit.events(subject="a")]
    assert told == [("schedule.paused", "uid:1", {"reason": "month end"}), ("schedule.resumed", "uid:2", {})]


def test_the_life_of_a_token_needs_no_key(store: Store) -> None:
    assert (store.token_life("anaplan.main"), store.token_ends("anaplan.main")) == (None, None)
    ends = NOON + timedelta(minutes=35)
    store.tokens("anaplan.main", bytes, bytes).save(Token("t", "Bearer", NOON, ends, 1))
    assert store.token_life("anaplan.main") == (NOON, ends)
    assert store.token_ends("anaplan.main") == ends
    store.forget_token("anaplan.main")
    assert store.token_ends("anaplan.main") is None


def test_targets_are_told_apart_by_everything(bench: Bench) -> None:
    targets = bench.store.targets
    first = ("gl", "main", "https://a", "main", "ws", "M1")
    with bench.store.transaction() as tx:
        numbers = [
            targets.id_for(tx, *(f"{part}!" if i == j else part for i, part in enumerate(first))) for j in range(-1, 6)
        ]
        assert targets.id_for(tx, *first) == numbers[0]
    assert len(set(numbers)) == 7
    target = targets.get(numbers[0])
    assert target is not None
    assert (target.flow, target.sap_url, target.model_id) == ("gl", "https://a", "M1")
    assert targets.get(99) is None
    assert [one.id for one in targets.of("gl")] == [numbers[0], *numbers[2:]]


def test_watermarks_move_under_the_fence(bench: Bench) -> None:
    run_id, target_id, lease = bench.running()
    exact = datetime(2026, 2, 3, 4, 5, 6, 789123, tzinfo=UTC)
    assert bench.store.watermarks.get(target_id) is None
    for value in (exact, None):
        with bench.store.transaction() as tx:
            bench.store.watermarks.move(tx, Watermark(target_id, value, "digest", run_id, NOON), lease.fence)
        mark = bench.store.watermarks.get(target_id)
        assert mark is not None
        assert (mark.value, mark.mapping, mark.run_id) == (value, "digest", run_id)
        assert mark.moved_at > NOON


def test_the_budget_gives_a_burst_then_even_places(store: Store) -> None:
    begun = time.monotonic()
    waits = [store.budget.reserve("anaplan", 1, 5).wait for _ in range(25)]
    took = time.monotonic() - begun
    assert waits[:5] == [0] * 5
    for place, wait in enumerate(waits[5:], 1):  # the time that the calls themselves took shortens the waits
        assert place - took - 0.01 <= wait <= place
    assert store.budget.reserve("other", 1, 5).wait == 0


def test_the_budget_tells_how_much_was_used(store: Store) -> None:
    for _ in range(30):
        store.budget.reserve("anaplan", 1000, 100)
    assert store.budget.usage("anaplan") in range(29, 31)  # the turn of a minute may round one away
    assert store.budget.usage("nobody") == 0
    with store.transaction() as tx:
        tx.change("UPDATE budget SET minute = minute - 60000000, used = 60, used_before = 900")
    assert 0 <= store.budget.usage("anaplan") <= 60
    with store.transaction() as tx:
        tx.change("UPDATE budget SET minute = minute - 120000000")
    assert store.budget.usage("anaplan") == 0


def test_a_refusal_stops_everybody_and_leaves_no_burst(store: Store) -> None:
    store.budget.reserve("anaplan", 1, 5)
    begun = time.monotonic()
    store.budget.block("anaplan", 30)
    store.budget.block("anaplan", 5)  # a shorter wish does not shorten the first
    waits = [store.budget.reserve("anaplan", 1, 5).wait for _ in range(3)]
    took = time.monotonic() - begun
    for place, wait in enumerate(waits):
        assert 30 + 2 * place - took - 0.01 <= wait <= 30 + 2 * place


SPENDER = """
import sys
from tui_connector.store import Store
store = Store.open(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for _ in range(50):
    with store.transaction() as tx:
        now = tx.now
    print(now + 1_000_000 * store.budget.reserve("anaplan", 0.1, 1).wait, flush=True)
"""


def test_processes_never_get_the_same_place(
    url: str, store: Store, spawn: Callable[..., subprocess.Popen[str]]
) -> None:
    spenders = [spawn(SPENDER, url) for _ in range(2)]
    for spender in spenders:
        assert spender.stdout is not None
        assert spender.stdout.readline() == "ready\n"
    for spender in spenders:
        assert spender.stdin is not None
        spender.stdin.write("go\n")
        spender.stdin.flush()
    moments = sorted(float(line) for spender in spenders for line in spender.communicate(timeout=60)[0].split())
    assert len(moments) == 100
    assert all(8 < (later - earlier) / 1_000_000 < 12 for earlier, later in pairwise(moments))


def shelf(store: Store, connection: str = "anaplan.main") -> TokenShelf:
    return store.tokens(
        connection, lambda plain: b"sealed" + plain[::-1], lambda sealed: sealed.removeprefix(b"sealed")[::-1]
    )


def test_tokens_are_shared_sealed(store: Store, url: str) -> None:
    token = Token("s3cret-token", "Bearer", NOON, NOON + timedelta(minutes=35), 7)
    assert shelf(store).load() is None
    shelf(store).save(token)
    assert shelf(store).load() == token
    assert shelf(store, "sap.main").load() is None
    with store.transaction() as tx:
        kept = tx.value("SELECT sealed FROM token")
    assert kept.startswith(b"sealed")
    assert b"s3cret" not in kept


def test_one_renews_at_a_time(store: Store, until: Callable[[Callable[[], bool]], None]) -> None:
    tokens = shelf(store)
    assert tokens.claim("w1", 30)
    assert tokens.claim("w1", 30)
    assert not tokens.claim("w2", 30)
    assert shelf(store, "sap.main").claim("w2", 30)
    tokens.release("w2")
    assert not tokens.claim("w2", 30)
    tokens.release("w1")
    assert tokens.claim("w2", 0.05)
    until(lambda: tokens.claim("w1", 30))
    tokens.save(Token("t", "Bearer", NOON, NOON, 1))
    assert not tokens.claim("w2", 30)  # saving does not give the claim back


def test_the_claim_of_a_dead_process_is_taken_over_at_once(store: Store) -> None:
    gone: list[str] = []

    def of(process: str) -> StoredShelf:
        return store.tokens("anaplan.main", bytes, bytes, process=process, is_gone=lambda one: one in gone)

    first, second = of("host:1:100"), of("host:2:200")
    assert first.claim("w1", 90)
    assert not second.claim("w2", 90)
    gone.append("host:1:100")
    assert second.claim("w2", 90)
    first.release("w1")  # too late: it is the other's now
    assert not of("host:3:300").claim("w3", 90)


def test_a_token_that_cannot_be_opened_is_told(store: Store) -> None:
    def refuse(sealed: bytes) -> bytes:
        raise ConfigError("changed", hint="")

    shelf(store).save(Token("t", "Bearer", NOON, NOON, 1))
    with pytest.raises(ConfigError):
        store.tokens("anaplan.main", bytes, refuse).load()
