"""Files: list, upload in chunks or whole, download, delete."""

from __future__ import annotations

import asyncio
import uuid
import zlib
from typing import TYPE_CHECKING

from starlette.responses import Response, StreamingResponse

from tui_connector.sandbox.anaplan.file_access import drop_content, find_content, new_content
from tui_connector.sandbox.anaplan.gate import UPLOADS, Call, Endpoint
from tui_connector.sandbox.anaplan.objects import FileObject
from tui_connector.sandbox.anaplan.wire import ApiError, Row, envelope, page_rows

if TYPE_CHECKING:
    from pathlib import Path

    from tui_connector.sandbox.anaplan.contents import Content

OCTETS = "application/octet-stream"
GZIP_TYPES = ("application/x-gzip", "application/gzip")


def file_row(file: FileObject) -> Row:
    """A file's metadata; an export's output has no parse settings."""
    if file.is_output:
        return {"id": file.id, "name": file.name, "chunkCount": file.chunk_count, "firstDataRow": 0, "headerRow": 0}
    return {
        "id": file.id,
        "name": file.name,
        "chunkCount": file.chunk_count,
        "delimiter": file.delimiter,
        "encoding": file.encoding,
        "firstDataRow": file.first_data_row,
        "format": "txt",
        "headerRow": file.header_row,
        "separator": file.separator,
    }


def list_files(call: Call) -> Response:
    """All files of the model."""
    rows = [file_row(file) for file in call.model.files.values()]
    return page_rows(call.request, "files", "file", rows, call.rules, model_id=call.model.id)


def _file(call: Call) -> FileObject:
    file = call.model.files.get(call.part("file"))
    if file is None:
        raise ApiError(404)
    return file


def _root(call: Call) -> Path:
    return call.state.folder / "files"


def declare_file(call: Call) -> Response:
    """Set the chunk count; a name instead of an id makes a new data source."""
    body = call.fields()
    count = body.get("chunkCount")
    if not isinstance(count, int) or isinstance(count, bool) or count < -1:
        raise ApiError(400, "chunkCount must be -1 or a number of chunks")
    file = call.model.files.get(call.part("file"))
    if file is None:
        if call.part("file").isdigit():
            raise ApiError(404)
        if call.model.active_state == "PRODUCTION":
            raise ApiError(425)
        file_id = call.model.next_id("113")
        file = FileObject(file_id, call.part("file"), header_row=-1, first_data_row=-1)
        call.model.files[file_id] = file
    new_content(file, call.user.email, _root(call), call.state.clock, count)
    file.chunk_count = max(0, count)
    return envelope("file", call.model.id, file=file_row(file))


async def put_chunk(call: Call) -> Response:
    """Take one chunk, plain or gzip, in any order; 204."""
    file, number = _file(call), call.part("chunk")
    if not number.isdigit():
        raise ApiError(400, "Invalid chunk id")
    content = find_content(file, call.user, call.state.clock, call.state.settings)
    if content is None or content is file.contents.get(""):
        content = new_content(file, call.user.email, _root(call), call.state.clock, -1)
    await _receive(call, content, int(number))
    return Response(status_code=204)


async def put_file(call: Call) -> Response:
    """Take the whole content in one body, never packed; 204."""
    file = _file(call)
    content = new_content(file, call.user.email, _root(call), call.state.clock, 1)
    await _receive(call, content, 0, packed=False)
    content.completed = True
    file.chunk_count = 1
    return Response(status_code=204)


async def _receive(call: Call, content: Content, number: int, *, packed: bool | None = None) -> None:
    kind = call.request.headers.get("content-type", "").partition(";")[0].strip()
    unpack = packed if packed is not None else kind in GZIP_TYPES
    arrived = content.folder / f"arriving-{uuid.uuid4().hex}"
    try:
        with arrived.open("wb") as out:
            machine = zlib.decompressobj(31)
            async for block in call.request.stream():
                data = block
                if unpack:
                    data, machine = unpack_block(machine, block)
                out.write(data)
        if unpack and not machine.eof:
            raise ApiError(400, "Chunk is not valid gzip")
        content.put(number, arrived)
    except zlib.error as error:
        raise ApiError(400, "Chunk is not valid gzip") from error
    finally:
        arrived.unlink(missing_ok=True)


def unpack_block(machine: zlib._Decompress, block: bytes) -> tuple[bytes, zlib._Decompress]:
    """Unpack a piece of one or more gzip members that follow each other."""
    out = b""
    while block:
        if machine.eof:
            machine = zlib.decompressobj(31)
        out += machine.decompress(block)
        block = machine.unused_data
    return out, machine


async def complete_file(call: Call) -> Response:
    """Mark an upload complete; may take as long as the switch says."""
    file = _file(call)
    content = file.contents.get(call.user.email)
    if content is None:
        raise ApiError(404)
    await asyncio.sleep(call.state.settings.complete_seconds)
    content.completed = True
    file.chunk_count = len(content.chunks)
    return envelope("file", call.model.id, file=file_row(file))


def list_chunks(call: Call) -> Response:
    """The chunks there are, or the ones declared before an upload."""
    content = find_content(_file(call), call.user, call.state.clock, call.state.settings)
    numbers: list[int] = []
    if content is not None:
        numbers = list(range(content.declared)) if content.declared > 0 else content.numbers()
    rows: list[Row] = [{"id": str(number), "name": f"Chunk {number}"} for number in numbers]
    return page_rows(call.request, "chunks", "chunk", rows, call.rules, model_id=call.model.id)


def get_chunk(call: Call) -> Response:
    """One chunk's bytes."""
    content = find_content(_file(call), call.user, call.state.clock, call.state.settings)
    number = call.part("chunk")
    if content is None or not number.isdigit() or int(number) not in content.chunks:
        raise ApiError(404)
    return Response(content.path(int(number)).read_bytes(), media_type=OCTETS)


def get_file(call: Call) -> Response:
    """The whole content, 404 when there is none."""
    content = find_content(_file(call), call.user, call.state.clock, call.state.settings)
    if content is None or not content.chunks:
        raise ApiError(404)
    return StreamingResponse(content.blocks(), media_type=OCTETS, headers={"Content-Length": str(content.size)})


def delete_file(call: Call) -> Response:
    """Remove the caller's private content only; 204."""
    drop_content(_file(call), call.user.email)
    return Response(status_code=204)


MODEL_ENDPOINTS = [
    Endpoint("GET", "/files", list_files),
    Endpoint("POST", "/files/{file}", declare_file, UPLOADS, changes=True),
    Endpoint("GET", "/files/{file}", get_file),
    Endpoint("PUT", "/files/{file}", put_file, UPLOADS, changes=True, raw=True),
    Endpoint("DELETE", "/files/{file}", delete_file, UPLOADS, changes=True),
    Endpoint("POST", "/files/{file}/complete", complete_file, UPLOADS, changes=True),
    Endpoint("GET", "/files/{file}/chunks", list_chunks),
    Endpoint("GET", "/files/{file}/chunks/{chunk}", get_chunk),
    Endpoint("PUT", "/files/{file}/chunks/{chunk}", put_chunk, UPLOADS, changes=True, raw=True),
]
