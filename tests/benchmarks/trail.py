"""Appends the trail of a million records, beside sqlite-utils' insert_all, and prints ratios of one run.

python tests/benchmarks/trail.py [records] [rounds]
"""

from __future__ import annotations

import base64
import hashlib
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import sqlite_utils

from tui_connector.domain.record import Outcome, Record
from tui_connector.domain.run import RunRequest, RunState
from tui_connector.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BATCH = 5_000
TABLE = """
CREATE TABLE record (
    run_id INTEGER NOT NULL, position INTEGER NOT NULL, target_id INTEGER NOT NULL, key TEXT NOT NULL, content TEXT NOT NULL,
    outcome INTEGER NOT NULL, file_line INTEGER, later INTEGER, PRIMARY KEY (run_id, position)) WITHOUT ROWID
"""


def pages(records: int, first: int = 1) -> Iterator[list[Record]]:
    """Records of journal entry items: a key of 20 characters, a content of 22, in read order."""
    for start in range(first, first + records, BATCH):
        yield [
            Record(
                i, f"1010-{i // 10:010d}-{i % 10:04d}",
                base64.b64encode(hashlib.blake2b(str(i).encode(), digest_size=16).digest())[:22].decode(), Outcome.SENT, i + 1,
            )
            for i in range(start, start + BATCH)
        ]  # fmt: skip


def open_run(store: Store) -> tuple[int, int, int]:
    with store.transaction() as tx:
        target = store.targets.id_for(tx, "gl_line_items", "main", "https://sap", "main", "ws", "model")
        run = store.runs.create_cycle(tx, [(RunRequest("gl_line_items"), target, "model")], requested_by="bench")[0]
        lease = store.leases.claim(tx, "model", "bench", 3600)
        fence = lease.fence if lease else tx.value("SELECT fence FROM lease")
        store.runs.claim(tx, run, "bench", fence)
    return run, target, fence


def ours(folder: Path, records: int) -> tuple[float, float, int]:
    """Seconds of wall and CPU, and bytes of the file."""
    store = Store.open(str(folder / "ours.db"))
    run, target, fence = open_run(store)
    wall = cpu = 0.0
    for page in pages(records):
        started, used = time.perf_counter(), time.process_time()
        with store.transaction() as tx:
            store.records.append(tx, run, target, page, fence=fence)
        wall, cpu = wall + time.perf_counter() - started, cpu + time.process_time() - used
    store.close()
    return wall, cpu, (folder / "ours.db").stat().st_size


def theirs(folder: Path, records: int) -> tuple[float, float, int]:
    """The same rows, table and key index, one transaction a page, by insert_all; no audit event, no digest."""
    database = sqlite_utils.Database(folder / "theirs.db")
    database.conn.execute("PRAGMA journal_mode = WAL")
    database.conn.execute("PRAGMA synchronous = FULL")
    database.conn.execute(TABLE)
    database.conn.execute("CREATE UNIQUE INDEX record_key ON record (target_id, key, run_id)")
    wall = cpu = 0.0
    for page in pages(records):
        started, used = time.perf_counter(), time.process_time()
        database.table("record").insert_all(
            {"run_id": 1, "position": r.position, "target_id": 1, "key": r.key, "content": r.content, "outcome": 1, "file_line": r.file_line}
            for r in page
        )  # fmt: skip
        wall, cpu = wall + time.perf_counter() - started, cpu + time.process_time() - used
    database.close()
    return wall, cpu, (folder / "theirs.db").stat().st_size


def rest(folder: Path, records: int) -> None:
    """What a second run and an auditor do with such a trail."""
    store = Store.open(str(folder / "ours.db"))
    run, target, fence = 1, 1, 1
    with store.transaction() as tx:
        store.runs.finish(tx, run, fence, RunState.DONE)
    started, used = time.perf_counter(), time.process_time()
    for page in pages(records):
        assert len(store.records.known(target, [r.key for r in page])) == BATCH
    tell("known, keys", records, time.perf_counter() - started, time.process_time() - used)
    run, target, fence = open_run(store)
    started, used = time.perf_counter(), time.process_time()
    for page in pages(records):
        with store.transaction() as tx:
            store.records.append(tx, run, target, page, fence=fence)
    tell("append, second run", records, time.perf_counter() - started, time.process_time() - used)
    started, used = time.perf_counter(), time.process_time()
    verdict = store.audit.verify()
    assert verdict.broken_at is None, verdict
    tell("verify, records", verdict.records, time.perf_counter() - started, time.process_time() - used)
    timed("page of 200", lambda i: store.records.page(1, i * 97 % records))
    timed("trace of a key", lambda i: store.records.trace(f"1010-{i * 97 % records // 10:010d}-0001"))
    store.close()
    size = (folder / "ours.db").stat().st_size
    print(f"two runs: {size / records / 2:.0f} bytes a record")


def timed(name: str, look: Callable[[int], object]) -> None:
    took = []
    for i in range(200):
        started = time.perf_counter()
        look(i)
        took.append(1000 * (time.perf_counter() - started))
    print(f"{name:22} p50 {statistics.median(took):.2f} ms   p95 {sorted(took)[189]:.2f} ms")


def tell(name: str, count: int, wall: float, cpu: float) -> None:
    print(f"{name:22} {count / wall:>10,.0f} rows/s   {count / cpu:>10,.0f} rows/CPU s")


def main() -> None:
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    results: dict[str, list[tuple[float, float, int]]] = {"ours": [], "theirs": []}
    for last in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            results["ours"].append(ours(Path(folder), records))
            results["theirs"].append(theirs(Path(folder), records))
            if last == rounds - 1:
                middle = {
                    name: [statistics.median(column) for column in zip(*got, strict=True)]
                    for name, got in results.items()
                }
                for name, (wall, cpu, _) in middle.items():
                    tell(f"append, {name}", records, wall, cpu)
                walls, cpus = (
                    [theirs_ / ours_ for ours_, theirs_ in zip(middle["ours"], middle["theirs"], strict=True)]
                )[:2]
                print(f"ours is {walls:.2f} x insert_all by wall, {cpus:.2f} x by CPU")
                print(
                    f"bytes a record: ours {middle['ours'][2] / records:.0f}, theirs {middle['theirs'][2] / records:.0f}"
                )
                rest(Path(folder), records)


if __name__ == "__main__":
    main()
