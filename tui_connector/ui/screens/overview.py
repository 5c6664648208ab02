"""Overview: is anything mine, what runs, what comes next."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tui_connector.domain.run import RunState
from tui_connector.ui.draw import Col, Grid, Line, wrap
from tui_connector.ui.screens.base import ConsoleScreen
from tui_connector.ui.widgets.block import Block, Panel
from tui_connector.ui.widgets.listing import Listing
from tui_connector.views.words import moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from tui_connector.domain.flow import Flow
    from tui_connector.domain.run import Run

_COLUMNS = (
    Col("flow", "flow", 20, grow=True),
    Col("ran", "ran", 9, rank=1),
    Col("result", "result", 16),
    Col("records", "records", 10, right=True),
    Col("rejected", "rejected", 8, right=True, rank=2),
)
_Row = tuple["Flow", "Run | None"]


class OverviewScreen(ConsoleScreen[list[_Row]]):
    """See the module."""

    tab = "overview"
    about = "What needs a person, what runs now, how each flow last went, and what is due next."
    bar: ClassVar[Sequence[tuple[str, str]]] = (
        ("↑↓", "move"), ("enter", "open"), ("1-7", "screens"), (":", "go to"), ("/", "filter"),
    )  # fmt: skip

    def body(self) -> ComposeResult:
        yield Block(id="sentence")
        listing = Listing[_Row](self._line, key=lambda row: row[0].name, empty=self._empty, id="flows")
        yield Panel("Flows", Block(lambda width: [Grid(_COLUMNS, width).head()]), listing, id="table", classes="-fill")

    def read(self) -> list[_Row]:
        return [(flow, self.desk.store.runs.latest(flow.name)) for flow in self.desk.flows]

    def show(self, model: list[_Row]) -> None:
        running = sum(run is not None and run.state is RunState.RUNNING for _, run in model)
        self.query_one("#sentence", Block).tell(
            lambda width: [*wrap(f"{running} of {len(model)} flows run now.", width, "bright"), Line()]
        )
        self.query_one("#flows", Listing).show_rows(model)

    def _line(self, row: _Row, width: int, selected: bool) -> Line:
        flow, run = row
        now, zone = self.desk.clock.now(), self.desk.zone
        cells = {"flow": (flow.name, "bright" if selected else "ink")}
        if run is not None:
            cells |= {
                "ran": (moment(run.started_at, now, zone), "muted"),
                "result": (run.state.value, "ink"),
                "records": (f"{run.counts.loaded:,}", "ink"),
                "rejected": (f"{run.counts.rejected:,}", "warn" if run.counts.rejected else "muted"),
            }
        return Grid(_COLUMNS, width).line(cells)

    def _empty(self, width: int) -> Sequence[Line]:
        return [Line(("No flow is declared. config.toml names them.", "muted"))]
