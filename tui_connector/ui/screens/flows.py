"""Flows: each declaration with its schedule, how it last went, what it reads and where that lands."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll

from tui_connector.review.amounts import counted
from tui_connector.ui.dialogs.base import AskText, Confirm
from tui_connector.ui.draw import Col, Grid, Line, wrap
from tui_connector.ui.export import Sheet
from tui_connector.ui.flow_view import flow_block, flow_row
from tui_connector.ui.screens.asking import ask_run
from tui_connector.ui.screens.base import ConsoleScreen
from tui_connector.ui.widgets.block import Block, Panel
from tui_connector.ui.widgets.listing import Listing
from tui_connector.views import pausing
from tui_connector.views.flows import FlowPage, read_flow_pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from textual.app import ComposeResult

    from tui_connector.ui.draw import Part
    from tui_connector.views.desk import Desk
    from tui_connector.views.flows import Flows

_NARROW = (
    Col("flow", "flow", 17, grow=True),
    Col("result", "result", 14),
    Col("next", "next", 12, right=True, gap=1),
)
_WIDE = (
    Col("flow", "flow", 18, grow=True),
    Col("ran", "ran", 9, rank=1),
    Col("result", "result", 15),
    Col("records", "records", 9, right=True, rank=2),
    Col("schedule", "schedule", 12, rank=3),
    Col("next", "next", 13, right=True),
)
_LIST = 50


class FlowActs(ConsoleScreen["Flows"]):
    """What can be done with a flow, on the list and on its page."""

    tab = "flows"
    writes: ClassVar[Sequence[Binding]] = (
        Binding("r", "run_flow", "run a flow…", tooltip="choose how much of it, and let the worker run it now"),
        Binding("H", "pause", "pause the schedule…", tooltip="let a flow not start by itself, or start again"),
    )

    @property
    def chosen(self) -> FlowPage | None:
        """The flow under the cursor."""
        raise NotImplementedError

    def read(self) -> Flows:
        return read_flow_pages(self.desk)

    def action_run_flow(self) -> None:
        ask_run(self, self.chosen.name if self.chosen else "")

    def action_pause(self) -> None:
        page = self.chosen
        if page is None:
            self.say("No flow is selected.", "warn")
        elif not page.schedule:
            self.say(f"{page.name} is on no schedule: it starts only when somebody asks.", "warn")
        elif page.paused:
            dialog = Confirm(f"Resume {page.name}", partial(self._told, page), word=page.name, enter="resume it")
            self.app.push_screen(dialog, lambda sure: self._do(partial(pausing.resume, self.desk, page.name), sure))
        else:
            title = f"Pause the schedule of {page.name}"
            ask = AskText(title, partial(self._told, page), label="why", enter="enter: pause it")
            self.app.push_screen(
                ask, lambda why: self._do(partial(pausing.pause, self.desk, page.name, why or ""), why)
            )

    def _told(self, page: FlowPage, width: int) -> Sequence[Line]:
        head = Line((page.row.title, "bright")).right(f" {self.desk.environment} ", "word", width - 2)
        return [head, *wrap(pausing.effect(page), width)]

    def _do(self, work: Callable[[], str], wanted: object) -> None:
        if wanted:
            self.do(work)

    def one_id(self) -> str | None:
        return self.chosen.name if self.chosen else None


class FlowsScreen(FlowActs):
    """See the module."""

    DEFAULT_CSS = f"""
    FlowsScreen #both {{ height: 1fr; }}
    FlowsScreen #flows-panel {{ width: {_LIST}; }}
    FlowsScreen #side {{ width: 1fr; height: 1fr; }}
    FlowsScreen #page {{ height: 1fr; scrollbar-size: 0 0; background: $ground; }}
    FlowsScreen #page:focus {{ background: $ground; }}
    FlowsScreen.-compact #side {{ display: none; }}
    FlowsScreen.-compact #flows-panel {{ width: 1fr; }}
    """
    about = "Every flow in running order: its schedule, how it last went, what it reads and where that lands."
    bar: ClassVar[Sequence[tuple[str, str]]] = (
        ("↑↓", "move"), ("tab", "next panel"), ("enter", "open"), ("r", "run a flow…"),
        ("H", "pause the schedule…"), ("/", "filter"), ("e", "export"),
    )  # fmt: skip

    def body(self) -> ComposeResult:
        yield Block(id="sentence")
        with Horizontal(id="both"):
            heads = Block(lambda width: [self._grid(width).head()], id="heads")
            listing = Listing["FlowPage"](self._row, key=lambda page: page.name, empty=self._empty, id="flows")
            yield Panel("Flows", heads, listing, note="in running order", id="flows-panel", classes="-fill")
            with Vertical(id="side"):
                with VerticalScroll(id="page"):
                    yield Block(self._page, id="flow")
                yield Block(self._more, id="more")

    def on_mount(self) -> None:
        self.watch(self.query_one("#page"), "scroll_y", self._tell_more, init=False)

    def on_descendant_focus(self) -> None:
        self._tell_more()

    def _tell_more(self) -> None:
        self.query_one("#more", Block).tell(self._more)

    def _more(self, width: int) -> Sequence[Line]:
        """How much of the page lies below, and how to get there."""
        page = self.query_one("#page")
        left = len(self._page(page.size.width)) - page.size.height - round(page.scroll_y) if page.size.width else 0
        if left <= 0:
            return [Line()]
        how = "↓" if page.has_focus else "tab, then ↓"
        return [Line(("▾ ", "muted"), (f"{counted(left, 'line')} more: {how}", "muted"))]

    def show(self, model: Flows) -> None:
        self.query_one("#sentence", Block).tell(lambda width: self._sentence(model, width))
        word = self.filter.casefold()
        pages = [one for one in model.pages if word in f"{one.name} {one.row.title} {one.row.mark.word}".casefold()]
        note = f"{len(pages)} of {len(model.pages)} with {self.filter}" if word else "in running order"
        self.query_one("#flows-panel", Panel).head.name_it("Flows", note)
        self.query_one("#heads", Block).tell(lambda width: [self._grid(width).head()])
        listing = self.query_one("#flows", Listing)
        listing.show_rows(pages)
        self.query_one("#flow", Block).tell(self._page)
        self.call_after_refresh(self._tell_more)
        if self.focused is None and not self.prompt.asks:
            listing.focus()

    @property
    def chosen(self) -> FlowPage | None:
        row: FlowPage | None = self.query_one("#flows", Listing).row
        return row

    def path(self) -> Sequence[Part]:
        chosen = self.chosen
        return (
            ("Flows", "muted"),
            *((((" › ", "muted"), (chosen.name, "ink"))) if chosen and not self.compact else ()),
        )

    def _sentence(self, model: Flows, width: int) -> Sequence[Line]:
        lines = wrap(model.sentence, width, "bright")
        if self.short:
            return [Line(), *lines, Line()]
        return [*lines, *wrap(model.beside, width, "muted"), Line()]

    def _grid(self, width: int) -> Grid:
        return Grid(_WIDE if self.compact else _NARROW, width)

    def _row(self, page: FlowPage, width: int, selected: bool) -> Line:
        return flow_row(page, self._grid(width), self.desk.clock.now(), self.desk.zone, selected=selected)

    def _empty(self, width: int) -> Sequence[Line]:
        told = f"No flow has {self.filter}. esc clears the filter." if self.filter else "config.toml names them."
        return wrap(told, width, "muted")

    def _page(self, width: int) -> Sequence[Line]:
        page = self.chosen if self.present else None
        return flow_block(page, self.desk.clock.now(), self.desk.zone, width) if page else []

    def on_listing_moved(self) -> None:
        self.query_one("#flow", Block).tell(self._page)
        self.query_one("#page", VerticalScroll).scroll_home(animate=False)
        self.call_after_refresh(self._tell_more)
        self.top.path = self.path()
        self.top.refresh()

    def on_listing_chosen(self, event: Listing.Chosen) -> None:
        page: FlowPage = event.row
        if self.compact:
            self.app.push_screen(FlowScreen(self.desk, page.name))
        elif page.row.last is not None:
            self.shell.go(str(page.row.last.id))
        else:
            self.say(f"{page.name} never ran.", "warn")

    def sheet(self) -> Sheet | None:
        columns = (
            "flow",
            "title",
            "schedule",
            "paused",
            "next",
            "watermark",
            "last_run",
            "result",
            "reads",
            "lands_in",
        )
        return Sheet("flows", columns, self._sheet_rows, self.filter)

    def _sheet_rows(self) -> Iterator[Mapping[str, Any]]:
        word = self.filter.casefold()
        for page in read_flow_pages(self.desk).pages:
            if word in f"{page.name} {page.row.title} {page.row.mark.word}".casefold():
                last = page.row.last
                yield {
                    "flow": page.name, "title": page.row.title, "schedule": page.schedule, "paused": page.paused,
                    "next": page.next, "watermark": page.watermark, "last_run": last.id if last else None,
                    "result": page.row.mark.word, "reads": "; ".join(" ".join(one) for one in page.reads),
                    "lands_in": "; ".join(" ".join(one) for one in page.lands),
                }  # fmt: skip


class FlowScreen(FlowActs):
    """One flow's page, where there is no room for it beside the list."""

    DEFAULT_CSS = """
    FlowScreen #page { height: 1fr; scrollbar-size: 0 0; background: $ground; }
    """
    about = "One flow: its schedule, how it last went, what it reads, where that lands, and column by column."
    BINDINGS: ClassVar[list[Any]] = [Binding("enter", "last_run", "last run", tooltip="open its newest run")]
    bar: ClassVar[Sequence[tuple[str, str]]] = (
        ("↑↓", "scroll"), ("enter", "last run"), ("r", "run a flow…"), ("H", "pause the schedule…"), ("esc", "back"),
    )  # fmt: skip

    def __init__(self, desk: Desk, flow: str) -> None:
        super().__init__(desk)
        self._flow = flow

    def body(self) -> ComposeResult:
        with VerticalScroll(id="page"):
            yield Block(self._page, id="flow")

    def show(self, model: Flows) -> None:
        self.query_one("#flow", Block).tell(self._page)
        if self.focused is None and not self.prompt.asks:
            self.restore_focus()

    def restore_focus(self) -> None:
        """The page scrolls with the arrows."""
        self.query_one("#page").focus()

    @property
    def chosen(self) -> FlowPage | None:
        return self.model.page(self._flow) if self.model else None

    def path(self) -> Sequence[Part]:
        return (("Flows › ", "muted"), (self._flow, "ink"))

    def _page(self, width: int) -> Sequence[Line]:
        page = self.chosen
        if page is None:
            return wrap(f"{self._flow} is not declared any more.", width, "muted") if self.model else []
        return [*([Line()] if self.short else []), *flow_block(page, self.desk.clock.now(), self.desk.zone, width)]

    def action_last_run(self) -> None:
        page = self.chosen
        if page is not None and page.row.last is not None:
            self.shell.go(str(page.row.last.id))
        else:
            self.say(f"{self._flow} never ran.", "warn")
