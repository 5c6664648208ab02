"""After posting: Anaplan is told what became of each row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.anaplan import discovery
from tui_connector.anaplan.files import Upload
from tui_connector.anaplan.rows import RowEncoder
from tui_connector.anaplan.tasks import ActionKind, ActionRef
from tui_connector.domain.errors import ConfigError
from tui_connector.domain.proposal import DocumentState
from tui_connector.domain.run import Counts, RunState
from tui_connector.domain.text import clean
from tui_connector.engine.action import ActionTask
from tui_connector.engine.prepare import check_import
from tui_connector.engine.writeback.survey import survey_status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui_connector.domain.flow import WritebackFlow
    from tui_connector.engine.context import RunContext

STATUS_REMEDY = "let the model builder give the file and the import that column"
STATUS_COLUMNS = ("Code", "Status", "Document", "Fiscal Year", "Posted At")


class StatusRun:
    """After posting: the status of each row into Anaplan, where the flow names an import for it."""

    def __init__(self, context: RunContext[WritebackFlow], proposal_id: int) -> None:
        self._context = context
        self._id = proposal_id

    async def go(self) -> None:
        """Upload one row for each plan line of the proposal and run the import."""
        flow, client, run = self._context.flow, self._context.anaplan, self._context.run
        status = flow.status
        if status is None:
            raise ConfigError(f"[flows.{flow.name}] names no status import.", hint="nothing to do: leave the run")
        checkpoints = self._context.checkpoints
        file = await discovery.find_file(client, status.file)
        found = await discovery.find_import(client, status.import_action)
        columns = await check_import(self._context, file, STATUS_COLUMNS, found, STATUS_REMEDY)
        survey_status(self._context, file, found, columns, STATUS_COLUMNS)
        encoder = RowEncoder(
            len(STATUS_COLUMNS), separator=file.separator, qualifier=file.qualifier, encoding=file.encoding
        )
        rows = list(self._rows())
        lines, _ = encoder.lines(rows)
        checkpoints.begin("transfer", file_id=file.id)
        upload = Upload(client, file, chunk_bytes=1_000_000, last_check=checkpoints.hold.check)
        try:
            await upload.start()
            await upload.write(encoder.data([encoder.header(STATUS_COLUMNS), *lines]))
            await upload.complete()
        finally:
            await upload.abandon()
        checkpoints.done("transfer", sent=len(lines))
        task_id, result = await ActionTask(
            self._context, "import", ActionRef(ActionKind.IMPORT, found.id, found.name)
        ).go()
        said = clean(result.explain(), limit=500)
        checkpoints.done("import", task_id=task_id, outcome=result.outcome, said=said)
        with self._context.store.transaction() as tx:
            counts = Counts(len(rows), 0, len(lines), len(lines) - result.failed, result.ignored, result.failed)
            late = checkpoints.work.late
            self._context.store.runs.finish(tx, run.id, self._context.fence, RunState.DONE, late, "", counts)
            checkpoints.fact(tx, "run.done", run.flow, said=said)

    def _rows(self) -> Iterator[tuple[str, ...]]:
        proposals = self._context.store.proposals
        reverses = proposals.get(self._id).head.reverses
        documents = {one.document.number: one for one in proposals.documents(self._id)}
        for line in proposals.each_line(self._id):
            if line.row and line.document is not None:  # what is taken back of another row, or of one gone, has none
                one = documents[line.document]
                at = one.proved_at.strftime("%Y-%m-%d %H:%M:%S") if one.proved_at else ""
                proved = one.state is DocumentState.VERIFIED
                state = "Reversed" if reverses and proved else one.state.value.capitalize()
                yield line.key, state, one.accounting_document, one.fiscal_year, at
