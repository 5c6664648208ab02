"""Pages through the trail into an Anaplan file, streaming: at most two pages and two chunks are alive."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import compress
from typing import TYPE_CHECKING, Any

from tui_connector.anaplan.files import Upload
from tui_connector.domain.record import Outcome
from tui_connector.engine.passage import Passage
from tui_connector.engine.stage import Stager

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui_connector.domain.flow import LoadFlow
    from tui_connector.engine.context import RunContext
    from tui_connector.engine.layout import Layout
    from tui_connector.engine.pages import Pages
    from tui_connector.engine.prepare import Destination
    from tui_connector.engine.stage import FilePage, StagedPage

MEGABYTE = 1_000_000
_PROGRESS_SECONDS = 0.5


class Transfer:
    """Reads its pages, compares them with the trail, and uploads what Anaplan does not hold yet."""

    def __init__(self, context: RunContext[LoadFlow], layout: Layout, destination: Destination, pages: Pages) -> None:
        self._context = context
        self._flow = context.flow
        self._pages = pages
        self._destination = destination
        self._checkpoints = context.checkpoints
        self._run = context.run
        self._store = context.store
        self._clock = context.clock
        codes = {index: destination.codes[name] for index, name in layout.members.items() if name in destination.codes}
        self._stager = Stager(layout, destination.file, codes)
        self._members = layout.members
        self._uses: dict[str, Counter[str]] = {name: Counter() for name in layout.members.values()}
        self._upload: Upload | None = None
        self._read = self._lines = 0
        self._passage = Passage(context.flow, destination.file)
        self._newline = "\n".encode(destination.file.encoding)
        self._started = self._told = context.clock.monotonic()

    async def go(self) -> None:
        """Transfer everything the run has to; the step's data then hold what import and settlement need."""
        read = await self._pages.begin()
        action, file = self._destination.action, self._destination.file
        self._checkpoints.begin(
            "transfer",
            **read,
            file_id=file.id, action_kind=action.kind, action_id=action.id, action_name=action.name,
        )  # fmt: skip
        if not self._run.dry_run:
            with self._store.transaction() as tx:
                self._store.records.drop(tx, self._run.id, fence=self._context.fence)
        try:
            chunks = await self._stream()
        finally:
            self._note_counts()
        tally = self._stager.tally
        done: dict[str, Any] = {
            "read": self._read, "unchanged": tally.unchanged, "sent": tally.sent, "rejected": tally.rejected,
            "chunks": chunks, "lines": self._lines,
        }  # fmt: skip
        with self._store.transaction() as tx:
            done["sheets"] = self._passage.keep(tx, self._store.sheets)
            if any(self._uses.values()):
                told = self._store.uses.keep(tx, self._run.id, self._uses)
                self._checkpoints.fact(tx, "members.used", self._run.flow, **told)
            self._checkpoints.done_in(tx, "transfer", done)

    def _note_counts(self) -> None:
        with self._store.transaction() as tx:
            self._store.runs.note_counts(tx, self._run.id, self._context.fence, self._stager.tally.counts())

    async def _stream(self) -> int:
        keeping: asyncio.Task[None] | None = None
        pages, compare = self._pages.read(), self._pages.compare
        try:
            async for page in pages:
                self._checkpoints.hold.check()
                known = self._store.records.known(self._run.target_id, page.keys) if compare else {}
                self._read += len(page.keys) + len(page.faults)
                staged = self._stager.stage(page, known)
                if not self._run.dry_run:
                    self._passage.take(page, staged)
                    self._count_uses(page, staged, known)
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

    def _count_uses(self, page: FilePage, staged: StagedPage, known: Mapping[str, str]) -> None:
        """Count the members that records name which are sent for the first time."""
        if not self._members or not page.keys:
            return
        records = staged.records
        all_new = not known and not staged.rejects
        new = () if all_new else [one.outcome is Outcome.SENT and one.key not in known for one in records]
        for place, name in self._members.items():
            column = page.rows.columns[place]
            uses = self._uses[name]
            uses.update(column if all_new else compress(column, new))
            del uses[""]

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
            check = self._checkpoints.hold.check
            self._upload = Upload(self._context.anaplan, self._destination.file, chunk_bytes=size, last_check=check)
            await self._upload.start()
            await self._upload.write(self._stager.header())
        await self._upload.write(staged.data)
        self._lines += staged.data.count(self._newline)

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
