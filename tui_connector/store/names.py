"""What SAP calls the members that lines name, as it was read last; shown beside their numbers and never signed."""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from tui_connector.domain.names import Member
from tui_connector.store.database import to_micros
from tui_connector.store.rows import canonical_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from tui_connector.store.database import Database, Transaction

_BATCH = 1000
_MEMBER = (("field", "text"), ("company_code", "text"), ("code", "text"))


class Names:
    """One row a member of one SAP tenant, which its address tells apart."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, tx: Transaction, sap_url: str, names: Mapping[Member, str], at: datetime) -> None:
        """Keep names as they were read."""
        rows = ((*member, name) for member, name in sorted(names.items()))
        while some := list(islice(rows, _BATCH)):
            tx.change(
                "INSERT INTO member_name (sap_url, field, company_code, code, name, read_at)"
                f" SELECT ?, field, company_code, code, name, ? FROM ({tx.dialect.table((*_MEMBER, ('name', 'text')))})"
                " AS batch WHERE 1 = 1 ON CONFLICT (sap_url, field, company_code, code)"
                " DO UPDATE SET name = excluded.name, read_at = excluded.read_at",
                sap_url, to_micros(at), canonical_rows(some),
            )  # fmt: skip

    def of(self, sap_url: str, members: Iterable[Member], *, since: datetime | None = None) -> dict[Member, str]:
        """The names of these members; those without one, or with one read before `since`, are left out."""
        wanted, found = iter(sorted(set(members))), dict[Member, str]()
        while some := list(islice(wanted, _BATCH)):
            rows = self._database.rows(
                f"SELECT n.field, n.company_code, n.code, n.name FROM ({self._database.dialect.table(_MEMBER)})"
                " AS wanted JOIN member_name n ON n.sap_url = ? AND n.field = wanted.field"
                " AND n.company_code = wanted.company_code AND n.code = wanted.code AND n.read_at >= ?",
                canonical_rows(some), sap_url, 0 if since is None else to_micros(since),
            )  # fmt: skip
            found |= {Member(*row[:3]): row[3] for row in rows}
        return found

    def common(self, sap_url: str, members: Iterable[Member]) -> dict[Member, str]:
        """The names of members whatever their company code, where every one that names them gives them the same."""
        wanted, found = sorted({(one.field, one.code) for one in members}), dict[Member, str]()
        table = self._database.dialect.table((("field", "text"), ("code", "text")))
        rows = self._database.rows(
            f"SELECT n.field, n.code, min(n.name) FROM ({table}) AS wanted JOIN member_name n ON n.sap_url = ?"
            " AND n.field = wanted.field AND n.code = wanted.code GROUP BY n.field, n.code"
            " HAVING min(n.name) = max(n.name)",
            canonical_rows(wanted), sap_url,
        )  # fmt: skip
        for field, code, name in rows:
            found[Member(field, "", code)] = name
        return found

    def all(self, sap_url: str) -> dict[tuple[str, str], str]:
        """Every name by field and code; those on which company codes differ are left out."""
        found: dict[tuple[str, str], str] = {}
        unclear = set()
        rows = self._database.rows("SELECT DISTINCT field, code, name FROM member_name WHERE sap_url = ?", sap_url)
        for field, code, name in rows:
            if found.setdefault((field, code), name) != name:
                unclear.add((field, code))
        return {member: name for member, name in found.items() if member not in unclear}
