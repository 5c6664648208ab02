"""audit retention, hold and erase: what goes after its time, what must not go, and what goes since a person asks."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from tui_connector.bootstrap import open_installation
from tui_connector.cli import Exit
from tui_connector.cli.flows import moment_of
from tui_connector.cli.out import moment, print_json, say, table
from tui_connector.domain.clock import SystemClock
from tui_connector.review.amounts import counted
from tui_connector.store.erasures import Hold

if TYPE_CHECKING:
    import argparse

    from tui_connector.store.erasures import Erasing


def retention(given: argparse.Namespace) -> int:
    """Erase what is older than [retention] says; with --dry-run only tell."""
    with open_installation(given.config, read_only=given.dry_run) as installation:
        found = installation.aged() if given.dry_run else installation.retain(installation.person())
    if found.empty and not found.held:
        say(given, _value(found, done=False), "Nothing is older than [retention] says.")
    else:
        _tell(given, found, done=not given.dry_run)
    return Exit.DONE


def erase(given: argparse.Namespace) -> int:
    """Erase what tells a person's name, as far as nothing is verified by it; with --dry-run only tell."""
    with open_installation(given.config, read_only=given.dry_run) as installation:
        found = installation.store.erasures.about(given.person)
        if not given.dry_run:
            with installation.store.transaction() as tx:
                found = installation.store.erasures.about(given.person)
                installation.store.erasures.erase(tx, found, given.reason, installation.person())
    _tell(given, found, done=not given.dry_run)
    return Exit.DONE


def holds(given: argparse.Namespace) -> int:
    """The legal holds in force."""
    with open_installation(given.config, read_only=True) as installation:
        found = installation.store.erasures.holds()
    if given.json:
        print_json([asdict(one) for one in found])
    elif not found:
        say(given, [], "No legal hold is in force.")
    else:
        rows = [(one.name, _about(one), one.reason, one.set_by, moment(one.at)) for one in found]
        table(("hold", "about", "reason", "by", "since (UTC)"), rows, spare=("by",))
    return Exit.DONE


def hold(given: argparse.Namespace) -> int:
    """Keep everything, a run or a time from being erased."""
    since, until = (None if text is None else moment_of(text) for text in (given.since, given.until))
    with open_installation(given.config) as installation:
        one = Hold(given.name, given.run, since, until, given.reason, installation.person(), SystemClock().now())
        with installation.store.transaction() as tx:
            installation.store.erasures.hold(tx, one)
    value = {"hold": one.name, "about": _about(one)}
    say(given, value, f"Held from now on: {one.name}, {_about(one)}.")
    return Exit.DONE


def release(given: argparse.Namespace) -> int:
    """End a hold."""
    with open_installation(given.config) as installation, installation.store.transaction() as tx:
        installation.store.erasures.release(tx, given.name, given.reason, installation.person())
    say(given, {"released": given.name}, f"The hold {given.name} has ended.")
    return Exit.DONE


def _about(one: Hold) -> str:
    parts = [
        f"run {one.run_id}" if one.run_id is not None else "",
        f"from {moment(one.since)}" if one.since else "",
        f"before {moment(one.until)}" if one.until else "",
    ]
    return " ".join(part for part in parts if part) or "everything"


def _value(found: Erasing, *, done: bool) -> dict[str, object]:
    return {
        "erased": done, "events": len(found.events), "values": len(found.rejects), "held": found.held,
        "kept": dict(found.kept),
    }  # fmt: skip


def _tell(given: argparse.Namespace, found: Erasing, *, done: bool) -> None:
    verb = "Erased" if done and not found.empty else "Nothing was erased" if done else "Would be erased"
    events, values = counted(len(found.events), "event"), counted(len(found.rejects), "refused record")
    lines = [f"{verb}: the data of {events}, the values of {values}."]
    if found.held:
        lines.append(f"▲ A hold keeps {found.held:,} more.")
    lines += [f"○ Kept, since other rows are verified by it: {count} × {kind}" for kind, count in found.kept]
    say(given, _value(found, done=done), "\n".join(lines))
