"""store copy and grant: an installation moves to another database, and roles get their rights there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.bootstrap import person
from tui_connector.cli import Exit
from tui_connector.cli.out import print_json, say, say_next, table
from tui_connector.store.grants import statements
from tui_connector.store.store import move_store
from tui_connector.views.words import figure

if TYPE_CHECKING:
    import argparse


def copy(given: argparse.Namespace) -> int:
    """Move a store; the old one may be read from then on, and nothing else."""
    moved = move_store(given.source, given.target, by=person())
    told = {"rows": dict(moved.rows), "seq": moved.seq, "digest": moved.digest, "verified": True}
    if not given.json:
        filled = [(name, figure(rows)) for name, rows in moved.rows.items() if rows]
        table(("table", "rows"), filled, numbers=("rows",))
    say(given, told, f"Every row is there, and the audit log is whole up to event {figure(moved.seq)}.")
    if not given.json:
        say_next("set store.url to the new place on every host; the old one is closed for writing")
    return Exit.DONE


def grant(given: argparse.Namespace) -> int:
    """Print statements for the owner of the tables to run."""
    found = statements(given.role, given.schema, write=given.write)
    if given.json:
        print_json({"statements": found})
    else:
        print("\n".join(found))  # to be run, so in no way wrapped
    return Exit.DONE
