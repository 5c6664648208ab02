"""A fault that nobody foresaw ends a command by the log, whose lines hold no secret."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tui_connector import cli

if TYPE_CHECKING:
    import pytest


def test_it_is_logged_and_the_command_has_failed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    def config_sample(_: object) -> int:
        raise RuntimeError("the value was canary-5d1f")

    monkeypatch.setattr(logging.getLogger(), "handlers", [caplog.handler])  # whatever other tests have left there
    monkeypatch.setattr("tui_connector.cli.setup.config_sample", config_sample)
    assert cli.run(["config", "sample"]) == cli.Exit.FAILED
    (line,) = [one for one in caplog.records if one.levelno == logging.CRITICAL]
    assert line.getMessage() == "an unexpected fault in the connector"
    assert line.exc_info
    assert "canary" in caplog.text  # the product's own lines are masked as the last thing
    assert "canary" not in "".join(capsys.readouterr())
