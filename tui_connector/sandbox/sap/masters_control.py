"""What an accountant does to masters, through the control API: rename, move, block, expire, split, merge, delete."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tui_connector.sandbox.sap.changes import ENTITIES, stamps
from tui_connector.sandbox.seed.company import CHART, CONTROLLING_AREA, OPEN_END, day_stamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from tui_connector.sandbox.sap.access import Clock
    from tui_connector.sandbox.sap.edm import Record
    from tui_connector.sandbox.sap.stock import Stock

END, START = "ValidityEndDate", "ValidityStartDate"


@dataclass(frozen=True, slots=True)
class Kind:
    """Where masters of a kind live. home: the key's fixed part. blocked: the block field and its two values."""

    entity: str
    texts: str
    home: tuple[str, str]
    code: str
    name: str
    blocked: tuple[str, Any, Any]
    slices: bool = True


KINDS = {
    "cost_centers": Kind(
        "A_CostCenter", "A_CostCenterText", ("ControllingArea", CONTROLLING_AREA), "CostCenter", "CostCenterName",
        ("IsBlkdForPrimaryCostsPosting", "", "X"),
    ),
    "profit_centers": Kind(
        "A_ProfitCenter", "A_ProfitCenterText", ("ControllingArea", CONTROLLING_AREA), "ProfitCenter",
        "ProfitCenterName", ("ProfitCenterIsBlocked", "", "X"),
    ),
    "gl_accounts": Kind(
        "A_GLAccountInChartOfAccounts", "A_GLAccountText", ("ChartOfAccounts", CHART), "GLAccount", "GLAccountName",
        ("AccountIsBlockedForPosting", False, True), slices=False,
    ),
}  # fmt: skip


class MasterError(Exception):
    """A change that cannot be made."""


@dataclass(slots=True)
class Masters:
    """Changes whole masters, every slice and text of them. gone: what was deleted, to be brought back."""

    clock: Clock
    stock: Stock
    gone: dict[tuple[str, str], list[tuple[str, Record]]] = field(default_factory=dict)

    def routes(self) -> list[BaseRoute]:
        """POST /masters {"changes": [{"kind", "code", "do", …}]}: made in order; 400 for one that cannot be made."""
        return [Route("/masters", self._change, methods=["POST"])]

    async def _change(self, request: Request) -> Response:
        verbs: dict[str, Callable[..., None]] = {
            "rename": self.rename, "move": self.move, "block": self.block, "unblock": self.unblock,
            "expire": self.expire, "delete": self.delete, "bring_back": self.bring_back, "split": self.split,
            "merge": self.merge,
        }  # fmt: skip
        changes = (await request.json())["changes"]
        try:
            for one in changes:
                rest = dict(one)
                verbs[rest.pop("do")](rest.pop("kind"), rest.pop("code"), **rest)
        except (KeyError, TypeError, ValueError, MasterError) as error:
            return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 400)
        return JSONResponse({"changed": len(changes)})

    def rename(self, kind: str, code: str, name: str) -> None:
        """Another name in every language and slice."""
        shape = KINDS[kind]
        self._last(kind, code)
        for row in self._rows(shape.texts, shape, code):
            self._put(shape.texts, row | {shape.name: name})

    def move(self, kind: str, code: str, to: dict[str, Any]) -> None:
        """Other values of fields that say where it belongs."""
        self._put(KINDS[kind].entity, self._last(kind, code) | to)

    def block(self, kind: str, code: str) -> None:
        """Block it for posting."""
        name, _, yes = KINDS[kind].blocked
        self._put(KINDS[kind].entity, self._last(kind, code) | {name: yes})

    def unblock(self, kind: str, code: str) -> None:
        """Let it be posted to again."""
        name, no, _ = KINDS[kind].blocked
        self._put(KINDS[kind].entity, self._last(kind, code) | {name: no})

    def expire(self, kind: str, code: str, on: str = "") -> None:
        """Let its last slice end on a day, by default yesterday; an account, which has no validity, is blocked."""
        if KINDS[kind].slices:
            self._end(kind, code, date.fromisoformat(on) if on else self.clock.now().date() - timedelta(days=1))
        else:
            self.block(kind, code)

    def delete(self, kind: str, code: str) -> None:
        """Take it out with all of its slices and texts."""
        shape = KINDS[kind]
        self._last(kind, code)
        taken = self.gone[kind, code] = []
        for name in (shape.entity, shape.texts):
            for row in self._rows(name, shape, code):
                taken.append((name, row))
                table = self.stock.tables[ENTITIES[name].table]
                table.remove(table.key_of(row))

    def bring_back(self, kind: str, code: str) -> None:
        """Undo a deletion, or let an expired or blocked one live on."""
        if deleted := self.gone.pop((kind, code), None):
            for name, row in deleted:
                self._put(name, row)
            return
        if KINDS[kind].slices:
            self._end(kind, code, OPEN_END)
        self.unblock(kind, code)

    def split(self, kind: str, code: str, into: dict[str, str]) -> None:
        """New ones, code and name each, in the likeness of an old one, which ends."""
        for new, name in into.items():
            self._copy(kind, code, new, name)
        self.expire(kind, code)

    def merge(self, kind: str, code: str, others: list[str], name: str = "") -> None:
        """One goes on, made in the likeness of the first other where it is new, and the others end."""
        if not self._rows(KINDS[kind].entity, KINDS[kind], code):
            self._copy(kind, others[0], code, name)
        for other in others:
            self.expire(kind, other)

    def _rows(self, entity: str, shape: Kind, code: str) -> list[Record]:
        return list(self.stock.tables[ENTITIES[entity].table].where((shape.home[0], shape.code), (shape.home[1], code)))

    def _last(self, kind: str, code: str) -> Record:
        """The slice that ends last."""
        rows = self._rows(KINDS[kind].entity, KINDS[kind], code)
        if not rows:
            raise MasterError(f"no {kind} {code}")
        return max(rows, key=lambda row: int(str(row.get(END) or 0)))

    def _put(self, entity: str, row: Record) -> None:
        shape = ENTITIES[entity]
        self.stock.tables[shape.table].put(row | stamps(shape, self.clock.now(), created=False))

    def _end(self, kind: str, code: str, day: date) -> None:
        """The end is part of the key, so the slice and its texts are put anew."""
        shape, last = KINDS[kind], self._last(kind, code)
        for name in (shape.entity, shape.texts):
            table = self.stock.tables[ENTITIES[name].table]
            for row in self._rows(name, shape, code):
                if row[END] == last[END]:
                    table.remove(table.key_of(row))
                    self._put(name, row | {END: day_stamp(day)})

    def _copy(self, kind: str, old: str, new: str, name: str) -> None:
        """A new master, good since last month, with texts of its own; SAP gives no code twice."""
        shape, last = KINDS[kind], self._last(kind, old)
        if self._rows(shape.entity, shape, new):
            raise MasterError(f"{kind} {new} exists")
        own: Record = {shape.code: new}
        if shape.slices:
            start = self.clock.now().date() - timedelta(days=30)
            own |= {START: day_stamp(start), END: day_stamp(OPEN_END)}
        texts = [row for row in self._rows(shape.texts, shape, old) if row.get(END) == last.get(END)]
        self._put(shape.entity, last | own | {shape.blocked[0]: shape.blocked[1]})
        for row in texts:
            self._put(shape.texts, row | own | {shape.name: name})
