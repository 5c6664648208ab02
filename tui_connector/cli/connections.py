"""connections: the configured tenants and how they are."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from rich.text import Text

from tui_connector.bootstrap import Installation, open_installation
from tui_connector.cli.out import print_json, table
from tui_connector.domain.errors import ConfigError, ConnectorError

if TYPE_CHECKING:
    import argparse


def show(given: argparse.Namespace) -> int:
    """What is configured, and whether secrets are stored."""
    with open_installation(given.config) as installation:
        sealed = {info.name for info in installation.vault.list()}
        rows = [
            {"name": name, "auth": section.auth, "address": address, "credential": name in sealed}
            for name, section, address in installation.connections()
        ]
    if given.json:
        print_json(rows)
    else:
        words = {True: "stored", False: "missing"}
        table(
            ("connection", "auth", "address", "secrets"),
            [(r["name"], r["auth"], r["address"], words[r["credential"]]) for r in rows],
        )
    return 0


def ping(given: argparse.Namespace) -> int:
    """Reach each tenant and tell what was found."""

    async def reach(installation: Installation) -> list[dict[str, Any]]:
        names = [name for name, _, _ in installation.connections()]
        if given.name and given.name not in names:
            raise ConfigError(f"there is no connection {given.name}", hint=f"configured are: {', '.join(names)}")
        async with installation.tenants() as tenants:
            return [await _reach(name, tenants) for name in names if given.name in (None, name)]

    with open_installation(given.config) as installation:
        found = asyncio.run(reach(installation))
    if given.json:
        print_json(found)
    else:
        table(
            ("connection", "state", "latency", "clock", "what was found"),
            [_row(one) for one in found],
            numbers=("latency", "clock"),
        )
    return 0 if all(one["ok"] for one in found) else 1


async def _reach(name: str, tenants: Any) -> dict[str, Any]:
    kind, _, short = name.partition(".")
    try:
        client = tenants.sap(short) if kind == "sap" else tenants.anaplan(short)
        answer = await client.ping()
    except ConnectorError as error:
        return {"name": name, "ok": False, "error": error.message, "hint": error.hint}
    return {
        "name": name,
        "ok": True,
        "latency_ms": round(answer.latency * 1000),
        "clock_offset_s": None if answer.clock_offset is None else round(answer.clock_offset, 1),
        "found": answer.describe(),
    }


def _row(one: dict[str, Any]) -> tuple[Any, ...]:
    if not one["ok"]:
        return one["name"], Text("✗ failed", "red"), "–", "–", f"{one['error']} — next: {one['hint']}"
    offset = one["clock_offset_s"]
    clock = "–" if offset is None else f"{offset:+.1f} s"
    return one["name"], Text("✓ reached", "green"), f"{one['latency_ms']} ms", clock, one["found"]
