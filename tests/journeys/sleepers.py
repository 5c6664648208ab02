"""Workers that fall asleep in the middle of a run, and what they are allowed once they wake."""

from __future__ import annotations

import logging
import os
import signal
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import httpx

from tests.journeys.conftest import open_hastily, serve
from tui_connector.domain.errors import LeaseLostError
from tui_connector.domain.run import Counts
from tui_connector.store.postgres import PostgresBackend
from tui_connector.store.sqlite import SqliteBackend

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tui_connector.bootstrap import Installation
    from tui_connector.domain.run import Run

# The kind of the run's last event, and how many commits of any kind came after it; or a method, and how many requests
# of it the model was sent before: there a sleeper has done all but to send the bytes.
Place = tuple[str, int]
REFUSED, HAD_ENDED = 3, 0


def sleep_at(config: Path, run_id: int, place: Place) -> int:
    """Work on a run, sleep at that place, and go on when woken.

    Before each request goes a commit, which reserves its place in the line, so that a sleeper may wake with a request
    that it was about to send. REFUSED: it saw that it had lost the run, and the store took no write of it any more.
    HAD_ENDED: the run ended without such a place.
    """
    told: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]
    told_by = logging.getLogger("tui_connector.worker")
    told_by.setLevel(logging.WARNING)  # whatever another test has left behind
    told_by.addHandler(handler)
    last, since, fence = "", 0, 0

    with open_hastily(config) as installation, ExitStack() as stack:

        def mine() -> bool:
            return f":{os.getpid()}:" in str(installation.store.runs.get(run_id).worker)

        def count() -> None:
            nonlocal last, since, fence
            if fence or not mine():
                return
            newest = installation.store.audit.events_before(None, 1, None, run_id)[0].fact
            said = f"{newest.kind} {newest.subject}"
            last, since = said, since + 1 if said == last else 0
            if (newest.kind, since) == place:
                fence = installation.store.runs.get(run_id).fence
                os.kill(os.getpid(), signal.SIGSTOP)

        sent: Counter[str] = Counter()

        def about_to_send(request: httpx.Request) -> None:
            nonlocal fence
            if "/models/" in request.url.path and not fence:
                sent[request.method] += 1
                if (request.method, sent[request.method] - 1) == place:
                    fence = installation.store.runs.get(run_id).fence
                    with installation.store._database._turn:  # in the middle of writing it would stop all on SQLite
                        os.kill(os.getpid(), signal.SIGSTOP)

        for client in (httpx.Client, httpx.AsyncClient):
            stack.enter_context(patch.object(client, "send", _told_first(client.send, about_to_send)))
        for kind in (SqliteBackend, PostgresBackend):
            stack.enter_context(patch.object(kind, "commit", _counted(kind.commit, count)))
        serve(installation, lambda: bool(told) or (installation.store.runs.get(run_id).state.ended and mine()))
        return HAD_ENDED if not told else REFUSED if _is_refused(installation, run_id, fence) else 1


def _told_first(send: Callable[..., Any], tell: Callable[[httpx.Request], None]) -> Callable[..., Any]:
    def told(client: httpx.Client | httpx.AsyncClient, request: httpx.Request, **given: Any) -> Any:
        tell(request)
        return send(client, request, **given)

    return told


def _counted(commit: Callable[[Any], None], count: Callable[[], None]) -> Callable[[Any], None]:
    def counted(backend: Any) -> None:
        commit(backend)
        count()

    return counted


def _is_refused(installation: Installation, run_id: int, fence: int) -> bool:
    try:
        with installation.store.transaction() as tx:
            installation.store.runs.note_counts(tx, run_id, fence, Counts(1, 1, 1, 1, 1, 1))
    except LeaseLostError:
        return True
    return False


def assert_only_successor_wrote(installation: Installation, run: Run) -> None:
    """From the takeover on, every event of the run is its last worker's."""
    events = installation.store.audit.events_before(None, 1000, None, run.id)[::-1]
    taken = next(number for number, event in enumerate(events) if event.fact.kind == "run.taken_over")
    assert {event.fact.actor for event in events[taken:]} == {f"worker:{run.worker}"}
    assert {event.fact.actor for event in events[:taken]} != {f"worker:{run.worker}"}
