"""What everything shares and runs into: tenants with their tokens, requests a minute, holds, the close calendar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tui_connector.domain.flow import WritebackFlow
from tui_connector.domain.health import Reached
from tui_connector.domain.ledger import FiscalPeriod, PeriodStatus
from tui_connector.domain.run import RunState
from tui_connector.domain.text import clean
from tui_connector.views.marks import Mark

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tui_connector.domain.run import Run
    from tui_connector.views.desk import Connection, Desk

_NEVER = datetime.min.replace(tzinfo=UTC)
_ANSWERS = Mark("✓", "answers", "ok")
_SILENT = Mark("✗", "does not answer", "fail")
_UNSEEN = Mark("·", "not asked yet", "muted")
_OPEN = Mark("✓", "open", "ok")
_SOFT = Mark("▲", "soft", "warn")
_SHUT = Mark("✗", "closed", "ink")
_UNSET = Mark("–", "not set", "muted")
_PERIODS = {PeriodStatus.OPEN: _OPEN, PeriodStatus.SOFT: _SOFT, PeriodStatus.CLOSED: _SHUT}


@dataclass(frozen=True, slots=True)
class Requests:
    """How much of a tenant's budget was used in the last minute. per_minute: how much goes out at present. blocked: how
    long it lets nobody go out yet."""

    connection: str
    used: int
    per_minute: int
    blocked: timedelta


@dataclass(frozen=True, slots=True)
class Hold:
    """Who holds a model. run: the run that works under it; None when its worker has none there.

    posting: no Anaplan model is held, but the right to post a flow's documents.
    """

    model: str
    run: int | None
    fence: int
    posting: bool


@dataclass(frozen=True, slots=True)
class TenantRow:
    """Whether a tenant answers, as the last ping or the last run that ended well has seen it (at; None: neither has).

    has_token: whether all processes share a token; token_ends: None while there is none.
    """

    connection: str
    mark: Mark
    at: datetime | None
    has_token: bool
    token_ends: datetime | None


@dataclass(frozen=True, slots=True)
class PeriodRow:
    """How a period stands in one company code. by: who set it, as stored."""

    company_code: str
    mark: Mark
    reason: str
    by: str
    at: datetime | None


def read_requests(desk: Desk) -> list[Requests]:
    """One for each budget: connections of one tenant share theirs."""
    found = {}
    for one in desk.connections:
        if one.budget and one.budget not in found:
            line = desk.store.budget
            blocked = timedelta(seconds=round(line.blocked_seconds(one.budget)))
            allowed = line.allowed(one.budget, one.per_minute)
            found[one.budget] = Requests(one.name, line.usage(one.budget), allowed, blocked)
    return list(found.values())


def read_tenants(desk: Desk, ended: Mapping[str, Sequence[Run]]) -> list[TenantRow]:
    """How each tenant was seen last. ended: past runs by flow."""
    well: dict[str, datetime] = {}
    for flow in desk.flows:
        times = [run.ended_at for run in ended.get(flow.name, ()) if run.state is RunState.DONE and run.ended_at]
        for name in (f"sap.{flow.sap}", f"anaplan.{flow.anaplan}"):
            well[name] = max([*times, *([well[name]] if name in well else [])], default=_NEVER)
    return [_tenant(desk, one, well.get(one.name, _NEVER)) for one in desk.connections]


def _tenant(desk: Desk, one: Connection, well: datetime) -> TenantRow:
    pings = desk.store.commands.answered("ping", one.name)
    pinged = pings[0].ended_at or _NEVER if pings else _NEVER
    mark, at = (_ANSWERS, well) if well > pinged or not pings else (_ping_mark(pings[0].answer), pinged)
    if at == _NEVER:
        mark = _UNSEEN
    has_token = one.kind == "anaplan" or one.auth == "oauth"
    ends = desk.store.token_ends(one.name) if has_token else None
    return TenantRow(one.name, mark, None if at == _NEVER else at, has_token, ends)


def _ping_mark(answer: Mapping[str, Any]) -> Mark:
    return _ANSWERS if Reached.of_json(dict(answer)).ok else _SILENT


def read_holds(desk: Desk, under_way: Sequence[Run], models: Mapping[str, str]) -> list[Hold]:
    found = []
    for lease in desk.store.leases.held():
        run = next((one.id for one in under_way if one.model == lease.model and one.fence == lease.fence), None)
        posting = lease.model.startswith("posting/")
        found.append(Hold(models.get(lease.model, clean(lease.model)), run, lease.fence, posting))
    return found


def read_model_names(desk: Desk, ended: Mapping[str, Sequence[Run]]) -> dict[str, str]:
    """What models are called, as a run has read it; a posting is called by its flow."""
    names = {f"posting/{flow.sap}/{flow.name}": f"posting of {flow.name}" for flow in desk.flows}
    names |= {one.model_id: one.name for one in desk.connections if one.model_id}
    newest = [run for runs in ended.values() for run in runs if run.state is RunState.DONE]
    prepared = desk.store.steps.newest([run.id for run in newest], "prepare")
    for run in sorted(newest, key=lambda one: one.id):
        told = prepared[run.id].data.get("model") if run.id in prepared else None
        if told:
            names[run.model] = clean(str(told))
    return names


def read_pair(desk: Desk, models: Mapping[str, str]) -> tuple[str, str]:
    """What the first SAP tenant and the first Anaplan model are called: by host, and as the model calls itself."""
    sap = next((one for one in desk.connections if one.kind == "sap"), None)
    model = next((one for one in desk.connections if one.kind == "anaplan"), None)
    host = sap.address.partition("://")[2].partition("/")[0] if sap else ""
    if not host.partition(".")[0].isdigit():  # a name's first part says enough, an address is told whole
        host = host.partition(".")[0]
    return host or "no SAP tenant", models.get(model.model_id, model.name) if model else "no Anaplan model"


def read_periods(desk: Desk) -> tuple[FiscalPeriod | None, tuple[PeriodRow, ...]]:
    """The close calendar of the company codes that are posted to: the period of today, or the one before it while that
    one still takes postings somewhere."""
    codes: dict[str, int] = {}
    for flow in desk.flows:
        if isinstance(flow, WritebackFlow):
            codes |= {code: flow.first_month.get(code, 1) for code in flow.company_codes}
    if not codes:
        return None, ()
    today = desk.clock.now().astimezone(desk.zone).date()
    before = today.replace(day=1) - timedelta(days=1)
    rows = {}
    for day in (before, today):
        rows[day] = [(FiscalPeriod.of(day, first), code) for code, first in sorted(codes.items())]
    found = {day: [desk.store.periods.get(code, period) for period, code in places] for day, places in rows.items()}
    closing = any(one is not None and one.status is not PeriodStatus.CLOSED for one in found[before])
    day = before if closing else today
    told = tuple(
        PeriodRow(code, _PERIODS[one.status], clean(one.reason), one.by, one.at)
        if one
        else PeriodRow(code, _UNSET, "", "", None)
        for (_, code), one in zip(rows[day], found[day], strict=True)
    )
    return rows[day][0][0], told
