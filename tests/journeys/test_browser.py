"""The console in a real browser: served, opened, a plan reviewed, signed and posted by keys; nothing from outside."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyte
import pytest
from playwright.sync_api import sync_playwright

from tests.cli.test_serve import served
from tests.journeys.conftest import environment, wait_for
from tui_connector.bootstrap import open_installation
from tui_connector.demo import PASSPHRASE, second_person

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page, WebSocket

CHROMIUM = "chromium"
SIZE = {"width": 1280, "height": 840}


class Tab:
    """One page of a browser: what its terminal was sent, which addresses it asked for, what went wrong in it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.asked: list[str] = []
        self.wrong: list[str] = []
        self.screen: pyte.Screen | None = None
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", lambda said: self.wrong.append(said.text) if said.type == "error" else None)
        page.on("websocket", self._connected)

    def _connected(self, socket: WebSocket) -> None:
        self.asked.append(socket.url)
        columns, rows = (int(number) for number in re.findall(r"(?:width|height)=(\d+)", socket.url))
        self.screen = pyte.Screen(columns, rows)
        stream = pyte.ByteStream(self.screen)
        socket.on("framereceived", lambda data: stream.feed(data) if isinstance(data, bytes) else None)

    @property
    def text(self) -> str:
        if self.screen is None:
            return ""
        rows = (self.screen.buffer[row] for row in range(self.screen.lines))
        return "\n".join("".join(row[at].data for at in range(self.screen.columns)).rstrip() for row in rows)

    def until(self, true: Callable[[str], Any] | str, seconds: float = 30.0) -> str:
        good = (lambda text: true in text) if isinstance(true, str) else true
        end = time.monotonic() + seconds
        while not good(self.text):
            assert time.monotonic() < end, f"not within {seconds} s: {true}\n{self.text}\n{self.wrong}"
            self.page.wait_for_timeout(50)
        return self.text

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
            self.page.wait_for_timeout(100)

    def type(self, text: str) -> None:
        self.page.keyboard.type(text, delay=20)


@pytest.fixture
def tab() -> Iterator[Tab]:
    program = shutil.which(CHROMIUM)
    assert program, "this journey needs the distribution's Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield Tab(browser.new_page(viewport=SIZE))  # type: ignore[arg-type]
        browser.close()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A demo's state folder, whose name a shell would take apart, with its worker and both simulated tenants."""
    folder = tmp_path / "books of A & B"
    command = [sys.executable, "-m", "tui_connector", "demo", "--no-ui", "--state", str(folder), "--line-items", "600"]
    with (tmp_path / "demo.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment())
    try:
        wait_for(lambda: (folder / "second-person" / "approver.key").exists() or process.poll() is not None, seconds=60)
        assert process.poll() is None, (tmp_path / "demo.log").read_text()
        yield folder
    finally:
        process.terminate()
        process.wait(60)


@pytest.mark.timeout(300)
def test_a_plan_is_signed_and_posted_in_a_browser(
    state: Path, tab: Tab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "home" / "tui_connector" / "approver.key"  # the second person sits here
    shutil.copytree(second_person(state).path.parent, key.parent)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    with served(state / "config.toml", folder=tmp_path) as (address, _):
        tab.page.goto(f"{address}/")
        tab.page.wait_for_selector("body.-first-byte", timeout=60_000)
        tab.until("1 proposal waits for approval", 120)
        tab.press("4")
        tab.until("Waits for a person")
        tab.press("Enter")
        text = tab.until(lambda text: "If you approve" in text and "▸ 4100" in text)
        found = re.search(r"fingerprint\s+([0-9a-f]{4}) ([0-9a-f]{4})", text)
        assert found
        tab.press("A")
        text = tab.until("Type the fingerprint to sign")
        assert "You sign 8 documents with 64 lines, to be posted into ACTUALS." in text
        assert "8 reversal documents" in text
        tab.type(found[1] + found[2])
        tab.until("8 of 8 match")
        tab.press("Enter")
        tab.type(PASSPHRASE)
        tab.press("Enter")
        tab.until("What was signed", 60)
        tab.press("d")
        tab.until("All 8 documents are posted and proved to the cent.", 90)
        picture = tab.page.screenshot()
        assert len(picture) > 20_000  # something is drawn
        tab.press("q")
        tab.page.wait_for_selector("body.-closed", timeout=60_000)
        assert tab.page.locator(".ended").is_visible()
    assert tab.wrong == []
    assert {one.split("://")[1].split("/")[0] for one in tab.asked if "://" in one} == {address.split("://")[1]}
    with open_installation(str(state / "config.toml"), read_only=True) as installation:
        assert [one.name for one in installation.store.proposals.approvals(1)] == ["controller"]


@pytest.mark.timeout(120)
def test_a_page_that_is_closed_ends_its_console(tab: Tab, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('environment = "TEST"\n[vault]\nkey = "file"\n')
    with open_installation(str(tmp_path / "config.toml")):
        pass
    with served(tmp_path / "config.toml", "--readonly", folder=tmp_path) as (address, process):
        tab.page.goto(f"{address}/")
        tab.until("TEST", 60)
        assert len(consoles(process.pid)) == 1
        tab.press("4", "A")  # a console that only reads knows no such key
        tab.page.wait_for_timeout(300)
        tab.page.close()
        wait_for(lambda: not consoles(process.pid), seconds=20)


def consoles(server: int) -> list[str]:
    return Path(f"/proc/{server}/task/{server}/children").read_text().split()
