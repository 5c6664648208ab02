"""Runs: their history, and one run's page with its events as they come."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding
from textual.containers import Horizontal, Vertical

from tui_connector.domain.errors import ConfigError
from tui_connector.domain.run import RunState
from tui_connector.store.run_search import OUTCOMES
from tui_connector.ui.dialogs.runs import allow, cancel, rerun
from tui_connector.ui.draw import Line, wrap
from tui_connector.ui.export import Sheet
from tui_connector.ui.jump import leads_to
from tui_connector.ui.run_list import DayByDay, Item, draw_item
from tui_connector.ui.run_view import event_line, page_lines
from tui_connector.ui.screens.asking import ask_run
from tui_connector.ui.screens.base import ConsoleScreen, only_newest
from tui_connector.ui.screens.concerns import ConcernsScreen
from tui_connector.ui.screens.differences import DifferencesScreen
from tui_connector.ui.widgets.block import Block, Panel
from tui_connector.ui.widgets.listing import Listing
from tui_connector.views import acting
from tui_connector.views.run_page import RunPage, read_run
from tui_connector.views.runs import RUNNING, RunHistory, read_filter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from textual.app import ComposeResult

    from tui_connector.domain.run import RunRequest
    from tui_connector.ui.draw import Part
    from tui_connector.views.desk import Desk
    from tui_connector.views.run_events import EventRow

_EVENTS = 200
_COURSE = 120
_SHARE, _SHORT_SHARE = 84, 78  # percent of the height that what stands above the events takes at most
_COLUMNS = ("run", "flow", "serves", "result", "began", "seconds", "records", "rejected", "asked by", "reason")
_EVENT_COLUMNS = ("event", "at", "what", "text")


@dataclass(frozen=True, slots=True)
class Gone:
    """A run that is no longer kept."""

    id: int


Shown = RunPage | Gone | None


class RunBody(Vertical):
    """One run's page: what stands above, and its events, which are followed until one looks back."""

    DEFAULT_CSS = f"""
    RunBody {{ height: 1fr; width: 1fr; }}
    RunBody #page {{ max-height: {_SHARE}%; }}
    ConsoleScreen.-short RunBody #page {{ max-height: {_SHORT_SHARE}%; }}
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._page: Shown = None
        self._course: deque[float] = deque(maxlen=_COURSE)
        self._seen: tuple[int, int, float] | None = None  # run, records and moment told last
        self._following = True
        self._short = False

    def compose(self) -> ComposeResult:
        yield Block(id="page")
        yield Panel(
            "Events",
            Listing["EventRow"](
                self._event, key=lambda event: event.seq, empty=self._no_event, id="events",
                selectable=lambda _: self.query_one("#events").has_focus,
            ),
            id="event-panel", classes="-fill",
        )  # fmt: skip

    @property
    def following(self) -> bool:
        return self._following

    def show(self, page: Shown, *, short: bool) -> None:
        """Another page, or the same one as it is now."""
        fresh = _number(page) != _number(self._page)
        self._page, self._short = page, short
        if fresh:
            self._following, self._seen = True, None
            self._course.clear()
        events = self.query_one("#events", Listing)
        if isinstance(page, RunPage):
            self._note_pace(page)
            if fresh or self._following:
                events.show_rows(page.events)
                events.move_to(len(page.events) - 1)
        else:
            events.show_rows(())
        self.draw_page()

    def draw_page(self) -> None:
        """Draw what stands above the events; ages in it move with the clock."""
        page = self._page
        self.query_one("#page", Block).tell(lambda width: self._lines(page, width))
        working = isinstance(page, RunPage) and page.state is RunState.RUNNING
        note = "newest last" if not working else "following, newest last" if self._following else "paused, f follows"
        self.query_one("#event-panel", Panel).head.name_it("Events", note if isinstance(page, RunPage) else "")

    def follow(self, *, on: bool) -> None:
        """Go on with the newest events, or stop."""
        self._following = on
        if on and isinstance(self._page, RunPage):
            events = self.query_one("#events", Listing)
            events.show_rows(self._page.events)
            events.move_to(len(self._page.events) - 1)
        self.draw_page()

    def on_listing_moved(self, event: Listing.Moved) -> None:
        """Following stops at the first move upwards."""
        event.stop()
        listing = event.listing
        if self._following and listing.has_focus and listing.index < len(listing.rows) - 1:
            self.follow(on=False)

    def _note_pace(self, page: RunPage) -> None:
        """Records a second between two tellings of the worker, as far as they were seen here."""
        live = page.live
        if live is None or live.rows is None or live.at is None:
            return
        now = (page.row.id, live.rows, live.at.timestamp())
        if self._seen is not None and self._seen[0] == now[0] and now[2] > self._seen[2]:
            self._course.append(max(0.0, (now[1] - self._seen[1]) / (now[2] - self._seen[2])))
        self._seen = now

    def _lines(self, page: Shown, width: int) -> Sequence[Line]:
        if page is None:
            return [Line(("No run is selected.", "muted"))]
        if isinstance(page, Gone):
            told = (
                f"Run {page.id} is no longer kept: its time is over. What it loaded stays; the audit log tells of it."
            )
            return wrap(told, width)
        now = self._desk.clock.now()
        room = self.size.height * (_SHORT_SHARE if self._short else _SHARE) // 100
        course = tuple(self._course)
        return page_lines(page, now, self._desk.zone, width, short=self._short, course=course, room=room)

    def _event(self, event: EventRow, width: int, _selected: bool) -> Line:
        page = self._page
        working = isinstance(page, RunPage) and page.state is RunState.RUNNING and page.events[-1].seq == event.seq
        return event_line(event, self._desk.clock.now(), self._desk.zone, width, last=working)

    def _no_event(self, width: int) -> Sequence[Line]:
        return [Line(("No event yet.", "muted"))] if isinstance(self._page, RunPage) else []


class _OfOneRun(ConsoleScreen["Shown"]):
    """What the list beside its page and the page alone have in common: the keys of one run."""

    tab = "runs"
    about = "What ran, what each run came to, and how one run goes: its steps, its Anaplan task, its events."
    BINDINGS: ClassVar[list[Any]] = [
        Binding("f", "follow", "follow", tooltip="go on with the newest events, or stop to look back"),
        Binding("c", "concerns", "found", tooltip="what the run found before it sent anything, and what it asks"),
        Binding("d", "differences", "differences", tooltip="the run's tie-out: every scope that differs"),
    ]
    writes: ClassVar[Sequence[Binding]] = (
        Binding("A", "allow", "allow…", tooltip="let it go on as it asks; wants a reason and a typed word"),
        Binding("X", "cancel", "cancel…", tooltip="end this run; asks for a reason and a typed word"),
        Binding("P", "again", "run again…", tooltip="the same once more; asks for a typed word"),
        Binding("r", "run_flow", "run a flow…", tooltip="choose a flow and let the worker run it now"),
    )

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.run_body = RunBody(desk)

    def _read_one(self, number: int | None) -> Shown:
        if number is None:
            return None
        try:
            return read_run(self.desk, number, events=_EVENTS)
        except ConfigError:  # retention took it while it was open
            return Gone(number)

    def show(self, model: Shown) -> None:
        self.run_body.show(model, short=self.short)
        self.show_keys()

    def tick(self) -> None:
        if isinstance(self.model, RunPage) and not self.model.state.ended:
            self.run_body.draw_page()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        page = self.model if isinstance(self.model, RunPage) else None
        can: dict[str, Callable[[RunPage], bool]] = {
            "cancel": lambda one: not one.state.ended and not one.cancel_asked,
            "again": lambda one: one.again is not None,
            "allow": lambda one: one.found is not None and one.found.asks,
            "concerns": lambda one: one.found is not None and one.found.total > 0,
            "differences": lambda one: one.tie is not None,
            "follow": lambda one: one.state is RunState.RUNNING,
        }
        return action not in can or (page is not None and can[action](page))

    def action_follow(self) -> None:
        self.run_body.follow(on=not self.run_body.following)

    def action_differences(self) -> None:
        page = self.model
        if isinstance(page, RunPage) and page.tie is not None:
            self.app.push_screen(DifferencesScreen(self.desk, page.row.id))

    def action_concerns(self) -> None:
        page = self.model
        if isinstance(page, RunPage):
            self.app.push_screen(ConcernsScreen(self.desk, page.row.id))

    def action_allow(self) -> None:
        page = self.model
        if isinstance(page, RunPage):
            self.app.push_screen(allow(page, self.desk.environment), lambda why: self._allow(page.row.id, why))

    def _allow(self, number: int, why: str | None) -> None:
        if why is not None:
            self.do(lambda: acting.allow(self.desk, number, why))

    def action_cancel(self) -> None:
        page = self.model
        if isinstance(page, RunPage):
            self.app.push_screen(cancel(page, self.desk.environment), lambda why: self._cancel(page.row.id, why))

    def _cancel(self, number: int, why: str | None) -> None:
        if why is not None:
            self.do(lambda: acting.end_run(self.desk, number, why))

    def action_again(self) -> None:
        page = self.model
        if isinstance(page, RunPage) and page.again is not None:
            dialog = rerun(page, self.desk.environment)
            self.app.push_screen(dialog, lambda sure: self._run_again(page.again if sure else None))

    def _run_again(self, again: RunRequest | None) -> None:
        if again is not None:
            self.do(lambda: acting.run(self.desk, again))

    def action_run_flow(self) -> None:
        page = self.model
        ask_run(self, page.row.flow if isinstance(page, RunPage) else "")

    def one_id(self) -> str | None:
        return self.model.one_id if isinstance(self.model, RunPage) else None


class RunsScreen(_OfOneRun):
    """The list of runs, with the page of the one under the cursor beside it where there is room."""

    DEFAULT_CSS = """
    RunsScreen #list { width: 49; height: 1fr; }
    RunsScreen #gap { width: 2; height: 1fr; }
    RunsScreen.-compact #list { width: 1fr; }
    RunsScreen.-compact RunBody, RunsScreen.-compact #gap { display: none; }
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._selected: int | None = None
        self._listed = False

    def body(self) -> ComposeResult:
        with Horizontal():
            yield Panel(
                "Runs",
                Listing[Item](
                    self._item, key=lambda item: item.key, selectable=lambda item: item.is_run, empty=self._none,
                    id="runs",
                ),
                note="all flows", id="list", classes="-fill",
            )  # fmt: skip
            yield Block(id="gap")
            yield self.run_body

    def on_mount(self) -> None:
        only_newest(self, "list", self._list)

    def read(self) -> Shown:
        return self._read_one(self._selected)

    def show(self, model: Shown) -> None:
        super().show(model)
        if self._listed:
            only_newest(self, "reload", self.query_one("#runs", Listing).reload)

    async def _list(self) -> None:
        """Show the history under the filter, from its newest run."""
        now, zone = self.desk.clock.now(), self.desk.zone
        history = RunHistory(self.desk, read_filter(self.filter, now, zone))
        listing = self.query_one("#runs", Listing)
        await listing.show_source(DayByDay(self.desk, history))
        self.query_one("#list", Panel).head.name_it("Runs", self.filter or "all flows")
        self._listed = True
        working = next(
            (index for index, item in enumerate(listing.rows) if item.is_run and item.row.mark is RUNNING), None
        )
        if working is not None and self._selected is None:
            listing.move_to(working)

    def filter_by(self, text: str) -> None:
        try:
            read_filter(text, self.desk.clock.now(), self.desk.zone)
        except ConfigError as error:
            self.say(f"{error.message}. {error.hint}", "warn")
            return
        self.filter = text
        only_newest(self, "list", self._list)

    def filter_words(self) -> Sequence[str]:
        flows = [f"flow:{flow.name}" for flow in self.desk.flows]
        return [
            *flows,
            *(f"outcome:{word}" for word in OUTCOMES),
            "since:today",
            "since:Mon",
            "since:2h",
            "by:schedule",
        ]

    def on_listing_moved(self, event: Listing.Moved) -> None:
        if event.listing.id == "runs" and event.row is not None and event.row.row.id != self._selected:
            self._selected = event.row.row.id
            self.reread()

    def on_listing_chosen(self, event: Listing.Chosen) -> None:
        if event.listing.id != "runs":
            return
        if self.compact:
            self.app.push_screen(RunScreen(self.desk, event.row.row.id))
        else:
            self.run_body.query_one("#events", Listing).focus()

    def action_back(self) -> None:
        runs = self.query_one("#runs", Listing)
        if not runs.has_focus:
            runs.focus()
        else:
            super().action_back()

    def path(self) -> Sequence[Part]:
        if isinstance(self.model, RunPage) and not self.compact:
            return (("Runs › ", "muted"), (f"run {self.model.row.id}  {self.model.row.name}", "ink"))
        return (("Runs", "ink"),)

    def sheet(self) -> Sheet:
        """Every run under the filter, read page by page."""
        history = RunHistory(self.desk, read_filter(self.filter, self.desk.clock.now(), self.desk.zone))

        def rows() -> Iterator[dict[str, Any]]:
            last = None
            while page := history.after(last, 500):
                for row in page:
                    yield {
                        "run": row.id, "flow": row.flow, "serves": row.serves, "result": row.mark.word,
                        "began": row.at if row.began else None, "seconds": row.took and row.took.total_seconds(),
                        "records": row.records, "rejected": row.rejected, "asked by": row.asked_by,
                        "reason": row.reason,
                    }  # fmt: skip
                last = page[-1]

        return Sheet("runs", _COLUMNS, rows, self.filter)

    def _item(self, item: Item, width: int, selected: bool) -> Line:
        return draw_item(item, width, self.desk.clock.now(), self.desk.zone, selected=selected)

    def _none(self, width: int) -> Sequence[Line]:
        if self.filter:
            return wrap(f"No run matches {self.filter}. esc clears the filter.", width, "muted")
        return wrap("No run yet. `tui-connector run gl_accounts` starts the first.", width, "muted")


class RunScreen(_OfOneRun):
    """One run's page on a screen of its own."""

    def __init__(self, desk: Desk, number: int) -> None:
        super().__init__(desk)
        self._number = number

    def body(self) -> ComposeResult:
        yield self.run_body

    def read(self) -> Shown:
        return self._read_one(self._number)

    def path(self) -> Sequence[Part]:
        name = self.model.row.name if isinstance(self.model, RunPage) else ""
        return (("Runs › ", "muted"), (f"run {self._number}  {name}", "ink"))

    def sheet(self) -> Sheet:
        events = self.model.events if isinstance(self.model, RunPage) else ()

        def rows() -> Iterator[dict[str, Any]]:
            for event in events:
                yield {"event": event.seq, "at": event.at, "what": event.mark.word, "text": event.text}

        return Sheet(f"run-{self._number}", _EVENT_COLUMNS, rows)


def _number(page: Shown) -> int | None:
    return page.row.id if isinstance(page, RunPage) else page.id if page else None


leads_to("runs", RunScreen)
