"""Random scripts of renames, moves, splits, merges, blocks and ends: a code stays one member, with its history."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from tests.journeys.conftest import Sandbox, assert_sound, request_runs, work
from tests.journeys.test_radar import CENTERS, change, ids
from tui_connector.domain.run import RunState
from tui_connector.domain.tie import Verdict

if TYPE_CHECKING:
    from tui_connector.bootstrap import Installation

DEEP = bool(os.environ.get("DEEP_TESTS"))
SCRIPTS, SECONDS = 1000, 3600.0 if DEEP else 9.0
AT_ONCE, LONGEST = 120, 4  # scripts that go on side by side, each on masters of its own, and their steps
STANDINGS = ["valid", "blocked", "expired", "missing"]
ASKS = {"renamed", "moved", "reappeared"}


@dataclass(frozen=True)
class Center:
    """A cost center as the scripts have left it."""

    name: str
    places: tuple[str, str]
    blocked: bool = False
    expired: bool = False
    deleted: bool = False

    @property
    def standing(self) -> str:
        told = {"missing": self.deleted, "expired": self.expired, "blocked": self.blocked}
        return next((name for name, so in told.items() if so), "valid")


@dataclass
class World:
    """What SAP must hold by the scripts alone."""

    random: Random
    sap: dict[str, Center]
    made: int = 0

    def fresh(self) -> str:
        self.made += 1
        return f"N{self.made:06}"

    def step(self, own: list[str]) -> dict[str, Any]:
        """One change of one of a script's own masters; those it makes become its own."""
        code = self.random.choice(own)
        center = self.sap[code]
        if center.deleted:
            self.sap[code] = replace(center, deleted=False)
            return change(code, "bring_back")
        if center.standing != "valid" and self.random.random() < 0.5:
            self.sap[code] = replace(center, blocked=False, expired=False)
            return change(code, "bring_back")
        do = self.random.choice(["rename", "rename", "move", "split", "merge", "block", "expire", "delete"])
        what: dict[str, Any] = {}
        match do:
            case "rename":
                what["name"] = f"Name {self.fresh()}"
                self.sap[code] = replace(center, name=what["name"])
            case "move":
                places = self.random.choice([("1010", "YB110"), ("2010", "YB120"), ("1010", "YB130")])
                what["to"] = dict(zip(("CompanyCode", "ProfitCenter"), places, strict=True))
                self.sap[code] = replace(center, places=places)
            case "split":
                what["into"] = {self.fresh(): f"Part {self.fresh()}" for _ in range(2)}
                self.sap |= {new: Center(name, center.places) for new, name in what["into"].items()}
                self.sap[code] = replace(center, expired=True)
                own += what["into"]
            case "merge":
                there = [one for one in own if one != code and not self.sap[one].deleted]
                what = {"others": [code, *there[:1]], "name": f"Both {self.fresh()}"}
                code = self.fresh()
                self.sap[code] = Center(what["name"], center.places)
                self.sap |= {one: replace(self.sap[one], expired=True) for one in what["others"]}
                own.append(code)
            case "block":
                self.sap[code] = replace(center, blocked=True)
            case "expire":
                self.sap[code] = replace(center, expired=True)
            case _:
                self.sap[code] = replace(center, deleted=True)
        return change(code, do, **what)


@dataclass
class Desk:
    """The installation that loads what the scripts do, and what its last load left in the list."""

    sandbox: Sandbox
    installation: Installation
    listed: dict[str, Center]
    ids: dict[str, str] = field(default_factory=dict)

    def load(self, sap: dict[str, Center]) -> None:
        """Load, with a person's word where it asks; everything found is what changed, and the list is as SAP is."""
        expected = {(kind, code) for code, center in sap.items() for kind in self._expected(code, center)}
        store = self.installation.store
        (run,) = work(self.installation, request_runs(self.installation, "cost_centers"))
        page = store.concerns.page(run.id, limit=10_000)
        assert {(one.change, one.subject) for _, one in page} == expected
        asks = any(kind in ASKS for kind, _ in expected)
        assert run.state is (RunState.BLOCKED if asks else RunState.DONE)
        if asks:
            (run,) = work(self.installation, self.installation.allow(run.id, "as scripted", "test"))
            assert run.state is RunState.DONE, run.reason
        assert store.ties.verdicts([run.id]) == {run.id: Verdict.TIED}
        for code, center in sap.items():
            if not center.deleted:
                self.listed[code] = center
            elif code in self.listed:
                self.listed[code] = replace(self.listed[code], deleted=True)
        self._look()

    def _expected(self, code: str, now: Center) -> list[str]:
        was = self.listed.get(code)
        if was is None:
            return [] if now.deleted else ["new"]
        if now.deleted:
            return [] if was.deleted else ["missing"]
        kinds = ["renamed"] * (was.name != now.name) + ["moved"] * (was.places != now.places)
        if now.standing == was.standing:
            return kinds
        worse = STANDINGS.index(now.standing) > STANDINGS.index(was.standing)
        return [*kinds, now.standing if worse else "reappeared"]

    def _look(self) -> None:
        items = self.sandbox.items(CENTERS)
        places = ("Company Code", "Profit Center")
        held = {code: (one["name"], *map(one["properties"].get, places)) for code, one in items.items()}
        assert held == {code: (one.name, *one.places) for code, one in self.listed.items()}
        now = ids(self.sandbox)
        assert now.keys() == self.listed.keys()
        assert self.ids.items() <= now.items(), "a code stands for another member than before"
        self.ids = now


@pytest.mark.timeout(SECONDS + 120)
def test_a_code_stays_one_member_whatever_happens_to_its_master(sandbox: Sandbox, installation: Installation) -> None:
    first = request_runs(installation, "gl_accounts", "profit_centers", "cost_centers", "gl_line_items")
    assert {run.state for run in work(installation, first)} == {RunState.DONE}
    target = installation.store.targets.get(installation.store.runs.get(first[2]).target_id)
    assert target is not None
    seen = installation.store.masters.all(target.id)
    sap = {
        code: Center(one.name, (one.places[0], one.places[1]), one.standing == "blocked", one.standing == "expired")
        for code, one in seen.items()
    }
    desk = Desk(sandbox, installation, dict(sap), ids(sandbox))
    cells = sandbox.module("ACT01 GL Actuals")["cells"]
    uses = installation.store.uses.of(target, CENTERS, sap)

    world = World(Random(5), sap)
    idle = [[code] for code in sorted(sap)]
    going: list[tuple[list[str], int]] = []
    done, until = 0, time.monotonic() + SECONDS
    while done < SCRIPTS and time.monotonic() < until:
        world.random.shuffle(idle)
        while len(going) < AT_ONCE and idle:
            going.append((idle.pop(), world.random.randint(1, LONGEST)))
        sandbox.masters(*(world.step(own) for own, _ in going))
        desk.load(world.sap)
        idle += [own for own, left in going if left == 1]
        done += sum(left == 1 for _, left in going)
        going = [(own, left - 1) for own, left in going if left > 1]
    print(f"{done} scripts, {len(world.sap)} masters, {len(desk.listed)} members")
    assert done >= (SCRIPTS if DEEP else 30)
    assert sandbox.module("ACT01 GL Actuals")["cells"] == cells  # history stays on the code
    assert installation.store.uses.of(target, CENTERS, seen) == uses
    assert_sound(installation)
