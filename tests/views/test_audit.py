"""The audit as it is told: what terms find, how rows, events and stories are worded, and what is said of the whole log."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.cli.counter import TWO, Counter, open_counter
from tests.store.conftest import Bench
from tui_connector.bootstrap import open_installation
from tui_connector.domain.audit import Fact
from tui_connector.domain.case import Place
from tui_connector.domain.errors import ConfigError
from tui_connector.domain.proposal import DocumentState
from tui_connector.domain.record import Outcome, Record, Reject, RejectedBy
from tui_connector.domain.run import Counts, RunState, StepState
from tui_connector.store.cases import settle
from tui_connector.views import events
from tui_connector.views.audit import audit_lines, empty, read_event, read_head, read_rows, read_view, verify
from tui_connector.views.audit_filter import FilterError
from tui_connector.views.story import trace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tui_connector.bootstrap import Installation
    from tui_connector.store.store import Store
    from tui_connector.views.desk import Desk

KEY = "YCOA-11000000"
SENDING, UNKNOWN, POSTED, VERIFIED = (
    DocumentState.SENDING,
    DocumentState.UNKNOWN,
    DocumentState.POSTED,
    DocumentState.VERIFIED,
)


@pytest.fixture
def counter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counter:
    made = open_counter(tmp_path, monkeypatch)
    proposal = made.propose(*TWO)
    made.tell("proposals", "hold", "1", "--lines", "1", "--reason", "not yet")
    made.tell("proposals", "release", "1", "--lines", "1", "--reason", "fine now")
    made.enrol()
    made.sign()
    made.post(proposal, SENDING, UNKNOWN, POSTED, VERIFIED, accounting_document="0100004711", fiscal_year="2026")
    return made


@pytest.fixture
def here(counter: Counter) -> Iterator[Installation]:
    with counter.opened() as opened:
        yield opened


@pytest.fixture
def desk(here: Installation) -> Desk:
    return here.desk()


def load(
    store: Store, *batches: list[Record], refused: tuple[Reject, ...] = (), state: RunState = RunState.DONE
) -> int:
    """A run of gl_accounts that has read these batches, and ended so."""
    bench = Bench(store)
    run_id, target_id, lease = bench.running()
    with store.transaction() as tx:
        for batch in batches:
            store.records.append(tx, run_id, target_id, batch)
        store.records.reject(tx, run_id, target_id, refused)
        if any(one.file_line for batch in batches for one in batch):
            data = {"file_id": "113000000041", "chunks": 13, "read": 9}
            store.steps.begin(tx, run_id, lease.fence, "transfer", StepState.DONE, data)
            store.steps.begin(
                tx, run_id, lease.fence, "import", StepState.DONE, {"task_id": "2B61" + "0" * 24 + "04DE"}
            )
        store.runs.finish(
            tx, run_id, lease.fence, state, "" if state is RunState.DONE else "the disk is full", "", Counts(9)
        )
        store.audit.append(tx, Fact(f"run.{state}", "worker:vm:1:2", "gl_accounts", {}, run_id))
        settle(tx, run_id)
    return run_id


def found(desk: Desk, text: str) -> list[str]:
    """Kinds of the events that a filter finds, oldest first."""
    rows = read_rows(desk, read_view(desk, text), None, 500)
    assert rows.ended
    return [row.kind for row in rows.rows[::-1]]


def test_terms_find_what_they_say(desk: Desk) -> None:
    load(desk.store, [Record(1, KEY, "c", Outcome.SENT, 2)])
    assert found(desk, "kind:proposal.lines") == ["proposal.lines"] * 2
    assert found(desk, "kind:lines kind:signed") == ["proposal.lines", "proposal.lines", "proposal.signed"]
    assert found(desk, "kind:proved") == ["document.verified"]
    assert found(desk, "outcome:unknown") == ["document.unknown"]
    assert set(found(desk, "by:me")) == {"proposal.lines", "proposal.signed", "proposal.approved", "posting.requested"}
    assert found(desk, "by:novak kind:sign") == ["proposal.signed"]
    assert found(desk, "by:a.novak") == found(desk, "by:me")
    assert found(desk, "-by:worker -by:w1 -by:me -by:r") == ["store.created"]
    documents = ["document.ready", "document.sending", "document.unknown", "document.posted", "document.verified"]
    assert found(desk, "doc:100004711") == documents
    assert found(desk, "doc:1010/0100004711/2026") == documents
    assert found(desk, "doc:2010/100004711") == found(desk, "doc:99") == []
    assert found(desk, "proposal:P-0001 outcome:posted") == ["document.posted"]
    assert "proposal.made" in found(desk, "proposal:1")
    assert "document.verified" in found(desk, "about:PL-1")
    assert found(desk, "about:PL-3 kind:document") == ["document.ready"]
    assert found(desk, f"about:{KEY}") == ["records.batch", "run.done"]
    assert found(desk, "P-0001 kind:signed") == found(desk, "p-00 signed") == ["proposal.signed"]
    assert found(desk, "run:1") == found(desk, "since:1h run:1")
    assert found(desk, "until:2020-01-01") == found(desk, "proposal:99") == []
    everything = found(desk, "")
    assert [kind for kind in everything if not kind.startswith("document.")] == found(desk, "-kind:document")


def test_a_kind_that_is_not_there_is_told(desk: Desk) -> None:
    with pytest.raises(FilterError, match="no such kind of event") as caught:
        read_view(desk, "run:1 kind:documnt")
    assert "Did you mean document" in caught.value.hint
    assert caught.value.at == 6
    assert found(desk, "kind:run.failed") == []  # known, though it never happened here


def test_rows_say_who_and_what(desk: Desk) -> None:
    view = read_view(desk, "")
    rows = {row.kind: row for row in read_rows(desk, view, None, 500).rows}
    signed, proved, made = rows["proposal.signed"], rows["document.verified"], rows["proposal.made"]
    assert (signed.who, signed.person, signed.mark.word, signed.key) == ("a.novak", True, "signed", "P-0001")
    assert signed.text.startswith("P-0001; a.novak; user ")
    assert (proved.mark.glyph, proved.mark.word, proved.about) == ("✓", "proved", "P-0001")
    assert proved.text == "P-0001/1; document 0100004711 of 2026; read back equal to the cent"
    assert (made.who, made.person, made.text.split(";")[0]) == (
        "worker",
        False,
        "P-0001, 2 documents, 1,234,667.89 EUR",
    )
    assert rows["document.unknown"].mark.role == "warn"
    detail = read_event(desk, view, signed.seq)
    assert detail is not None
    assert dict(detail.data)["name"] == "a.novak"
    assert detail.account == desk.person
    assert read_event(desk, view, 10_000) is None


def test_a_kind_of_another_version_is_told_by_its_own_words() -> None:
    fact = Fact("galaxy.hitch_hiked", "uid:1", "towel", {"answer": 42, "list": [1], "none": None, "said": "\x1b[1mno"})
    assert events.mark_of(fact.kind).word == "hitch hiked"
    assert events.text_of(fact) == "towel; answer 42; said �[1mno"
    assert events.mark_of("command.ping").word == "asked"
    assert events.text_of(Fact("command.ping", "uid:1", "sap.main", {"command": 3})) == "ping sap.main"
    for kind in events.KINDS:
        assert events.text_of(Fact(kind, "uid:1", "about", {})), kind


def test_lines_tell_the_screen(desk: Desk) -> None:
    lines = list(audit_lines(desk, "kind:proposal", 5))
    assert lines[0].startswith("The log holds ")
    assert lines[1].startswith("No checkpoint has left this machine yet: [evidence] names no way out")
    assert lines[2] == "filter kind:proposal"
    assert lines[4].startswith("event ")
    assert " a.novak " in "\n".join(lines)
    assert len(lines) == 4 + 5
    assert list(audit_lines(desk, "run:999"))[-1] == "No event matches run:999. esc clears the filter."
    assert empty(read_view(desk, "")).startswith("The log holds no event yet")


def test_the_head_tells_of_the_last_verification(desk: Desk) -> None:
    assert read_head(desk).sentence[0] == "○"
    last, told = desk.store.audit.last_seq(), list[int]()
    verified = verify(desk, told.append)
    assert (told[-1], verified.up_to, verified.broken_at) == (last, last, None)
    event = desk.store.audit.event(last + 1)
    assert event is not None
    assert (event.fact.kind, event.fact.actor, event.fact.data["digest"]) == (
        "audit.verified",
        desk.person,
        event.previous,
    )
    head = read_head(desk)
    assert head.sentence == ("✓", "ok", f"The log is whole up to event {last}.")
    assert head.last_seq == last + 1
    assert head.verification is not None
    later = replace(head.verification, at=desk.clock.now(), up_to=31, broken_at=12, finding="event 12 is missing")
    assert read_head(desk, later).sentence[1:] == ("fail", "The log is broken at event 12: event 12 is missing.")


def test_a_verification_that_is_ended_or_only_reads_writes_nothing(desk: Desk, counter: Counter) -> None:
    last = desk.store.audit.last_seq()

    class EndedError(Exception):
        pass

    def end(_: int) -> None:
        raise EndedError

    with pytest.raises(EndedError):
        verify(desk, end)
    with open_installation(str(counter.config), read_only=True) as reading:
        verified = verify(reading.desk())
        assert read_head(reading.desk(), verified).sentence[2] == f"The log is whole up to event {last}."
    assert desk.store.audit.last_seq() == last


def test_a_break_is_written_down_behind_it(desk: Desk) -> None:
    with desk.store.transaction() as tx:
        tx.change("UPDATE audit_event SET subject = 'nobody' WHERE seq = 3")
    made = verify(desk)
    assert (made.broken_at, made.finding) == (3, "event 3 is not as it was written")
    glyph, _, sentence = read_head(desk).sentence
    assert (glyph, sentence) == ("✗", "The log is broken at event 3: event 3 is not as it was written.")


def words(desk: Desk, key: str, part: int = 0) -> list[str]:
    return [station.mark.word for station in list(trace(desk.store, key, flows=desk.flows).parts())[part][2]]


def test_a_plan_line_is_told_from_the_export_to_the_proof(desk: Desk) -> None:
    told = ["exported", "proposed", "lines", "lines", "signed", "approved", "post asked", "ready",
            "sending", "unknown", "posted", "proved"]  # fmt: skip
    assert words(desk, "PL-1") == told
    assert words(desk, "1010/100004711/2026") == told
    (plan,) = trace(desk.store, "PL-1").plans
    assert plan.heading == "P-0001 document 1: ✓ proved, 0100004711 of 2026"
    stations = {one.mark.word: one for one in plan.stations}
    assert stations["signed"].mark.glyph == "◆"
    assert stations["signed"].by == desk.person
    assert stations["unknown"].mark.role == "warn"
    assert [one.seq for one in plan.stations[1:]] == sorted(one.seq or 0 for one in plan.stations[1:])
    assert words(desk, "P-0001") == [word for word in told if word not in {"lines", *told[-5:]}]


def test_a_record_is_told_from_sap_to_its_end(desk: Desk) -> None:
    store = desk.store
    content = "mVVZPuw5AOZ5g73xe627KA"
    refusal = Reject(1, KEY, RejectedBy.ANAPLAN, "Cost Center: 4735 not found", {"A": "4735"}, "no such item", 2)
    first = load(store, [Record(1, KEY, content, Outcome.SENT, 2)], refused=(refusal,))
    assert words(desk, KEY) == ["read from SAP", "staged", "uploaded", "rejected by Anaplan"]
    with store.transaction() as tx:
        store.cases.waive(tx, [Place(first, 1)], "closed next month", "uid:7")
    ours = Reject(1, KEY, RejectedBy.CONNECTOR, "Amount is not a number", {"A": "x"})
    load(store, [Record(1, KEY, "c2", Outcome.REJECTED)], refused=(ours,))
    load(store, [Record(1, KEY, "c3", Outcome.SENT, 2)], state=RunState.FAILED)
    load(store, [Record(1, KEY, "c3", Outcome.SENT, 2)])
    for _ in range(4):
        last = load(store, [Record(1, KEY, "c3", Outcome.UNCHANGED)])
    (story,) = trace(store, KEY, flows=desk.flows).records
    told = [(one.mark.glyph, one.mark.word, one.words) for one in story.stations]
    assert [word for _, word, _ in told] == [
        "read from SAP", "staged", "uploaded", "rejected by Anaplan", "waived",
        "read from SAP", "refused before sending",
        "read from SAP", "staged", "uploaded", "not loaded",
        "read from SAP", "staged", "uploaded", "imported",
        "unchanged",
    ]  # fmt: skip
    assert told[0][2] == f"A_GLAccountInChartOfAccounts, record 1; run {first}, content mVVZ…27KA"
    assert told[2][2] == "file 113000000041; 13 chunks"
    assert told[3] == ("✗", "rejected by Anaplan",
                       "Cost Center: 4735 not found; no such item; task 2B610000…000004DE; line 2 of the file")  # fmt: skip
    assert told[4] == ("◇", "waived", "closed next month")
    assert told[6][2] == "Amount is not a number"
    assert told[10][2].startswith("the disk is full")
    assert told[-1][2] == f"4 runs, {last - 3} to {last}; content c3"
    read = story.stations[0]
    batch = store.audit.event(read.seq or 0)
    assert batch is not None
    assert batch.fact.kind == "records.batch"


def test_a_long_life_is_cut_short(desk: Desk) -> None:
    for number in range(25):
        load(desk.store, [Record(1, KEY, f"c{number}", Outcome.SENT, 2)])
    (story,) = trace(desk.store, KEY).records
    assert story.stations[0].mark.word == "earlier"
    assert story.stations[0].words.startswith("5 runs, ")
    assert len([one for one in story.stations if one.mark.word == "imported"]) == 20
    assert len(story.stages) == 25


def test_an_unknown_key_says_how_to_write_one(desk: Desk) -> None:
    with pytest.raises(ConfigError, match="no run has seen a record PL-77, and no proposal holds it") as caught:
        trace(desk.store, "PL-77")
    assert "joined by -" in caught.value.hint
    with pytest.raises(ConfigError, match="there is no proposal P-0099"):
        trace(desk.store, "P-0099")
