"""Real TLS over loopback with certificates made here: what is trusted, and what is refused before a byte is sent."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.transport.conftest import Bench
from tui_connector.domain.errors import AuthenticationError, ConfigError, ConnectorError
from tui_connector.transport.client import ClientCertificate

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[[Callable[[Bench], Any]], None]


@dataclass
class Authority:
    """A certificate authority of our own."""

    name: str
    folder: Path

    def __post_init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)])
        self.certificate = self._build(self.subject, self.key, 365, [x509.BasicConstraints(ca=True, path_length=0)])
        self.bundle = self.folder / f"{self.name}.pem"
        self.bundle.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def _build(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, days: int, extensions: list[x509.ExtensionType]
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=400))
            .not_valid_after(now + timedelta(days=days))
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, names: list[x509.GeneralName], days: int = 30, passphrase: str = "") -> tuple[str, str]:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "leaf")])
        leaf = self._build(subject, key, days, [x509.SubjectAlternativeName(names)])
        sealing: Any = serialization.NoEncryption()
        if passphrase:
            sealing = serialization.BestAvailableEncryption(passphrase.encode())
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealing)
        return leaf.public_bytes(serialization.Encoding.PEM).decode(), pem.decode()

    def server(self, names: list[x509.GeneralName], days: int = 30) -> ssl.SSLContext:
        certificate, key = self.issue(names, days)
        path = self.folder / "server.pem"
        path.write_text(certificate + key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


LOOPBACK: list[x509.GeneralName] = [x509.IPAddress(ip_address("127.0.0.1"))]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority("company", tmp_path)


async def both(bench: Bench, port: int, **options: Any) -> list[ConnectorError]:
    """The errors of the small and of the bulk way."""
    client = bench.client(f"https://127.0.0.1:{port}", **options)
    found = []
    for call in (client.send("GET", "/x", repeatable=True), client.fetch("/x", max_bytes=100)):
        with pytest.raises(ConnectorError) as caught:
            await call
        found.append(caught.value)
    return found


def test_the_companys_own_authority_is_trusted_once_it_is_named(run_async: Run, authority: Authority) -> None:
    async def story(bench: Bench) -> None:
        server = await bench.serve(context=authority.server(LOOPBACK))
        client = bench.client(f"https://127.0.0.1:{server.port}", ca_bundle=authority.bundle)
        assert client.tls is None
        assert (await client.send("GET", "/x", repeatable=True)).status == 200
        assert (await client.fetch("/x", max_bytes=100)).status == 200
        assert client.tls is not None
        assert client.tls.version == "TLS 1.3"
        left = (client.tls.ends_at or datetime.now(UTC)) - datetime.now(UTC)
        assert timedelta(days=29) < left <= timedelta(days=30)
        plain = bench.client((await bench.serve()).url)
        await plain.send("GET", "/x", repeatable=True)
        assert plain.tls is None

    run_async(story)


def refused(run_async: Run, context: ssl.SSLContext, bundle: Path | None, words: str) -> None:
    async def story(bench: Bench) -> None:
        server = await bench.serve(context=context)
        for error in await both(bench, server.port, ca_bundle=bundle):
            assert isinstance(error, ConfigError)
            assert words in error.message
            assert "127.0.0.1" in error.message
            assert error.hint
        assert server.seen == []
        assert bench.clock.slept == []

    run_async(story)


def test_an_unknown_authority_is_refused_and_never_retried(
    run_async: Run, authority: Authority, tmp_path: Path
) -> None:
    refused(run_async, authority.server(LOOPBACK), None, "signed by nobody this machine trusts")
    refused(run_async, authority.server(LOOPBACK), Authority("other", tmp_path).bundle, "signed by nobody")


def test_another_name_is_refused(run_async: Run, authority: Authority) -> None:
    refused(run_async, authority.server([x509.DNSName("example.com")]), authority.bundle, "made out for another name")


def test_an_expired_certificate_is_refused(run_async: Run, authority: Authority) -> None:
    refused(run_async, authority.server(LOOPBACK, days=-1), authority.bundle, "has expired")


def test_a_port_that_does_not_speak_tls_is_a_matter_of_configuration(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        async def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            writer.close()

        async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
            for error in await both(bench, server.sockets[0].getsockname()[1]):
                assert isinstance(error, ConfigError)
                assert "does not speak TLS" in error.message

    run_async(story)


@pytest.mark.parametrize("passphrase", ["", "a passphrase"])
def test_a_client_certificate_is_shown_to_a_server_that_asks(
    run_async: Run, authority: Authority, passphrase: str
) -> None:
    context = authority.server(LOOPBACK)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.bundle)
    certificate = ClientCertificate(*authority.issue([x509.DNSName("client")], passphrase=passphrase), passphrase)

    async def story(bench: Bench) -> None:
        server = await bench.serve(context=context)
        url = f"https://127.0.0.1:{server.port}"
        client = bench.client(url, ca_bundle=authority.bundle, client_certificate=certificate)
        assert (await client.send("GET", "/x", repeatable=True)).status == 200
        assert (await client.fetch("/x", max_bytes=100)).status == 200
        assert len(server.seen) == 2

    run_async(story)


def test_a_server_that_misses_the_client_certificate_has_not_processed_anything(
    run_async: Run, authority: Authority
) -> None:
    context = authority.server(LOOPBACK)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.bundle)

    def refuse(listener: socket.socket) -> None:
        # a blocking server, since asyncio's own drops the alert that names the reason
        for _ in range(2):
            connection, _ = listener.accept()
            with context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as secure:
                secure.settimeout(10)
                with pytest.raises(ssl.SSLError):
                    secure.do_handshake()
                # closing with the request unread would send a reset, which can overtake the alert
                while socket.socket.recv(secure, 65536):
                    pass

    async def story(bench: Bench) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(10)
            refusing = asyncio.create_task(asyncio.to_thread(refuse, listener))
            url = f"https://127.0.0.1:{listener.getsockname()[1]}"
            client = bench.client(url, ca_bundle=authority.bundle)
            with pytest.raises(AuthenticationError, match="client certificate"):
                await client.send("POST", "/x", repeatable=False)
            with pytest.raises(AuthenticationError, match="client certificate"):
                await client.fetch("/x", max_bytes=100)
            await refusing

    run_async(story)


def test_a_certificate_that_cannot_be_used_is_a_matter_of_configuration(
    run_async: Run, authority: Authority, tmp_path: Path
) -> None:
    certificate, key = authority.issue([x509.DNSName("client")], passphrase="right")
    _, foreign = authority.issue([x509.DNSName("client")])

    async def story(bench: Bench) -> None:
        for wrong in (ClientCertificate(certificate, key, "wrong"), ClientCertificate(certificate, foreign)):
            with pytest.raises(ConfigError, match="do not fit together") as caught:
                bench.client("https://127.0.0.1", client_certificate=wrong)
            assert "PRIVATE KEY" not in str(caught.value)
        for bundle in (tmp_path / "missing.pem", tmp_path):
            with pytest.raises(ConfigError, match="certificate bundle"):
                bench.client("https://127.0.0.1", ca_bundle=bundle)

    run_async(story)
