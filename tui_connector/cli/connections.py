"""connections: the configured tenants and how they are."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from rich.text import Text

from tui_connector.bootstrap import Installation, open_installation
from tui_connector.cli.out import facts, print_json, table
from tui_connector.domain.errors import ConfigError, ConnectorError
from tui_connector.sap.client import SapPing

if TYPE_CHECKING:
    import argparse

    from tui_connector.anaplan.client import AnaplanPing
    from tui_connector.engine.context import Tenants


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
    return 0


def ping(given: argparse.Namespace) -> int:
    """Reach each tenant and tell what was found."""

    async def reach(installation: Installation) -> list[dict[str, Any]]:
        names = [one.name for one in installation.connections()]
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
            spare=("clock",),
        )
        for one in found:
            if not one["ok"]:
                facts([("", ""), (one["name"], one["error"]), ("next", one["hint"])])
    return 0 if all(one["ok"] for one in found) else 1


async def _reach(name: str, tenants: Tenants) -> dict[str, Any]:
    kind, _, short = name.partition(".")
    try:
        answer = await (tenants.sap(short) if kind == "sap" else tenants.anaplan(short)).ping()
    except ConnectorError as error:
        return {"name": name, "ok": False, "error": error.message, "hint": error.hint}
    offset = answer.clock_offset
    return {
        "name": name,
        "ok": True,
        "latency_ms": round(answer.latency * 1000),
        "clock_offset_s": None if offset is None else round(offset, 1),
        "found": _sap(answer) if isinstance(answer, SapPing) else _anaplan(answer),
    }


def _sap(answer: SapPing) -> dict[str, Any]:
    codes = {one.company_code: one.currency for one in answer.company_codes}
    return {"company_codes": codes, "writes_open": answer.writes_open}


def _anaplan(answer: AnaplanPing) -> dict[str, Any]:
    workspace = answer.workspace
    return {
        "user": answer.user.email,
        "model": answer.model.name,
        "model_state": answer.model.active_state,
        "workspace": workspace.name if workspace else None,
        "workspace_bytes": workspace.current_size if workspace else None,
        "workspace_allowed_bytes": workspace.size_allowance if workspace else None,
    }


def _words(found: dict[str, Any]) -> str:
    if "company_codes" in found:
        codes = ", ".join(f"{code} {currency}" for code, currency in found["company_codes"].items())
        return f"company codes {codes}; writes {'open' if found['writes_open'] else 'closed: no CSRF token'}"
    taken, allowed = found["workspace_bytes"], found["workspace_allowed_bytes"]
    space = f", {100 * taken / allowed:.0f} % full" if taken is not None and allowed else ""
    model, workspace = f"{found['model']} {found['model_state']}", found["workspace"] or "hidden"
    return f"{found['user']}; model {model}; workspace {workspace}{space}"


def _row(one: dict[str, Any]) -> tuple[Any, ...]:
    if not one["ok"]:
        return one["name"], Text("✗ failed", "red"), "–", "–", "see below"
    offset = one["clock_offset_s"]
    clock = "–" if offset is None else f"{offset:+.1f} s"
    return one["name"], Text("✓ reached", "green"), f"{one['latency_ms']} ms", clock, _words(one["found"])
