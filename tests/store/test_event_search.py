"""Events under a filter: every page is what a plain scan finds, whichever way the search goes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_connector.domain.audit import AuditEvent, EventColumn, EventFilter, EventTerm, Fact, Match
from tui_connector.store import Store, event_search

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FIRST = datetime(2026, 11, 30, tzinfo=UTC)
KINDS = ("run.started", "run.done", "step.done", "records.batch", "proposal.signed")
ACTORS = ("worker:a:1:1", "worker:b:2:2", "uid:1000", "uid:1001")
SUBJECTS = ("gl_accounts", "gl_accounts/import", "suppliers", "P-0001", "PL0123", "100%", "a_b")
KIND, ACTOR, SUBJECT, RUN = EventColumn


def fill(store: Store, count: int) -> None:
    """Events a minute apart, their fields in turns of different lengths."""
    with store.transaction() as tx:
        for i in range(count):
            run = i // 10 if i % 4 else None
            fact = Fact(KINDS[i * 7 % 5], ACTORS[i * 3 % 4], SUBJECTS[i * 5 % 7], {"i": i}, run)
            store.audit.append(tx, fact)
        tx.change("UPDATE audit_event SET at = ? + seq * 60000000", int(FIRST.timestamp()) * 1_000_000)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder: Path = tmp_path_factory.mktemp("log")
    store = Store.open(str(folder / "log.db"))
    fill(store, 300)
    yield store
    store.close()


def fits(event: AuditEvent, wanted: EventFilter) -> bool:
    """The filter as plain Python."""

    def one(match: Match) -> bool:
        fact = event.fact
        value = {KIND: fact.kind, ACTOR: fact.actor, SUBJECT: fact.subject, RUN: fact.run_id}[match.column]
        return str(value).startswith(str(match.value)) if match.begins else value == match.value

    timely = (wanted.since or FIRST) <= event.at < (wanted.until or event.at + timedelta(1))
    return timely and all(any(map(one, t.any_of)) != t.excluded for t in wanted.terms)


texts = {KIND: (*KINDS, "none.such"), ACTOR: (*ACTORS, "nobody"), SUBJECT: (*SUBJECTS, "%", "_")}


@st.composite
def matches(draw: st.DrawFn) -> Match:
    column = draw(st.sampled_from(EventColumn))
    if column is RUN:
        return Match(RUN, draw(st.integers(0, 40)))
    text = draw(st.sampled_from(texts[column]))
    if draw(st.booleans()):
        return Match(column, text[: draw(st.integers(1, len(text)))], begins=True)
    return Match(column, text)


terms = st.builds(EventTerm, st.lists(matches(), max_size=4).map(tuple), st.booleans())
moments = st.none() | st.integers(-10, 400).map(lambda minutes: FIRST + timedelta(minutes=minutes))
filters = st.builds(EventFilter, st.lists(terms, max_size=3).map(tuple), moments, moments)


@settings(max_examples=300, deadline=None)
@given(wanted=filters, anchor=st.none() | st.integers(0, 305), count=st.integers(1, 30), back=st.booleans())
def test_pages_are_what_a_plain_scan_finds(
    log: Store, wanted: EventFilter, anchor: int | None, count: int, back: bool
) -> None:
    events = log.audit.events(0, 1000)[:: -1 if back else 1]
    expected = [
        event
        for event in events
        if fits(event, wanted) and (anchor is None or (event.seq < anchor if back else event.seq > anchor))
    ]
    found: list[AuditEvent] = []
    at = anchor
    while True:
        page = log.audit.events_page(wanted, at, count, back=back)
        assert len(page.events) <= count
        found += page.events
        if page.ended:
            break
        assert at is None or (page.reached < at if back else page.reached > at)
        at = page.reached
    assert found == expected


def test_a_search_is_cut_short_and_goes_on(log: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two terms that are common, and never together: no index leads to where they would meet."""
    monkeypatch.setattr(event_search, "_LOOKED", 10)
    common = (Match(KIND, "run.", begins=True), Match(ACTOR, "uid:", begins=True), Match(ACTOR, "worker:", begins=True))
    never = EventFilter(tuple(EventTerm((match,)) for match in common))
    at, calls = None, 0
    while not (page := log.audit.events_page(never, at, 10, back=True)).ended:
        assert page.events == ()
        at, calls = page.reached, calls + 1
    assert calls > 3


def test_a_term_of_many_values_finds_them_all(log: Store) -> None:
    """More values than are walked beside each other."""
    named = tuple(Match(SUBJECT, f"PL{i:04}") for i in range(200)) + tuple(Match(RUN, i) for i in range(1, 150))
    wanted = EventFilter((EventTerm(named),))
    page = log.audit.events_page(wanted, None, 400, back=False)
    assert page.ended
    assert list(page.events) == [event for event in log.audit.events(0, 1000) if fits(event, wanted)]
    assert len(page.events) > 200


def test_moments_become_numbers(log: Store) -> None:
    reader = log.audit._database
    start = int(FIRST.timestamp()) * 1_000_000
    assert event_search.first_from(reader, 0) == 1
    assert event_search.first_from(reader, start + 60_000_000) == 1
    assert event_search.first_from(reader, start + 60_000_001) == 2
    assert event_search.first_from(reader, start + 10**12) == log.audit.last_seq() + 1


def test_kinds_are_those_the_log_holds(log: Store) -> None:
    assert log.audit.kinds() == sorted({*KINDS, "store.created"})
    assert log.audit.event(1) == log.audit.events(0, 1)[0]
    assert log.audit.event(9999) is None
