"""The filter's words: what each term means, and how a wrong one is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_connector.views.audit_filter import (
    OUTCOMES,
    TERMS,
    FilterError,
    Query,
    document_of,
    parse,
    proposal_of,
    reference_of,
)

ZONE = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 12, 1, 13, 40, 12, tzinfo=UTC)  # a Tuesday, 14:40:12 there


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


def asked(text: str) -> Query:
    return parse(text, NOW, ZONE)


@pytest.mark.parametrize(
    ("said", "since", "until"),
    [
        ("Mon", "2026-11-30T00:00", "2026-12-01T00:00"),
        ("tuesday", "2026-12-01T00:00", "2026-12-02T00:00"),
        ("Wed", "2026-11-25T00:00", "2026-11-26T00:00"),
        ("today", "2026-12-01T00:00", "2026-12-02T00:00"),
        ("yesterday", "2026-11-30T00:00", "2026-12-01T00:00"),
        ("2026-11-01", "2026-11-01T00:00", "2026-11-02T00:00"),
        ("2026-11", "2026-11-01T00:00", "2026-12-01T00:00"),
        ("2026-12", "2026-12-01T00:00", "2027-01-01T00:00"),
        ("14:40", "2026-12-01T14:40", "2026-12-01T14:40"),
        ("9:05", "2026-12-01T09:05", "2026-12-01T09:05"),
        ("2026-11-30T06:11:30", "2026-11-30T06:11:30", "2026-11-30T06:11:30"),
        ("2h", "2026-12-01T12:40:12", "2026-12-01T12:40:12"),
        ("90min", "2026-12-01T13:10:12", "2026-12-01T13:10:12"),
        ('"28 Nov"', "2026-11-28T00:00", "2026-11-29T00:00"),
        ("3d", "2026-11-28T14:40:12", "2026-11-28T14:40:12"),
    ],
)
def test_a_time_is_where_a_day_begins_or_ends(said: str, since: str, until: str) -> None:
    assert asked(f"since:{said}").since == at(since)
    assert asked(f"until:{said}").until == at(until)
    assert asked(f"UNTIL:{said.upper()}").until == at(until)


def test_terms_are_taken_apart_with_their_places() -> None:
    query = asked('since:Mon  -kind:step by:"Maria Keller" P-0017 -"a b:c"')
    assert query.text == 'since:Mon -kind:step by:"Maria Keller" P-0017 -"a b:c"'
    assert [(t.name, t.value, t.excluded, t.at) for t in query.terms] == [
        ("kind", "step", True, 11),
        ("by", "Maria Keller", False, 22),
        ("", "P-0017", False, 40),
        ("", "a b:c", True, 47),
    ]
    assert asked("  ") == Query()


@pytest.mark.parametrize(
    ("text", "at_", "why", "hint"),
    [
        ("run:4190 sinc:Mon", 9, "sinc: is no term", "Did you mean since"),
        ("knd:post", 0, "knd: is no term", "Did you mean kind"),
        ("worker:vm:12", 0, "worker: is no term", 'quotes: "worker:vm:12"'),
        ("outcome:faild", 0, "no such outcome", "Did you mean failed"),
        ("since:todai", 0, "no such time", "Did you mean today"),
        ("since:2026-13-01", 0, "no such time", "2026-11-30"),
        ("since:2026-02-30T10:00", 0, "no such time", "14:30"),
        ("since:25:00", 0, "no such time", "14:30"),
        ("until:0000-00", 0, "no such time", "Say it as Mon"),
        ("x run:last", 2, "a run has a number", "run:4190"),
        ("proposal:seventeen", 0, "a proposal has a number", "P-0017"),
        ("doc:1010-4711", 0, "this is no document", "1010/100004711/2026"),
        ("kind:", 0, "nothing follows", "kind:posted"),
        ("- x", 0, "nothing follows", "a word"),
        ("-since:Mon", 0, "a time cannot be left out", "until:"),
        ("since:Mon since:Tue", 10, "said twice", "once"),
        ("since:today until:Mon", 12, "the end is before the beginning", "earlier"),
        ('kind:run about:"a b', 9, "a quote stands alone", "between two quotes"),
        ('x"y', 0, "a quote stands alone", "between two quotes"),
    ],
)
def test_a_wrong_term_is_told_with_its_place(text: str, at_: int, why: str, hint: str) -> None:
    with pytest.raises(FilterError) as caught:
        asked(text)
    error = caught.value
    assert error.at == at_
    assert text[error.at : error.at + error.length]
    assert f"(at {at_ + 1})" in error.message
    assert why in error.message
    assert hint in error.hint


def test_every_term_and_outcome_is_known_by_its_own_example() -> None:
    for name, example in TERMS.items():
        for said in example.split(", ")[0].split(" "):
            assert asked(said).text == said, name
    for outcome in OUTCOMES:
        assert asked(f"outcome:{outcome.upper()}").terms[0].name == "outcome"


def test_ids_as_people_write_them() -> None:
    assert document_of("1010/100004711/2026") == ("1010", "100004711", "2026")
    assert document_of("0100004711/2026") == (None, "0100004711", "2026")
    assert document_of("1010-4711") is None
    assert reference_of("pl0E297540076CDB") == "PL0E297540076CDB"
    assert reference_of("PL-0012") is None
    assert (proposal_of("P-0017"), proposal_of("17"), proposal_of("x")) == (17, 17, None)


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet=st.sampled_from('since:until-kdby "ou\t%_\\2026é/TP+'), max_size=40) | st.text(max_size=60))
def test_anything_typed_is_understood_or_told(text: str) -> None:
    query, error = Query(), None
    try:
        query = asked(text)
    except FilterError as refused:
        error = refused
    assert error is None or (0 <= error.at <= len(text) and error.hint)
    assert all(term.value.strip() for term in query.terms)
    assert not query.since or not query.until or query.until - query.since > timedelta(0)
