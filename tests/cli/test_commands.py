"""Every command as a process of its own, with and without --json: exit codes, readable output, and no secret in it."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.journeys import conftest as journeys
from tests.journeys.conftest import wait_for
from tests.journeys.desk import Told, assert_plain, restore
from tui_connector.bootstrap import open_installation
from tui_connector.domain.run import RunState
from tui_connector.flows import FLOWS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.journeys.conftest import Sandbox

SPARE = """
[sap.spare]
base_url = "{url}"
auth = "basic"
"""
CANARY = "canary-7f3a-not-for-your-eyes"
SECRETS = (CANARY, "sandbox-secret-1", "sandbox-secret-2")
PAIRS = ("CONNECTOR:sandbox-secret-1", "integration@example.com:sandbox-secret-2", f"CONNECTOR:{CANARY}")
HIDDEN = (*SECRETS, *(base64.b64encode(pair.encode()).decode() for pair in PAIRS))
SECONDS = 60.0

sandbox_process = journeys.sandbox_process


@dataclass
class Prompt:
    """A shell in front of one installation."""

    folder: Path
    sandbox: Sandbox = field(repr=False)

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    def start(self, *arguments: str, stdin: str = "", **environment: str) -> Process:
        return Process(journeys.command_line(self.config, *arguments), stdin, environment)

    def tell(self, *arguments: str, stdin: str = "", **environment: str) -> Told:
        return self.start(*arguments, stdin=stdin, **environment).end()


class Process:
    """A command that runs; its end is looked at for secrets and escape codes."""

    def __init__(self, command: list[str], stdin: str = "", environment: dict[str, str] | None = None) -> None:
        pipe = subprocess.PIPE
        everything = {**journeys.environment(), **(environment or {})}
        self._popen = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=everything)
        assert self._popen.stdin is not None
        self._popen.stdin.write(stdin)
        self._popen.stdin.close()
        self._popen.stdin = None
        self._seen = ""

    def wait_for_line(self, text: str) -> str:
        """The first line of standard error that holds the text."""
        assert self._popen.stderr is not None
        for line in self._popen.stderr:
            self._seen += line
            if text in line:
                return line
        raise AssertionError(f"no {text!r} in {self._seen!r}")

    def end(self) -> Told:
        try:
            out, err = self._popen.communicate(timeout=SECONDS)
        finally:
            self._popen.kill()
        told = Told(self._popen.returncode, out, self._seen + err)
        assert_plain(told.text)
        assert not [one for one in HIDDEN if one in told.text]
        return told


@pytest.fixture(scope="module")
def demos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Process]:
    """The demo both ways; they run beside the other tests."""
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "tui_connector", "demo", "--no-ui", "--once", "--line-items", "300"]
    return {
        how: Process([*command, "--state", str(folder / how), *([how] if how == "--json" else [])])
        for how in ("plain", "--json")
    }


@pytest.fixture(scope="module")
def prompt(sandbox_process: Sandbox, tmp_path_factory: pytest.TempPathFactory, demos: dict[str, Process]) -> Prompt:
    """A fresh installation on which nothing has been done."""
    restore(sandbox_process)
    made = Prompt(tmp_path_factory.mktemp("commands"), sandbox_process)
    text = journeys.CONFIG.format(
        url=sandbox_process.url, workspace=journeys.WORKSPACE, model=journeys.FINANCE_HUB
    ) + SPARE.format(url=sandbox_process.url)
    made.config.write_text(text, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def house(prompt: Prompt) -> Prompt:
    """The installation with key, credentials and one run, all made by commands."""
    assert prompt.tell("credentials", "list").out.startswith("No credentials yet")
    made = prompt.tell("keys", "init", "--source", "file")
    assert made.code == 0
    assert f"kept in: {prompt.folder}" in made.out
    assert "Back it up" in made.out
    assert (prompt.folder / "state" / "master.key").stat().st_mode & 0o777 == 0o600
    again = prompt.tell("keys", "init", "--json")
    assert (again.code, json.loads(again.out)["kind"]) == (2, "ConfigError")
    secrets = {
        "sap.main": "client_id=CONNECTOR\nclient_secret=sandbox-secret-1\n",
        "anaplan.main": "user=integration@example.com\npassword=sandbox-secret-2\n",
        "sap.spare": f"user=CONNECTOR\npassword={CANARY}\n",
    }
    started = {name: prompt.start("credentials", "set", name, stdin=given) for name, given in secrets.items()}
    for name, one in started.items():
        told = one.end()
        assert told.code == 0, told.err
        assert told.out.startswith(f"Stored for {name}: ")
    told = prompt.tell("run", "gl_accounts", "--json")
    assert told.code == 0, told.text
    return prompt


def accounts(house: Prompt) -> int:
    return len(house.sandbox.items("GL Accounts"))


READS: list[tuple[str, int, Callable[[Any, Prompt], object], str]] = [
    ("config check", 0, lambda v, _: v["flows"] == [flow.name for flow in FLOWS], "is sound"),
    ("config show", 0, lambda v, h: v["sap"]["main"]["base_url"] == h.sandbox.url, "sap.main.base_url"),
    ("credentials list", 0, lambda v, _: {one["name"] for one in v} == {"sap.main", "anaplan.main", "sap.spare", "audit.checkpoints"}, "sap.spare"),
    ("connections", 0, lambda v, _: all(one["credential"] for one in v) and len(v) == 3, "stored"),
    ("connections ping", 1, lambda v, _: {one["name"]: one["ok"] for one in v} == {
        "sap.main": True, "sap.spare": False, "anaplan.main": True}, "SAP refused the credential (401)"),
    ("connections ping sap.main", 0, lambda v, _: v[0]["found"]["company_codes"] == {"1010": "EUR", "2010": "CHF"}, "✓ reached"),
    ("connections ping sap.spars", 2, lambda v, _: "sap.spare" in v["hint"], "there is no connection sap.spars"),
    ("flows", 0, lambda v, _: [one["name"] for one in v] == [flow.name for flow in FLOWS] and v[0]["watermark"], "GLAccountLineItem"),
    ("runs --limit 1", 0, lambda v, _: len(v) == 1 and v[0]["flow"] == "gl_accounts", "gl_accounts"),
    ("runs 1", 0, lambda v, h: v["loaded"] == accounts(h) and [s["name"] for s in v["steps"]] == ["prepare", "survey", "transfer", "import", "tie"], "transfer"),
    ("runs 1 --follow", 0, lambda v, _: v["state"] == "done", "gl_accounts"),
    ("runs 99", 2, lambda v, _: v["kind"] == "ConfigError" and v["hint"], "there is no run 99"),
    ("audit show", 0, lambda v, _: v[-1]["seq"] > v[0]["seq"] and v[-1]["digest"], "watermark.moved"),
    ("audit show --run 1 --kind run. --limit 5", 0, lambda v, _: [e["kind"] for e in v] == ["run.requested", "run.started", "run.surveyed", "run.tied", "run.done"], "run.tied"),
    ("audit trace YCOA-11000000", 0, lambda v, _: v[0]["outcome"] == "sent" and v[0]["task"] and v[0]["file_line"] > 1, "gl_accounts"),
    ("audit trace YCOA-11000000 --flow suppliers", 2, lambda v, _: "YCOA-11000000" in v["error"], "no run has seen"),
    ("audit verify", 0, lambda v, h: v["sound"] and v["records"] >= accounts(h), "The chain is sound"),
    ("metrics", 0, lambda v, _: [s for m in v if m["name"] == "tui_connector_runs" for s in m["samples"]] == [
        {"labels": {"flow": "gl_accounts", "purpose": "flow", "state": "done"}, "value": 1}],
        'tui_connector_runs_total{flow="gl_accounts",purpose="flow",state="done"} 1.0'),
    ("service unit", 0, lambda v, h: f"--config {h.config} --no-ui" in v["unit"], "WatchdogSec=60"),
    ("run gl_acounts", 2, lambda v, _: v["hint"] == "did you mean gl_accounts?", "there is no flow gl_acounts"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "code", "look", "said"), READS, ids=[one[0] for one in READS])
def test_a_command_that_reads(house: Prompt, line: str, code: int, look: Callable[..., Any], said: str) -> None:
    both = [house.start(*line.split(), *how) for how in ([], ["--json"])]
    plain, machine = (one.end() for one in both)
    assert (plain.code, machine.code) == (code, code), plain.text + machine.text
    assert said in plain.text
    assert look(json.loads(machine.out), house), machine.out
    if code == 2:
        assert plain.out == ""
        assert "  next: " in plain.err


@pytest.mark.parametrize("how", [[], ["--json"]], ids=["plain", "json"])
@pytest.mark.parametrize(
    ("options", "sent"),
    [([], False), (["--dry-run", "--full"], False), (["--full"], True), (["--since", "2020-01-01"], False)],
    ids=["delta", "dry", "full", "since"],
)
def test_run(house: Prompt, options: list[str], sent: bool, how: list[str]) -> None:
    before = len(house.sandbox.tasks())
    told = house.tell("run", "gl_accounts", *options, *how)
    assert told.code == 0, told.text
    assert len(house.sandbox.tasks()) == before + sent
    if not how:
        assert told.out.splitlines()[1].split()[:3] == ["gl_accounts", "✓", "done"]
        assert "gl_accounts: done" in told.err
        assert ("dry run: nothing was sent" in told.out) == ("--dry-run" in options)
        return
    (run,) = json.loads(told.out)
    assert told.err == ""
    assert (run["state"], run["dry_run"], run["mode"]) == (
        "done",
        "--dry-run" in options,
        "full" if "--full" in options else "delta",
    )
    if "--full" in options:
        assert run["read"] == run["sent"] == accounts(house)
        assert run["loaded"] == (accounts(house) if sent else 0)
    elif "--since" in options:
        assert 0 < run["read"] == run["unchanged"] < accounts(house)


def test_a_run_is_followed_until_it_ends(house: Prompt) -> None:
    going_on = {"taskId": "0" * 32, "taskState": "IN_PROGRESS", "progress": 0.25, "currentStep": "Processing"}
    house.sandbox.fault("replace_json", "/tasks/[0-9A-F]{32}$", body={"task": going_on}, times=-1)
    running = house.start("run", "suppliers", "--full", "--json")
    with open_installation(str(house.config), read_only=True) as installation:
        run = wait_for(
            lambda: installation.store.runs.latest("suppliers"), lambda one: one and one.state is RunState.RUNNING
        )
    assert run is not None
    both = [house.start("runs", str(run.id), "--follow", *how) for how in ([], ["--json"])]
    for one in both:
        assert "25 %" in one.wait_for_line("suppliers: import")
    house.sandbox.clear_faults()
    plain, machine, ended = (one.end() for one in (*both, running))
    assert (plain.code, machine.code, ended.code) == (0, 0, 0), plain.text + machine.text + ended.text
    (line,) = json.loads(ended.out)
    for told in (plain, machine):
        assert f"suppliers: done, tied, {line['read']:,} read" in told.err
    assert json.loads(machine.out)["loaded"] == line["loaded"] > 0
    assert "✓ done" in plain.out


def test_a_failed_run_has_its_exit_code_wherever_it_is_shown(house: Prompt) -> None:
    house.sandbox.sap(services_off=["API_BUSINESS_PARTNER"])
    told = house.tell("run", "customers", "--json")
    house.sandbox.sap(services_off=[])
    (run,) = json.loads(told.out)
    assert (told.code, run["state"]) == (1, "failed")
    shown = [house.start("runs", str(run["run"]), *how) for how in ([], ["--json"], ["--follow"])]
    assert [one.end().code for one in shown] == [1, 1, 1]


def test_keys_and_credentials_change(house: Prompt) -> None:
    first = house.tell("keys", "rotate", "--json")
    assert (first.code, json.loads(first.out)) == (0, {"key_version": 2})
    second = house.tell("keys", "rotate")
    assert second.code == 0
    assert "Master key version 3" in second.out
    assert {one["key_version"] for one in json.loads(house.tell("credentials", "list", "--json").out)} == {3}
    spare = {"stdin": f"user=CONNECTOR\npassword={CANARY}\n"}
    told = house.tell("credentials", "set", "sap.spare", "--json", **spare)
    assert (told.code, json.loads(told.out)) == (0, {"name": "sap.spare", "fields": ["password", "user"]})
    gone = house.tell("credentials", "delete", "sap.spare", "--json")
    assert (gone.code, json.loads(gone.out)) == (0, {"deleted": "sap.spare"})
    both = [house.start("credentials", "delete", "sap.spare", *how) for how in ([], ["--json"])]
    plain, machine = (one.end() for one in both)
    assert (plain.code, machine.code) == (2, 2)
    assert "there are no secrets for sap.spare" in plain.err
    assert json.loads(machine.out)["error"] == "there are no secrets for sap.spare"
    assert house.tell("credentials", "set", "sap.spare", **spare).out == "Stored for sap.spare: password, user.\n"
    assert house.tell("credentials", "delete", "sap.spare").out == "The secrets of sap.spare are gone.\n"


@pytest.mark.parametrize("how", [[], ["--json"]], ids=["plain", "json"])
def test_credentials_that_are_not_whole_are_refused_unseen(house: Prompt, how: list[str]) -> None:
    wrong = {
        "": "user, password",
        f"password={CANARY}\n": "user",
        f"user=CONNECTOR\n{CANARY}\n": "standard input has a line that names none of user, password",
        f"user=CONNECTOR\npasword={CANARY}\n": "standard input has a line that names none of user, password",
    }
    started = {given: house.start("credentials", "set", "sap.spare", *how, stdin=given) for given in wrong}
    for given, one in started.items():
        told = one.end()
        assert told.code == 2
        assert wrong[given] in (json.loads(told.out)["error"] if how else told.err)


def test_no_secret_is_logged_or_kept_in_clear(house: Prompt) -> None:
    told = house.tell("run", "gl_accounts", "--full", TUI_CONNECTOR_LOG__LEVEL="DEBUG")
    assert told.code == 0
    assert " -> 200 in " in told.err
    assert "AnaplanAuthToken" not in told.err
    assert "Bearer" not in told.err
    for path in (house.folder / "state").iterdir():
        content = path.read_bytes()
        assert not [one for one in HIDDEN if one.encode() in content], path


def test_the_command_line_itself(house: Prompt) -> None:
    expected = {
        ("--version",): 0,
        ("--help",): 0,
        ("run", "--help"): 0,
        ("runs", "abc"): 2,
        ("audit",): 2,
        ("--nonsense",): 2,
    }
    started = {arguments: house.start(*arguments) for arguments in expected}
    told = {arguments: one.end() for arguments, one in started.items()}
    assert {arguments: one.code for arguments, one in told.items()} == expected
    assert told["--version",].out[:1].isdigit()
    assert "7 outcome unknown, held" in told["--help",].out
    assert "'abc' is no run's number" in told["runs", "abc"].err


def test_a_reader_that_goes_away_is_no_fault(house: Prompt) -> None:
    command = journeys.command_line(house.config, "audit", "show", "--json", "--limit", "500")
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=journeys.environment()
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        _, err = process.communicate(timeout=SECONDS) if process.stderr is None else (b"", process.stderr.read())
        assert process.wait(SECONDS) == 1
    assert err == b""


@pytest.mark.parametrize("how", ["plain", "--json"])
def test_demo(demos: dict[str, Process], how: str) -> None:
    told = demos[how].end()
    assert told.code == 0, told.text
    assert "Two simulated tenants answer at http://127.0.0.1:" in told.err
    if how == "plain":
        lines = told.out.splitlines()[1 : len(FLOWS) + 1]
        assert [line.split()[0] for line in lines] == [flow.name for flow in FLOWS]
        assert all(line.split()[1:3] == ["✓", "done"] for line in lines)
        assert told.out.count("✓ proved") == 8
        assert "P-0001 is posted" in told.out
        assert "gl_line_items: done, tied, 300 read" in told.err
        return
    runs = json.loads(told.out)
    assert [run["flow"] for run in runs[: len(FLOWS)]] == [flow.name for flow in FLOWS]
    assert all(run["state"] == "done" and not run["rejected"] for run in runs)
    assert all(run["read"] == run["loaded"] > 0 for run in runs[: len(FLOWS)] if run["flow"] != "plan_writeback")
    assert [(run["purpose"], run["loaded"]) for run in runs[len(FLOWS) - 1 :]] == [
        ("flow", 0), ("check", 0), ("post", 64), ("status", 64)
    ]  # fmt: skip
    assert next(run["read"] for run in runs if run["flow"] == "gl_line_items") == 300
