"""The tree of a proposal's changes as rows: read from the store a page at a time, in both directions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

from tui_connector.domain.ledger import same_number
from tui_connector.domain.names import Member
from tui_connector.domain.proposal import Change, LineDecision, LineKind
from tui_connector.domain.sums import Level, Place, Running, Sums
from tui_connector.domain.text import clean
from tui_connector.review.amounts import ABSENT, counted, money, percent, signed
from tui_connector.review.marks import SIGNS
from tui_connector.views.marks import Mark

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tui_connector.domain.proposal import Proposal, ProposedLine
    from tui_connector.store.store import Store
    from tui_connector.store.sums import Reading, SumRow

_PAGE = 48
_ROLES = {
    Change.NEW: "more", Change.CHANGED: "ink", Change.WITHDRAWN: "less", Change.UNCHANGED: "muted",
    Change.INDIRECT: "muted",
}  # fmt: skip
NO_CENTER = "no center"


@dataclass(frozen=True, slots=True)
class TreeRow:
    """One row. code, name: what it stands for. where: the rest of its place, told where there is no tree above it.

    folds: whether rows can stand below it; open: whether they do. change: a sign and its word, or how many lines.
    flagged: lines with a flag. taken_out: lines that people held or rejected. line: the only one it stands for. part:
    whether it is one line of a place that has several.
    """

    place: Place
    depth: int
    code: str
    name: str
    sums: Sums
    change: Mark
    folds: bool = False
    open: bool = False
    where: str = ""
    flagged: int = 0
    taken_out: int = 0
    line: ProposedLine | None = None
    part: bool = False
    total: bool = False

    @property
    def key(self) -> tuple[Place, int, bool]:
        """What tells it from every other row."""
        return self.place, self.line.number if self.line and self.part else 0, self.total

    @property
    def currency(self) -> str:
        return self.place.currency

    @property
    def own(self) -> bool:
        """Whether it holds nothing but lines of the connector."""
        return self.sums.own == self.sums.lines

    @property
    def last(self) -> str:
        return ABSENT if self.own else money(self.sums.last, self.currency)

    @property
    def wanted(self) -> str:
        return ABSENT if self.own else money(self.sums.wanted, self.currency)

    @property
    def delta(self) -> str:
        return ABSENT if self.own else signed(self.sums.delta, self.currency)

    @property
    def percent(self) -> str:
        return ABSENT if self.own else percent(self.sums.delta, self.sums.last)

    @property
    def posted(self) -> str:
        return (
            ABSENT if self.own or not (self.sums.posted or self.sums.last) else money(self.sums.posted, self.currency)
        )

    @property
    def to_post(self) -> tuple[str, str]:
        """The side and the amount: "=" where debit equals credit below it, else what is left of the two."""
        net, gross = self.sums.net, self.sums.gross
        if not gross:
            return "", ABSENT
        if not net:
            return "=", money(gross, self.currency)
        return ("Dr" if net > 0 else "Cr"), money(abs(net), self.currency)

    @property
    def words(self) -> str:
        """The row as one line of words."""
        name = " ".join(part for part in (self.code, self.name, self.where) if part)
        side, amount = self.to_post
        sides = {"=": "debit equals credit", "Dr": "debit", "Cr": "credit"}
        post = f"to post {sides[side]} {amount} {self.currency}" if side else "nothing to post"
        if self.total:
            return f"gross {post}"
        parts = [
            name, self.change.word, f"last plan {self.last}", f"new plan {self.wanted}",
            f"delta {self.delta} {self.currency}", f"posted {self.posted}", post,
        ]  # fmt: skip
        parts += [f"{counted(self.flagged, 'flagged line')}"] if self.flagged else []
        parts += [f"{counted(self.taken_out, 'line')} taken out"] if self.taken_out else []
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Tree:
    """Rows of one proposal, read in one way, with some places open, or all down to the places of lines (whole).

    taken_out: lines taken out below each place.
    """

    store: Store
    proposal: Proposal
    reading: Reading
    opened: frozenset[Place] = frozenset()
    taken_out: Mapping[Place, int] = field(default_factory=dict)
    whole: bool = False

    def each(self) -> Iterator[TreeRow]:
        """Every row that is shown, read a page at a time."""
        return self._forward(None)

    def after(self, row: TreeRow | None, count: int) -> list[TreeRow]:
        """The rows after one, nearest first; from the beginning with None."""
        return list(islice(self._forward(row), count))

    def before(self, row: TreeRow | None, count: int) -> list[TreeRow]:
        """The rows before one, in the order shown; from the end with None."""
        return list(islice(self._backward(row), count))[::-1]

    def opened_with(self, place: Place, *, open: bool) -> Tree:  # noqa: A002 - the branch's own word
        """The same with a place opened or closed."""
        return replace(self, opened=self.opened | {place} if open else self.opened - {place})

    def unfolded(self, room: int) -> Tree:
        """The same with branches open from above, as far as a screen of `room` rows has place for them."""
        roots = [row for row in self.after(None, room) if not row.total]
        opened, left = set(self.opened), room - len(roots)
        for root in roots:
            below = self._sums(root.place, limit=max(left, 0) + 1) if root.folds else []
            if opened and len(below) > left:
                break
            opened.add(root.place)
            left -= len(below)
            for one in below:
                leaves = self._sums(one.place, limit=max(left, 0) + 1)
                if len(leaves) > left:
                    break
                opened.add(one.place)
                left -= len(leaves)
        return replace(self, opened=frozenset(opened))

    def to(self, place: Place) -> Tree:
        """The same with everything open above a place."""
        opened, above = self.opened, self.reading.parent(place)
        while above is not None:
            opened |= {above}
            above = self.reading.parent(above)
        return replace(self, opened=opened)

    def row(self, place: Place) -> TreeRow | None:
        """The row of one place, whether it is shown or not."""
        found = self.store.sums.get(self.proposal.id, place)
        return self._rows([found])[0] if found else None

    def totals(self) -> list[TreeRow]:
        """What all of it comes to, a row for each currency."""
        nothing = Mark("", "", "muted")
        return [
            TreeRow(Place(Level.ALL, "", "", "", currency), 0, "gross to post", "", sums, nothing, total=True)
            for currency, sums in self.store.sums.totals(self.proposal.id).items()
        ]

    # --- walking ------------------------------------------------------------------------------------------------

    def _forward(self, row: TreeRow | None) -> Iterator[TreeRow]:
        if row is None:
            yield from self._below(None)
        elif not row.total:
            if row.open:
                yield from self._below(row.place)
            place: Place | None = row.place
            if row.key[1]:  # a line: the others of its place come first
                yield from self._lines(row.place, row.key[1])
            while place is not None:
                above = self.reading.parent(place)
                yield from self._below(above, beside=place)
                place = above
        totals = self.totals()
        if row is not None and row.total:
            totals = totals[[one.place for one in totals].index(row.place) + 1 :]
        yield from totals

    def _below(self, parent: Place | None, beside: Place | None = None) -> Iterator[TreeRow]:
        """Everything shown below a place, after one of its children."""
        if parent is not None and parent.level is Level.PLACE:
            yield from self._lines(parent)
            return
        while page := self._rows(self._sums(parent, beside)):
            for row in page:
                yield row
                if row.open:
                    yield from self._below(row.place)
            beside = page[-1].place

    def _backward(self, row: TreeRow | None) -> Iterator[TreeRow]:
        totals = self.totals()[::-1]
        if row is None or row.total:
            if row is not None:
                totals = totals[[one.place for one in totals].index(row.place) + 1 :]
            yield from totals
            yield from self._above(None)
            return
        place: Place | None = row.place
        if row.key[1]:
            yield from self._lines(row.place, row.key[1], backwards=True)
            if (own := self.row(row.place)) is not None:
                yield own
        while place is not None:
            above = self.reading.parent(place)
            yield from self._above(above, beside=place)
            if above is not None and (own := self.row(above)) is not None:
                yield own
            place = above

    def _above(self, parent: Place | None, beside: Place | None = None) -> Iterator[TreeRow]:
        """Everything shown below a place, before one of its children, the nearest first."""
        if parent is not None and parent.level is Level.PLACE:
            yield from self._lines(parent, backwards=True)
            return
        while page := self._rows(self._sums(parent, beside, backwards=True)):
            for row in page:
                if row.open:
                    yield from self._above(row.place)
                yield row
            beside = page[-1].place

    # --- rows ---------------------------------------------------------------------------------------------------

    def _sums(
        self, parent: Place | None, beside: Place | None = None, *, backwards: bool = False, limit: int = _PAGE
    ) -> list[SumRow]:
        return self.store.sums.children(
            self.proposal.id, self.reading, parent, beside=beside, backwards=backwards, limit=limit
        )

    def _lines(self, place: Place, beside: int | None = None, *, backwards: bool = False) -> Iterator[TreeRow]:
        while page := self.store.sums.lines(
            self.proposal.id, place, beside, _PAGE, unchanged=self.reading.unchanged, backwards=backwards
        ):
            flags = self.store.sums.flags(self.proposal.id, [line.number for line in page])
            for line in page:
                yield self._line(place, line, flagged=line.number in flags)
            beside = page[-1].number

    def _line(self, place: Place, line: ProposedLine, *, flagged: bool) -> TreeRow:
        running = Running()
        running.add(line, flagged=flagged)
        own = line.kind is not LineKind.PLAN
        return TreeRow(
            place, 1 if self.reading.flat else 3, f"line {line.number}", clean(line.text or line.key), running.done(),
            change_mark(running.done()) if not own else Mark(" ", str(line.kind), "muted"), flagged=int(flagged),
            taken_out=int(line.decision is not LineDecision.NONE), line=line, part=True,
        )  # fmt: skip

    def _rows(self, found: Sequence[SumRow]) -> list[TreeRow]:
        names = names_of(self.store, self.proposal.head.sap, [one.place for one in found])
        return [self._row(one, names) for one in found]

    def _row(self, one: SumRow, names: Mapping[Member, str]) -> TreeRow:
        place, depth = one.place, self.reading.depth(one.place)
        field = "gl_account" if self.reading.flat else self.reading.order.fields[depth]
        leaf, unchanged = place.level is Level.PLACE, self.reading.unchanged
        line = None
        if leaf and (one.sums.lines if unchanged else one.sums.changed + one.sums.own) == 1:
            line = self.store.sums.lines(self.proposal.id, place, limit=1, unchanged=unchanged)[0]
        where = ""
        if self.reading.flat:
            center = same_number(place.cost_center) if place.cost_center else NO_CENTER
            where = f"on {center} {names.get(member(place, 'cost_center'), '')}".rstrip() + f" in {place.company_code}"
        return TreeRow(
            place, depth, clean(same_number(getattr(place, field))) if getattr(place, field) else NO_CENTER,
            names.get(member(place, field), ""), one.sums, change_mark(one.sums), not leaf or line is None,
            (self.whole and not leaf) or (place in self.opened and line is None),
            clean(where), one.sums.flagged, self.taken_out.get(place, 0), line,
        )  # fmt: skip


def change_mark(sums: Sums) -> Mark:
    """What became of the lines of a sum: sign and word of the only one that changed, or how many did."""
    if sums.own == sums.lines:
        return Mark(" ", "connector", "muted")
    moved = [change for change in sums.changes if change is not Change.UNCHANGED]
    if not moved and not sums.own:
        return Mark(SIGNS[Change.UNCHANGED], Change.UNCHANGED.value, "muted")
    if sums.changed == 1 and not sums.own:
        return Mark(SIGNS[moved[0]], moved[0].value, _ROLES[moved[0]])
    return Mark("", counted(sums.changed + sums.own, "line"), "muted")


def member(place: Place, field: str) -> Member:
    """The member that a field of a place names."""
    company = "" if field == "company_code" else place.company_code
    return Member(field, company, getattr(place, field))


def names_of(store: Store, sap: str, places: Sequence[Place]) -> dict[Member, str]:
    """What SAP calls the members of these places; an account above its company codes only where all of them agree."""
    members = {member(place, field) for place in places for field in place.level.fields if getattr(place, field)}
    known = store.names.of(sap, members)
    above = [one for one in members if not one.company_code and one.field != "company_code"]
    if above:
        known |= store.names.common(sap, above)
    return {one: clean(name) for one, name in known.items()}


def place_words(store: Store, sap: str, place: Place) -> str:
    """A place as a person names it: 65100000 Ext. services on 4711 Assembly."""
    names = names_of(store, sap, [place])

    def told(field: str) -> str:
        code = getattr(place, field)
        return clean(f"{same_number(code)} {names.get(member(place, field), '')}".rstrip()) if code else ""

    match place.level:
        case Level.ALL:
            return "all lines"
        case Level.COMPANY:
            return told("company_code")
        case Level.ACCOUNT:
            return told("gl_account")
        case Level.COMPANY_CENTER:
            return f"{told('cost_center') or NO_CENTER} in {place.company_code}"
        case Level.COMPANY_ACCOUNT:
            return f"{told('gl_account')} in {place.company_code}"
    center = f"on {told('cost_center')}" if place.cost_center else "without a center"
    return f"{told('gl_account')} {center}"
