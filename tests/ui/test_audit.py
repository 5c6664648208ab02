"""The audit, driven by keys."""

from __future__ import annotations

import csv
import json
import threading
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from tests.ui.played import played
from tests.ui.stage import SMALL, press, shown, stage, text, type_in, until
from tui_connector.domain.audit import Fact
from tui_connector.store.holds import Hold
from tui_connector.ui.dialogs.base import Tell
from tui_connector.ui.event_rows import DayRow, EventSource, key_of
from tui_connector.ui.screens.audit import AuditScreen
from tui_connector.ui.widgets.listing import Listing
from tui_connector.views import audit as views
from tui_connector.views import audit_export
from tui_connector.views.audit import EventRow, audit_lines, read_view

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

    from tui_connector.views.desk import Desk

NOBODY = "uid:77777"


def _screen(pilot: Pilot[Any]) -> AuditScreen:
    screen = pilot.app.screen
    assert isinstance(screen, AuditScreen)
    return screen


def _rows(pilot: Pilot[Any]) -> list[EventRow]:
    listing: Listing[Any] = _screen(pilot).query_one("#events", Listing)
    return [row for row in listing.rows if isinstance(row, EventRow)]


def _at(pilot: Pilot[Any]) -> int:
    """Number of the event under the cursor."""
    row = _screen(pilot).query_one("#events", Listing).row
    assert isinstance(row, EventRow)
    return row.seq


async def _ask(pilot: Pilot[Any], words: str) -> None:
    await press(pilot, "slash")
    await pilot.press("ctrl+u")
    await type_in(pilot, words)
    await press(pilot, "enter")


async def _trace(pilot: Pilot[Any], key: str) -> None:
    await press(pilot, "t")
    await pilot.press("ctrl+u")
    await type_in(pilot, key)
    await press(pilot, "enter")


@played
async def test_events_stand_newest_first_under_their_days(desk: Desk) -> None:
    async with stage(desk, first="audit") as pilot:
        lines = shown(pilot.app)
        last = desk.store.audit.last_seq()
        assert lines[3].strip().startswith(f"○ The log holds {last:,} events. It has not been verified yet.")
        assert "No checkpoint has left this machine yet" in lines[5]
        assert "Events" in lines[7]
        assert "newest first" in lines[7]
        days = [line for line in lines if line.strip().startswith("Tue 1 Dec")]
        assert len(days) == 1
        seqs = [row.seq for row in _rows(pilot)]
        assert seqs == list(range(last, last - len(seqs), -1))
        await until(pilot, lambda: f"Event {last:,}" in text(pilot.app))  # beside it stands the event under the cursor
        await press(pilot, "down", "down")
        await until(pilot, lambda: f"Event {last - 2:,}" in text(pilot.app))


@played
async def test_holds_in_force_stand_with_the_evidence(desk: Desk) -> None:
    names = ("lawsuit 7", "tax audit of the year before")
    for name in names:
        with desk.store.transaction() as tx:
            desk.store.holds.set(tx, Hold(name, None, None, None, "asked", "uid:1", desk.clock.now()))
    async with stage(desk, first="audit") as pilot:
        lines = [line.partition("legal holds")[2].strip() for line in shown(pilot.app) if "2 legal holds" in line]
        assert lines
        assert lines[0].startswith("lawsuit 7, tax audit")
        await _trace(pilot, "P-0001")
        assert any("writes what is shown" in line for line in shown(pilot.app)), "there is room for all of it"
    told = list(audit_lines(desk))
    assert "legal hold lawsuit 7: everything" in told


@played
async def test_the_whole_log_is_walked_and_comes_back(desk: Desk) -> None:
    async with stage(desk, first="audit") as pilot:
        listing: Listing[Any] = _screen(pilot).query_one("#events", Listing)
        last = desk.store.audit.last_seq()
        await press(pilot, "end")
        assert _rows(pilot)[-1].seq == 1
        assert _at(pilot) == 1
        for _ in range(400):
            if _at(pilot) == last:
                break
            await press(pilot, "pageup")
        assert _at(pilot) == last
        keys = [key_of(row) for row in listing.rows]
        assert len(set(keys)) == len(keys)
        assert isinstance(listing.rows[0], DayRow)
        assert len(listing.rows) < 1000  # a few screenfuls, however long the log is


@pytest.mark.parametrize("begin", [None, "middle"])
def test_a_day_has_one_heading_wherever_a_page_begins(desk: Desk, begin: str | None) -> None:
    view = read_view(desk, "-kind:step")
    whole = list(EventSource(desk, view).after(None, 10_000))
    headed = [row for row in whole if isinstance(row, DayRow) and not row.blank]
    assert len(headed) > 1
    assert all(upper.day != lower.day for upper, lower in pairwise(headed))
    source = EventSource(desk, view)
    at = None if begin is None else whole[len(whole) // 2]
    down = list(source.after(at, 10_000))
    assert down == whole[0 if begin is None else len(whole) // 2 + 1 :]
    if begin is not None:
        assert list(source.before(at, 10_000)) == whole[: len(whole) // 2]
        piece = list(source.before(at, 7))
        assert piece[-1] == whole[len(whole) // 2 - 1]
        assert sum(isinstance(row, EventRow) for row in piece) == 7
    assert list(EventSource(desk, view).before(None, 10_000)) == whole


@played
async def test_words_find_events_and_esc_takes_them_back(desk: Desk) -> None:
    async with stage(desk, first="audit") as pilot:
        await _ask(pilot, "kind:signed by:lindqvist")
        rows = _rows(pilot)
        assert rows
        assert {(row.kind, row.who) for row in rows} == {("proposal.signed", "t.lindqvist")}
        told = text(pilot.app)
        assert "/ kind:signed by:lindqvist" in told
        assert "Audit  ›  kind:signed by:lindqvist" in told
        assert _screen(pilot).one_id() == rows[0].key
        await press(pilot, "escape")
        assert len(_rows(pilot)) > len(rows)
        assert "/ kind:signed" not in text(pilot.app)


@played
async def test_a_wrong_word_is_told_and_the_list_stays(desk: Desk) -> None:
    async with stage(desk, first="audit") as pilot:
        before = _rows(pilot)
        await _ask(pilot, "run:1 outcome:faild")
        told = text(pilot.app)
        assert "/ run:1 outcome:faild" in told
        assert "✗ no such outcome at character 7" in told
        assert "Did you mean failed" in told
        assert [row.seq for row in _rows(pilot)] == [row.seq for row in before]
        await press(pilot, "slash")
        assert _screen(pilot).prompt.query_one("Input").value == "run:1 outcome:faild"  # type: ignore[attr-defined]
        await press(pilot, "backspace", "backspace")
        await type_in(pilot, "led")
        await press(pilot, "enter")
        assert "✗ no such outcome" not in text(pilot.app)
        assert _screen(pilot).filter == "run:1 outcome:failed"


@played
async def test_an_empty_result_says_the_next_move(desk: Desk) -> None:
    async with stage(desk, first="audit") as pilot:
        await _ask(pilot, "kind:signed run:1")
        assert "No event matches kind:signed run:1. esc clears the filter." in text(pilot.app)
        assert _screen(pilot).one_id() is None
        await press(pilot, "y", "enter")
        assert isinstance(pilot.app.screen, AuditScreen)
        await press(pilot, "escape")
        assert _rows(pilot)


@played
async def test_a_story_stands_beside_the_events(desk: Desk) -> None:
    async with stage(desk, first="audit") as pilot:
        await _ask(pilot, "kind:signed proposal:P-0001")
        await press(pilot, "t")
        assert _screen(pilot).prompt.query_one("Input").value == "P-0001"  # type: ignore[attr-defined]
        await press(pilot, "enter")
        told = text(pilot.app)
        for words in ("Trace", "✓ exported by anaplan", "◆ signed by", "✓ posted", "stations", " events, "):
            assert words in told
        await press(pilot, "enter")  # all of it
        assert isinstance(pilot.app.screen, Tell)
        assert "every gate passes" in text(pilot.app)
        await press(pilot, "escape", "escape")
        assert "✓ exported by" not in text(pilot.app)
        assert _screen(pilot).filter == "kind:signed proposal:P-0001"  # esc goes back one step at a time


@played
async def test_an_unknown_key_is_told(desk: Desk) -> None:
    async with stage(desk, first="audit") as pilot:
        await _trace(pilot, "PL-9999")
        assert isinstance(pilot.app.screen, Tell)
        told = " ".join(text(pilot.app).split())
        assert "no run has seen a record PL-9999, and no proposal holds it" in told
        assert "its parts joined by -" in told
        await press(pilot, "escape")
        assert "Trace" not in text(pilot.app)


@played
async def test_a_key_that_was_jumped_to_is_traced(desk: Desk) -> None:
    key = desk.store.proposals.lines(1)[0].key
    async with stage(desk) as pilot:
        await press(pilot, "colon")
        await type_in(pilot, key)
        await press(pilot, "enter")
        await until(pilot, lambda: "Trace" in text(pilot.app))
        assert _screen(pilot).filter == f"about:{key}"
        assert "proposal.made" in {row.kind for row in _rows(pilot)}
        assert "P-0001 document" in text(pilot.app)


@played
async def test_a_small_terminal_keeps_time_who_what_and_text(desk: Desk) -> None:
    async with stage(desk, SMALL, first="audit") as pilot:
        await _ask(pilot, "proposal:P-0001 kind:proposal")
        lines = shown(pilot.app)
        assert all(len(line) <= 80 for line in lines)
        signed = next(line for line in lines if " signed " in line)
        assert signed.split()[:2] == ["17:07", "t.lindqvist"]
        assert signed.rstrip().endswith("P-0001")
        await _trace(pilot, "P-0001")
        told = text(pilot.app)
        assert "Trace of P-0001" in told
        assert "✓ exported" in told
        assert "◆ signed" in told
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, Tell)
        assert "✓ posted" not in text(pilot.app)  # it has no room for all of it
        await press(pilot, *["pagedown"] * 3)
        assert "✓ posted" in text(pilot.app)
        await press(pilot, "escape", "escape")
        assert "Trace of P-0001" not in text(pilot.app)
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, Tell)
        assert "digest" in text(pilot.app)


@played
async def test_a_verification_is_kept_as_an_event(desk: Desk) -> None:
    last = desk.store.audit.last_seq()
    async with stage(desk, first="audit") as pilot:
        await press(pilot, "v")
        await until(pilot, lambda: f"✓ The log is whole up to event {last:,}." in text(pilot.app))
        assert desk.store.audit.last_seq() == last + 1
        head = desk.store.audit.head()
        assert head is not None
        assert (head.fact.kind, head.fact.actor, head.fact.data["up_to"]) == ("audit.verified", desk.person, last)
        assert f"unbroken to {last:,}" in text(pilot.app)
        await until(pilot, lambda: "1 new, press g" in text(pilot.app))
        await press(pilot, "g")
        assert _rows(pilot)[0].kind == "audit.verified"
        await until(pilot, lambda: "press g" not in text(pilot.app))


@played
async def test_a_console_that_only_reads_keeps_a_verification_to_itself(reader: Desk) -> None:
    last = reader.store.audit.last_seq()
    async with stage(reader, first="audit") as pilot:
        await press(pilot, "v")
        await until(pilot, lambda: f"✓ The log is whole up to event {last:,}." in text(pilot.app))
        assert reader.store.audit.last_seq() == last


@played
async def test_a_broken_log_is_told_first(desk: Desk) -> None:
    with desk.store.transaction() as tx:
        tx.change("UPDATE audit_event SET subject = 'another' WHERE seq = 7")
    async with stage(desk, first="audit") as pilot:
        await press(pilot, "v")
        await until(pilot, lambda: "✗ The log is broken at event 7" in text(pilot.app))
        assert "✗ broken at 7" in text(pilot.app)


@played
async def test_a_verification_is_stopped_by_a_person(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, go_on = threading.Event(), threading.Event()
    recompute = views.verify

    def slowly(at: Desk, progress: Any) -> Any:
        progress(40)
        entered.set()
        assert go_on.wait(10)
        return recompute(at, progress)

    monkeypatch.setattr("tui_connector.ui.screens.audit.verify", slowly)
    last = desk.store.audit.last_seq()
    async with stage(desk, first="audit") as pilot:
        await pilot.press("v")
        await until(pilot, entered.is_set)
        await until(pilot, lambda: f"● Verifying: 40 of {last:,} events." in text(pilot.app))
        await pilot.press("v", "escape")
        go_on.set()
        await until(pilot, lambda: "Verifying" not in text(pilot.app))
        assert "The verification was stopped; nothing of it is kept." in text(pilot.app)
        assert "It has not been verified yet." in text(pilot.app)
    assert desk.store.audit.last_seq() == last


def test_a_console_may_be_left_while_it_verifies(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def slowly(at: Desk, progress: Any) -> Any:
        entered.set()
        assert go_on.wait(10)
        try:
            return views.verify(at, progress)
        finally:
            ended.set()

    monkeypatch.setattr("tui_connector.ui.screens.audit.verify", slowly)
    last = desk.store.audit.last_seq()

    @played
    async def leave() -> None:
        async with stage(desk, first="audit") as pilot:
            await pilot.press("v")
            await until(pilot, entered.is_set)

    leave()  # the verification has not ended, and holds nobody up
    assert not ended.is_set()
    go_on.set()
    assert ended.wait(10)
    assert desk.store.audit.last_seq() == last


@played
async def test_what_is_shown_is_exported_with_its_filter(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with stage(desk, first="audit") as pilot:
        await _ask(pilot, "kind:signed")
        count = len(_rows(pilot))
        for name in ("signed.csv", "signed.jsonl"):
            await press(pilot, "e")
            await pilot.press("ctrl+u")
            await type_in(pilot, name)
            await press(pilot, "enter")
            await until(pilot, lambda name=name: (tmp_path / name).exists())  # type: ignore[misc]
    head, names, *rows = csv.reader((tmp_path / "signed.csv").open(newline=""))
    assert "filter kind:signed" in head[0]
    assert str(desk.store.audit.last_seq()) in head[0]
    assert len(rows) == count
    assert {row[names.index("kind")] for row in rows} == {"proposal.signed"}
    first, *lines = map(json.loads, (tmp_path / "signed.jsonl").read_text().splitlines())
    assert (first["filter"], len(lines)) == ("kind:signed", count)
    view = read_view(desk, "kind:signed")
    assert lines == [json.loads(line) for line in audit_export.json_lines(desk, view)][1:]  # as the command writes it


@played
async def test_a_search_without_an_index_goes_on_by_itself(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two words that are common and meet once, long ago: the search is cut short many times, and finds it."""
    with desk.store.transaction() as tx:
        for number in range(400):
            desk.store.audit.append(tx, Fact("step.done", NOBODY if number % 2 else "worker:x", "x", {}, 1))
    monkeypatch.setattr("tui_connector.store.event_search._LOOKED", 8)
    monkeypatch.setattr("tui_connector.ui.event_rows._SECONDS", 0.0)
    async with stage(desk, first="audit") as pilot:
        await _ask(pilot, "-by:worker -kind:step kind:store -by:zzz")
        await until(pilot, lambda: len(_rows(pilot)) > 0)
        assert {row.kind for row in _rows(pilot)} == {"store.created"}
        await until(pilot, lambda: "still searching" not in text(pilot.app))


@played
async def test_text_from_a_tenant_steers_nothing(desk: Desk) -> None:
    with desk.store.transaction() as tx:
        fact = Fact("run.failed", "worker:a:1:2", "[bold]x[/]\x1b]0;y\x07", {"reason": "[@click=app.quit]\x9b31m"})
        desk.store.audit.append(tx, fact)
    async with stage(desk, first="audit") as pilot:
        told = text(pilot.app)
        assert "[bold]x[/]" in told
        assert "[@click=app.quit]" in told
        await press(pilot, "enter")
        told += text(pilot.app)
        assert all(char.isprintable() or char == "\n" for char in told)
