"""Approvals that do not count, as somebody who may write anything into the store would make them: 0 posted."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.approval.rig import AUTHOR, FLOW, Rig, forged
from tests.engine.proposal.plans import NOW
from tui_connector.approval.keys import PublicKey
from tui_connector.domain.canonical import canonical, sha256
from tui_connector.domain.errors import ConnectorError, RefusedError, StaleProposalError
from tui_connector.domain.proposal import Approval, Proposal, approval_statement, read_statement
from tui_connector.store.database import to_micros

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Forger:
    """One who may write anything into the store, and has some keys, but not those of two honest approvers."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.private: dict[str, Ed25519PrivateKey] = {}
        self.public: dict[str, PublicKey] = {}
        for name, user in (("novak", "a.novak"), ("brandt", "b.brandt"), ("novak-2", "a.novak"), ("author", AUTHOR)):
            self.private[name] = Ed25519PrivateKey.generate()
            raw = self.private[name].public_key().public_bytes_raw()
            self.public[name] = PublicKey(sha256(raw)[:16], name, user, raw, ("TEST",), NOW)
        self.reset()
        self.rig.flow = FLOW
        self.made = rig.propose()
        self.twin = rig.propose(forged(rig.draft, 1, text="another plan"))

    def reset(self) -> None:
        """The keys in the folder as they were enrolled."""
        for path in self.rig.approvers.iterdir():
            path.unlink()
        for public in self.public.values():
            self.rig.write(public)

    def sign(self, name: str, proposal: Proposal | None = None, by: str = "uid:7", **other: Any) -> Approval:
        """A genuine approval. other: fields of the statement that are different, before it is signed."""
        proposal = proposal or self.rig.store.proposals.get(self.made.id)
        public = self.public[name]
        statement = approval_statement(
            proposal, self.rig.store.proposals.documents(proposal.id), key_id=public.key_id, user=public.user, by=by,
            signed_at=NOW, nonce="51c2" * 8,
        )  # fmt: skip
        if other:
            statement = canonical({**read_statement(statement), **other})
        signature = self.private[name].sign(statement.encode())
        return Approval(self.made.id, public.key_id, name, public.user, by, statement, signature, NOW)

    def tries(self, *approvals: Approval, **columns: Any) -> tuple[ConnectorError | None, int]:
        """Write the proposal approved by these into the store; what stops the posting, and how much was sent."""
        with self.rig.undone() as do:
            settle(do, self.made.id, approvals, columns)
            refused, sent = self.rig.refusal(self.made.id)
        return refused, len(sent)


def settle(do: Any, proposal_id: int, approvals: tuple[Approval, ...], columns: dict[str, Any]) -> None:
    said = {"state": "approved", "checked_at": to_micros(NOW), **columns}
    do(f"UPDATE proposal SET {', '.join(f'{name} = ?' for name in said)} WHERE id = ?", *said.values(), proposal_id)
    for number, one in enumerate(approvals, 1):
        row = (
            proposal_id, number, one.key_id, one.name, one.user, one.by, one.statement, one.signature, to_micros(one.at)
        )  # fmt: skip
        do(f"INSERT INTO approval VALUES ({', '.join('?' * len(row))})", *row)


@pytest.fixture(scope="module")
def forger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forger]:
    """The audit chain is no help: the forger has written it anew."""
    rig = Rig(tmp_path_factory.mktemp("forger") / "rig")
    with patch.object(rig.store.audit, "proposal_fault", lambda *_: ""):
        forger = Forger(rig)
        assert forger.tries(forger.sign("novak"), forger.sign("brandt")) == (None, 3)
        yield forger
    rig.store.close()


FIELDS = sorted(
    ("fingerprint", "gross", "lines", "documents", "company_codes", "posting_dates", "gates", "author", "author_key",
     "made_at", "expires_at", "approver", "approver_key", "signed_by", "signed_at", "decision", "schema", "origin")
)  # fmt: skip


def forged_signature(forger: Forger, data: st.DataObject, name: str, honest: str) -> Any:
    good = forger.sign(name)
    way = data.draw(st.sampled_from(["flip", "random", "other key", "other text"]))
    bit = data.draw(st.integers(0, 511))
    signature = {
        "flip": bytes(byte ^ (1 << bit % 8 if place == bit // 8 else 0) for place, byte in enumerate(good.signature)),
        "random": data.draw(st.binary(min_size=0, max_size=80)),
        "other key": forger.private[honest].sign(good.statement.encode()),
        "other text": forger.private[name].sign(good.statement.encode() + b" "),
    }[way]
    return forger.tries(replace(good, signature=signature), forger.sign(honest))


def edited_statement(forger: Forger, data: st.DataObject, name: str, honest: str) -> Any:
    good = forger.sign(name)
    at = data.draw(st.integers(0, len(good.statement) - 1))
    text = good.statement[:at] + data.draw(st.characters(codec="ascii")) + good.statement[at + 1 :]
    if text == good.statement:
        text += " "
    return forger.tries(replace(good, statement=text), forger.sign(honest))


def signed_something_else(forger: Forger, data: st.DataObject, name: str, honest: str) -> Any:
    field = data.draw(st.sampled_from(FIELDS))
    value = data.draw(st.sampled_from(["", "x", 0, None, [], {}, [[1, "a", "b"]], {"EUR": "1.00"}]))
    assume(read_statement(forger.sign(name).statement)[field] != value)
    other: dict[str, Any] = {field: value}
    return forger.tries(forger.sign(name, **other), forger.sign(honest))


def signed_another_head(forger: Forger, data: st.DataObject, name: str, honest: str) -> Any:
    head = asdict(forger.made.head)
    field = data.draw(st.sampled_from(sorted(head.keys() - {"environment"})))
    return forger.tries(
        forger.sign(name, head={**head, field: data.draw(st.text(max_size=8)) + "~"}), forger.sign(honest)
    )


def other_environment(forger: Forger, data: st.DataObject, name: str, honest: str) -> Any:
    other = data.draw(st.sampled_from(["PROD", "DEMO", "test", "TEST ", ""]))
    if data.draw(st.booleans()):
        head = {**asdict(forger.made.head), "environment": other}
        if other:
            forger.rig.write(replace(forger.public[name], environments=("TEST", other.strip() + "x", other.strip())))
        return forger.tries(forger.sign(name, head=head), forger.sign(honest))
    forger.rig.write(replace(forger.public[name], environments=("PROD", "DEMO")))
    return forger.tries(forger.sign(name), forger.sign(honest))


def expired(forger: Forger, data: st.DataObject, name: str, honest: str) -> Any:
    forger.rig.clock.at = forger.made.expires_at + timedelta(seconds=data.draw(st.integers(0, 10**8)))
    longer = to_micros(forger.rig.clock.at + timedelta(hours=1))
    columns = {"checked_at": to_micros(forger.rig.clock.at)}
    if data.draw(st.booleans()):  # the store says that it lives longer
        columns["expires_at"] = longer
    pair = forger.sign(name), forger.sign(honest)
    return forger.tries(*pair, **columns)


def revoked_key(forger: Forger, data: st.DataObject, name: str, honest: str) -> Any:
    pair = forger.sign(name), forger.sign(honest)
    at = NOW + timedelta(days=data.draw(st.integers(-100, 100)))
    forger.rig.write(replace(forger.public[name], revoked_at=at))
    return forger.tries(*pair)


def removed_key(forger: Forger, data: st.DataObject, name: str, honest: str) -> Any:
    pair = forger.sign(name), forger.sign(honest)
    (forger.rig.approvers / f"{name}.json").unlink()
    if data.draw(st.booleans()):  # another key in its place
        raw = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
        forger.rig.write(replace(forger.public[name], key=raw, key_id=sha256(raw)[:16]))
    return forger.tries(*pair)


def key_of_another(forger: Forger, data: st.DataObject, name: str, honest: str) -> Any:
    user = data.draw(st.sampled_from(["c.third", forger.public[honest].user, AUTHOR]))
    pair = forger.sign(name), forger.sign(honest)
    if data.draw(st.booleans()):
        forger.rig.write(replace(forger.public[name], user=user))
        return forger.tries(*pair)
    return forger.tries(replace(pair[0], user=user), pair[1])


def copied(forger: Forger, data: st.DataObject, name: str, honest: str) -> Any:
    both = data.draw(st.booleans())
    return forger.tries(forger.sign(name, forger.twin), forger.sign(honest, forger.twin if both else None))


def one_person_twice(forger: Forger, data: st.DataObject, name: str, honest: str) -> Any:
    way = data.draw(st.sampled_from(["alone", "same row", "same key", "other key"]))
    one, again = forger.sign("novak"), forger.sign("novak", by=data.draw(st.sampled_from(["uid:8", "uid:9"])))
    more = {"alone": (), "same row": (one,), "same key": (again,), "other key": (forger.sign("novak-2"),)}[way]
    return forger.tries(one, *more)


def self_by_user(forger: Forger, data: st.DataObject, name: str, honest: str) -> Any:
    order = data.draw(st.permutations([forger.sign("author"), forger.sign(honest)]))
    return forger.tries(*order)


def self_by_key_or_uid(forger: Forger, data: st.DataObject, name: str, honest: str) -> Any:
    """The proposal says, and the approvals were given for it as it says so, that an approver made it."""
    by_key = data.draw(st.booleans())
    made = {"author_key": forger.public[name].key_id} if by_key else {"author": "uid:7"}
    told = replace(forger.made, **made)  # type: ignore[arg-type]
    return forger.tries(forger.sign(name, told), forger.sign(honest, told), **made)


def self_under_another_uid(forger: Forger, data: st.DataObject, name: str, honest: str) -> Any:
    """The author signed with an approver's key; the store is made to say that somebody else acted."""
    good = forger.sign(name, by=AUTHOR)
    by = data.draw(st.sampled_from(["uid:7", "", "uid:0"]))
    return forger.tries(replace(good, by=by), forger.sign(honest))


CHEATS = {
    "forged signature": forged_signature,
    "edited statement": edited_statement,
    "signed something else": signed_something_else,
    "signed another head": signed_another_head,
    "other environment": other_environment,
    "expired": expired,
    "revoked key": revoked_key,
    "removed key": removed_key,
    "key of another": key_of_another,
    "copied": copied,
    "one person twice": one_person_twice,
    "self by user": self_by_user,
    "self by key or uid": self_by_key_or_uid,
    "self under another uid": self_under_another_uid,
}
_FORGED = r"does not hold: the approval .* does not count"
WORDS = {
    name: re.compile(words)
    for name, words in {
        "forged signature": _FORGED,
        "edited statement": _FORGED,
        "signed something else": r"does not hold|is not what (novak|brandt) signed: ",
        "signed another head": r"is not what (novak|brandt) signed: .*is ['\d]",
        "other environment": r"not valid for the environment|is not what (novak|brandt) signed: the environment is 'TEST'",
        "expired": r"P-0001 expired at|expires at is",
        "revoked key": r"the key was revoked on",
        "removed key": r"holds no such key; it was never enrolled, or it was removed",
        "key of another": r"does not count: the approver's (user|name) is ",
        "copied": r"is not what (novak|brandt) signed: its fingerprint is",
        "one person twice": r"needs 2 different approvers and has 1|who acted is",
        "self by user": r"made by uid:4711, who cannot approve it",
        "self by key or uid": r"made with this very key|made by uid:7, who cannot approve it",
        "self under another uid": r"who acted is",
    }.items()
}


def test_no_approval_that_does_not_count_posts_anything(forger: Forger) -> None:
    tried: Counter[str] = Counter()

    def cases(cheat: str) -> Callable[[], None]:
        @settings(max_examples=40, deadline=None)
        @given(data=st.data())
        def case(data: st.DataObject) -> None:
            tried[cheat] += 1
            come_to_nothing(forger, data, cheat)

        return case

    for cheat in CHEATS:
        cases(cheat)()
    assert set(tried) == set(CHEATS)
    assert tried.total() >= 200


def come_to_nothing(forger: Forger, data: st.DataObject, cheat: str) -> None:
    """Cheat in that way, as drawn, and see that it is named and nothing is sent."""
    rig = forger.rig
    name, honest = data.draw(st.permutations(["novak", "brandt"]), label="who")
    single = data.draw(st.booleans(), label="single operator") and not cheat.startswith("self")
    with patch.object(rig, "single", single):
        try:
            refused, sent = CHEATS[cheat](forger, data, name, honest)
        finally:
            forger.reset()
            rig.clock.at = NOW
    assert sent == 0
    assert isinstance(refused, RefusedError | StaleProposalError), refused
    assert refused.hint
    assert WORDS[cheat].search(refused.message), refused.message
