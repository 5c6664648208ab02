"""The ways by which a checkpoint leaves: a file that only grows, the system's journal, a command."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tui_connector.domain.errors import UnreachableError
from tui_connector.domain.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tui_connector.domain.checkpoint import Note, VerifierKey
    from tui_connector.settings.sections import EvidenceSettings

_SOCKET_SECONDS = 5.0
_TOLD = 300  # characters of what a command complained about


class Way(Protocol):
    """One way out. name: what it is called in events and on screens."""

    @property
    def name(self) -> str: ...

    def send(self, note: Note, keys: Sequence[VerifierKey]) -> None:
        """Hand a checkpoint over; UnreachableError when it was not taken."""


@dataclass(frozen=True, slots=True)
class FileWay:
    """Appends to a file, in one write that has reached the disk before it counts; the keys go into FILE.pub."""

    path: Path
    name: str = "file"

    def send(self, note: Note, keys: Sequence[VerifierKey]) -> None:
        try:
            _append(self.path, note.to_text() + "\n")
            beside = self.path.with_name(f"{self.path.name}.pub")
            known = beside.read_text(encoding="utf-8").splitlines() if beside.exists() else []
            missing = [key.to_text() for key in keys if key.to_text() not in known]
            if missing:
                _append(beside, "".join(f"{text}\n" for text in missing))
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UnreachableError(
                f"{self.path}: {reason}", hint="Mend the file or [evidence] file; it is tried again."
            ) from error


@dataclass(frozen=True, slots=True)
class JournalWay:
    """One datagram in journald's native protocol; what the socket took counts as handed over, nobody answers."""

    path: Path
    name: str = "journal"

    def send(self, note: Note, keys: Sequence[VerifierKey]) -> None:
        del keys  # the journal keeps notes alone
        checkpoint = note.checkpoint
        fields = {
            "MESSAGE": note.to_text(),
            "PRIORITY": "5",
            "SYSLOG_IDENTIFIER": "tui-connector-checkpoint",
            "TUI_CONNECTOR_STORE": checkpoint.store,
            "TUI_CONNECTOR_SEQ": str(checkpoint.seq),
        }
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.settimeout(_SOCKET_SECONDS)
                sender.connect(str(self.path))
                sender.send(b"".join(_field(name, value) for name, value in fields.items()))
        except OSError as error:
            raise UnreachableError(
                f"{self.path}: {error.strerror or error}",
                hint="Start the journal or mend [evidence] journal; it is tried again.",
            ) from error


@dataclass(frozen=True, slots=True)
class CommandWay:
    """A program without a shell: the note on its standard input, and only exit code 0 within the time counts."""

    argv: tuple[str, ...]
    seconds: float
    name: str = "command"

    def send(self, note: Note, keys: Sequence[VerifierKey]) -> None:
        del keys
        hint = "Mend the program or [evidence] command; it is tried again."
        try:
            with subprocess.Popen(  # noqa: S603 - the administrator names the program
                self.argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                start_new_session=True,
            ) as process:  # fmt: skip
                try:
                    _, said = process.communicate(note.to_text().encode(), self.seconds)
                except subprocess.TimeoutExpired:
                    with suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)  # what it has started as well
                    raise UnreachableError(f"{self.argv[0]} did not end within {self.seconds:g} s", hint=hint) from None
        except OSError as error:
            raise UnreachableError(f"{self.argv[0]}: {error.strerror or error}", hint=hint) from error
        if process.returncode:
            last = clean(said.decode(errors="replace").strip().rpartition("\n")[2], limit=_TOLD)
            raise UnreachableError(
                f"{self.argv[0]} ended with {process.returncode}" + (f": {last}" if last else ""), hint=hint
            )


def ways_out(evidence: EvidenceSettings) -> tuple[Way, ...]:
    """The configured ways by which checkpoints leave."""
    file = [FileWay(evidence.file)] if evidence.file else []
    journal = [JournalWay(evidence.journal)] if evidence.journal else []
    command = [CommandWay(evidence.command, evidence.command_seconds)] if evidence.command else []
    return (*file, *journal, *command)


def _append(path: Path, text: str) -> None:
    """Add whole lines to a file's end and wait for the disk; what a full disk left half written is taken back."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        size = os.fstat(opened).st_size
        torn = size and os.pread(opened, 1, size - 1) != b"\n"  # the power failed here once
        content = (b"\n" if torn else b"") + text.encode()
        if os.write(opened, content) != len(content):
            os.ftruncate(opened, size)
            raise OSError(None, "the disk is full")
        os.fsync(opened)
    finally:
        os.close(opened)
    if new:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _field(name: str, value: str) -> bytes:
    """A field of journald's native protocol; a value of several lines goes with its length."""
    content = value.encode()
    if b"\n" not in content:
        return name.encode() + b"=" + content + b"\n"
    return name.encode() + b"\n" + struct.pack("<Q", len(content)) + content + b"\n"
