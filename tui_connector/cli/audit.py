"""audit: the chain of events, and one record's story."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tui_connector.bootstrap import open_installation
from tui_connector.cli import Exit
from tui_connector.cli.out import figure, moment, print_json, say, state, table
from tui_connector.domain.errors import ConfigError

if TYPE_CHECKING:
    import argparse

    from tui_connector.domain.audit import AuditEvent
    from tui_connector.domain.record import TracedRecord
    from tui_connector.domain.run import Run, Step


def show(given: argparse.Namespace) -> int:
    """Events, newest last."""
    with open_installation(given.config, read_only=True) as installation:
        events = installation.store.audit.events_before(None, given.limit, given.kind, given.run)[::-1]
    if given.json:
        print_json([_plain(event) for event in events])
    else:
        rows = [(e.seq, moment(e.at), e.fact.kind, e.fact.subject, e.fact.actor, _short(e)) for e in events]
        table(("seq", "at (UTC)", "event", "subject", "by", "data"), rows, numbers=("seq",), spare=("by",))
    return Exit.DONE


def trace(given: argparse.Namespace) -> int:
    """Everything that happened to one record, oldest first."""
    with open_installation(given.config, read_only=True) as installation:
        store = installation.store
        stages = [
            (stage, store.runs.get(stage.run_id), store.steps.get(stage.run_id, "import"))
            for stage in store.records.trace(given.key, given.flow)
        ]
    if not stages:
        raise ConfigError(
            f"no run has seen a record {given.key}",
            hint="write the key as SAP does, its parts joined by -, for example 1010-2026-0100000008-000001",
        )
    if given.json:
        print_json([_stage(*stage) for stage in stages])
        return Exit.DONE
    names = ("at", "flow", "run", "run_state", "outcome", "file_line", "task", "content", "cause")
    rows = []
    for stage in stages:
        told = _stage(*stage)
        told |= {"at": moment(told["at"]), "outcome": state(told["outcome"])}
        rows.append(["–" if told[name] is None else told[name] for name in names])
    heads = ("at (UTC)", "flow", "run", "run ended", "record", "file line", "Anaplan task", "content", "cause")
    table(heads, rows, numbers=("run", "file line"), spare=("content", "file line", "Anaplan task", "run ended"))
    return Exit.DONE


def _stage(stage: TracedRecord, run: Run, step: Step | None) -> dict[str, Any]:
    record, reject = stage.record, stage.reject
    return {
        "at": run.started_at,
        "flow": stage.flow,
        "run": run.id,
        "run_state": run.state,
        "outcome": record.outcome,
        "position": record.position,
        "file_line": record.file_line,
        "task": step.data.get("task_id") if step and record.file_line else None,
        "content": record.content,
        "cause": reject.cause if reject else None,
        "values": reject.values if reject else None,
    }


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
    return Exit.DONE if sound else Exit.FAILED


def _plain(event: AuditEvent) -> dict[str, object]:
    fact = event.fact
    return {
        "seq": event.seq, "at": event.at, "kind": fact.kind, "actor": fact.actor, "subject": fact.subject,
        "run": fact.run_id, "data": fact.data, "digest": event.digest,
    }  # fmt: skip


def _short(event: AuditEvent) -> str:
    return json.dumps(event.fact.data, ensure_ascii=False, default=str)[:90]
