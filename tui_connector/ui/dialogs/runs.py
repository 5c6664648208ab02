"""What is asked before a run is ended, allowed or run again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import Input

from tui_connector.domain.concern import Rule
from tui_connector.domain.run import Purpose, RunState
from tui_connector.ui.dialogs.base import Confirm, Dialog, TypedInput, footing, matching
from tui_connector.ui.draw import Line, wrap
from tui_connector.ui.widgets.block import Block
from tui_connector.ui.widgets.text_input import TextInput
from tui_connector.views.concerns import MARKS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.app import ComposeResult

    from tui_connector.views.run_page import RunPage


class GiveReason(Dialog[str]):
    """Asks for a reason and a typed word; answers the reason. Tells what would happen, and lines that go with it."""

    def __init__(self, title: str, lines: Callable[[int], Sequence[Line]], *, word: str, enter: str, back: str) -> None:
        super().__init__(title, lines)
        self._word, self._enter, self._back = word, enter, back

    def asked(self) -> ComposeResult:
        yield Block(lambda _: [Line(), Line(("why; kept for good", "muted"))], ground="surface")
        yield TextInput(id="reason")
        told = [Line(("type ", "muted"), (self._word, "bright"), (f" to {self._enter}", "muted"))]
        yield Block(lambda _: told, ground="surface")
        yield TypedInput(id="typed")
        yield Block(ground="surface", id="match")
        yield Block(footing(self._back, f"enter: {self._enter}"), ground="surface")

    def on_mount(self) -> None:
        self.query_one("#reason").focus()
        self._tell()

    def on_input_changed(self) -> None:
        self._tell()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id == "reason":
            self.set_focus(self.query_one("#typed"))  # at once: what is typed next belongs there
        elif self._reason and event.value == self._word:
            self.dismiss(self._reason)

    @property
    def _reason(self) -> str:
        return self.query_one("#reason", Input).value.strip()

    def _tell(self) -> None:
        typed = self.query_one("#typed", TypedInput).value
        missing = Line(("a reason is missing", "muted"))
        line = missing if typed == self._word and not self._reason else matching(typed, self._word)
        self.query_one("#match", Block).tell(lambda _: [line])


def cancel(page: RunPage, environment: str) -> GiveReason:
    """Asks before a run is ended."""
    return GiveReason(
        f"Cancel run {page.row.id}", _told(page, environment, _effects(page)), word="cancel", enter="cancel the run",
        back="let it run",
    )  # fmt: skip


def allow(page: RunPage, environment: str) -> GiveReason:
    """Asks before what a run found is allowed."""
    found = page.found
    assert found is not None  # noqa: S101 - asked only where something was found
    asks = dict(found.counts)[MARKS[Rule.ASK]]
    words = [
        f"It asks: {asks}.",
        f"{page.row.name} reads SAP and the model again. When it finds the same, it goes on and sends.",
        "When anything of it is different by then, it asks anew.",
        "This holds for one run. What was held up by this one starts after it.",
    ]
    shown = [one.words for one in found.first if one.mark is MARKS[Rule.ASK]]
    return GiveReason(
        f"Allow run {page.row.id}", _told(page, environment, [*words, "", *shown]), word="allow", enter="let it go on",
        back="leave it",
    )  # fmt: skip


def _told(page: RunPage, environment: str, words: Sequence[str]) -> Callable[[int], Sequence[Line]]:
    def lines(width: int) -> Sequence[Line]:
        head = Line((f"{page.row.name}, {page.row.mark.word}", "bright")).right(f" {environment} ", "word", width - 2)
        return [head, Line(), *(line for one in words for line in (wrap(one, width) if one else [Line()]))]

    return lines


def _effects(page: RunPage) -> list[str]:
    """What ending this run does, and what it does not."""
    if page.state is RunState.WAITING:
        return ["The run has not begun: nothing was read or sent, and nothing will be."]
    if page.row.serves.startswith("post"):
        return [
            "Posting ends between two documents: the one on its way is carried to its end, the others are not sent.",
            "What is posted stays posted. `P` or `proposals post` goes on with the rest.",
        ]
    task = "The Anaplan task is asked to stop; what it has loaded by then stays in the model." if page.task else ""
    words = ["Reading and sending end at once.", task, "The watermark does not move: the next run sends it all again."]
    return [one for one in words if one]


def rerun(page: RunPage, environment: str) -> Confirm:
    """Asks before the same is run once more."""
    again = page.again
    assert again is not None  # noqa: S101 - asked only where it can be
    how = "everything" if again.mode.value == "full" else "what has changed"
    if again.purpose is Purpose.POST:
        words = [
            "What got no clear answer is looked up in SAP first; what SAP holds is not sent again.",
            "What was not sent is checked and sent, if its approval still holds.",
        ]
    else:
        words = [
            f"{again.flow} runs again and reads {how}{', a dry run: nothing is sent' if again.dry_run else ''}.",
            "What Anaplan holds already is not sent again; the configuration of now counts, not that of then.",
        ]

    return Confirm(f"Run {page.row.id} again", _told(page, environment, words), word="run", enter="run it again")
