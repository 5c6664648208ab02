"""The documents screen by keys: what stands there while a proposal is posted, which keys there are, and who has them."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.ui.stage import SMALL, WIDE, press, settled, shown, stage, text, type_in, until
from tests.ui.test_decisions import OPEN, POSTED, hold_document, proposal, typed
from tui_connector.domain.proposal import DocumentState, ProposalState
from tui_connector.domain.run import Purpose
from tui_connector.ui.dialogs.decide import Decide
from tui_connector.ui.screens.document import DocumentScreen
from tui_connector.ui.screens.documents import DocumentsScreen
from tui_connector.ui.widgets.listing import Listing

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

    from tui_connector.views.desk import Desk

Play = Callable[["Pilot[None]", DocumentsScreen], Awaitable[None]]


def on_stage(desk: Desk, play: Play, number: int = OPEN, size: tuple[int, int] = WIDE, theme: str = "dark") -> None:
    async def go() -> None:
        async with stage(desk, size, theme, first="overview") as pilot:
            screen = DocumentsScreen(desk, number)
            await pilot.app.push_screen(screen)
            await settled(pilot)
            await play(pilot, screen)

    asyncio.run(go())


def assert_front(pilot: Pilot[None], screen: DocumentsScreen) -> None:
    assert pilot.app.screen is screen


def test_a_posting_under_way(desk: Desk) -> None:
    async def play(pilot: Pilot[None], screen: DocumentsScreen) -> None:
        lines = shown(pilot.app)
        said = "\n".join(lines)
        for words in (
            "Approvals › P-0002 › Documents",
            "2 of 5 documents are posted and proved to the cent. 1 outcome is unknown. 2 to send.",
            "SAP gave no answer for document 3. It is looked up by its reference;", "signed by t.lindqvist 14:3",
            "posts: document 4 is checked once more and sent next", "2 of 5 proved, ", "0100004721 2026",
            "then, whichever SAP answers", "after 2 looks held for a person", "intent written, event ",
            "sent as signed", "as a new proposal, once 3 documents are settled.",
        ):  # fmt: skip
            assert words in said, words
        (selected,) = [line for line in lines if line.startswith("▌")]
        assert "? outcome unknown  look 2 " in selected  # the one that is not well stands under the cursor
        assert any(
            "1 document outcome unknown and 2 documents to send" in line and "148,000.00" in line for line in lines
        )

    on_stage(desk, play)


def test_the_other_documents_are_read_by_moving(desk: Desk) -> None:
    async def play(pilot: Pilot[None], screen: DocumentsScreen) -> None:
        await press(pilot, "home")
        await settled(pilot)
        said = text(pilot.app)
        assert "── Document 1 in 1310" in said
        assert "── Proof of document 1" in said
        assert "posted as 0100004721 of 2026" in said
        assert "read back, equal to the cent" in said
        await press(pilot, "down")
        assert "── Proof of document 2" in text(pilot.app)

    on_stage(desk, play)


def test_a_countdown_moves_by_itself(desk: Desk) -> None:
    due = desk.store.proposals.document(OPEN, 3).look_at
    assert due is not None
    desk.clock.step((due - desk.clock.now()).total_seconds() - 10)  # type: ignore[attr-defined]

    async def play(pilot: Pilot[None], screen: DocumentsScreen) -> None:
        assert "look 2 in 10 s" in text(pilot.app)
        assert "look 2, in 10 s" in text(pilot.app)
        desk.clock.step(4)  # type: ignore[attr-defined]
        await until(pilot, lambda: "look 2 in 6 s" in text(pilot.app) and "look 2, in 6 s" in text(pilot.app))

    on_stage(desk, play)


def test_what_the_worker_commits_is_seen_and_the_cursor_stays(desk: Desk) -> None:
    async def play(pilot: Pilot[None], screen: DocumentsScreen) -> None:
        await press(pilot, "home", "down")
        await asyncio.to_thread(hold_document, desk)
        await until(pilot, lambda: "◇ held" in text(pilot.app) and "needs a choice" in text(pilot.app))
        listing = screen.query_one("#documents", Listing)
        assert listing.row is not None
        assert listing.row.number == 2
        assert "1 is held for a person." in text(pilot.app)

    on_stage(desk, play)


def test_at_80x24_a_document_is_opened(desk: Desk) -> None:
    async def play(pilot: Pilot[None], screen: DocumentsScreen) -> None:
        lines = shown(pilot.app)
        assert len(lines) == 24
        assert max(map(len, lines)) <= 80
        head = next(line for line in lines if "SAP document" in line and "Dr = Cr" in line)
        assert "reference" not in head
        assert "difference" not in head
        assert "read back" in head
        assert "Proof" not in "\n".join(lines)
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, DocumentScreen)
        said = text(pilot.app)
        for words in ("Approvals › P-0002 › Documents › 3", "Document 3 in 1310 Austria: outcome unknown", "── 2 lines",
                      "rounding", "── Proof", "look 1: no document yet", "not found", "sent as signed"):  # fmt: skip
            assert words in said, words
        await press(pilot, "escape")
        assert_front(pilot, screen)

    on_stage(desk, play, size=SMALL)


@pytest.mark.parametrize("size", [WIDE, SMALL, (100, 45), (140, 30), (200, 60)])
@pytest.mark.parametrize("theme", ["dark", "light", "mono", "sixteen"])
def test_it_is_whole_at_every_size(desk: Desk, size: tuple[int, int], theme: str) -> None:
    async def play(pilot: Pilot[None], screen: DocumentsScreen) -> None:
        for number in ("home", "end"):
            await press(pilot, number)
        lines = shown(pilot.app)
        assert len(lines) == size[1]
        said = "\n".join(lines)
        for words in ("✓ proved", "? outcome unknown", "○ ready", "20,300.00 EUR", "177,700.00 EUR", "0100004722 2026"):
            assert words in said, said

    on_stage(desk, play, size=size, theme=theme)


# Keys


def test_look_now_asks_the_worker(desk: Desk) -> None:
    async def play(pilot: Pilot[None], screen: DocumentsScreen) -> None:
        run = next(one.id for one in desk.store.runs.running() if one.proposal == OPEN)
        await press(pilot, "l")
        assert f"Run {run} goes on: looks up what is open, sends what is signed." in shown(pilot.app)[1]

    on_stage(desk, play)

    async def nothing(pilot: Pilot[None], screen: DocumentsScreen) -> None:
        await press(pilot, "l")
        assert "Nothing is open: every document is settled." in shown(pilot.app)[1]

    on_stage(desk, nothing, POSTED)


def test_a_reversal_by_keys(desk: Desk) -> None:
    async def play(pilot: Pilot[None], screen: DocumentsScreen) -> None:
        assert "V prepares 4 reversal documents, 79,530.50 EUR gross, as a new proposal." in text(pilot.app)
        await press(pilot, "V")
        assert isinstance(pilot.app.screen, Decide)
        await type_in(pilot, "the accrual was wrong")
        await press(pilot, "enter")
        await type_in(pilot, "reverse")
        await press(pilot, "enter")
        await settled(pilot)
        assert_front(pilot, screen)

    on_stage(desk, play, POSTED)
    (run,) = [one for one in desk.store.runs.waiting() if one.proposal == POSTED]
    assert run.purpose is Purpose.REVERSE


@pytest.mark.parametrize("opened", [False, True])
def test_a_held_document_is_settled_where_it_is_seen(desk: Desk, opened: bool) -> None:
    hold_document(desk)

    async def play(pilot: Pilot[None], screen: DocumentsScreen) -> None:
        if opened:
            await press(pilot, "enter")
        await press(pilot, "C")
        assert isinstance(pilot.app.screen, Decide)
        await press(pilot, "end", "enter")
        await type_in(pilot, "nobody posted it")
        await press(pilot, "enter")
        await type_in(pilot, typed(proposal(desk, OPEN)))
        await press(pilot, "enter")
        await settled(pilot)
        assert "Document 3 counts as not posted." in shown(pilot.app)[1]

    on_stage(desk, play)
    assert desk.store.proposals.document(OPEN, 3).state is DocumentState.REJECTED


def test_ids_exports_and_the_trail(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def exported() -> list[dict[str, str]]:
        (path,) = tmp_path.glob("documents-P-0002-*.csv")
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    async def play(pilot: Pilot[None], screen: DocumentsScreen) -> None:
        await press(pilot, "y")
        reference = desk.store.proposals.document(OPEN, 3).reference
        assert f"Sent to the terminal: {reference}" in shown(pilot.app)[1]
        await press(pilot, "home", "y")
        assert pilot.app.clipboard == "0100004721"
        await press(pilot, "e", "enter")
        rows = await asyncio.to_thread(exported)
        assert [row["accounting_document"] for row in rows] == ["0100004721", "0100004722", "", "", ""]
        assert [row["read_back"] for row in rows] == ["20300.00", "9400.00", "", "", ""]
        assert {row["currency"] for row in rows} == {"EUR"}

    on_stage(desk, play)


def test_a_console_that_only_reads_has_no_key_that_acts(reader: Desk) -> None:
    async def play(pilot: Pilot[None], screen: DocumentsScreen) -> None:
        bound = {key for key in ("l", "C", "V", "a", "y", "e") if key in screen._bindings.key_to_bindings}
        assert bound == {"a"} | {"y", "e"}
        assert not {"look now", "settle…", "reverse…"} & set(" ".join(shown(pilot.app)[-1].split("  ")).split())
        assert "look now" not in shown(pilot.app)[-1]
        assert "reverse" not in shown(pilot.app)[-1]
        assert "V prepares" not in text(pilot.app)
        await press(pilot, "V", "C", "l")
        assert_front(pilot, screen)
        await press(pilot, "enter", "C", "l")
        assert isinstance(pilot.app.screen, DocumentScreen)

    for number in (OPEN, POSTED):
        on_stage(reader, play, number)
    assert reader.store.proposals.get(OPEN).state is ProposalState.APPROVED


def test_hostile_words_of_a_tenant_stay_words(desk: Desk) -> None:
    hostile = "\x1b]0;owned\x07[bold red]x[/] \u202egnp\n[/]"
    run = next(one for one in desk.store.runs.running() if one.proposal == OPEN)
    with desk.store.transaction() as tx:
        desk.store.postings.move(
            tx, run.id, run.fence, OPEN, 3, expect=(DocumentState.UNKNOWN,), to=DocumentState.HELD, actor="worker:w1",
            looks=2, difference=hostile, said=hostile, accounting_document="[/]\x1b[2J", fiscal_year="\x9b31m",
        )  # fmt: skip

    async def play(pilot: Pilot[None], screen: DocumentsScreen) -> None:
        for keys in ((), ("enter",), ("C",)):
            await press(pilot, *keys)
            said = text(pilot.app)
            assert "[bold red]x[/]" in said
            assert not any(char in said for char in "\x1b\x07\x9b\u202e")

    on_stage(desk, play)


def test_a_proposal_that_nobody_signed_yet(desk: Desk) -> None:
    async def play(pilot: Pilot[None], screen: DocumentsScreen) -> None:
        said = text(pilot.app)
        assert "12 documents are prepared. Nothing is sent before it is signed." in said
        assert "Nothing is proved yet, so there is nothing to reverse." in said
        assert "not signed yet" in said
        assert "Nothing of it is sent yet." in said
        await press(pilot, "l")
        said = " ".join(text(pilot.app).split())
        assert "P-0003 is planned, not approved: nothing of it is sent." in said

    on_stage(desk, play, 3)


def test_a_lost_proposal_is_told(desk: Desk) -> None:
    async def play(pilot: Pilot[None], screen: DocumentsScreen) -> None:
        assert "there is no proposal P-0099" in shown(pilot.app)[1]

    on_stage(replace(desk), play, 99)
