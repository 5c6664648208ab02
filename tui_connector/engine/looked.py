"""What one look before a load comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tui_connector.domain.concern import Concern
    from tui_connector.store.database import Transaction


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found, and what is written when the run goes on: what the next look has to know."""

    concerns: Sequence[Concern] = ()
    keep: Callable[[Transaction], None] | None = None
