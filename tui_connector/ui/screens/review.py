"""The review of one proposal: identity, gates, the tree of its changes, and the sentence that is signed."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding

from tui_connector.domain.proposal import LineDecision, ProposalState
from tui_connector.domain.sums import FIELDS, Level
from tui_connector.domain.text import clean
from tui_connector.review.amounts import counted
from tui_connector.store.sums import Reading
from tui_connector.ui import jump
from tui_connector.ui.dialogs import decisions
from tui_connector.ui.draw import Line
from tui_connector.ui.export import Sheet
from tui_connector.ui.reviewing import (
    amount_width,
    columns,
    consequence_lines,
    detail_lines,
    gate_lines,
    head_line,
    identity_lines,
    row_line,
)
from tui_connector.ui.screens.base import ConsoleScreen, only_newest
from tui_connector.ui.screens.documents import DocumentsScreen
from tui_connector.ui.screens.flagged import FlaggedScreen
from tui_connector.ui.screens.staleness import StalenessScreen
from tui_connector.ui.widgets.block import Block, Panel
from tui_connector.ui.widgets.branches import Branches
from tui_connector.views.review import lines_of, read_detail, read_review, unopened
from tui_connector.views.tree import names_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual.app import ComposeResult

    from tui_connector.domain.sums import Place
    from tui_connector.store.sums import SumRow
    from tui_connector.ui.dialogs.decide import Decide
    from tui_connector.ui.draw import Col, Part
    from tui_connector.ui.widgets.listing import Listing
    from tui_connector.views.desk import Desk
    from tui_connector.views.review import Detail, Review
    from tui_connector.views.tree import Tree, TreeRow

_MOST = 5000  # lines that one decision is about


class ReviewScreen(ConsoleScreen["Review"]):
    """See the module."""

    DEFAULT_CSS = """
    ReviewScreen #detail { margin-top: 1; margin-bottom: 1; }
    ReviewScreen.-short #detail { margin-bottom: 0; }
    """
    tab = "approvals"
    about = "What would be signed, what is different from the last plan, and what asks for a second look."
    BINDINGS: ClassVar[list[Any]] = [
        Binding("space", "fold", "fold", tooltip="open or close a branch"),
        Binding("right", "fold_to(True)", "open a branch", show=False),
        Binding("left", "fold_to(False)", "close a branch", show=False),
        Binding("u", "unchanged", "unchanged", tooltip="show or hide what has not changed"),
        Binding("o", "order", "order", tooltip="another order of the tree: by center, by account, accounts first"),
        Binding("z", "sort", "largest", tooltip="sort by the change: within the tree, then all places, then by code"),
        Binding(
            "slash",
            "filter",
            "find",
            key_display="/",
            tooltip="go to a center or account, by its number or name",
        ),
        Binding("f", "flagged", "next flag", tooltip="the next place with a line that asks for a second look"),
        Binding("l", "flags", "all flags", tooltip="every line that asks for a second look, and why"),
        Binding("d", "documents", "documents", tooltip="the documents, each with its lines and its balance"),
        Binding("s", "staleness", "staleness", tooltip="whether the plan moved since its export, and what"),
        Binding("v", "range", "mark a range", tooltip="mark rows from here to where you move"),
    ]
    writes: ClassVar[Sequence[Binding]] = (
        Binding("c", "comment", "comment", tooltip="write beside the lines of this row"),
        Binding("x", "hold", "hold", tooltip="hold the lines of this row, or put held ones back"),
        Binding("X", "reject_lines", "reject lines…", tooltip="leave the lines of this row out"),
        Binding("P", "revise", "propose without them…", tooltip="propose again without the lines taken out"),
        Binding("H", "hold_all", "hold or release all…", tooltip="set the whole proposal aside, or release it"),
        Binding("A", "approve", "approve…", tooltip="sign it, by typing its fingerprint"),
        Binding("R", "reject", "reject…", tooltip="end the proposal"),
    )

    def __init__(self, desk: Desk, proposal_id: int) -> None:
        super().__init__(desk)
        self._proposal_id = proposal_id
        self._view = Reading()
        self._tree: Tree | None = None
        self._detail: Detail | None = None
        self._anchor: tuple[Place, int, bool] | None = None
        self._looked: frozenset[Place] = frozenset()
        self._amount = 12
        self._sought = ""
        self._begun = self._looks = 0

    @property
    def bar(self) -> Sequence[tuple[str, str]]:  # type: ignore[override]  # fewer where there is less room
        """The keys that are told; a small screen has room for what decides."""
        return (
            *((("space", "fold"),) if not self.compact else ()), ("d", "documents"),
            *((("s", "staleness"),) if not self.compact else ()), ("c", "comment"), ("x", "hold"), ("A", "approve…"),
            ("R", "reject…"), ("u", "unchanged"),
        )  # fmt: skip

    def body(self) -> ComposeResult:
        yield Block(id="identity")
        yield Block(id="gates")
        tree = Branches(
            self._line, key=lambda row: row.key, selectable=lambda row: not row.total, empty=self._empty, id="tree"
        )
        yield Panel("Changes", Block(self._heads, id="heads"), tree, id="changes", classes="-fill")
        yield Block(self._details, id="detail")
        yield Block(id="consequence")

    def read(self) -> Review:
        return read_review(self.desk, self._proposal_id)

    def show(self, model: Review) -> None:
        small = self.compact or self.short
        self.query_one("#identity", Block).tell(lambda width: identity_lines(model, width, small=small))
        self.query_one("#gates", Block).tell(lambda width: gate_lines(model, width, small=self.short))
        self.query_one("#consequence", Block).tell(lambda width: consequence_lines(model, width, small=self.short))
        self.query_one("#detail", Block).tell(self._details)
        self._name_changes(model)
        if self._tree is None:  # how much is opened depends on the room that the rest leaves
            self.call_after_refresh(self._begin_once)
        elif (self._tree.taken_out, self._tree.proposal) != (model.taken_out, model.proposal):
            self.run_worker(self._change(replace(self._tree, taken_out=model.taken_out, proposal=model.proposal)))
            self._look_closer(self._rows.row)

    def path(self) -> Sequence[Part]:
        if self.model is None:
            return (("Approvals", "muted"),)
        return (
            ("Approvals › ", "muted"), (self.model.proposal.name, "ink"), (f"  {self.model.title}", "ink"),
            (f"   {self.model.mark.glyph} {self.model.mark.word}", self.model.mark.role),
        )  # fmt: skip

    def one_id(self) -> str | None:
        return self.model.proposal.fingerprint if self.model else None

    def action_filter(self) -> None:
        self.prompt.ask("/", self._sought)

    def filter_by(self, text: str) -> None:
        """Nothing of a proposal is left out of sight: "/" finds, and the same words again find what comes next."""
        self._sought = text
        if text:
            only_newest(self, "find", self._find, text)

    async def _find(self, text: str) -> None:
        model, row = self.model, self._rows.row
        if model is None:
            return
        after = row.place if row and row.place.level is Level.PLACE else None
        sums, sap, unchanged = self.desk.store.sums, model.proposal.head.sap, self._view.unchanged

        def look() -> SumRow | None:
            begin = partial(sums.find, self._proposal_id, sap, text.split(), unchanged=unchanged)
            return (begin(after) if after else None) or begin()

        found = await self.shell.in_thread(look)
        if not self.present:
            return
        if found is None:
            self.say(f"No {'' if unchanged else 'changed '}place has {clean(text)} in its numbers or names.")
            return
        await self._go_to(found.place)

    def sheet(self) -> Sheet | None:
        model = self.model
        if model is None:
            return None
        names = ("company", "center", "account")
        heads = ("company_code", "company", "cost_center", "center", "gl_account", "account", "currency", "lines",
                 "change", "last_plan", "new_plan", "delta", "posted", "debit", "credit", "flagged",
                 "taken_out")  # fmt: skip
        reading = self._view

        def rows() -> Iterable[dict[str, Any]]:
            for row in replace(model.tree(self.desk, reading), whole=True).each():
                if row.total or row.part or row.place.level is not Level.PLACE:
                    continue
                called = names_of(self.desk.store, model.proposal.head.sap, [row.place])
                told = {member.field: name for member, name in called.items()}
                place, sums = row.place, row.sums
                yield {
                    **{field: getattr(place, field) for field in FIELDS},
                    **{name: told.get(field, "") for name, field in zip(names, FIELDS, strict=True)},
                    "currency": place.currency, "lines": sums.lines, "change": row.change.word, "last_plan": sums.last,
                    "new_plan": sums.wanted, "delta": sums.delta, "posted": sums.posted, "debit": sums.debit,
                    "credit": sums.credit, "flagged": sums.flagged, "taken_out": row.taken_out,
                }  # fmt: skip

        shown = f"{model.proposal.name} {model.proposal.fingerprint}"
        told = "all" if self._view.unchanged else "changed only"
        return Sheet(f"review-{model.proposal.name}", heads, rows, f"{shown}, {told}")

    # --- the tree ---------------------------------------------------------------------------------------------

    @property
    def _rows(self) -> Branches:
        return self.query_one("#tree", Branches)

    def _begin_once(self) -> None:
        if self._tree is None:
            self._show_anew()

    async def _begin(self, model: Review, at: Place | None, mine: int) -> None:
        """Show the tree in another reading; the cursor goes to a place, else to the beginning."""
        room = max(self._rows.size.height, 8)

        def make() -> tuple[Tree, TreeRow | None, int]:
            tree = model.tree(self.desk, self._view)
            first = tree.after(None, room)
            first += replace(tree, reading=replace(self._view, flat=True)).after(None, 4) + tree.totals()
            tree = tree.unfolded(room - len(model.sums)) if not self._view.flat else tree
            if at is not None:
                tree = tree.to(at)
            return tree, tree.row(at) if at is not None else None, amount_width(first)

        tree, row, amount = await self.shell.in_thread(make)
        if mine != self._begun or not self.present:
            return
        self._amount = amount
        self._tree, self._anchor = tree, None
        await self._rows.show_tree(tree, row)
        self._name_changes(model)
        self.query_one("#heads", Block).tell(self._heads)

    async def _change(self, tree: Tree) -> None:
        self._tree = tree
        await self._rows.change(tree)

    def _reshow(self) -> None:
        row = self._rows.row
        self._show_anew(row.place if row and row.place.level is Level.PLACE else None)

    def _show_anew(self, at: Place | None = None) -> None:
        if (model := self.model) is not None:
            self._begun += 1
            self.run_worker(self._begin(model, at, self._begun), group="tree")

    def _name_changes(self, model: Review) -> None:
        self.query_one("#changes", Panel).head.name_it("Changes", self._note(model))

    def _note(self, model: Review) -> str:
        if self.compact:
            return f"{model.changed:,} of {counted(model.proposal.lines, 'line')}"
        parts = [f"{model.flagged:,} with a flag"] if model.flagged else []
        return ", ".join([*parts, model.note(self._view)])

    # --- keys that only look ------------------------------------------------------------------------------------

    async def action_fold(self) -> None:
        """Open or close the branch under the cursor; a leaf closes the one it is on."""
        row = self._rows.row
        if row is not None:
            await self._fold(row, open=not row.open)

    async def action_fold_to(self, open: bool) -> None:
        row = self._rows.row
        if row is not None and (not open or row.folds):
            await self._fold(row, open=open)

    async def _fold(self, row: TreeRow, *, open: bool) -> None:
        if self._tree is None:
            return
        place: Place | None = row.place
        if row.part or (row.folds and row.open is not open):
            await self._change(self._tree.opened_with(row.place, open=open and not row.part))
        elif not open and (place := self._view.parent(row.place)) is not None:
            await self._change(self._tree.opened_with(place, open=False))
        if place is not None:
            self._rows.find((place, 0, False))

    def action_unchanged(self) -> None:
        self._view = replace(self._view, unchanged=not self._view.unchanged)
        self._reshow()

    def action_order(self) -> None:
        self._view = replace(self._view, order=self._view.order.next, flat=False)
        self._reshow()

    def action_sort(self) -> None:
        """By code, then the largest change of each branch first, then of all places."""
        now = self._view
        if now.flat:
            self._view = replace(now, by_delta=False, flat=False)
        else:
            self._view = replace(now, by_delta=True, flat=now.by_delta)
        self._show_anew()

    async def action_flagged(self) -> None:
        """The next place with a flagged line, from the beginning again after the last."""
        model, row = self.model, self._rows.row
        if model is None:
            return
        after = row.place if row and row.place.level is Level.PLACE else None
        sums = self.desk.store.sums

        def look() -> Place | None:
            found = sums.flagged(self._proposal_id, after) or sums.flagged(self._proposal_id)
            return found[0].place if found else None

        place = await self.shell.in_thread(look)
        if not self.present:
            return
        if place is None:
            self.say("No line asks for a second look.")
            return
        await self._go_to(place)

    async def _go_to(self, place: Place) -> None:
        if not self._rows.find((place, 0, False)):
            await self._show_place(place)

    async def _show_place(self, place: Place) -> None:
        """Open what lies above a place and go there."""
        tree = self._tree
        if tree is None:
            return

        def find() -> tuple[Tree, TreeRow | None]:
            opened = tree.to(place)
            return opened, opened.row(place)

        found = await self.shell.in_thread(find)
        if not self.present:
            return
        self._tree = found[0]
        await self._rows.show_tree(*found)

    def action_flags(self) -> None:
        def chosen(place: Place | None) -> None:
            if place is not None:
                self.run_worker(self._show_place(place))

        self.app.push_screen(FlaggedScreen(self.desk, self._proposal_id, chosen))

    def action_documents(self) -> None:
        self.app.push_screen(DocumentsScreen(self.desk, self._proposal_id))

    def action_staleness(self) -> None:
        self.app.push_screen(StalenessScreen(self.desk, self._proposal_id))

    def action_range(self) -> None:
        """Begin or end a range."""
        row = self._rows.row
        self._anchor = row.key if row is not None and self._anchor is None else None
        self._rows.refresh()

    def action_back(self) -> None:
        if self._anchor is not None:
            self._anchor = None
            self._rows.refresh()
        else:
            super().action_back()

    def on_listing_moved(self, event: Listing.Moved) -> None:
        if self._anchor is not None:
            self._rows.refresh()
        self._look_closer(event.row)

    def on_listing_chosen(self) -> None:
        self.run_worker(self.action_fold())

    def _look_closer(self, row: TreeRow | None) -> None:
        model = self.model
        if row is not None and model is not None:
            self._looks += 1
            self.run_worker(self._look(model, row, self._looks), group="detail")

    async def _look(self, model: Review, row: TreeRow, mine: int) -> None:
        detail = await self.shell.in_thread(lambda: read_detail(self.desk, model.proposal, row))
        if mine != self._looks or not self.present:  # the cursor has moved on, or the person
            return
        self._detail = detail
        if row.place.level is Level.PLACE and row.flagged:
            self._looked |= {row.place}
        self.query_one("#detail", Block).tell(self._details)

    # --- keys that decide -------------------------------------------------------------------------------------

    def _chosen(self) -> list[TreeRow]:
        """The rows in the range, or the one under the cursor."""
        rows, row = self._rows, self._rows.row
        if self._anchor is None:
            return [row] if row is not None else []
        keys = [one.key for one in rows.rows]
        if self._anchor not in keys:
            return [row] if row is not None else []
        first, last = sorted((keys.index(self._anchor), rows.index))
        return [one for one in rows.rows[first : last + 1] if not one.total]

    async def _about_lines(self) -> tuple[str, bool] | None:
        """The numbers of the chosen lines, as a person would write them, and whether all of them are taken out."""
        model, rows = self.model, self._chosen()
        if model is None or not rows:
            return None
        numbers = await self.shell.in_thread(lambda: lines_of(self.desk, model.proposal, rows, _MOST))
        if not numbers:
            self.say("Nothing of this row is to be posted.", "warn")
            return None
        if len(numbers) > _MOST:
            self.say(f"These are more than {_MOST:,} lines: open the branch and choose fewer.", "warn")
            return None
        out = all(row.line is not None and row.taken_out for row in rows)
        return _spans(numbers), out

    async def action_comment(self) -> None:
        if self.model is not None and (about := await self._about_lines()):
            self._ask(decisions.comment(self.desk, self.model.proposal, about[0]))

    async def action_hold(self) -> None:
        if self.model is not None and (about := await self._about_lines()):
            decision = LineDecision.NONE if about[1] else LineDecision.HELD
            self._ask(decisions.decide_lines(self.desk, self.model.proposal, decision, about[0]))

    async def action_reject_lines(self) -> None:
        if self.model is not None and (about := await self._about_lines()):
            self._ask(decisions.decide_lines(self.desk, self.model.proposal, LineDecision.REJECTED, about[0]))

    def action_revise(self) -> None:
        if self.model is not None:
            self._ask(decisions.revise(self.desk, self.model.proposal))

    def action_hold_all(self) -> None:
        if self.model is not None:
            held = self.model.proposal.state is ProposalState.HELD
            self._ask((decisions.release if held else decisions.hold)(self.desk, self.model.proposal))

    async def action_approve(self) -> None:
        if (model := self.model) is not None:
            left = await self.shell.in_thread(lambda: unopened(self.desk, model.proposal, self._looked))
            self._ask(decisions.approve(self.desk, model.proposal, left))

    def action_reject(self) -> None:
        if self.model is not None:
            self._ask(decisions.reject(self.desk, self.model.proposal))

    def _ask(self, dialog: Decide) -> None:
        def answered(told: str | None) -> None:
            self.reread()
            if told:
                self._anchor = None
                self.greet(told)

        self.app.push_screen(dialog, answered)

    # --- drawing ----------------------------------------------------------------------------------------------

    def _columns(self) -> list[Col]:
        return columns(self._view, self._amount, small=self.compact)

    def _heads(self, width: int) -> Sequence[Line]:
        return [head_line(self._columns(), width)] if self.model else [Line()]

    def _line(self, row: TreeRow, width: int, selected: bool) -> Line:
        chosen = self._anchor is not None and any(one.key == row.key for one in self._chosen())
        return row_line(row, self._columns(), width, selected=selected, chosen=chosen)

    def _details(self, width: int) -> Sequence[Line]:
        return detail_lines(self._detail, width, small=self.short)

    def _empty(self, width: int) -> Sequence[Line]:
        return [Line(("Nothing changed: the plan is as it was posted. u shows all of it.", "muted"))]


def _spans(numbers: Sequence[int]) -> str:
    """Numbers as a person writes them: 3,7-9."""
    told: list[str] = []
    first = last = numbers[0]
    for number in [*numbers[1:], -1]:
        if number == last + 1:
            last = number
            continue
        told.append(str(first) if first == last else f"{first}-{last}")
        first = last = number
    return ",".join(told)


jump.leads_to("approvals", ReviewScreen)
