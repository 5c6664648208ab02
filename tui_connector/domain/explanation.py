"""Explanations: which records of SAP make up what Anaplan holds, and what a record of SAP becomes there."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from tui_connector.domain.tie import Scope, Total

if TYPE_CHECKING:
    from collections.abc import Iterable


class About(StrEnum):
    """What is explained. CELL: a scope of a flow's totals. ITEM: a member of a list, by its code.

    DOCUMENT: a document in SAP, by what `domain.document` names. RECORD: one record by its key.
    """

    CELL = "cell"
    ITEM = "item"
    DOCUMENT = "document"
    RECORD = "record"


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to explain, as a load flow knows it."""

    about: About
    flow: str
    values: tuple[str, ...]

    @property
    def text(self) -> str:
        """As a person types it; one text for one question."""
        return shlex.join((self.about.value, self.flow, *self.values))


class Standing(StrEnum):
    """How a record of SAP stands in Anaplan, as far as the trail tells.

    LOADED: Anaplan was given exactly what SAP holds now. CHANGED: it was given something else, which SAP held before.
    REFUSED: its newest values were refused. IN_DOUBT: it was sent, and nobody has read what came of it.
    UNREAD: no run has read it yet. GONE: Anaplan counts it where SAP does not hold it.
    """

    LOADED = "loaded"
    CHANGED = "changed since"
    REFUSED = "refused"
    IN_DOUBT = "in doubt"
    UNREAD = "not read yet"
    GONE = "not in SAP"


class Text(NamedTuple):
    """A value on either side, told where they differ or where one thing alone is explained.

    same: None where it cannot be told, since Anaplan does not show it or writes it in a way of its own.
    """

    header: str
    same: bool | None
    sap: str = ""
    anaplan: str = ""


class Held(NamedTuple):
    """What the module itself holds of a record, in the row of its own.

    there: whether anything stands there. amount: in the column that the totals sum. cells: all where one record is
    explained, else those that are not surely as in SAP.
    """

    there: bool
    amount: Decimal | None = None
    cells: tuple[Text, ...] = ()

    @property
    def unlike(self) -> tuple[Text, ...]:
        """Cells of which it is not sure that they hold what SAP does."""
        return tuple(one for one in self.cells if one.same is not True)

    @property
    def odd(self) -> tuple[Text, ...]:
        """Cells that hold something else than SAP does."""
        return tuple(one for one in self.cells if one.same is False)


class Source(NamedTuple):
    """One record of SAP, and the run that decided how it stands.

    amount: None where the flow sums none. maybe: whether Anaplan may hold something of it, though not this. scope: the
    cell it counts in; () for a flow without totals. line: in the run's file; None when it was not sent. cause: of a
    refusal. held: None where the module was not looked into.
    """

    key: str
    standing: Standing
    maybe: bool
    amount: Decimal | None
    scope: Scope
    run: int | None
    line: int | None
    cause: str = ""
    held: Held | None = None


class Share(NamedTuple):
    """Records that stand alike, together."""

    standing: Standing
    maybe: bool
    total: Total


class Cell(NamedTuple):
    """A scope of the totals and what Anaplan holds there; None when it has no such row."""

    scope: Scope
    held: Total | None


class Agreement(StrEnum):
    """What an explanation comes to.

    EQUAL: the sources are what Anaplan holds. EXPLAINED: they are not, and what stands otherwise is the reason.
    IN_DOUBT: the rest can be a record's that stands otherwise, and nobody can tell. DIFFERENT: something is left over.
    NOTHING: neither side holds anything of it.
    """

    EQUAL = "equal"
    EXPLAINED = "explained"
    IN_DOUBT = "in doubt"
    DIFFERENT = "different"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer to one question, as both far sides told it at one moment.

    words: the answer in one sentence. place: the view or list that was looked at; "" for none. parts: what the values
    of a scope are called. currency: which of them tells the currency of the amounts; "" for none. cells: what Anaplan
    holds. shares: every record of SAP, summed by how it stands. sources: the records themselves, those that stand
    otherwise first, then the largest, as far as they are kept. texts: of a list's member. module: whose own rows were
    looked into; "" for none. counted: what they make in a cell. beyond: those of them that SAP does not hold in that
    cell; amount and scope are the module's.
    """

    question: Question
    agreement: Agreement
    words: str
    place: str = ""
    parts: tuple[str, ...] = ()
    currency: str = ""
    cells: tuple[Cell, ...] = ()
    shares: tuple[Share, ...] = ()
    sources: tuple[Source, ...] = ()
    texts: tuple[Text, ...] = ()
    module: str = ""
    counted: Total | None = None
    beyond: tuple[Source, ...] = ()

    @property
    def records(self) -> int:
        """How many records SAP holds, listed or not."""
        return sum(one.total.records or 0 for one in self.shares)

    @property
    def rest(self) -> Total:
        """Records that are not listed, and their sum."""
        amounts = [one.amount for one in self.sources if one.amount is not None]
        return Total(self.records - len(self.sources), _sum(one.total.amount for one in self.shares) - _sum(amounts))

    def total(self, *standings: Standing) -> Total:
        """Records that stand so, together; all of them without a word."""
        found = [one.total for one in self.shares if one.standing in (standings or Standing)]
        return Total(sum(one.records or 0 for one in found), _sum(one.amount for one in found))


def _sum(amounts: Iterable[Decimal | None]) -> Decimal:
    return sum((one for one in amounts if one is not None), Decimal(0))
