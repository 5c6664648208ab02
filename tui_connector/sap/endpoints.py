"""The allow-list of writing: the three endpoints that may be written to, and nothing else."""

from __future__ import annotations

import re

from tui_connector.domain.errors import ConfigError
from tui_connector.domain.text import clean

V2_ROOT = "/sap/opu/odata/sap/"
JOURNAL_ENTRY = "/sap/bc/srt/scs_ext/sap/journalentrycreaterequestconfi"
PLAN_DATA_SERVICE = "API_FINPLANNINGDATA_SRV"
PLAN_DATA_SET = "FinancialPlanData"
_OWN_SERVICE = re.compile(r"[ZY][A-Z0-9_]{1,39}/[A-Za-z][A-Za-z0-9_]{0,79}")


class WriteEndpoints:
    """What one client may write to: journal entries over SOAP, plan data, and the customer's own journal service once
    a flow has named it."""

    def __init__(self) -> None:
        self._paths = {JOURNAL_ENTRY, f"{V2_ROOT}{PLAN_DATA_SERVICE}/{PLAN_DATA_SET}"}

    def allow_own(self, service: str) -> None:
        """Open the customer's journal service, for example "ZJOURNALENTRY_SRV/JournalEntrySet".

        Raises:
            ConfigError: it is no service of the customer's own; SAP's services cannot be opened this way.
        """
        if not _OWN_SERVICE.fullmatch(service):
            raise ConfigError(
                f"journal_service {clean(service, limit=80)!r} is no journal service of your own",
                hint="Write service and entity set, such as ZJOURNALENTRY_SRV/JournalEntrySet; SAP's own services, "
                "whose names do not begin with Z or Y, are not written to.",
            )
        self._paths.add(V2_ROOT + service)

    def check(self, method: str, path: str) -> None:
        """Nothing for a write that is allowed.

        Raises:
            ConfigError: any other write; nothing was sent.
        """
        if method != "POST" or path not in self._paths:
            raise ConfigError(
                f"{clean(method, limit=10)} {clean(path, limit=120)} is not among the endpoints that are written to; "
                "nothing was sent",
                hint="The connector writes journal entries and plan data, and the journal_service a flow names.",
            )
