"""One tenant: what reaching it tells, and what ends or runs short beside that."""

from __future__ import annotations

from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING

from tui_connector.domain.errors import ConnectorError
from tui_connector.domain.health import Check, Examined, Health, Reached
from tui_connector.domain.text import clean
from tui_connector.engine.reach import reach
from tui_connector.review.amounts import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from tui_connector.domain.clock import Clock
    from tui_connector.domain.flow import Flow
    from tui_connector.engine.context import Tenants
    from tui_connector.store.store import Store
    from tui_connector.views.desk import Connection

_SOON = timedelta(days=30)
_BUSY_SHARE = 0.9


async def reach_or_tell(name: str, tenants: Tenants, flows: Sequence[Flow], store: Store, clock: Clock) -> Reached:
    """As `reach`; a connection that cannot be opened is an answer too."""
    try:
        return await reach(name, tenants, flows, store, clock)
    except ConnectorError as error:  # it has no credential, or one that cannot be used
        check = Check("credential", Health.FAIL, clean(error.message), hint=clean(error.hint))
        return Reached(name, (check,), error=error.message, hint=error.hint)


async def examine_tenant(
    connection: Connection, tenants: Tenants, flows: Sequence[Flow], store: Store, clock: Clock
) -> tuple[Examined, Reached]:
    """Its checks one by one, certificates on both sides, and how much of its requests was left before we came."""
    requests = _requests(connection, store)
    reached = await reach_or_tell(connection.name, tenants, flows, store, clock)
    return Examined(connection.name, (*reached.checks, *_ends(connection, reached, store, clock), requests)), reached


def unopened(connection: Connection) -> tuple[Examined, Reached]:
    """A tenant that is not asked, since no credential opens."""
    check = Check("credential", Health.WARN, "not looked at: no credential opens", hint="mend the master key first")
    return Examined(connection.name, (check,)), Reached(connection.name, (check,), error=check.words, hint=check.hint)


def _ends(connection: Connection, reached: Reached, store: Store, clock: Clock) -> Iterator[Check]:
    own = next((one.expires_at for one in store.credentials.names() if one.name == connection.name), None)
    if own is not None and connection.auth == "certificate":
        hint = f"register a new one there, then `credentials set {connection.name}`"
        yield _end("certificate", own, clock.now(), hint)
    if reached.server_ends_at is not None:
        hint = "its owner has to renew it; nothing is sent to a server whose certificate has ended"
        yield _end("server's certificate", reached.server_ends_at, clock.now(), hint)


def _end(name: str, ends_at: datetime, now: datetime, hint: str) -> Check:
    left = ends_at - now
    if left <= timedelta():
        return Check(name, Health.FAIL, f"ended on {ends_at:%Y-%m-%d}", hint=hint)
    words = f"{counted(left.days, 'day')} left"
    return Check(name, Health.WARN, words, hint=hint) if left <= _SOON else Check(name, Health.OK, words)


def _requests(connection: Connection, store: Store) -> Check:
    budget = connection.budget
    blocked, used = ceil(store.budget.blocked_seconds(budget)), store.budget.usage(budget)
    allowed = store.budget.allowed(budget, connection.per_minute)
    words = f"{used} of {allowed} requests of the last minute"
    if blocked:
        hint = "look who else sends requests to this tenant; they share its limit"
        return Check("requests", Health.WARN, f"{words}; the tenant lets nobody in for {blocked} s", hint=hint)
    if used > _BUSY_SHARE * allowed:
        hint = "runs wait for their turn; start the doctor again when less is going on"
        return Check("requests", Health.WARN, words, hint=hint)
    return Check("requests", Health.OK, words)
