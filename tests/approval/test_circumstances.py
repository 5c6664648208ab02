"""Calendar, masters, time and what was posted meanwhile: what has changed since the signature bars the posting."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.approval.rig import Desk, Rig, forged, payloads, update
from tests.engine.proposal.plans import NOW
from tui_connector.store.database import to_micros

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("between", [False, True])
def test_a_period_that_is_closed_is_named(desk: Desk, between: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk.rig.store.audit, "proposal_fault", lambda *_: "")
    close = "UPDATE period SET status = 'closed' WHERE company_code = ?"
    for code, first in (("1010", 1), ("2010", 3)):
        words = f"period 011/2026 of company code {code} is closed"
        desk.refuses(words, lambda do, code=code: do(close, code), between=between, first=first)
    desk.refuses("company code 2010 has no entry in the close calendar",
                 lambda do: do("DELETE FROM period WHERE company_code = '2010'"), between=between, first=3)  # fmt: skip


def test_a_period_opened_by_other_hands_is_found(desk: Desk) -> None:
    for column, value in (("reason", "x"), ("status", "soft"), ("set_by", "uid:0"), ("at", 1)):
        words = "period 011/2026 of 2010 does not stand as it was set"
        desk.refuses(
            words, lambda do, c=column, v=value: do(f"UPDATE period SET {c} = ? WHERE company_code = '2010'", v)
        )


@pytest.mark.parametrize("between", [False, True])
def test_a_master_that_is_blocked_gone_or_not_valid_is_named(
    desk: Desk, between: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts, count = desk.rig.facts, 0
    late = tuple(replace(one, valid_from=date(2026, 12, 1)) for one in next(iter(facts.cost_centers.values())))
    worse: list[tuple[str, str, Any]] = []
    for key, account in facts.accounts.items():
        for bad in (replace(account, blocked_for_posting=True), replace(account, marked_for_deletion=True)):
            worse += [(key[1], "accounts", {**facts.accounts, key: bad})]
        worse.append((key[1], "accounts", {k: v for k, v in facts.accounts.items() if k != key}))
    for kind in ("cost_centers", "profit_centers"):
        known = getattr(facts, kind)
        for key, slices in known.items():
            blocked = tuple(replace(one, blocked=True) for one in slices)
            foreign = tuple(replace(one, company_code="3010") for one in slices)
            worse += [(key[1], kind, {**known, key: value}) for value in (blocked, foreign, late, ())]
    for code in facts.companies:
        worse.append((code, "companies", {k: v for k, v in facts.companies.items() if k != code}))
        variant = replace(facts.companies[code], fiscal_year_variant="V3")
        worse.append((code, "companies", {**facts.companies, code: variant}))
    genuine = {one.number: one for one in desk.rig.draft.documents}
    for named, kind, changed in worse:
        first = min(
            line.document or len(genuine)
            for line in desk.rig.draft.lines
            if named
            in (line.gl_account.lstrip("0"), line.cost_center.lstrip("0"), line.profit_center, line.company_code)
        )

        def change(_: Any, kind: str = kind, changed: Any = changed) -> None:
            monkeypatch.setattr(desk.rig, "facts", replace(facts, **{kind: changed}))
            desk.rig.clock.at = NOW + timedelta(minutes=5)  # masters are read anew after a minute

        desk.refuses(named, change, between=between, first=first)
        monkeypatch.setattr(desk.rig, "facts", facts)
        desk.rig.clock.at = NOW
        count += 1
    assert count == len(worse) > 20


@pytest.mark.parametrize(
    ("words", "minutes"),
    [("The plan was not compared with P-0001 for 241 minutes", 241), ("expired at 2026-11-28 14:40 UTC", 72 * 60)],
)
@pytest.mark.parametrize("between", [False, True])
def test_time_runs_out(desk: Desk, words: str, minutes: int, between: bool) -> None:
    def wait(_: Any) -> None:
        desk.rig.clock.at = NOW + timedelta(minutes=minutes)

    desk.refuses(words, wait, between=between)
    desk.rig.clock.at = NOW


@pytest.mark.usefixtures("signature_alone")
def test_a_plan_that_was_not_compared_again_is_not_posted(desk: Desk) -> None:
    desk.refuses("The plan was not compared", lambda do: do("UPDATE proposal SET checked_at = NULL"))
    old = to_micros(NOW - timedelta(minutes=240, seconds=1))
    desk.refuses("for 240 minutes", lambda do: do("UPDATE proposal SET checked_at = ?", old), between=True)


def test_a_proposal_in_another_state_is_not_posted(desk: Desk, signature_alone: None) -> None:
    for state in ("planned", "held", "rejected", "superseded", "expired", "posted"):
        desk.refuses(f"is {state}, not approved", lambda do, s=state: do("UPDATE proposal SET state = ?", s))


def test_what_was_posted_meanwhile_for_a_key_is_named_with_its_line(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "rig")
    proposal = rig.approved()
    twin = rig.propose(forged(rig.draft, 6, text="of another hand"))
    desk = Desk(rig, proposal, [payload for _, payload in payloads(rig.draft, NOW)])
    said = "UPDATE document SET state = ? WHERE proposal_id = ? AND number = ?"
    for number, line, key in ((1, 1, "PL-0001"), (2, 3, "PL-0003"), (3, 6, "PL-0005")):
        desk.refuses(
            f"Line {line} of P-0001 ({key}): ",
            lambda do, n=number: do(said, "verified", twin.id, n), between=True, first=number,
        )  # fmt: skip
        for state in ("sending", "unknown", "posted", "held"):
            words = f"not posted before: 2 lines with a key whose document P-0002/{number} is still open"
            desk.refuses(words, lambda do, n=number, s=state: do(said, s, twin.id, n))
    rig.store.close()


def test_the_difference_itself_is_shown(desk: Desk) -> None:
    lines = desk.rows("proposal_line")
    message = desk.refuses("Document 1 of P-0001", update("proposal_line", lines[0], gl_account="0061003008"))
    assert "<GLAccount>0061003008</GLAccount>" in message.partition("signed was")[0]
    assert "<GLAccount>0061003000</GLAccount>" in message.partition("signed was")[2]
    unreadable = desk.refuses("month must be in 1..12", update("proposal_line", lines[0], posting_date="2026-13-30"))
    assert "lines 1 to 1000 are not those that were made" in unreadable
