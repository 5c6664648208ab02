"""A list of the rows of a tree: places open and close, and it can begin in the middle."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tui_connector.ui.widgets.listing import Listing
from tui_connector.views.tree import Tree, TreeRow

if TYPE_CHECKING:
    from collections.abc import Sequence


class _Rows:
    """The rows of the tree as it is now; a row in hand may have been opened or closed since it was read."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree

    def after(self, row: TreeRow | None, count: int) -> Sequence[TreeRow]:
        return self.tree.after(row and self.fresh(row), count)

    def before(self, row: TreeRow | None, count: int) -> Sequence[TreeRow]:
        return self.tree.before(row, count)

    def fresh(self, row: TreeRow) -> TreeRow:
        if row.total or row.part or not row.folds:
            return row
        return replace(row, open=row.place in self.tree.opened)


class Branches(Listing[TreeRow]):
    """See the module."""

    async def show_tree(self, tree: Tree, at: TreeRow | None = None) -> None:
        """Show a tree from its beginning, or around one of its rows, on which the cursor then stands."""
        source = _Rows(tree)
        if at is None:
            await self.show_source(source)
            return
        count, room = self._screenful * 2, max(self.size.height // 3, 1)

        def read() -> tuple[Sequence[TreeRow], Sequence[TreeRow]]:
            return source.before(at, max(room, count)), source.after(at, count)

        before, after = await self._in_thread(read)
        self._source, self._loaded = source, False
        self._at, self._top = len(before), max(len(before) - room, 0)
        self._take([*before, at, *after], (len(before) >= count, len(after) >= count), keep=False)

    async def change(self, tree: Tree) -> None:
        """The same rows of another tree: a place was opened or closed, or a line was taken out."""
        source: Any = self._source
        if not isinstance(source, _Rows):
            await self.show_tree(tree)
            return
        source.tree = tree
        if self._rows and self._more[0]:
            self._rows[0] = source.fresh(self._rows[0])
        await self.reload()
