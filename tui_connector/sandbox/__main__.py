"""`python -m tui_connector.sandbox`: arguments, the one line on stdout, and the end with the parent."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from threading import Thread

from tui_connector.sandbox.server import SandboxOptions, SandboxServer, build_sandbox


def read_options(arguments: list[str] | None = None) -> tuple[SandboxOptions, bool]:
    """The options, and whether to die when stdin ends."""
    parser = argparse.ArgumentParser(prog="python -m tui_connector.sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--seed", type=int, default=7, help="seed of the ledger's random data")
    parser.add_argument("--line-items", type=int, default=20_000, help="about how many ledger line items to make up")
    parser.add_argument("--page-size", type=int, default=1_000, help="largest page of the SAP tenant")
    parser.add_argument("--parent-pipe", action="store_true", help="end when stdin reaches its end")
    found = parser.parse_args(arguments)
    return SandboxOptions(found.port, found.seed, found.line_items, found.page_size), found.parent_pipe


def announce(port: int) -> None:
    """Print the one JSON line a starting process waits for."""
    print(json.dumps({"port": port}), flush=True)


def stop_with_parent(server: SandboxServer) -> None:
    """Wait for the end of stdin, then stop the server."""
    # Not through sys.stdin: a thread that waits inside its buffer aborts the interpreter's exit.
    while os.read(0, 4096):
        pass
    server.should_exit = True


def main() -> int:
    """Serve until told to stop."""
    options, parent_pipe = read_options()
    server = SandboxServer(build_sandbox(options), options.port, announce)
    # uvicorn shuts down on SIGTERM and then raises it again; by default that would skip every clean-up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if parent_pipe:
        Thread(target=stop_with_parent, args=(server,), daemon=True).start()
    try:
        server.serve_until_stopped()
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
