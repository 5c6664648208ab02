"""One approved proposal for all tests of a module, each of which undoes what it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.approval.rig import Desk, Rig, payloads
from tests.engine.proposal.plans import NOW

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    rig = Rig(tmp_path_factory.mktemp("binding") / "rig")
    proposal = rig.approved()
    genuine = [payload for _, payload in payloads(rig.draft, NOW)]
    assert rig.post(proposal.id) == genuine
    assert len(genuine) == 3
    yield Desk(rig, proposal, genuine)
    rig.store.close()


@pytest.fixture
def signature_alone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if whoever changed the rows had also written the audit chain anew to fit them."""
    monkeypatch.setattr(desk.rig.store.audit, "proposal_fault", lambda *_: "")
