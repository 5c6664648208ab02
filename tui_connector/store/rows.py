"""Canonical JSON of many rows at once, by the quick encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tui_connector.domain.canonical import canonical

if TYPE_CHECKING:
    from collections.abc import Sequence


def canonical_rows(rows: Sequence[object]) -> str:
    """As `canonical`, for a list of texts or of tuples of texts and whole numbers: nothing to sort, so much quicker."""
    try:
        return msgspec.json.encode(rows).decode()
    except UnicodeEncodeError:
        return canonical(rows)
