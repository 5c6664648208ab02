"""One refused record in full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding
from textual.containers import VerticalScroll

from tui_connector.ui import rejecting
from tui_connector.ui.export import Sheet
from tui_connector.ui.screens.base import ConsoleScreen
from tui_connector.ui.widgets.block import Block
from tui_connector.views.refused import RefusedRecord, read_refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from tui_connector.domain.case import Place
    from tui_connector.ui.draw import Part
    from tui_connector.views.desk import Desk


class RejectRecordScreen(ConsoleScreen[RefusedRecord]):
    """See the module."""

    DEFAULT_CSS = """
    RejectRecordScreen #page { height: 1fr; background: $ground; scrollbar-size: 0 0; }
    """
    tab = "rejects"
    about = "One refused record: why, the values, what was said, where it is from, and what helps."
    BINDINGS: ClassVar[list[Any]] = [
        Binding("t", "trace", "trace", tooltip="the whole story of the record"),
    ]
    bar: ClassVar[Sequence[tuple[str, str]]] = (("esc", "back"), ("t", "trace"), ("e", "export"), ("y", "send id"))

    def __init__(self, desk: Desk, place: Place) -> None:
        super().__init__(desk)
        self._place = place

    def body(self) -> ComposeResult:
        with VerticalScroll(id="page"):
            yield Block(id="record")

    def read(self) -> RefusedRecord:
        return read_refused(self.desk, self._place)

    def show(self, model: RefusedRecord) -> None:
        self.query_one("#record", Block).tell(lambda width: rejecting.record_page(model, min(width, 160)))
        if self.focused is None:
            self.query_one("#page").focus()

    def path(self) -> Sequence[Part]:
        flow = self.model.flow if self.model else ""
        return (("Rejects", "muted"), (" › ", "muted"), (f"{flow} {self._place}".strip(), "ink"))

    def action_trace(self) -> None:
        if self.model is not None:
            key = self.model.key
            self.shell.go(f'about:"{key}"' if " " in key else f"about:{key}")

    def one_id(self) -> str | None:
        return self.model.key if self.model else None

    def sheet(self) -> Sheet | None:
        model = self.model
        if model is None:
            return None
        rows = [{"column": one.header, "value": one.value, "refused": one.refused} for one in model.sent]
        return Sheet(
            f"reject-{model.place.run_id}-{model.place.position}", ("column", "value", "refused"), lambda: rows
        )
