"""Pieces of markup that more than one part of the page is made of."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from tui_connector.domain.proposal import Change, DocumentState
from tui_connector.domain.text import clean
from tui_connector.review.amounts import ABSENT
from tui_connector.review.marks import SIGNS, chosen, standing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tui_connector.domain.proposal import PostingDocument

_CHANGE_TONES = {
    Change.NEW: "more",
    Change.CHANGED: "",
    Change.WITHDRAWN: "less",
    Change.UNCHANGED: "muted",
    Change.INDIRECT: "muted",
}
_STATE_TONES = {
    DocumentState.PLANNED: "muted",
    DocumentState.READY: "muted",
    DocumentState.SENDING: "warn",
    DocumentState.UNKNOWN: "warn",
    DocumentState.POSTED: "",
    DocumentState.VERIFIED: "ok",
    DocumentState.REJECTED: "fail",
    DocumentState.HELD: "warn",
}


def safe(text: str) -> str:
    """Text as the page may hold it: data, never markup."""
    return escape(clean(text))


def code(text: str) -> str:
    """A name that people compare digit by digit."""
    return f"<code>{safe(text)}</code>" if text else ABSENT


def heading(title: str, note: str = "") -> str:
    """A section's title on its line, with a note at the right."""
    return f"<h2>{safe(title)}{f'<small>{safe(note)}</small>' if note else ''}</h2>\n"


def facts(rows: Iterable[tuple[str, str]]) -> str:
    """Labels before their values, which are markup; those without a value are left out."""
    return "<dl>" + "".join(f"<dt>{safe(label)}</dt><dd>{value}</dd>" for label, value in rows if value) + "</dl>\n"


def fingerprint(whole: str) -> str:
    """All digits in groups of four, the first two groups marked."""
    groups = [safe(whole[at : at + 4]) for at in range(0, len(whole), 4)]
    return f"<code><b>{' '.join(groups[:2])}</b> {' '.join(groups[2:])}</code>"


def changed(change: Change) -> str:
    """A change class: its sign and its word."""
    return _marked(SIGNS[change], _CHANGE_TONES[change], change)


def state_word(document: PostingDocument) -> str:
    """A document's state: its shape and its word."""
    glyph, word = standing(document)
    return _marked(glyph, "warn" if chosen(document) else _STATE_TONES[document.state], word)


def _marked(glyph: str, tone: str, word: str) -> str:
    return f'<span class="w"><span class="mark {tone}" aria-hidden="true">{glyph}</span>{word}</span>'


def cell(content: str, kind: str = "") -> str:
    """One cell of a table; its content is markup."""
    return f'<td class="{kind}">{content}</td>' if kind else f"<td>{content}</td>"


def heads(*names: str) -> str:
    """A row of column heads; a name that begins with ">" heads numbers."""
    told = (
        f'<th class="n">{safe(name[1:])}</th>' if name.startswith(">") else f"<th>{safe(name)}</th>" for name in names
    )
    return f"<tr>{''.join(told)}</tr>"
