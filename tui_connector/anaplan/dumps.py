"""Failure dumps: the rows an import refused, read while they last."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from tui_connector.anaplan.client import MEBIBYTE, AnaplanClient
from tui_connector.anaplan.delimited import decode_text, parse_csv
from tui_connector.anaplan.model import text
from tui_connector.domain.errors import ActionNotFoundError, ContractChangedError
from tui_connector.domain.text import clean

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tui_connector.anaplan.tasks import ActionRef

_ERROR_COLUMN = re.compile(r"_Error_\d+_")


@dataclass(frozen=True, slots=True)
class DumpRow:
    """One row that was not taken as it was sent. line: in the uploaded file, counted from 1.

    status: "E" rejected, "W" loaded in part; no source tells the letter of a row that was ignored, so any other one is.
    values: all source columns under their header names, uncleaned.
    """

    status: str
    line: int | None
    values: dict[str, str]
    errors: tuple[str, ...]

    @property
    def in_part(self) -> bool:
        return self.status == "W"

    @property
    def ignored(self) -> bool:
        return self.status not in ("E", "W")


async def dump_rows(
    client: AnaplanClient, action: ActionRef, task_id: str, object_id: str | None = None
) -> AsyncIterator[DumpRow]:
    """Rows of the dump of an import's task; for a process, `object_id` is the nested result's.

    Raises:
        ActionNotFoundError: the dump is gone; Anaplan keeps one for the last failing task of an import, for 48 hours.
    """
    read: Callable[[list[str]], DumpRow] | None = None
    async for record in parse_csv(decode_text(_chunks(client, action, task_id, object_id))):
        if read is None:
            read = row_reader(record)
        else:
            yield read(record)


def row_reader(header: list[str]) -> Callable[[list[str]], DumpRow]:
    """A function that turns a record under this header into a row."""
    try:
        # A source column may have any name, so the outermost ones count: status comes first, line and errors last.
        status = header.index("_Status_")
        line = len(header) - 1 - header[::-1].index("_Line_")
    except ValueError as error:
        raise ContractChangedError(
            "Anaplan's failure dump has no columns _Status_ and _Line_.",
            hint="Look at the dump in Anaplan; its form may have changed.",
        ) from error
    errors = [at for at in range(line + 1, len(header)) if _ERROR_COLUMN.fullmatch(header[at])]
    columns = range(status + 1, line)

    def read(record: list[str]) -> DumpRow:
        if len(record) != len(header):
            raise ContractChangedError(
                f"A row of Anaplan's failure dump has {len(record)} fields under {len(header)} headers.",
                hint="Look at the dump in Anaplan; it may have been cut.",
            )
        place = record[line].strip()
        return DumpRow(
            record[status],
            int(place) if place.isascii() and place.isdigit() else None,
            {header[at]: record[at] for at in columns},
            tuple(record[at] for at in errors if record[at]),
        )

    return read


async def _chunks(
    client: AnaplanClient, action: ActionRef, task_id: str, object_id: str | None
) -> AsyncIterator[bytes]:
    place = "dump" if object_id is None else f"dumps/{quote(object_id, safe='')}"
    path = client.at(f"{action.path}/tasks/{quote(task_id, safe='')}/{place}/chunks")
    what = f'the failure dump of "{clean(action.name, limit=80)}"'
    gone = ActionNotFoundError(
        f"The dump is gone: Anaplan no longer keeps {what}.",
        hint="A later run replaced it, or 48 hours passed. Run the flow again to get the refused rows.",
    )
    try:
        chunks = await client.collect(path, "chunks", what=what, waits=False)
    except (ActionNotFoundError, ContractChangedError) as error:
        # 404 and 400 have both been seen where no dump exists.
        raise gone from error
    if not chunks:
        raise gone
    for chunk in chunks:
        try:
            one = f"{path}/{quote(text(chunk, 'id'), safe='')}"
            answer = await client.fetch(one, max_bytes=64 * MEBIBYTE, what=what)
        except ActionNotFoundError as error:
            raise gone from error
        yield answer.body
