"""Explanations as they are kept, the versions of a mapping, and how keys stand in the trail."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tui_connector.domain.explanation import (
    About,
    Agreement,
    Cell,
    Explanation,
    Held,
    Question,
    Share,
    Source,
    Standing,
    Text,
)
from tui_connector.domain.record import Outcome, Record, Reject, RejectedBy
from tui_connector.domain.run import RunState, StepState
from tui_connector.domain.tie import Total
from tui_connector.store.records import Trace

if TYPE_CHECKING:
    from tests.store.conftest import Bench

SCOPE = ("1010", "", "2026", "011", "EUR")
QUESTION = Question(About.CELL, "gl_line_items", SCOPE)
TOLD = Explanation(
    QUESTION, Agreement.EXPLAINED, "Anaplan holds 1.50 EUR", "ACT11", ("A", "B"), "B", (Cell(SCOPE, None), Cell(("x",), Total(None, Decimal("1.50")))),
    (Share(Standing.LOADED, False, Total(2, Decimal("1.50"))), Share(Standing.REFUSED, True, Total(1, None))),
    (Source("K1", Standing.LOADED, False, Decimal("0.1000"), SCOPE, 3, 7, held=Held(True, Decimal("0.2"), (Text("Amount", False, "0.1", "0.2"),))), Source("K2", Standing.UNREAD, False, None, (), None, None, "why")),
    (Text("Name", False, "a", "b"), Text("Category", None)), "ACT01", Total(2, Decimal("1.6")),
    (Source("K3", Standing.GONE, True, Decimal("0.1"), SCOPE, 2, 4, held=Held(False)),),
)  # fmt: skip


def keep(bench: Bench, told: Explanation = TOLD) -> int:
    with bench.store.transaction() as tx:
        return bench.store.explanations.keep(tx, told, "uid:1", "worker:w1")


def test_an_answer_is_read_back_as_it_was_kept(bench: Bench) -> None:
    store = bench.store
    first, second = keep(bench), keep(bench)
    kept = store.explanations.newest(QUESTION)
    assert kept is not None
    assert (kept.id, kept.by, kept.explanation) == (second, "uid:1", TOLD)
    assert store.explanations.get(first) is not None
    assert store.explanations.newest(Question(About.ITEM, "gl_line_items", SCOPE)) is None
    (one, _) = store.audit.events(kind="explanation.made")
    assert (one.fact.subject, one.fact.actor, one.fact.data["by"]) == (QUESTION.text, "worker:w1", "uid:1")
    assert QUESTION.text == "cell gl_line_items 1010 '' 2026 011 EUR"
    assert (TOLD.records, TOLD.rest, TOLD.total(Standing.LOADED)) == (
        3, Total(1, Decimal("1.4000")), Total(2, Decimal("1.50")),
    )  # fmt: skip
    assert store.audit.verify().finding == "everything fits"


def test_an_answer_from_before_modules_were_looked_into_is_read(bench: Bench) -> None:
    number = keep(bench)
    with bench.store.transaction() as tx:
        kept = json.loads(tx.value("SELECT data FROM explanation"))
        for name in ("module", "counted", "beyond"):
            del kept[name]
        kept["sources"] = [source[:-1] for source in kept["sources"]]
        tx.change("UPDATE explanation SET data = ?", json.dumps(kept))
    found = bench.store.explanations.get(number)
    assert found is not None
    plain = tuple(one._replace(held=None) for one in TOLD.sources)
    assert found.explanation == replace(TOLD, sources=plain, module="", counted=None, beyond=())


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE explanation SET data = replace(data, '0.1000', '9.1000') WHERE id = 1",
        "UPDATE explanation SET subject = 'cell x' WHERE id = 2",
        "UPDATE explanation SET asked_by = 'uid:2' WHERE id = 1",
        "UPDATE explanation SET at = at + 1 WHERE id = 1",
        "DELETE FROM explanation WHERE id = 1",
        "INSERT INTO explanation (id, subject, asked_by, at, data) SELECT 9, subject, asked_by, at, data FROM explanation WHERE id = 1",
    ],
)  # fmt: skip
def test_no_answer_is_changed_in_silence(bench: Bench, change: str) -> None:
    keep(bench)
    keep(bench)
    with bench.store.transaction() as tx:
        assert tx.change(change) == 1
    assert "explanation" in bench.store.audit.verify().finding


def load(bench: Bench, digest: str, *records: Record, refused: tuple[Reject, ...] = (), confirmed: bool = True) -> int:
    """A run that prepares with a mapping and writes these records."""
    run_id, target, lease = bench.running("suppliers")
    store = bench.store
    with store.transaction() as tx:
        data = {"mapping": digest, "columns": [["Code", digest, "str"]]} if digest else {}
        store.steps.begin(tx, run_id, lease.fence, "prepare", StepState.DONE, data)
        store.records.append(tx, run_id, target, records)
        store.records.reject(tx, run_id, target, refused)
        state = RunState.DONE if confirmed else RunState.FAILED
        store.runs.finish(tx, run_id, lease.fence, state)
        store.leases.release(tx, lease)
    return run_id


def test_a_mapping_is_told_with_since_when_and_what_it_was(bench: Bench) -> None:
    old, first, again = load(bench, ""), load(bench, "aaaa"), load(bench, "aaaa")
    new, newest = load(bench, "bbbb"), load(bench, "bbbb")
    mappings = bench.store.mappings
    assert mappings.version(old) is None
    told = mappings.version(again)
    assert told is not None
    assert (told.mapping.digest, told.since, told.before, told.changes) == ("aaaa", first, None, ())
    told = mappings.version(newest)
    assert told is not None
    assert (told.mapping.digest, told.since) == ("bbbb", new)
    assert told.changes == ("Code = aaaa (str) is now Code = bbbb (str)",)
    assert told.since_at == bench.store.runs.get(new).started_at


def test_keys_stand_as_the_trail_tells(bench: Bench) -> None:
    store = bench.store
    first = load(bench, "a", Record(1, "K1", "c1", Outcome.SENT, 2), Record(2, "K2", "c2", Outcome.SENT, 3))
    refusal = Reject(1, "K1", RejectedBy.ANAPLAN, "no such center", {}, file_line=2)
    second = load(
        bench, "a", Record(1, "K1", "c9", Outcome.SENT, 2), Record(2, "K2", "c2", Outcome.UNCHANGED),
        Record(3, "K-3", "c3", Outcome.SENT, 3), refused=(refusal,),
    )  # fmt: skip
    third = load(bench, "a", Record(1, "K2", "c7", Outcome.SENT, 2), confirmed=False)
    target = store.runs.get(first).target_id
    assert store.records.traces(target, ["K1", "K2", "K-3", "K4"]) == {
        "K1": Trace(second, Outcome.REJECTED, 2, "no such center", "c1", first, 2),
        "K2": Trace(third, Outcome.SENT, 2, "", "c2", first, 3),
        "K-3": Trace(second, Outcome.SENT, 3, "", "c3", second, 3),
    }
    assert store.records.traces(target + 1, ["K1"]) == {}
    assert store.records.under(target, "K", 9) == ["K-3", "K1", "K2"]
    assert store.records.under(target, "K-", 9) == ["K-3"]
    assert store.records.under(target, "K", 1) == ["K-3"]
