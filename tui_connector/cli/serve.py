"""The console in a browser: each page is one console process of the same configuration."""

from __future__ import annotations

import ipaddress
import os
import shlex
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from rich.text import Text

from tui_connector.bootstrap import open_installation
from tui_connector.cli import Exit
from tui_connector.cli.out import console, print_json
from tui_connector.domain.errors import ConfigError

if TYPE_CHECKING:
    import argparse
    from pathlib import Path


def serve(given: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM; nobody is asked who they are, so only this machine is served by default."""
    if find_spec("textual_serve") is None:
        raise ConfigError("serving is not installed", hint='install it with: pip install "tui-connector[serve]"')
    from tui_connector.cli.pages import LOCAL, Pages
    from tui_connector.ui.look import DARK, LIGHT

    if given.host != LOCAL and not _loopback(given.host) and not given.unauthenticated:
        raise ConfigError(
            f"other machines could reach {given.host}, and the page asks nobody who they are",
            hint="keep 127.0.0.1 and come through an ssh tunnel or a proxy that authenticates; "
            "--unauthenticated serves all the same",
        )
    with open_installation(given.config, read_only=given.readonly) as installation:  # what is wrong is told once, here
        environment, config = installation.settings.environment, installation.config
    _tell(given, environment)
    os.environ.pop("TEXTUAL", None)  # no console listens to developers' tools
    pages = Pages(
        _command(given, config), given.host, given.port,
        title=f"tui_connector {environment}", names=given.name, palette=LIGHT if given.theme == "light" else DARK,
    )  # fmt: skip
    try:
        pages.serve()
    except OSError as error:
        where = f"{given.host} port {given.port}"
        raise ConfigError(f"{where} cannot be served: {error.strerror}", hint="choose another --port") from error
    return Exit.DONE


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a name may lead anywhere


def _tell(given: argparse.Namespace, environment: str) -> None:
    address = f"http://{f'[{given.host}]' if ':' in given.host else given.host}:{given.port}/"
    if given.json:
        print_json({"address": address, "environment": environment, "read_only": given.readonly})
        sys.stdout.flush()
        return
    out = console(error=True)
    out.print(Text(f"The console of {environment} is served at {address}; Ctrl+C ends it."))
    out.print(Text("Whoever reaches that port acts as this user: the page asks nobody who they are.", "dim"))


def _command(given: argparse.Namespace, config: Path) -> str:
    """What each page starts, as a shell reads it; the shell itself makes way."""
    options = ["--readonly"] * given.readonly + ["--calm"] * given.calm + ["--theme", given.theme]
    return "exec " + shlex.join([sys.executable, "-m", "tui_connector", "--config", str(config), *options])
