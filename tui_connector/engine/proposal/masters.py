"""Whether SAP takes the account and the centers of a line on its posting date, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.domain.ledger import same_number

if TYPE_CHECKING:
    from datetime import date

    from tui_connector.domain.ledger import CenterSlice, CompanyFacts, MasterFacts
    from tui_connector.domain.proposal import ProposedLine


class Masters:
    """Looks lines up in SAP's masters; what many lines share is looked up once."""

    def __init__(self, facts: MasterFacts) -> None:
        self._facts = facts
        self._known: dict[tuple[str, str, str, str, date], tuple[str, ...]] = {}

    def faults(self, line: ProposedLine) -> tuple[str, ...]:
        """What is wrong, each as words with a place for the count of lines; empty when SAP takes all of it."""
        place = (line.company_code, line.gl_account, line.cost_center, line.profit_center, line.posting_date)
        found = self._known.get(place)
        if found is None:
            words = self._look_up(*place)
            found = tuple("{lines} with " + one.replace("{", "{{").replace("}", "}}") for one in words)
            self._known[place] = found
        return found

    def _look_up(self, company_code: str, account: str, cost: str, profit: str, day: date) -> list[str]:
        company = self._facts.companies.get(company_code)
        if company is None:
            return [f"company code {company_code}, which SAP does not know"]
        area = company.controlling_area
        words = [self._account(company, account)]
        if cost:
            slices = self._facts.cost_centers.get((area, same_number(cost)))
            words.append(_center(f"cost center {cost}", slices, company, day))
        if profit:
            slices = self._facts.profit_centers.get((area, same_number(profit)))
            words.append(_center(f"profit center {profit}", slices, company, day))
        return [one for one in words if one]

    def _account(self, company: CompanyFacts, account: str) -> str:
        facts = self._facts.accounts.get((company.chart_of_accounts, same_number(account)))
        if facts is None:
            return f"account {account}, which chart {company.chart_of_accounts} does not hold"
        if facts.blocked_for_posting:
            return f"account {account}, which is blocked for posting"
        if facts.marked_for_deletion:
            return f"account {account}, which is marked for deletion"
        return ""


def _center(name: str, slices: tuple[CenterSlice, ...] | None, company: CompanyFacts, day: date) -> str:
    if not slices:
        return f"{name}, which controlling area {company.controlling_area} does not hold"
    valid = next((one for one in slices if one.valid_from <= day <= one.valid_to), None)
    if valid is None:
        return f"{name}, which is not valid on {day}"
    if valid.blocked:
        return f"{name}, which is blocked"
    if valid.company_code not in ("", company.company_code):
        return f"{name}, which belongs to company code {valid.company_code}, not {company.company_code}"
    return ""
