"""What people are told: once, again, that it is over; to whom; what never leaves; and that nothing waits for it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apprise
import pytest

from tests.alerting.conftest import SECRET, House, house_in
from tui_connector.alerting.ring import check, ring
from tui_connector.alerting.teller import Teller
from tui_connector.cli import run as main
from tui_connector.domain.errors import ConfigError, UnreachableError
from tui_connector.domain.run import RunState, WorkerInfo
from tui_connector.domain.timetable import Timetable, zone_of
from tui_connector.engine.alerts import Alerts
from tui_connector.views.alerts import read_alerts, trial_message
from tui_connector.views.flow_rows import ended_runs
from tui_connector.views.needs import read_needs
from tui_connector.views.worker import read_workers

if TYPE_CHECKING:
    from tui_connector.domain.alert import Message

ROOT = Path(__file__).resolve().parent.parent.parent
_NIGHTLY = Timetable("0 2 * * *", zone_of("UTC"))
LEDGER = "SAP said: 1,234.56 EUR of A. Novak is not there"
FAILED = "[PROD] failed run 1: gl_accounts"
WORKERLESS = "[PROD] no worker runs"


def serve(house: House) -> None:
    """Let a worker give a sign of life."""
    now = house.installation.clock.now()
    with house.installation.store.transaction() as tx:
        house.installation.store.workers.register(tx, WorkerInfo("w", "host", 1, "b", "1", now, now, alive=True))


def test_an_alert_is_told_once_to_whom_it_concerns_and_its_end_too(house: House) -> None:
    serve(house)
    house.run("gl_accounts", RunState.FAILED, LEDGER)
    assert house.look() == [FAILED]
    assert house.look() == []
    house.run("gl_accounts", RunState.FAILED, "something else")
    assert house.look() == []
    house.run("gl_accounts", RunState.DONE)
    assert house.look() == ["[PROD] over: failed run 1: gl_accounts"]
    assert house.look() == []
    assert house.hook.titles == [FAILED, "[PROD] over: failed run 1: gl_accounts"]
    assert house.hook.posts[0]["message"] == "Severity: error\nLook: tui-connector runs 1"
    assert house.hook.posts[0]["type"] == "failure"
    assert house.hook.posts[1]["type"] == "success"
    assert house.mail.mails == []
    assert house.events() == [
        ("alert.raised", "run-failed gl_accounts"), ("alert.sent", "hook"),
        ("alert.over", "run-failed gl_accounts"), ("alert.sent", "hook"),
    ]  # fmt: skip
    assert house.installation.store.audit.verify().broken_at is None


def test_an_alert_that_somebody_silenced_is_missed_by_a_verification(house: House) -> None:
    serve(house)
    house.run("gl_accounts", RunState.FAILED, "no")
    house.look()
    store = house.installation.store
    assert store.audit.verify().broken_at is None
    with store.transaction() as tx:
        tx.change("UPDATE alert SET over_at = 1")
    assert store.audit.verify().finding == "the alert run-failed gl_accounts is missing"


def test_a_mail_goes_out_by_severity(house: House) -> None:
    assert sorted(house.look()) == [WORKERLESS, WORKERLESS]  # critical: both are told
    (mail,) = house.mail.mails
    assert mail["Subject"] == WORKERLESS
    assert "oncall@example.com" in mail["To"]
    assert "Severity: critical" in mail.as_string()
    serve(house)
    assert house.look() == ["[PROD] over: no worker runs"] * 2


def test_nothing_that_a_tenant_said_and_no_address_leaves_unless_allowed(house: House, tmp_path: Path) -> None:
    serve(house)
    house.run("gl_accounts", RunState.FAILED, LEDGER)
    house.look()
    told = json.dumps(house.hook.posts)
    assert "1,234.56" not in told
    assert "Novak" not in told
    assert house.hook.paths == [f"/{SECRET}"]  # it came by its secret address
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or SECRET.encode() not in file.read_bytes(), file


def test_a_target_that_may_have_details_gets_them(tmp_path: Path) -> None:
    with house_in(tmp_path, "[alerts.targets.hook]\ndetails = true\nall_clear = false\n") as house:
        serve(house)
        house.run("gl_accounts", RunState.FAILED, LEDGER)
        house.look()
        assert LEDGER in house.hook.posts[0]["message"]
        house.run("gl_accounts", RunState.DONE)
        assert house.look() == []


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ('environments = ["TEST"]', 0), ('environments = ["TEST", "PROD"]', 1), ('kinds = ["not-tied"]', 0),
        ('kinds = ["run-failed"]', 1), ('severity = "critical"', 0), ('severity = "error"', 1),
    ],
)  # fmt: skip
def test_routing_by_environment_kind_and_severity(tmp_path: Path, rules: str, told: int) -> None:
    with house_in(tmp_path, f"[alerts.targets.hook]\n{rules}\n") as house:
        serve(house)
        house.run("gl_accounts", RunState.FAILED, "no")
        assert len(house.look()) == told
        assert house.kinds() == ["run-failed gl_accounts"]  # it stands, whoever is told


def test_what_is_not_taken_is_tried_again_and_then_given_up(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_connector.alerting.teller._AGAIN_SECONDS", (0.0,))
    monkeypatch.setattr("tui_connector.alerting.teller._ATTEMPTS", 3)
    serve(house)
    house.run("gl_accounts", RunState.FAILED, "no")
    house.hook.answer = 503
    assert [house.look(), house.look()] == [[], []]
    (one,) = house.installation.store.alerts.messages(1)
    assert (one.attempts, one.said, one.open) == (2, "answered with 503", True)
    needs = [need.kind for need in _needs(house)]
    assert "alert-undelivered" in needs
    assert house.look() == []
    (one,) = house.installation.store.alerts.messages(1)
    assert one.dropped_at is not None
    house.hook.answer = 200
    assert house.look() == []
    house.run("gl_accounts", RunState.DONE)
    assert house.look() == []  # who was never told gets no all-clear
    kinds = [kind for kind, _ in house.events()]
    assert kinds == ["alert.raised", "alert.not_sent", "alert.not_sent", "alert.over"]


def _needs(house: House) -> list[Any]:
    desk = house.installation.desk()
    return read_needs(desk, ended_runs(desk), read_workers(desk))


def test_a_redirect_is_not_followed(house: House) -> None:
    serve(house)
    house.run("gl_accounts", RunState.FAILED, "no")
    house.hook.answer = 302
    assert house.look() == []
    assert len(house.hook.posts) == 1


def test_an_alert_that_stands_is_told_again_and_a_new_stage_at_once(house: House) -> None:
    serve(house)
    house.run("gl_accounts", RunState.FAILED, "no")
    house.look()
    teller = house.installation.teller()
    teller._again = timedelta(microseconds=1)
    assert [one.message.title for one in teller.look("worker:w")] == ["[PROD] still: failed run 1: gl_accounts"]
    found = [replace(one, stage="14 days") for one in read_alerts(house.installation.desk())]
    teller._find, teller._again = lambda: found, None
    assert [one.message.title for one in teller.look("worker:w")] == [FAILED]
    assert [one.message.title for one in teller.look("worker:w")] == []


def test_two_workers_tell_it_once(house: House) -> None:
    serve(house)
    house.run("gl_accounts", RunState.FAILED, "no")
    house.hook.gate.clear()
    threads = [threading.Thread(target=house.look) for _ in range(4)]
    for one in threads:
        one.start()
    time.sleep(0.3)
    house.hook.gate.set()
    for one in threads:
        one.join()
    assert house.hook.titles == [FAILED]


def test_a_sender_that_dies_leaves_its_message_to_others(house: House) -> None:
    serve(house)
    house.run("gl_accounts", RunState.FAILED, "no")
    given = house.installation.teller()

    def dies(url: str, message: Message, seconds: float) -> None:
        raise KeyboardInterrupt

    def teller(ring: Any, seconds: float) -> Teller:
        return Teller(given._store, given._vault, ring, find=given._find, tell=given._tell, again=None, seconds=seconds)

    with pytest.raises(KeyboardInterrupt):
        teller(dies, -15.0).look("worker:w")  # its claim ends at once
    assert house.look() == [FAILED]


def test_a_target_that_hangs_does_not_hold_up_the_worker(house: House) -> None:
    serve(house)
    house.run("gl_accounts", RunState.FAILED, "no")
    house.hook.gate.clear()
    alerts = Alerts(house.installation.teller().look, 0.0)

    async def loop() -> float:
        begun = time.monotonic()
        for _ in range(20):
            alerts.tick("worker:w")
            await asyncio.sleep(0)
        return time.monotonic() - begun

    assert asyncio.run(loop()) < 1.0
    house.hook.gate.set()
    assert alerts._looking is not None
    alerts._looking.join(10)
    assert house.hook.titles == [FAILED]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "json://hooks.example/x",
        "mailto://mail.example?from=c@b.example&to=a@b.example",
        "jsons://h.example/?verify=no",
    ],
)
def test_what_is_no_address_or_would_go_in_the_clear_is_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        check(url)


@pytest.mark.parametrize(
    "url",
    [
        "jsons://hooks.example/x",
        "mailtos://mail.example?from=c@b.example&to=a@b.example",
        "slack://TokenA12345/TokenB1234/TokenC123456789012345678/#x",
    ],
)
def test_secure_addresses_are_taken(url: str) -> None:
    check(url)


def test_the_verbs(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    serve(house)
    house.run("gl_accounts", RunState.FAILED, LEDGER)
    start = ["--config", str(house.config), "alerts"]
    assert main([*start, "look", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"standing": 1, "sent": [{"target": "hook", "title": FAILED}]}
    assert main([*start, "list", "--json"]) == 0
    out = json.loads(capsys.readouterr().out)
    assert out["targets"] == ["hook", "mail"]
    assert [(one["kind"], one["messages"][0]["state"]) for one in out["alerts"]] == [("run-failed", "told")]
    assert main([*start]) == 0
    assert "failed run 1: gl_accounts" in capsys.readouterr().out
    assert main([*start, "test"]) == 0
    assert capsys.readouterr().out == "hook: taken\nmail: taken\n"
    assert house.mail.mails[0]["Subject"] == "[PROD] test"
    house.hook.answer = 401
    assert main([*start, "test", "hook"]) == 1
    assert "not taken: answered with 401" in capsys.readouterr().out
    assert main([*start, "test", "nobody"]) == 2
    assert "there is no target nobody" in capsys.readouterr().err


def test_without_an_address_it_says_so(house: House) -> None:
    house.installation.delete_credential("alert.hook")
    said = house.installation.teller().test("hook", _message(house), "uid:0")
    assert "credentials set alert.hook" in said
    with pytest.raises(ConfigError):
        house.installation.set_credential("alert.hook", {"url": "http//"})


def _message(house: House) -> Message:
    return trial_message(house.installation.desk())


def test_what_a_plugin_raises_tells_no_address(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apprise.NotifyBase, "notify", lambda *_, **__: 1 / 0)
    with pytest.raises(UnreachableError, match=r"^ZeroDivisionError$") as found:
        ring(f"jsons://{SECRET}.example/", _message(house), 1.0)
    assert found.value.__cause__ is None


def test_a_worker_process_tells_what_stands(tmp_path: Path) -> None:
    with house_in(tmp_path, "look_seconds = 0.1\n[alerts.targets.hook]\n") as house:
        house.run("gl_accounts", RunState.FAILED, "no")
        worker = subprocess.Popen(
            [sys.executable, "-m", "tui_connector", "--config", str(house.config), "--no-ui"], cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        try:
            deadline = time.monotonic() + 20
            while not house.hook.posts and time.monotonic() < deadline:
                time.sleep(0.05)
        finally:
            worker.terminate()
            assert worker.wait(20) == 0
        assert house.hook.titles == [FAILED]


def test_who_knows_what_is_missed_and_who_is_silent(house: House) -> None:
    serve(house)
    desk = replace(house.installation.desk(), timetables={"gl_accounts": _NIGHTLY, "suppliers": _NIGHTLY})
    store, now = desk.store, desk.clock.now()
    with store.transaction() as tx:
        store.schedule.set_next(tx, "gl_accounts", now - timedelta(minutes=16))
        store.schedule.set_next(tx, "suppliers", now - timedelta(minutes=14))
    assert [one.key for one in read_alerts(desk)] == ["schedule-missed gl_accounts"]
    with store.transaction() as tx:
        store.schedule.claim(tx, "gl_accounts", now - timedelta(minutes=16), now + timedelta(hours=1))
    (one,) = read_alerts(desk)
    assert "began at" in one.details
    with store.transaction() as tx:
        store.schedule.claim(tx, "gl_accounts", now, now + timedelta(hours=2))
    assert read_alerts(desk) == []
    with store.transaction() as tx:
        for name, host in (("x", "other"), ("y", "host")):  # the second one's place is taken
            store.workers.register(tx, WorkerInfo(name, host, 7, "b", "1", now, now, alive=True))
            tx.change("UPDATE worker SET seen_at = seen_at - 60000000 WHERE id = ?", name)
    (one,) = read_alerts(desk)
    assert (one.key, one.words) == ("worker-silent other", "the worker on other is silent")


@pytest.mark.parametrize(
    ("days", "stage", "severity"),
    [
        (29.9, "30 days", "warning"), (13.5, "14 days", "warning"), (2.9, "3 days", "error"), (0.9, "1 days", "error"),
        (-0.1, "ended", "critical"),
    ],
)  # fmt: skip
def test_a_certificate_is_told_at_30_14_3_and_1_days(house: House, days: float, stage: str, severity: str) -> None:
    serve(house)
    house.installation.vault.seal("anaplan.main", {"user": "a"}, by="uid:0")
    with house.installation.store.transaction() as tx:
        tx.change(
            "UPDATE credential SET expires_at = ? WHERE connection = 'anaplan.main'",
            tx.now + round(days * 86_400_000_000),
        )
    (one,) = read_alerts(house.installation.desk())
    assert (one.key, one.stage, one.severity) == ("expires anaplan.main", stage, severity)


def test_rejects_are_told_from_a_threshold_on(house: House) -> None:
    serve(house)
    desk = house.installation.desk()
    flow = desk.flows[0]
    target = house.installation.target_id(flow)
    with desk.store.transaction() as tx:
        for number in range(3):
            row = {
                "target_id": target,
                "key": f"K{number}",
                "run_id": 1,
                "position": number,
                "cause": "c",
                "first_run": 1,
                "since": tx.now,
            }
            tx.add("reject_case", row)
    assert read_alerts(desk, rejects_from=4) == []
    (one,) = read_alerts(desk, rejects_from=3)
    assert one.words == "rejects 3 records: 1 cause"
