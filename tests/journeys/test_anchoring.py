"""A worker sends its evidence out: after a posted plan at once, and a way that does not work harms no run."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tests.journeys.plan_desk import PlanDesk, plan_desk
from tui_connector.bootstrap import open_installation
from tui_connector.cli import Exit
from tui_connector.domain.checkpoint import read_notes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.journeys.conftest import Sandbox


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(tmp_path / "journal"))
        made.settimeout(5)
        yield made


@pytest.fixture
def desk(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, journal: socket.socket) -> PlanDesk:
    desk = plan_desk(sandbox, tmp_path, monkeypatch)
    ways = f'[evidence]\nfile = "out.txt"\njournal = "{tmp_path}/journal"\ncommand = ["{tmp_path}/nowhere"]\n'
    desk.amend("[posting]\n", f"{ways}[posting]\n")
    return desk


def test_a_posted_plan_is_anchored_at_once(desk: PlanDesk, journal: socket.socket, tmp_path: Path) -> None:
    proposal = desk.propose()
    assert not (tmp_path / "out.txt").exists(), "nothing was due yet"
    assert desk.sign(proposal, "--wait").code == Exit.DONE
    (note,) = read_notes((tmp_path / "out.txt").read_text())
    assert note.to_text().encode() in journal.recv(65536)
    with open_installation(str(desk.config), read_only=True) as here:
        (posted,) = here.store.audit.events(kind="proposal.posted")
        stuck = here.store.checkpoints.way("command").stuck
    assert note.checkpoint.seq >= posted.seq
    assert "No such file" in stuck
    assert "not sent checkpoint: command: " in desk.tell("--plain", "overview").out
    assert desk.tell("audit", "verify", "--anchor", str(tmp_path / "out.txt")).code == Exit.DONE
