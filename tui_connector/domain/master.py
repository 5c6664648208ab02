"""A master of SAP as a load last saw it: its name, where it belongs, and whether it can still be used."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Standing(StrEnum):
    """How SAP holds a master, from good to gone. BLOCKED also stands for marked for deletion."""

    VALID = "valid"
    BLOCKED = "blocked"
    EXPIRED = "expired"
    MISSING = "missing"


class Change(StrEnum):
    """What can be found about a master before a load; the values are settings and words on screens alike.

    DOUBLED: one code for two masters or two members, or a second spelling of one code.
    """

    NEW = "new"
    RENAMED = "renamed"
    MOVED = "moved"
    BLOCKED = "blocked"
    EXPIRED = "expired"
    REAPPEARED = "reappeared"
    MISSING = "missing"
    DOUBLED = "doubled"


class Master(NamedTuple):
    """One master; a tuple, since a list has up to a million. places: what the flow's place columns hold."""

    code: str
    name: str
    places: tuple[str, ...]
    standing: Standing = Standing.VALID
