"""A keeper is killed at every commit, before and after it: nothing is lost, and nothing is said to have left that has not."""

from __future__ import annotations

import os
import signal
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.journeys.conftest import fork, signal_at
from tui_connector.anchors.checking import Fit, check
from tui_connector.anchors.keeper import Keeper, Pace
from tui_connector.anchors.ways import FileWay
from tui_connector.domain.audit import Fact
from tui_connector.domain.checkpoint import read_notes
from tui_connector.domain.clock import SystemClock
from tui_connector.store import Store
from tui_connector.vault import Vault

if TYPE_CHECKING:
    from pathlib import Path

COMMITS = 3  # the key is sealed, it and the checkpoint are kept, the checkpoint has left


def look(folder: Path) -> int:
    """One look after ten more events; 0."""
    store = Store.open(str(folder / "store.db"))
    vault = Vault(store.credentials, folder / "master.key")
    Keeper(store, vault, [FileWay(folder / "out.txt")], Pace(10, timedelta(minutes=5)), SystemClock()).look("worker:1")
    store.close()
    return 0


def prepare(folder: Path) -> None:
    store = Store.open(str(folder / "store.db"))
    if store.credentials.key() is None:
        Vault(store.credentials, folder / "master.key").init_key("file", by="uid:1")
    with store.transaction() as tx:
        for _ in range(10):
            store.audit.append(tx, Fact("run.requested", "uid:1", "x", {}))
    store.close()


@pytest.mark.parametrize("after", [False, True])
def test_a_keeper_killed_at_every_commit(tmp_path: Path, after: bool) -> None:
    killed = 0
    for doomed in range(1, COMMITS + 2):
        folder = tmp_path / str(doomed)
        folder.mkdir()
        prepare(folder)

        def job(folder: Path = folder, doomed: int = doomed) -> int:
            with signal_at(signal.SIGKILL, lambda number, _: number == doomed, after=after):
                return look(folder)

        _, status = os.waitpid(fork(job), 0)
        killed += os.WIFSIGNALED(status)
        store = Store.open(str(folder / "store.db"))
        told = store.checkpoints.way("file").reached
        store.close()
        sent = read_notes((folder / "out.txt").read_text()) if (folder / "out.txt").exists() else ()
        assert told in {0, *(note.checkpoint.seq for note in sent)}, "nothing is said to have left that has not"

        prepare(folder)
        look(folder)
        store = Store.open(str(folder / "store.db"))
        newest, notes = store.checkpoints.newest(), read_notes((folder / "out.txt").read_text())
        assert newest == notes[-1]
        assert store.checkpoints.way("file").reached == notes[-1].checkpoint.seq
        assert check(store, (*notes, *store.checkpoints.notes()), store.checkpoints.verifiers()).fit is Fit.FITS
        assert store.audit.verify().broken_at is None
        store.close()
    assert killed >= COMMITS
