"""demo: the product, unchanged, against two simulated tenants on this machine."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from tui_connector.bootstrap import open_installation, start_sandbox, write_demo_config
from tui_connector.cli import Exit
from tui_connector.cli.flows import finish
from tui_connector.cli.out import console
from tui_connector.cli.progress import tail
from tui_connector.cli.worker import work
from tui_connector.domain.errors import ConfigError
from tui_connector.domain.run import RunRequest

if TYPE_CHECKING:
    import argparse


def demo(given: argparse.Namespace) -> int:
    """Start the sandbox, write a configuration for it, and run: once, or until stopped."""
    if not given.no_ui:
        raise ConfigError(
            "the demo's console is not part of this version", hint="say `tui-connector demo --no-ui --once`"
        )
    out = console(error=True)
    with ExitStack() as stack:
        if given.state:
            folder = Path(given.state)
            folder.mkdir(parents=True, exist_ok=True)
        else:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tui-connector-demo-")))
        address = stack.enter_context(start_sandbox(given.line_items))
        config = write_demo_config(folder, address, scheduled=not given.once)
        out.print(Text(f"Two simulated tenants answer at {address}; configuration and store are in {folder}", "dim"))
        installation = stack.enter_context(open_installation(str(config)))
        requests = [RunRequest(flow.name) for flow in installation.flows]
        if given.once:
            return finish(installation, installation.request_runs(requests, installation.person()), given)
        out.print(Text("Every flow runs now and then each minute; Ctrl+C ends it.", "dim"))
        told = partial(tail, installation.store)
        installation.request_runs(requests, installation.person())
        asyncio.run(work(installation, told))
        return Exit.DONE
