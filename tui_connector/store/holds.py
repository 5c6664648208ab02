"""Legal holds: what must not be erased, whatever its age and whoever asks."""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from tui_connector.domain.audit import Fact
from tui_connector.domain.errors import RefusedError
from tui_connector.store import chain
from tui_connector.store.database import to_micros, to_moment, to_moment_or_none
from tui_connector.store.evidence import Asked, Evidence

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tui_connector.store.database import Database, Reader, Row, Transaction

_TOLD = ("run_id", "since", "until", "reason", "proposal", "period", "company", "first_day", "last_day")
_COLUMNS = f"name, {', '.join(_TOLD)}, set_by, at"
_UNSAID = {"period": "", "company": ""}  # by a version that had no such holds; the others were NULL


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold. run_id, since, until, proposal: what it is about; all None for everything.

    days: of its fiscal period, both included: what is posted into them is held too; since and until are then theirs.
    """

    name: str
    run_id: int | None
    since: datetime | None
    until: datetime | None
    reason: str
    set_by: str
    at: datetime
    proposal: int | None = None
    period: str = ""
    company: str = ""
    days: tuple[date, date] | None = None


class Holds:
    """One row a hold in force."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set(self, tx: Transaction, hold: Hold) -> None:
        """Keep what a hold is about from being erased; RefusedError without a reason, or when its name is in use."""
        if not hold.reason.strip():
            raise RefusedError("A hold needs a reason; nothing was changed.", hint="Say why; it is kept for good.")
        if tx.value("SELECT count(*) FROM hold WHERE name = ?", hold.name):
            raise RefusedError(
                f"There is a hold {hold.name} already.", hint="Choose another name, or release it first."
            )
        first, last = (day.isoformat() for day in hold.days) if hold.days else (None, None)
        row = {
            "name": hold.name, "run_id": hold.run_id, "since": hold.since and to_micros(hold.since),
            "until": hold.until and to_micros(hold.until), "reason": hold.reason, "proposal": hold.proposal,
            "period": hold.period, "company": hold.company, "first_day": first, "last_day": last,
            "set_by": hold.set_by, "at": tx.now,
        }  # fmt: skip
        tx.put("hold", row)
        chain.append(tx, Fact("hold.set", hold.set_by, hold.name, {key: row[key] for key in _TOLD}))

    def release(self, tx: Transaction, name: str, reason: str, by: str) -> None:
        """End a hold; RefusedError without a reason, or when there is none of this name."""
        if not reason.strip():
            raise RefusedError("Releasing a hold needs a reason; nothing was changed.", hint="Say why.")
        if not tx.change("DELETE FROM hold WHERE name = ?", name):
            raise RefusedError(f"There is no hold {name}.", hint="`audit hold` lists them.")
        chain.append(tx, Fact("hold.released", by, name, {"reason": reason}))

    def all(self) -> list[Hold]:
        """Every hold in force, by name."""
        return [_hold_of(row) for row in self._database.rows(f"SELECT {_COLUMNS} FROM hold ORDER BY name")]

    def keeps(self) -> Callable[[int | None, int | None], bool]:
        """Whether a hold keeps what belongs to a run and a moment (microseconds); each may be None.

        What has neither is kept while any hold is in force.
        """
        tests = [self._test(hold) for hold in self.all()]
        return lambda run_id, at: any(test(run_id, at) for test in tests)

    def _test(self, hold: Hold) -> Callable[[int | None, int | None], bool]:
        since, until = (None if end is None else to_micros(end) for end in (hold.since, hold.until))
        runs: frozenset[int] = frozenset()
        timed = hold.proposal is None
        if hold.run_id is None and (hold.proposal, since, until) != (None, None, None):
            asked = Asked(hold.since, hold.until, hold.days, hold.company, hold.proposal)
            runs = Evidence(self._database).select(asked).runs

        def test(run_id: int | None, at: int | None) -> bool:
            if run_id is None and at is None:
                return True
            after = since is None or (at is not None and at >= since)
            within = after and (until is None or (at is not None and at < until))
            if hold.run_id is not None:
                return run_id == hold.run_id and within
            return run_id in runs or (timed and within)

        return test


def fault(reader: Reader) -> str:
    """What of the holds is not as the chain tells, in words; "" when all is."""
    wanted = dict[str, tuple[object, ...]]()
    for kind, name, actor, at, data in reader.rows(
        "SELECT kind, subject, actor, at, data FROM audit_event WHERE kind IN ('hold.set', 'hold.released')"
        " ORDER BY seq"
    ):
        said = json.loads(data or "{}")
        wanted.pop(name, None)
        if kind == "hold.set":
            wanted[name] = (*(said.get(key, _UNSAID.get(key)) for key in _TOLD), actor, at)
    for name, *found in reader.rows(f"SELECT {_COLUMNS} FROM hold"):
        if wanted.pop(name, None) != tuple(found):
            return f"the hold {name} is not as it was set"
    return f"the hold {min(wanted)} is missing" if wanted else ""


def _hold_of(row: Row) -> Hold:
    name, run_id, since, until, reason, proposal, period, company, first, last, set_by, at = row
    days = (date.fromisoformat(first), date.fromisoformat(last)) if first and last else None
    return Hold(
        name, run_id, to_moment_or_none(since), to_moment_or_none(until), reason, set_by, to_moment(at), proposal,
        period, company, days,
    )  # fmt: skip
