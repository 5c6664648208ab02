"""What is kept beside a proposal and is no part of what is signed: flags of its lines, names of its members."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from tui_connector.domain.errors import ConnectorError
from tui_connector.domain.ledger import PeriodStatus
from tui_connector.domain.names import Member
from tui_connector.domain.proposal import LineKind
from tui_connector.domain.sums import Level, Place
from tui_connector.engine.writeback.facts import wanted_masters
from tui_connector.review.flags import Surroundings, flags_of_lines
from tui_connector.sap.masters import WantedMasters, read_masters
from tui_connector.sap.names import read_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from tui_connector.domain.flow import WritebackFlow
    from tui_connector.domain.proposal import Draft, ProposedLine
    from tui_connector.domain.risk import Flag
    from tui_connector.engine.context import RunContext
    from tui_connector.store.database import Transaction

_FRESH = timedelta(days=1)  # names that were read since are not read again


@dataclass(frozen=True, slots=True)
class Beside:
    """flags: by the line's number. names: those that were read now. unread: why names could not be read; "" when so."""

    flags: Mapping[int, Sequence[Flag]] = field(repr=False)
    names: Mapping[Member, str] = field(repr=False)
    unread: str = ""

    def keep(self, context: RunContext[WritebackFlow], tx: Transaction, sap_url: str, subject: str) -> None:
        """Keep the names; that they could not be read is told, and stops nothing."""
        context.store.names.put(tx, sap_url, self.names, context.clock.now())
        if self.unread:
            context.checkpoints.fact(tx, "names.unread", subject, reason=self.unread)


async def look_beside(context: RunContext[WritebackFlow], draft: Draft) -> Beside:
    """Everything that helps a person to read a draft."""
    store, flow = context.store, context.flow
    posted = [line for line in draft.lines if line.document is not None]
    places = {Place.of(Level.PLACE, line) for line in posted if line.kind is LineKind.PLAN}
    soft = frozenset((one.company_code, one.period) for one in store.periods.all() if one.status is PeriodStatus.SOFT)
    around = Surroundings(store.sums.unused(context.run.target_id, places), soft)
    flags = flags_of_lines(posted, flow, around)
    wanted = _missing(context, draft)
    if wanted == WantedMasters():
        return Beside(flags, {})
    try:
        companies = frozenset(company for company, _ in wanted.accounts | wanted.cost_centers | wanted.profit_centers)
        known = await read_masters(context.sap, WantedMasters(wanted.company_codes | companies))
        return Beside(flags, await read_names(context.sap, wanted, known))
    except ConnectorError as error:
        return Beside(flags, {}, error.message)


def _missing(context: RunContext[WritebackFlow], draft: Draft) -> WantedMasters:
    """The masters of all lines whose names are not known, or were read long ago."""
    members = set(_members(draft.lines))
    since = context.clock.now() - _FRESH
    members -= context.store.names.of(draft.head.sap, members, since=since).keys()

    def of(name: str) -> AbstractSet[tuple[str, str]]:
        return frozenset((one.company_code, one.code) for one in members if one.field == name)

    companies = frozenset(one.code for one in members if one.field == "company_code")
    return WantedMasters(companies, of("gl_account"), of("cost_center"), of("profit_center"))


def _members(lines: Sequence[ProposedLine]) -> Iterator[Member]:
    wanted = wanted_masters(lines)
    yield from (Member("company_code", "", code) for code in wanted.company_codes)
    for name, pairs in (
        ("gl_account", wanted.accounts),
        ("cost_center", wanted.cost_centers),
        ("profit_center", wanted.profit_centers),
    ):
        yield from (Member(name, company, code) for company, code in pairs)
