"""What a service manager is told, and the unit that is printed for it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tui_connector.cli import run
from tui_connector.cli.notify import Notify

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """environment = "QUALITY"
[sap.main]
base_url = "http://127.0.0.1:1"
[anaplan.main]
workspace_id = "8a81b0927f3c4e1d9a6b5c4d3e2f1a00"
model_id = "3F02A9C41B7D4E58A1C6D2E37B9F0456"
"""


@pytest.mark.parametrize("abstract", [False, True])
def test_the_notify_socket(abstract: bool, tmp_path: Path) -> None:
    name = f"@{tmp_path}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{name[1:]}" if abstract else name)
        variables = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid()), "LANG": "C"}
        notify = Notify(variables)
        assert variables == {"LANG": "C"}  # no program that is started here speaks for this one
        assert notify.watchdog_seconds == 3
        notify.reloading()  # before it was ready nothing is told of that
        notify.alive("one\ntwo")
        assert manager.recv(999) == b"READY=1\nWATCHDOG=1\nSTATUS=one two"
        notify.alive("one\ntwo")
        assert manager.recv(999) == b"WATCHDOG=1"
        notify.reloading()
        assert re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=\d+", manager.recv(999))
        notify.reloaded("x" * 1000)
        assert manager.recv(999) == b"READY=1\nSTATUS=" + b"x" * 300
        notify.stopping("ending")
        assert manager.recv(999) == b"STOPPING=1\nSTATUS=ending"
    notify.alive("the manager has gone")


def test_a_service_manager_that_does_not_listen_holds_nothing_up(tmp_path: Path) -> None:
    """What it did not take, it is told again."""
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        while shouted(path):
            pass
        notify = Notify({"NOTIFY_SOCKET": path})
        notify.alive("waiting")
        manager.setblocking(False)
        assert set(iter(lambda: heard(manager), b"")) == {b"noise"}
        notify.alive("waiting")
        assert heard(manager) == b"READY=1\nSTATUS=waiting"


def shouted(path: str) -> bool:
    """Whether there was room for a word of a speaker that had not spoken before."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as speaker:
        speaker.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            return bool(speaker.sendto(b"noise", path))
        return False


def heard(manager: socket.socket) -> bytes:
    with contextlib.suppress(BlockingIOError):
        return manager.recv(999)
    return b""


def test_without_a_service_manager_nothing_is_told() -> None:
    for variables in ({}, {"NOTIFY_SOCKET": "vsock:2:1"}, {"WATCHDOG_USEC": "5", "WATCHDOG_PID": "1"}):
        notify = Notify(dict(variables))
        assert notify.watchdog_seconds is None
        notify.alive("nobody hears")
        notify.stopping("nobody hears")


def unit_of(folder: Path, capsys: pytest.CaptureFixture[str], more: str = "", *options: str) -> tuple[str, str]:
    (folder / "config.toml").write_text(CONFIG + more)
    assert run(["--config", str(folder / "config.toml"), "service", "unit", *options]) == 0
    told = capsys.readouterr()
    return told.out, told.err


def test_the_unit_is_hardened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, warned = unit_of(tmp_path, capsys, "", "--user", "connector")
    settings = dict(line.split("=", 1) for line in text.splitlines() if line[:1].isalpha())
    assert settings["ExecStart"] == f"{sys.executable} -m tui_connector --config {tmp_path}/config.toml --no-ui"
    assert settings["LoadCredentialEncrypted"] == "master.key:/etc/tui-connector/master.key.cred"
    assert settings.items() >= {
        "Type": "notify", "WatchdogSec": "60", "TimeoutStopSec": "90", "KillMode": "mixed", "User": "connector",
        "RestartPreventExitStatus": "2", "CapabilityBoundingSet": "", "ProtectSystem": "strict", "LimitCORE": "0",
        "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX", "MemoryDenyWriteExecute": "yes", "UMask": "0077",
    }.items()  # fmt: skip
    assert "ReadWritePaths" not in settings
    assert "checkpoints of the audit log stay beside it" in warned
    analyze = shutil.which("systemd-analyze")
    if analyze is not None:  # by its own judge as well, where there is one: 1.1 by version 252
        (tmp_path / "tui-connector.service").write_text(text)
        command = [analyze, "security", "--offline=true", "--threshold=15", str(tmp_path / "tui-connector.service")]
        judged = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert judged.returncode == 0, judged.stdout + judged.stderr


def test_the_unit_follows_the_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = '[evidence]\nfile = "/mnt/evidence/notes.txt"\n[posting]\nmark = "/var/lib/mark/posting.mark"\n[vault]\nkey = "file"\n'
    more += '[store]\nurl = "sqlite:////srv/store/connector.db"\n'
    text, warned = unit_of(tmp_path, capsys, more)
    assert "\nReadWritePaths=/mnt/evidence /srv/store /var/lib/mark\n" in text
    assert '[vault] key = "file": the unit hands over a systemd credential' in warned
    assert "checkpoints" not in warned
    odd = tmp_path / "100% odd"
    odd.mkdir()
    (odd / "config.toml").write_text(CONFIG)
    assert run(["--config", str(odd / "config.toml"), "service", "unit"]) == 2
