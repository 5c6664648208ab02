"""store: a verified copy of the store, and one put back in its place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui_connector.bootstrap import person, store_url
from tui_connector.cli import Exit
from tui_connector.cli.out import facts, print_json, say_next
from tui_connector.engine.writeback import restored
from tui_connector.settings.load import config_path, load_settings
from tui_connector.store.backup import Copy, backup
from tui_connector.views.words import figure

if TYPE_CHECKING:
    import argparse

_KEY = "the master key, kept exports, approvers' keys and config.toml are not in it: back them up on their own"


def make(given: argparse.Namespace) -> int:
    """Copy the store while it is in use."""
    copied = backup(store_url(load_settings(config_path(given.config))), Path(given.file), person())
    _tell(given, copied, [("backup", copied.path)], _KEY)
    return Exit.DONE


def put_back(given: argparse.Namespace) -> int:
    """Put a copy in the store's place."""
    settings = load_settings(config_path(given.config))
    assert settings.posting.mark is not None  # noqa: S101 - load_settings fills it
    copied = restored.put_back(store_url(settings), settings.posting.mark, Path(given.file), given.reason, person())
    before = "there was none" if copied.before is None else copied.before
    hint = (
        "start the worker; what may have been posted since is looked up in SAP first, and after your own look "
        "`proposals restored --reason …` lets plans be proposed again"
    )
    _tell(given, copied, [("restored", copied.path), ("store before", before)], hint)
    return Exit.DONE


def _tell(given: argparse.Namespace, copied: Copy, rows: list[tuple[str, Any]], hint: str) -> None:
    if given.json:
        told = {
            "file": str(copied.path), "sha256": copied.digest, "bytes": copied.size, "store": copied.store,
            "seq": copied.seq, "digest": copied.head, "events": copied.events, "records": copied.records,
        }  # fmt: skip
        print_json(told | ({"before": str(copied.before)} if copied.before else {}))
        return
    facts([
        *rows, ("verified", f"{figure(copied.events)} events, {figure(copied.records)} records"),
        ("last event", f"{copied.seq}, digest {copied.head}"), ("SHA-256", copied.digest),
        ("size", f"{figure(copied.size)} bytes"),
    ])  # fmt: skip
    say_next(hint)
