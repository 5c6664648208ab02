"""Explanations by keys: from a difference or a typed question to the records behind it, small and large."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.ui.explained import QUESTION, SCOPE, answer, give, looked_into
from tests.ui.hostile import HOSTILE
from tests.ui.played import played
from tests.ui.stage import SMALL, WIDE, press, settled, shown, stage, text, type_in, until
from tui_connector.ui.screens.audit import AuditScreen
from tui_connector.ui.screens.differences import DifferencesScreen
from tui_connector.ui.screens.explanation import ExplanationScreen
from tui_connector.ui.widgets.listing import Listing

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from tui_connector.store.commands import Command
    from tui_connector.views.desk import Desk

UNTIED = 125


async def open_differences(pilot: Pilot[Any]) -> None:
    await press(pilot, "colon")
    await type_in(pilot, str(UNTIED))
    await press(pilot, "enter", "d")
    assert isinstance(pilot.app.screen, DifferencesScreen)


async def ask(pilot: Pilot[Any], words: str) -> None:
    await press(pilot, "x")
    await pilot.press("ctrl+u")
    await type_in(pilot, words)
    await press(pilot, "enter")


def asked(desk: Desk) -> list[Command]:
    return [one for one in desk.store.commands.pending() if one.kind == "explain"]


@pytest.mark.parametrize("size", [WIDE, SMALL])
@played
async def test_x_explains_the_scope_under_the_cursor(desk: Desk, size: tuple[int, int]) -> None:
    give(desk)
    async with stage(desk, size, first="runs") as pilot:
        await open_differences(pilot)
        await press(pilot, "x")
        assert isinstance(pilot.app.screen, ExplanationScreen)
        lines, told = shown(pilot.app), " ".join(text(pilot.app).split())
        assert lines[1].startswith("  Audit › explain › cell of gl_line_items: 1010 0061000000")
        assert "✗ Anaplan holds 8,203,506.40 EUR; the 12,481 records loaded make 8,204,118.40 EUR" in told
        assert "refused 480.00 EUR in 1 record" in told
        assert "and smaller ones: 8,203,670.40 EUR in 12,453 records" in told
        assert "refused Cost Center: 4735 not found" in told, "the refused ones come first"
        assert all(len(line) <= size[0] for line in lines)
        assert asked(desk) == [], "what is known is not asked for again by itself"
        await press(pilot, "down")
        told = " ".join(text(pilot.app).split())
        assert "run 125 file line 3 of gl_line_items.csv" in told
        await press(pilot, "l")
        (command,) = asked(desk)
        assert (command.subject, command.payload["values"]) == (QUESTION.text, list(SCOPE))
        assert "The worker asks both sides." in text(pilot.app)
        await press(pilot, "l")
        assert len(asked(desk)) == 1
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, DifferencesScreen)


@pytest.mark.parametrize("size", [WIDE, SMALL])
@played
async def test_rows_that_the_module_holds_otherwise_stand_out(desk: Desk, size: tuple[int, int]) -> None:
    give(desk, looked_into())
    async with stage(desk, size, first="audit") as pilot:
        await press(pilot, "t")
        await pilot.press("ctrl+u")
        await type_in(pilot, "gl_line_items 1010 0061000000 2026 011 EUR")  # no key: traced back to what makes it
        await press(pilot, "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ExplanationScreen))
        await settled(pilot)
        told = text(pilot.app)
        marks = ("✗ not in SAP", "✗ refused", "✗ not there", "✗ different", "✓ loaded")
        assert [mark for mark in marks if mark in told] == [*marks], "a few records are seen on a small screen as well"
        await press(pilot, "down", "down")
        assert "ACT01 GL Actuals has no row for it" in text(pilot.app)
        await press(pilot, "down", "enter")
        told = " ".join(text(pilot.app).split())
        assert "ACT01 GL Actuals: Amount 3.50 in SAP, 9.00 in Anaplan; Cost Center" in told


@played
async def test_whoever_opens_an_unexplained_scope_sees_what_the_worker_finds(desk: Desk) -> None:
    async with stage(desk, first="runs") as pilot:
        await open_differences(pilot)
        await press(pilot, "x")
        assert "What both sides tell stands here in a moment." in text(pilot.app)
        (command,) = asked(desk)
        number = give(desk)
        with desk.store.transaction() as tx:
            desk.store.commands.finish(tx, command.id, ok=True, answer={"explanation": number})
        await until(pilot, lambda: "612.00 EUR missing" in text(pilot.app))
        await settled(pilot)
        assert f"explanation {number}." in text(pilot.app)
        await press(pilot, "t")
        assert isinstance(pilot.app.screen, AuditScreen)
        assert "about:1010-2026-0100000001-000001" in text(pilot.app)


@played
async def test_a_question_is_typed_in_the_audit_screen(desk: Desk) -> None:
    give(desk)
    async with stage(desk, first="audit") as pilot:
        await ask(pilot, "gl_line_items 1010 0061000000 2026 011 EUR")
        assert isinstance(pilot.app.screen, ExplanationScreen)
        assert pilot.app.screen.model is not None
        assert pilot.app.screen.model.question == QUESTION
        await press(pilot, "slash")
        await type_in(pilot, "refused")
        await press(pilot, "enter")
        assert len(pilot.app.screen.query_one("#sources", Listing).rows) == 1
        sheet = pilot.app.screen.sheet()
        assert sheet is not None
        (row,) = sheet.rows()
        assert (row["amount"], row["standing"], set(row)) == ("480.00", "refused", set(sheet.columns))
        assert pilot.app.screen.one_id() == row["record"]
        await press(pilot, "slash")
        await type_in(pilot, "nothing")
        await press(pilot, "enter")
        assert "No record has" in text(pilot.app)
        await press(pilot, "escape", "escape")
        assert isinstance(pilot.app.screen, AuditScreen)
        await ask(pilot, "gl_line_items 1010")
        assert "it knows a cell by Company Code, GL Account" in " ".join(text(pilot.app).split())


@played
async def test_a_desk_that_only_reads_shows_what_is_kept_and_asks_nobody(reader: Desk) -> None:
    async with stage(reader, first="runs") as pilot:
        await open_differences(pilot)
        await press(pilot, "x")
        assert "Nobody has asked both sides for it yet." in text(pilot.app)
        await press(pilot, "l")
        assert "look again" not in shown(pilot.app)[-1]
    assert reader.store.commands.pending() == []


@pytest.mark.parametrize("name", ["title", "clear", "bold", "closing tag", "bidi override", "tower", "C1"])
@played
async def test_hostile_causes_steer_nothing(desk: Desk, name: str) -> None:
    told = answer(HOSTILE[name])
    give(desk, replace(told, place=HOSTILE[name] or "x", parts=(HOSTILE[name], *told.parts[1:])))
    async with stage(desk, first="audit") as pilot:
        await ask(pilot, "gl_line_items 1010 0061000000 2026 011 EUR")
        found = text(pilot.app)
        assert "480.00" in found
        assert not any(char in found for char in "\x1b\x07\x9b\x9d\u202e")
