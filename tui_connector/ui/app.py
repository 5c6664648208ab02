"""The application: seven screens with a stack each, the keys that work everywhere, the way to and from the store."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from rich.segment import Segment, Segments
from textual import events
from textual.app import App, SystemCommand
from textual.await_complete import AwaitComplete
from textual.binding import Binding
from textual.command import CommandPalette
from textual.worker import active_worker

from tui_connector.domain.errors import ConnectorError
from tui_connector.domain.text import clean_lines
from tui_connector.ui import crash, jump
from tui_connector.ui.attendant import Attendant
from tui_connector.ui.commands import Commands
from tui_connector.ui.dialogs.base import AskText, Dialog, Keys, Tell
from tui_connector.ui.dialogs.leave import Leave, Leaving
from tui_connector.ui.draw import wrap
from tui_connector.ui.driver import read_leniently
from tui_connector.ui.export import write
from tui_connector.ui.feed import Feed
from tui_connector.ui.look import DARK, LIGHT, PALETTES, Palette, palette_for
from tui_connector.ui.screens.base import TABS, ConsoleScreen, keys_of, only_newest
from tui_connector.ui.screens.registry import SCREENS
from tui_connector.ui.widgets.drawn import Drawn
from tui_connector.views.standing import Standing, read_standing
from tui_connector.views.words import clock, full_date

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from textual.screen import Screen

    from tui_connector.ui.export import Sheet
    from tui_connector.ui.messages import StoreLost
    from tui_connector.ui.widgets.bars import TopBar
    from tui_connector.views.desk import Desk

Answer = TypeVar("Answer")
_READERS = 2
_CALM_SECONDS = 5.0
_AS_WRITTEN, _BY_SCRIPT = "\x1b[8l", "\x1b[8h"  # ECMA-48's BDSM: cells in the order given, or turned around
_LOOK_SECONDS = 5


class Console(App[None]):
    """The operators' console."""

    CSS_PATH = "console.tcss"
    TITLE = "tui_connector"
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"
    BINDINGS: ClassVar[list[Any]] = [
        *(Binding(str(number), f"tab('{name}')", title, show=False) for number, (name, title) in enumerate(TABS, 1)),
        Binding("question_mark", "keys", "keys", show=False, tooltip="what this screen is for, and its keys"),
        Binding("colon", "jump", "go to", key_display=":", show=False, tooltip="go to a screen, run, proposal or key"),
        Binding("q", "leave", "leave", show=False, tooltip="leave the console"),
        Binding("ctrl+q", "leave", "leave", show=False),
        Binding("ctrl+c", "leave", "leave", show=False, priority=True),
    ]

    def __init__(
        self,
        desk: Desk,
        *,
        theme: str = "dark",
        calm: bool = False,
        attend: bool = True,
        worker_stays: bool = True,
        first: str = "overview",
        palette: Palette | None = None,
        mask: Callable[[str], str] = str,
    ) -> None:
        """mask: takes the secrets that this process knows out of a text."""
        no_color = "NO_COLOR" in os.environ
        chosen = palette or (palette_for(theme, "truecolor", no_color=True) if no_color else None)
        read_leniently()
        super().__init__(ansi_color=chosen.ansi if chosen else None)
        self.desk = desk
        found = chosen or palette_for(theme, self.console.color_system, no_color=False)
        self.palette = found
        for one in {**PALETTES, found.name: found}.values():
            self.register_theme(one.theme())
        self.theme = found.name
        if found.ansi and chosen is None:
            self.ansi_color = True
        self.standing = Standing()
        self.attendant = Attendant(desk.config, stays=worker_stays)
        self._attend = attend and not desk.read_only
        self._mask = mask
        self._first = first
        self._lost = self._told_end = False
        self._ticks = 0
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="reader")
        self._feed = Feed(desk.store, self, _CALM_SECONDS) if calm else Feed(desk.store, self)
        for name, screen in SCREENS.items():
            self.add_mode(name, partial(screen, desk))

    async def on_mount(self) -> None:
        self._order_text(_AS_WRITTEN)
        await self.switch_mode(self._first)
        self._feed.start()
        self.set_interval(1.0, self._tick)
        self._tick()
        if self._attend:
            self.run_worker(self._see_to_a_worker(), exit_on_error=True)

    async def on_unmount(self) -> None:
        self._order_text(_BY_SCRIPT)
        self._feed.stop()
        # Whoever opened the store closes it next, which must not happen under the hands of one that reads.
        await asyncio.to_thread(self._readers.shutdown, wait=True, cancel_futures=True)

    def _order_text(self, how: str) -> None:
        """A terminal that turns right-to-left text around would take the amounts behind a Hebrew name along."""
        if self._driver is not None and not self.is_headless:
            self._driver.write(how)

    async def action_command_palette(self) -> None:  # type: ignore[override]  # awaited, as every action is
        if not isinstance(self.screen, CommandPalette):
            await self.push_screen(Commands())  # the next key finds it whole

    def pop_screen(self) -> AwaitComplete:
        """A key too many closes nothing more; and what a screen still reads ends with it."""
        if len(self.screen_stack) <= 1:
            return AwaitComplete()
        leaving, mine = self.screen, active_worker.get(None)
        for one in list(self.workers):
            if one is not mine and one.node.is_attached and one.node.screen is leaving:
                one.cancel()
        return super().pop_screen()

    async def on_event(self, event: events.Event) -> None:
        """Whatever is pasted, and wherever, steers no terminal; a secret is not shown, and stays as it is."""
        if isinstance(event, events.Paste) and not getattr(self.focused, "password", False):
            event.text = clean_lines("\n".join(event.text.splitlines()))
        await super().on_event(event)

    def _fatal_error(self) -> None:
        """Tell where it failed and nothing more."""
        self.bell()
        told = self.console.render(crash.traceback(self._mask), self.console.options)
        plain = [Segment(clean_lines(one.text), one.style, one.control) for one in told]
        self._exit_renderables.append(Segments(plain))
        self._close_messages_no_wait()

    # --- what screens ask for ---------------------------------------------------------------------------------

    async def in_thread(self, work: Callable[[], Answer]) -> Answer:
        """Run something that may wait, off the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, work)

    def export(self, sheet: Sheet) -> None:
        """Ask for a file and write the view into it."""
        name = f"{sheet.name}-{self.desk.clock.now().astimezone(self.desk.zone):%Y%m%d-%H%M%S}.csv"

        def lines(width: int) -> Any:
            shown = f"under the filter {sheet.filter}" if sheet.filter else "without a filter"
            return wrap(f"The view {sheet.name} {shown}; .csv for a sheet, .jsonl for a program.", width)

        dialog = AskText("Export this view", lines, label="file", enter="enter writes it", value=str(name))
        self.push_screen(dialog, lambda given: self._export(sheet, given))

    def _export(self, sheet: Sheet, given: str | None) -> None:
        if given:
            self.run_worker(self._written(sheet, Path.cwd() / Path(given).expanduser()))

    async def _written(self, sheet: Sheet, path: Path) -> None:
        try:
            rows = await self.in_thread(lambda: write(sheet, path))
        except ConnectorError as error:
            self.push_screen(Tell.error(error))
            return
        self.say(f"{rows:,} rows are in {path}.")

    def say(self, text: str, role: str = "bright") -> None:
        """Tell what is true now on the screen in front."""
        if (front := self._front()) is not None:
            front.say(text, role)

    def go(self, where: str) -> None:
        """Go to what was typed after ":"."""
        self.run_worker(self._go(where))

    async def _go(self, where: str) -> None:
        try:
            place = await self.in_thread(lambda: jump.find(self.desk, where))
        except ConnectorError as error:
            self.push_screen(Tell.error(error))
            return
        await self.open_tab(place.tab)
        made = place.screen(self.desk)
        if made is not None:
            await self.push_screen(made)
        elif place.filter is not None and isinstance(self.screen, ConsoleScreen):
            self.screen.filter_by(place.filter)

    async def open_tab(self, name: str) -> None:
        """Show a tab's first screen, whatever lay on it."""
        if self.current_mode != name:
            await self.switch_mode(name)
        while len(self.screen_stack) > 1:
            await self.pop_screen()

    # --- keys that work everywhere ----------------------------------------------------------------------------

    async def action_tab(self, name: str) -> None:
        if self.current_mode == name:
            await self.open_tab(name)
        elif name in SCREENS:
            await self.switch_mode(name)

    def action_jump(self) -> None:
        if isinstance(self.screen, ConsoleScreen):
            self.screen.prompt.ask(":", "", jump.WORDS)

    def action_keys(self) -> None:
        screen = self.screen
        if not isinstance(screen, ConsoleScreen):
            return
        own = [one.binding for one in screen.active_bindings.values() if one.node is not self and one.enabled]
        groups = [("This screen", keys_of(own)), ("Everywhere", keys_of(b for b in self.BINDINGS))]
        self.push_screen(Keys(dict(TABS)[screen.tab], screen.about, groups))

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        for number, (name, title) in enumerate(TABS, 1):
            about = SCREENS[name].about
            yield SystemCommand(f"Go to {title}", f"{number}: {about}", partial(self.run_action, f"tab('{name}')"))
        for one in screen.active_bindings.values():
            binding = one.binding
            if one.enabled and binding.description and binding.tooltip and one.node is not self:
                title = binding.description[0].upper() + binding.description[1:]
                yield SystemCommand(title, binding.tooltip, partial(self.run_action, binding.action, one.node))
        yield SystemCommand("Keys", "What this screen is for, and its keys", self.action_keys)
        other = "light" if self.palette.dark else "dark"
        yield SystemCommand(f"Theme: {other}", "Change how the console looks", partial(self.use, other))
        if not self.desk.read_only:
            yield SystemCommand("Start a worker", "In a process of its own, when none serves", self.start_worker)
        yield SystemCommand("Leave", "Leave the console", self.action_leave)

    def use(self, name: str) -> None:
        """Another palette; only the two that need all colours can be changed between."""
        if self.palette in (DARK, LIGHT):
            self.palette = PALETTES[name]
            self.theme = name
            self._draw_anew()

    def on_command_palette_opened(self) -> None:
        self._draw_anew()  # what lies behind it sinks

    def on_command_palette_closed(self) -> None:
        self._draw_anew()

    def _draw_anew(self) -> None:
        for stack in self._screen_stacks.values():
            for screen in stack:
                for widget in screen.query(Drawn):
                    widget.refresh()

    async def action_leave(self) -> None:
        if isinstance(self.screen, Leave):
            return
        if self.attendant.pid is None:
            self.exit()
            return
        self.push_screen(Leave(self.attendant.pid, self.standing.running, stays=self.attendant.stays), self._leave)

    def _leave(self, choice: Leaving | None) -> None:
        if choice is Leaving.DRAIN:
            self.say("The worker finishes what is open, then the console closes.")
            self.run_worker(self._drain())
        elif choice is Leaving.LET:
            self.exit()

    async def _drain(self) -> None:
        self._told_end = True
        await self.in_thread(self.attendant.drain)
        self.exit()

    # --- the store and the worker -----------------------------------------------------------------------------

    def on_store_moved(self) -> None:
        if self._lost:
            self._lost = False
            self.say("The store answers again.")
        self._look_anew()
        for screen in self._seen():
            screen.reread()

    def on_store_lost(self, message: StoreLost) -> None:
        self._lost = True
        self.say(f"{message.error.message}. {message.error.hint}", "fail")

    def _look_anew(self) -> None:
        only_newest(self, "standing", self._look_around)

    async def _look_around(self) -> None:
        try:
            self.standing = await self.in_thread(lambda: read_standing(self.desk))
        except ConnectorError:
            return  # the feed tells of a store that is lost
        self._show_standing()

    def _show_standing(self) -> None:
        if (front := self._front()) is not None:
            self.head(front.top)

    def _front(self) -> ConsoleScreen[Any] | None:
        """The screen that is seen, be it behind a dialog."""
        return next((one for one in reversed(self.screen_stack) if isinstance(one, ConsoleScreen)), None)

    def _seen(self) -> Iterator[ConsoleScreen[Any] | Dialog[Any]]:
        """What is seen, from the front; a screen that lies below it reads anew once it is seen again."""
        for one in reversed(self.screen_stack):
            if isinstance(one, ConsoleScreen | Dialog):
                yield one
            if isinstance(one, ConsoleScreen):
                return

    def head(self, top: TopBar) -> None:
        """Tell a screen's top bar what is the same on all of them."""
        now, zone = self.desk.clock.now(), self.desk.zone
        top.counts = self.standing.counts
        top.status, top.status_role = self.standing.worker, self.standing.role
        top.date, top.moment = full_date(now, zone), clock(now, zone)
        top.refresh()

    def _tick(self) -> None:
        if not self.is_running:
            return  # the screens are being taken down
        if (front := self._front()) is not None:
            front.tick()
        self._show_standing()
        self._ticks += 1
        if not self._ticks % _LOOK_SECONDS:  # a worker that dies commits nothing that the feed could see
            self._look_anew()
        code = self.attendant.ended_with
        if code is not None and not self._told_end:
            self._told_end = True
            self.say(f"The worker started here has ended ({code}); {self.desk.state / 'worker.log'} tells why.", "fail")

    async def _see_to_a_worker(self) -> None:
        """Start a worker when none serves; one that serves already is attached to by reading what it writes."""
        await self._look_around()
        if not self.standing.served:
            await self.start_worker()

    async def start_worker(self) -> None:
        """Start a worker as a child process."""
        if self.standing.served:
            self.say("A worker serves already.")
            return
        try:
            pid = await self.in_thread(lambda: self.attendant.start(self.desk.state / "worker.log"))
            self._told_end = False
        except OSError as error:
            self.say(f"A worker could not be started: {error.strerror}.", "fail")
            return
        self.say(f"A worker was started here, process {pid}.")
