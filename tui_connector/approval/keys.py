"""Keys of approvers: the private one sealed in its owner's file, the public ones in a folder that few may write."""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import stat
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tui_connector.domain.canonical import canonical, sha256
from tui_connector.domain.clock import SystemClock
from tui_connector.domain.errors import AuthenticationError, ConfigError
from tui_connector.domain.proposal import read_statement
from tui_connector.domain.text import clean
from tui_connector.vault import derive

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui_connector.domain.clock import Clock
    from tui_connector.domain.proposal import Approval

SHORTEST_PASSPHRASE = 8
_PUBLIC_SCHEMA = "tui-connector/approver/1"
_SEALED_SCHEMA = "tui-connector/approver-key/1"
_KEY_BYTES = 32
_NONCE_BYTES = 12
_LARGEST_FILE = 64 * 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")  # it becomes a file's name
_MAKE_ONE = "Make one: tui-connector approver init --name NAME"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What the worker knows of an approver.

    key_id: the first 16 hexadecimal digits of SHA-256 over the key. name: of the key and of its file. user: the login
    it belongs to. environments: where it may approve; empty means nowhere. revoked_at: from then on nothing that it
    signed counts, not even what it signed before.
    """

    key_id: str
    name: str
    user: str
    key: bytes
    environments: tuple[str, ...]
    made_at: datetime
    revoked_at: datetime | None = None

    @property
    def file_name(self) -> str:
        """What the file must be called in the folder of approvers."""
        return f"{self.name}.json"

    def to_text(self) -> str:
        """The file for the folder of approvers, in lines that a person can read and edit."""
        return json.dumps(_public_fields(self), indent=2) + "\n"

    @classmethod
    def from_text(cls, text: str) -> PublicKey:
        """The opposite of `to_text`; ValueError says what is wrong with the text."""
        said = json.loads(text)
        if not isinstance(said, dict) or said.get("schema") != _PUBLIC_SCHEMA:
            raise ValueError(f'it is no approver\'s public key: "schema" must be "{_PUBLIC_SCHEMA}"')
        return _public_key(said)


class KeyFile:
    """An approver's own key: one file, sealed under a passphrase, that nobody else can read."""

    def __init__(self, path: Path, *, clock: Clock | None = None) -> None:
        self.path = path
        self._clock = clock or SystemClock()

    def create(self, name: str, user: str, passphrase: str, *, environments: tuple[str, ...] = ()) -> PublicKey:
        """Make a key; ConfigError when there is one already, or when a name or the passphrase will not do."""
        if len(passphrase) < SHORTEST_PASSPHRASE:
            raise ConfigError(
                f"a passphrase of {len(passphrase)} characters is too short",
                hint=f"Take {SHORTEST_PASSPHRASE} characters at least; a few words are easier to keep in mind.",
            )
        private = Ed25519PrivateKey.generate()
        raw = private.public_key().public_bytes_raw()
        public = PublicKey(_key_id(raw), name, user, raw, environments, self._clock.now().replace(microsecond=0))
        said = _public_fields(public)
        try:
            _public_key(said)
        except ValueError as error:
            raise ConfigError(f"the key cannot be made: {error}", hint="Choose another name or user.") from error
        salt, nonce = secrets.token_bytes(16), secrets.token_bytes(_NONCE_BYTES)
        sealed = AESGCM(derive(passphrase.encode(), salt)).encrypt(nonce, private.private_bytes_raw(), _aad(said))
        kept = {**said, "schema": _SEALED_SCHEMA, "salt": _to64(salt), "sealed": _to64(nonce + sealed)}
        self._write(json.dumps({**kept, "digest": sha256(canonical(kept))}, indent=2) + "\n")
        return public

    def public(self) -> PublicKey:
        """The public half; needs no passphrase."""
        return self._read()[0]

    def sign(self, passphrase: str, statement: str) -> bytes:
        """Ed25519 signature over the statement's UTF-8; AuthenticationError when the passphrase is wrong."""
        public, salt, sealed = self._read()
        aad = _aad(_public_fields(public))
        try:
            opened = AESGCM(derive(passphrase.encode(), salt)).decrypt(
                sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], aad
            )
        except InvalidTag as error:
            raise AuthenticationError(
                f"the passphrase does not open {self.path}",
                hint="Type it again. It cannot be recovered: without it make a new key and have it enrolled.",
            ) from error
        private = Ed25519PrivateKey.from_private_bytes(opened)
        if private.public_key().public_bytes_raw() != public.key:
            self._damaged("its two halves do not belong together")
        return private.sign(statement.encode())

    def _write(self, text: str) -> None:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if stat.S_IMODE(self.path.parent.stat().st_mode) & 0o022:
                raise ConfigError(
                    f"{self.path.parent} can be written by others",
                    hint=f"chmod 700 {self.path.parent}, then try again.",
                )
            opened = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(opened, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except FileExistsError as error:
            raise ConfigError(
                f"{self.path} exists already, and a key is never overwritten",
                hint="Use it, or move it away and have the new key enrolled.",
            ) from error
        except OSError as error:
            raise ConfigError(f"{self.path} cannot be written: {error.strerror}", hint="Check the folder.") from error

    def _read(self) -> tuple[PublicKey, bytes, bytes]:
        """The public half, the salt and what is sealed."""
        try:
            with os.fdopen(os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
                if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                    raise ConfigError(
                        f"{self.path} can be read by others",
                        hint=f"chmod 600 {self.path}. If someone may have read it: make a new key, revoke this one.",
                    )
                content = file.read(_LARGEST_FILE)
        except FileNotFoundError as error:
            raise ConfigError(f"there is no approver's key at {self.path}", hint=_MAKE_ONE) from error
        except OSError as error:
            raise ConfigError(
                f"{self.path} cannot be read: {error.strerror}", hint="Check its owner and rights; it must be no link."
            ) from error
        try:
            return _parts(content)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self._damaged(_words(error), error)

    def _damaged(self, why: str, error: Exception | None = None) -> NoReturn:
        raise ConfigError(
            f"{self.path} is damaged: {why}", hint="Put your copy back; without one, move it away and make a new key."
        ) from error


class Directory:
    """The folder of approvers. Read anew each time it is asked: a file that was taken away is a revoked key.

    Whoever can write there can approve, so nothing in it is believed when others than its owner may write, or when
    the owner is neither root nor this process's user.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keys(self) -> tuple[PublicKey, ...]:
        """All keys, by name. ConfigError names the file that is not as it must be; no folder means no keys."""
        try:
            place = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except FileNotFoundError:
            return ()
        except OSError as error:
            self._unreadable(self.folder, error)
        try:
            _refuse_writers(self.folder, os.fstat(place))
            found = [self._key(place, name) for name in sorted(_names(place)) if name.endswith(".json")]
        finally:
            os.close(place)
        named: dict[str, PublicKey] = {}
        for key in found:
            other = named.setdefault(key.key_id, key)
            if other is not key:
                raise ConfigError(
                    f"{self.folder}: {other.file_name} and {key.file_name} hold the same key {key.key_id}",
                    hint="One key belongs to one person: remove one of the files.",
                )
        return tuple(found)

    def find(self, key_id: str) -> PublicKey | None:
        """The key of this id, as the folder is now."""
        return next((key for key in self.keys() if key.key_id == key_id), None)

    def _key(self, place: int, name: str) -> PublicKey:
        path = self.folder / name
        try:  # without O_NONBLOCK a pipe put there would hold us for ever
            with os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=place), "rb") as file:
                about = os.fstat(file.fileno())
                if not stat.S_ISREG(about.st_mode):
                    raise ConfigError(f"{path} is no file", hint="Take it out of the folder of approvers.")
                _refuse_writers(path, about)
                key = PublicKey.from_text(file.read(_LARGEST_FILE).decode())
        except OSError as error:
            self._unreadable(path, error)
        except ValueError as error:
            raise ConfigError(
                f"{path} holds no approver's key: {_words(error)}", hint="Correct or remove it."
            ) from error
        if key.file_name != name:
            raise ConfigError(f"{path} holds the key of {key.name}", hint=f"Name the file {key.file_name}.")
        return key

    def _unreadable(self, path: Path, error: OSError) -> NoReturn:
        raise ConfigError(
            f"{path} cannot be read: {error.strerror}", hint="Check its owner and rights; links are not followed."
        ) from error


def verify(directory: Directory, approval: Approval) -> PublicKey:
    """The key that made this approval; AuthenticationError says in words why the approval does not count."""
    key = directory.find(approval.key_id)
    who = f"the approval by {clean(approval.user)} with key {clean(approval.key_id)}"
    if key is None:
        raise AuthenticationError(
            f"{who} does not count: {directory.folder} holds no such key; it was never enrolled, or it was removed",
            hint="Have an administrator enrol the key, or let an enrolled approver sign.",
        )
    if key.revoked_at is not None:
        raise AuthenticationError(
            f"{who} does not count: the key was revoked on {key.revoked_at:%Y-%m-%d}", hint="Let another approver sign."
        )
    try:
        Ed25519PublicKey.from_public_bytes(key.key).verify(approval.signature, approval.statement.encode())
        said = read_statement(approval.statement)
    except (InvalidSignature, ValueError) as error:
        raise AuthenticationError(
            f"{who} does not count: the signature does not fit the statement",
            hint="One of them was changed after the signing. Look at the audit trail, then have it signed anew.",
        ) from error
    enrolled, signed, recorded = "in the folder of approvers", "in the signed statement", "in the store"
    _same("key", {enrolled: key.key_id, signed: said.get("approver_key"), recorded: approval.key_id})
    _same("user", {enrolled: key.user, signed: said.get("approver"), recorded: approval.user})
    _same("name", {enrolled: key.name, recorded: approval.name})
    head = said.get("head")
    environment = head.get("environment") if isinstance(head, dict) else None
    if environment not in key.environments:
        raise AuthenticationError(
            f"{who} does not count: the key is not valid for the environment {clean(str(environment))}",
            hint=f'An administrator adds it to "environments" in {directory.folder / key.file_name}.',
        )
    return key


def default_key_path(environment: Mapping[str, str] | None = None) -> Path:
    """Where an approver's key is kept when nobody says otherwise."""
    base = (os.environ if environment is None else environment).get("XDG_CONFIG_HOME", "")
    folder = Path(base) if base.startswith("/") else Path.home() / ".config"  # a relative one is void, says XDG
    return folder / "tui_connector" / "approver.key"


def _same(what: str, places: dict[str, object]) -> None:
    values = list(places.values())
    if any(value != values[0] for value in values):
        told = ", ".join(f"{clean(str(value), limit=64)} {place}" for place, value in places.items())
        raise AuthenticationError(
            f"an approval does not count: the approver's {what} is {told}",
            hint="They must be the same. Look at the audit trail, then have it signed anew.",
        )


def _public_fields(public: PublicKey) -> dict[str, Any]:
    said = {
        "schema": _PUBLIC_SCHEMA,
        "key_id": public.key_id,
        "name": public.name,
        "user": public.user,
        "public_key": _to64(public.key),
        "environments": list(public.environments),
        "made_at": public.made_at.isoformat(),
    }
    return said if public.revoked_at is None else {**said, "revoked_at": public.revoked_at.isoformat()}


def _public_key(said: dict[str, Any]) -> PublicKey:
    wanted = {"schema", "key_id", "name", "user", "public_key", "environments", "made_at"}
    if wanted - said.keys() or said.keys() - wanted - {"revoked_at"}:  # a misspelled revoked_at must not go unseen
        odd = sorted(wanted - said.keys()) or sorted(said.keys() - wanted)
        raise ValueError(f"fields are missing or unknown: {', '.join(odd)}")
    texts = [said["name"], said["user"], *_list(said["environments"])]
    if not all(isinstance(text, str) and text and text == clean(text, limit=64) for text in texts):
        raise ValueError("name, user and environments are texts of 1 to 64 printable characters")
    if not _NAME.fullmatch(said["name"]):
        raise ValueError("the name may hold letters, digits, dots and dashes")
    key = _from64(said["public_key"])
    if len(key) != _KEY_BYTES or said["key_id"] != _key_id(key):
        raise ValueError("the key id does not fit the public key")
    revoked = _moment(said["revoked_at"]) if "revoked_at" in said else None
    return PublicKey(
        said["key_id"], said["name"], said["user"], key, tuple(said["environments"]), _moment(said["made_at"]), revoked
    )


def _parts(content: bytes) -> tuple[PublicKey, bytes, bytes]:
    said = json.loads(content.decode())
    digest = said.pop("digest")  # tells a damaged file from a wrong passphrase
    if said["schema"] != _SEALED_SCHEMA or digest != sha256(canonical(said)):
        raise ValueError("its digest does not fit")
    salt, sealed = _from64(said.pop("salt")), _from64(said.pop("sealed"))
    return _public_key(said), salt, sealed


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("environments must be a list")  # noqa: TRY004 - one kind of error for a text that is wrong
    return value


def _moment(text: object) -> datetime:
    moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    if moment is None or moment.tzinfo is None:
        raise ValueError("moments are written with their zone, as 2026-11-30T14:00:00+00:00")
    return moment


def _from64(text: object) -> bytes:
    if not isinstance(text, str):
        raise ValueError("a field is no base64")  # noqa: TRY004 - as above
    return base64.b64decode(text, validate=True)


def _to64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _aad(said: Mapping[str, Any]) -> bytes:
    return canonical({**said, "schema": _PUBLIC_SCHEMA}).encode()


def _key_id(raw: bytes) -> str:
    return sha256(raw)[:16]


def _names(place: int) -> list[str]:
    with os.scandir(place) as entries:
        return [entry.name for entry in entries]


def _refuse_writers(path: Path, about: os.stat_result) -> None:
    if stat.S_IMODE(about.st_mode) & 0o022:
        raise ConfigError(
            f"{path} can be written by others than its owner, who could enrol themselves",
            hint=f"chmod go-w {path}, and check what is in it.",
        )
    if about.st_uid not in {0, os.geteuid()}:
        raise ConfigError(
            f"{path} belongs to user {about.st_uid}, who could enrol approvers",
            hint=f"chown root {path}, and check what is in it.",
        )


def _words(error: Exception) -> str:
    if isinstance(error, (json.JSONDecodeError, UnicodeDecodeError)):
        return "it is not JSON"
    return str(error) if isinstance(error, ValueError) else "a field is missing"
