"""doctor: everything that a run will need, looked at before one is started."""

from __future__ import annotations

import asyncio
import difflib
from typing import TYPE_CHECKING

from tui_connector.approval.keys import Directory
from tui_connector.bootstrap import Installation, open_installation, store_url
from tui_connector.cli import Exit
from tui_connector.cli.connections import MARKS, check_row
from tui_connector.cli.out import console, facts, print_json, table
from tui_connector.domain.errors import ConfigError, ConnectorError
from tui_connector.domain.health import Examined, Health
from tui_connector.engine.doctor.place import Place, broken
from tui_connector.engine.doctor.round import Round
from tui_connector.settings.load import config_path, load_settings
from tui_connector.store.store import is_served, path_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from tui_connector.domain.flow import Flow


def examine(given: argparse.Namespace) -> int:
    """Look at the installation, at the tenants and at every flow; the exit code is 1 when something is broken."""
    found = _look(given)
    if given.json:
        print_json([
            {"about": one.about, "ok": not one.failed, "checks": [check.to_json() for check in one.checks]}
            for one in found
        ])  # fmt: skip
    else:
        _print(found)
    return Exit.FAILED if any(one.failed for one in found) else Exit.DONE


def _look(given: argparse.Namespace) -> list[Examined]:
    try:
        load_settings(config_path(given.config))
    except ConfigError as error:
        return [broken("configuration", error)]
    try:
        with open_installation(given.config) as installation:
            return asyncio.run(_round(installation, _chosen(installation.flows, given.flow)))
    except _UnknownFlowError as error:
        raise error.told from error
    except ConnectorError as error:
        return [broken("configuration" if isinstance(error, ConfigError) else "store", error)]


async def _round(installation: Installation, flows: Sequence[Flow]) -> list[Examined]:
    settings, url = installation.settings, store_url(installation.settings)
    assert settings.state_folder is not None  # noqa: S101 - load_settings fills both
    assert settings.posting.mark is not None  # noqa: S101
    file = None if is_served(url) else path_of(url)
    doctor = Round(
        Place(installation.config, settings.state_folder, file, settings.posting.mark), installation.connections(),
        Directory(settings.approval.approvers), settings.environment, installation.store, installation.vault,
        installation.clock,
    )  # fmt: skip
    async with installation.tenants() as tenants:
        return [one async for one in doctor.go(flows, tenants)]


class _UnknownFlowError(Exception):
    """A mistake of the person who asks, not of the installation."""

    def __init__(self, told: ConfigError) -> None:
        super().__init__(told.message)
        self.told = told


def _chosen(flows: Sequence[Flow], names: Sequence[str]) -> list[Flow]:
    known = [flow.name for flow in flows]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            raise _UnknownFlowError(ConfigError(f"there is no flow {name}", hint=hint))
    return [flow for flow in flows if not names or flow.name in names]


def _print(found: Sequence[Examined]) -> None:
    checks = [(one.about, check) for one in found for check in one.checks]
    table(("about", "check", "what was found"), [(about, *check_row(check)[:2]) for about, check in checks])
    for about, check in checks:
        if check.health is not Health.OK:
            facts([("", ""), (f"{about}, {check.name}", check.words), ("next", check.hint)])
    counts = {health: sum(check.health is health for _, check in checks) for health in Health}
    words = {Health.OK: "well", Health.WARN: "to look at", Health.FAIL: "broken"}
    console().print()
    console().print(", ".join(f"{MARKS[health][0]} {count} {words[health]}" for health, count in counts.items()))
