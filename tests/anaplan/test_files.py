"""Chunks up and down: what Anaplan holds at the end is byte for byte what was given."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from tui_connector.anaplan import discovery
from tui_connector.anaplan.delimited import decode_text, parse_csv
from tui_connector.anaplan.files import Upload, delete_content, download
from tui_connector.anaplan.model import File
from tui_connector.domain.errors import (
    ActionNotFoundError,
    ConfigError,
    ContractChangedError,
    OutcomeUnknownError,
    UnreachableError,
)

if TYPE_CHECKING:
    from tui_connector.anaplan.client import AnaplanClient

pytestmark = pytest.mark.anyio
CHUNK = 40_000
DATA = random.Random(7).randbytes(60_000) + "Müller €\r\n".encode() * 5_000
CHUNKS = -(-len(DATA) // CHUNK)


@pytest.fixture
async def file(client: AnaplanClient) -> File:
    return await discovery.find_file(client, "accounts.csv")


async def send(upload: Upload, data: bytes, size: int = 7_001) -> None:
    for start in range(0, len(data), size):
        await upload.write(data[start : start + size])


async def held(client: AnaplanClient, file: File) -> bytes:
    return b"".join([chunk async for chunk in download(client, file.id)])


def puts(sandbox: Any) -> list[tuple[str, int]]:
    return [(one["path"].rpartition("/")[2], one["status"]) for one in sandbox.requests("PUT", "/chunks/")]


@pytest.mark.parametrize("size", [997, CHUNK, len(DATA)])
async def test_upload_in_chunks(sandbox: Any, client: AnaplanClient, file: File, size: int) -> None:
    told: list[tuple[int, int]] = []
    upload = Upload(client, file, chunk_bytes=CHUNK, on_chunk=lambda chunks, sent: told.append((chunks, sent)))
    await upload.start()
    await send(upload, DATA, size)
    assert await upload.complete() == CHUNKS
    assert await held(client, file) == DATA
    assert puts(sandbox) == [(str(number), 204) for number in range(CHUNKS)]
    assert told[0] == (1, CHUNK)
    assert told[-1] == (CHUNKS, len(DATA))
    listed = next(one for one in await discovery.files(client) if one.id == file.id)
    assert listed.chunk_count == CHUNKS


async def test_a_full_last_chunk_makes_no_empty_one(sandbox: Any, client: AnaplanClient, file: File) -> None:
    upload = Upload(client, file, chunk_bytes=10)
    await upload.start()
    await upload.write(b"0123456789" * 3)
    assert await upload.complete() == 3
    assert await held(client, file) == b"0123456789" * 3


@pytest.mark.parametrize("fault", ["drop_answer", "drop_request", "reset", "status"])
async def test_a_chunk_that_breaks_is_sent_again(sandbox: Any, client: AnaplanClient, file: File, fault: str) -> None:
    sandbox.fault(fault, "/chunks/1", "PUT", status=502, times=2)
    upload = Upload(client, file, chunk_bytes=CHUNK)
    await upload.start()
    await send(upload, DATA)
    await upload.complete()
    assert await held(client, file) == DATA
    assert [number for number, _ in puts(sandbox)].count("1") == 3


async def test_an_upload_is_taken_up_again(sandbox: Any, client: AnaplanClient, file: File) -> None:
    sandbox.fault("drop_request", "/chunks/2", "PUT", times=3)
    upload = Upload(client, file, chunk_bytes=CHUNK)
    await upload.start()
    await send(upload, DATA[: 3 * CHUNK])
    with pytest.raises(UnreachableError):
        await upload.complete()
    assert (upload.sent, upload.bytes_sent) == (2, 2 * CHUNK)
    again = Upload(client, file, chunk_bytes=CHUNK, start_at=upload.sent)
    await send(again, DATA[again.bytes_sent :])
    assert await again.complete() == CHUNKS
    assert await held(client, file) == DATA
    assert len(sandbox.requests("POST", f"/files/{file.id}")) == 2  # one start, one complete


async def test_a_token_that_dies_in_the_middle(sandbox: Any, client: AnaplanClient, file: File) -> None:
    upload = Upload(client, file, chunk_bytes=CHUNK)
    await upload.start()
    await send(upload, DATA[: 2 * CHUNK])
    sandbox.call("POST", "anaplan/auth/revoke")
    await send(upload, DATA[2 * CHUNK :])
    await upload.complete()
    assert await held(client, file) == DATA
    assert sandbox.auth()["logins"] == 2
    assert [status for _, status in puts(sandbox)].count(401) == 1


async def test_a_file_of_another_id_is_refused(sandbox: Any, client: AnaplanClient, file: File) -> None:
    other = File("accounts 2.csv", "accounts 2.csv")  # a name in the place of an id makes a new file
    with pytest.raises(ContractChangedError, match="answered with 113"):
        await Upload(client, other).start()
    sandbox.fault("replace_json", "/complete", body={"file": {"id": "113000009999", "chunkCount": 1}})
    upload = Upload(client, file)
    await upload.start()
    await upload.write(b"x")
    with pytest.raises(ContractChangedError, match="113000009999"):
        await upload.complete()


@pytest.mark.parametrize("fault", ["drop_answer", "status"])
async def test_a_lost_answer_of_complete_is_looked_up(
    sandbox: Any, client: AnaplanClient, file: File, fault: str
) -> None:
    sandbox.fault(fault, "/complete", status=504, after=True)
    upload = Upload(client, file, chunk_bytes=CHUNK)
    await upload.start()
    await send(upload, DATA)
    assert await upload.complete() == CHUNKS
    assert len(sandbox.requests("POST", "/complete")) == 1
    assert await held(client, file) == DATA


async def test_a_complete_that_never_came_is_sent_again(sandbox: Any, client: AnaplanClient, file: File) -> None:
    sandbox.fault("drop_request", "/complete")
    upload = Upload(client, file, chunk_bytes=CHUNK)
    await upload.start()
    await send(upload, DATA)
    assert await upload.complete() == CHUNKS
    assert len(sandbox.requests("POST", "/complete")) == 2
    sandbox.fault("drop_request", "/complete", times=2)
    upload = Upload(client, file, chunk_bytes=CHUNK)
    await upload.start()
    await send(upload, DATA)
    with pytest.raises(OutcomeUnknownError):
        await upload.complete()


async def test_a_refused_complete_waits_as_told(sandbox: Any, client: AnaplanClient, file: File, clock: Any) -> None:
    sandbox.fault("rate_limit", "/complete", retry_after=4, times=3)
    upload = Upload(client, file, chunk_bytes=CHUNK)
    await upload.start()
    await send(upload, DATA)
    assert await upload.complete() == CHUNKS
    assert len(sandbox.requests("POST", "/complete")) == 4
    assert len([waited for waited in clock.slept if waited >= 4]) == 3
    assert await held(client, file) == DATA


async def test_an_equal_count_of_an_earlier_upload_proves_nothing(
    sandbox: Any, client: AnaplanClient, file: File
) -> None:
    sandbox.fault("drop_request", "/complete")
    told = {"file": {"id": file.id, "chunkCount": 1}}  # a tenant that keeps the former count until completion
    sandbox.fault("replace_json", rf"/files/{file.id}$", "POST", body=told)
    listed = {"files": [{"id": file.id, "name": file.name, "chunkCount": 1}]}
    sandbox.fault("replace_json", r"/files\?", "GET", body=listed)
    upload = Upload(client, file)
    await upload.start()
    await upload.write(b"x")
    assert await upload.complete() == 1
    assert [one["status"] for one in sandbox.requests("POST", "/complete")] == [0, 200]


async def test_a_foreign_chunk_is_noticed(sandbox: Any, client: AnaplanClient, file: File) -> None:
    upload = Upload(client, file, chunk_bytes=CHUNK)
    await upload.start()
    await client.store(client.at(f"files/{file.id}/chunks/9"), b"x", content_type="application/octet-stream", what="x")
    await send(upload, DATA)
    with pytest.raises(ContractChangedError, match=f"{CHUNKS + 1} chunks") as caught:
        await upload.complete()
    assert "at the same time" in caught.value.hint


async def test_limits_of_chunks(sandbox: Any, client: AnaplanClient, file: File) -> None:
    for size in (0, 50_000_001):
        with pytest.raises(ConfigError, match="chunk"):
            Upload(client, file, chunk_bytes=size)
    upload = Upload(client, file, chunk_bytes=4, start_at=999)
    await upload.write(b"0123")
    await upload.write(b"4")
    with pytest.raises(ConfigError, match="more than 1000 chunks"):
        await upload.complete()
    await upload.abandon()


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16LE"])
@pytest.mark.parametrize("size", [1, 3, 64])
async def test_download_over_chunk_borders(
    sandbox: Any, client: AnaplanClient, file: File, encoding: str, size: int
) -> None:
    text = 'Code,Name\r\n"a,""b",Größe €😀\r\n"line\nbreak",x\r\n'
    data = text.encode(encoding)
    upload = Upload(client, file, chunk_bytes=max(1, len(data) if size == 1 else size))
    await upload.start()
    await upload.write(data)
    await upload.complete()
    records = [one async for one in parse_csv(decode_text(download(client, file.id), encoding))]
    assert records == [["Code", "Name"], ['a,"b', "Größe €😀"], ["line\nbreak", "x"]]


async def test_a_download_survives_a_cut_answer_and_tells_an_empty_file(
    sandbox: Any, client: AnaplanClient, file: File
) -> None:
    upload = Upload(client, file, chunk_bytes=CHUNK)
    await upload.start()
    await send(upload, DATA)
    await upload.complete()
    sandbox.fault("truncate", "/chunks/1", "GET", bytes=100)
    sandbox.fault("drop_answer", "/chunks/2", "GET")
    assert await held(client, file) == DATA
    await delete_content(client, file.id)
    with pytest.raises(ActionNotFoundError, match="holds nothing"):
        await held(client, file)
