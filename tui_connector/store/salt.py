"""A random number among data that may be erased: their digest stays, and without it nobody can check a guess."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = ""  # as which nothing else is called
_BITS = 128


def salted(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data with a salt of their own; decimal digits, so that no person's name is found in it."""
    return {**data, _NAME: str(secrets.randbits(_BITS))}


def unsalted(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data as they were given."""
    return {name: value for name, value in data.items() if name != _NAME}
