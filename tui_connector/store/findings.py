"""What a verification stumbles over."""

from __future__ import annotations


class Broken(Exception):  # noqa: N818  (a finding, not an error)
    """Ends the verification. seq: the event that tells otherwise, 0 when none does."""

    def __init__(self, seq: int, finding: str) -> None:
        super().__init__(finding)
        self.seq = seq
        self.finding = finding
