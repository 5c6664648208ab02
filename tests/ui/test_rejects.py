"""The Rejects screen: what it says, what is chosen, and what a replay or a waiver does."""

from __future__ import annotations

import asyncio
import csv
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.ui.stage import SMALL, WIDE, press, shown, stage, text, type_in
from tui_connector.domain.case import CaseState, Place
from tui_connector.domain.run import Purpose

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

    from tui_connector.views.desk import Desk

CENTER = "Cost Center 0000004736 is not in the Anaplan list Cost Centers"
FIRST_CENTER = ("down", "down")  # to the cause of the missing cost center


def play(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(story)


def places(desk: Desk, cause: str = CENTER, flow: str = "gl_line_items") -> list[Place]:
    number = desk.target(next(one for one in desk.flows if one.name == flow))
    assert number is not None
    return desk.store.cases.places(number, cause)


def line_of(app: Any, part: str) -> str:
    found = [line for line in shown(app) if part in line]
    assert found, f"nowhere {part!r} in\n{text(app)}"
    return found[0]


def test_it_says_how_many_for_which_causes_and_what_is_missing(desk: Desk) -> None:
    async def story() -> None:
        async with stage(desk, first="rejects") as pilot:
            said = text(pilot.app)
            assert "17 records were refused, for 3 causes. 6 of them can be replayed once mended." in said
            assert "2,205.50 EUR is missing in Anaplan until they are replayed or waived." in said
            assert "3 Rejects 17" in said
            assert "open by age   today 13   1 day 0   2 days 0   older 4" in said
            row = line_of(pilot.app, "Name holds a line break   ")
            assert row.split()[-5:] == ["suppliers", "11", "–", "22", "Nov"]
            assert row.startswith("▌ ✗")
            assert "cannot be loaded with the values they had" in said
            await press(pilot, *FIRST_CENTER)
            said = text(pilot.app)
            assert line_of(pilot.app, "0000004736 is not in Anaplan").startswith("▌ ▲")
            assert "If you replay these 5" in said
            assert "5 selected" in line_of(pilot.app, "2,130.00 EUR") or "2,130.00 EUR" in line_of(
                pilot.app, "5 selected"
            )
            assert "cost_centers has loaded 1 record since (09:12)" in said
            assert "0000004736  ▲ refused" in said
            assert "record 200 in the order read" in said
            assert "1 record replayed by" in said

    play(story())


def test_the_record_under_the_cursor_is_told_beside_it(desk: Desk) -> None:
    async def story() -> None:
        async with stage(desk, first="rejects") as pilot:
            await press(pilot, "down", "tab")
            said = text(pilot.app)
            assert "Anaplan said" in said
            assert "line 301 of the file, one of 13 chunks" in said
            await press(pilot, "escape", "shift+tab", "down", "tab", "down")
            assert f"{places(desk)[1]} ──" in text(pilot.app)
            assert "1010-2026-0100038121-000004" in line_of(pilot.app, "▌ ■ 1010")

    play(story())


def test_space_and_a_choose(desk: Desk) -> None:
    async def story() -> None:
        async with stage(desk, first="rejects") as pilot:
            await press(pilot, *FIRST_CENTER, "tab", "space", "down", "space")
            assert "3 selected" in text(pilot.app)
            assert "1,038.00 EUR" in line_of(pilot.app, "3 selected")
            assert "If you replay these 3" in text(pilot.app)
            assert [line[2] for line in shown(pilot.app) if "1010-2026" in line[:20]] == ["□", "□", "■", "■", "■"]
            await press(pilot, "a")
            assert "5 selected" in text(pilot.app)
            await press(pilot, "a")
            assert "0 selected" in text(pilot.app)
            assert "No record is chosen." in text(pilot.app)
            await press(pilot, "P")
            assert "space chooses one, a all of the cause" in text(pilot.app)
            await press(pilot, "space", "shift+tab", "up", "down")
            assert "1 selected" in text(pilot.app)  # kept while looking elsewhere

    play(story())


def test_a_replay_shows_what_it_does_and_wants_a_word(desk: Desk) -> None:
    async def story() -> None:
        async with stage(desk, first="rejects") as pilot:
            await press(pilot, *FIRST_CENTER, "tab", "space", "P")
            said = text(pilot.app)
            assert "Replay 4 records" in said
            assert "4 records of gl_line_items would be sent to Anaplan once" in said
            assert "1,650.00 EUR" in said
            assert "Load GL line items" in said
            assert "no: each key once; the same key replaces the same cells" in said
            assert "3E91C0A41B7D4E58A1C6D2E37B9F5B7F" in said
            assert said.count("PRODUCTION") == 2
            await type_in(pilot, "replai")
            await press(pilot, "enter")
            assert "does not match at character 6" in text(pilot.app)
            await press(pilot, "backspace")
            await type_in(pilot, "y")
            assert "✓ matches" in text(pilot.app)
            assert desk.store.runs.history(purpose=Purpose.REPLAY, state=None)[0].requested_by != desk.person
            await press(pilot, "enter")
            (run, *_) = desk.store.runs.history(purpose=Purpose.REPLAY)
            assert run.requested_by == desk.person
            assert desk.store.cases.selected(run.id) == places(desk)[1:]
            assert f"Run {run.id} sends 4 records of gl_line_items once more." in text(pilot.app)
            await press(pilot, "P")
            assert f"run {run.id} is about to send" in text(pilot.app)
            await press(pilot, "escape")
            event = desk.store.audit.events(run_id=run.id)[0]
            assert (event.fact.kind, event.fact.actor) == ("replay.requested", desk.person)

    play(story())


def test_esc_sends_nothing(desk: Desk) -> None:
    async def story() -> None:
        runs = len(desk.store.runs.history(1000))
        async with stage(desk, first="rejects") as pilot:
            await press(pilot, *FIRST_CENTER, "P")
            await type_in(pilot, "repl")
            await press(pilot, "enter", "escape")
            assert len(desk.store.runs.history(1000)) == runs
            await press(pilot, "up", "up", "P")  # SAP has to mend these
            assert "cannot be loaded with the values they had" in text(pilot.app)
            assert "That did not work" in text(pilot.app)
            await press(pilot, "escape", "W", "escape")
            assert len(places(desk)) == 5

    play(story())


def test_a_waiver_wants_a_reason(desk: Desk) -> None:
    async def story() -> None:
        async with stage(desk, first="rejects") as pilot:
            first = places(desk)[0]
            await press(pilot, *FIRST_CENTER, "a", "tab", "space", "W")
            said = text(pilot.app)
            assert "Waive 1 record" in said
            assert "1 record stays out of Anaplan: 480.00 EUR." in said
            await press(pilot, "enter")
            assert len(places(desk)) == 5
            await type_in(pilot, "posted twice")
            await press(pilot, "enter")
            case = desk.store.cases.at(first)
            assert case is not None
            assert case.waiver is not None
            assert (case.state, case.waiver.reason, case.waiver.by) == (CaseState.WAIVED, "posted twice", desk.person)
            said = text(pilot.app)
            assert "1 record waived, until it changes." in said
            assert "16 records were refused" in said
            assert "3 Rejects 16" in said
            assert "posted twice" in line_of(pilot.app, "waived by")
            await press(pilot, "slash")
            await type_in(pilot, "is:waived gl_line_items")
            await press(pilot, "enter")
            said = text(pilot.app)
            assert "1 record is waived, for 1 cause." in said
            assert "480.00 EUR stays out of Anaplan until the records change or a waiver is taken back." in said
            assert "W take back…" in said
            assert "stands" in said
            await press(pilot, "P")
            assert "That did not work" in text(pilot.app)
            assert "has waived" in text(pilot.app)
            await press(pilot, "escape", "W")
            assert "1 record is open again: 480.00 EUR." in text(pilot.app)
            await type_in(pilot, "needed after all")
            await press(pilot, "enter")
            assert "1 record is open again." in text(pilot.app)
            assert "Nothing is waived." in text(pilot.app)
            assert first in places(desk)
            await press(pilot, "escape")
            assert "17 records were refused" in text(pilot.app)
            assert desk.store.audit.verify().broken_at is None

    play(story())


def test_an_owner_and_a_note_are_put_on_what_is_chosen(desk: Desk) -> None:
    async def story() -> None:
        async with stage(desk, first="rejects") as pilot:
            await press(pilot, *FIRST_CENTER, "tab", "space", "O")  # all but the first
            said = text(pilot.app)
            assert "Owner of 4 records" in said
            assert "Who sees to these 4 records?" in said
            await press(pilot, *["backspace"] * 40)
            await type_in(pilot, "A. Novak")
            await press(pilot, "enter")
            assert "4 records given to A. Novak." in text(pilot.app)
            await press(pilot, "down", "N")
            assert "Note on 4 records" in text(pilot.app)
            await type_in(pilot, "asked for the center")
            await press(pilot, "enter")
            said = text(pilot.app)
            assert "4 records noted." in said
            assert "several see to it" in said
            for words in ("owner", "A. Novak (", "asked for the center"):
                assert words in said
            second = desk.store.cases.at(places(desk)[1])
            assert second is not None
            assert second.owner is not None
            assert (second.owner.text, second.owner.by) == ("A. Novak", desk.person)
            assert desk.store.audit.verify().broken_at is None
            await press(pilot, "slash")
            await type_in(pilot, "owner:-")
            await press(pilot, "enter")
            assert "13 records were refused, for 3 causes." in text(pilot.app)
            await press(pilot, "slash", *["backspace"] * 10)
            await type_in(pilot, "class:unknown-member owner:'a. novak'")
            await press(pilot, "enter")
            said = text(pilot.app)
            assert "4 records were refused, for 1 cause." in said
            assert "4 selected" in said  # the one of the cause that is left out is nobody's
            await press(pilot, "O")
            assert "Owner of 4 records" in text(pilot.app)

    play(story())


def test_a_console_that_only_reads_has_neither_key(reader: Desk) -> None:
    async def story() -> None:
        async with stage(reader, first="rejects") as pilot:
            await press(pilot, *FIRST_CENTER, "P", "W", "O", "N")
            assert "replay…" not in text(pilot.app)
            assert "waive…" not in text(pilot.app)
            assert "type" not in text(pilot.app)
            keys = {key for key, _ in pilot.app.screen._bindings}
            assert not keys & {"P", "W", "O", "N"}
            assert "owner…" not in text(pilot.app)
            assert "If you replay these 5" in text(pilot.app)

    play(story())


def test_enter_opens_the_record_and_esc_comes_back(desk: Desk) -> None:
    async def story() -> None:
        async with stage(desk, SMALL, first="rejects") as pilot:
            await press(pilot, *FIRST_CENTER, "enter", "enter")
            said = text(pilot.app)
            assert "Rejects › gl_line_items" in said
            assert "Posting Date      2026-11-30" in said
            await press(pilot, "end")
            assert "mapping d2d1b3bee3876393, the current one" in text(pilot.app)
            await press(pilot, "escape")
            assert "17 records were refused" in text(pilot.app)

    play(story())


def test_a_filter_shows_a_flow_or_a_part_of_the_cause(desk: Desk) -> None:
    async def story() -> None:
        async with stage(desk, first="rejects") as pilot:
            await press(pilot, "slash")
            await type_in(pilot, "flow:gl_line_items center")
            await press(pilot, "enter")
            said = text(pilot.app)
            assert "5 records were refused, for 1 cause." in said
            assert "line break" not in said
            await press(pilot, "slash")
            await pilot.press(*["backspace"] * 30)
            await type_in(pilot, "nothing of that kind")
            await press(pilot, "enter")
            assert "No cause fits nothing of that kind. esc clears the filter." in text(pilot.app)
            await press(pilot, "escape")
            assert "17 records were refused" in text(pilot.app)
            await press(pilot, "slash")
            await type_in(pilot, "person:me")
            await press(pilot, "enter")
            assert "rejects have no 'person' to filter by" in text(pilot.app)

    play(story())


def test_what_others_do_is_seen(desk: Desk) -> None:
    async def story() -> None:
        from tests.ui.stage import until  # noqa: PLC0415

        async with stage(desk, first="rejects") as pilot:
            await press(pilot, *FIRST_CENTER)
            chosen = places(desk)[:3]

            def waived() -> None:
                with desk.store.transaction() as tx:
                    desk.store.cases.waive(tx, chosen, "seen elsewhere", "uid:1")

            await asyncio.to_thread(waived)
            await until(pilot, lambda: "14 records were refused" in text(pilot.app))
            await until(pilot, lambda: "If you replay these 2" in text(pilot.app))
            assert "2 selected" in text(pilot.app)
            assert line_of(pilot.app, "0000004736 is not in Anaplan").startswith("▌ ▲")

    play(story())


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_the_view_becomes_a_file(desk: Desk, tmp_path: Path, suffix: str) -> None:
    async def story() -> None:
        async with stage(desk, first="rejects") as pilot:
            await press(pilot, "e")
            await pilot.press(*["backspace"] * 60)
            path = tmp_path / f"rejects{suffix}"
            for char in str(path):
                await pilot.press({"/": "slash", "-": "minus", ".": "full_stop", "_": "underscore"}.get(char, char))
            await press(pilot, "enter")
            content = path.read_text(encoding="utf-8")
            if suffix == ".jsonl":
                rows = [json.loads(line) for line in content.splitlines()]
            else:
                rows = list(csv.DictReader(content.splitlines()))
            assert len(rows) == 17
            (row,) = [one for one in rows if one["record"] == "1010-2026-0100038117-000002"]
            assert (row["cause"], row["amount"], row["currency"]) == (CENTER, "480.00", "EUR")
            assert json.loads(row["values"])["Cost Center"] == "0000004736"

    play(story())


@pytest.mark.parametrize("size", [WIDE, SMALL])
def test_a_day_without_rejects_says_what_it_means(quiet: Desk, size: tuple[int, int]) -> None:
    async def story() -> None:
        async with stage(quiet, size, first="rejects") as pilot:
            assert "No rejects." in text(pilot.app)
            assert "The last 18 runs moved 908,674 records." in text(pilot.app)
            await press(pilot, "space", "a", "t", "P", "W", "e", "y")
            assert "No rejects." in text(pilot.app)

    play(story())


def test_at_80_columns_the_causes_keep_what_counts(desk: Desk) -> None:
    async def story() -> None:
        async with stage(desk, SMALL, first="rejects") as pilot:
            await press(pilot, *FIRST_CENTER)
            row = line_of(pilot.app, "0000004736 is not in Anaplan")
            assert row.split()[-3:] == ["5", "2,130.00", "EUR"]
            assert "5 selected" in text(pilot.app)
            await press(pilot, "P")
            assert "type replay to send exactly these once more" in text(pilot.app)

    play(story())
