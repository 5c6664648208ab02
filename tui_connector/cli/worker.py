"""The worker alone, for systemd."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

from tui_connector.bootstrap import open_installation

if TYPE_CHECKING:
    import argparse
    from collections.abc import Awaitable, Callable

    from tui_connector.bootstrap import Installation


def serve(given: argparse.Namespace) -> int:
    """Work until SIGTERM or SIGINT; open requests are finished, Anaplan tasks are adopted by the next worker."""
    with open_installation(given.config) as installation:
        asyncio.run(work(installation))
    return 0


async def work(installation: Installation, beside: Callable[[asyncio.Event], Awaitable[None]] | None = None) -> None:
    """Serve until a signal comes, with something else going on `beside` that ends with the same event."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with installation.worker() as worker:
        other = asyncio.ensure_future(beside(stop)) if beside else None
        try:
            await worker.serve(stop)
        finally:
            stop.set()
            if other:
                await other
