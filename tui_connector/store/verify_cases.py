"""Do the cases, the waivers and the replays say what the trail and the chain say?"""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING

from tui_connector.domain.canonical import canonical, sha256
from tui_connector.domain.case import Place
from tui_connector.store import case_words
from tui_connector.store.cases import GONE_SINCE, REFUSED, SAID_SINCE

if TYPE_CHECKING:
    from tui_connector.store.database import Reader


def verify_cases(reader: Reader) -> str:
    """What of cases, waivers and replays is not as the trail and the chain tell, in words; "" when all is."""
    looks = (_verify_alive, _verify_ended, case_words.fault, _verify_waivers, _verify_replays)
    return next((finding for look in looks if (finding := look(reader))), "")


def _verify_alive(reader: Reader) -> str:
    hidden = reader.row(
        "SELECT r.run_id, r.position FROM record r JOIN run ON run.id = r.run_id AND run.confirmed = 1"
        " LEFT JOIN reject j ON j.run_id = r.run_id AND j.position = r.position AND j.part = 1"
        " LEFT JOIN reject_case c ON c.target_id = r.target_id AND c.key = r.key AND c.solved_run IS NULL"
        f" WHERE coalesce(r.later, r.outcome) = 3 AND NOT {SAID_SINCE} AND NOT {GONE_SINCE}"
        " AND (coalesce(c.run_id, 0) <> r.run_id"
        " OR coalesce(c.position, 0) <> r.position OR coalesce(c.cause, '') <> coalesce(j.cause, '')) LIMIT 1"
    )
    if hidden:
        return f"record {hidden[1]} of run {hidden[0]} was refused, but its case does not say so"
    stray = reader.row(
        "SELECT c.run_id, c.position FROM reject_case c LEFT JOIN record r ON r.run_id = c.run_id"
        " AND r.position = c.position AND r.target_id = c.target_id AND r.key = c.key"
        " LEFT JOIN run ON run.id = r.run_id WHERE c.solved_run IS NULL"
        f" AND (coalesce(run.confirmed, 0) <> 1 OR coalesce(r.later, r.outcome) <> 3 OR {SAID_SINCE} OR {GONE_SINCE})"
        " LIMIT 1"
    )
    if stray:
        return f"record {stray[1]} of run {stray[0]} has a case, but the trail tells of no open refusal"
    return ""


def _verify_ended(reader: Reader) -> str:
    """A case that counts as loaded was loaded by that run; one that counts as gone was found gone by that run."""
    wrong = reader.row(
        "SELECT c.run_id, c.position, c.solved_run FROM reject_case c LEFT JOIN run ON run.id = c.solved_run"
        " AND run.target_id = c.target_id AND run.confirmed = 1"
        " WHERE c.solved_run IS NOT NULL AND (run.id IS NULL OR c.solved_how NOT IN ('loaded', 'gone') OR c.solved_how"
        " = 'loaded' AND EXISTS (SELECT 1 FROM record a WHERE a.run_id = c.solved_run) AND NOT EXISTS (SELECT 1 FROM"
        " record r WHERE r.target_id = c.target_id AND r.key = c.key AND r.run_id = c.solved_run"
        " AND coalesce(r.later, r.outcome) IN (1, 2))) LIMIT 1"
    )
    if wrong:
        return f"record {wrong[1]} of run {wrong[0]} counts as ended by run {wrong[2]}, but the trail does not say so"
    gone = {
        Place(run_id, position): int(json.loads(data)["by_run"])
        for run_id, data in reader.rows("SELECT run_id, data FROM audit_event WHERE kind = 'rejects.gone'")
        if data is not None
        for position in json.loads(data)["positions"]
    }
    for run_id, position, by_run in reader.rows(
        "SELECT run_id, position, solved_run FROM reject_case WHERE solved_how = 'gone' AND solved_run IS NOT NULL"
    ):
        if gone.pop(Place(run_id, position), None) != by_run:
            return f"record {position} of run {run_id} counts as gone from SAP, but no run found it so"
    if gone:
        place = min(gone)
        return f"record {place.position} of run {place.run_id} was gone from SAP, but its case does not say so"
    early = reader.row(
        "SELECT run_id, position FROM reject_case WHERE solved_run IS NULL"
        " AND (solved_how <> 'loaded' OR solved_at IS NOT NULL)"
    )
    if early:
        return f"the case of record {early[1]} of run {early[0]} is open, but says how it ended"
    return ""


def _verify_waivers(reader: Reader) -> str:
    wanted: dict[Place, tuple[str, str, int]] = {}
    for run_id, kind, by, at, data in reader.rows(
        "SELECT run_id, kind, actor, at, data FROM audit_event"
        " WHERE kind IN ('rejects.waived', 'rejects.waiver_taken_back') ORDER BY seq"
    ):
        told = json.loads(data or "{}")
        for position in told.get("positions", ()):
            if kind == "rejects.waived":
                wanted[Place(run_id, position)] = (told["reason"], by, at)
            else:
                wanted.pop(Place(run_id, position), None)
    for run_id, position, reason, by, at in reader.rows("SELECT run_id, position, reason, waived_by, at FROM waiver"):
        if wanted.pop(Place(run_id, position), None) != (reason, by, at):
            return f"the waiver of record {position} of run {run_id} is not as it was written"
    if wanted:
        place = min(wanted)
        return f"the waiver of record {place.position} of run {place.run_id} is missing"
    alone = reader.row(
        "SELECT c.run_id, c.position FROM reject_case c LEFT JOIN waiver w ON w.run_id = c.waived_run"
        " AND w.position = c.waived_position LEFT JOIN record r ON r.run_id = c.waived_run"
        " AND r.position = c.waived_position AND r.target_id = c.target_id AND r.key = c.key"
        " WHERE c.waived_run IS NOT NULL AND (w.reason IS NULL OR r.key IS NULL) LIMIT 1"
    )
    if alone:
        return f"record {alone[1]} of run {alone[0]} counts as waived, but nobody waived it"
    return _verify_carried(reader)


def _verify_carried(reader: Reader) -> str:
    """A waiver holds on while a record is refused for the same cause with the same content, and no longer."""
    for target_id, key, first, run_id, *waived in reader.rows(
        "SELECT DISTINCT c.target_id, c.key, c.first_run, c.run_id, c.waived_run, c.waived_position FROM waiver w"
        " JOIN record r ON r.run_id = w.run_id AND r.position = w.position JOIN reject_case c"
        " ON c.target_id = r.target_id AND c.key = r.key AND c.solved_run IS NULL AND w.run_id >= c.first_run"
    ):
        last, holds = ("", ""), [None, None]
        for refused_in, position, content, cause, said in reader.rows(
            f"SELECT refused.run_id, refused.position, content, cause, w.run_id FROM ({REFUSED} JOIN run"
            " ON run.id = r.run_id AND run.confirmed = 1 WHERE r.target_id = ? AND r.key = ?"
            " AND r.run_id BETWEEN ? AND ? AND coalesce(r.later, r.outcome) = 3) AS refused"
            " LEFT JOIN waiver w ON w.run_id = refused.run_id AND w.position = refused.position"
            " ORDER BY refused.run_id",
            target_id, key, first, run_id,
        ):  # fmt: skip
            holds = [refused_in, position] if said is not None else holds if last == (content, cause) else [None, None]
            last = content, cause
        if waived != holds:
            return f"the waiver of {key} does not stand as people said"
    return ""


def _verify_replays(reader: Reader) -> str:
    chosen: dict[int, list[list[int]]] = defaultdict(list)
    for run_id, source, position in reader.rows(
        "SELECT run_id, source_run, position FROM replayed ORDER BY run_id, source_run, position"
    ):
        chosen[run_id].append([source, position])
    for run_id, data in reader.rows("SELECT run_id, data FROM audit_event WHERE kind = 'replay.requested'"):
        told = json.loads(data or "{}")
        if sha256(canonical(chosen.pop(run_id, []))) != told.get("digest"):
            return f"what run {run_id} sends again is not what was chosen"
    return f"nobody chose what run {min(chosen)} sends again" if chosen else ""
