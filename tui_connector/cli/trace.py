"""audit trace: one record's story, or that of a plan's line from the export's row to the document in SAP.

What is no key but a cell or a member is explained: nothing in the store alone tells what makes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

from tui_connector.bootstrap import open_installation
from tui_connector.cli import Exit
from tui_connector.cli.explain import explain
from tui_connector.cli.out import console, facts, moment, print_json, say, say_next, state, table
from tui_connector.domain.text import clean
from tui_connector.review.amounts import counted
from tui_connector.views import story_plan, story_record
from tui_connector.views.people import names
from tui_connector.views.story import trace as follow
from tui_connector.views.words import actor

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from tui_connector.views.stations import Station
    from tui_connector.views.story_plan import PlanStory
    from tui_connector.views.story_record import RecordStory, Stage

_LINES = 200


def trace(given: argparse.Namespace) -> int:
    """Everything that happened to one record, oldest first; of a cell the records that make it."""
    if len(given.what) > 1:
        return explain(given)
    with open_installation(given.config, read_only=True) as installation:
        found = follow(installation.store, given.what[0], given.flow, installation.flows)
        known = names(installation.desk())
    if given.json:
        stages = [story_record.describe_stage(stage) for record in found.records for stage in record.stages]
        print_json([*stages, *map(story_plan.describe, found.plans)])
        return Exit.DONE
    for record in found.records:
        _print_record(record, known)
    for plan in found.plans:
        _print_plan(plan, known)
    if found.more:
        say(given, {}, f"{counted(found.more, 'more line')} of the same documents: trace one by its key.")
    if found.records:
        say_next(f"`tui-connector audit explain {found.records[0].key}` asks both sides which cell it counts in")
    return Exit.DONE


def _print_record(record: RecordStory, known: Mapping[str, str]) -> None:
    console().print(Text(f"\n{clean(record.flow)}: {clean(record.key)}", "bold"))
    facts(_rows(record.stations, known))
    _stage_table(record.stages)


def _print_plan(plan: PlanStory, known: Mapping[str, str]) -> None:
    console().print(Text(f"\n{plan.heading}", "bold"))
    shown = plan.lines[:_LINES]
    rows: list[tuple[str, Any]] = [(f"line {line.number}", story_plan.line_words(line)) for line in shown]
    if len(plan.lines) > len(shown):
        rows.append(("", f"and {counted(len(plan.lines) - len(shown), 'line')} more"))
    facts([*rows, *_rows(plan.stations, known)])


def _rows(stations: Sequence[Station], known: Mapping[str, str]) -> list[tuple[str, str]]:
    rows = []
    for one in stations:
        by = f" by {actor(one.by, known)}" if one.by else ""
        words = f": {one.words}" if one.details else ""
        rows.append((moment(one.at), f"{one.mark.glyph} {one.mark.word}{by}{words}"))
    return rows


def _stage_table(stages: Sequence[Stage]) -> None:
    names = ("at", "run", "run_state", "outcome", "file_line", "task", "mapping", "content", "cause")
    rows = []
    for stage in stages:
        told = story_record.describe_stage(stage)
        told |= {"at": moment(told["at"]), "outcome": state(told["outcome"])}
        rows.append(["–" if told[name] is None else told[name] for name in names])
    spare = ("content", "mapping", "file line", "Anaplan task", "run ended")
    heads = ("at (UTC)", "run", "run ended", "record", "file line", "Anaplan task", "mapping", "content", "cause")
    table(heads, rows, numbers=("run", "file line"), spare=spare)
