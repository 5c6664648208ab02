"""audit explain: which records of SAP make up what Anaplan holds, asked of both sides and kept as evidence."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from rich.text import Text

from tui_connector.bootstrap import open_installation
from tui_connector.cli import Exit
from tui_connector.cli.out import console, facts, mark, moment, print_json, say_next, table
from tui_connector.domain.errors import ConfigError
from tui_connector.domain.text import clean
from tui_connector.engine.explain import explain_and_keep
from tui_connector.review.amounts import counted
from tui_connector.views.explaining import describe, read_explanation, wish
from tui_connector.views.questions import read_question

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from tui_connector.bootstrap import Installation
    from tui_connector.domain.explanation import Question
    from tui_connector.views.explaining import ExplanationPage, SourceRow

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red", "muted": "dim"}
_AGREES = ("equal", "explained")


def explain(given: argparse.Namespace) -> int:
    """Ask both sides, or with --kept show what they said the last time."""
    with open_installation(given.config, read_only=given.kept) as installation:
        desk = installation.desk()
        question = read_question(desk, given.what)
        if not given.kept:
            asyncio.run(_ask(installation, question))
        page, kept = read_explanation(desk, question), desk.store.explanations.newest(question)
    if kept is None:
        raise ConfigError(f"{page.title} was not explained yet", hint="ask without --kept")
    if given.json:
        print_json(describe(kept, page))
    else:
        _print(page, given.limit)
    return Exit.DONE if kept.explanation.agreement in _AGREES else Exit.NOT_TIED


async def _ask(installation: Installation, question: Question) -> None:
    flows = {flow.name: flow for flow in installation.flows}
    target = wish(installation.desk(), question)[2]["target"]
    async with installation.tenants() as tenants:
        await explain_and_keep(
            question, flows, target, installation.store, tenants, by=installation.person(), actor=installation.person()
        )


def _print(page: ExplanationPage, limit: int) -> None:
    assert page.mark is not None  # noqa: S101 - the caller has looked
    told = Text.assemble(mark(page.mark.glyph, _COLOURS[page.mark.role], page.mark.word), f": {clean(page.sentence)}")
    by = f"{moment(page.told_at)} UTC, asked by {page.told_by}, explanation {page.number}"
    facts([("explained", page.title), ("told", by), ("", told), *page.facts])
    if page.advice:
        say_next(page.advice)
    console().print()
    shown = page.rows[:limit]
    if shown:
        _table(shown)
    left = len(page.rows) - len(shown)
    if left:
        console().print(Text(f"and {counted(left, 'more record')}: --limit {len(page.rows)} lists them"))
    if page.rest:
        console().print(Text(clean(page.rest)))
    for one in page.mappings:
        changes = f"; changed then: {'; '.join(one.changes)}" if one.changes else ", the first one that is kept"
        since = f"in force since run {one.since}, {moment(one.since_at)} UTC{changes}"
        facts([("", ""), (f"mapping {one.digest}", since), ("", ", ".join(one.columns))])


def _table(shown: Sequence[SourceRow]) -> None:
    cells = any(row.cell for row in shown)
    heads = (
        "record in SAP", "amount", "currency", "in Anaplan", *(("cell",) if cells else ()), "run", "file line",
        "Anaplan task", "mapping", "posted from", "why refused",
    )  # fmt: skip
    rows = [_cells(row, cells=cells) for row in shown]
    spare = ("mapping", "Anaplan task", "currency", "posted from")
    table(heads, rows, numbers=("amount", "run", "file line"), spare=spare)


def _cells(row: SourceRow, *, cells: bool) -> tuple[Any, ...]:
    cell = (row.cell,) if cells else ()
    return (
        row.key, row.amount, row.currency, mark(row.mark.glyph, _COLOURS[row.mark.role], row.mark.word), *cell,
        row.run or "–", row.line or "–", row.task or "–", row.mapping or "–", row.posted or "–",
        row.cause or "–",
    )  # fmt: skip
