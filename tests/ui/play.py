"""The console over an afternoon's folder, in a process of its own: `play.py FOLDER [read-only]`."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

from tui_connector.ui.app import Console

# A package of that name may be installed beside us.
_tests = ModuleType("tests")
_tests.__path__ = [str(Path(__file__).resolve().parent.parent)]
sys.modules["tests"] = _tests


def main(folder: Path, *options: str) -> int:
    """Sit down at the desk, until it is left."""
    made, clock = import_module("tests.ui.installation"), import_module("tests.ui.still")
    now = import_module("tests.ui.afternoon").NOW
    customer = made.open_customer(folder, clock.Still(now), read_only="read-only" in options)
    app = Console(made.desk_of(customer), attend=False)
    app.run()
    return app.return_code or 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
