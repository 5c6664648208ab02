"""A list with a cursor, over rows in hand or over pages of the store; never more than a few screenfuls in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar, cast

from textual.binding import Binding
from textual.geometry import Region
from textual.message import Message

from tui_connector.ui.draw import Line, width_of
from tui_connector.ui.widgets.drawn import Drawn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Sequence

    from textual import events
    from textual.geometry import Size
    from textual.strip import Strip

Row = TypeVar("Row")
_KEPT = 4  # screenfuls


class Source(Protocol[Row]):
    """Rows by key-set pages, in the order shown; called in a thread.

    Fewer rows than asked for are the last ones, unless the source says it is `unfinished`: then it looks on when asked
    again.
    """

    def after(self, row: Row | None, count: int) -> Sequence[Row]:
        """The rows after one, nearest first; from the beginning with None."""

    def before(self, row: Row | None, count: int) -> Sequence[Row]:
        """The rows before one, in the order shown; from the end with None."""


class _Shell(Protocol):
    def in_thread(self, work: Callable[[], Any]) -> Awaitable[Any]: ...


class Listing(Drawn, Generic[Row], can_focus=True):
    """Rows of one line each.

    draw: a row as a line, for a width, selected or not. key: what tells a row from the others. selectable: whether the
    cursor may stand on it (heads of groups are no rows to open). empty: what is said when there is none.
    """

    DEFAULT_CSS = "Listing { height: 1fr; }"
    BINDINGS: ClassVar[list[Any]] = [
        Binding("up,k", "go(-1)", "move", show=False),
        Binding("down,j", "go(1)", "move", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "page", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "page", show=False),
        Binding("home,g", "edge(-1)", "first", show=False),
        Binding("end,G", "edge(1)", "last", show=False),
        Binding("enter", "choose", "open", show=False),
    ]

    class Told(Message):
        """Something about a row of a list."""

        def __init__(self, listing: Listing[Any], row: Any) -> None:
            super().__init__()
            self.listing = listing
            self.row = row

        @property
        def control(self) -> Listing[Any]:
            return self.listing

    class Moved(Told):
        """The cursor stands on another row."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, Listing.Moved) and message.listing is self.listing

    class Chosen(Told):
        """A row is to be opened."""

    def __init__(
        self,
        draw: Callable[[Row, int, bool], Line],
        *,
        key: Callable[[Row], Hashable],
        selectable: Callable[[Row], bool] = lambda _: True,
        empty: Callable[[int], Sequence[Line]] = lambda _: (),
        fit: bool = False,
        id: str | None = None,
        classes: str | None = None,
        ground: str = "ground",
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.ground = ground
        self._draw, self._key, self._selectable, self._empty = draw, key, selectable, empty
        self._fit = fit
        if fit:
            self.styles.height = "auto"
        self._source: Source[Row] | None = None
        self._rows: list[Row] = []
        self._top = self._at = 0
        self._more = (False, False)  # whether the source has rows before and after those in hand
        self._asking = False
        self._wish = 0  # rows to move on once asked-for ones have come
        self._loaded = False

    # --- what it shows ------------------------------------------------------------------------------------------

    @property
    def rows(self) -> Sequence[Row]:
        """The rows in hand."""
        return self._rows

    @property
    def row(self) -> Row | None:
        """The row under the cursor."""
        return self._rows[self._at] if self._rows and self._selectable(self._rows[self._at]) else None

    @property
    def index(self) -> int:
        """Where the cursor stands among the rows in hand."""
        return self._at

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Show rows that are all in hand; the cursor stays on the row it is on."""
        self._source = None
        self._take(list(rows), (False, False))

    async def show_around(self, source: Source[Row], row: Row) -> None:
        """Show pages of a source around one of its rows, with the cursor on that."""
        self._source, self._loaded = source, False
        count = self._screenful * 2
        before, after = await self._in_thread(lambda: (source.before(row, count), source.after(row, count)))
        if source is self._source:
            self._at = len(before)
            more = _goes_on(source, before, count), _goes_on(source, after, count)
            self._take([*before, row, *after], more, keep=False)

    async def show_source(self, source: Source[Row], *, last: bool = False) -> None:
        """Show pages of a source, from its beginning or its end."""
        self._source, self._loaded = source, False
        count = self._screenful * 2
        ask = source.before if last else source.after
        rows = list(await self._in_thread(lambda: ask(None, count)))
        if source is self._source:
            self._at = 0
            self._take(rows, (last, not last) if _goes_on(source, rows, count) else (False, False), keep=False)
            if last:
                self.move_to(len(self._rows) - 1)

    async def reload(self) -> None:
        """Ask the source anew for what is in hand; the cursor stays where it is."""
        source = self._source
        if source is None or self._asking:
            return
        first = self._rows[0] if self._rows and self._more[0] else None
        count = max(len(self._rows), self._screenful * 2)
        rows = list(await self._in_thread(lambda: source.after(first, count)))
        if source is self._source:
            kept = [first, *rows] if first is not None else rows
            self._take(cast("list[Row]", kept), (self._more[0], _goes_on(source, rows, count)))

    async def grow(self) -> None:
        """Ask for what comes after the rows in hand, when the source may have more."""
        if self._source is not None and self._more[1] and not self._asking:
            self._asking, first = True, not self._rows
            await self._ask(forward=True)
            if first:
                self.move_to(0)

    def find(self, key: Hashable) -> bool:
        """Put the cursor on the row of this key; False when it is not in hand."""
        for index, row in enumerate(self._rows):
            if self._key(row) == key:
                self.move_to(index)
                return True
        return False

    def move_to(self, index: int) -> None:
        """Put the cursor on a row in hand."""
        if not self._rows:
            return
        forward = index >= self._at
        index = self._nearest(max(0, min(index, len(self._rows) - 1)), forward=forward)
        before, top = self._at, self._top
        moved = index != before
        self._at = index
        self._scroll()
        if self._top == top:
            self.refresh(*(Region(0, at - top, self.size.width, 1) for at in (before, index)))
        else:
            self.refresh()
        if moved:
            self._tell()
        self._prefetch()

    # --- keys and mouse -------------------------------------------------------------------------------------------

    def action_go(self, by: int) -> None:
        target = self._at + by
        if (target < 0 and self._more[0]) or (target >= len(self._rows) and self._more[1]):
            self._wish += by
            self._prefetch()
            return
        self.move_to(target)

    def action_page(self, pages: int) -> None:
        self.action_go(pages * max(self.size.height - 1, 1))

    async def action_edge(self, side: int) -> None:
        source = self._source
        if source is not None and (side < 0 or self._more[1]):  # the first ones anew, with those that came since
            await self.show_source(source, last=side > 0)
        self.move_to(0 if side < 0 else len(self._rows) - 1)

    def action_choose(self) -> None:
        if self.row is not None:
            self.post_message(self.Chosen(self, self.row))

    def on_click(self, event: events.Click) -> None:
        index = self._top + event.y
        if index < len(self._rows) and self._selectable(self._rows[index]):
            again = index == self._at
            self.move_to(index)
            if again or event.chain > 1:
                self.action_choose()

    def on_mouse_scroll_down(self) -> None:
        self.action_go(3)

    def on_mouse_scroll_up(self) -> None:
        self.action_go(-3)

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def on_resize(self) -> None:
        self._scroll()
        self.refresh()
        self._prefetch()

    # --- drawing ------------------------------------------------------------------------------------------------

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._rows) or len(list(self._empty(width))) or 1

    def render_line(self, y: int) -> Strip:
        if not self._rows:
            lines = list(self._empty(self.size.width)) if self._loaded else []
            return self.draw(lines[y] if y < len(lines) else Line())
        index = self._top + y
        if index >= len(self._rows):
            return self.draw(Line())
        row = self._rows[index]
        selected = index == self._at and self._selectable(row)
        line = self._draw(row, self.size.width, selected)
        if not selected:
            return self.draw(line)
        marked = Line(("▌", "accent" if self.has_focus else "muted"), indent=0)
        for index, (text, role) in enumerate(line.parts):
            marked.put(text if index else " " * (width_of(text[:1]) - 1) + text[1:], role)
        return self.draw(marked, "raised")

    # --- the window over the rows -------------------------------------------------------------------------------

    @property
    def _screenful(self) -> int:
        return max(self.size.height, 24)

    def _take(self, rows: list[Row], more: tuple[bool, bool], *, keep: bool = True) -> None:
        current = self._key(self._rows[self._at]) if keep and self._rows and self._at < len(self._rows) else None
        offset = self._at - self._top
        grown = len(rows) != len(self._rows)
        self._rows, self._more, self._loaded = rows, more, True
        found = next((i for i, row in enumerate(rows) if self._key(row) == current), None) if current else None
        if found is not None:
            self._at = found
            self._top = max(0, found - offset)
        else:
            self._at = min(self._at, max(len(rows) - 1, 0))
        if rows:
            self._at = self._nearest(self._at, forward=True)
        self._scroll()
        self.refresh(layout=self._fit and grown)
        self._tell()

    def _nearest(self, index: int, *, forward: bool) -> int:
        steps = (1, -1) if forward else (-1, 1)
        for step in steps:
            at = index
            while 0 <= at < len(self._rows):
                if self._selectable(self._rows[at]):
                    return at
                at += step
        return index

    def _scroll(self) -> None:
        height = max(self.size.height, 1)
        if self._at < self._top:
            self._top = self._at
        elif self._at >= self._top + height:
            self._top = self._at - height + 1
        self._top = max(0, min(self._top, max(len(self._rows) - height, 0)))
        while self._top and self._at - self._top + 1 < height and not self._selectable(self._rows[self._top - 1]):
            self._top -= 1  # the head of a group stays with its first row

    def _tell(self) -> None:
        if self.is_attached:
            self.post_message(self.Moved(self, self.row))

    def _prefetch(self) -> None:
        if self._source is None or self._asking:
            return
        near = self._screenful
        if self._more[1] and (self._at + near >= len(self._rows) or self._wish > 0):
            self._asking = True
            self.run_worker(self._ask(forward=True), exclusive=False)
        elif self._more[0] and (self._at - near < 0 or self._wish < 0):
            self._asking = True
            self.run_worker(self._ask(forward=False), exclusive=False)

    async def _ask(self, *, forward: bool) -> None:
        source, count = self._source, self._screenful * 2
        assert source is not None  # noqa: S101 - only asked for while there is one
        try:
            edge = self._rows[-1 if forward else 0] if self._rows else None
            ask = source.after if forward else source.before
            rows = list(await self._in_thread(lambda: ask(edge, count)))
        finally:
            self._asking = False
        if source is not self._source:
            return
        if forward:
            self._rows += rows
            self._more = (self._more[0], _goes_on(source, rows, count))
            spare = min(len(self._rows) - _KEPT * count, self._top)
            if spare > 0:
                del self._rows[:spare]
                self._at, self._top, self._more = self._at - spare, self._top - spare, (True, self._more[1])
        else:
            self._rows[:0] = rows
            self._at, self._top = self._at + len(rows), self._top + len(rows)
            self._more = (_goes_on(source, rows, count), self._more[1])
            if len(self._rows) > _KEPT * count:
                del self._rows[max(_KEPT * count, self._top + count) :]
                self._more = (self._more[0], True)
        wish, self._wish = self._wish, 0
        if wish:
            self.action_go(wish)
        self.refresh()

    def _in_thread(self, work: Callable[[], Any]) -> Awaitable[Any]:
        return cast("_Shell", self.app).in_thread(work)


def _goes_on(source: object, rows: Sequence[object], count: int) -> bool:
    """Whether there may be more rows than these, of which so many were asked for."""
    return len(rows) >= count or bool(getattr(source, "unfinished", False))
