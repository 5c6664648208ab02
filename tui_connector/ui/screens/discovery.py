"""What an Anaplan workspace and model offer to this user, as the worker found it; and which flows use what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding

from tui_connector.ui.draw import Col, Grid, Line, wrap
from tui_connector.ui.export import Sheet
from tui_connector.ui.screens.base import ConsoleScreen
from tui_connector.ui.widgets.block import Block, Panel
from tui_connector.ui.widgets.listing import Listing
from tui_connector.views.answers import KINDS, read_discovery
from tui_connector.views.words import moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from textual.app import ComposeResult

    from tui_connector.ui.draw import Cell, Part
    from tui_connector.views.answers import Discovery, FoundRow
    from tui_connector.views.desk import Desk

_COLUMNS = (
    Col("kind", "kind", 9, role="muted"),
    Col("name", "name", 28, grow=True),
    Col("used", "used by", 26, rank=1, role="muted"),
    Col("id", "id", 34, rank=2, role="muted"),
)


class DiscoveryScreen(ConsoleScreen["Discovery"]):
    """See the module."""

    tab = "connections"
    about = "Models, imports, exports, processes, actions and files that this user may see in Anaplan."
    writes: ClassVar[Sequence[Binding]] = (
        Binding("l", "look", "look again", tooltip="let the worker look into the model now"),
    )
    bar: ClassVar[Sequence[tuple[str, str]]] = (
        ("↑↓", "move"), ("l", "look again"), ("/", "filter"), ("y", "send id"), ("e", "export"), ("esc", "back"),
    )  # fmt: skip

    def __init__(self, desk: Desk, connection: str) -> None:
        super().__init__(desk)
        self._connection = connection
        self._asked_once = False

    def body(self) -> ComposeResult:
        yield Block(id="sentence")
        heads = Block(
            lambda width: [Grid(_COLUMNS, width).head()] if self.model and self.model.rows else [], id="heads"
        )
        listing = Listing["FoundRow"](self._row, key=lambda row: (row.kind, row.id), empty=self._empty, id="found")
        yield Panel("What it offers", heads, listing, id="found-panel", classes="-fill")

    def read(self) -> Discovery:
        return read_discovery(self.desk, self._connection)

    def show(self, model: Discovery) -> None:
        self.query_one("#sentence", Block).tell(lambda width: self._sentence(model, width))
        self.query_one("#heads", Block).tell(lambda width: [Grid(_COLUMNS, width).head()] if model.rows else [])
        rows = self._shown(model)
        found = moment(model.found_at, model.at, self.desk.zone, seconds=True) if model.found_at else ""
        note = (
            f"{len(rows)} of {len(model.rows)} with {self.filter}"
            if self.filter
            else f"found at {found}"
            if found
            else ""
        )
        self.query_one("#found-panel", Panel).head.name_it("What it offers", note)
        listing = self.query_one("#found", Listing)
        listing.show_rows(rows)
        if self.focused is None and not self.prompt.asks:
            listing.focus()
        if model.found_at is None and not model.asked and not self._asked_once and not self.desk.read_only:
            self.action_look()  # nobody has looked yet: whoever opens this wants to see it

    def _shown(self, model: Discovery) -> Sequence[FoundRow]:
        words = self.filter.casefold().split()
        return [row for row in model.rows if all(w in f"{row.kind} {row.name} {row.used_by}".casefold() for w in words)]

    def tick(self) -> None:
        if self.model is not None and self.model.asked:
            self.reread()

    def path(self) -> Sequence[Part]:
        return (("Connections › ", "muted"), (self._connection, "ink"), (" › ", "muted"), ("what it offers", "ink"))

    def filter_words(self) -> Sequence[str]:
        return KINDS

    def _sentence(self, model: Discovery, width: int) -> Sequence[Line]:
        lines = [Line()] if self.short else []
        lines += wrap(model.sentence, width, "bright")
        if model.error:
            lines += [*wrap(f"{model.error}. {model.hint}", width, "fail")]
        told = model.asked or "As this user sees it: what Anaplan hides from a user is not among it."
        return [*lines, *wrap(told, width, "accent" if model.asked else "muted"), Line()]

    def _row(self, row: FoundRow, width: int, selected: bool) -> Line:
        cells: dict[str, Cell] = {
            "kind": row.kind, "name": (row.name, "bright" if selected else "ink"),
            "used": row.used_by or "–", "id": row.id,
        }  # fmt: skip
        return Grid(_COLUMNS, width).line(cells)

    def _empty(self, width: int) -> Sequence[Line]:
        if self.filter:
            return wrap(f"Nothing has {self.filter}. esc clears the filter.", width, "muted")
        if self.model and self.model.asked:
            return wrap("What the worker finds stands here in a moment.", width, "muted")
        more = "" if self.desk.read_only else " l asks the worker to look."
        return wrap(f"Nothing is known of it yet.{more}", width, "muted")

    def action_look(self) -> None:
        self._asked_once = True
        self.run_worker(self._look())

    async def _look(self) -> None:
        acts = self.desk.acts
        if acts is not None and not (self.model and self.model.asked):
            await self.act(lambda: acts.command("discover", self._connection, {}))

    def one_id(self) -> str | None:
        row: FoundRow | None = self.query_one("#found", Listing).row
        return row.id if row else None

    def sheet(self) -> Sheet | None:
        columns = ("kind", "name", "id", "used_by")
        return Sheet(f"discovery-{self._connection}", columns, self._sheet_rows, self.filter)

    def _sheet_rows(self) -> Iterator[Mapping[str, Any]]:
        for row in self._shown(read_discovery(self.desk, self._connection)):
            yield {"kind": row.kind, "name": row.name, "id": row.id, "used_by": row.used_by}
