"""flows and run."""

from __future__ import annotations

import asyncio
import difflib
import signal
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tui_connector.bootstrap import Installation, open_installation
from tui_connector.cli import Exit
from tui_connector.cli.out import facts, moment, print_json, run_name, say_next, state, table, tie_state
from tui_connector.cli.progress import follow
from tui_connector.cli.verdict import judge
from tui_connector.domain.errors import ConfigError
from tui_connector.domain.run import ReadMode, RunRequest
from tui_connector.domain.tie import Verdict
from tui_connector.views.flows import flow_ends
from tui_connector.views.words import figure

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from tui_connector.domain.run import Run
    from tui_connector.store.store import Store


def show(given: argparse.Namespace) -> int:
    """Declarations in running order, with last watermark and next due time."""
    with open_installation(given.config) as installation:
        slots, tables = installation.store.schedule.all(), installation.timetables()
        rows: list[dict[str, Any]] = []
        for flow in installation.flows:
            mark = installation.store.watermarks.get(installation.target_id(flow))
            standing = installation.store.ties.standing(installation.target_id(flow))
            last, slot = installation.store.runs.latest(flow.name), slots.get(flow.name)
            rows.append(
                {
                    "name": flow.name, "title": flow.title, "after": list(flow.after), **flow_ends(flow),
                    "schedule": flow.schedule,
                    "timetable": tables[flow.name].told if flow.schedule else None,
                    "watermark": mark.value if mark else None,
                    "last_run": last.id if last else None, "last_state": last.state if last else None,
                    "last_tie": standing and {"run": standing[0], "verdict": standing[1]},
                    "next_due": slot.next_at if slot else None,
                    "paused": {"at": slot.paused_at, "by": slot.paused_by, "reason": slot.paused_why}
                    if slot and slot.paused else None,
                }
            )  # fmt: skip
    if given.json:
        print_json(rows)
        return Exit.DONE
    cells = [
        (
            row["name"], ", ".join(row["after"]) or "–", row["entity_set"], row["action"],
            row["timetable"] or "by hand",
            moment(row["watermark"]), state(row["last_state"]) if row["last_state"] else "–",
            tie_state(row["last_tie"]["verdict"] if row["last_tie"] else None),
            "paused" if row["paused"] else moment(row["next_due"]),
        )
        for row in rows
    ]  # fmt: skip
    heads = (
        "flow",
        "after",
        "SAP set",
        "Anaplan action",
        "schedule",
        "watermark (UTC)",
        "last run",
        "tie-out",
        "next due (UTC)",
    )
    table(heads, cells, spare=("after", "SAP set", "Anaplan action", "next due (UTC)"))
    return Exit.DONE


def run(given: argparse.Namespace) -> int:
    """Run flows now, here or by a worker that is quicker, and show how they go."""
    since = moment_of(given.since) if given.since else None
    mode = ReadMode.FULL if given.full else ReadMode.DELTA
    with open_installation(given.config) as installation:
        names = _names(given, installation)
        requests = [RunRequest(name, mode, given.dry_run, since) for name in names]
        ids = installation.request_runs(requests, installation.person())
        return finish(installation, ids, given)


def finish(installation: Installation, ids: Sequence[int], given: argparse.Namespace) -> int:
    """Work until these runs have ended, then print what became of them; the exit code."""
    interrupted = work_off(installation, ids, quiet=given.json)
    runs = [installation.store.runs.get(run_id) for run_id in ids]
    if given.json:
        print_json(described(installation.store, runs))
    else:
        summary(runs, installation.store)
    if interrupted:
        return Exit.INTERRUPTED
    return judge(installation.store, runs)


def work_off(installation: Installation, ids: Sequence[int], *, quiet: bool) -> bool:
    """Work until these runs have ended; whether somebody interrupted it."""
    return asyncio.run(_work(installation, ids, quiet=quiet))


async def _work(installation: Installation, ids: Sequence[int], *, quiet: bool) -> bool:
    stop = asyncio.Event()
    interrupted = False

    def interrupt() -> None:
        nonlocal interrupted
        interrupted = True
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, interrupt)

    def ended() -> bool:
        return all(installation.store.runs.get(run_id).state.ended for run_id in ids)

    async with installation.worker() as worker:
        shown = asyncio.create_task(follow(installation.store, ids, stop, quiet=quiet), name="progress")
        try:
            await worker.serve(stop, until=ended, scheduled=False)
        finally:
            stop.set()
            await shown
    return interrupted


def described(store: Store, runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Runs as JSON, each with the verdict of its tie-out."""
    ties = store.ties.verdicts([one.id for one in runs])
    return [describe(one) | {"tie": {"verdict": ties[one.id]} if one.id in ties else None} for one in runs]


def describe(one: Run) -> dict[str, Any]:
    """A run as JSON."""
    counts = one.counts
    return {
        "run": one.id, "flow": one.flow, "cycle": one.cycle, "purpose": one.purpose,
        "proposal": None if one.proposal is None else f"P-{one.proposal:04}",
        "state": one.state, "reason": one.reason, "hint": one.hint,
        "mode": one.mode, "dry_run": one.dry_run, "requested_by": one.requested_by, "requested_at": one.requested_at,
        "started_at": one.started_at, "ended_at": one.ended_at, "read": counts.read, "unchanged": counts.unchanged,
        "sent": counts.sent, "loaded": counts.loaded, "ignored": counts.ignored, "rejected": counts.rejected,
    }  # fmt: skip


def summary(runs: Sequence[Run], store: Store) -> None:
    """The closing table of some runs, with their tie-outs where they have any."""
    ties = store.ties.verdicts([one.id for one in runs])
    tied = ("tie-out",) if ties else ()
    figures = ("read", "unchanged", "sent", "loaded", "ignored", "rejected", "seconds")
    rows = [
        (
            run_name(one), state(one.state), *(tie_state(ties.get(one.id)) for _ in tied),
            *(figure(getattr(one.counts, name)) for name in figures[:-1]),
            f"{(one.ended_at - one.started_at).total_seconds():.1f}" if one.started_at and one.ended_at else "–",
        )
        for one in runs
    ]  # fmt: skip
    table(("flow", "state", *tied, *figures), rows, numbers=figures, spare=("unchanged", "sent", "seconds"))
    for one in runs:
        if one.reason:
            facts([(run_name(one), one.reason)])
        tie = store.ties.get(one.id) if ties.get(one.id, Verdict.TIED) is not Verdict.TIED else None
        if tie is not None:
            facts([(f"{run_name(one)} is {tie.verdict}", tie.words)])
    for number in (number for number, verdict in ties.items() if verdict is Verdict.NOT_TIED):
        say_next(f"`tui-connector tie {number}` shows where it differs")
    for hint in dict.fromkeys(one.hint for one in runs if one.hint):
        say_next(hint)


def _names(given: argparse.Namespace, installation: Installation) -> list[str]:
    known = [flow.name for flow in installation.flows]
    if given.all == bool(given.flow):
        raise ConfigError("which flows?", hint=f"name some of {', '.join(known)}, or say --all")
    for name in given.flow:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise ConfigError(
                f"there is no flow {name}", hint=f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            )
    return known if given.all else [name for name in known if name in given.flow]


def moment_of(text: str) -> datetime:
    try:
        value = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"{text} is no moment", hint="write 2026-11-01 or 2026-11-01T06:00:00Z") from error
    return value if value.tzinfo else value.replace(tzinfo=UTC)
