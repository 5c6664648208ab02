"""A store that was put back to an earlier state: what it believes not to have sent may be in SAP."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tui_connector.domain.errors import RefusedError
from tui_connector.domain.proposal import DocumentState, ProposalState
from tui_connector.engine.writeback.mark import is_behind, mark_behind, write_mark
from tui_connector.store.backup import restore

if TYPE_CHECKING:
    from pathlib import Path

    from tui_connector.domain.flow import WritebackFlow
    from tui_connector.engine.context import RunContext
    from tui_connector.engine.writeback.terms import Terms
    from tui_connector.store.backup import Copy
    from tui_connector.store.database import Transaction
    from tui_connector.store.store import Store

# planned ones become ready first; what was open may have been sent once more after that state
_DOUBTFUL = (DocumentState.READY, DocumentState.SENDING, DocumentState.UNKNOWN)


def put_back(url: str, mark: Path, file: Path, reason: str, by: str) -> Copy:
    """Put a backup in the store's place; a later state that it replaces, or may have, counts as lost from then on.

    The posting mark tells so: before anything is sent, what may have been sent is looked up in SAP, and a person
    confirms. See `store.backup.restore` for what it raises.
    """

    def tell(copy: Store, now: Store | None) -> None:
        same = now is not None and now.id == copy.id and now.audit.last_seq() == copy.audit.last_seq()
        if not same:
            mark_behind(mark, copy)

    return restore(url, file, reason, by, tell)


def notice_restore(context: RunContext[WritebackFlow], terms: Terms) -> None:
    """Where the store may have forgotten what it sent, every document that may have been sent becomes unknown.

    The posting mark tells of a store that was put back. A server that took over may lack what was committed last.
    """
    store = context.store
    behind, (noted, server) = is_behind(terms.mark, store), store.restores.servers()
    if not behind and noted == server:
        return
    with store.transaction() as tx:
        if behind or noted:
            _doubt(tx, context, terms, "put back to an earlier state" if behind else "taken over by another server")
        if behind:
            store.restores.notice(tx)
            context.checkpoints.fact(tx, "store.restored_behind", context.run.flow)
        if noted != server:
            store.restores.note_server(tx, context.checkpoints.actor)
    if behind:
        write_mark(terms.mark, store)


def _doubt(tx: Transaction, context: RunContext[WritebackFlow], terms: Terms, what: str) -> None:
    store, run, fence = context.store, context.run, context.fence
    until = context.clock.now() + timedelta(seconds=terms.posting.quiet_seconds)
    for proposal in store.proposals.each(states=(ProposalState.APPROVED,)):
        store.postings.make_ready(tx, run.id, fence, proposal.id)
        for one in store.proposals.documents(proposal.id):
            if one.state in _DOUBTFUL:
                store.postings.move(
                    tx, run.id, fence, proposal.id, one.document.number, expect=_DOUBTFUL,
                    to=DocumentState.UNKNOWN, actor=context.checkpoints.actor, look_at=until, looks=0,
                    said=f"the store was {what}",
                )  # fmt: skip


def require_whole(context: RunContext[WritebackFlow]) -> None:
    """Raise RefusedError while nobody has confirmed that what the store holds as posted is all that was posted."""
    since = context.store.restores.open_since()
    if since is not None:
        raise RefusedError(
            f"The store was put back to an earlier state, noticed {since:%Y-%m-%d %H:%M} UTC; postings made after that "
            "state may be missing in it.",
            hint="compare with SAP (documents with reference PL…), then `proposals restored --reason …`",
        )
