"""A console that fails tells where, and tells no secret, wherever a line is broken."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from tui_connector.ui import crash

SECRET = "canary 5d1f with spaces, so that lines are broken inside"


def shown(error: Exception, mask: Any) -> str:
    out = io.StringIO()
    try:
        raise error
    except type(error):
        Console(file=out, width=60).print(crash.traceback(mask))
    return " ".join(out.getvalue().split())


@pytest.mark.parametrize(
    "error",
    [RuntimeError(f"refused: {SECRET}"), ExceptionGroup("both", [ValueError(SECRET), OSError(SECRET)])],
    ids=["plain", "group"],
)
def test_no_secret_is_among_it(error: Exception) -> None:
    error.add_note(f"with {SECRET}")
    told = shown(error, lambda text: text.replace(SECRET, "***"))
    assert type(error).__name__ in told
    assert "***" in told
    assert "canary" not in told
    assert "SECRET" in told or "raise error" in told  # the line of the program is there
    assert "canary" in shown(error, str)


def test_what_an_error_came_from_is_masked_too() -> None:
    error = RuntimeError("not stored")
    error.__cause__ = KeyError(SECRET)
    assert "canary" not in shown(error, lambda text: text.replace(SECRET, "***"))
