"""What helps to read a proposal is kept beside it, changes nothing of it, and stops nothing when it cannot be had."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.engine.proposal.plans import FLOW, PAIR, record
from tests.engine.writeback.world import World
from tui_connector.domain.ledger import FiscalPeriod, PeriodStatus
from tui_connector.domain.names import Member
from tui_connector.domain.proposal import LineDecision
from tui_connector.domain.risk import Risk
from tui_connector.domain.run import Purpose

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SAP = "https://sap.example"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, replace(FLOW, two_approvers_from={"EUR": Decimal(1000)})) as opened:
        opened.rows = list(PAIR)
        yield opened
        assert opened.store.audit.verify().broken_at is None


def asked(world: World) -> list[int]:
    """How many names each question to SAP was for, from now on."""
    found: list[int] = []
    told = world.ledger.names
    world.ledger.names = lambda wanted: (found.append(len(wanted.accounts)), told(wanted))[1]  # type: ignore[method-assign, func-returns-value]
    return found


def test_names_are_kept_and_read_again_only_after_a_day(world: World) -> None:
    questions = asked(world)
    first = world.propose()
    assert first is not None
    members = [Member("company_code", "", "1010"), Member("gl_account", "1010", "0061003000")]
    assert world.store.names.of(SAP, members) == {members[0]: "Company 1010", members[1]: "Account 0061003000"}
    assert world.store.names.of("https://other.example", members) == {}
    world.rows.append(record("PL-0003", "5.00", GL_Account="0061004000"))
    world.rows.append(record("PL-0004", "-5.00", GL_Account="0061009999"))
    world.propose()
    assert questions == [2, 1]  # only the account that was not known
    world.clock.pass_by(timedelta(days=2).total_seconds())
    world.propose(full=True)
    assert questions == [2, 1, 3]


def test_names_that_cannot_be_read_stop_nothing_and_are_told(world: World) -> None:
    world.ledger.named = False
    proposal = world.propose()
    assert proposal is not None
    assert world.store.names.all(SAP) == {}
    told = world.store.audit.events(kind="names.unread")
    assert [(one.fact.subject, one.fact.data["reason"]) for one in told] == [
        (proposal.name, "SAP refused to show texts.")
    ]
    world.ledger.named = True
    again = world.propose(full=True)
    assert again is not None
    assert again.fingerprint == proposal.fingerprint  # names are no part of what is signed
    assert world.store.names.all(SAP)["gl_account", "0061003000"] == "Account 0061003000"


def test_a_line_is_flagged_when_it_is_proposed_and_when_it_is_revised(world: World) -> None:
    world.rows = [record("PL-0001", "960.00"), record("PL-0002", "-960.00", GL_Account="0061009999")]
    first = world.propose()
    assert first is not None
    assert world.store.sums.risks(first.id) == {Risk.NEAR_LIMIT: 2}
    world.approve(first)
    world.work()
    with world.store.transaction() as tx:
        world.store.periods.set(tx, "1010", FiscalPeriod(2026, 11), PeriodStatus.SOFT, "close", "uid:1")
    world.rows += [record("PL-0003", "5.00", Cost_Center="0010101102"), record("PL-0004", "-5.00"), record("PL-0005", "7.00", Group="B"), record("PL-0006", "-7.00", GL_Account="0061009999", Group="B")]  # fmt: skip
    second = world.propose()
    assert second is not None
    flags = world.store.sums.flagged_lines(second.id)
    assert {len(one) for one in flags.values()} == {1, 2}
    assert world.store.sums.risks(second.id) == {Risk.DAY: 4, Risk.FIRST_USE: 1}
    assert [one.words for one in next(one for one in flags.values() if len(one) == 2)] == [
        "first use of account 0061003000 on cost center 0010101102",
        "posted into 011/2026, which is closed softly",
    ]
    taken = [line.number for line in world.store.proposals.each_line(second.id) if line.key in ("PL-0005", "PL-0006")]
    with world.store.transaction() as tx:
        world.store.proposals.decide_lines(tx, second.id, taken, LineDecision.HELD, "ask", "uid:7")
    world.request(Purpose.REVISE, second.id)
    world.work()
    revised = world.store.proposals.history(1)[0]
    assert revised.parent == second.id
    assert world.store.sums.risks(revised.id) == {Risk.DAY: 2, Risk.FIRST_USE: 1}
