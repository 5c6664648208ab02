"""Connections: do the tenants answer, what was found there, and does anything end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from tui_connector.domain.health import Check, Health, Reached
from tui_connector.domain.text import clean
from tui_connector.review.amounts import counted, listed
from tui_connector.views.ends import EndRow, read_ends
from tui_connector.views.marks import Mark
from tui_connector.views.people import names
from tui_connector.views.words import actor, age, figure, long_id, moment, sentence, short_date
from tui_connector.views.worker import read_workers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime, tzinfo

    from tui_connector.domain.credential import CredentialInfo
    from tui_connector.store.commands import Command
    from tui_connector.views.desk import Connection, Desk
    from tui_connector.views.worker import Serving

HEALTH = {
    Health.OK: Mark("✓", "well", "ok"),
    Health.WARN: Mark("▲", "look at it", "warn"),
    Health.FAIL: Mark("✗", "failed", "fail"),
}
_ANSWERS = Mark("✓", "answers", "ok")
_SILENT = Mark("✗", "does not answer", "fail")
_NEVER = Mark("·", "never pinged", "muted")
_WAITS = Mark("○", "asked", "muted")
_ASKED = Mark("●", "asking", "accent")
_STORED = Mark("✓", "stored", "ok")
_MISSING = Mark("▲", "not set", "warn")
_UNUSED = Mark("◇", "not used any more", "muted")
_TITLES = {"sap": "SAP S/4HANA", "anaplan": "Anaplan"}
_WAYS = {
    "oauth": "OAuth2 client credentials", "basic": "user and password", "certificate": "client certificate",
    "device": "approved device",
}  # fmt: skip
_PLACES = {
    "systemd": "the service manager's credential store", "keyring": "the operating system's keyring",
    "passphrase": "a passphrase", "file": "a key file that only its owner reads",
}  # fmt: skip
PAST = 24  # answers in the course of the latency
_LIVE = ("token", "certificate", "limits")  # told as they are now, not as they were at the ping


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One thing looked at. ms: how long the far side took; "" where nothing was waited for."""

    mark: Mark
    name: str
    words: str
    ms: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Tenant:
    """One connection. note: the model's name, else the connection's. waiting: since when a ping has no answer.

    pinged_at: the last answer. course: its last latencies in milliseconds, oldest first; None where one failed.
    """

    name: str
    kind: str
    title: str
    note: str
    host: str
    way: str
    mark: Mark
    checks: tuple[CheckRow, ...]
    pinged_at: datetime | None
    pinged_by: str
    course: tuple[int | None, ...]
    course_words: str
    waiting: datetime | None
    error: str = ""
    hint: str = ""

    @property
    def troubles(self) -> tuple[CheckRow, ...]:
        return tuple(one for one in self.checks if one.mark is not HEALTH[Health.OK])


@dataclass(frozen=True, slots=True)
class CredentialRow:
    """A connection's secrets, by name only. used: when a token was last had with them, in words."""

    mark: Mark
    name: str
    fields: str
    key_version: str
    set: str
    used: str


@dataclass(frozen=True, slots=True)
class Connections:
    """The whole screen. at: when it was read. waits: names of connections whose ping has no answer yet."""

    at: datetime
    sentence: str
    beside: str
    beside_role: str
    tenants: tuple[Tenant, ...]
    ends: tuple[EndRow, ...]
    credentials: tuple[CredentialRow, ...]
    master_key: str
    waits: tuple[str, ...]
    renew: bool

    def tenant(self, name: str) -> Tenant | None:
        return next((one for one in self.tenants if one.name == name), None)


class _Told(NamedTuple):
    """What the store knows of a connection's pings: the last answers, newest first, and one that waits."""

    answers: Sequence[Command]
    pending: Command | None

    @property
    def reached(self) -> Reached | None:
        return Reached.of_json(self.answers[0].answer) if self.answers else None


def read_connections(desk: Desk) -> Connections:
    """How the tenants stand now, as far as the store knows."""
    now, serving, called = desk.clock.now(), read_workers(desk), names(desk)
    pending = {one.subject: one for one in desk.store.commands.pending() if one.kind == "ping"}
    told = {
        one.name: _Told(desk.store.commands.answered("ping", one.name, PAST), pending.get(one.name))
        for one in desk.connections
    }
    infos = {info.name: info for info in desk.store.credentials.names()}
    tenants = tuple(_tenant(desk, one, told[one.name], infos.get(one.name), called) for one in desk.connections)
    ends = read_ends(desk, {name: one.reached for name, one in told.items() if one.reached})
    beside, role = _beside(tenants, serving, now, desk.zone)
    return Connections(
        at=now,
        sentence=headline(tenants, ends),
        beside=beside,
        beside_role=role,
        tenants=tenants,
        ends=ends,
        credentials=tuple(_credentials(desk, infos)),
        master_key=_master_key(desk),
        waits=tuple(one.name for one in tenants if one.waiting is not None),
        renew=any(one.mark.role != "ok" and not one.renewed and one.connection for one in ends),
    )


def _tenant(desk: Desk, one: Connection, told: _Told, info: CredentialInfo | None, called: Mapping[str, str]) -> Tenant:
    answers, pending, reached = told.answers, told.pending, told.reached
    course = tuple(_latency(command) for command in reversed(answers))
    found = reached.found if reached else {}
    user = str(found.get("user") or "")
    mark = _NEVER if reached is None else _ANSWERS if reached.ok else _SILENT
    if pending is not None:
        mark = _WAITS if pending.claimed_at is None else _ASKED
    newest = answers[0] if answers else None
    return Tenant(
        name=one.name,
        kind=one.kind,
        title=_title(one),
        note=clean(str(found.get("model") or "")) or (long_id(one.model_id) if one.model_id else one.name),
        host=clean(urlsplit(one.address).netloc or one.address),
        way=_WAYS.get(one.auth, one.auth) + (f", user {clean(user)}" if user else ""),
        mark=mark,
        checks=_checks(desk, one, reached, info),
        pinged_at=newest.ended_at if newest else None,
        pinged_by=actor(newest.requested_by, called) if newest else "",
        course=course,
        course_words=_course_words(course, answers),
        waiting=pending.requested_at if pending else None,
        error=clean(reached.error) if reached else "",
        hint=clean(reached.hint) if reached else "",
    )


def _title(one: Connection) -> str:
    short = one.name.partition(".")[2]
    return _TITLES.get(one.kind, one.kind) + ("" if short == "main" else f" {short}")


def check_row(check: Check) -> CheckRow:
    """A check as it is told."""
    ms = "" if check.ms is None else f"{figure(check.ms)} ms"
    return CheckRow(HEALTH[check.health], clean(check.name), clean(check.words), ms, clean(check.hint))


def _checks(desk: Desk, one: Connection, reached: Reached | None, info: CredentialInfo | None) -> tuple[CheckRow, ...]:
    """The last answer's checks, with what can be told as of now told so."""
    token, told = _token(desk, one), []
    for check in reached.checks if reached else ():
        if check.name == "token":
            told.append(CheckRow(token.mark, token.name, token.words, check_row(check).ms, token.hint))
        elif check.name not in _LIVE:
            told.append(check_row(check))
    if reached is None and (one.kind == "anaplan" or one.auth == "oauth"):
        told.append(token)
    if one.budget:
        told.append(_limits(desk, one))
    if info is not None and info.expires_at is not None:
        told.append(_certificate(info.expires_at, desk.clock.now()))
    if info is None:
        told.append(CheckRow(_MISSING, "credential", "not set", hint="set it, then ping"))
    return tuple(told)


def _token(desk: Desk, one: Connection) -> CheckRow:
    life, now = desk.store.token_life(one.name), desk.clock.now()
    if life is None or life.ends_at <= now:
        return CheckRow(Mark("○", "none", "muted"), "token", "none now; fetched when it is needed")
    whole = round((life.ends_at - life.obtained_at) / timedelta(minutes=1))
    left = life.ends_at - now
    return CheckRow(HEALTH[Health.OK], "token", f"{age(left)} left of {whole}")


def _limits(desk: Desk, one: Connection) -> CheckRow:
    blocked = desk.store.budget.blocked_seconds(one.budget)
    if blocked > 0:
        wait = age(timedelta(seconds=round(blocked)))
        return CheckRow(HEALTH[Health.WARN], "limits", f"429: nobody goes out for {wait}")
    used, allowed = desk.store.budget.usage(one.budget), desk.store.budget.allowed(one.budget, one.per_minute)
    return CheckRow(HEALTH[Health.OK], "limits", f"{used} of {allowed}/min used")


def _certificate(ends_at: datetime, now: datetime) -> CheckRow:
    left = ends_at - now
    if left <= timedelta():
        return CheckRow(HEALTH[Health.FAIL], "certificate", f"ended {age(-left)} ago")
    words = f"{counted(left.days, 'day')} left" if left.days else f"{age(left)} left"
    return CheckRow(HEALTH[Health.WARN if left <= timedelta(days=30) else Health.OK], "certificate", words)


def _latency(command: Command) -> int | None:
    found = command.answer.get("latency_ms") if command.ok else None
    return found if isinstance(found, int) else None


def _course_words(course: Sequence[int | None], answers: Sequence[Command]) -> str:
    known = [one for one in course if one is not None]
    if not known:
        return ""
    first, last = answers[-1].ended_at, answers[0].ended_at
    over = f" in {age(last - first)}" if first and last and last - first >= timedelta(minutes=1) else ""
    return f"{counted(len(course), 'ping')}{over}, median {median(known):.0f} ms"


def headline(tenants: Sequence[Tenant], ends: Sequence[EndRow]) -> str:
    """Do all answer, does anything end."""
    if not tenants:
        return "No tenant is configured: config.toml names them, [sap.NAME] and [anaplan.NAME]."
    parts = (_answering(tenants), _unset(tenants), _troubled(tenants), _ending(ends))
    return " ".join(part for part in parts if part)


def _unset(tenants: Sequence[Tenant]) -> str:
    found = [one.name for one in tenants if any(check.name == "credential" for check in one.checks)]
    return f"{listed(found)} {'has' if len(found) == 1 else 'have'} no credential." if found else ""


def _answering(tenants: Sequence[Tenant]) -> str:
    told = [one for one in tenants if one.pinged_at is not None]
    silent = [one for one in told if one.error]
    if not told:
        return "No tenant was pinged yet."
    if silent:
        last = " at the last ping" if len(silent) < len(tenants) else ""
        return f"{listed(one.name for one in silent)} did not answer{last}."
    if len(told) < len(tenants):
        do = "answers" if len(told) == 1 else "answer"
        return f"{listed(one.name for one in told)} {do}; the others were not pinged."
    return {1: "The tenant answers.", 2: "Both tenants answer."}.get(
        len(tenants), f"All {len(tenants)} tenants answer."
    )


def _troubled(tenants: Sequence[Tenant]) -> str:
    troubles = [
        (one, check)
        for one in tenants
        if not one.error
        for check in one.troubles
        if check.name not in ("certificate", "credential")
    ]
    troubles = [(one, check) for one, check in troubles if check.mark.role in ("warn", "fail")]
    if not troubles:
        return ""
    if len(troubles) == 1:
        return f"{troubles[0][1].name.capitalize()} of {troubles[0][0].name} needs a look."
    return f"{len(troubles)} checks need a look."


def _ending(ends: Sequence[EndRow]) -> str:
    mine = [one for one in ends if one.connection and not one.renewed]
    ended = [one for one in mine if one.mark.role == "fail"]
    soon = [one for one in mine if one.mark.role == "warn"]
    if ended:
        return f"{counted(len(ended), 'certificate')} {'has' if len(ended) == 1 else 'have'} ended."
    if soon:
        first = min(soon, key=lambda one: one.ends_at)
        ends_word = "ends" if len(soon) == 1 else "end, the first"
        return f"{counted(len(soon), 'certificate')} {ends_word} in {first.days_words.removesuffix(' left')}."
    return ""


def _beside(tenants: Sequence[Tenant], serving: Serving, now: datetime, zone: tzinfo) -> tuple[str, str]:
    """Who has pinged when; or what a ping waits for."""
    waiting = [one for one in tenants if one.waiting is not None]
    if waiting:
        first = min(one.waiting for one in waiting if one.waiting is not None)
        asked = f"Asked {listed(one.name for one in waiting)} {age(now - first)} ago"
        if not serving.alive:
            return f"{asked}; no worker serves, so nobody answers. {sentence(serving.remedy)}", "warn"
        return f"{asked}; the worker answers in a moment.", "accent"
    told = [one for one in tenants if one.pinged_at is not None]
    if not told and _unset(tenants):
        return "Set the credentials, then ping: it looks at everything the flows need, and writes nothing.", "muted"
    if not told:
        return "A ping looks at everything the flows need, and writes nothing on either side.", "muted"
    newest = max(told, key=lambda one: one.pinged_at or now)
    at = moment(newest.pinged_at, now, zone, seconds=True)
    return f"Pinged by the worker at {at}, asked by {newest.pinged_by}. Nothing was written on either side.", "muted"


def _credentials(desk: Desk, infos: Mapping[str, CredentialInfo]) -> Iterator[CredentialRow]:
    now, zone = desk.clock.now(), desk.zone
    configured = [one.name for one in desk.connections]
    for name in (*configured, *sorted(set(infos) - set(configured))):
        info = infos.get(name)
        if info is None:
            yield CredentialRow(_MISSING, name, "not set", "–", "–", "–")
            continue
        life = desk.store.token_life(name)
        today = now.astimezone(zone).date()
        yield CredentialRow(
            _STORED if name in configured else _UNUSED,
            clean(name),
            ", ".join(map(clean, info.fields)),
            str(info.key_version),
            short_date(info.changed_at.astimezone(zone).date(), today),
            f"{moment(life.obtained_at, now, zone, seconds=True)}, token" if life else "–",
        )


def _master_key(desk: Desk) -> str:
    key = desk.store.credentials.key()
    if key is None:
        return "There is no master key yet; the first credential that is stored makes one."
    return f"The master key is kept in {_PLACES.get(key.kind, key.kind)}, version {key.version}."


def connections_lines(model: Connections, zone: tzinfo) -> Iterator[str]:
    """The same in words, one fact a line."""
    yield model.sentence
    yield model.beside
    for one in model.tenants:
        yield f"{one.name} at {one.host}, {one.way}: {one.mark.word}"
        for check in one.checks:
            ms = f", {check.ms}" if check.ms else ""
            hint = f"; next: {check.hint}" if check.hint else ""
            yield f"{one.name} {check.name}: {check.mark.word}, {check.words}{ms}{hint}"
        if one.course_words:
            yield f"{one.name} latency: {one.course_words}"
        if one.error:
            yield f"{one.name} error: {one.error}; next: {one.hint}"
    for end in model.ends:
        yield end.words(model.at, zone)
    for row in model.credentials:
        yield f"credential {row.name}: {row.mark.word}, {row.fields}, key version {row.key_version}, set {row.set}"
    yield model.master_key
