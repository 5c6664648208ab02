"""runs cancel: asks the worker that holds a run to end it, and waits for its answer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tui_connector.bootstrap import open_installation
from tui_connector.cli import Exit
from tui_connector.cli.out import console, print_json, say
from tui_connector.domain.errors import ConfigError, RefusedError
from tui_connector.domain.run import RunState
from tui_connector.engine.cancelling import Cancellation, end_run
from tui_connector.engine.commands import cancelled_answer
from tui_connector.store.processes import is_dead

if TYPE_CHECKING:
    import argparse

    from tui_connector.bootstrap import Installation
    from tui_connector.domain.run import Run

_LOOK_SECONDS = 0.1


def cancel(given: argparse.Namespace) -> int:
    """End a run: a waiting one at once, a running one by the worker that holds it."""
    if given.of is None:
        raise ConfigError("which run?", hint="`runs cancel ID --reason TEXT`; `runs` lists their numbers")
    why = (given.reason or "").strip()
    if not why:
        raise ConfigError("a run is cancelled with a reason; nothing was stopped", hint="say why: --reason TEXT")
    with open_installation(given.config) as installation:
        run = installation.store.runs.get(given.of)
        if run.state.ended:
            raise RefusedError(
                f"Run {run.id} has ended already: {run.state}.", hint=f"`runs {run.id}` tells how it went"
            )
        if not _served(installation) and run.state is RunState.WAITING:
            with installation.store.transaction() as tx:
                person = installation.person()
                end_run(installation.store, tx, run, Cancellation(person, why), person)
            return _tell(given, installation.store.runs.get(run.id))
        number = installation.command("cancel", str(run.id), {"reason": why})
        if not _answered(installation, number):
            told = f"Run {run.id} is held by a worker that does not answer; the next worker takes it over and ends it."
            say(given, {"run": run.id, "state": run.state, "command": number, "answered": False}, told)
            return Exit.WAITING
        return _tell(given, installation.store.runs.get(run.id))


def _served(installation: Installation) -> bool:
    return any(not is_dead(one) for one in installation.store.workers.alive())


def _answered(installation: Installation, number: int) -> bool:
    """Wait for the answer; False when nobody is left to give it."""
    while True:
        command = installation.store.commands.get(number)
        if command is not None and command.ended_at is not None:
            return True
        if not _served(installation):
            return False
        time.sleep(_LOOK_SECONDS)


def _tell(given: argparse.Namespace, run: Run) -> int:
    answer = cancelled_answer(run)
    done = run.state is RunState.CANCELLED
    if given.json:
        print_json(answer)
    elif done:
        say(given, answer, f"Run {run.id} is cancelled: {run.reason.removeprefix('cancelled ')}.")
    else:
        console(error=True).print(f"Run {run.id} was {run.state} before it could be stopped. {run.reason}".rstrip())
    return Exit.DONE if done else Exit.FAILED
