"""A mark: how a state is told on every screen, by its shape, its word and last by a colour's role."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mark:
    """A shape, its word, and the role that colours the shape."""

    glyph: str
    word: str
    role: str

    @property
    def word_role(self) -> str:
        """The word's role: what is well stays in ink, only its shape is coloured."""
        return "ink" if self.role == "ok" else self.role
