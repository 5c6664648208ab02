"""Secrets of a connection: what each way to authenticate needs, with representations that tell nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class SapCredential:
    """Secret fields of a SAP connection; which are filled depends on `auth` in the settings.

    basic: user, password. oauth: client_id, client_secret. certificate: certificate_pem, private_key_pem, passphrase.
    """

    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    client_id: str = field(default="", repr=False)
    client_secret: str = field(default="", repr=False)
    certificate_pem: str = field(default="", repr=False)
    private_key_pem: str = field(default="", repr=False)
    passphrase: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class AnaplanCredential:
    """Secret fields of an Anaplan connection.

    basic: user, password. certificate: certificate_pem, private_key_pem, passphrase. device: client_id, refresh_token.
    """

    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    certificate_pem: str = field(default="", repr=False)
    private_key_pem: str = field(default="", repr=False)
    passphrase: str = field(default="", repr=False)
    client_id: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token shared by all workers.

    value: what goes on the wire. scheme: "Bearer" or "AnaplanAuthToken". generation: rises with every new token, so
    that a worker that got a 401 can tell whether another one has renewed it already.
    """

    value: str = field(repr=False)
    scheme: str
    obtained_at: datetime
    expires_at: datetime
    generation: int = 0


@dataclass(frozen=True, slots=True)
class CredentialInfo:
    """A stored credential without its secret. expires_at: the end of its certificate; None where nothing ends."""

    name: str
    fields: tuple[str, ...]
    key_version: int
    changed_at: datetime
    changed_by: str
    expires_at: datetime | None = None
