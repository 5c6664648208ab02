"""The worker's care for alerts: a look now and then, in a thread that nobody waits for."""

from __future__ import annotations

import logging
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from tui_connector.alerting.ring import ring
from tui_connector.alerting.teller import Teller
from tui_connector.domain.alert import Telling
from tui_connector.domain.errors import StoreLostError
from tui_connector.views.alerts import message_of, read_alerts

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui_connector.domain.alert import Alert, Message
    from tui_connector.settings.sections import Settings
    from tui_connector.store.store import Store
    from tui_connector.vault import Vault
    from tui_connector.views.desk import Desk

log = logging.getLogger("tui_connector.worker")


class Alerts:
    """One look at a time; a target that hangs holds up nothing but the next look."""

    def __init__(self, look: Callable[[str], object], seconds: float) -> None:
        self._look_at = look
        self._seconds = seconds
        self._looking: threading.Thread | None = None
        self._next = time.monotonic() + seconds  # a worker that works off one run and ends leaves it to others

    def tick(self, actor: str) -> None:
        """Begin a look when it is time and none is under way."""
        if time.monotonic() < self._next or (self._looking is not None and self._looking.is_alive()):
            return
        self._next = time.monotonic() + self._seconds
        self._looking = threading.Thread(target=self._look, args=(actor,), name="alerts", daemon=True)
        self._looking.start()

    def _look(self, actor: str) -> None:
        try:
            self._look_at(actor)
        except StoreLostError as error:
            log.debug("alerts were not seen to: %s", error)
        except Exception:
            log.exception("alerts were not seen to; they are looked at again")


def teller(settings: Settings, store: Store, vault: Vault, desk: Desk) -> Teller:
    """Who tells the targets of [alerts] what needs a person, as the overview says it."""
    given = settings.alerts

    def tell(one: Alert, telling: Telling) -> list[tuple[str, Message]]:
        return [
            (name, message_of(desk, one, telling, details=target.details))
            for name, target in given.targets.items()
            if target.takes(one.kind, one.severity, settings.environment)
            and (target.all_clear or telling is not Telling.OVER)
        ]

    return Teller(
        store, vault, ring, find=lambda: read_alerts(desk, given.rejects_from), tell=tell,
        again=timedelta(hours=given.again_hours) if given.again_hours else None, seconds=given.send_seconds,
    )  # fmt: skip
