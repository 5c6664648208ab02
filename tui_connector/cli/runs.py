"""runs: history, one run's steps, and its live tail."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any

from tui_connector.bootstrap import Installation, open_installation
from tui_connector.cli import Exit
from tui_connector.cli.allow import allow
from tui_connector.cli.cancel import cancel
from tui_connector.cli.flows import describe, described
from tui_connector.cli.out import counted, facts, moment, print_json, run_name, say, say_next, state, table, tie_state
from tui_connector.cli.progress import follow
from tui_connector.cli.tie import print_tie, tie_json
from tui_connector.cli.verdict import judge
from tui_connector.domain.reject_class import class_of
from tui_connector.views.concerns import concerns_of, describe_found, read_found
from tui_connector.views.run_steps import known
from tui_connector.views.runs import read_filter
from tui_connector.views.tie_out import all_differences, read_tie
from tui_connector.views.words import figure

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from tui_connector.domain.run import Run, Step
    from tui_connector.views.concerns import ConcernRow, Found


def show(given: argparse.Namespace) -> int:
    """The last runs, or everything about one."""
    if given.id == "cancel":
        return cancel(given)
    if given.id == "allow":
        return allow(given)
    with open_installation(given.config, read_only=True) as installation:
        if given.id is None:
            return _history(installation, given)
        run = installation.store.runs.get(given.id)
        if given.follow and not run.state.ended:
            asyncio.run(_follow(installation, run.id))
            run = installation.store.runs.get(run.id)
        steps = installation.store.steps.of(run.id)
        rejects = installation.store.records.rejects(run.id, 20)
        code = judge(installation.store, [run]) if run.state.ended else Exit.DONE
        desk = installation.desk()
        tie = read_tie(desk.store, run, next((one for one in desk.flows if one.name == run.flow), None))
        told = tie_json(desk.store, run.id)
        survey = read_found(desk.store, run)
        concerns = list(concerns_of(desk, run.id).after(None, given.limit)) if survey else []
        found = describe_found(desk.store, run)
        differences = list(all_differences(desk, run.id).after(None, given.limit)) if tie else []
    if given.json:
        value = describe(run) | {
            "survey": found,
            "tie": told,
            "steps": [
                {
                    "name": s.name,
                    "state": s.state,
                    "attempt": s.attempt,
                    "started_at": s.started_at,
                    "ended_at": s.ended_at,
                    "data": s.data,
                }
                for s in steps
            ],
            "rejects": [
                {
                    "key": r.key,
                    "by": r.rejected_by,
                    "class": class_of(r.rejected_by, r.cause, r.detail),
                    "cause": r.cause,
                    "values": r.values,
                }
                for r in rejects
            ],
        }
        print_json(value)
        return code
    _page(run)
    table(
        ("step", "state", "started (UTC)", "seconds", "what is known"),
        [_step(step) for step in steps],
        numbers=("seconds",),
    )
    if survey is not None and survey.total:
        _found(survey, concerns)
    if tie is not None:
        print_tie(tie, differences)
    if rejects:
        rows = [
            (r.key, r.rejected_by.value, class_of(r.rejected_by, r.cause, r.detail).words, r.cause) for r in rejects
        ]
        table(("record", "refused by", "class", "cause"), rows, spare=("class",))
    return code


async def _follow(installation: Installation, run_id: int) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
    await follow(installation.store, [run_id], stop, quiet=False)


def _history(installation: Installation, given: argparse.Namespace) -> int:
    store, desk = installation.store, installation.desk()
    wanted = read_filter(given.filter or "", desk.clock.now(), desk.zone)
    runs = store.runs.search(wanted, given.limit)
    ties = store.ties.verdicts([run.id for run in runs])
    if given.json:
        print_json(described(store, runs))
    elif not runs and given.filter:
        say(given, [], "No run fits this filter.")
    elif not runs:
        say(given, [], "No run yet: `tui-connector run gl_accounts` starts the first.")
    else:
        tied = ("tie-out",) if ties else ()
        figures = ("read", "unchanged", "sent", "loaded", "ignored", "rejected")
        rows = [
            (
                run.id,
                run_name(run),
                state(run.state),
                *(tie_state(ties.get(run.id)) for _ in tied),
                moment(run.started_at),
                *(figure(getattr(run.counts, f)) for f in figures),
                run.requested_by,
                run.reason,
            )
            for run in runs
        ]
        table(
            ("run", "flow", "state", *tied, "started (UTC)", *figures, "asked by", ""),
            rows,
            numbers=("run", *figures),
            spare=("asked by", "unchanged", "sent", "started (UTC)", "read"),
        )
    return Exit.DONE


def _page(run: Run) -> None:
    rows = [
        ("run", f"{run.id} {run_name(run)}"),
        ("state", state(run.state)),
        ("reason", run.reason or "–"),
        ("next", run.hint or "–"),
        ("asked", f"{moment(run.requested_at)} by {run.requested_by}"),
        ("worker", run.worker or "–"),
        ("records", counted(run.counts)),
    ]
    facts(rows)


def _found(survey: Found, rows: Sequence[ConcernRow]) -> None:
    given = [("allowed", f"{one.reason} (by {one.by}, {moment(one.at)} UTC)") for one in survey.allowed_by]
    facts([("before it sent", survey.sentence), *given])
    table(
        ("", "subject", "what", "was", "now", "what it does"),
        [(row.mark.word, row.subject, row.change, row.was, row.now, row.effect) for row in rows],
    )
    if survey.total > len(rows):
        say_next(f"{figure(survey.total - len(rows))} more not shown: `tui-connector runs {survey.run} --limit 1000`")


def _step(step: Step) -> tuple[Any, ...]:
    seconds = f"{(step.ended_at - step.started_at).total_seconds():.1f}" if step.ended_at else "–"
    attempt = f" (attempt {step.attempt})" if step.attempt > 1 else ""
    return step.name + attempt, state(step.state), moment(step.started_at), seconds, _known(step)


def _known(step: Step) -> str:
    """A step's data in words."""
    words = known(step)
    if step.name != "transfer":
        return words
    since = step.data.get("since")
    if "replayed" in step.data:
        return f"{figure(step.data['replayed'])} refused records, {words}"
    window = f"changes since {since[:19]}" if since else "everything"
    return f"{window}, {words}" if words else window
