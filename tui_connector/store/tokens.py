"""The shelf on which all workers share a connection's token, sealed, with one of them renewing it at a time."""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from tui_connector.domain.credential import Token
from tui_connector.domain.errors import ConfigError
from tui_connector.store.database import to_micros, to_moment

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui_connector.store.database import Database, Transaction

_KEY = "(SELECT coalesce(max(version), 0) FROM master_key)"
_JOINT = " "  # between a process's id and its part that renews


class TokenLife(NamedTuple):
    """When the shared token of a connection was obtained, and when it ends."""

    obtained_at: datetime
    ends_at: datetime


def life_of(database: Database, connection: str) -> TokenLife | None:
    """The life of a connection's token, ended or not; None when it has none."""
    row = database.row(
        "SELECT obtained_at, expires_at FROM token"
        " WHERE connection = ? AND sealed IS NOT NULL AND obtained_at IS NOT NULL AND expires_at IS NOT NULL",
        connection,
    )
    return TokenLife(*map(to_moment, row)) if row else None


def forget(tx: Transaction, connection: str | None = None) -> None:
    """Drop the token of a connection, or of all (None); who renews it goes on."""
    tx.change(
        "UPDATE token SET sealed = NULL, obtained_at = NULL, expires_at = NULL"
        " WHERE connection = coalesce(?, connection)",
        connection,
    )


class StoredShelf:
    """A token shelf in the store; every call is a transaction of its own."""

    def __init__(
        self,
        database: Database,
        connection: str,
        seal: Callable[[bytes], bytes],
        unseal: Callable[[bytes], bytes],
        *,
        process: str = "",
        is_gone: Callable[[str], bool] | None = None,
    ) -> None:
        self._database = database
        self._connection = connection
        self._seal = seal
        self._unseal = unseal
        self._process = process
        self._is_gone = is_gone

    def load(self) -> Token | None:
        """The token that was saved last, expired or not; None before the first."""
        row = self._database.row(
            f"SELECT sealed, {_KEY} FROM token WHERE connection = ? AND sealed IS NOT NULL", self._connection
        )
        if row is None:
            return None
        try:
            kept = json.loads(self._unseal(bytes(row[0])))
        except ConfigError:
            if self._key() != row[1]:  # the master key was rotated at this moment, which forgets every token
                return None
            raise
        obtained_at, expires_at = (datetime.fromisoformat(kept[name]) for name in ("obtained_at", "expires_at"))
        return Token(kept["value"], kept["scheme"], obtained_at, expires_at, kept["generation"])

    def save(self, token: Token) -> None:
        """Hand a new token to everyone."""
        kept = {
            "value": token.value, "scheme": token.scheme, "obtained_at": token.obtained_at.isoformat(),
            "expires_at": token.expires_at.isoformat(), "generation": token.generation,
        }  # fmt: skip
        saved = False
        while not saved:  # again only when the master key was rotated between sealing and saving
            key = self._key()
            sealed = self._seal(json.dumps(kept).encode())
            with self._database.transaction() as tx:
                if saved := tx.value(f"SELECT {_KEY}") == key:
                    tx.put("token", {"connection": self._connection, "refresh_until": 0}, keep=True)
                    tx.change(
                        "UPDATE token SET sealed = ?, obtained_at = ?, expires_at = ? WHERE connection = ?",
                        sealed, to_micros(token.obtained_at), to_micros(token.expires_at), self._connection,
                    )  # fmt: skip

    def claim(self, owner: str, seconds: float) -> bool:
        """Become the one that renews, for so many seconds; False while another one, that still lives, is at it."""
        mine = f"{self._process}{_JOINT}{owner}"
        with self._database.transaction() as tx:
            tx.put("token", {"connection": self._connection, "refresh_until": 0}, keep=True)
            held = tx.row(
                f"SELECT refresher, refresh_until FROM token WHERE connection = ?{tx.dialect.locked}", self._connection
            )
            assert held is not None  # noqa: S101  (inserted above)
            holder, until = held
            last = tx.now + round(seconds * 1_000_000)
            free = holder in (None, mine) or not tx.now <= until <= last  # later only when the clock has gone back
            if not free and not (self._is_gone and self._is_gone(holder.partition(_JOINT)[0])):
                return False
            tx.change(
                "UPDATE token SET refresher = ?, refresh_until = ? WHERE connection = ?",
                mine, last, self._connection,
            )  # fmt: skip
            return True

    def release(self, owner: str) -> None:
        """Stop being the one that renews; nothing happens when another one has taken over."""
        with self._database.transaction() as tx:
            tx.change(
                "UPDATE token SET refresher = NULL, refresh_until = 0 WHERE connection = ? AND refresher = ?",
                self._connection,
                f"{self._process}{_JOINT}{owner}",
            )

    def _key(self) -> int:
        return int(self._database.value(f"SELECT {_KEY}"))
