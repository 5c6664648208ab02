"""One page of SAP records compared with the trail and laid out as lines of an Anaplan file: pure."""

from __future__ import annotations

import hashlib
from binascii import b2a_base64
from dataclasses import dataclass
from itertools import count, repeat
from typing import TYPE_CHECKING, Any

from tui_connector.anaplan.rows import RowEncoder
from tui_connector.domain.cause import bad_value, unknown_member
from tui_connector.domain.record import Outcome, Record, Reject, RejectedBy
from tui_connector.domain.run import Counts
from tui_connector.engine.layout import KEY_JOINT
from tui_connector.sap.rows import Columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from tui_connector.anaplan.model import File
    from tui_connector.engine.layout import Layout
    from tui_connector.sap.reader import FieldFault, SourcePage

FIRST_DATA_LINE = 2  # line 1 is the header
_EMPTY = hashlib.blake2b(digest_size=16)


def content_digest(line: str) -> str:
    """22 characters that stand for a record's content as it goes into the file."""
    digest = _EMPTY.copy()  # a quarter quicker than a new one, and this runs once a record
    digest.update(line.encode())
    return b2a_base64(digest.digest(), newline=False)[:22].decode()


@dataclass(slots=True)
class Tally:
    """Counts that grow while pages stream by."""

    read: int = 0
    unchanged: int = 0
    sent: int = 0
    rejected: int = 0

    def counts(self) -> Counts:
        return Counts(read=self.read, unchanged=self.unchanged, sent=self.sent, rejected=self.rejected)


@dataclass(frozen=True, slots=True)
class FilePage:
    """Records of one page, laid out as the file's columns, and the ones of it that could not be read."""

    keys: Sequence[str]
    rows: Columns
    faults: Sequence[FieldFault] = ()


def file_page(layout: Layout, page: SourcePage) -> FilePage:
    """A page of SAP as the file's columns."""
    keys = list(map(KEY_JOINT.join, Columns(page.columns[: layout.key_width])))
    # what picks values out of a row picks columns out of a page as well
    picks: Any = layout.values
    return FilePage(keys, Columns(picks((keys, *page.columns)) if keys else ()), page.faults)


@dataclass(frozen=True, slots=True)
class StagedPage:
    """What became of one page: the trail's rows, the refused records, and the lines of the file.

    whole: every row of the page is among the lines.
    """

    records: list[Record]
    rejects: list[Reject]
    data: bytes
    whole: bool


class Stager:
    """Turns pages into trail rows and file lines; pure but for its counters.

    codes: column index -> the codes its Anaplan list holds; a record naming another one is refused with that cause.
    """

    def __init__(self, layout: Layout, file: File, codes: Mapping[int, AbstractSet[str]]) -> None:
        self.tally = Tally()
        self._layout = layout
        self._codes = codes
        self._encoder = RowEncoder(
            len(layout.headers), separator=file.separator, qualifier=file.qualifier, encoding=file.encoding
        )

    def header(self) -> bytes:
        """The file's first line."""
        return self._encoder.data([self._encoder.header(self._layout.headers)])

    def stage(self, page: FilePage, known: Mapping[str, str]) -> StagedPage:
        """Compare one page with what Anaplan has confirmed (`known`: content by key) and lay it out."""
        tally, layout = self.tally, self._layout
        keys, rows = page.keys, page.rows
        lines, faults = self._encoder.lines(rows)
        causes = self._unknown_members(rows)
        for fault in faults:  # in row order, so that every line stands at its row's index again
            lines.insert(fault.index, "")
            causes[fault.index] = bad_value(layout.headers[fault.column], fault.cause)
        contents = list(map(content_digest, lines))
        first_line = tally.sent + FIRST_DATA_LINE
        if not causes and not known:
            entries = zip(count(tally.read + 1), keys, contents, repeat(Outcome.SENT), count(first_line), strict=False)
            records = list(map(Record._make, entries))
            rejects: list[Reject] = []
            sent = lines
        else:
            records, rejects, sent = self._sort_out(rows, zip(keys, contents, lines, strict=True), known, causes)
        unchanged = len(records) - len(rejects) - len(sent)
        for position, unread in enumerate(page.faults, tally.read + len(records) + 1):
            records.append(self._unreadable(unread, position, rejects))
        tally.read += len(records)
        tally.unchanged += unchanged
        tally.sent += len(sent)
        tally.rejected += len(rejects)
        return StagedPage(records, rejects, self._encoder.data(sent), len(sent) == len(rows))

    def _sort_out(
        self,
        rows: Columns,
        entries: Iterable[tuple[str, str, str]],
        known: Mapping[str, str],
        causes: Mapping[int, str],
    ) -> tuple[list[Record], list[Reject], list[str]]:
        """Tell the refused and the unchanged from the ones to send; an entry is a key, its content and its line."""
        records: list[Record] = []
        rejects: list[Reject] = []
        sent: list[str] = []
        first_line = self.tally.sent + FIRST_DATA_LINE
        for index, (key, content, line) in enumerate(entries):
            position = self.tally.read + index + 1
            if index in causes:
                records.append(Record(position, key, content, Outcome.REJECTED))
                values = dict(zip(self._layout.headers, rows[index], strict=True))
                rejects.append(Reject(position, key, RejectedBy.CONNECTOR, causes[index], values))
            elif known.get(key) == content:
                records.append(Record(position, key, content, Outcome.UNCHANGED))
            else:
                records.append(Record(position, key, content, Outcome.SENT, first_line + len(sent)))
                sent.append(line)
        return records, rejects, sent

    def _unknown_members(self, rows: Columns) -> dict[int, str]:
        causes: dict[int, str] = {}
        for place, codes in self._codes.items() if rows else ():
            column = rows.columns[place]
            strangers = set(column) - codes
            strangers.discard("")
            if strangers:
                name = self._layout.members[place]
                for index, value in enumerate(column):
                    if value in strangers:
                        causes.setdefault(index, unknown_member(self._layout.headers[place], value, name))
        return causes

    def _unreadable(self, fault: FieldFault, position: int, rejects: list[Reject]) -> Record:
        key = KEY_JOINT.join(fault.key_values)
        values = dict(zip(self._layout.headers, self._layout.values((key, *fault.row)), strict=True))
        rejects.append(Reject(position, key, RejectedBy.CONNECTOR, fault.cause, values, detail=fault.value))
        return Record(position, key, content_digest(KEY_JOINT.join(fault.row)), Outcome.REJECTED)
