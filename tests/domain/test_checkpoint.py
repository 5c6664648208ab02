"""The form of a checkpoint: what it says comes back, and nothing else passes for one."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from tui_connector.domain.checkpoint import Checkpoint, Note, VerifierKey, read_notes

STORE = "0123456789abcdef0123456789abcdef"
KEY = VerifierKey(f"tui-connector/{STORE}", bytes(range(32)))
CHECKPOINT = Checkpoint(STORE, 1234, "ab" * 32, datetime(2026, 11, 26, 7, 0, 0, 5, tzinfo=UTC), KEY.signer)
NOTE = Note(CHECKPOINT, ((KEY.name, KEY.id, bytes(64)),))


def test_what_a_note_says_comes_back() -> None:
    assert read_notes(NOTE.to_text()) == (NOTE,)
    assert NOTE.own == bytes(64)


def test_a_note_is_written_in_these_lines() -> None:
    assert NOTE.to_text() == (
        f"tui-connector/checkpoint/1\nstore {STORE}\nseq 1234\nhash {'ab' * 32}\ntime 2026-11-26T07:00:00.000005Z\n"
        f"signer {KEY.signer}\n\n— {KEY.name} {base64.b64encode(KEY.id + bytes(64)).decode()}\n"
    )


def test_a_key_has_the_id_that_c2sp_gives_it() -> None:
    assert KEY.id == sha256(f"{KEY.name}\n".encode() + b"\x01" + KEY.public).digest()[:4]
    assert VerifierKey.from_text(KEY.to_text() + "\n") == KEY


def test_a_key_in_use_elsewhere_reads_as_one() -> None:
    """The public key of Go's checksum database, which follows the same rule."""
    known = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
    assert VerifierKey.from_text(known).to_text() == known


@pytest.mark.parametrize("blanks", [0, 1, 3])
def test_a_file_holds_any_number_of_notes(blanks: int) -> None:
    other = replace(NOTE, checkpoint=replace(CHECKPOINT, seq=7))
    assert read_notes(("\n" * blanks).join((NOTE.to_text(), other.to_text()))) == (NOTE, other)
    assert read_notes("\n\n") == ()


def test_a_signature_of_another_key_is_kept_and_not_taken_for_its_own() -> None:
    cosigned = replace(NOTE, signatures=(("witness.example", b"abcd", b"x" * 76), *NOTE.signatures))
    assert read_notes(cosigned.to_text()) == (cosigned,)
    assert cosigned.own == bytes(64)
    assert replace(NOTE, signatures=cosigned.signatures[:1]).own is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("seq 1234", "seq 01234"),
        ("seq 1234", "seq 0"),
        ("checkpoint/1", "checkpoint/2"),
        ("\n", "\r\n"),
        ("hash a", "hash A"),
        ("000005Z", "000005+00:00"),
        ("store ", "store  "),
        ("\n\n— ", "\n— "),
        ("\n\n— ", "\n\n- "),
        ("— tui", "—  tui"),
    ],
)
def test_nothing_else_passes_for_a_note(old: str, new: str) -> None:
    with pytest.raises(ValueError, match="line 1"):
        read_notes(NOTE.to_text().replace(old, new))


@pytest.mark.parametrize("text", ["", "a+b", "a+00000000+AQ==", KEY.to_text().replace("tui", "tux")])
def test_no_key_of_another_form(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        VerifierKey.from_text(text)


def test_no_character_of_a_note_says_nothing() -> None:
    """Base64 that ends within a byte would leave bits that anyone may change."""
    text = NOTE.to_text()
    for at in range(len(text)):
        changed = text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]
        try:
            assert read_notes(changed) != (NOTE,)
        except ValueError:
            continue
