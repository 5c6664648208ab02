"""Audit: every event, found by words; one record's story; whether the log is whole."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll

from tui_connector.domain.errors import ConnectorError
from tui_connector.ui import event_rows, event_side, packing
from tui_connector.ui.at_length import UnderWay, at_length
from tui_connector.ui.dialogs.base import Tell
from tui_connector.ui.draw import MARGIN, Grid, Line, bar, wrap
from tui_connector.ui.event_rows import EventSource, Row
from tui_connector.ui.export import Sheet
from tui_connector.ui.screens.base import ConsoleScreen, only_newest
from tui_connector.ui.screens.explanation import ExplanationScreen
from tui_connector.ui.widgets.block import Block, Head
from tui_connector.ui.widgets.listing import Listing
from tui_connector.views import audit_export
from tui_connector.views.audit import (
    AuditHead,
    EventRow,
    View,
    empty,
    read_event,
    read_head,
    read_rows,
    read_view,
    verify,
)
from tui_connector.views.audit_filter import TERMS, FilterError
from tui_connector.views.questions import read_question, words_of
from tui_connector.views.story import trace
from tui_connector.views.words import figure, moment, share

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.app import ComposeResult

    from tui_connector.ui.draw import Part
    from tui_connector.ui.widgets.prompt import Prompt
    from tui_connector.views.audit import EventDetail, Verification
    from tui_connector.views.story import Trace

Found = TypeVar("Found")
_SIDE = 43
_EVIDENCE = 7
_STRIP = 4
_NEW = 99
_PAUSE = 0.12  # seconds that the cursor rests before the event under it is read
_STEP = 0.5
_TRACE, _EXPLAIN = "trace", "explain"


@dataclass(frozen=True, slots=True)
class AuditModel:
    """How the log stands, what the filter means, what is wrong with the last one typed, how many events came since."""

    head: AuditHead
    view: View
    wrong: FilterError | None = None
    fresh: int = 0


class AuditScreen(ConsoleScreen[AuditModel]):
    """See the module."""

    DEFAULT_CSS = f"""
    AuditScreen > #body {{ padding: 0; }}
    AuditScreen #left {{ padding-top: 1; }}
    AuditScreen #beside {{ width: {_SIDE}; height: 100%; background: $side; padding-top: 1; }}
    AuditScreen.-short #left, AuditScreen.-short #beside {{ padding-top: 0; }}
    AuditScreen.-compact #beside {{ display: none; }}
    AuditScreen #story {{ height: 1fr; background: $side; scrollbar-size: 0 0; }}
    AuditScreen #evidence {{ height: {_EVIDENCE}; }}
    AuditScreen #strip {{ display: none; }}
    AuditScreen.-compact.-traced #strip {{ display: block; height: {_STRIP}; margin: 1 0; }}
    """
    tab = "audit"
    about = (
        "Every decision and every change, newest first, found by words; the story of one record, plan line or document;"
        " and whether the log still says what was written."
    )
    bar: ClassVar[Sequence[tuple[str, str]]] = (
        ("↑↓", "move"), ("enter", "event"), ("/", "filter"), ("t", "trace a record"), ("v", "verify"), ("x", "explain"),
        ("p", "pack"), ("e", "export"), ("y", "send id to terminal"),
    )  # fmt: skip
    BINDINGS: ClassVar[list[Any]] = [
        Binding("t", "trace", "trace a record", tooltip="the story of a record, plan line, document or proposal"),
        Binding("x", "explain", "explain", tooltip="a cell, a member or a document, by the records of SAP behind it"),
        Binding("v", "verify", "verify", tooltip="recompute the whole log; esc stops it"),
        Binding("p", "pack", "evidence pack", tooltip="an archive for an auditor, of a period, a proposal or a time"),
    ]

    def __init__(self, desk: Any) -> None:
        super().__init__(desk)
        self._source: EventSource | None = None
        self._kept: Verification | None = None
        self._under_way: UnderWay | None = None
        self._detail: EventDetail | None = None
        self._trace: Trace | None = None

        # held, so that work that ends after the screen has gone finds them still
        self._list = Listing[Row](
            self._draw, key=event_rows.key_of, selectable=lambda row: isinstance(row, EventRow), empty=self._empty,
            id="events",
        )  # fmt: skip
        self._head = Head("Events", "newest first", id="head")
        self._first, self._typed, self._strip = Block(id="sentence"), Block(id="asked"), Block(id="strip")
        self._heads = Block(self._columns, id="heads")
        self._side, self._evidence = Block(id="side", ground="surface"), Block(id="evidence", ground="surface")

    def body(self) -> ComposeResult:
        with Horizontal():
            with Vertical(id="left"):
                yield from (self._first, self._head, self._typed, self._heads, self._list, self._strip)
            with Vertical(id="beside"):
                with VerticalScroll(id="story"):
                    yield self._side
                yield self._evidence

    # --- the model ----------------------------------------------------------------------------------------------

    def read(self) -> AuditModel:
        head, before = read_head(self.desk, self._kept), self.model
        try:
            view = read_view(self.desk, self.filter)
        except FilterError as error:
            return AuditModel(head, before.view if before else read_view(self.desk, ""), error)
        newest = self._source.newest if self._source is not None else 0
        fresh = read_rows(self.desk, view, newest, _NEW + 1, back=False).rows if newest else ()
        return AuditModel(head, view, None, len(fresh))

    def show(self, model: AuditModel) -> None:
        self._typed.tell(self._asked)
        self._tell_head(model)
        self._tell_sentence()
        self._tell_side()
        another = model.wrong is None and (self._source is None or self._source.view.text != model.view.text)
        if another or (model.fresh and not self._list.rows):
            only_newest(self, "open", self._open, model)

    async def _open(self, model: AuditModel) -> None:
        """Show what fits, from the newest; go on in the background where nothing is found quickly."""
        source = self._source = EventSource(self.desk, model.view)
        await self._list.show_source(source)
        self._tell_head(model)
        while source is self._source and source.unfinished and self.present:
            await self._list.grow()
            self._tell_head(model)
        key = next((one.value for one in model.view.query.terms if one.name == "about" and not one.excluded), "")
        if key and (self._trace is None or self._trace.key != key):
            await self._follow(key, quiet=True)

    def _draw(self, row: Row, width: int, selected: bool) -> Line:
        return event_rows.draw_row(row, self._grid(width), compact=self.compact, selected=selected)

    def _columns(self, width: int) -> Sequence[Line]:
        return [] if self.short else [self._grid(width).head()]

    def _grid(self, width: int) -> Grid:
        return event_rows.grid_for(width, self._source.newest if self._source else 0, compact=self.compact)

    # --- drawing ------------------------------------------------------------------------------------------------

    def path(self) -> Sequence[Part]:
        asked = self.model.view.text if self.model else ""
        return (("Audit", "ink"), *((("  ›  ", "muted"), (asked, "muted")) if asked else ()))

    def _tell_sentence(self) -> None:
        self._first.tell(self._sentence)

    def _sentence(self, width: int) -> Sequence[Line]:
        if self.model is None:
            return [Line()] * (2 if self.short else 4)
        head, under_way = self.model.head, self._under_way
        if under_way is not None:
            part = min(under_way.done / max(under_way.last, 1), 1.0)
            told = f"{under_way.doing}: {figure(under_way.done)} of {figure(under_way.last)} events."
            first = Line(("● ", "accent"), (told, "bright"))
            second = Line(indent=MARGIN + 2)
            for text, role in bar(part, 20):
                second.put(text, role)
            second.put(f"  {share(part)}  {under_way.left()}  ", "muted").put("esc", "accent!").put(
                " stops it", "muted"
            )
            return [first, second, Line()] if self.short else [first, second, Line(), Line()]
        glyph, role, sentence = head.sentence
        known = head.verification
        lines = wrap(sentence, width, "bright", indent=MARGIN + 2)
        lines[0] = Line((f"{glyph} ", role), *lines[0].parts[1:])
        if known is not None and len(lines) == 1:
            at = f"   verified {moment(known.at, self.desk.clock.now(), self.desk.zone)}"
            lines[0].put(at, "muted", limit=width - MARGIN - lines[0].width)
        left = head.anchored
        anchored = wrap(left.sentence, width, "fail" if not left.fits else "muted", indent=MARGIN + 2)
        if self.short:
            return [*lines, *(() if left.fits else anchored), Line()]
        records = (
            f"It covers {figure(known.records)} records. " if known is not None and known.broken_at is None else ""
        )
        behind = head.last_seq - known.up_to if known is not None else 0
        since = f"{figure(behind)} came since." if behind > 1 else "" if known else "v verifies it."
        return [*lines, Line((records + since, "muted"), indent=MARGIN + 2), *anchored, Line()]

    def _tell_head(self, model: AuditModel) -> None:
        source = self._source
        if source is not None and source.unfinished:
            note = f"searched down to {figure(source.reached)}, still searching"
        elif model.fresh:
            note = f"{'99+' if model.fresh > _NEW else model.fresh} new, press g"
        else:
            note = f"{model.view.text or 'newest first'}" if self.short else "newest first"
        self._head.name_it("Events", note)

    def _asked(self, width: int) -> Sequence[Line]:
        """The filter as it is in force, or what is wrong with the one typed last."""
        model = self.model
        if model is None or (not model.view.text and model.wrong is None):
            return []
        wrong = model.wrong
        if wrong is None:
            return [] if self.short else [Line(("/ ", "accent!"), (model.view.text, "ink"))]
        typed, at, end = self.filter, wrong.at, wrong.at + wrong.length
        line = Line(("/ ", "accent!"), (typed[:at], "ink"), (typed[at:end], "fail"), (typed[end:], "ink"))
        why = wrong.message.partition("): ")[2] or wrong.message
        return [line, Line(("✗ ", "fail"), (f"{why} at character {at + 1}", "ink")), *wrap(wrong.hint, width, "muted")]

    def _empty(self, width: int) -> Sequence[Line]:
        if self._source is not None and self._source.unfinished:
            return [Line(("nothing yet…", "muted"))]
        return wrap(empty(self.model.view), width, "muted") if self.model else []

    def _tell_side(self) -> None:
        model = self.model
        if model is None:
            return
        told = event_side.Told(model.view.names, self.desk.clock.now(), self.desk.zone)
        self.set_class(self._trace is not None, "-traced")
        followed = self._trace
        if self.compact:
            if followed is not None:
                self._strip.tell(lambda width: event_side.strip_lines(followed, told, width))
            return
        detail, height = self._detail, max(self.size.height - 3 - _EVIDENCE - 1, 6)
        if followed is not None:
            self._side.tell(lambda width: event_side.trace_lines(followed, told, width, height))
        elif detail is not None:
            self._side.tell(lambda width: event_side.event_lines(detail, told, width, height))
        else:
            self._side.tell(lambda _: [])
        head = model.head
        self._evidence.tell(lambda width: event_side.evidence_lines(head, followed, width))

    def on_descendant_blur(self) -> None:
        self._head.activate(self._list.has_focus)

    def on_descendant_focus(self) -> None:
        self._head.activate(self._list.has_focus)

    # --- the event under the cursor -----------------------------------------------------------------------------

    def on_listing_moved(self, event: Listing.Moved) -> None:
        if self.model is not None and self.model.fresh and self._list.index <= 1:
            self.reread()  # the newest were asked for: none of them is new any more
        if event.row is None and self._detail is not None:
            self._detail = None
            self._tell_side()
        if not self.compact and isinstance(event.row, EventRow):
            only_newest(self, "event", self._rested, event.row)

    async def _rested(self, row: EventRow) -> None:
        """The event under the cursor, once that rests: what it only passes over is not read."""
        if self._detail is not None:
            await asyncio.sleep(_PAUSE)
        model = self.model
        if model is not None and self._list.row == row and (self._detail is None or self._detail.row != row):
            self._detail = await self.shell.in_thread(lambda: read_event(self.desk, model.view, row.seq))
            if not self.present:
                return
            self._tell_side()

    async def on_listing_chosen(self, event: Listing.Chosen) -> None:
        """All of the event, or of the story that stands beside it."""
        row, model = event.row, self.model
        if not isinstance(row, EventRow) or model is None:
            return
        told = event_side.Told(model.view.names, self.desk.clock.now(), self.desk.zone)
        followed = self._trace
        if followed is not None:
            self.app.push_screen(Tell(followed.key, lambda width: event_side.trace_lines(followed, told, width, None)))
            return
        detail = await self.shell.in_thread(lambda: read_event(self.desk, model.view, row.seq))
        if detail is not None:
            title = f"Event {figure(row.seq)}"
            self.app.push_screen(Tell(title, lambda width: event_side.event_lines(detail, told, width, 10_000)[1:]))

    # --- keys -----------------------------------------------------------------------------------------------------

    def filter_by(self, text: str) -> None:
        self.filter = " ".join(text.split())
        self.reread()

    def filter_words(self) -> Sequence[str]:
        return [f"{name}:" for name in TERMS]

    def action_back(self) -> None:
        if self._under_way is not None:
            self._under_way.stop.set()
        elif self._trace is not None:
            self._trace = None
            self._tell_side()
        else:
            super().action_back()

    def action_trace(self) -> None:
        row = self._list.row
        self.prompt.ask(_TRACE, row.key if isinstance(row, EventRow) else "")

    def on_prompt_answered(self, event: Prompt.Answered) -> None:
        if event.sign not in {_TRACE, _EXPLAIN}:
            return  # the base sees to the others
        event.prevent_default()
        self.restore_focus()
        if event.sign == _EXPLAIN:
            if event.text:
                self._explain(event.text)
            return
        if event.text:
            only_newest(self, "trace", self._follow, event.text)

    def action_explain(self) -> None:
        """Of what is traced, else of the event under the cursor."""
        row = self._list.row
        followed = next(iter(self._trace.records), None) if self._trace is not None else None
        key = followed.key if followed else row.key if isinstance(row, EventRow) else ""
        self.prompt.ask(_EXPLAIN, key)

    def _explain(self, text: str) -> None:
        try:
            question = read_question(self.desk, words_of(text))
        except ConnectorError as error:
            self.app.push_screen(Tell.error(error))
            return
        self.app.push_screen(ExplanationScreen(self.desk, question))

    async def _follow(self, key: str, *, quiet: bool = False) -> None:
        desk = self.desk
        try:
            self._trace = await self.shell.in_thread(lambda: trace(desk.store, key, flows=desk.flows))
        except ConnectorError as error:
            if len(words_of(key)) > 1 and not quiet:
                self._explain(key)  # no key, but a cell or a member: traced back to the records that make it
            elif not quiet:
                self.app.push_screen(Tell.error(error))
            return
        if self.present:
            self._tell_side()

    def action_verify(self) -> None:
        if self._under_way is None and self.model is not None:
            self.run_worker(
                self._verify(UnderWay("Verifying", "The verification", self.model.head.last_seq)), group="verify"
            )

    async def _verify(self, under_way: UnderWay) -> None:
        found = await self._at_length(under_way, lambda: verify(self.desk, under_way.tell))
        if found is not None:
            self._kept = found
            self.reread()

    def action_pack(self) -> None:
        if self._under_way is None:
            self.app.push_screen(packing.ask(self.desk, self.filter), self._packed)

    def _packed(self, words: str | None) -> None:
        if words:
            self.run_worker(self._pack(words), group="verify")

    async def _pack(self, words: str) -> None:
        under_way = UnderWay("Writing the pack", "The pack", 0)
        made = await self._at_length(under_way, lambda: packing.pack(self.desk, words, under_way))
        if made is not None:
            self.app.push_screen(Tell("Evidence", lambda width: packing.told(made, width)))
            self.reread()

    async def _at_length(self, under_way: UnderWay, work: Callable[[], Found]) -> Found | None:
        """What it comes to; None when it was stopped or did not work, which is told."""
        self._under_way = under_way
        ticking = self.set_interval(_STEP, self._tell_sentence)
        self._tell_sentence()
        try:
            found = await at_length(work, under_way.doing)
        except ConnectorError as error:
            self.app.push_screen(Tell.error(error))
            return None
        finally:
            ticking.stop()
            self._under_way = None
            self._tell_sentence()
        if found is None:
            self.say(f"{under_way.thing} was stopped; nothing of it is kept.")
        return found

    def on_unmount(self) -> None:
        if self._under_way is not None:
            self._under_way.stop.set()

    def one_id(self) -> str | None:
        row = self._list.row
        return (row.key or str(row.seq)) if isinstance(row, EventRow) else None

    def sheet(self) -> Sheet | None:
        model, desk = self.model, self.desk
        if model is None:
            return None
        view = model.view
        return Sheet(
            "audit",
            audit_export.COLUMNS,
            lambda: map(audit_export.cells, audit_export.each(desk, view)),
            filter=view.text,
            lines=lambda form: audit_export.FORMATS[form](desk, view, None),
        )

    def on_resize(self) -> None:
        self._heads.tell(self._columns)


def _beside(head: AuditHead) -> str:
    """What goes with the first sentence: how much it covers, or the next move."""
    known = head.verification
    if known is None:
        return "v verifies it."
    if known.broken_at is not None:
        return "Stop the worker, keep the store as it is, and compare it with a backup."
    behind = head.last_seq - known.up_to
    since = f" {figure(behind)} events came since." if behind > 1 else ""  # one is the verification's own
    return f"It covers {figure(known.records)} records.{since}"
