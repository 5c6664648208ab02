"""config, keys and credentials."""

from __future__ import annotations

import asyncio
import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import tui_connector
from tui_connector.bootstrap import open_installation
from tui_connector.cli.out import moment, print_json, say, table
from tui_connector.domain.errors import ConfigError
from tui_connector.flows import FLOWS
from tui_connector.settings.credentials import credential_fields
from tui_connector.settings.flows import connected_flows
from tui_connector.settings.load import config_path, load_settings
from tui_connector.settings.timetables import timetables
from tui_connector.views.storing import require_all

if TYPE_CHECKING:
    import argparse

    from tui_connector.anaplan.device import DeviceRequest


def config_check(given: argparse.Namespace) -> int:
    """Read the configuration and every flow in it."""
    path = config_path(given.config)
    settings = load_settings(path)
    flows = connected_flows(settings, FLOWS)
    timetables(settings, flows)
    value = {"config": str(path), "environment": settings.environment, "flows": [flow.name for flow in flows]}
    say(given, value, f"{path} is sound: environment {settings.environment}, {len(flows)} flows.")
    return 0


def config_show(given: argparse.Namespace) -> int:
    """Print the settings in force."""
    value = load_settings(config_path(given.config)).model_dump(mode="json", by_alias=True, exclude_none=True)
    if given.json:
        print_json(value)
    else:
        table(("setting", "value"), _flatten("", value))
    return 0


def config_sample(given: argparse.Namespace) -> int:
    """Print the sample that the package carries; in a checkout, the one at its root."""
    package = Path(tui_connector.__file__).parent
    path = next(one for one in (package / "config.toml", package.parent / "config.toml") if one.exists())
    text = path.read_text(encoding="utf-8")
    if given.json:
        print_json({"sample": text})
    else:
        print(text, end="")
    return 0


def _flatten(prefix: str, value: object) -> list[tuple[str, str]]:
    if isinstance(value, dict) and value:
        return [row for name, inner in value.items() for row in _flatten(f"{prefix}.{name}" if prefix else name, inner)]
    return [(prefix, str(value))]


def keys_init(given: argparse.Namespace) -> int:
    """Make the master key, and the key that signs checkpoints of the audit log."""
    with open_installation(given.config) as installation:
        source = given.source or installation.settings.vault.key
        where = installation.vault.init_key(source, by=installation.person())
        verifier = installation.keeper().prepare(installation.person()).to_text()
    say(
        given,
        {"source": where, "checkpoints": verifier},
        f"The master key is made and kept in: {where}. Back it up: without it no credential opens.\n"
        f"Checkpoints of the audit log are signed by the key of this public half; keep it elsewhere: {verifier}",
    )
    return 0


def keys_rotate(given: argparse.Namespace) -> int:
    """Make a new master key and re-wrap every credential in one transaction."""
    with open_installation(given.config) as installation:
        version = installation.rotate_key()
    say(
        given,
        {"key_version": version},
        f"Master key version {version} is in force; every credential is sealed with it.",
    )
    return 0


def credentials_set(given: argparse.Namespace) -> int:
    """Ask for a connection's secrets, or read NAME=VALUE lines from standard input.

    A device grant without a refresh token is approved by a person in the browser, and yields one.
    """
    with open_installation(given.config) as installation:
        wanted = credential_fields(installation.settings, given.name)
        values = _ask(wanted) if sys.stdin.isatty() else _read(wanted)
        hint = "answer every question, or write one NAME=VALUE a line on standard input"
        require_all(given.name, wanted, values, hint)
        if "refresh_token" in wanted and "refresh_token" not in values:
            asyncio.run(installation.approve_device(given.name, values["client_id"], _show_device))
            stored = sorted(wanted)
        else:
            installation.set_credential(given.name, values)
            stored = sorted(values)
    say(given, {"name": given.name, "fields": stored}, f"Stored for {given.name}: {', '.join(stored)}.")
    return 0


def _show_device(request: DeviceRequest) -> None:
    print(f"Open {request.verification_url} and approve the code {request.user_code}; waiting …", file=sys.stderr)


def credentials_list(given: argparse.Namespace) -> int:
    """Which connections have secrets."""
    with open_installation(given.config) as installation:
        infos = installation.vault.list()
    if given.json:
        print_json(
            [
                {"name": i.name, "fields": i.fields, "key_version": i.key_version, "changed_at": i.changed_at}
                for i in infos
            ]
        )
    elif infos:
        rows = [(i.name, ", ".join(i.fields), f"v{i.key_version}", moment(i.changed_at), i.changed_by) for i in infos]
        table(("connection", "secrets", "key", "changed (UTC)", "by"), rows, spare=("by", "changed (UTC)"))
    else:
        say(given, [], "No credentials yet: `tui-connector credentials set NAME` stores them.")
    return 0


def credentials_delete(given: argparse.Namespace) -> int:
    """Forget a connection's secrets."""
    with open_installation(given.config) as installation:
        if not installation.delete_credential(given.name):
            raise ConfigError(
                f"there are no secrets for {given.name}", hint="`tui-connector credentials list` shows them"
            )
    say(given, {"deleted": given.name}, f"The secrets of {given.name} are gone.")
    return 0


def _ask(wanted: tuple[str, ...]) -> dict[str, str]:
    values = {}
    for name in wanted:
        if name.endswith("_pem"):
            print(f"{name}: paste the PEM text, then an empty line", file=sys.stderr)
            values[name] = "\n".join(iter(input, "")) + "\n"
        else:
            values[name] = getpass.getpass(f"{name}: ")
    return {name: value for name, value in values.items() if value.strip()}


def _read(wanted: tuple[str, ...]) -> dict[str, str]:
    values: dict[str, str] = {}
    current = ""
    for line in sys.stdin.read().splitlines():
        name, separator, value = line.partition("=")
        if separator and name in wanted:
            current = name
            values[name] = value
        elif current.endswith("_pem"):
            values[current] += "\n" + line
        elif line.strip():
            raise ConfigError(
                f"standard input has a line that names none of {', '.join(wanted)}",
                hint="write one NAME=VALUE a line; a PEM text may go on over several lines",
            )
    return {name: value for name, value in values.items() if value.strip()}
