"""proposals: the list, what people say of them, and the review pack."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tui_connector.approval.decisions import line_numbers
from tui_connector.bootstrap import Installation, open_installation
from tui_connector.cli import Exit
from tui_connector.cli.files import write_whole
from tui_connector.cli.out import print_json, say, table
from tui_connector.cli.telling import proposal_state
from tui_connector.domain.errors import RefusedError
from tui_connector.domain.proposal import STANDING, LineDecision, ProposalState
from tui_connector.review.amounts import by_currency, counted
from tui_connector.review.evidence import pack_json
from tui_connector.review.pack import PackData
from tui_connector.review.page import html
from tui_connector.review.sheet import csv_lines, return_lines
from tui_connector.views.approvals import describe_proposal, target, waits_for
from tui_connector.views.words import age, figure

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from tui_connector.approval.decisions import Decisions
    from tui_connector.domain.proposal import Proposal

_PACKS: dict[str, Callable[[PackData], Iterator[str]]] = {
    "csv": csv_lines,
    "json": pack_json,
    "html": html,
    "return": return_lines,
}


def overview(given: argparse.Namespace) -> int:
    """What waits or is open; with --all also what ended, after it."""
    with open_installation(given.config, read_only=True) as installation:
        store, now = installation.store, installation.clock.now()
        found = store.proposals.history(given.limit, states=STANDING)
        if given.all and len(found) < given.limit:
            ended = [state for state in ProposalState if state.ended]
            found += store.proposals.history(given.limit - len(found), states=ended)
        rows = [(one, waits_for(store, one, now)) for one in found]
    if given.json:
        print_json([describe_proposal(one) | {"waits_for": waits} for one, waits in rows])
    elif not rows:
        more = "" if given.all else " `proposals list --all` shows those that ended."
        say(given, [], f"No proposal waits; a writeback flow makes one when its plan is approved.{more}")
    else:
        heads = (
            "proposal", "fingerprint", "state", "flow", "target", "docs", "lines", "gross", "age", "waits for",
        )  # fmt: skip
        cells = [
            (
                one.name, one.short, proposal_state(one, now), one.flow, target(one), figure(one.documents),
                figure(one.lines), by_currency(one.gross), age(now - one.made_at), waits,
            )
            for one, waits in rows
        ]  # fmt: skip
        spare = ("flow", "lines", "docs", "age", "target", "fingerprint")
        table(heads, cells, numbers=("docs", "lines", "gross"), spare=spare)
    return Exit.DONE


def hold(given: argparse.Namespace) -> int:
    """Set a proposal or lines of it aside."""
    return _decide(given, ProposalState.HELD, LineDecision.HELD)


def release(given: argparse.Namespace) -> int:
    """Take a hold back."""
    return _decide(given, ProposalState.PLANNED, LineDecision.NONE)


def reject(given: argparse.Namespace) -> int:
    """End a proposal, or leave lines of it out."""
    return _decide(given, ProposalState.REJECTED, LineDecision.REJECTED)


def _decide(given: argparse.Namespace, to: ProposalState, decision: LineDecision) -> int:
    with open_installation(given.config) as installation:
        proposal, decisions = installation.store.proposals.find(given.id), installation.decisions()
        by = installation.person()
        if given.lines is not None:
            numbers = _undecided_lines(proposal, given.lines)
            decisions.decide_lines(proposal.id, numbers, decision, given.reason, by)
            return _say_lines(given, proposal, numbers, decision.value or "released", decisions)
        decisions.check_change(proposal, to)
        act = {ProposalState.HELD: decisions.hold, ProposalState.PLANNED: decisions.release}
        now = act.get(to, decisions.reject)(proposal.id, given.reason, by)
    value = {"proposal": now.name, "state": now.state, "reason": now.reason}
    say(given, value, f"{now.name} is {now.state}: {now.reason}")
    return Exit.DONE


def comment(given: argparse.Namespace) -> int:
    """Write beside lines."""
    with open_installation(given.config) as installation:
        proposal, decisions = installation.store.proposals.find(given.id), installation.decisions()
        numbers = _undecided_lines(proposal, given.lines)
        decisions.comment(proposal.id, numbers, given.text, installation.person())
        return _say_lines(given, proposal, numbers, "commented", decisions)


def _say_lines(
    given: argparse.Namespace, proposal: Proposal, numbers: list[int], what: str, decisions: Decisions
) -> int:
    out = decisions.taken_out(proposal.id)
    value = {"proposal": proposal.name, "lines": numbers, "decision": what, "taken_out": out}
    told = f"{counted(len(numbers), 'line')} of {proposal.name}: {what}."
    if out:
        told += f" {out} of {counted(proposal.lines, 'line')} taken out;"
        told += f" `proposals revise {proposal.name}` proposes the others."
    say(given, value, told)
    return Exit.DONE


def _undecided_lines(proposal: Proposal, text: str) -> list[int]:
    if not proposal.state.undecided:
        raise RefusedError(
            f"{proposal.name} is {proposal.state}: nothing of its lines can be decided any more.",
            hint=f"`proposals show {proposal.name}` tells how it stands",
        )
    return line_numbers(text, proposal.lines)


def export(given: argparse.Namespace) -> int:
    """The review pack: to standard output, or whole or not at all into a file."""
    kind = given.format or ("json" if given.json else "csv")
    with open_installation(given.config, read_only=True) as installation:
        proposal = installation.store.proposals.find(given.id)
        pieces = _PACKS[kind](_pack(installation, proposal))
        if given.output is None:
            sys.stdout.writelines(pieces)
            return Exit.DONE
        path = Path(given.output).absolute()
        size, digest = write_whole(path, pieces)
    value = {"proposal": proposal.name, "format": kind, "file": str(path), "bytes": size, "sha256": digest}
    say(given, value, f"{path}: {figure(size)} bytes, SHA-256 {digest}.")
    return Exit.DONE


def _pack(installation: Installation, proposal: Proposal) -> PackData:
    proposals = installation.store.proposals
    return PackData(
        proposal,
        tuple(proposals.approvals(proposal.id)),
        tuple(proposals.documents(proposal.id)),
        lambda: proposals.each_line(proposal.id),
        installation.settings.environment,
        installation.clock.now(),
        installation.store.names.all(proposal.head.sap),
    )
