"""audit retention, hold and erase: what goes after its time, what must not go, and what goes since a person asks."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from tui_connector.bootstrap import open_installation
from tui_connector.cli import Exit
from tui_connector.cli.flows import moment_of
from tui_connector.cli.out import moment, print_json, say, table
from tui_connector.domain.clock import SystemClock
from tui_connector.domain.errors import ConfigError
from tui_connector.domain.retention import CLASSES
from tui_connector.review.amounts import counted
from tui_connector.store.holds import Hold
from tui_connector.views.evidence_scope import period_scope
from tui_connector.views.keeping import class_rows, described, events_kept, hold_words, table_rows
from tui_connector.views.words import figure

if TYPE_CHECKING:
    import argparse

    from tui_connector.store.erasures import Erasing
    from tui_connector.views.desk import Desk


def retention(given: argparse.Namespace) -> int:
    """Erase what is older than [retention] says, and tell it class by class; with --dry-run only tell."""
    with open_installation(given.config, read_only=given.dry_run) as installation:
        found = installation.aged() if given.dry_run else installation.retain(installation.person())
        settings = installation.settings.retention
    rows = class_rows(found, {kept.name: settings.days(kept) for kept in CLASSES})
    if given.json:
        print_json({"erased": not given.dry_run and not found.empty, "classes": [asdict(row) for row in rows]})
        return Exit.DONE
    gone = "would go" if given.dry_run else "erased"
    table(
        ("class", "days", gone, "held", "what goes"),
        [
            (row.name, row.days or "for good", figure(row.rows), figure(row.held), f"{row.goes}; {row.stays} stays")
            for row in rows
        ],
        numbers=("days", gone, "held"),
    )
    return Exit.DONE


def erase(given: argparse.Namespace) -> int:
    """Erase what tells a person's name, as far as nothing is verified by it; with --dry-run only tell."""
    with open_installation(given.config, read_only=given.dry_run) as installation:
        found = installation.store.erasures.about(given.person)
        if not given.dry_run:
            with installation.store.transaction() as tx:
                found = installation.store.erasures.about(given.person)
                installation.store.erasures.erase(tx, found, given.reason, installation.person())
    _tell(given, found)
    return Exit.DONE


def holds(given: argparse.Namespace) -> int:
    """The legal holds in force."""
    with open_installation(given.config, read_only=True) as installation:
        found, zone = installation.store.holds.all(), installation.desk().zone
    if given.json:
        print_json([described(one, zone) for one in found])
    elif not found:
        say(given, [], "No legal hold is in force.")
    else:
        rows = [(one.name, hold_words(one, zone), one.reason, one.set_by, moment(one.at)) for one in found]
        table(("hold", "about", "reason", "by", "since (UTC)"), rows, spare=("by",))
    return Exit.DONE


def hold(given: argparse.Namespace) -> int:
    """Keep everything, a run, a time, a period or a proposal from being erased."""
    with open_installation(given.config) as installation:
        desk = installation.desk()
        one = _hold(given, desk, installation.person())
        with installation.store.transaction() as tx:
            installation.store.holds.set(tx, one)
    about = hold_words(one, desk.zone)
    say(given, {"hold": one.name, "about": about}, f"Held from now on: {one.name}, {about}.")
    return Exit.DONE


def release(given: argparse.Namespace) -> int:
    """End a hold."""
    with open_installation(given.config) as installation, installation.store.transaction() as tx:
        installation.store.holds.release(tx, given.name, given.reason, installation.person())
    say(given, {"released": given.name}, f"The hold {given.name} has ended.")
    return Exit.DONE


def _hold(given: argparse.Namespace, desk: Desk, by: str) -> Hold:
    since, until = (None if text is None else moment_of(text) for text in (given.since, given.until))
    timed = given.run is not None or since is not None or until is not None
    if sum((timed, given.proposal is not None, given.period is not None)) > 1:
        raise ConfigError(
            "a hold is about a run or a time, about a proposal, or about a period", hint="set one hold for each"
        )
    if given.company is not None and given.period is None:
        raise ConfigError("a company code goes with a period", hint="name one: --period 011/2026")
    now = SystemClock().now()
    if given.proposal is not None:
        number = desk.store.proposals.find(given.proposal).id
        return Hold(given.name, None, None, None, given.reason, by, now, proposal=number)
    if given.period is not None:
        scope = period_scope(desk, given.period, given.company or "")
        return Hold(
            given.name, None, scope.since, scope.until, given.reason, by, now,
            period=str(scope.period), company=scope.company, days=scope.days,
        )  # fmt: skip
    if given.run is not None:
        desk.store.runs.get(given.run)
    return Hold(given.name, given.run, since, until, given.reason, by, now)


def _tell(given: argparse.Namespace, found: Erasing) -> None:
    rows, kept, done = table_rows(found), events_kept(found), not given.dry_run
    if given.json:
        print_json({"erased": done and not found.empty, "tables": [asdict(row) for row in rows], "events_kept": kept})
        return
    verb, goes = "Erased" if done else "Would be erased", sum(row.goes for row in rows)
    lines = [f"{verb}: {counted(goes, 'row')} that tell{'s' if goes == 1 else ''} the name."]
    if not goes:
        lines = ["Nothing that may go tells the name."]
    if found.held:
        lines.append(f"▲ A hold keeps {found.held:,} more.")
    say(given, None, "\n".join(lines))
    if rows:
        names = ("erased" if done else "would go", "held", "stays")
        table(
            ("table", *names, "what of it"),
            [(row.table, figure(row.goes), figure(row.held), figure(row.stays), row.what) for row in rows],
            numbers=names,
        )
    if kept:
        say(
            given,
            None,
            "○ Events that stay, since others are verified by them: "
            + ", ".join(f"{count} × {kind}" for kind, count in kept.items()),
        )
