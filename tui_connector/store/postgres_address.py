"""Where a PostgreSQL store is, and how it is reached: the address holds no secret, and the way there is verified."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from tui_connector.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

_CREDENTIAL = "store.password"  # name of the systemd credential
_VERIFIED = ("verify-full", "verify-ca")
_HERE = ("localhost", "127.0.0.1", "::1")
# A cut network is noticed in seconds, not hours.
_WAY = {
    "application_name": "tui-connector",
    "client_encoding": "utf8",
    "connect_timeout": "10",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}


@dataclass(frozen=True, slots=True)
class Address:
    """What libpq is given; `place` is how people are told of it."""

    parameters: Mapping[str, str]

    @property
    def place(self) -> str:
        """Hosts and database, without the user."""
        hosts = self.parameters.get("host") or self.parameters.get("service") or "this host"
        return f"{self.parameters.get('dbname', '')} at {hosts}".strip()

    def secret(self) -> dict[str, str]:
        """The password from systemd's credential, read anew each time; without one libpq looks in its own places."""
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        file = Path(folder) / _CREDENTIAL if folder else None
        return {"password": file.read_text(encoding="utf-8").rstrip("\n")} if file and file.is_file() else {}


def parse(url: str, *, read_only: bool) -> Address:
    """The address in a store.url. Raises ConfigError for one with a password, or whose way there is not verified."""
    try:
        given = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    except ProgrammingError as error:
        raise ConfigError(
            "store.url is not understood as an address of PostgreSQL",  # the driver's words may quote it
            hint="Write postgresql://user@host/database.",
        ) from error
    if "password" in given:
        raise ConfigError(
            "store.url holds a password",
            hint=f"Keep it in ~/.pgpass, PGPASSFILE or the systemd credential {_CREDENTIAL}; see README.",
        )
    hosts = [host for host in (given.get("host") or given.get("hostaddr") or "").split(",") if host]
    if any(not host.startswith("/") and host not in _HERE for host in hosts):
        if given.setdefault("sslmode", "verify-full") not in _VERIFIED:
            raise ConfigError(
                f"store.url asks for sslmode={given['sslmode']}: the server's certificate would not be verified",
                hint="Leave sslmode out, and name the authority by sslrootcert= where it is not the system's.",
            )
        given.setdefault("sslrootcert", "system")
        if given["sslrootcert"] == "system":
            given["sslmode"] = "verify-full"  # libpq takes no other with it
    way = {**_WAY, "target_session_attrs": "any" if read_only else "read-write"}
    return Address({**way, **given})
