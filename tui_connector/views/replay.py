"""What a replay would do, before anybody asks for it: which records, their worth, the way, and what is against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tui_connector.domain.cause import CauseKind, cause_of
from tui_connector.domain.errors import ConfigError, RefusedError
from tui_connector.domain.flow import Landing, LoadFlow
from tui_connector.domain.mapping import Mapping
from tui_connector.domain.reject_class import IN_PART
from tui_connector.domain.replay import check_replay
from tui_connector.domain.text import clean
from tui_connector.review.amounts import counted, listed
from tui_connector.views.causes import load_flows, loaded_since, loader_of, told_missing, total
from tui_connector.views.words import figure, moment, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tui_connector.domain.case import Missing, Place
    from tui_connector.domain.replay import Refusal
    from tui_connector.views.desk import Desk

_LOOKED = 5000  # records looked at before; the worker looks at all of them before it sends


@dataclass(frozen=True, slots=True)
class ReplayModel:
    """What a replay would do. facts: label and text, in order. obstacle, hint: what is against it; "" when nothing is.

    action: the import or process. model_id: of the model that it holds meanwhile.
    """

    flow: str
    places: tuple[Place, ...]
    sentence: str
    missing: Missing
    facts: tuple[tuple[str, str], ...]
    action: str
    model_id: str
    obstacle: str = ""
    hint: str = ""

    @property
    def records(self) -> int:
        return len(self.places)


def read_replay(desk: Desk, flow_name: str, places: Sequence[Place]) -> ReplayModel:
    """What sending these once more would do; ConfigError for a flow that loads nothing or for no records."""
    found = {number: flow for number, flow in load_flows(desk).items() if flow.name == flow_name}
    if not found:
        raise ConfigError(f"{flow_name} is no load flow that ever ran here", hint="`flows` lists them")
    if not places:
        raise ConfigError("no record was chosen", hint="`rejects list --records` shows what can be replayed")
    ((target_id, flow),) = found.items()
    wanted = tuple(sorted(set(places)))
    looked = wanted[:_LOOKED]
    refusals = desk.store.cases.refusals(looked)
    missing = _missing(desk, flow, wanted, refusals)
    obstacle, hint = _obstacle(desk, flow, target_id, looked, refusals)
    connection = next((one for one in desk.connections if one.name == f"anaplan.{flow.anaplan}"), None)
    model = connection.model_id if connection else ""
    action = flow.import_action or flow.process or ""
    worth = told_missing(missing)
    sentence = f"{counted(len(wanted), 'record')} of {flow.name} would be sent to Anaplan once more"
    sentence += f": {worth}." if worth else "."
    return ReplayModel(
        flow.name, wanted, sentence, missing, tuple(_facts(desk, flow, wanted, refusals, worth)), action,
        model, obstacle, hint,
    )  # fmt: skip


def _missing(desk: Desk, flow: LoadFlow, places: Sequence[Place], refusals: Sequence[Refusal]) -> Missing:
    def values() -> Iterator[dict[str, str]]:
        yield from (one.reject.values for one in refusals)
        for start in range(_LOOKED, len(places), _LOOKED):
            part = desk.store.cases.refusals(places[start : start + _LOOKED])
            yield from (one.reject.values for one in part)

    return total(flow, values())


def _obstacle(
    desk: Desk, flow: LoadFlow, target_id: int, places: Sequence[Place], refusals: Sequence[Refusal]
) -> tuple[str, str]:
    cases = desk.store.cases
    try:
        strange = next((one for one in cases.require_open(places) if one.target_id != target_id), None)
        if strange is not None:
            return f"{strange.place} belongs to {strange.flow}", "choose records of one flow"
        under_way = cases.replays_under_way(places)
        if under_way:
            place, run_id = next(iter(under_way.items()))
            return f"run {run_id} is about to send {place} again", f"wait for run {run_id} to end"
        check_replay(flow, refusals, cases.mappings(refusals))
    except RefusedError as error:
        return error.message, error.hint
    return "", ""


def _facts(
    desk: Desk, flow: LoadFlow, places: Sequence[Place], refusals: Sequence[Refusal], worth: str
) -> Iterator[tuple[str, str]]:
    now, zone = desk.clock.now(), desk.zone
    runs = sorted({place.run_id for place in places})
    first = desk.store.runs.get(runs[0])
    at = moment(first.started_at, now, zone)
    of = f"run {runs[0]}" if len(runs) == 1 else counted(len(runs), "run")
    yield "records", f"{figure(len(places))} of {of}, with the values read at {at}, nothing else"
    if worth:
        yield "worth", worth
    mapping = desk.store.cases.mapping(runs[0])
    same = mapping is not None and mapping.digest == Mapping.of(flow).digest
    yield (
        "mapping",
        f"{mapping.digest if mapping else 'unknown'}, {'the current one' if same else 'not the current one'}",
    )
    causes = [cause_of(flow, one.reject) for one in refusals]
    lists = dict.fromkeys(one.list for one in causes if one.kind is CauseKind.MEMBER)
    for name in lists:
        lacking = dict.fromkeys(one.value for one in causes if one.list == name)
        told = listed([clean(value, limit=40) for value in list(lacking)[:3]])
        more = f" and {figure(len(lacking) - 3)} more" if len(lacking) > 3 else ""
        loader = loader_of(desk, flow, name)
        since = loaded_since(desk, loader, first.ended_at or first.requested_at) if loader else ""
        by = f"{loader.name} has to load" if loader else "somebody has to add"
        what = since or f"{by} {told}{more} into {clean(name, limit=60)}"
        yield "first", f"{what}; each is looked for again"
    action, kind = (flow.import_action, "import") if flow.import_action else (flow.process, "process")
    took = _took(desk, flow)
    yield "then", f"1 {kind}, {clean(str(action), limit=80)}, over {clean(flow.file, limit=80)}{took}"
    yield "twice?", _twice(flow, refusals)
    yield "after", "SAP is not read, the watermark stays; what is refused again stands here anew"


def _took(desk: Desk, flow: LoadFlow) -> str:
    """How long the flow's last import held the model."""
    run = desk.store.runs.latest(flow.name)
    step = desk.store.steps.get(run.id, "import") if run else None
    if step is None or step.ended_at is None:
        return ""
    return f"; the last one held the model {span(step.ended_at - step.started_at)}"


def _twice(flow: LoadFlow, refusals: Sequence[Refusal]) -> str:
    where = "list item" if flow.lands_in is Landing.LISTS else "cells"
    parts = sum(one.reject.cause.startswith(IN_PART) for one in refusals)
    told = f"no: each key once; the same key replaces the same {where}"
    return f"{told}. {counted(parts, 'record')} are loaded in part already" if parts else told


def describe_replay(model: ReplayModel) -> dict[str, Any]:
    """What a replay would do, as JSON."""
    return {
        "flow": model.flow, "records": model.records, "gross": {c: str(a) for c, a in model.missing.gross.items()},
        "net": {c: str(a) for c, a in model.missing.net.items()},
        "unknown_amounts": model.missing.unknown, "action": model.action, "model_id": model.model_id,
        "twice": False, "facts": dict(model.facts), "ids": [str(place) for place in model.places],
        "obstacle": model.obstacle or None, "hint": model.hint or None,
    }  # fmt: skip
