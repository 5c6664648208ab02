"""Decisions by keys: what is typed, what is refused, what is told; and that a passphrase stays nowhere."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from textual import events
from textual.widgets import Input

from tests.ui.people import LINDQVIST, PASSPHRASE
from tests.ui.stage import SMALL, WIDE, press, settled, shown, stage, text, type_in, until
from tui_connector.domain.proposal import DocumentState, LineDecision, Proposal, ProposalState
from tui_connector.domain.run import Purpose
from tui_connector.ui.dialogs import decisions
from tui_connector.ui.dialogs.base import Tell
from tui_connector.ui.dialogs.decide import Decide, decide
from tui_connector.ui.screens.base import ConsoleScreen
from tui_connector.views import acting

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from tui_connector.views.desk import Desk

Play = Callable[["Pilot[None]", Decide], Awaitable[None]]
BIG, SMALL_ONE, POSTED, OPEN = 3, 4, 1, 2  # numbers of the afternoon's proposals


def proposal(desk: Desk, number: int = BIG) -> Proposal:
    return desk.store.proposals.get(number)


def typed(one: Proposal) -> str:
    return one.short.replace(" ", "")


def on_stage(desk: Desk, dialog: Decide, play: Play, size: tuple[int, int] = WIDE) -> None:
    """A dialog over the first screen, and what is done with it."""

    async def go() -> None:
        async with stage(desk, size) as pilot:
            screen = pilot.app.screen
            assert isinstance(screen, ConsoleScreen)
            decide(screen, dialog)
            await settled(pilot)
            await play(pilot, dialog)

    asyncio.run(go())


def inside(app: Any) -> str:
    """What stands within the dialog's border, as one line."""
    rows = [line[line.index("│") + 1 : line.rindex("│")] for line in shown(app) if line.count("│") > 1]
    return " ".join(" ".join(rows).split())


def field(pilot: Pilot[None], name: str) -> Input:
    return pilot.app.screen.query_one(f"#{name}", Input)


# Signing


def test_a_signature_by_keys_alone(desk: Desk) -> None:
    one = proposal(desk)

    async def play(pilot: Pilot[None], dialog: Decide) -> None:
        said = text(pilot.app)
        for words in (
            "You sign 12 documents with 64 lines, to be posted into ACTUALS.",
            "A second approver must sign too. Nothing posts before that.", "1,204,551.10 EUR", "88,400.00 USD",
            " PRODUCTION  ledger 0L ACTUALS", "2026-11-30, period 011/2026, open", "prepared by m.keller",
            "12 reversal documents, through the same gates", f"{one.short}  stands for every byte you just read",
            "0 of 8 match", "enter signs once all 8 match", "after that",
        ):  # fmt: skip
            assert words in said, words
        await type_in(pilot, typed(one)[:5])
        assert "5 of 8 match" in text(pilot.app)
        await press(pilot, "enter")
        assert pilot.app.focused is field(pilot, "fingerprint")
        wrong = "0" if typed(one)[5] != "0" else "1"
        await type_in(pilot, wrong)
        assert "✗ does not match at character 6" in text(pilot.app)
        assert field(pilot, "fingerprint").value == typed(one)[:5] + wrong  # nothing is cleared
        await press(pilot, "enter")
        assert field(pilot, "passphrase").disabled
        await press(pilot, "backspace")
        await type_in(pilot, typed(one)[5:])
        assert "✓ 8 of 8 match" in text(pilot.app)
        await press(pilot, "enter")
        assert pilot.app.focused is field(pilot, "passphrase")
        await type_in(pilot, PASSPHRASE)
        assert PASSPHRASE not in text(pilot.app)
        assert "•" * len(PASSPHRASE) in text(pilot.app)
        await press(pilot, "enter")
        await until(pilot, lambda: pilot.app.screen is not dialog)
        await settled(pilot)
        assert "Signed 14:40:12. Waits for a second approver." in shown(pilot.app)[1]

    on_stage(desk, decisions.approve(desk, one), play)
    (approval,) = desk.store.proposals.approvals(BIG)
    assert (approval.name, approval.by) == ("a.novak", "uid:54101")
    assert proposal(desk).state is ProposalState.PLANNED
    assert desk.store.audit.verify().broken_at is None


def test_the_second_signature_lets_the_worker_post(desk: Desk) -> None:
    one = proposal(desk)
    assert desk.acts is not None
    acts = replace(desk.acts, approver_key=LINDQVIST.key(desk.config.parent, desk.clock).path)
    other = replace(desk, person=LINDQVIST.account, acts=acts)
    acting.approve(other, BIG, typed=one.short, passphrase=PASSPHRASE)

    async def play(pilot: Pilot[None], dialog: Decide) -> None:
        assert "signed by t.lindqvist 14:40; yours is signature 2 of 2" in text(pilot.app)
        await sign(pilot, one)
        await until(pilot, lambda: pilot.app.screen is not dialog)
        await settled(pilot)
        assert "Signed 14:40:12. P-0003 is approved. The worker posts it." in shown(pilot.app)[1]

    on_stage(desk, decisions.approve(desk, one), play)
    assert proposal(desk).state is ProposalState.APPROVED
    wanted = [run.purpose for run in desk.store.runs.waiting() if run.proposal == BIG]
    assert wanted == [Purpose.CHECK, Purpose.POST]


async def sign(pilot: Pilot[None], one: Proposal, passphrase: str = PASSPHRASE) -> None:
    await type_in(pilot, typed(one))
    await press(pilot, "enter")
    await type_in(pilot, passphrase)
    await press(pilot, "enter")


def test_a_fingerprint_is_typed_and_a_passphrase_is_never_copied(desk: Desk) -> None:
    one = proposal(desk)

    async def play(pilot: Pilot[None], dialog: Decide) -> None:
        entry = field(pilot, "fingerprint")
        entry.post_message(events.Paste(typed(one)))
        await settled(pilot)
        assert entry.value == ""
        pilot.app.copy_to_clipboard(typed(one))
        await press(pilot, "ctrl+v")
        assert entry.value == ""

        await type_in(pilot, typed(one))
        await press(pilot, "enter")
        entry = field(pilot, "passphrase")
        entry.post_message(events.Paste(f"{PASSPHRASE}\n"))  # as a keeper of passwords gives it
        await settled(pilot)
        assert entry.value == PASSPHRASE
        for keys in (("super+c",), ("ctrl+x",)):
            await press(pilot, "ctrl+shift+a", *keys)
            assert pilot.app.clipboard == typed(one)
        assert entry.value == ""

    on_stage(desk, decisions.approve(desk, one), play)


def test_three_wrong_passphrases_close_the_dialog(desk: Desk) -> None:
    one = proposal(desk)

    async def play(pilot: Pilot[None], dialog: Decide) -> None:
        await sign(pilot, one, "quiet grey")
        await until(pilot, lambda: "The passphrase does not open your key. Nothing was signed." in text(pilot.app))
        assert "attempt 2 of 3" in text(pilot.app)
        assert field(pilot, "passphrase").value == ""
        assert field(pilot, "fingerprint").value == typed(one)
        for attempt in (2, 3):
            assert pilot.app.focused is field(pilot, "passphrase")
            await type_in(pilot, "wrong again")
            await press(pilot, "enter")
            await settled(pilot)
            assert (pilot.app.screen is dialog) is (attempt < 3)
        assert isinstance(pilot.app.screen, Tell)
        said = inside(pilot.app)
        assert "Three passphrases did not open your key. Nothing was signed." in said
        assert "make a new key, tui-connector approver init --name NAME, and have it enrolled" in said
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, ConsoleScreen)

    on_stage(desk, decisions.approve(desk, one), play)
    assert desk.store.proposals.approvals(BIG) == []


def test_what_others_decide_meanwhile_is_told_and_nothing_signed(desk: Desk) -> None:
    one = proposal(desk)

    async def play(pilot: Pilot[None], dialog: Decide) -> None:
        await type_in(pilot, typed(one))
        await asyncio.to_thread(acting.reject, desk, BIG, "the hall was sold")
        await until(pilot, lambda: "✗ P-0003 is rejected: the hall was sold." in text(pilot.app))
        await settled(pilot)
        assert "Nothing was signed." in text(pilot.app)
        assert "›  " not in text(pilot.app)
        await press(pilot, "enter")
        assert pilot.app.screen is dialog
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, ConsoleScreen)

    on_stage(desk, decisions.approve(desk, one), play)
    assert desk.store.proposals.approvals(BIG) == []


def test_a_decision_between_the_last_key_and_the_signature(desk: Desk) -> None:
    one = proposal(desk)
    approve = acting.approve

    def late(*given: Any, **more: Any) -> str:
        acting.hold(desk, BIG, "ask first")
        return approve(*given, **more)

    async def play(pilot: Pilot[None], dialog: Decide) -> None:
        with patch.object(acting, "approve", late):
            await sign(pilot, one)
            await until(pilot, lambda: "P-0003 is held: ask first" in text(pilot.app))
        await settled(pilot)
        assert "Nothing was signed." in text(pilot.app)

    on_stage(desk, decisions.approve(desk, one), play)
    assert desk.store.proposals.approvals(BIG) == []


def test_while_it_signs_nobody_goes_back(desk: Desk) -> None:
    one, go_on, began = proposal(desk), threading.Event(), threading.Event()
    approve = acting.approve

    def slow(*given: Any, **more: Any) -> str:
        began.set()
        assert go_on.wait(20)
        return approve(*given, **more)

    async def play(pilot: Pilot[None], dialog: Decide) -> None:
        with patch.object(acting, "approve", slow):
            await type_in(pilot, typed(one))
            await press(pilot, "enter")
            await type_in(pilot, PASSPHRASE)
            await pilot.press("enter")
            await until(pilot, began.is_set)
            await pilot.pause()
            assert "signing…" in text(pilot.app)
            assert "esc go back" not in text(pilot.app)
            await pilot.press("escape", "enter")
            assert pilot.app.screen is dialog
            go_on.set()
            await until(pilot, lambda: pilot.app.screen is not dialog)

    on_stage(desk, decisions.approve(desk, one), play)
    assert len(desk.store.proposals.approvals(BIG)) == 1


def test_resizing_in_the_middle_loses_nothing(desk: Desk) -> None:
    one = proposal(desk)

    async def play(pilot: Pilot[None], dialog: Decide) -> None:
        await type_in(pilot, typed(one)[:3])
        for size in (SMALL, (100, 30), WIDE, SMALL):
            await pilot.resize_terminal(*size)
            await settled(pilot)
            lines = shown(pilot.app)
            assert any(f"› {typed(one)[:3]}" in line and "3 of 8 match" in line for line in lines), "\n".join(lines)
            assert any("esc go back" in line for line in lines)
        await type_in(pilot, typed(one)[3:])
        await press(pilot, "enter")
        await type_in(pilot, PASSPHRASE[:4])
        await pilot.resize_terminal(*WIDE)
        await settled(pilot)
        assert "› ••••" in text(pilot.app)
        assert pilot.app.focused is field(pilot, "passphrase")

    on_stage(desk, decisions.approve(desk, one), play)


def test_the_passphrase_stays_nowhere(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    one = proposal(desk)
    pictures: list[str] = []

    async def play(pilot: Pilot[None], dialog: Decide) -> None:
        await type_in(pilot, typed(one))
        await press(pilot, "enter")
        await type_in(pilot, PASSPHRASE)
        pictures.append(pilot.app.export_screenshot())
        await press(pilot, "enter")
        await until(pilot, lambda: pilot.app.screen is not dialog)
        await settled(pilot)
        pictures.append(pilot.app.export_screenshot())
        held = [repr(vars(widget)) for screen in pilot.app.screen_stack for widget in screen.walk_children()]
        assert not any(PASSPHRASE in one for one in held)
        assert not any(isinstance(one, Input) and one.value == PASSPHRASE for one in gc.get_objects())

    with caplog.at_level("DEBUG"):
        on_stage(desk, decisions.approve(desk, one), play)
    assert len(desk.store.proposals.approvals(BIG)) == 1
    plain = [picture.replace("&#160;", " ") for picture in pictures]
    assert not any(
        PASSPHRASE in picture or PASSPHRASE.replace(" ", "&#160;") in picture for picture in pictures + plain
    )
    assert PASSPHRASE not in caplog.text
    desk.store.close()
    for path in desk.config.parent.rglob("*"):
        assert not (path.is_file() and PASSPHRASE.encode() in path.read_bytes()), path


def test_why_this_person_may_not_sign_is_told_and_nothing_is_asked(desk: Desk) -> None:
    async def play(pilot: Pilot[None], dialog: Decide) -> None:
        assert "✗ P-0002 is approved." in text(pilot.app)
        assert "Type the fingerprint" not in text(pilot.app)
        assert not pilot.app.screen.query_one("#row-fingerprint").display
        await press(pilot, *"abc", "enter")
        assert pilot.app.screen is dialog

    on_stage(desk, decisions.approve(desk, proposal(desk, OPEN)), play)


# The other decisions


def test_a_rejection_wants_a_reason_and_its_word(desk: Desk) -> None:
    async def play(pilot: Pilot[None], dialog: Decide) -> None:
        assert "You reject P-0003: nothing of it is posted." in text(pilot.app)
        await press(pilot, "enter")
        assert "A decision needs a reason" in text(pilot.app)
        await type_in(pilot, "the hall was sold")
        await press(pilot, "enter")
        await type_in(pilot, "rejekt")
        assert "✗ does not match at character 5" in text(pilot.app)
        await press(pilot, "enter")
        assert pilot.app.screen is dialog
        await press(pilot, "backspace", "backspace")
        await type_in(pilot, "ct")
        await press(pilot, "enter")
        await settled(pilot)
        assert "P-0003 is rejected: the hall was sold." in shown(pilot.app)[1]

    on_stage(desk, decisions.reject(desk, proposal(desk)), play)
    assert proposal(desk).state is ProposalState.REJECTED


def test_a_hold_and_its_release(desk: Desk) -> None:
    async def play(pilot: Pilot[None], dialog: Decide) -> None:
        await type_in(pilot, "ask first")
        await press(pilot, "enter")
        await settled(pilot)
        assert "P-0003 is held: ask first." in shown(pilot.app)[1]

    on_stage(desk, decisions.hold(desk, proposal(desk)), play)
    assert proposal(desk).state is ProposalState.HELD

    async def release(pilot: Pilot[None], dialog: Decide) -> None:
        assert "You release P-0003, which was held: ask first." in text(pilot.app)
        await type_in(pilot, "asked")
        await press(pilot, "enter")
        await settled(pilot)

    on_stage(desk, decisions.release(desk, proposal(desk)), release)
    assert proposal(desk).state is ProposalState.PLANNED


def test_lines_are_taken_out_commented_on_and_put_back(desk: Desk) -> None:
    def said(number: int) -> tuple[LineDecision, str, str]:
        line = desk.store.proposals.lines(BIG, number - 1, 1)[0]
        return line.decision, line.reason, line.comment

    async def hold(pilot: Pilot[None], dialog: Decide) -> None:
        await type_in(pilot, "not this month")  # the lines are given already
        await press(pilot, "enter")
        await settled(pilot)
        assert "5 lines held. 5 of 318 lines taken out." in shown(pilot.app)[1]

    on_stage(desk, decisions.decide_lines(desk, proposal(desk), LineDecision.HELD, "3-7"), hold)
    assert said(5)[:2] == (LineDecision.HELD, "not this month")

    async def comment(pilot: Pilot[None], dialog: Decide) -> None:
        await type_in(pilot, "400")
        await press(pilot, "enter")
        await type_in(pilot, "seen")
        await press(pilot, "enter")
        await settled(pilot)
        assert "names no lines of this proposal" in text(pilot.app)
        assert "Nothing was changed." in text(pilot.app)
        field(pilot, "lines").value = "9"
        field(pilot, "text").focus()
        await press(pilot, "enter")
        await settled(pilot)
        assert "1 line commented on." in shown(pilot.app)[1]

    on_stage(desk, decisions.comment(desk, proposal(desk)), comment)
    assert said(9)[2] == "seen"

    async def back(pilot: Pilot[None], dialog: Decide) -> None:
        await press(pilot, "enter")
        await settled(pilot)
        assert "2 lines put back. 3 of 318 lines taken out." in shown(pilot.app)[1]

    on_stage(desk, decisions.decide_lines(desk, proposal(desk), LineDecision.NONE, "3-4"), back)


@pytest.mark.parametrize(
    ("number", "word", "purpose", "told"),
    [
        (SMALL_ONE, "revise", Purpose.REVISE, "proposes P-0004 again without the lines taken out."),
        (POSTED, "reverse", Purpose.REVERSE, "proposes the reversal of P-0001."),
    ],
)
def test_a_proposal_made_of_another_one_is_asked_for(
    desk: Desk, number: int, word: str, purpose: Purpose, told: str
) -> None:
    make = decisions.revise if purpose is Purpose.REVISE else decisions.reverse

    async def play(pilot: Pilot[None], dialog: Decide) -> None:
        if purpose is Purpose.REVERSE:
            await type_in(pilot, "the accrual was wrong")
            await press(pilot, "enter")
        await press(pilot, "enter")
        assert pilot.app.screen is dialog
        await type_in(pilot, word)
        await press(pilot, "enter")
        await settled(pilot)
        assert told in shown(pilot.app)[1]

    on_stage(desk, make(desk, proposal(desk, number)), play)
    (run,) = [one for one in desk.store.runs.waiting() if one.proposal == number]
    assert (run.purpose, run.requested_by) == (purpose, desk.person)


@pytest.mark.parametrize("size", [WIDE, SMALL])
def test_a_held_document_is_settled_by_keys(desk: Desk, size: tuple[int, int]) -> None:
    hold_document(desk)
    one = proposal(desk, OPEN)

    async def play(pilot: Pilot[None], dialog: Decide) -> None:
        assert "Document 3 is held: not in SAP after 2 looks." in text(pilot.app)
        await press(pilot, "down")
        assert "□ SAP holds it" in text(pilot.app)
        assert "■ SAP does not hold it, send it again" in text(pilot.app)
        assert field(pilot, "number").disabled
        await press(pilot, "up", "enter")
        assert pilot.app.focused is field(pilot, "number")
        await type_in(pilot, "190000077/2026")
        await press(pilot, "enter")
        await type_in(pilot, "seen in FB03")
        await press(pilot, "enter")
        await type_in(pilot, typed(one))
        assert "✓ 8 of 8 match" in text(pilot.app)
        assert any("esc go back" in line for line in shown(pilot.app))
        await press(pilot, "enter")
        await settled(pilot)
        assert "Document 3 counts as posted under 0190000077 of 2026." in shown(pilot.app)[1]

    on_stage(desk, decisions.Choose(desk, one, 3), play, size)
    document = desk.store.proposals.document(OPEN, 3)
    assert (document.state, document.accounting_document) == (DocumentState.VERIFIED, "0190000077")


def hold_document(desk: Desk) -> None:
    """What the worker does when SAP does not show a document after its looks."""
    run = next(one for one in desk.store.runs.running() if one.proposal == OPEN)
    with desk.store.transaction() as tx:
        desk.store.postings.move(
            tx, run.id, run.fence, OPEN, 3, expect=(DocumentState.UNKNOWN,), to=DocumentState.HELD,
            actor="worker:w1", looks=2, difference="not in SAP after 2 looks",
        )  # fmt: skip


@pytest.mark.parametrize("name", ["approve", "reject", "hold", "lines", "comment", "revise", "reverse", "choose"])
def test_at_80x24_the_input_and_the_way_back_are_seen(desk: Desk, name: str) -> None:
    hold_document(desk)
    dialogs: dict[str, Callable[[], Decide]] = {
        "approve": lambda: decisions.approve(
            desk, proposal(desk), [f"610050{n}0 on 4720 Paint shop" for n in range(9)]
        ),
        "reject": lambda: decisions.reject(desk, proposal(desk)),
        "hold": lambda: decisions.hold(desk, proposal(desk)),
        "lines": lambda: decisions.decide_lines(desk, proposal(desk), LineDecision.REJECTED),
        "comment": lambda: decisions.comment(desk, proposal(desk)),
        "revise": lambda: decisions.revise(desk, proposal(desk, SMALL_ONE)),
        "reverse": lambda: decisions.reverse(desk, proposal(desk, POSTED)),
        "choose": lambda: decisions.Choose(desk, proposal(desk, OPEN), 3),
    }

    async def play(pilot: Pilot[None], dialog: Decide) -> None:
        lines = shown(pilot.app)
        assert len(lines) == 24
        fields = [one for one in dialog.query(Input) if one.display]
        assert sum("│" in line and "› " in line for line in lines) == len(fields) > 0, "\n".join(lines)
        assert any("esc go back" in line for line in lines), "\n".join(lines)
        if name == "approve":
            said = "\n".join(lines)
            assert "9 flagged lines not opened yet" in said
            assert "threshold: 1010:" in said

    on_stage(desk, dialogs[name](), play, SMALL)
