"""Odd values inside good pages: one record is refused, the others arrive, and an absent field stops the read."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.sap.conftest import Answer, Bench, Run, read_all
from tui_connector.domain.errors import ConfigError, ContractChangedError
from tui_connector.domain.flow import Dialect, ODataSource, Texts
from tui_connector.sap.reader import ODataReader

SOURCE = ODataSource("API_THING_SRV", "A_Thing", key=("K", "Y"))
WANTED = ["K", ("Amount", Decimal), ("Posted", date), ("Blocked", bool), "Name"]
GOOD = {"K": "1", "Y": "2026", "Amount": "10.50", "Posted": "/Date(1767225600000)/", "Blocked": False, "Name": "A"}


async def read(
    bench: Bench, rows: list[Any], source: ODataSource = SOURCE, wanted: Any = WANTED, **options: Any
) -> Any:
    body = {"value": rows} if source.dialect is Dialect.V4 else {"d": {"results": rows}}
    stub = await bench.stub(lambda _: Answer(json.dumps(body).encode()))
    return await read_all(ODataReader(bench.sap(stub.url)), source, wanted, **options)


@pytest.mark.parametrize(
    ("field", "value", "shown", "cause"),
    [
        ("Amount", "10,50", "10,50", "Amount is not a plain decimal number"),
        ("Amount", "1E2", "1E2", "Amount is not a plain decimal number"),
        ("Amount", 1e25, "1e+25", "Amount is not a plain decimal number"),
        ("Amount", {"a": 1}, '{"a": 1}', "Amount is not a plain decimal number"),
        ("Posted", "yesterday", "yesterday", "Posted is not a date"),
        ("Posted", 5, "5", "Posted is not a date"),
        ("Blocked", "maybe", "maybe", "Blocked is neither true nor false"),
        ("Blocked", 1, "1", "Blocked is neither true nor false"),
    ],
)
def test_a_bad_value_rejects_one_record(run_async: Run, field: str, value: Any, shown: str, cause: str) -> None:
    async def story(bench: Bench) -> None:
        rows, faults = await read(bench, [GOOD, {**GOOD, "K": "2", field: value}, {**GOOD, "K": "3"}])
        assert [row[0] for row in rows] == ["1", "3"]
        assert rows[0] == ("1", "10.50", "2026-01-01", "false", "A")
        (fault,) = faults
        assert fault.key_values == ("2", "2026")
        assert (fault.field, fault.value, fault.cause) == (field, shown, cause)
        assert len(fault.row) == len(WANTED)
        assert shown in fault.row

    run_async(story)


def test_a_record_with_two_bad_values_is_refused_once_with_both_named(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        rows, faults = await read(bench, [{**GOOD, "Amount": "x", "Posted": "y"}])
        assert rows == []
        (fault,) = faults
        assert fault.cause == "Amount is not a plain decimal number; Posted is not a date"

    run_async(story)


def test_nulls_and_numbers_of_a_lenient_server_keep_every_digit(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        body = (
            b'{"value":[{"K":"1","Y":2026,"Amount":12345678901234567890.120,"Posted":null,"Blocked":"X","Name":null},'
            b'{"K":"2","Y":"2026","Amount":-0.00,"Posted":"2026-05-01","Blocked":null,"Name":"caf\\u00e9 \\"q\\""}]}'
        )
        stub = await bench.stub(lambda _: Answer(body))
        source = ODataSource("g/srvd_a2x/sap/t/0001", "T", key=("K", "Y"), dialect=Dialect.V4)
        rows, faults = await read_all(ODataReader(bench.sap(stub.url)), source, ["K", "Y", *WANTED[1:]])
        assert faults == []
        assert rows == [
            ("1", "2026", "12345678901234567890.120", "", "true", ""),
            ("2", "2026", "-0.00", "2026-05-01", "", 'café "q"'),
        ]

    run_async(story)


@pytest.mark.parametrize("field", ["K", "Amount", "Name"])
def test_an_absent_field_stops_the_read_and_is_named(run_async: Run, field: str) -> None:
    async def story(bench: Bench) -> None:
        rows = [GOOD, {name: value for name, value in GOOD.items() if name != field}]
        with pytest.raises(ContractChangedError, match=f"A_Thing.*lacks the field {field}"):
            await read(bench, rows)

    run_async(story)


def test_an_empty_answer_is_no_rows(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        assert await read(bench, []) == ([], [])

    run_async(story)


def test_the_other_end_of_a_navigation_may_be_missing_but_not_unexpanded(run_async: Run) -> None:
    source = ODataSource("S", "A_P", key=("K",))
    wanted = ["K", "to_S/Name", ("to_S/Blocked", bool)]

    async def story(bench: Bench) -> None:
        entities = [{"K": "1", "to_S": {"Name": "N", "Blocked": True}}, {"K": "2", "to_S": None}]
        rows, _ = await read(bench, entities, source, wanted)
        assert rows == [("1", "N", "true"), ("2", "", "")]
        with pytest.raises(ContractChangedError, match="lacks the field to_S/Name"):
            await read(bench, [{"K": "1", "to_S": {"__deferred": {"uri": "x"}}}], source, wanted)

    run_async(story)


def test_texts_come_in_the_wanted_language_else_english_else_any(run_async: Run) -> None:
    source = ODataSource("S", "A_G", key=("K",), texts=Texts("to_Text", "A_GText", ("Name",)))

    def item(language: str) -> dict[str, str]:
        return {"Language": language, "Name": f"name {language}"}

    entities = [
        {"K": "1", "to_Text": {"results": [item("EN"), item("DE"), item("FR")]}},
        {"K": "2", "to_Text": {"results": [item("FR"), item("EN")]}},
        {"K": "3", "to_Text": {"results": [item("FR"), item("IT")]}},
        {"K": "4", "to_Text": {"results": []}},
    ]

    async def story(bench: Bench) -> None:
        rows, _ = await read(bench, entities, source, ["K", "to_Text/Name"], language="de")
        assert rows == [("1", "name DE"), ("2", "name EN"), ("3", "name FR"), ("4", "")]
        without, _ = await read(bench, [{"K": "1"}], source, ["K"])
        assert without == [("1",)]

    run_async(story)


def test_of_several_validity_slices_one_is_kept(run_async: Run) -> None:
    source = ODataSource("S", "A_C", key=("K",), slices=("From", "To"), page_size=1000)

    def cut(key: str, start: int, end: int, name: str) -> dict[str, str]:
        today = date.today().toordinal()  # noqa: DTZ011 (whole days, a thousand apart)
        epoch = date(1970, 1, 1).toordinal()
        stamps = [f"/Date({(today + day - epoch) * 86_400_000})/" for day in (start, end)]
        return {"K": key, "From": stamps[0], "To": stamps[1], "Name": name}

    entities = [
        cut("1", -5000, -1001, "past"),
        cut("1", -1000, 1000, "now"),
        cut("1", 1001, 5000, "future"),
        cut("2", -5000, -3001, "far past"),
        cut("2", -3000, -1000, "near past"),
        cut("2", 1000, 2000, "future"),
        cut("3", 3000, 4000, "far future"),
        cut("3", 1000, 2000, "near future"),
        cut("4", -1000, 1000, "only"),
    ]
    entities[-1]["To"] = "/Date(253402214400000)/"

    async def story(bench: Bench) -> None:
        rows, _ = await read(bench, entities, source, ["K", "Name", ("To", date)])
        assert [row[:2] for row in rows] == [("1", "now"), ("2", "near past"), ("3", "near future"), ("4", "only")]
        assert rows[-1][2] == "9999-12-31"

    run_async(story)


def test_a_key_cut_by_a_pages_end_still_keeps_one_slice(run_async: Run) -> None:
    source = ODataSource("S", "A_C", key=("K",), slices=("From", "To"), page_size=50)
    old = {"K": "1", "From": "/Date(0)/", "To": "/Date(86400000)/", "Name": "old"}
    new = {"K": "1", "From": "/Date(172800000)/", "To": "/Date(253402214400000)/", "Name": "new"}

    async def story(bench: Bench) -> None:
        pages = iter([[old], [new, {**new, "K": "2"}]])

        def respond(_: Any) -> Any:
            rows = next(pages)
            return {"d": {"results": rows, **({"__next": "A_C?$skiptoken=1"} if len(rows) == 1 else {})}}

        stub = await bench.stub(respond)
        rows, _ = await read_all(ODataReader(bench.sap(stub.url)), source, ["K", "Name"])
        assert rows == [("1", "new"), ("2", "new")]

    run_async(story)


def test_what_no_column_can_be_is_refused(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        with pytest.raises(ConfigError):
            await read(bench, [], SOURCE, [("K", bytes)])
        with pytest.raises(ConfigError):
            await read(bench, [], SOURCE, ["K eq 'x'"])
        with pytest.raises(ContractChangedError, match="two navigations"):
            await read(bench, [], SOURCE, ["a/b/c"])

    run_async(story)
