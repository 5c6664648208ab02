"""Signatures over checkpoints: one's own hold, and no other."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from tui_connector.anchors.notes import Signer, is_signed
from tui_connector.domain.checkpoint import read_notes

STORE = "0123456789abcdef0123456789abcdef"
AT = datetime(2026, 11, 26, 7, 0, tzinfo=UTC)


def test_a_note_holds_under_the_key_that_signed_it_alone() -> None:
    signer, other = Signer.make(STORE), Signer.make(STORE)
    (note,) = read_notes(signer.sign(7, "ab" * 32, AT).to_text())
    assert is_signed(note, [other.key, signer.key])
    assert not is_signed(note, [other.key])
    assert not is_signed(replace(note, checkpoint=replace(note.checkpoint, seq=8)), [signer.key])
    borrowed = replace(note, signatures=other.sign(7, "ab" * 32, AT).signatures)
    assert not is_signed(borrowed, [signer.key, other.key])


def test_the_key_comes_back_from_the_vault() -> None:
    signer = Signer.make(STORE)

    class Vault:
        def open(self, connection: str) -> dict[str, str]:
            assert connection == "audit.checkpoints"
            return signer.secret()

    assert Signer.open(STORE, Vault()).key == signer.key
