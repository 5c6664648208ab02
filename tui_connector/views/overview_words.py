"""The overview as lines, for a screen reader or a log: the words only, one fact a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.review.amounts import counted
from tui_connector.views.words import actor, age, figure, full_date, moment, short_id, so_far, until
from tui_connector.views.worker import worker_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, tzinfo

    from tui_connector.views.limits import PeriodRow, TenantRow
    from tui_connector.views.overview import Overview, RunningRow


def overview_lines(model: Overview, zone: tzinfo) -> Iterator[str]:
    """Everything the overview shows, in its order; times are those of `zone`, which the first line says."""
    now = model.at
    yield f"Overview, {full_date(now, zone)}, {now.astimezone(zone):%H:%M:%S %Z}"
    yield model.sentence
    yield model.beside
    for need in model.needs:
        yield f"Needs a person: {need.words}"
    for run in model.running:
        yield running_line(run)
    for waiting in model.waiting:
        yield f"Waiting: run {waiting.row.id} {waiting.row.name}, {waiting.waits}"
    yield from limit_lines(model, zone)
    for row in model.flows:
        yield f"Flow {row.words(now, zone)}"
    today = model.today
    yield (
        f"Today: {counted(today.loads, 'run')} of flows, {counted(today.records, 'record')}, "
        f"{figure(today.rejected)} rejected, {figure(today.failed)} failed, {figure(model.unknown)} outcomes unknown"
    )
    yield from worker_lines(model.serving, now, zone)


def running_line(run: RunningRow) -> str:
    """A running run in one line."""
    parts = [f"run {run.row.id} {run.row.name}"]
    if run.step is not None:
        percent = f" {run.step.share:.0%}".replace("%", " %") if run.step.share is not None else ""
        parts.append(f"step {run.at} of {len(run.steps)}, {run.step.name}{percent}")
    parts += [run.live.words] if run.live and run.live.words else []
    if run.task is not None and run.task.polled is not None:
        at = f" {run.task.current}" if run.task.current else ""
        parts.append(f"Anaplan task {short_id(run.task.id)} {run.task.state}{at}")
    parts.append(f"for {so_far(run.elapsed)}")
    parts += [f"about {age(run.left)} left"] if run.left else []
    parts += ["its worker is gone"] if run.worker_lost else []
    return f"Running: {', '.join(parts)}"


def limit_lines(model: Overview, zone: tzinfo) -> Iterator[str]:
    """Tenants with their tokens, requests, holds and periods."""
    for tenant in model.tenants:
        seen = f", seen {moment(tenant.at, model.at, zone)}" if tenant.at else ""
        token = f", token: {token_words(tenant, model.at)}" if tenant.has_token else ""
        yield f"Tenant {tenant.connection}: {tenant.mark.word}{seen}{token}"
    for one in model.requests:
        blocked = f", refused for {age(one.blocked)} yet" if one.blocked else ""
        yield f"Requests to {one.connection}: {one.used} of {one.per_minute}/min{blocked}"
    for hold in model.holds:
        by = f"run {hold.run}" if hold.run is not None else "a worker"
        yield f"Held: {hold.model} by {by}, fence {hold.fence}"
    for row in model.periods:
        yield f"Period {model.period} in {row.company_code}: {period_words(row, model.at, zone)}"


def token_words(tenant: TenantRow, now: datetime) -> str:
    """How long a tenant's token lasts."""
    if tenant.token_ends is None:
        return "none yet"
    return f"{age(tenant.token_ends - now)} left" if tenant.token_ends > now else "ended, renewed when asked for"


def period_words(row: PeriodRow, now: datetime, zone: tzinfo) -> str:
    """How a period stands, since when and by whom."""
    if row.at is None:
        return row.mark.word
    return f"{row.mark.word} since {until(row.at, now, zone)} by {actor(row.by)}"
