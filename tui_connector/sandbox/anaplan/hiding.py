"""Members and scopes that a read does not show, as if selective access kept them from the reader."""

# ruff: noqa: S608 -- table and column names are the store's own, values are always bound
from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.sandbox.anaplan.tables import member_label, module_rows

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Hashable, Iterator, Mapping
    from typing import TypeVar

    from tui_connector.sandbox.anaplan.objects import ListObject, ModelObject, ModuleObject
    from tui_connector.sandbox.data_faults import DataFault, DataFaultBook

    Identity = TypeVar("Identity", bound=Hashable)

HIDE_ROWS = "hide_rows"
BETWEEN = "\x1f"
Lead = tuple[str, ...]


def hidden_members(book: DataFaultBook, target: ListObject, db: sqlite3.Connection) -> set[int]:
    """Ids that this read of a list leaves out; each fault that hides something is used once."""
    due = book.due((HIDE_ROWS,), target.name)
    if not due:
        return set()
    found = db.execute(f"SELECT id, code, {target.display_column} FROM {target.table}")
    first = target.first_item
    return _pick(book, due, {str(code or member_label(number, name, first)): number for number, code, name in found})


def hidden_leads(book: DataFaultBook, model: ModelObject, module: ModuleObject, db: sqlite3.Connection) -> set[Lead]:
    """First columns of the rows that this read of a module leaves out: a member with its code, or a scope."""
    due = book.due((HIDE_ROWS,), module.name)
    if not due:
        return set()
    width = len(module.lead)
    leads = (tuple(row[:width]) for row in module_rows(db, model, module))
    # A member goes by its code, as in its list, so that one seed hides it in both.
    return _pick(book, due, {BETWEEN.join(one) if module.summary else one[1] or one[0]: one for one in leads})


def visible_rows(
    book: DataFaultBook, model: ModelObject, module: ModuleObject, db: sqlite3.Connection
) -> Iterator[list[str]]:
    """The rows of a module as one read shows them."""
    hidden, width = hidden_leads(book, model, module, db), len(module.lead)
    rows = module_rows(db, model, module)
    return (row for row in rows if tuple(row[:width]) not in hidden) if hidden else rows


def _pick(book: DataFaultBook, due: list[DataFault], known: Mapping[str, Identity]) -> set[Identity]:
    keys = {key for one in due if known and book.strike(one) for key in one.pick(known)}
    return {known[key] for key in keys}
