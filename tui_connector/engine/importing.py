"""An uploaded file becomes data: one Anaplan task, started once, adopted after a crash, and its result taken apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_connector.anaplan import discovery, dumps, tasks
from tui_connector.anaplan.codes import list_codes
from tui_connector.domain.errors import ContractChangedError, TaskFailedError
from tui_connector.domain.record import Outcome, Reject, RejectedBy
from tui_connector.domain.reject_class import IGNORED, IN_PART
from tui_connector.domain.run import StepState
from tui_connector.domain.text import clean
from tui_connector.engine.action import ActionTask
from tui_connector.engine.layout import lay_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_connector.anaplan.dumps import DumpRow
    from tui_connector.anaplan.results import TaskResult
    from tui_connector.anaplan.tasks import ActionRef
    from tui_connector.domain.flow import LoadFlow
    from tui_connector.domain.record import Record
    from tui_connector.engine.context import RunContext

STEP = "import"
_LIST_IMPORTS = ("hierarchyRowsProcessed", "hierarchyNoChanges")
_FULL = "often the workspace is full or the file was replaced; look at the model, then run the flow again"
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Imported:
    """What Anaplan made of the file's records. accounted: rows that its result tells of; None when it counts none.

    refused: rows that its dump names as failed, or as loaded in part. ignored: rows or cells that it counts as ignored.
    ignored_rows: those of them that the dump names; they are in the trail as refused, as nobody knows them in Anaplan.
    """

    refused: int
    ignored: int
    accounted: int | None
    ignored_rows: int = 0


class FileImport:
    """The import step of one run."""

    def __init__(self, context: RunContext[LoadFlow], action: ActionRef, sent: int) -> None:
        self._context = context
        self._client = context.anaplan
        self._action = action
        self._sent = sent
        self._checkpoints = context.checkpoints
        self._run = context.run
        self._store = context.store
        self._layout = lay_out(context.flow)

    async def go(self) -> Imported:
        """Run the action, or go on with the task that an earlier worker started.

        Raises:
            TaskFailedError: the task failed or was cancelled; nothing was loaded.
        """
        step = self._checkpoints.last(STEP)
        if step is not None and step.state is StepState.DONE:
            kept = step.data
            return Imported(kept["refused"], kept["ignored"], kept.get("accounted"), kept.get("ignored_rows", 0))
        task_id, result = await ActionTask(self._context, STEP, self._action, self._context.flow.mapping).go()
        refused, ignored_rows = await self._collect(task_id, result)  # first, since a dump perishes
        await self._check_complete(result)
        accounted = max(result.loaded + result.ignored + result.failed, result.loaded + refused) or None
        self._checkpoints.done(
            STEP,
            outcome=result.outcome,
            refused=refused,
            ignored=max(result.ignored, ignored_rows),
            ignored_rows=ignored_rows,
            accounted=accounted,
            said=clean(result.explain(), limit=500),
        )
        return Imported(refused, max(result.ignored, ignored_rows), accounted, ignored_rows)

    async def _check_complete(self, result: TaskResult) -> None:
        """A list import that says complete must account for every row: a full workspace takes none and says it too."""
        for leaf in result.leaves():
            told = next((one for one in leaf.details if one.type.startswith(_LIST_IMPORTS)), None)
            if told is None:
                continue
            accounted = leaf.loaded + leaf.ignored + leaf.failed
            if accounted < self._sent and told.type != "hierarchyNoChanges":
                raise TaskFailedError(
                    f"{self._action.name} says complete but accounts for {accounted:,} of {self._sent:,} rows.",
                    hint=_FULL,
                )
            answered = told.count("successCreateCount") + leaf.failed
            # what was never loaded before is asked of the store only when it can matter: that reads the whole run
            if answered < self._sent and answered < self._store.records.first_time(self._run.id):
                # Rows are ignored when they change nothing, and when there is no room for them: only the list can tell.
                await self._check_members(told.values.get("hierarchyName", ""), leaf.failed)

    async def _check_members(self, list_name: str, failed: int) -> None:
        """Every record that was sent must be a member of the list now, but for as many as its import refused.

        Those that a later import refused count as well: it may have done so for want of the member.
        """
        layout = self._layout
        found = await discovery.find_list(self._client, list_name)
        codes = await list_codes(self._client, found.id)
        missing, example, position = 0, "", 0
        while page := self._store.records.page(self._run.id, position, _BATCH):
            position = page[-1].position
            for record in page:
                code = None if record.file_line is None else layout.code(record.key)
                if code is not None and code not in codes:
                    missing, example = missing + 1, example or record.key
        if missing > failed:
            raise TaskFailedError(
                f"{self._action.name} says complete, but {missing:,} of {self._sent:,} records are not in the list "
                f"{list_name}, for example {example}.",
                hint=_FULL,
            )

    async def _collect(self, task_id: str, result: TaskResult) -> tuple[int, int]:
        """Fetch every failure dump at once, since it perishes, and join its rows to their records.

        Returns how many were refused, and how many were ignored.
        """
        told: dict[int, bool] = {}  # position of a record -> whether it was only ignored
        for leaf in result.leaves():
            if not leaf.has_dump:
                continue
            object_id = leaf.object_id if self._action.kind is tasks.ActionKind.PROCESS else None
            batch: list[DumpRow] = []
            async for row in dumps.dump_rows(self._client, self._action, task_id, object_id):
                batch.append(row)
                if len(batch) >= _BATCH:
                    self._refuse(batch, leaf, told)
                    batch = []
            self._refuse(batch, leaf, told)
        ignored = sum(told.values())
        return len(told) - ignored, ignored

    def _code(self, row: DumpRow) -> str:
        """What stands in the row's first column."""
        return row.values.get(self._layout.headers[0], "").strip()

    def _joins(self, record: Record, row: DumpRow) -> bool:
        """Whether the row is of this record, as far as the record's key tells."""
        sent, found = self._layout.code(record.key), self._code(row)
        return sent is None or not found or sent.strip() == found

    def _refuse(self, rows: Sequence[DumpRow], leaf: TaskResult, told: dict[int, bool]) -> None:
        lines = [row.line for row in rows if row.line is not None]
        with self._store.transaction() as tx:
            records = self._store.records.by_file_lines(self._run.id, lines)
            rejects = []
            for row in rows:
                record = records.get(row.line or 0)
                if record is None or not self._joins(record, row):
                    raise ContractChangedError(
                        f"Anaplan's failure dump names line {row.line} for {clean(self._code(row), limit=80)!r}, which"
                        " is not what was sent there.",
                        hint="look at the dump in Anaplan: the file was replaced meanwhile, or lines are counted anew",
                    )
                if record.position in told:
                    continue
                told[record.position] = row.ignored
                if record.outcome is Outcome.REJECTED:
                    continue  # kept already, by a worker that died before the step was done
                rejects.append(_reject(row, record, leaf))
            fence = self._context.fence
            self._store.records.reject(tx, self._run.id, self._run.target_id, rejects, fence=fence)


def _reject(row: DumpRow, record: Record, leaf: TaskResult) -> Reject:
    """A row of the dump joined to its record: Anaplan's words, and the names that its result has for them."""
    cause = "; ".join(clean(error, limit=200) for error in row.errors) or "Anaplan gave no reason"
    before = IN_PART if row.in_part else IGNORED if row.ignored else ""
    types = "; ".join(filter(None, map(leaf.type_of, row.errors)))
    return Reject(
        record.position, record.key, RejectedBy.ANAPLAN, before + cause, row.values, types, file_line=row.line
    )
