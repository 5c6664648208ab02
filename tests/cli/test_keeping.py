"""Retention, legal holds and erasing at the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.counter import Counter, open_counter
from tests.store.conftest import Bench, make_draft
from tui_connector.domain.audit import Fact
from tui_connector.domain.retention import CLASSES

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


def held(counter: Counter) -> int:
    return sum(one["held"] for one in counter.json("audit", "retention")["classes"])


def erased(counter: Counter) -> bool:
    assert counter.json("audit", "verify")["sound"]
    return not counter.json("audit", "show", "--kind", "step.done")[0]["data"]


def test_what_is_older_than_the_settings_keep_goes(counter: Counter) -> None:
    lines = counter.tell("audit", "retention", "--dry-run").out.splitlines()
    assert [line.split()[0] for line in lines] == ["class", *(kept.name for kept in CLASSES)]
    assert lines[0].split()[1:4] == ["days", "would", "go"]
    assert lines[1].split()[1:5] == ["for", "good", "0", "0"]
    assert lines[2].split()[1:4] == ["30", "1", "0"]
    assert not erased(counter)
    told = counter.json("audit", "retention")
    assert told["erased"]
    assert told["classes"][1] == {
        "name": "step_details", "days": 30, "rows": 1, "held": 0, "goes": CLASSES[1].goes, "stays": CLASSES[1].stays,
    }  # fmt: skip
    assert [one["days"] for one in told["classes"]] == [None, 30, None, None, None, None]
    assert erased(counter)
    assert not counter.json("audit", "retention")["erased"]
    assert b"by Erika" not in b"".join(path.read_bytes() for path in (counter.folder / "state").glob("*.db"))


def test_a_hold_beats_the_settings(counter: Counter) -> None:
    assert (
        "Held from now on: lawsuit, everything."
        in counter.tell("audit", "hold", "add", "lawsuit", "--reason", "case 7").out
    )
    assert held(counter) == 1
    assert not erased(counter)
    assert "lawsuit" in counter.tell("audit", "hold", "list").out
    assert counter.json("audit", "hold")[0]["reason"] == "case 7"
    assert counter.tell("audit", "hold", "add", "lawsuit", "--reason", "x").code == 6
    assert counter.tell("audit", "hold", "release", "lawsuit", "--reason", "settled").code == 0
    assert counter.tell("audit", "hold").out == "No legal hold is in force.\n"
    assert "no run 3" in counter.tell("audit", "hold", "add", "range", "--run", "3", "--reason", "x").err
    counter.tell("audit", "hold", "add", "range", "--until", "2000-01-01", "--reason", "x")
    assert "before 2000-01-01" in counter.tell("audit", "hold").out
    assert held(counter) == 0
    assert erased(counter)


def test_a_name_is_erased_and_what_stays_is_told(counter: Counter) -> None:
    told = counter.json("audit", "erase", "Erika Möller", "--reason", "she asked", "--dry-run")
    assert told == {
        "erased": False, "events_kept": {"run.failed": 1},
        "tables": [{"table": "audit_event", "what": "details of events", "goes": 1, "held": 0, "stays": 1}],
    }  # fmt: skip
    assert not erased(counter)
    said = counter.tell("audit", "erase", "Erika Möller", "--reason", "she asked").out
    assert "Erased: 1 row that tells the name." in said
    assert "audit_event        1      0       1   details of events" in said
    assert "Events that stay, since others are verified by them: 1 × run.failed" in said
    assert erased(counter)
    assert "Erika" not in counter.tell("audit", "show", "--kind", "data.erased").out
    assert counter.tell("audit", "erase", "E", "--reason", "x").code == 6


def test_a_hold_of_a_period_or_a_proposal(counter: Counter) -> None:
    """What they keep is what an export of the same words would take."""
    with counter.opened() as here:
        made = Bench(here.store).propose(make_draft({"PL-1": "1"}))
    add = ("audit", "hold", "add", "tax", "--reason", "asked")
    assert counter.tell(*add, "--period", "011/2023", "--proposal", made.name).code == 2
    assert counter.tell(*add, "--company", "1010").code == 2
    assert counter.tell(*add, "--period", "13/2023").code == 2
    assert counter.json(*add, "--proposal", made.name) == {"hold": "tax", "about": f"proposal {made.name}"}
    assert held(counter) == 0, "the old step belongs to no proposal"
    counter.tell("audit", "hold", "release", "tax", "--reason", "x")
    with counter.opened() as here, here.store.transaction() as tx:
        here.store.audit.append(tx, Fact("step.done", "w", "a/import", {"said": "now"}))
    assert "period 011/2023, company code 1010" in counter.tell(*add, "--period", "11/2023", "--company", "1010").out
    (one,) = counter.json("audit", "hold", "list")
    assert (one["period"], one["company"], one["since"][:10], one["until"][:10]) == (
        "011/2023", "1010", "2023-11-01", "2023-12-01",
    )  # fmt: skip
    assert counter.json("audit", "verify")["sound"]
