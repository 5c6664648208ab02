"""The trace of a key: what one record, plan line, document or proposal went through."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_connector.domain.errors import ConfigError
from tui_connector.views import story_plan, story_record
from tui_connector.views.ways import place_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tui_connector.domain.document import Document
    from tui_connector.domain.flow import Flow
    from tui_connector.store.store import Store
    from tui_connector.views.stations import Station
    from tui_connector.views.story_plan import PlanStory
    from tui_connector.views.story_record import RecordStory

_LINES = 20  # of documents; the others are counted
_PROPOSAL = re.compile(r"P-0*(\d{1,7})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Trace:
    """Every story that a key has a part in: of records by flow, of plan lines by document, oldest first.

    more: lines of the same documents that are not told one by one.
    """

    key: str
    records: tuple[RecordStory, ...]
    plans: tuple[PlanStory, ...]
    more: int = 0

    def parts(self) -> Iterator[tuple[str, str, tuple[Station, ...]]]:
        """Each story as a whole: what it is of, how that stands, and its stations."""
        for record in self.records:
            yield record.flow, record.key, record.stations
        for plan in self.plans:
            yield plan.name, plan.state, plan.stations


def trace(store: Store, key: str, flow: str | None = None, flows: Sequence[Flow] = ()) -> Trace:
    """Follow a record's or plan line's key, a reference, a document's number in SAP, or a proposal.

    What was posted is told as the actual that it came back as too, and an actual with the plan that it was posted from.
    flows: the declarations, which know the names of what SAP was asked for. Raises ConfigError when nothing is known.
    """
    said = key.strip()
    records, plans = story_record.of(store, said, flow, flows), story_plan.of(store, said, flow)
    if not records and not plans and (number := _PROPOSAL.fullmatch(said)):
        plans = [story_plan.whole(store, int(number[1]))]
    more = 0
    if records:
        declared = {one.name: one for one in flows}
        places = {place for one in records if (place := place_of(declared.get(one.flow), one.key))}
        plans += [one for place in sorted(places) for one in story_plan.of(store, "/".join(place), flow)]
    else:
        for document in _documents(said, plans):
            found, left = story_record.of_document(store, document, flow, flows, _LINES - len(records))
            records, more = [*records, *found], more + left
    if not records and not plans:
        raise ConfigError(
            f"no run has seen a record {said}, and no proposal holds it",
            hint="write the key as SAP or the plan does, its parts joined by -, for example"
            " 1010-2026-0100000008-000001; or a reference (PL…), or 1010/0100000008/2026 for a document in SAP, other"
            " ones by what makes their number: 4500000001, 5105600101/2026",
        )
    return Trace(said, tuple(records), tuple(plans), more)


def _documents(said: str, plans: Sequence[PlanStory]) -> list[Document]:
    """The documents in SAP that are meant: one that is named in full, and those that plans were posted as."""
    found: list[Document] = [tuple(said.split("/"))]
    for one in plans:
        posted = one.document
        if posted is not None and posted.accounting_document and posted.fiscal_year:
            found.append((posted.document.company_code, posted.accounting_document, posted.fiscal_year))
    return list(dict.fromkeys(found))
