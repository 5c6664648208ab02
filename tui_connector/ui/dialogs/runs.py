"""What is asked before a run is ended or run again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import Input

from tui_connector.domain.run import Purpose, RunState
from tui_connector.ui.dialogs.base import Confirm, Dialog, TypedInput, footing, matching
from tui_connector.ui.draw import Line, wrap
from tui_connector.ui.widgets.block import Block
from tui_connector.ui.widgets.text_input import TextInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from tui_connector.views.run_page import RunPage

_WORD = "cancel"


class CancelRun(Dialog[str]):
    """Answers the reason, once the word is typed."""

    def __init__(self, page: RunPage, environment: str) -> None:
        super().__init__(f"Cancel run {page.row.id}", self._effect)
        self._page, self._environment = page, environment

    def _effect(self, width: int) -> Sequence[Line]:
        page = self._page
        lines = [Line((f"{page.row.name}, {page.row.mark.word}", "bright")).right(
            f" {self._environment} ", "word", width - 2
        ), Line()]  # fmt: skip
        return [*lines, *(line for words in _effects(page) for line in wrap(words, width))]

    def asked(self) -> ComposeResult:
        yield Block(lambda _: [Line(), Line(("why; kept for good", "muted"))], ground="surface")
        yield TextInput(id="reason")
        told = [Line(("type ", "muted"), (_WORD, "bright"), (" to end the run", "muted"))]
        yield Block(lambda _: told, ground="surface")
        yield TypedInput(id="typed")
        yield Block(ground="surface", id="match")
        yield Block(footing("let it run", "enter: cancel the run"), ground="surface")

    def on_mount(self) -> None:
        self.query_one("#reason").focus()
        self._tell()

    def on_input_changed(self) -> None:
        self._tell()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id == "reason":
            self.set_focus(self.query_one("#typed"))  # at once: what is typed next belongs there
        elif self._reason and event.value == _WORD:
            self.dismiss(self._reason)

    @property
    def _reason(self) -> str:
        return self.query_one("#reason", Input).value.strip()

    def _tell(self) -> None:
        typed = self.query_one("#typed", TypedInput).value
        missing = Line(("a reason is missing", "muted"))
        line = missing if typed == _WORD and not self._reason else matching(typed, _WORD)
        self.query_one("#match", Block).tell(lambda _: [line])


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

    def lines(width: int) -> Sequence[Line]:
        head = Line((f"{page.row.name}, {page.row.mark.word}", "bright")).right(f" {environment} ", "word", width - 2)
        return [head, Line(), *(line for one in words for line in wrap(one, width))]

    return Confirm(f"Run {page.row.id} again", lines, word="run", enter="run it again")
