"""proposals: sign, post, revise, reverse, and a person's word on a held document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

from tui_connector.approval.decisions import check_typed
from tui_connector.approval.keys import KeyFile
from tui_connector.bootstrap import Installation, open_installation
from tui_connector.cli import Exit
from tui_connector.cli.approver import key_path, passphrase
from tui_connector.cli.flows import describe, summary, work_off
from tui_connector.cli.out import asked, console, facts, moment, print_json, say, say_next
from tui_connector.cli.telling import document_table, sentence, troubles
from tui_connector.cli.verdict import judge, proposal_made
from tui_connector.domain.errors import ConfigError, RefusedError
from tui_connector.domain.proposal import DocumentState, ProposalState, Verdict
from tui_connector.domain.run import Purpose
from tui_connector.domain.text import clean
from tui_connector.review.amounts import counted, listed
from tui_connector.review.rollup import consequence
from tui_connector.views.acting import chosen_words
from tui_connector.views.approvals import describe_proposal, target, waits_for
from tui_connector.views.documents import describe_document

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from tui_connector.approval.decisions import Signed
    from tui_connector.domain.proposal import Proposal


def approve(given: argparse.Namespace) -> int:
    """Sign a proposal with one's own key; with lines taken out of it, propose the others instead."""
    with open_installation(given.config) as installation:
        proposal, decisions = installation.store.proposals.find(given.id), installation.decisions()
        out = decisions.taken_out(proposal.id) if proposal.state.undecided else 0
        if out:
            console(error=True).print(
                Text(f"{counted(out, 'line')} of {proposal.name} taken out: the others become a proposal of their own.")
            )
            return _remake(installation, given, proposal, Purpose.REVISE)
        flow, by = installation.writeback(proposal.flow), installation.person()
        head = installation.head(flow)
        decisions.check(proposal, flow, head)
        key = KeyFile(key_path(given))
        public = key.public()
        decisions.check_person(proposal, public, by)
        _show_what_is_signed(installation, proposal)
        typed = given.fingerprint if given.fingerprint is not None else _ask_fingerprint(proposal)
        check_typed(proposal, typed)
        secret = passphrase(f"passphrase of the key {public.name}: ")
        signed = decisions.approve(
            proposal.id, typed=typed, key=key, passphrase=secret, by=by, flow=flow, head=head
        )  # fmt: skip
        value = {
            "proposal": proposal.name, "state": signed.proposal.state, "signed_by": public.name, "key": public.key_id,
            "signed_at": signed.approval.at, "given": signed.given, "needed": signed.needed, "runs": signed.run_ids,
        }  # fmt: skip
        if not signed.run_ids or not given.wait:
            say(given, value, _signed_words(signed))
            return Exit.DONE if signed.run_ids else Exit.WAITING
        if not given.json:
            say(given, value, _signed_words(signed))
        return _post(installation, given, signed.proposal, signed.run_ids, value)


def _show_what_is_signed(installation: Installation, proposal: Proposal) -> None:
    """On standard error, so that an answer in JSON stays one."""
    documents = installation.store.proposals.documents(proposal.id)
    days = listed(sorted({one.document.posting_date.isoformat() for one in documents}))
    out = console(error=True)
    out.print(Text(f"{clean(consequence(proposal, documents))}.", "bold"))
    out.print(
        Text(clean(f"Into {target(proposal)} of {proposal.head.sap}, {proposal.head.environment}; posting {days}."))
    )
    for gate in proposal.gates:
        if gate.verdict is not Verdict.PASS:
            out.print(Text.assemble(("▲ ", "yellow"), clean(f"{gate.name}: {gate.words}")))


def _ask_fingerprint(proposal: Proposal) -> str:
    nobody = ConfigError(
        f"the fingerprint of {proposal.name} was not given",
        hint='read it from what you reviewed, and say it: --fingerprint "…"; standard input is for the passphrase',
    )
    return asked(f"Type the first eight digits of the fingerprint of {proposal.name}: ", nobody)


def _signed_words(signed: Signed) -> str:
    proposal, by = signed.proposal, signed.approval
    told = f"Signed {moment(by.at)} UTC by {by.name}."
    if not signed.run_ids:
        told += f" {signed.given} of {signed.needed} signatures are given: another approver has to sign."
        return f"{told}\nnext: tui-connector proposals approve {proposal.name}"
    runs = listed(map(str, signed.run_ids))
    what = f"run {runs} posts it" if len(signed.run_ids) == 1 else f"runs {runs} compare and post it"
    return f"{told} {proposal.name} is approved; {what}, by a worker or `tui-connector proposals post {proposal.name}`."


def post(given: argparse.Namespace) -> int:
    """Post what is approved, look up what is open, and wait until all is proved and Anaplan is told."""
    with open_installation(given.config) as installation:
        store = installation.store
        proposal = store.proposals.find(given.id)
        if proposal.state is ProposalState.POSTED:
            installation.request_status(proposal, installation.person())
            ids: Sequence[int] = ()
        else:
            documents = store.proposals.documents(proposal.id)
            if proposal.state is not ProposalState.APPROVED and all(one.state.unsent for one in documents):
                raise RefusedError(
                    f"{proposal.name} is {proposal.state}, not approved: nothing of it is sent.",
                    hint=f"`proposals show {proposal.name}` tells what it waits for",
                )
            installation.writeback(proposal.flow)
            ids = installation.request_posting(proposal, installation.person())
        return _post(installation, given, proposal, ids, {})


def _post(
    installation: Installation,
    given: argparse.Namespace,
    proposal: Proposal,
    ids: Sequence[int],
    value: dict[str, Any],
) -> int:
    """Work these runs off, and what Anaplan is told afterwards; then tell what became of each document."""
    store = installation.store
    interrupted = bool(ids) and work_off(installation, ids, quiet=given.json)
    told = [
        run.id
        for run in (*store.runs.running(), *store.runs.waiting())
        if run.proposal == proposal.id and run.purpose is Purpose.STATUS
    ]
    if told and not interrupted:
        interrupted = work_off(installation, told, quiet=given.json)
    runs = [store.runs.get(run_id) for run_id in (*ids, *told)]
    proposal, documents = store.proposals.get(proposal.id), store.proposals.documents(proposal.id)
    if given.json:
        described = [describe_document(proposal, one) for one in documents]
        print_json(
            value | describe_proposal(proposal) | {"posting": described, "runs": [describe(one) for one in runs]}
        )  # fmt: skip
    else:
        document_table(documents)
        troubles(proposal, documents)
        facts_of = [(f"run {one.id}", f"{one.purpose}: {one.reason}") for one in runs if one.reason]
        if facts_of:
            facts(facts_of)
        say(given, None, sentence(proposal, documents))
        for hint in dict.fromkeys(one.hint for one in runs if one.hint):
            say_next(hint)
    return Exit.INTERRUPTED if interrupted else judge(store, runs)


def revise(given: argparse.Namespace) -> int:
    """Propose again without the lines that were held or rejected."""
    with open_installation(given.config) as installation:
        proposal = installation.store.proposals.find(given.id)
        installation.decisions().check_revise(proposal)
        return _remake(installation, given, proposal, Purpose.REVISE)


def reverse(given: argparse.Namespace) -> int:
    """Propose the opposite of what was posted and proved."""
    if not given.reason.strip():
        raise ConfigError("a reversal needs a reason", hint="say why, for those who read it later")
    with open_installation(given.config) as installation:
        proposal = installation.store.proposals.find(given.id)
        installation.decisions().check_reverse(proposal)
        return _remake(installation, given, proposal, Purpose.REVERSE, given.reason)


def _remake(
    installation: Installation, given: argparse.Namespace, proposal: Proposal, purpose: Purpose, reason: str = ""
) -> int:
    store = installation.store
    ids = [installation.request_remake(proposal, purpose, reason, installation.person())]
    interrupted = work_off(installation, ids, quiet=given.json)
    run = store.runs.get(ids[0])
    number = proposal_made(store, run)
    made = None if number is None else store.proposals.get(number)
    if given.json:
        print_json(describe(run) | {"made": describe_proposal(made) if made else None})
    elif made is None:
        summary([run], installation.store)
    else:
        what = "reverses" if purpose is Purpose.REVERSE else "revises"
        waits = waits_for(store, made, installation.clock.now())
        say(given, None, f"{made.name} {made.short} {what} {proposal.name} and waits for {waits}.")
        say(given, None, f"{consequence(made, store.proposals.documents(made.id))}.")
        say_next(f"tui-connector proposals show {made.name}")
    return Exit.INTERRUPTED if interrupted else judge(store, [run])


def choose(given: argparse.Namespace) -> int:
    """A person's word on a held document, after it was looked up in SAP by its reference."""
    posted = given.posted is not None
    to = DocumentState.READY if given.send_again else DocumentState.VERIFIED if posted else DocumentState.REJECTED
    with open_installation(given.config) as installation:
        proposal = installation.store.proposals.find(given.id)
        now = installation.decisions().choose(
            proposal.id, given.document, to, typed=given.fingerprint, reason=given.reason, by=installation.person(),
            said=given.posted or "",
        )  # fmt: skip
        told = f"Document {given.document} of {proposal.name} {chosen_words(now)}: {given.reason}"
        say(
            given,
            {"proposal": proposal.name, **describe_document(proposal, now)},
            f"{told}\nnext: tui-connector proposals post {proposal.name}",
        )
    return Exit.DONE


def restored(given: argparse.Namespace) -> int:
    """A person has compared SAP with a store that was put back to an earlier state."""
    with open_installation(given.config) as installation:
        with installation.store.transaction() as tx:
            installation.store.restores.confirm(tx, given.reason, installation.person())
        say(given, {"confirmed": given.reason}, "Confirmed: plans are proposed again.")
    return Exit.DONE
