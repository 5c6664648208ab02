"""What was signed against what would be sent: every difference is named, and then nothing is sent."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tui_connector.approval.keys import verify
from tui_connector.domain.errors import AuthenticationError, RefusedError, StaleProposalError
from tui_connector.domain.proposal import ProposalState, fingerprint_of, read_statement, short_fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from tui_connector.approval.keys import Directory, PublicKey
    from tui_connector.domain.proposal import Approval, PostingDocument, Proposal, ProposalHead

_WORDS = {
    "environment": "the environment",
    "sap": "the SAP address",
    "workspace_id": "the Anaplan workspace",
    "model_id": "the Anaplan model",
    "ledger_words": "the target",
    "mapping": "the mapping or a rule of the flow",
}
_BYTES = "would be sent as other bytes"
_AGAIN = "run the flow again for a new proposal and have that approved"


def check_binding(
    proposal: Proposal,
    documents: Sequence[PostingDocument],
    approvals: Sequence[Approval],
    directory: Directory,
    *,
    head: ProposalHead,
    now: datetime,
    needed: int,
    single_operator: bool,
) -> tuple[PublicKey, ...]:
    """The keys that signed, when enough of them hold for exactly these documents on exactly this target.

    head: as the configuration has it now. needed: how many different approvers must have signed.

    Raises:
        StaleProposalError: content, target or time are not what was signed; the message says what differs.
        RefusedError: signatures are missing or do not hold.
    """
    if proposal.state is not ProposalState.APPROVED:
        raise RefusedError(f"{proposal.name} is {proposal.state}, not approved.", hint="only what is approved is sent")
    check_head(proposal, head)
    if now >= proposal.expires_at:
        raise StaleProposalError(f"{proposal.name} expired at {proposal.expires_at:%Y-%m-%d %H:%M} UTC.", hint=_AGAIN)
    counted = standing(directory, approvals)
    signers = [_signer(proposal, documents, approval, directory, single=single_operator) for approval in counted]
    given = min(len({key.key_id for key in signers}), len({key.user for key in signers}))
    if given < needed:
        for lapsed in approvals:
            if lapsed not in counted:  # say why it does not count
                _signer(proposal, documents, lapsed, directory, single=single_operator)
        raise RefusedError(
            f"{proposal.name} needs {needed} different approvers and has {given}.",
            hint=f"`proposals release {proposal.name}`, then let another approver sign",
        )
    if fingerprint_of(proposal.head, [one.document for one in documents]) != proposal.fingerprint:
        raise StaleProposalError(
            f"{proposal.name}: its documents are not those of fingerprint {proposal.short}.", hint=_tampered(proposal)
        )
    return tuple(signers)


def standing(directory: Directory, approvals: Iterable[Approval]) -> list[Approval]:
    """Those whose key is enrolled and was not revoked since."""
    enrolled = {key.key_id for key in directory.keys() if key.revoked_at is None}  # noqa: SIM118 - not a dict
    return [approval for approval in approvals if approval.key_id in enrolled]


def check_head(proposal: Proposal, head: ProposalHead) -> None:
    """Raise StaleProposalError naming what of the target or the mapping is not what the proposal was made for."""
    was, now = asdict(proposal.head), asdict(head)
    moved = [
        f"{_words(name)} was {was[name]!r} and is {now[name]!r}"
        for name in was
        if name not in ("reverses", "repeat") and was[name] != now[name]
    ]
    if moved:
        raise StaleProposalError(f"{proposal.name} was made for something else: {'; '.join(moved)}.", hint=_AGAIN)


def check_separation(proposal: Proposal, *, key_id: str, user: str, by: str) -> None:
    """Raise RefusedError when the approver is the author, by key, by enrolled user or by who acts."""
    if key_id and key_id == proposal.author_key:
        raise RefusedError(f"{proposal.name} was made with this very key.", hint="another person has to approve it")
    if proposal.author in (user, by):
        raise RefusedError(
            f"{proposal.name} was made by {proposal.author}, who cannot approve it.",
            hint="another person has to approve it; [approval] single_operator allows it where there is only one",
        )


def _signer(
    proposal: Proposal,
    documents: Sequence[PostingDocument],
    approval: Approval,
    directory: Directory,
    *,
    single: bool,
) -> PublicKey:
    try:
        key = verify(directory, approval)
        said = read_statement(approval.statement)
        differences = [*_about(said, approval), *_differences(said, proposal, documents)]
    except (AuthenticationError, AttributeError, TypeError, ValueError) as error:  # also a statement of another form
        raise RefusedError(
            f"{proposal.name}: the approval by {approval.name} does not hold: {error}",
            hint="have it approved again with a key that is enrolled",
        ) from error
    if not single:
        check_separation(proposal, key_id=key.key_id, user=key.user, by=approval.by)
    if differences:
        raise StaleProposalError(
            f"{proposal.name} is not what {approval.name} signed: {'; '.join(differences[:3])}"
            + (f" and {len(differences) - 3} more." if len(differences) > 3 else "."),
            hint=_tampered(proposal),
        )
    return key


def _about(said: dict[str, Any], approval: Approval) -> Iterator[str]:
    """What the store tells of the signing itself; key, user and name are looked at with the signature."""
    if said.get("signed_by") != approval.by:
        yield f"who acted is {approval.by}, signed was {said.get('signed_by')}"
    if said.get("signed_at") != _text(approval.at):
        yield f"the time of the signature is {_text(approval.at)}, signed was {said.get('signed_at')}"


def _differences(said: dict[str, Any], proposal: Proposal, documents: Sequence[PostingDocument]) -> list[str]:
    found: list[str] = []
    head, signed_origin = said.get("head") or {}, said.get("origin") or {}
    if said.get("fingerprint") != proposal.fingerprint:
        found.append(
            f"its fingerprint is {proposal.short}, signed was {short_fingerprint(str(said.get('fingerprint')))}"
        )
    found += [
        f"{_words(name)} is {value!r}, signed was {head.get(name)!r}"
        for name, value in asdict(proposal.head).items()
        if head.get(name) != value
    ]
    origin = {**asdict(proposal.origin), "exported_at": _text(proposal.origin.exported_at)}
    found += [f"the export's {name} is not the signed one" for name, value in origin.items()
              if signed_origin.get(name) != value]  # fmt: skip
    plain = {
        "gross": {currency: format(amount, "f") for currency, amount in proposal.gross.items()},
        "lines": proposal.lines,
        "author": proposal.author,
        "author_key": proposal.author_key,
        "made_at": _text(proposal.made_at),
        "expires_at": _text(proposal.expires_at),
        "company_codes": sorted({one.document.company_code for one in documents}),
        "posting_dates": sorted({one.document.posting_date.isoformat() for one in documents}),
    }
    found += [f"{name.replace('_', ' ')} is {value}, signed was {said.get(name)}" for name, value in plain.items()
              if said.get(name) != value]  # fmt: skip
    signed_gates = said.get("gates") or {}
    found += [
        f"gate {gate.name} says {gate.verdict}: {gate.words}, signed was {': '.join(signed_gates.get(gate.name, ()))}"
        for gate in proposal.gates
        if [gate.verdict.value, gate.words] != signed_gates.get(gate.name)
    ]
    found += [f"gate {name} is missing" for name in signed_gates.keys() - {gate.name for gate in proposal.gates}]
    signed = {number: (digest, payload) for number, digest, payload in said.get("documents") or ()}
    present = {one.document.number: (one.document.digest, one.payload_digest) for one in documents}
    differing = [number for number in {**signed, **present} if signed.get(number) != present.get(number)]
    hows = [(number, _how(signed.get(number), present.get(number))) for number in differing]
    hows.sort(key=lambda one: one[1] == _BYTES)  # where the content is another one, the bytes of all are
    found += [f"document {number} {how}" for number, how in hows]
    return found


def _how(signed: tuple[str, str] | None, present: tuple[str, str] | None) -> str:
    if signed is None:
        return "was not among the signed ones"
    if present is None:
        return "is missing"
    return "holds other lines than the signed one" if signed[0] != present[0] else _BYTES


def _words(name: str) -> str:
    return _WORDS.get(name, name.replace("_", " "))


def _text(moment: datetime | None) -> str | None:
    """A moment as canonical JSON writes it."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def _tampered(proposal: Proposal) -> str:
    return f"nothing was sent; `audit verify` tells what was changed, and a new run of {proposal.flow} proposes again"
