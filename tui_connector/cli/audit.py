"""audit: the chain of events, found under a filter, written into files, and recomputed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tui_connector.anchors.checking import Fit, check_text
from tui_connector.bootstrap import open_installation
from tui_connector.cli import Exit
from tui_connector.cli.bar import events_bar
from tui_connector.cli.files import write_whole
from tui_connector.cli.out import moment, print_json, say, table
from tui_connector.domain.checkpoint import VerifierKey
from tui_connector.domain.errors import ConfigError
from tui_connector.views import audit as told
from tui_connector.views import audit_export, events
from tui_connector.views.words import actor, figure

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

_CODES = {
    Fit.REWRITTEN: Exit.FAILED, Fit.BEHIND: Exit.NOT_TIED, Fit.FORGED: Exit.REFUSED, Fit.FOREIGN: Exit.USAGE,
}  # fmt: skip
_NEWEST = 50


def show(given: argparse.Namespace) -> int:
    """Events that fit, newest last; or all of them as a file."""
    words = [
        " ".join(given.filter),
        f"run:{given.run}" if given.run else "",
        f"kind:{given.kind}" if given.kind else "",
    ]
    with open_installation(given.config, read_only=True) as installation:
        desk = installation.desk()
        view = told.read_view(desk, " ".join(word for word in words if word))
        if given.format or given.output:
            return _export(given, audit_export.FORMATS[given.format or "csv"](desk, view, given.limit))
        found = list(audit_export.each(desk, view, given.limit or _NEWEST))
    if given.json:
        print_json([told.describe(event) for event in found])
    elif not found:
        say(given, [], told.empty(view).removesuffix(" esc clears the filter."))
    else:
        rows = [
            (e.seq, moment(e.at), e.fact.kind, actor(e.fact.actor, view.names), events.text_of(e.fact)) for e in found
        ]
        table(("seq", "at (UTC)", "event", "by", "what it says"), rows, numbers=("seq",), spare=("by",))
    return Exit.DONE


def _export(given: argparse.Namespace, pieces: Iterator[str]) -> int:
    if given.output is None:
        sys.stdout.writelines(pieces)
        return Exit.DONE
    path = Path(given.output).absolute()
    size, digest = write_whole(path, pieces)
    value = {"format": given.format or "csv", "file": str(path), "bytes": size, "sha256": digest}
    say(given, value, f"{path}: {figure(size)} bytes, SHA-256 {digest}.")
    return Exit.DONE


def verify(given: argparse.Namespace) -> int:
    """Recompute the chain, the payloads and the records they cover; with --note the log tells that it was done.

    With --anchor the checkpoints of a file have to fit a chain that is sound. What is wrong decides the exit code.
    """
    with open_installation(given.config, read_only=not given.note) as installation:
        desk = installation.desk()
        anchor = _anchor(given)
        last = desk.store.audit.last_seq()
        with events_bar() as tell:
            found = told.verify(desk, tell and (lambda seq: tell(seq, last)), from_seq=given.since)
        keys = _keys(given.key) if given.key else desk.store.checkpoints.verifiers()
        broken = found.broken_at is not None
        fit = None if anchor is None or broken else check_text(desk.store, anchor, keys)
    verdict, code = ("broken", Exit.FAILED) if broken else ("sound", Exit.DONE)
    if fit is not None and fit.fit is not Fit.FITS:
        verdict, code = str(fit.fit), _CODES[fit.fit]
    value = {
        "verdict": verdict,
        "sound": code is Exit.DONE,
        "events": found.up_to,
        "records": found.records,
        "broken_at": found.broken_at,
        "finding": found.finding or "everything fits",
    }
    counted = f"{figure(found.up_to)} events and {figure(found.records)} records"
    lines = [f"✗ Broken at event {found.broken_at}: {found.finding}" if broken else f"✓ The chain is sound: {counted}."]
    if fit is not None:
        value["anchor"] = {"fit": fit.fit, "finding": fit.words, "notes": fit.notes, "reaches": fit.reaches}
        fits = f"✓ Its checkpoints fit: {figure(fit.notes)}, up to event {figure(fit.reaches)}."
        lines.append(fits if fit.fit is Fit.FITS else f"✗ {fit.words[0].upper()}{fit.words[1:]}.")
    say(given, value, "\n".join(lines))
    return code


def _anchor(given: argparse.Namespace) -> str | None:
    """The notes to hold against the store; ConfigError for a file without one."""
    if given.anchor is None:
        return None
    text = _read(given.anchor)
    if not text.strip():
        raise ConfigError(f"{given.anchor} holds no checkpoint", hint="name a file that checkpoints were written to")
    return text


def _keys(given: str) -> tuple[VerifierKey, ...]:
    """The keys to trust in place of those that the store tells of: in a file one a line, or one as it is."""
    lines = [given] if "+" in given and not Path(given).exists() else _read(given).split("\n")
    try:
        return tuple(VerifierKey.from_text(line) for line in lines if line.strip())
    except ValueError as error:
        raise ConfigError(f"{given} is no verifier key: {error}", hint="`audit key` prints the right form") from error


def _read(path: str) -> str:
    try:
        return Path(path).read_bytes().decode()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", hint="check its name and rights") from error
    except UnicodeDecodeError:
        return "\ufffd"  # whatever it was, it is no note any more


def checkpoint(given: argparse.Namespace) -> int:
    """Sign how far the log reaches now, and send that out by every way there is."""
    with open_installation(given.config) as installation:
        keeper, by = installation.keeper(), installation.person()
        note = keeper.make(by)
        sent = keeper.send(by, now=True)
    seq = note.checkpoint.seq
    value = {
        "seq": seq, "hash": note.checkpoint.digest, "signer": note.checkpoint.signer, "note": note.to_text(),
        "sent": [{"way": one.way, "left": not one.said, "said": one.said} for one in sent],
    }  # fmt: skip
    lines = [f"✓ The log is signed up to event {figure(seq)}, by {note.checkpoint.signer}."]
    lines += [f"✗ {one.way}: {one.said}" if one.said else f"✓ It left by {one.way}." for one in sent]
    if not sent:
        lines.append("○ It stays in the store: no way out is configured under [evidence].")
    say(given, value, "\n".join(lines))
    return Exit.FAILED if any(one.said for one in sent) else Exit.DONE


def key(given: argparse.Namespace) -> int:
    """The public halves of the keys that sign checkpoints, to be kept where the store's administrator cannot write."""
    with open_installation(given.config, read_only=True) as installation:
        keys = [one.to_text() for one in installation.store.checkpoints.verifiers()]
    say(given, keys, "\n".join(keys) or "No checkpoint was signed yet: `audit checkpoint` makes the key and signs one.")
    return Exit.DONE
