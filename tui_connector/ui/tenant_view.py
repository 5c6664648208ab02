"""How one tenant is drawn: its checks as a column of marks, its latency as a course; one line where room is short."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.review.amounts import counted
from tui_connector.ui.draw import MARGIN, Line, rule, spark, width_of, wrap

if TYPE_CHECKING:
    from tui_connector.ui.draw import Part
    from tui_connector.views.connections import CheckRow, Tenant

_WORDS = 20  # cell at which a check's words begin
_MS = 9
_COURSE = 18
_CALM = ("ok", "muted")


def checks_high(tenant: Tenant, width: int) -> int:
    """How many lines a tenant's checks take."""
    return sum(len(check_lines(check, width)) for check in tenant.checks)


def tenant_block(tenant: Tenant, width: int, high: int = 0) -> list[Line]:
    """A tenant in full: where it is, every check on at least `high` lines, the course of its latency."""
    edge = width - MARGIN
    address = Line((tenant.host, "ink"))
    state = _waiting(tenant)
    told = state[0] if state else tenant.way
    if address.width + width_of(told) + 2 > edge:
        told = told.partition(",")[0]
    address.right(told, state[1] if state else "muted", edge)
    lines = [rule(tenant.title, tenant.note, width, active=False), address, Line()]
    for check in tenant.checks:
        lines += check_lines(check, width)
    lines += [Line()] * (high - checks_high(tenant, width))
    if tenant.course:
        lines += [Line(), _course(tenant, width)]
    return lines


def tenant_brief(tenant: Tenant, width: int) -> list[Line]:
    """A tenant in a line, and what needs a look below it."""
    edge = width - MARGIN
    mark = tenant.mark
    line = Line((mark.glyph, mark.role), (f" {tenant.name}", "bright"), (f"  {tenant.host}", "ink"))
    state = _waiting(tenant)
    well = sum(check.mark.role in _CALM for check in tenant.checks)
    told = state or (f"{counted(well, 'check')} well", "muted")
    if line.width + width_of(told[0]) + 2 > edge:
        line = Line((mark.glyph, mark.role), (f" {tenant.name}", "bright"))
    lines = [line.right(*told, edge)]
    for check in tenant.troubles:
        if check.mark.role not in _CALM:
            lines += check_lines(check, width)[:2]
    return lines


def check_lines(check: CheckRow, width: int) -> list[Line]:
    """A check; what is not well goes on below itself, with the next move."""
    edge, calm = width - MARGIN, check.mark.role in _CALM
    line = Line((check.mark.glyph, check.mark.role), (f" {check.name}", check.mark.word_role if not calm else "ink"))
    room = edge - _WORDS - (_MS if check.ms else 0)
    told = wrap(check.words, room + _WORDS + MARGIN, "muted" if calm else "ink", indent=_WORDS)
    if calm:
        told = (
            told[:1] if width_of(check.words) <= room else [Line(indent=_WORDS).put(check.words, "muted", limit=room)]
        )
    line.to(_WORDS).cells(tuple(told[0].parts[1:]), limit=room)
    if check.ms:
        line.right(check.ms, "muted", edge)
    more = told[1:3]
    if check.hint and not calm:
        more = [*more, *wrap(check.hint, width, "muted", indent=_WORDS)[:2]]
    return [line, *more]


def _waiting(tenant: Tenant) -> Part | None:
    if tenant.waiting is None:
        return None
    return f"{tenant.mark.glyph} {tenant.mark.word}", tenant.mark.role if tenant.mark.role != "muted" else "accent"


def _course(tenant: Tenant, width: int) -> Line:
    values = [0 if one is None else one for one in tenant.course[-_COURSE:]]
    line = Line(("latency", "muted")).to(_WORDS).put(spark(values), "muted")
    edge = width - MARGIN
    told = tenant.course_words
    if line.width + width_of(told) + 2 > edge:
        told = told.rpartition(", ")[2]
    return line.right(told, "muted", edge)
