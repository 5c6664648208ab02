"""periods: the close calendar, shown and changed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tui_connector.bootstrap import open_installation
from tui_connector.cli import Exit
from tui_connector.cli.out import mark, moment, print_json, say, table
from tui_connector.domain.errors import ConfigError
from tui_connector.domain.flow import WritebackFlow
from tui_connector.domain.ledger import FiscalPeriod, PeriodStatus
from tui_connector.review.amounts import counted

if TYPE_CHECKING:
    import argparse

    from tui_connector.bootstrap import Installation
    from tui_connector.domain.ledger import ClosePeriod

_MARKS = {
    PeriodStatus.OPEN: ("✓", "green"),
    PeriodStatus.SOFT: ("▲", "yellow"),
    PeriodStatus.CLOSED: ("✗", "red"),
}
_STATUS = {"open": PeriodStatus.OPEN, "soft": PeriodStatus.SOFT, "close": PeriodStatus.CLOSED}
_WORDS = {
    PeriodStatus.OPEN: "open",
    PeriodStatus.SOFT: "soft: open, but only with a second approver",
    PeriodStatus.CLOSED: "closed",
}
_COMPANY = re.compile("[0-9A-Z]{1,4}")
_MONTHS = 12
_MOST = 120


def show(given: argparse.Namespace) -> int:
    """Periods that somebody has set, and what the others count as."""
    with open_installation(given.config, read_only=True) as installation:
        found = installation.store.periods.all(given.company)
        unset = installation.settings.periods.unset
    if given.json:
        print_json({"unset": unset, "periods": [_described(one) for one in found]})
        return Exit.DONE
    if found:
        rows = [
            (one.company_code, one.period, mark(*_MARKS[one.status], one.status), moment(one.at), one.by, one.reason)
            for one in found
        ]
        table(("code", "period", "status", "set (UTC)", "by", "reason"), rows, spare=("by",))
    whose = f" of {given.company}" if given.company else ""
    say(given, None, f"Every {'other ' if found else ''}period{whose} counts as {unset}.")
    return Exit.DONE


def change(given: argparse.Namespace) -> int:
    """Open, soft-close or close periods of one company code, all of them or none."""
    status = _STATUS[given.status]
    if not _COMPANY.fullmatch(given.company):
        raise ConfigError(f"{given.company} is no company code", hint="write it as SAP does, for example 1010")
    if not given.reason.strip():
        raise ConfigError("a period is not changed without a reason", hint="say why, for those who read it later")
    periods = periods_of(given.period)
    with open_installation(given.config) as installation:
        by = installation.person()
        with installation.store.transaction() as tx:
            made = [
                installation.store.periods.set(tx, given.company, one, status, given.reason, by) for one in periods
            ]  # fmt: skip
        unknown = given.company not in _companies(installation)
    what = (
        str(periods[0]) if len(periods) == 1 else f"{periods[0]} to {periods[-1]} ({counted(len(periods), 'period')})"
    )
    told = f"{what} of {given.company} {'is' if len(periods) == 1 else 'are'} {_WORDS[status]}."
    if unknown:
        told += f"\n▲ No writeback flow may post to {given.company}."
    say(given, [_described(one) for one in made], told)
    return Exit.DONE


def periods_of(text: str) -> list[FiscalPeriod]:
    """A period, or all from one to another; special periods (13 to 16) only where the range begins or ends in them."""
    first, dash, last = text.partition("-")
    try:
        begin = FiscalPeriod.parse(first)
        end = FiscalPeriod.parse(last) if dash else begin
    except ValueError as error:
        raise ConfigError(f"{text} is no period", hint="write 011/2026, or a range as 001/2026-012/2026") from error
    found = []
    for year in range(begin.year, end.year + 1):
        lowest = begin.number if year == begin.year else 1
        highest = end.number if year == end.year else max(_MONTHS, lowest)
        found += [FiscalPeriod(year, number) for number in range(lowest, highest + 1)]
        if len(found) > _MOST:
            raise ConfigError(f"{text} are more than {_MOST} periods", hint="name fewer at once")
    if not found:
        raise ConfigError(f"{text} ends before it begins", hint="name the earlier period first")
    return found


def _companies(installation: Installation) -> set[str]:
    return {
        code for flow in installation.flows if isinstance(flow, WritebackFlow) for code in flow.company_codes
    }  # fmt: skip


def _described(one: ClosePeriod) -> dict[str, Any]:
    return {
        "company_code": one.company_code, "period": str(one.period), "status": one.status, "reason": one.reason,
        "by": one.by, "at": one.at,
    }  # fmt: skip
