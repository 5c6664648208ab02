"""Rejects: causes first, since a cause is what is mended; then its records, one record, and what a replay would do."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding
from textual.containers import Horizontal, Vertical

from tui_connector.domain.errors import ConfigError, ConnectorError
from tui_connector.review.amounts import counted
from tui_connector.ui import rejecting
from tui_connector.ui.dialogs.base import Tell
from tui_connector.ui.dialogs.rejects import (
    note_dialog,
    owner_dialog,
    replay_dialog,
    take_back_dialog,
    waive_dialog,
)
from tui_connector.ui.draw import Grid, Line, rule, wrap
from tui_connector.ui.export import Sheet
from tui_connector.ui.screens.base import ConsoleScreen
from tui_connector.ui.screens.reject_record import RejectRecordScreen
from tui_connector.ui.widgets.block import Block, Panel
from tui_connector.ui.widgets.listing import Listing
from tui_connector.views.causes import SUMMED, CauseRow, told_missing
from tui_connector.views.people import names
from tui_connector.views.refused import read_refused
from tui_connector.views.rejects import (
    CauseList,
    RecordList,
    RecordRow,
    RejectFilter,
    RejectsModel,
    read_filter,
    read_rejects,
    reject_rows,
)
from tui_connector.views.replay import read_replay

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from textual.app import ComposeResult

    from tui_connector.domain.case import Place
    from tui_connector.views.desk import Desk
    from tui_connector.views.refused import RefusedRecord
    from tui_connector.views.replay import ReplayModel

_SIDE = 48
_CAUSES = 7
_AROUND = 25  # rows of a high screen beside the lists


@dataclass(slots=True)
class Choice:
    """Which records of a cause are chosen: all of them but some, or only some."""

    all: bool = True
    but: set[Place] = field(default_factory=set)

    def holds(self, place: Place) -> bool:
        return self.all != (place in self.but)

    def toggle(self, place: Place) -> None:
        self.but ^= {place}

    def of(self, places: Sequence[Place]) -> list[Place]:
        """The chosen ones of those that are open now."""
        return [place for place in places if self.holds(place)]


class RejectsScreen(ConsoleScreen[RejectsModel]):
    """See the module."""

    DEFAULT_CSS = f"""
    RejectsScreen #causes {{ max-height: {_CAUSES}; }}
    RejectsScreen.-short #causes {{ max-height: 5; }}
    RejectsScreen #below {{ height: 1fr; }}
    RejectsScreen #left {{ width: 1fr; height: 1fr; }}
    RejectsScreen #records {{ max-height: 6; }}
    RejectsScreen #record-panel {{ margin-bottom: 0; }}
    RejectsScreen #side {{ width: {_SIDE}; height: 1fr; background: $side; }}
    RejectsScreen.-compact #side {{ display: none; }}
    RejectsScreen.-short #replay-panel, RejectsScreen.-short #solved-panel, RejectsScreen.-short #ages {{
        display: none;
    }}
    """
    tab = "rejects"
    about = "What was refused and why: causes with their records, what they are worth, and the way to send them again."
    BINDINGS: ClassVar[list[Any]] = [
        Binding("space", "choose", "select", tooltip="choose a record, or leave it out"),
        Binding("a", "choose_all", "all of the cause", tooltip="choose every record of the cause, or none"),
        Binding("t", "trace", "trace", tooltip="the whole story of the record under the cursor"),
    ]
    writes: ClassVar[Sequence[Binding]] = (
        Binding("P", "replay", "replay…", tooltip="send the chosen records once more, after a look at what that does"),
        Binding(
            "W", "waive", "waive…", tooltip="let the chosen records be, with a reason; of waived ones, take that back"
        ),
        Binding("O", "assign", "owner…", tooltip="give the chosen records to a person who sees to them"),
        Binding("N", "note", "note…", tooltip="write a note on the chosen records, in place of the one before"),
    )
    bar: ClassVar[Sequence[tuple[str, str]]] = (
        ("space", "select"), ("a", "all of the cause"), ("t", "trace"), ("P", "replay…"), ("W", "waive…"),
        ("O", "owner…"), ("N", "note…"), ("e", "export"),
    )  # fmt: skip

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._wanted = RejectFilter()
        self._listed: RejectFilter | None = None  # the filter whose causes the list holds
        self._cause: CauseRow | None = None
        self._choices: dict[tuple[int, str], Choice] = {}
        self._record: RefusedRecord | None = None
        self._replay: ReplayModel | None = None
        self._under_way: dict[str, bool] = {}  # what is being read, and whether it is wanted once more

    def body(self) -> ComposeResult:
        yield Block(id="sentence")
        causes = Listing[CauseRow](
            self._cause_line, key=lambda row: (row.group.target_id, row.group.cause), fit=True, id="causes",
            empty=self._no_cause,
        )  # fmt: skip
        heads = Block(lambda width: [rejecting.cause_heads(width)])
        yield Panel("Causes", heads, causes, note="open, oldest first", id="cause-panel")
        with Horizontal(id="below"):
            with Vertical(id="left"):
                records = Listing[RecordRow](self._record_line, key=lambda row: row.place, fit=True, id="records")
                yield Panel("Records", Block(self._record_heads, id="record-heads"), records, id="record-panel")
                yield Block(id="chosen")
                yield Panel("If you replay these", Block(id="replay"), id="replay-panel")
                yield Panel("Solved lately", Block(id="solved"), id="solved-panel")
                yield Block(id="ages")
            with Vertical(id="side"):
                yield Block(self._record_lines, id="record", ground="surface")

    # --- the model ----------------------------------------------------------------------------------------------

    def read(self) -> RejectsModel:
        self._wanted = read_filter(self.desk, self.filter)
        return read_rejects(self.desk, self._wanted)

    def lost(self, error: ConnectorError) -> None:
        if isinstance(error, ConfigError) and self.filter:
            self.filter = ""  # a filter that is not understood filters nothing
        super().lost(error)

    def show(self, model: RejectsModel) -> None:
        self.query_one("#sentence", Block).tell(lambda width: self._sentence(model, width))
        for name in ("#below", "#cause-panel"):
            self.query_one(name).display = bool(model.records or self.filter)
        note = f"{model.count:,} with {self.filter}, oldest first" if self.filter else "open, oldest first"
        self.query_one("#cause-panel", Panel).head.name_it("Causes", note)
        self.query_one("#replay-panel").display = not self._wanted.waived and not self.short
        self.query_one("#ages").display = bool(model.ages) and not self.short
        self.show_keys()
        most = 3 if self.size.height < 44 else 6
        now, zone = self.desk.clock.now(), self.desk.zone
        self.query_one("#solved-panel").display = bool(model.solved) and not self.short
        self.query_one("#solved", Block).tell(lambda width: rejecting.solved_lines(model, width, now, zone, most))
        self.query_one("#ages", Block).tell(
            lambda width: [rejecting.ages_line(model), rejecting.classes_line(model, width)]
        )
        self._fit(model)
        self._keep_up("causes", self._list_causes)

    def _fit(self, model: RejectsModel) -> None:
        """The list of records takes the rows that are left."""
        causes = min(model.count, 5 if self.short else _CAUSES)
        around = 12 if self.short else _AROUND
        self.query_one("#records").styles.max_height = max(self.size.height - around - causes, 4)

    async def _list_causes(self) -> None:
        listing = self.query_one("#causes", Listing)
        if self._listed != self._wanted:
            self._listed = self._wanted
            await listing.show_source(CauseList(self.desk, self._wanted))
        else:
            await listing.reload()
        if not self.present:
            return
        row = listing.row
        if row is None:
            self._cause = None
        elif self._cause is not None and row.group.mark == self._cause.group.mark:
            self._cause = row
            await self.query_one("#records", Listing).reload()
        if not isinstance(self.focused, Listing):
            listing.focus()

    async def on_listing_moved(self, event: Listing.Moved) -> None:
        if event.listing.id == "causes":
            await self._turn_to(event.row)
        else:
            self._keep_up("record", self._turn_to_record)

    async def _turn_to(self, row: CauseRow | None) -> None:
        """Show the records of a cause."""
        same = row is not None and self._cause is not None and _key(row) == _key(self._cause)
        self._cause = row
        if row is None:
            self._record = self._replay = None
            self.query_one("#record", Block).refresh(layout=True)
            return
        panel = self.query_one("#record-panel", Panel)
        runs = f"run {row.group.last_run}" if row.group.runs == 1 else counted(row.group.runs, "run")
        owner = f", {row.seen_to}" if row.seen_to else ""
        panel.head.name_it("Records", f"{row.group.records:,}, of {runs}{owner}")
        if not same:
            self.query_one("#record-heads", Block).tell(self._record_heads)
            await self.query_one("#records", Listing).show_source(RecordList(self.desk, row.group))
        self._look_ahead()

    async def _turn_to_record(self) -> None:
        row = self.query_one("#records", Listing).row
        self._record = None if row is None else await self._asked(lambda: read_refused(self.desk, row.place))
        if not self.present:  # left while it was read
            return
        self.query_one("#record", Block).tell(self._record_lines)

    def _look_ahead(self) -> None:
        """What a replay of the chosen ones would do."""
        self._keep_up("plan", self._plan)

    async def _plan(self) -> None:
        row = self._cause
        if row is None:
            return
        few = row.group.records <= SUMMED
        self._replay = await self._asked(lambda: self._planned(row)) if few else None
        if not self.present:
            return
        count = self._replay.records if self._replay else self._count(row)
        panel = self.query_one("#replay-panel", Panel)
        panel.head.name_it(f"If you replay {'it' if count == 1 else f'these {count:,}'}")
        plan = self._replay
        missing = plan.missing if plan else None
        self.query_one("#chosen", Block).tell(lambda width: [rejecting.chosen_line(count, missing, width), Line()])
        self.query_one("#replay", Block).tell(lambda width: self._replay_lines(plan, width, many=not few))

    def _planned(self, row: CauseRow) -> ReplayModel | None:
        places = self._places(row)
        return read_replay(self.desk, row.group.flow, places) if places else None

    def _replay_lines(self, plan: ReplayModel | None, width: int, *, many: bool) -> list[Line]:
        if plan is not None:
            return rejecting.replay_panel(plan, width)
        told = f"More than {SUMMED:,} records: P tells what it would do." if many else "No record is chosen."
        return [Line((told, "muted"))]

    async def _asked(self, work: Callable[[], Any]) -> Any:
        """What the store answers; None where it says that there is nothing (any more)."""
        try:
            return await self.shell.in_thread(work)
        except ConnectorError as error:
            if not isinstance(error, ConfigError):
                self.lost(error)
            return None

    def _keep_up(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do something that follows the screen, one at a time; asked for meanwhile, once more after."""
        if name in self._under_way:
            self._under_way[name] = True
        else:
            self._under_way[name] = False
            self.run_worker(self._keep(name, work), group=name)

    async def _keep(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await work()
            while self._under_way[name] and self.present:
                self._under_way[name] = False
                await work()
        finally:
            del self._under_way[name]

    # --- what is chosen -----------------------------------------------------------------------------------------

    def _choice(self, row: CauseRow) -> Choice:
        return self._choices.setdefault(_key(row), Choice())

    def _places(self, row: CauseRow) -> list[Place]:
        """The chosen records; asks the store."""
        return self._choice(row).of(self._open(row))

    def _open(self, row: CauseRow) -> list[Place]:
        cases = self.desk.store.cases
        return cases.places(row.group.target_id, row.group.cause, row.which)

    def _count(self, row: CauseRow) -> int:
        choice = self._choice(row)
        return row.group.records - len(choice.but) if choice.all else len(choice.but)

    def action_choose(self) -> None:
        row, listing = self._cause, self.query_one("#records", Listing)
        if row is None or listing.row is None:
            return
        self._choice(row).toggle(listing.row.place)
        listing.refresh()
        self._look_ahead()

    def action_choose_all(self) -> None:
        if self._cause is None:
            return
        choice = self._choice(self._cause)
        everything = choice.all and not choice.but
        self._choices[_key(self._cause)] = Choice(all=not everything)
        self.query_one("#records", Listing).refresh()
        self._look_ahead()

    # --- acting -------------------------------------------------------------------------------------------------

    def action_trace(self) -> None:
        record = self.query_one("#records", Listing).row
        if record is None:
            self.say("No record is selected.", "warn")
        else:
            self.shell.go(f'about:"{record.key}"' if " " in record.key else f"about:{record.key}")

    def action_replay(self) -> None:
        if self._cause is not None:
            self.run_worker(self._ask_replay(self._cause))

    async def _ask_replay(self, row: CauseRow) -> None:
        try:
            plan = await self.shell.in_thread(lambda: self._planned(row))
        except ConnectorError as error:
            self.app.push_screen(Tell.error(error))
            return
        if plan is None:
            self.say("No record is chosen: space chooses one, a all of the cause.", "warn")
        elif plan.obstacle:
            self.app.push_screen(Tell.error(ConfigError(plan.obstacle, hint=plan.hint)))
        else:
            await self.app.push_screen(
                replay_dialog(plan, self.desk.environment), lambda yes: self._replay_now(plan, yes)
            )

    def _replay_now(self, plan: ReplayModel, yes: bool | None) -> None:
        acts = self.desk.acts
        if yes and acts is not None:
            work = partial(acts.request_replay, plan.flow, plan.places, self.desk.person)
            self.run_worker(self._send(work, plan))

    async def _send(self, ask: Callable[[], int], plan: ReplayModel) -> None:
        run_id = await self.act(ask)
        if run_id is not None:
            self.say(f"Run {run_id} sends {counted(plan.records, 'record')} of {plan.flow} once more.")

    def action_waive(self) -> None:
        if self._cause is not None:
            self.run_worker(self._ask_waiver(self._cause))

    async def _ask_waiver(self, row: CauseRow) -> None:
        places = await self._asked(lambda: self._places(row))
        if not places:
            self.say("No record is chosen: space chooses one, a all of the cause.", "warn")
            return
        missing = self._replay.missing if self._replay and self._replay.records == len(places) else None
        make = take_back_dialog if row.group.waived else waive_dialog
        dialog = make(row, len(places), told_missing(missing), self.desk.environment)
        await self.app.push_screen(dialog, lambda reason: self._waive_now(row, places, reason))

    def _waive_now(self, row: CauseRow, places: Sequence[Place], reason: str | None) -> None:
        acts = self.desk.acts
        if reason and acts is not None:
            act = acts.take_back if row.group.waived else acts.waive
            self.run_worker(self._waive(partial(act, places, reason, self.desk.person), back=row.group.waived))

    async def _waive(self, ask: Callable[[], int], *, back: bool) -> None:
        count = await self.act(ask)
        if count is not None and back:
            self.say(f"{counted(count, 'record')} {'is' if count == 1 else 'are'} open again.")
        elif count is not None:
            self.say(
                f"{counted(count, 'record')} waived, until it changes."
                if count == 1
                else f"{count:,} records waived, until they change."
            )

    def action_assign(self) -> None:
        if self._cause is not None:
            self.run_worker(self._ask_words(self._cause, owner=True))

    def action_note(self) -> None:
        if self._cause is not None:
            self.run_worker(self._ask_words(self._cause, owner=False))

    async def _ask_words(self, row: CauseRow, *, owner: bool) -> None:
        """Ask who sees to the chosen records, or for a note on them."""
        places = await self._asked(lambda: self._places(row))
        if not places:
            self.say("No record is chosen: space chooses one, a all of the cause.", "warn")
            return
        if owner:
            mine = names(self.desk).get(self.desk.person, "")
            dialog = owner_dialog(row, len(places), row.group.owner or mine, self.desk.environment)
        else:
            dialog = note_dialog(row, len(places), self.desk.environment)
        await self.app.push_screen(dialog, lambda text: self._put_now(places, text, owner=owner))

    def _put_now(self, places: Sequence[Place], text: str | None, *, owner: bool) -> None:
        acts = self.desk.acts
        if text is not None and acts is not None:
            act = acts.assign if owner else acts.note_rejects
            done = (f"given to {text}" if text else "given to nobody") if owner else "noted"
            self.run_worker(self._put(partial(act, places, text, self.desk.person), done))

    async def _put(self, ask: Callable[[], int], done: str) -> None:
        count = await self.act(ask)
        if count is not None:
            self.say(f"{counted(count, 'record')} {done}.")

    def on_listing_chosen(self, event: Listing.Chosen) -> None:
        if event.listing.id == "causes":
            self.query_one("#records", Listing).focus()
        else:
            self.app.push_screen(RejectRecordScreen(self.desk, event.row.place))

    # --- drawing ------------------------------------------------------------------------------------------------

    def _sentence(self, model: RejectsModel, width: int) -> Sequence[Line]:
        first = wrap(model.first, width, "bright")
        if self.short and model.records:
            return [Line(), *first, Line()]
        return [*([Line()] if self.short else []), *first, *wrap(model.second, width, "muted"), Line()]

    def _cause_line(self, row: CauseRow, width: int, selected: bool) -> Line:
        return rejecting.cause_line(row, width, self.desk.clock.now(), self.desk.zone, selected=selected)

    def _no_cause(self, width: int) -> Sequence[Line]:
        told = f"No cause fits {self.filter}. esc clears the filter." if self.filter else "No rejects."
        return [Line((told, "muted"))]

    def _record_heads(self, width: int) -> Sequence[Line]:
        row = self._cause
        return [Grid(rejecting.record_columns(row), width, indent=4).head()] if row else [Line()]

    def _record_line(self, row: RecordRow, width: int, selected: bool) -> Line:
        if self._cause is None:
            return Line()
        chosen = self._choice(self._cause).holds(row.place)
        return rejecting.record_line(row, self._cause, width, chosen=chosen, selected=selected)

    def _record_lines(self, width: int) -> Sequence[Line]:
        if self._record is None:
            return [Line()]
        room = self.query_one("#side").size.height - 1
        place = f"{self._record.place}"
        return [rule("Record", place, width, active=False), *rejecting.record_page(self._record, width, room)]

    def show_keys(self) -> None:
        super().show_keys()
        if self._wanted.waived and not self.desk.read_only and self.present:
            self.keys.show_keys([(key, "take back…" if key == "W" else word) for key, word in self.bar if key != "P"])

    # --- the common keys ----------------------------------------------------------------------------------------

    def one_id(self) -> str | None:
        record = self.query_one("#records", Listing).row
        return None if record is None else record.key

    def filter_words(self) -> Sequence[str]:
        classes = [f"class:{kind}" for kind, _ in self.model.classes] if self.model else []
        return ["is:waived", "owner:", *classes, *(flow.name for flow in self.desk.flows)]

    def sheet(self) -> Sheet | None:
        if self.model is None or not self.model.records:
            return None
        columns = ("id", "flow", "record", "class", "cause", "amount", "currency", "owner", "since", "values")
        wanted = self._wanted
        return Sheet("rejects", columns, lambda: reject_rows(self.desk, wanted), self.filter)


def _key(row: CauseRow) -> tuple[int, str]:
    return row.group.target_id, row.group.cause
