"""Lines summed by company code, center and account, and what posting them would come to in one sentence."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_connector.domain.sums import Order, Running, Sums
from tui_connector.review.amounts import by_currency, counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tui_connector.domain.proposal import PostingDocument, Proposal, ProposedLine

ORDER = Order.COMPANY_CENTER_ACCOUNT.fields
_Path = tuple[str, ...]


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


def roll_up(lines: Iterable[ProposedLine], order: Sequence[str] = ORDER) -> list[RollUp]:
    """The lines as a tree; `order` names the fields of a line that make its levels, the outermost first."""
    leaves: defaultdict[_Path, defaultdict[str, Running]] = defaultdict(lambda: defaultdict(Running))
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
