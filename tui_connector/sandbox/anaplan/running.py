"""Runs actions: imports, exports, processes and deletions, inside a task's worker thread."""

# ruff: noqa: S608 -- table and column names are the store's own, values are always bound
from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from tui_connector.sandbox.anaplan.contents import cut_file
from tui_connector.sandbox.anaplan.dumps import RejectLog
from tui_connector.sandbox.anaplan.export_records import export_records
from tui_connector.sandbox.anaplan.file_access import new_content, usable_content
from tui_connector.sandbox.anaplan.hiding import hidden_leads
from tui_connector.sandbox.anaplan.hierarchy_import import HierarchyImport
from tui_connector.sandbox.anaplan.import_faults import ImportFaults
from tui_connector.sandbox.anaplan.import_job import ImportJob, ImportRefusedError
from tui_connector.sandbox.anaplan.module_import import ModuleImport
from tui_connector.sandbox.anaplan.objects import (
    ActionObject,
    DeleteObject,
    ExportObject,
    ImportObject,
    ModelObject,
    ProcessObject,
)
from tui_connector.sandbox.anaplan.outcome import Detail, ErrorCounts, detail, failure, result, shuffle_values
from tui_connector.sandbox.anaplan.source_rows import open_rows
from tui_connector.sandbox.anaplan.tables import module_header, module_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui_connector.sandbox.anaplan.state import TenantState
    from tui_connector.sandbox.anaplan.tasks import Ticket, Work

EXPORT_CODECS = {"UTF-8": "utf-8", "UTF-16LE": "utf-16-le", "ISO-8859-1": "iso-8859-1"}


@dataclass(frozen=True, slots=True)
class Running:
    """One action's run: knows the tenant, the model and the task it belongs to."""

    state: TenantState
    model: ModelObject

    def work(self, action: ActionObject) -> Work:
        """The function a task calls in its thread."""

        def work(ticket: Ticket) -> dict[str, Any]:
            return self._dispatch(action, ticket)

        return work

    def _dispatch(self, action: ActionObject, ticket: Ticket) -> dict[str, Any]:
        if ticket.task.behaviour == "failing":
            ticket.linger()
            return failure(action.id, "actionFailed", f"{action.name} could not be run")
        match action:
            case ImportObject():
                return self._import(action, ticket)
            case ExportObject():
                return self._export(action, ticket)
            case ProcessObject():
                return self._process(action, ticket)
            case DeleteObject():
                return self._delete(action, ticket)

    def _import(self, action: ImportObject, ticket: Ticket) -> dict[str, Any]:
        state, user = self.state, ticket.task.user
        file = self.model.files.get(action.file_id)
        content = usable_content(file, user, state.clock, state.settings) if file else None
        if file is None or content is None:
            ticket.linger()
            text = "The uploaded file is no longer available"
            return failure(action.id, "uploadedFileNoLongerAvailable", text)
        key = (self.model.id, user.email, action.id)
        source = open_rows(file, content)
        faults = ImportFaults(state.data_faults, action, partial(open_rows, file, content))
        faults.cut(source)
        faults.refuse(source)
        rejects = RejectLog(state.dumps.new_path(), source.headers)
        job = ImportJob(self.model, action, file, source, ticket, state.settings, rejects, self.model.store.next_run())
        try:
            details = self._load(job, faults)
        except ImportRefusedError as refused:
            rejects.discard()
            return refused.result
        except BaseException:
            rejects.discard()
            raise
        finally:
            source.text.close()
        state.refused.extend(faults.refused)
        dump = rejects.finish()
        state.dumps.put(key, ticket.task.id, dump)
        if state.settings.shuffle_values:
            shuffle_values(details)
        return result(action.id, details, dump=dump is not None)

    def _load(self, job: ImportJob, faults: ImportFaults) -> list[Detail]:
        action = job.action
        try:
            target_list = self.model.list_named(action.list_name)
            module = self.model.module_named(action.module_name) if action.module_name else None
        except KeyError as error:
            kind = "failedToLocateModule" if action.module_name else "failedToLocateHierarchy"
            raise ImportRefusedError(failure(action.id, kind, f"{action.name}: target not found")) from error
        if module is not None and module.summary:
            text = f"{module.name}: import failed, every line item is calculated"
            raise ImportRefusedError(failure(action.id, "moduleImportFailed", text))

        def take(one: ImportJob) -> list[Detail]:
            kind = HierarchyImport(one, target_list, db) if module is None else ModuleImport(one, module, db)
            return kind.run()

        with self.model.store.write() as db:
            if faults.bends:
                db.execute("SAVEPOINT untouched")
            details = take(job)
            bent = faults.bent()
            if bent is not None:
                # The result tells of the import that should have been; what stays is another one.
                db.execute("ROLLBACK TO untouched")
                self._take_unseen(replace(job, source=bent, errors=ErrorCounts(), missing=[]), take)
            job.ticket.linger()
        return details

    def _take_unseen(self, job: ImportJob, take: Callable[[ImportJob], list[Detail]]) -> None:
        rejects = RejectLog(self.state.dumps.new_path(), job.source.headers)
        try:
            take(replace(job, rejects=rejects))
        finally:
            rejects.discard()
            job.source.text.close()

    def _process(self, action: ProcessObject, ticket: Ticket) -> dict[str, Any]:
        nested = []
        for number, part in enumerate(action.import_ids):
            ticket.enter_part(number, len(action.import_ids))
            nested.append(self._import(self.model.imports[part], ticket))
        good = all(one["successful"] for one in nested)
        if self.state.settings.process_ignored_is_failure and any(_only_ignored(one) for one in nested):
            good = False
        text = f"{action.name} completed" if good else f"{action.name} completed with failures"
        kind = "taskElementSucceeded" if good else "taskElementFailed"
        whole = result(action.id, [detail(kind, text)], successful=good)
        return {
            **whole,
            "failureDumpAvailable": any(one["failureDumpAvailable"] for one in nested),
            "nestedResults": nested,
        }

    def _export(self, action: ExportObject, ticket: Ticket) -> dict[str, Any]:
        state, settings = self.state, self.state.settings
        module = self.model.module_named(action.module_name)
        written = state.folder / f"{ticket.task.id}.export"
        codec = EXPORT_CODECS[settings.export_encoding]
        with written.open("w", encoding=codec, newline="") as out, self.model.store.read() as db:
            out.write("\ufeff" if settings.export_bom else "")
            writer = csv.writer(
                out, lineterminator=settings.export_newline, delimiter=settings.export_separator,
                quotechar=settings.export_qualifier,
            )  # fmt: skip
            writer.writerow(module_header(module))
            total = max(1, self.model.estimated_rows(module))
            hidden = hidden_leads(state.data_faults, self.model, module, db)
            rows = module_rows(db, self.model, module)
            for number, row in enumerate(export_records(rows, module, action.control, settings, hidden), 1):
                writer.writerow(row)
                if number % 1000 == 0:
                    ticket.report(number / total, "Exporting ...", 1000)
        ticket.linger()
        file = self.model.files[action.id]
        file.encoding = settings.export_encoding
        content = new_content(file, ticket.task.user.email, state.folder / "files", state.clock, -1)
        size = written.stat().st_size
        cut_file(content, written, settings.export_chunk_bytes)
        written.unlink()
        file.chunk_count = len(content.chunks)
        values = {"exportName": action.name, "fileSize": size}
        return result(action.id, [detail("exportSucceeded", f"{action.name}: {size} bytes", values)])

    def _delete(self, action: DeleteObject, ticket: Ticket) -> dict[str, Any]:
        target = self.model.list_named(action.list_name)
        column = next(one.column for one in target.properties if one.name == action.property)
        with self.model.store.write() as db:
            gone = [row[0] for row in db.execute(f"SELECT id FROM {target.table} WHERE {column} = 'true'")]
            self.model.remove_members(target, gone, db)
            ticket.linger()
        values = {"affectedItems": len(gone), "targetName": target.name, "filterName": action.property}
        text = f"{len(gone)} items deleted from {target.name}"
        return result(action.id, [detail("deleteFromSelectionSucceeded", text, values)])


def _only_ignored(part: dict[str, Any]) -> bool:
    return bool(part["successful"]) and any(one["type"] == "hierarchyNoChanges" for one in part["details"])
