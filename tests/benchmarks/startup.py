"""How long `tui-connector --help` takes beside a Python that does nothing, and what the headless worker's imports take.

python -m benchmarks.startup [--rounds 10]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from functools import partial

from .figures import FOLDER, Figures, alternate, environment, table

WORKER = "import tui_connector.bootstrap, tui_connector.cli.worker"
VARIANTS = {
    "bare Python (-c pass)": "pass",
    "import argparse": "import argparse",
    "tui-connector --help": "import sys; sys.argv = ['tui-connector', '--help']; from tui_connector.__main__ import main; sys.exit(main())",
    "imports of --no-ui": f"{WORKER}; import sys; assert 'textual' not in sys.modules",
    "imports of everything": f"{WORKER}, textual.app, textual.widgets, rich.console",
}


def once(surroundings: dict[str, str], variant: str) -> Figures:
    command = [sys.executable, "-c", VARIANTS[variant]]
    before = time.perf_counter()
    subprocess.run(command, cwd=FOLDER, env=surroundings, check=True, stdout=subprocess.DEVNULL)
    return {"wall": time.perf_counter() - before}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as compiled:
        surroundings = {**environment(), "PYTHONPYCACHEPREFIX": compiled}  # compiled once, as where it is installed
        surroundings.pop("PYTHONDONTWRITEBYTECODE", None)
        for variant in VARIANTS:
            once(surroundings, variant)
        found = alternate(tuple(VARIANTS), chosen.rounds, partial(once, surroundings))
    bare, everything = found["bare Python (-c pass)"]["wall"], found["imports of everything"]["wall"]
    lines = [
        (name, f"{one['wall'] * 1000:.0f}", f"{one['wall'] / bare:.2f}", f"{one['wall'] / everything:.2f}")
        for name, one in found.items()
    ]
    table(("process", "ms", "× bare Python", "× everything"), lines)


if __name__ == "__main__":
    main()
