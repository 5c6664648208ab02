"""Plan values through Financial Plan Data: a sending replaces what is planned for its keys, so it may be repeated."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from tui_connector.domain.errors import RejectedError
from tui_connector.domain.flow import Condition, Dialect, ODataSource
from tui_connector.domain.ledger import FoundDocument, FoundItem, PostAnswer, PostOutcome, same_number
from tui_connector.sap.csrf import CsrfSession
from tui_connector.sap.endpoints import PLAN_DATA_SERVICE, PLAN_DATA_SET, V2_ROOT
from tui_connector.sap.entry_fields import EntryFields
from tui_connector.sap.filters import all_of, condition, key_blocks, spellings
from tui_connector.sap.outcomes import not_definite, refused_by_odata, sending
from tui_connector.sap.reader import ODataReader, SourceField

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui_connector.domain.ledger import JournalEntry, JournalEntryItem
    from tui_connector.sap.client import SapClient

_SCOPE = ("Ledger", "PlanningCategory", "CompanyCode", "FiscalYearPeriod", "TransactionCurrency")
_KEYS = ("GLAccount", "CostCenter", "ProfitCenter")
_AMOUNT = "AmountInTransactionCurrency"
_AGGREGATION, _REPLACED = "PlanDataAggrgnLvlFieldsString", "PlanDataRplcScopeFieldsString"
_LINES = "to_FinPlanningEntryItemTP"
FIELDS = (_AGGREGATION, _REPLACED, *(f"{_LINES}/{name}" for name in (*_SCOPE, *_KEYS, _AMOUNT)))
_ITEMS = ODataSource("API_FINPLANNINGENTRYITEM_SRV", "A_FinPlanningEntryItem", key=(*_SCOPE, *_KEYS))
_FIELDS = (*(SourceField(name, str) for name in _KEYS), SourceField(_AMOUNT, Decimal))


class _Key(NamedTuple):
    gl_account: str
    cost_center: str
    profit_center: str


class _Created(msgspec.Struct):
    d: dict[str, msgspec.Raw]


class PlanDataChannel:
    """The entry's items are whole plan values, not differences: what is not sent again for a key is gone."""

    resend_replaces = True

    def __init__(self, client: SapClient) -> None:
        self._client = client
        self._session = CsrfSession(client, f"{V2_ROOT}{PLAN_DATA_SERVICE}/")

    def payload(self, entry: JournalEntry) -> bytes:
        """The body; items of one key are added up, since the plan holds one value for it.

        Raises:
            RejectedError: no period, no category, or a value that SAP's fields cannot hold as it is.
        """
        write = EntryFields(entry)
        scope = _scope(entry, write)
        totals: dict[_Key, Decimal] = {}
        for item in entry.items:
            key = _Key(
                write.code("GLAccount", item.gl_account, 10),
                write.code("CostCenter", item.cost_center, 10, required=False),
                write.code("ProfitCenter", item.profit_center, 10, required=False),
            )
            totals[key] = totals.get(key, Decimal(0)) + item.amount
        fields = ",".join((*_SCOPE, *_KEYS))
        lines = [
            {**scope, **dict(zip(_KEYS, key, strict=True)), _AMOUNT: write.amount(total)}
            for key, total in totals.items()
        ]
        return msgspec.json.encode(
            {
                _AGGREGATION: fields,
                _REPLACED: fields,
                _LINES: {"results": lines},
            }
        )

    async def send(
        self, payload: bytes, entry: JournalEntry, last_check: Callable[[], None] | None = None
    ) -> PostAnswer:
        """Send it once. Plan data have no document number."""
        sent = self._session.write("POST", PLAN_DATA_SET, payload, last_check=last_check)
        answer = await sending(sent, name=self._client.name, service=PLAN_DATA_SERVICE)
        if isinstance(answer, PostAnswer):
            return answer
        if (refused := refused_by_odata(answer)) is not None:
            return refused
        try:
            msgspec.json.decode(answer.body, type=_Created)
        except msgspec.DecodeError:
            return not_definite(answer)
        year = str(entry.period.year) if entry.period else ""
        return PostAnswer(PostOutcome.POSTED, "SAP took the plan values", fiscal_year=year)

    async def test(self, entry: JournalEntry) -> PostAnswer | None:
        """None: plan data have no test run."""
        del entry
        return None

    async def find(self, entry: JournalEntry) -> list[FoundDocument]:
        """What SAP holds now for the entry's keys, as one document without a number; nothing when it holds nothing.

        Raises:
            ConnectorError: it could not be looked up. RejectedError: as `payload`.
        """
        scope = _scope(entry, EntryFields(entry))
        fixed = [condition(Condition(name, "eq", value), Dialect.V2) for name, value in scope.items()]
        wanted = {_same(item) for item in entry.items}
        accounts = [[one] for number in sorted({key.gl_account for key in wanted}) for one in spellings(number)]
        reader = ODataReader(self._client)
        items: list[FoundItem] = []
        for block in key_blocks(("GLAccount",), accounts, Dialect.V2):
            for account, cost_center, profit_center, amount in await reader.find(
                _ITEMS, _FIELDS, all_of([*fixed, block])
            ):
                item = FoundItem(account, Decimal(amount or 0), cost_center, profit_center)
                if _same(item) in wanted:
                    items.append(item)
        if not items:
            return []
        year = scope["FiscalYearPeriod"].rpartition(".")[2]
        return [FoundDocument(entry.company_code, year, "", entry.currency, tuple(items))]


def _scope(entry: JournalEntry, write: EntryFields) -> dict[str, str]:
    """Values of `_SCOPE`, the same in every line."""
    if entry.period is None:
        raise RejectedError(
            f"document {entry.reference} names no fiscal period; nothing was sent",
            hint="Plan values belong to a period: set first_month for the company code.",
            record_key=entry.reference,
        )
    values = (
        write.code("ledger", entry.ledger, 2),
        write.code("category", entry.category, 10),
        write.code("CompanyCode", entry.company_code, 4),
        f"{entry.period.number:03}.{entry.period.year}",
        entry.currency,
    )
    return dict(zip(_SCOPE, values, strict=True))


def _same(item: JournalEntryItem | FoundItem) -> _Key:
    """The key as it is compared."""
    return _Key(same_number(item.gl_account), same_number(item.cost_center), same_number(item.profit_center))
