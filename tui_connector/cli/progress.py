"""What runs do at the moment: live lines on a terminal, plain lines elsewhere; read from the store alone."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from rich.live import Live
from rich.table import Table
from rich.text import Text

from tui_connector.cli.out import console, counted, moment, run_name, state
from tui_connector.domain.run import RunState
from tui_connector.domain.text import clean
from tui_connector.views.words import figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_connector.domain.run import Progress, Run
    from tui_connector.store.store import Store

_LIVE_SECONDS = 0.25
_PLAIN_SECONDS = 2.0
_BAR = 20
_TAIL = 100


async def follow(store: Store, ids: Sequence[int], stop: asyncio.Event, *, quiet: bool) -> None:
    """Show these runs until all have ended or `stop` is set."""
    if quiet:
        return
    out = console(error=True)
    if out.is_terminal:
        with Live(console=out, refresh_per_second=8, transient=True) as live:
            while not await _ended(store, ids, stop, _LIVE_SECONDS):
                live.update(_table(store, ids))
        return
    said: dict[int, str] = {}
    while True:
        ended = await _ended(store, ids, stop, _PLAIN_SECONDS)
        progress = store.steps.progress_of(ids)
        for run in map(store.runs.get, ids):
            line = _sentence(run, progress.get(run.id), store)
            if said.get(run.id) != line and run.state is not RunState.WAITING:
                said[run.id] = line
                out.print(Text(line))
        if ended:
            return


async def tail(store: Store, stop: asyncio.Event) -> None:
    """One line for each run that ends from now on, until `stop` is set."""
    out = console(error=True)
    told = {run.id for run in store.runs.history(_TAIL) if run.state.ended}
    while not stop.is_set():
        for run in reversed(store.runs.history(_TAIL)):
            if run.state.ended and run.id not in told:
                told.add(run.id)
                out.print(Text(f"{moment(run.ended_at)} {_sentence(run, None, store)}"))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _PLAIN_SECONDS)


async def _ended(store: Store, ids: Sequence[int], stop: asyncio.Event, seconds: float) -> bool:
    if stop.is_set() or all(store.runs.get(run_id).state.ended for run_id in ids):
        return True
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
    return False


def _sentence(run: Run, progress: Progress | None, store: Store) -> str:
    if run.state.ended:
        verdict = store.ties.verdicts([run.id]).get(run.id)
        tie = f", {verdict}" if verdict else ""
        return f"{run_name(run)}: {run.state}{tie}, {clean(run.reason) or counted(run.counts)}"
    step = f"{progress.step} {_details(progress)}" if progress else "starting"
    return f"{run_name(run)}: {step}"


def _table(store: Store, ids: Sequence[int]) -> Table:
    made = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(4):
        made.add_column(no_wrap=True, overflow="ellipsis")
    progress = store.steps.progress_of(ids)
    for run in map(store.runs.get, ids):
        now = progress.get(run.id)
        running = run.state is RunState.RUNNING
        made.add_row(
            run_name(run),
            state(run.state),
            now.step if running and now else "",
            _details(now) if running and now else _ended_with(run),
        )
    return made


def _ended_with(run: Run) -> str:
    return clean(run.reason) or (f"{figure(run.counts.loaded)} loaded" if run.state is RunState.DONE else "")


def _details(progress: Progress) -> str:
    data: dict[str, Any] = progress.data
    parts = []
    if "rows" in data:
        parts.append(f"{figure(data['rows'])} rows")
    if data.get("rate"):
        parts.append(f"{figure(round(data['rate']))} rows/s")
    if data.get("chunks"):
        parts.append(f"{data['chunks']} chunks, {data['kilobytes'] / 1000:.1f} MB")
    elif "kilobytes" in data:
        parts.append(f"{data['kilobytes'] / 1000:.1f} MB")
    if "proved" in data:
        parts.append(f"{data['proved']} of {data['documents']} documents proved")
    if data.get("unknown"):
        parts.append(f"{data['unknown']} of unknown outcome")
    if "percent" in data:
        done = round(_BAR * data["percent"] / 100)
        parts.append(f"{'━' * done}{'─' * (_BAR - done)} {data['percent']} %")
    if data.get("task"):
        parts.append(
            f"task {data['task'][:4]}…{data['task'][-4:]} {data.get('state', '')} {data.get('current', '')}".rstrip()
        )
    if data.get("budget") is not None:
        parts.append(f"{data['budget']} of 600/min")
    return " · ".join(parts)
