"""What is pasted: cleaned where it is shown, left alone where it is a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events
from textual.widgets import Input

from tests.ui.played import played
from tests.ui.stage import press, settled, stage

if TYPE_CHECKING:
    from tui_connector.views.desk import Desk


@played
async def test_a_line_to_type_in_takes_the_first_line_cleaned(desk: Desk) -> None:
    async with stage(desk) as pilot:
        await press(pilot, "slash")
        await pilot.app.on_event(events.Paste("gl\x1b]0;x\x07\u202e\r\nsecond"))
        await settled(pilot)
        field = pilot.app.screen.query_one("Prompt Input", Input)
        assert field.value == "gl\N{REPLACEMENT CHARACTER}]0;x" + 2 * "\N{REPLACEMENT CHARACTER}"


@played
async def test_a_secret_is_stored_as_it_was_pasted(desk: Desk) -> None:
    async with stage(desk, first="connections") as pilot:
        await press(pilot, "tab", "K")
        field = pilot.app.focused
        assert isinstance(field, Input)
        assert field.password
        secret = "line one\r\nline\ttwo \u200b"
        await pilot.app.on_event(events.Paste(secret))
        await settled(pilot)
        assert field.value == secret
