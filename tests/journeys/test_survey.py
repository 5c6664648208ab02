"""A run that finds something first: it goes on, asks a person or stops, and sends nothing before it may."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest

from tests.journeys.conftest import Sandbox, assert_sound, request_runs, runs_of, work
from tui_connector.domain.concern import Concern, Look, Rule
from tui_connector.domain.errors import ConfigError, RefusedError
from tui_connector.domain.run import RunState
from tui_connector.engine import survey
from tui_connector.engine.looked import Looked

if TYPE_CHECKING:
    from pathlib import Path

    from tui_connector.bootstrap import Installation

Cli = Callable[..., subprocess.CompletedProcess[str]]
RENAMED = Concern(Look.MASTERS, Rule.ASK, "renamed", "YB110", "Consumer", "Consumers [bold]", "12 actuals use it")
NOTED = Concern(Look.DEFINITIONS, Rule.GO_ON, "column added", "Region", now="TEXT")
STOPS = Concern(Look.DEFINITIONS, Rule.STOP, "delimiter changed", "profit_centers.csv", ",", ";")


@pytest.fixture
def looks() -> Iterator[list[Concern]]:
    """What the next runs find; a test fills it."""
    found: list[Concern] = []

    async def look(*_: object) -> Looked:
        return Looked(tuple(found))

    with patch.object(survey, "_LOOKS", (look,)):
        yield found


def run_one(installation: Installation, name: str = "profit_centers", **request: object) -> int:
    (number,) = request_runs(installation, name, **request)
    work(installation, [number])
    return number


def test_what_asks_waits_for_a_person_and_is_allowed_once(
    sandbox: Sandbox, installation: Installation, looks: list[Concern]
) -> None:
    looks += [NOTED, RENAMED]
    store = installation.store
    ids = request_runs(installation, "suppliers", "supplier_invoices")
    work(installation, ids)
    run, held_up = runs_of(installation, ids)
    assert (run.state, run.reason) == (RunState.BLOCKED, "asks a person first: 1 renamed (YB110)")
    assert held_up.state is RunState.BLOCKED
    assert sandbox.tasks() == []
    assert store.concerns.asking() == [(run.id, 1)]

    with pytest.raises(ConfigError, match="needs a reason"):
        installation.allow(run.id, "  ", "test")
    again = installation.allow(run.id, "as agreed with finance", "test")
    assert [one.flow for one in runs_of(installation, again)] == ["suppliers", "supplier_invoices"]
    with pytest.raises(RefusedError, match="was allowed already, by test"):
        installation.allow(run.id, "twice", "test")
    looks[:] = [RENAMED]
    work(installation, again[:1])
    assert store.runs.get(again[0]).state is RunState.DONE
    assert [one.run_id for one in store.concerns.used(again[0])] == [run.id]
    looks.clear()
    work(installation, again)
    assert store.runs.get(again[1]).state is RunState.DONE

    looks[:] = [RENAMED]
    asked_anew = run_one(installation, "suppliers")
    assert store.runs.get(asked_anew).state is RunState.BLOCKED  # a permission is good for one run
    assert_sound(installation)


def test_another_state_of_things_is_another_question(installation: Installation, looks: list[Concern]) -> None:
    looks += [RENAMED]
    first = run_one(installation)
    (again,) = installation.allow(first, "agreed", "test")
    looks[:] = [Concern(Look.MASTERS, Rule.ASK, "renamed", "YB110", "Consumer", "Retail", "12 actuals use it")]
    work(installation, [again])
    assert installation.store.runs.get(again).state is RunState.BLOCKED
    with pytest.raises(RefusedError, match="allowed already"):
        installation.allow(first, "agreed", "test")
    assert_sound(installation)


def test_a_permission_does_not_outlive_the_next_run_that_goes_on(
    installation: Installation, looks: list[Concern]
) -> None:
    looks += [RENAMED]
    first = run_one(installation)
    (again,) = installation.allow(first, "agreed", "test")
    looks.clear()  # what was asked about is gone meanwhile
    work(installation, [again])
    assert installation.store.runs.get(again).state is RunState.DONE
    looks += [RENAMED]
    assert installation.store.runs.get(run_one(installation)).state is RunState.BLOCKED


def test_what_stops_a_run_is_not_for_a_person_to_allow(
    sandbox: Sandbox, installation: Installation, looks: list[Concern]
) -> None:
    looks += [RENAMED, STOPS]
    number = run_one(installation)
    run = installation.store.runs.get(number)
    assert (run.state, run.reason) == (
        RunState.FAILED, "nothing was sent: 1 delimiter changed (profit_centers.csv)",
    )  # fmt: skip
    assert sandbox.tasks() == []
    with pytest.raises(RefusedError, match="asks nobody"):
        installation.allow(number, "please", "test")
    assert_sound(installation)


def test_a_dry_run_tells_and_asks_nobody(installation: Installation, looks: list[Concern]) -> None:
    looks += [RENAMED, STOPS]
    number = run_one(installation, dry_run=True)
    run = installation.store.runs.get(number)
    assert run.state is RunState.DONE
    assert run.reason == "dry run: nothing was sent; it would be stopped: 1 delimiter changed (profit_centers.csv)"
    survey_ = installation.store.concerns.survey(number)
    assert survey_ is not None
    assert (survey_.total(Rule.ASK), survey_.total(Rule.STOP)) == (1, 1)


def test_the_commands_show_it_and_let_it_go_on(installation: Installation, looks: list[Concern], cli: Cli) -> None:
    looks += [RENAMED]
    number = run_one(installation)
    shown = cli("runs", str(number), "--json")
    assert shown.returncode == 5, shown.stderr
    (concern,) = json.loads(shown.stdout)["survey"]["concerns"]
    assert (concern["subject"], concern["was"], concern["now"]) == ("YB110", "Consumer", "Consumers [bold]")
    page = cli("runs", str(number)).stdout
    assert "asks 1 renamed" in page
    assert "Consumers [bold]" in page  # data, never markup
    assert cli("runs", "allow", str(number)).returncode == 2
    gone_on = cli("runs", "allow", str(number), "--reason", "agreed", "--json")  # that process finds nothing
    assert gone_on.returncode == 0, gone_on.stderr
    assert [one["state"] for one in json.loads(gone_on.stdout)] == ["done"]
    told = json.loads(cli("runs", str(number), "--json").stdout)["survey"]["permission"]
    assert (told["reason"], told["used_by"]) == ("agreed", number + 1)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE concern SET now = 'Customers'",
        "UPDATE concern SET rule = 'go on'",
        "DELETE FROM concern",
        "UPDATE survey SET data = '[]'",
        "DELETE FROM survey",
        "UPDATE permission SET reason = 'nobody asked'",
        "UPDATE permission SET used_by = NULL",
        "DELETE FROM permission",
    ],
)
def test_what_was_found_and_allowed_verifies(
    installation: Installation, looks: list[Concern], change: str, config: Path
) -> None:
    looks += [RENAMED]
    first = run_one(installation)
    work(installation, installation.allow(first, "agreed", "test"))
    assert_sound(installation)
    with installation.store.transaction() as tx:
        tx.change(change)
    assert installation.store.audit.verify().broken_at is not None
