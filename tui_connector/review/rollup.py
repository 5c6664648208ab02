"""Lines summed by company code, center and account, and what posting them would come to in one sentence."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from tui_connector.domain.proposal import Change, LineKind
from tui_connector.review.amounts import by_currency, counted, total

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tui_connector.domain.proposal import PostingDocument, Proposal, ProposedLine

ORDER = ("company_code", "cost_center", "gl_account")
_Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sums:
    """Exact sums of one currency.

    last, wanted, posted: of the plan's own lines; last is None when none of them was in an approved plan before.
    debit, credit: to post, both positive. own: lines of the connector, which balance and round; they count only there.
    changes: the plan's lines by class.
    """

    lines: int
    own: int
    last: Decimal | None
    wanted: Decimal
    posted: Decimal
    debit: Decimal
    credit: Decimal
    changes: Mapping[Change, int]

    @property
    def delta(self) -> Decimal:
        return self.wanted - (self.last or 0)

    @property
    def quiet(self) -> bool:
        """Whether the plan is as it was and nothing is to post."""
        return not (self.delta or self.debit or self.credit) and set(self.changes) <= {Change.UNCHANGED}

    @classmethod
    def of(cls, parts: Sequence[Sums]) -> Sums:
        """The sum of sums of one currency."""
        known = [part.last for part in parts if part.last is not None]
        changes: Counter[Change] = Counter()
        for part in parts:
            changes.update(part.changes)
        return cls(
            sum(part.lines for part in parts),
            sum(part.own for part in parts),
            total(known) if known else None,
            total(part.wanted for part in parts),
            total(part.posted for part in parts),
            total(part.debit for part in parts),
            total(part.credit for part in parts),
            changes,
        )


@dataclass(frozen=True, slots=True)
class RollUp:
    """A node: one value of one field below its parents', its sums by currency, and its children by their values."""

    field: str
    value: str
    sums: Mapping[str, Sums]
    children: tuple[RollUp, ...] = ()

    @property
    def quiet(self) -> bool:
        return all(sums.quiet for sums in self.sums.values())


class _Running:
    """Sums in the making: a hundred thousand lines would make as many frozen ones."""

    __slots__ = ("changes", "credit", "debit", "last", "lines", "own", "posted", "wanted")

    def __init__(self) -> None:
        self.lines = self.own = 0
        self.last: Decimal | None = None
        self.wanted = self.posted = self.debit = self.credit = Decimal(0)
        self.changes: Counter[Change] = Counter()

    def add(self, line: ProposedLine) -> None:
        self.lines += 1
        if line.amount > 0:
            self.debit += line.amount
        else:
            self.credit -= line.amount
        if line.kind is not LineKind.PLAN:
            self.own += 1
            return
        self.changes[line.change] += 1
        self.wanted += line.wanted
        self.posted += line.posted
        if line.last is not None:
            self.last = line.last if self.last is None else self.last + line.last

    def done(self) -> Sums:
        return Sums(self.lines, self.own, self.last, self.wanted, self.posted, self.debit, self.credit, self.changes)


def roll_up(lines: Iterable[ProposedLine], order: Sequence[str] = ORDER) -> list[RollUp]:
    """The lines as a tree; `order` names the fields of a line that make its levels, the outermost first."""
    leaves: defaultdict[_Path, defaultdict[str, _Running]] = defaultdict(lambda: defaultdict(_Running))
    for line in lines:
        leaves[tuple(getattr(line, name) for name in order)][line.currency].add(line)
    done = {path: {currency: sums.done() for currency, sums in leaf.items()} for path, leaf in sorted(leaves.items())}
    return list(_level(done, order, 0))


def sums_of(nodes: Iterable[RollUp]) -> dict[str, Sums]:
    """Sums by currency over nodes that lie side by side."""
    return _by_currency([node.sums for node in nodes])


def consequence(proposal: Proposal, documents: Sequence[PostingDocument]) -> str:
    """What posting comes to, and what it would take to undo it."""
    if not documents:
        return "nothing to post"
    lines = sum(one.document.items for one in documents)
    companies = len({one.document.company_code for one in documents})
    return (
        f"{counted(len(documents), 'document')}, {counted(lines, 'line')}, {by_currency(proposal.gross)} gross"
        f" in {counted(companies, 'company code')}; undo = {counted(len(documents), 'reversal')}"
    )


def _level(leaves: Mapping[_Path, Mapping[str, Sums]], order: Sequence[str], depth: int) -> Iterable[RollUp]:
    groups: defaultdict[str, dict[_Path, Mapping[str, Sums]]] = defaultdict(dict)
    for path, sums in leaves.items():
        groups[path[depth]][path] = sums
    for value, group in groups.items():
        inner = tuple(_level(group, order, depth + 1)) if depth + 1 < len(order) else ()
        yield RollUp(order[depth], value, _by_currency(list(group.values())), inner)


def _by_currency(parts: Iterable[Mapping[str, Sums]]) -> dict[str, Sums]:
    found: defaultdict[str, list[Sums]] = defaultdict(list)
    for part in parts:
        for currency, sums in part.items():
            found[currency].append(sums)
    return {currency: Sums.of(found[currency]) for currency in sorted(found)}
