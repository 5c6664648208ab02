"""The worker alone, for a service manager: signals, readiness, and log lines that the journal takes."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from contextlib import AsyncExitStack, ExitStack, suppress
from typing import TYPE_CHECKING

from tui_connector.bootstrap import open_installation
from tui_connector.cli.notify import Notify
from tui_connector.domain.errors import ConfigError, ConnectorError, StoreLostError
from tui_connector.domain.loglines import JsonLines, log_to

if TYPE_CHECKING:
    import argparse
    from collections.abc import Awaitable, Callable

    from tui_connector.bootstrap import Installation
    from tui_connector.engine.worker import Worker

log = logging.getLogger("tui_connector.service")
_FED = 3  # signs of life within the watchdog's time


def serve(given: argparse.Namespace) -> int:
    """Work until SIGTERM or SIGINT; an open posting is finished, Anaplan tasks are adopted by the next worker."""
    with open_installation(given.config) as installation:
        wanted, journal = installation.settings.log.format, _is_journal()
        if wanted == "json" or (wanted == "auto" and journal):
            lines = JsonLines(installation.vault.mask, priorities=journal)
            log_to(sys.stdout, lines, installation.settings.log.level, anew=True)
        asyncio.run(work(installation))
    return 0


async def work(installation: Installation, beside: Callable[[asyncio.Event], Awaitable[None]] | None = None) -> None:
    """Serve until a signal comes, with something else going on `beside` that ends with the same event."""
    stop, notify = asyncio.Event(), Notify()
    beat = notify.watchdog_seconds and notify.watchdog_seconds / _FED
    async with installation.worker(beat_seconds=beat) as worker:
        service = Service(installation, worker, notify, stop)
        service.listen()
        stop_telling = _tell_others(installation, worker)
        other = asyncio.ensure_future(beside(stop)) if beside else None
        try:
            await worker.serve(stop)
        finally:
            stop.set()
            if other:
                await other
            await service.close()
            stop_telling()


def _tell_others(installation: Installation, worker: Worker) -> Callable[[], None]:
    """Metrics and traces, where they are configured; what ends them."""
    closing = ExitStack()
    if installation.settings.metrics.port is not None:
        from tui_connector.cli.metrics import open_endpoint

        closing.callback(open_endpoint(installation.desk(), installation.settings.metrics.port))
    if installation.settings.traces.endpoint is not None:
        from tui_connector.cli.traces import open_traces

        traces = open_traces(installation, installation.settings.traces.endpoint)
        worker.ended = traces.take
        closing.callback(traces.close)
    return closing.close


def _is_journal() -> bool:
    """Whether standard output goes to the journal itself, by the mark that the service manager leaves."""
    told = os.environ.get("JOURNAL_STREAM", "")
    with suppress(OSError):
        found = os.fstat(sys.stdout.fileno())
        return told == f"{found.st_dev}:{found.st_ino}"
    return False


class Service:
    """What signals do to a worker, and what its service manager is told of it."""

    def __init__(self, installation: Installation, worker: Worker, notify: Notify, stop: asyncio.Event) -> None:
        self._installation = installation
        self._worker = worker
        self._notify = notify
        self._stop = stop
        self._clients = AsyncExitStack()  # of the configuration in force, where that was read anew
        self._retiring: set[asyncio.Task[None]] = set()
        self._reloading: asyncio.Task[None] | None = None
        self._wanted = False
        worker.beaten = self._alive

    def listen(self) -> None:
        """SIGTERM and SIGINT end the worker in order, SIGHUP reads its configuration anew.

        Where a person has started it, SIGHUP says that the terminal was closed, and ends it as well.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        attended = sys.stdin is not None and sys.stdin.isatty()
        loop.add_signal_handler(signal.SIGHUP, self._end if attended else self._reload)

    async def close(self) -> None:
        """Close the clients of every configuration that was read meanwhile."""
        for task in (*self._retiring, *filter(None, [self._reloading])):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self._clients.aclose()

    def _alive(self) -> None:
        if not self._stop.is_set():
            self._notify.alive(self._worker.status)

    def _end(self) -> None:
        if not self._stop.is_set():
            log.info("told to end: %s", self._worker.status)
            self._notify.stopping(f"ending; {self._worker.status}")
            self._stop.set()

    def _reload(self) -> None:
        self._wanted = True
        if not self._stop.is_set() and (self._reloading is None or self._reloading.done()):
            self._reloading = asyncio.create_task(self._reread_all(), name="reload")

    async def _reread_all(self) -> None:
        """Once more when a signal came meanwhile: the file may have changed after it was read."""
        while self._wanted:
            self._wanted = False
            await self._reread()

    async def _reread(self) -> None:
        self._notify.reloading()
        told = "the configuration is the one in force"
        try:
            installation, changed = self._installation.reread()
            if changed:
                await self._change(installation, [change.name for change in changed])
                told = f"configuration read anew: {'; '.join(change.words for change in changed)}"
            log.warning("%s", told)
        except ConfigError as error:
            told = f"configuration refused, the one before stays: {error.message}"
            log.error("%s (%s)", told, error.hint)  # noqa: TRY400 - a person's fault needs no traceback
            with suppress(StoreLostError):  # the log has it
                self._worker.keep_configuration(error.message)
        except ConnectorError as error:
            told = f"configuration not read, the one before stays: {error.message}"
            log.error("%s (%s)", told, error.hint)  # noqa: TRY400
        finally:
            self._notify.reloaded(told)

    async def _change(self, installation: Installation, changed: list[str]) -> None:
        """Runs under way keep the clients they began with, which close when the last of them has ended."""
        fresh = AsyncExitStack()
        tenants = await fresh.enter_async_context(installation.tenants())
        under_way = self._worker.tasks
        try:
            self._worker.reconfigure(installation.equipment(tenants, beat_seconds=self._worker.beat_seconds), changed)
        except ConnectorError:
            await fresh.aclose()
            raise
        old, self._clients, self._installation = self._clients, fresh, installation
        retiring = asyncio.create_task(_retire(old, under_way), name="old clients")
        self._retiring.add(retiring)
        retiring.add_done_callback(self._retiring.discard)


async def _retire(clients: AsyncExitStack, under_way: frozenset[asyncio.Task[None]]) -> None:
    try:
        if under_way:
            await asyncio.wait(under_way)
    finally:
        await clients.aclose()
