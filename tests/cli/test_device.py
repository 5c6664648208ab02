"""Approving this machine for Anaplan's device grant, from the command line."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.sandbox.conftest import SandboxHandle

ROOT = Path(__file__).resolve().parent.parent.parent


def test_a_person_approves_this_machine(sandbox: SandboxHandle, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f"""
[vault]
key = "file"
[anaplan.main]
api_url = "{sandbox.url}"
auth_url = "{sandbox.url}"
oauth_url = "{sandbox.url}"
auth = "device"
workspace_id = "8a81b0927f3c4e1d9a6b5c4d3e2f1a00"
model_id = "3F02A9C41B7D4E58A1C6D2E37B9F0456"
""")
    tool = [sys.executable, "-m", "tui_connector", "--config", str(config)]
    command = [*tool, "credentials", "set", "anaplan.main"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, text=True, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write("client_id=sandbox-client\n")
        process.stdin.close()
        asked = process.stderr.readline()
        code = re.search(r"approve the code (\S+);", asked)
        assert code, asked
        sandbox.tell("/anaplan/device/approve", user_code=code[1])
        said = process.stdout.read()
        assert process.wait(timeout=30) == 0, process.stderr.read()
    assert said.startswith("Stored for anaplan.main: client_id, refresh_token.")
    reached = subprocess.run(
        [*tool, "connections", "ping", "anaplan.main"], cwd=ROOT, text=True, capture_output=True, check=False
    )
    assert reached.returncode == 0, reached.stdout
    assert "integration@example.com" in reached.stdout
