"""A terminal of its own: a process on a real pty, the bytes that reach it, and what it shows of them."""

from __future__ import annotations

import os
import re
import signal
import time
import unicodedata
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pexpect
import pyte

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

ROOT = Path(__file__).resolve().parent.parent.parent
_PATIENCE = 30.0
_QUIET = 0.4
# What may be between two texts: CSI, OSC, other strings up to their end, two-character sequences.
_SEQUENCE = re.compile(
    rb"\x1b\[([<=>?]?)[0-9;:]*([ -/]*[@-~])"
    rb"|\x1b(\]\d*|[P_^X]).*?(?:\x07|\x1b\\)"
    rb"|\x1b([ -/]*[0-~])",
    re.DOTALL,
)
KEYS = {
    "enter": "\r", "esc": "\x1b", "tab": "\t", "up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C", "left": "\x1b[D",
    "home": "\x1b[H", "end": "\x1b[F", "pgup": "\x1b[5~", "pgdn": "\x1b[6~", "backspace": "\x7f", "ctrl+p": "\x10",
    "ctrl+c": "\x03", "ctrl+q": "\x11", "space": " ", "f2": "\x1bOQ", "f3": "\x1bOR", "f4": "\x1bOS", "f5": "\x1b[15~",
    "f6": "\x1b[17~", "f10": "\x1b[21~",
}  # fmt: skip


def environment() -> dict[str, str]:
    """That of a person whose terminal shows every colour; the project is found from any folder."""
    gone = ("NO_COLOR", "UNICODE_VERSION", "COLUMNS", "LINES")
    kept = {name: value for name, value in os.environ.items() if name not in gone}
    return {**kept, "TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONPATH": str(ROOT)}


class Shown(pyte.Screen):
    """What the terminal shows; it does not answer, as one that is too old for the question."""

    def write_process_input(self, data: str) -> None:
        """No answer."""

    def report_device_attributes(self, mode: int = 0, **private: bool) -> None:
        """No answer."""


class Terminal:
    """One process with this as its controlling terminal."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        size: tuple[int, int] = (120, 40),
        variables: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        columns, rows = size
        self.screen = Shown(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = bytearray()
        self.process = pexpect.spawn(
            command[0], list(command[1:]), dimensions=(rows, columns), timeout=_PATIENCE, env={**environment(), **(variables or {})},
            cwd=str(folder) if folder else None,
        )  # fmt: skip
        self.process.delaybeforesend = None
        self.ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            print(f"--- the terminal's last screen\n{self.text}\n---")
        self.close()

    # --- what it shows ------------------------------------------------------------------------------------------

    @property
    def lines(self) -> list[str]:
        """The rows, each character once."""
        return ["".join(self.cells(row)).rstrip() for row in range(self.screen.lines)]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def cells(self, row: int) -> list[str]:
        """A row cell by cell: the second cell of a wide character is empty."""
        line = self.screen.buffer[row]
        return [line[column].data for column in range(self.screen.columns)]

    def read(self, seconds: float = 0.05) -> bool:
        """Take in what has come, for so long at most; False when nothing did."""
        if self.ended:
            return False
        try:
            data: bytes = self.process.read_nonblocking(65536, seconds)
        except pexpect.TIMEOUT:
            return False
        except pexpect.EOF:
            self.ended = True
            return False
        self.raw += data
        self._stream.feed(data)
        return True

    def settle(self, quiet: float = _QUIET, most: float = 5.0) -> None:
        """Until nothing has come for a while (a clock that ticks is waited for no longer than `most`)."""
        end = time.monotonic() + most
        last = time.monotonic()
        while time.monotonic() - last < quiet and time.monotonic() < end and not self.ended:
            if self.read(min(quiet, 0.05)):
                last = time.monotonic()

    def until(self, true: Callable[[str], Any] | str, seconds: float = _PATIENCE) -> str:
        """Until the screen shows this text, or this is true of it."""
        good = (lambda text: true in text) if isinstance(true, str) else true
        end = time.monotonic() + seconds
        while not good(self.text):
            assert not self.ended, f"the process has ended (looking for {true})\n{self.text}"
            assert time.monotonic() < end, f"not within {seconds} s: {true}\n{self.text}"
            self.read()
        return self.text

    # --- what is done to it -------------------------------------------------------------------------------------

    def send(self, data: str | bytes) -> None:
        """Bytes as they are, as from a keyboard."""
        self.process.send(data)

    def press(self, *keys: str, quiet: float = 0.15) -> None:
        """Keys by their names, each after what came before has been drawn."""
        for key in keys:
            self.send(KEYS.get(key, key))
            self.settle(quiet, 2.0)

    def type(self, text: str) -> None:
        """A text, key by key."""
        for char in text:
            self.send(char)
            self.read(0.02)
        self.settle(0.15, 2.0)

    def resize(self, columns: int, rows: int) -> None:
        """Another size, told to the process as a terminal does."""
        self.screen.resize(rows, columns)
        self.process.setwinsize(rows, columns)
        self.settle(0.3, 3.0)

    def wait(self, seconds: float = _PATIENCE) -> int:
        """Until the process has ended; its exit code."""
        end = time.monotonic() + seconds
        while not self.ended:
            assert time.monotonic() < end, f"still there after {seconds} s\n{self.text}"
            self.read(0.1)
        self.process.close()
        return int(self.process.exitstatus if self.process.exitstatus is not None else -self.process.signalstatus)

    def close(self) -> None:
        """End it, and what it left."""
        if self.process.isalive():
            self.process.kill(signal.SIGKILL)
        self.process.close(force=True)

    def find(self, word: str) -> list[tuple[int, int]]:
        """Row and first cell of a word, wherever it stands."""
        found = []
        for row in range(self.screen.lines):
            line = "".join(cell or "\0" for cell in self.cells(row))
            at = line.find(word)
            while at >= 0:
                found.append((row, at))
                at = line.find(word, at + 1)
        return found

    # --- what reached it ----------------------------------------------------------------------------------------

    def sequences(self) -> Counter[str]:
        """The kinds of escape sequences that reached it: "[m" for colours, "]52" for the clipboard, and so on."""
        return kinds(bytes(self.raw))


def kinds(raw: bytes) -> Counter[str]:
    """Kinds of the escape sequences in what a process wrote."""
    found = Counter[str]()
    for match in _SEQUENCE.finditer(raw):
        private, final, string, two = match.groups()
        name = f"[{private.decode()}{final.decode()}" if final else (string or two).decode()
        found[name] += 1
    return found


def texts(raw: bytes) -> str:
    """All that is not an escape sequence."""
    return _SEQUENCE.sub(b"", raw).decode("utf-8")


def strays(raw: bytes) -> set[str]:
    """Characters outside escape sequences that a terminal would obey, join or turn around."""
    found = {char for char in set(texts(raw)) if unicodedata.category(char)[0] in "CM" or char in "\u2028\u2029"}
    return found - {"\r", "\n"}
