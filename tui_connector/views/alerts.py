"""What is alerting: the same that the overview says needs a person, in words that may leave the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.domain.alert import SEVERITIES, Alert, AlertKind, Message, Severity, Telling
from tui_connector.domain.text import clean
from tui_connector.views.flow_rows import ended_runs
from tui_connector.views.needs import read_needs
from tui_connector.views.worker import read_workers

if TYPE_CHECKING:
    from tui_connector.views.desk import Desk
    from tui_connector.views.needs import Need

_DAYS = (0, 1, 3, 14, 30)  # left of a certificate, at which it is told
_LOOKS = {
    "runs": "runs {}", "approvals": "proposals show {}", "rejects": "rejects list", "connections": "connections",
    "audit": "audit verify", "flows": "flows", "overview": "--plain overview",
}  # fmt: skip
_LIMIT = 300


def read_alerts(desk: Desk, rejects_from: int = 1) -> list[Alert]:
    """Everything to be told now, each once. rejects_from: how many open refused records it takes."""
    found: dict[str, Alert] = {}
    for need in read_needs(desk, ended_runs(desk), read_workers(desk)):
        if need.kind is AlertKind.UNDELIVERED or (need.kind is AlertKind.REJECTS and need.size < rejects_from):
            continue  # who does not take a message is not told so by another one; the console shows it
        one = _alert(need)
        found.setdefault(one.key, one)
    return list(found.values())


def _alert(need: Need) -> Alert:
    severity, stage = SEVERITIES[need.kind], ""
    if need.kind is AlertKind.EXPIRES:
        days = next(day for day in _DAYS if need.size <= day or day == _DAYS[-1]) if need.size >= 0 else -1
        stage = "ended" if days < 0 else f"{max(days, 1)} days"
        severity = Severity.CRITICAL if days < 0 else Severity.ERROR if days <= 3 else severity
    if need.kind is AlertKind.PROPOSAL_WAITING:
        stage = need.mark.word
    told = ", ".join(part for part in (need.about, need.count) if part and part != need.thing)
    words = f"{need.mark.word} {need.thing}" + (f": {told}" if told else "")
    if need.kind is AlertKind.WORKER_SILENT:
        words = f"the worker on {need.about} is silent" if need.about else "no worker runs"
    look = _LOOKS[need.place.tab].format(need.place.key)
    return Alert(need.kind, need.about, severity, words, clean(need.words, limit=_LIMIT), stage, look)


def message_of(desk: Desk, one: Alert, telling: Telling, *, details: bool) -> Message:
    """What a target is told of an alert. details: whether amounts and what others have written may leave."""
    prefix = {Telling.OVER: "over: ", Telling.AGAIN: "still: "}.get(telling, "")
    lines = [] if telling is Telling.OVER else [f"Severity: {one.severity}"]
    if details and telling is not Telling.OVER:
        lines.append(one.details)
    lines.append(f"Look: tui-connector {one.look}")
    return Message(f"[{desk.environment}] {prefix}{one.words}", "\n".join(lines), one.severity, telling)


def trial_message(desk: Desk) -> Message:
    """What a target is told when somebody tries it."""
    body = "This is a test of tui-connector: nothing has happened."
    return Message(f"[{desk.environment}] test", body, Severity.NOTICE, Telling.TEST)
