"""The sums kept with a proposal are those of its lines, whoever looks at them and in whatever order."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.store.conftest import HEAD, Bench, make_draft, plan_line
from tui_connector.domain.names import Member
from tui_connector.domain.proposal import (
    Change,
    Draft,
    LineKind,
    ProposalState,
    ProposedDocument,
    ProposedLine,
    document_digest,
    fingerprint_of,
)
from tui_connector.domain.risk import Flag, Risk
from tui_connector.domain.sums import Level, Order, Place, Sums, sorted_by_place, sums_of_lines
from tui_connector.review.rollup import roll_up
from tui_connector.store import Store, schema
from tui_connector.store.database import Database
from tui_connector.store.sqlite import SqliteBackend
from tui_connector.store.sums import Reading, SumRow, weight

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tui_connector.review.rollup import RollUp

COMPANIES = (("1010", "EUR"), ("1010", "CHF"), ("1710", "USD"))
CENTERS = ("", "4711", "4720")
ACCOUNTS = ("61000000", "63005000", "Ä1")
FLAGS = {
    2: (Flag(Risk.ROUND, "a round sum"), Flag(Risk.SIGN, "the sign is another one")),
    4: (Flag(Risk.DAY, "Sunday"),),
}


Row = tuple[int, int, int, str, str, "str | None"]


def draft_of(rows: Sequence[Row]) -> Draft:
    """A draft of (company, center, account, wanted, posted, last): a document for each company and currency."""
    by_day: dict[int, list[tuple[int, Row]]] = {}
    for at, row in enumerate(rows):
        by_day.setdefault(row[0], []).append((at, row))
    made: list[ProposedLine] = []
    quiet: list[ProposedLine] = []
    documents: list[ProposedDocument] = []
    for company, found in sorted(by_day.items()):
        code, currency = COMPANIES[company]
        own: list[ProposedLine] = []
        for at, (_, center, account, wanted, posted, last) in found:
            amount = Decimal(wanted) - Decimal(posted)
            line = plan_line(
                0, len(documents) + 1 if amount else None, f"PL-{at}", wanted,
                change=Change.CHANGED if amount else Change.UNCHANGED, company_code=code, currency=currency,
                cost_center=CENTERS[center], gl_account=ACCOUNTS[account],
                posted=Decimal(posted), last=None if last is None else Decimal(last),
            )._replace(amount=amount)  # fmt: skip
            (own if amount else quiet).append(line)
        if not own:
            continue
        rest = -sum((line.amount for line in own), Decimal(0))
        own.append(
            plan_line(0, len(documents) + 1, "", str(rest), kind=LineKind.OFFSET, row=0, source="", company_code=code,
                      currency=currency, cost_center="", gl_account="99900000")
        )  # fmt: skip
        own = [line._replace(number=len(made) + place) for place, line in enumerate(own, 1)]
        debit = sum((line.amount for line in own if line.amount > 0), Decimal(0))
        credit = -sum((line.amount for line in own if line.amount < 0), Decimal(0))
        day = date(2026, 11, 30)
        one = ProposedDocument(len(documents) + 1, code, currency, day, day, "SA", "", len(own), debit, credit, "")
        documents.append(replace(one, digest=document_digest(one, own)))
        made += own
    made += [line._replace(number=len(made) + place) for place, line in enumerate(quiet, 1)]
    base = make_draft({"PL-1": "1"})
    return replace(
        base, lines=tuple(made), documents=tuple(documents), fingerprint=fingerprint_of(HEAD, documents), withheld={}
    )


def in_one_currency(
    tree: Sequence[RollUp], currency: str, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Sums]]:
    for node in tree:
        if currency in node.sums:
            yield (*path, node.value), node.sums[currency]
            yield from in_one_currency(node.children, currency, (*path, node.value))


def walk(store: Store, number: int, reading: Reading, parent: Place | None = None, limit: int = 2) -> Iterator[SumRow]:
    """The whole tree, read a page of `limit` rows at a time."""
    beside: Place | None = None
    while page := store.sums.children(number, reading, parent, beside=beside, limit=limit):
        for row in page:
            yield row
            if row.level is not Level.PLACE:
                yield from walk(store, number, reading, row.place, limit)
        beside = page[-1].place


def path_of(order: Order, place: Place) -> tuple[str, ...]:
    return tuple(getattr(place, field) for field in order.fields[: order.levels.index(place.level) + 1])


AMOUNTS = st.sampled_from(["0", "10.00", "-3.50", "0.005", "123456789012345.67", "-99", "49800"])
ROWS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2), AMOUNTS, AMOUNTS, st.none() | AMOUNTS),
    min_size=1, max_size=25,
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_the_tree_read_in_pages_is_that_of_the_lines(rows: list[Row], tmp_path: Path) -> None:
    draft = draft_of(rows)
    with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
        store = Store.open(f"{folder}/store.db")
        made = Bench(store).propose(draft)
        for order in Order:
            tree = roll_up(draft.lines, order.fields)
            for unchanged in (True, False):
                found = list(walk(store, made.id, Reading(order, unchanged=unchanged)))
                for currency in ("EUR", "CHF", "USD"):
                    wanted = [
                        (path, sums) for path, sums in in_one_currency(tree, currency) if unchanged or not sums.quiet
                    ]
                    here = [row for row in found if row.place.currency == currency]
                    assert [path_of(order, row.place) for row in here] == [path for path, _ in wanted]
                    for row, (_, sums) in zip(here, wanted, strict=True):
                        assert (row.sums.wanted, row.sums.posted, row.sums.last) == (
                            sums.wanted,
                            sums.posted,
                            sums.last,
                        )
                        assert (row.sums.debit, row.sums.credit, row.sums.lines) == (
                            sums.debit,
                            sums.credit,
                            sums.lines,
                        )
                        assert (row.sums.own, dict(row.sums.changes)) == (sums.own, dict(sums.changes))
        totals = store.sums.totals(made.id)
        assert sum(sums.lines for sums in totals.values()) == len(draft.lines)
        assert store.audit.proposal_fault(made.id) == ""
        store.close()


@settings(deadline=None)
@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=6)))
def test_a_weight_sorts_as_the_size_of_its_amount(amounts: list[Decimal]) -> None:
    by_weight = sorted(amounts, key=weight)
    assert list(map(abs, by_weight)) == sorted(map(abs, amounts))
    assert all(set(weight(one)) <= set("0123456789") for one in amounts)


def test_by_delta_the_largest_comes_first_in_its_currency_and_both_ways(bench: Bench) -> None:
    rows = [(0, 1, 0, "100.00", "0", None), (0, 1, 1, "-900.00", "0", "-100.00"), (0, 2, 2, "250.00", "0", "50"), (2, 1, 0, "7", "0", None)]  # fmt: skip
    made = bench.propose(draft_of([*rows, (0, 2, 0, "5", "5", "5")]))
    sums = bench.store.sums
    reading = Reading(by_delta=True)
    top = sums.children(made.id, reading)
    assert [(row.place.company_code, row.place.currency) for row in top] == [("1010", "EUR"), ("1710", "USD")]
    centers = sums.children(made.id, reading, top[0].place)
    assert [(row.place.cost_center, row.sums.delta) for row in centers] == [
        ("4711", Decimal("-700.00")), ("4720", Decimal("200.00")), ("", Decimal(0)),
    ]  # fmt: skip
    down = sums.children(made.id, reading, top[0].place, beside=centers[0].place, limit=1)
    assert down == [centers[1]]
    up = sums.children(made.id, reading, top[0].place, beside=centers[2].place, backwards=True)
    assert up == [centers[1], centers[0]]
    places = sums.children(made.id, Reading(unchanged=True), centers[1].place)
    assert [row.sums.quiet for row in places] == [True, False]
    assert [line.key for line in sums.lines(made.id, places[0].place)] == ["PL-4"]
    assert sums.lines(made.id, top[0].place, beside=1, limit=2, unchanged=False)[0].number == 2


def test_flags_are_kept_counted_and_found_one_after_the_other(bench: Bench) -> None:
    rows = [(0, 1, 0, "100.00", "0", None), (0, 1, 1, "90.00", "0", None), (2, 2, 2, "250.00", "0", None)]
    made = bench.propose(draft_of(rows), flags=FLAGS)
    sums = bench.store.sums
    assert sums.flags(made.id, [1, 2, 4]) == {2: tuple(sorted(FLAGS[2])), 4: FLAGS[4]}
    assert sums.risks(made.id) == {Risk.DAY: 1, Risk.ROUND: 1, Risk.SIGN: 1}
    assert sums.flagged_lines(made.id, after=2) == {4: FLAGS[4]}
    first = sums.flagged(made.id)[0]
    assert (first.place.gl_account, first.sums.flagged) == ("63005000", 1)
    second = sums.flagged(made.id, first.place)[0]
    assert second.place.company_code == "1710"
    assert sums.flagged(made.id, second.place) == []
    assert sums.flagged(made.id, second.place, backwards=True) == [first]
    assert {currency: one.flagged for currency, one in sums.totals(made.id).items()} == {"EUR": 1, "USD": 1}
    assert bench.store.audit.verify().finding == "everything fits"


def test_a_place_is_found_by_its_numbers_and_by_what_sap_calls_them(bench: Bench) -> None:
    rows = [
        (0, 1, 0, "100.00", "0", None),
        (0, 2, 1, "90.00", "0", None),
        (2, 2, 2, "250.00", "0", None),
        (0, 1, 1, "5", "5", "5"),
    ]
    made, sums = bench.propose(draft_of(rows)), bench.store.sums

    def find(*words: str, after: Place | None = None, unchanged: bool = True, sap: str = HEAD.sap) -> list[str]:
        found = sums.find(made.id, sap, words, after, unchanged=unchanged)
        return [] if found is None else [*found.place[1:4]]

    assert find("4711") == ["1010", "4711", "61000000"]
    assert find("4711", "63005") == ["1010", "4711", "63005000"]
    assert find("4711", "63005", unchanged=False) == []
    assert find("63005", unchanged=False) == ["1010", "4720", "63005000"]
    assert find("1710", "4720") == find("Ä1") == ["1710", "4720", "Ä1"]
    first = Place(Level.PLACE, "1010", "4720", "63005000", "EUR")
    assert find("4720", after=first) == ["1710", "4720", "Ä1"]
    assert find("%") == find("_") == find("travel") == []
    with bench.store.transaction() as tx:
        names = {
            Member("gl_account", "1010", "63005000"): "Travel_costs",
            Member("company_code", "", "1710"): "Ohio 100%",
        }
        bench.store.names.put(tx, HEAD.sap, names, datetime(2026, 11, 30, tzinfo=UTC))
    assert find("travel", "4720") == ["1010", "4720", "63005000"]
    assert find("travel_") == ["1010", "4711", "63005000"]
    assert find("100%", "4720") == ["1710", "4720", "Ä1"]
    assert find("travel", sap="https://another.example") == []


def test_a_place_is_unused_until_something_was_approved_there(bench: Bench) -> None:
    first = draft_of([(0, 1, 0, "100.00", "0", None), (0, 2, 0, "5", "5", "5")])
    places = {Place.of(Level.PLACE, line) for line in first.lines}
    made, target = bench.propose(first), bench.target(HEAD.flow)
    assert bench.store.sums.unused(target, places) == set()  # nothing was approved yet: all of it would be
    bench.state(made.id, ProposalState.APPROVED)
    later = draft_of([(0, 1, 0, "101.00", "0", None), (0, 1, 1, "7", "0", None), (0, 2, 0, "9", "0", None)])
    wanted = {Place.of(Level.PLACE, line) for line in later.lines if line.kind is LineKind.PLAN}
    unused = bench.store.sums.unused(target, wanted)
    assert {(one.cost_center, one.gl_account) for one in unused} == {("4711", "63005000"), ("4720", "61000000")}
    assert bench.store.sums.unused(bench.target("another_flow"), wanted) == set()


@pytest.mark.parametrize(
    ("sql", "finding"),
    [
        ("UPDATE proposal_sum SET debit = '101.00' WHERE level = 5 AND gl_account = '61000000'", "1010 / 4711 / 61000000 EUR"),
        ("UPDATE proposal_sum SET flagged = 0 WHERE level = 0", "all lines EUR"),
        ("DELETE FROM proposal_sum WHERE level = 3 AND cost_center = '4711'", "1010 / 4711 EUR"),
        ("UPDATE proposal_sum SET quiet = 1 WHERE level = 1", "1010 EUR"),
        ("UPDATE proposal_sum SET currency = 'USD' WHERE level = 2 AND gl_account = '61000000'", "61000000 EUR"),
        ("DELETE FROM proposal_flag WHERE number = 2", "flags of its lines"),
        ("UPDATE proposal_flag SET words = 'nothing' WHERE number = 4", "flags of its lines"),
        ("INSERT INTO proposal_flag VALUES (1, 1, 'sign', 'x')", "flags of its lines"),
    ],
)  # fmt: skip
def test_nobody_signs_over_sums_that_were_tampered_with(bench: Bench, sql: str, finding: str) -> None:
    rows = [(0, 1, 0, "100.00", "0", None), (0, 1, 1, "90.00", "0", None), (0, 2, 2, "250.00", "0", None)]
    made = bench.propose(draft_of(rows), flags=FLAGS)
    assert bench.store.audit.proposal_fault(made.id) == ""
    bench.write(lambda tx: tx.change(sql))
    assert finding in bench.store.audit.proposal_fault(made.id)
    assert finding in bench.store.audit.verify().finding


def test_a_sum_without_lines_is_found(bench: Bench) -> None:
    made = bench.propose(draft_of([(0, 1, 0, "100.00", "0", None)]))
    columns = "level, '9999', cost_center, gl_account, currency, lines, own, last, wanted, posted, debit, credit, changes, flagged, asks, quiet, weight"  # fmt: skip
    bench.write(lambda tx: tx.change(f"INSERT INTO proposal_sum SELECT proposal_id, {columns} FROM proposal_sum WHERE level = 5 AND gl_account = '61000000'"))  # fmt: skip
    assert "9999 / 4711 / 61000000 EUR is of no line" in bench.store.audit.proposal_fault(made.id)


def test_an_older_store_gets_the_sums_of_its_proposals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proposal as version 2 kept it: no sums, no flags, and an event that tells of none."""
    draft = draft_of([(0, 1, 0, "100.00", "0", None), (2, 2, 2, "250.00", "0", "200")])
    path = tmp_path / "old.db"
    database = Database(SqliteBackend(path, read_only=False))
    schema.migrate(database, schema.MIGRATIONS[:2])
    database.close()
    with monkeypatch.context() as patch:
        patch.setattr("tui_connector.store.store.migrate", lambda _database: None)
        patch.setattr("tui_connector.store.sums.write", lambda *_: [])
        old = Store.open(str(path))
        made = Bench(old).propose(draft)
        old.close()
    store = Store.open(str(path))
    kept = {row.place: row.sums for row in walk(store, made.id, Reading(unchanged=True))}
    wanted = dict(sums_of_lines((line, False) for line in sorted_by_place(draft.lines)))
    assert kept == {
        place: sums
        for place, sums in wanted.items()
        if place.level in (Level.COMPANY, Level.COMPANY_CENTER, Level.PLACE)
    }
    assert store.audit.verify().finding == "everything fits"
    store.close()
