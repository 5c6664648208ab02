"""From a waiting proposal to proved documents by keys alone: the console signs, a worker of its own posts into SAP."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.journeys.plan_desk import NOVAK, PASSPHRASE, PlanDesk, plan_desk
from tests.ui.stage import press, settled, shown, text, type_in, until
from tui_connector.bootstrap import Installation
from tui_connector.domain.proposal import DocumentState, ProposalState
from tui_connector.ui.app import Console
from tui_connector.ui.screens.documents import DocumentsScreen

if TYPE_CHECKING:
    from pathlib import Path

    from tests.journeys.conftest import Sandbox
    from tui_connector.domain.proposal import Proposal

_LONG = 60.0


@pytest.fixture
def desk(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlanDesk:
    return plan_desk(sandbox, tmp_path, monkeypatch)


def at_the_console(desk: PlanDesk, proposal: Proposal, then: str = "") -> None:
    """Novak opens the proposal's documents, signs it, and looks on until all is proved."""

    async def play(installation: Installation) -> None:
        made = installation.desk(approver_key=desk.key_of(NOVAK))
        app = Console(made, theme="dark", worker_stays=False)
        async with app.run_test(size=(120, 40), notifications=False) as pilot:
            await until(pilot, lambda: app.standing.served, _LONG)  # the console has started a worker of its own
            assert app.attendant.pid is not None
            await press(pilot, "4")
            await until(pilot, lambda: proposal.name in text(app))
            await press(pilot, "enter")
            await until(pilot, lambda: proposal.short in text(app))
            await press(pilot, "A")
            await until(pilot, lambda: "Type the fingerprint to sign" in text(app))
            await type_in(pilot, proposal.short.replace(" ", ""))
            await press(pilot, "enter")
            await type_in(pilot, PASSPHRASE)
            await pilot.press("enter")
            await until(pilot, lambda: f"{proposal.name} is approved. The worker posts it." in shown(app)[1], _LONG)
            await press(pilot, "d")
            await until(pilot, lambda: isinstance(app.screen, DocumentsScreen))
            await until(pilot, lambda: "documents are posted and proved to the cent." in text(app), _LONG)
            await until(pilot, lambda: "All 2 documents are posted and proved to the cent." in text(app), _LONG)
            await settled(pilot)
            said = text(app)
            assert said.count("✓ proved") == 2
            assert "V prepares 2 reversal documents" in said
            assert "read back, equal to the cent" in said
            assert PASSPHRASE not in app.export_screenshot()
            await asyncio.to_thread(app.attendant.drain)

    with desk.opened(read_only=False) as installation:
        asyncio.run(play(installation))


def test_a_plan_is_approved_and_posted_by_keys_alone(desk: PlanDesk) -> None:
    proposal = desk.propose()
    desk.nothing_in_sap()
    desk.patch.setattr(Installation, "person", lambda _: NOVAK)
    at_the_console(desk, proposal)
    documents = desk.documents(proposal)
    assert [one.state for one in documents] == [DocumentState.VERIFIED] * 2
    assert desk.proposal(proposal.id).state is ProposalState.POSTED
    in_sap = {(one["company_code"], one["document"].lstrip("0")) for one in desk.in_sap()}
    assert in_sap == {(one.document.company_code, one.accounting_document.lstrip("0")) for one in documents}
    with desk.opened() as installation:
        (approval,) = installation.store.proposals.approvals(proposal.id)
        assert approval.by == NOVAK
    assert desk.tell("audit", "verify").code == 0
    for path in desk.folder.rglob("*"):
        assert not (path.is_file() and PASSPHRASE.encode() in path.read_bytes()), path
