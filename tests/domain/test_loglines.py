"""Log lines: what they tell of the work at hand, and what they do not tell."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tui_connector.domain.loglines import JsonLines, PlainLines, about, log_to, set_level

if TYPE_CHECKING:
    from collections.abc import Iterator


def mask(text: str) -> str:
    return text.replace("canary", "***")


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """What the logger of the tests writes, as JSON."""
    made, log = io.StringIO(), logging.getLogger("loglines")
    handler = logging.StreamHandler(made)
    handler.setFormatter(JsonLines(mask))
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    log.propagate = False
    yield made
    log.removeHandler(handler)


def said(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_each_task_and_its_threads_tell_what_they_are_at(stream: io.StringIO) -> None:
    log = logging.getLogger("loglines")

    async def run(number: int) -> None:
        about(run=number, flow=f"flow {number}", fence=3)
        await asyncio.sleep(0)
        about(step="import", record="PL1")
        await asyncio.to_thread(log.info, "in a thread of %s", number)
        about(record=None)
        log.info("after it")

    async def both() -> None:
        await asyncio.gather(run(1), run(2))
        log.info("between runs")

    asyncio.run(both())
    lines = said(stream)
    assert next(one for one in lines if one["message"] == "in a thread of 2").items() >= {
        "level": "INFO", "logger": "loglines", "run": 2, "flow": "flow 2", "fence": 3, "step": "import", "record": "PL1",
    }.items()  # fmt: skip
    assert all("record" not in one for one in lines if one["message"] == "after it")
    assert lines[-1].keys() == {"at", "level", "logger", "message"}
    thread = threading.Thread(target=log.info, args=("elsewhere",))
    thread.start()
    thread.join()
    assert "run" not in said(stream)[-1]


def test_no_secret_is_told_and_a_line_stays_a_line(stream: io.StringIO) -> None:
    log = logging.getLogger("loglines")
    try:
        int("the canary\nsang")
    except ValueError:
        log.exception("it was the %s\n\x1b[31mred", "canary")
    (line,) = said(stream)
    assert "canary" not in stream.getvalue()
    assert r"with base 10: 'the ***\nsang'" in line["error"]
    assert line["message"] == "it was the ***\n\x1b[31mred"
    assert "\x1b" not in stream.getvalue()


def test_the_journal_is_told_how_much_a_line_matters() -> None:
    lines = JsonLines(mask, priorities=True)
    told = {
        level: lines.format(logging.LogRecord("a", level, "", 0, "told", (), None))[:3]
        for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)
    }
    assert list(told.values()) == ["<7>", "<6>", "<4>", "<3>", "<3>"]


def test_a_plain_line_holds_no_secret_either() -> None:
    line = PlainLines(mask).format(logging.LogRecord("a.b", logging.INFO, "", 0, "the %s", ("canary",), None))
    assert line.endswith(" INFO a.b the ***")


def test_a_line_that_is_not_taken_is_told_nowhere_else(capsys: pytest.CaptureFixture[str]) -> None:
    root, closed = logging.getLogger(), io.StringIO()
    closed.close()
    before, levels = root.handlers[:], (root.level, logging.getLogger("tui_connector").level)
    root.handlers.clear()
    try:
        log_to(closed, PlainLines(mask), "INFO")
        logging.getLogger("tui_connector").error("the %s", "canary")
    finally:
        root.handlers[:] = before
        root.setLevel(levels[0])
        logging.getLogger("tui_connector").setLevel(levels[1])
    assert capsys.readouterr() == ("", "")


def test_only_the_connectors_own_lines_go_into_detail() -> None:
    """Libraries would tell whole addresses there, of which some are secrets."""
    names = ("tui_connector.run", "urllib3.connectionpool", "")
    root, own = logging.getLogger(), logging.getLogger("tui_connector")
    before = root.level, own.level
    try:
        for level, own_from, others_from in (("DEBUG", 10, 30), ("INFO", 20, 30), ("ERROR", 40, 40)):
            set_level(level)
            found = [logging.getLogger(name).getEffectiveLevel() for name in names]
            assert found == [own_from, others_from, others_from]
    finally:
        root.setLevel(before[0])
        own.setLevel(before[1])
