"""The worker's own command line, on a machine whose name service can be taken away: while a file stands, no name resolves.

What the worker looks up again after seconds and minutes it looks up sooner here.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Any

from tui_connector.__main__ import main
from tui_connector.engine import action, worker
from tui_connector.store import sqlite

_ask = socket.getaddrinfo


def getaddrinfo(host: Any, *more: Any, **named: Any) -> Any:
    """As the system's, which tells the same of a name service that does not answer."""
    if host in ("localhost", b"localhost") and Path(os.environ["NAMES_ARE_GONE"]).exists():
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    return _ask(host, *more, **named)


if __name__ == "__main__":
    socket.getaddrinfo = getaddrinfo
    worker._RESUME_SECONDS = 1.0
    action._LOOK_SECONDS = 0.2
    sqlite._PATIENCE = 2.0
    sys.exit(main())
