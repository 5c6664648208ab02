"""Where ":" leads: a screen's word, a run's number, a proposal, or a record's key."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_connector.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.screen import Screen

    from tui_connector.views.desk import Desk

_TABS = {
    "overview": "overview", "locks": "overview", "runs": "runs", "rejects": "rejects", "approvals": "approvals",
    "plans": "approvals", "proposals": "approvals", "audit": "audit", "events": "audit", "flows": "flows",
    "masters": "flows", "connections": "connections", "tenants": "connections",
}  # fmt: skip
WORDS = tuple(_TABS)
_RUN = re.compile(r"(?:run\s*)?(\d{1,9})", re.IGNORECASE)
_PROPOSAL = re.compile(r"P-?\d{1,7}", re.IGNORECASE)
_OPENERS: dict[str, Callable[[Desk, int], Screen[None]]] = {}


@dataclass(frozen=True, slots=True)
class Place:
    """A tab, with a screen to lay on it or a filter for it."""

    tab: str
    number: int | None = None
    filter: str | None = None

    def screen(self, desk: Desk) -> Screen[None] | None:
        """The screen to lay on the tab; None for the tab itself."""
        opener = _OPENERS.get(self.tab)
        return opener(desk, self.number) if opener and self.number is not None else None


def leads_to(tab: str, opener: Callable[[Desk, int], Screen[None]]) -> None:
    """Say which screen a number opens on a tab."""
    _OPENERS[tab] = opener


def find(desk: Desk, text: str) -> Place:
    """The place a person means; ConfigError tells near words when there is none. Reads the store."""
    said = " ".join(text.split())
    word = said.lower().removeprefix(":")
    if said.startswith("about:"):  # a key that looks like a number or a word
        return Place("audit", filter=said)
    if word in _TABS:
        return Place(_TABS[word])
    run = _RUN.fullmatch(said)
    if run and run[1].isdigit() and (not run[1].startswith("0")):
        return Place("runs", desk.store.runs.get(int(run[1])).id)
    if _PROPOSAL.fullmatch(said):
        return Place("approvals", desk.store.proposals.find(said).id)
    near = difflib.get_close_matches(word, WORDS, 1, 0.75)
    if near and word.isalpha():
        raise ConfigError(f"there is no screen {said}", hint=f"did you mean :{near[0]}?")
    return Place("audit", filter=f"about:{said}")
