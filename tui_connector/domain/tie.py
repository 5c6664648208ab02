"""Tie-out: whether Anaplan holds what SAP holds, told by counts and totals for each scope."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

Scope = tuple[str, ...]  # one value for each part that the flow's control names


class Verdict(StrEnum):
    """What a run's tie-out came to. UNVERIFIED: nothing could be read back, so nobody can tell."""

    TIED = "tied"
    NOT_TIED = "not tied"
    UNVERIFIED = "unverified"


class Hop(StrEnum):
    """Where figures are taken on the way of a load or, from EXPORTED on, of a posting, in order.

    READ: out of SAP's pages. STAGED: into the trail, whatever becomes of them. LEFT: of these, what is not sent since
    it is refused here or unchanged. UPLOADED: what went out as lines of the file. IMPORTED: rows that
    Anaplan's result accounts for, and the sums of those that it did not refuse. SOURCE: SAP asked again, for control
    figures alone. READ_BACK: what Anaplan holds; of a posting what SAP shows. EXPORTED: rows of the plan. PROPOSED:
    lines to be posted. POSTED: lines of documents that SAP gave a number.
    """

    READ = "read"
    STAGED = "staged"
    LEFT = "left out"
    UPLOADED = "uploaded"
    IMPORTED = "imported"
    SOURCE = "source"
    READ_BACK = "read back"
    EXPORTED = "exported"
    PROPOSED = "proposed"
    POSTED = "posted"


class Total(NamedTuple):
    """Rows of one scope and the sum of their amounts; None where that is not told."""

    records: int | None
    amount: Decimal | None = None


class Difference(NamedTuple):
    """One scope in which two hops do not agree, and why that may be in plain words.

    expected, found: None when the scope is not there at all. between: the two hops.
    """

    scope: Scope
    between: tuple[Hop, Hop]
    expected: Total | None
    found: Total | None
    words: str


@dataclass(frozen=True, slots=True)
class HopTotal:
    """All scopes of one hop together.

    records: None where the hop tells none. amounts: by currency; None where none are summed. gross: the same without
    the scopes' signs, since a ledger's debits and credits are nothing together. digest: of scopes with their sums,
    whatever their order; "" where a hop tells no scopes. note: what the figure leaves out, in plain words. sums: every
    scope, to be kept with the run; sheet: what they are kept as, "" where they are not.
    """

    hop: Hop
    records: int | None
    amounts: Mapping[str, Decimal] | None = None
    digest: str = ""
    note: str = ""
    gross: Mapping[str, Decimal] | None = None
    sheet: str = ""
    sums: Mapping[Scope, Total] | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Tie:
    """The tie-out of one run.

    words: the verdict in one sentence. parts: what the values of a scope are called. hops: in their order.
    differences: how many scopes differ; the first of them are kept with the run. explained: records that Anaplan does
    not hold since they were refused. moving: scopes left to the next run, since SAP changed them meanwhile.
    """

    verdict: Verdict
    words: str
    parts: tuple[str, ...] = ()
    hops: tuple[HopTotal, ...] = ()
    differences: int = 0
    explained: int = 0
    moving: int = 0
    found: tuple[Difference, ...] = field(default=(), repr=False)
