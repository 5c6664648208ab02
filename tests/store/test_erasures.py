"""What is erased on purpose is told and verifies; what is gone without a word does not, and a hold keeps everything."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.store.test_chain import fill
from tui_connector.domain.audit import Fact
from tui_connector.domain.errors import RefusedError
from tui_connector.store.erasures import Hold

if TYPE_CHECKING:
    from tests.store.conftest import Bench

EVERYTHING = Hold("audit", None, None, None, "the auditors ask", "uid:1", datetime(2026, 1, 1, tzinfo=UTC))
NAME = 'Erika "Rika" Möller'


@pytest.fixture
def filled(bench: Bench) -> Bench:
    """Two runs with refusals, and steps that tell a name."""
    fill(bench)
    with bench.store.transaction() as tx:
        for number in range(4):
            said = f"approved by {NAME}" if number % 2 else "well"
            bench.store.audit.append(tx, Fact("step.done", "w1", "a/import", {"said": said}, 1 + number // 2))
    return bench


def erase(bench: Bench, *, name: str = "", days: int | None = None) -> tuple[int, int, int]:
    """How many events and values went, and how much was held."""
    erasures = bench.store.erasures
    moment = datetime.now(UTC) + timedelta(days=days or 0)
    with bench.store.transaction() as tx:
        found = erasures.about(name) if name else erasures.aged(values_before=moment, steps_before=moment)
        erasures.erase(tx, found, "because", "uid:1")
    return len(found.events), len(found.rejects), found.held


def finding(bench: Bench) -> str:
    verdict = bench.store.audit.verify()
    return "" if verdict.broken_at is None else verdict.finding


def test_what_is_old_goes_and_the_chain_still_verifies(filled: Bench) -> None:
    values = len(filled.store.records.rejects(1)) + len(filled.store.records.rejects(2))
    assert erase(filled, days=-1) == (0, 0, 0)
    assert erase(filled, days=1) == (4, values, 0)
    assert finding(filled) == ""
    assert filled.store.audit.events(kind="step.done")[0].fact.data == {}
    assert all(reject.values == {} for reject in filled.store.records.rejects(1))
    assert erase(filled, days=1) == (0, 0, 0), "nothing is erased twice"
    told = filled.store.audit.events(kind="data.erased")
    assert [event.fact.subject for event in told] == ["details", "values"]
    assert finding(filled) == ""


def test_a_name_goes_where_nothing_hangs_on_it(filled: Bench) -> None:
    with filled.store.transaction() as tx:
        filled.store.audit.append(
            tx, Fact("rejects.waived", "uid:1", "a", {"reason": f"{NAME} said so", "positions": []})
        )
    found = filled.store.erasures.about(NAME)
    assert found.kept == (("rejects.waived", 1),)
    assert erase(filled, name=NAME) == (2, 0, 0)
    assert finding(filled) == ""
    told = str([event.fact for event in filled.store.audit.events(kind="data.erased")])
    assert "Erika" not in told
    assert "Möller" not in told
    assert erase(filled, name="suppliers-3")[1] == 1
    assert finding(filled) == ""
    with pytest.raises(RefusedError, match="too short"):
        filled.store.erasures.about(" a ")
    assert filled.store.erasures.about("100%").empty, "a sign that stands for others stands for itself"


@pytest.mark.parametrize(
    ("hold", "kept"),
    [
        (EVERYTHING, True),
        (replace(EVERYTHING, run_id=1), None),
        (replace(EVERYTHING, since=datetime(2000, 1, 1, tzinfo=UTC)), True),
        (replace(EVERYTHING, until=datetime(2000, 1, 1, tzinfo=UTC)), False),
    ],
)
def test_a_hold_keeps_what_it_is_about(filled: Bench, hold: Hold, kept: bool | None) -> None:
    erasures = filled.store.erasures
    with filled.store.transaction() as tx:
        erasures.hold(tx, hold)
    first, second = (len(filled.store.records.rejects(run)) for run in (1, 2))
    held = {True: 4 + first + second, False: 0, None: 2 + first}[kept]
    gone = {True: (0, 0), False: (4, first + second), None: (2, second)}[kept]
    assert erase(filled, days=1) == (*gone, held)
    assert finding(filled) == ""
    assert [one.name for one in erasures.holds()] == ["audit"]
    with filled.store.transaction() as tx, pytest.raises(RefusedError, match="already"):
        erasures.hold(tx, hold)
    with filled.store.transaction() as tx:
        erasures.release(tx, "audit", "they have gone", "uid:1")
    assert erase(filled, days=1)[2] == 0
    assert finding(filled) == ""
    with filled.store.transaction() as tx, pytest.raises(RefusedError, match="no hold"):
        erasures.release(tx, "audit", "again", "uid:1")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE audit_event SET data = NULL WHERE kind = 'run.started' AND run_id = 1", "nothing tells that they were erased"),
        ("UPDATE reject SET content = NULL WHERE run_id = 1", "nothing tells that they were erased"),
        ("UPDATE reject SET content = NULL WHERE run_id = 2 AND position = 6", "is not as it was"),
        ("UPDATE reject SET cause = 'x' WHERE content IS NULL", "is not as it was"),
        ("DELETE FROM hold", "the hold audit is missing"),
        ("UPDATE hold SET run_id = 2", "is not as it was set"),
        ("INSERT INTO hold SELECT 'x', run_id, since, until, reason, set_by, at FROM hold", "is not as it was set"),
        ("UPDATE audit_event SET data = NULL WHERE kind = 'data.erased'", "nothing tells that they were erased"),
    ],
)  # fmt: skip
def test_what_goes_in_silence_is_found(filled: Bench, change: str, said: str) -> None:
    erase(filled, name="suppliers-3")
    with filled.store.transaction() as tx:
        filled.store.erasures.hold(tx, EVERYTHING)
    assert finding(filled) == ""
    filled.write(lambda tx: tx.change(change))
    assert said in finding(filled)
