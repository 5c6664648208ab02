"""connections: the configured tenants, how they are, and what they offer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tui_connector.bootstrap import Installation, open_installation
from tui_connector.cli import Exit
from tui_connector.cli.out import facts, mark, print_json, table
from tui_connector.domain.errors import ConfigError
from tui_connector.domain.health import Check, Health, Reached
from tui_connector.engine.commands import discover
from tui_connector.engine.doctor.tenant import reach_or_tell
from tui_connector.views.words import figure

if TYPE_CHECKING:
    import argparse

    from rich.text import Text

MARKS = {Health.OK: ("✓", "green"), Health.WARN: ("▲", "yellow"), Health.FAIL: ("✗", "red")}
_KINDS = ("models", "imports", "exports", "processes", "actions", "files")


def show(given: argparse.Namespace) -> int:
    """What is configured, and whether secrets are stored."""
    with open_installation(given.config) as installation:
        sealed = {info.name for info in installation.vault.list()}
        rows: list[dict[str, Any]] = [
            {"name": one.name, "auth": one.auth, "address": one.address, "credential": one.name in sealed}
            for one in installation.connections()
        ]
    if given.json:
        print_json(rows)
    else:
        words = {True: "stored", False: "missing"}
        table(
            ("connection", "auth", "address", "secrets"),
            [(r["name"], r["auth"], r["address"], words[r["credential"]]) for r in rows],
        )
    return Exit.DONE


def ping(given: argparse.Namespace) -> int:
    """Reach each tenant and tell what was found."""

    async def reach_all(installation: Installation) -> list[Reached]:
        names = _names(installation, given.name)
        async with installation.tenants() as tenants:
            store, clock = installation.store, installation.clock
            return [await reach_or_tell(name, tenants, installation.flows, store, clock) for name in names]

    with open_installation(given.config) as installation:
        found = asyncio.run(reach_all(installation))
    if given.json:
        print_json([one.to_json() for one in found])
    else:
        rows = [(one.name, *check_row(check)) for one in found for check in one.checks]
        table(("connection", "check", "what was found", "ms"), rows, numbers=("ms",), spare=("ms",))
        for one in found:
            if not one.ok:
                facts([("", ""), (one.name, one.error), ("next", one.hint)])
            facts([("", ""), *((one.name, f"{c.name}: {c.hint}") for c in one.checks if c.hint and c.hint != one.hint)])
    return Exit.DONE if all(one.ok for one in found) else Exit.FAILED


def look_into(given: argparse.Namespace) -> int:
    """What an Anaplan workspace and model offer to this user."""

    async def look(installation: Installation) -> list[dict[str, Any]]:
        names = [name for name in _names(installation, given.name) if given.name or name.startswith("anaplan.")]
        async with installation.tenants() as tenants:
            return [await discover(name, tenants) for name in names]

    with open_installation(given.config) as installation:
        found = asyncio.run(look(installation))
    if given.json:
        print_json(found)
        return Exit.DONE
    rows = [(one["name"], kind, each["name"], each["id"]) for one in found for kind in _KINDS for each in one[kind]]
    table(("connection", "kind", "name", "id"), rows, spare=("connection",))
    for one in found:
        more = [f"{figure(one['counts'][kind])} {kind}" for kind in _KINDS if one["counts"][kind] > len(one[kind])]
        if more:
            facts([("", ""), (one["name"], f"not all are listed: there are {', '.join(more)}")])
    return Exit.DONE


def _names(installation: Installation, wanted: str | None) -> list[str]:
    names = [one.name for one in installation.connections()]
    if wanted and wanted not in names:
        raise ConfigError(f"there is no connection {wanted}", hint=f"configured are: {', '.join(names)}")
    return [name for name in names if wanted in (None, name)]


def check_row(check: Check) -> tuple[Text, str, str]:
    """A check's mark with its name, what was found, and the milliseconds it took."""
    return mark(*MARKS[check.health], check.name), check.words, "–" if check.ms is None else figure(check.ms)
