"""The console on a stage: driven by keys, read as lines, photographed."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from tui_connector.ui.app import Console
from tui_connector.ui.look import PALETTES
from tui_connector.ui.screens.base import ConsoleScreen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from textual.pilot import Pilot

    from tui_connector.views.desk import Desk

WIDE, SMALL = (120, 40), (80, 24)
_PATIENCE = 20.0
_FEED_SECONDS = 0.02
_MOMENT = 0.5
_CALM = 4
_FACE = "DejaVu Sans Mono"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def console(desk: Desk, theme: str = "dark", *, first: str = "overview", **more: Any) -> Console:
    """A console over a desk that starts no worker. theme: any palette by its name, "mono" and "sixteen" too."""
    app = Console(desk, theme=theme, first=first, palette=PALETTES[theme], **{"attend": False, **more})
    app._feed._seconds = _FEED_SECONDS
    return app


@asynccontextmanager
async def stage(
    desk: Desk, size: tuple[int, int] = WIDE, theme: str = "dark", *, first: str = "overview", **more: Any
) -> AsyncIterator[Pilot[None]]:
    """A console that runs, has read everything once, and has settled."""
    app = console(desk, theme, first=first, **more)
    async with app.run_test(size=size, notifications=False) as pilot:
        await until(pilot, lambda: bool(app.standing.worker))
        await settled(pilot)
        yield pilot


async def press(pilot: Pilot[Any], *keys: str) -> None:
    """Keys one after the other, each after the one before has had its effect."""
    for key in keys:
        await pilot.press(key)
        await settled(pilot)


async def type_in(pilot: Pilot[Any], text: str) -> None:
    """A text, key by key."""
    names = {" ": "space", ":": "colon", "-": "minus", "/": "slash", ".": "full_stop", "_": "underscore"}
    await pilot.press(*(names.get(char, char) for char in text))
    await settled(pilot)


async def settled(pilot: Pilot[Any]) -> None:
    """Until nothing is being read or done and every message has been seen to, several times in a row."""
    deadline, calm = time.monotonic() + _PATIENCE, 0
    while calm < _CALM:
        assert time.monotonic() < deadline, f"the console is still busy: {_busy(pilot.app)}"
        await pilot._wait_for_screen()  # every widget has seen to its messages
        pilot.app.screen._on_timer_update()  # and what is to be drawn is drawn
        calm = 0 if _busy(pilot.app) else calm + 1
        await asyncio.sleep(0.001)


async def until(pilot: Pilot[Any], true: Callable[[], bool], seconds: float = _PATIENCE) -> float:
    """Until something is true; how many seconds that took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, f"not within {seconds} s; the screen says:\n{text(pilot.app)}"
        await pilot._wait_for_screen()
        await asyncio.sleep(0.001)
    return time.monotonic() - began


def _busy(app: Any) -> list[str]:
    busy = [f"{work.group} {work.name}" for work in app.workers if not work.is_finished]
    busy += ["the application has messages"] * (not app._message_queue.empty())
    for screen in app.screen_stack:
        if isinstance(screen, ConsoleScreen) and screen._reading:
            busy.append(f"{screen!r} reads")
        if screen is app.screen and (screen._layout_required or screen._dirty_widgets):
            busy.append("drawing")
        for node in (screen, *screen.walk_children()):
            busy += [f"{node!r} waits a moment" for timer in node._timers if _soon(timer)]
    return busy


def _soon(timer: Any) -> bool:
    """Whether something happens once, in a moment: what waits for the cursor to rest. A notice's end is not waited for."""
    return timer._repeat == 0 and timer._interval < _MOMENT and timer._task is not None and not timer._task.done()


def shown(app: Any) -> list[str]:
    """The screen as lines of text, as a terminal has them."""
    return [strip.text.rstrip() for strip in app.screen._compositor.render_strips()]


def text(app: Any) -> str:
    """The screen as one text."""
    return "\n".join(shown(app))


def shoot(app: Any, path: Path) -> Path:
    """A picture of the screen: .svg, or .png where a browser can draw one."""
    drawn = clean(app.export_screenshot(title="tui-connector"))
    svg = path.with_suffix(".svg")
    svg.write_text(drawn, encoding="utf-8")
    return photograph(svg) if path.suffix == ".png" else svg


def clean(drawn: str) -> str:
    """The picture without far fonts, and without a name that is drawn by lot."""
    drawn = re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.DOTALL).replace("Fira Code", _FACE)
    return re.sub(r"terminal-\d+-", "terminal-", drawn)


def browser() -> str | None:
    """A browser that draws pictures without a screen."""
    return next((found for name in _BROWSERS if (found := shutil.which(name))), None)


def photograph(svg: Path) -> Path:
    """A picture as .png beside it; the .svg itself where no browser is there."""
    program = browser()
    if program is None:
        return svg
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg.read_text(encoding="utf-8"))
    assert box is not None
    size = f"{round(float(box[1]))},{round(float(box[2]))}"
    png = svg.with_suffix(".png")
    command = [
        program,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--force-device-scale-factor=1",
    ]
    subprocess.run(
        [*command, f"--window-size={size}", f"--screenshot={png}", svg.resolve().as_uri()],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    return png
