"""The plan's export: run as one task, downloaded as a stream, kept as evidence under its own digest."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_connector.anaplan import discovery, files
from tui_connector.anaplan.delimited import decode_text, parse_csv
from tui_connector.anaplan.tasks import ActionKind, ActionRef
from tui_connector.domain.errors import ContractChangedError, FatalError
from tui_connector.domain.run import StepState
from tui_connector.domain.text import clean
from tui_connector.engine.action import ActionTask
from tui_connector.engine.writeback.survey import survey_plan

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime
    from pathlib import Path

    from tui_connector.anaplan.model import ExportColumns
    from tui_connector.anaplan.results import TaskResult
    from tui_connector.domain.flow import WritebackFlow
    from tui_connector.engine.context import RunContext

STEP = "export"
_BLOCK = 256 * 1024


@dataclass(frozen=True, slots=True)
class PlanExport:
    """One export as it lies on disk. digest: SHA-256 of its bytes. exported_at: our clock at the task's end."""

    path: Path
    digest: str
    size: int
    export_id: str
    export_name: str
    model_name: str
    task_id: str
    exported_at: datetime
    columns: ExportColumns

    async def records(self) -> AsyncIterator[list[str]]:
        """Its records, the header first, read block by block.

        Raises:
            ContractChangedError: the bytes are not what the export's metadata say, or end too early.
        """
        columns = self.columns
        texts = decode_text(self._blocks(), columns.encoding)
        async for record in parse_csv(texts, separator=columns.separator, qualifier=columns.qualifier or '"'):
            yield record

    async def _blocks(self) -> AsyncIterator[bytes]:
        with gzip.open(self.path, "rb") as file:
            while block := await asyncio.to_thread(file.read, _BLOCK):
                yield block


class ExportStep:
    """The export step of a run. An export that an earlier worker has kept is not run again by the same run."""

    def __init__(self, context: RunContext[WritebackFlow], folder: Path) -> None:
        self._context = context
        self._client = context.anaplan
        self._folder = folder
        self._checkpoints = context.checkpoints

    async def go(self) -> PlanExport:
        """Run the export and keep its bytes, once its definition is known.

        Raises:
            TaskFailedError: Anaplan could not run it. ContractChangedError: fewer bytes came than it wrote.
        """
        flow, client = self._context.flow, self._client
        model = await client.model()
        action = await discovery.find_export(client, flow.export)
        columns = await discovery.export_metadata(client, action.id)
        await survey_plan(self._context, action, columns)
        step = self._checkpoints.last(STEP)
        if step is not None and step.state is StepState.DONE and _holds(self._place(step.data["digest"]), step.data):
            data, exported_at, task_id = step.data, step.ended_at, str(step.data["task_id"])
        else:
            ref = ActionRef(ActionKind.EXPORT, action.id, action.name)
            task_id, result = await ActionTask(self._context, STEP, ref).go()
            exported_at = self._context.clock.now()
            digest, size = await self._keep(action.id, result)
            data = {"digest": digest, "size": size, "exported_at": exported_at.isoformat()}
            self._checkpoints.done(STEP, **data)
        return PlanExport(
            self._place(str(data["digest"])), str(data["digest"]), int(data["size"]), action.id,
            clean(action.name, limit=120), clean(model.name, limit=120), task_id,
            exported_at or self._context.clock.now(), columns,
        )  # fmt: skip

    def _place(self, digest: str) -> Path:
        return self._folder / f"{digest}.gz"

    async def _keep(self, export_id: str, result: TaskResult) -> tuple[str, int]:
        """Download into a file that gets its name, the digest, when it is whole; its digest and size.

        Raises FatalError where it cannot be written.
        """
        fresh = self._folder / f"run-{self._context.run.id}.part"
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            return await self._download(export_id, result, fresh)
        except ContractChangedError:
            fresh.unlink()
            raise
        except OSError as error:
            with suppress(OSError):
                fresh.unlink(missing_ok=True)
            raise FatalError(
                f"The export cannot be kept in {self._folder}: {error.strerror}.",
                hint="free space there, or check its owner and rights, then run the flow again",
            ) from error

    async def _download(self, export_id: str, result: TaskResult, fresh: Path) -> tuple[str, int]:
        whole, size = hashlib.sha256(), 0
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as raw:
            with gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=1, mtime=0) as packed:
                async for chunk in files.download(self._client, export_id):
                    self._checkpoints.hold.check()
                    whole.update(chunk)
                    size += len(chunk)
                    await asyncio.to_thread(packed.write, chunk)
                    self._context.progress(STEP, kilobytes=size // 1000)
            raw.flush()
            os.fsync(raw.fileno())
        result.check_written(size)
        await asyncio.to_thread(fresh.replace, self._place(whole.hexdigest()))
        return whole.hexdigest(), size


def _holds(path: Path, data: dict[str, object]) -> bool:
    """Whether the kept file is there and still has its digest."""
    if not path.exists():
        return False
    whole = hashlib.sha256()
    with gzip.open(path, "rb") as file:
        while block := file.read(_BLOCK):
            whole.update(block)
    return whole.hexdigest() == data["digest"]
