"""Switches of the simulated SAP tenant: what SAP does not confirm, or what differs between tenants."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

USER = "CONNECTOR"
PASSWORD = "sandbox-secret-1"


@dataclass(slots=True)
class SapSettings:
    """All switches; the control API changes them one by one."""

    page_size: int = 1000  # rows of one answer; 0 = no limit
    password: str = PASSWORD  # of USER, for basic authentication and as client secret
    token_mark: str = ""  # how every token and every session's value begins
    basic_enabled: bool = True
    oauth_enabled: bool = True
    token_seconds: int = 3600
    expires_in_as_text: bool = False
    csrf_seconds: int = 1800
    csrf_required: bool = True
    services_off: list[str] = field(default_factory=list)  # outside the communication arrangement
    duplicate_invoice: str = "error"  # error | warning | none
    requests_per_minute: int = 0  # 0 = no limit
    retry_after_seconds: int = 60
    retry_after_as_date: bool = False
    count_limit: int = 0  # rows above which a count ends in 500; 0 = never
    late_commit_seconds: float = 0.0  # changes become visible so long after their stamp
    unordered_paging: bool = False  # $skip without $orderby repeats and loses rows
    gzip: bool = True
    soap_oauth: bool = True  # the posting service takes bearer tokens too
    newer_journal_elements: bool = False  # reversal in the header, negative postings
    newer_answer_elements: bool = True  # an element in the confirmation that the WSDL of 2020 does not have
    test_run_header: str = "both"  # whose TestDataIndicator decides: bulk | entry | both
    dedupe_by_uuid: bool = False  # a message with a known UUID gets the first answer again
    reject_negative_postings: bool = True  # a sign against the debit/credit code is an error
    required_fields: list[str] = field(default_factory=list)  # of primary cost accounts: CostCenter and the like
    blank_number_on_error: bool = True  # else zeros
    assignment_overwritten: bool = False  # by the sort key of the account
    reversal_keeps_reference: bool = False  # a reversing document made in SAP carries the original's reference
    other_ledgers_in_items: bool = False  # documents of one ledger group are among the operational items
    read_back_delay_seconds: float = 0.0  # a posted document becomes visible so much later
    post_faults: float = 0.0  # share of posts that meet a fault
    post_late_seconds: float = 0.3  # a late commit comes so long after the connection is gone
    post_fault_seed: int = 7

    def restore(self, page_size: int) -> None:
        """Put every switch back, with the page size the tenant was started with."""
        fresh = SapSettings(page_size=page_size)
        for one in fields(self):
            setattr(self, one.name, getattr(fresh, one.name))
