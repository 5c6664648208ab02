"""Delimited text out of byte chunks: decoded and parsed as it comes, whatever the chunk borders cut through."""

from __future__ import annotations

import codecs
import csv
from collections import deque
from typing import TYPE_CHECKING

from tui_connector.domain.errors import ContractChangedError
from tui_connector.domain.text import clean

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

_BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
_LONGEST_FIELD = 16 * 1024 * 1024


async def decode_text(chunks: AsyncIterator[bytes], encoding: str = "UTF-8") -> AsyncIterator[str]:
    """Text of a chunked file, without its byte order mark; a character may be cut by a border.

    Raises:
        ContractChangedError: the bytes are not of that encoding, or nobody knows the encoding.
    """
    try:
        decoder = codecs.getincrementaldecoder(encoding)()
    except LookupError as error:
        raise ContractChangedError(
            f"Anaplan names the encoding {clean(encoding, limit=40)!r}, which is unknown here.",
            hint="Set the file's or the export's encoding to UTF-8 in Anaplan.",
        ) from error
    started = False
    try:
        async for chunk in chunks:
            text = decoder.decode(chunk)
            if text:
                yield text if started else text.removeprefix(_BOM)
                started = True
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise ContractChangedError(
            f"A file that Anaplan calls {encoding} holds bytes that are not: {error.reason}.",
            hint="Compare the encoding saved with the file or export in Anaplan with what it holds.",
        ) from error


async def parse_csv(
    texts: AsyncIterator[str], *, separator: str = ",", qualifier: str = '"'
) -> AsyncIterator[list[str]]:
    """Records of a delimited text; CRLF and LF end one, blank lines are left out.

    Raises:
        ContractChangedError: the text ends inside a quoted field, or is no such text at all.
    """
    parser = _Parser(separator, qualifier)
    async for text in texts:
        for record in parser.feed(text):
            yield record
    for record in parser.finish():
        yield record


class _Parser:
    """Feeds csv.reader whole lines; a record that runs out of lines is taken back and read again with the next ones."""

    def __init__(self, separator: str, qualifier: str) -> None:
        self._separator = separator
        self._qualifier = qualifier
        self._lines: deque[str] = deque()
        self._taken: list[str] = []
        self._rest = ""
        self._ended = False
        self._ran_dry = False

    def feed(self, text: str) -> Iterator[list[str]]:
        lines = (self._rest + text).split("\n")
        self._rest = lines.pop()
        self._lines.extend(line + "\n" for line in lines)
        yield from self._records()

    def finish(self) -> Iterator[list[str]]:
        self._ended = True
        if self._rest:
            self._lines.append(self._rest)
        yield from self._records()
        if self._lines:
            raise ContractChangedError(
                "A delimited text from Anaplan ends inside a quoted field.",
                hint="Run the export again; if this stays, look at the file's text qualifier in Anaplan.",
            )

    def __iter__(self) -> _Parser:
        return self

    def __next__(self) -> str:
        if not self._lines:
            self._ran_dry = bool(self._taken)
            raise StopIteration
        line = self._lines.popleft()
        self._taken.append(line)
        return line

    def _records(self) -> Iterator[list[str]]:
        if self._qualifier:
            reader = csv.reader(self, delimiter=self._separator, quotechar=self._qualifier)
        else:
            reader = csv.reader(self, delimiter=self._separator, quoting=csv.QUOTE_NONE)
        while True:
            self._taken.clear()
            self._ran_dry = False
            try:
                record = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise ContractChangedError(
                    f"A delimited text from Anaplan cannot be parsed: {error}.",
                    hint="Look at the separator and the text qualifier that Anaplan has saved for it.",
                ) from error
            if self._ran_dry:
                self._take_back()
                return
            if record:
                yield record

    def _take_back(self) -> None:
        if sum(map(len, self._taken)) > _LONGEST_FIELD:
            raise ContractChangedError(
                "A record of a delimited text from Anaplan does not end.",
                hint="Look at the text qualifier that Anaplan has saved for it.",
            )
        self._lines.extendleft(reversed(self._taken))
