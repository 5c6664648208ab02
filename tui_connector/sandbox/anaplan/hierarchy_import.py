"""Imports into a list: match by code or by name, create, update, leave alone, or reject."""

# ruff: noqa: S608 -- table and column names are the store's own, values are always bound
from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tui_connector.sandbox.anaplan.formats import BadValueError, read_value
from tui_connector.sandbox.anaplan.import_job import ImportJob, ImportRefusedError, cell
from tui_connector.sandbox.anaplan.outcome import Detail, HierarchyCounts, failure
from tui_connector.sandbox.anaplan.store import BATCH, look_up, next_member_id

if TYPE_CHECKING:
    import sqlite3

    from tui_connector.sandbox.anaplan.objects import Field, ListObject
    from tui_connector.sandbox.anaplan.source_rows import SourceRow

NAME_LIMIT = 60
Problem = tuple[str, str]
Member = tuple[Any, ...]  # id, code, name, parent, run, properties…


class RowRejectedError(Exception):
    """The row cannot be taken at all."""

    def __init__(self, kind: str, value: str = "") -> None:
        super().__init__(kind)
        self.problem = (kind, value)


@dataclass(slots=True)
class Batch:
    """What the store knows about the rows at hand, by what the import matches, and what is to be written."""

    members: dict[str, Member]
    codes: set[str]
    owners: dict[str, str]
    parents: dict[str, int]
    inserts: list[Member] = field(default_factory=list)
    updates: list[Member] = field(default_factory=list)
    touched: list[int] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)


class HierarchyImport:
    """One import into one list, inside the caller's transaction."""

    def __init__(self, job: ImportJob, target: ListObject, db: sqlite3.Connection) -> None:
        self._job = job
        self._list = target
        self._db = db
        self._columns = job.columns()
        self._by_name = job.action.match_by == "name"
        self._properties: list[tuple[int, Field]] = []
        self._parents = job.model.list_named(target.parent) if target.parent else None
        self._next_id = next_member_id(db, target.table, target.first_item)
        self.counts = HierarchyCounts()

    def run(self) -> list[Detail]:
        """Work through the source; raises ImportRefusedError when nothing may stay."""
        key = "Name" if self._by_name else "Code"
        if key not in self._columns:
            text = f"{self._list.name}: key column is not in the source"
            raise ImportRefusedError(
                failure(self._job.action.id, "missingFields", text, {"items": self._job.action.mapping[key]})
            )
        self._properties = [(at, one) for at, one in enumerate(self._list.properties) if one.name in self._columns]
        for rows in self._job.source.batches(BATCH):
            batch = self._prepare(rows)
            for row in rows:
                self._take(row, batch)
            self._write(batch)
            self._job.ticket.report(self._job.source.fraction, f"Processing {self._list.name}", len(rows))
        return [self.counts.detail(self._list.name), *self._job.closing_details()]

    def _text(self, row: SourceRow, target: str) -> str:
        return cell(row, self._columns.get(target)).strip()

    def _prepare(self, rows: list[SourceRow]) -> Batch:
        table = self._list.table
        names = "".join(f", {one.column}" for one in self._list.properties)
        codes = {self._text(row, "Code") for row in rows}
        keys = list({self._text(row, "Name") for row in rows} if self._by_name else codes)
        sql = f"SELECT id, code, name, parent, run{names} FROM {table} WHERE {'name' if self._by_name else 'code'} IN"
        members = {member[2 if self._by_name else 1]: tuple(member) for member in look_up(self._db, sql, keys)}
        taken = {one[0] for one in look_up(self._db, f"SELECT code FROM {table} WHERE code IN", list(codes))}
        owners: dict[str, str] = {}
        if not self._list.numbered:
            wanted = list({self._text(row, "Name") for row in rows})
            sql = f"SELECT name, code FROM {table} WHERE name IN"
            owners = {name: code or "" for name, code in look_up(self._db, sql, wanted)}
        parents: dict[str, int] = {}
        if self._parents is not None and "Parent" in self._columns:
            wanted = list({self._text(row, "Parent") for row in rows} - {""})
            for column in ("name", "code"):
                sql = f"SELECT {column}, id FROM {self._parents.table} WHERE {column} IN"
                parents |= {row[0]: row[1] for row in look_up(self._db, sql, wanted)}
        return Batch(members, taken, owners, parents)

    def _take(self, row: SourceRow, batch: Batch) -> None:
        try:
            self._place(row, batch)
        except RowRejectedError as error:
            self.counts.failed += 1
            self._job.note("E", row, [error.problem])

    def _place(self, row: SourceRow, batch: Batch) -> None:
        if row.broken:
            raise RowRejectedError(row.broken)
        if fault := row.fault_of("E"):
            raise RowRejectedError(fault.kind, self._text(row, fault.column))
        if fault := row.fault_of("I"):
            self.counts.ignored += 1
            self._job.note_ignored(row, [(fault.kind, self._text(row, fault.column))])
            return
        if self._by_name and self._list.numbered:
            raise RowRejectedError("hierarchyImportNewEntityNumberedList", self._text(row, "Name"))
        code = self._text(row, "Code")
        key = self._text(row, "Name") if self._by_name else code
        former = batch.members.get(key)
        self._check_key(key, former, batch)
        if self._by_name and former is None and code in batch.codes:
            raise RowRejectedError("hierarchyImportNameOrCodeExists", code)
        name = self._read_name(row, code, former, batch)
        problems: list[Problem] = []
        parent = self._read_parent(row, former, batch, problems)
        values = list(former[5:]) if former else [None] * len(self._list.properties)
        for at, one in self._properties:
            text = cell(row, self._columns[one.name])
            try:
                values[at] = read_value(text, one.format)
            except BadValueError as error:
                problems.append((error.kind, text))
        if fault := row.fault_of("W"):
            problems.append((fault.kind, self._text(row, fault.column)))
        if former is None and not self._make_room():
            self.counts.ignored += 1
            return
        batch.seen.add(key)
        self._keep(code, (name, parent, *values), former, batch, warned=bool(problems))
        if problems:
            self._job.note("W", row, problems)

    def _check_key(self, key: str, former: Member | None, batch: Batch) -> None:
        if not key:
            raise RowRejectedError("hierarchyImportEmptyKey")
        if not self._by_name and len(key) > self._job.settings.code_limit:
            raise RowRejectedError("hierarchyImportInvalidCode", key)
        if key in batch.seen or (former is not None and former[4] == self._job.run):
            raise RowRejectedError("hierarchyImportDuplicateKeyInSource", key)

    def _read_name(self, row: SourceRow, code: str, former: Member | None, batch: Batch) -> str | None:
        if self._list.numbered:
            return None
        name = self._text(row, "Name")
        if "Name" not in self._columns and former is not None:
            return str(former[2])
        if not name or len(name) > NAME_LIMIT:
            raise RowRejectedError("hierarchyImportInvalidName", name)
        if not self._by_name and batch.owners.get(name, code) != code:
            raise RowRejectedError("hierarchyImportNameOrCodeExists", name)
        batch.owners[name] = code
        return name

    def _read_parent(
        self, row: SourceRow, former: Member | None, batch: Batch, problems: list[Problem]
    ) -> int | None:  # fmt: skip
        text = self._text(row, "Parent")
        kept: int | None = former[3] if former else None
        if self._parents is None or "Parent" not in self._columns:
            return kept
        if text and text not in batch.parents:
            problems.append(("hierarchyImportInvalidParent", text))
            return kept
        return batch.parents.get(text)

    def _make_room(self) -> bool:
        settings = self._job.settings
        if settings.room < 0:
            return True
        made = self.counts.created + self.counts.warned_created
        if settings.room_variant == "failed" and made >= settings.room:
            text = f"{self._list.name}: import failed, the workspace has no room left"
            values = {"hierarchyName": self._list.name}
            raise ImportRefusedError(failure(self._job.action.id, "hierarchyImportFailed", text, values))
        return made < settings.room

    def _keep(self, code: str, made: Member, former: Member | None, batch: Batch, *, warned: bool) -> None:
        name, parent, *values = made
        counts, run = self.counts, self._job.run
        if former is None:
            batch.inserts.append((self._next_id, code or None, name, parent, run, *values))
            self._next_id += 1
            counts.warned_created += warned
            counts.created += not warned
        elif made == (former[2], former[3], *former[5:]) and not warned:
            batch.touched.append(former[0])
            counts.ignored += 1
        else:
            batch.updates.append((name, parent, run, *values, former[0]))
            counts.warned_updated += warned
            counts.updated += not warned

    def _write(self, batch: Batch) -> None:
        table, properties = self._list.table, self._list.properties
        marks = ",".join("?" * (5 + len(properties)))
        self._db.executemany(f"INSERT INTO {table} VALUES ({marks})", batch.inserts)
        sets = "".join(f", {one.column} = ?" for one in properties)
        self._db.executemany(f"UPDATE {table} SET name = ?, parent = ?, run = ?{sets} WHERE id = ?", batch.updates)
        self._db.executemany(
            f"UPDATE {table} SET run = {self._job.run} WHERE id = ?", [(one,) for one in batch.touched]
        )
