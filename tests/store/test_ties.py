"""Tie-outs as they are kept: read back whole, and no figure of them changes unseen."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tui_connector.domain.audit import Fact
from tui_connector.domain.run import RunState
from tui_connector.domain.tie import Difference, Hop, HopTotal, Tie, Total, Verdict
from tui_connector.store.ties import MOST

if TYPE_CHECKING:
    from tests.store.conftest import Bench

SCOPE = ("1010", "0061000000", "2026", "011", "EUR")
FOUND = (
    Difference(
        SCOPE, (Hop.SOURCE, Hop.READ_BACK), Total(None, Decimal("10.50")), Total(2, Decimal("7.00")), "3.50 missing"
    ),
    Difference(("x",), (Hop.SOURCE, Hop.READ_BACK), Total(1), None, "x is not there"),
    Difference((), (Hop.UPLOADED, Hop.IMPORTED), Total(5), Total(4), "one line less"),
)
NOT_TIED = Tie(
    Verdict.NOT_TIED, "3 scopes differ", ("Company Code", "GL Account", "Fiscal Year", "Period", "Currency"),
    (HopTotal(Hop.READ, 7, {"EUR": Decimal("10.50")}), HopTotal(Hop.READ_BACK, None, {"EUR": Decimal("7.00")}, "ab", "2 scopes")),
    3, 1, 2, FOUND,
)  # fmt: skip


def keep(bench: Bench, tie: Tie, flow: str = "gl_line_items", end: RunState | None = None) -> int:
    run_id, _, lease = bench.running(flow)
    with bench.store.transaction() as tx:
        told = bench.store.ties.keep(tx, run_id, tie)
        bench.store.audit.append(tx, Fact("run.tied", "worker:w1", flow, told, run_id))
        if end is not None:
            bench.store.runs.finish(tx, run_id, lease.fence, end)
            bench.store.leases.release(tx, lease)
    return run_id


def test_a_tie_out_is_read_back_as_it_was_kept(bench: Bench) -> None:
    run_id = keep(bench, NOT_TIED)
    ties = bench.store.ties
    read = ties.get(run_id)
    assert read is not None
    assert (read.verdict, read.words, read.parts, read.hops) == (
        NOT_TIED.verdict,
        NOT_TIED.words,
        NOT_TIED.parts,
        NOT_TIED.hops,
    )
    assert (read.differences, read.explained, read.moving, read.found) == (3, 1, 2, ())
    assert ties.differences(run_id) == list(enumerate(FOUND, 1))
    assert ties.differences(run_id, after=1, limit=1) == [(2, FOUND[1])]
    assert ties.differences_before(run_id, None, 2) == [(2, FOUND[1]), (3, FOUND[2])]
    assert ties.differences_before(run_id, 2, 5) == [(1, FOUND[0])]
    assert ties.verdicts([run_id, run_id + 1]) == {run_id: Verdict.NOT_TIED}
    assert ties.get(run_id + 1) is None
    assert bench.store.audit.verify().finding == "everything fits"


def test_the_newest_one_of_a_target_counts(bench: Bench) -> None:
    first = keep(bench, NOT_TIED, end=RunState.DONE)
    ties, target = bench.store.ties, bench.store.runs.get(first).target_id
    assert ties.standing(target) == (first, Verdict.NOT_TIED)
    assert ties.standing(target + 1) is None
    assert ties.untied() == {target: (first, first)}
    second = keep(bench, Tie(Verdict.UNVERIFIED, "nobody answered"), end=RunState.DONE)
    assert ties.standing(target) == (first, Verdict.NOT_TIED)  # what cannot be verified takes nothing back
    third = keep(bench, NOT_TIED, end=RunState.DONE)
    assert second < third
    assert ties.untied() == {target: (first, third)}
    keep(bench, Tie(Verdict.TIED, "all is there"), end=RunState.DONE)
    assert ties.untied() == {}


def test_only_the_first_thousand_differences_are_kept_and_all_are_counted(bench: Bench) -> None:
    many = tuple(
        Difference((f"{n:05}",), (Hop.SOURCE, Hop.READ_BACK), Total(1), None, "missing") for n in range(MOST + 5)
    )
    run_id = keep(bench, Tie(Verdict.NOT_TIED, "many", ("code",), (), len(many), found=many))
    read = bench.store.ties.get(run_id)
    assert read is not None
    assert read.differences == MOST + 5
    assert len(bench.store.ties.differences(run_id, limit=2 * MOST)) == MOST
    assert bench.store.audit.verify().finding == "everything fits"


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ("UPDATE tie SET verdict = 'tied'", "is not as it was written"),
        ("UPDATE tie SET words = 'all is well'", "is not as it was written"),
        ("UPDATE tie SET data = replace(data, '7.00', '10.50')", "figures of the tie-out"),
        ("UPDATE tie SET digest = 'x'", "is not as it was written"),
        ("UPDATE tie_difference SET found = '10.50' WHERE number = 1", "figures of the tie-out"),
        ("UPDATE tie_difference SET number = 9 WHERE number = 1", "figures of the tie-out"),
        ("UPDATE tie_difference SET number = 0 WHERE number = 1", "not numbered as they were"),
        ("DELETE FROM tie_difference WHERE number = 2", "figures of the tie-out"),
        ("DELETE FROM tie", "is not as it was written"),
        ("INSERT INTO tie SELECT max(id), 'tied', '', '{}', '' FROM run", "that no event tells of"),
        ("INSERT INTO tie_difference SELECT 99, number, scope, hop, other_hop, 1, '1', 1, '1', '' FROM tie_difference", "that no tie-out tells of"),
    ],
)  # fmt: skip
def test_a_changed_verdict_is_found(bench: Bench, change: str, finding: str) -> None:
    keep(bench, NOT_TIED)
    bench.running("suppliers")
    with bench.store.transaction() as tx:
        tx.change(change)
    assert finding in bench.store.audit.verify().finding
