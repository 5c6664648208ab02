"""The store as one thing: opened once, its parts as attributes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from tui_connector.domain.errors import ConfigError
from tui_connector.store.alerts import Alerts
from tui_connector.store.audit import Audit
from tui_connector.store.budget import Budget
from tui_connector.store.cases import Cases
from tui_connector.store.checkpoints import ChainCheckpoints
from tui_connector.store.commands import Commands
from tui_connector.store.comparisons import Comparisons
from tui_connector.store.concerns import Concerns
from tui_connector.store.credentials import Credentials
from tui_connector.store.database import Database
from tui_connector.store.definitions import Definitions
from tui_connector.store.erasures import Erasures
from tui_connector.store.evidence import Evidence
from tui_connector.store.explanations import Explanations
from tui_connector.store.holds import Holds
from tui_connector.store.leases import Leases
from tui_connector.store.mappings import Mappings
from tui_connector.store.masters import MastersSeen
from tui_connector.store.measures import Measures
from tui_connector.store.moving import Moved, move, refuse_moved
from tui_connector.store.names import Names
from tui_connector.store.periods import Periods
from tui_connector.store.postings import Postings
from tui_connector.store.proposals import Proposals
from tui_connector.store.records import Records
from tui_connector.store.restores import Restores
from tui_connector.store.runs import Runs
from tui_connector.store.schedule import Schedule
from tui_connector.store.schema import migrate
from tui_connector.store.sheets import Sheets
from tui_connector.store.sqlite import SqliteBackend
from tui_connector.store.steps import Steps
from tui_connector.store.sums import ProposalSums
from tui_connector.store.targets import Targets
from tui_connector.store.ties import Ties
from tui_connector.store.tokens import StoredShelf, TokenLife, life_of
from tui_connector.store.uses import Uses
from tui_connector.store.watermarks import Watermarks
from tui_connector.store.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from datetime import datetime

    from tui_connector.store.database import Backend, Mode, Transaction


_POSTGRES = ("postgresql", "postgres")


class Store:
    """Everything that lasts. Writing functions take a transaction first; readers see the last commit.

    Any thread may call any function; each has a connection of its own. file: where it is; None on a database server.
    """

    def __init__(self, backend: Backend) -> None:
        self.file = backend.path if isinstance(backend, SqliteBackend) else None
        self._database = Database(backend)
        migrate(self._database)
        if not backend.read_only:
            refuse_moved(self._database)
        self.runs = Runs(self._database)
        self.steps = Steps(self._database)
        self.leases = Leases(self._database)
        self.workers = Workers(self._database)
        self.records = Records(self._database)
        self.cases = Cases(self._database)
        self.watermarks = Watermarks(self._database)
        self.targets = Targets(self._database)
        self.audit = Audit(self._database)
        self.budget = Budget(self._database)
        self.credentials = Credentials(self._database)
        self.commands = Commands(self._database)
        self.schedule = Schedule(self._database)
        self.restores = Restores(self._database)
        self.proposals = Proposals(self._database)
        self.sums = ProposalSums(self._database)
        self.names = Names(self._database)
        self.comparisons = Comparisons(self._database)
        self.postings = Postings(self._database)
        self.periods = Periods(self._database)
        self.ties = Ties(self._database)
        self.concerns = Concerns(self._database)
        self.mappings = Mappings(self._database)
        self.explanations = Explanations(self._database)
        self.checkpoints = ChainCheckpoints(self._database)
        self.erasures = Erasures(self._database)
        self.holds = Holds(self._database)
        self.evidence = Evidence(self._database)
        self.definitions = Definitions(self._database)
        self.masters = MastersSeen(self._database)
        self.uses = Uses(self._database)
        self.sheets = Sheets(self._database)
        self.alerts = Alerts(self._database)
        self.measures = Measures(self._database)

    @classmethod
    def open(cls, url: str, *, read_only: bool = False) -> Store:
        """Open the store at ``sqlite:///path`` (an absolute path), at the path of a file, or at ``postgresql://…``.

        Its tables are made when it is new.

        Raises ConfigError for an address of another kind; StoreError for a store that is missing (read-only), damaged,
        out of reach, foreign, or of a newer version.
        """
        backend = backend_of(url, read_only=read_only)
        try:
            return cls(backend)
        except BaseException:
            backend.close()
            raise

    @property
    def mode(self) -> Mode:
        """How what was committed is kept, and why so."""
        return self._database.mode

    @property
    def read_only(self) -> bool:
        return self._database.read_only

    @property
    def id(self) -> str:
        """What tells this store from every other, given when it was made."""
        return str(self._database.value("SELECT value FROM meta WHERE name = 'store_id'"))

    def transaction(self) -> AbstractContextManager[Transaction]:
        """All of the block or nothing; see `Database.transaction`."""
        return self._database.transaction()

    def version(self) -> int:
        """A number that moves when another connection (thread or process) has committed; cheap to ask often."""
        return self._database.version()

    def tokens(
        self,
        connection: str,
        seal: Callable[[bytes], bytes],
        unseal: Callable[[bytes], bytes],
        *,
        process: str = "",
        is_gone: Callable[[str], bool] | None = None,
    ) -> StoredShelf:
        """The place where all workers share a connection's token, sealed.

        process: this one's id; with `is_gone` the claim of a process that has ended is taken over at once.
        """
        return StoredShelf(self._database, connection, seal, unseal, process=process, is_gone=is_gone)

    def token_life(self, connection: str) -> TokenLife | None:
        """When a connection's shared token was obtained and when it ends; needs no key. None when there is none."""
        return life_of(self._database, connection)

    def token_ends(self, connection: str) -> datetime | None:
        """When a connection's shared token ends; None when there is none."""
        life = self.token_life(connection)
        return life and life.ends_at

    def forget_token(self, connection: str) -> None:
        """Drop a connection's shared token: the next request signs in anew."""
        with self._database.transaction() as tx:
            tx.change("DELETE FROM token WHERE connection = ?", connection)

    def close(self) -> None:
        """Close every thread's connection."""
        self._database.close()


def move_store(source: str, target: str, *, by: str) -> Moved:
    """Move the store at one address to another; see `move`."""
    here, there = backend_of(source, read_only=False), None
    try:
        there = backend_of(target, read_only=False)
        return move(here, there, by=by)
    finally:
        here.close()
        if there is not None:
            there.close()


def backend_of(url: str, *, read_only: bool) -> Backend:
    """The database that an address names; see `Store.open`."""
    if not is_served(url):
        return SqliteBackend(path_of(url), read_only=read_only)
    try:
        from tui_connector.store.postgres import PostgresBackend  # noqa: PLC0415 - an extra, and slow to load
        from tui_connector.store.postgres_address import parse  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError(
            "store.url names PostgreSQL, whose driver is not installed", hint="pip install 'tui-connector[postgres]'"
        ) from error
    return PostgresBackend(parse(url, read_only=read_only), read_only=read_only)


def is_served(url: str) -> bool:
    """Whether an address leads to a database server, not to a file."""
    return url.partition("://")[0] in _POSTGRES and "://" in url


def path_of(url: str) -> Path:
    """The file that an address leads to; raises ConfigError for one of another kind."""
    scheme, separator, _ = url.partition("://")
    if not separator:
        return Path(url).expanduser()
    if is_served(url):
        raise ConfigError(
            "the store is in PostgreSQL, not in a file", hint="Use what takes any store: `store backup`, `store copy`."
        )
    if scheme == "sqlite":
        parts = urlsplit(url)
        if parts.path and not parts.netloc:
            return Path("/" + unquote(parts.path).lstrip("/"))
    raise ConfigError(
        f"store.url {url.rpartition('@')[2]!r} is not understood",
        hint="Write sqlite:///absolute/path, the path of a file, or postgresql://user@host/database.",
    )
