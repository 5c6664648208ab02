"""The objects of one simulated model: lists, modules, files and actions, built from the seed."""

# ruff: noqa: S608 -- table and column names are the store's own, values are always bound
from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from tui_connector.sandbox.anaplan.store import ModelStore
from tui_connector.sandbox.seed.model import NUMBER

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from tui_connector.sandbox.anaplan.contents import Content
    from tui_connector.sandbox.seed.model import ControlSeed, FieldSeed, ModelSeed, SummarySeed

FILE_ORIGIN = "113"
Named = TypeVar("Named", "ListObject", "ModuleObject")


@dataclass(frozen=True, slots=True)
class Field:
    """A list property or line item; `column` is its place in the table of its list or module."""

    id: str
    name: str
    format: str
    column: str
    list_name: str = ""
    formula: str = ""


@dataclass(slots=True)
class ListObject:
    """A list; the members are in the store's table of the same name as `table`."""

    id: str
    name: str
    table: str
    numbered: bool
    properties: tuple[Field, ...]
    parent: str
    display: str
    first_item: int

    @property
    def display_column(self) -> str:
        """The column that holds what people see as a member's name."""
        return next((one.column for one in self.properties if one.name == self.display), "name")


@dataclass(slots=True)
class ModuleObject:
    """A module over one list; a `summary` has no list and no cells of its own."""

    id: str
    name: str
    table: str
    list_name: str
    line_items: tuple[Field, ...]
    summary: Summary | None = None

    @property
    def lead(self) -> tuple[str, ...]:
        """Column heads before the line items: the dimension and the member's code, or the parts of the scope."""
        return tuple(one.name for one in self.summary.by) if self.summary else (self.list_name, "Code")

    @property
    def scope_ids(self) -> tuple[str, ...]:
        """Dimension ids of the scope's parts."""
        return tuple(f"101{self.id[-3:]}{at:06}" for at in range(1, len(self.lead) + 1))


@dataclass(frozen=True, slots=True)
class Summary:
    """What a module of totals sums, and by what; the fields are line items of the source."""

    source: ModuleObject
    by: tuple[Field, ...]
    sums: tuple[Field, ...]


@dataclass(slots=True)
class FileObject:
    """A file: its saved parse settings, and its content per user (key "" holds the default content)."""

    id: str
    name: str
    headers: tuple[str, ...] = ()
    header_row: int = 1
    first_data_row: int = 2
    encoding: str = "UTF-8"
    separator: str = ","
    delimiter: str = '"'
    contents: dict[str, Content] = field(default_factory=dict)
    chunk_count: int = 0

    @property
    def is_output(self) -> bool:
        """Whether an export writes it."""
        return not self.id.startswith(FILE_ORIGIN)


@dataclass(slots=True)
class ImportObject:
    """An import action."""

    id: str
    name: str
    file_id: str
    list_name: str
    module_name: str
    mapping: dict[str, str]
    match_by: str

    @property
    def type(self) -> str:
        """As it stands in `importType`."""
        return "MODULE_DATA" if self.module_name else "HIERARCHY_DATA"


@dataclass(slots=True)
class ExportObject:
    """An export action; its output file has the same id."""

    id: str
    name: str
    module_name: str
    control: ControlSeed | None


@dataclass(slots=True)
class ProcessObject:
    """A process: ids of its imports in running order."""

    id: str
    name: str
    import_ids: tuple[str, ...]


@dataclass(slots=True)
class DeleteObject:
    """A delete-by-selection action."""

    id: str
    name: str
    list_name: str
    property: str


ActionObject = ImportObject | ExportObject | ProcessObject | DeleteObject


@dataclass(slots=True)
class ModelObject:
    """One model with everything in it."""

    id: str
    name: str
    store: ModelStore
    lists: dict[str, ListObject]
    modules: dict[str, ModuleObject]
    files: dict[str, FileObject]
    imports: dict[str, ImportObject]
    exports: dict[str, ExportObject]
    processes: dict[str, ProcessObject]
    deletes: dict[str, DeleteObject]
    active_state: str = "UNLOCKED"
    loaded: bool = True

    def list_named(self, name: str) -> ListObject:
        """The list of that name; KeyError if there is none."""
        return _named(self.lists, name)

    def module_named(self, name: str) -> ModuleObject:
        """The module of that name; KeyError if there is none."""
        return _named(self.modules, name)

    def estimated_rows(self, module: ModuleObject) -> int:
        """How many rows an export of a module may have: one for each member of the list that it is over."""
        over = module.summary.source if module.summary else module
        return self.store.count(self.list_named(over.list_name).table)

    def remove_members(self, target: ListObject, ids: Iterable[int], db: sqlite3.Connection) -> None:
        """Delete members of a list and their cells in every module over it."""
        pairs = [(one,) for one in ids]
        db.executemany(f"DELETE FROM {target.table} WHERE id = ?", pairs)
        for module in self.modules.values():
            if module.list_name == target.name:
                db.executemany(f"DELETE FROM {module.table} WHERE id = ?", pairs)

    def next_id(self, prefix: str) -> str:
        """A fresh id with the kind's three-digit prefix."""
        pools = (self.files, self.imports, self.exports, self.processes, self.deletes)
        taken = [int(one) for pool in pools for one in pool if one.startswith(prefix)]
        return str(max(taken, default=int(prefix) * 10**9) + 1)


def _named(pool: Mapping[str, Named], name: str) -> Named:
    for one in pool.values():
        if one.name == name:
            return one
    raise KeyError(name)


def build_model(seed: ModelSeed, folder: Path) -> ModelObject:
    """A fresh model out of its declaration, its tables made and its seed members in place."""
    store = ModelStore(folder / f"{seed.id}.sqlite")
    lists: dict[str, ListObject] = {}
    for number, one in enumerate(seed.lists, 1):
        made_list = ListObject(
            f"101{number:09}", one.name, f"l{number}", one.numbered, _fields(one.properties, f"18{number:02}", "p"),
            one.parent, one.display, (200 + number) * 10**9 + 1,
        )  # fmt: skip
        lists[made_list.id] = made_list
        store.make_list(made_list.table, [each.column for each in made_list.properties])
    modules: dict[str, ModuleObject] = {}
    for number, module in enumerate(seed.modules, 1):
        fields = _fields(module.line_items, f"20{number:02}", "c")
        made_module = ModuleObject(f"102{number:09}", module.name, f"m{number}", module.list_name, fields)
        modules[made_module.id] = made_module
        store.make_module(made_module.table, [each.column for each in fields])
    for summary in seed.summaries:
        made_summary = _summary(summary, modules)
        modules[made_summary.id] = made_summary
    model = ModelObject(seed.id, seed.name, store, lists, modules, {}, {}, {}, {}, {})
    for file in seed.files:
        file_id = model.next_id("113")
        model.files[file_id] = FileObject(file_id, file.name, file.headers)
    files = {file.name: file.id for file in model.files.values()}
    imports: dict[str, str] = {}
    for each in seed.imports:
        import_id = imports[each.name] = model.next_id("112")
        mapping = dict(each.mapping)
        model.imports[import_id] = ImportObject(
            import_id, each.name, files[each.file], each.target_list, each.target_module, mapping, each.match_by
        )
    for export in seed.exports:
        export_id = model.next_id("116")
        model.exports[export_id] = ExportObject(export_id, export.name, export.module, export.control)
        model.files[export_id] = FileObject(export_id, export.name, header_row=0, first_data_row=0)
    for process in seed.processes:
        process_id = model.next_id("118")
        parts = tuple(imports[name] for name in process.imports)
        model.processes[process_id] = ProcessObject(process_id, process.name, parts)
    for delete in seed.deletes:
        delete_id = model.next_id("117")
        model.deletes[delete_id] = DeleteObject(delete_id, delete.name, delete.list_name, delete.property)
    for name, rows in seed.rows.items():
        target = model.list_named(name)
        with store.write() as db:
            members = [(target.first_item + at, *row) for at, row in enumerate(rows)]
            db.executemany(f"INSERT INTO {target.table} (id, code, name) VALUES (?, ?, ?)", members)
    return model


def _fields(seeds: tuple[FieldSeed, ...], prefix: str, letter: str) -> tuple[Field, ...]:
    return tuple(
        Field(f"{prefix}{at:08}", seed.name, seed.format, f"{letter}{at}", seed.list_name, seed.formula)
        for at, seed in enumerate(seeds, 1)
    )


def _summary(seed: SummarySeed, modules: Mapping[str, ModuleObject]) -> ModuleObject:
    source = _named(modules, seed.module)
    fields = {one.name: one for one in source.line_items}
    number = len(modules) + 1
    formulas = {**{name: f"{source.name}.{name}[SUM]" for name in seed.sums}, seed.count: f"{source.name}[COUNT]"}
    items = tuple(
        Field(f"20{number:02}{at:08}", name, NUMBER, "", formula=formula)
        for at, (name, formula) in enumerate(formulas.items(), 1)
    )
    summary = Summary(source, tuple(fields[name] for name in seed.by), tuple(fields[name] for name in seed.sums))
    return ModuleObject(f"102{number:09}", seed.name, "", "", items, summary)
