"""Sums of a proposal's lines, kept with it so that a review of any size opens at once; and the flags of its lines."""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound (a level is a constant of its partial index)

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING

from tui_connector.domain.canonical import canonical, sha256
from tui_connector.domain.proposal import Change
from tui_connector.domain.risk import Flag, Risk
from tui_connector.domain.sums import FIELDS, Level, Order, Place, Sums, sorted_by_place, sums_of_lines
from tui_connector.store import lines
from tui_connector.store.database import escaped, folded
from tui_connector.store.rows import canonical_rows, stored_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tui_connector.domain.proposal import ProposedLine
    from tui_connector.store.database import Database, Reader, Row, Transaction

BATCH = 1000
_PLACE = "level, company_code, cost_center, gl_account, currency"
_SUMS = (
    "lines", "own", "last", "wanted", "posted", "debit", "credit", "changes", "flagged", "asks", "quiet", "weight",
)  # fmt: skip
_COLUMNS = f"{_PLACE}, {', '.join(_SUMS)}"
_NUMBERS = ("level", "lines", "own", "flagged", "asks", "quiet")
_TABLE = tuple((name, "number" if name in _NUMBERS else "text") for name in _COLUMNS.split(", "))
_FLAG_TABLE = (("number", "number"), ("risk", "text"), ("words", "text"))
_BY_PLACE = "company_code, cost_center, gl_account, currency, number"


@dataclass(frozen=True, slots=True)
class SumRow:
    """One node of the tree in one currency."""

    place: Place
    sums: Sums

    @property
    def level(self) -> Level:
        return self.place.level


@dataclass(frozen=True, slots=True)
class Reading:
    """How sums are read. by_delta: the largest change first, currency by currency; else by code. flat: no tree, but
    every place by its change.
    """

    order: Order = Order.COMPANY_CENTER_ACCOUNT
    by_delta: bool = False
    unchanged: bool = False
    flat: bool = False

    def depth(self, place: Place) -> int:
        """How deep a place stands, from 0."""
        return 0 if self.flat else self.order.levels.index(place.level)

    def parent(self, place: Place) -> Place | None:
        """The place above; None for the outermost."""
        depth = self.depth(place)
        return None if not depth else Place.of(self.order.levels[depth - 1], place)


class ProposalSums:
    """Read only: `write` fills the tables in the transaction that makes the proposal."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def totals(self, proposal_id: int) -> dict[str, Sums]:
        """Sums over all lines, by currency."""
        rows = self._rows(f"proposal_id = ? AND level = {Level.ALL:d} ORDER BY currency", proposal_id)
        return {row.place.currency: row.sums for row in rows}

    def get(self, proposal_id: int, place: Place) -> SumRow | None:
        """The sums of one place."""
        found = self._rows(
            "proposal_id = ? AND level = ? AND company_code = ? AND cost_center = ? AND gl_account = ?"
            " AND currency = ?",
            proposal_id, *place,
        )  # fmt: skip
        return found[0] if found else None

    def children(
        self,
        proposal_id: int,
        reading: Reading,
        parent: Place | None = None,
        *,
        beside: Place | None = None,
        backwards: bool = False,
        limit: int = 200,
    ) -> list[SumRow]:
        """Sums one level below a place (None: the outermost), those that follow `beside`, or with `backwards` those
        before it, the nearest first.
        """
        depth = 0 if parent is None else reading.depth(parent) + 1
        level = Level.PLACE if reading.flat else reading.order.levels[depth]
        where, values = f"proposal_id = ? AND level = {level:d}", list[str | int]((proposal_id,))
        if parent is not None:
            for name in (*parent.level.fields, "currency"):
                where += f" AND {name} = ?"
                values.append(getattr(parent, name))
            if (parent.level, level) == (Level.COMPANY_ACCOUNT, Level.PLACE):  # found along the index by account
                where += (
                    " AND cost_center IN (SELECT cost_center FROM proposal_sum WHERE proposal_id = ?"
                    f" AND level = {level:d} AND gl_account = ? AND company_code = ? AND currency = ?)"
                )
                values += [proposal_id, parent.gl_account, parent.company_code, parent.currency]
        if not reading.unchanged:
            where += " AND quiet = 0"
        keys = [(name, falls is not backwards) for name, falls in _keys(reading, depth)]
        if beside is not None:
            text, more = self._beyond(proposal_id, beside, keys)
            where, values = f"{where} AND ({text})", [*values, *more]
        order = ", ".join(f"{name} {'DESC' if descending else 'ASC'}" for name, descending in keys)
        return self._rows(f"{where} ORDER BY {order} LIMIT ?", *values, limit)

    def flagged(
        self, proposal_id: int, after: Place | None = None, *, limit: int = 1, backwards: bool = False
    ) -> list[SumRow]:
        """The next places with flagged lines, in the order of company code, center and account."""
        names, values = "company_code, cost_center, gl_account, currency", list[str | int]((proposal_id,))
        where, way = f"proposal_id = ? AND level = {Level.PLACE:d} AND asks = 1", "DESC" if backwards else "ASC"
        if after is not None:
            where += f" AND ({names}) {'<' if backwards else '>'} (?, ?, ?, ?)"
            values += after[1:]
        order = ", ".join(f"{name} {way}" for name in names.split(", "))
        rows = self._database.rows(  # of nothing but what the index of the flagged holds
            f"SELECT {names} FROM proposal_sum WHERE {where} ORDER BY {order} LIMIT ?", *values, limit
        )
        found = (self.get(proposal_id, Place(Level.PLACE, *row)) for row in rows)
        return [one for one in found if one is not None]

    def lines(
        self,
        proposal_id: int,
        place: Place,
        beside: int | None = None,
        limit: int = 200,
        *,
        unchanged: bool = True,
        backwards: bool = False,
    ) -> list[ProposedLine]:
        """The lines that a sum is made of, in the order of their numbers: those after a number, or with `backwards`
        those before it, the nearest first.
        """
        where, values = "proposal_id = ? AND currency = ?", list[str | int]((proposal_id, place.currency))
        for name in place.level.fields:
            where += f" AND {name} = ?"
            values.append(getattr(place, name))
        if not unchanged:
            where += " AND change <> 'unchanged'"
        if beside is not None:
            where += f" AND number {'<' if backwards else '>'} ?"
            values.append(beside)
        way, plus = "DESC" if backwards else "ASC", "" if place.level is Level.PLACE else "+"
        order = f"ORDER BY number {way}"
        # The index by place holds all that is asked of it; the plus keeps from walking along the primary key instead.
        found = f"SELECT number FROM proposal_line WHERE {where} ORDER BY {plus}number {way} LIMIT ?"
        rows = self._database.rows(
            f"SELECT {lines.COLUMNS} FROM proposal_line WHERE proposal_id = ? AND number IN ({found}) {order}",
            proposal_id, *values, limit,
        )  # fmt: skip
        return list(map(lines.line_of, rows))

    def flags(self, proposal_id: int, numbers: Sequence[int]) -> dict[int, tuple[Flag, ...]]:
        """The flags of these lines, by their number; those without any are left out."""
        found: dict[int, tuple[Flag, ...]] = {}
        for number, risk, words in self._database.rows(
            f"SELECT number, risk, words FROM proposal_flag WHERE proposal_id = ?"
            f" AND number IN ({self._database.dialect.numbers}) ORDER BY number, risk",
            proposal_id, canonical(sorted(set(numbers))),
        ):  # fmt: skip
            found[number] = (*found.get(number, ()), Flag(Risk(risk), words))
        return found

    def flagged_lines(self, proposal_id: int, after: int = 0, limit: int = 200) -> dict[int, tuple[Flag, ...]]:
        """Flagged lines after a number with their flags, in order."""
        numbers = self._database.rows(
            "SELECT DISTINCT number FROM proposal_flag WHERE proposal_id = ? AND number > ? ORDER BY number LIMIT ?",
            proposal_id, after, limit,
        )  # fmt: skip
        return self.flags(proposal_id, [row[0] for row in numbers])

    def risks(self, proposal_id: int) -> dict[Risk, int]:
        """How many lines are flagged for each reason."""
        rows = self._database.rows(
            "SELECT risk, count(*) FROM proposal_flag WHERE proposal_id = ? GROUP BY risk ORDER BY risk", proposal_id
        )
        return {Risk(risk): count for risk, count in rows}

    def unused(self, target_id: int, places: Iterable[Place]) -> set[Place]:
        """Those places at which nothing of an approved or posted proposal of the target was ever to post.

        None at all while nothing was approved yet: then everything would be a first use.
        """
        reader = self._database
        begun = "SELECT 1 FROM proposal WHERE target_id = ? AND state IN ('approved', 'posted') LIMIT 1"
        if reader.value(begun, target_id) is None:
            return set()
        table = reader.dialect.table(tuple((name, "text") for name in ("company_code", "cost_center", "gl_account")))
        wanted, found = iter(sorted({(one.company_code, one.cost_center, one.gl_account) for one in places})), set()
        while some := list(islice(wanted, BATCH)):
            found |= set(
                reader.rows(
                    f"SELECT company_code, cost_center, gl_account FROM ({table}) AS wanted WHERE NOT EXISTS ("
                    "SELECT 1 FROM proposal_sum s JOIN proposal p ON p.id = s.proposal_id"
                    f" WHERE s.level = {Level.PLACE:d} AND s.company_code = wanted.company_code"
                    " AND s.cost_center = wanted.cost_center AND s.gl_account = wanted.gl_account AND s.quiet = 0"
                    " AND p.target_id = ? AND p.state IN ('approved', 'posted'))",
                    canonical_rows(some), target_id,
                )
            )  # fmt: skip
        return {one for one in places if (one.company_code, one.cost_center, one.gl_account) in found}

    def find(
        self, proposal_id: int, sap_url: str, words: Sequence[str], after: Place | None = None, *, unchanged: bool
    ) -> SumRow | None:
        """The next place with each of these words in a number or a name of SAP's, in the order of `flagged`.

        unchanged: whether it may be one where nothing changed.
        """
        names, values = "company_code, cost_center, gl_account, currency", list[str | int]((proposal_id,))
        where = f"proposal_id = ? AND level = {Level.PLACE:d}" + ("" if unchanged else " AND quiet = 0")
        for word in words:
            part = f"%{escaped(folded(word))}%"
            fits = [f"lower({field}) LIKE ? ESCAPE '\\'" for field in FIELDS]
            values += [part] * len(FIELDS)
            for field in FIELDS:
                by = "code" if field == "company_code" else "company_code, code"
                found = field if field == "company_code" else f"(company_code, {field})"
                fits.append(
                    f"{found} IN (SELECT {by} FROM member_name WHERE sap_url = ? AND field = '{field}'"
                    " AND lower(name) LIKE ? ESCAPE '\\')"
                )
                values += [sap_url, part]
            where += f" AND ({' OR '.join(fits)})"
        if after is not None:
            where += f" AND ({names}) > (?, ?, ?, ?)"
            values += after[1:]
        rows = self._rows(f"{where} ORDER BY {names} LIMIT 1", *values)
        return rows[0] if rows else None

    def _rows(self, tail: str, *values: str | int) -> list[SumRow]:
        return [
            _row_of(row) for row in self._database.rows(f"SELECT {_COLUMNS} FROM proposal_sum WHERE {tail}", *values)
        ]

    def _beyond(self, proposal_id: int, beside: Place, keys: Sequence[tuple[str, bool]]) -> tuple[str, list[str | int]]:
        """Everything after a place in an order in which some columns fall."""
        here = dict(beside._asdict())
        if any(name == "weight" for name, _ in keys):
            found = self.get(proposal_id, beside)
            here["weight"] = "" if found is None else weight(found.sums.delta)
        parts, values = [], list[str | int]()
        for at, (name, descending) in enumerate(keys):
            same = "".join(f"{one} = ? AND " for one, _ in keys[:at])
            parts.append(f"({same}{name} {'<' if descending else '>'} ?)")
            values += [*(here[one] for one, _ in keys[:at]), here[name]]
        return " OR ".join(parts), values


def _keys(reading: Reading, depth: int) -> list[tuple[str, bool]]:
    """The columns that sort a level, and whether each falls; below the outermost level there is one currency."""
    if reading.flat:
        return [("currency", False), ("weight", True), *((name, False) for name in FIELDS)]
    field = reading.order.fields[depth]
    if not reading.by_delta:
        return [(field, False)] if depth else [(field, False), ("currency", False)]
    keys = [("weight", True), (field, False)]
    return keys if depth else [("currency", False), *keys]


def write(
    tx: Transaction,
    proposal_id: int,
    proposed: Sequence[ProposedLine],
    flags: Mapping[int, Sequence[Flag]],
) -> list[str]:
    """Keep the sums and flags of a new proposal; returns the digests of the flags' batches."""
    keep(tx, proposal_id, sums_of_lines((line, line.number in flags) for line in sorted_by_place(proposed)))
    rows = ((number, flag.risk.value, flag.words) for number in sorted(flags) for flag in sorted(flags[number]))
    digests = []
    while some := list(islice(rows, BATCH)):
        text = canonical_rows(some)
        tx.change(
            "INSERT INTO proposal_flag (proposal_id, number, risk, words)"
            f" SELECT ?, number, risk, words FROM ({tx.dialect.table(_FLAG_TABLE)}) AS batch",
            proposal_id, text,
        )  # fmt: skip
        digests.append(sha256(text))
    return digests


def keep(tx: Transaction, proposal_id: int, sums: Iterable[tuple[Place, Sums]]) -> None:
    """Write sums, a batch at a time."""
    found = iter(sums)
    while some := [_kept(place, one) for place, one in islice(found, BATCH)]:
        tx.change(
            f"INSERT INTO proposal_sum (proposal_id, {_COLUMNS})"
            f" SELECT ?, {_COLUMNS} FROM ({tx.dialect.table(_TABLE)}) AS batch",
            proposal_id, canonical_rows(some),
        )  # fmt: skip


def fill(tx: Transaction) -> None:
    """Keep the sums of proposals that were made before there were any."""
    for (number,) in tx.rows("SELECT id FROM proposal ORDER BY id"):
        keep(tx, number, sums_of_stored(tx, number))


def sums_of_stored(reader: Reader, proposal_id: int) -> Iterable[tuple[Place, Sums]]:
    """The sums as the stored lines make them, read a page at a time."""
    return sums_of_lines(_by_place(reader, proposal_id))


def fault(reader: Reader, proposal_id: int) -> str:
    """Which of the kept sums is not that of the lines, in words; "" when all are."""
    stored = {level: _stored(reader, proposal_id, level) for level in Level}
    for place, sums in sums_of_stored(reader, proposal_id):
        if next(stored[place.level], None) != _kept(place, sums):
            return f"the sum of {words(place)} is not that of its lines"
    for level, rest in stored.items():
        if (left := next(rest, None)) is not None:
            return f"a sum of {words(Place(level, *left[1:5]))} is of no line"
    return ""


def flags_digests(reader: Reader, proposal_id: int) -> Iterator[str]:
    """Digests of the kept flags, as `write` took them."""
    after: tuple[int, str] = (0, "")
    while rows := reader.rows(
        "SELECT number, risk, words FROM proposal_flag WHERE proposal_id = ? AND (number, risk) > (?, ?)"
        " ORDER BY number, risk LIMIT ?",
        proposal_id, *after, BATCH,
    ):  # fmt: skip
        yield stored_digest(rows)
        after = rows[-1][:2]


def words(place: Place) -> str:
    """A place as it is named in a finding."""
    named = " / ".join(getattr(place, name) or "none" for name in place.level.fields)
    return f"{named or 'all lines'} {place.currency}"


def weight(delta: Decimal) -> str:
    """A text of digits that sorts as the amount without its sign does, whatever its length."""
    if not delta:
        return "000"
    whole, _, rest = format(abs(delta), "f").partition(".")
    whole = whole.lstrip("0")
    return f"{len(whole):03}{whole}{rest.rstrip('0')}"


def _by_place(reader: Reader, proposal_id: int) -> Iterator[tuple[ProposedLine, bool]]:
    after: Row = ()
    beyond = f" AND ({_BY_PLACE}) > (?, ?, ?, ?, ?)"
    while rows := reader.rows(
        f"SELECT {lines.COLUMNS}, EXISTS (SELECT 1 FROM proposal_flag f WHERE f.proposal_id = proposal_line.proposal_id"
        f" AND f.number = proposal_line.number) FROM proposal_line WHERE proposal_id = ?{beyond if after else ''}"
        f" ORDER BY {_BY_PLACE} LIMIT ?",
        proposal_id, *after, BATCH,
    ):  # fmt: skip
        for row in rows:
            line = lines.line_of(row)
            yield line, bool(row[-1])
        after = (line.company_code, line.cost_center, line.gl_account, line.currency, line.number)


def _stored(reader: Reader, proposal_id: int, level: Level) -> Iterator[Row]:
    after: Row = ()
    keys = "company_code, cost_center, gl_account, currency"
    while rows := reader.rows(
        f"SELECT {_COLUMNS} FROM proposal_sum WHERE proposal_id = ? AND level = ?"
        f"{f' AND ({keys}) > (?, ?, ?, ?)' if after else ''} ORDER BY {keys} LIMIT ?",
        proposal_id, level, *after, BATCH,
    ):  # fmt: skip
        yield from rows
        after = rows[-1][1:5]


def _kept(place: Place, sums: Sums) -> Row:
    changes = {change.value: count for change, count in sums.changes.items()}
    return (
        int(place.level), *place[1:], sums.lines, sums.own, None if sums.last is None else format(sums.last, "f"),
        format(sums.wanted, "f"), format(sums.posted, "f"), format(sums.debit, "f"), format(sums.credit, "f"),
        canonical(changes), sums.flagged, int(sums.flagged > 0), int(sums.quiet), weight(sums.delta),
    )  # fmt: skip


def _row_of(row: Row) -> SumRow:
    level, company, center, account, currency, count, own, last, wanted, posted, debit, credit, changes, flagged = row[
        :14
    ]
    return SumRow(
        Place(Level(level), company, center, account, currency),
        Sums(
            count, own, None if last is None else Decimal(last), Decimal(wanted), Decimal(posted), Decimal(debit),
            Decimal(credit), {Change(name): number for name, number in json.loads(changes).items()}, flagged,
        ),
    )  # fmt: skip
