"""How marks, steps and the progress of runs are drawn, on every screen that shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.ui.draw import MARGIN, Line, bar, width_of
from tui_connector.views.words import age, figure, share, short_id, size, so_far

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from tui_connector.ui.draw import Part
    from tui_connector.views.marks import Mark
    from tui_connector.views.overview import RunningRow, WaitingRow
    from tui_connector.views.run_steps import Live, StepRow

_PERCENT = 6


def mark_cell(mark: Mark) -> tuple[Part, ...]:
    """A mark as a cell: its shape, then its word."""
    return ((mark.glyph or " ", f"{mark.role}!" if mark.glyph == "?" else mark.role), (f" {mark.word}", mark.word_role))


def running_line(run: RunningRow, since: timedelta, width: int) -> Line:
    """A running run in one line; since: how long ago its row was read."""
    edge = width - MARGIN
    line = _name(run)
    step = run.step
    told = f"step {run.at} of {len(run.steps)}, {step.name}" if step else "starting"
    if step is not None and step.share is not None:
        line.to(line.width + 3).put(told, "muted", limit=edge - line.width - 18)
        room = edge - line.width - _PERCENT - 3
        if room > 5:
            line.put("  ", "plain").cells(bar(step.share, room))
        return line.right(share(step.share), "bright", edge)
    doing = run.live.words if run.live and run.live.words else told
    line.to(line.width + 3).put(doing, "muted", limit=edge - line.width - 14)
    return line.right(so_far(run.elapsed + since), "muted", edge)


def running_block(run: RunningRow, since: timedelta, width: int) -> list[Line]:
    """A running run with its steps, its bar and what is on its way; always the same number of lines."""
    edge = width - MARGIN
    head = _name(run).put("   ", "plain").put(so_far(run.elapsed + since), "muted")
    if run.worker_lost:
        head.right("its worker is gone", "warn", edge)
    elif run.left is not None and run.left > since:
        head.right(f"about {age(run.left - since)} left", "muted", edge)
    return [head, Line(), steps_line(run.steps, edge), _bar(run.step, edge), _on_its_way(run, edge), Line()]


def waiting_line(one: WaitingRow, width: int) -> Line:
    """A run that waits, and for what."""
    edge = width - MARGIN
    line = Line(("○", "muted"), (f" run {one.row.id}", "muted"))
    line.put("   ", "plain").put(one.row.name, "ink", limit=edge - line.width - width_of(one.waits) - 2)
    return line.right(one.waits, "muted", edge)


def steps_line(steps: Sequence[StepRow], edge: int) -> Line:
    """The steps side by side, the current one in bold."""
    line = Line(indent=2 * MARGIN)
    for number, step in enumerate(steps):
        gap = 3 if number else 0
        if line.width + gap + width_of(step.name) + 2 > edge:
            return line.put(" …", "muted")
        line.put(" " * gap, "plain").put(step.mark.glyph, step.mark.role)
        line.put(f" {step.name}", "bright" if step.running else "ink" if step.took is not None else "muted")
    return line


def _name(run: RunningRow) -> Line:
    line = Line(("●", "accent"), (f" run {run.row.id}", "ink"))
    return line.put("   ", "plain").put(run.row.name, "bright")


def _bar(step: StepRow | None, edge: int) -> Line:
    """A bar where the share is known; else nothing."""
    if step is None or step.share is None:
        return Line()
    line = Line(indent=2 * MARGIN).cells(bar(step.share, edge - 2 * MARGIN - _PERCENT - 1))
    return line.right(share(step.share), "bright", edge)


def _on_its_way(run: RunningRow, edge: int) -> Line:
    line = Line(indent=2 * MARGIN)
    line.cells(moving(run.live))
    if run.task is not None and run.task.polled is not None:
        told = f"Anaplan task {short_id(run.task.id)} {run.task.state}"
        if line.width + width_of(told) + 2 <= edge:
            line.right(told, "muted", edge)
    return line


def moving(live: Live | None) -> tuple[Part, ...]:
    """What is on its way, its figures in ink."""
    if live is None:
        return ()
    parts: list[Part] = []
    if live.rows is not None:
        parts += [(figure(live.rows), "ink"), (" records read", "muted")]
    if live.chunks:
        parts += [(", ", "muted")] if parts else []
        parts += [
            (figure(live.chunks), "ink"),
            (" chunks sent, ", "muted"),
            (size((live.kilobytes or 0) * 1000), "ink"),
        ]
    if live.proved is not None:
        parts += [(f"{live.proved} of {live.documents or 0}", "ink"), (" documents proved", "muted")]
    if live.unknown:
        parts += [(f", {live.unknown} of unknown outcome", "warn")]
    return tuple(parts)
