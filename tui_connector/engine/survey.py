"""Before a load sends anything: what it would do, or meets, that a person may want to know of."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tui_connector.domain.concern import Rule
from tui_connector.domain.errors import PersonNeededError, RefusedError
from tui_connector.engine.closed import look_at_periods
from tui_connector.engine.drift import look_at_definitions
from tui_connector.engine.radar import look_at_masters

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from tui_connector.domain.concern import Concern
    from tui_connector.domain.flow import LoadFlow
    from tui_connector.engine.context import AnyContext, RunContext
    from tui_connector.engine.layout import Layout
    from tui_connector.engine.looked import Looked
    from tui_connector.engine.prepare import Destination

    Looking = Callable[[RunContext[LoadFlow], Layout, Destination], Awaitable[Looked]]

STEP = "survey"
_LOOKS: tuple[Looking, ...] = (look_at_definitions, look_at_masters, look_at_periods)
_SHOWN = 3


async def survey(context: RunContext[LoadFlow], layout: Layout, destination: Destination) -> None:
    """Look around once in a run, keep what was found, and let the run go on if it may.

    A dry run only tells. Raises RefusedError when a rule stops the run, PersonNeededError when a person has to allow
    something first; nothing was sent then.
    """
    if begin(context):
        looked: list[Looked] = []
        for look in _LOOKS:
            looked.append(await look(context, layout, destination))
            if any(one.rule is Rule.STOP for one in looked[-1].concerns):
                break  # what reads on would only fail on it
        settle(context, looked)
    require_allowed(context)


def begin(context: AnyContext) -> bool:
    """Begin to look around; False when this run has done so."""
    if context.checkpoints.is_done(STEP):
        return False
    context.checkpoints.begin(STEP)
    context.progress(STEP)
    return True


def settle(context: AnyContext, looked: Sequence[Looked]) -> None:
    """Keep everything found; where the run may go on, with the permissions it uses up and what the next has to know."""
    checkpoints, store, run = context.checkpoints, context.store, context.run
    found = [one for each in looked for one in each.concerns]
    stops = [one for one in found if one.rule is Rule.STOP]
    missing = store.concerns.unallowed(run.target_id, [one for one in found if one.rule is Rule.ASK])
    rule = Rule.STOP if stops else Rule.ASK if missing else Rule.GO_ON
    if run.dry_run:
        rule = Rule.GO_ON
    with store.transaction() as tx:
        told = store.concerns.keep(tx, run.id, run.target_id, found)
        goes_on = rule is Rule.GO_ON and not run.dry_run
        used = store.concerns.use(tx, run.id, run.target_id) if goes_on else []
        checkpoints.done_in(tx, STEP, {**told, "rule": rule.value, "words": _words(stops or missing)})
        checkpoints.fact(tx, "run.surveyed", run.flow, **told, allowed_by=used)
        for each in looked if goes_on else ():
            if each.keep is not None:
                each.keep(tx)


def require_allowed(context: AnyContext) -> None:
    """Raise what `survey` raises, unless the run may go on."""
    run, step = context.run, context.checkpoints.last(STEP)
    assert step is not None  # noqa: S101 - written by settle
    match step.data["rule"]:
        case Rule.STOP:
            hint = f"`runs {run.id}` lists it; mend it, or set another rule in [flows.{run.flow}]"
            raise RefusedError(f"nothing was sent: {step.data['words']}", hint=hint)
        case Rule.ASK:
            hint = f"`runs {run.id}` shows what it would do; `runs allow {run.id} --reason TEXT` lets it go on"
            raise PersonNeededError(f"asks a person first: {step.data['words']}", hint=hint)


def _words(found: Iterable[Concern]) -> str:
    """Concerns in few words: "2 renamed (1010 A, 1010 B), 1 moved (1020 C)"."""
    listed = list(found)
    kinds = Counter(one.change for one in listed)
    parts = []
    for change, count in kinds.items():
        subjects = [one.subject for one in listed if one.change == change][:_SHOWN]
        more = ", …" if count > len(subjects) else ""
        parts.append(f"{count:,} {change} ({', '.join(subjects)}{more})")
    return ", ".join(parts)
