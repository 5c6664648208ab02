"""What the gates look at: SAP's masters, the close calendar, and which keys may be posted already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.domain.flow import Channel
from tui_connector.domain.proposal import Verdict
from tui_connector.engine.proposal.gates import GateFacts
from tui_connector.engine.proposal.propose import Posted
from tui_connector.sap.masters import WantedMasters, read_masters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime
    from decimal import Decimal

    from tui_connector.domain.flow import WritebackFlow
    from tui_connector.domain.ledger import MasterFacts
    from tui_connector.domain.proposal import Gate, PostedLine, ProposedLine
    from tui_connector.engine.context import RunContext
    from tui_connector.engine.writeback.terms import Terms
    from tui_connector.store.store import Store

_KEYS = 5000


def wanted_masters(lines: Iterable[ProposedLine]) -> WantedMasters:
    """Every master that lines name."""
    companies, accounts, centers, profits = set(), set(), set(), set()
    for line in lines:
        companies.add(line.company_code)
        accounts.add((line.company_code, line.gl_account))
        if line.cost_center:
            centers.add((line.company_code, line.cost_center))
        if line.profit_center:
            profits.add((line.company_code, line.profit_center))
    return WantedMasters(companies, accounts, centers, profits)


def uncertain_keys(store: Store, target_id: int, keys: Sequence[str], *, besides: int | None = None) -> dict[str, str]:
    """Keys with a document whose outcome is open, and which one; `besides` leaves one proposal out."""
    found: dict[str, str] = {}
    for some in _portions(keys):
        for line in store.proposals.posted(target_id, some, besides=besides):
            if line.uncertain:
                found[line.key] = line.uncertain
    return found


def posted_before(
    store: Store, flow: WritebackFlow, target_id: int, keys: Sequence[str], *, besides: int | None = None
) -> Posted:
    """What was posted for these keys; where the flow takes back what is gone, for every other key too."""
    if flow.channel is Channel.PLAN_DATA:  # replaced whole each time, so that nothing is taken off
        return Posted.of()
    lines: list[PostedLine] = []
    last: dict[str, Decimal] = {}
    for some in _portions(keys):
        lines += store.proposals.posted(target_id, some, besides=besides)
        last.update(store.proposals.last_approved(target_id, some))
    known, after = set(keys), ""
    while flow.withdraws and (page := store.proposals.posted_keys(target_id, after, _KEYS, besides=besides)):
        after = page[-1].key
        gone = [line for line in page if line.key not in known]
        lines += gone
        last.update(store.proposals.last_approved(target_id, sorted({line.key for line in gone})))
    return Posted.of(lines, last)


def gate_facts(
    context: RunContext[WritebackFlow],
    terms: Terms,
    masters: MasterFacts,
    keys: Sequence[str],
    *,
    control: Gate,
    exported_at: datetime,
    reversal: bool,
    besides: int | None = None,
) -> GateFacts:
    """The facts of this moment; only the masters come from outside."""
    return GateFacts(
        masters=masters,
        calendar={(one.company_code, one.period): one for one in context.store.periods.all()},
        unset=terms.unset,
        uncertain=uncertain_keys(context.store, context.run.target_id, keys, besides=besides),
        control=control,
        exported_at=exported_at,
        now=context.clock.now(),
        reversal=reversal,
    )


async def masters_of(context: RunContext[WritebackFlow], lines: Iterable[ProposedLine]) -> MasterFacts:
    """SAP's masters for those of these lines that are to be posted, read now."""
    return await read_masters(context.sap, wanted_masters(line for line in lines if line.document is not None))


def _portions(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    return (keys[start : start + _KEYS] for start in range(0, len(keys), _KEYS))


def closed_words(gates: Iterable[Gate]) -> str:
    """What they say, each behind a semicolon, to end a run's reason with; "" when none is closed."""
    return "".join(f"; {gate.name}: {gate.words}" for gate in closed_gates(gates))


def closed_gates(gates: Iterable[Gate]) -> list[Gate]:
    """Those that let nothing through."""
    return [gate for gate in gates if gate.verdict is Verdict.FAIL]
