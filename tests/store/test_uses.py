"""How many records name a member, counted run by run; and how many rows of a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.store.conftest import make_draft
from tui_connector.domain.audit import Fact
from tui_connector.domain.run import ReadMode, RunState
from tui_connector.store.uses import Use

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.store.conftest import Bench
    from tui_connector.store.targets import Target

LIST = "Cost Centers"


def load(bench: Bench, uses: Mapping[str, int], *, full: bool = False, end: RunState = RunState.DONE) -> int:
    """One run of a module's flow that was the first to send so many records under each code; its number."""
    run_id, _, lease = bench.running("gl_line_items")
    with bench.store.transaction() as tx:
        if full:
            tx.change("UPDATE run SET mode = ? WHERE id = ?", ReadMode.FULL.value, run_id)
        if uses:
            told = bench.store.uses.keep(tx, run_id, {LIST: uses, "GL Accounts": {"4711": 1}})
            bench.store.audit.append(tx, Fact("members.used", "worker:w1", "gl_line_items", told, run_id))
        bench.store.runs.finish(tx, run_id, lease.fence, end)
        bench.store.leases.release(tx, lease)
    return run_id


def target(bench: Bench, model: str = "M1") -> Target:
    found = bench.store.targets.get(bench.target("cost_centers", model))
    assert found is not None
    return found


def test_counts_of_runs_add_up_until_everything_is_counted_anew(bench: Bench) -> None:
    own = target(bench)
    assert bench.store.uses.of(own, LIST, ["A"]) == []
    load(bench, {"A": 3, "B": 1})
    load(bench, {"A": 2})
    load(bench, {"A": 50}, end=RunState.FAILED)  # nothing of it is in Anaplan
    assert bench.store.uses.of(own, LIST, ["A", "B", "C"]) == [Use("gl_line_items", {"A": 5, "B": 1}, whole=True)]
    load(bench, {"A": 4}, full=True)
    assert bench.store.uses.of(own, LIST, ["A", "B"]) == [Use("gl_line_items", {"A": 4}, whole=True)]
    assert bench.store.uses.of(own, "Suppliers", ["A"]) == []
    assert bench.store.uses.of(target(bench, "M2"), LIST, ["A"]) == []
    assert bench.store.audit.verify().broken_at is None


def test_loads_from_before_the_counting_make_it_at_least_so_many(bench: Bench) -> None:
    own = target(bench)
    load(bench, {})
    load(bench, {"A": 2})
    assert bench.store.uses.of(own, LIST, ["A"]) == [Use("gl_line_items", {"A": 2}, whole=False)]
    load(bench, {"A": 7}, full=True)
    assert bench.store.uses.of(own, LIST, ["A"]) == [Use("gl_line_items", {"A": 7}, whole=True)]


def test_rows_of_the_last_export_count_by_number(bench: Bench) -> None:
    own = target(bench)
    assert bench.store.uses.plan_rows(own, "CostCenter") == {}
    bench.propose(make_draft({"PL-1": "1", "PL-2": "2"}))
    assert bench.store.uses.plan_rows(own, "CostCenter") == {"4711": 2}
    bench.propose(make_draft({"PL-1": "1", "PL-2": "2", "PL-3": "3"}, unchanged={"PL-4": "1"}))
    assert bench.store.uses.plan_rows(own, "CostCenter") == {"4711": 4}
    assert bench.store.uses.plan_rows(own, "GLAccount") == {"61003000": 4}
    assert bench.store.uses.plan_rows(own, "ProfitCenter") == {"YB600": 4}
    with pytest.raises(KeyError):
        bench.store.uses.plan_rows(own, "Supplier")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE member_use SET records = records + 1 WHERE code = 'A'",
        "UPDATE member_use SET code = 'B' WHERE code = 'A'",
        "DELETE FROM member_use WHERE code = 'A'",
        "DELETE FROM member_use",
        "INSERT INTO member_use SELECT run_id, list_name, 'Z', records FROM member_use WHERE code = 'A'",
        "INSERT INTO member_use SELECT (SELECT max(id) FROM run), list_name, code, records FROM member_use",
    ],
)
def test_no_change_of_it_goes_unseen(bench: Bench, statement: str) -> None:
    load(bench, {"A": 3})
    load(bench, {})
    with bench.store.transaction() as tx:
        assert tx.change(statement)
    assert "members" in bench.store.audit.verify().finding
