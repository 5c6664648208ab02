"""Retention, legal holds and erasing at the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.counter import Counter, open_counter
from tui_connector.domain.audit import Fact

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def counter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counter:
    made = open_counter(tmp_path, monkeypatch, more="[retention]\nstep_details_days = 30")
    old = 1_700_000_000_000_000
    with made.opened() as here, here.store.transaction() as tx:
        monkeypatch.setattr(tx, "_now", old)
        here.store.audit.append(tx, Fact("step.done", "w", "a/import", {"said": "by Erika Möller"}))
        here.store.audit.append(tx, Fact("run.failed", "w", "a", {"reason": "Erika Möller stopped it"}))
    return made


def erased(counter: Counter) -> bool:
    assert counter.json("audit", "verify")["sound"]
    return not counter.json("audit", "show", "--kind", "step.done")[0]["data"]


def test_what_is_older_than_the_settings_keep_goes(counter: Counter) -> None:
    assert "Would be erased: the data of 1 event" in counter.tell("audit", "retention", "--dry-run").out
    assert not erased(counter)
    assert counter.json("audit", "retention") == {"erased": True, "events": 1, "values": 0, "held": 0, "kept": {}}
    assert erased(counter)
    assert counter.tell("audit", "retention").out == "Nothing is older than [retention] says.\n"
    assert b"by Erika" not in b"".join(path.read_bytes() for path in (counter.folder / "state").glob("*.db"))


def test_a_hold_beats_the_settings(counter: Counter) -> None:
    assert (
        "Held from now on: lawsuit, everything."
        in counter.tell("audit", "hold", "add", "lawsuit", "--reason", "case 7").out
    )
    assert counter.json("audit", "retention")["held"] == 1
    assert not erased(counter)
    assert "lawsuit" in counter.tell("audit", "hold", "list").out
    assert counter.json("audit", "hold")[0]["reason"] == "case 7"
    assert counter.tell("audit", "hold", "add", "lawsuit", "--reason", "x").code == 6
    assert counter.tell("audit", "hold", "release", "lawsuit", "--reason", "settled").code == 0
    assert counter.tell("audit", "hold").out == "No legal hold is in force.\n"
    counter.tell("audit", "hold", "add", "range", "--until", "2000-01-01", "--run", "3", "--reason", "x")
    assert "run 3 before 2000-01-01" in counter.tell("audit", "hold").out
    assert counter.json("audit", "retention")["held"] == 0
    assert erased(counter)


def test_a_name_is_erased_and_what_stays_is_told(counter: Counter) -> None:
    told = counter.json("audit", "erase", "Erika Möller", "--reason", "she asked", "--dry-run")
    assert told == {"erased": False, "events": 1, "values": 0, "held": 0, "kept": {"run.failed": 1}}
    assert not erased(counter)
    said = counter.tell("audit", "erase", "Erika Möller", "--reason", "she asked").out
    assert "Erased: the data of 1 event, the values of 0 refused records." in said
    assert "Kept, since other rows are verified by it: 1 × run.failed" in said
    assert erased(counter)
    assert "Erika" not in counter.tell("audit", "show", "--kind", "data.erased").out
    assert counter.tell("audit", "erase", "E", "--reason", "x").code == 6
