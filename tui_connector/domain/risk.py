"""What of a line asks for a second look, though no gate closes over it."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Risk(StrEnum):
    """Why a line asks for a second look."""

    ROUND = "round sum"
    DAY = "posting date"
    FIRST_USE = "first use"
    SIGN = "sign"
    LIMIT = "limit"
    NEAR_LIMIT = "near a limit"


class Flag(NamedTuple):
    """One reason on one line, in words, as it was when the proposal was made."""

    risk: Risk
    words: str
