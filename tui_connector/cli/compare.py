"""proposals compare: is the plan still what a proposal was made from?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.bootstrap import open_installation
from tui_connector.cli import Exit
from tui_connector.cli.flows import describe, work_off
from tui_connector.cli.out import print_json, say
from tui_connector.domain.errors import RefusedError
from tui_connector.domain.run import Purpose, RunRequest, RunState
from tui_connector.review.amounts import plain
from tui_connector.views.staleness import moved_words

if TYPE_CHECKING:
    import argparse
    from decimal import Decimal
    from typing import Any

    from tui_connector.store.comparisons import MovedRow


def compare(given: argparse.Namespace) -> int:
    """Let the plan be exported again, and say what moved."""
    with open_installation(given.config) as installation:
        store, proposal = installation.store, installation.store.proposals.find(given.id)
        if proposal.head.reverses or proposal.state.ended:
            why = "a reversal: no plan can move under it" if proposal.head.reverses else f"{proposal.state}"
            raise RefusedError(
                f"{proposal.name} is {why}.", hint=f"`proposals show {proposal.name}` tells how it stands"
            )
        wish = RunRequest(proposal.flow, purpose=Purpose.CHECK, proposal=proposal.id)
        ids = installation.request_runs([wish], installation.person())
        interrupted = work_off(installation, ids, quiet=given.json)
        run, found = store.runs.get(ids[0]), store.comparisons.latest(proposal.name)
        if found is not None and found.run_id != run.id:  # it came to no comparison
            found = None
        rows = store.comparisons.rows(proposal.id, run.id)
    if given.json:
        print_json(describe(run) | {"moved": found and found.moved, "rows": [_described(row) for row in rows]})
    else:
        say(given, {}, f"{run.state}: {run.reason}")
        for row in rows:
            say(given, {}, f"  {moved_words(row)}")
    if interrupted:
        return Exit.INTERRUPTED
    if found is None:
        return Exit.FAILED if run.state is RunState.FAILED else Exit.WAITING
    return Exit.REFUSED if found.moved else Exit.DONE


def _described(row: MovedRow) -> dict[str, Any]:
    def told(amount: Decimal | None) -> str | None:
        return None if amount is None else plain(amount, row.currency)

    return {**row._asdict(), "was": told(row.was), "now": told(row.now)}
