"""What Anaplan holds, explained by SAP's documents, and documents by what they became: to the cent, whatever happened."""

from __future__ import annotations

import asyncio
import os
import random
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.journeys.conftest import Sandbox, assert_sound, request_runs, work
from tui_connector.bootstrap import Installation, open_installation
from tui_connector.domain.explanation import About, Agreement, Explanation, Question
from tui_connector.domain.flow import LoadFlow
from tui_connector.domain.run import RunState
from tui_connector.domain.tie import Total
from tui_connector.engine.explain import explain_and_keep

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEEP = bool(os.environ.get("DEEP_TESTS"))
CELLS = 60 if DEEP else 4  # of each view
LOADS = ("gl_line_items", "supplier_invoices", "purchase_orders")


@pytest.fixture
def installation(config: Path, sandbox: Sandbox) -> Iterator[Installation]:
    """An installation that may ask as often as it likes."""
    sandbox.anaplan(rate_limit=False)
    with open_installation(str(config)) as opened:
        hasty = opened.settings.anaplan["main"].model_copy(update={"requests_per_second": 1000.0, "burst": 600})
        yield replace(opened, settings=opened.settings.model_copy(update={"anaplan": {"main": hasty}}))


def run(installation: Installation, *flows: str) -> None:
    for one in work(installation, request_runs(installation, *flows)):
        assert one.state is RunState.DONE, (one.flow, one.reason)


def explain(installation: Installation, about: About, flow: str, *values: str) -> Explanation:
    """As the worker would; what is kept of it."""
    question, flows = Question(about, flow, values), {one.name: one for one in installation.flows}

    async def ask() -> int:
        async with installation.tenants() as tenants:
            target = installation.target_id(flows[flow])
            return await explain_and_keep(
                question, flows, target, installation.store, tenants, by="uid:1", actor="worker:1"
            )

    asyncio.run(ask())
    kept = installation.store.explanations.newest(question)
    assert kept is not None
    return kept.explanation


def cells(sandbox: Sandbox, installation: Installation, name: str) -> dict[tuple[str, ...], Total]:
    """What the model holds of a flow, summed here from its module cell by cell."""
    flow = next(one for one in installation.flows if one.name == name)
    assert isinstance(flow, LoadFlow)
    assert flow.totals is not None
    held: dict[tuple[str, ...], Total] = {}
    module = {"gl_line_items": "ACT01 GL Actuals", "supplier_invoices": "ACT02 Supplier Invoices"}
    for line in sandbox.module(module.get(name, "ACT03 Purchase Orders"))["cells"].values():
        scope = tuple(line.get(part) or "" for part in flow.totals.by)
        before = held.get(scope, Total(0, Decimal(0)))
        held[scope] = Total(
            (before.records or 0) + 1, (before.amount or 0) + Decimal(line.get(flow.totals.amount) or 0)
        )
    return held


def test_thin(sandbox: Sandbox, installation: Installation) -> None:
    run(installation, *(one.name for one in installation.flows if isinstance(one, LoadFlow)))
    draw = random.Random(20261126)
    for flow in LOADS:
        held = cells(sandbox, installation, flow)
        for scope in draw.sample(sorted(held), min(CELLS, len(held))):
            told = explain(installation, About.CELL, flow, *scope)
            print(told.words, told.sources[0])
            assert told.cells[0].held == held[scope]
            assert told.agreement is Agreement.EQUAL, told
            assert sum(one.amount or 0 for one in told.sources) + (told.rest.amount or 0) == held[scope].amount
    assert_sound(installation)
