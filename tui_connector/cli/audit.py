"""audit: the chain of events, and one record's story."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tui_connector.bootstrap import open_installation
from tui_connector.cli.out import figure, moment, print_json, say, state, table
from tui_connector.domain.errors import ConfigError

if TYPE_CHECKING:
    import argparse

    from tui_connector.domain.audit import AuditEvent


def show(given: argparse.Namespace) -> int:
    """Events, newest last."""
    with open_installation(given.config, read_only=True) as installation:
        events = installation.store.audit.events_before(None, given.limit, given.kind, given.run)[::-1]
    if given.json:
        print_json([_plain(event) for event in events])
    else:
        rows = [(e.seq, moment(e.at), e.fact.kind, e.fact.subject, e.fact.actor, _short(e)) for e in events]
        table(("seq", "at (UTC)", "event", "subject", "by", "data"), rows, numbers=("seq",))
    return 0


def trace(given: argparse.Namespace) -> int:
    """Everything that happened to one record, oldest first."""
    with open_installation(given.config, read_only=True) as installation:
        stages = installation.store.records.trace(given.key, given.flow)
        runs = {stage.run_id: installation.store.runs.get(stage.run_id) for stage in stages}
        tasks = {run_id: installation.store.steps.get(run_id, "import") for run_id in runs}
    if not stages:
        raise ConfigError(
            f"no run has seen a record {given.key}", hint="a key is written as `runs ID` and rejects show it"
        )
    if given.json:
        print_json(
            [
                {
                    "flow": stage.flow, "run": stage.run_id, "at": runs[stage.run_id].started_at,
                    "run_state": runs[stage.run_id].state, "outcome": stage.record.outcome, "content": stage.record.content,
                    "position": stage.record.position, "file_line": stage.record.file_line,
                    "task": _task(tasks, stage.run_id), "cause": stage.reject.cause if stage.reject else None,
                    "values": stage.reject.values if stage.reject else None,
                }
                for stage in stages
            ]
        )  # fmt: skip
        return 0
    rows = [
        (
            moment(runs[stage.run_id].started_at), stage.flow, stage.run_id, runs[stage.run_id].state,
            state(stage.record.outcome), stage.record.file_line or "–", _task(tasks, stage.run_id) or "–", stage.record.content,
            stage.reject.cause if stage.reject else "",
        )
        for stage in stages
    ]  # fmt: skip
    heads = ("at (UTC)", "flow", "run", "run ended", "record", "file line", "Anaplan task", "content", "cause")
    table(heads, rows, numbers=("run", "file line"))
    return 0


def verify(given: argparse.Namespace) -> int:
    """Recompute the chain, the payloads and the records they cover."""
    with open_installation(given.config, read_only=True) as installation:
        verdict = installation.store.audit.verify()
    sound = verdict.broken_at is None
    value = {
        "sound": sound,
        "events": verdict.events,
        "records": verdict.records,
        "broken_at": verdict.broken_at,
        "finding": verdict.finding,
    }
    counted = f"{figure(verdict.events)} events and {figure(verdict.records)} records"
    say(
        given,
        value,
        f"✓ The chain is sound: {counted}." if sound else f"✗ Broken at event {verdict.broken_at}: {verdict.finding}",
    )
    return 0 if sound else 1


def _task(tasks: dict[int, object], run_id: int) -> str | None:
    step = tasks[run_id]
    return None if step is None else getattr(step, "data", {}).get("task_id")


def _plain(event: AuditEvent) -> dict[str, object]:
    fact = event.fact
    return {
        "seq": event.seq, "at": event.at, "kind": fact.kind, "actor": fact.actor, "subject": fact.subject,
        "run": fact.run_id, "data": fact.data, "digest": event.digest,
    }  # fmt: skip


def _short(event: AuditEvent) -> str:
    return json.dumps(event.fact.data, ensure_ascii=False, default=str)[:90]
