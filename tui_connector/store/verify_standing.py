"""Do the small tables that say how things stand, and the tables' own form, agree with the chain?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tui_connector.store import erasures, holds, seals
from tui_connector.store.database import Database
from tui_connector.store.schema import migrate

if TYPE_CHECKING:
    from tui_connector.store.database import Reader

_known = dict[str, dict[str, str]]()  # by engine: to make one takes longer than to compare


def fault(reader: Reader) -> str:
    """What is not as the chain tells, in words; "" when all is."""
    looks = (_form, erasures.fault, holds.fault, seals.fault, _pauses, _alerts, _store)
    return next((finding for look in looks if (finding := look(reader))), "")


def _form(reader: Reader) -> str:
    """The tables and indices are those that this version makes: none may turn text into numbers, or hide rows."""
    found: dict[str, str] = dict(reader.layout())
    wanted = _wanted(reader)
    if found == wanted:
        return ""
    name = min(name for name in {*found, *wanted} if found.get(name) != wanted.get(name))
    return f"the {name} is not as it was made"


def _wanted(reader: Reader) -> dict[str, str]:
    """What a new store of this kind is made of."""
    if reader.engine not in _known:
        with reader.blank() as backend:
            migrate(Database(backend))
            _known[reader.engine] = dict(backend.layout())
    return _known[reader.engine]


def _pauses(reader: Reader) -> str:
    """Nobody paused or resumed a flow in silence."""
    wanted = dict[str, tuple[int, str, str]]()
    for kind, flow, actor, at, data in reader.rows(
        "SELECT kind, subject, actor, at, data FROM audit_event"
        " WHERE kind IN ('schedule.paused', 'schedule.resumed') AND data IS NOT NULL ORDER BY seq"
    ):
        wanted.pop(flow, None)
        if kind == "schedule.paused":
            wanted[flow] = (at, actor, json.loads(data)["reason"])
    for flow, *found in reader.rows("SELECT flow, paused_at, paused_by, paused_why FROM schedule"):
        if tuple(found) != wanted.pop(flow, (None, "", "")):
            return f"the pause of {flow} is not as it was set"
    return f"the pause of {min(wanted)} is missing" if wanted else ""


def _alerts(reader: Reader) -> str:
    """No alert was silenced, and none made up."""
    wanted = dict[str, list[str | None]]()
    for kind, key, data in reader.rows(
        "SELECT kind, subject, data FROM audit_event WHERE kind IN ('alert.raised', 'alert.over') ORDER BY seq"
    ):
        wanted.pop(key, None)
        if kind == "alert.raised":
            told = json.loads(data or "{}")  # erased with a name in it
            wanted[key] = [told.get("severity"), told.get("stage")]
    for kind, about, *found in reader.rows("SELECT kind, about, severity, stage FROM alert WHERE over_at IS NULL"):
        key = f"{kind} {about}".rstrip()
        if wanted.get(key) != [None, None] and found != wanted.get(key):
            return f"the alert {key} is not as it was raised"
        wanted.pop(key)
    return f"the alert {min(wanted)} is missing" if wanted else ""


def _store(reader: Reader) -> str:
    """The store has the name it was given, and nobody hid that it was put back."""
    told = reader.value("SELECT data FROM audit_event WHERE kind = 'store.created' ORDER BY seq LIMIT 1")
    if told is not None and json.loads(told)["store"] != reader.value("SELECT value FROM meta WHERE name = 'store_id'"):
        return "the store's own id is not the one it was given"
    noticed = reader.row(
        "SELECT kind, at FROM audit_event WHERE kind IN ('store.restored_behind', 'store.restore_confirmed')"
        " ORDER BY seq DESC LIMIT 1"
    )
    wanted = str(noticed[1]) if noticed is not None and noticed[0] == "store.restored_behind" else None
    if reader.value("SELECT value FROM meta WHERE name = 'restored_at'") != wanted:
        return "whether the store was put back does not stand as it was told"
    return ""
