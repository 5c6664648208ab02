"""A store that cannot be had for now, as its worker meets it: told once, and asked again with growing rests."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui_connector.domain.errors import StoreLostError

log = logging.getLogger("tui_connector.worker")
_FIRST_REST, _LONGEST_REST = 1.0, 60.0


class Outage:
    """What a worker's looks and runs have met. error: why the store cannot be had now. losses: how often that was."""

    def __init__(self) -> None:
        self.error: StoreLostError | None = None
        self.losses = 0
        self._rest = 0.0
        self._rest_until = 0.0

    @property
    def resting(self) -> bool:
        """Whether no run is taken up yet."""
        return time.monotonic() < self._rest_until

    def met(self, error: StoreLostError) -> None:
        """The store could not be had; the same reason is said once, however often it comes."""
        if self.error is None or self.error.message != error.message:
            log.warning("%s; it is asked again (%s)", error, error.hint)
        self.error = error
        self.losses += 1

    def met_by_run(self, error: StoreLostError) -> None:
        """A run lost the store. It begins with reading its tenants anew, which is not done twice a second."""
        self.met(error)
        self._rest = min(max(2 * self._rest, _FIRST_REST), _LONGEST_REST)
        self._rest_until = time.monotonic() + self._rest

    def look_went_well(self) -> None:
        """The worker could write and read."""
        if self.error is not None and not self.resting:
            log.warning("the store can be had again")
            self.error = None

    def run_ended(self) -> None:
        """A run could write down its end."""
        self._rest = 0.0
