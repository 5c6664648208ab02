"""Where a run's records come from: pages of SAP that changed, or refused records as the trail kept them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from tui_connector.domain.errors import RefusedError
from tui_connector.domain.mapping import mapping_digest
from tui_connector.domain.replay import check_replay
from tui_connector.domain.run import ReadMode
from tui_connector.domain.text import clean
from tui_connector.engine.stage import FilePage, Stager, file_page
from tui_connector.sap.reader import ChangeWindow, ODataReader, open_window
from tui_connector.sap.rows import Columns

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator
    from datetime import datetime

    from tui_connector.domain.flow import Condition, LoadFlow
    from tui_connector.domain.replay import Refusal
    from tui_connector.domain.run import Watermark
    from tui_connector.engine.context import RunContext
    from tui_connector.engine.layout import Layout
    from tui_connector.engine.prepare import Destination


class Pages(Protocol):
    """What a transfer reads. compare: whether what Anaplan is known to hold already is left out."""

    compare: bool

    async def begin(self) -> dict[str, Any]:
        """Look at what there is to read; what the transfer's step keeps of it, with at least `since` and `until`."""

    def read(self) -> AsyncGenerator[FilePage, None]:
        """The records, a page at a time."""


class SapPages:
    """Everything that changed in SAP since the watermark, or all of it; `where`: of that, what this holds for."""

    def __init__(self, context: RunContext[LoadFlow], layout: Layout, where: tuple[Condition, ...] = ()) -> None:
        self._context = context
        self._where = where
        self._flow = context.flow
        self._layout = layout
        self._run = context.run
        self._window: ChangeWindow | None = None
        store = context.store
        self.compare = self._run.mode is not ReadMode.FULL and store.records.has_any(self._run.target_id)

    async def begin(self) -> dict[str, Any]:
        self._window, until = await self._between(self._context.store.watermarks.get(self._run.target_id))
        since = self._window.since if self._window else None
        return {"since": since.isoformat() if since else None, "until": until.isoformat() if until else None}

    async def _between(self, mark: Watermark | None) -> tuple[ChangeWindow | None, datetime | None]:
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

    async def read(self) -> AsyncGenerator[FilePage, None]:
        reader, flow = ODataReader(self._context.sap), self._flow
        source = replace(flow.source, where=(*flow.source.where, *self._where))
        pages = reader.read(source, self._layout.fields, window=self._window, language=flow.language)
        try:
            async for page in pages:
                yield file_page(self._layout, page)
        finally:
            await pages.aclose()


@dataclass(slots=True)
class KeptPages:
    """Refused records that a person chose, with the values kept at their refusal; SAP is not asked."""

    context: RunContext[LoadFlow]
    layout: Layout
    destination: Destination
    compare: bool = False  # exactly what was chosen goes out

    async def begin(self) -> dict[str, Any]:
        """Raises RefusedError when something stands against it now; nothing has been sent then."""
        count = 0
        for refusals in self._refusals():
            check_replay(self.context.flow, refusals, self.context.store.cases.mappings(refusals))
            self._check_content(refusals)
            count += len(refusals)
        return {"since": None, "until": None, "replayed": count}

    async def read(self) -> AsyncGenerator[FilePage, None]:
        for refusals in self._refusals():
            yield self._page(refusals)

    def _refusals(self) -> Iterator[list[Refusal]]:
        """What was chosen, as long as it is still open: a run that loaded a record meanwhile has its newer values."""
        cases, run_id = self.context.store.cases, self.context.run.id
        after = None
        while places := cases.selected(run_id, after):
            cases.require_open(places)
            refusals = cases.refusals(places)
            if len(refusals) != len(places):
                raise RefusedError(
                    f"of {len(places):,} chosen records only {len(refusals):,} are kept with their refusal",
                    hint="`audit verify` tells what is missing",
                )
            yield refusals
            after = places[-1]

    def _page(self, refusals: list[Refusal]) -> FilePage:
        values = [one.reject.values for one in refusals]
        columns = [[one[header] for one in values] for header in self.layout.headers]
        return FilePage([one.key for one in refusals], Columns(columns))

    def _check_content(self, refusals: list[Refusal]) -> None:
        """The same values must give the same line as when they were refused."""
        scratch = Stager(self.layout, self.destination.file, {})
        staged = scratch.stage(self._page(refusals), {})
        for refusal, record in zip(refusals, staged.records, strict=True):
            if record.content != refusal.content:
                raise RefusedError(
                    f"{clean(refusal.key, limit=80)} ({refusal.place}) is not what it was: its kept values give"
                    " another line than at its refusal",
                    hint=f"`run {self.context.flow.name} --full` reads it again from SAP",
                )
