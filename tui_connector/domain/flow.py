"""What moves: the shape of a flow's declaration."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from tui_connector.domain.concern import Rule
from tui_connector.domain.definition import Drift

if TYPE_CHECKING:
    from tui_connector.domain.master import Change

KEY = ""  # as a column's field: the record's own key


class Dialect(StrEnum):
    """The OData version a service speaks."""

    V2 = "v2"
    V4 = "v4"


class Landing(StrEnum):
    """Where a flow's records end up in Anaplan."""

    LISTS = "lists"
    ACTUALS = "actuals"


class WritebackMode(StrEnum):
    """ENTRIES: each row is a journal line. TARGET: each row is a wanted balance; what is posted is taken off."""

    ENTRIES = "entries"
    TARGET = "target"


class Channel(StrEnum):
    """The SAP endpoint that a writeback uses; there is no fourth."""

    SOAP = "soap"  # Journal Entry - Post (Synchronous)
    ODATA = "odata"  # an OData journal service of the customer's own
    PLAN_DATA = "plan_data"  # financial plan data


class LedgerKind(StrEnum):
    """What the target ledger is, in words."""

    ACTUALS = "ACTUALS"
    EXTENSION = "EXTENSION LEDGER"
    PLAN = "PLAN CATEGORY"


class Holds(StrEnum):
    """What an export holds: entries meant for the books, or plan values."""

    ENTRIES = "entries"
    PLAN = "plan"


class JournalField(StrEnum):
    """What a column of an export can mean; SAP's own names where it has one.

    KEY identifies the row in the plan. AMOUNT is signed, debit positive, unless SIDE gives the sign (S or H, D or C).
    DEBIT and CREDIT: two unsigned columns instead. GROUP: rows that belong into one document.
    """

    KEY = "Key"
    COMPANY_CODE = "CompanyCode"
    GL_ACCOUNT = "GLAccount"
    COST_CENTER = "CostCenter"
    PROFIT_CENTER = "ProfitCenter"
    POSTING_DATE = "PostingDate"
    CURRENCY = "TransactionCurrency"
    AMOUNT = "AmountInTransactionCurrency"
    SIDE = "DebitCreditCode"
    DEBIT = "Debit"
    CREDIT = "Credit"
    TEXT = "DocumentItemText"
    GROUP = "Group"


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
    the records; its fields are written "members/Field". aggregates: SAP sums up over every field that is not selected.
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
    aggregates: bool = False


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
class Totals:
    """What ties a load of a module out: its sums by scope, asked of SAP and read back from Anaplan.

    by: headers of the columns that make a scope. amount: header of the column that is summed. currency: which part of
    the scope tells the amount's currency. view: a view of the model with one row a scope: a column for each part of the
    scope and one for the sum, under the same headers. export: an export action that writes the same, where no view can
    be read; one of both is named. count: the column with the number of records, where there is one.
    """

    by: tuple[str, ...]
    amount: str
    view: str = ""
    currency: str = "Currency"
    count: str = ""
    export: str = ""

    @property
    def place(self) -> str:
        """Where Anaplan tells them."""
        return self.view or self.export

    @property
    def currency_part(self) -> int | None:
        """Which part of a scope tells the currency; None when none does."""
        return self.by.index(self.currency) if self.currency in self.by else None


@dataclass(frozen=True, slots=True)
class Radar:
    """How the masters of a load are compared with its list before anything is sent, and what each finding means.

    name: header of the column with a member's name. places: headers of the columns that say where it belongs.
    block_fields: source fields that are true where SAP has blocked a master or marked it for deletion. The rules are
    those of `domain.master.Change`. By themselves they ask where what Anaplan holds already would read differently,
    stop where a code would stand for two members, and note what is only added or can be used no more: the same in
    every environment, so that what a test has gone through is what production does.
    """

    name: str = "Name"
    places: tuple[str, ...] = ()
    block_fields: tuple[str, ...] = ()
    new: Rule = Rule.GO_ON
    renamed: Rule = Rule.ASK
    moved: Rule = Rule.ASK
    blocked: Rule = Rule.GO_ON
    expired: Rule = Rule.GO_ON
    reappeared: Rule = Rule.ASK
    missing: Rule = Rule.GO_ON
    doubled: Rule = Rule.STOP

    def rule(self, change: Change) -> Rule:
        """What a finding of this kind means for the run."""
        rule = getattr(self, change.value)
        assert isinstance(rule, Rule)  # noqa: S101 - there is a field for each
        return rule


@dataclass(frozen=True, slots=True)
class LoadFlow:
    """SAP records into an Anaplan list or module, through one file and one import (or a process of imports).

    target_list: the list whose members the records become; with it a load of a list is tied out by its codes, and
    before it SAP's masters are compared with the list as `radar` says. totals: how a load of a module is tied out.
    Without either nobody can tell whether all of it arrived. go_on_untied: whether it starts although a flow that it
    comes after is not tied. target_module: the module whose line items the columns fill, so that a renamed one is seen.
    drift: what a changed definition on either side means. closed_periods: what it means that a closed period would not
    hold afterwards what it holds now.
    """

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
    target_list: str = ""
    totals: Totals | None = None
    go_on_untied: bool = False
    radar: Radar = Radar()
    target_module: str = ""
    drift: Drift = field(default_factory=Drift)
    closed_periods: Rule = Rule.ASK
    time_zone: str = ""
    after_close: tuple[int, ...] = ()

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


@dataclass(frozen=True, slots=True)
class ColumnSignal:
    """The plan's approval stands in the export: rows whose `column` holds `value` are approved, the others wait."""

    column: str
    value: str = "Approved"
    by: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True)
class ListSignal:
    """The plan's approval stands in properties of a list item, found by its code and read through the API."""

    list: str
    item: str
    property: str
    value: str = "Approved"
    by: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True)
class CellSignal:
    """The plan's approval stands in a module's view: the row named `row`, and columns for state, approver and time."""

    view: str
    row: str
    column: str
    value: str = "Approved"
    by: str = ""
    at: str = ""


Signal = ColumnSignal | ListSignal | CellSignal


@dataclass(frozen=True, slots=True)
class ControlTotal:
    """Lines of the export that hold its totals, one for each currency or one for all.

    column, begins: a row whose `column` begins so is a control line. gross: the column with the sum of all amounts
    without their signs. count: the column with the number of rows.
    """

    column: str
    begins: str = "TOTAL"
    gross: str = "Gross"
    count: str = "Line Count"


@dataclass(frozen=True, slots=True)
class StatusImport:
    """How Anaplan is told what became of each row: columns Code, Status, Document, Fiscal Year, Posted At."""

    file: str
    import_action: str


@dataclass(frozen=True, slots=True)
class WritebackFlow:
    """An approved plan's export into SAP as journal entries, after a person has signed.

    columns: header in the export -> what it means. company_codes: those it may post to; empty means none.
    offset_account, offset_cost_center: where what does not balance goes; none: it is refused. rounding_account: where
    the rest of rounding goes; none: an amount with too many decimals is refused. plan_into_actuals: must say "post plan
    values into ACTUALS" before an export that holds plan values may go there. withdraw_absent: a key that was posted
    and is not in the export any more is taken back; None: in mode target. two_approvers_from, held_from: gross amounts
    by "EUR" or "1010/EUR"; without an entry two must sign. fresh_minutes: age of the export at which nothing more is
    approved or sent. first_month: of the fiscal year, by company code; others begin in January. journal_service:
    path of the customer's own OData service for channel odata. category: plan category for channel plan_data.
    decimal_separator, grouping: how the export writes numbers, which its metadata do not tell. drift: what a changed
    definition on either side means.
    """

    name: str
    title: str
    export: str
    columns: dict[str, JournalField]
    approval: Signal
    control: ControlTotal | None = None
    mode: WritebackMode = WritebackMode.ENTRIES
    channel: Channel = Channel.SOAP
    ledger: str = "0L"
    ledger_kind: LedgerKind = LedgerKind.ACTUALS
    holds: Holds = Holds.ENTRIES
    plan_into_actuals: str = ""
    category: str = ""
    document_type: str = "SA"
    business_transaction_type: str = "RFBU"
    created_by: str = "CONNECTOR"
    header_text: str = ""
    company_codes: tuple[str, ...] = ()
    offset_account: str = ""
    offset_cost_center: str = ""
    rounding_account: str = ""
    withdraw_absent: bool | None = None
    two_approvers_from: dict[str, Decimal] = field(default_factory=dict)
    held_from: dict[str, Decimal] = field(default_factory=dict)
    fresh_minutes: float = 240.0
    first_month: dict[str, int] = field(default_factory=dict)
    journal_service: str = ""
    decimal_separator: str = "."
    grouping: str = ""
    date_format: str = "%Y-%m-%d"
    status: StatusImport | None = None
    drift: Drift = field(default_factory=Drift)
    after: tuple[str, ...] = ()
    schedule: str | None = None
    time_zone: str = ""
    after_close: tuple[int, ...] = ()
    task_minutes: int = 120
    sap: str = "main"
    anaplan: str = "main"

    @property
    def ledger_words(self) -> str:
        """The target in words, as screens and signatures name it."""
        return f"{self.ledger_kind} {self.category}".strip()

    @property
    def withdraws(self) -> bool:
        """Whether an absent key is taken back."""
        return self.mode is WritebackMode.TARGET if self.withdraw_absent is None else self.withdraw_absent

    def two_at(self, company_code: str, currency: str) -> Decimal | None:
        """Gross of a company code from which two must sign; None when no limit is set, so that two always must."""
        return self.two_approvers_from.get(f"{company_code}/{currency}", self.two_approvers_from.get(currency))

    def held_at(self, company_code: str, currency: str) -> Decimal | None:
        """Gross of a company code from which nothing is posted; None for no such limit."""
        return self.held_from.get(f"{company_code}/{currency}", self.held_from.get(currency))


Flow = LoadFlow | WritebackFlow


def settings_digest(flow: Flow) -> str:
    """Digest of everything that is declared of a flow, so that the log can tell that something was changed."""
    said = json.dumps(dataclasses.asdict(flow), sort_keys=True, default=str)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def named_in_model(flow: Flow) -> tuple[tuple[str, str], ...]:
    """Everything that a flow names in its Anaplan model, as (kind, name); kinds: import, export, process, file."""
    if isinstance(flow, LoadFlow):
        named = (("import", flow.import_action), ("process", flow.process), ("file", flow.file))
        return tuple((kind, name) for kind, name in named if name)
    status = () if flow.status is None else (("import", flow.status.import_action), ("file", flow.status.file))
    return (("export", flow.export), *status)


PLAN_INTO_ACTUALS = "post plan values into ACTUALS"
