"""Canonical JSON of many rows at once, by the quick encoder, and its digest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tui_connector.domain.canonical import canonical, sha256

if TYPE_CHECKING:
    from collections.abc import Sequence


def canonical_rows(rows: Sequence[object]) -> str:
    """As `canonical`, for a list of texts or of tuples of texts and whole numbers: nothing to sort, so much quicker."""
    try:
        return msgspec.json.encode(rows).decode()
    except UnicodeEncodeError:
        return canonical(rows)


def stored_digest(rows: Sequence[Sequence[object]]) -> str:
    """SHA-256 of rows that were read back; "" when one holds bytes, which the encoder would write as a text."""
    if any(isinstance(value, bytes) for row in rows for value in row):
        return ""
    return sha256(canonical_rows(rows))
