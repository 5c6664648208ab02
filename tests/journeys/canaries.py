"""Secrets that can be told again wherever they have got to, in whatever form they are written there."""

from __future__ import annotations

import base64
import gzip
import html
import re
import secrets
import zipfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_TAGS = re.compile(rb"<[^>]+>")
_GZIP = b"\x1f\x8b"


def forms(text: bytes) -> dict[str, bytes]:
    """How a text may be written: plain, which is also how it stands in a URL or in JSON as long as it is plain letters
    and digits; in base64 at each of the three places that it can begin; in hexadecimal digits; as UTF-16."""
    found = {"plain": text, "hex": text.hex().encode(), "HEX": text.hex().upper().encode()}
    found["utf-16-le"], found["utf-16-be"] = (text.decode().encode(name) for name in ("utf-16-le", "utf-16-be"))
    for at in range(3):
        coded = base64.b64encode(bytes(at) + text)
        whole = coded[-(-8 * at // 6) : 8 * (at + len(text)) // 6]  # only what no neighbour takes part in
        found[f"base64+{at}"], found[f"base64url+{at}"] = whole, whole.translate(bytes.maketrans(b"+/", b"-_"))
    return found


@dataclass
class Canaries:
    """Secrets of one installation. All hold one mark, tokens that a tenant gives out as well; keys have parts of their own."""

    mark: str = field(default_factory=lambda: f"Kn{secrets.token_hex(7)}")
    _needles: dict[bytes, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._needles |= {form: f"a secret ({name})" for name, form in forms(self.mark.encode()).items()}

    def secret(self, name: str) -> str:
        """A new one, with characters that a URL, a form and JSON write in another way."""
        return f'{name}"/+ü%{self.mark}&={secrets.token_hex(3)}'

    def word(self, name: str) -> str:
        """A new one of letters and digits."""
        return f"{name}{self.mark}{secrets.token_hex(3)}"

    def certificate(self, passphrase: str, *, curve: bool) -> dict[str, str]:
        """A key under a passphrase, or under none, with its certificate; a curve's key holds the mark itself."""
        key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
        if curve:
            number = int.from_bytes(b"\1" + self.mark.encode() + secrets.token_bytes(15), "big")
            key = ec.derive_private_key(number, ec.SECP256R1())
        else:
            key = rsa.generate_private_key(65537, 2048)
            numbers = key.private_numbers()
            for name, part in (("p", numbers.p), ("q", numbers.q), ("d", numbers.d)):
                raw = part.to_bytes(-(-part.bit_length() // 8), "big")[8:32]
                self._needles |= {raw: f"an RSA key's {name}", raw.hex().encode(): f"an RSA key's {name} (hex)"}
        sealing = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealing).decode()
        self._needles |= {line.encode(): "a key's PEM" for line in pem.splitlines()[2:5] if len(line) == 64}
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "connector")])
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=90))
        shown = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()
        return {"certificate_pem": shown, "private_key_pem": pem, "passphrase": passphrase}

    def in_bytes(self, content: bytes) -> list[str]:
        """What of them stands there."""
        return sorted({name for needle, name in self._needles.items() if needle in content})

    def in_files(self, *roots: Path, apart_from: Iterable[Path] = ()) -> list[str]:
        """File and secret of each that stands in a file below, as it lies there or packed into it."""
        kept, found = set(apart_from), []
        for path in sorted(one for root in roots for one in (root.rglob("*") if root.is_dir() else [root])):
            if path.is_file() and not path.is_symlink() and path not in kept:
                for name, content in _contents(path):
                    found += [f"{name}: {what}" for what in self.in_bytes(content)]
        return found

    def in_processes(self, pids: Iterable[int]) -> list[str]:
        """In the arguments of any process of this machine, and in the environment of these."""
        found = []
        for path in [*Path("/proc").glob("[0-9]*/cmdline"), *(Path(f"/proc/{pid}/environ") for pid in pids)]:
            try:
                found += [f"{path}: {what}" for what in self.in_bytes(path.read_bytes())]
            except OSError:
                continue  # it has ended meanwhile, or belongs to somebody else
        return found


def _contents(path: Path) -> Iterator[tuple[str, bytes]]:
    content = path.read_bytes()
    yield str(path), content
    if path.suffix in (".svg", ".html"):
        yield f"{path} as text", html.unescape(_TAGS.sub(b"", content).decode("utf-8", "replace")).encode()
    if content.startswith(_GZIP):
        yield f"{path} unpacked", gzip.decompress(content)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                yield f"{path}:{name}", archive.read(name)


def in_url(text: str) -> str:
    """A secret as a part of an address."""
    return quote(text, safe="")
