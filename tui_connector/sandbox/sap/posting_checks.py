"""What SAP checks before it posts: masters, periods, currencies, signs and the balance."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from tui_connector.sandbox.sap import currencies
from tui_connector.sandbox.seed.company import LEDGERS, day_stamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tui_connector.sandbox.sap.edm import Record
    from tui_connector.sandbox.sap.entries import Draft, DraftItem
    from tui_connector.sandbox.sap.settings import SapSettings
    from tui_connector.sandbox.sap.tables import Table

MAX_ITEMS = 999


@dataclass(frozen=True, slots=True)
class Message:
    """One line of the log. kind: `507(F5)`, empty where the message's number is not known."""

    note: str
    kind: str = ""
    severity: int = 3

    @property
    def code(self) -> str:
        """The same in the words of OData: `F5/507`."""
        number, _, area = self.kind.rstrip(")").partition("(")
        return f"{area}/{number}" if area else ""


@dataclass(slots=True)
class Checker:
    """Checks drafts against the tenant's masters and its open periods."""

    tables: Mapping[str, Table]
    settings: SapSettings
    closed: set[tuple[str, str]] = field(default_factory=set)  # company code and period, as 011/2026

    def check(self, draft: Draft) -> tuple[Draft, list[Message]]:
        """The draft with masters as they are stored and derived values filled in, and what speaks against it."""
        company = self.tables["A_CompanyCode"].get((draft.company_code,))
        if company is None:
            return draft, [Message(f"Company code {draft.company_code} does not exist")]
        found = list(self._check_header(draft))
        items: list[DraftItem] = []
        for number, item in enumerate(draft.items, 1):
            whole, messages = self._check_item(draft, company, item, number)
            items.append(whole)
            found += messages
        whole_draft = replace(draft, items=tuple(items))
        if not found and not draft.reverses:
            found = list(_check_balance(whole_draft, str(company["Currency"])))
        if not found:
            whole_draft = replace(whole_draft, items=_in_local_currency(whole_draft.items, str(company["Currency"])))
        return whole_draft, found

    def _check_header(self, draft: Draft) -> Iterable[Message]:
        period = f"{draft.posting_date:0%m/%Y}"
        if (draft.company_code, period) in self.closed:
            yield Message(f"Posting period {period} is not open for company code {draft.company_code}")
        if len(draft.document_type) > 2:
            yield Message(f"Document type {draft.document_type} does not exist")
        if draft.number:
            yield Message(f"Document type {draft.document_type} takes no number from outside")
        if draft.ledger_group and draft.ledger_group not in LEDGERS:
            yield Message(f"Ledger group {draft.ledger_group} does not exist")
        for kind in draft.unposted:
            yield Message(f"The sandbox posts no {kind}")
        if draft.reverses:
            return
        if not draft.items:
            yield Message("The document has no items")
        if len(draft.items) > MAX_ITEMS:
            yield Message(f"The document has {len(draft.items)} items, more than {MAX_ITEMS}")

    def _check_item(
        self, draft: Draft, company: Record, item: DraftItem, number: int
    ) -> tuple[DraftItem, list[Message]]:
        """The item with what its masters add, and what speaks against it."""
        where = f"Item {number}: "
        found: list[Message] = []
        if item.company_code not in {"", draft.company_code}:
            found.append(Message(f"{where}company code {item.company_code} is not that of the document"))
        found += _check_amount(item, where, signs=self.settings.reject_negative_postings)
        if item.kind != "S":
            found += self._check_partner(draft, item)
            return replace(item, side=_side(item)), found
        account = self._find_master("A_GLAccountInChartOfAccounts", "GLAccount", item.account, company)
        if not account:
            chart = company["ChartOfAccounts"]
            found += [
                Message(f"G/L account {item.account} is not defined in chart of accounts {chart}", "507(F5)"),
                Message(f"Account {item.account} does not exist in chart of accounts {chart}", "004(FH)"),
            ]
        elif account[0]["AccountIsBlockedForPosting"] or account[0]["AccountIsMarkedForDeletion"]:
            found.append(Message(f"{where}G/L account {item.account} is blocked for posting"))
        item = replace(item, side=_side(item), account=str(account[0]["GLAccount"]) if account else item.account)
        item, messages = self._check_centers(draft, company, item, where)
        found += messages
        if account and account[0]["GLAccountType"] == "P":
            fields = {"CostCenter": item.cost_center, "ProfitCenter": item.profit_center, "Segment": item.segment}
            found += [
                Message(f"Field {name} is a required field for G/L account {item.account}", "808(F5)")
                for name in self.settings.required_fields
                if not fields.get(name, "")
            ]
        return item, found

    def _check_centers(
        self, draft: Draft, company: Record, item: DraftItem, where: str
    ) -> tuple[DraftItem, list[Message]]:
        """Cost center, and profit center: the one that was given, or that of the cost center."""
        found: list[Message] = []
        if item.cost_center:
            piece, why = self._slice("CostCenter", item.cost_center, draft, company)
            if piece is None:
                found.append(Message(f"{where}cost center {item.cost_center} {why}"))
            elif piece["IsBlkdForPrimaryCostsPosting"]:
                found.append(Message(f"{where}cost center {item.cost_center} is blocked for primary costs"))
            elif piece["CompanyCode"] != draft.company_code:
                found.append(Message(f"{where}cost center {item.cost_center} belongs to another company code"))
            else:
                item = replace(
                    item,
                    cost_center=str(piece["CostCenter"]),
                    profit_center=item.profit_center or str(piece["ProfitCenter"]),
                    functional_area=item.functional_area or str(piece["FunctionalArea"]),
                )
        if item.profit_center:
            piece, why = self._slice("ProfitCenter", item.profit_center, draft, company)
            if piece is None:
                found.append(Message(f"{where}profit center {item.profit_center} {why}"))
            elif piece["ProfitCenterIsBlocked"]:
                found.append(Message(f"{where}profit center {item.profit_center} is blocked"))
            elif not self._is_assigned(company, str(piece["ProfitCenter"])):
                found.append(Message(f"{where}profit center {item.profit_center} is not in the company code"))
            else:
                item = replace(
                    item, profit_center=str(piece["ProfitCenter"]), segment=item.segment or str(piece["Segment"])
                )
        return item, found

    def _check_partner(self, draft: Draft, item: DraftItem) -> Iterable[Message]:
        table, kind = ("A_CustomerCompany", "102(F5)") if item.kind == "D" else ("A_SupplierCompany", "104(F5)")
        if self.tables[table].get((item.account, draft.company_code)) is None:
            role = "Customer" if item.kind == "D" else "Supplier"
            yield Message(f"{role} {item.account} is not defined in company code {draft.company_code}", kind)

    def _slice(self, name: str, number: str, draft: Draft, company: Record) -> tuple[Record | None, str]:
        """The slice of a center that is valid on the posting date, or None and why there is none."""
        area = company["ControllingArea"]
        slices = self._find_master(f"A_{name}", name, number, company)
        if not slices:
            return None, f"does not exist in controlling area {area}"
        day = day_stamp(draft.posting_date)
        for one in slices:
            if int(str(one["ValidityStartDate"])) <= day <= int(str(one["ValidityEndDate"])):
                return one, ""
        return None, f"is not valid on {draft.posting_date} in controlling area {area}"

    def _find_master(self, table: str, name: str, number: str, company: Record) -> list[Record]:
        """All records of an account or center, with or without its leading zeros."""
        owner = "ChartOfAccounts" if name == "GLAccount" else "ControllingArea"
        for spelling in dict.fromkeys((number.upper(), number.zfill(10), number.lstrip("0"))):
            if found := self.tables[table].where((owner, name), (company[owner], spelling)):
                return found
        return []

    def _is_assigned(self, company: Record, profit_center: str) -> bool:
        key = (company["ControllingArea"], profit_center, company["CompanyCode"])
        return self.tables["A_PrftCtrCompanyCodeAssignment"].get(key) is not None


def _side(item: DraftItem) -> str:
    return item.side or ("H" if item.amount < 0 else "S")


def _check_amount(item: DraftItem, where: str, *, signs: bool) -> Iterable[Message]:
    if not currencies.is_known(item.currency):
        yield Message(f"{where}currency {item.currency} does not exist")
    elif not currencies.has_cents_of(item.amount, item.currency):
        yield Message(f"{where}amount {item.amount} has more decimals than currency {item.currency}")
    if item.side not in {"", "S", "H"}:
        yield Message(f"{where}debit/credit code {item.side} does not exist")
    elif signs and not item.negative and item.amount and item.side and (item.amount < 0) != (item.side == "H"):
        yield Message(f"{where}the sign of amount {item.amount} does not go with debit/credit code {item.side}")


def _check_balance(draft: Draft, local: str) -> Iterable[Message]:
    totals: defaultdict[str, Decimal] = defaultdict(Decimal)
    given = [item for item in draft.items if item.local_amount is not None]
    for item in draft.items:
        totals[item.currency] += item.amount
    if len(totals) > 1:
        yield Message(f"The items are in several currencies: {', '.join(sorted(totals))}")
    for currency, total in sorted(totals.items()):
        if total:
            yield Message(f"Balance in transaction currency: {total} {currency} left over")
    if given and len(given) < len(draft.items):
        yield Message(f"Some items have an amount in company code currency {local}, others have none")
    elif given and (rest := sum((item.local_amount or Decimal(0) for item in given), Decimal(0))):
        yield Message(f"Balance in company code currency: {rest} {local} left over")


def _in_local_currency(items: tuple[DraftItem, ...], local: str) -> tuple[DraftItem, ...]:
    """Items with amounts in the company code's currency; the last one takes the rounding difference."""
    if not items or all(item.local_amount is not None for item in items):
        return items
    amounts = [currencies.convert(item.amount, item.currency, local) for item in items]
    amounts[-1] -= sum(amounts, Decimal(0))
    return tuple(replace(item, local_amount=amount) for item, amount in zip(items, amounts, strict=True))
