"""429 on every path of a load and of a posting, more often than a request has attempts: the run waits, and ends well.

A longer run than usual, on more paths and with waits of a second: DEEP_TESTS=1 pytest tests/journeys/test_too_many.py
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from tests.journeys.conftest import Sandbox, assert_sound, request_runs, seal_config, work
from tests.journeys.plan_desk import PlanDesk, plan_desk
from tests.journeys.test_writeback_channels import JOURNAL
from tui_connector.bootstrap import open_installation
from tui_connector.domain.run import ReadMode, RunState
from tui_connector.transport import retry

if TYPE_CHECKING:
    from pathlib import Path

DEEP = os.environ.get("DEEP_TESTS") == "1"
pytestmark = pytest.mark.timeout(900 if DEEP else 120)
TIMES = 6  # a request has five attempts
RETRY_AFTER = ("0", "1") if DEEP else ("0",)
FLOWS = ("gl_accounts", "gl_line_items") if DEEP else ("gl_accounts",)
CHANNELS = ("soap", "odata") if DEEP else ("odata",)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing beside the waits that were told."""
    monkeypatch.setattr(retry, "BASE_SECONDS", 0.001)


def paths_of(sandbox: Sandbox) -> list[tuple[str, str]]:
    """Method and pattern of every path that was asked for, whatever task or key it names."""
    found: dict[tuple[str, str], None] = {}
    for one in sandbox.call("GET", "log")["requests"]:
        path = re.sub(r"\(.*?\)", "@", one["path"].partition("?")[0])
        path = re.sub(r"/(tasks|readRequests)/\w+", r"/\1/#", path)
        pattern = re.escape(path).replace(r"\#", r"\w+").replace("@", r"\(.*?\)")
        found[one["method"], rf"^{pattern}(\?|$)"] = None
    return list(found)


def refuse(sandbox: Sandbox, paths: list[tuple[str, str]], retry_after: str) -> None:
    """From here on each of the paths answers 429 so many times before it answers."""
    for method, pattern in paths:
        sandbox.fault("rate_limit", pattern, method, times=TIMES, retry_after=retry_after)


def assert_refused(sandbox: Sandbox) -> None:
    refused = [one for one in sandbox.call("GET", "log")["requests"] if one["status"] == 429]
    print(f"\n{len(sandbox.faults())} paths, {len(refused)} refusals")
    assert [rule["path"] for rule in sandbox.faults() if rule["hits"] != TIMES] == []


@pytest.mark.parametrize("retry_after", RETRY_AFTER)
def test_a_load(sandbox: Sandbox, tmp_path: Path, retry_after: str) -> None:
    def loads(name: str) -> None:
        (tmp_path / name).mkdir()
        sandbox.anaplan(rate_limit=False, task_seconds=0.05)
        with open_installation(str(seal_config(sandbox, tmp_path / name))) as installation:
            runs = work(installation, request_runs(installation, *FLOWS, mode=ReadMode.FULL), 600)
            assert [(run.state, run.reason) for run in runs] == [(RunState.DONE, "")] * len(FLOWS)
            assert_sound(installation)

    loads("quiet")
    paths = paths_of(sandbox)
    sandbox.reset()
    refuse(sandbox, paths, retry_after)
    loads("refused")
    assert_refused(sandbox)
    assert sandbox.clashes() == (0, 0)


@pytest.mark.parametrize("retry_after", RETRY_AFTER)
@pytest.mark.parametrize("channel", CHANNELS)
def test_a_posting(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, channel: str, retry_after: str
) -> None:
    def posts(name: str) -> PlanDesk:
        folder = tmp_path / name
        folder.mkdir()
        sandbox.anaplan(rate_limit=False, task_seconds=0.05)
        desk = plan_desk(sandbox, folder, monkeypatch)
        if channel == "odata":
            desk.set_flow(channel="odata", journal_service=JOURNAL)
        proposal = desk.propose()
        desk.posts(proposal)
        assert [one.attempt for one in desk.documents(proposal)] == [1, 1]
        return desk

    posts("quiet")
    paths = paths_of(sandbox)
    sandbox.reset()
    refuse(sandbox, paths, retry_after)
    desk = posts("refused")
    assert_refused(sandbox)
    documents = desk.in_sap()
    assert len({one["reference"] for one in documents}) == len(documents) == 2
