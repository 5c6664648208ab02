"""What ends when: certificates, tokens, and proposals that nobody has decided on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from tui_connector.domain.proposal import ProposalState
from tui_connector.domain.text import clean
from tui_connector.review.amounts import counted
from tui_connector.views.marks import Mark
from tui_connector.views.words import age, short_date

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime, tzinfo

    from tui_connector.domain.health import Reached
    from tui_connector.views.desk import Desk

SHOWN_DAYS = 90  # as long as the longest bar
SOON = timedelta(days=30)
_PROPOSAL_SOON = timedelta(days=1)
_WELL = Mark("✓", "well", "ok")
_SOON = Mark("▲", "ends soon", "warn")
_ENDED = Mark("✗", "ended", "fail")
_WHOSE = {"sap": "SAP", "anaplan": "Anaplan"}
_MOST = 50
RENEW = "To renew: register the new certificate there, store it with {key}, then ping. Runs go on meanwhile."


@dataclass(frozen=True, slots=True)
class EndRow:
    """One thing that ends. renewed: by itself, or by the tenant, so that nobody has to see to it.

    connection: whose it is; "" for none. open_with: what `enter` opens, for example a proposal's name.
    """

    mark: Mark
    name: str
    used_for: str
    ends_at: datetime
    left: timedelta
    renewed: bool = False
    connection: str = ""
    open_with: str = ""

    @property
    def days(self) -> str:
        """How much is left, in one short word."""
        if self.left <= timedelta():
            return "ended"
        return f"{self.left.days:,}" if self.left.days else age(self.left)

    @property
    def days_words(self) -> str:
        if self.left <= timedelta():
            return "ended"
        return f"{counted(self.left.days, 'day')} left" if self.left.days else f"{age(self.left)} left"

    @property
    def share(self) -> float:
        """Of the longest bar that is shown."""
        return max(0.0, min(self.left / timedelta(days=SHOWN_DAYS), 1.0))

    @property
    def beyond(self) -> bool:
        return self.left > timedelta(days=SHOWN_DAYS)

    def date(self, now: datetime, zone: tzinfo) -> str:
        """The day on which it ends, or the time when that is today."""
        local, today = self.ends_at.astimezone(zone), now.astimezone(zone).date()
        return f"{local:%H:%M}" if local.date() == today else short_date(local.date(), today)

    def words(self, now: datetime, zone: tzinfo) -> str:
        """The row as one line."""
        return f"{self.name}, {self.used_for}: {self.mark.word}, {self.days_words}, ends {self.date(now, zone)}"


def read_ends(desk: Desk, reached: Mapping[str, Reached]) -> tuple[EndRow, ...]:
    """Everything that ends; what a person has to see to first, then by its end. reached: the last answers."""
    found = [*_certificates(desk), *_proposals(desk), *_servers(desk, reached), *_tokens(desk)]
    order = (_ENDED, _SOON, _WELL)
    return tuple(sorted(found, key=lambda one: (order.index(one.mark), one.renewed, one.ends_at)))


def _certificates(desk: Desk) -> Iterator[EndRow]:
    used = {one.name: one for one in desk.connections}
    for info in desk.store.credentials.names():
        if info.expires_at is not None and info.name in used:
            yield _row(
                desk, f"{_whose(info.name)} certificate", f"signs in to {info.name}", info.expires_at, SOON,
                connection=info.name,
            )  # fmt: skip


def _proposals(desk: Desk) -> Iterator[EndRow]:
    for one in desk.store.proposals.history(_MOST, states=(ProposalState.PLANNED, ProposalState.HELD)):
        yield _row(
            desk, f"proposal {one.name}", f"may be approved, {clean(one.flow)}", one.expires_at, _PROPOSAL_SOON,
            open_with=one.name,
        )  # fmt: skip


def _servers(desk: Desk, reached: Mapping[str, Reached]) -> Iterator[EndRow]:
    for name, one in reached.items():
        if one.server_ends_at is not None:
            whose = _whose(name)
            yield _row(
                desk, f"{whose} TLS certificate", f"server side, {whose} renews it", one.server_ends_at,
                timedelta(days=3), renewed=True, connection=name,
            )  # fmt: skip


def _tokens(desk: Desk) -> Iterator[EndRow]:
    """Tokens are renewed by whoever works; one that has ended is fetched anew when it is needed."""
    for one in desk.connections:
        ends_at = desk.store.token_ends(one.name)
        if ends_at is not None and ends_at > desk.clock.now():
            yield _row(
                desk, f"{_whose(one.name)} token", "renewed by itself", ends_at, timedelta(), renewed=True,
                connection=one.name,
            )  # fmt: skip


def _row(
    desk: Desk,
    name: str,
    used_for: str,
    ends_at: datetime,
    soon: timedelta,
    *,
    renewed: bool = False,
    connection: str = "",
    open_with: str = "",
) -> EndRow:
    left = ends_at - desk.clock.now()
    mark = _ENDED if left <= timedelta() else _SOON if left <= soon else _WELL
    return EndRow(mark, name, used_for, ends_at, left, renewed, connection, open_with)


def _whose(connection: str) -> str:
    kind, _, name = connection.partition(".")
    return _WHOSE.get(kind, kind) + ("" if name == "main" else f" {name}")
