"""The console on this terminal."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

from tui_connector.bootstrap import open_installation
from tui_connector.cli import Exit
from tui_connector.domain.errors import ConfigError
from tui_connector.domain.loglines import PlainLines, log_to

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from pathlib import Path

    from tui_connector.bootstrap import Installation


_LAST_SECONDS = 5


def start(given: argparse.Namespace) -> int:
    """Open the console; it starts a worker when none serves, and reads only when asked to."""
    require_terminal()
    with open_installation(given.config, read_only=given.readonly) as installation:
        run_console(installation, given)
    return Exit.DONE


def require_terminal() -> None:
    """Raise ConfigError where nobody could see the console."""
    if not _served() and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ConfigError(
            "the console needs a terminal",
            hint="run it in one, or use the commands: `tui-connector --help`; --no-ui is the worker alone",
        )


def run_console(
    installation: Installation,
    given: argparse.Namespace,
    *,
    approver_key: Path | None = None,
    worker_stays: bool = True,
) -> None:
    """The console over an open installation, until it is left."""
    from tui_connector.ui.app import Console

    desk = installation.desk(approver_key=approver_key)
    _log_to(None if desk.read_only else desk.state / "console.log", installation.vault.mask)
    console = Console(desk, theme=given.theme, calm=given.calm, worker_stays=worker_stays, mask=installation.vault.mask)
    if _served():
        threading.Thread(target=_end_with, args=(os.getppid(),), name="server", daemon=True).start()
    try:
        console.run()
    finally:
        if not worker_stays:
            console.attendant.drain()
    if console.return_code:
        raise SystemExit(console.return_code)


def _served() -> bool:
    """Whether a browser shows it: `serve` has started this process."""
    return "TEXTUAL_DRIVER" in os.environ


def _end_with(server: int) -> None:
    """Nobody sees a console whose server was killed, and no input tells it."""
    while os.getppid() == server:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_LAST_SECONDS)
    os._exit(1)


def _log_to(path: Path | None, mask: Callable[[str], str]) -> None:
    """Lines on the terminal would tear the screen: they go into a file that only its owner may read.

    A console that only reads writes no file either: its folder may belong to somebody else.
    """
    if path is None:
        logging.basicConfig(handlers=[logging.NullHandler()], force=True)
        return
    try:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}", hint="check the state folder") from error
    level = logging.getLevelName(logging.getLogger("tui_connector").level)
    log_to(os.fdopen(opened, "a", encoding="utf-8"), PlainLines(mask), level, anew=True)
