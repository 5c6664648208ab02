"""The words in which a person asks for events, taken apart: pure; what they mean in a store is for `audit_terms`."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from tui_connector.domain.errors import ConfigError
from tui_connector.views.filters import MOMENTS, moment_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, tzinfo

TERMS = {
    "since": "since:Mon, since:2026-11-01, since:14:40, since:2h",
    "until": "until:Tue, until:2026-11-30",
    "kind": "kind:posted, kind:run, kind:run.failed",
    "by": "by:a.novak, by:me, by:worker",
    "run": "run:4190",
    "about": "about:KEY, a record, plan line or subject",
    "doc": "doc:100004711, doc:1010/100004711/2026",
    "proposal": "proposal:P-0017",
    "outcome": "outcome:failed, outcome:unknown",
}
# outcome -> last words of the kinds that tell it
OUTCOMES = {
    "failed": ("failed",),
    "blocked": ("blocked",),
    "cancelled": ("cancelled",),
    "done": ("done",),
    "rejected": ("rejected",),
    "waived": ("waived",),
    "replayed": ("replayed", "replay"),
    "held": ("held",),
    "unknown": ("unknown", "blind"),
    "posted": ("posted",),
    "proved": ("verified",),
    "signed": ("signed",),
    "approved": ("approved",),
    "expired": ("expired",),
    "superseded": ("superseded",),
}
_TOKEN = re.compile(r'(?P<minus>-?)(?:(?P<name>[^\s:"]*):)?(?:"(?P<quoted>[^"]*)"|(?P<plain>[^\s"]*))')
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "today", "yesterday")
_AGO = re.compile(r"\d+[a-z]+")
_MONTH = re.compile(r"\d{4}-\d{2}")
_PROPOSAL = re.compile(r"(?:P-?)?0*(\d{1,7})", re.IGNORECASE)
_REFERENCE = re.compile(r"PL[0-9A-F]{14}", re.IGNORECASE)
_DOCUMENT = re.compile(r"(?:([0-9A-Z]{4})/)?([0-9]{1,10})(?:/([0-9]{4}))?")
_RUN = re.compile(r"\d{1,15}")


class FilterError(ConfigError):
    """A term that cannot be understood; `at` is where it begins in what was typed, `length` how long it is."""

    def __init__(self, message: str, *, hint: str, at: int, length: int) -> None:
        super().__init__(message, hint=hint)
        self.at = at
        self.length = length


@dataclass(frozen=True, slots=True)
class Term:
    """One wish. name: "" for a bare word. said: as typed, at this place."""

    name: str
    value: str
    excluded: bool
    said: str
    at: int

    def wrong(self, why: str, hint: str) -> FilterError:
        """What is wrong with this term, and where it is."""
        return FilterError(f"{self.said} (at {self.at + 1}): {why}", hint=hint, at=self.at, length=len(self.said))


@dataclass(frozen=True, slots=True)
class Query:
    """What was typed, taken apart. Times are no terms any more; until is the first moment not wanted."""

    text: str = ""
    terms: tuple[Term, ...] = ()
    since: datetime | None = None
    until: datetime | None = None


def parse(text: str, now: datetime, zone: tzinfo) -> Query:
    """Take a filter apart; FilterError names the term that is wrong, its place, and what is known instead."""
    terms: list[Term] = []
    times: dict[str, datetime] = {}
    for term in _tokens(text):
        if term.name in {"since", "until"}:
            if term.name in times:
                raise term.wrong(f"{term.name} is said twice", "Say it once.")
            times[term.name] = _time(term, now.astimezone(zone), zone)
        else:
            _check(term)
            terms.append(term)
    since, until = times.get("since"), times.get("until")
    if since and until and until <= since:
        last = next(term for term in reversed(_tokens(text)) if term.name in times)
        raise last.wrong(
            "the end is before the beginning", "Put the earlier moment after since:, the later after until:."
        )
    return Query(" ".join(text.split()), tuple(terms), since, until)


def document_of(value: str) -> tuple[str | None, str, str | None] | None:
    """Company code, number and fiscal year of a document in SAP, as far as they are said; None when it is not one."""
    found = _DOCUMENT.fullmatch(value.strip().upper())
    return (found[1], found[2], found[3]) if found else None


def reference_of(value: str) -> str | None:
    """A document's reference as it is written; None when it is not one."""
    return value.strip().upper() if _REFERENCE.fullmatch(value.strip()) else None


def proposal_of(value: str) -> int | None:
    """The number of a proposal; None when it is not one."""
    found = _PROPOSAL.fullmatch(value.strip())
    return int(found[1]) if found else None


def near(value: str, known: Iterable[str]) -> str:
    """What may have been meant, as the beginning of a hint; "" when nothing is near."""
    close = difflib.get_close_matches(value.lower(), list(known), 3, 0.5)
    return f"Did you mean {' or '.join(close)}? " if close else ""


def _tokens(text: str) -> list[Term]:
    terms, at = list[Term](), 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        found = _TOKEN.match(text, at)
        if found is None or text[found.end() : found.end() + 1] == '"':
            rest = len(text) - at
            hint = 'Put what has blanks between two quotes: about:"a key".'
            raise FilterError(f"{text[at:]} (at {at + 1}): a quote stands alone", hint=hint, at=at, length=rest)
        terms.append(_term(found, at))
        at = found.end()
    return terms


def _term(found: re.Match[str], at: int) -> Term:
    said, name = found[0], found["name"]
    value = found["quoted"] if found["quoted"] is not None else found["plain"]
    term = Term((name or "").lower(), value, bool(found["minus"]), said, at)
    if name is not None and term.name not in TERMS:
        raise term.wrong(
            f"{name}: is no term",
            f'{near(term.name, TERMS)}Terms: {_listed()}. A word with a colon stands in quotes: "{said}".',
        )
    if not value.strip():
        what = TERMS[term.name] if name else "a word, or a term such as kind:posted"
        raise term.wrong("nothing follows", f"Say {what}.")
    if term.excluded and term.name in {"since", "until"}:
        raise term.wrong("a time cannot be left out", "Say since: for the beginning, until: for the end.")
    return term


def _listed() -> str:
    return ", ".join(f"{name}:" for name in TERMS)


def _check(term: Term) -> None:
    """Refuse a value that cannot be one of its term."""
    value, example = term.value, TERMS.get(term.name, "")
    match term.name:
        case "run" if not _RUN.fullmatch(value):
            raise term.wrong("a run has a number", f"Say {example}.")
        case "proposal" if proposal_of(value) is None:
            raise term.wrong("a proposal has a number", f"Say {example}.")
        case "doc" if document_of(value) is None and reference_of(value) is None:
            raise term.wrong("this is no document", f"Say {example}, or its reference PL….")
        case "outcome" if value.lower() not in OUTCOMES:
            raise term.wrong("no such outcome", f"{near(value, OUTCOMES)}Outcomes: {', '.join(OUTCOMES)}.")
        case _:
            pass


def _time(term: Term, now: datetime, zone: tzinfo) -> datetime:
    """The first moment wanted, or for until: the first one that is not; a day and a month count to their ends."""
    value, ends = term.value.strip(), term.name == "until"
    try:
        if _MONTH.fullmatch(value):
            first = moment_of(f"{value}-01", now, zone)
            return (first + timedelta(days=31)).replace(day=1) if ends else first
        whole_day = ":" not in value and not _AGO.fullmatch(value.lower())
        return moment_of(value, now, zone) + timedelta(days=ends and whole_day)
    except (ConfigError, OverflowError) as error:
        raise term.wrong("no such time", f"{near(value, _DAYS)}{MOMENTS[0].upper()}{MOMENTS[1:]}.") from error
