"""The rename radar: before a load of a list, SAP's masters are compared with the members that are there."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from tui_connector.anaplan.codes import PARENT, members_of
from tui_connector.domain.concern import Concern, Look
from tui_connector.domain.flow import Column
from tui_connector.domain.ledger import same_number
from tui_connector.domain.mapping import mapping_digest
from tui_connector.domain.master import Change, Master, Standing
from tui_connector.domain.run import Purpose, ReadMode
from tui_connector.engine.layout import KEY_JOINT, lay_out
from tui_connector.engine.looked import Looked
from tui_connector.engine.masters import Comparison, Masters
from tui_connector.engine.stage import file_page
from tui_connector.review.amounts import counted
from tui_connector.sap.reader import ODataReader
from tui_connector.store.uses import PLANNED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tui_connector.anaplan.model import ListDetails
    from tui_connector.domain.flow import LoadFlow
    from tui_connector.engine.context import RunContext
    from tui_connector.engine.layout import Layout
    from tui_connector.engine.masters import Finding
    from tui_connector.engine.prepare import Destination
    from tui_connector.store.database import Transaction

_YES = "true"
_EFFECTS = {
    Change.NEW: "it becomes a new list item",
    Change.RENAMED: "its name changes, its code and its history stay",
    Change.MOVED: "all of its history is summed up elsewhere",
    Change.BLOCKED: "it stays, and SAP takes no postings on it",
    Change.EXPIRED: "it stays, and SAP takes no postings on it after its last day",
    Change.REAPPEARED: "its history is joined again: does the code still stand for the same?",
    Change.MISSING: "it stays, since an import takes none away",
    Change.DOUBLED: "a code must stand for one member alone",
}


async def look_at_masters(context: RunContext[LoadFlow], _: Layout, destination: Destination) -> Looked:
    """What a load of a list would do to its members; nothing for other flows, and for records that a person chose.

    It reads few fields of all of SAP's masters, and all members of the list.
    """
    flow, run, store = context.flow, context.run, context.store
    mark = store.watermarks.get(run.target_id)
    if not flow.target_list or run.purpose is not Purpose.FLOW:
        return Looked()
    headers = [column.header for column in flow.columns]
    name = flow.radar.name if flow.radar.name in headers else ""  # no list tells what is called so
    places = tuple(header for header in flow.radar.places if header in headers)
    details = await destination.catalogue.find_list(flow.target_list)
    above = _above(flow, places, details)
    wanted = (name, *places, *((PARENT,) if above else ()))
    listed = await members_of(context.anaplan, details, wanted)
    if above and not any(held[-1] for held in listed.by_code.values()):  # no import fills it
        above, wanted = "", wanted[:-1]
        listed.by_code = {code: held[:-1] for code, held in listed.by_code.items()}
    compared = Comparison(
        flow.radar,
        wanted[1:],
        await _read(context, name, places, above),
        listed,
        store.masters.all(run.target_id),
        everything=run.mode is ReadMode.FULL or mark is None or mark.mapping != mapping_digest(flow),
    )
    findings = list(compared.findings())
    effects = _Effects(context, {one.code for one in findings if one.touches})
    concerns = [
        Concern(Look.MASTERS, one.rule, one.change.value, one.code, one.was, one.now, effects.of(one))
        for one in findings
    ]

    def keep(tx: Transaction) -> None:
        told = store.masters.keep(tx, run.target_id, compared.kept, compared.seen())
        if told is not None:
            context.checkpoints.fact(tx, "masters.seen", run.flow, **told)

    return Looked(concerns, keep)


class _Effects:
    """What hangs on the members that findings touch, as far as anybody counted it."""

    def __init__(self, context: RunContext[LoadFlow], codes: set[str]) -> None:
        flow, store, field = context.flow, context.store, context.flow.columns[0].field
        target = store.targets.get(context.run.target_id)
        assert target is not None  # noqa: S101 - the run has it
        self._uses = store.uses.of(target, flow.target_list, codes) if codes else []
        self._planned = store.uses.plan_rows(target, field) if codes and field in PLANNED else None

    def of(self, one: Finding) -> str:
        """The size of it first, then what happens to the member."""
        return f"{', '.join(self._sizes(one))}: {one.instead or _EFFECTS[one.change]}"

    def _sizes(self, one: Finding) -> Iterator[str]:
        yield "1 list item" if one.touches else "no list item yet"
        if not one.touches:
            return
        for use in self._uses:
            least = "" if use.whole else "at least "
            yield f"{least}{counted(use.records.get(one.code, 0), 'record')} of {use.flow}"
        if not self._uses:
            yield "how many records use it nobody can tell"
        if self._planned is not None:
            yield counted(self._planned.get(same_number(one.code), 0), "plan row")


def _above(flow: LoadFlow, places: Iterable[str], details: ListDetails) -> str:
    """Header of the place that is a member of the list above; "" for none."""
    lists = {column.header: column.member_of for column in flow.columns}
    parent = details.parent
    return next((one for one in places if parent and lists[one] in (parent.name, parent.id)), "")


async def _read(context: RunContext[LoadFlow], name: str, places: tuple[str, ...], above: str) -> Masters:
    """All of SAP's masters. name: header of the column with their names, "" for none; above: of one more place."""
    flow, source = context.flow, context.flow.source
    columns = {column.header: column for column in flow.columns}
    shown = [columns[header] for header in (*([name] if name else ()), *places)]
    blocks = [Column(field, field, bool) for field in flow.radar.block_fields]
    ends = [Column(field, field, date) for field in (source.slices or ())[1:]]
    layout = lay_out(replace(flow, columns=(flow.columns[0], *shown, *blocks, *ends)))
    today, first, last = context.clock.now().date().isoformat(), len(shown), len(shown) + len(blocks)
    masters = Masters()
    async with aclosing(ODataReader(context.sap).read(source, layout.fields, language=flow.language)) as pages:
        async for page in pages:
            laid = file_page(layout, page)
            for key, (code, *values) in zip(laid.keys, laid.rows, strict=True):
                standing = Standing.BLOCKED if _YES in values[first:last] else Standing.VALID
                if any(end and end < today for end in values[last:]):
                    standing = Standing.EXPIRED
                told = values[:first] if name else ["", *values[:first]]
                parent = (told[1 + places.index(above)],) if above else ()
                masters.add(key, Master(code, told[0], (*told[1:], *parent), standing))
            for fault in page.faults:
                masters.unread.add(layout.values((KEY_JOINT.join(fault.key_values), *fault.row))[0])
    return masters
