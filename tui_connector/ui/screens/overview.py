"""Overview: is anything mine, what runs, what comes next."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from textual.actions import SkipAction
from textual.binding import Binding
from textual.containers import Horizontal

from tui_connector.review.amounts import counted, listed, money
from tui_connector.ui.draw import MARGIN, Col, Grid, Line, bar, width_of, wrap
from tui_connector.ui.export import Sheet
from tui_connector.ui.progress import mark_cell, running_block, running_line, waiting_line
from tui_connector.ui.screens.asking import ask_run
from tui_connector.ui.screens.base import ConsoleScreen
from tui_connector.ui.widgets.block import Block, Panel
from tui_connector.ui.widgets.listing import Listing
from tui_connector.views.needs import Need
from tui_connector.views.overview import read_overview
from tui_connector.views.overview_words import period_words
from tui_connector.views.words import age, figure, moment, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

    from textual.app import ComposeResult

    from tui_connector.ui.draw import Cell, Part
    from tui_connector.views.flow_rows import FlowRow
    from tui_connector.views.limits import PeriodRow
    from tui_connector.views.overview import Overview

_FLOWS = (
    Col("flow", "flow", 18, grow=True),
    Col("ran", "ran", 9),
    Col("result", "result", 15),
    Col("records", "records", 9, right=True),
    Col("rejected", "rejected", 8, right=True, rank=3),
    Col("took", "took", 11, right=True, rank=5),
    Col("past", "last 14 runs", 14, rank=4, gap=3),
    Col("next", "next", 13, right=True),
)
_REREAD = 5  # seconds without any change after which ages are read anew
_NEEDS = 8
_SIDE = 42
_RUNNING_LINES = 9
_LABEL, _BAR = 18, 5


_NeedRow = tuple[Need, str, bool]  # with one of its amounts; whether it is the need's first row


class OverviewScreen(ConsoleScreen["Overview"]):
    """See the module."""

    DEFAULT_CSS = f"""
    OverviewScreen #needs {{ max-height: {_NEEDS}; }}
    OverviewScreen.-short #needs {{ max-height: 5; }}
    OverviewScreen #now {{ height: auto; }}
    OverviewScreen #beside {{ width: {_SIDE}; margin-left: 2; height: auto; margin-bottom: 1; }}
    OverviewScreen.-compact #beside, OverviewScreen.-short #beside {{ display: none; }}
    OverviewScreen.-short #heads {{ display: none; }}
    """
    tab = "overview"
    about = "What needs a person, what runs now, how each flow last went, and what is due next."
    BINDINGS: ClassVar[list[Any]] = [
        Binding("enter", "open", "open", priority=True),
        Binding("slash", "filter", "filter", key_display="/", tooltip="show the flows and needs with a word in them"),
    ]
    writes: ClassVar[Sequence[Binding]] = (
        Binding("r", "run_flow", "run a flow…", tooltip="choose a flow and let the worker run it now"),
    )

    def body(self) -> ComposeResult:
        yield Block(id="sentence")
        needs = Listing["_NeedRow"](
            self._need, key=lambda row: (row[0].mark.word, row[0].thing, row[1]), fit=True, id="needs",
            selectable=lambda row: row[2] and self._has_focus("needs"), empty=self._no_need,
        )  # fmt: skip
        yield Panel("Needs a person", needs, id="need-panel")
        with Horizontal(id="now"):
            yield Panel("Running now", Block(id="running"), id="running-panel")
            yield Block(id="beside")
        flows = Listing["FlowRow"](
            self._flow, key=lambda row: row.name, empty=self._no_flow, id="flows",
            selectable=lambda _: self._has_focus("flows"),
        )  # fmt: skip
        heads = Block(lambda width: [Grid(_FLOWS, width).head()], id="heads")
        yield Panel("Flows", heads, flows, id="flow-panel", classes="-fill")
        yield Block(id="foot")

    # --- the model ----------------------------------------------------------------------------------------------

    def read(self) -> Overview:
        return read_overview(self.desk)

    def show(self, model: Overview) -> None:
        needs, flows = self._shown(model)
        self.query_one("#sentence", Block).tell(lambda width: self._sentence(model, width))
        panel = self.query_one("#need-panel", Panel)
        panel.head.name_it("Needs a person", f"{len(needs)}" if needs else "")
        self.query_one("#needs", Listing).show_rows(self._need_rows(needs))
        self._tell_running(model)
        self.query_one("#beside", Block).tell(lambda width: self._beside(model, width))
        self.query_one("#flow-panel", Panel).head.name_it("Flows", self._flow_note(model, flows))
        self.query_one("#flows", Listing).show_rows(flows)
        self.query_one("#foot", Block).tell(lambda width: self._foot(model, width))

    def _shown(self, model: Overview) -> tuple[Sequence[Need], Sequence[FlowRow]]:
        word = self.filter.casefold()
        needs = [one for one in model.needs if word in one.words.casefold()]
        flows = [one for one in model.flows if word in f"{one.name} {one.title} {one.mark.word}".casefold()]
        if self.short and not word:
            flows = [one for one in flows if one.news] or flows
        return needs, flows

    def _flow_note(self, model: Overview, flows: Sequence[FlowRow]) -> str:
        if self.filter:
            return f"{len(flows)} of {len(model.flows)} with {self.filter}"
        if len(flows) < len(model.flows):
            return f"{len(flows)} of {len(model.flows)} with news"
        return "last run of each, in running order"

    def _has_focus(self, name: str) -> bool:
        """Whether a list has the focus: there are two, and only one shows where one is."""
        return self.query_one(f"#{name}").has_focus

    def tick(self) -> None:
        if self.model is None:
            return
        self._tell_running(self.model)
        if self.desk.clock.now() - self.model.at >= timedelta(seconds=_REREAD):
            self.reread()

    # --- drawing ------------------------------------------------------------------------------------------------

    def path(self) -> Sequence[Part]:
        if self.model is None:
            return ()
        sap, model = self.model.pair
        return ((f"S/4HANA {sap}", "ink"), ("  ↔  ", "muted"), (f"Anaplan {model}", "ink"))

    def _sentence(self, model: Overview, width: int) -> Sequence[Line]:
        lines = wrap(model.sentence, width, "bright")
        if not self.short:
            lines += wrap(model.beside, width, "muted")
        return [*([Line()] if self.short else []), *lines, Line()]

    def _need(self, row: _NeedRow, width: int, selected: bool) -> Line:
        need, amount, first = row
        wide, needs = not self.compact, self.model.needs if self.model else ()
        mark = max((width_of(one.mark.word) for one in needs), default=8) + 2
        columns = [Col("mark", width=mark), Col("thing", width=13, grow=not wide)]
        if wide:
            columns.append(Col("subject", width=4, grow=True))
        if wide and (need.count or amount):
            columns += [Col("count", width=13, right=True), Col("amount", width=18, right=True)]
        elif not wide:
            columns.append(Col("amount", width=22, right=True))
        columns.append(Col("wait", width=15, right=True))
        if not first:
            return Grid(columns, width).line({"amount": (amount, "bright")})
        more = f" +{len(need.amounts) - 1}" if self.short and need.amounts and len(need.amounts) > 1 else ""
        cells: dict[str, Cell] = {
            "mark": mark_cell(need.mark), "thing": (need.thing, "bright"),
            "subject": (need.subject, "bright" if selected else "ink"), "count": need.count,
            "amount": (amount + more, "bright") if amount or wide else need.count, "wait": (need.wait, "muted"),
        }  # fmt: skip
        return Grid(columns, width).line(cells)

    def _need_rows(self, needs: Sequence[Need]) -> list[_NeedRow]:
        """One row for each currency, since amounts of two are never added; a small screen has room for the first."""
        rows: list[_NeedRow] = []
        for need in needs:
            amounts = [
                f"{money(value, currency)} {currency}" for currency, value in sorted((need.amounts or {}).items())
            ]
            rows.append((need, amounts[0] if amounts else "", True))
            rows += [(need, amount, False) for amount in amounts[1:] if not self.short]
        return rows

    def _no_need(self, width: int) -> Sequence[Line]:
        if self.filter:
            return [Line((f"Nothing with {self.filter}. esc clears the filter.", "muted"))]
        return wrap("Nothing needs a person: no proposal waits, no run failed, nothing is rejected.", width, "muted")

    def _tell_running(self, model: Overview) -> None:
        panel = self.query_one("#running-panel", Panel)
        waits = len(model.waiting)
        note = f"{waits} more {'waits' if waits == 1 else 'wait'}" if waits and self.short else ""
        busy = next((one.model for one in model.holds if not one.posting), "")
        if busy and not self.short:
            note = f"one action at a time on {busy}"
        panel.head.name_it("Running now", note)
        since = max(self.desk.clock.now() - model.at, timedelta())
        self.query_one("#running", Block).tell(lambda width: self._running_lines(model, since, width))

    def _running_lines(self, model: Overview, since: timedelta, width: int) -> Sequence[Line]:
        if self.short:
            return [running_line(run, since, width) for run in model.running[:2]] or [
                Line((self._idle(model), "muted"))
            ]
        lines: list[Line] = []
        for run in model.running[:1]:
            lines += running_block(run, since, width)
        lines += [running_line(run, since, width) for run in model.running[1:]]
        lines += [waiting_line(one, width) for one in model.waiting]
        lines = lines or wrap(self._idle(model), width, "muted")
        room = _RUNNING_LINES if self.compact else max(len(self._beside(model, _SIDE)) - 1, _RUNNING_LINES)
        if len(lines) > room:
            lines = [*lines[: room - 1], Line((f"and {len(lines) - room + 1} more, see Runs", "muted"))]
        return lines if self.compact else lines + [Line()] * (room - len(lines))

    def _idle(self, model: Overview) -> str:
        """What comes next when nothing runs."""
        comes = [row for row in model.flows if row.next[1] == "muted" and row.next[0][-1:].isdigit()]
        told = f" {comes[0].name} is due next at {comes[0].next[0]}." if len(comes) == 1 else ""
        if len(comes) > 1:
            told = f" {len(comes)} flows are on a schedule, the first is {comes[0].name} at {comes[0].next[0]}."
        return f"Nothing runs now.{told}"

    def _beside(self, model: Overview, width: int) -> Sequence[Line]:
        return [
            _title("Tenants and limits", width), *_limits(model, width, self.desk.zone), Line(),
            *([_title(f"Period {model.period}", width)] if model.period else []),
            *(self._period(row, model, width) for row in model.periods[:4]),
        ]  # fmt: skip

    def _period(self, row: PeriodRow, model: Overview, width: int) -> Line:
        line = Line((row.company_code, "ink"), indent=0).to(8).put(row.mark.glyph, row.mark.role)
        line.put(f" {row.mark.word}", row.mark.word_role)
        told = period_words(row, model.at, self.desk.zone).removeprefix(row.mark.word).strip()
        told = told if width_of(told) + line.width + MARGIN + 2 < width else told.partition(" by ")[0]
        return line.right(told, "muted", width - MARGIN)

    def _flow(self, row: FlowRow, width: int, selected: bool) -> Line:
        now, zone, last = self.desk.clock.now(), self.desk.zone, row.last
        cells: dict[str, Cell] = {
            "flow": (row.name, "bright" if selected else "ink"), "result": mark_cell(row.mark), "past": row.pulse,
            "next": row.next,
        }  # fmt: skip
        if last is not None:
            cells |= {
                "ran": (moment(last.at, now, zone), "muted"),
                "records": (figure(last.records), "ink" if last.records else "muted"),
                "rejected": (figure(last.rejected), "warn" if last.rejected else "muted"),
                "took": (span(last.took), "muted") if last.took is not None else None,
            }
        return Grid(_FLOWS, width).line(cells)

    def _no_flow(self, width: int) -> Sequence[Line]:
        told = f"No flow has {self.filter}." if self.filter else "No flow is declared. config.toml names them."
        return [Line((told, "muted"))]

    def _foot(self, model: Overview, width: int) -> Sequence[Line]:
        limits = _limits_line(model, width)
        if self.short:
            return [limits]
        today = model.today
        totals = Line(("today", "muted"))
        for told in (
            counted(today.records, "record"), f"{figure(today.rejected)} rejected",
            f"{counted(model.unknown, 'outcome')} unknown", f"{counted(today.failed, 'run')} failed",
        ):  # fmt: skip
            if totals.width + len(told) + 6 < width:
                count, _, thing = told.partition(" ")
                totals.put("     ", "plain").put(count, "bright").put(f" {thing}", "muted")
        return [limits, totals] if self.compact else [totals]

    # --- keys ---------------------------------------------------------------------------------------------------

    def on_listing_chosen(self, event: Listing.Chosen) -> None:
        row = event.row
        if isinstance(row, tuple):
            need: Need = row[0]
            tab, key = need.place
            if tab == "overview":
                self.say(need.subject, "warn")
            else:
                self.shell.go(key if tab in ("runs", "approvals") and key else tab)
        elif row.last is not None:
            self.shell.go(str(row.last.id))
        else:
            self.say(f"{row.name} never ran.", "warn")

    def action_open(self) -> None:
        focused = self.focused
        if not isinstance(focused, Listing):
            raise SkipAction
        focused.action_choose()

    def action_run_flow(self) -> None:
        chosen = self.query_one("#flows", Listing).row
        ask_run(self, chosen.name if chosen and self.query_one("#flows").has_focus else "")

    def one_id(self) -> str | None:
        focused = self.focused
        row = focused.row if isinstance(focused, Listing) else None
        if isinstance(row, tuple):
            return row[0].place.key or str(row[0].thing)
        return str(row.last.id) if row is not None and row.last else None

    def sheet(self) -> Sheet:
        columns = ("flow", "ran", "result", "records", "rejected", "seconds", "run", "next")
        flows = self._shown(self.model)[1] if self.model else ()

        def rows() -> Iterator[dict[str, Any]]:
            for row in flows:
                last = row.last
                yield {
                    "flow": row.name, "result": row.mark.word, "next": row.next[0], "ran": last and last.at,
                    "records": last and last.records, "rejected": last and last.rejected, "run": last and last.id,
                    "seconds": last and last.took and last.took.total_seconds(),
                }  # fmt: skip

        return Sheet("overview", columns, rows, self.filter)


def _title(title: str, width: int) -> Line:
    line = Line(("── ", "rule"), (title, "ink!"), (" ", "plain"), indent=0)
    return line.put("─" * max(width - MARGIN - line.width, 0), "rule")


def _limits(model: Overview, width: int, zone: tzinfo) -> Iterator[Line]:
    edge = width - MARGIN
    label = max((width_of(_tenant(one.connection)) for one in model.tenants), default=0) + 3
    for tenant in model.tenants:
        line = Line(indent=0).put(_tenant(tenant.connection), "muted", limit=_LABEL - 1).to(min(label, _LABEL))
        line.put(f"{tenant.mark.glyph} ", tenant.mark.role).put(tenant.mark.word, tenant.mark.word_role)
        left = tenant.token_ends - model.at if tenant.token_ends else timedelta()
        told = f"token {age(left)}" if left > timedelta() else ""
        if tenant.mark.role == "fail" and tenant.at:
            told = moment(tenant.at, model.at, zone)
        yield line.right(told, "ink", edge) if line.width + width_of(told) + 2 <= edge else line
    for one in model.requests:
        if one.connection.startswith("sap") and not one.blocked:
            continue  # SAP sets no limit a minute; what we allow ourselves is told on Connections
        told, role = f"{one.used} of {one.per_minute}/min", "ink"
        if one.blocked:
            told, role = f"refused for {age(one.blocked)}", "warn"
        line = Line((f"requests {_tenant(one.connection)}", "muted"), indent=0).to(_LABEL)
        yield line.cells(bar(one.used / max(one.per_minute, 1), _BAR, "bright")).right(told, role, edge)
    if not model.holds:
        yield Line(("model lease", "muted"), indent=0).right("free", "muted", edge)
    for hold in model.holds[:2]:
        by = f"run {hold.run}" if hold.run is not None else "a worker"
        line = Line(indent=0).put("posting" if hold.posting else f"lease {hold.model}", "muted", limit=_LABEL - 1)
        yield line.right(f"{by}, fence {hold.fence}", "ink", edge)


def _tenant(connection: str) -> str:
    """How a connection is called where there is one of its kind."""
    kind, _, name = connection.partition(".")
    called = {"sap": "SAP", "anaplan": "Anaplan"}.get(kind, kind)
    return called if name == "main" else f"{called} {name}"


def _limits_line(model: Overview, width: int) -> Line:
    line = Line()
    silent = [_tenant(one.connection) for one in model.tenants if one.mark.role == "fail"]
    parts = [("✗", f"{listed(silent)} {'does' if len(silent) == 1 else 'do'} not answer")] if silent else []
    anaplan = next((one for one in model.requests if one.connection.startswith("anaplan")), None)
    if anaplan is not None:
        parts.append(("requests", f"{anaplan.used} of {anaplan.per_minute}/min"))
    ends = [one.token_ends for one in model.tenants if one.token_ends and one.token_ends > model.at]
    if ends:
        parts.append(("token", age(min(ends) - model.at)))
    if model.period:
        words = dict.fromkeys(row.mark.word for row in model.periods)
        parts.append((f"period {model.period}", ", ".join(words)))
    if model.tenants and all(one.mark.role == "ok" for one in model.tenants):
        parts.append(("tenants", "answer"))
    for number, (label, value) in enumerate(parts):
        if line.width + len(label) + len(value) + 4 > width:
            break
        line.put("   " if number else "", "plain").put(f"{label} ", "muted").put(value, "ink")
    return line
