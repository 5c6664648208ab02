"""The command `tui-connector`."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line; the process's exit code."""
    from tui_connector.cli import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
