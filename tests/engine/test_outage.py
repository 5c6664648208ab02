"""A store that cannot be had: told once, runs rest longer each time, and everything begins anew when it is back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tui_connector.domain.errors import StoreLostError
from tui_connector.engine.outage import Outage

if TYPE_CHECKING:
    import pytest

FULL = StoreLostError("the disk is full", hint="free space")


def test_runs_rest_longer_each_time_until_one_has_ended(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    outage = Outage()
    rests = []
    for _ in range(8):
        outage.met_by_run(FULL)
        outage.look_went_well()
        assert outage.error is FULL, "a look that went well tells nothing while runs rest"
        begun = now
        while outage.resting:
            now += 0.5
        rests.append(now - begun)
    assert rests == [1, 2, 4, 8, 16, 32, 60, 60]
    assert outage.losses == 8
    outage.look_went_well()
    assert outage.error is None
    outage.run_ended()
    outage.met_by_run(FULL)
    now += 1
    assert not outage.resting
    told = [record.message for record in caplog.records]
    assert told == [
        "the disk is full; it is asked again (free space)", "the store can be had again",
        "the disk is full; it is asked again (free space)",
    ]  # fmt: skip


def test_another_reason_is_told_as_well(caplog: pytest.LogCaptureFixture) -> None:
    outage = Outage()
    for error in (FULL, FULL, StoreLostError("another process has held it", hint="look for it"), FULL):
        outage.met(error)
    assert len(caplog.records) == 3
    assert not outage.resting
