"""Logins of the simulated Anaplan tenant: basic, certificate, device grant, and the life of a token."""

from __future__ import annotations

import base64
import os
import struct
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    import httpx

    from tests.sandbox.conftest import SandboxHandle

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


class Signer:
    """An RSA key with its self-signed certificate."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(65537, 2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "integration")])
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self.key.public_key())
        builder = builder.serial_number(7).not_valid_before(now - timedelta(days=1))
        self.certificate = builder.not_valid_after(now + timedelta(days=365)).sign(self.key, SHA256())

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def body(self, message: bytes, form: str = "v2") -> dict[str, str]:
        signature = self.key.sign(message, padding.PKCS1v15(), SHA512())
        packed = {
            "encodedData": base64.b64encode(message).decode(),
            "encodedSignedData": base64.b64encode(signature).decode(),
        }
        return packed if form == "v1" else {"encodedDataFormat": form, **packed}


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer()


def message(seconds: float) -> bytes:
    return struct.pack(">Q", int(seconds)) + os.urandom(92)


def log_in(sandbox: SandboxHandle, signer: Signer, body: dict[str, str], *, der: bool = False) -> httpx.Response:
    raw = signer.certificate.public_bytes(Encoding.DER) if der else signer.pem
    headers = {"Authorization": f"CACertificate {base64.b64encode(raw).decode()}"}
    return sandbox.http.post("/token/authenticate", headers=headers, json=body)


def now() -> float:
    return datetime.now(UTC).timestamp()


def test_certificate_v2_in_both_header_forms(sandbox: SandboxHandle, signer: Signer) -> None:
    assert log_in(sandbox, signer, signer.body(message(now()))).status_code == 401  # not registered yet
    sandbox.tell("/anaplan/certificates", pem=signer.pem.decode())
    for der in (False, True):
        answer = log_in(sandbox, signer, signer.body(message(now())), der=der)
        assert answer.status_code == 201
        headers = {"Authorization": f"AnaplanAuthToken {answer.json()['tokenInfo']['tokenValue']}"}
        assert sandbox.http.get("/2/0/users/me", headers=headers).json()["user"]["email"] == "integration@example.com"
    assert sandbox.look("/anaplan/auth")["certificate"] == 2


@pytest.mark.parametrize(
    ("shift", "factor", "accepted"),
    [(0, 1, True), (-290, 1, True), (-310, 1, False), (310, 1, False), (0, 1000, False)],
)
def test_the_time_stamp_is_in_seconds_and_fresh(
    sandbox: SandboxHandle, signer: Signer, shift: int, factor: int, accepted: bool
) -> None:
    sandbox.tell("/anaplan/certificates", pem=signer.pem.decode())
    answer = log_in(sandbox, signer, signer.body(message((now() + shift) * factor)))
    assert answer.status_code == (201 if accepted else 401)


def test_a_payload_works_once_and_a_forged_signature_never(sandbox: SandboxHandle, signer: Signer) -> None:
    sandbox.tell("/anaplan/certificates", pem=signer.pem.decode())
    body = signer.body(message(now()))
    assert log_in(sandbox, signer, body).status_code == 201
    assert log_in(sandbox, signer, body).status_code == 401
    forged = {**signer.body(message(now())), "encodedSignedData": body["encodedSignedData"]}
    assert log_in(sandbox, signer, forged).status_code == 401


def test_certificate_v1_is_behind_a_switch(sandbox: SandboxHandle, signer: Signer) -> None:
    sandbox.tell("/anaplan/certificates", pem=signer.pem.decode())
    body = signer.body(os.urandom(150), "v1")
    assert log_in(sandbox, signer, body).status_code == 401
    sandbox.set(certificate_v1=True)
    assert log_in(sandbox, signer, body).status_code == 201
    assert log_in(sandbox, signer, body).status_code == 201


@pytest.mark.parametrize(
    ("header", "code", "status"),
    [
        ("Basic " + base64.b64encode(b"integration@example.com:wrong").decode(), 401, "FAILURE_BAD_CREDENTIAL"),
        ("Basic ###", 400, "FAILURE_BAD_HEADER"),
        ("nonsense", 400, "FAILURE_BAD_HEADER"),
        ("AnaplanCertificate abc", 401, "FAILURE_BAD_CREDENTIAL"),
    ],
)
def test_refused_logins(sandbox: SandboxHandle, header: str, code: int, status: str) -> None:
    answer = sandbox.http.post("/token/authenticate", headers={"Authorization": header})
    assert (answer.status_code, answer.json()["status"]) == (code, status)
    assert sandbox.look("/anaplan/auth")["failures"] == 1


def test_a_token_lives_35_minutes_and_a_refresh_prolongs_it(sandbox: SandboxHandle) -> None:
    headers = {"Authorization": f"AnaplanAuthToken {sandbox.login()}"}
    sandbox.advance(34 * 60)
    assert sandbox.http.post("/token/refresh", headers=headers).status_code == 200
    sandbox.advance(34 * 60)
    assert sandbox.http.get("/2/0/users/me", headers=headers).status_code == 200
    sandbox.advance(2 * 60)
    refused = sandbox.http.get("/2/0/users/me", headers=headers)
    assert (refused.status_code, refused.json()["status"]["code"]) == (401, 401)
    assert sandbox.http.post("/token/refresh", headers=headers).status_code == 401


@pytest.mark.parametrize("changes", [False, True])
def test_refresh_keeps_or_changes_the_value(sandbox: SandboxHandle, changes: bool) -> None:
    sandbox.set(refresh_changes_token=changes)
    old = sandbox.login()
    headers = {"Authorization": f"AnaplanAuthToken {old}"}
    new = sandbox.http.post("/token/refresh", headers=headers).json()["tokenInfo"]["tokenValue"]
    assert (new != old) is changes
    assert sandbox.http.get("/token/validate", headers=headers).status_code == (401 if changes else 200)


def test_bearer_is_for_the_integration_api_only(sandbox: SandboxHandle) -> None:
    headers = {"Authorization": f"Bearer {sandbox.login()}"}
    assert sandbox.http.get("/2/0/users/me", headers=headers).status_code == 200
    assert sandbox.http.get("/token/validate", headers=headers).json()["status"] == "FAILURE_BAD_HEADER"
    assert sandbox.http.post("/token/logout", headers=headers).status_code == 401


def grant(sandbox: SandboxHandle, *, form: bool, **fields: str) -> Any:
    body = {"client_id": "sandbox-client", **fields}
    if form:
        return sandbox.http.post("/oauth/token", data=body)
    return sandbox.http.post("/oauth/token", json=body)


@pytest.mark.parametrize("form", [False, True])
def test_device_grant_and_rotating_refresh_token(sandbox: SandboxHandle, form: bool) -> None:
    start = sandbox.http.post("/oauth/device/code", json={"client_id": "sandbox-client"}).json()
    ask = {"grant_type": DEVICE_GRANT, "device_code": start["device_code"]}
    assert grant(sandbox, form=form, **ask).json()["error"] == "authorization_pending"
    assert grant(sandbox, form=form, **ask).json()["error"] == "slow_down"
    sandbox.tell("/anaplan/device/approve", user_code=start["user_code"])
    sandbox.advance(6)
    first = grant(sandbox, form=form, **ask).json()
    assert first["expires_in"] == 2100
    ask = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = grant(sandbox, form=form, **ask)
    assert second.json()["refresh_token"] != first["refresh_token"]
    refused = grant(sandbox, form=form, **ask)
    assert (refused.status_code, refused.json()["error"]) == (403, "invalid_grant")
    headers = {"Authorization": f"AnaplanAuthToken {second.json()['access_token']}"}
    assert sandbox.http.get("/2/0/users/me", headers=headers).status_code == 200


def test_a_device_code_can_expire_or_be_refused(sandbox: SandboxHandle) -> None:
    for deny, error in ((True, "access_denied"), (False, "expired_token")):
        start = sandbox.http.post("/oauth/device/code", json={"client_id": "sandbox-client"}).json()
        if deny:
            sandbox.tell("/anaplan/device/approve", user_code=start["user_code"], deny=True)
        else:
            sandbox.advance(901)
        answer = grant(sandbox, form=False, grant_type=DEVICE_GRANT, device_code=start["device_code"])
        assert answer.json()["error"] == error
