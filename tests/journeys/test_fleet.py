"""Four workers, many models: each model is worked on by one of them at a time, whoever dies, sleeps or loses the time.

A thousand runs on fifty models, and a hundred sleepers: DEEP_TESTS=1 pytest tests/journeys/test_fleet.py -n 0 -s
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.clocks import HOURS, make_movable, move_server
from tests.journeys.conftest import (
    assert_sound,
    fork,
    open_hastily,
    request_runs,
    runs_of,
    seal_config,
    wait_for,
    wait_for_runs,
    work,
)
from tests.journeys.fleet import (
    LIST,
    MODULE,
    Fleet,
    configure,
    flows_of,
    make_models,
    rest,
)
from tests.journeys.sleepers import REFUSED, Place, assert_only_successor_wrote, sleep_at
from tui_connector.bootstrap import Installation, open_installation
from tui_connector.domain.run import ReadMode, RunState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Postgres
    from tests.journeys.conftest import Sandbox
    from tests.journeys.fleet import Member

DEEP = os.environ.get("DEEP_TESTS") == "1"
MODELS, CYCLES = (50, 10) if DEEP else (6, 2)  # two runs of each model in a cycle
WORKERS = 4
STRIKES = ("kill", "stop", "jump")
STORES = ("SQLite", "PostgreSQL")
SLEEPERS = 100 if DEEP else 6
EVENTS = ("run.started", "step.running", "definitions.kept", "records.batch", "step.done", "step.intent")
REQUESTS = (("POST", 0), ("PUT", 0), ("POST", 1), ("POST", 2))  # begin an upload, send it, end it, start the import
PAUSES = (1.0, 6.0) if DEEP else (0.2, 1.0)  # seconds between two strikes
SOON = 5.0  # seconds
LEASE = 2.0  # the configuration's of the journeys


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> str:
    """Address of a store; empty for the file of the installation's own. A server's clock can be moved."""
    if request.param == "sqlite":
        return ""
    server: Postgres = request.getfixturevalue("postgres")
    url = server.new()
    make_movable(url)
    return url


@pytest.mark.timeout(3600 if DEEP else 120)
def test_a_fleet_under_fire(sandbox: Sandbox, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers are killed and stopped, and the clock jumps by hours: of the machine, or of a worker and of the server."""
    if DEEP:
        monkeypatch.setenv("TUI_CONNECTOR_ENGINE__POLL_SECONDS", "0.5")  # as it is by default
    models = make_models(sandbox, MODELS)
    sandbox.anaplan(task_seconds=0.2, rate_limit=False)
    config = seal_config(sandbox, tmp_path, configure(sandbox.url, models, store))
    fleet, begun = Fleet(config, tmp_path, one_clock=not store), time.monotonic()
    try:
        with open_installation(str(config)) as installation:
            cycles = [request_runs(installation, *flows_of(models), mode=ReadMode.FULL) for _ in range(CYCLES)]
            for _ in range(WORKERS):
                fleet.start()
            struck = storm(fleet, installation, random.Random(20261126), store)
            wait_for(lambda: not under_way(installation), seconds=90)
            runs = [run for cycle in cycles for run in runs_of(installation, cycle)]
            takeovers = len(installation.store.audit.events_before(None, 100_000, "run.taken_over", None))
            print(
                f"\n{STORES[store != '']}: {len(runs)} runs on {len(models)} models in {time.monotonic() - begun:.0f} s;"
                f" {dict(struck)}; {takeovers} takeovers, {len(sandbox.tasks())} tasks, clashes {sandbox.clashes()}"
            )
            assert [run.reason for run in runs if run.state is not RunState.DONE] == []
            assert struck.keys() == set(STRIKES)
            assert takeovers
            judge(sandbox, installation, models, cycles)
            assert_sound(installation)
    finally:
        fleet.end()


def under_way(installation: Installation) -> bool:
    return bool(installation.store.runs.running() or installation.store.runs.waiting())


def storm(fleet: Fleet, installation: Installation, dice: random.Random, store: str) -> Counter[str]:
    """Strike at workers that are at something, in turn by each means; in the deep form until all runs have ended."""
    struck: Counter[str] = Counter()
    kinds = dice.sample(STRIKES, len(STRIKES))
    while kinds and (busy := wait_for(lambda: working(fleet, installation) or not under_way(installation))):
        if busy is True:
            break
        victim, kind = dice.choice(busy), kinds.pop()
        struck[kind] += 1
        if kind == "kill":
            fleet.replace(victim)
        elif kind == "stop":
            victim.send(signal.SIGSTOP)
            rest(1.5 * LEASE)
            victim.send(signal.SIGCONT)
        else:
            victim.clock.set(dice.uniform(-5, 5) * HOURS)
            if store:
                move_server(store, dice.uniform(-5, 5) * HOURS)
        rest(dice.uniform(*PAUSES))
        if DEEP and not kinds:
            kinds = dice.sample(STRIKES, len(STRIKES))
    return struck


def working(fleet: Fleet, installation: Installation) -> list[Member]:
    """The workers that hold a run just now."""
    names = {run.worker for run in installation.store.runs.running()}
    return [member for member in fleet.members if any(map(member.works_on, names))]


def judge(sandbox: Sandbox, installation: Installation, models: list[str], cycles: list[list[int]]) -> None:
    """What the sandbox saw: one task for each run, no two of a model at once, each module after its cycle's list."""
    assert sandbox.clashes() == (0, 0)
    tasks = {one["task"]: one for one in sandbox.tasks()}
    assert Counter(one["model"] for one in tasks.values()) == dict.fromkeys(models, 2 * len(cycles))
    for cycle in cycles:
        for model, *pair in zip(models, cycle[::2], cycle[1::2], strict=True):
            filled, then = (tasks.pop(task_of(installation, number)) for number in pair)
            assert (filled["model"], filled["action"]) == (model, LIST)
            assert (then["model"], then["action"]) == (model, MODULE)
            assert filled["ended"] <= then["started"]
    assert not tasks


def task_of(installation: Installation, run_id: int) -> str:
    step = installation.store.steps.get(run_id, "import")
    assert step is not None
    return str(step.data["task_id"])


@pytest.mark.timeout(3600 if DEEP else 120)
def test_sleepers_are_refused_wherever_they_wake(sandbox: Sandbox, store: str, tmp_path: Path) -> None:
    """Stopped at any moment of a run, taken over, woken: it writes nothing more, here or there."""
    dice = random.Random(20261127)
    (model,) = make_models(sandbox, 1)
    config = seal_config(sandbox, tmp_path, configure(sandbox.url, [model], store))
    refused: Counter[Place] = Counter()
    places = list(REQUESTS)
    while refused.total() < SLEEPERS:
        with open_hastily(config) as installation:
            (run_id,) = request_runs(installation, dice.choice(flows_of([model])), mode=ReadMode.FULL)
        place = places.pop() if places else dice.choice([*REQUESTS, *((kind, dice.randrange(5)) for kind in EVENTS)])
        child = fork(partial(sleep_at, config, run_id, place))
        if not os.WIFSTOPPED(os.waitpid(child, os.WUNTRACED)[1]):
            with open_hastily(config) as installation:  # where the machine was busy its lease may have run out
                work(installation, [run_id])
            continue
        with killed_at_last(child), open_hastily(config) as installation:
            asleep = installation.store.runs.get(run_id)
            (run,) = work(installation, [run_id])
            assert (run.state, run.reason) == (RunState.DONE, "")
            assert run.fence > asleep.fence > 0
            before = writes(sandbox)
            os.kill(child, signal.SIGCONT)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == REFUSED
            refused[place] += 1
            assert writes(sandbox) == before
            assert installation.store.runs.get(run_id) == run
            assert_only_successor_wrote(installation, run)
            assert len(sandbox.tasks()) == len(installation.store.runs.history(1000))
    assert sandbox.clashes() == (0, 0)
    with open_installation(str(config)) as installation:
        assert_sound(installation)
    told = ", ".join(f"{kind} + {since}: {times}" for (kind, since), times in sorted(refused.items()))
    print(f"\n{STORES[store != '']}: {refused.total()} of {SLEEPERS} sleepers refused; they slept after {told}")


@contextmanager
def killed_at_last(child: int) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with suppress(ProcessLookupError):  # it has ended, and was waited for
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        raise


def writes(sandbox: Sandbox) -> list[tuple[str, str]]:
    """Every request so far that could change something in a model."""
    log = sandbox.call("GET", "log")["requests"]
    return [(one["method"], one["path"]) for one in log if one["method"] != "GET" and "/models/" in one["path"]]


@pytest.mark.parametrize("elsewhere", [False, True], ids=["same-host", "elsewhere"])
def test_how_soon_a_dead_workers_run_goes_on(
    sandbox: Sandbox, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, elsewhere: bool
) -> None:
    """kill -9: on the same machine it is known to be dead; of another one only its silence tells."""
    lease = 30.0 if DEEP or not elsewhere else 3.0
    monkeypatch.setenv("TUI_CONNECTOR_ENGINE__LEASE_SECONDS", str(lease))
    monkeypatch.setenv("TUI_CONNECTOR_ENGINE__POLL_SECONDS", "0.5")
    sandbox.anaplan(task_seconds=1.0)
    config = seal_config(sandbox, tmp_path, configure(sandbox.url, make_models(sandbox, 1), store))
    fleet = Fleet(config, tmp_path, one_clock=True)
    try:
        with open_installation(str(config)) as installation:
            for _ in range(2):
                fleet.start()
            wait_for(lambda: len(installation.store.workers.alive()) == 2)
            (run_id,) = request_runs(installation, "list_m0")
            before = wait_for(partial(installation.store.runs.get, run_id), lambda run: run.state is RunState.RUNNING)
            if elsewhere:
                with installation.store.transaction() as tx:
                    tx.change("UPDATE worker SET host = 'elsewhere' WHERE id = ?", before.worker)
            next(one for one in fleet.members if one.works_on(before.worker)).send(signal.SIGKILL)
            killed = time.monotonic()
            wait_for(partial(installation.store.runs.get, run_id), lambda run: run.fence > before.fence, 60)
            took = time.monotonic() - killed
            where = "elsewhere" if elsewhere else "on the same host"
            print(f"\n{STORES[store != '']}: taken over {where} after {took:.2f} s, lease {lease:.0f} s")
            (run,) = wait_for_runs(installation, [run_id])
    finally:
        fleet.end()
    assert run.state is RunState.DONE
    assert len(sandbox.tasks()) == 1
    if elsewhere:
        assert 0.75 * lease < took <= max(1.5 * lease, lease + 5)
    else:
        assert took <= SOON
