"""Files of a model: a chunked upload that can be taken up again, and a download that never holds more than a chunk."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tui_connector.anaplan.client import MEBIBYTE, AnaplanClient, decode
from tui_connector.anaplan.discovery import files
from tui_connector.anaplan.model import File, Wire, number, text
from tui_connector.domain.errors import (
    ActionNotFoundError,
    ConfigError,
    ContractChangedError,
    OutcomeUnknownError,
    UnreachableError,
)
from tui_connector.domain.text import clean
from tui_connector.transport.client import Timeouts
from tui_connector.transport.retry import waiting_out

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MAX_CHUNK_BYTES = 50_000_000
MAX_CHUNKS = 1000
_BLOCK = 512 * 1024  # small writes are gathered to this before a thread compresses them
_GZIP_LEVEL = 1
_GZIP_WINDOW = 31
# Anaplan may take 15 to 40 minutes to join the chunks of a file of several gigabytes.
_COMPLETING = Timeouts(read=3000.0, whole=3000.0)

OnChunk = Callable[[int, int], None]


class Upload:
    """Bytes into a file of the model, in chunks of `chunk_bytes` before compression.

    A chunk is compressed while it fills and sent while the next one fills, so that two compressed chunks are alive at
    most. on_chunk(chunks, bytes): called when Anaplan has taken a chunk, with totals; from then on an upload that
    breaks off can be taken up with start_at=chunks, and write() is given the bytes from chunks * chunk_bytes on.
    last_check: called before anything leaves, in whatever thread; what it raises ends the upload.
    The user who uploads must be the one who runs the import; the content perishes after 48 hours without access.
    """

    def __init__(
        self,
        client: AnaplanClient,
        file: File,
        *,
        chunk_bytes: int = 10_000_000,
        start_at: int = 0,
        on_chunk: OnChunk | None = None,
        last_check: Callable[[], None] | None = None,
    ) -> None:
        if not 0 < chunk_bytes <= MAX_CHUNK_BYTES:
            raise ConfigError(
                f"A chunk of {chunk_bytes:,} bytes is outside of what Anaplan takes.",
                hint="Set chunk_megabytes between 1 and 50.",
            )
        self._client = client
        self._file = file
        self._path = client.at(f"files/{quote(file.id, safe='')}")
        self._what = f'file "{clean(file.name, limit=80)}"'
        self._chunk_bytes = chunk_bytes
        self._on_chunk = on_chunk
        self._last_check = last_check
        self._before = -1  # chunks the file had before this upload, as Anaplan tells
        self._number = start_at  # of the chunk being filled
        self._filled = 0  # bytes in it
        self._packer: Any = None
        self._packed: list[bytes] = []
        self._small: list[bytes] = []
        self._small_bytes = 0
        self._sending: asyncio.Task[None] | None = None
        self.sent = start_at
        self.bytes_sent = start_at * chunk_bytes

    async def start(self) -> None:
        """Tell Anaplan that chunks will come, number unknown. Not needed when an upload is taken up again.

        Raises:
            ContractChangedError: Anaplan answers with another file; given a name, it makes a new one.
        """
        answer = await self._client.request(
            "POST",
            self._path,
            json={"chunkCount": -1},
            what=self._what,
            repeatable=True,
            waits=True,
            last_check=self._last_check,
        )
        told = self._checked(decode(answer, what=self._what).get("file"))
        self._before = number(told, "chunkCount") or 0

    async def write(self, data: bytes) -> None:
        """Take the next bytes of the file; returns when they may be forgotten."""
        if self._small_bytes + len(data) < _BLOCK:
            self._small.append(data)
            self._small_bytes += len(data)
            return
        if self._small:
            data = b"".join([*self._small, data])
            self._small.clear()
            self._small_bytes = 0
        await self._fill(data)

    async def complete(self) -> int:
        """Send the rest and mark the file complete; the number of chunks.

        Raises:
            OutcomeUnknownError: neither the answer nor the list of files tells whether Anaplan has joined the chunks.
        """
        if self._small:
            rest, self._small, self._small_bytes = b"".join(self._small), [], 0
            await self._fill(rest)
        if self._filled:
            await self._close_chunk()
        await self._settle()
        complete = waiting_out(self._client.http.clock).wraps(self._complete)
        try:
            return await complete()
        except (OutcomeUnknownError, UnreachableError):
            if await self._joined():
                return self.sent
        # The list shows that the first request had no effect, or an effect that a second one repeats unchanged.
        return await complete()

    async def abandon(self) -> None:
        """Stop sending; what Anaplan has taken stays there for taking the upload up again."""
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
            self._sending = None

    async def _fill(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            part = view[: self._chunk_bytes - self._filled]
            view = view[len(part) :]
            await self._pack(part)
            if self._filled == self._chunk_bytes:
                await self._close_chunk()

    async def _pack(self, part: memoryview) -> None:
        if self._packer is None:
            if self._number >= MAX_CHUNKS:
                raise ConfigError(
                    f"The {self._what} needs more than {MAX_CHUNKS} chunks of {self._chunk_bytes:,} bytes.",
                    hint="Raise chunk_megabytes (up to 50), or load less at a time.",
                )
            self._packer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
        packed = await asyncio.to_thread(self._packer.compress, part)
        if packed:
            self._packed.append(packed)
        self._filled += len(part)

    async def _close_chunk(self) -> None:
        self._packed.append(self._packer.flush())
        body = b"".join(self._packed)
        chunk, size = self._number, self._filled
        self._packed.clear()
        self._packer, self._filled, self._number = None, 0, chunk + 1
        await self._settle()
        self._sending = asyncio.create_task(self._put(chunk, body, size))

    async def _put(self, chunk: int, body: bytes, size: int) -> None:
        # Anaplan answers 204, and takes a chunk that comes again in the place of the first.
        await self._client.store(
            f"{self._path}/chunks/{chunk}",
            body,
            content_type="application/x-gzip",
            what=f"chunk {chunk} of {self._what}",
            last_check=self._last_check,
        )
        self.sent = chunk + 1
        self.bytes_sent += size
        if self._on_chunk is not None:
            self._on_chunk(self.sent, self.bytes_sent)

    async def _settle(self) -> None:
        if self._sending is not None:
            sending, self._sending = self._sending, None
            await sending

    async def _complete(self) -> int:
        answer = await self._client.request(
            "POST",
            f"{self._path}/complete",
            json={"id": self._file.id},
            what=f"completing {self._what}",
            repeatable=False,
            timeouts=_COMPLETING,
            last_check=self._last_check,
        )
        told = self._checked(decode(answer, what=self._what).get("file"))
        count = number(told, "chunkCount")
        if count is not None and count != self.sent:
            raise ContractChangedError(
                f"Anaplan has {count} chunks of {self._what}, but {self.sent} were sent.",
                hint="Somebody else may upload the same file at the same time; run the flow again.",
            )
        return self.sent

    async def _joined(self) -> bool:
        """Whether the list of files proves that the chunks of this upload were joined."""
        if self._before in (-1, self.sent):
            return False
        return any(one.id == self._file.id and one.chunk_count == self.sent for one in await files(self._client))

    def _checked(self, told: Any) -> Wire:
        if not isinstance(told, dict) or text(told, "id") != self._file.id:
            other = text(told, "id") if isinstance(told, dict) else "none"
            raise ContractChangedError(
                f"Anaplan was asked for file {self._file.id} and answered with {clean(other, limit=40)}.",
                hint="Give the file by its id; Anaplan makes a new file out of a name it does not know.",
            )
        return told


async def download(client: AnaplanClient, file_id: str) -> AsyncIterator[bytes]:
    """Bytes of a file in their order, chunk by chunk; the file of an export has the export's id.

    Raises:
        ActionNotFoundError: the file is not there, or holds nothing for this user.
    """
    path, what = client.at(f"files/{quote(file_id, safe='')}/chunks"), f"file {clean(file_id, limit=40)}"
    chunks = await client.collect(path, "chunks", what=what)
    if not chunks:
        raise ActionNotFoundError(
            f"The {what} of model {client.called} holds nothing for this user.",
            hint="Run the export as this user first; Anaplan drops a file after 48 hours without access.",
        )
    for chunk in chunks:
        answer = await client.fetch(f"{path}/{quote(text(chunk, 'id'), safe='')}", max_bytes=64 * MEBIBYTE, what=what)
        yield answer.body


async def delete_content(client: AnaplanClient, file_id: str) -> None:
    """Remove the user's own content of a file; the file itself stays."""
    what = f"file {clean(file_id, limit=40)}"
    await client.request("DELETE", client.at(f"files/{quote(file_id, safe='')}"), what=what, repeatable=True)
