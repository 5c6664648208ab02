"""Commands about the audit: a filter's words, files of what fits, and a verification with its progress."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest

from tests.cli.counter import TWO, Counter, open_counter
from tui_connector.domain.audit import Fact

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = "=cmd|' /C calc'!A0"


@pytest.fixture
def counter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counter:
    made = open_counter(tmp_path, monkeypatch)
    made.propose(*TWO)
    made.tell("proposals", "hold", "1", "--lines", "1", "--reason", "not yet")
    with made.opened() as here, here.store.transaction() as tx:
        here.store.audit.append(tx, Fact("run.failed", "worker:vm:1:2", HOSTILE, {"reason": 'a "quoted"\nreason\x9b'}))
    return made


def test_events_are_found_by_words(counter: Counter) -> None:
    kinds = [event["kind"] for event in counter.json("audit", "show", "by:me", "kind:proposal")]
    assert kinds == ["proposal.lines"]
    assert [one["kind"] for one in counter.json("audit", "show", "outcome:failed -by:me")] == ["run.failed"]
    assert [one["kind"] for one in counter.json("audit", "show", "--kind", "proposal.", "--limit", "1")] == kinds
    assert "No event matches" in counter.tell("audit", "show", "--", "-kind:proposal", "-kind:store", "-kind:run").out
    plain = counter.tell("audit", "show", "kind:lines").out
    assert "P-0001, 1 line; held; not yet" in plain
    none = counter.tell("audit", "show", "run:77")
    assert (none.code, none.out) == (0, "No event matches run:77.\n")


def test_a_wrong_word_says_where_and_what_is_known(counter: Counter) -> None:
    told = counter.tell("audit", "show", "kind:run", "sinc:Mon")
    assert (told.code, told.out) == (2, "")
    assert "sinc:Mon (at 10): sinc: is no term" in told.err
    assert "Did you mean since" in told.err
    assert counter.json("audit", "show", "kind:nonsense", code=2)["kind"] == "FilterError"


def test_what_fits_goes_into_a_sheet(counter: Counter) -> None:
    file = counter.folder / "events.csv"
    said = counter.json("audit", "show", "kind:failed", "--output", str(file))
    assert (said["format"], said["bytes"]) == ("csv", file.stat().st_size)
    head, names, row = csv.reader(io.StringIO(file.read_text(), newline=""))
    digest = counter.json("audit", "show", "--limit", "1")[0]["digest"]
    assert head[0].startswith("audit of TEST, filter kind:failed, made 20")
    assert head[0].endswith(f"digest {digest}")
    cells = dict(zip(names, row, strict=True))
    assert (cells["kind"], cells["subject"]) == ("run.failed", f"'{HOSTILE}")
    assert cells["says"].startswith(f'\'{HOSTILE}; a "quoted"')
    assert cells["digest"] == digest
    assert file.stat().st_mode & 0o077 == 0
    assert counter.tell("audit", "show", "kind:failed", "--format", "csv").out.count("\r\n") == 3


def test_what_fits_goes_into_lines(counter: Counter) -> None:
    head, *lines = map(json.loads, counter.tell("audit", "show", "--format", "jsonl").out.splitlines())
    assert (head["export"], head["filter"], head["last_event"]) == ("audit", "", lines[-1]["seq"])
    assert [line["seq"] for line in lines] == list(range(1, head["last_event"] + 1))
    assert lines[-1]["data"] == {"reason": 'a "quoted"\nreason\x9b'}
    head, *lines = map(json.loads, counter.tell("audit", "show", "--format", "jsonl", "--limit", "2").out.splitlines())
    assert [line["seq"] for line in lines] == [head["last_event"] - 1, head["last_event"]]
    text = counter.tell("audit", "show", "kind:lines", "--format", "text").out
    assert "lines: P-0001, 1 line; held; not yet" in text


def test_a_verification_shows_how_far_it_is(counter: Counter) -> None:
    before = counter.json("audit", "show", "--limit", "1")[0]["seq"]
    assert counter.json("audit", "verify")["sound"]
    assert counter.json("audit", "show", "--limit", "1")[0]["seq"] == before
    assert counter.json("audit", "verify", "--note")["events"] == before
    (noted,) = counter.json("audit", "show", "kind:audit")
    assert (noted["kind"], noted["data"]["up_to"]) == ("audit.verified", before)
    with counter.opened() as here, here.store.transaction() as tx:
        tx.change("UPDATE audit_event SET actor = 'uid:9' WHERE seq = 2")
    told = counter.tell("audit", "verify")
    assert (told.code, "✗ Broken at event 2" in told.out) == (1, True)
    assert told.err == ""


def test_on_a_terminal_there_is_a_bar(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr("rich.console.Console.print", lambda _, text, **__: shown.append(str(text)))
    last = counter.json("audit", "show", "--limit", "1")[0]["seq"]
    counter.on_screen("audit", "verify")
    assert any(f"{'━' * 30} {last} of {last} events" in line for line in shown)
    assert "The chain is sound" in shown[-1]
