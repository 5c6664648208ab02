"""The rights of PostgreSQL's roles in a store: its owner migrates, writers work, readers look on."""

from __future__ import annotations

from tui_connector.domain.errors import ConfigError

_LONGEST = 63


def statements(role: str, schema: str, *, write: bool) -> list[str]:
    """What the owner of the tables runs in the store's database to let a role in."""
    who, where = _named(role), _named(schema)
    rights = "SELECT, INSERT, UPDATE, DELETE" if write else "SELECT"
    return [
        f"GRANT USAGE ON SCHEMA {where} TO {who};",
        f"GRANT {rights} ON ALL TABLES IN SCHEMA {where} TO {who};",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA {where} GRANT {rights} ON TABLES TO {who};",
    ]


def _named(name: str) -> str:
    if not name or len(name.encode()) > _LONGEST or not name.isprintable():
        raise ConfigError(f"{name!r} is no name of PostgreSQL", hint="Write the name of a role or a schema.")
    return '"' + name.replace('"', '""') + '"'
