"""What the client refuses: bombs, other addresses, redirects, plain http; and what it tells nobody."""

from __future__ import annotations

import gzip
import logging
import tracemalloc
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.transport.conftest import Bench, reply
from tui_connector.domain.errors import (
    ConfigError,
    ContractChangedError,
    LeaseLostError,
    OutcomeUnknownError,
    UnreachableError,
)
from tui_connector.transport.body import BodyReader
from tui_connector.transport.client import HttpClient
from tui_connector.transport.tls import ClientCertificate

Run = Callable[[Callable[[Bench], Any]], None]
MIB = 1024 * 1024


def bomb(megabytes: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(MIB)
    return b"".join(packer.compress(zeros) for _ in range(megabytes)) + packer.flush()


def test_a_gzip_bomb_is_refused_unexploded(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        server = await bench.serve()
        server.default = reply(body=bomb(200), Content_Encoding="gzip")
        client = bench.client(server.url)
        for call in (client.fetch("/x", max_bytes=MIB), client.send("GET", "/x", repeatable=True, max_bytes=MIB)):
            with pytest.raises(ContractChangedError, match="more than the 1,048,576 bytes"):
                await call
        assert len(server.seen) == 2
        with pytest.raises(OutcomeUnknownError):
            await client.send("POST", "/x", repeatable=False, max_bytes=MIB)

    run_async(story)


def test_a_bomb_costs_no_more_memory_than_is_allowed() -> None:
    packed = bomb(200)
    tracemalloc.start()
    try:
        with pytest.raises(ContractChangedError):
            BodyReader("gzip", None, MIB, "here").feed(packed)
        assert tracemalloc.get_traced_memory()[1] < 8 * MIB
    finally:
        tracemalloc.stop()


def test_gzip_is_unpacked_to_the_last_byte_and_not_one_more(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        text = bytes(range(256)) * 4000
        server = await bench.serve()
        server.default = reply(
            body=gzip.compress(text[:500_000]) + gzip.compress(text[500_000:]), Content_Encoding="gzip"
        )
        client = bench.client(server.url)
        assert (await client.fetch("/x", max_bytes=len(text))).body == text
        assert (await client.send("GET", "/x", repeatable=True, max_bytes=len(text))).body == text
        with pytest.raises(ContractChangedError):
            await client.fetch("/x", max_bytes=len(text) - 1)

    run_async(story)


def test_cut_gzip_is_asked_for_again_and_damaged_gzip_is_not(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        whole = gzip.compress(b"text" * 1000)
        server = await bench.serve(
            reply(body=whole[:-9], Content_Encoding="gzip"), reply(body=whole, Content_Encoding="gzip")
        )
        client = bench.client(server.url)
        assert (await client.fetch("/x", max_bytes=MIB)).body == b"text" * 1000
        assert len(server.seen) == 2
        server.default = reply(body=b"this is not gzip", Content_Encoding="gzip")
        with pytest.raises(ContractChangedError, match="damaged gzip"):
            await client.fetch("/x", max_bytes=MIB)
        assert len(server.seen) == 3

    run_async(story)


def test_a_body_declared_too_large_is_not_even_read(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        server = await bench.serve(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n")
        with pytest.raises(ContractChangedError):
            await bench.client(server.url).fetch("/x", max_bytes=1000)

    run_async(story)


def test_a_coding_that_was_not_asked_for_is_refused(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        server = await bench.serve(reply(body=b"x", Content_Encoding="br"))
        with pytest.raises(ContractChangedError, match="coding"):
            await bench.client(server.url).fetch("/x", max_bytes=1000)

    run_async(story)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused_and_only_its_host_told(run_async: Run, status: int) -> None:
    async def story(bench: Bench) -> None:
        other = await bench.serve()
        server = await bench.serve()
        server.default = reply(status, Location=f"http://127.0.0.1:{other.port}/login?secret=s3cret")
        client = bench.client(server.url)
        with pytest.raises(ContractChangedError, match=r"redirects to 127\.0\.0\.1") as caught:
            await client.send("GET", "/x", repeatable=True)
        assert "s3cret" not in str(caught.value)
        with pytest.raises(ContractChangedError):
            await client.fetch("/x", max_bytes=100)
        assert other.connections == 0

    run_async(story)


def test_an_absolute_address_elsewhere_is_refused_before_any_request(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        other = await bench.serve()
        server = await bench.serve()
        client = bench.client(server.url)
        host = f"127.0.0.1:{server.port}"
        for foreign in (
            f"http://127.0.0.1:{other.port}/x",
            f"https://{host}/x",
            f"http://localhost:{server.port}/x",
            f"http://user@{host}/x",
            f"http://127.0.0.1:{other.port}\\@{host}/x",
            f"//127.0.0.1:{other.port}/x",
            f"/\\127.0.0.1:{other.port}/x",
            f"HTTP://127.0.0.1:{other.port}/x",
        ):
            with pytest.raises(ContractChangedError):
                await client.send("GET", foreign, repeatable=True)
            with pytest.raises(ContractChangedError):
                await client.fetch(foreign, max_bytes=100)
        assert (other.connections, server.connections) == (0, 0)
        assert (await client.fetch(f"http://{host}/y?$skiptoken=a%2Fb", max_bytes=100)).status == 200
        assert server.seen[0].target == "/y?$skiptoken=a%2Fb"

    run_async(story)


@pytest.mark.parametrize(
    "address",
    [
        "http://my300000-api.s4hana.cloud.sap",
        "http://10.0.0.1",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "https://user:pw@example.com",
        "https://example.com?sap-client=100",
        "ftp://example.com",
        "example.com",
        "https://",
    ],
)
def test_an_address_that_would_leak_or_is_none_is_refused(run_async: Run, address: str) -> None:
    async def story(bench: Bench) -> None:
        with pytest.raises(ConfigError) as caught:
            HttpClient(address, name="sap.main", clock=bench.clock)
        assert "pw" not in str(caught.value)

    run_async(story)


def test_a_query_arrives_as_it_was_meant(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        server = await bench.serve()
        client = bench.client(f"{server.url}/root/")
        await client.send("GET", "/x", query=[("$filter", "A eq 'O''N & Co #1+2%'"), ("$top", "5")], repeatable=True)
        assert server.seen[0].target == "/root/x?$filter=A%20eq%20%27O%27%27N%20%26%20Co%20%231%2B2%25%27&$top=5"

    run_async(story)


def test_cookies_are_kept_across_all_kinds_of_exchange(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        cookies = b"Set-Cookie: SAP_SESSIONID_X_100=abc; path=/; HttpOnly\r\nSet-Cookie: sap-XSRF_X_100=def; path=/\r\n"
        server = await bench.serve(b"HTTP/1.1 200 OK\r\n" + cookies + b"Content-Length: 0\r\n\r\n")
        client = bench.client(server.url)
        await client.send("GET", "/", repeatable=True)
        await client.fetch("/", max_bytes=100)
        await client.send("POST", "/", repeatable=False)
        await client.store("/", b"x", headers={})
        for seen in server.seen[1:]:
            assert sorted(seen.headers["cookie"].split("; ")) == ["SAP_SESSIONID_X_100=abc", "sap-XSRF_X_100=def"]

    run_async(story)


def test_a_large_body_goes_out_whole_and_can_be_sent_again(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        body = bytes(range(256)) * 8192
        server = await bench.serve(reply(503))
        await bench.client(server.url).store("/chunk", memoryview(body), headers={"content-type": "application/x-gzip"})
        assert [seen.body == body for seen in server.seen] == [True, True]
        assert server.seen[1].headers["content-type"] == "application/x-gzip"

    run_async(story)


@pytest.mark.parametrize("repeatable", [True, False])
def test_the_last_check_comes_when_the_connection_stands(run_async: Run, *, repeatable: bool) -> None:
    async def story(bench: Bench) -> None:
        server = await bench.serve()
        checks: list[int] = []

        def good(times: int) -> None:
            checks.append(times)
            if len(checks) > times:
                raise LeaseLostError("somebody else has it", hint="")

        client = bench.client(server.url)
        with pytest.raises(LeaseLostError):
            await client.send("POST", "/", repeatable=repeatable, last_check=partial(good, 1))
        checks.clear()
        with pytest.raises(LeaseLostError):
            await client.store("/chunk", b"x", headers={}, last_check=partial(good, 0))
        await client.store("/chunk", b"y", headers={})
        assert [seen.body for seen in server.seen] == [b"y"]

    run_async(story)


def test_neither_log_nor_observer_nor_repr_tells_a_secret(run_async: Run, caplog: pytest.LogCaptureFixture) -> None:
    async def story(bench: Bench) -> None:
        server = await bench.serve(reply(200, Set_Cookie="session=canary4"), reply(500, body=b"canary5"))
        client = bench.client(server.url)
        headers = {"authorization": "Bearer canary1"}
        for _ in range(2):
            answer = await client.send(
                "POST", "/x", query={"token": "canary2"}, headers=headers, content=b"canary3", repeatable=False
            )
        told = caplog.text + repr(bench.exchanges) + repr(client) + repr(answer)
        assert "POST /x" in caplog.text
        assert "canary" not in told
        assert "canary" not in repr(ClientCertificate("canary6", "canary7", "canary8"))

    caplog.set_level(logging.DEBUG)
    run_async(story)


def test_the_observer_hears_sizes_on_the_wire(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        packed = gzip.compress(b"0" * 100_000)
        server = await bench.serve(reply(body=packed, Content_Encoding="gzip"))
        await bench.client(server.url).fetch("/x", max_bytes=MIB)
        (told,) = bench.exchanges
        assert (told.bytes_received, told.status, told.error) == (len(packed), 200, None)

    run_async(story)


def test_the_servers_time_is_read_from_its_date(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        server = await bench.serve(reply(Date="Sun, 22 Nov 2026 10:00:05 GMT"), reply(Date="yesterday"), reply())
        client = bench.client(server.url)
        answer = await client.send("GET", "/", repeatable=True)
        assert answer.date is not None
        assert (answer.date - answer.received_at).total_seconds() == 5.0
        assert (await client.send("GET", "/", repeatable=True)).date is None
        assert (await client.send("GET", "/", repeatable=True)).date is None

    run_async(story)


def test_a_trickle_ends_with_the_whole_exchanges_limit(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        # chunk after chunk without an end: the limit on silence never strikes
        server = await bench.serve()
        server.default = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 50
        client = bench.client(server.url, attempts=1)
        with pytest.raises(UnreachableError):
            await client.send("GET", "/x", repeatable=True, timeouts=type(client._timeouts)(read=30.0, whole=0.3))

    run_async(story)


def test_what_a_refusal_quotes_of_its_request_goes_no_further(run_async: Run) -> None:
    """Token, cookie and CSRF token by themselves; what else is secret, by the mask. An answer that is none stays as it is."""

    async def story(bench: Bench) -> None:
        told = b"you sent tok-canary-1 with s-canary-2 and csrf-canary-3, and canary-4: \xff"
        server = await bench.serve(reply(200, told, Set_Cookie="sid=s-canary-2"), reply(400, told), reply(302, told))
        client = bench.client(server.url, mask=lambda text: text.replace("canary-4", "***"))
        headers = {"authorization": "Bearer tok-canary-1", "x-csrf-token": "csrf-canary-3"}
        first = await client.send("GET", "/x", headers=headers, repeatable=True)
        assert first.body == told
        refused = await client.send("GET", "/x", headers=headers, repeatable=True)
        assert refused.body == b"you sent *** with *** and ***, and ***: \xff"
        with pytest.raises(ContractChangedError):
            await client.send("GET", "/x", headers=headers, repeatable=True)
        server.default = reply(500, told, Sap_Message="again tok-canary-1")
        fetched = await client.fetch("/x", headers=headers, max_bytes=MIB)
        assert b"canary" not in fetched.body
        assert fetched.headers["sap-message"] == "again ***"

    run_async(story)
