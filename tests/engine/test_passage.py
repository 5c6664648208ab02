"""What passes through a transfer by scope: the sums of the pages, of what stays behind, and of the lines that go out."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tests.engine.test_stage import LAYOUT, item
from tui_connector.anaplan.model import File
from tui_connector.domain.run import Counts
from tui_connector.domain.tie import Hop, Total
from tui_connector.engine.own_hops import own_hops
from tui_connector.engine.passage import Passage
from tui_connector.engine.stage import FilePage, StagedPage, Stager, file_page
from tui_connector.flows import gl_accounts, gl_line_items
from tui_connector.sap.reader import SourcePage
from tui_connector.sap.rows import Columns
from tui_connector.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from tui_connector.engine.scopes import Sums

FLOW = gl_line_items.FLOW
FILE = File("113000000001", "gl_line_items.csv")
CUTTING = File("113000000001", "gl_line_items.csv", separator="1")  # stands in nearly every value: all lines are quoted


def staged(file: File, rows: list[tuple[str, ...]], known: dict[str, str] | None = None) -> tuple[FilePage, StagedPage]:
    page = file_page(LAYOUT, SourcePage(rows, []))
    return page, Stager(LAYOUT, file, {}).stage(page, known or {})


def by_hand(data: bytes, separator: str) -> dict[tuple[str, ...], Total]:
    """The sums of a file's lines as a person would make them."""
    headers = [column.header for column in FLOW.columns]
    assert FLOW.totals is not None
    found: dict[tuple[str, ...], list[Decimal]] = defaultdict(list)
    for line in csv.reader(io.StringIO(data.decode()), delimiter=separator):
        values = dict(zip(headers, line, strict=True))
        found[tuple(values[name] for name in FLOW.totals.by)].append(Decimal(values[FLOW.totals.amount] or 0))
    return {scope: Total(len(amounts), sum(amounts, Decimal(0))) for scope, amounts in found.items()}


class Kept:
    """Sheets in the place of the store's: what a passage keeps, by name."""

    def __init__(self) -> None:
        self.sheets: list[Sums] = []

    def keep(self, _: object, sums: Sums) -> str:
        self.sheets.append(sums)
        return str(len(self.sheets) - 1)

    def of(self, passage: Passage) -> dict[str, Sums]:
        return {name: self.sheets[int(at)] for name, at in passage.keep(None, self).items()}  # type: ignore[arg-type]


AMOUNTS = st.decimals(-999_999, 999_999, places=2).map(str) | st.just("")


@given(
    st.lists(st.tuples(st.sampled_from(["0061003000", "0062", '00"6']), AMOUNTS, st.booleans()), min_size=1, max_size=30),
    st.sampled_from([FILE, CUTTING]),
)  # fmt: skip
def test_what_is_read_is_what_goes_out_and_what_stays(drawn: list[tuple[str, str, bool]], file: File) -> None:
    rows = [item(at, account=account, amount=amount) for at, (account, amount, _) in enumerate(drawn)]
    _, whole = staged(file, rows)
    contents = {record.key: record.content for record in whole.records}
    known = {record.key: contents[record.key] for record, (_, _, old) in zip(whole.records, drawn, strict=True) if old}
    passage = Passage(FLOW, file)
    page, some = staged(file, rows, known)
    passage.take(page, some)
    kept = Kept().of(passage)
    assert kept["read"] == by_hand(whole.data, file.separator)
    assert kept.get("uploaded", {}) == by_hand(some.data, file.separator)
    together: dict[tuple[str, ...], Total] = {}
    for sums in (kept.get("left", {}), kept.get("uploaded", {})):
        for scope, total in sums.items():
            before = together.get(scope, Total(0, Decimal(0)))
            together[scope] = Total(before.records + total.records, before.amount + total.amount)  # type: ignore[operator]
    assert together == kept["read"]


def test_lines_that_are_not_what_was_read_are_told_by_their_scope(tmp_path: Path) -> None:
    """A line too few, a value in another column, one value too many: what an encoder with a fault would do."""
    rows = [item(1, amount="10.00"), item(2, amount="5.00", account="0062"), item(3, amount="1.00")]
    page, good = staged(FILE, rows)
    lines = good.data.decode().splitlines(keepends=True)
    spoiled = {
        "one line less": "".join(lines[:2]),
        "quoted wrongly": "".join([lines[0], lines[1].replace("0062", '"0063"'), lines[2]]),
        "one value more": "".join([*lines[:2], f"x,{lines[2]}"]),
    }
    with closing(Store.open(str(tmp_path / "store.db"))) as store:
        for said, text in spoiled.items():
            passage = Passage(FLOW, FILE)
            passage.take(page, StagedPage(good.records, [], text.encode(), whole=True))
            with store.transaction() as tx:
                moved = {"read": 3, "lines": 3, "sheets": passage.keep(tx, store.sheets)}
            own = own_hops(FLOW, Counts(read=3, sent=3), moved, store.sheets, kept=3, accounted=3, rejects=())
            assert {one.between for one in own.broken} == {(Hop.STAGED, Hop.UPLOADED)}, said
            accounts = {one.scope[1] for one in own.broken}
            assert accounts == ({"0062", "0063"} if said == "quoted wrongly" else {"0061003000"}), said


def test_a_list_is_told_by_its_codes() -> None:
    flow = gl_accounts.FLOW
    passage = Passage(flow, File("113000000002", "accounts.csv"))
    row = ["1", *["x"] * (len(flow.columns) - 1)]
    other = ["2", *["y"] * (len(flow.columns) - 1)]
    columns = file_page_of([row, other])
    data = f"{','.join(row)}\n{','.join(other)}\n".encode()
    passage.take(columns, StagedPage([], [], data, whole=True))
    kept = Kept().of(passage)
    assert kept == {"read": {("1",): Total(1), ("2",): Total(1)}, "uploaded": {("1",): Total(1), ("2",): Total(1)}}


def file_page_of(rows: list[list[str]]) -> FilePage:
    return FilePage([row[0] for row in rows], Columns(list(zip(*rows, strict=True))))
