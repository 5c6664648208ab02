"""Pieces that more than one part of the evidence report is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.review.markup import cell, heading, heads, safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from tui_connector.review.report_data import Report

_STATES = {
    "verified": ("✓", "ok", "proved"), "posted": ("●", "", "posted"), "rejected": ("✗", "fail", "refused"),
    "unknown": ("?", "warn", "outcome unknown"), "held": ("◇", "warn", "held"), "sending": ("●", "warn", "sending"),
    "planned": ("○", "muted", "planned"), "ready": ("○", "muted", "ready"), "given up": ("◇", "muted", "given up"),
    "approved": ("●", "", "approved"), "superseded": ("◇", "muted", "superseded"), "expired": ("◇", "muted", "expired"),
    "failed": ("✗", "fail", "failed"), "blocked": ("✗", "warn", "not started"), "waiting": ("◌", "warn", "waiting"),
    "cancelled": ("◇", "muted", "cancelled"), "running": ("◌", "warn", "under way"), "open": ("○", "", "open"),
    "tied": ("✓", "ok", "tied"), "not tied": ("≠", "fail", "not tied"), "unverified": ("–", "muted", "unverified"),
    "soft": ("▲", "warn", "soft"), "closed": ("■", "muted", "closed"),
}  # fmt: skip


def section(title: str, note: str, *parts: str) -> str:
    """A section with its heading."""
    return f"<section>{heading(title, note)}{''.join(parts)}</section>\n"


def nothing(words: str) -> str:
    """What is said where there is nothing to list."""
    return f'<p class="none">{safe(words)}</p>\n'


def table(names: Sequence[str], rows: Iterable[Sequence[str]], plain: str = "") -> str:
    """A table of cells that are markup; the column named `plain` takes the room that is left."""
    kinds = ["n" if name.startswith(">") else "any" if name == plain else "" for name in names]
    body = "".join("<tr>" + "".join(map(cell, row, kinds)) + "</tr>\n" for row in rows)
    return f'<div class="wide"><table><thead>{heads(*names)}</thead><tbody>\n{body}</tbody></table></div>\n'


def said_table(names: Sequence[str], rows: Iterable[tuple[Sequence[str], str]]) -> str:
    """A table of cells that are markup; under each row a sentence about it has all the room."""
    kinds = ["n" if name.startswith(">") else "" for name in names]
    body = "".join(
        f'<tr>{"".join(map(cell, row, kinds))}</tr>\n<tr class="said"><td></td><td colspan="{len(names) - 1}">{words}'
        "</td></tr>\n"
        for row, words in rows
    )
    return f'<div class="wide"><table><thead>{heads(*names)}</thead><tbody>\n{body}</tbody></table></div>\n'


def left_out(data: Report, name: str, member: str) -> str:
    """How many rows are in a member alone."""
    count = data.more.get(name, 0)
    return f'<p class="muted">{count:,} more are in <code>{member}</code>.</p>\n' if count else ""


def mark(glyph: str, tone: str, words: str) -> str:
    """A shape and its words, which stay on one line."""
    return f'<span class="w"><span class="mark {tone}" aria-hidden="true">{glyph}</span>{safe(words)}</span>'


def bad(glyph: str, words: str) -> str:
    """Something that is wrong: its shape and its words."""
    return f'<span class="fail"><span class="mark" aria-hidden="true">{glyph}</span>{safe(words)}</span>'


def state(word: str) -> str:
    """A state of anything: its shape and its word."""
    return mark(*_STATES.get(word, ("·", "muted", word)))


def at(data: Report, value: datetime | None) -> str:
    """A moment in the zone of whoever made the pack."""
    if value is None:
        return "–"
    local = value.astimezone(data.zone)
    return f'<span class="w">{local:%Y-%m-%d %H:%M} {safe(local.tzname() or "")}</span>'


def keys(*said: tuple[str, str]) -> str:
    """A legend of tones."""
    told = (f'<li><i class="key {tone}"></i>{safe(words)}</li>' for tone, words in said)
    return f'<ul class="legend">{"".join(told)}</ul>\n'
