"""Sealed credentials and the record of the master keys that wrap them; this room never sees anything plain."""
# ruff: noqa: PLR0917 - as many arguments as a row has columns

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tui_connector.domain.audit import Fact
from tui_connector.domain.credential import CredentialInfo
from tui_connector.store import chain, tokens
from tui_connector.store.database import to_micros, to_moment, to_moment_or_none

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tui_connector.store.database import Database


class KeyRecord(NamedTuple):
    """Which master key is in use: where it is kept (`kind`), how to tell it (`key_id`), the salt of a passphrase."""

    version: int
    kind: str
    key_id: str
    salt: bytes


class SealedCredential(NamedTuple):
    """A connection's data key, wrapped by the master key of `key_version`, and its fields, sealed by the data key."""

    wrapped: bytes
    data_key_version: int
    key_version: int
    fields: dict[str, bytes]


class Credentials:
    """The vault's shelf; every change is audited by name, never by value."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def key(self) -> KeyRecord | None:
        """The master key in use, (version, kind, key_id, salt); None before the first."""
        row = self._database.row("SELECT version, kind, key_id, salt FROM master_key WHERE current = 1")
        return KeyRecord(row[0], row[1], row[2], bytes(row[3])) if row else None

    def start(self, kind: str, key_id: str, salt: bytes, by: str) -> bool:
        """Record the first master key, version 1; False when there is one already."""
        with self._database.transaction() as tx:
            if tx.value("SELECT count(*) FROM master_key"):
                return False
            tx.put("master_key", _key_row(KeyRecord(1, kind, key_id, salt), tx.now, by))
            chain.append(tx, Fact("key.made", by, key_id, {"kind": kind, "version": 1}))
            return True

    def rotate(
        self, version: int, kind: str, key_id: str, salt: bytes, wrapped: Mapping[str, tuple[bytes, bytes]], by: str
    ) -> bool:
        """Put a new master key in use: connection -> (data key as wrapped so far, as wrapped by the new one).

        Tokens are forgotten, since they were sealed under the old key. False, with nothing changed, when a credential
        changed meanwhile or another rotation came first.
        """
        with self._database.transaction() as tx:
            held = {name: bytes(now) for name, now in tx.rows("SELECT connection, wrapped FROM credential")}
            if held != {name: old for name, (old, _) in wrapped.items()}:
                return False
            if tx.value("SELECT max(version) FROM master_key") != version - 1:
                return False
            tx.change("UPDATE master_key SET current = 0")
            tx.put("master_key", _key_row(KeyRecord(version, kind, key_id, salt), tx.now, by))
            for connection, (_, new) in wrapped.items():
                tx.change(
                    "UPDATE credential SET wrapped = ?, key_version = ? WHERE connection = ?", new, version, connection
                )
            tokens.forget(tx)
            data = {"kind": kind, "version": version, "credentials": len(wrapped)}
            chain.append(tx, Fact("key.rotated", by, key_id, data))
            return True

    def put(
        self,
        connection: str,
        wrapped: bytes,
        data_key_version: int,
        key_version: int,
        fields: Mapping[str, bytes],
        by: str,
        expires_at: datetime | None = None,
    ) -> bool:
        """Keep a connection's credential in place of the one before, whose token is forgotten.

        expires_at: the end of the certificate among the fields, which is no secret.
        False, with nothing changed, when the master key was rotated meanwhile.
        """
        with self._database.transaction() as tx:
            if tx.value("SELECT version FROM master_key WHERE current = 1") != key_version:
                return False
            known = tx.value("SELECT count(*) FROM credential WHERE connection = ?", connection)
            tx.change("DELETE FROM credential_field WHERE connection = ?", connection)
            row = {
                "connection": connection, "wrapped": wrapped, "data_key_version": data_key_version,
                "key_version": key_version, "changed_at": tx.now, "changed_by": by,
                "expires_at": None if expires_at is None else to_micros(expires_at),
            }  # fmt: skip
            tx.put("credential", row, key="connection")
            for field, sealed in fields.items():
                tx.put("credential_field", {"connection": connection, "field": field, "sealed": sealed})
            tokens.forget(tx, connection)
            kind = "credential.changed" if known else "credential.stored"
            chain.append(tx, Fact(kind, by, connection, {"fields": sorted(fields), "key_version": key_version}))
            return True

    def take(self, connection: str) -> SealedCredential | None:
        """A connection's credential; None when there is none."""
        rows = self._database.rows(
            "SELECT c.wrapped, c.data_key_version, c.key_version, f.field, f.sealed FROM credential c"
            " LEFT JOIN credential_field f ON f.connection = c.connection WHERE c.connection = ? ORDER BY f.field",
            connection,
        )
        if not rows:
            return None
        fields = {row[3]: bytes(row[4]) for row in rows if row[3] is not None}
        return SealedCredential(bytes(rows[0][0]), rows[0][1], rows[0][2], fields)

    def remove(self, connection: str, by: str) -> bool:
        """Forget a connection's credential and token; False when there was none."""
        with self._database.transaction() as tx:
            tx.change("DELETE FROM credential_field WHERE connection = ?", connection)
            gone = bool(tx.change("DELETE FROM credential WHERE connection = ?", connection))
            tx.change("DELETE FROM token WHERE connection = ?", connection)
            if gone:
                chain.append(tx, Fact("credential.deleted", by, connection, {}))
            return gone

    def changed_at(self, connection: str) -> datetime | None:
        """When a connection's secrets were last entered or sealed anew; None when there are none."""
        found = self._database.value("SELECT changed_at FROM credential WHERE connection = ?", connection)
        return None if found is None else to_moment(found)

    def names(self) -> list[CredentialInfo]:
        """What is stored, without its secrets."""
        fields: dict[str, list[str]] = {}
        for connection, field in self._database.rows(
            "SELECT connection, field FROM credential_field ORDER BY connection, field"
        ):
            fields.setdefault(connection, []).append(field)
        rows = self._database.rows(
            "SELECT connection, key_version, changed_at, changed_by, expires_at FROM credential ORDER BY connection"
        )
        return [
            CredentialInfo(
                row[0], tuple(fields.get(row[0], ())), row[1], to_moment(row[2]), row[3], to_moment_or_none(row[4])
            )
            for row in rows
        ]


def _key_row(key: KeyRecord, now: int, by: str) -> dict[str, object]:
    return {**key._asdict(), "made_at": now, "made_by": by, "current": 1}
