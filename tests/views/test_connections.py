"""Connections in words: do the tenants answer, what ends, what waits for a worker; answers and discovery of one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tui_connector.domain.credential import Token
from tui_connector.views.answers import answers_lines, discovery_lines, read_answers, read_discovery
from tui_connector.views.connections import connections_lines, read_connections

if TYPE_CHECKING:
    from tui_connector.views.desk import Desk


def command(desk: Desk, kind: str, subject: str, answer: dict[str, Any] | None = None, *, ok: bool = True) -> int:
    commands = desk.store.commands
    with desk.store.transaction() as tx:
        number = commands.enqueue(tx, kind, {}, desk.person, subject=subject)
        if answer is not None:
            commands.finish(tx, number, ok=ok, answer=answer)
    return number


def test_the_sentence_says_whether_all_answer_and_what_ends(desk: Desk) -> None:
    model = read_connections(desk)
    assert model.sentence == "Both tenants answer. 1 certificate ends in 11 days."
    assert model.beside == "Pinged by the worker at 14:40:07, asked by a.novak. Nothing was written on either side."
    assert (model.beside_role, model.renew, model.waits) == ("muted", True, ())
    sap, anaplan = model.tenants
    assert (sap.title, sap.host, sap.way) == (
        "SAP S/4HANA",
        "my301234-api.s4hana.cloud.sap",
        "OAuth2 client credentials",
    )
    assert (anaplan.note, sap.mark.word) == ("FIN_HUB", "answers")
    assert sap.course_words == "15 pings in 13 d 7 h, median 41 ms"


def test_what_lives_is_told_as_it_is_now(desk: Desk) -> None:
    clock: Any = desk.clock
    clock.step(20 * 60)
    told = {check.name: check for check in read_connections(desk).tenants[1].checks}
    assert told["token"].words == "1 min left of 35"
    assert told["certificate"].mark.word == "look at it"
    clock.step(60)
    (token,) = [check for check in read_connections(desk).tenants[1].checks if check.name == "token"]
    assert (token.words, token.mark.word) == ("none now; fetched when it is needed", "none")
    desk.store.budget.block(desk.connections[1].budget, 4.0)
    (limits,) = [check for check in read_connections(desk).tenants[1].checks if check.name == "limits"]
    assert (limits.words, limits.mark.role) == ("429: nobody goes out for 4 s", "warn")


def test_what_ends_stands_by_how_much_it_needs_a_person(desk: Desk) -> None:
    model = read_connections(desk)
    assert [(one.name, one.mark.word, one.renewed) for one in model.ends] == [
        ("proposal P-0003", "ends soon", False), ("proposal P-0004", "ends soon", False),
        ("Anaplan certificate", "ends soon", False), ("Anaplan token", "well", True), ("SAP token", "well", True),
        ("SAP TLS certificate", "well", True), ("Anaplan TLS certificate", "well", True),
    ]  # fmt: skip
    certificate = model.ends[2]
    assert (certificate.days, certificate.date(model.at, desk.zone), certificate.connection) == (
        "11", "13 Dec", "anaplan.main",
    )  # fmt: skip
    assert 0.13 < certificate.share < 0.14
    clock: Any = desk.clock
    clock.step(12 * 86_400)
    later = read_connections(desk)
    assert later.sentence == "Both tenants answer. 1 certificate has ended."
    assert {one.name: one.days_words for one in later.ends}["Anaplan certificate"] == "ended"


def test_a_ping_is_asked_then_under_way_then_answered(desk: Desk) -> None:
    number = command(desk, "ping", "sap.main")
    model = read_connections(desk)
    assert (model.beside, model.beside_role) == ("Asked sap.main 0 s ago; the worker answers in a moment.", "accent")
    assert (model.tenants[0].mark.word, model.waits) == ("asked", ("sap.main",))
    with desk.store.transaction() as tx:
        desk.store.commands.take(tx, number, "w1")
    assert read_connections(desk).tenants[0].mark.word == "asking"
    answer = {
        "name": "sap.main", "ok": False, "error": "sap.main: no connection", "hint": "check the network",
        "checks": [{"name": "reached", "health": "fail", "words": "no\x1b[2J answer", "hint": "check the network"}],
    }  # fmt: skip
    with desk.store.transaction() as tx:
        desk.store.commands.finish(tx, number, ok=False, answer=answer)
    model = read_connections(desk)
    assert model.sentence.startswith("sap.main did not answer at the last ping.")
    sap = model.tenants[0]
    assert (sap.mark.word, sap.error, sap.hint) == ("does not answer", "sap.main: no connection", "check the network")
    assert sap.checks[0].words == "no\ufffd[2J answer"
    assert sap.course[-1] is None


def test_a_ping_that_nobody_can_answer_says_so(desk: Desk) -> None:
    desk = replace(desk, is_dead=lambda _: True)
    command(desk, "ping", "sap.main")
    model = read_connections(desk)
    assert model.beside.startswith("Asked sap.main 0 s ago; no worker serves, so nobody answers.")
    assert model.beside_role == "warn"
    assert read_answers(desk, "sap.main").asked == "Asked 0 s ago; no worker serves."


def test_a_new_installation_says_what_comes_first(empty: Desk) -> None:
    model = read_connections(empty)
    assert model.sentence == "No tenant was pinged yet. sap.main and anaplan.main have no credential."
    assert [(row.name, row.mark.word, row.fields) for row in model.credentials] == [
        ("sap.main", "not set", "not set"), ("anaplan.main", "not set", "not set"),
    ]  # fmt: skip
    assert model.master_key == "There is no master key yet; the first credential that is stored makes one."
    assert model.ends == ()


def test_a_check_that_is_not_well_is_named_above(desk: Desk) -> None:
    checks = [{"name": "clock", "health": "warn", "words": "SAP is 90.0 s ahead"}]
    command(desk, "ping", "sap.main", {"name": "sap.main", "ok": True, "latency_ms": 40, "checks": checks})
    assert read_connections(desk).sentence.startswith("Both tenants answer. Clock of sap.main needs a look.")
    (row, *_) = read_answers(desk, "sap.main").rows
    assert (row.mark.word, row.latency, row.words) == ("look at it", "40 ms", "clock: SAP is 90.0 s ahead")


def test_answers_of_one_connection(desk: Desk) -> None:
    model = read_answers(desk, "anaplan.main")
    assert len(model.rows) == 15
    assert (model.rows[0].by, model.rows[0].words) == ("a.novak", "certificate: 12 days left")
    lines = list(answers_lines(model, desk.zone))
    assert lines[0] == "14:40:07 look at it, 36 ms, asked by a.novak: certificate: 12 days left"
    assert len(lines) == 15
    assert list(answers_lines(read_answers(desk, "sap.spare"), desk.zone)) == ["sap.spare was not pinged yet."]


def test_discovery_tells_which_flow_uses_what(desk: Desk) -> None:
    assert read_discovery(desk, "anaplan.main").sentence == "Nobody has looked into anaplan.main yet."
    name = "Accounts from accounts.csv"
    answer = {
        "name": "anaplan.main", "model": "M", "counts": {"models": 1, "imports": 700, "processes": 2},
        "models": [{"id": "M", "name": "FIN_HUB", "state": "UNLOCKED"}],
        "imports": [{"id": "112000000001", "name": name}, {"id": "112000000002", "name": "Other"}],
        "processes": [{"id": "118000000001", "name": "Load GL line items"}, {"id": "118000000002", "name": "P"}],
    }  # fmt: skip
    command(desk, "discover", "anaplan.main", answer)
    model = read_discovery(desk, "anaplan.main")
    assert model.sentence == "1 model, 700 imports and 2 processes. Shown are 2 of 700 imports."
    assert [(row.kind, row.name, row.used_by) for row in model.rows] == [
        ("model", "FIN_HUB", ""), ("import", name, "gl_accounts"), ("import", "Other", ""),
        ("process", "Load GL line items", "gl_line_items"), ("process", "P", ""),
    ]  # fmt: skip
    assert f"import {name}, 112000000001, used by gl_accounts" in list(discovery_lines(model))
    command(desk, "discover", "anaplan.main", {"error": "refused", "hint": "look at the role"}, ok=False)
    failed = read_discovery(desk, "anaplan.main")
    assert (failed.sentence, failed.error, failed.rows) == ("anaplan.main could not be looked into.", "refused", ())
    command(desk, "discover", "anaplan.main")
    assert read_discovery(desk, "anaplan.main").asked == "Asked 0 s ago; the worker takes it up in a moment."


def test_everything_stands_in_the_plain_lines(desk: Desk) -> None:
    lines = list(connections_lines(read_connections(desk), desk.zone))
    assert "sap.main read rights: well, 9 of 9 services answer, 441 ms" in lines
    assert "Anaplan certificate, signs in to anaplan.main: ends soon, 11 days left, ends 13 Dec" in lines
    assert lines[-1] == "The master key is kept in a key file that only its owner reads, version 1."
    token = Token("canary", "Bearer", desk.clock.now(), desk.clock.now() + timedelta(minutes=1))
    desk.store.tokens("sap.main", bytes, bytes).save(token)
    assert "canary" not in "\n".join(connections_lines(read_connections(desk), desk.zone))
