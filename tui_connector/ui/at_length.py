"""Work that may take minutes: in a thread of its own, telling how far it is, stopped by a key."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Found = TypeVar("Found")


class StoppedError(Exception):
    """A person ended the work."""


class UnderWay:
    """Work under way: how it is told, how far it is, and whether it should stop.

    doing, thing: "Verifying", and "The verification" once it was stopped.
    """

    def __init__(self, doing: str, thing: str, last: int) -> None:
        self.doing, self.thing = doing, thing
        self.last = last
        self.done = 0
        self.begun = time.monotonic()
        self.stop = threading.Event()

    def tell(self, done: int) -> None:
        """Say how far it is; raises StoppedError once it should stop."""
        self.done = done
        if self.stop.is_set():
            raise StoppedError
        time.sleep(0)  # the console's own thread goes first

    def left(self) -> str:
        """How long it still takes at this pace; "" while nobody can tell."""
        spent = time.monotonic() - self.begun
        if spent < 2 or not self.done:
            return ""
        rest = spent / self.done * (self.last - self.done)
        return f"{rest:.0f} s left" if rest < 90 else f"{rest / 60:.0f} min left"


async def at_length(work: Callable[[], Found], name: str) -> Found | None:
    """What work comes to in a thread that does not keep the console from being left; None when it was stopped."""
    loop = asyncio.get_running_loop()
    made: asyncio.Future[Found | None] = loop.create_future()

    def run() -> None:
        try:
            _call(loop, made, work())
        except StoppedError:
            _call(loop, made, None)
        except Exception as error:  # noqa: BLE001 - it is raised where the work is waited for
            _call(loop, made, error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await made


def _call(loop: asyncio.AbstractEventLoop, made: asyncio.Future[Any], value: object) -> None:
    """Hand a thread's result to the loop, unless that has ended meanwhile."""

    def settle() -> None:
        if not made.done():
            made.set_exception(value) if isinstance(value, BaseException) else made.set_result(value)

    if not loop.is_closed():
        loop.call_soon_threadsafe(settle)
