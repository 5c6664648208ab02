"""What is found when SAP's masters are compared with a list and with what an earlier load saw."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from tui_connector.anaplan.codes import Members
from tui_connector.domain.concern import Rule
from tui_connector.domain.flow import Radar
from tui_connector.domain.master import Change, Master, Standing
from tui_connector.engine.masters import BY_HAND, THERE, Comparison, Finding, Masters

GO_ON, ASK, STOP = Rule.GO_ON, Rule.ASK, Rule.STOP
VALID, BLOCKED, EXPIRED, MISSING = Standing
HEADERS = ("Company Code", "Profit Center")
PLACE = ("1010", "P1")
HELD = ("Rent", *PLACE)
OTHER = {"B": ("Other", "1010", "P1")}  # a second member, so that the list is not empty
Listed = dict[str, tuple[str | None, ...]]


def master(name: str = "Rent", places: tuple[str, ...] = PLACE, standing: Standing = VALID) -> Master:
    return Master("A", name, places, standing)


@dataclass(frozen=True)
class Case:
    """One code, A: what SAP says (None: nothing), what the list holds, what was seen before, and what is found."""

    sap: Master | None
    held: tuple[str | None, ...] | None
    before: Master | None
    found: list[tuple[Change, Rule, str, str]] = field(default_factory=list)
    everything: bool = False
    radar: Radar = field(default_factory=lambda: Radar(places=HEADERS))


CASES = {
    "as it was": Case(master(), HELD, master()),
    "seen for the first time": Case(master(), HELD, None),
    "new": Case(master(), None, None, [(Change.NEW, GO_ON, "", "Rent")]),
    "new and blocked": Case(master(standing=BLOCKED), None, None, [(Change.NEW, GO_ON, "", "Rent (blocked)")]),
    "new under a rule": Case(
        master(), None, None, [(Change.NEW, ASK, "", "Rent")], radar=Radar(places=HEADERS, new=ASK)
    ),
    "renamed": Case(master("Rents"), HELD, master(), [(Change.RENAMED, ASK, "Rent", "Rents")]),
    "renamed before anybody looked": Case(master("Rents"), HELD, None, [(Change.RENAMED, ASK, "Rent", "Rents")]),
    "renamed under a rule": Case(
        master("Rents"), HELD, master(), [(Change.RENAMED, STOP, "Rent", "Rents")],
        radar=Radar(places=HEADERS, renamed=STOP),
    ),
    "renamed in a list that does not tell": Case(
        master("Rents"), (None, None, None), master(), [(Change.RENAMED, ASK, "Rent", "Rents")]
    ),
    "nobody tells the old name": Case(master("Rents"), (None, None, None), None),
    "renamed since a load looked, and loaded all the same": Case(
        master("Rents"), ("Rents", *PLACE), master(), [(Change.RENAMED, GO_ON, "Rent", "Rents")]
    ),
    "only a space": Case(master("Rent "), HELD, master()),
    "renamed in Anaplan, and nothing of it is sent": Case(
        master(), ("Mine", *PLACE), master(), [(Change.RENAMED, GO_ON, "Mine", "Rent")]
    ),
    "renamed in Anaplan, and everything is sent": Case(
        master(), ("Mine", *PLACE), master(), [(Change.RENAMED, ASK, "Mine", "Rent")], everything=True
    ),
    "moved": Case(
        master(places=("2010", "P1")), HELD, master(), [(Change.MOVED, ASK, "Company Code 1010", "Company Code 2010")]
    ),
    "moved twice": Case(
        master(places=("2010", "P2")), HELD, None,
        [(Change.MOVED, ASK, "Company Code 1010, Profit Center P1", "Company Code 2010, Profit Center P2")],
    ),
    "moved in a list that does not tell": Case(
        master(places=("1010", "P2")), ("Rent", None, None), master(),
        [(Change.MOVED, ASK, "Profit Center P1", "Profit Center P2")],
    ),
    "moved since a load looked, and loaded all the same": Case(
        master(places=("2010", "P1")), ("Rent", "2010", "P1"), master(),
        [(Change.MOVED, GO_ON, "Company Code 1010", "Company Code 2010")],
    ),
    "moved in SAP and in Anaplan": Case(
        master(places=("2010", "P1")), ("Rent", "1010", "P9"), master(),
        [(Change.MOVED, ASK, "Company Code 1010, Profit Center P9", "Company Code 2010, Profit Center P1")],
    ),
    "moved in Anaplan, and nothing of it is sent": Case(
        master(), ("Rent", "9999", "P1"), master(),
        [(Change.MOVED, GO_ON, "Company Code 9999", "Company Code 1010")],
    ),
    "blocked": Case(master(standing=BLOCKED), HELD, master(), [(Change.BLOCKED, GO_ON, "valid", "blocked")]),
    "blocked since nobody knows when": Case(
        master(standing=BLOCKED), HELD, None, [(Change.BLOCKED, GO_ON, "", "blocked")],
        radar=Radar(places=HEADERS, blocked=STOP),
    ),
    "still blocked": Case(master(standing=BLOCKED), HELD, master(standing=BLOCKED)),
    "expired": Case(master(standing=EXPIRED), HELD, master(), [(Change.EXPIRED, GO_ON, "valid", "expired")]),
    "blocked, then expired": Case(
        master(standing=EXPIRED), HELD, master(standing=BLOCKED), [(Change.EXPIRED, GO_ON, "blocked", "expired")]
    ),
    "reappeared": Case(master(), HELD, master(standing=MISSING), [(Change.REAPPEARED, ASK, "missing", "valid")]),
    "valid again": Case(master(), HELD, master(standing=EXPIRED), [(Change.REAPPEARED, ASK, "expired", "valid")]),
    "unblocked": Case(master(), HELD, master(standing=BLOCKED), [(Change.REAPPEARED, ASK, "blocked", "valid")]),
    "missing": Case(None, HELD, master(), [(Change.MISSING, GO_ON, "Rent", "")]),
    "missing under a rule": Case(
        None, HELD, master(), [(Change.MISSING, ASK, "Rent", "")], radar=Radar(places=HEADERS, missing=ASK)
    ),
    "never seen in SAP": Case(
        None, HELD, None, [(Change.MISSING, GO_ON, "Rent", "")], radar=Radar(places=HEADERS, missing=STOP)
    ),
    "still missing": Case(None, HELD, master(standing=MISSING)),
    "gone on both sides": Case(None, None, master()),
    "renamed, moved and blocked": Case(
        master("Rents", ("2010", "P1"), BLOCKED), HELD, master(),
        [
            (Change.RENAMED, ASK, "Rent", "Rents"),
            (Change.MOVED, ASK, "Company Code 1010", "Company Code 2010"),
            (Change.BLOCKED, GO_ON, "valid", "blocked"),
        ],
    ),
}  # fmt: skip


def compare(case: Case, sap: Masters, listed: Members) -> Comparison:
    kept = {"A": case.before} if case.before else {}
    return Comparison(case.radar, HEADERS, sap, listed, kept | {"B": Master("B", "Other", PLACE)}, case.everything)


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
def test_what_is_found(case: Case) -> None:
    sap, listed = Masters(), Members(dict(OTHER))
    sap.add("K-B", Master("B", "Other", PLACE))
    if case.sap:
        sap.add("K-A", case.sap)
    if case.held:
        listed.by_code["A"] = case.held
    compared = compare(case, sap, listed)
    assert [(one.change, one.rule, one.was, one.now) for one in compared.findings()] == case.found
    assert {one.code for one in compared.findings()} <= {"A"}
    after = replace(compared, kept=compared.seen(), everything=False)
    again = [one.change for one in after.findings() if one.change is not Change.NEW]
    assert again in ([], [one for one, *_ in case.found if one in {Change.RENAMED, Change.MOVED}])  # the list's own
    assert all(one.rule is GO_ON or one.change is Change.NEW for one in after.findings())


def test_what_no_load_changes_now_is_told_so() -> None:
    sap, listed = Masters(), Members({"A": ("By hand", *PLACE), "B": ("Other", *PLACE)})
    sap.add("K-A", master())
    sap.add("K-B", Master("B", "Other", PLACE))
    kept = {"A": master(), "B": Master("B", "Former", PLACE)}
    by_hand, there = Comparison(Radar(places=HEADERS), HEADERS, sap, listed, kept, everything=False).findings()
    assert (by_hand.was, by_hand.now, by_hand.instead) == ("By hand", "Rent", BY_HAND)
    assert (there.was, there.now, there.instead) == ("Former", "Other", THERE)


def test_a_first_load_into_an_empty_list_asks_nothing() -> None:
    sap = Masters()
    sap.add("K-A", master())
    compared = Comparison(Radar(new=STOP), (), sap, Members(), {}, everything=True)
    assert [one.rule for one in compared.findings()] == [GO_ON]


def doubled(sap: Masters, listed: Members) -> list[Finding]:
    return list(Comparison(Radar(), (), sap, listed, {}, everything=False).findings())


def test_one_code_for_two_masters() -> None:
    sap = Masters()
    sap.add("A000-100", Master("100", "Rent", ()))
    sap.add("B000-100", Master("100", "Rental", ()))
    (found,) = doubled(sap, Members({"100": ("Rent",)}))
    assert found == Finding(Change.DOUBLED, STOP, "100", "A000-100", "B000-100")
    (found,) = doubled(sap, Members())
    assert not found.touches


def test_one_code_for_two_members() -> None:
    sap, listed = Masters(), Members()
    sap.add("K", Master("A", "Rent", ()))
    listed.add("A", ("Rent",))
    listed.add("A", ("Rental",))
    (found,) = doubled(sap, listed)
    assert found == Finding(Change.DOUBLED, STOP, "A", now="two members of the list")


def test_a_second_spelling_would_make_a_second_member() -> None:
    sap = Masters()
    sap.add("K", Master("0000004100", "Rent", ()))
    found = doubled(sap, Members({"4100": ("Rent",)}))
    assert found[0] == Finding(Change.DOUBLED, STOP, "0000004100", "4100 Rent", "0000004100 Rent")
    assert Change.NEW not in {one.change for one in found}


def test_a_member_without_a_code_is_what_an_import_by_name_leaves() -> None:
    sap = Masters()
    sap.add("K", Master("A", "Rent", ()))
    listed = Members({"A": ("Rental",)}, without_code=[("Rent",), ("All of them",)])
    found = doubled(sap, listed)
    assert found[0] == Finding(Change.DOUBLED, STOP, "A", "Rent, a member without a code", "Rent")


def test_what_could_not_be_read_is_not_missing() -> None:
    sap = Masters(unread={"A"})
    compared = Comparison(Radar(), (), sap, Members({"A": ("Rent",)}), {"A": master()}, everything=False)
    assert list(compared.findings()) == []
    assert compared.seen() == {"A": master()}
