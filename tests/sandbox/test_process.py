"""The sandbox as a process of its own: its one line, its end with the parent, its clean-up."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = [sys.executable, "-m", "tui_connector.sandbox", "--line-items", "200"]


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    started = subprocess.Popen(
        [*COMMAND, "--parent-pipe"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"TMPDIR": str(tmp_path)},
        cwd=Path(__file__).parents[2],
    )
    with started:
        yield started
        if started.poll() is None:
            started.kill()


@pytest.mark.parametrize("how", ["parent", "signal"])
def test_it_says_its_port_and_leaves_nothing_behind(process: subprocess.Popen[str], tmp_path: Path, how: str) -> None:
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stderr is not None
    port = json.loads(process.stdout.readline())["port"]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        assert client.get("/_sandbox/health").json()["tenants"] == ["anaplan", "sap"]
        client.patch("/_sandbox/anaplan/settings", json={"task_behaviour": "endless"})
        token = client.post("/token/authenticate", auth=("integration@example.com", "sandbox-secret-2"))
        client.headers["Authorization"] = f"AnaplanAuthToken {token.json()['tokenInfo']['tokenValue']}"
        stem = "/2/0/models/3F02A9C41B7D4E58A1C6D2E37B9F0456/exports"
        export = client.get(stem).json()["exports"][0]["id"]
        assert client.post(f"{stem}/{export}/tasks", json={"localeName": "en_US"}).status_code == 200
    assert list(tmp_path.iterdir())
    if how == "parent":
        process.stdin.close()
    else:
        process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert process.stdout.read() == ""
    assert process.stderr.read() == ""
    assert list(tmp_path.iterdir()) == []
