"""An explanation: what Anaplan holds, the records of SAP that make it, and how each of them came there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding

from tui_connector.ui.dialogs.base import Tell
from tui_connector.ui.draw import MARGIN, Col, Grid, Line, facts, width_of, wrap
from tui_connector.ui.export import Sheet
from tui_connector.ui.screens.base import ConsoleScreen
from tui_connector.ui.widgets.block import Block, Panel
from tui_connector.ui.widgets.listing import Listing
from tui_connector.views.explaining import ExplanationPage, explain_again, read_explanation
from tui_connector.views.words import figure, moment, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from textual.app import ComposeResult

    from tui_connector.domain.explanation import Question
    from tui_connector.ui.draw import Cell, Part
    from tui_connector.views.desk import Desk
    from tui_connector.views.explaining import SourceRow

_LABEL, _SHORT_FACTS = 14, 3
_SHORT_TOP, _SHORT_SENTENCE, _SHORT_ABOUT = 8, 5, 3  # lines where the screen has few rows
_TELLING = ("refused", "module", "posted", "planned")  # facts of a record that come first there
_SHEET = (
    "record",
    "standing",
    "amount",
    "currency",
    "cell",
    "run",
    "line",
    "file",
    "task",
    "mapping",
    "posted",
    "cause",
    "held",
    "origin",
)


class ExplanationScreen(ConsoleScreen[ExplanationPage]):
    """See the module."""

    DEFAULT_CSS = "ExplanationScreen #about { height: auto; }"
    tab = "audit"
    about = (
        "Which records of SAP make up what Anaplan holds, or what a document became there: the amounts, and the run,"
        " task, file, line and mapping version behind each. The worker asks both sides; the answer is kept as evidence."
    )
    BINDINGS: ClassVar[list[Any]] = [
        Binding("t", "trace", "trace", tooltip="the whole story of the record under the cursor"),
    ]
    writes: ClassVar[Sequence[Binding]] = (
        Binding("l", "look", "look again", tooltip="let the worker ask both sides now"),
    )
    bar: ClassVar[Sequence[tuple[str, str]]] = (
        ("↑↓", "move"), ("enter", "all of it"), ("l", "look again"), ("t", "trace"), ("/", "filter"), ("e", "export"),
        ("y", "send id"), ("esc", "back"),
    )  # fmt: skip

    def __init__(self, desk: Desk, question: Question) -> None:
        super().__init__(desk)
        self._question = question
        self._asked_once = False

    def body(self) -> ComposeResult:
        yield Block(id="sentence")
        heads = Block(lambda width: [self._grid(width).head()] if self.model and self.model.rows else [], id="heads")
        rows = Listing["SourceRow"](self._row, key=lambda row: row.number, empty=self._empty, id="sources")
        yield Panel("Records in SAP", heads, rows, id="panel", classes="-fill")
        yield Block(self._about, id="about")

    def read(self) -> ExplanationPage:
        return read_explanation(self.desk, self._question)

    def show(self, model: ExplanationPage) -> None:
        self.query_one("#sentence", Block).tell(lambda width: self._sentence(model, width))
        rows = self._shown(model)
        note = f"{len(rows)} of {len(model.rows)} with {self.filter}" if self.filter else model.rest
        self.query_one("#panel", Panel).head.name_it("Records in SAP", note)
        self.query_one("#heads", Block).tell(lambda width: [self._grid(width).head()] if model.rows else [])
        self.query_one("#sources", Listing).show_rows(rows)
        self.query_one("#about", Block).tell(self._about)
        if self.focused is None and not self.prompt.asks:
            self.restore_focus()
        if model.number is None and not (model.asked or model.error or self._asked_once or self.desk.read_only):
            self.action_look()  # nobody has asked yet: whoever opens this wants to see it

    def tick(self) -> None:
        if self.model is not None and self.model.asked:
            self.reread()

    def path(self) -> Sequence[Part]:
        return (("Audit › ", "muted"), ("explain › ", "muted"), (self.model.title if self.model else "", "ink"))

    def _shown(self, model: ExplanationPage) -> Sequence[SourceRow]:
        words = self.filter.casefold().split()
        return [row for row in model.rows if all(word in _searched(row) for word in words)]

    def _sentence(self, model: ExplanationPage, width: int) -> Sequence[Line]:
        lines = [Line()] if self.short else []
        first, *more = wrap(model.sentence, width - 2, "bright", indent=MARGIN + 2)
        mark = model.mark
        head = Line((f"{mark.glyph} ", mark.role), *first.parts[1:]) if mark else Line(*first.parts)
        shown = more[: _SHORT_SENTENCE - 1] if self.short else more
        if len(shown) < len(more):
            shown[-1].put("…", "muted", limit=width - shown[-1].width)
        lines += [head, *shown]
        if model.error:
            lines += wrap(f"{sentence(model.error)} {sentence(model.hint)}", width, "fail")
        if model.asked:
            lines += wrap(model.asked, width, "accent")
        elif model.told_at is not None:
            at = moment(model.told_at, model.at, self.desk.zone, seconds=True)
            lines += wrap(f"Told {at}, asked by {model.told_by}, explanation {model.number}.", width, "muted")
        advice = wrap(f"Next: {model.advice}.", width, "muted") if model.advice else []
        if self.short:
            known = _labelled(model.facts[-_SHORT_FACTS:], width)
            for part in (advice, known):  # what there is no room for stands behind enter
                lines += part if len(lines) + len(part) <= _SHORT_TOP + 1 else []
            return [*lines, Line()]
        return [*lines, *advice, Line(), *_labelled(model.facts, width), Line()]

    def _grid(self, width: int) -> Grid:
        rows = self.model.rows if self.model else ()
        amount = max((width_of(row.amount) for row in rows), default=0)
        key = max((width_of(row.key) for row in rows), default=0)
        columns = [Col("key", "record", max(key, 12), grow=True)]
        if amount:
            columns += [Col("amount", "amount", max(amount, 12), right=True), Col("currency", "", 3, role="muted")]
        columns += [
            Col("mark", "in Anaplan", 15), Col("run", "run", 6, right=True, role="muted"),
            Col("line", "file line", 10, right=True, rank=2, role="muted"),
            Col("posted", "posted from", 24, rank=1, role="muted"),
        ]  # fmt: skip
        return Grid(columns, width)

    def _row(self, row: SourceRow, width: int, selected: bool) -> Line:
        cells: dict[str, Cell] = {
            "key": (row.key, "bright" if selected else "ink"), "amount": (row.amount, "ink"), "currency": row.currency,
            "mark": ((f"{row.mark.glyph} ", row.mark.role), (row.mark.word, row.mark.word_role)),
            "run": str(row.run or "–"), "line": figure(row.line), "posted": row.posted or "–",
        }  # fmt: skip
        return self._grid(width).line(cells)

    def _about(self, width: int) -> Sequence[Line]:
        row = self.query_one("#sources", Listing).row if self.is_mounted else None
        if row is None:
            return [Line()]
        known = self._known(row)
        if self.short:
            known.sort(key=lambda one: one[0] not in _TELLING)
            return [Line(), *facts(known, label=_LABEL, width=width)[:_SHORT_ABOUT]]
        return [Line(), *facts(known, label=_LABEL, width=width)]

    def _known(self, row: SourceRow) -> list[tuple[str, str]]:
        known, mapping = list(row.facts), self.model.mapping(row) if self.model else None
        if mapping is not None and mapping.changes:
            known.append(("changed then", "; ".join(mapping.changes)))
        return known

    def _empty(self, width: int) -> Sequence[Line]:
        model = self.model
        if self.filter:
            return wrap(f"No record has {self.filter}. esc clears the filter.", width, "muted")
        if model is None or model.number is not None:
            return [] if model is None else wrap("SAP holds no record of it.", width, "muted")
        if model.asked:
            return wrap("What both sides tell stands here in a moment.", width, "muted")
        return wrap("" if self.desk.read_only else "l asks the worker for it.", width, "muted")

    def on_listing_moved(self) -> None:
        self.query_one("#about", Block).tell(self._about)

    def on_listing_chosen(self, event: Listing.Chosen) -> None:
        """All that is told, for which a small screen has no room."""
        model, row = self.model, event.row
        if model is None or row is None:
            return
        parts = (model.sentence, f"Next: {model.advice}." if model.advice else "")

        def told(width: int) -> Sequence[Line]:
            words = [line for part in parts if part for line in [*wrap(part, width, "ink"), Line()]]
            known = (("record", row.key), *self._known(row), *model.facts)
            label = max(width_of(name) + 2 for name, _ in known)
            for name, value in known:
                if label + width_of(value) <= width - 2 * MARGIN:
                    words += facts([(name, value)], label=label, width=width)
                else:
                    words += [Line((name, "muted")), *wrap(value, width, indent=MARGIN + 2)]
            return words

        self.app.push_screen(Tell("Explanation", told))

    def action_look(self) -> None:
        self._asked_once = True
        if self.model is not None and not self.model.asked:
            self.do(lambda: explain_again(self.desk, self._question))

    def action_trace(self) -> None:
        key = self.one_id()
        if key is None:
            self.say("No record is selected.", "warn")
        else:
            self.shell.go(f'about:"{key}"' if " " in key else f"about:{key}")

    def one_id(self) -> str | None:
        row: SourceRow | None = self.query_one("#sources", Listing).row
        return row.key if row else None

    def sheet(self) -> Sheet | None:
        model = self.model
        if model is None or model.number is None:
            return None

        def rows() -> Iterator[Mapping[str, Any]]:
            for row in self._shown(model):
                yield {
                    "record": row.key, "standing": row.mark.word, "amount": row.amount.replace(",", ""),
                    "currency": row.currency, "cell": row.cell, "run": row.run, "line": row.line, "file": row.file,
                    "task": row.task, "mapping": row.mapping, "posted": row.posted, "cause": row.cause,
                    "held": row.held, "origin": row.origin,
                }  # fmt: skip

        return Sheet(f"explanation-{model.number}", _SHEET, rows, self.filter)


def _labelled(known: Sequence[tuple[str, str]], width: int) -> Sequence[Line]:
    return facts(known, label=max((width_of(name) + 2 for name, _ in known), default=_LABEL), width=width)


def _searched(row: SourceRow) -> str:
    return f"{row.key} {row.mark.word} {row.run} {row.posted} {row.cell}".casefold()
