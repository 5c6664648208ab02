"""Runs each variant in a process of its own, takes its figures, and lays medians beside each other."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

FOLDER = Path(__file__).resolve().parents[1]
Figures = dict[str, float]


def environment() -> dict[str, str]:
    """This process's environment, with the package beside the tests in reach."""
    return {**os.environ, "PYTHONPATH": str(FOLDER.parent)}


@contextmanager
def stub(*arguments: str) -> Iterator[str]:
    """A stub in a process of its own; its address."""
    command = [sys.executable, "-m", "benchmarks.stubs", *arguments]
    with subprocess.Popen(
        command, cwd=FOLDER, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}"
        process.stdin.close()


def timed(work: Callable[[], float]) -> None:
    """Do the work, and print its figures: its own seconds (imports left out), CPU of all threads, and the process's peak.

    work answers how many units it did.
    """
    cpu, wall = time.process_time(), time.perf_counter()
    done = work()
    figures = {"done": done, "cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    print(json.dumps({**figures, "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def measure(module: str, *arguments: str) -> Figures:
    """One round of a variant."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=FOLDER, env=environment(), check=True, stdout=subprocess.PIPE, text=True)
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def alternate(variants: Sequence[str], rounds: int, once: Callable[[str], Figures]) -> dict[str, Figures]:
    """Medians of `rounds` rounds in which every variant takes its turn."""
    taken: dict[str, list[Figures]] = {variant: [] for variant in variants}
    for _ in range(rounds):
        for variant, found in taken.items():
            found.append(once(variant))
    return {
        variant: {name: statistics.median(one[name] for one in found) for name in found[0]}
        for variant, found in taken.items()
    }


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print columns: the first to the left, the others to the right."""
    lines = [list(map(str, row)) for row in (heads, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        print("  ".join([line[0].ljust(widths[0]), *cells]))
