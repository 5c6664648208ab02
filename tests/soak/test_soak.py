"""Two minutes of the soak; `tests/soak/run` is an hour of it."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.soak.soaking import Plan, soaking, table
from tui_connector.domain.run import RunState

MINUTES = float(os.environ.get("SOAK_MINUTES", "1.6"))  # with start and end two


@pytest.mark.timeout(60 * MINUTES + 200)
def test_it_keeps_its_limits_for_a_long_time_under_faults(tmp_path: Path) -> None:
    folder = Path(os.environ.get("KEEP", tmp_path))
    folder.mkdir(exist_ok=True)
    with soaking(folder, Plan(MINUTES, warm_minutes=min(5.0, MINUTES / 3))) as soak:
        limits = soak.go()
        reasons = Counter(run.reason for run in soak.runs() if run.state is not RunState.DONE)
    print(
        "",
        table(limits),
        "",
        "Why runs did not end well:",
        *(f"{count} × {reason}" for reason, count in reasons.items()),
        sep="\n",
    )
    assert [one for one in limits if not one.held] == []
