"""Switches of the simulated SAP tenant: what SAP does not confirm, or what differs between tenants."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

USER = "CONNECTOR"
PASSWORD = "sandbox-secret-1"


@dataclass(slots=True)
class SapSettings:
    """All switches; the control API changes them one by one."""

    page_size: int = 1000  # rows of one answer; 0 = no limit
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

    def restore(self, page_size: int) -> None:
        """Put every switch back, with the page size the tenant was started with."""
        fresh = SapSettings(page_size=page_size)
        for one in fields(self):
            setattr(self, one.name, getattr(fresh, one.name))
