"""The people of the afternoon, with keys that are the same every time, and how an installation of theirs is opened."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from unittest.mock import patch

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tui_connector.approval import keys as approver_keys
from tui_connector.approval.keys import KeyFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tui_connector.domain.clock import Clock

PASSPHRASE = "quiet grey harbour"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account on the machine."""

    name: str
    account: str

    def key(self, folder: Path, clock: Clock) -> KeyFile:
        """Where this person's key is."""
        return KeyFile(folder / "homes" / self.account.replace(":", "-") / "approver.key", clock=clock)


NOVAK = Person("a.novak", "uid:54101")
LINDQVIST = Person("t.lindqvist", "uid:54102")
KELLER = Person("m.keller", "uid:54103")
PEOPLE = (NOVAK, LINDQVIST, KELLER)


def enrol(folder: Path, approvers: Path, clock: Clock) -> None:
    """Make everybody's key and put its public half where it counts."""
    approvers.mkdir(mode=0o755, parents=True, exist_ok=True)
    for person in PEOPLE:
        with _given(person.name):
            public = person.key(folder, clock).create(
                person.name, person.account, PASSPHRASE, environments=("PRODUCTION",)
            )
        path = approvers / public.file_name
        path.write_text(public.to_text(), encoding="utf-8")
        path.chmod(0o644)


def seed(name: str) -> Ed25519PrivateKey:
    """A private key that follows from a name."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())


def certificate(name: str, ends: datetime) -> dict[str, str]:
    """A self-signed certificate with its key, as the vault takes it."""
    key = seed(name)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), 4711, ends - timedelta(days=365), ends)
        .sign(key, None)
        .public_bytes(Encoding.PEM)
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {"certificate_pem": made.decode(), "private_key_pem": private.decode(), "passphrase": ""}


CERTIFICATE_ENDS = datetime(2026, 12, 13, 11, 0, tzinfo=UTC)


@contextmanager
def _given(name: str) -> Iterator[None]:
    class Given(Ed25519PrivateKey):
        @classmethod
        def generate(cls) -> Ed25519PrivateKey:
            return seed(name)

    with patch.object(approver_keys, "Ed25519PrivateKey", Given):
        yield
