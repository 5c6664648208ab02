"""When checkpoints are made, and that none is lost or said to have left when it has not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tui_connector.anchors.checking import Fit, check
from tui_connector.anchors.notes import CREDENTIAL, is_signed
from tui_connector.domain.errors import ConfigError
from tui_connector.store.checkpoints import SIGNING

if TYPE_CHECKING:
    from tests.anchors.conftest import House


def test_a_checkpoint_after_so_many_events_and_none_for_its_own(house: House) -> None:
    keeper = house.keeper()
    assert not keeper.has_work()
    house.happen(10)
    assert keeper.has_work()
    reached = house.store.audit.last_seq()
    keeper.look("worker:1")
    assert house.seqs()[0] >= reached
    for _ in range(5):
        keeper.look("worker:1")
        assert not keeper.has_work()
        house.clock.passed += 3600
    assert len(house.seqs()) == 1
    assert house.kinds() == ["checkpoint.key_made", "checkpoint.made", "checkpoint.left", "checkpoint.left"]
    assert house.store.audit.verify().broken_at is None


def test_a_checkpoint_after_so_long_if_something_happened(house: House) -> None:
    keeper = house.keeper()
    house.happen()
    keeper.look("w")
    assert house.seqs() == []
    house.clock.passed = 301
    keeper.look("w")
    assert len(house.seqs()) == 1
    house.clock.passed = 10_000
    keeper.look("w")
    assert len(house.seqs()) == 1


def test_a_checkpoint_at_once_after_a_posted_plan(house: House) -> None:
    keeper = house.keeper()
    house.happen(kind="proposal.posted")
    keeper.look("w")
    assert len(house.seqs()) == 1
    house.happen(kind="proposal.posted")
    keeper.look("w")
    assert len(house.seqs()) == 2


def test_without_a_master_key_nothing_is_due(house: House) -> None:
    with house.store.transaction() as tx:
        tx.change("DELETE FROM master_key")
    house.happen(20)
    assert not house.keeper().has_work()


def test_what_does_not_leave_is_told_once_and_tried_again_later(house: House) -> None:
    file, command = house.ways
    file.why = "Permission denied"
    keeper = house.keeper()
    house.happen(10)
    keeper.look("w")
    assert (len(file.got), len(command.got)) == (0, 1)
    state = house.store.checkpoints.way("file")
    assert (state.reached, state.stuck) == (0, "Permission denied")
    assert state.stuck_since is not None
    for _ in range(20):
        keeper.look("w")
    assert file.tries == 1, "it is not tried at once"
    house.clock.passed += 11
    assert keeper.has_work()
    keeper.look("w")
    house.clock.passed += 11
    keeper.look("w")
    assert file.tries == 2, "the pauses grow"
    assert house.kinds().count("checkpoint.stuck") == 1
    house.happen(10)
    keeper.look("w")
    file.why = ""
    house.clock.passed += 61
    keeper.look("w")
    assert [note.checkpoint.seq for note in file.got] == house.seqs()[-1:], "the newest covers those before it"
    assert house.store.checkpoints.way("file").stuck_since is None
    file.why = "No space left"
    house.happen(10)
    keeper.look("w")
    assert house.kinds().count("checkpoint.stuck") == 2, "a new failure is told anew"


@pytest.mark.parametrize("moment", ["made", "handed over"])
def test_who_dies_in_between_sends_it_again(house: House, moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class KilledError(BaseException):
        """As good as a kill: nothing catches it."""

    def die(*_: object, **__: object) -> None:
        raise KilledError

    file, command = house.ways
    house.happen(10)
    with monkeypatch.context() as patch:
        if moment == "made":
            patch.setattr(file, "send", die)
        else:
            patch.setattr(house.store.checkpoints, "left", die)
        with pytest.raises(KilledError):
            house.keeper().look("w1")
    assert house.store.checkpoints.way("file").reached == 0, "it is not said to have left"
    house.keeper().look("w2")
    assert len(house.seqs()) == 1
    assert len(file.got) == (1 if moment == "made" else 2)
    assert len(command.got) == 1
    assert house.store.checkpoints.way("file").reached == house.seqs()[0]
    assert house.store.audit.verify().broken_at is None


def test_a_key_that_does_not_open_is_told_and_harms_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(_: str) -> dict[str, str]:
        raise ConfigError("the master key is missing", hint="put it back")

    keeper = house.keeper()
    house.happen(10)
    with monkeypatch.context() as patch:
        patch.setattr(house.vault, "open", closed)
        keeper.look("w")
        assert house.store.checkpoints.way(SIGNING).stuck == "the master key is missing"
        assert not keeper.has_work()
        with pytest.raises(ConfigError):
            keeper.make("uid:1")
    house.clock.passed += 11
    keeper.look("w")
    assert house.store.checkpoints.way(SIGNING).stuck_since is None
    assert len(house.seqs()) == 1


def test_a_forgotten_key_gives_way_to_a_new_one_and_old_notes_still_hold(house: House) -> None:
    keeper = house.keeper()
    first = keeper.make("uid:1")
    assert keeper.make("uid:1").checkpoint.signer == first.checkpoint.signer
    house.vault.delete(CREDENTIAL, by="uid:1")
    second = keeper.make("uid:1")
    assert first.checkpoint.signer != second.checkpoint.signer
    keys = house.store.checkpoints.verifiers()
    assert len(keys) == 2
    assert all(is_signed(note, keys) for note in (first, second))
    assert check(house.store, (first, second), keys).fit is Fit.FITS


def test_the_key_outlives_a_change_of_the_master_key(house: House) -> None:
    signer = house.keeper().make("uid:1").checkpoint.signer
    house.vault.rotate(by="uid:1")
    assert house.keeper().make("uid:1").checkpoint.signer == signer
