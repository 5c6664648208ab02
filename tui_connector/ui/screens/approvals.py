"""Approvals: which proposals wait, since when, how large, and who must sign."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding

from tui_connector.review.amounts import counted, money
from tui_connector.ui.draw import Col, Grid, Line, facts, rule, width_of, wrap
from tui_connector.ui.export import Sheet
from tui_connector.ui.screens.base import ConsoleScreen
from tui_connector.ui.screens.documents import DocumentsScreen
from tui_connector.ui.screens.review import ReviewScreen
from tui_connector.ui.widgets.block import Block
from tui_connector.ui.widgets.listing import Listing
from tui_connector.views.approvals import ApprovalRow, read_approvals, target

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual.app import ComposeResult

    from tui_connector.ui.draw import Cell
    from tui_connector.views.approvals import Approvals

# A row of the list: a proposal with one of its amounts, or (without one) the head of a group.
_Row = tuple[str, ApprovalRow | None, str, bool]
_LABEL = 14


class ApprovalsScreen(ConsoleScreen["Approvals"]):
    """See the module."""

    DEFAULT_CSS = "ApprovalsScreen #about { height: 7; } ApprovalsScreen.-short #about { height: 4; }"
    tab = "approvals"
    about = "Proposals that wait for a signature, those being posted, and those that ended; enter reviews one."
    BINDINGS: ClassVar[list[Any]] = [
        Binding("z", "sort", "by size", tooltip="the largest first, or the oldest first"),
        Binding("d", "documents", "documents", tooltip="the documents of this proposal, and what became of them"),
    ]

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._by_size = False
        self._group = ""
        self._laid: dict[int, list[Col]] = {}

    @property
    def bar(self) -> Sequence[tuple[str, str]]:  # type: ignore[override]  # the word of a key changes with what it does
        """The keys of this screen."""
        return (
            ("enter", "review"), ("d", "documents"), ("z", "by age" if self._by_size else "by size"), ("/", "filter"),
            ("e", "export"), ("y", "fingerprint"),
        )  # fmt: skip

    def body(self) -> ComposeResult:
        yield Block(id="sentence")
        yield Listing[_Row](
            self._line, key=lambda row: (row[0], row[1].name if row[1] else "", row[2]),
            selectable=lambda row: row[1] is not None and row[3], empty=self._empty, id="proposals",
        )  # fmt: skip
        yield Block(self._about, id="about")

    def read(self) -> Approvals:
        return read_approvals(self.desk, by_size=self._by_size, filter=self.filter)

    def show(self, model: Approvals) -> None:
        self._laid.clear()
        self.query_one("#sentence", Block).tell(lambda width: self._sentence(model, width))
        self.query_one("#proposals", Listing).show_rows(list(self._rows(model)))
        self.query_one("#about", Block).tell(self._about)

    def one_id(self) -> str | None:
        row = self._selected
        return row.proposal.fingerprint if row else None

    def sheet(self) -> Sheet | None:
        model = self.model
        if model is None:
            return None
        columns = ("proposal", "fingerprint", "state", "subject", "documents", "lines", "currency", "gross", "made_at",
                   "expires_at", "target", "who", "waits_for", "flagged", "taken_out")  # fmt: skip

        def rows() -> Iterable[dict[str, Any]]:
            for _, group in model.groups:
                for row in group:
                    one = row.proposal
                    for currency, amount in row.gross.items() or [("", None)]:
                        yield {
                            "proposal": row.name, "fingerprint": one.fingerprint, "state": one.state.value,
                            "subject": row.subject, "documents": one.documents, "lines": one.lines,
                            "currency": currency, "gross": amount, "made_at": one.made_at,
                            "expires_at": one.expires_at, "target": target(one), "who": row.signed,
                            "waits_for": row.waits, "flagged": row.flagged, "taken_out": row.taken_out,
                        }  # fmt: skip

        return Sheet("approvals", columns, rows, self.filter)

    # --- keys -------------------------------------------------------------------------------------------------

    def action_sort(self) -> None:
        self._by_size = not self._by_size
        self.show_keys()
        self.reread()

    def action_documents(self) -> None:
        if row := self._selected:
            self.app.push_screen(DocumentsScreen(self.desk, row.proposal.id))

    def on_listing_chosen(self, event: Listing.Chosen) -> None:
        self.app.push_screen(ReviewScreen(self.desk, event.row[1].proposal.id))

    def on_listing_moved(self, event: Listing.Moved) -> None:
        group = event.row[0] if event.row else ""
        if group != self._group:
            self._group = group
            event.listing.refresh()
        self.query_one("#about", Block).tell(self._about)

    @property
    def _selected(self) -> ApprovalRow | None:
        row: _Row | None = self.query_one("#proposals", Listing).row
        return row[1] if row else None

    # --- drawing ----------------------------------------------------------------------------------------------

    def _rows(self, model: Approvals) -> Iterable[_Row]:
        for at, (title, rows) in enumerate(model.groups):
            if at:
                yield f"{title} above", None, "", False
            yield title, None, f"{len(rows):,}", False
            for row in rows:
                amounts = [f"{money(value, currency)} {currency}" for currency, value in sorted(row.gross.items())]
                yield title, row, amounts[0] if amounts else "–", True
                if not self.short:
                    yield from ((title, row, amount, False) for amount in amounts[1:])

    def _sentence(self, model: Approvals, width: int) -> Sequence[Line]:
        lines = wrap(model.sentence, width, "bright")
        if model.then and not self.short:
            lines += wrap(model.then, width, "muted")
        return [*([Line()] if self.short else []), *lines, Line()]

    def _line(self, row: _Row, width: int, selected: bool) -> Line:
        title, one, told, first = row
        if one is None:
            return rule(title, told, width, active=title == self._group) if told else Line()
        columns = self._columns(width)
        quiet = one.proposal.state.ended
        amount = (told, "bright" if not quiet else "ink")
        if not first:
            return Grid(columns, width).line({"amount": amount})
        flags: Cell = ("▲", "warn") if one.flagged else None
        if one.taken_out:
            flags = (("▲", "warn"), ("◇", "muted")) if one.flagged else ("◇", "muted")
        more = len(one.gross) - 1
        cells: dict[str, Cell] = {
            "mark": ((f"{one.mark.glyph} ", one.mark.role), (one.mark.word, one.mark.word_role)),
            "name": (one.name, "ink" if quiet else "bright"),
            "subject": (one.subject, "bright" if selected else "ink"),
            "flags": flags if not quiet else None,
            "documents": (counted(one.proposal.documents, "document"), "muted" if quiet else "ink"),
            "amount": (amount, (f" +{more}", "muted")) if more > 0 and self.short else amount,
            "who": (one.who, "muted"), "wait": (one.wait, "muted"),
        }  # fmt: skip
        return Grid(columns, width).line(cells)

    def _columns(self, width: int) -> list[Col]:
        """As wide as what stands in them; what is left is the subject's."""
        if width not in self._laid:
            self._laid[width] = self._lay()
        return self._laid[width]

    def _lay(self) -> list[Col]:
        rows = [row for _, rows in self.model.groups for row in rows] if self.model else []
        amounts = [f"{money(value, currency)} {currency}" for row in rows for currency, value in row.gross.items()]
        columns = [Col("mark", width=2 + _widest(row.mark.word for row in rows)), Col("name", width=8)]
        if self.compact:
            columns += [Col("flags", width=3, right=True), Col("amount", width=4, grow=True, right=True)]
        else:
            columns += [
                Col("subject", width=16, grow=True), Col("flags", width=2, right=True, gap=1),
                Col("documents", width=13, right=True, gap=1), Col("amount", width=_widest(amounts), right=True),
                Col("who", width=min(_widest(row.who for row in rows), 28), gap=3, rank=1),
            ]  # fmt: skip
        return [*columns, Col("wait", width=_widest(row.wait for row in rows), right=True)]

    def _about(self, width: int) -> Sequence[Line]:
        row = self._selected if self.is_mounted else None
        if row is None:
            return []
        one = row.proposal
        told: list[tuple[str, Cell]] = [
            ("into", ((target(one), "bright"), (f"   {one.short}", "muted"))),
            ("signatures", row.signed),
            ("waits for", row.waits or "–"),
        ]
        if not self.short:
            asks = [f"{counted(row.flagged, 'line')} with a flag"] if row.flagged else []
            asks += [f"{counted(row.taken_out, 'line')} held or rejected"] if row.taken_out else []
            told.append(("to look at", ", ".join(asks) or "nothing is flagged"))
        head = [] if self.short else [Line()]
        title = f"{row.name} {row.subject}"
        return [*head, rule(title, row.mark.word, width, active=False), *facts(told, label=_LABEL, width=width)]

    def _empty(self, width: int) -> Sequence[Line]:
        if self.filter:
            return [Line((f"No proposal matches {self.filter}. esc clears the filter.", "muted"))]
        return wrap(
            "There is no proposal. A writeback flow makes one when its plan is approved in Anaplan.", width, "muted"
        )


def _widest(texts: Iterable[str]) -> int:
    return max(map(width_of, texts), default=8)
