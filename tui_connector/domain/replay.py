"""What stands against sending refused records once more: pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_connector.domain.cause import cause_of
from tui_connector.domain.errors import RefusedError
from tui_connector.domain.mapping import Mapping
from tui_connector.domain.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping as MappingOf
    from collections.abc import Sequence

    from tui_connector.domain.case import Place
    from tui_connector.domain.flow import LoadFlow
    from tui_connector.domain.record import RecordKey, Reject


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused record with what was kept of it. content: digest of the line as it was or would have been sent."""

    place: Place
    key: RecordKey
    content: str
    reject: Reject


def check_replay(flow: LoadFlow, refusals: Sequence[Refusal], mappings: MappingOf[int, Mapping | None]) -> None:
    """Raise RefusedError unless every one of them can be sent as it was kept. mappings: by run, as it was then."""
    erased = [one for one in refusals if not one.reject.values]
    if erased:
        raise RefusedError(
            f"the values of {_counted(erased)} were erased{_first(erased)}",
            hint=f"`run {flow.name} --full` reads them again from SAP",
        )
    now = Mapping.of(flow)
    for run_id in sorted({one.place.run_id for one in refusals}):
        _check_mapping(flow, run_id, mappings.get(run_id), now)
    hopeless = [one for one in refusals if not cause_of(flow, one.reject).replayable]
    if hopeless:
        why = clean(hopeless[0].reject.cause, limit=200)
        raise RefusedError(
            f"{_counted(hopeless)} cannot be loaded with the values they had{_first(hopeless)}: {why}",
            hint=f"mend them in SAP: the next run of {flow.name} reads what changed there; or waive them",
        )


def _check_mapping(flow: LoadFlow, run_id: int, then: Mapping | None, now: Mapping) -> None:
    if then is not None and then.digest == now.digest:
        return
    if then is None:
        why = f"run {run_id} kept no mapping, so that nobody can tell whether its values still fit"
    elif differences := then.differences(now):
        why = f"the columns of {flow.name} changed since run {run_id}: {'; '.join(differences)}"
    else:
        why = f"{flow.name} is declared otherwise than in run {run_id}: its source or language changed"
    raise RefusedError(why, hint=f"`run {flow.name} --full` reads everything again as it is declared now")


def _counted(refusals: Sequence[Refusal]) -> str:
    return f"{len(refusals):,} record" + ("" if len(refusals) == 1 else "s")


def _first(refusals: Sequence[Refusal]) -> str:
    told = f"{clean(refusals[0].key, limit=80)} ({refusals[0].place})"
    return f" ({told})" if len(refusals) == 1 else f", the first of them {told}"
