"""Checks a certificate login: payload format, freshness and signature."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.serialization import Encoding

if TYPE_CHECKING:
    from tui_connector.sandbox.anaplan.settings import AnaplanSettings
    from tui_connector.sandbox.anaplan.tokens import User
    from tui_connector.sandbox.clock import SandboxClock

LEAST_BYTES = 100
STAMP_BYTES = 8


class CertificateRefusedError(Exception):
    """The login is not accepted; the text says why."""


@dataclass(slots=True)
class CertificateDesk:
    """The registered certificates, and the payloads that were used already."""

    clock: SandboxClock
    settings: AnaplanSettings
    registered: dict[bytes, User] = field(default_factory=dict)
    used: set[bytes] = field(default_factory=set)

    def register(self, pem: str, user: User) -> None:
        """Accept this certificate from now on; raises ValueError for no certificate."""
        certificate = x509.load_pem_x509_certificate(pem.encode())
        self.registered[certificate.public_bytes(Encoding.DER)] = user

    def check(self, header: str, body: Any) -> User:
        """The user behind a certificate login; raises CertificateRefusedError."""
        certificate = self._read_certificate(header)
        user = self.registered.get(certificate.public_bytes(Encoding.DER))
        if user is None:
            raise CertificateRefusedError("certificate is not registered")
        if not certificate.not_valid_before_utc <= self.clock.now() <= certificate.not_valid_after_utc:
            raise CertificateRefusedError("certificate is not valid now")
        if not isinstance(body, dict):
            raise CertificateRefusedError("body is no JSON object")
        message, signature = _unpack(body.get("encodedData")), _unpack(body.get("encodedSignedData"))
        if len(message) < LEAST_BYTES:
            raise CertificateRefusedError("message is too short")
        self._check_format(body.get("encodedDataFormat", "v1"), message)
        key = certificate.public_key()
        if not isinstance(key, RSAPublicKey):
            raise CertificateRefusedError("not an RSA key")
        try:
            key.verify(signature, message, PKCS1v15(), SHA512())
        except InvalidSignature as error:
            raise CertificateRefusedError("signature does not match") from error
        self.used.add(message)
        return user

    def _check_format(self, form: object, message: bytes) -> None:
        if form == "v1":
            if not self.settings.certificate_v1:
                raise CertificateRefusedError("payload format v1 is no longer accepted")
            return
        if form != "v2":
            raise CertificateRefusedError("unknown payload format")
        if message in self.used:
            raise CertificateRefusedError("payload was used before")
        # Big-endian seconds since the epoch; milliseconds land far outside any tolerance.
        stamp = int.from_bytes(message[:STAMP_BYTES], "big")
        if abs(stamp - self.clock.now().timestamp()) > self.settings.certificate_tolerance:
            raise CertificateRefusedError("payload is stale")

    @staticmethod
    def _read_certificate(header: str) -> x509.Certificate:
        raw = _unpack(header)
        try:
            if raw.startswith(b"-----BEGIN"):
                return x509.load_pem_x509_certificate(raw)
            return x509.load_der_x509_certificate(raw)
        except ValueError as error:
            raise CertificateRefusedError("header holds no certificate") from error


def _unpack(text: object) -> bytes:
    try:
        return base64.b64decode(str(text or ""), validate=True)
    except binascii.Error as error:
        raise CertificateRefusedError("bad base64") from error
