"""An evidence pack: what belongs to it, what it says of that, and what it says when there is nothing."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.review.packs import Parts
from tests.ui.afternoon import NOW, afternoon, empty
from tests.ui.people import KELLER
from tui_connector.domain.audit import Fact
from tui_connector.domain.case import Place
from tui_connector.domain.errors import ConfigError
from tui_connector.domain.flow import WritebackFlow
from tui_connector.domain.run import RunRequest
from tui_connector.review import verifier
from tui_connector.views import evidence
from tui_connector.views.evidence_scope import period_scope, read_scope, time_scope

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tui_connector.views.desk import Desk
    from tui_connector.views.evidence import Exported

WHOLE = "2026-01-01 2027-12-31"
HOSTILE = "<script>alert(1)</script>\u202e=cmd|'/C calc'!A0"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    found = afternoon(tmp_path / "desk")
    yield found
    found.store.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Desk]:
    found = empty(tmp_path / "desk")
    yield found
    found.store.close()


def packed(desk: Desk, words: str, folder: Path, name: str = "pack.zip") -> tuple[Exported, Parts]:
    made = evidence.export(desk, read_scope(desk, words), folder / name)
    assert made.fault == ""
    return made, Parts.of(folder / name)


def test_a_period_holds_its_days_and_what_was_posted_into_it_later(desk: Desk, tmp_path: Path) -> None:
    made, pack = packed(desk, "011/2026", tmp_path)
    events, store = pack.lines("events.jsonl"), desk.store
    assert [event[0]["seq"] for event in events] == list(range(made.chosen.first, made.chosen.last + 1))
    for row, data, digest in (events[0], events[700], events[-1]):
        kept = store.audit.event(row["seq"])
        assert kept is not None
        assert (digest, data) == (kept.digest, kept.fact.data if data is not None else None)
    until = int(datetime(2026, 11, 30, 23, tzinfo=UTC).timestamp() * 1e6)
    assert all(data is not None for row, data, _ in events if row["at"] < until)
    later = [(row["kind"], data) for row, data, _ in events if row["at"] >= until]
    assert {data is None for kind, data in later if kind.startswith("proposal.")} == {False}  # December, into November
    assert {data is None for kind, data in later if kind.startswith("records.")} == {True}  # a link of the chain alone
    assert [one["proposal"] for one in pack.lines("proposals.jsonl")] == ["P-0001", "P-0002", "P-0003", "P-0004"]
    runs = [one["run"] for one in pack.lines("runs.jsonl")]
    block = pack.json("manifest.json")["runs"]
    assert runs[: block["last"]] == list(range(block["first"], block["last"] + 1))
    assert {one["flow"] for one in pack.lines("runs.jsonl")[block["last"] :]} == {"plan_writeback"}
    causes = {one["resolution"]["state"] for one in pack.lines("rejects.jsonl")}
    assert causes == {"open", "waived"}
    assert pack.json("calendar.json")[0]["period"] == "011/2026"


def test_open_points_are_named_and_the_report_is_of_one_piece(desk: Desk, tmp_path: Path) -> None:
    made, pack = packed(desk, "012/2026", tmp_path)
    assert made.report.sentence == f"Period 012/2026: {len(made.report.points)} points are open."
    told = " ".join(made.report.points)
    for words in (
        "gl_line_items was not tied at its last tie-out, run ", "4 runs have not ended", "17 refused records are open",
        "2 proposals wait for a decision: P-0003, P-0004.", "3 documents are not proved in SAP yet.",
    ):  # fmt: skip
        assert words in told
    assert "has not ended" in made.report.notes[0]
    page = pack.members["report.html"].decode()
    for words in (made.report.sentence, "1310/0100004721/2026", "t.lindqvist", "genuine", "48,207,282.77 EUR", "<svg"):
        assert words in page
    assert not re.search(r"<script|<link|<img|<iframe|@import|url\(|https?://|javascript:|\son\w+=", page)
    assert "default-src 'none'" in page


def test_a_proposal_is_whole_from_its_making_to_its_proof(desk: Desk, tmp_path: Path) -> None:
    made, pack = packed(desk, "p-0001", tmp_path)
    (one,) = pack.lines("proposals.jsonl")
    assert {each["standing"]["state"] for each in one["documents"]} == {"verified"}
    assert made.report.sentence.endswith("Every run is accounted for, nothing differs, nothing is open.")
    kinds = {row["kind"] for row, data, _ in pack.lines("events.jsonl") if data is not None}
    assert {"proposal.made", "proposal.signed", "document.sending", "document.verified", "proposal.posted"} <= kinds
    assert len(pack.lines("lines.jsonl")) == one["row"][13]


def test_a_company_code_leaves_the_others_out(desk: Desk, tmp_path: Path) -> None:
    _, pack = packed(desk, "011/2026 1710", tmp_path)
    names = [one["proposal"] for one in pack.lines("proposals.jsonl")]
    assert names == ["P-0003", "P-0004"]
    for row, data, _ in pack.lines("events.jsonl"):
        if row["subject"] in {"P-0001", "P-0002"} or row["kind"].startswith("document."):
            assert data is None


def test_the_same_moment_makes_the_same_bytes(desk: Desk, tmp_path: Path) -> None:
    one, _ = packed(desk, "Mon", tmp_path, "one.zip")
    two, _ = packed(desk, "Mon", tmp_path, "two.zip")
    assert one.file.digest == two.file.digest
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    assert (tmp_path / "one.zip").stat().st_mode & 0o077 == 0
    with pytest.raises(ConfigError, match="exists already"):
        packed(desk, "Mon", tmp_path, "one.zip")


def test_where_nothing_is_known_it_says_so(fresh: Desk, tmp_path: Path) -> None:
    none = ("No record was refused.", "Nothing was tied out.", "There is no document.", "There was no run.")
    for name, words, said, shown in (
        ("before.zip", "010/2025", "nothing is known of it", "No run began in this time, and none was due."),
        ("none.zip", "011/2026", "no run and no proposal", "no worker served"),
        ("later.zip", "011/2027", "nothing is known of it", "No run began in this time, and none was due."),
    ):
        made, pack = packed(fresh, words, tmp_path, name)
        assert said in made.report.sentence
        page = pack.members["report.html"].decode()
        for told in (*none, shown):
            assert told in page


def test_a_run_under_way_and_a_store_that_was_changed_are_told(desk: Desk, tmp_path: Path) -> None:
    made, pack = packed(desk, "Tue", tmp_path)
    assert {one["state"] for one in pack.lines("runs.jsonl")} >= {"running", "waiting", "done"}
    assert any("not ended" in point for point in made.report.points)
    with desk.store.transaction() as tx:
        tx.change("UPDATE document SET accounting_document = '0100009999' WHERE proposal_id = 2 AND number = 1")
    changed = evidence.export(desk, read_scope(desk, "Tue"), tmp_path / "changed.zip")
    assert "document 1 of P-0002 does not stand so" in changed.fault
    with desk.store.transaction() as tx:
        tx.change("UPDATE document SET accounting_document = '0100004721' WHERE proposal_id = 2 AND number = 1")
        tx.change("DELETE FROM run WHERE id = 136")
    gone = evidence.export(desk, read_scope(desk, "Tue"), tmp_path / "gone.zip")
    assert gone.fault == "run 136 is not in the list"
    assert "1 number of runs is missing: 136." in gone.report.points


def test_missed_slots_are_told_with_their_reason(desk: Desk, tmp_path: Path) -> None:
    assert desk.acts is not None
    with desk.store.transaction() as tx:
        desk.store.schedule.pause(tx, "suppliers", "the model is being rebuilt", KELLER.account)
    late = replace(desk, clock=type(desk.clock)(NOW + timedelta(days=2)))  # type: ignore[call-arg]
    made = evidence.export(late, time_scope(late, "2026-12-02"), tmp_path / "late.zip")
    gaps = {row.flow: row for row in made.report.gaps}
    assert "the model is being rebuilt" in gaps["suppliers"].why
    assert gaps["suppliers"].explained
    assert "no worker served" in gaps["customers"].why
    assert gaps["customers"].slots == 2


def test_hostile_texts_are_shown_as_they_are(desk: Desk, tmp_path: Path) -> None:
    run = desk.acts.request_runs([RunRequest("suppliers")], HOSTILE) if desk.acts else []
    with desk.store.transaction() as tx:
        desk.store.audit.append(tx, Fact("schedule.paused", HOSTILE, HOSTILE, {"reason": HOSTILE}, run[0]))
    _, pack = packed(desk, "Mon 2026-12-02", tmp_path)
    page = pack.members["report.html"].decode()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "\u202e" not in page


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "names nothing"), ("a b c", "names nothing"), ("013/2026", "special period"), ("11/26", "no period"),
        ("P-0099", "there is no proposal"), ("Tue Mon", "ends before it begins"), ("nonsense", "no moment"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(desk: Desk, words: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as raised:
        read_scope(desk, words)
    assert raised.value.hint


def test_a_fiscal_year_may_begin_in_april(desk: Desk) -> None:
    flows = tuple(
        replace(one, first_month={"1010": 4}) if isinstance(one, WritebackFlow) else one for one in desk.flows
    )
    april = replace(desk, flows=flows)
    assert [str(day) for day in period_scope(april, "001/2026", "1010").days or ()] == ["2026-04-01", "2026-04-30"]
    assert [str(day) for day in period_scope(april, "012/2026", "1010").days or ()] == ["2027-03-01", "2027-03-31"]
    with pytest.raises(ConfigError, match="different months"):
        period_scope(april, "001/2026")


def test_it_goes_with_its_verifier(desk: Desk, tmp_path: Path) -> None:
    _, pack = packed(desk, "P-0001", tmp_path)
    said: Any = verifier.__file__
    with open(said, "rb") as file:  # noqa: PTH123
        assert pack.members["verify.py"] == file.read()


def test_changes_of_schedules_and_mappings_are_told(desk: Desk, tmp_path: Path) -> None:
    def started(**flows: dict[str, str]) -> Fact:
        return Fact("worker.started", "worker:w2", "w2", {"pid": 2, "version": "2", "flows": flows})

    prepared = {"columns": [["Name", "Name", "str"]], "fence": 1}
    run = desk.store.runs.latest("suppliers")
    assert run is not None
    with desk.store.transaction() as tx:
        for fact in (
            started(suppliers={"schedule": "0 1 * * *", "settings": "a" * 16}),
            started(
                suppliers={"schedule": "0 2 * * *", "settings": "b" * 16}, banks={"schedule": "", "settings": "c" * 16}
            ),
            Fact("step.running", "worker:w2", "suppliers/prepare", {"mapping": "1" * 16, **prepared}, run.id),
            Fact("step.running", "worker:w2", "suppliers/prepare", {"mapping": "2" * 16, **prepared}, run.id),
        ):
            desk.store.audit.append(tx, fact)
    made, pack = packed(desk, "Mon 2026-12-02", tmp_path)
    told = [row.what for row in made.report.changes]
    assert "flow banks is new; flow suppliers: schedule 0 1 * * * to 0 2 * * *" in told
    assert any(words.startswith("mapping of suppliers: what is read") for words in told)
    assert [one["what"] for one in pack.lines("changes.jsonl")] == told


def test_what_was_erased_on_purpose_is_told_and_the_rest_verifies(desk: Desk, tmp_path: Path) -> None:
    found = desk.store.erasures.aged(dict.fromkeys(("reject_values", "step_details"), NOW))
    with desk.store.transaction() as tx:
        desk.store.erasures.erase(tx, found, "kept long enough", KELLER.account)
    made, pack = packed(desk, "Mon 2026-12-02", tmp_path)
    erased = pack.json("manifest.json")["erased"]
    assert erased
    assert f"The data of {len(erased)} events were erased on purpose; the log holds without them." in made.report.notes
    assert {one["values"] for one in pack.lines("rejects.jsonl")} == {None}
    assert any(row.what.startswith("erased: ") for row in made.report.changes)
    pack.tell(erased=erased[1:])
    assert verifier.look(pack.repair().packed())[1] == f"the data of event {erased[0]} are missing"


def test_what_people_say_of_a_waived_record_takes_no_waiver_away(desk: Desk, tmp_path: Path) -> None:
    _, pack = packed(desk, WHOLE, tmp_path)
    waived = next(one["resolution"] for one in pack.lines("rejects.jsonl") if one["resolution"]["state"] == "waived")
    with desk.store.transaction() as tx:
        desk.store.cases.note(tx, [Place(*waived["place"])], "looked at again", KELLER.account)
        desk.store.cases.assign(tx, [Place(*waived["place"])], "a.novak", KELLER.account)
    _, after = packed(desk, WHOLE, tmp_path, "later.zip")
    assert {"rejects.noted", "rejects.assigned"} <= {row["kind"] for row, _, _ in after.lines("events.jsonl")}
    assert waived in [one["resolution"] for one in after.lines("rejects.jsonl")]


def test_a_record_gone_from_sap_does_not_count_as_loaded(desk: Desk, tmp_path: Path) -> None:
    _, pack = packed(desk, WHOLE, tmp_path)
    before = Counter(one["resolution"]["state"] for one in pack.lines("rejects.jsonl"))
    runs = {one["run"] for one in pack.lines("rejects.jsonl") if one["resolution"]["state"] == "open"}
    with desk.store.transaction() as tx:
        for run in runs:
            target = desk.store.runs.get(run).target_id
            later = tx.value("SELECT max(id) FROM run WHERE target_id = ?", target)
            desk.store.cases.close_gone(tx, later, KELLER.account)
    made, after = packed(desk, WHOLE, tmp_path, "later.zip")
    states = Counter(one["resolution"]["state"] for one in after.lines("rejects.jsonl"))
    assert (states["loaded"], before["gone"]) == (before["loaded"], 0)
    assert states["gone"]
    assert sum(row.became["gone"] for row in made.report.causes)
    assert "gone from SAP since" in after.members["report.html"].decode()
