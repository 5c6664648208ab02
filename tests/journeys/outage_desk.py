"""An installation with its worker, reached through ways that can be cut: what a test needs to take something away."""

from __future__ import annotations

import asyncio
import os
import resource
import ssl
import subprocess
import sys
import threading
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the one of the store

from tests.journeys.conftest import (
    Process,
    Sandbox,
    environment,
    request_runs,
    seal_config,
    wait_for,
    wait_for_runs,
)
from tests.journeys.manager import Manager
from tui_connector.bootstrap import Installation, open_installation
from tui_connector.domain.run import ReadMode, Run, RunState

if TYPE_CHECKING:
    from collections.abc import Iterator


class Way:
    """A TCP way to a port of this machine. It can be cut, let everything vanish, or speak TLS to whoever comes."""

    def __init__(self, sandbox: Sandbox, context: ssl.SSLContext | None = None) -> None:
        self._target = int(sandbox.url.rpartition(":")[2])
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._passing = asyncio.Event()
        self.context = context
        self.port = 0
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.mend()

    @property
    def url(self) -> str:
        return f"{'https' if self.context else 'http'}://localhost:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def cut(self) -> None:
        """Break every connection, and take no other."""
        self._do(self._close())

    def swallow(self) -> None:
        """Take what comes, and let nothing out any more, as a firewall that lost its memory."""
        self._do(self._hold())

    def mend(self, context: ssl.SSLContext | None = None) -> None:
        """Take connections again; where a context is given, with it."""
        self.context = context or self.context
        self._do(self._open())

    def _do(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _hold(self) -> None:
        self._passing.clear()

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in tuple(self._writers):
            writer.transport.abort()
        self._writers.clear()
        await asyncio.sleep(0)

    async def _open(self) -> None:
        await self._close()
        self._passing.set()
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", self.port, ssl=self.context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with suppress(OSError):
            there, here = await asyncio.open_connection("127.0.0.1", self._target)
            self._writers.add(here)
            await asyncio.gather(self._pump(reader, here), self._pump(there, writer))

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                await self._passing.wait()
                target.write(data)
                await target.drain()
        self._writers.discard(target)
        target.close()


@dataclass
class Site:
    """An installation, its one worker, and what can be taken from both."""

    sandbox: Sandbox
    folder: Path
    sap: Way
    anaplan: Way
    installation: Installation = field(repr=False)
    worker: Process
    manager: Manager
    disk: Disk | None = None

    def store_certificate(self, days: float) -> None:
        """Register a certificate with so many days left in Anaplan, and store it as `credentials set` does."""
        pem = certify(days, "integration")
        self.sandbox.call("POST", "anaplan/certificates", {"pem": pem})
        secrets = {"certificate_pem": pem, "private_key_pem": private_key(), "passphrase": ""}
        self.installation.set_credential("anaplan.main", secrets)

    def request(self) -> int:
        """Ask for a run that loads everything; its number."""
        (run_id,) = request_runs(self.installation, FLOW, mode=ReadMode.FULL)
        return run_id

    def run(self) -> Run:
        return self.ended(self.request())

    def ended(self, run_id: int) -> Run:
        """The run, once it has ended; fails when the worker is not there any more."""
        (run,) = wait_for_runs(self.installation, [run_id], 90)
        assert self.worker.running, self.worker.said
        return run

    def refused(self, run: Run, *words: str) -> None:
        """The run failed, says why and what helps, and loaded nothing."""
        print(f"\n{run.flow}: {run.reason} | {run.hint}")
        assert run.state is RunState.FAILED
        assert run.hint
        assert all(word in run.reason for word in words), run.reason
        assert run.counts.loaded == 0

    def loaded(self, run_id: int) -> None:
        """The same worker has loaded all of it, and Anaplan never had two actions at once."""
        run = self.ended(run_id)
        assert (run.state, run.reason) == (RunState.DONE, "")
        assert run.counts.loaded == run.counts.sent == len(self.sandbox.items("Profit Centers")) > 0
        assert f":{self.worker.pid}:" in str(run.worker)
        assert self.sandbox.clashes() == (0, 0)

    def goes_on(self) -> None:
        self.loaded(self.request())

    def fill_disk(self) -> None:
        """Leave no room for anything where the store is."""
        assert self.disk is not None
        self.disk.fill(self.worker)

    def free_disk(self) -> None:
        assert self.disk is not None
        self.disk.free(self.worker)

    @property
    def names_are_gone(self) -> Path:
        return self.folder / "names-are-gone"


DEEP = os.environ.get("DEEP_TESTS") == "1"
ATTEMPTS = 5 if DEEP else 2
OUTAGE_SECONDS = 180.0 if DEEP else 2.0  # longer than all attempts of one request
FLOW = "profit_centers"
_FIRST_PART = 4096  # bytes: less than a page of the store in its log
_AUTHORITY = "Authority of the journeys"


@cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certify(days: float, name: str = "localhost", *, authority: bool = False) -> str:
    """A certificate in PEM that the journeys' authority has signed, with so many days left; all have one key."""
    now = datetime.now(UTC)
    subject, issuer = (x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, one)]) for one in (name, _AUTHORITY))
    made = (
        x509.CertificateBuilder().subject_name(issuer if authority else subject).issuer_name(issuer)
        .public_key(_key().public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=90)).not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .sign(_key(), hashes.SHA256())
    )  # fmt: skip
    return made.public_bytes(serialization.Encoding.PEM).decode()


def trusting(folder: Path) -> str:
    """The setting by which the journeys' authority is known."""
    (folder / "authority.pem").write_text(certify(3650, authority=True))
    return f'ca_bundle = "{folder / "authority.pem"}"'


def private_key() -> str:
    plain, pkcs8 = serialization.NoEncryption(), serialization.PrivateFormat.PKCS8
    return _key().private_bytes(serialization.Encoding.PEM, pkcs8, plain).decode()


def serving(folder: Path, days: float) -> ssl.SSLContext:
    """TLS as a server speaks it whose certificate has so many days left."""
    chain = folder / "chain.pem"
    chain.write_text(certify(days) + private_key())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return context


@contextmanager
def open_site(sandbox: Sandbox, folder: Path, more: str = "") -> Iterator[Site]:
    """A worker that reaches SAP by TLS, and Anaplan with a certificate, at a host that has a name: this machine's."""
    with Way(sandbox, serving(folder, 30)) as sap, Way(sandbox) as anaplan:
        config = seal_config(replace(sandbox, url=anaplan.url), folder, more)
        text = config.read_text().replace("[http]", f"[http]\n{trusting(folder)}")
        head, section, tail = text.partition("[anaplan.main]")
        tail = tail.replace('auth = "basic"', 'auth = "certificate"')
        config.write_text(head.replace(anaplan.url, sap.url) + section + tail)
        with serving_site(sandbox, config, sap, anaplan) as site:
            site.store_certificate(30)
            yield site


@contextmanager
def serving_site(sandbox: Sandbox, config: Path, sap: Way, anaplan: Way) -> Iterator[Site]:
    """A worker of a sealed configuration, that is not patient."""
    folder = config.parent
    config.write_text(config.read_text().replace("read_seconds = 30", f"read_seconds = 2\nattempts = {ATTEMPTS}"))
    manager = Manager(folder / "notify")
    worker = start(config, folder)
    try:
        with open_installation(str(config)) as installation:
            wait_for(lambda: installation.store.workers.all() or not worker.running)
            assert worker.running, worker.said
            yield Site(sandbox, folder, sap, anaplan, installation, worker, manager)
    finally:
        worker.kill()
        manager.socket.close()


def start(config: Path, folder: Path) -> Process:
    told = {
        "NAMES_ARE_GONE": str(folder / "names-are-gone"), "NOTIFY_SOCKET": str(folder / "notify"),
        "WATCHDOG_USEC": "3000000",
    }  # fmt: skip
    command = [sys.executable, str(Path(__file__).with_name("outage_worker.py")), "--config", str(config), "--no-ui"]
    place, pipe = folder / "worker", subprocess.PIPE
    place.mkdir()
    for name in ("out", "err"):
        (place / name).touch()
    popen = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=subprocess.STDOUT, env={**environment(), **told}
    )
    threading.Thread(target=_keep_words, args=(popen.stdout, place / "err"), daemon=True).start()
    return Process(popen, place)


def _keep_words(source: IO[bytes], path: Path) -> None:
    """What a worker says on a full disk goes to this process, which has room."""
    with path.open("wb", buffering=0) as file:
        for line in source:
            file.write(line)


class Disk:
    """A small disk of its own where this user may mount one; else the worker may not write beyond a file's first part."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder = folder
        folder.mkdir()
        size = f"size={megabytes}m"
        self.mounted = not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", size, "tmpfs", folder], capture_output=True, check=False
        ).returncode

    def fill(self, worker: Process) -> None:
        """Leave no room for anything, in the store's log either."""
        with closing(sqlite3.connect(self.folder / "connector.db")) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if not self.mounted:
            _, most = resource.prlimit(worker.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (_FIRST_PART, most))
            return
        with suppress(OSError), (self.folder / "filler").open("wb", buffering=0) as filler:
            for size in (65536, 512):
                with suppress(OSError):
                    while filler.write(b"x" * size):
                        pass

    def free(self, worker: Process) -> None:
        """As before it was filled."""
        if not self.mounted:
            _, most = resource.prlimit(worker.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (most, most))
            return
        (self.folder / "filler").unlink()

    @property
    def store(self) -> str:
        """What `[store] url` calls a store there."""
        return f"sqlite://{self.folder}/connector.db"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.mounted:
            subprocess.run(["umount", "-l", self.folder], check=True)
