"""alerts: what stands, a test of the targets, and a look without a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui_connector.bootstrap import open_installation
from tui_connector.cli import Exit
from tui_connector.cli.out import mark, moment, print_json, say, table
from tui_connector.domain.alert import Severity
from tui_connector.domain.errors import ConfigError
from tui_connector.review.amounts import counted
from tui_connector.views.alerts import trial_message

if TYPE_CHECKING:
    import argparse

    from tui_connector.store.alerts import Outgoing, Standing
    from tui_connector.store.store import Store

_MARKS = {
    Severity.NOTICE: ("◆", "yellow"), Severity.WARNING: ("▲", "yellow"),
    Severity.ERROR: ("✗", "red"), Severity.CRITICAL: ("✗", "red"),
}  # fmt: skip


def listing(given: argparse.Namespace) -> int:
    """What stands, with whom was told and whether it was taken; on request what is over as well."""
    with open_installation(given.config, read_only=True) as installation:
        store = installation.store
        found = store.alerts.history(given.limit) if given.all else store.alerts.standing()
        rows = [_described(store, one) for one in found]
        targets = list(installation.settings.alerts.targets)
    if given.json:
        print_json({"targets": targets, "alerts": rows})
        return Exit.DONE
    if rows:
        cells = [
            (
                mark(*_MARKS[row["severity"]], row["severity"]), row["words"], moment(row["since"]),
                moment(row["over"]) if row["over"] else "stands",
                ", ".join(f"{one['target']} {one['state']}" for one in row["messages"]) or "nobody",
            )
            for row in rows
        ]  # fmt: skip
        table(("severity", "alert", "since (UTC)", "over (UTC)", "told"), cells, spare=("over (UTC)", "told"))
    told = ", ".join(targets) or "nobody: [alerts.targets] names none"
    say(given, None, f"{'' if rows else 'Nothing is alerting. '}Who is told: {told}.")
    return Exit.DONE


def test(given: argparse.Namespace) -> int:
    """Send a test to every target, or those named."""
    with open_installation(given.config) as installation:
        known = installation.settings.alerts.targets
        strange = [name for name in given.target if name not in known]
        if strange or not known:
            raise ConfigError(
                f"there is no target {strange[0]}" if strange else "there is no target for alerts",
                hint=f"there are {', '.join(known)}" if known else "add [alerts.targets.NAME] to config.toml",
            )
        teller, message, person = installation.teller(), trial_message(installation.desk()), installation.person()
        said = {name: teller.test(name, message, person) for name in given.target or known}
    lines = [f"{name}: {f'not taken: {why}' if why else 'taken'}" for name, why in said.items()]
    say(given, [{"target": name, "taken": not why, "said": why} for name, why in said.items()], "\n".join(lines))
    return Exit.FAILED if any(said.values()) else Exit.DONE


def look(given: argparse.Namespace) -> int:
    """Look once and tell what is new."""
    with open_installation(given.config) as installation:
        sent = installation.teller().look(installation.person())
        standing = installation.store.alerts.standing()
    told = [{"target": one.target, "title": one.message.title} for one in sent]
    words = f"{counted(len(standing), 'alert')} {'stands' if len(standing) == 1 else 'stand'}"
    say(given, {"standing": len(standing), "sent": told}, f"{words}, {counted(len(sent), 'message')} sent.")
    return Exit.DONE


def _described(store: Store, one: Standing) -> dict[str, Any]:
    alert = one.alert
    return {
        "kind": alert.kind, "about": alert.about, "severity": alert.severity, "stage": alert.stage,
        "words": alert.words, "since": one.since, "told": one.told_at, "over": one.over_at, "look": alert.look,
        "messages": [
            {
                "target": sent.target, "telling": sent.message.telling, "state": _state(sent), "made": sent.made_at,
                "sent": sent.sent_at, "attempts": sent.attempts, "said": sent.said,
            }
            for sent in store.alerts.messages(one.id)
        ],
    }  # fmt: skip


def _state(one: Outgoing) -> str:
    if one.sent_at:
        return "told"
    if one.dropped_at:
        return "given up" if one.said else "not needed any more"
    return "waits" if not one.said else "not taken yet"
