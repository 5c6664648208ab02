"""Named moments of a posting, so that tests can let the process die at each of them."""

from __future__ import annotations

MOMENTS = (
    "admitted",  # signatures and content checked, nothing written
    "ready",  # documents are READY
    "looked first",  # SAP was asked for the document before the first sending
    "sending",  # SENDING is committed, no byte has left
    "marked",  # the posting mark is written
    "answered",  # SAP's answer is read, not committed
    "settled",  # its outcome is committed
    "unknown looked",  # an unknown outcome was looked up, not committed
    "proved",  # the read-back is read, not committed
    "documents done",  # every document is settled, the run is not
)


def reached(name: str) -> None:
    """Does nothing; a crash test puts its own in this place. `name` is one of MOMENTS."""
