"""Lets a test be written as a coroutine, since what is driven by keys is awaited."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, ParamSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

Given = ParamSpec("Given")


def played(test: Callable[Given, Coroutine[None, None, None]]) -> Callable[Given, None]:
    """The test as a plain function that pytest calls."""

    @functools.wraps(test)
    def play(*given: Given.args, **named: Given.kwargs) -> None:
        asyncio.run(test(*given, **named))

    return play
