"""Pages against a server that pages in every way it should not, and in the ways it may."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from tests.sap.conftest import Answer, Asked, Bench, Run, read_all
from tui_connector.domain.errors import ContractChangedError
from tui_connector.domain.flow import Condition, Dialect, ODataSource
from tui_connector.sap.reader import ODataReader, SourceField

SOURCE = ODataSource("API_THING_SRV", "A_Thing", key=("K1", "K2"), page_size=10)
ROOT = "/sap/opu/odata/sap/API_THING_SRV/"
ROWS = [{"K1": f"{i // 7:03d}", "K2": f"{i % 7:02d}", "V": str(i)} for i in range(95)]
WANTED = ["K1", "K2", "V"]


def v2(rows: list[dict[str, Any]], following: str | None = None) -> dict[str, Any]:
    dressed = [{"__metadata": {"uri": "x"}, "to_Text": {"__deferred": {"uri": "x"}}, **row} for row in rows]
    return {"d": {"results": dressed, **({"__next": following} if following else {})}}


def after(asked: Asked) -> list[dict[str, Any]]:
    """The rows behind the key in the filter, as a server without paging of its own selects them."""
    text = asked.query.get("$filter", "")
    found = re.search(r"K1 gt '(\w+)' or \(K1 eq '\w+' and K2 gt '(\w+)'\)", text)
    rows = [row for row in ROWS if found is None or (row["K1"], row["K2"]) > (found[1], found[2])]
    return rows[: int(asked.query["$top"])]


def texts(rows: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    return [tuple(row.values()) for row in rows]


def test_a_server_without_paging_is_read_by_keys_and_never_skipped(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        stub = await bench.stub(lambda asked: v2(after(asked)))
        rows, _ = await read_all(ODataReader(bench.sap(stub.url)), SOURCE, WANTED)
        assert rows == texts(ROWS)
        assert all("$skip" not in asked.query for asked in stub.asked)
        assert {asked.query["$orderby"] for asked in stub.asked} == {"K1,K2"}
        assert stub.asked[0].query["$select"] == "K1,K2,V"

    run_async(story)


def test_a_fixed_condition_stays_beside_the_keys(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        stub = await bench.stub(lambda asked: v2(after(asked)))
        source = ODataSource(**{**_parts(SOURCE), "where": (Condition("Ledger", "eq", "0L"),)})
        await read_all(ODataReader(bench.sap(stub.url)), source, WANTED)
        assert stub.asked[0].query["$filter"] == "Ledger eq '0L'"
        assert all(asked.query["$filter"].startswith("Ledger eq '0L'") for asked in stub.asked)
        assert stub.asked[1].query["$filter"].startswith("Ledger eq '0L' and (K1 gt ")

    run_async(story)


def _parts(source: ODataSource) -> dict[str, Any]:
    return {name: getattr(source, name) for name in source.__slots__}


@pytest.mark.parametrize("server_page", [3, 9, 10, 25])
def test_next_links_are_followed_and_a_reached_top_is_not_the_end(run_async: Run, server_page: int) -> None:
    """A server that pages by itself ends its links when $top is reached, though there is more."""

    def respond(asked: Asked) -> Any:
        first, top = 0, int(asked.query.get("$top", "0"))
        if token := asked.query.get("$skiptoken"):
            first, last = map(int, token.split("-"))
        else:
            found = after(asked)
            first = ROWS.index(found[0]) if found else len(ROWS)
            last = min(first + top, len(ROWS))
        end = min(first + server_page, last)
        link = f"http://{asked.headers['host']}{ROOT}A_Thing?$skiptoken={end}-{last}" if end < last else None
        return v2(ROWS[first:end], link)

    async def story(bench: Bench) -> None:
        stub = await bench.stub(respond)
        rows, _ = await read_all(ODataReader(bench.sap(stub.url)), SOURCE, WANTED)
        assert rows == texts(ROWS)

    run_async(story)


def test_links_that_go_on_beyond_top_end_where_they_end(run_async: Run) -> None:
    def respond(asked: Asked) -> Any:
        first = int(asked.query.get("$skiptoken", "0"))
        return v2(ROWS[first : first + 20], f"A_Thing?$skiptoken={first + 20}" if first + 20 < len(ROWS) else None)

    async def story(bench: Bench) -> None:
        stub = await bench.stub(respond)
        rows, _ = await read_all(ODataReader(bench.sap(stub.url)), SOURCE, WANTED)
        assert rows == texts(ROWS)
        assert len(stub.asked) == 5

    run_async(story)


def test_rows_that_share_a_key_are_not_lost_at_a_pages_end(run_async: Run) -> None:
    source = ODataSource(**{**_parts(SOURCE), "key": ("K1",)})

    def respond(asked: Asked) -> Any:
        found = re.search(r"K1 gt '(\w+)'", asked.query.get("$filter", ""))
        return v2([row for row in ROWS if found is None or row["K1"] > found[1]][: int(asked.query["$top"])])

    async def story(bench: Bench) -> None:
        stub = await bench.stub(respond)
        rows, _ = await read_all(ODataReader(bench.sap(stub.url)), source, WANTED)
        assert rows == texts(ROWS)
        small = ODataSource(**{**_parts(source), "page_size": 5})
        with pytest.raises(ContractChangedError, match="share the key 000"):
            await read_all(ODataReader(bench.sap(stub.url)), small, WANTED)

    run_async(story)


def test_a_next_link_to_another_origin_gets_no_request(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        other = await bench.stub(lambda _: v2([]))
        links: list[str] = []
        stub = await bench.stub(lambda _: v2(ROWS[:3], links[-1]))
        for link in (
            f"{other.url}{ROOT}A_Thing?$skiptoken=1",
            f"//127.0.0.1:{other.port}{ROOT}A_Thing?$skiptoken=1",
            f"https://127.0.0.1:{stub.port}{ROOT}A_Thing?$skiptoken=1",
            f"http://CONNECTOR@127.0.0.1:{stub.port}{ROOT}A_Thing?$skiptoken=1",
        ):
            links.append(link)
            with pytest.raises(ContractChangedError):
                await read_all(ODataReader(bench.sap(stub.url)), SOURCE, WANTED)
        assert other.asked == []
        assert len(stub.asked) == 4

    run_async(story)


@pytest.mark.parametrize(
    "path",
    [
        "/sap/opu/odata/sap/API_OTHER_SRV/A_Thing",
        "/admin",
        ROOT + "../API_OTHER_SRV/A_Thing",
        ROOT + "%2e%2e/API_OTHER_SRV/A_Thing",
        ROOT + "%252e%252e/API_OTHER_SRV/A_Thing",
        ROOT + "..%5cAPI_OTHER_SRV",
    ],
)
def test_a_next_link_out_of_the_service_gets_no_request(run_async: Run, path: str) -> None:
    async def story(bench: Bench) -> None:
        stub = await bench.stub(lambda asked: v2(ROWS[:3], f"http://{asked.headers['host']}{path}?$skiptoken=1"))
        with pytest.raises(ContractChangedError, match="out of the service"):
            await read_all(ODataReader(bench.sap(stub.url)), SOURCE, WANTED)
        assert len(stub.asked) == 1

    run_async(story)


def test_the_same_link_twice_ends_the_read(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        pages = iter(range(100))
        stub = await bench.stub(lambda _: v2(ROWS[next(pages) :][:3], f"{ROOT}A_Thing?$skiptoken=same"))
        with pytest.raises(ContractChangedError, match="repeats"):
            await read_all(ODataReader(bench.sap(stub.url)), SOURCE, WANTED)
        assert len(stub.asked) == 2

    run_async(story)


def test_a_page_that_comes_again_under_a_new_link_ends_the_read(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        numbers = iter(range(100))

        def respond(_: Asked) -> Any:
            number = next(numbers)
            return v2(ROWS[number % 4 * 3 :][:3], f"{ROOT}A_Thing?$skiptoken={number}")

        stub = await bench.stub(respond)
        with pytest.raises(ContractChangedError, match="repeats"):
            await read_all(ODataReader(bench.sap(stub.url)), SOURCE, WANTED)
        assert len(stub.asked) == 5

    run_async(story)


def test_a_server_that_ignores_the_key_filter_is_found_out(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        stub = await bench.stub(lambda _: v2(ROWS[:10]))
        with pytest.raises(ContractChangedError, match="repeats"):
            await read_all(ODataReader(bench.sap(stub.url)), SOURCE, WANTED)
        assert len(stub.asked) == 2

    run_async(story)


@pytest.mark.parametrize("size", [0, 1])
def test_pages_without_end_are_ended(run_async: Run, size: int) -> None:
    async def story(bench: Bench) -> None:
        numbers = iter(range(1000))

        def respond(_: Asked) -> Any:
            number = next(numbers)
            row = {"K1": f"{number:06d}", "K2": "", "V": ""}
            return v2([row] * size, f"{ROOT}A_Thing?$skiptoken={number}")

        stub = await bench.stub(respond)
        with pytest.raises(ContractChangedError, match=r"empty pages in a row|still no end"):
            await read_all(ODataReader(bench.sap(stub.url), max_pages=50), SOURCE, WANTED)
        assert len(stub.asked) <= 52

    run_async(story)


def test_a_relative_next_link_of_v4_is_followed(run_async: Run) -> None:
    source = ODataSource("g/srvd_a2x/sap/thing/0001", "Thing", key=("K1", "K2"), page_size=50, dialect=Dialect.V4)

    def respond(asked: Asked) -> Any:
        first = int(asked.query.get("$skiptoken", "0"))
        more = {"@odata.nextLink": f"Thing?$skiptoken={first + 40}"} if first + 40 < 45 else {}
        return {"@odata.context": "x", "value": ROWS[first : min(first + 40, 45)], **more}

    async def story(bench: Bench) -> None:
        stub = await bench.stub(respond)
        rows, _ = await read_all(ODataReader(bench.sap(stub.url)), source, WANTED)
        assert rows == texts(ROWS[:45])
        assert stub.asked[1].path == "/sap/opu/odata4/sap/g/srvd_a2x/sap/thing/0001/Thing"
        assert stub.asked[0].headers["accept"] == "application/json;IEEE754Compatible=true"

    run_async(story)


@pytest.mark.parametrize("dialect", list(Dialect))
def test_members_that_were_cut_are_completed(run_async: Run, dialect: Dialect) -> None:
    source = ODataSource("S", "Order", key=("O", "items/I"), members="items", dialect=dialect)
    items = [{"I": f"{i:02d}", "Q": "1.5"} for i in range(5)]

    def respond(asked: Asked) -> Any:
        if token := asked.query.get("$skiptoken"):
            start = int(token)
            part, rest = items[start : start + 2], f"Order('1')/items?$skiptoken={start + 2}" if start + 2 < 5 else None
            if dialect is Dialect.V4:
                return {"value": part, **({"@odata.nextLink": rest} if rest else {})}
            return v2(part, rest)
        first, rest = items[:2], "Order('1')/items?$skiptoken=2"
        empty: Any = [] if dialect is Dialect.V4 else {"results": []}
        if dialect is Dialect.V4:
            return {"value": [{"O": "1", "items": first, "items@odata.nextLink": rest}, {"O": "2", "items": empty}]}
        return v2([{"O": "1", "items": {"results": first, "__next": rest}}, {"O": "2", "items": empty}])

    async def story(bench: Bench) -> None:
        stub = await bench.stub(respond)
        wanted = ["O", "items/I", ("items/Q", Decimal)]
        rows, _ = await read_all(ODataReader(bench.sap(stub.url)), source, wanted)
        assert rows == [("1", f"{i:02d}", "1.5") for i in range(5)]
        expand = "items($select=I,Q)" if dialect is Dialect.V4 else "items"
        assert stub.asked[0].query["$expand"] == expand
        assert stub.asked[0].query["$orderby"] == "O"

    run_async(story)


def test_the_next_page_is_asked_for_while_the_caller_works_and_no_further_one(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        stub = await bench.stub(lambda asked: v2(after(asked)))
        reader = ODataReader(bench.sap(stub.url))
        pages = reader.read(SOURCE, [SourceField(name, str) for name in WANTED])
        await anext(pages)
        for _ in range(200):
            if len(stub.asked) == 2:
                break
            await bench.http(stub.url).send("GET", "/wait", query={"$top": "0"}, repeatable=True)
            stub.asked[:] = [asked for asked in stub.asked if asked.path != "/wait"]
        assert len(stub.asked) == 2
        await pages.aclose()

    run_async(story)


def test_a_lost_page_is_asked_for_again(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        numbers = iter(range(1000))
        stub = await bench.stub(lambda asked: Answer(b"", 503) if next(numbers) % 2 == 0 else v2(after(asked)))
        rows, _ = await read_all(ODataReader(bench.sap(stub.url)), SOURCE, WANTED)
        assert rows == texts(ROWS)

    run_async(story)


def _always(body: bytes, _: Asked) -> Answer:
    return Answer(body)


def test_cut_or_strange_json_is_no_data(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        for body in (b'{"d":{"results":[{"K1":"1"', b"[]", b'{"d":{}}', b'{"value":[]}', b"", b'{"d":{"results":[1]}}'):
            stub = await bench.stub(partial(_always, body))
            with pytest.raises(ContractChangedError, match="expected form"):
                await read_all(ODataReader(bench.sap(stub.url)), SOURCE, WANTED)

    run_async(story)
