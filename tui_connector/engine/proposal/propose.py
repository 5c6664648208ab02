"""From a plan to the documents that would be posted: pure, and the same for the same content on any machine."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal, localcontext
from operator import itemgetter
from typing import TYPE_CHECKING, Self

from tui_connector.domain.canonical import canonical, sha256
from tui_connector.domain.flow import WritebackMode
from tui_connector.domain.ledger import FiscalPeriod, same_number, unit_of
from tui_connector.domain.proposal import Change, Draft, LineKind, ProposedLine
from tui_connector.domain.text import clean
from tui_connector.engine.proposal.amounts import EXACT, rounded, settled, zero
from tui_connector.engine.proposal.documents import assemble, split

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from datetime import date

    from tui_connector.domain.flow import WritebackFlow
    from tui_connector.domain.proposal import Origin, PostedLine, Proposal, ProposalHead, ProposedDocument
    from tui_connector.engine.proposal.parse import Plan, PlanRow

_HEADER_LENGTH = 25  # of SAP's DocumentHeaderText
_ZERO = Decimal(0)
_Day = tuple[str, str, "date"]  # company code, currency, posting date
_Part = tuple[list[ProposedLine], Decimal]  # lines to post, and how much of their sum comes from rounding
_ORDER = [ProposedLine._fields.index(name) for name in ("key", "gl_account", "cost_center", "profit_center")]
Place = tuple[str, str, str, str, str, FiscalPeriod | None]
# What is named in the head, decides a gate, or only when and where the flow runs; all else decides content.
_NO_CONTENT = (
    "name", "title", "export", "sap", "anaplan", "after", "schedule", "time_zone", "after_close", "task_minutes",
    "fresh_minutes", "status", "company_codes", "plan_into_actuals", "two_approvers_from", "held_from",
    "withdraw_absent", "drift",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Posted:
    """What was posted before. lines: by key; where the flow withdraws, also those of keys that the plan lacks.

    last: amounts of the last approved plan, by key.
    """

    lines: Mapping[str, Sequence[PostedLine]] = field(repr=False)
    last: Mapping[str, Decimal] = field(repr=False)

    @classmethod
    def of(cls, lines: Iterable[PostedLine] = (), last: Mapping[str, Decimal] | None = None) -> Self:
        by_key: dict[str, list[PostedLine]] = {}
        for line in lines:
            by_key.setdefault(line.key, []).append(line)
        return cls(by_key, last or {})


def header_text(flow: WritebackFlow) -> str:
    """The text in each document's header, cut to what SAP takes."""
    return clean(flow.header_text or flow.title)[:_HEADER_LENGTH].rstrip()


def mapping_digest(flow: WritebackFlow) -> str:
    """SHA-256 over the columns and every rule that decides what is posted."""
    said = {name: value for name, value in asdict(flow).items() if name not in _NO_CONTENT}
    said |= {"header_text": header_text(flow), "withdraws": flow.withdraws, "signal": type(flow.approval).__name__}
    return sha256(canonical(said))


def make_draft(flow: WritebackFlow, head: ProposalHead, origin: Origin, plan: Plan, posted: Posted) -> Draft:
    """What would be posted: for each key and its dimensions what the plan wants, less what was posted before."""
    with localcontext(EXACT):
        days: dict[_Day, dict[str, list[ProposedLine]]] = {}
        withheld = {"not approved": plan.waiting, "amount of zero": 0}
        for group, line in _lines(flow, plan, posted):
            day = (line.company_code, line.currency, line.posting_date)
            days.setdefault(day, {}).setdefault(group, []).append(line)
            withheld["amount of zero"] += not (line.wanted or line.posted)
        unchanged: list[ProposedLine] = []
        text = header_text(flow)
        documents = ((flow.document_type, text, lines) for lines in _parts(flow, days, unchanged))
        return assemble(head, origin, documents, unchanged, {why: count for why, count in withheld.items() if count})


def revise(
    flow: WritebackFlow, before: Proposal | Draft, lines: Iterable[ProposedLine], without: AbstractSet[int]
) -> Draft:
    """The same proposal without the lines of those numbers: their documents are balanced and rounded anew."""
    kept: dict[int | None, list[ProposedLine]] = {}
    touched: set[int | None] = set()
    withheld: dict[str, int] = {}
    for line in lines:
        if line.number in without:
            touched.add(line.document)
            if line.kind is LineKind.PLAN:
                why = line.decision.value or "left out"
                withheld[why] = withheld.get(why, 0) + 1
                continue
        kept.setdefault(line.document, []).append(line)
    unchanged = kept.pop(None, [])
    with localcontext(EXACT):
        parts: list[list[ProposedLine]] = []
        for number, document in kept.items():
            parts += _rebuilt(flow, document) if number in touched else [document]
        text = header_text(flow)
        documents = ((flow.document_type, text, part) for part in parts)
        return assemble(before.head, before.origin, documents, unchanged, withheld)


def reverse(before: Proposal | Draft, lines: Iterable[ProposedLine], documents: Iterable[ProposedDocument]) -> Draft:
    """A proposal that takes these documents back: same keys, dates and grouping, opposite amounts."""
    wanted = {document.number: document for document in documents}
    with localcontext(EXACT):
        opposite: dict[int, list[ProposedLine]] = {number: [] for number in wanted}
        for line in lines:
            if line.document in wanted:
                taken = settled(-line.amount, line.currency)
                opposite[line.document].append(
                    line._replace(
                        change=Change.WITHDRAWN, wanted=zero(line.currency), posted=line.amount, amount=taken,
                        last=line.wanted,
                    )
                )  # fmt: skip
        parts = ((wanted[one].document_type, wanted[one].header_text, opposite[one]) for one in sorted(wanted))
        return assemble(replace(before.head, reverses=before.fingerprint, repeat=0), before.origin, parts, [], {})


def _lines(flow: WritebackFlow, plan: Plan, posted: Posted) -> Iterator[tuple[str, ProposedLine]]:
    """A line for each row, and one for each amount that must be taken back, with its group; in no order."""
    for row in plan.rows:
        yield from _of_row(flow, row, posted)
    if flow.withdraws:
        present = plan.waiting_keys.union(row.key for row in plan.rows)
        for key, lines in posted.lines.items():
            if key and key not in present:
                last = posted.last.get(key)
                for found, amount in by_place(flow, lines).values():
                    yield "", _taken_back(found, amount, Change.WITHDRAWN, last)
                    last = None


def _of_row(flow: WritebackFlow, row: PlanRow, posted: Posted) -> Iterator[tuple[str, ProposedLine]]:
    goal = rounded(row.amount, row.currency) if flow.rounding_account else row.amount
    last = posted.last.get(row.key)
    found = posted.lines.get(row.key)
    before = _ZERO
    change = Change.NEW
    if found:
        places = by_place(flow, found)
        here = places.pop(place_of(flow, row), None)
        before = here[1] if here else _ZERO
        if here or places:
            change = Change.CHANGED
        if places and any(one.source == row.source for one in found):
            change = Change.INDIRECT
        for old, amount in places.values():
            yield row.group, _taken_back(old, amount, change, None if here else last)
            last = last if here else None  # roll-ups add it, so it is shown once
    amount, before = (
        (settled(goal - before, row.currency), settled(before, row.currency)) if before else (goal, zero(row.currency))
    )
    line = ProposedLine(
        0, None, LineKind.PLAN, change if amount else Change.UNCHANGED, row.key, row.company_code, row.gl_account,
        row.cost_center, row.profit_center, row.currency, row.posting_date, row.amount, before, amount, row.text,
        row.row, row.source, last,
    )  # fmt: skip
    yield row.group, line


def _taken_back(found: PostedLine, amount: Decimal, change: Change, last: Decimal | None) -> ProposedLine:
    currency = found.currency
    return ProposedLine(
        0, None, LineKind.PLAN, change, found.key, found.company_code, found.gl_account, found.cost_center,
        found.profit_center, currency, found.posting_date, zero(currency), settled(amount, currency),
        settled(-amount, currency), "", 0, found.source, last,
    )  # fmt: skip


def place_of(flow: WritebackFlow, line: PlanRow | PostedLine | ProposedLine) -> Place:
    """Where an amount stands in the books. In another period a journal line is another one, a balance the same."""
    month = flow.first_month.get(line.company_code, 1)
    period = FiscalPeriod.of(line.posting_date, month) if flow.mode is WritebackMode.ENTRIES else None
    numbers = map(same_number, (line.gl_account, line.cost_center, line.profit_center))
    return (line.company_code, *numbers, line.currency, period)  # type: ignore[return-value] # three numbers


def by_place(flow: WritebackFlow, lines: Iterable[PostedLine]) -> dict[Place, tuple[PostedLine, Decimal]]:
    """Posted amounts of one key by where they stand, those that add up to nothing left out."""
    found: dict[Place, tuple[PostedLine, Decimal]] = {}
    for line in lines:
        place = place_of(flow, line)
        found[place] = (line, line.amount + (found[place][1] if place in found else _ZERO))
    return {place: one for place, one in found.items() if one[1]}


def _parts(
    flow: WritebackFlow, days: dict[_Day, dict[str, list[ProposedLine]]], unchanged: list[ProposedLine]
) -> Iterator[list[ProposedLine]]:
    """Lines of each document, in an order that the content alone decides; what is left goes to `unchanged`.

    Takes the days apart as it goes, so that lines are not held twice.
    """
    for day in sorted(days):
        groups = days.pop(day)
        made: deque[_Part] = deque()
        for name in sorted(groups):
            group = sorted(groups.pop(name), key=itemgetter(*_ORDER))
            unchanged += [line for line in group if not line.amount]
            made.append(([line for line in group if line.amount], _rest(flow, group)))
        made = _joined(flow, made)
        while made:
            yield from split(flow, *made.popleft())


def _total(lines: Iterable[ProposedLine]) -> Decimal:
    return sum((line.amount for line in lines), _ZERO)


def _rest(flow: WritebackFlow, group: Sequence[ProposedLine]) -> Decimal:
    """How much of a group's imbalance comes from rounding, the unchanged lines looked at as well.

    What the plan itself leaves unbalanced is no rounding; nor is more than a unit a line, which an earlier offset left.
    """
    if not flow.rounding_account:
        return _ZERO
    currency = group[0].currency
    rest = _total(group) - rounded(sum((line.wanted for line in group), _ZERO), currency)
    return rest if abs(rest) <= unit_of(currency) * len(group) else _ZERO


def _joined(flow: WritebackFlow, groups: deque[_Part]) -> deque[_Part]:
    """Groups of one day; those that balance only together with lines that lost their group become one document."""
    if flow.offset_account:
        return groups
    loose = [(lines, rest) for lines, rest in groups if _total(lines) != rest]
    together = [line for lines, _ in loose for line in lines]
    rest = sum((rest for _, rest in loose), _ZERO)
    if _total(together) != rest or not any(line.change is Change.WITHDRAWN for line in together):
        return groups
    return deque([*((lines, rest) for lines, rest in groups if _total(lines) == rest), (together, rest)])


def _rebuilt(flow: WritebackFlow, document: list[ProposedLine]) -> list[list[ProposedLine]]:
    """A document that lost lines, with an offset and a rounding line of its own."""
    lines = [line for line in document if line.kind is LineKind.PLAN]
    rest = -_total(line for line in document if line.kind is LineKind.ROUNDING)
    if lines and flow.rounding_account and not any(line.posted for line in lines):
        rest = _rest(flow, lines)
    return split(flow, lines, rest) if lines else []
