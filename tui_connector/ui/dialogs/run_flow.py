"""Asks which flow to run, and how much of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding

from tui_connector.domain.flow import WritebackFlow
from tui_connector.domain.run import ReadMode, RunRequest
from tui_connector.ui.dialogs.base import Dialog, footing
from tui_connector.ui.draw import Line, wrap
from tui_connector.ui.widgets.block import Block
from tui_connector.ui.widgets.listing import Listing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from tui_connector.domain.flow import Flow

_TOLD = "A worker takes it up as soon as its model is free; flows before it are not run."
_WAYS = (
    ("changes", "what has changed since the last good run"),
    ("everything", "everything is read and sent again, also what Anaplan holds already"),
    ("dry run", "as changes, but nothing is sent to Anaplan"),
)
_WRITEBACK = (
    ("changes", "the plan is exported; an unchanged one makes no new proposal"),
    ("everything", "the plan is exported and proposed again, also when it has not changed"),
    ("dry run", "the plan is exported and judged; nothing is proposed"),
)


class RunFlow(Dialog[RunRequest]):
    """Answers what to ask the worker for; nothing is asked for here."""

    DEFAULT_CSS = "RunFlow Listing { max-height: 12; background: $side; }"
    BINDINGS: ClassVar[list[Any]] = [Binding("space", "way", "how much", show=False)]

    def __init__(self, flows: Sequence[Flow], first: str = "") -> None:
        super().__init__("Run a flow", lambda width: wrap(_TOLD, width))
        self._flows, self._first, self._way = flows, first, 0

    def asked(self) -> ComposeResult:
        yield Block(lambda _: [Line()], ground="surface")
        yield Listing(self._draw, key=lambda flow: flow.name, fit=True, id="choices", ground="surface")
        yield Block(self._said, ground="surface", id="way")
        yield Block(footing("go back", "space: how much   enter: run it"), ground="surface")

    def on_mount(self) -> None:
        listing = self.query_one("#choices", Listing)
        listing.show_rows(self._flows)
        listing.find(self._first)
        listing.focus()

    def _draw(self, flow: Flow, width: int, selected: bool) -> Line:
        line = Line((flow.name, "bright" if selected else "ink"))
        return line.to(24).put(flow.title, "muted", limit=max(width - 26, 0))

    def _said(self, width: int) -> Sequence[Line]:
        flow = self.query_one("#choices", Listing).row
        word, what = (_WRITEBACK if isinstance(flow, WritebackFlow) else _WAYS)[self._way]
        told = wrap(what, width, indent=2)
        return [Line(), Line(("how much  ", "muted"), (word, "bright")), *told]

    def action_way(self) -> None:
        self._way = (self._way + 1) % len(_WAYS)
        self.query_one("#way", Block).tell(self._said)

    def on_listing_moved(self) -> None:
        self.query_one("#way", Block).tell(self._said)

    def on_listing_chosen(self, event: Listing.Chosen) -> None:
        mode = ReadMode.FULL if self._way == 1 else ReadMode.DELTA
        self.dismiss(RunRequest(event.row.name, mode, dry_run=self._way == 2))
