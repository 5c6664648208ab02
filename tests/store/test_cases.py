"""Cases of refused records: what is open, what ends one, waivers, and that nobody can hide one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.store.conftest import in_files
from tui_connector.domain.audit import Fact
from tui_connector.domain.case import CaseState, CauseGroup, GroupMark, Place, Which
from tui_connector.domain.errors import ConfigError, RefusedError
from tui_connector.domain.record import Outcome, Record, Reject, RejectedBy
from tui_connector.domain.run import Purpose, ReadMode, RunRequest, RunState
from tui_connector.store import Store, schema
from tui_connector.store.database import Database
from tui_connector.store.sqlite import SqliteBackend

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.store.conftest import Bench

Refused = dict[str, str]  # key -> cause
GONE = "Cost Center 4736 is not in the Anaplan list Cost Centers"
LOCKED = "Item is locked"
LET_BE = Which(waived=True)


def load(
    bench: Bench,
    sent: Sequence[str] = (),
    refused: Refused | None = None,
    *,
    flow: str = "gl_accounts",
    state: RunState = RunState.DONE,
    unchanged: Sequence[str] = (),
    content: str = "c",
    dump: Refused | None = None,
) -> int:
    """A run that ended so; its number. refused: by the connector; dump: sent, and refused by Anaplan afterwards."""
    run_id, target_id, lease = bench.running(flow)
    wanted = [(key, Outcome.SENT) for key in (*sent, *(dump or {}))]
    wanted += [(key, Outcome.UNCHANGED) for key in unchanged] + [(key, Outcome.REJECTED) for key in refused or {}]
    batch = [
        Record(at, key, content, outcome, at + 1 if outcome is Outcome.SENT else None)
        for at, (key, outcome) in enumerate(wanted, 1)
    ]
    causes = {**(refused or {}), **(dump or {})}
    rejects = [
        Reject(one.position, one.key, RejectedBy.CONNECTOR, causes[one.key], {"Code": one.key, "Amount": "1.50"})
        for one in batch
        if one.key in causes
    ]
    with bench.store.transaction() as tx:
        bench.store.records.append(tx, run_id, target_id, batch)
        bench.store.records.reject(tx, run_id, target_id, rejects)
        bench.store.runs.finish(tx, run_id, lease.fence, state)
    return run_id


def open_keys(bench: Bench, flow: str = "gl_accounts") -> dict[str, str]:
    """Where each open record stands, by key."""
    target_id = bench.target(flow)
    found = {}
    for group in bench.store.cases.groups([target_id]):
        found.update({one.key: str(one.place) for one in bench.store.cases.of_cause(target_id, group.cause)})
    assert bench.store.cases.count([target_id])[0] == len(found)
    return found


def sound(bench: Bench) -> None:
    verdict = bench.store.audit.verify()
    assert verdict.broken_at is None, verdict.finding


def waive(bench: Bench, *places: Place, reason: str = "not planned") -> None:
    with bench.store.transaction() as tx:
        bench.store.cases.waive(tx, places, reason, "uid:1000")


def test_a_refusal_is_open_until_a_later_run_loads_its_record(bench: Bench) -> None:
    first = load(bench, ["A"], {"B": GONE, "C": GONE}, dump={"D": LOCKED})
    assert open_keys(bench) == {"B": f"{first}/3", "C": f"{first}/4", "D": f"{first}/2"}
    load(bench, ["A"])
    assert len(open_keys(bench)) == 3
    second = load(bench, ["B", "D"], unchanged=["C"])
    assert open_keys(bench) == {}
    case = bench.store.cases.at(Place(first, 3))
    assert case is not None
    assert (case.state, case.key, case.solved_by) == (CaseState.LOADED, "B", second)
    sound(bench)


@pytest.mark.parametrize("state", [RunState.FAILED, RunState.CANCELLED])
def test_a_run_that_was_not_confirmed_opens_nothing_and_ends_nothing(bench: Bench, state: RunState) -> None:
    load(bench, ["A"], {"B": GONE}, state=state)
    assert open_keys(bench) == {}
    first = load(bench, ["A"], {"B": GONE})
    load(bench, ["B"], {"A": GONE}, state=state)
    assert open_keys(bench) == {"B": f"{first}/2"}
    sound(bench)


def test_a_record_refused_again_becomes_the_newer_reject_and_keeps_its_age(bench: Bench) -> None:
    first = load(bench, [], {"B": GONE})
    since = bench.store.cases.of_cause(bench.target(), GONE)[0].since
    second = load(bench, ["A"], {"B": LOCKED})
    (case,) = bench.store.cases.of_cause(bench.target(), LOCKED)
    assert (case.place, case.first_run, case.since) == (Place(second, 2), first, since)
    assert bench.store.cases.of_cause(bench.target(), GONE) == []
    assert bench.store.cases.at(Place(first, 1)) == case
    assert bench.store.cases.at(Place(first, 99)) is None
    sound(bench)


def test_what_was_solved_may_be_refused_again(bench: Bench) -> None:
    load(bench, [], {"B": GONE})
    load(bench, ["B"])
    third = load(bench, [], {"B": GONE})
    (case,) = bench.store.cases.of_cause(bench.target(), GONE)
    assert (case.first_run, case.place) == (third, Place(third, 1))
    sound(bench)


def test_runs_count_in_the_order_of_their_numbers(bench: Bench) -> None:
    """As they do for what Anaplan is known to hold: a run that ends late says nothing of what a newer one has loaded."""
    store = bench.store
    early, target_id, lease = bench.running()
    batch = [Record(1, "B", "c", Outcome.REJECTED), Record(2, "C", "c", Outcome.SENT, 2)]
    with store.transaction() as tx:
        store.records.append(tx, early, target_id, batch)
        store.records.reject(tx, early, target_id, [Reject(1, "B", RejectedBy.CONNECTOR, GONE, {})])
    late = load(bench, ["B"], {"C": GONE})
    with store.transaction() as tx:
        store.runs.finish(tx, early, lease.fence, RunState.DONE)
    assert open_keys(bench) == {"C": f"{late}/2"}
    sound(bench)


def test_groups_come_oldest_first_and_page_by_page(bench: Bench) -> None:
    load(bench, ["X"], {f"A{i}": "alpha" for i in range(5)} | {f"B{i}": "beta" for i in range(3)})
    load(bench, ["X"], {"S": "alpha"}, flow="suppliers")
    load(bench, ["X"], {"C": "gamma", "A9": "alpha"})
    targets = [bench.target(), bench.target("suppliers")]
    cases = bench.store.cases
    groups = cases.groups(targets)
    told = [(one.flow, one.cause, one.records, one.runs) for one in groups]
    assert sorted(told) == sorted(
        [
            ("gl_accounts", "alpha", 6, 2),
            ("gl_accounts", "beta", 3, 1),
            ("suppliers", "alpha", 1, 1),
            ("gl_accounts", "gamma", 1, 1),
        ]
    )
    assert [one.since for one in groups] == sorted(one.since for one in groups)
    paged, after = [], None
    while page := cases.groups(targets, after, 1):
        paged += page
        after = page[-1].mark
    assert paged == groups
    backwards: list[CauseGroup] = []
    before = None
    while page := cases.groups(targets, before, 1, back=True):
        backwards = [*page, *backwards]
        before = page[0].mark
    assert backwards == groups
    samples = {one.cause: cases.at(one.sample) for one in cases.groups([targets[0]])}
    assert {cause: case.key for cause, case in samples.items() if case} == {"alpha": "A0", "beta": "B0", "gamma": "C"}
    assert isinstance(after, GroupMark)
    assert cases.count(targets) == (11, 4)
    assert cases.count([targets[1]]) == (1, 1)
    assert cases.groups([]) == []
    assert [(one.flow, one.cause) for one in cases.groups(targets, which=Which("ET"))] == [("gl_accounts", "beta")]
    assert cases.groups(targets, which=Which("a_")) == cases.groups(targets, which=Which("%")) == []
    assert cases.count(targets, Which("ALPH")) == (7, 2)
    keys, place = [], None
    while found := cases.of_cause(targets[0], "alpha", place, 2):
        keys += [one.key for one in found]
        place = found[-1].place
    assert keys == ["A0", "A1", "A2", "A3", "A4", "A9"]
    last = cases.of_cause(targets[0], "alpha", None, 2, back=True)
    assert [one.key for one in last] == ["A4", "A9"]
    assert [one.key for one in cases.of_cause(targets[0], "alpha", last[0].place, 2, back=True)] == ["A2", "A3"]
    assert len(cases.places(targets[0])) == 10
    assert len(cases.places(targets[0], "beta")) == 3
    values = list(cases.values(targets[0], "beta"))
    assert values == [("beta", {"Code": f"B{i}", "Amount": "1.50"}) for i in range(3)]
    assert len(list(cases.values(targets[0]))) == 10
    now = datetime.now(UTC)
    assert cases.ages(targets, [now + timedelta(minutes=1), now - timedelta(days=1)]) == [11, 0]


def test_erased_values_are_no_values(bench: Bench) -> None:
    load(bench, [], {"B": GONE})
    soon = datetime.now(UTC) + timedelta(days=1)
    erasures = bench.store.erasures
    bench.write(lambda tx: erasures.erase(tx, erasures.aged({"reject_values": soon}), "old", "uid:1"))
    assert list(bench.store.cases.values(bench.target())) == [(GONE, {})]
    sound(bench)


def test_a_waiver_is_audited_and_can_be_taken_back(bench: Bench) -> None:
    run_id = load(bench, ["A"], {"B": GONE, "C": GONE, "D": LOCKED})
    waive(bench, Place(run_id, 2), Place(run_id, 3))
    assert list(open_keys(bench)) == ["D"]
    target_id, cases = bench.target(), bench.store.cases
    (group,) = cases.groups([target_id], which=LET_BE)
    assert (group.cause, group.records, group.waived, cases.count([target_id], LET_BE)) == (GONE, 2, True, (2, 1))
    waived = cases.of_cause(target_id, GONE, which=LET_BE)
    assert (
        [one.place for one in waived] == cases.places(target_id, which=LET_BE) == [Place(run_id, 2), Place(run_id, 3)]
    )
    assert len(list(cases.values(target_id, which=LET_BE))) == 2
    case = bench.store.cases.at(Place(run_id, 2))
    assert case is not None
    assert case.waiver is not None
    assert (case.state, case.waiver.reason, case.waiver.by) == (CaseState.WAIVED, "not planned", "uid:1000")
    (event,) = bench.store.audit.events(kind="rejects.waived")
    assert event.fact == Fact(
        "rejects.waived", "uid:1000", "gl_accounts",
        {"reason": "not planned", "count": 2, "positions": [2, 3]}, run_id,
    )  # fmt: skip
    sound(bench)
    with bench.store.transaction() as tx:
        assert bench.store.cases.take_back(tx, [Place(run_id, 3)], "it is planned", "uid:7") == 1
    assert sorted(open_keys(bench)) == ["C", "D"]
    (event,) = bench.store.audit.events(kind="rejects.waiver_taken_back")
    assert event.fact.data == {"reason": "it is planned", "count": 1, "positions": [3]}
    waive(bench, Place(run_id, 3), reason="not planned after all")
    assert list(open_keys(bench)) == ["D"]
    sound(bench)


def test_a_waiver_holds_until_the_record_changes(bench: Bench) -> None:
    first = load(bench, [], {"B": GONE, "C": GONE, "D": GONE})
    waive(bench, *(Place(first, at) for at in (1, 2, 3)))
    load(bench, [], {"B": GONE})
    assert open_keys(bench) == {}
    second = load(bench, [], {"B": LOCKED})
    assert open_keys(bench) == {"B": f"{second}/1"}
    third = load(bench, [], {"C": GONE}, content="other")
    assert open_keys(bench) == {"B": f"{second}/1", "C": f"{third}/1"}
    load(bench, ["D"])
    case = bench.store.cases.at(Place(first, 3))
    assert case is not None
    assert case.state is CaseState.LOADED
    sound(bench)
    newest = load(bench, [], {"B": LOCKED})
    waive(bench, Place(newest, 1))
    with bench.store.transaction() as tx:
        bench.store.cases.take_back(tx, [Place(second, 1)], "any of its refusals names it", "uid:1")
    assert open_keys(bench)["B"] == f"{newest}/1"


def put(bench: Bench, what: str, text: str, *places: Place) -> int:
    with bench.store.transaction() as tx:
        return int(getattr(bench.store.cases, what)(tx, places, text, "uid:7"))


def test_owner_and_note_stay_with_a_case_and_are_audited(bench: Bench) -> None:
    first = load(bench, [], {"B": GONE, "C": GONE, "D": LOCKED})
    cases, target_id = bench.store.cases, bench.target()
    assert put(bench, "assign", "A. Novak", Place(first, 1), Place(first, 3)) == 2
    assert put(bench, "note", "asked the model builder", Place(first, 1)) == 1
    (event,) = bench.store.audit.events(kind="rejects.assigned")
    assert event.fact == Fact(
        "rejects.assigned", "uid:7", "gl_accounts", {"to": "A. Novak", "count": 2, "positions": [1, 3]}, first
    )
    sound(bench)
    owners = {one.cause: one.owner for one in cases.groups([target_id])}
    assert owners == {GONE: None, LOCKED: "A. Novak"}
    mine, nobodys = Which(owner="a. novak"), Which(owner="")
    assert (cases.count([target_id], mine), cases.count([target_id], nobodys)) == ((2, 2), (1, 1))
    (group,) = cases.groups([target_id], which=nobodys)
    assert (group.records, group.owner, group.owned_by) == (1, "", "")
    assert cases.places(target_id, GONE, mine) == [Place(first, 1)]
    assert [one.key for one in cases.of_cause(target_id, GONE, which=nobodys)] == ["C"]

    second = load(bench, [], {"B": LOCKED})
    case = cases.at(Place(first, 1))
    assert case is not None
    assert case.place == Place(second, 1)
    assert case.owner is not None
    assert case.note is not None
    assert (case.owner.text, case.owner.by, case.note.text) == ("A. Novak", "uid:7", "asked the model builder")
    sound(bench)
    put(bench, "assign", "", Place(second, 1))
    put(bench, "note", "", Place(second, 1))
    case = cases.at(Place(second, 1))
    assert case is not None
    assert (case.owner, case.note) == (None, None)
    sound(bench)
    waive(bench, Place(second, 1))
    assert put(bench, "assign", "B", Place(second, 1)) == 1
    load(bench, ["B"])
    sound(bench)
    for place, said in ((Place(second, 1), "has loaded it meanwhile"), (Place(first, 77), "no record was refused")):
        with pytest.raises(RefusedError, match=said):
            put(bench, "assign", "A. Novak", Place(first, 2), place)
    with pytest.raises(ConfigError, match="no record was chosen"):
        put(bench, "note", "x")
    load(bench, [], {"B": GONE})  # a new case of the same record begins without either
    (fresh,) = [one for one in cases.of_cause(target_id, GONE) if one.key == "B"]
    assert (fresh.owner, fresh.note) == (None, None)
    sound(bench)


def test_what_sap_no_longer_holds_ends_with_the_run_that_did_not_find_it(bench: Bench) -> None:
    first = load(
        bench, ["A"], {"B": GONE, "C": GONE}, dump={"D": "loaded in part: Invalid parent", "E": "ignored: sum"}
    )
    cases, target_id = bench.store.cases, bench.target()
    waive(bench, Place(first, 5))
    second = load(bench, ["A"], {"B": GONE})
    assert cases.unread(second) == [Place(first, 5)]  # what Anaplan holds in part is not done with
    with bench.store.transaction() as tx:
        assert cases.close_gone(tx, second, "worker:w1") == 1
    with bench.store.transaction() as tx:
        assert cases.close_gone(tx, second, "worker:w1") == 0
    case = cases.at(Place(first, 5))
    assert case is not None
    assert (case.key, case.state, case.solved_by) == ("C", CaseState.GONE, second)
    (event,) = bench.store.audit.events(kind="rejects.gone")
    assert event.fact == Fact(
        "rejects.gone", "worker:w1", "gl_accounts", {"by_run": second, "count": 1, "positions": [5]}, first
    )
    assert (second, True, 1) in [(one.run_id, one.gone, one.records) for one in cases.solved([target_id])]
    with pytest.raises(RefusedError, match=f"run {second} read everything its flow reads in SAP and did not find it"):
        bench.write(lambda tx: cases.select(tx, second, [Place(first, 5)]))
    sound(bench)
    third = load(bench, [], {"C": GONE})  # it is back, and refused again
    assert open_keys(bench)["C"] == f"{third}/1"
    sound(bench)


def test_only_what_is_open_can_be_waived_or_replayed(bench: Bench) -> None:
    first = load(bench, ["A"], {"B": GONE, "C": GONE, "D": GONE})
    second = load(bench, ["C"], {"D": GONE})
    waive(bench, Place(first, 2))
    wrong = {
        Place(first, 1): "no record was refused there",
        Place(first, 2): r"uid:1000 has waived it: not planned",
        Place(first, 3): rf"run {second} has loaded it meanwhile",
        Place(first, 4): rf"it was refused again and is {second}/2 now",
        Place(77, 1): "no record was refused there",
    }
    for place, said in wrong.items():
        for act in (
            lambda tx, at=place: bench.store.cases.waive(tx, [Place(second, 2), at], "r", "u"),
            lambda tx, at=place: bench.store.cases.select(tx, second, [Place(second, 2), at]),
        ):
            with pytest.raises(RefusedError, match=said):
                bench.write(act)
    with pytest.raises(ConfigError, match="needs a reason"):
        bench.write(lambda tx: bench.store.cases.waive(tx, [Place(second, 2)], "  ", "u"))
    with pytest.raises(RefusedError, match=r"is not waived: it is open"):
        bench.write(lambda tx: bench.store.cases.take_back(tx, [Place(second, 2)], "r", "u"))
    with pytest.raises(ConfigError, match="no record was chosen"):
        bench.write(lambda tx: bench.store.cases.select(tx, second, []))
    assert open_keys(bench) == {"D": f"{second}/2"}
    sound(bench)


def test_what_was_solved_lately(bench: Bench) -> None:
    first = load(bench, [], {"A": GONE, "B": GONE, "C": LOCKED, "D": LOCKED, "E": LOCKED})
    waive(bench, Place(first, 5), reason="blocked in SAP")
    second = load(bench, ["A", "B", "C"])
    solved = bench.store.cases.solved([bench.target()])
    assert sorted((one.cause, one.causes, one.records, one.run_id or 0, one.by, one.reason) for one in solved) == [
        (GONE, 2, 3, second, "", ""),
        (LOCKED, 1, 1, 0, "uid:1000", "blocked in SAP"),
    ]
    assert [one.at for one in solved] == sorted((one.at for one in solved), reverse=True)
    assert bench.store.cases.solved([bench.target("suppliers")]) == []
    assert len(bench.store.cases.solved([bench.target()], 1)) == 1


def replay(bench: Bench, *places: Place) -> int:
    wish = [(RunRequest("gl_accounts", ReadMode.DELTA, purpose=Purpose.REPLAY), bench.target(), "M1")]
    with bench.store.transaction() as tx:
        (run_id,) = bench.store.runs.create_cycle(tx, wish, requested_by="uid:1")
        digest = bench.store.cases.select(tx, run_id, places)
        bench.store.audit.append(
            tx, Fact("replay.requested", "uid:1", "gl_accounts", {"count": len(places), "digest": digest}, run_id)
        )
    return run_id


def test_a_replay_knows_its_records(bench: Bench) -> None:
    first = load(bench, [], {f"K{i}": GONE for i in range(5)})
    places = [Place(first, at) for at in (4, 2, 5)]
    run_id = replay(bench, *places)
    assert bench.store.runs.get(run_id).purpose is Purpose.REPLAY
    assert bench.store.cases.selected(run_id) == sorted(places)
    assert bench.store.cases.selected(run_id, Place(first, 4)) == [Place(first, 5)]
    assert bench.store.cases.selected(run_id, None, 1) == [Place(first, 2)]
    sound(bench)


@pytest.fixture
def filled(bench: Bench) -> Callable[[str], str]:
    """Does something behind the store's back; what the verification then says."""
    first = load(bench, ["A"], {"B": GONE, "C": GONE, "D": LOCKED, "E": LOCKED})
    load(bench, ["E"])
    load(bench, [], {"F": GONE}, flow="suppliers")
    gone = load(bench, ["A"], flow="suppliers")
    with bench.store.transaction() as tx:
        assert bench.store.cases.close_gone(tx, gone, "worker:w1") == 1
        bench.store.cases.assign(tx, [Place(first, 2), Place(first, 4)], "A. Novak", "uid:7")
        bench.store.cases.note(tx, [Place(first, 4)], "asked the model builder", "uid:7")
    waive(bench, Place(first, 3))
    replay(bench, Place(first, 2), Place(first, 4))
    sound(bench)
    backend: Any = bench.store._database._backend

    def spoil(statement: str) -> str:
        backend.begin()
        assert backend.change(statement, ()) > 0
        backend.commit()
        verdict = bench.store.audit.verify()
        return "" if verdict.broken_at is None else verdict.finding

    return spoil


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ("DELETE FROM reject_case WHERE key = 'B'", "its case does not say so"),
        ("UPDATE reject_case SET solved_run = 2, solved_at = 5 WHERE key = 'B'", "its case does not say so"),
        ("UPDATE reject_case SET cause = 'harmless' WHERE key = 'D'", "its case does not say so"),
        ("UPDATE reject_case SET solved_run = NULL WHERE key = 'E'", "tells of no open refusal"),
        ("UPDATE reject_case SET waived_run = run_id, waived_position = position WHERE key = 'B'", "nobody waived it"),
        ("UPDATE reject_case SET waived_run = 1, waived_position = 3 WHERE key = 'B'", "nobody waived it"),
        ("UPDATE reject_case SET solved_run = 1 WHERE key = 'E'", "the trail does not say so"),
        ("UPDATE reject_case SET solved_run = 4 WHERE key = 'E'", "the trail does not say so"),
        ("UPDATE reject_case SET solved_how = 'gone' WHERE key = 'E'", "no run found it so"),
        ("UPDATE reject_case SET solved_how = 'loaded' WHERE key = 'F'", "its case does not say so"),
        ("UPDATE reject_case SET solved_run = NULL, solved_how = 'loaded' WHERE key = 'F'", "its case does not say so"),
        ("DELETE FROM reject_case WHERE key = 'F'", "its case does not say so"),
        ("UPDATE reject_case SET owner = 'B. Other' WHERE key = 'D'", "the owner of record 4 of run 1 is not as it was"),
        ("UPDATE reject_case SET owner_by = 'uid:1' WHERE key = 'D'", "the owner of record 4 of run 1 is not as it was"),
        ("UPDATE reject_case SET owner = '', owner_by = '', owner_at = NULL WHERE key = 'D'", "the owner of case"),
        ("UPDATE reject_case SET owner = 'A. Novak', owner_by = 'uid:7', owner_at = 5 WHERE key = 'C'", "the owner of record 3"),
        ("UPDATE reject_case SET note = 'never mind' WHERE key = 'D'", "the note of record 4 of run 1 is not as it was"),
        ("UPDATE reject_case SET note_at = note_at + 1 WHERE key = 'D'", "the note of record 4 of run 1 is not as it was"),
        ("UPDATE waiver SET reason = 'another'", "is not as it was written"),
        ("UPDATE waiver SET waived_by = 'uid:1'", "is not as it was written"),
        ("INSERT INTO waiver SELECT run_id, 2, reason, waived_by, at FROM waiver", "is not as it was written"),
        ("DELETE FROM waiver", "waiver of record 3 of run 1 is missing"),
        ("UPDATE replayed SET position = 5 WHERE position = 4", "is not what was chosen"),
        ("DELETE FROM replayed WHERE position = 4", "is not what was chosen"),
        ("INSERT INTO replayed SELECT run_id, source_run, 5 FROM replayed LIMIT 1", "is not what was chosen"),
        ("INSERT INTO replayed SELECT 1, source_run, position FROM replayed", "nobody chose what run 1 sends again"),
    ],
)  # fmt: skip
def test_what_was_changed_behind_the_store_is_named(filled: Callable[[str], str], change: str, finding: str) -> None:
    assert finding in filled(change)


def test_a_store_that_kept_no_cases_opens_them(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    backend = SqliteBackend(path, read_only=False)
    schema.migrate(Database(backend), (*schema.MIGRATIONS[:2],))
    first = load(bench, ["A"], {"B": GONE, "C": GONE})
    second = load(bench, ["C"], {"D": LOCKED})
    load(bench, [], {"B": LOCKED}, state=RunState.FAILED)
    fresh = bench.store._database
    with Database(backend).transaction() as tx:
        tables = {"target": "*", "run": "", "record": "*", "reject": "*"}
        for table in tables:
            names = [row[0] for row in tx.rows(f"SELECT name FROM pragma_table_info('{table}')")]
            for row in fresh.rows(f"SELECT {', '.join(names)} FROM {table}"):
                tx.put(table, dict(zip(names, row, strict=True)))
    backend.close()
    store = Store.open(str(path))
    groups = store.cases.groups([bench.target()])
    assert [(one.cause, one.records, one.first_run) for one in groups] == [(GONE, 1, first), (LOCKED, 1, second)]
    store.close()


@in_files
def test_every_look_goes_along_an_index(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A million records must not be walked through for what a screen asks again and again."""
    first = load(bench, ["A"], {"B": GONE, "C": GONE, "D": LOCKED})
    waive(bench, Place(first, 3))
    load(bench, ["D"])
    target_id, cases = bench.target(), bench.store.cases
    asked: list[tuple[str, tuple[Any, ...]]] = []
    query, change = SqliteBackend.query, SqliteBackend.change

    def watched(backend: SqliteBackend, sql: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        asked.append((sql, parameters))
        return query(backend, sql, parameters)

    def changed(backend: SqliteBackend, sql: str, parameters: tuple[Any, ...]) -> int:
        asked.append((sql, parameters))
        return change(backend, sql, parameters)

    with monkeypatch.context() as patched:
        patched.setattr(SqliteBackend, "query", watched)
        patched.setattr(SqliteBackend, "change", changed)
        (group,) = cases.groups([target_id])
        cases.groups([target_id], group.mark)
        cases.count([target_id])
        cases.of_cause(target_id, GONE, Place(0, 0))
        cases.places(target_id, GONE)
        list(cases.values(target_id, GONE))
        cases.ages([target_id], [datetime.now(UTC)])
        cases.at(Place(first, 2))
        cases.solved([target_id])
        (let_be,) = cases.groups([target_id], which=LET_BE)
        cases.count([target_id], LET_BE)
        cases.of_cause(target_id, let_be.cause, which=LET_BE)
        list(cases.values(target_id, let_be.cause, which=LET_BE))
        cases.refusals([Place(first, 2)])
        cases.mappings(cases.refusals([Place(first, 2)]))
        cases.replays_under_way([Place(first, 2)])
        cases.classes([target_id])
        cases.groups([target_id], which=Which(owner="A. Novak", causes=frozenset([(target_id, GONE)])))
        with bench.store.transaction() as tx:
            cases.assign(tx, [Place(first, 2)], "A. Novak", "uid:1")
            cases.note(tx, [Place(first, 2)], "asked", "uid:1")
        gone = load(bench, ["A"])
        with bench.store.transaction() as tx:
            cases.close_gone(tx, gone, "worker:w1")
        load(bench, ["A"], {"B": GONE})
    walked = {"record", "reject", "audit_event", "run", "r", "j", "n", "m", "w", "waiver", "c", "reject_case"}
    plans = {}
    for sql, parameters in asked:
        if sql.startswith(("SELECT", "UPDATE", "INSERT INTO reject_case", "WITH")):
            rows = bench.store._database.rows(f"EXPLAIN QUERY PLAN {sql}", *parameters)
            plans[sql] = [str(row[3]) for row in rows]
    assert len(plans) > 15
    for sql, plan in plans.items():
        for step in plan:
            words = step.split()
            along = "INDEX" in words or "PRIMARY" in words
            assert words[0] != "SCAN" or words[1] not in walked or along, (sql, plan)
