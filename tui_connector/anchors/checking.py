"""Holds checkpoints that left the machine against the store that is there now."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from tui_connector.anchors.notes import is_signed
from tui_connector.domain.checkpoint import read_notes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_connector.domain.checkpoint import Note, VerifierKey
    from tui_connector.store.store import Store


class Fit(StrEnum):
    """What holding a checkpoint against the store came to, the worst last.

    rewritten: the store holds another event where the checkpoint was taken. behind: it ends before. forged: no known
    key has signed it, or it cannot be read. foreign: it was taken of another store.
    """

    FITS = "fits"
    REWRITTEN = "rewritten"
    BEHIND = "behind"
    FORGED = "forged"
    FOREIGN = "foreign"


_WORSE = tuple(Fit)


@dataclass(frozen=True, slots=True)
class Finding:
    """The worst of some checkpoints. notes: how many fit. reaches: the last event that one of these covers.

    seq: where the finding is, 0 when it is about no event. words: what was found, one sentence without its full stop.
    """

    fit: Fit
    words: str
    notes: int = 0
    reaches: int = 0
    seq: int = 0


def check_text(store: Store, text: str, keys: Sequence[VerifierKey]) -> Finding:
    """Every note of a file; one that cannot be read is a forged one."""
    try:
        notes = read_notes(text)
    except ValueError as error:
        return Finding(Fit.FORGED, f"what stands from {error}")
    return check(store, notes, keys)


def check(store: Store, notes: Sequence[Note], keys: Sequence[VerifierKey]) -> Finding:
    """The worst finding of these notes."""
    found = [_check_one(store, note, keys) for note in notes]
    good = [one for one in found if one.fit is Fit.FITS]
    reaches = max((one.seq for one in good), default=0)
    worst = max(found, key=lambda one: _WORSE.index(one.fit), default=None)
    if worst is None or worst.fit is Fit.FITS:
        return Finding(Fit.FITS, f"{len(good)} fit, up to event {reaches}", len(good), reaches)
    return Finding(worst.fit, worst.words, len(good), reaches, worst.seq)


def _check_one(store: Store, note: Note, keys: Sequence[VerifierKey]) -> Finding:
    said = note.checkpoint
    if said.store != store.id:
        return Finding(Fit.FOREIGN, f"a checkpoint was taken of the store {said.store}, and this is {store.id}")
    if not is_signed(note, keys):
        return Finding(Fit.FORGED, f"no key known here has signed the checkpoint of event {said.seq}", seq=said.seq)
    event, last = store.audit.event(said.seq), store.audit.last_seq()
    if event is None and said.seq > last:
        words = f"the log ends at event {last}, but a checkpoint tells of event {said.seq}: it was cut, or put back"
        return Finding(Fit.BEHIND, words, seq=said.seq)
    if event is None or event.digest != said.digest:
        words = f"event {said.seq} is not the one that was there when its checkpoint was signed"
        return Finding(Fit.REWRITTEN, words, seq=said.seq)
    return Finding(Fit.FITS, "", seq=said.seq)
