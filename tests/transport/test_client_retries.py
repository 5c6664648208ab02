"""Which requests are sent again, how often and when: counted by a real server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.transport.conftest import DROP, HANG, RESET, Bench, reply
from tui_connector.domain.errors import OutcomeUnknownError, RateLimitedError, UnreachableError
from tui_connector.transport.budget import Place, RequestBudget
from tui_connector.transport.client import HttpClient, Response, Timeouts

Run = Callable[[Callable[[Bench], Any]], None]
CUT = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nCut: yes\r\n\r\nhalf"


async def get(client: HttpClient) -> Response:
    return await client.send("GET", "/x", repeatable=True)


async def fetch(client: HttpClient) -> Response:
    return await client.fetch("/x", max_bytes=1000)


async def put(client: HttpClient) -> Response:
    return await client.store("/x", b"body", headers={"content-type": "text/plain"})


async def post(client: HttpClient) -> Response:
    return await client.send("POST", "/x", content=b"{}", repeatable=False)


SAFE = pytest.mark.parametrize("call", [get, fetch, put])
LOST = pytest.mark.parametrize("loss", [DROP, RESET, CUT], ids=["drop", "reset", "cut"])


@SAFE
@LOST
def test_a_lost_answer_of_a_repeatable_request_is_asked_for_again(run_async: Run, call: Any, loss: bytes) -> None:
    async def story(bench: Bench) -> None:
        server = await bench.serve(loss, loss, reply(body=b"fine"))
        answer = await call(bench.client(server.url))
        assert answer.body == b"fine"
        assert len(server.seen) == 3
        assert len(bench.clock.slept) == 2

    run_async(story)


@LOST
def test_a_lost_answer_of_any_other_request_is_an_unknown_outcome_and_it_is_never_sent_twice(
    run_async: Run, loss: bytes
) -> None:
    async def story(bench: Bench) -> None:
        server = await bench.serve(loss)
        with pytest.raises(OutcomeUnknownError) as caught:
            await post(bench.client(server.url))
        assert caught.value.reference == "POST /x"
        assert len(server.seen) == 1
        assert bench.clock.slept == []

    run_async(story)


@SAFE
def test_the_last_failure_is_raised_after_all_attempts(run_async: Run, call: Any) -> None:
    async def story(bench: Bench) -> None:
        server = await bench.serve()
        server.default = DROP
        with pytest.raises(UnreachableError):
            await call(bench.client(server.url, attempts=3))
        assert len(server.seen) == 3
        assert [exchange.attempt for exchange in bench.exchanges] == [1, 2, 3]
        assert {exchange.error for exchange in bench.exchanges} == {"UnreachableError"}

    run_async(story)


def test_nothing_listens_so_nothing_was_sent(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        server = await bench.serve()
        port = server.port
        await server.stop()
        with pytest.raises(UnreachableError, match="accepts no connection"):
            await post(bench.client(f"http://127.0.0.1:{port}"))

    run_async(story)


def test_a_name_that_does_not_resolve_is_named(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        with pytest.raises(UnreachableError, match=r"nowhere\.invalid does not resolve"):
            await get(bench.client("https://nowhere.invalid", attempts=1))

    run_async(story)


@SAFE
def test_429_waits_as_many_seconds_as_told(run_async: Run, call: Any) -> None:
    async def story(bench: Bench) -> None:
        server = await bench.serve(reply(429, Retry_After="7"))
        assert (await call(bench.client(server.url))).status == 200
        assert len(server.seen) == 2
        assert 7.0 <= sum(bench.clock.slept) <= 8.0

    run_async(story)


def test_429_waits_until_the_date_told_in_the_servers_own_time(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        # the server's clock is a year away from ours: only its own Date tells how long it means
        answer = reply(429, Date="Sat, 22 Nov 2025 10:00:00 GMT", Retry_After="Sat, 22 Nov 2025 10:00:20 GMT")
        server = await bench.serve(answer)
        assert (await get(bench.client(server.url))).status == 200
        assert 20.0 <= sum(bench.clock.slept) <= 21.0

    run_async(story)


def test_a_wait_longer_than_a_run_can_spare_is_handed_to_the_caller(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        server = await bench.serve(reply(429, Retry_After="3600"))
        with pytest.raises(RateLimitedError) as caught:
            await get(bench.client(server.url))
        assert caught.value.retry_after == timedelta(hours=1)
        assert len(server.seen) == 1

    run_async(story)


@SAFE
def test_however_often_429_comes_no_attempt_is_lost(run_async: Run, call: Any) -> None:
    async def story(bench: Bench) -> None:
        busy = [reply(429, Retry_After="300")] * 20
        server = await bench.serve(*busy, reply(503), *busy, reply(503))
        client = bench.client(server.url, attempts=3)
        assert (await call(client)).status == 200
        assert len(server.seen) == 43
        server.script += [*busy, reply(503), reply(503), reply(503)]
        with pytest.raises(UnreachableError):
            await call(client)

    run_async(story)


def test_429_on_a_request_that_may_not_repeat_is_raised_at_once(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        server = await bench.serve(reply(429, Retry_After="7"))
        with pytest.raises(RateLimitedError) as caught:
            await post(bench.client(server.url))
        assert caught.value.retry_after == timedelta(seconds=7)
        assert len(server.seen) == 1

    run_async(story)


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_gateways_answer_is_retried_when_repeatable_and_handed_over_when_not(run_async: Run, status: int) -> None:
    async def story(bench: Bench) -> None:
        server = await bench.serve(reply(status, Retry_After="2"), reply(status))
        client = bench.client(server.url)
        assert (await get(client)).status == 200
        assert len(server.seen) == 3
        assert sum(bench.clock.slept) >= 2.0
        server.script.append(reply(status))
        assert (await post(client)).status == status
        assert len(server.seen) == 4

    run_async(story)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 500])
def test_every_other_status_is_for_the_caller(run_async: Run, status: int) -> None:
    async def story(bench: Bench) -> None:
        server = await bench.serve(reply(status, body=b"why"))
        answer = await get(bench.client(server.url))
        assert (answer.status, answer.body) == (status, b"why")
        assert len(server.seen) == 1

    run_async(story)


@pytest.mark.parametrize("call", [get, fetch])
def test_silence_ends_and_is_retried(run_async: Run, call: Any) -> None:
    async def story(bench: Bench) -> None:
        server = await bench.serve(HANG)
        client = bench.client(server.url, timeouts=Timeouts(read=0.2))
        assert (await call(client)).status == 200
        assert len(server.seen) == 2

    run_async(story)


def test_silence_after_a_post_is_an_unknown_outcome(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        server = await bench.serve(HANG)
        with pytest.raises(OutcomeUnknownError):
            await post(bench.client(server.url, timeouts=Timeouts(read=0.2)))
        assert len(server.seen) == 1

    run_async(story)


def test_pauses_grow_with_full_jitter_under_a_cap(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        server = await bench.serve()
        server.default = reply(503)
        client = bench.client(server.url, attempts=12)
        with pytest.raises(UnreachableError):
            await get(client)
        slept = bench.clock.slept
        assert all(pause <= min(60.0, 0.5 * 2**place) for place, pause in enumerate(slept))
        assert len(set(slept)) == len(slept) == 11

    run_async(story)


def test_a_request_that_may_not_repeat_never_rides_on_an_old_connection(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        server = await bench.serve()
        client = bench.client(server.url)
        await get(client)
        await get(client)
        assert server.connections == 1
        await post(client)
        await post(client)
        assert server.connections == 3

    run_async(story)


def test_every_attempt_asks_the_budget_and_a_refusal_stops_everybody(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        server = await bench.serve(reply(429, Retry_After="30"))
        told: list[object] = []

        def reserve(*, urgent: bool) -> Place:
            told.append("reserved")
            return Place(0.0, 0, urgent)

        await get(
            bench.client(server.url, budget=RequestBudget(reserve, lambda place: place, told.append, bench.clock))
        )
        assert told == ["reserved", 30.0, "reserved"]
        assert bench.clock.monotonic() >= 30.0

    run_async(story)


def test_a_cancelled_bulk_read_does_not_hold_its_caller(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        server = await bench.serve(HANG)
        task = asyncio.create_task(fetch(bench.client(server.url, timeouts=Timeouts(read=5.0))))
        await server.reached.wait()
        started = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - started < 2.0

    run_async(story)
