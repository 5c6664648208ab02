"""How outcomes are kept: as small numbers that never change their meaning."""

from __future__ import annotations

from tui_connector.domain.record import Outcome

CODES = {
    Outcome.SENT: 1,
    Outcome.UNCHANGED: 2,
    Outcome.REJECTED: 3,
    Outcome.WAIVED: 4,
    Outcome.POSTED: 5,
    Outcome.HELD: 6,
}
NAMES = {code: outcome for outcome, code in CODES.items()}
REJECTED = CODES[Outcome.REJECTED]

IN_SQL = "CASE outcome " + " ".join(f"WHEN '{outcome}' THEN {code}" for outcome, code in CODES.items()) + " END"
