"""The audit of ten million events beside a log without events, an empty Textual application and a DataTable.

python -m benchmarks.console [--events 10000000] [--rounds 5] [--store FILE]
"""
# ruff: noqa: PLC0415, ASYNC110 - imports are part of what is measured; what is drawn sets no event

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .figures import Figures, alternate, measure, table

if TYPE_CHECKING:
    from textual.app import App
    from textual.pilot import Pilot

BEGUN = time.perf_counter()
SIZE = (120, 40)
DOWNS, PAGES = 300, 60
FRAME = 1 / 60
TABLE_ROWS = 10_000
PATIENCE = 30.0
FILTERS = (
    "", "kind:run.failed", "kind:run", "-kind:step", "by:uid:1000", "-by:worker", "run:12345", "P-01", "outcome:posted",
    "since:2023-12-01 -kind:records", "kind:run by:uid:1001", "kind:document by:uid:1001",
)  # fmt: skip
CONFIG = """environment = "TEST"
[store]
url = "sqlite://{store}"
[sap.main]
base_url = "https://sap.example"
[anaplan.main]
workspace_id = "8a81b0927f3c4e1d9a6b5c4d3e2f1a00"
model_id = "3F02A9C41B7D4E58A1C6D2E37B9F0456"
"""
EVENTS = """
INSERT INTO audit_event (seq, at, kind, actor, subject, run_id, data, payload_hash, previous, digest)
WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
SELECT i, 1700000000000000 + i * 3000000,
  CASE WHEN i % 5000 = 0 THEN 'proposal.signed' WHEN i % 9973 = 0 THEN 'run.failed' WHEN i % 1000 = 1 THEN 'run.requested'
    WHEN i % 500 = 2 THEN 'run.started' WHEN i % 500 = 498 THEN 'run.done' WHEN i % 7 = 0 THEN 'step.done'
    WHEN i % 7 = 1 THEN 'step.running' WHEN i % 97 = 0 THEN 'document.posted' ELSE 'records.batch' END,
  CASE WHEN i % 5000 = 0 THEN 'uid:1000' WHEN i % 1000 = 1 THEN 'uid:1001' ELSE 'worker:host:' || (i / 20000) || ':1' END,
  CASE WHEN i % 5000 = 0 THEN 'P-' || printf('%04d', i / 5000) WHEN i % 97 = 0 THEN 'PL' || printf('%014X', i)
    ELSE 'gl_line_items' END,
  CASE WHEN i % 5000 = 0 THEN NULL ELSE i / 500 + 1 END,
  '{"count":5000,"digest":"0123456789abcdef","first":1,"last":5000,"outcomes":{"sent":5000}}',
  printf('%064x', i), printf('%064x', i - 1), printf('%064x', i) FROM n
"""


def make(folder: Path, events: int) -> Path:
    """A store whose log has so many events; its digests are none, which nobody asks here."""
    from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]

    from tui_connector.store import Store

    folder.mkdir(exist_ok=True)
    path = folder / "log.db"
    Store.open(str(path)).close()
    database = sqlite3.connect(path)
    database.execute("PRAGMA synchronous = OFF")
    database.execute("PRAGMA cache_size = -200000")
    found = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'audit_event' AND sql IS NOT NULL"
    indices = database.execute(found).fetchall()
    for name, _ in indices:
        database.execute(f"DROP INDEX {name}")
    database.execute(EVENTS, (events,))
    for _, sql in indices:
        database.execute(sql)
    database.execute("UPDATE audit_head SET seq = ?", (events,))
    database.commit()
    database.close()
    return path


def empty() -> App[None]:
    """Nothing but the application."""
    from textual.app import App

    return App()


def rows() -> App[None]:
    """A DataTable as one would write it, with as many columns as the audit has."""
    from textual.app import App, ComposeResult
    from textual.widgets import DataTable

    class Table(App[None]):
        def compose(self) -> ComposeResult:
            made: DataTable[str] = DataTable(cursor_type="row")
            made.add_columns("event", "time", "who", "what", "says")
            for number in range(TABLE_ROWS):
                made.add_row(f"{number:,}", "14:40:12", "worker", "batch", f"5,000 records, 0123 4567 {number}")
            yield made

    return Table()


def audit(store: str) -> App[None]:
    """The console, opened on the audit as the command opens it."""
    from tui_connector.bootstrap import open_installation
    from tui_connector.ui.app import Console

    config = Path(store).with_suffix(".toml")
    config.write_text(CONFIG.format(store=store))
    installation = open_installation(str(config), read_only=True).__enter__()
    return Console(installation.desk(), attend=False, first="audit")


def is_painted(app: Any) -> bool:
    """Whether the rows are on the screen."""
    found = app.screen.query("#events")
    return bool(found) and bool(found.first().rows) and not app.screen._dirty_widgets


def resident() -> float:
    """Megabytes in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


async def play(app: App[None], *, keys: bool, loads: bool) -> Figures:
    """One run: until the first paint, then the keys."""
    started = time.perf_counter()
    async with app.run_test(size=SIZE) as pilot:
        while loads and not is_painted(app):
            await asyncio.sleep(0.001)
        await pilot._wait_for_screen()
        now = time.perf_counter()
        found = {"start": now - BEGUN, "paint": now - started, "cpu": time.process_time(), "rss": resident()}
        if keys:
            found |= await press(pilot)
        return found


async def press(pilot: Pilot[None]) -> Figures:
    """CPU of one `down`; CPU of a page, and how long it takes until it is drawn."""
    app: Any = pilot.app
    await asyncio.sleep(0.5)
    cpu = time.process_time()
    for _ in range(DOWNS):
        await pilot.press("down")
    down = (time.process_time() - cpu) / DOWNS
    drawn: list[float] = []
    display = app._display

    def noted(*given: Any) -> None:
        display(*given)
        drawn.append(time.perf_counter())

    app._display = noted
    walls, cpus = [], []
    for _ in range(PAGES):
        drawn.clear()
        wall, cpu = time.perf_counter(), time.process_time()
        await pilot.press("pagedown")
        while not drawn and time.perf_counter() - wall < PATIENCE:
            await asyncio.sleep(0.001)
        walls.append(drawn[-1] - wall)
        cpus.append(time.process_time() - cpu)
        await asyncio.sleep(0.03)
    return {"down": down, "page": statistics.median(walls), "page_cpu": statistics.median(cpus)}


def search(store: str) -> None:
    """How long a page of each filter takes, from the newest event on and from anywhere."""
    from tui_connector.bootstrap import open_installation
    from tui_connector.views.audit import read_rows, read_view

    lines = []
    with open_installation(str(Path(store).with_suffix(".toml")), read_only=True) as installation:
        desk = installation.desk()
        last = desk.store.audit.last_seq()
        for text in FILTERS:
            view, took = read_view(desk, text), []
            for turn in range(100):
                anchor = last * turn // 100 if turn % 2 else None
                begun = time.perf_counter()
                read_rows(desk, view, anchor, 40, back=turn % 4 < 2)
                took.append(1000 * (time.perf_counter() - begun))
            lines.append((text or "no filter", f"{statistics.median(took):.1f}", f"{sorted(took)[94]:.1f}"))
    table(("a page of 40", "p50 ms", "p95 ms"), lines)


def once(stores: dict[str, str], variant: str) -> Figures:
    return measure("benchmarks.console", "--variant", variant, "--store", stores.get(variant, ""))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--store", help="a store made before")
    parser.add_argument("--variant", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.variant:
        variant = chosen.variant
        app = {"bare": empty, "table": rows}.get(variant, partial(audit, chosen.store))()
        keyed = variant in {"table", "audit"}
        print(json.dumps(asyncio.run(play(app, keys=keyed, loads=variant in {"quiet", "audit"}))), flush=True)
        return
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # compiled once, as where it is installed
        os.environ["PYTHONPYCACHEPREFIX"] = f"{folder}/compiled"
        small = make(Path(folder, "small"), 1)
        stores = {"quiet": str(small), "audit": chosen.store or str(make(Path(folder), chosen.events))}
        for variant in ("bare", "audit", "table"):
            once(stores, variant)
        found = alternate(("bare", "quiet", "audit"), chosen.rounds, partial(once, stores))
        keys = alternate(("table", "audit"), max(chosen.rounds // 2, 1), partial(once, stores))
        search(stores["audit"])
    bare, quiet, ours = found.values()
    names = ("an empty Textual application", "the audit, one event", f"the audit, {chosen.events:,} events")
    lines = [
        (name, *(f"{one[figure] * 1000:.0f}" for figure in ("start", "cpu", "paint")), f"{one['rss']:.0f}")
        for name, one in zip(names, found.values(), strict=True)
    ]
    table(("process", "first paint ms", "CPU ms", "without imports ms", "MB"), lines)
    for name, other in (("a log of one event", quiet), (names[0], bare)):
        ratios = ", ".join(f"{figure} {ours[figure] / other[figure]:.2f}" for figure in ("start", "cpu", "paint"))
        print(f"x {name}: {ratios}; memory {ours['rss'] - other['rss']:+.1f} MB")
    theirs, mine = keys["table"], keys["audit"]
    print(
        f"down: {mine['down'] * 1000:.1f} ms CPU, {mine['down'] / theirs['down']:.2f} x a DataTable of {TABLE_ROWS:,} rows"
    )
    print(
        f"page: {mine['page_cpu'] * 1000:.1f} ms CPU, {mine['page_cpu'] / FRAME:.1f} frames' worth,"
        f" {mine['page_cpu'] / theirs['page_cpu']:.2f} x the DataTable; drawn after {mine['page'] * 1000:.0f} ms,"
        f" {mine['page'] / FRAME:.1f} frames"
    )


if __name__ == "__main__":
    main()
