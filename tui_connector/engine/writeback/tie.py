"""The tie-out of a posting: what was exported, proposed, posted and read back, by company code and currency: pure."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tui_connector.domain.proposal import DocumentState
from tui_connector.domain.text import clean
from tui_connector.domain.tie import Difference, Hop, HopTotal, Tie, Total, Verdict
from tui_connector.engine.scopes import money
from tui_connector.review.amounts import counted
from tui_connector.review.marks import chosen

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tui_connector.domain.proposal import PostingDocument, Proposal

PARTS = ("Company Code", "Currency", "Document")
_REFUSED = (DocumentState.REJECTED, DocumentState.HELD)


def posting_tie(proposal: Proposal, documents: Sequence[PostingDocument]) -> Tie:
    """Tied when every document was read back equal to the cent; unverified while nobody can tell of one."""
    posted = [one for one in documents if one.accounting_document]
    proved = [one for one in documents if _is_proved(one)]
    open_ = [one for one in documents if not _is_proved(one)]
    control = next((gate.words for gate in proposal.gates if gate.name == "control total"), "")
    hops = (
        HopTotal(Hop.EXPORTED, proposal.origin.rows, note=control),
        _hop(Hop.PROPOSED, documents),
        _hop(Hop.POSTED, posted),
        _hop(Hop.READ_BACK, proved),
    )
    differences = tuple(_difference(one) for one in open_)
    if not open_:
        verdict = Verdict.TIED
        whole = "The document was" if len(documents) == 1 else f"All {len(documents):,} documents were"
        words = f"{whole} read back equal{money(_debits(documents))}."
    elif any(one.state in _REFUSED for one in open_):
        verdict = Verdict.NOT_TIED
        words = (
            f"{len(proved):,} of {counted(len(documents), 'document')} were read back equal: {differences[0].words}."
        )
    else:
        verdict = Verdict.UNVERIFIED
        words = f"{counted(len(open_), 'document')} of {len(documents):,} not read back: {differences[0].words}."
    return Tie(verdict, clean(words, limit=400), PARTS, hops, len(open_), found=differences)


def _is_proved(one: PostingDocument) -> bool:
    return one.state is DocumentState.VERIFIED and not one.difference


def _difference(one: PostingDocument) -> Difference:
    said = one.document
    words = one.difference or one.said or str(one.state)
    if chosen(one):
        words = f"settled by a person's word: {words}"
    found = Total(said.items, said.debit) if one.accounting_document else None
    place = (said.company_code, said.currency, str(said.number))
    return Difference(
        place, (Hop.PROPOSED, Hop.READ_BACK), Total(said.items, said.debit), found,
        clean(f"document {said.number} {words}", limit=300),
    )  # fmt: skip


def _hop(hop: Hop, documents: Sequence[PostingDocument]) -> HopTotal:
    lines = sum(one.document.items for one in documents)
    return HopTotal(hop, lines, _debits(documents), note=counted(len(documents), "document"))


def _debits(documents: Iterable[PostingDocument]) -> dict[str, Decimal]:
    made: dict[str, Decimal] = {}
    for one in documents:
        made[one.document.currency] = made.get(one.document.currency, Decimal(0)) + one.document.debit
    return made
