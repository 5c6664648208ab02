"""Text from a tenant is data: cleaned before a person or a log sees it."""

from __future__ import annotations

import unicodedata

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def clean(text: str, *, limit: int | None = None) -> str:
    """Replace control, format and bidirectional characters, and cut to `limit` characters."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() or unicodedata.category(c) == "Zs" else _REPLACEMENT for c in text)
    if limit is not None and len(text) > limit:
        return text[: limit - 1] + "…"
    return text


def clean_lines(text: str) -> str:
    """The same for a text of several lines, which stay lines."""
    return "\n".join(map(clean, text.split("\n")))
