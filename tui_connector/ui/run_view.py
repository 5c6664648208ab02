"""A run's page, drawn: its state, its steps on one line of time, its task, what is on its way, what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.domain.run import RunState
from tui_connector.review.amounts import counted
from tui_connector.ui.concern_view import found_lines
from tui_connector.ui.draw import MARGIN, Line, bar, rule, spark, width_of, wrap
from tui_connector.ui.tie_view import first_lines, hop_lines, verdict_lines
from tui_connector.views.run_words import result_sentences, state_line
from tui_connector.views.words import age, figure, long_id, moment, sentence, share, size, so_far, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime, tzinfo

    from tui_connector.views.run_events import EventRow
    from tui_connector.views.run_page import Result, RunPage
    from tui_connector.views.run_steps import StepRow, TaskFacts
    from tui_connector.views.tie_out import TieOut

_LOCKS = "Planners cannot change {model} while the task runs."
_TOOK, _NOTE = 11, 22
_FIRST = 3  # scopes that differ
_OUTCOMES = {"clean": ("✓", "ok"), "partial": ("▲", "warn"), "failed": ("✗", "fail")}


def page_lines(
    page: RunPage,
    now: datetime,
    zone: tzinfo,
    width: int,
    *,
    short: bool,
    course: Sequence[float] = (),
    room: int | None = None,
) -> list[Line]:
    """Everything above the events. course: records a second as they were seen here, oldest first.

    room: lines that can be seen; what tells least goes when there are more.
    """
    lines = [*_state(page, now, width), *wrap(_asked(page, now, zone), width, "muted")]
    if page.reason and page.state is not RunState.DONE:
        lines += wrap(sentence(page.reason), width, "bright")
    elif page.reason and page.row.mark.word != "clean":
        lines += wrap(sentence(page.reason), width)
    if page.hint:
        lines += [Line(("next ", "muted"), (line.text.strip(), "ink")) if not at else line
                  for at, line in enumerate(wrap(page.hint, width - 5))]  # fmt: skip
    gap = [] if short else [Line()]
    steps = [*gap, rule("Steps", "", width, active=False), *(_step(one, width) for one in page.steps)]
    blocks = [steps if page.steps else []]
    if page.found is not None and (page.found.total or page.found.allowed_by):
        first = page.found.asks or page.state is RunState.FAILED  # what a person has to see comes before how it went
        blocks.insert(0 if first else 1, [*gap, *found_lines(page.found, width, short=short)])
    if page.result is not None and page.state is RunState.DONE:
        blocks.append([*gap, rule("Result", "", width, active=False), *_result(page.result, width, short=short)])
    scopes = list(first_lines(page.tie, width, _FIRST)) if page.tie and not short else []
    tie = [*gap, *_tie(page.tie, width, short=short)] if page.tie else []
    task, pace = list[Line](), list[Line]()
    if page.task is not None and not (short and page.result):
        task = [*gap, *_task(page, page.task, now, width, short=short)]
    if not short:
        pace = list(_pace(page, width, course))
    documents = [*gap, *wrap(page.documents, width)] if page.documents else []
    whole = len(lines) + sum(map(len, (*blocks, tie, scopes, task, pace, documents))) + 1
    for spare in (pace, task, scopes) if room and page.state.ended else ():
        if whole > (room or whole):
            whole -= len(spare)
            spare.clear()
    if page.tie is not None:  # what is not tied comes before how the run went
        blocks.insert(len(blocks) if page.tie.tied else 0, [*tie, *scopes])
    return [*lines, *(line for block in (*blocks, task, pace, documents) for line in block), Line()]


def _tie(tie: TieOut, width: int, *, short: bool) -> list[Line]:
    note = ""
    if tie.differences:
        note = f"{counted(tie.differences, 'scope')} {'differs' if tie.differences == 1 else 'differ'}, see d"
    lines = [rule("Tie-out", note, width, active=False), *verdict_lines(tie, width)]
    if short:
        return [*lines, *(wrap(tie.counts, width - 2, "muted", indent=MARGIN + 2) if tie.counts else [])]
    return [*lines, *hop_lines(tie, width)]


def event_line(event: EventRow, now: datetime, zone: tzinfo, width: int, *, last: bool) -> Line:
    """One event; the newest of a run that works is bright, since it is now."""
    line = Line((moment(event.at, now, zone, seconds=True), "muted"))
    line.to(line.width + 2).put(event.mark.word, "muted", limit=10).to(MARGIN + len("14:40:12") + 14)
    if event.mark.glyph:
        line.put(f"{event.mark.glyph} ", event.mark.role)
    role = "bright" if last else "fail" if event.mark.role == "fail" else "ink"
    return line.put(event.text, role, limit=max(width - MARGIN - line.width, 0))


def _state(page: RunPage, now: datetime, width: int) -> list[Line]:
    mark, edge = page.row.mark, width - MARGIN
    where, long = state_line(page)
    if page.state is RunState.RUNNING and page.elapsed is not None:
        since = now - page.at
        left = page.left - since if page.left is not None and page.left > since else None
        long = so_far(page.elapsed + since) + (f", about {age(left)} left" if left else "")
    line = Line((mark.glyph, mark.role), (f" {mark.word}", mark.word_role))
    line.put("   ", "plain").put(where, "ink", limit=max(edge - line.width - width_of(long) - 2, 0))
    lines = [line.right(long, "bright", edge) if long else line]
    if page.cancel_asked:
        lines.append(Line(("◆", "warn"), (" a person has asked for it to end", "ink")))
    return lines


def _asked(page: RunPage, now: datetime, zone: tzinfo) -> str:
    if not page.row.serves:
        told = page.window.words(now, zone)
    elif page.row.proposal is None:
        told = f"refused records once more, by {page.window.by}"
    else:
        told = f"for P-{page.row.proposal:04}, by {page.window.by}"
    began = f"{'began' if page.row.began else 'asked for'} {moment(page.row.at, now, zone, seconds=True)}"
    by = f"; {page.served_by}, fence {page.fence}" if page.served_by else ""
    gone = ", that worker is gone" if page.worker_lost else ""
    return f"{told}; {began}{by}{gone}"


def _step(step: StepRow, width: int) -> Line:
    edge = width - MARGIN
    line = Line((step.mark.glyph, step.mark.role))
    line.put(f" {step.name}", "bright" if step.running else "ink" if step.took is not None else "muted")
    note_width = max(min(edge - 46, 60), 0)
    begin, end = MARGIN + 12, edge - note_width - _TOOK - (2 if note_width else 0)
    room = end - begin - 1
    if step.took is None:
        return line.to(end + _TOOK + 2).put(step.mark.word, "muted") if note_width else line
    if room >= 6:
        at, until = round(room * step.begins), round(room * step.ends)
        at = min(at, room - 1)
        line.to(begin + at).put("━" * max(until - at, 1), "accent" if step.running else "muted")
    took = so_far(step.took) if step.running else span(step.took)
    line.right(took, "ink" if step.running else "muted", end + _TOOK)
    again = f"attempt {step.attempt}, " if step.attempt > 1 else ""
    note = share(step.share) if step.share is not None and step.running else step.note
    return line.put("  ", "plain").put(f"{again}{note}", "muted", limit=max(edge - line.width - 2, 0))


def _task(page: RunPage, task: TaskFacts, now: datetime, width: int, *, short: bool) -> Iterator[Line]:
    edge, note = width - MARGIN, ""
    if task.polled is not None:
        note = f"looked at {age(now - task.polled)} ago"
    yield rule("Anaplan task", note, width, active=False)
    line = Line((task.kind, "muted")).to(MARGIN + 12)
    name = long_id(task.id) or "not known yet"
    line.put(task.action, "ink", limit=max(edge - line.width - width_of(name) - width_of(task.state) - 10, 8))
    line.put("   task ", "muted").put(name, "ink")
    yield line.right(task.state, "accent" if task.polled else "muted", edge)
    if task.polled is not None and task.percent is not None:
        yield Line().cells(bar(task.percent / 100, edge - MARGIN - 7)).right(f"{task.percent} %", "bright", edge)
    if task.polled is not None and not short:
        yield Line().put(task.current or _LOCKS.format(model="the model"), "muted", limit=edge - MARGIN)
    if task.said and page.state is not RunState.DONE:
        yield from wrap(f"Anaplan said: {task.said}", width, "muted")


def _pace(page: RunPage, width: int, course: Sequence[float]) -> Iterator[Line]:
    """Chunks, records a second and requests, each on its own row, as far as they are known."""
    live, edge = page.live, width - MARGIN
    rows: list[tuple[str, Line]] = []
    chunks = live.chunks if live and live.chunks is not None else page.chunks
    if chunks:
        line = Line(indent=0).put(f"{figure(chunks)} sent", "ink")
        if live and live.kilobytes:
            line.put(f", {size(live.kilobytes * 1000)}", "muted")
        line.put("   ", "plain").put(" ".join("■" * min(chunks, max((edge - 40) // 2, 0))), "ok")
        rows.append(("chunks", line))
    if live and live.rows is not None:
        line = Line(indent=0).put(figure(live.rows), "ink").put(" read from SAP", "muted")
        rows.append(("records", line.put(f", {figure(live.rejected)} rejected", "warn") if live.rejected else line))
    if page.mean is not None or course:
        line = Line(indent=0).put(spark(course[-24:]), "muted") if len(course) > 1 else Line(indent=0)
        if page.mean is not None:
            line.put("  " if line.width else "", "plain").put(figure(page.mean), "ink").put(" mean", "muted")
        if course:
            line.put("   ", "plain").put(figure(round(course[-1])), "ink").put(" now", "muted")
            line.put(f"   {figure(round(max(course)))} best", "muted")
        rows.append(("a second", line))
    if page.per_minute and page.state is RunState.RUNNING:
        told = f"{page.requests} of {page.per_minute}/min"
        line = Line(indent=0).cells(bar(page.requests / page.per_minute, 12, "bright")).put(f"  {told}", "ink")
        rows.append(("requests", line.put(" last minute", "muted")))
    if rows:
        yield Line()
        yield rule("On its way" if page.state is RunState.RUNNING else "Pace", "", width, active=False)
    for label, line in rows:
        yield Line((label, "muted")).to(MARGIN + 12).cells(tuple(line.parts), limit=edge - MARGIN - 12)


def _result(result: Result, width: int, *, short: bool) -> Iterator[Line]:
    first, *rest = result_sentences(result)
    glyph, role = _OUTCOMES.get(result.outcome, ("·", "muted"))
    told = wrap(first, width - 2)
    yield Line((f"{glyph} ", role), *told[0].parts[1:])
    yield from told[1:]
    for words in rest:
        yield from wrap(words, width - 2, "ink" if "rejected" in words else "muted", indent=MARGIN + 2)
    if result.said and not short:
        yield from wrap(f"Anaplan said: {result.said}", width - 2, "muted", indent=MARGIN + 2)[:3]
