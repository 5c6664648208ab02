"""Every byte, every row: whatever is changed in a filled store's file is found, by its chain or by an anchor outside.

`DEEP_TESTS=1` for a thousand tampers and more. What no row uses may change: the two stores then say the same.
"""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]

from tests.store import test_chain, test_verify_writeback
from tests.store.conftest import NOON, Bench, make_draft
from tests.store.test_ties import NOT_TIED
from tui_connector.anchors.checking import Fit, check
from tui_connector.anchors.keeper import Keeper, Pace
from tui_connector.domain.alert import Alert, AlertKind, Message, Severity
from tui_connector.domain.audit import Fact
from tui_connector.domain.case import Place
from tui_connector.domain.clock import SystemClock
from tui_connector.domain.concern import Concern, Look, Rule
from tui_connector.domain.definition import Definition, Piece
from tui_connector.domain.errors import StoreError
from tui_connector.domain.explanation import About, Agreement, Explanation, Question
from tui_connector.domain.master import Master, Standing
from tui_connector.domain.record import Outcome, Record, Reject, RejectedBy
from tui_connector.domain.risk import Flag, Risk
from tui_connector.domain.run import Counts, RunState, StepState, Watermark
from tui_connector.domain.tie import Total
from tui_connector.store import Store
from tui_connector.store.comparisons import MovedRow
from tui_connector.store.erasable import KINDS
from tui_connector.store.holds import Hold
from tui_connector.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tui_connector.domain.checkpoint import Note, VerifierKey
    from tui_connector.store.database import Transaction

pytestmark = pytest.mark.timeout(1200)
DEEP = bool(os.environ.get("DEEP_TESTS"))
BYTES, ROWS, CUTS = (700, 700, 100) if DEEP else (60, 80, 8)

# Working state, which goes on changing without an event and is no evidence; of the last ones only a part is.
KEYS: dict[str, VerifierKey] = {}  # by store, kept outside it

WORKING = {"lease", "worker", "budget", "token", "progress", "member_name", "sqlite_sequence", "alert_message"}
PARTLY = {
    "schedule": "SELECT flow, paused_at, paused_by, paused_why FROM schedule WHERE paused_at IS NOT NULL",
    "alert": "SELECT kind, about, severity, stage FROM alert WHERE over_at IS NULL",
    "run": "SELECT * FROM run WHERE ended_at IS NOT NULL OR id IN (SELECT run_id FROM audit_event WHERE kind = 'run.requested')",
    "step": "SELECT * FROM step WHERE run_id IN (SELECT id FROM run WHERE ended_at IS NOT NULL)",
    "target": "SELECT * FROM target WHERE id IN (SELECT target_id FROM run WHERE ended_at IS NOT NULL)",
    "command": "SELECT id, kind, subject, payload, requested_by, requested_at, ended_at, CASE WHEN ended_at IS NOT NULL"
    " THEN worker || claimed_at || ok || answer END FROM command",
}


def load(bench: Bench, refused: dict[str, str], loaded: list[str]) -> int:
    """A run that reads some records, of which some are refused for a cause, and ends well; its number."""
    store = bench.store
    run_id, target_id, lease = bench.running("customers")
    fence = lease.fence
    records = [
        Record(i, key, "c", Outcome.REJECTED if key in refused else Outcome.SENT, i)
        for i, key in enumerate([*refused, *loaded], 1)
    ]
    rejects = [
        Reject(i, key, RejectedBy.ANAPLAN, cause, {"A": key}, "d", i)
        for i, (key, cause) in enumerate(refused.items(), 1)
    ]
    with store.transaction() as tx:
        store.audit.append(tx, Fact("run.requested", "uid:1", "customers", {"mode": "delta"}, run_id))
        sheets = {"read": store.sheets.keep(tx, {("1010", "EUR"): Total(3, Decimal("12.50"))})}
        store.steps.begin(tx, run_id, fence, "transfer", StepState.RUNNING, {"sent": 3})
        store.records.append(tx, run_id, target_id, records)
        store.records.reject(tx, run_id, target_id, rejects)
        store.steps.update(tx, run_id, fence, "transfer", StepState.DONE, {"sent": 3, "sheets": sheets})
        store.watermarks.move(tx, Watermark(target_id, NOON, "m" * 64, run_id, NOON), fence)
        store.audit.append(tx, Fact("watermark.moved", "w1", "customers", {"value": "x"}, run_id))
        store.audit.append(tx, Fact("run.tied", "w1", "customers", store.ties.keep(tx, run_id, NOT_TIED), run_id))
        store.runs.finish(tx, run_id, fence, RunState.DONE, "", "", Counts(3, 0, 3, 2, 0, 1))
        store.audit.append(tx, Fact("run.done", "w1", "customers", {"fence": fence}, run_id))
    return run_id


def told(tx: Transaction, store: Store, run_id: int) -> None:
    """What the looks of a run leave behind, and an answer that was given."""
    target_id = store.runs.get(run_id).target_id
    for code, words in (("A", "the same"), ("B", "the same"), ("C", "Rika, the same")):
        question = Question(About.ITEM, "customers", (code,))
        store.explanations.keep(tx, Explanation(question, Agreement.EQUAL, words, "Customers"), "uid:1", "w1")
    file = Definition("file c.csv", "column", {"delimiter": ","}, (Piece("1", "Code", "TEXT", (60,)),))
    digests = store.definitions.keep(tx, target_id, run_id, [file])
    store.audit.append(tx, Fact("definitions.kept", "w1", "customers", {"digests": digests}, run_id))
    masters = {code: Master(code, f"Name {code}", ("1010",), Standing.VALID) for code in ("A", "B")}
    masters |= {code: Master(code, f"Rika {code}", ("1010",), Standing.MISSING) for code in ("C", "D")}
    seen = store.masters.keep(tx, target_id, {}, masters)
    assert seen is not None
    store.audit.append(tx, Fact("masters.seen", "w1", "customers", seen, run_id))
    used = store.uses.keep(tx, run_id, {"Customers": {"A": 12, "B": 1}})
    store.audit.append(tx, Fact("members.used", "w1", "customers", used, run_id))


def fill(folder: Path) -> Note:
    """A store with something in every table, and a checkpoint that left."""
    store = Store.open(str(folder / "store.db"))
    bench = Bench(store)
    vault = Vault(store.credentials, folder / "master.key")
    vault.init_key("file", by="uid:1")
    vault.seal("sap.main", {"user": "u", "password": "p"}, by="uid:1")
    vault.seal("sap.gone", {"user": "u"}, by="uid:1")
    vault.delete("sap.gone", by="uid:1")
    test_chain.fill(bench)
    test_verify_writeback.fill(bench)
    bench.propose(make_draft({"PL-7": "100000"}), flags={1: [Flag(Risk.ROUND, "a round sum")]})
    vault.rotate(by="uid:1")
    vault.seal("anaplan.main", {"user": "u", "password": "q"}, by="uid:1")
    waived = "Plan is no member"
    for number, (refused, loaded) in enumerate(
        (({"A": waived, "B": "too long"}, ["C"]), ({"A": waived}, ["B"]), ({"D": waived, "A": waived}, []))
    ):
        run_id = load(bench, refused, loaded)
        if not number:
            with store.transaction() as tx:
                store.cases.waive(tx, [Place(run_id, 1)], "known", "uid:1")
                store.cases.assign(tx, [Place(run_id, 2)], "a.novak", "uid:1")
                store.cases.note(tx, [Place(run_id, 2)], "asked the owner", "uid:1")
        else:
            with store.transaction() as tx:  # A is refused each time
                position = list(refused).index("A") + 1
                store.cases.assign(tx, [Place(run_id, position)], "Rika", "uid:1")
                store.cases.note(tx, [Place(run_id, position)], "asked Rika", "uid:1")
    (again,) = bench.request("customers")
    with store.transaction() as tx:
        store.schedule.set_next(tx, "suppliers", NOON)
        store.schedule.pause(tx, "customers", "close", "uid:1")
        for kind in ("ping", "discover", "discover"):
            number = store.commands.enqueue(tx, kind, {"a": 1}, "uid:1", subject="sap.main")
            store.audit.append(tx, Fact(f"command.{kind}", "uid:1", "sap.main", {"command": number}))
            if kind == "discover":
                store.commands.take(tx, number, "w1")
                store.commands.finish(tx, number, ok=True, answer={"b": "Rika"})
                store.audit.append(tx, Fact("command.answered", "w1", "sap.main", {"command": number, "ok": True}))
        store.comparisons.keep(tx, 1, run_id, [MovedRow("PL-1", "1010", "C", "G", "EUR", None, None, "gone")])
        found = store.concerns.keep(
            tx,
            run_id,
            1,
            [
                Concern(Look.MASTERS, Rule.ASK, "renamed", code, "x", now, "one item")
                for code, now in (("A", "y"), ("B", "Rika"))
            ],
        )
        store.audit.append(tx, Fact("run.surveyed", "w1", "customers", {**found, "allowed_by": []}, run_id))
        store.audit.append(
            tx, Fact("run.allowed", "uid:1", "customers", store.concerns.allow(tx, run_id, 1, "known", "uid:1"), run_id)
        )
        store.audit.append(tx, Fact("plan.compared", "w1", "P-0001", {"moved": "one"}, run_id))
        told(tx, store, run_id)
        digest = store.cases.select(tx, again, [Place(run_id, 1)])
        store.audit.append(tx, Fact("replay.requested", "uid:1", "customers", {"digest": digest}, again))
        store.restores.notice(tx)
        store.audit.append(tx, Fact("store.restored_behind", "w1", "store", {}))
        raised = [Alert(AlertKind.RUN_FAILED, flow, Severity.ERROR, "failed", stage="new") for flow in ("a", "b")]
        store.alerts.settle(
            tx, raised, lambda _, telling: [("oncall", Message("t", "b", Severity.ERROR, telling))], None, "w1"
        )
    with store.transaction() as tx:
        store.audit.append(tx, Fact("step.done", "w1", "customers/import", {"said": "by name"}, 1))
        store.erasures.erase(tx, store.erasures.about("by name"), "asked", "uid:1")
        store.erasures.erase(tx, store.erasures.about("suppliers-3"), "asked", "uid:1")
        going = store.erasures.about("Rika")
        assert {one.kind.table for one in going.found if one.rows} == {one.table for one in KINDS} - {
            "reject",
            "member_name",
        }
        store.erasures.erase(tx, going, "asked", "uid:1")
        store.holds.set(tx, Hold("audit", run_id, NOON, None, "asked for", "uid:1", NOON))
        days = date(2026, 11, 1), date(2026, 11, 30)
        period = Hold("period", None, NOON, NOON, "tax", "uid:1", NOON, period="011/2026", company="1010", days=days)
        store.holds.set(tx, period)
        store.holds.set(tx, Hold("plan", None, None, None, "tax", "uid:1", NOON, proposal=1))
    note = Keeper(store, vault, [], Pace(1000, timedelta(minutes=5)), SystemClock()).make("w1")
    (KEYS[store.id],) = store.checkpoints.verifiers()
    verdict = store.audit.verify()
    assert verdict.broken_at is None, verdict.finding
    store.close()
    return note


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Note]:
    folder = tmp_path_factory.mktemp("tampers")
    return folder / "store.db", fill(folder)


def says(path: Path) -> dict[str, Any]:
    """Everything that a store holds as evidence, and what its tables are; an exception for one that cannot be read."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as raw:
        raw.text_factory = bytes
        tables = [row[0].decode() for row in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        told: dict[str, Any] = {"": raw.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()}
        for table in tables:
            if table not in WORKING:
                rows = raw.execute(PARTLY.get(table, f"SELECT * FROM {table}")).fetchall()
                told[table] = sorted(rows, key=repr)
    raw.close()
    return told


def finding(path: Path, note: Note) -> str:
    """What is found in a store; "" when all seems well."""
    try:
        store = Store.open(str(path), read_only=True)
    except StoreError as error:
        return str(error)
    try:
        verdict = store.audit.verify()
        anchored = check(store, [note] if verdict.broken_at is None else [], [KEYS[note.checkpoint.store]])
    except StoreError as error:
        return str(error)
    finally:
        store.close()
    if verdict.broken_at is not None:
        return verdict.finding
    return "" if anchored.fit is Fit.FITS else anchored.words


def try_out(
    filled: tuple[Path, Note], folder: Path, count: int, tamper: Callable[[random.Random, Path], str]
) -> Counter[str]:
    """Tamper with so many copies, each by a seed of its own; what was done to those that say something else."""
    whole, note = filled
    before, copy, done = says(whole), folder / "copy.db", Counter[str]()
    for seed in range(count):
        shutil.copyfile(whole, copy)
        what = tamper(random.Random(seed), copy)
        try:
            same = says(copy) == before
        except (sqlite3.Error, UnicodeDecodeError):
            same = False
        if not same:
            done[what.partition(" ")[0]] += 1
            assert finding(copy, note), f"seed {seed}: {what}"
        for left in folder.glob("copy.db-*"):
            left.unlink()
    return done


def test_a_filled_store_is_sound_and_no_table_is_forgotten(filled: tuple[Path, Note]) -> None:
    assert finding(*filled) == ""
    empty = [table for table, rows in says(filled[0]).items() if not rows]
    assert empty == []


def test_any_byte(filled: tuple[Path, Note], tmp_path: Path) -> None:
    def change(dice: random.Random, path: Path) -> str:
        content = bytearray(path.read_bytes())
        used = [at for at in dice.sample(range(len(content)), 40) if content[at]]  # most of a small file is empty
        at = dice.choice(used or [0])
        content[at] ^= dice.randrange(1, 256)
        path.write_bytes(content)
        return f"byte {at}"

    assert try_out(filled, tmp_path, BYTES, change)["byte"] > BYTES / 4


def other(dice: random.Random, value: Any) -> Any:
    """A value that differs from this one."""
    if value is None or dice.random() < 0.15:
        return dice.choice([3, "x", b"x", *([] if value is None else [None])])
    if isinstance(value, int):
        return value + dice.choice([1, -1, 1000])
    if not value:
        return b"x" if isinstance(value, bytes) else "x"
    at = dice.randrange(len(value))
    if isinstance(value, bytes):
        return value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :]
    return value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :]


def test_any_row(filled: tuple[Path, Note], tmp_path: Path) -> None:
    """A value changed, a row taken away, two rows exchanged: in any table that holds evidence."""
    tables = sorted(table for table in says(filled[0]) if table)

    def change(dice: random.Random, path: Path) -> str:
        raw = sqlite3.connect(str(path), isolation_level=None)
        raw.execute("PRAGMA foreign_keys = OFF")
        table = dice.choice(tables)
        names = [row[1] for row in raw.execute(f"PRAGMA table_info({table})")]
        keys = [row[1] for row in raw.execute(f"PRAGMA table_info({table})") if row[5]]
        rows = raw.execute(f"SELECT * FROM {table}").fetchall()
        where, dice_row = " AND ".join(f"{key} IS ?" for key in keys), dice.choice(rows)
        at = [dice_row[names.index(key)] for key in keys]
        action = dice.choice(["change", "change", "change", "delete", "exchange"])
        told = f"{action} {table} {dict(zip(names, dice_row, strict=True))}"
        try:
            if action == "delete":
                raw.execute(f"DELETE FROM {table} WHERE {where}", at)
            elif action == "change":
                place = dice.randrange(len(names))
                value = other(dice, dice_row[place])
                raw.execute(f"UPDATE {table} SET {names[place]} = ? WHERE {where}", [value, *at])
                told += f": {names[place]} = {value!r}"
            else:
                second = dice.choice(rows)
                rest = [name for name in names if name not in keys]
                for here, there in ((dice_row, second), (second, dice_row)):
                    for name in rest:
                        key = [here[names.index(one)] for one in keys]
                        raw.execute(f"UPDATE {table} SET {name} = ? WHERE {where}", [there[names.index(name)], *key])
        except sqlite3.IntegrityError:
            pass  # the database itself has refused it, or a part of it
        finally:
            raw.close()
        return told

    done = try_out(filled, tmp_path, ROWS, change)
    assert set(done) == {"change", "delete", "exchange"}
    assert done.total() > ROWS / 2


def test_a_tail_cut_behind_an_anchor(filled: tuple[Path, Note], tmp_path: Path) -> None:
    """With a head that fits; what hangs on the cut events is taken away as well, as far as the verification asks."""
    reach = filled[1].checkpoint.seq

    def cut(dice: random.Random, path: Path) -> str:
        seq = dice.randrange(2, reach)
        raw = sqlite3.connect(str(path), isolation_level=None)
        raw.execute("DELETE FROM audit_event WHERE seq > ?", (seq,))
        raw.execute("UPDATE audit_head SET (seq, digest) = (SELECT seq, digest FROM audit_event WHERE seq = ?)", (seq,))
        raw.close()
        return f"cut {seq}"

    assert try_out(filled, tmp_path, CUTS, cut)["cut"] == CUTS
