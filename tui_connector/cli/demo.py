"""demo: the product, unchanged, against two simulated tenants on this machine."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from tui_connector.bootstrap import open_installation
from tui_connector.cli import Exit
from tui_connector.cli.console import require_terminal, run_console
from tui_connector.cli.flows import described, summary, work_off
from tui_connector.cli.out import console, print_json
from tui_connector.cli.progress import tail
from tui_connector.cli.telling import document_table, sentence
from tui_connector.cli.verdict import judge, proposal_made
from tui_connector.cli.worker import work
from tui_connector.demo import (
    FIRST_PERSON,
    PASSPHRASE,
    SECOND_PERSON,
    second_person,
    start_sandbox,
    write_demo_config,
)
from tui_connector.domain.run import Purpose, RunRequest
from tui_connector.review.rollup import consequence
from tui_connector.views.documents import tie

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from tui_connector.bootstrap import Installation
    from tui_connector.domain.proposal import Proposal


def demo(given: argparse.Namespace) -> int:
    """Start the sandbox, write a configuration for it, and run: once, or until stopped."""
    if not given.no_ui:
        require_terminal()
    out = console(error=True)
    with ExitStack() as stack:
        if given.state:
            folder = Path(given.state)
            folder.mkdir(parents=True, exist_ok=True)
        else:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tui-connector-demo-")))
        address = stack.enter_context(start_sandbox(given.line_items))
        config = write_demo_config(folder, address, scheduled=not given.once)
        out.print(Text(f"Two simulated tenants answer at {address}; configuration and store are in {folder}", "dim"))
        installation = stack.enter_context(open_installation(str(config)))
        requests = [RunRequest(flow.name) for flow in installation.flows]
        if given.once:
            return _once(installation, folder, installation.request_runs(requests, FIRST_PERSON), given)
        if not given.no_ui:
            installation.request_runs(requests, FIRST_PERSON)
            run_console(installation, given, approver_key=second_person(folder).path, worker_stays=False)
            return Exit.DONE
        out.print(Text("Every flow runs now and then each minute; Ctrl+C ends it.", "dim"))
        told = partial(tail, installation.store)
        installation.request_runs(requests, FIRST_PERSON)
        asyncio.run(work(installation, told))
        return Exit.DONE


def _once(installation: Installation, folder: Path, ids: list[int], given: argparse.Namespace) -> int:
    """Every flow, then the proposal's way into SAP; all that ran is told at the end."""
    if work_off(installation, ids, quiet=given.json):
        return Exit.INTERRUPTED
    runs = [installation.store.runs.get(run_id) for run_id in ids]
    if not given.json:
        summary(runs, installation.store)
    made = [number for run in runs if (number := proposal_made(installation.store, run)) is not None]
    if made:
        proposal = installation.store.proposals.get(made[0])
        posting = _write_back(installation, folder, proposal, given)
        runs += [installation.store.runs.get(run_id) for run_id in posting]
    if given.json:
        print_json(described(installation.store, runs))
    elif made:
        _show_posted(installation, proposal)
    # the runs that left the proposal to a person are answered for by those that posted it
    return judge(installation.store, [run for run in runs if not made or run.id != proposal.run_id])


def _write_back(
    installation: Installation, folder: Path, proposal: Proposal, given: argparse.Namespace
) -> Sequence[int]:
    """The demo's second person reads, signs, and the worker posts; the runs."""
    store, out = installation.store, console(error=True)
    flow = installation.writeback(proposal.flow)
    documents = store.proposals.documents(proposal.id)
    if not given.json:
        out.print(Text(f"\n{proposal.name}, fingerprint {proposal.short}: {consequence(proposal, documents)}", "bold"))
    signed = installation.decisions().approve(
        proposal.id, typed=proposal.short, key=second_person(folder), passphrase=PASSPHRASE, by=SECOND_PERSON,
        flow=flow, head=installation.head(flow),
    )  # fmt: skip
    if not given.json:
        out.print(Text(f"Approved by the demo's second person ({signed.approval.name}), who did not ask for it.\n"))
    work_off(installation, signed.run_ids, quiet=given.json)
    told = [run.id for run in store.runs.waiting() if run.purpose is Purpose.STATUS and run.proposal == proposal.id]
    if told:
        work_off(installation, told, quiet=given.json)
    return (*signed.run_ids, *told)


def _show_posted(installation: Installation, proposal: Proposal) -> None:
    proposal = installation.store.proposals.get(proposal.id)
    documents = installation.store.proposals.documents(proposal.id)
    document_table(documents)
    console().print(Text(sentence(proposal, documents), "bold"))
    console().print(Text(tie(proposal, documents)))
