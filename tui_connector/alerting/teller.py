"""Looks at what needs a person, and tells the targets of what is new, what still stands and what is over."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tui_connector.domain.errors import ConfigError, ConnectorError
from tui_connector.domain.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import timedelta

    from tui_connector.alerting.ring import Ring
    from tui_connector.domain.alert import Alert, Message, Telling
    from tui_connector.store.alerts import Outgoing
    from tui_connector.store.store import Store
    from tui_connector.vault import Vault

log = logging.getLogger("tui_connector.alerts")
_AGAIN_SECONDS = (30.0, 120.0, 600.0, 1800.0, 3600.0)
_ATTEMPTS = 24  # the last of them after about twenty hours


def credential_of(target: str) -> str:
    """Under which name the vault keeps a target's address."""
    return f"alert.{target}"


class Teller:
    """The alerts of one installation, for any number of workers. Its functions block: the network may take its time.

    A message is committed before it is sent, and that it was taken after; whoever dies in between leaves it to be sent
    again. find: what stands now. tell: the targets of an alert, with their messages.
    """

    def __init__(
        self,
        store: Store,
        vault: Vault,
        ring: Ring,
        *,
        find: Callable[[], Sequence[Alert]],
        tell: Callable[[Alert, Telling], Sequence[tuple[str, Message]]],
        again: timedelta | None,
        seconds: float,
    ) -> None:
        self._store = store
        self._vault = vault
        self._ring = ring
        self._find = find
        self._tell = tell
        self._again = again
        self._seconds = seconds

    def look(self, actor: str) -> list[Outgoing]:
        """Write down what changed, then send what is due; the messages that were taken."""
        found = self._find()
        if self._store.alerts.differs(found, self._again):
            with self._store.transaction() as tx:
                self._store.alerts.settle(tx, found, self._tell, self._again, actor)
        return [one for one in self._store.alerts.due() if not self._send(one, actor)]

    def test(self, target: str, message: Message, actor: str) -> str:
        """Send a test at once; why it was not taken, "" when it was."""
        with self._store.transaction() as tx:
            number = self._store.alerts.test(tx, target, message, actor)
        one = self._store.alerts.message(number)
        return self._send(one, actor, last=True)

    def _send(self, one: Outgoing, actor: str, *, last: bool = False) -> str:
        """Why it was not taken by now; "" when it was."""
        with self._store.transaction() as tx:
            if not self._store.alerts.take(tx, one, 2 * self._seconds + 30.0):
                return "another worker sends it"
        try:
            url = self._vault.open(credential_of(one.target)).get("url", "")
            self._ring(url, one.message, self._seconds)
        except ConnectorError as error:
            said = clean(error.message)
            if isinstance(error, ConfigError):
                said = f"{said}; {clean(error.hint)}" if error.hint else said
            last = last or one.attempts + 1 >= _ATTEMPTS
            pause = None if last else _AGAIN_SECONDS[min(one.attempts, len(_AGAIN_SECONDS) - 1)]
            log.warning("alert to %s: %s", one.target, said)
            with self._store.transaction() as tx:
                self._store.alerts.failed(tx, one, said, pause, actor)
            return said
        with self._store.transaction() as tx:
            self._store.alerts.sent(tx, one, actor)
        return ""
