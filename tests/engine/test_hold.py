"""A holder that was not able to renew its lease sends nothing more, also when its machine was suspended meanwhile."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

import pytest

from tui_connector.domain.clock import SystemClock
from tui_connector.domain.errors import LeaseLostError
from tui_connector.domain.run import Lease
from tui_connector.engine.hold import Hold

if TYPE_CHECKING:
    from tui_connector.store.store import Store


def test_seconds_of_a_suspended_machine_count(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {time.CLOCK_MONOTONIC: 100.0, time.CLOCK_BOOTTIME: 100.0}
    monkeypatch.setattr(time, "clock_gettime", lambda which: told[which])
    monkeypatch.setattr(time, "monotonic", lambda: told[time.CLOCK_MONOTONIC])
    hold = Hold(cast("Store", None), Lease("M", "w", 7), 30.0, SystemClock())
    told[time.CLOCK_BOOTTIME] += 20
    hold.check()
    told[time.CLOCK_BOOTTIME] += 5  # the kernel's other clock stood still all the time
    with pytest.raises(LeaseLostError, match="was not renewed in time"):
        hold.check()
