"""serve: which addresses, pages and names it is open to, and what its page loads."""

from __future__ import annotations

import re
import shlex
import signal
import socket
import subprocess
import sys
from contextlib import closing, contextmanager
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
import textual_serve

from tests.journeys.conftest import environment, wait_for
from tui_connector import cli
from tui_connector.cli import pages, serve
from tui_connector.cli.pages import admits

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIG = 'environment = "TEST"\n[vault]\nkey = "file"\n'
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def free_port() -> int:
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@contextmanager
def served(config: Path, *options: str, folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A `serve` process of its own until the end of the block: its address, and itself."""
    port = free_port()
    command = [sys.executable, "-m", "tui_connector", "--config", str(config), "serve", "--port", str(port), *options]
    address = f"http://127.0.0.1:{port}"
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment())
    try:
        wait_for(lambda: answers(address) or process.poll() is not None)
        yield address, process
    finally:
        process.kill()
        process.wait(10)


def answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/static/css/xterm.css", trust_env=False).is_success
    except httpx.TransportError:
        return False


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(CONFIG)
    return path


@pytest.mark.parametrize(
    ("host", "origin", "names", "let_in"),
    [
        ("127.0.0.1:8000", None, (), True),
        ("127.0.0.1:8000", "http://127.0.0.1:8000", (), True),
        ("localhost:9000", "http://localhost:9000", (), True),  # the near end of a tunnel
        ("[::1]:8000", "http://[::1]:8000", (), True),
        ("127.0.0.1:8000", "http://evil.example", (), False),
        ("127.0.0.1:8000", "http://127.0.0.1:8001", (), False),  # another server of this machine
        ("127.0.0.1:8000", "null", (), False),  # a sandboxed frame
        ("evil.example:8000", "http://evil.example:8000", (), False),  # a name bound to this address
        ("books.example", "https://books.example", ("books.example",), True),
        ("books.example", "https://evil.example", ("books.example",), False),
        ("", None, (), False),
        ("[", None, (), False),
    ],
)
def test_only_its_own_page_is_let_in(host: str, origin: str | None, names: tuple[str, ...], let_in: bool) -> None:
    assert admits(host, origin, names) is let_in


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "books.example"])
def test_a_host_that_others_reach_is_refused(host: str, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--config", str(config), "serve", "--host", host]) == cli.Exit.USAGE
    told = capsys.readouterr().err
    assert "asks nobody who they are" in told
    assert "ssh tunnel" in told
    assert "--unauthenticated" in told


def test_without_the_extra_it_says_how_to_install_it(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "tui_connector.cli.serve.find_spec", lambda name: None if name == "textual_serve" else util.find_spec(name)
    )
    assert cli.run(["--config", str(config), "serve"]) == cli.Exit.USAGE
    assert 'pip install "tui-connector[serve]"' in capsys.readouterr().err


def test_a_wrong_configuration_is_told_before_anything_is_served(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.toml").write_text('environment = "TEST"\nsurprise = 1\n')
    assert cli.run(["--config", str(tmp_path / "config.toml"), "serve"]) == cli.Exit.USAGE
    assert "surprise" in capsys.readouterr().err


def test_a_taken_port_is_told(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        assert cli.run(["--config", str(config), "serve", "--port", str(one.getsockname()[1])]) == cli.Exit.USAGE
    assert "choose another --port" in capsys.readouterr().err


def test_the_page_names_nothing_outside_and_forbids_it() -> None:
    page = (Path(pages.__file__).parent / "page" / "app_index.html").read_text()
    assert not re.search(r"(?:https?:)?//\w+\.", page)
    theirs = (Path(textual_serve.__file__).parent / "templates" / "app_index.html").read_text()
    assert "googleapis.com" in theirs  # the reason why there is a page of our own
    statics = Path(textual_serve.__file__).parent / "static"
    for wanted in re.findall(r'"static/([^"]+)"', page):
        assert (statics / wanted).is_file(), wanted


def test_strangers_get_nothing_and_no_console_is_started_for_them(config: Path, tmp_path: Path) -> None:
    with served(config, folder=tmp_path) as (address, process):
        with httpx.Client(base_url=address, trust_env=False, timeout=10) as http:
            page = http.get("/")
            assert page.status_code == 200
            assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
            assert http.get("/", headers={"Host": "evil.example"}).status_code == 403
            assert http.get("/download/x").status_code == 404
            for strange in ({}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
                assert http.get("/ws", headers={**UPGRADE, **strange}).status_code == 403, strange
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
        assert children == ""
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert "asks nobody who they are" in (tmp_path / "serve.log").read_text()


def test_a_path_that_a_shell_would_read_is_only_a_path() -> None:
    config = Path("/srv/a folder; touch $(echo gone)/config.toml")
    given = cli.build_parser().parse_args(["--theme", "light", "serve", "--readonly"])
    shell, *words = shlex.split(serve._command(given, config))
    assert shell == "exec"
    assert words == [
        sys.executable, "-m", "tui_connector", "--config", str(config), "--readonly", "--theme", "light",
    ]  # fmt: skip
