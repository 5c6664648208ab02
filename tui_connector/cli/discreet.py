"""Keeps what is in this process's memory, secrets among it, from being written to a disk or read by a neighbour."""

from __future__ import annotations

import sys
from contextlib import suppress

_PR_SET_DUMPABLE = 4


def leave_no_core() -> None:
    """No core file of this process or its children, whatever the limits it was started with; no debugger may attach.

    A limit alone does not hold where the system hands cores to a program. Where one of the two is refused, the other
    stands; a hardened unit forbids both calls and has both itself.
    """
    if sys.platform != "linux":
        return
    import ctypes
    import resource

    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
