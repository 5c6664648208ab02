"""TLS: always verified; a company's own certificate authority is added to the known ones, never put in their place."""

from __future__ import annotations

import os
import ssl
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import certifi

from tui_connector.domain.errors import ConfigError


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """An X.509 certificate (with its chain) and its private key as PEM texts; a passphrase may seal the key."""

    certificate_pem: str = field(repr=False)
    private_key_pem: str = field(repr=False)
    passphrase: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """What a connection was made with. version: "TLS 1.3". ends_at: when the server's certificate does."""

    version: str
    ends_at: datetime | None


def facts_of(connection: Any) -> TlsFacts | None:
    """The facts of a connection whose chain and name were verified; None for one without TLS."""
    if connection is None:
        return None
    ends = (connection.getpeercert() or {}).get("notAfter")
    ends_at = None if ends is None else datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC)
    return TlsFacts((connection.version() or "TLS").replace("TLSv", "TLS "), ends_at)


def build_context(name: str, ca_bundle: Path | None, certificate: ClientCertificate | None) -> ssl.SSLContext:
    """A context that verifies chain and host name and speaks TLS 1.2 or newer.

    Raises:
        ConfigError: the bundle or the client certificate cannot be used.
    """
    if certificate is None and ca_bundle is None:
        return _usual()
    context = _fresh()
    if ca_bundle is not None:
        try:
            context.load_verify_locations(cafile=str(ca_bundle))
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"{name}: the certificate bundle {ca_bundle} cannot be read as PEM",
                hint="Name a readable file that holds the company's root certificates in PEM form.",
            ) from error
    if certificate is not None:
        _load(context, name, certificate)
    return context


def _fresh() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.load_verify_locations(cafile=certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@lru_cache(maxsize=1)
def _usual() -> ssl.SSLContext:
    """One for every client without a certificate of its own: reading the known authorities takes 45 ms each time."""
    return _fresh()


def _load(context: ssl.SSLContext, name: str, certificate: ClientCertificate) -> None:
    pem = f"{certificate.certificate_pem.strip()}\n{certificate.private_key_pem.strip()}\n".encode()
    try:
        # OpenSSL reads a key from a path only; where the system can, that file lives in memory and meets no disk
        if hasattr(os, "memfd_create"):
            descriptor = os.memfd_create("client-certificate", os.MFD_CLOEXEC)
            try:
                with os.fdopen(os.dup(descriptor), "wb") as file:
                    file.write(pem)
                context.load_cert_chain(f"/proc/self/fd/{descriptor}", password=certificate.passphrase)
            finally:
                os.close(descriptor)
        else:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "client.pem"
                path.touch(mode=0o600)
                path.write_bytes(pem)
                context.load_cert_chain(path, password=certificate.passphrase)
    except (OSError, ssl.SSLError, ValueError) as error:
        raise ConfigError(
            f"{name}: the client certificate, its private key and its passphrase do not fit together",
            hint="Store the credential again: certificate and key in PEM form, and the key's passphrase if it has one.",
        ) from error
