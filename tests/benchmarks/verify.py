"""A million audit events verified: the chain with all that hangs on it, beside the script that one would write first.

python -m benchmarks.verify [--events 1000000] [--rounds 3] [--store FILE]
"""

# ruff: noqa: PLC0415 (each variant runs in a process of its own and must not pay for the others' imports)
from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path

from .figures import Figures, alternate, measure, table, timed

VARIANTS = {"naive": "naive script, the chain alone", "ours": "audit verify"}
BATCH = 5_000
STEPS = ("transfer", "import", "tie")


def fill(path: Path, events: int) -> None:
    """Steps of runs, each event with what such an event tells; a checkpoint after each thousand, as a worker makes them."""
    from tui_connector.anchors.notes import Signer
    from tui_connector.domain.audit import Fact
    from tui_connector.store import Store
    from tui_connector.store.database import to_moment

    store = Store.open(str(path))
    signer = Signer.make(store.id)
    written = store.audit.last_seq()
    while written < events:
        with store.transaction() as tx:
            store.checkpoints.add_key(tx, signer.key, "worker:vm:1:1")
            for number in range(BATCH // 1000):
                for place in range(997):
                    data = {
                        "fence": 17,
                        "sent": number * 1000 + place,
                        "task_id": f"{written + place:032X}",
                        "said": "12,481 rows loaded",
                    }
                    fact = Fact(
                        "step.done", "worker:vm:1:1", f"gl_line_items/{STEPS[place % 3]}", data, 1 + written // 1000
                    )
                    store.audit.append(tx, fact)
                store.checkpoints.keep(tx, signer.sign(*store.checkpoints.head(tx), to_moment(tx.now)), "worker:vm:1:1")
        written = store.audit.last_seq()
    store.close()


def run_naive(path: Path) -> None:
    """Every row in one query, hashed with json and hashlib: no page, no record, no signature."""
    import hashlib
    import json
    import sqlite3

    names = ("seq", "at", "kind", "actor", "subject", "run_id", "data", "payload_hash", "previous", "digest")

    def go() -> float:
        previous, count = "0" * 64, 0
        for row in sqlite3.connect(path).execute(f"SELECT {', '.join(names)} FROM audit_event ORDER BY seq"):
            event = dict(zip(names, row, strict=True))
            assert hashlib.sha256(event["data"].encode()).hexdigest() == event["payload_hash"]
            assert event["previous"] == previous
            told = {name: event[name] for name in names[:6]} | {"payload": event["payload_hash"]}
            text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            previous = hashlib.sha256((previous + text).encode()).hexdigest()
            assert previous == event["digest"]
            count += 1
        return count

    timed(go)


def run_ours(path: Path) -> None:
    """What `audit verify` does: chain, payloads, records, seals, checkpoints with their signatures, the file's structure."""
    from tui_connector.anchors.checking import Fit, check
    from tui_connector.store import Store

    def go() -> float:
        store = Store.open(str(path), read_only=True)
        verdict = store.audit.verify()
        assert verdict.broken_at is None, verdict
        assert check(store, tuple(store.checkpoints.notes()), store.checkpoints.verifiers()).fit is Fit.FITS
        store.close()
        return verdict.events

    timed(go)


def once(path: Path, variant: str) -> Figures:
    return measure("benchmarks.verify", "--variant", variant, "--store", str(path))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--store", type=Path)
    parser.add_argument("--variant", choices=tuple(VARIANTS))
    given = parser.parse_args()
    if given.variant:
        {"naive": run_naive, "ours": run_ours}[given.variant](given.store)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = given.store or Path(folder) / "store.db"
        if not path.exists():
            fill(path, given.events)
        found = alternate(tuple(VARIANTS), given.rounds, partial(once, path))
    naive = found["naive"]
    rows = [
        (words, f"{one['done']:,.0f}", f"{one['wall']:.1f}", f"{one['cpu']:.1f}", f"{one['rss']:.0f}", f"{one['wall'] / naive['wall']:.2f}", f"{one['cpu'] / naive['cpu']:.2f}")
        for name, words in VARIANTS.items()
        for one in (found[name],)
    ]  # fmt: skip
    table(("", "events", "wall s", "CPU s", "peak MB", "x wall", "x CPU"), rows)


if __name__ == "__main__":
    main()
