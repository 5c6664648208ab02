"""tie: whether Anaplan holds what SAP holds, told of a run, of a flow, or of every flow in one line each."""

from __future__ import annotations

import argparse
import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from tui_connector.bootstrap import open_installation
from tui_connector.cli import Exit
from tui_connector.cli.files import write_whole
from tui_connector.cli.out import facts, moment, print_json, run_name, say, say_next, table, tie_state
from tui_connector.domain.errors import ConfigError
from tui_connector.domain.flow import LoadFlow
from tui_connector.domain.tie import Verdict
from tui_connector.review.amounts import counted
from tui_connector.store.ties import MOST
from tui_connector.views.tie_out import (
    NONE,
    all_differences,
    describe_tie,
    how_tied,
    read_flow_ties,
    read_tie,
    why_none,
)
from tui_connector.views.tie_sheet import cells, csv_lines, describe_sheet, heads, read_sheet
from tui_connector.views.words import figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_connector.domain.run import Run
    from tui_connector.store.store import Store
    from tui_connector.views.desk import Desk
    from tui_connector.views.tie_out import DifferenceRow, TieOut


def show(given: argparse.Namespace) -> int:
    """The tie-out of a run or a flow, or one line for each flow."""
    with open_installation(given.config, read_only=True) as installation:
        desk = installation.desk()
        if given.of is None:
            return _flows(desk, given)
        if given.of.isdecimal():
            run = desk.store.runs.get(int(given.of))
            return _run(desk, run, given)
        flow = _flow(desk, given.of)
        number = desk.target(flow)
        last = None if number is None else desk.store.ties.standing(number)
        if last is None:
            told = f"No run of {flow.name} was tied out yet. How it is tied out: {how_tied(flow)}."
            say(given, {"flow": flow.name, "run": None, "tie": None, "tied_out": how_tied(flow)}, told)
            return Exit.DONE
        return _run(desk, desk.store.runs.get(last[0]), given)


def tie_json(store: Store, run_id: int, limit: int | None = None) -> dict[str, Any] | None:
    """Everything that is kept of a run's tie-out; None when it has none. limit: of the scopes that differ."""
    tie = store.ties.get(run_id)
    if tie is None:
        return None
    return describe_tie(tie, store.ties.differences(run_id, limit=tie.differences if limit is None else limit))


def print_tie(tie: TieOut, rows: Sequence[DifferenceRow], above: Sequence[tuple[str, str]] = ()) -> None:
    """The verdict below other facts, the hops as a table, and these scopes that differ as another."""
    more = [("", " ".join(tie.more))] if tie.more else []
    facts([*above, ("tie-out", Text.assemble(tie_state(Verdict(tie.mark.word)), ": ", tie.sentence)), *more])
    sums = any(hop.amounts for hop in tie.hops)
    cells: list[tuple[str, ...]] = []
    for hop in tie.hops:
        amounts = hop.amounts or (("", ""),)
        for at, (amount, currency) in enumerate(amounts):
            money = (amount, currency) if sums else ()
            cells.append((hop.name, hop.records, *money, hop.note) if not at else ("", "", *money, ""))
    gross = any(hop.gross for hop in tie.hops)
    money_heads = ("gross" if gross else "amount", "currency") if sums else ()
    table(("hop", "records", *money_heads, "note"), cells, numbers=("records", "amount", "gross"))
    if rows:
        heads = (*tie.parts, "expected", "found", "difference", "why it may be")
        table(
            heads,
            [(*_parts(tie, row), row.expected, row.found, row.delta, row.words) for row in rows],
            numbers=("expected", "found", "difference"),
        )
    left = tie.differences - len(rows)
    if left and len(rows) < MOST:
        say_next(f"{counted(left, 'more scope')} not shown: `tui-connector tie {tie.run} --limit {MOST}`")
    elif left:
        say(
            argparse.Namespace(json=False), {}, f"{counted(left, 'more scope')} not shown: the first {MOST:,} are kept."
        )


def _parts(tie: TieOut, row: DifferenceRow) -> tuple[str, ...]:
    return (*row.parts, *[""] * len(tie.parts))[: len(tie.parts)]


def _run(desk: Desk, run: Run, given: argparse.Namespace) -> int:
    if given.scopes:
        return _scopes(desk, run, given)
    tie = read_tie(desk.store, run, next((one for one in desk.flows if one.name == run.flow), None))
    if given.json:
        print_json({"run": run.id, "flow": run.flow, "tie": tie_json(desk.store, run.id, given.limit)})
    elif tie is None:
        say(given, {}, f"Run {run.id} of {run.flow} was {NONE}. {why_none(run)}")
    else:
        above = [("run", f"{run.id} {run_name(run)}"), ("ended", f"{moment(run.ended_at)} UTC")]
        print_tie(tie, all_differences(desk, run.id).after(None, given.limit), above)
    return Exit.DONE if tie is None or tie.tied else Exit.NOT_TIED


def _scopes(desk: Desk, run: Run, given: argparse.Namespace) -> int:
    sheet = read_sheet(desk.store, run.id)
    if sheet is None:
        why = why_none(run) if desk.store.ties.get(run.id) is None else "It was tied out without sums by scope."
        raise ConfigError(f"run {run.id} of {run.flow} has no sums by scope", hint=why)
    if given.output:
        path = Path(given.output).absolute()
        size, digest = write_whole(path, csv_lines(sheet))
        say(
            given, {"file": str(path), "bytes": size, "sha256": digest},
            f"{path}: {figure(size)} bytes, SHA-256 {digest}.",
        )  # fmt: skip
    elif given.json:
        print_json({"run": run.id, "flow": run.flow, "parts": list(sheet.parts), "scopes": describe_sheet(sheet)})
    else:
        names = heads(sheet)
        table(names, [cells(sheet, one) for one in sheet.scopes()], numbers=names[len(sheet.parts) :])
    return Exit.DONE


def _flows(desk: Desk, given: argparse.Namespace) -> int:
    rows = read_flow_ties(desk)
    if given.json:
        print_json([
            {
                "flow": row.flow, "run": row.run, "tied_out": row.how, "ended_at": row.at,
                "tie": None if row.run is None else tie_json(desk.store, row.run, 0),
            }
            for row in rows
        ])  # fmt: skip
    else:
        cells = [
            (
                row.flow,
                tie_state(row.verdict),
                str(row.run or "–"),
                moment(row.at),
                row.words or f"{NONE} yet; {row.how}",
            )
            for row in rows
        ]
        table(("flow", "tie-out", "run", "ended (UTC)", ""), cells, numbers=("run",), spare=("ended (UTC)",))
    return Exit.NOT_TIED if any(row.verdict is Verdict.NOT_TIED for row in rows) else Exit.DONE


def _flow(desk: Desk, name: str) -> LoadFlow:
    known = {flow.name: flow for flow in desk.flows if isinstance(flow, LoadFlow)}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
        raise ConfigError(f"there is no load flow {name}", hint=hint)
    return known[name]
