"""Seals and opens credentials: a data key for each connection, wrapped by a master key kept outside the store."""
# ruff: noqa: PLR0917 - the shelf takes as many arguments as a row has columns

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import secrets
import stat
import threading
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol
from urllib.parse import quote, quote_plus

from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tui_connector.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from tui_connector.domain.credential import CredentialInfo

Kind = Literal["systemd", "keyring", "passphrase", "file"]
KeyRecord = tuple[int, str, str, bytes]  # version, kind, key id, salt
SealedCredential = tuple[bytes, int, int, "Mapping[str, bytes]"]  # wrapped data key, its version, key version, fields

_KEY_BYTES = 32
_NONCE_BYTES = 12
_DERIVING = threading.Lock()  # with several lanes, two threads that derive at once wait for each other for ever
_SERVICE, _ACCOUNT = "tui-connector", "master.key"
_UNSAFE_KEYRINGS = ("backends.fail.", "backends.null.", "plaintext")
_MASKED_FROM, _MOST_PASSING = 4, 100
_PAIRS = (("user", "password"), ("client_id", "client_secret"))  # sent together, as basic credentials
_BEARER = re.compile(r'"([A-Za-z0-9._~+/=-]{16,})"')  # a token as JSON quotes it; no moment in time
_NAME = re.compile(r"[A-Za-z0-9_. :/@-]+")


class Shelf(Protocol):
    """What the vault needs of the store: bytes in, bytes out."""

    def key(self) -> KeyRecord | None:
        """The master key in use."""

    def start(self, kind: str, key_id: str, salt: bytes, by: str) -> bool:
        """Record the first master key."""

    def rotate(
        self, version: int, kind: str, key_id: str, salt: bytes, wrapped: Mapping[str, tuple[bytes, bytes]], by: str
    ) -> bool:
        """Put a new master key and all re-wrapped data keys in use at once."""

    def put(
        self,
        connection: str,
        wrapped: bytes,
        data_key_version: int,
        key_version: int,
        fields: Mapping[str, bytes],
        by: str,
        expires_at: datetime | None = None,
    ) -> bool:
        """Keep a credential."""

    def take(self, connection: str) -> SealedCredential | None:
        """A credential."""

    def remove(self, connection: str, by: str) -> bool:
        """Forget a credential."""

    def names(self) -> list[CredentialInfo]:
        """What is stored, without its secrets."""


class _KeyPlaces:
    """Where master keys are kept: lines of base64, so that an old and a new one can lie side by side for a moment."""

    def __init__(self, file: Path, ask: Callable[[str], str] | None, environment: Mapping[str, str]) -> None:
        self._file = file
        self._ask = ask
        self._environment = environment

    def find(self, kind: Kind, wanted: str, salt: bytes) -> bytes:
        """The key of this id: from the service manager when it offers one, else from where it is recorded to be."""
        found: list[bytes] = []
        if kind == "passphrase":
            found = [*self._of_systemd()]
            if not any(key_id(key) == wanted for key in found):
                found = [derive(self._asked("Passphrase of the master key: "), salt)]
        else:
            for place in ("systemd", kind):
                found += {"systemd": self._of_systemd, "keyring": self._of_keyring, "file": self._of_file}[place]()
        for key in found:
            if key_id(key) == wanted:
                return key
        if not found:
            raise ConfigError(
                f"the master key is missing: it is kept in {self.place(kind)}",
                hint="Put it back from your copy. Without it: new keys, and every credential entered again.",
            )
        raise ConfigError(
            f"the key found in {self.place(kind)} is not the one that sealed the credentials"
            f" (wanted id {wanted}, found {', '.join(key_id(key) for key in found)})",
            hint="Check the passphrase." if kind == "passphrase" else "Put the right key back from your copy.",
        )

    def choose(self) -> Kind:
        if "CREDENTIALS_DIRECTORY" in self._environment and self._of_systemd():
            return "systemd"
        if _usable_keyring() is not None:
            return "keyring"
        return "file"  # a passphrase is only for those who ask for it: nobody can type it for a service

    def make(self, kind: Kind, *, known: str, first: bool) -> tuple[bytes, bytes]:
        """A new key, kept where it belongs beside the one before, and its salt."""
        if kind == "passphrase":
            salt = secrets.token_bytes(16)
            return derive(self._asked("New passphrase for the master key: "), salt), salt
        if kind == "systemd":
            fresh = [key for key in self._of_systemd() if key_id(key) != known]
            if len(fresh) != 1:
                raise ConfigError(
                    "the service manager's credential master.key must hold exactly one new key",
                    hint="Put a line of 32 random bytes in base64 into it, beside the key in use when you rotate.",
                )
            return fresh[0], b""
        key = secrets.token_bytes(_KEY_BYTES)
        before = [] if first else (self._of_file() if kind == "file" else self._of_keyring())
        if first and kind == "file" and self._file.exists():
            raise ConfigError(
                f"{self._file} exists, but the store knows no master key",
                hint="Move it away, or put the right store back.",
            )
        self._keep(kind, [*before, key])
        return key, b""

    def forget(self, kind_before: str, kind: Kind, key: bytes) -> None:
        """After a rotation only the new key stays."""
        if kind in {"file", "keyring"}:
            self._keep(kind, [key])
        if kind_before == "file" != kind:
            self._file.unlink(missing_ok=True)
        if kind_before == "keyring" != kind:
            keyring = _usable_keyring()
            if keyring is not None:
                keyring.delete_password(_SERVICE, _ACCOUNT)

    def _keep(self, kind: Kind, keys: list[bytes]) -> None:
        text = "".join(base64.b64encode(key).decode() + "\n" for key in keys)
        if kind == "keyring":
            keyring = _usable_keyring()
            if keyring is None:
                raise ConfigError(
                    "there is no safe keyring here", hint="Use another source for the master key: file or passphrase."
                )
            keyring.set_password(_SERVICE, _ACCOUNT, text)
            return
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._file.with_name(f"{self._file.name}.{os.getpid()}.new")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._file)

    def _of_systemd(self) -> list[bytes]:
        folder = self._environment.get("CREDENTIALS_DIRECTORY")
        return _read(Path(folder) / "master.key", private=False) if folder else []

    def _of_keyring(self) -> list[bytes]:
        keyring = _usable_keyring()
        text = keyring.get_password(_SERVICE, _ACCOUNT) if keyring is not None else None
        return _keys(text, "the keyring") if text else []

    def _of_file(self) -> list[bytes]:
        return _read(self._file, private=True)

    def _asked(self, prompt: str) -> bytes:
        if self._ask is None:
            raise ConfigError(
                "the master key needs a passphrase, and nobody can be asked", hint="Start it from a terminal."
            )
        answer = self._ask(prompt)
        if not answer:
            raise ConfigError("an empty passphrase protects nothing", hint="Type a passphrase.")
        return answer.encode()

    def place(self, kind: Kind) -> str:
        return {
            "systemd": "the service manager's credential master.key",
            "keyring": "the operating system's keyring",
            "passphrase": "a passphrase",
            "file": str(self._file),
        }[kind]


class Vault:
    """Credentials under one master key.

    The key is kept in the service manager's credential `master.key`, in the operating system's keyring, in a passphrase
    (`ask` shows a prompt and returns it) or in the owner's key file. Which one is in use, and the key's id, are
    recorded beside the credentials, so that a wrong key is told as such; a service manager's credential is always
    looked at first. "auto" takes the service manager's, else a safe keyring, else the file; never a passphrase.
    """

    def __init__(
        self,
        shelf: Shelf,
        key_file: Path,
        *,
        ask: Callable[[str], str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._shelf = shelf
        self._places = _KeyPlaces(key_file, ask, os.environ if environment is None else environment)
        self._guard = threading.RLock()
        self._opened: tuple[str, bytearray] | None = None  # key id and key
        self._known: set[str] = set()  # secrets that must not be written anywhere
        self._passing: deque[str] = deque(maxlen=_MOST_PASSING)  # likewise, of those that are renewed all the time

    def init_key(self, kind: Literal["auto"] | Kind = "auto", *, by: str = "") -> str:
        """Make the first master key; returns where it is kept, in words. ConfigError when there is one already."""
        with self._guard:
            if self._shelf.key() is not None:
                raise ConfigError("there is a master key already", hint="To change it: tui-connector keys rotate")
            chosen = self._places.choose() if kind == "auto" else kind
            key, salt = self._places.make(chosen, known="", first=True)
            if not self._shelf.start(chosen, key_id(key), salt, _person(by)):
                raise ConfigError("another process has just made a master key", hint="Try again: it will be used.")
            self._opened = key_id(key), bytearray(key)
            return self._places.place(chosen)

    def rotate(self, kind: Literal["auto"] | Kind = "auto", *, by: str = "") -> int:
        """Make a new master key ("auto": of the kind in use) and re-wrap every data key in one transaction.

        Returns the new version. Copies of the store made before need the old key, which a key file or keyring forgets.
        """
        with self._guard:
            version, kind_before, known, _ = self._record()
            old = self._master()
            chosen: Kind = _kind(kind_before) if kind == "auto" else kind
            key, salt = self._places.make(chosen, known=known, first=False)
            wrapped = {}
            for name in [info.name for info in self._shelf.names()]:
                taken = self._shelf.take(name)
                if taken is not None:
                    data_key = _open(old, taken[0], _aad(name, "data-key", taken[2]))
                    wrapped[name] = taken[0], _seal(key, data_key, _aad(name, "data-key", version + 1))
            if not self._shelf.rotate(version + 1, chosen, key_id(key), salt, wrapped, _person(by)):
                raise ConfigError("a credential changed during the rotation; nothing was changed", hint="Try again.")
            self._opened = key_id(key), bytearray(key)
            self._places.forget(kind_before, chosen, key)
            return version + 1

    def seal(self, connection: str, fields: Mapping[str, str], *, by: str = "") -> None:
        """Keep a connection's secrets in place of those before, under a new data key.

        The end of a certificate among them is kept beside them, in plain. ConfigError for one that cannot be read.
        """
        for name in (connection, *fields):
            if not _NAME.fullmatch(name):
                raise ConfigError(
                    f"{name!r} cannot name a connection or a field", hint="Use letters, digits, dots and dashes."
                )
        ends = _certificate_end(fields)
        self._learn(fields)
        with self._guard:
            master, version = self._master(), self._record()[0]
            before = self._shelf.take(connection)
            data_key_version = 1 if before is None else before[1] + 1
            data_key = secrets.token_bytes(_KEY_BYTES)
            sealed = {
                field: _seal(data_key, value.encode(), _aad(connection, field, data_key_version))
                for field, value in fields.items()
            }
            wrapped = _seal(master, data_key, _aad(connection, "data-key", version))
            if not self._shelf.put(connection, wrapped, data_key_version, version, sealed, _person(by), ends):
                raise ConfigError("the master key was changed at this moment; nothing was stored", hint="Try again.")

    def open(self, connection: str) -> dict[str, str]:
        """A connection's secrets. ConfigError when there are none, or when they or the key are not what they were."""
        taken = self._shelf.take(connection)
        if taken is None:
            raise ConfigError(
                f"there is no credential for {connection}", hint=f"Store it: tui-connector credentials set {connection}"
            )
        wrapped, data_key_version, key_version, fields = taken
        with self._guard:
            data_key = _open(self._master(), wrapped, _aad(connection, "data-key", key_version))
        opened = {
            field: _open(data_key, sealed, _aad(connection, field, data_key_version)).decode()
            for field, sealed in fields.items()
        }
        self._learn(opened)
        return opened

    def mask(self, text: str) -> str:
        """The text without any secret that this process has opened or sealed, for what is written anywhere."""
        with self._guard:
            known = (*self._known, *self._passing)
        for secret in sorted(known, key=len, reverse=True):  # one may be part of another
            text = text.replace(secret, "***")
        return text

    def _learn(self, fields: Mapping[str, str]) -> None:
        with self._guard:
            for value in fields.values():  # a PEM text may be quoted line by line
                self._known.update(part for part in _spelled(value, *value.splitlines()) if len(part) >= _MASKED_FROM)
            for user, secret in _PAIRS:
                if fields.get(secret):
                    pair = f"{fields.get(user, '')}:{fields[secret]}"
                    self._known.add(base64.b64encode(pair.encode()).decode())

    def _learn_passing(self, content: bytes) -> None:
        for found in _BEARER.findall(content.decode(errors="replace")):
            if found not in self._passing:
                self._passing.append(found)

    def check(self) -> str:
        """Where the master key is kept, in words; ConfigError when it is missing, or another one is there."""
        with self._guard:
            self._master()
            return self._places.place(_kind(self._record()[1]))

    def delete(self, connection: str, *, by: str = "") -> bool:
        """Forget a connection's secrets; False when there were none."""
        return self._shelf.remove(connection, _person(by))

    def list(self) -> tuple[CredentialInfo, ...]:
        """What is stored, without its secrets; needs no key."""
        return tuple(self._shelf.names())

    def seal_bytes(self, purpose: str, content: bytes) -> bytes:
        """Seal something short-lived, such as a token, under a key made of the master key for this purpose."""
        with self._guard:
            self._learn_passing(content)
            return _seal(self._purpose_key(purpose), content, _aad(purpose, "bytes", self._record()[0]))

    def open_bytes(self, purpose: str, sealed: bytes) -> bytes:
        """The opposite of `seal_bytes`; ConfigError when it was sealed for something else, or under another key."""
        with self._guard:
            content = _open(self._purpose_key(purpose), sealed, _aad(purpose, "bytes", self._record()[0]))
            self._learn_passing(content)
            return content

    def close(self) -> None:
        """Forget the master key; the next use looks for it again."""
        with self._guard:
            if self._opened is not None:
                self._opened[1][:] = bytes(_KEY_BYTES)
                self._opened = None

    def _record(self) -> KeyRecord:
        record = self._shelf.key()
        if record is None:
            raise ConfigError("there is no master key yet", hint="Make one: tui-connector keys init")
        return record

    def _purpose_key(self, purpose: str) -> bytes:
        kdf = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=f"tuic|v1|{purpose}".encode())
        return kdf.derive(bytes(self._master()))

    def _master(self) -> bytes:
        _, kind, wanted, salt = self._record()
        if self._opened is None or self._opened[0] != wanted:  # another process may have rotated it
            self.close()
            self._opened = wanted, bytearray(self._places.find(_kind(kind), wanted, salt))
        return bytes(self._opened[1])


def key_id(key: bytes) -> str:
    """What tells a key from others and nothing about it: 16 hexadecimal digits."""
    return hashlib.sha256(b"tuic|v1|key-id|" + key).hexdigest()[:16]


def _certificate_end(fields: Mapping[str, str]) -> datetime | None:
    """When the certificate among some secrets ends; the first one of a chain, which is the connection's own."""
    pem = fields.get("certificate_pem", "")
    if not pem.strip():
        return None
    try:
        return x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc
    except ValueError as error:
        raise ConfigError(
            "the certificate cannot be read; nothing was stored",
            hint="Enter it in PEM form, with its BEGIN and END lines.",
        ) from error


def _spelled(*values: str) -> Iterator[str]:
    """Each as it is, and as it stands in a URL, a form, and a JSON text."""
    for value in values:
        yield from (value, quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1])
        yield json.dumps(value, ensure_ascii=False)[1:-1]


class _Keyring(Protocol):
    def get_password(self, service: str, username: str) -> str | None: ...
    def set_password(self, service: str, username: str, password: str) -> None: ...
    def delete_password(self, service: str, username: str) -> None: ...


def _usable_keyring() -> _Keyring | None:
    """The operating system's keyring; None when the one that was found keeps nothing, or keeps it in plain text."""
    import keyring  # noqa: PLC0415  (slow, and most installations never ask it)

    backend = keyring.get_keyring()
    inner = getattr(backend, "backends", (backend,))  # a chain names the ones it goes through
    names = [f"{type(one).__module__}.{type(one).__qualname__}".lower() for one in inner]
    safe = names and not any(unsafe in name for name in names for unsafe in _UNSAFE_KEYRINGS)
    return backend if safe else None


def _read(path: Path, *, private: bool) -> list[bytes]:
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), encoding="ascii", errors="replace") as file:
            if private and stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise ConfigError(f"{path} can be read by others", hint=f"chmod 600 {path}, and rotate the key.")
            return _keys(file.read(), str(path))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", hint="Check its owner and rights.") from error


def _keys(text: str, place: str) -> list[bytes]:
    keys = []
    for line in text.split():
        try:
            key = base64.b64decode(line, validate=True)
        except ValueError as error:
            raise ConfigError(f"{place} does not hold a key", hint="It holds lines of 32 bytes in base64.") from error
        if len(key) != _KEY_BYTES:
            raise ConfigError(f"{place} holds a key of {len(key)} bytes", hint="A master key has 32 bytes, in base64.")
        keys.append(key)
    return keys


def derive(passphrase: bytes, salt: bytes) -> bytes:
    """A key of 32 bytes from a passphrase: Argon2id, about 0.2 s and 64 MiB."""
    kdf = Argon2id(salt=salt, length=_KEY_BYTES, iterations=3, lanes=4, memory_cost=64 * 1024)
    with _DERIVING:
        return kdf.derive(passphrase)


def _aad(connection: str, field: str, key_version: int) -> bytes:
    return f"tuic|v1|{connection}|{field}|{key_version}".encode()


def _seal(key: bytes, content: bytes, aad: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, content, aad)


def _open(key: bytes, sealed: bytes, aad: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], aad)
    except (InvalidTag, ValueError) as error:
        raise ConfigError(
            "a stored secret is not what was sealed: it was changed, cut or moved", hint="Enter that credential again."
        ) from error


def _kind(text: str) -> Kind:
    if text in {"systemd", "keyring", "passphrase", "file"}:
        return text  # type: ignore[return-value]
    raise ConfigError(f"the master key is of the unknown kind {text}", hint="Update this installation.")


def _person(by: str) -> str:
    return by or f"uid:{os.getuid()}"
