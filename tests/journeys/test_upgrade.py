"""An installation of an earlier version goes on after an upgrade: its trail, its open cases, a proposal that waits.

The fixture is the state folder and configuration of a program of tables 3, made by its own worker: three loads, one
record that it refused, and a proposal that waits for approval.
"""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest

from tests.journeys.conftest import ROOT, Sandbox, assert_sound, runs_of, serve
from tests.journeys.posting_desk import documents_in_sap
from tui_connector.approval.keys import KeyFile
from tui_connector.bootstrap import Installation, open_installation
from tui_connector.clients import Clients
from tui_connector.domain.errors import StoreError
from tui_connector.domain.proposal import ProposalState
from tui_connector.domain.run import RunState
from tui_connector.store import schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FIXTURE = ROOT / "tests" / "store" / "fixtures" / "version-3.tar.xz"
ADDRESS = "http://127.0.0.1:8791"  # where the tenants of the fixture answered: what was signed names it
PASSPHRASE = "four words are enough"
FLOW = "plan_writeback"


@pytest.fixture
def old_config(sandbox: Sandbox, tmp_path: Path) -> Iterator[Path]:
    """The config.toml of the old installation; its tenants' address leads to the sandbox."""
    with tarfile.open(FIXTURE) as archive:
        archive.extractall(tmp_path, filter="data")
    sandbox.call("POST", "anaplan/plan/fill", {"documents": 2, "lines": 8})
    made = Clients._http

    def elsewhere(clients: Clients, name: str, address: str, *more: object, **options: object) -> object:
        return made(clients, name, address.replace(ADDRESS, sandbox.url), *more, **options)  # type: ignore[arg-type]

    with patch.object(Clients, "_http", elsewhere):
        yield tmp_path / "config.toml"


def test_a_proposal_that_waits_survives_an_upgrade_and_is_posted(
    sandbox: Sandbox, old_config: Path, tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match="older version"), open_installation(str(old_config), read_only=True):
        pass
    key = KeyFile(tmp_path / "approver.key")
    public = key.create("a.novak", "novak", PASSPHRASE, environments=("TEST",))
    (tmp_path / "approvers.d").mkdir(mode=0o755)
    (tmp_path / "approvers.d" / public.file_name).write_text(public.to_text())
    with open_installation(str(old_config)) as opened:
        assert_migrated(opened)
        made = opened.store.proposals.get(1)
        assert (made.state, made.documents) == (ProposalState.PLANNED, 2)
        flow = opened.writeback(FLOW)
        signed = opened.decisions().approve(
            1, typed=made.short, key=key, passphrase=PASSPHRASE, by="uid:4242", flow=flow, head=opened.head(flow)
        )
        serve(opened, lambda: all(run.state.ended for run in runs_of(opened, list(signed.run_ids))))
        assert [(run.state, run.reason) for run in runs_of(opened, list(signed.run_ids))][-1] == (RunState.DONE, "")
        assert opened.store.proposals.get(1).state is ProposalState.POSTED
        assert {one.state.value for one in opened.store.proposals.documents(1)} == {"verified"}
        assert_sound(opened)
    assert len(documents_in_sap(sandbox)) == 2


def assert_migrated(opened: Installation) -> None:
    """What the old version wrote is there, can be worked on, and verifies under the rules of this one."""
    store = opened.store
    told = [event.fact.data for event in store.audit.events(kind="store.migrated")]
    assert told == [{"from": at, "to": at + 1} for at in range(3, len(schema.MIGRATIONS))]
    loads = [(run.flow, run.state, run.counts.loaded, run.counts.rejected) for run in runs_of(opened, [1, 2, 3, 4])]
    assert loads == [
        ("gl_accounts", RunState.DONE, 495, 0), ("profit_centers", RunState.DONE, 64, 0),
        ("cost_centers", RunState.DONE, 250, 0), ("cost_centers", RunState.DONE, 0, 1),
    ]  # fmt: skip
    (place,) = store.cases.places(runs_of(opened, [4])[0].target_id)
    assert place.run_id == 4
    assert opened.assign_rejects([place], "a.novak", "uid:4242") == 1
    assert_sound(opened)
