"""What a review pack is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from tui_connector.domain.proposal import Approval, PostingDocument, Proposal, ProposedLine


@dataclass(frozen=True, slots=True)
class PackData:
    """One proposal with all that belongs to it.

    lines: gives them from the first, each time it is called, in the order of their numbers. environment: of this
    installation. names: by field of the line and number, for example ("gl_account", "61000000"): "Maintenance".
    """

    proposal: Proposal
    approvals: tuple[Approval, ...]
    documents: tuple[PostingDocument, ...]
    lines: Callable[[], Iterator[ProposedLine]]
    environment: str
    now: datetime
    names: Mapping[tuple[str, str], str] = field(default_factory=dict)
