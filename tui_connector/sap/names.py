"""What SAP calls the company codes, accounts and centers that a proposal names, in the connection's language."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tui_connector.domain.flow import Dialect, ODataSource, Texts
from tui_connector.domain.ledger import same_number
from tui_connector.domain.names import Member
from tui_connector.domain.text import clean
from tui_connector.sap.filters import key_blocks
from tui_connector.sap.masters import ACCOUNTS, COMPANIES, COST_CENTERS, PROFIT_CENTERS, by_home, named
from tui_connector.sap.reader import ODataReader, SourceField

if TYPE_CHECKING:
    from tui_connector.domain.ledger import MasterFacts
    from tui_connector.sap.client import SapClient
    from tui_connector.sap.masters import WantedMasters

_LONGEST = 50
_SPANS = ("ValidityStartDate", "ValidityEndDate")


async def read_names(client: SapClient, wanted: WantedMasters, known: MasterFacts) -> dict[Member, str]:
    """The names of the wanted masters, spelled as they were asked for; those without one are left out.

    known: their facts, read just before: they tell charts and controlling areas.

    Raises:
        ConnectorError: as `ODataReader.find`.
    """
    reader = ODataReader(client)
    charts = {code: facts.chart_of_accounts for code, facts in known.companies.items()}
    areas = {code: facts.controlling_area for code, facts in known.companies.items()}
    found: dict[Member, str] = {}
    if wanted.company_codes:
        fields = [SourceField("CompanyCode", str), SourceField("CompanyCodeName", str)]
        keys = [(code,) for code in sorted(wanted.company_codes & charts.keys())]
        for block in key_blocks(("CompanyCode",), keys, Dialect.V2):
            for code, name in await reader.find(COMPANIES, fields, block):
                if name:
                    found[Member("company_code", "", code)] = clean(name, limit=_LONGEST)
    for field, source, texts, pairs, homes in (
        ("gl_account", ACCOUNTS, Texts("to_Text", "A_GLAccountText", ("GLAccountName",)), wanted.accounts, charts),
        ("cost_center", COST_CENTERS, Texts("to_Text", "A_CostCenterText", ("CostCenterName",)), wanted.cost_centers,
         areas),
        ("profit_center", PROFIT_CENTERS, Texts("to_Text", "A_ProfitCenterText", ("ProfitCenterName",)),
         wanted.profit_centers, areas),
    ):  # fmt: skip
        names = await _named(reader, source, texts, by_home(pairs, homes))
        for company, code in pairs:
            told = names.get((homes.get(company, ""), same_number(code)))
            if told:
                found[Member(field, company, code)] = clean(told, limit=_LONGEST)
    return found


async def _named(
    reader: ODataReader, source: ODataSource, texts: Texts, wanted: dict[str, set[str]]
) -> dict[tuple[str, str], str]:
    """Names by chart or controlling area and number; of a center's several spans the one that is valid now."""
    source = replace(source, texts=texts)
    if len(source.key) > 2:  # a center: its last key is the end of a span
        source = replace(source, key=source.key[:2], slices=_SPANS)
    fields = [SourceField(source.key[1], str), SourceField(f"{texts.navigation}/{texts.fields[0]}", str)]
    found: dict[tuple[str, str], str] = {}
    for home, numbers in wanted.items():
        for number, name in await named(reader, source, fields, home, numbers):
            if name and same_number(number) in numbers:
                found[home, same_number(number)] = name
    return found
