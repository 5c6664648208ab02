"""The close calendar: set by people, with a reason, and told to the chain."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tui_connector.domain.ledger import FiscalPeriod, PeriodStatus

if TYPE_CHECKING:
    from tests.store.conftest import Bench


def test_a_period_stands_as_it_was_set_last(bench: Bench) -> None:
    periods = bench.store.periods
    november = FiscalPeriod(2026, 11)
    assert periods.get("1010", november) is None
    assert periods.all() == []
    with bench.store.transaction() as tx:
        first = periods.set(tx, "1010", november, PeriodStatus.OPEN, "close begins", "uid:1")
    assert periods.get("1010", november) == first
    assert (first.status, first.reason, first.by) == (PeriodStatus.OPEN, "close begins", "uid:1")
    assert abs((datetime.now(UTC) - first.at).total_seconds()) < 10
    with bench.store.transaction() as tx:
        last = periods.set(tx, "1010", november, PeriodStatus.CLOSED, "audit done", "uid:2")
        other = periods.set(tx, "1010", FiscalPeriod(2025, 16), PeriodStatus.SOFT, "", "uid:1")
        abroad = periods.set(tx, "2010", FiscalPeriod(2026, 1), PeriodStatus.OPEN, "", "uid:1")
    assert periods.get("1010", november) == last
    assert periods.get("2010", november) is None
    assert periods.all() == [other, last, abroad]
    assert periods.all("1010") == [other, last]
    assert periods.all("9") == []
    events = [event.fact for event in bench.store.audit.events(subject="1010 011/2026")]
    assert [(one.kind, one.actor, one.data["reason"]) for one in events] == [
        ("period.open", "uid:1", "close begins"),
        ("period.closed", "uid:2", "audit done"),
    ]
    assert bench.store.audit.verify().broken_at is None
