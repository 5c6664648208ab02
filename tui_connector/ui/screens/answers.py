"""One connection: what it answered each time it was pinged, and the checks of the answer under the cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll

from tui_connector.ui.draw import Col, Grid, Line, rule, wrap
from tui_connector.ui.export import Sheet
from tui_connector.ui.screens.base import ConsoleScreen
from tui_connector.ui.tenant_view import check_lines
from tui_connector.ui.widgets.block import Block, Panel
from tui_connector.ui.widgets.listing import Listing
from tui_connector.views.answers import read_answers
from tui_connector.views.words import moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from textual.app import ComposeResult

    from tui_connector.ui.draw import Cell, Part
    from tui_connector.views.answers import AnswerRow, Answers
    from tui_connector.views.desk import Desk

_COLUMNS = (
    Col("at", "when", 12),
    Col("latency", "latency", 8, right=True, gap=1),
    Col("words", "what was found", 22, grow=True, gap=2),
    Col("by", "asked by", 12, rank=1, role="muted"),
)


class AnswersScreen(ConsoleScreen["Answers"]):
    """See the module."""

    DEFAULT_CSS = """
    AnswersScreen #both { height: 1fr; }
    AnswersScreen #answers-panel { width: 1fr; }
    AnswersScreen #side { width: 1fr; scrollbar-size: 0 0; background: $ground; }
    AnswersScreen.-compact #both { layout: vertical; }
    AnswersScreen.-compact #answers-panel { height: 8; }
    AnswersScreen.-compact #side { width: 100%; height: 1fr; }
    """
    tab = "connections"
    about = "Every answer of one connection to a ping, newest first, with all that was looked at."
    writes: ClassVar[Sequence[Binding]] = (
        Binding("p", "ping", "ping", tooltip="let the worker reach this tenant now"),
    )
    bar: ClassVar[Sequence[tuple[str, str]]] = (
        ("↑↓", "move"), ("p", "ping"), ("e", "export"), ("esc", "back"),
    )  # fmt: skip

    def __init__(self, desk: Desk, connection: str) -> None:
        super().__init__(desk)
        self._connection = connection

    def body(self) -> ComposeResult:
        with Horizontal(id="both"):
            heads = Block(lambda width: [Grid(_COLUMNS, width, indent=4).head()])
            listing = Listing["AnswerRow"](self._row, key=lambda row: row.number, empty=self._empty, id="answers")
            yield Panel("Answers", heads, listing, id="answers-panel", classes="-fill")
            with VerticalScroll(id="side", can_focus=False):
                yield Block(self._checks, id="checks")

    def read(self) -> Answers:
        return read_answers(self.desk, self._connection)

    def show(self, model: Answers) -> None:
        panel = self.query_one("#answers-panel", Panel)
        panel.head.name_it("Answers", model.asked or ("newest first" if model.rows else ""))
        listing = self.query_one("#answers", Listing)
        listing.show_rows([row for row in model.rows if self.filter.casefold() in row.words.casefold()])
        self._show_checks()
        if self.focused is None and not self.prompt.asks:
            listing.focus()

    def path(self) -> Sequence[Part]:
        return (("Connections › ", "muted"), (self._connection, "ink"))

    def tick(self) -> None:
        if self.model is not None and self.model.asked:
            self.reread()

    def on_listing_moved(self) -> None:
        self._show_checks()

    def _show_checks(self) -> None:
        self.query_one("#checks", Block).tell(self._checks)

    def _row(self, row: AnswerRow, width: int, selected: bool) -> Line:
        at = moment(row.at, self.desk.clock.now(), self.desk.zone, seconds=True)
        cells: dict[str, Cell] = {
            "at": (at, "bright" if selected else "ink"), "latency": (row.latency, "muted"),
            "words": (row.words, "muted" if row.mark.role == "ok" else "ink"), "by": row.by,
        }  # fmt: skip
        return Grid(_COLUMNS, width, indent=4).line(cells, (row.mark.glyph, row.mark.role))

    def _empty(self, width: int) -> Sequence[Line]:
        if self.filter:
            return wrap(f"No answer has {self.filter}. esc clears the filter.", width, "muted")
        more = "" if self.desk.read_only else " p asks the worker to reach it."
        return wrap(f"{self._connection} was not pinged yet.{more}", width, "muted")

    def _checks(self, width: int) -> Sequence[Line]:
        row: AnswerRow | None = self.query_one("#answers", Listing).row if self.present else None
        if row is None:
            return []
        at = moment(row.at, self.desk.clock.now(), self.desk.zone, seconds=True)
        lines = [rule("What was found", f"at {at}", width, active=False)]
        for check in row.checks:
            lines += check_lines(check, width)
        if row.error:
            lines += [Line(), *wrap(row.error, width), *wrap(row.hint, width, "muted")]
        return lines

    def action_ping(self) -> None:
        acts = self.desk.acts
        if acts is not None and not (self.model and self.model.asked):

            def ask() -> str:
                acts.command("ping", self._connection, {})
                return f"Asked {self._connection}."

            self.do(ask)

    def one_id(self) -> str | None:
        return self._connection

    def sheet(self) -> Sheet | None:
        columns = ("answered", "asked_by", "state", "latency", "found", "error")
        return Sheet(f"answers-{self._connection}", columns, self._sheet_rows, self.filter)

    def _sheet_rows(self) -> Iterator[Mapping[str, Any]]:
        for row in read_answers(self.desk, self._connection).rows:
            if self.filter.casefold() in row.words.casefold():
                yield {
                    "answered": row.at, "asked_by": row.by, "state": row.mark.word, "latency": row.latency,
                    "found": row.words, "error": row.error,
                }  # fmt: skip
