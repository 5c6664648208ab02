"""How a document and a change are told wherever they are shown: a shape and a word; each place has its own colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.domain.proposal import LEFT_OUT, Change, DocumentState

if TYPE_CHECKING:
    from tui_connector.domain.proposal import PostingDocument

SIGNS = {
    Change.NEW: "+",
    Change.CHANGED: "~",
    Change.WITHDRAWN: "-",
    Change.UNCHANGED: "·",
    Change.INDIRECT: "≈",
}
_STATES = {
    DocumentState.PLANNED: ("○", "planned"),
    DocumentState.READY: ("○", "ready"),
    DocumentState.SENDING: ("●", "sending"),
    DocumentState.UNKNOWN: ("?", "outcome unknown"),
    DocumentState.POSTED: ("●", "posted"),
    DocumentState.VERIFIED: ("✓", "proved"),
    DocumentState.REJECTED: ("✗", "refused by SAP"),
    DocumentState.HELD: ("◇", "held"),
}
_CHOSEN = {
    DocumentState.VERIFIED: "posted, says a person",
    DocumentState.REJECTED: "not posted, says a person",
}


def chosen(document: PostingDocument) -> bool:
    """Whether a person's word settled it: what was held first has a difference then, what was never sent says so."""
    return document.state in _CHOSEN and (bool(document.difference) or document.said.startswith(LEFT_OUT))


def standing(document: PostingDocument) -> tuple[str, str]:
    """A document's state: its shape and its word."""
    return ("◆", _CHOSEN[document.state]) if chosen(document) else _STATES[document.state]
