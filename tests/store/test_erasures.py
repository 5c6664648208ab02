"""What is erased on purpose is told and verifies; what is gone without a word does not, and a hold keeps everything."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.store.conftest import make_draft
from tests.store.test_chain import fill
from tui_connector.domain.audit import Fact
from tui_connector.domain.case import Place
from tui_connector.domain.concern import Concern, Look, Rule
from tui_connector.domain.errors import RefusedError
from tui_connector.domain.explanation import About, Agreement, Explanation, Question
from tui_connector.domain.master import Master, Standing
from tui_connector.domain.names import Member
from tui_connector.domain.record import Outcome, Record, Reject, RejectedBy
from tui_connector.domain.retention import CLASSES
from tui_connector.domain.run import Counts, RunState
from tui_connector.store.concerns import ERASED
from tui_connector.store.holds import Hold

if TYPE_CHECKING:
    from tests.store.conftest import Bench
    from tui_connector.store.erasures import Erasing

EVERYTHING = Hold("audit", None, None, None, "the auditors ask", "uid:1", datetime(2026, 1, 1, tzinfo=UTC))
BOTH = ("reject_values", "step_details")
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
        found = erasures.about(name) if name else erasures.aged(dict.fromkeys(BOTH, moment))
        erasures.erase(tx, found, "because", "uid:1")
    return gone(found, "audit_event"), gone(found, "reject"), found.held


def gone(found: Erasing, table: str) -> int:
    """How many rows of a table go."""
    return sum(len(one.rows) for one in found.found if one.kind.table == table)


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
    assert [event.fact.subject for event in told] == ["details of events", "values of refused records"]
    assert finding(filled) == ""


def test_a_name_goes_where_nothing_hangs_on_it(filled: Bench) -> None:
    with filled.store.transaction() as tx:
        filled.store.audit.append(
            tx, Fact("rejects.waived", "uid:1", "a", {"reason": f"{NAME} said so", "positions": []})
        )
    found = filled.store.erasures.about(NAME)
    assert found.kept == (("audit_event", "rejects.waived", 1),)
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
    holds = filled.store.holds
    with filled.store.transaction() as tx:
        holds.set(tx, hold)
    first, second = (len(filled.store.records.rejects(run)) for run in (1, 2))
    held = {True: 4 + first + second, False: 0, None: 2 + first}[kept]
    gone = {True: (0, 0), False: (4, first + second), None: (2, second)}[kept]
    assert erase(filled, days=1) == (*gone, held)
    assert finding(filled) == ""
    assert [one.name for one in holds.all()] == ["audit"]
    with filled.store.transaction() as tx, pytest.raises(RefusedError, match="already"):
        holds.set(tx, hold)
    with filled.store.transaction() as tx:
        holds.release(tx, "audit", "they have gone", "uid:1")
    assert erase(filled, days=1)[2] == 0
    assert finding(filled) == ""
    with filled.store.transaction() as tx, pytest.raises(RefusedError, match="no hold"):
        holds.release(tx, "audit", "again", "uid:1")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE audit_event SET data = NULL WHERE kind = 'run.started' AND run_id = 1", "nothing tells that they were erased"),
        ("UPDATE reject SET content = NULL WHERE run_id = 1", "nothing tells that they were erased"),
        ("UPDATE reject SET content = NULL WHERE run_id = 2 AND position = 6", "is not as it was"),
        ("UPDATE reject SET cause = 'x' WHERE content IS NULL", "is not as it was"),
        ("DELETE FROM hold", "the hold audit is missing"),
        ("UPDATE hold SET run_id = 2", "is not as it was set"),
        ("INSERT INTO hold (name, reason, set_by, at) SELECT 'x', reason, set_by, at FROM hold", "is not as it was set"),
        ("UPDATE audit_event SET data = NULL WHERE kind = 'data.erased'", "nothing tells that they were erased"),
        ("UPDATE audit_event SET data = substr(data, 2) WHERE kind = 'data.erased'", "cannot be read"),
    ],
)  # fmt: skip
def test_what_goes_in_silence_is_found(filled: Bench, change: str, said: str) -> None:
    erase(filled, name="suppliers-3")
    with filled.store.transaction() as tx:
        filled.store.holds.set(tx, EVERYTHING)
    assert finding(filled) == ""
    filled.write(lambda tx: tx.change(change))
    assert said in finding(filled)


def fill_all(bench: Bench) -> Place:
    """A row of each kind that tells a name and one that does not; where the refusal is that people spoke of."""
    store = bench.store
    run_id, target_id, lease = bench.running("cost_centers")
    refused = [Record(i, f"K{i}", "c", Outcome.REJECTED, i) for i in (1, 2)]
    rejects = [
        Reject(i, f"K{i}", RejectedBy.ANAPLAN, "too long", {"A": NAME if i == 1 else "b"}, "d", i) for i in (1, 2)
    ]
    with store.transaction() as tx:
        store.records.append(tx, run_id, target_id, refused)
        store.records.reject(tx, run_id, target_id, rejects)
        found = [
            Concern(Look.MASTERS, Rule.GO_ON, "renamed", code, "x", now, "e") for code, now in (("A", NAME), ("B", "y"))
        ]
        surveyed = store.concerns.keep(tx, run_id, target_id, found)
        store.audit.append(tx, Fact("run.surveyed", "w1", "cost_centers", {**surveyed, "allowed_by": []}, run_id))
        seen = store.masters.keep(tx, target_id, {}, masters_of(NAME))
        assert seen is not None
        store.audit.append(tx, Fact("masters.seen", "w1", "cost_centers", seen, run_id))
        store.runs.finish(tx, run_id, lease.fence, RunState.DONE, "", "", Counts(2, 0, 2, 0, 0, 2))
        store.audit.append(tx, Fact("run.done", "w1", "cost_centers", {"fence": lease.fence}, run_id))
        for said in (NAME, "equal"):
            question = Question(About.ITEM, "cost_centers", (said[:1],))
            store.explanations.keep(tx, Explanation(question, Agreement.EQUAL, said, "Cost Centers"), "uid:1", "w1")
        for said in (NAME, "b", "c"):
            number = store.commands.enqueue(tx, "discover", {}, "uid:1", subject="sap.main")
            store.commands.finish(tx, number, ok=True, answer={"found": said})
            store.audit.append(tx, Fact("command.answered", "w1", "sap.main", {"command": number, "ok": True}))
        store.names.put(tx, "https://sap.example", {Member("CostCenter", "1010", "A"): NAME}, datetime.now(UTC))
        place = Place(run_id, 1)
        store.cases.assign(tx, [place, Place(run_id, 2)], NAME, "uid:1")
        store.cases.note(tx, [place, Place(run_id, 2)], f"{NAME} knows", "uid:1")
        store.cases.note(tx, [Place(run_id, 2)], "mended", "uid:2")
    return place


def masters_of(name: str, standing: Standing = Standing.MISSING) -> dict[str, Master]:
    return {"A": Master("A", name, ("1010",), standing), "B": Master("B", "b", (), Standing.VALID)}


def test_a_name_goes_from_every_table_of_texts(bench: Bench) -> None:
    place = fill_all(bench)
    store, before = bench.store, bench.store.audit.last_seq()
    assert finding(bench) == ""
    found = store.erasures.about(NAME)
    going = {one.kind.table: len(one.rows) for one in found.found}
    assert going == {
        "audit_event": 2, "reject": 1, "concern": 1, "explanation": 1, "master": 1, "command": 1, "member_name": 1,
    }  # fmt: skip
    assert found.kept == (("audit_event", "explanation.made", 1),)
    bench.write(lambda tx: store.erasures.erase(tx, found, "she asked", "uid:1"))
    assert finding(bench) == ""
    assert all(not one.rows for one in store.erasures.about(NAME).found), "nothing is erased twice"
    cases = [store.cases.at(Place(place.run_id, position)) for position in (1, 2)]
    assert [(one.note and one.note.text, one.owner) for one in cases if one] == [(None, None), ("mended", None)]
    assert store.concerns.page(place.run_id)[0][1].subject == ERASED
    assert store.concerns.page(place.run_id)[1][1].now == "y"
    assert store.explanations.newest(Question(About.ITEM, "cost_centers", (NAME[:1],))) is None
    assert store.masters.all(bench.store.runs.get(place.run_id).target_id)["A"].name == ""
    assert store.names.all("https://sap.example") == {}
    assert [one.answer for one in store.commands.answered("discover", "sap.main", 3)][::-1][0] == {}
    told = [event.fact for event in store.audit.events() if event.seq > before]
    assert {fact.kind for fact in told} == {"data.erased"}
    assert "Erika" not in str(told)
    bench.write(lambda tx: store.cases.note(tx, [place], "a new word", "uid:2"))
    assert finding(bench) == "", "what is said later counts again"


def test_each_class_has_its_time(bench: Bench) -> None:
    fill_all(bench)
    store, soon = bench.store, datetime.now(UTC) + timedelta(days=1)
    old = {one.name: soon - timedelta(days=2) for one in CLASSES}
    assert store.erasures.aged(old).empty
    going = {}
    for kept in CLASSES:
        found = store.erasures.aged({kept.name: soon})
        going[kept.name] = sum(len(one.rows) for one in found.found)
        with store.transaction() as tx:
            store.erasures.erase(tx, found, "old", "uid:1")
        assert finding(bench) == ""
        assert store.erasures.aged({kept.name: soon}).empty
    assert going == {
        "reject_values": 2, "step_details": 0, "concern_texts": 2, "explanations": 2, "missing_names": 1,
        "command_answers": 2,
    }  # fmt: skip
    assert store.commands.answered("discover", "sap.main")[0].answer == {"found": "c"}, "the newest stays"


def test_what_a_run_asks_a_person_stays(bench: Bench) -> None:
    store = bench.store
    run_id, target_id, lease = bench.running("cost_centers")
    soon = {"concern_texts": datetime.now(UTC) + timedelta(days=1)}
    with store.transaction() as tx:
        asked = store.concerns.keep(
            tx, run_id, target_id, [Concern(Look.MASTERS, Rule.ASK, "renamed", "A", "x", "y", "e")]
        )
        store.audit.append(tx, Fact("run.surveyed", "w1", "cost_centers", {**asked, "allowed_by": []}, run_id))
        store.runs.finish(tx, run_id, lease.fence, RunState.BLOCKED, "", "", Counts())
        store.audit.append(tx, Fact("run.asks", "w1", "cost_centers", {}, run_id))
    assert store.erasures.aged(soon).empty
    (concern,) = (one for _, one in store.concerns.page(run_id))
    with store.transaction() as tx:
        given = store.concerns.allow(tx, run_id, target_id, "known", "uid:1")
        store.audit.append(tx, Fact("run.allowed", "uid:1", "cost_centers", given, run_id))
    bench.write(lambda tx: store.erasures.erase(tx, store.erasures.aged(soon), "old", "uid:1"))
    assert store.concerns.unallowed(target_id, [concern]) == [], "what was allowed stays allowed"
    assert finding(bench) == ""


def test_a_master_that_comes_back_is_seen_anew(bench: Bench) -> None:
    place = fill_all(bench)
    store, target_id = bench.store, bench.store.runs.get(place.run_id).target_id
    bench.write(lambda tx: store.erasures.erase(tx, store.erasures.about(NAME), "she asked", "uid:1"))
    with store.transaction() as tx:
        seen = store.masters.keep(tx, target_id, store.masters.all(target_id), masters_of("New", Standing.VALID))
        assert seen is not None
        store.audit.append(tx, Fact("masters.seen", "w1", "cost_centers", seen, place.run_id))
    assert store.masters.all(target_id)["A"].name == "New"
    assert finding(bench) == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE explanation SET data = NULL", "is not as it was"),
        ("UPDATE explanation SET asked_by = 'x' WHERE data IS NULL", "is not as it was"),
        ("UPDATE concern SET subject = NULL", "is not as it was"),
        ("UPDATE concern SET effect = 'x' WHERE subject IS NULL", "is not as it was"),
        ("UPDATE concern SET number = 0 WHERE number = 1", "not numbered as they were"),
        ("UPDATE concern SET effect = 'x' WHERE subject IS NOT NULL", "is not as it was"),
        ("UPDATE survey SET data = '[]'", "is not as it was"),
        ("UPDATE command SET answer = NULL", "is not as it was"),
        ("UPDATE command SET answer = '{}' WHERE answer IS NULL", "is not as it was"),
        ("UPDATE command SET ok = 0 WHERE answer IS NULL", "is not as it was"),
        ("UPDATE master SET name = 'x' WHERE name = ''", "not those that were written"),
        ("UPDATE master SET name = ''", "not those that were written"),
        ("UPDATE master_gone SET at = 1", "since when SAP no longer holds"),
        ("UPDATE reject_case SET note = '' WHERE note <> ''", "is not as it was written"),
        ("UPDATE reject_case SET owner = 'x'", "is not as it was written"),
        ("UPDATE reject_case SET note_at = 1 WHERE note = ''", "is not as it was written"),
    ],
)  # fmt: skip
def test_what_goes_from_tables_of_texts_in_silence_is_found(bench: Bench, change: str, said: str) -> None:
    fill_all(bench)
    bench.write(lambda tx: bench.store.erasures.erase(tx, bench.store.erasures.about(NAME), "she asked", "uid:1"))
    assert finding(bench) == ""
    bench.write(lambda tx: tx.change(change))
    assert said in finding(bench)


@pytest.mark.parametrize(
    "change",
    ["UPDATE explanation SET data = NULL", "UPDATE concern SET subject = NULL", "UPDATE command SET answer = NULL",
     "UPDATE master SET name = ''", "UPDATE reject_case SET note = ''"],
)  # fmt: skip
def test_nothing_goes_without_an_event(bench: Bench, change: str) -> None:
    fill_all(bench)
    bench.write(lambda tx: tx.change(change))
    assert finding(bench)


def test_the_digest_of_what_may_go_lets_nobody_check_a_guess(bench: Bench) -> None:
    """The same words twice have two digests; nobody sees the salt, and with the words it is gone."""
    with bench.store.transaction() as tx:
        for kind in ("step.done", "rejects.noted", "run.failed") * 2:
            bench.store.audit.append(tx, Fact(kind, "w1", "a", {"note": NAME, "positions": []}))
    events = bench.store.audit.events()[-6:]
    assert {str(event.fact.data) for event in events} == {str({"note": NAME, "positions": []})}
    digests = {kind: {one.payload_hash for one in events if one.fact.kind == kind} for kind in
               ("step.done", "rejects.noted", "run.failed")}  # fmt: skip
    assert {kind: len(found) for kind, found in digests.items()} == {
        "step.done": 2, "rejects.noted": 2, "run.failed": 1,
    }  # fmt: skip
    fill_all(bench)
    assert "" not in bench.store.commands.answered("discover", "sap.main")[0].answer
    assert finding(bench) == ""


@pytest.mark.parametrize("company", ["1010", "9999"])
def test_a_hold_of_a_proposal_or_its_period_keeps_the_runs_that_serve_it(bench: Bench, company: str) -> None:
    """As an export of the same words selects them: what is posted into a period's days, whenever that happens."""
    store, made = bench.store, bench.propose(make_draft({"PL-1": "1"}))
    run_id, _ = bench.posting(made.id)
    other, _, _ = bench.running("customers")
    with store.transaction() as tx:
        for run in (run_id, other):
            store.audit.append(tx, Fact("step.done", "w1", "a/post", {"said": "well"}, run))
    soon = {"step_details": datetime.now(UTC) + timedelta(days=1)}
    day = store.proposals.documents(made.id)[0].document.posting_date
    past = datetime(2001, 1, 1, tzinfo=UTC)
    holds = (
        replace(EVERYTHING, proposal=made.id),
        replace(EVERYTHING, since=past, until=past, period="001/2001", company=company, days=(day, day)),
    )
    for hold in holds if company == "1010" else holds[1:]:
        with store.transaction() as tx:
            store.holds.set(tx, hold)
        assert store.holds.all() == [replace(hold, at=store.holds.all()[0].at)]
        found = store.erasures.aged(soon)
        held = 1 if company == "1010" else 0
        assert (found.held, gone(found, "audit_event")) == (held, 2 - held)
        assert finding(bench) == ""
        with store.transaction() as tx:
            store.holds.release(tx, hold.name, "over", "uid:1")
    assert store.erasures.aged(soon).held == 0
