"""What a writeback is bound by beside its flow: the environment, who may sign, and how SAP is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta
    from pathlib import Path

    from tui_connector.approval.keys import Directory
    from tui_connector.domain.flow import WritebackFlow
    from tui_connector.domain.ledger import PeriodStatus
    from tui_connector.domain.proposal import ProposalHead


@dataclass(frozen=True, slots=True)
class PostingPolicy:
    """Seconds and counts of the posting state machine.

    quiet_seconds: after a lost answer, before SAP is asked for the document. looks: without a finding before it counts
    as not posted; look_seconds: between two. prove_seconds: within which a posted document must show. resend: send
    again by itself what counts as not posted. attempts: sendings of one document at most. recheck_seconds: age at which
    SAP's masters are read anew between two documents.
    """

    quiet_seconds: float = 900.0
    looks: int = 2
    look_seconds: float = 60.0
    prove_seconds: float = 600.0
    resend: bool = False
    attempts: int = 3
    test_run: bool = True
    recheck_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Terms:
    """Fixed for one worker.

    head: where a flow's proposals come from and go, as configured now. expires: life of a proposal. unset: what a
    period without an entry counts as. exports: folder in which exports are kept as evidence. mark: the posting mark.
    """

    directory: Directory
    head: Callable[[WritebackFlow], ProposalHead]
    single_operator: bool
    expires: timedelta
    unset: PeriodStatus
    posting: PostingPolicy
    exports: Path
    mark: Path
