"""A screen of what a run keeps under numbers: words above, the rows, below them what the one under the cursor says."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Generic, Protocol, TypeVar

from tui_connector.ui.draw import Line, wrap
from tui_connector.ui.screens.base import ConsoleScreen, only_newest
from tui_connector.ui.widgets.block import Block, Panel
from tui_connector.ui.widgets.listing import Listing
from tui_connector.views.numbered import Numbered
from tui_connector.views.words import sentence

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from textual.app import ComposeResult

    from tui_connector.ui.draw import Part
    from tui_connector.views.desk import Desk
    from tui_connector.views.numbered import NumberedList

Model = TypeVar("Model")
Row = TypeVar("Row", bound=Numbered)
Row_contra = TypeVar("Row_contra", bound=Numbered, contravariant=True)


class RowTable(Protocol[Row_contra]):
    """Rows drawn in columns as wide as they need."""

    def head(self) -> Line: ...
    def line(self, row: Row_contra, *, selected: bool) -> Line: ...


class NumberedScreen(ConsoleScreen[Model], Generic[Model, Row]):
    """See the module. titled: the panel's name. none, unmatched: what stands there without rows, and under a filter."""

    DEFAULT_CSS = "NumberedScreen #about { height: auto; }"
    tab = "runs"
    titled: ClassVar[str]
    none: ClassVar[str]
    unmatched: ClassVar[str]

    def __init__(self, desk: Desk, number: int) -> None:
        super().__init__(desk)
        self.number = number
        self._shown: str | None = None  # the filter under which rows are shown

    @abstractmethod
    def rows(self, word: str = "") -> NumberedList[Any, Row]:
        """All of the run, or those that hold a word."""

    @abstractmethod
    def how_many(self, model: Model) -> str:
        """How many there are, in words."""

    @abstractmethod
    def above(self, model: Model, width: int) -> Sequence[Line]:
        """What stands above."""

    @abstractmethod
    def table(self, width: int) -> RowTable[Row]:
        """The columns at this width."""

    @abstractmethod
    def told(self, row: Row) -> tuple[str, str]:
        """What the row says in one line, and what is to be said of it besides."""

    def body(self) -> ComposeResult:
        yield Block(id="sentence")
        rows = Listing[Row](self._line, key=lambda row: row.number, empty=self._empty, id="rows")
        yield Panel(self.titled, Block(id="heads"), rows, id="panel", classes="-fill")
        yield Block(self._about, id="about")

    def show(self, model: Model) -> None:
        self.query_one("#sentence", Block).tell(lambda width: self.above(model, width))
        self.query_one("#panel", Panel).head.name_it(self.titled, self.filter or self.how_many(model))
        self.query_one("#heads", Block).tell(lambda width: [self.table(width).head()])
        if self._shown != self.filter:  # what is kept with a run does not change
            self._shown = self.filter
            only_newest(self, "list", self._list)

    async def _list(self) -> None:
        await self.query_one("#rows", Listing).show_source(self.rows(self.filter))

    def path(self) -> Sequence[Part]:
        return (("Runs › ", "muted"), (f"run {self.number} › ", "muted"), (self.titled, "ink"))

    def one_id(self) -> str | None:
        return str(self.number)

    def on_listing_moved(self) -> None:
        self.query_one("#about", Block).tell(self._about)

    def selected(self) -> Row | None:
        """The row under the cursor."""
        row: Row | None = self.query_one("#rows", Listing).row if self.is_mounted else None
        return row

    def _line(self, row: Row, width: int, selected: bool) -> Line:
        return self.table(width).line(row, selected=selected)

    def _about(self, width: int) -> Sequence[Line]:
        row = self.selected()
        if row is None:
            return [Line()]
        told, besides = self.told(row)
        return [Line(), *wrap(told, width, "ink"), *(wrap(sentence(besides), width, "muted") if besides else [])]

    def _empty(self, width: int) -> Sequence[Line]:
        if self.filter:
            return wrap(f"{self.unmatched} {self.filter}. esc clears the filter.", width, "muted")
        if self.model is None:
            return [Line(("reading…", "muted"))]
        return wrap(self.none, width, "muted")
