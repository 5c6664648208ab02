"""Chunk borders inside characters, line ends and quotes change nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tui_connector.anaplan.delimited import decode_text, parse_csv
from tui_connector.domain.errors import ContractChangedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio
RECORDS = [["Code", "Name"], ["a,b", 'x"y'], ["line\r\nbreak", "ü€😀"], ["", ""], ["5", '"']]
TEXT = 'Code,Name\r\n"a,b","x""y"\r\n"line\r\nbreak",ü€😀\r\n\r\n,\n5,""""'


async def cut(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def parse(data: bytes, size: int, encoding: str = "UTF-8", **options: str) -> list[list[str]]:
    return [record async for record in parse_csv(decode_text(cut(data, size), encoding), **options)]


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16LE", "UTF-16BE"])
@pytest.mark.parametrize("mark", ["", "\N{ZERO WIDTH NO-BREAK SPACE}"])
async def test_every_border(encoding: str, mark: str) -> None:
    data = (mark + TEXT).encode(encoding)
    for size in range(1, 60):
        assert await parse(data, size, encoding) == RECORDS, size


async def test_a_stray_quote_inside_a_plain_field_is_text() -> None:
    assert await parse(b'5" pipe,x\nb,c\n' * 50, 7) == [['5" pipe', "x"], ["b", "c"]] * 50


async def test_other_separators() -> None:
    assert await parse(b"a;'b;c'\n", 3, separator=";", qualifier="'") == [["a", "b;c"]]
    assert await parse(b'a\t"b\n', 3, separator="\t", qualifier="") == [["a", '"b']]


async def test_a_text_that_does_not_end_is_refused() -> None:
    with pytest.raises(ContractChangedError, match="inside a quoted field"):
        await parse(b'a,"b\nc\n', 4)


async def test_bytes_of_another_encoding_are_refused() -> None:
    with pytest.raises(ContractChangedError, match="UTF-8"):
        await parse("Müller".encode("latin-1"), 3)
    with pytest.raises(ContractChangedError, match="UTF-8"):
        await parse("ü".encode()[:1], 3)
    with pytest.raises(ContractChangedError, match="unknown"):
        await parse(b"a", 3, "EBCDIC-9")
