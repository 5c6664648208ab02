"""audit: the chain of events, shown and recomputed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tui_connector.bootstrap import open_installation
from tui_connector.cli import Exit
from tui_connector.cli.out import moment, print_json, say, table
from tui_connector.views.words import figure

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
        table(("seq", "at (UTC)", "event", "subject", "by", "data"), rows, numbers=("seq",), spare=("by",))
    return Exit.DONE


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
