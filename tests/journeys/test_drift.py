"""Definitions that change under a flow: nothing is sent before a person has seen the difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.journeys.conftest import Sandbox, assert_sound, request_runs, work
from tui_connector.domain.concern import Rule
from tui_connector.domain.run import RunState

if TYPE_CHECKING:
    from tui_connector.bootstrap import Installation

SEP = {"separator": ";"}


def run_one(installation: Installation, name: str, **request: object) -> int:
    (number,) = request_runs(installation, name, **request)
    work(installation, [number])
    return number


def concerns(installation: Installation, number: int) -> list[tuple[Rule, str, str, str, str]]:
    return [
        (one.rule, one.change, one.subject, one.was, one.now) for _, one in installation.store.concerns.page(number)
    ]


@pytest.mark.parametrize("flow", ["gl_accounts", "suppliers", "gl_line_items", "purchase_orders", "supplier_invoices"])
def test_first(sandbox: Sandbox, installation: Installation, flow: str) -> None:
    n = run_one(installation, flow)
    run = installation.store.runs.get(n)
    assert run.state is RunState.DONE, run.reason
    kept = installation.store.definitions.all(run.target_id)
    for d in kept.values():
        print(d.what, dict(d.settings), len(d.pieces), [(p.name, p.words) for p in d.pieces][:30])
    n = run_one(installation, flow)
    assert installation.store.runs.get(n).state is RunState.DONE
    assert not concerns(installation, n)
    assert_sound(installation)
    assert 0
