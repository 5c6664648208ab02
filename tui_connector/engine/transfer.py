"""SAP pages through the trail into an Anaplan file, streaming: at most two pages and two chunks are alive."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tui_connector.anaplan.files import Upload
from tui_connector.domain.mapping import mapping_digest
from tui_connector.domain.run import ReadMode
from tui_connector.engine.stage import Stager
from tui_connector.sap.reader import ChangeWindow, ODataReader, open_window

if TYPE_CHECKING:
    from datetime import datetime

    from tui_connector.domain.flow import LoadFlow
    from tui_connector.domain.run import Watermark
    from tui_connector.engine.context import RunContext
    from tui_connector.engine.layout import Layout
    from tui_connector.engine.prepare import Destination
    from tui_connector.engine.stage import StagedPage

MEGABYTE = 1_000_000
_PROGRESS_SECONDS = 0.5


class Transfer:
    """Reads what changed, compares it with the trail, and uploads what Anaplan does not hold yet."""

    def __init__(self, context: RunContext[LoadFlow], layout: Layout, destination: Destination) -> None:
        self._context = context
        self._flow = context.flow
        self._layout = layout
        self._destination = destination
        self._checkpoints = context.checkpoints
        self._run = context.run
        self._store = context.store
        self._clock = context.clock
        codes = {index: destination.codes[name] for index, name in layout.members.items() if name in destination.codes}
        self._stager = Stager(layout, destination.file, codes)
        self._upload: Upload | None = None
        self._started = self._told = context.clock.monotonic()

    async def go(self) -> None:
        """Transfer everything the run has to; the step's data then hold what import and settlement need."""
        window, until = await self._window(self._store.watermarks.get(self._run.target_id))
        action, file = self._destination.action, self._destination.file
        self._checkpoints.begin(
            "transfer",
            since=window.since.isoformat() if window and window.since else None,
            until=until.isoformat() if until else None,
            file_id=file.id, action_kind=action.kind, action_id=action.id, action_name=action.name,
        )  # fmt: skip
        if not self._run.dry_run:
            with self._store.transaction() as tx:
                self._store.records.drop(tx, self._run.id, fence=self._context.fence)
        compare = self._run.mode is not ReadMode.FULL and self._store.records.has_any(self._run.target_id)
        try:
            chunks = await self._stream(window, compare=compare)
        finally:
            self._note_counts()
        tally = self._stager.tally
        self._checkpoints.done(
            "transfer",
            read=tally.read,
            unchanged=tally.unchanged,
            sent=tally.sent,
            rejected=tally.rejected,
            chunks=chunks,
        )

    def _note_counts(self) -> None:
        with self._store.transaction() as tx:
            self._store.runs.note_counts(tx, self._run.id, self._context.fence, self._stager.tally.counts())

    async def _window(self, mark: Watermark | None) -> tuple[ChangeWindow | None, datetime | None]:
        source = self._flow.source
        if source.changed_on is None:
            return None, None
        until = await self._context.sap.server_time(source) - source.safety
        if self._run.since is not None:
            return ChangeWindow(self._run.since, until), until  # as asked for, without overlap
        if self._run.mode is ReadMode.FULL or mark is None or mark.mapping != mapping_digest(self._flow):
            mark = None
        if mark is None or mark.value is None:
            return None, until  # rows without any stamp are only found by a read without a window
        return open_window(source, mark.value, until), until

    async def _stream(self, window: ChangeWindow | None, *, compare: bool) -> int:
        keeping: asyncio.Task[None] | None = None
        reader = ODataReader(self._context.sap)
        pages = reader.read(self._flow.source, self._layout.fields, window=window, language=self._flow.language)
        try:
            async for page in pages:
                self._checkpoints.hold.check()
                keys = self._stager.keys(page)
                known = self._store.records.known(self._run.target_id, keys) if compare else {}
                staged = self._stager.stage(page, keys, known)
                if not self._run.dry_run:
                    if keeping:
                        await keeping
                    keeping = asyncio.create_task(asyncio.to_thread(self._keep, staged), name="trail")
                    await self._send(staged)
                self._tell()
            if keeping:
                await keeping
            return await self._upload.complete() if self._upload else 0
        finally:
            if keeping:
                await asyncio.wait({keeping})
                keeping.exception()  # looked at here when another fault ended the stream first
            if self._upload:
                await self._upload.abandon()
            await pages.aclose()

    def _keep(self, staged: StagedPage) -> None:
        with self._store.transaction() as tx:
            fence = self._context.fence
            self._store.records.append(tx, self._run.id, self._run.target_id, staged.records, fence=fence)
            if staged.rejects:
                self._store.records.reject(tx, self._run.id, self._run.target_id, staged.rejects)

    async def _send(self, staged: StagedPage) -> None:
        if not staged.data:
            return
        if self._upload is None:
            size = self._flow.chunk_megabytes * MEGABYTE
            self._upload = Upload(self._context.anaplan, self._destination.file, chunk_bytes=size)
            await self._upload.start()
            await self._upload.write(self._stager.header())
        await self._upload.write(staged.data)

    def _tell(self) -> None:
        now = self._clock.monotonic()
        if now - self._told < _PROGRESS_SECONDS:
            return
        self._told = now
        tally, upload = self._stager.tally, self._upload
        self._context.progress(
            "transfer",
            rows=tally.read, rate=round(tally.read / (now - self._started)), rejected=tally.rejected,
            chunks=upload.sent if upload else 0, kilobytes=upload.bytes_sent // 1000 if upload else 0,
        )  # fmt: skip
