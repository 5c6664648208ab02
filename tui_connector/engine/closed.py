"""Closed periods: what a load would change in a period that a person has closed, the totals before and after."""

from __future__ import annotations

from collections import Counter
from contextlib import aclosing
from typing import TYPE_CHECKING

from tui_connector.domain.concern import Concern, Look, Rule
from tui_connector.domain.errors import ConnectorError
from tui_connector.domain.flow import Condition, Landing
from tui_connector.domain.ledger import FiscalPeriod, PeriodStatus
from tui_connector.domain.record import Outcome
from tui_connector.domain.run import Purpose, ReadMode
from tui_connector.domain.text import clean
from tui_connector.domain.tie import Total
from tui_connector.engine.figures import open_rejects, refused_sums, source_figures
from tui_connector.engine.looked import Looked
from tui_connector.engine.pages import KeptPages, SapPages
from tui_connector.engine.scopes import NOTHING, ZERO, add, agree
from tui_connector.engine.stage import Stager
from tui_connector.engine.totals import read_totals
from tui_connector.review.amounts import counted
from tui_connector.store.periods import subject_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from decimal import Decimal

    from tui_connector.domain.flow import LoadFlow, Totals
    from tui_connector.domain.ledger import ClosePeriod
    from tui_connector.domain.record import Reject
    from tui_connector.domain.tie import Scope
    from tui_connector.engine.context import RunContext
    from tui_connector.engine.layout import Layout
    from tui_connector.engine.prepare import Destination
    from tui_connector.engine.scopes import Sums

    Place = tuple[str, FiscalPeriod]
    Closed = Mapping[Place, ClosePeriod]

_FIELDS = ("CompanyCode", "FiscalYear", "FiscalPeriod")
_CHANGE = "closed period"


async def look_at_periods(context: RunContext[LoadFlow], layout: Layout, destination: Destination) -> Looked:
    """Closed periods that would not hold afterwards what they hold now; nothing is read when none is closed."""
    return Looked(await _find(context, layout, destination))


async def _find(context: RunContext[LoadFlow], layout: Layout, destination: Destination) -> Sequence[Concern]:
    flow = context.flow
    closed = {
        (one.company_code, one.period): one for one in context.store.periods.all() if one.status is PeriodStatus.CLOSED
    }
    if not closed or flow.lands_in is not Landing.ACTUALS:
        return []
    try:
        names = {layout.headers[at] for at in _columns(flow)}
    except ValueError:
        effect = (
            f"no column tells {', '.join(_FIELDS)}: what it changes in {counted(len(closed), 'period')} is not seen"
        )
        return [Concern(Look.PERIODS, Rule.GO_ON, "periods unseen", flow.name, effect=effect)]
    totals = flow.totals
    if context.run.purpose is Purpose.REPLAY:
        return await _records(context, layout, destination, closed, "refused records are sent once more")
    if totals is None or not names <= {*totals.by}:
        why = "the flow has no totals by company code, fiscal year and period to compare"
        return await _records(context, layout, destination, closed, why)
    try:
        theirs = await read_totals(context.anaplan, totals)
    except ConnectorError as error:
        why = f"Anaplan's totals cannot be read: {clean(error.message, limit=200)}"
        return await _records(context, layout, destination, closed, why)
    return await _totals(context, destination, closed, totals, theirs)


async def _totals(
    context: RunContext[LoadFlow], destination: Destination, closed: Closed, totals: Totals, theirs: Sums
) -> list[Concern]:
    """Each closed period and currency in which SAP's figures, less what stays refused, are not Anaplan's."""
    flow = context.flow
    headers = [column.header for column in flow.columns]
    parts = tuple(headers.index(name) for name in totals.by)
    places = [totals.by.index(headers[at]) for at in _columns(flow)]
    ours: Sums = {}
    where = _conditions(closed)
    async for scope, amount in source_figures(context, parts, headers.index(totals.amount), where):
        add(ours, scope, amount)
    if flow.source.aggregates:  # a row of SAP's stands for many records
        ours = {scope: Total(None, total.amount) for scope, total in ours.items()}
    refused = refused_sums(context, totals, _staying_out(context, destination))
    at = totals.currency_part
    groups: dict[tuple[Place, str], list[Scope]] = {}
    for scope in sorted(ours.keys() | theirs.keys()):
        place = _place([scope[each] for each in places])
        if place is not None and place in closed:
            groups.setdefault((place, "" if at is None else scope[at]), []).append(scope)
    loaded = context.store.records.has_any(context.run.target_id)
    found = []
    for (place, currency), scopes in groups.items():
        first = not loaded and not any(scope in theirs for scope in scopes)  # that is no load once more
        rule = Rule.GO_ON if first else flow.closed_periods
        changing = [scope for scope in scopes if not agree(scope, ours, theirs, refused)]
        if changing:
            after = {scope: _less(ours.get(scope, ZERO), refused.sums.get(scope, ZERO)) for scope in scopes}
            steps = [_amount(after, scope) - _amount(theirs, scope) for scope in changing]
            was = _sum(theirs, scopes, currency)
            now = f"{_sum(after, scopes, currency)}, {sum(map(abs, steps), NOTHING):,f} moved"
            effect = f"{len(changing):,} of {counted(len(scopes), 'scope')} would change, first"
            effect += f" {' '.join(filter(None, changing[0]))} by {steps[0]:+,f}; {_closed(closed[place])}"
            effect += "; nothing was loaded before" if first else ""
            found.append(Concern(Look.PERIODS, rule, _CHANGE, subject_of(*place), was, now, effect))
    return found


async def _records(
    context: RunContext[LoadFlow], layout: Layout, destination: Destination, closed: Closed, why: str
) -> list[Concern]:
    """Each closed period of which this run would send records, where no totals can be compared."""
    replay = context.run.purpose is Purpose.REPLAY
    pages = KeptPages(context, layout, destination) if replay else SapPages(context, layout, _conditions(closed))
    if isinstance(pages, SapPages):
        await pages.begin()
    codes = {index: destination.codes[name] for index, name in layout.members.items() if name in destination.codes}
    stager = Stager(layout, destination.file, codes)
    places = _columns(context.flow)
    counts: Counter[Place] = Counter()
    async with aclosing(pages.read()) as read:
        async for page in read:
            known = context.store.records.known(context.run.target_id, page.keys) if pages.compare else {}
            for record, row in zip(stager.stage(page, known).records, page.rows, strict=False):
                place = _place([row[at] for at in places])
                if record.outcome is Outcome.SENT and place is not None and place in closed:
                    counts[place] += 1
    first = not replay and not context.store.records.has_any(context.run.target_id)
    rule = Rule.GO_ON if first else context.flow.closed_periods
    found = []
    for place, count in sorted(counts.items()):
        told = f"{counted(count, 'record')} would be sent", f"{why}; {_closed(closed[place])}"
        found.append(Concern(Look.PERIODS, rule, _CHANGE, subject_of(*place), "", *told))
    return found


def _columns(flow: LoadFlow) -> list[int]:
    """Which columns tell company code, fiscal year and period; ValueError when one of them does not."""
    paths = [flow.path(column) for column in flow.columns]
    return [paths.index(field) for field in _FIELDS]


def _place(values: Sequence[str]) -> Place | None:
    """A company code and period; None for values that name none, such as a blank or a year end's 000."""
    company_code, year, number = values
    try:
        return company_code, FiscalPeriod.parse(f"{number}/{year}")
    except ValueError:
        return None


def _conditions(closed: Closed) -> tuple[Condition, ...]:
    """A filter that lets every closed period through, and few others."""
    values = (
        {company for company, _ in closed},
        {f"{period.year:04}" for _, period in closed},
        {f"{period.number:03}" for _, period in closed},
    )
    return tuple(Condition(field, "in", tuple(sorted(some))) for field, some in zip(_FIELDS, values, strict=True))


def _staying_out(context: RunContext[LoadFlow], destination: Destination) -> list[Reject]:
    """Refused records that this run does not load either: a whole read sends those whose members exist by now."""
    rejects = list(open_rejects(context))
    if context.run.mode is not ReadMode.FULL:
        return rejects
    lists = [(column.header, destination.codes.get(column.member_of or "")) for column in context.flow.columns]
    checked = {header: codes for header, codes in lists if codes is not None}

    def unknown(one: Reject) -> bool:
        named = ((one.values.get(header), codes) for header, codes in checked.items())
        return any(code and code not in codes for code, codes in named)

    return [one for one in rejects if unknown(one)]


def _less(total: Total, refused: Total) -> Total:
    records = None if total.records is None else total.records - (refused.records or 0)
    return Total(records, (total.amount or NOTHING) - (refused.amount or NOTHING))


def _sum(sums: Sums, scopes: Iterable[Scope], currency: str) -> str:
    """Everything together: debits and credits of a ledger are nothing, so its size is told as well."""
    amounts, counts = [_amount(sums, scope) for scope in scopes], [sums.get(scope, ZERO).records for scope in scopes]
    net, gross = sum(amounts, NOTHING), sum(map(abs, amounts), NOTHING)
    told = [f"{net:,f} {currency}".rstrip()]
    told += [f"{gross:,f} without signs"] if gross != abs(net) else []
    told += [] if None in counts else [counted(sum(one or 0 for one in counts), "record")]
    return ", ".join(told)


def _amount(sums: Sums, scope: Scope) -> Decimal:
    return sums.get(scope, ZERO).amount or NOTHING


def _closed(one: ClosePeriod) -> str:
    return f"closed by {one.by}: {one.reason}"
