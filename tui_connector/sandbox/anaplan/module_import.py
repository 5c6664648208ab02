"""Imports into a module: members by code, formats checked cell by cell, repeated numbers added up."""

# ruff: noqa: S608 -- table and column names are the store's own, values are always bound
from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tui_connector.sandbox.anaplan.formats import BadValueError, add_numbers, read_value
from tui_connector.sandbox.anaplan.import_job import ImportJob, ImportRefusedError, cell
from tui_connector.sandbox.anaplan.outcome import CellCounts, Detail, failure
from tui_connector.sandbox.anaplan.store import BATCH, look_up
from tui_connector.sandbox.seed.model import NUMBER

if TYPE_CHECKING:
    import sqlite3

    from tui_connector.sandbox.anaplan.objects import Field, ModuleObject
    from tui_connector.sandbox.anaplan.source_rows import SourceRow

KEY = "Code"
MISSED = "moduleImportInvalidListIdentifier"
CALCULATED = "cellIsCalculated"
CODES_HELD = 50_000


@dataclass(slots=True)
class Cells:
    """A member's cells, and whether this run touched them before."""

    values: list[str | None]
    repeated: bool


@dataclass(slots=True)
class ListCodes:
    """Codes of a list that were asked for, found or not; bounded."""

    table: str
    known: dict[str, bool] = field(default_factory=dict)

    def learn(self, db: sqlite3.Connection, codes: set[str]) -> None:
        """Look up what is not known yet."""
        if len(self.known) > CODES_HELD:
            self.known.clear()
        new = [code for code in codes if code not in self.known]
        self.known |= dict.fromkeys(new, False)
        found = look_up(db, f"SELECT code FROM {self.table} WHERE code IN", new)
        self.known |= dict.fromkeys((str(row[0]) for row in found), True)


class ModuleImport:
    """One import into one module, inside the caller's transaction."""

    def __init__(self, job: ImportJob, target: ModuleObject, db: sqlite3.Connection) -> None:
        self._job = job
        self._module = target
        self._db = db
        self._columns = job.columns()
        self._items = [(at, one) for at, one in enumerate(target.line_items) if one.name in self._columns]
        self._members = job.model.list_named(target.list_name).table
        self._lists = {
            one.list_name: ListCodes(job.model.list_named(one.list_name).table)
            for _, one in self._items
            if one.list_name
        }
        self.counts = {one.name: CellCounts() for _, one in self._items}

    def run(self) -> list[Detail]:
        """Work through the source; raises ImportRefusedError when it cannot run at all."""
        if KEY not in self._columns:
            text = f"{self._module.name}: key column is not in the source"
            raise ImportRefusedError(failure(self._job.action.id, "missingFields", text, {"items": KEY}))
        for rows in self._job.source.batches(BATCH):
            self._take_batch(rows)
            self._job.ticket.report(self._job.source.fraction, f"Processing {self._module.name}", len(rows))
        return [self.counts[one.name].detail(one.name) for _, one in self._items] + self._job.closing_details()

    def _take_batch(self, rows: list[SourceRow]) -> None:
        ids, cells = self._prepare(rows)
        touched: dict[int, Cells] = {}
        for row in rows:
            code = cell(row, self._columns[KEY]).strip()
            refusal = self._refusal(row, code, ids)
            if refusal:
                self._job.note("E", row, [refusal])
                for _, one in self._items:
                    self.counts[one.name].failed += 1
                continue
            member = ids[code]
            at_hand = cells.setdefault(member, Cells([None] * len(self._module.line_items), False))
            problems, ignored = self._fill(row, at_hand)
            at_hand.repeated = True
            touched[member] = at_hand
            if problems:
                self._job.note("W", row, [*problems, *ignored])
            elif ignored:
                self._job.note_ignored(row, ignored)
        marks = ",".join("?" * (2 + len(self._module.line_items)))
        records = [(member, self._job.run, *held.values) for member, held in touched.items()]
        self._db.executemany(f"INSERT OR REPLACE INTO {self._module.table} VALUES ({marks})", records)

    def _prepare(self, rows: list[SourceRow]) -> tuple[dict[str, int], dict[int, Cells]]:
        codes = list({cell(row, self._columns[KEY]).strip() for row in rows})
        found = look_up(self._db, f"SELECT code, id FROM {self._members} WHERE code IN", codes)
        ids = {str(code): int(number) for code, number in found}
        former = look_up(self._db, f"SELECT * FROM {self._module.table} WHERE id IN", list(ids.values()))
        cells = {row[0]: Cells(list(row[2:]), row[1] == self._job.run) for row in former}
        for name, known in self._lists.items():
            columns = [self._columns[one.name] for _, one in self._items if one.list_name == name]
            known.learn(self._db, {cell(row, at).strip() for row in rows for at in columns})
        return ids, cells

    def _refusal(self, row: SourceRow, code: str, ids: dict[str, int]) -> tuple[str, str] | None:
        """Why the whole row cannot be taken, and the value that is to blame."""
        if row.broken:
            return row.broken, ""
        if code not in ids:
            return MISSED, code
        fault = row.fault_of("E")
        return (fault.kind, cell(row, self._columns.get(fault.column))) if fault else None

    def _fill(self, row: SourceRow, held: Cells) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        problems: list[tuple[str, str]] = []
        ignored: list[tuple[str, str]] = []
        for at, one in self._items:
            counts, text = self.counts[one.name], cell(row, self._columns[one.name])
            fault = row.fault if row.fault and row.fault.column == one.name else None
            if one.formula or (fault and fault.status == "I"):
                counts.ignored += 1
                ignored.append((fault.kind if fault else CALCULATED, text))
                continue
            if fault and fault.status == "W":
                counts.failed += 1
                problems.append((fault.kind, text))
                continue
            try:
                held.values[at] = self._merge(one, text, held.values[at], held.repeated)
                counts.taken += 1
            except BadValueError as error:
                counts.failed += 1
                problems.append((error.kind, text))
        return problems, ignored

    def _merge(self, one: Field, text: str, former: str | None, repeated: bool) -> str | None:
        if one.list_name:
            text = text.strip()
            if text and not self._lists[one.list_name].known.get(text):
                raise BadValueError(MISSED)
        value = read_value(text, one.format)
        if not repeated:
            return value
        if one.format == NUMBER:
            return add_numbers(former, value)
        if value is not None:
            raise BadValueError("moduleImportRepeatedNonNumeric")
        return former
