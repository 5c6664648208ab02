"""The close calendar by commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.counter import Counter, open_counter
from tui_connector.cli.periods import periods_of
from tui_connector.domain.errors import ConfigError
from tui_connector.domain.ledger import FiscalPeriod, PeriodStatus

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def counter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counter:
    return open_counter(tmp_path, monkeypatch)


def test_without_an_entry_a_period_counts_as_configured(counter: Counter) -> None:
    assert counter.tell("periods").out == "Every period counts as closed.\n"
    assert counter.json("periods") == {"unset": "closed", "periods": []}
    counter.config.write_text(counter.config.read_text() + '[periods]\nunset = "open"\n')
    assert counter.tell("periods", "list", "1010").out == "Every period of 1010 counts as open.\n"


@pytest.mark.parametrize(
    ("verb", "status", "words"),
    [
        ("open", PeriodStatus.OPEN, "011/2026 of 1010 is open."),
        ("soft", PeriodStatus.SOFT, "011/2026 of 1010 is soft: open, but only with a second approver."),
        ("close", PeriodStatus.CLOSED, "011/2026 of 1010 is closed."),
    ],
)
def test_a_period_is_set_with_a_reason(counter: Counter, verb: str, status: PeriodStatus, words: str) -> None:
    told = counter.tell("periods", verb, "1010", "11/2026", "--reason", "month end")
    assert (told.code, told.out) == (0, f"{words}\n")
    with counter.opened() as installation:
        found = installation.store.periods.get("1010", FiscalPeriod(2026, 11))
        (event,) = installation.store.audit.events(kind=f"period.{status}")
        assert found is not None
        assert (found.status, found.reason, found.by) == (status, "month end", installation.person())
        assert event.fact.data["reason"] == "month end"
    assert counter.tell("periods", "list", "1010").out.splitlines()[1].split()[:2] == ["1010", "011/2026"]
    assert counter.tell("audit", "verify").code == 0


def test_a_range_is_set_at_once(counter: Counter) -> None:
    told = counter.tell("periods", "open", "1010", "011/2025-002/2026", "--reason", "r")
    assert told.out == "011/2025 to 002/2026 (4 periods) of 1010 are open.\n"
    value = counter.json("periods", "list", "1010")
    assert [one["period"] for one in value["periods"]] == ["011/2025", "012/2025", "001/2026", "002/2026"]
    assert counter.json("periods", "list", "2010")["periods"] == []


def test_a_company_code_that_no_flow_posts_to_is_named(counter: Counter) -> None:
    told = counter.tell("periods", "open", "1001", "011/2026", "--reason", "r")
    assert (told.code, "▲ No writeback flow may post to 1001." in told.out) == (0, True)


@pytest.mark.parametrize(
    ("company", "period", "reason", "said"),
    [
        ("1010", "011/2026", " ", "without a reason"),
        ("10100", "011/2026", "r", "10100 is no company code"),
        ("de", "011/2026", "r", "de is no company code"),
        ("1010", "017/2026", "r", "017/2026 is no period"),
        ("1010", "2026-11", "r", "2026-11 is no period"),
        ("1010", "012/2026-001/2026", "r", "ends before it begins"),
        ("1010", "001/2020-001/2090", "r", "more than 120 periods"),
    ],
)
def test_what_is_not_taken(counter: Counter, company: str, period: str, reason: str, said: str) -> None:
    told = counter.tell("periods", "open", company, period, "--reason", reason)
    assert (told.code, said in told.err) == (2, True), told.text
    assert counter.json("periods")["periods"] == []


def test_special_periods_only_where_they_are_named() -> None:
    numbers = [one.number for one in periods_of("012/2026-016/2026")]
    assert numbers == [12, 13, 14, 15, 16]
    assert [str(one) for one in periods_of("013/2025-001/2026")] == ["013/2025", "001/2026"]
    with pytest.raises(ConfigError):
        periods_of("")
