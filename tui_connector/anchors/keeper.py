"""Makes checkpoints when they are due, and sees that they leave."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_connector.anchors.notes import CREDENTIAL, Signer
from tui_connector.domain.errors import ConfigError, ConnectorError
from tui_connector.domain.text import clean
from tui_connector.store.checkpoints import SIGNING, Uncovered
from tui_connector.store.database import to_moment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from tui_connector.anchors.ways import Way
    from tui_connector.domain.checkpoint import Note, VerifierKey
    from tui_connector.domain.clock import Clock
    from tui_connector.store.store import Store
    from tui_connector.vault import Vault

log = logging.getLogger("tui_connector.evidence")
_NOTHING = Uncovered(0, None, posted=False)
_AGAIN_SECONDS = (10.0, 60.0, 300.0)  # pauses of a way that does not work; the last one stays


@dataclass(frozen=True, slots=True)
class Pace:
    """A checkpoint is due after so many events, or so long after the first of them."""

    events: int
    after: timedelta


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a checkpoint on one way; said is empty when it left."""

    way: str
    said: str = ""


class Keeper:
    """The checkpoints of one installation. Its functions block: the disk, a socket, a program.

    A checkpoint is committed before it goes out, and that it left after; whoever dies in between sends it again.
    """

    def __init__(self, store: Store, vault: Vault, ways: Sequence[Way], pace: Pace, clock: Clock) -> None:
        self._store = store
        self._vault = vault
        self._ways = tuple(ways)
        self._pace = pace
        self._clock = clock
        self._signer: tuple[datetime, Signer] | None = None  # when it was sealed
        self._failed: dict[str, tuple[int, float]] = {}  # by way: how often in a row, and when again (monotonic)
        self._seen = (-1, _NOTHING)  # the last event, and what was uncovered then

    def look(self, actor: str) -> None:
        """Make what is due and send what has not left; nothing is raised, what does not work is told by an event."""
        try:
            if self._is_due() and self._may_try(SIGNING):
                self.make(actor)
                self._failed.pop(SIGNING, None)
        except ConnectorError as error:
            self._put_off(SIGNING, 0, error, actor)
        self.send(actor)

    def has_work(self) -> bool:
        """Whether a look would do something now; cheap to ask often."""
        if self._is_due() and self._may_try(SIGNING):
            return True
        return any(self._may_try(way.name) for way in self._behind())

    def prepare(self, actor: str) -> VerifierKey:
        """Make the key that signs, unless there is one, so that its public half can be kept elsewhere."""
        signer = self._open(actor)
        with self._store.transaction() as tx:
            self._store.checkpoints.add_key(tx, signer.key, actor)
        return signer.key

    def make(self, actor: str) -> Note:
        """Sign how far the chain reaches now; ConfigError when the key does not open."""
        signer = self._open(actor)
        with self._store.transaction() as tx:
            self._store.checkpoints.add_key(tx, signer.key, actor)
            seq, digest = self._store.checkpoints.head(tx)
            note = signer.sign(seq, digest, to_moment(tx.now))
            self._store.checkpoints.keep(tx, note, actor)
        return note

    def send(self, actor: str, *, now: bool = False) -> list[Sent]:
        """Hand the newest checkpoint to every way that lacks it; it covers those before. now: without any pause."""
        note = self._store.checkpoints.newest()
        if note is None:
            return []
        keys, told = self._store.checkpoints.verifiers(), list[Sent]()
        for way in self._behind():
            if not now and not self._may_try(way.name):
                continue
            try:
                way.send(note, keys)
            except ConnectorError as error:
                told.append(Sent(way.name, self._put_off(way.name, note.checkpoint.seq, error, actor)))
                continue
            self._failed.pop(way.name, None)
            with self._store.transaction() as tx:
                self._store.checkpoints.left(tx, way.name, note.checkpoint.seq, actor)
            told.append(Sent(way.name))
        return told

    def _behind(self) -> list[Way]:
        newest = self._store.checkpoints.reach()
        return [way for way in self._ways if self._store.checkpoints.way(way.name).reached < newest]

    def _is_due(self) -> bool:
        if self._store.credentials.key() is None:
            return False  # nothing can be sealed yet, and no tenant be called
        last = self._store.audit.last_seq()
        if last != self._seen[0]:
            self._seen = last, self._store.checkpoints.uncovered(self._pace.events)
        found = self._seen[1]
        if found.since is None:
            return False
        return found.posted or found.events >= self._pace.events or self._clock.now() - found.since >= self._pace.after

    def _may_try(self, way: str) -> bool:
        return way not in self._failed or self._clock.monotonic() >= self._failed[way][1]

    def _put_off(self, way: str, seq: int, error: ConnectorError, actor: str) -> str:
        times = self._failed.get(way, (0, 0.0))[0] + 1
        pause = _AGAIN_SECONDS[min(times, len(_AGAIN_SECONDS)) - 1]
        self._failed[way] = times, self._clock.monotonic() + pause
        said = clean(error.message)
        log.warning("checkpoint %s, %s: %s", seq, way, said)
        with self._store.transaction() as tx:
            self._store.checkpoints.stuck(tx, way, seq, said, actor)
        return said

    def _open(self, actor: str) -> Signer:
        """The key, made at its first use; another one after somebody made the vault forget it."""
        sealed = self._store.credentials.changed_at
        if sealed(CREDENTIAL) is None:
            self._vault.seal(CREDENTIAL, Signer.make(self._store.id).secret(), by=actor)
        at = sealed(CREDENTIAL)
        if at is not None and (self._signer is None or self._signer[0] != at):
            self._signer = at, Signer.open(self._store.id, self._vault)
        if self._signer is None:
            raise ConfigError("the key that signs checkpoints has just been deleted", hint="Try again.")
        return self._signer[1]
