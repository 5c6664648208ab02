"""--plain: what the console shows, as lines for a screen reader or a log; the words only, one fact a line."""

from __future__ import annotations

import re
import time
from functools import partial
from typing import TYPE_CHECKING

from tui_connector.bootstrap import open_installation
from tui_connector.cli import Exit
from tui_connector.domain.errors import ConfigError
from tui_connector.domain.text import clean

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tui_connector.views.desk import Desk

VIEWS = "overview, run ID, proposal ID, audit [FILTER], flows, flow NAME, connections, connection NAME"
_LOOK_SECONDS = 1.0
_PASSES = ("Needs a person:", "Running:", "Waiting:")  # what stands in such a line ends some time
# What grows with the clock alone is no change.
_CLOCK = re.compile(r"\d[\d.,]* (?:ms|s|min|h|d)\b(?: \d+ (?:s|min|h)\b)?|\d{2}:\d{2}:\d{2}|\d+ of \d+/min")


def show(given: argparse.Namespace) -> int:
    """Print a view; with --follow then one line for each change, until stopped."""
    with open_installation(given.config, read_only=True) as installation:
        desk = installation.desk()
        read = view_of(desk, given.plain)
        told = list(read())
        _print(told)
        if given.follow:
            _follow(desk, read, told, newest_first=given.plain[:1] == ["audit"])
    return Exit.DONE


def view_of(desk: Desk, words: Sequence[str]) -> Callable[[], Iterator[str]]:
    """What reads the lines of a view; ConfigError when there is no such view, run or proposal."""
    name, *rest = list(words) or ["overview"]
    read: Callable[[], Iterator[str]]
    match name, rest:
        case "overview", []:
            read = partial(_overview, desk)
        case "run", [number] if number.isdecimal():
            read = partial(_run, desk, desk.store.runs.get(int(number)).id)
        case "proposal", [text]:
            read = partial(_proposal, desk, desk.store.proposals.find(text).id)
        case "audit", _:
            read = partial(_audit, desk, " ".join(rest))
        case "flows", []:
            read = partial(_flows, desk)
        case "flow", [flow] if flow in {one.name for one in desk.flows}:
            read = partial(_flow, desk, flow)
        case "connections", []:
            read = partial(_connections, desk)
        case "connection", [connection] if connection in {one.name for one in desk.connections}:
            read = partial(_connection, desk, connection)
        case _:
            raise ConfigError(f"there is no view {clean(' '.join(words))!r}", hint=f"The views: {VIEWS}.")
    return read


def changes(before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    """What is new in a view, and what has ended; what only grew older is no change."""
    known, now = {_still(line) for line in before}, {_still(line) for line in after}
    heads = {_head(line) for line in after}
    for line in before:
        if line.startswith(_PASSES) and _still(line) not in now and _head(line) not in heads:
            yield f"No more: {line}"
    yield from (line for line in after if _still(line) not in known)


def _follow(desk: Desk, read: Callable[[], Iterator[str]], told: Sequence[str], *, newest_first: bool) -> None:
    seen = desk.store.version()
    while True:
        time.sleep(_LOOK_SECONDS)
        version = desk.store.version()
        if version != seen:
            seen, before, told = version, told, list(read())
            new = list(changes(before, told))
            _print(reversed(new) if newest_first else new)


def _still(line: str) -> str:
    return _CLOCK.sub("", line)


def _head(line: str) -> str:
    """What a line is about: its kind and its thing."""
    return ":".join(line.partition(",")[0].split(":")[:2])


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(clean(line), flush=True)


def _overview(desk: Desk) -> Iterator[str]:
    from tui_connector.views.overview import read_overview
    from tui_connector.views.overview_words import overview_lines

    return overview_lines(read_overview(desk), desk.zone)


def _run(desk: Desk, run_id: int) -> Iterator[str]:
    from tui_connector.views.run_page import read_run
    from tui_connector.views.run_words import run_lines

    return run_lines(read_run(desk, run_id), desk.clock.now(), desk.zone)


def _proposal(desk: Desk, proposal_id: int) -> Iterator[str]:
    from tui_connector.views.review import read_review, review_lines

    return review_lines(desk, read_review(desk, proposal_id))


def _flows(desk: Desk) -> Iterator[str]:
    from tui_connector.views.flows import flows_lines, read_flow_pages

    return flows_lines(read_flow_pages(desk), desk.zone)


def _flow(desk: Desk, name: str) -> Iterator[str]:
    from tui_connector.views.flows import page_lines, read_flow_pages

    model = read_flow_pages(desk)
    page = model.page(name)
    return page_lines(page, model.at, desk.zone) if page else iter(())


def _connections(desk: Desk) -> Iterator[str]:
    from tui_connector.views.connections import connections_lines, read_connections

    return connections_lines(read_connections(desk), desk.zone)


def _connection(desk: Desk, name: str) -> Iterator[str]:
    from tui_connector.views.answers import answers_lines, discovery_lines, read_answers, read_discovery

    yield from answers_lines(read_answers(desk, name), desk.zone)
    if name.startswith("anaplan."):
        yield from discovery_lines(read_discovery(desk, name))


def _audit(desk: Desk, text: str) -> Iterator[str]:
    from tui_connector.views.audit import audit_lines

    return audit_lines(desk, text)
