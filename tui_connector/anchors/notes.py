"""Signs checkpoints, and checks the signatures of notes."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from tui_connector.domain.checkpoint import Checkpoint, Note, VerifierKey
from tui_connector.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

CREDENTIAL = "audit.checkpoints"  # the name under which the vault keeps the private half
SEAL_SCHEMA = "tui-connector/pack/1"
_FIELD = "private_key"


class Secrets(Protocol):
    """What is needed of the vault."""

    def open(self, connection: str) -> dict[str, str]:
        """The secrets under a name; ConfigError when there are none."""


class Signer:
    """The key of this installation that signs checkpoints; it is no person's."""

    def __init__(self, store: str, private: Ed25519PrivateKey) -> None:
        self._store = store
        self._private = private
        self.key = VerifierKey(key_name(store), private.public_key().public_bytes_raw())

    @classmethod
    def make(cls, store: str) -> Signer:
        """A new key."""
        return cls(store, Ed25519PrivateKey.generate())

    @classmethod
    def open(cls, store: str, vault: Secrets) -> Signer:
        """The key that the vault keeps; ConfigError when it does not open, or is none."""
        try:
            raw = base64.b64decode(vault.open(CREDENTIAL).get(_FIELD, ""), validate=True)
            return cls(store, Ed25519PrivateKey.from_private_bytes(raw))
        except ValueError as error:
            raise ConfigError(
                "the key that signs checkpoints is not one",
                hint=f"Forget it, and a new one is made: tui-connector credentials delete {CREDENTIAL}",
            ) from error

    def secret(self) -> dict[str, str]:
        """What the vault is to seal."""
        return {_FIELD: base64.b64encode(self._private.private_bytes_raw()).decode()}

    def sign(self, seq: int, digest: str, at: datetime) -> Note:
        """The signed note of one state of the chain."""
        checkpoint = Checkpoint(self._store, seq, digest, at, self.key.signer)
        made = self._private.sign(checkpoint.to_text().encode())
        return Note(checkpoint, ((self.key.name, self.key.id, made),))

    def seal(self, digest: str) -> str:
        """A signed note over the digest of an evidence pack, in the form of a checkpoint's."""
        text = f"{SEAL_SCHEMA}\nstore {self._store}\ndigest {digest}\nsigner {self.key.signer}\n"
        made = base64.b64encode(self.key.id + self._private.sign(text.encode())).decode()
        return f"{text}\n— {self.key.name} {made}\n"


def key_name(store: str) -> str:
    """The name of a store's keys."""
    return f"tui-connector/{store}"


def is_signed(note: Note, keys: Iterable[VerifierKey]) -> bool:
    """Whether the key that the checkpoint names is one of these and has signed it."""
    made = note.own
    for key in keys:
        if made is not None and key.signer == note.checkpoint.signer:
            try:
                Ed25519PublicKey.from_public_bytes(key.public).verify(made, note.checkpoint.to_text().encode())
            except InvalidSignature:
                continue
            return True
    return False
