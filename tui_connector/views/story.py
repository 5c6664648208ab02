"""The trace of a key: what one record, plan line, document or proposal went through."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_connector.domain.errors import ConfigError
from tui_connector.views import story_plan, story_record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tui_connector.domain.flow import Flow
    from tui_connector.store.store import Store
    from tui_connector.views.stations import Station
    from tui_connector.views.story_plan import PlanStory
    from tui_connector.views.story_record import RecordStory

_PROPOSAL = re.compile(r"P-0*(\d{1,7})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Trace:
    """Every story that a key has a part in: of records by flow, of plan lines by document, oldest first."""

    key: str
    records: tuple[RecordStory, ...]
    plans: tuple[PlanStory, ...]

    def parts(self) -> Iterator[tuple[str, str, tuple[Station, ...]]]:
        """Each story as a whole: what it is of, how that stands, and its stations."""
        for record in self.records:
            yield record.flow, record.key, record.stations
        for plan in self.plans:
            yield plan.name, plan.state, plan.stations


def trace(store: Store, key: str, flow: str | None = None, flows: Sequence[Flow] = ()) -> Trace:
    """Follow a record's or plan line's key, a reference, a document's number in SAP, or a proposal.

    flows: the declarations, which know the names of what SAP was asked for. Raises ConfigError when nothing is known.
    """
    said = key.strip()
    records, plans = story_record.of(store, said, flow, flows), story_plan.of(store, said, flow)
    if not records and not plans and (number := _PROPOSAL.fullmatch(said)):
        plans = [story_plan.whole(store, int(number[1]))]
    if not records and not plans:
        raise ConfigError(
            f"no run has seen a record {said}, and no proposal holds it",
            hint="write the key as SAP or the plan does, its parts joined by -, for example"
            " 1010-2026-0100000008-000001; or a reference (PL…), or 1010/0100000008/2026 for a document in SAP",
        )
    return Trace(said, tuple(records), tuple(plans))
