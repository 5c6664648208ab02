"""A concern: what a load would do, or meet, that a person may want to know of before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from tui_connector.domain.canonical import canonical, sha256

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class Rule(StrEnum):
    """What a concern means for the run. GO_ON: it is noted. ASK: a person allows it first. STOP: the run fails."""

    GO_ON = "go on"
    ASK = "ask"
    STOP = "stop"


class Look(StrEnum):
    """What was looked at. DEFINITIONS: files, imports and fields. MASTERS: members of a list. PERIODS: closed ones."""

    DEFINITIONS = "definitions"
    MASTERS = "masters"
    PERIODS = "periods"


@dataclass(frozen=True, slots=True)
class Concern:
    """One thing that a look before a load has found.

    change: what kind of thing, in a word or two ("renamed", "column gone"). subject: what it is about: a code, a
    column, a company code and period. was, now: the two sides of it; "" where one has none. effect: what it would do,
    in plain words.
    """

    look: Look
    rule: Rule
    change: str
    subject: str
    was: str = ""
    now: str = ""
    effect: str = ""

    @property
    def digest(self) -> str:
        """What a permission is bound to: another state of things on either side is another concern."""
        return sha256(canonical([self.look.value, self.change, self.subject, self.was, self.now]))


@dataclass(frozen=True, slots=True)
class Survey:
    """What the looks of one run have found. counts: by look, change and rule, everything found."""

    run_id: int
    counts: Mapping[tuple[Look, str, Rule], int]

    def total(self, rule: Rule) -> int:
        """How many concerns of one rule."""
        return sum(count for (_, _, one), count in self.counts.items() if one is rule)


@dataclass(frozen=True, slots=True)
class Permission:
    """A person's word that what a run asked about may be done. used_by: the run that went on with it, if any."""

    run_id: int
    reason: str
    by: str
    at: datetime
    used_by: int | None
