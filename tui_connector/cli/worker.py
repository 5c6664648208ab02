"""The worker alone, for systemd."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

from tui_connector.bootstrap import open_installation

if TYPE_CHECKING:
    import argparse


def serve(given: argparse.Namespace) -> int:
    """Work until SIGTERM or SIGINT; open requests are finished, Anaplan tasks are adopted by the next worker."""

    async def work() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with installation.worker() as worker:
            await worker.serve(stop)

    with open_installation(given.config) as installation:
        asyncio.run(work())
    return 0
