"""What moves: the shape of a flow's declaration."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

KEY = ""  # as a column's field: the record's own key


class Dialect(StrEnum):
    """The OData version a service speaks."""

    V2 = "v2"
    V4 = "v4"


class Landing(StrEnum):
    """Where a flow's records end up in Anaplan."""

    LISTS = "lists"
    ACTUALS = "actuals"


class UnknownMembers(StrEnum):
    """What becomes of a record that names a member its Anaplan list does not hold."""

    REJECT = "reject"
    SEND = "send"


Value = str | bool | int | Decimal | date | datetime


@dataclass(frozen=True, slots=True)
class Condition:
    """One fixed part of a read's filter, for example ``Condition("Ledger", "eq", "0L")``.

    `operator` is one of eq, ne, gt, ge, lt, le, or ``in`` with a tuple of values.
    """

    field: str
    operator: str
    value: Value | tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Texts:
    """Names kept by language in a set of their own, reached through a navigation property.

    fields: its fields, which a column may name without the navigation. changed_on: the text set's own change stamp;
    a renaming moves only that one.
    """

    navigation: str
    entity_set: str
    fields: tuple[str, ...]
    language: str = "Language"
    changed_on: str | None = None


@dataclass(frozen=True, slots=True)
class ODataSource:
    """One entity set of one SAP service and how to read it.

    key: the fields that identify a record; joined with "-" they are its RecordKey.
    changed_on: the last-change stamp; None means the set is read whole and compared by content.
    created_on: date of creation, asked as well where the stamp stays empty until the first change.
    by_day: the stamp is a date without a time, so that the overlap is counted in whole days.
    overlap: how far before the watermark a read begins, since a stamp is older than its commit. safety: how far before
    SAP's own clock it ends.
    also: fields that are selected though no column shows them; an aggregating set sums away what is not selected.
    where: conditions that always hold. slices: start and end field of validity; one slice a key is kept, the one
    valid today, else the nearest. texts: names by language. members: a collection inside the entity whose members are
    the records; its fields are written "members/Field".
    """

    service: str
    entity_set: str
    key: tuple[str, ...]
    changed_on: str | None = None
    created_on: str | None = None
    by_day: bool = False
    overlap: timedelta = timedelta(minutes=10)
    safety: timedelta = timedelta(seconds=5)
    also: tuple[str, ...] = ()
    where: tuple[Condition, ...] = ()
    slices: tuple[str, str] | None = None
    texts: Texts | None = None
    members: str | None = None
    dialect: Dialect = Dialect.V2
    page_size: int = 5000


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the file that Anaplan imports.

    field: the source field; "to_Supplier/SupplierName" goes through an expanded navigation; KEY is the record's key.
    type: str, Decimal, date or bool; decides how the value is checked and written.
    member_of: the Anaplan list whose codes must hold the value; an empty value is always allowed.
    """

    header: str
    field: str
    type: type = str
    member_of: str | None = None


@dataclass(frozen=True, slots=True)
class LoadFlow:
    """SAP records into an Anaplan list or module, through one file and one import (or a process of imports)."""

    name: str
    title: str
    source: ODataSource
    columns: tuple[Column, ...]
    file: str
    import_action: str | None = None
    process: str | None = None
    after: tuple[str, ...] = ()
    lands_in: Landing = Landing.LISTS
    unknown_members: UnknownMembers = UnknownMembers.REJECT
    schedule: str | None = None
    language: str = "EN"
    chunk_megabytes: int = 10
    task_minutes: int = 120
    sap: str = "main"
    anaplan: str = "main"
    mapping: dict[str, str] = field(default_factory=dict)

    @property
    def lists(self) -> tuple[str, ...]:
        """Names of the Anaplan lists whose codes the flow checks."""
        return tuple(dict.fromkeys(c.member_of for c in self.columns if c.member_of))

    def path(self, column: Column) -> str:
        """The column's field with its navigation: a bare name of the text set is reached through it."""
        texts = self.source.texts
        if texts and column.field in texts.fields:
            return f"{texts.navigation}/{column.field}"
        return column.field
