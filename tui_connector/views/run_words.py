"""A run's page in words: for the console's sentences, and as lines for a screen reader or a log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.domain.run import RunState
from tui_connector.review.amounts import counted, listed
from tui_connector.views.concerns import found_lines
from tui_connector.views.tie_out import difference_line, tie_lines
from tui_connector.views.words import actor, age, figure, long_id, moment, sentence, share, so_far, span, zone_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, tzinfo

    from tui_connector.views.run_events import EventRow
    from tui_connector.views.run_page import Result, RunPage
    from tui_connector.views.run_steps import TaskFacts


def state_line(page: RunPage) -> tuple[str, str]:
    """How the run stands: where it is, and how long it took or takes; the state's word stands before it."""
    row = page.row
    if page.state is RunState.RUNNING and page.elapsed is not None:
        left = f", about {age(page.left)} left" if page.left else ""
        return page.doing, f"{so_far(page.elapsed)}{left}"
    if page.state is RunState.WAITING:
        return page.waits, ""
    moved = f"{figure(row.records)} records" if row.records else ""
    return moved, f"took {span(row.took)}" if row.took is not None else ""


def result_sentences(result: Result) -> Iterator[str]:
    """What came of the records, in words; the first is the outcome."""
    refused = result.refused_there + result.refused_here + result.ignored_rows
    match result.outcome:
        case "clean":
            yield f"Anaplan says clean: {counted(result.loaded, 'record')} loaded."
        case "partial":
            yield f"Anaplan says partial: {figure(result.loaded)} of {counted(result.sent, 'record')} loaded."
        case "failed":
            yield "Anaplan says failed: nothing was loaded."
        case _ if not result.sent:
            yield "Nothing was to send, so no import ran."
        case _:
            yield "Anaplan gave no result; nothing counts as loaded."
    yield f"{counted(result.read, 'record')} read, {figure(result.unchanged)} unchanged, {figure(result.sent)} sent."
    if result.ignored:
        why = "since they change nothing" if result.into_list else "in cells that are calculated or cannot be written"
        yield f"{counted(result.ignored, 'record')} ignored by Anaplan, {why}."
    if refused:
        by = [
            (result.refused_there, "by Anaplan"),
            (result.ignored_rows, "ignored by Anaplan and named in its dump"),
            (result.refused_here, "before sending"),
        ]
        told = [f"{figure(count)} {who}" for count, who in by if count]
        yield f"{counted(refused, 'record')} rejected: {listed(told)}."


def run_lines(page: RunPage, now: datetime, zone: tzinfo) -> Iterator[str]:
    """A run's page in words, one fact a line."""
    yield from _head(page, now, zone)
    for step in page.steps:
        took = f", {span(step.took)}" if step.took is not None else ""
        done = f", {share(step.share)}" if step.share is not None and step.running else ""
        again = f", attempt {step.attempt}" if step.attempt > 1 else ""
        yield f"Step {step.name}: {step.mark.word}{took}{done}{again}" + (f", {step.note}" if step.note else "")
    if page.found is not None:
        yield from found_lines(page.found)
    if page.live and page.live.words:
        yield f"Now: {page.live.words}"
    if page.task is not None:
        yield from _task(page.task, now)
    if page.mean is not None:
        yield f"{figure(page.mean)} records a second read from SAP, mean"
    if page.per_minute:
        yield f"Requests to Anaplan: {page.requests} of {page.per_minute}/min"
    yield from (words for words in (page.documents, sentence(page.reason)) if words)
    if page.result is not None:
        yield from result_sentences(page.result)
    if page.tie is not None:
        yield from tie_lines(page.tie)
        yield from (difference_line(page.tie, row) for row in page.tie.first)
        if page.tie.differences > len(page.tie.first):
            left = counted(page.tie.differences - len(page.tie.first), "more scope")
            yield f"{left} {'differs' if left.startswith('1 ') else 'differ'}: --plain differences {page.row.id}"
    if page.hint:
        yield f"Next: {page.hint}"
    for event in page.events:
        yield event_line(event, now, zone)


def _head(page: RunPage, now: datetime, zone: tzinfo) -> Iterator[str]:
    row = page.row
    yield ", ".join(part for part in (f"Run {row.id} {row.name}: {row.mark.word}", *state_line(page)) if part)
    yield f"Asked for by {actor(row.asked_by, page.names)}" if row.serves else f"Reads {page.window.words(now, zone)}"
    yield f"{'Began' if row.began else 'Asked for'} {moment(row.at, now, zone, seconds=True)} {zone_name(zone, now)}"
    if page.cancel_asked:
        yield "A person has asked for it to end"
    if page.served_by:
        lost = "; that worker is gone, another one takes the run over" if page.worker_lost else ""
        yield f"Run by {page.served_by}, fence {page.fence}{lost}"


def _task(task: TaskFacts, now: datetime) -> Iterator[str]:
    done = f", {task.percent} %" if task.percent is not None else ""
    polled = f", looked at {age(now - task.polled)} ago" if task.polled else ""
    at = f", {task.current}" if task.current else ""
    yield f"Anaplan task {long_id(task.id) or 'not known yet'} of {task.action}: {task.state}{done}{at}{polled}"
    if task.said:
        yield f"Anaplan said: {task.said}"


def event_line(event: EventRow, now: datetime, zone: tzinfo) -> str:
    """One event in words."""
    return f"{moment(event.at, now, zone, seconds=True)} {event.mark.word}: {event.text}"
