"""What a console that fails leaves on the terminal: where it failed, and no secret."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import textual
from rich.traceback import Trace, Traceback

if TYPE_CHECKING:
    from collections.abc import Callable


def traceback(mask: Callable[[str], str]) -> Traceback:
    """Of the exception that is being handled. The values on the way are not shown: they may be secret."""
    kind, error, place = sys.exc_info()
    assert kind is not None  # noqa: S101 - called by its handler
    assert error is not None  # noqa: S101
    trace = Traceback.extract(kind, error, place, show_locals=False)
    _clean(trace, mask)
    return Traceback(trace, width=None, suppress=[textual])


def _clean(trace: Trace, mask: Callable[[str], str]) -> None:
    """Before lines are broken, which would part a secret."""
    for stack in trace.stacks:
        stack.exc_value, stack.notes = mask(stack.exc_value), [mask(one) for one in stack.notes]
        for part in stack.exceptions:
            _clean(part, mask)
