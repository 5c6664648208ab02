"""What both far sides hold of a flow, read for its figures alone, and what stands between them refused."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from itertools import combinations, repeat
from typing import TYPE_CHECKING

from tui_connector.domain.case import Which
from tui_connector.engine.layout import KEY_JOINT, lay_out
from tui_connector.engine.scopes import NOTHING, Refused, add
from tui_connector.engine.stage import file_page
from tui_connector.sap.reader import ODataReader

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Sequence

    from tui_connector.domain.case import Place
    from tui_connector.domain.flow import Condition, LoadFlow, Totals
    from tui_connector.domain.record import RecordKey, Reject
    from tui_connector.domain.tie import Scope
    from tui_connector.engine.context import RunContext
    from tui_connector.engine.stage import FilePage
    from tui_connector.sap.reader import ChangeWindow

_PAGE = 1000


async def source_figures(
    context: RunContext[LoadFlow],
    parts: tuple[int, ...],
    amount: int | None,
    where: Iterable[Condition] = (),
    unseen: set[RecordKey] | None = None,
) -> AsyncIterator[tuple[Scope, Decimal]]:
    """SAP's own figures, everything there is (where that holds): a scope and its amount, row by row.

    unseen: keys of records, of which those are taken out that SAP holds; an aggregating source tells none.
    """
    flow = context.flow
    asked = [flow.columns[at] for at in (*parts, *(() if amount is None else (amount,)))]
    source = replace(flow.source, changed_on=None, where=(*flow.source.where, *where))
    if source.aggregates:
        source = replace(source, key=tuple(flow.path(column) for column in asked[: len(parts)]), also=())
    async with aclosing(read_pages(context, replace(flow, columns=tuple(asked), source=source))) as pages:
        async for page in pages:
            if unseen:
                unseen.difference_update(page.keys, (KEY_JOINT.join(fault.key_values) for fault in page.faults))
            laid = page.rows.columns
            if laid:
                amounts = repeat(NOTHING) if amount is None else (Decimal(text or 0) for text in laid[-1])
                for found in zip(zip(*laid[: len(parts)], strict=True), amounts, strict=False):
                    yield found


async def read_pages(
    context: RunContext[LoadFlow], flow: LoadFlow, window: ChangeWindow | None = None
) -> AsyncGenerator[FilePage, None]:
    """What SAP holds of a flow, or has changed in a window, laid out as the flow's file."""
    layout = lay_out(flow)
    pages = ODataReader(context.sap).read(flow.source, layout.fields, window=window, language=flow.language)
    async with aclosing(pages):
        async for page in pages:
            yield file_page(layout, page)


def refused_sums(context: RunContext[LoadFlow], totals: Totals, rejects: Sequence[Reject]) -> Refused:
    """What Anaplan does not hold since it was refused, by scope."""
    made = Refused({}, {})
    named = {column.header: column for column in context.flow.columns}
    members = [at for at, name in enumerate(totals.by) if named[name].member_of]
    blanks = [set(some) for size in range(1, len(members) + 1) for some in combinations(members, size)]
    # Of a record that was loaded before and whose change was refused Anaplan still holds what it was.
    before = context.store.records.known(context.run.target_id, [reject.key for reject in rejects])
    for reject in rejects:
        made.records += 1
        scope = tuple(reject.values.get(name, "") for name in totals.by)
        try:
            amount = Decimal(reject.values[totals.amount] or 0)
        except (KeyError, InvalidOperation):
            made.untold += 1  # its values were erased, or SAP's amount could not be read
            continue
        add(made.sums, scope, amount)
        if reject.file_line is not None or reject.key in before:
            add(made.in_part, scope, amount)
            for away in blanks:  # the member was refused, what is beside it was loaded
                add(made.in_part, tuple("" if at in away else one for at, one in enumerate(scope)), amount)
    return made


def open_rejects(
    context: RunContext[LoadFlow], own: Iterable[Reject] = (), without: Iterable[Place] = ()
) -> Iterator[Reject]:
    """Every record of this target that was refused and not loaded since, with this run's own; without some."""
    cases, target, out = context.store.cases, context.run.target_id, set(without)
    new = {reject.key: reject for reject in own}
    found = (place for waived in (False, True) for place in cases.places(target, which=Which(waived=waived)))
    places = [place for place in found if place not in out]
    for start in range(0, len(places), _PAGE):
        refusals = cases.refusals(places[start : start + _PAGE])
        mended = context.store.records.went(context.run.id, target, [one.key for one in refusals])
        yield from (one.reject for one in refusals if one.key not in new and one.key not in mended)
    yield from new.values()
