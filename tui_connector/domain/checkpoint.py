"""A checkpoint of the audit chain: one signed note that says how far the chain reached and what its digest was then.

The form is C2SP's signed note (c2sp.org/signed-note). All of it is UTF-8, lines end in a newline alone::

    tui-connector/checkpoint/1
    store 0123456789abcdef0123456789abcdef
    seq 1234
    hash 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    time 2026-11-26T07:00:00.123456Z
    signer tui-connector/0123456789abcdef0123456789abcdef+1a2b3c4d

    — tui-connector/0123456789abcdef0123456789abcdef Gis8TW…

The text is the six lines with the newline of the last one; it is what Ed25519 signs. A blank line ends it. Then comes
one line for each signature: em dash, space, key name, space, base64 of four bytes of key id and 64 bytes of signature.

- store: the store's id, given when it was made. seq: number of the last event covered. hash: digest of that event,
  which covers every event before it. time: when it was signed, UTC. signer: key name, "+", key id in hexadecimal.
- key id: the first four bytes of SHA-256 over key name, newline, the byte 01 (Ed25519), the public key of 32 bytes.
- verifier key, the way to hand the public half on, in one line: key name, "+", key id in hexadecimal, "+", base64 of
  the byte 01 and the public key.

A file of checkpoints is any number of notes, one after the other, with any number of blank lines between two. C2SP
lets a note carry signatures of unknown keys, which are passed over; here a note also needs one of its own signer. The
text is ours: C2SP's tlog-checkpoint speaks of Merkle trees, and this log is a chain.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

SCHEMA = "tui-connector/checkpoint/1"
_ED25519 = b"\x01"
_KEY_BYTES = 32
_SIGNATURE_BYTES = 64
_TEXT = re.compile(
    re.escape(SCHEMA) + r"\nstore (?P<store>[0-9a-f]{32})\nseq (?P<seq>[1-9][0-9]{0,15})\nhash (?P<hash>[0-9a-f]{64})"
    r"\ntime (?P<time>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z)"
    r"\nsigner (?P<name>[^\s+]+)\+(?P<id>[0-9a-f]{8})\n"
)


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The public half of a key that signs checkpoints. name: "tui-connector/" and the store's id."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        """Four bytes that tell the key from others of its name."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    @property
    def signer(self) -> str:
        """How a checkpoint names it."""
        return f"{self.name}+{self.id.hex()}"

    def to_text(self) -> str:
        """One line, without its newline."""
        return f"{self.signer}+{base64.b64encode(_ED25519 + self.public).decode()}"

    @classmethod
    def from_text(cls, text: str) -> VerifierKey:
        """The opposite of `to_text`; ValueError says what is wrong."""
        parts = text.strip().split("+", 2)
        if len(parts) != 3:
            raise ValueError("a verifier key is written name+id+key")
        name, key_id, packed = parts
        content = _bytes(packed)
        if content[:1] != _ED25519 or len(content) != 1 + _KEY_BYTES or not re.fullmatch(r"[^\s+]+", name):
            raise ValueError("it is no Ed25519 verifier key")
        key = cls(name, content[1:])
        if key.id.hex() != key_id:
            raise ValueError("its id does not belong to its key")
        return key


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is signed. seq and digest: of the last event covered. signer: name and id of the key."""

    store: str
    seq: int
    digest: str
    at: datetime
    signer: str

    def to_text(self) -> str:
        """The bytes that are signed, as text; whole lines."""
        time = self.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return f"{SCHEMA}\nstore {self.store}\nseq {self.seq}\nhash {self.digest}\ntime {time}\nsigner {self.signer}\n"

    @classmethod
    def from_text(cls, text: str) -> Checkpoint:
        """The opposite of `to_text`; ValueError for anything else, however slightly."""
        found = _TEXT.fullmatch(text)
        if found is None:
            raise ValueError("it is no checkpoint of this program")
        at = datetime.strptime(found["time"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        return cls(found["store"], int(found["seq"]), found["hash"], at, f"{found['name']}+{found['id']}")


@dataclass(frozen=True, slots=True)
class Note:
    """A checkpoint with its signatures, each as (key name, key id, signature); nothing is verified yet."""

    checkpoint: Checkpoint
    signatures: tuple[tuple[str, bytes, bytes], ...]

    def to_text(self) -> str:
        """The whole note."""
        lines = [f"— {name} {base64.b64encode(key + made).decode()}\n" for name, key, made in self.signatures]
        return f"{self.checkpoint.to_text()}\n{''.join(lines)}"

    @property
    def own(self) -> bytes | None:
        """The signature of the key that the checkpoint names; None when it has none."""
        named = self.checkpoint.signer
        return next((made for name, key, made in self.signatures if f"{name}+{key.hex()}" == named), None)


def read_notes(text: str) -> tuple[Note, ...]:
    """Every note of a file; ValueError names the line that is none. A file without a note holds none."""
    notes, lines, at = list[Note](), text.split("\n"), 0
    while at < len(lines):
        if not lines[at]:
            at += 1
            continue
        try:
            note, after = _note(lines, at)
        except ValueError as error:
            raise ValueError(f"line {at + 1}: {error}") from error
        notes.append(note)
        at = after
    return tuple(notes)


def _note(lines: list[str], at: int) -> tuple[Note, int]:
    """The note that begins at a line, and where the next may begin."""
    blank = lines.index("", at) if "" in lines[at:] else len(lines)
    checkpoint = Checkpoint.from_text("".join(f"{line}\n" for line in lines[at:blank]))
    signatures, after = list[tuple[str, bytes, bytes]](), blank + 1
    while after < len(lines) and lines[after].startswith("— "):
        signatures.append(_signature(lines[after]))
        after += 1
    if not signatures:
        raise ValueError("the checkpoint has no signature")
    return Note(checkpoint, tuple(signatures)), after


def _signature(line: str) -> tuple[str, bytes, bytes]:
    parts = line.split(" ")
    if len(parts) != 3:
        raise ValueError("a signature is written: em dash, key name, base64")
    content = _bytes(parts[2])
    if len(content) <= 4:
        raise ValueError("a signature is too short")
    return parts[1], content[:4], content[4:]


def _bytes(text: str) -> bytes:
    """What base64 says, which has one way only to say it; ValueError for another."""
    content = base64.b64decode(text, validate=True)
    if base64.b64encode(content).decode() != text:
        raise ValueError("base64 with a rest that says nothing")
    return content
