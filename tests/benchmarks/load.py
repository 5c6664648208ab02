"""Line items from a stub of SAP into a stub of Anaplan: the engine, the engine without its trail, a naive script.

python -m benchmarks.load [--rows 250000] [--rounds 3] [--large 2500000]
"""

# ruff: noqa: PLC0415 (each variant runs in a process of its own and must not pay for the others' imports)
from __future__ import annotations

import argparse
import asyncio
import tempfile
import urllib.request
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from json import load
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

from .figures import Figures, alternate, measure, stub, table, timed
from .stubs import MODEL, WORKSPACE

if TYPE_CHECKING:
    from tui_connector.engine.stage import StagedPage

VARIANTS = {
    "naive": "naive script, no audit", "bare": "engine without trail", "untied": "engine, not tied out", "trail": "engine",
}  # fmt: skip
# The budgets are limits a tenant sets, not costs of the path: the stubs allow more than a tenant would. They describe
# nothing of themselves either: definitions are a few requests, whatever is loaded.
CONFIG = """environment = "BENCHMARK"
[vault]
key = "file"
[sap.main]
base_url = "{sap}"
auth = "basic"
requests_per_second = 10000
[anaplan.main]
api_url = "{anaplan}"
auth_url = "{anaplan}"
auth = "basic"
workspace_id = "{workspace}"
model_id = "{model}"
burst = 600
[flows.gl_line_items.drift]
watch = false
"""


def run_engine(sap: str, anaplan: str, *, trail: bool, tied: bool) -> None:
    """The product's own worker on a real store, for one run of one flow."""
    from tui_connector.bootstrap import open_installation
    from tui_connector.domain.flow import LoadFlow
    from tui_connector.domain.run import ReadMode, RunRequest, RunState
    from tui_connector.domain.tie import Verdict
    from tui_connector.engine.transfer import Transfer

    class WithoutTrail(Transfer):
        """Keeps nothing: what the trail costs is the difference."""

        def _keep(self, staged: StagedPage) -> None:
            pass

    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder, ExitStack() as stack:
        if not trail:
            stack.enter_context(patch("tui_connector.engine.load.Transfer", WithoutTrail))
        path = Path(folder) / "config.toml"
        path.write_text(CONFIG.format(sap=sap, anaplan=anaplan, workspace=WORKSPACE, model=MODEL), encoding="utf-8")
        with open_installation(str(path)) as installation:
            for name in ("sap.main", "anaplan.main"):
                installation.set_credential(name, {"user": "benchmark", "password": "secret"})
            if not tied:
                bare = (replace(one, totals=None) if isinstance(one, LoadFlow) else one for one in installation.flows)
                installation = replace(installation, flows=tuple(bare))  # noqa: PLW2901 - the same, but for its flows
            (run_id,) = installation.request_runs([RunRequest("gl_line_items", ReadMode.DELTA)], "benchmark")

            async def work() -> None:
                async with installation.worker() as worker:
                    ended = partial(_ended, run_id)
                    await worker.serve(asyncio.Event(), until=ended, scheduled=False)

            def _ended(run_id: int) -> bool:
                return installation.store.runs.get(run_id).state.ended

            def go() -> float:
                asyncio.run(work())
                run = installation.store.runs.get(run_id)
                assert run.state is RunState.DONE, f"{run.state}: {run.reason}"
                tie = installation.store.ties.get(run_id)
                assert tie is not None
                if trail:  # what keeps no trail is not tied
                    assert tie.verdict is (Verdict.TIED if tied else Verdict.UNVERIFIED), tie.words
                return run.counts.loaded

            timed(go)


def run_naive(sap: str, anaplan: str) -> None:
    from . import naive

    timed(lambda: naive.load(sap, anaplan))


def once(rows: int, sap: str, anaplan: str, variant: str) -> Figures:
    found = measure("benchmarks.load", "--run", variant, "--sap", sap, "--anaplan", anaplan)
    with urllib.request.urlopen(f"{anaplan}/2/0/counts", timeout=10) as answer:
        counts = load(answer)["counts"]
    assert found["done"] == rows, found
    assert counts["joined"] == counts["chunks"] > 0, counts
    return found


def show(rows: int, found: dict[str, Figures]) -> None:
    naive = found.get("naive")
    lines = []
    for variant, one in found.items():
        ratio = "–" if naive is None else f"{naive['wall'] / one['wall']:.2f}"
        cpu = "–" if naive is None else f"{naive['cpu'] / one['cpu']:.2f}"
        lines.append((
            VARIANTS[variant], f"{rows / one['wall']:,.0f}", f"{one['wall']:.2f}", f"{one['cpu']:.2f}", f"{one['rss']:.0f}",
            ratio, cpu,
        ))  # fmt: skip
    table((f"{rows:,} rows", "rows/s", "wall s", "CPU s", "peak MB", "wall × naive", "CPU × naive"), lines)


def compare(rows: int, rounds: int, variants: list[str]) -> dict[str, Figures]:
    with stub("sap", "--rows", str(rows)) as sap, stub("anaplan", "--rows", str(rows)) as anaplan:
        found = alternate(variants, rounds, partial(once, rows, sap, anaplan))
    show(rows, found)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=250_000, help="a multiple of 5,000")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--variants", default=",".join(VARIANTS), help=f"which of {','.join(VARIANTS)} take part")
    parser.add_argument("--large", type=int, default=0, help="one more round with this many rows, for the memory")
    parser.add_argument("--run", choices=tuple(VARIANTS))
    parser.add_argument("--sap", default="")
    parser.add_argument("--anaplan", default="")
    chosen = parser.parse_args()
    if chosen.run == "naive":
        run_naive(chosen.sap, chosen.anaplan)
    elif chosen.run:
        trail, tied = chosen.run != "bare", chosen.run == "trail"
        run_engine(chosen.sap, chosen.anaplan, trail=trail, tied=tied)
    else:
        small = compare(chosen.rows, chosen.rounds, chosen.variants.split(","))
        if chosen.large:
            large = compare(chosen.large, 1, [name for name in chosen.variants.split(",") if name != "naive"])
            for variant, one in large.items():
                print(
                    f"memory of {VARIANTS[variant]}: {one['rss'] / small[variant]['rss']:.2f} × that at {chosen.rows:,}"
                )


if __name__ == "__main__":
    main()
