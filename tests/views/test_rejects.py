"""What the Rejects screen says, read without a terminal."""

from __future__ import annotations

import unicodedata
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tui_connector.domain.case import Place
from tui_connector.domain.errors import ConfigError
from tui_connector.domain.record import Outcome, Record, Reject, RejectedBy
from tui_connector.domain.reject_class import RejectClass
from tui_connector.domain.run import RunRequest, RunState
from tui_connector.views import causes
from tui_connector.views.refused import read_refused, refused_lines
from tui_connector.views.rejects import (
    CauseList,
    RecordList,
    RejectFilter,
    read_filter,
    read_rejects,
    reject_rows,
    rejects_lines,
)
from tui_connector.views.replay import describe_replay, read_replay

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui_connector.views.desk import Desk

CENTER = "Cost Center 0000004736 is not in the Anaplan list Cost Centers"


def places(desk: Desk, cause: str = CENTER, flow: str = "gl_line_items") -> list[Place]:
    number = desk.target(next(one for one in desk.flows if one.name == flow))
    assert number is not None
    return desk.store.cases.places(number, cause)


def refuse(desk: Desk, flow_name: str, refused: Mapping[str, tuple[str, dict[str, str]]]) -> int:
    """A run of a flow in which Anaplan refused these: key -> cause and values."""
    store, flow = desk.store, next(one for one in desk.flows if one.name == flow_name)
    number = desk.target(flow)
    assert number is not None
    with store.transaction() as tx:
        (run_id,) = store.runs.create_cycle(tx, [(RunRequest(flow_name), number, "another model")], requested_by="test")
        lease = store.leases.claim(tx, "another model", "w", 30)
        assert lease is not None
        store.runs.claim(tx, run_id, "w", lease.fence)
        records = [Record(at, key, "c", Outcome.SENT, at + 1) for at, key in enumerate(refused, 1)]
        store.records.append(tx, run_id, number, records)
        rejects = [
            Reject(one.position, one.key, RejectedBy.ANAPLAN, *refused[one.key], file_line=one.file_line)
            for one in records
        ]
        store.records.reject(tx, run_id, number, rejects)
        store.runs.finish(tx, run_id, lease.fence, RunState.DONE)
        store.leases.release(tx, lease)
    return run_id


def test_the_screen_in_words(desk: Desk) -> None:
    lines = list(rejects_lines(read_rejects(desk), desk.clock.now(), desk))
    assert lines[:2] == [
        "17 records were refused, for 3 causes. 6 of them can be replayed once mended.",
        "Their sources in SAP are untouched. 2,205.50 EUR is missing in Anaplan until they are replayed or waived.",
    ]
    assert f"{CENTER}: gl_line_items, 5 records, 2,130.00 EUR missing, since 06:13" in lines
    assert "  unknown member, can be replayed. cost_centers has loaded 1 record since (09:12): replay these 5." in lines
    assert "open by age: today 13, 1 day 0, 2 days 0, older 4" in lines
    assert "by class: forbidden character 11, unknown member 5, other 1" in lines
    assert any("replayed by" in line and line.startswith("solved 09:15: 1 record") for line in lines)


def test_a_record_in_words(desk: Desk) -> None:
    lines = list(refused_lines(read_refused(desk, places(desk)[0])))
    assert "as sent: Cost Center: 0000004736, refused" in lines
    assert "as sent: Amount: 480.00" in lines
    assert "stands: open since 06:13" in lines
    assert any(line.startswith("mapping: ") and line.endswith("the current one") for line in lines)
    with pytest.raises(ConfigError, match="no record was refused at 125/1"):
        read_refused(desk, Place(125, 1))
    with pytest.raises(ConfigError, match="there is no run 9999"):
        read_refused(desk, Place(9999, 1))


def test_sides_that_cancel_out_are_told_gross_and_currencies_apart(desk: Desk) -> None:
    values = [("100.00", "EUR"), ("-100.00", "EUR"), ("7.50", "USD"), ("x", "EUR"), ("5", "")]
    refuse(desk, "gl_line_items", {
        f"K{at}": ("Item is locked", {"Amount": amount, "Currency": currency}) for at, (amount, currency) in enumerate(values)
    })  # fmt: skip
    (row,) = CauseList(desk, RejectFilter("gl_line_items", "locked")).after(None, 10)
    assert row.missing is not None
    assert row.missing.gross == {"EUR": Decimal("100.00"), "USD": Decimal("7.50")}
    assert row.missing.net == {"EUR": Decimal(0), "USD": Decimal("7.50")}
    assert row.amounts == "100.00 EUR and 7.50 USD"
    second = read_rejects(desk).second
    assert "2,305.50 EUR and 7.50 USD gross and 2 records of unknown amount is missing" in second
    model = read_replay(desk, "gl_line_items", places(desk, "Item is locked"))
    assert dict(model.facts)["worth"] == "100.00 EUR and 7.50 USD gross and 2 records of unknown amount"
    described = describe_replay(model)
    assert (described["gross"], described["net"]) == ({"EUR": "100.00", "USD": "7.50"}, {"EUR": "0.00", "USD": "7.50"})
    assert described["unknown_amounts"] == 2


def test_too_many_are_counted_but_not_summed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(causes, "SUMMED", 14)
    model = read_rejects(desk)
    told = {row.group.cause: row.amounts for row in model.causes}
    assert told == {
        "Name holds a line break": "–",
        "Account is closed for planning: 0061099000": "75.50 EUR",
        CENTER: "not summed",
    }
    assert "Not all amounts are added up here" in model.second
    assert "is missing in Anaplan" not in model.second


def test_hostile_words_reach_nobody(desk: Desk) -> None:
    evil = "\x1b]0;owned\x07[bold]red[/]\u202e\nsecond"
    run = refuse(desk, "suppliers", {f"K{evil}": (evil, {"Code": evil, evil: evil})})
    lines = [
        *rejects_lines(read_rejects(desk), desk.clock.now(), desk),
        *refused_lines(read_refused(desk, Place(run, 1))),
    ]
    model = read_replay(desk, "suppliers", [Place(run, 1)])
    lines += [model.sentence, *(text for fact in model.facts for text in fact)]
    assert any("[bold]red[/]" in line for line in lines)
    for line in lines:
        assert not [char for char in line if unicodedata.category(char) in ("Cc", "Cf")], line


def test_lists_page_both_ways(desk: Desk) -> None:
    listed = CauseList(desk)
    rows = listed.after(None, 10)
    assert [row.group.records for row in rows] == [11, 1, 5]
    assert listed.after(rows[0], 1) == rows[1:2]
    assert listed.before(None, 2) == rows[1:]
    assert listed.before(rows[2], 1) == rows[1:2]
    records = RecordList(desk, rows[0].group)
    found = records.after(None, 100)
    assert [row.place for row in found] == places(desk, rows[0].group.cause, "suppliers")
    assert records.after(found[4], 3) == found[5:8]
    assert records.before(found[4], 3) == found[1:4]
    assert records.before(None, 2) == found[-2:]
    assert len(list(reject_rows(desk, RejectFilter()))) == 17
    assert {row["flow"] for row in reject_rows(desk, RejectFilter("suppliers"))} == {"suppliers"}


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("", RejectFilter()),
        ("suppliers", RejectFilter("suppliers")),
        ("flow:suppliers line break", RejectFilter("suppliers", "line break")),
        ('cause:"is closed" 0061099000', RejectFilter("", "is closed 0061099000")),
        ("suppliers customers", RejectFilter("suppliers", "customers")),
        ("is:waived", RejectFilter(waived=True)),
        ("is:open account", RejectFilter("", "account")),
        ("owner:A.Novak class:bad-number", RejectFilter(owner="A.Novak", reject_class=RejectClass.BAD_NUMBER)),
        ('owner:- class:"Unknown member"', RejectFilter(owner="", reject_class=RejectClass.UNKNOWN_MEMBER)),
    ],
)
def test_a_filter_is_a_flow_and_words(desk: Desk, typed: str, found: RejectFilter) -> None:
    assert read_filter(desk, typed) == found


def test_what_was_waived_is_told_apart(desk: Desk) -> None:
    lines = list(rejects_lines(read_rejects(desk, RejectFilter(waived=True)), desk.clock.now(), desk))
    assert lines[0] == "4 records are waived, for 1 cause."
    assert lines[1] == "They stay out of Anaplan until the records change or a waiver is taken back."
    assert "  forbidden character, waived. A person lets it be; taking the waiver back opens it again." in lines
    assert not any(line.startswith("open by age") for line in lines)
    (row,) = CauseList(desk, RejectFilter(waived=True)).after(None, 10)
    assert len(RecordList(desk, row.group).after(None, 10)) == 4
    nothing = read_rejects(desk, RejectFilter("suppliers", waived=True))
    assert nothing.first == "Nothing is waived."


def test_what_is_against_a_replay_is_told_before(desk: Desk) -> None:
    line_breaks = places(desk, "Name holds a line break", "suppliers")
    model = read_replay(desk, "suppliers", line_breaks)
    assert "11 records cannot be loaded with the values they had" in model.obstacle
    mixed = read_replay(desk, "gl_line_items", [places(desk)[0], line_breaks[0]])
    assert mixed.obstacle == f"{line_breaks[0]} belongs to suppliers"
    with desk.store.transaction() as tx:
        desk.store.cases.waive(tx, [places(desk)[0]], "no", "uid:1")
    assert "has waived it" in read_replay(desk, "gl_line_items", [Place(125, 200)]).obstacle
    with pytest.raises(ConfigError, match="no record was chosen"):
        read_replay(desk, "gl_line_items", [])
    with pytest.raises(ConfigError, match="plan_writeback is no load flow"):
        read_replay(desk, "plan_writeback", line_breaks)


def test_days_begin_at_midnight_where_one_sits(desk: Desk) -> None:
    number = desk.target(next(one for one in desk.flows if one.name == "gl_line_items"))
    midnight = desk.clock.now().astimezone(desk.zone).replace(hour=0, minute=0, second=0, microsecond=0)

    def ages(since: object) -> dict[str, int]:
        with desk.store.transaction() as tx:
            tx.change("UPDATE reject_case SET since = ? WHERE target_id = ?", since, number)
        return dict(read_rejects(desk, RejectFilter("gl_line_items")).ages)

    micros = round(midnight.timestamp() * 1_000_000)
    day = round(timedelta(days=1).total_seconds() * 1_000_000)
    assert ages(micros) == {"today": 6, "1 day": 0, "2 days": 0, "older": 0}
    assert ages(micros - 1) == {"today": 0, "1 day": 6, "2 days": 0, "older": 0}
    assert ages(micros - day - 1) == {"today": 0, "1 day": 0, "2 days": 6, "older": 0}
    assert ages(micros - 2 * day - 1) == {"today": 0, "1 day": 0, "2 days": 0, "older": 6}
