"""Whatever anybody changes in an evidence pack, its verifier finds: at least a thousand generated ways of it."""

from __future__ import annotations

import base64
import io
import os
import random
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.review.packs import CLOSING, Parts, Signer
from tests.ui.afternoon import afternoon
from tui_connector.domain.canonical import sha256
from tui_connector.review import verifier
from tui_connector.views import evidence
from tui_connector.views.evidence_scope import read_scope

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


TIMES = 1 if os.environ.get("DEEP_TESTS") else 12  # of so many generated tampers one is tried
LINES = ("runs", "ties", "rejects", "proposals", "lines", "changes", "events")
EMPTY = ("checkpoints.txt",)


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    """December of the afternoon: loads with differences and refusals, a proposal signed, posted in part."""
    folder = tmp_path_factory.mktemp("evidence")
    desk = afternoon(folder)
    made = evidence.export(desk, read_scope(desk, "012/2026"), folder / "pack.zip")
    assert made.fault == ""
    return Parts.of(folder / "pack.zip")


@pytest.fixture(scope="module")
def sealed(pack: Parts) -> Parts:
    """The same under a checkpoint of its last event."""
    signer, told = Signer(pack.json("manifest.json")["store"]), pack.json("manifest.json")["chain"]
    parts = pack.copy()
    keys = {**parts.json("keys.json"), "checkpoints": [signer.verifier]}
    parts.set_lines("keys.json", [keys])
    parts.members["checkpoints.txt"] = signer.checkpoint(told["last"], told["head"]).encode()
    assert wrong(parts.repair().packed()) == ""
    return parts


def wrong(pack: io.BytesIO, anchor: str | Path = "") -> str:
    return verifier.look(pack, anchor)[1]


def found(pack: io.BytesIO, what: str) -> None:
    assert wrong(pack), f"nobody finds it: {what}"


def test_untouched_it_is_sound(pack: Parts, sealed: Parts) -> None:
    said, fault = verifier.look(pack.packed())
    assert fault == ""
    counted = [len(pack.lines(f"{name}.jsonl")) for name in ("events", "runs", "ties", "rejects")]
    documents = sum(len(one["documents"]) for one in pack.lines("proposals.jsonl"))
    assert [int(line.split()[0]) for line in said] == [len(pack.members), *counted, documents, 1]
    assert min(counted) > 2
    assert "1 under a checkpoint" in verifier.look(sealed.packed())[0][1]


def test_every_changed_byte_of_every_member_is_found(pack: Parts) -> None:
    chance, tried = random.Random(20261201), 0
    for name, content in pack.members.items():
        for place in chance.sample(range(len(content)), min(len(content), 48 // TIMES)):
            parts = pack.copy()
            bit = 1 << chance.randrange(8)
            parts.members[name] = content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :]
            found(parts.packed(), f"byte {place} of {name}")
            tried += 1
    assert tried >= 500 // TIMES


def test_members_that_are_gone_too_many_or_elsewhere_are_found(pack: Parts) -> None:
    names = list(pack.members)
    for name in names:
        parts = pack.copy()
        del parts.members[name]
        found(parts.packed(), f"{name} is gone")
        found(pack.packed(twice=name), f"{name} is there twice")
        parts = pack.copy()
        parts.members[name] += b"\n"
        found(parts.packed(), f"{name} goes on")
    for first, second in pairwise(names):
        order = [{first: second, second: first}.get(name, name) for name in names]
        found(Parts({name: pack.members[name] for name in order}).packed(), f"{first} and {second} changed places")
    found(Parts({**pack.members, "more.txt": b"more"}).packed(), "one more")


def test_lines_that_are_gone_doubled_or_elsewhere_are_found_though_the_manifest_fits(pack: Parts) -> None:
    chance = random.Random(1)
    for name in (f"{one}.jsonl" for one in LINES):
        lines = pack.lines(name)
        for place in chance.sample(range(len(lines)), min(len(lines), 60 // TIMES)):
            for what, left in (
                ("gone", lines[:place] + lines[place + 1 :]),
                ("doubled", lines[: place + 1] + lines[place:]),
                ("moved", [*lines[:place], *lines[place + 1 :], lines[place]]),
            ):
                if left == lines or (name, what) == ("changes.jsonl", "gone"):
                    continue  # changes are a list for people: what it leaves out the events tell
                parts = pack.copy()
                parts.set_lines(name, left)
                found(parts.repair().packed(), f"line {place} of {name} is {what}")


def values_of(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value inside a value."""
    if isinstance(value, dict | list) and value:
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from values_of(inner, (*path, name))
    else:
        yield path


def other(value: Any) -> Any:
    """Another value of its kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        return f"{value}0" if value else "0"
    return "0" if value is None else None


# What a pack tells for people's convenience; the events tell the same or nothing.
TOLD = {
    "rejects.jsonl": {"resolution"},
    "changes.jsonl": {"what"},
}


def told_of(pack: Parts, run: int) -> set[str]:
    """What events tell of a run; anything else in its line is there for people."""
    events = [
        one for one in pack.lines("events.jsonl") if one[0]["run_id"] == run and one[0]["kind"].startswith("run.")
    ]
    ends = any(one[0]["kind"].endswith(("done", "failed", "blocked", "cancelled")) for one in events)
    asked = any(one[0]["kind"] == "run.requested" for one in events)
    names = {name for one in events for name in one[1] or ()} | {"run", "tie", "flow"}
    return names | ({"requested_by", "requested_at"} if asked else set()) | ({"state", "ended_at"} if ends else set())


@pytest.mark.parametrize("name", [f"{one}.jsonl" for one in LINES])
def test_every_changed_value_is_found_though_the_manifest_fits(pack: Parts, name: str) -> None:
    chance, lines = random.Random(name), pack.lines(name)
    ways = [
        (place, way)
        for place, line in enumerate(lines)
        for way in values_of(line)
        if way and way[0] not in TOLD.get(name, ())
    ]
    for place, way in chance.sample(ways, min(len(ways), 120 // TIMES)):
        parts = pack.copy()
        changed = parts.lines(name)
        inner = changed[place]
        for step in way[:-1]:
            inner = inner[step]
        inner[way[-1]] = other(inner[way[-1]])
        if name == "runs.jsonl" and way[-1] not in told_of(pack, lines[place]["run"]):
            continue
        parts.set_lines(name, changed)
        found(parts.repair().packed(), f"{way} of line {place} of {name}")


def test_an_approval_that_is_not_the_one_that_was_given_is_found(pack: Parts) -> None:
    signed = next(place for place, one in enumerate(pack.lines("proposals.jsonl")) if one["approvals"])
    private = Ed25519PrivateKey.generate()

    def approval(lines: list[Any]) -> Any:
        return lines[signed]["approvals"][0]

    def flip(lines: list[Any]) -> None:
        kept = bytearray(base64.b64decode(approval(lines)["signature"]))
        kept[7] ^= 1
        approval(lines)["signature"] = base64.b64encode(kept).decode()

    def sign_anew(lines: list[Any]) -> None:
        made = private.sign(approval(lines)["statement"].encode())
        approval(lines)["signature"] = base64.b64encode(made).decode()

    def another_amount(lines: list[Any]) -> None:
        approval(lines)["statement"] = approval(lines)["statement"].replace('"lines":', '"lines":1')

    def nobody(lines: list[Any]) -> None:
        lines[signed]["approvals"] = []

    def elsewhere(lines: list[Any]) -> None:
        lines[signed - 1]["approvals"] = lines[signed]["approvals"]

    for change in (flip, sign_anew, another_amount, nobody, elsewhere):
        parts = pack.copy()
        parts.change("proposals.jsonl", change)
        found(parts.repair().packed(), change.__name__)
    for keys in ([], [{**pack.json("keys.json")["approvers"][0], "public_key": base64.b64encode(bytes(32)).decode()}]):
        parts = pack.copy()
        parts.set_lines("keys.json", [{"approvers": keys, "checkpoints": []}])
        found(parts.repair().packed(), "the key is gone, or another")


def forgeries(pack: Parts) -> Iterator[tuple[str, Parts]]:
    """Packs in which the whole log was written anew around a lie."""

    def amount(parts: Parts) -> None:
        parts.change("events.jsonl", lambda events: events[place(events, "run.done")][1].update(loaded=1))
        parts.change("runs.jsonl", lambda runs: runs[done(runs)].update(loaded=1))

    def place(events: list[Any], kind: str) -> int:
        return next(at for at, event in enumerate(events) if event[0]["kind"] == kind)

    def done(runs: list[Any]) -> int:
        number = next(event[0]["run_id"] for event in pack.lines("events.jsonl") if event[0]["kind"] == "run.done")
        return next(at for at, run in enumerate(runs) if run["run"] == number)

    def reason(parts: Parts) -> None:
        parts.change("events.jsonl", lambda events: events[5][0].update(actor="uid:1"))

    def tail(parts: Parts) -> None:
        told = parts.json("manifest.json")["chain"]
        parts.change("events.jsonl", lambda events: events.pop())
        parts.tell(chain={**told, "last": told["last"] - 1})

    for lie in (amount, reason, tail):
        parts = pack.copy()
        lie(parts)
        yield lie.__name__, parts.rewrite().repair()


def test_a_log_written_anew_is_found_by_a_checkpoint_and_by_nothing_else(
    pack: Parts, sealed: Parts, tmp_path: Path
) -> None:
    told = pack.json("manifest.json")
    anchor = tmp_path / "anchor.txt"
    anchor.write_text(Signer(told["store"]).checkpoint(told["chain"]["last"], told["chain"]["head"]))
    half = told["chain"]["first"] + 60
    for name, parts in forgeries(sealed):
        found(parts.packed(), name)
    for name, parts in forgeries(pack):
        if name != "tail":  # whoever holds the whole store and its pack, and nobody kept a checkpoint: it stands
            assert wrong(parts.packed()) == ""
            assert "checkpoint" in wrong(parts.packed(), anchor)
    assert wrong(pack.packed(), anchor) == ""
    anchor.write_text(Signer(told["store"]).checkpoint(half, sha256("another")))
    assert f"event {half}" in wrong(pack.packed(), anchor)
    anchor.write_text(Signer("0" * 32).checkpoint(half, sha256("another")))
    assert "no checkpoint of this log" in wrong(pack.packed(), anchor)


def test_a_checkpoint_that_nobody_signed_is_found(sealed: Parts) -> None:
    told = sealed.json("manifest.json")
    stranger = Signer(told["store"])
    for note in (
        stranger.checkpoint(told["chain"]["last"], told["chain"]["head"]).encode(),
        sealed.members["checkpoints.txt"].replace(b"time 2026-12-01", b"time 2026-12-02"),
        sealed.members["checkpoints.txt"] + b"and more\n",
    ):
        parts = sealed.copy()
        parts.members["checkpoints.txt"] = note
        found(parts.repair().packed(), "a checkpoint that was not signed")


def test_a_seal_is_over_this_pack(sealed: Parts) -> None:
    signer = Signer(sealed.json("manifest.json")["store"])
    parts = sealed.copy()
    parts.set_lines("keys.json", [{**parts.json("keys.json"), "checkpoints": [signer.verifier]}])
    parts.members["checkpoints.txt"] = b""
    parts.repair()
    text = f"tui-connector/pack/1\nstore {signer.store}\ndigest "
    for digest, good in ((sha256(parts.members["manifest.json"]), True), (sha256("another"), False)):
        again = parts.copy()
        again.members["seal.txt"] = signer.note(f"{text}{digest}\n").encode()
        assert (wrong(again.packed()) == "") == good
    again.members["seal.txt"] = (
        signer.note(f"{text}{sha256(parts.members['manifest.json'])}\n").encode()[:-9] + b"AAAAAA==\n"
    )
    found(again.packed(), "a seal that nobody made")


def test_no_rubbish_brings_it_down(pack: Parts) -> None:
    chance, whole = random.Random(7), pack.packed().getvalue()
    for content in (b"", b"PK", whole[: len(whole) // 2], whole[100:], os.urandom(2000)):
        found(io.BytesIO(content), "rubbish")
    for _ in range(60 // TIMES):
        parts = pack.copy()
        name = chance.choice([one for one in parts.members if one not in CLOSING and one not in EMPTY])
        parts.members[name] = chance.choice([b"", b"[]\n", b"{}\n", b"null\n", b"\xff\xfe"])
        if parts.members[name] != pack.members[name] and name not in {
            "report.html",
            "verify.py",
            "gaps.json",
            "calendar.json",
        }:
            found(parts.repair().packed(), f"rubbish for {name}")
