"""Uploads one CSV to the stub of Anaplan: our Upload, and anaplan-sdk by its two calls, each side reading the same file.

python -m benchmarks.upload [--megabytes 100] [--rounds 3]
"""

# ruff: noqa: PLC0415 (each side runs in a process of its own and must not pay for the other's imports)
from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import urllib.request
from json import load
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from .figures import Figures, alternate, measure, stub, table, timed
from .stubs import FILE_ID, FILE_NAME, MODEL, WORKSPACE

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIANTS = {
    "sdk": "anaplan-sdk upload_file",
    "sdk_stream": "anaplan-sdk upload_file_stream",
    "ours": "Upload",
}
PAGE, CHUNK = 500_000, 10_000_000
WORDS = ("invoice", "rent", "travel", "licence", "freight", "bonus", "hotel", "energy", "audit", "repair", "legal fee")


def write_csv(path: Path, size: int) -> None:
    """Ledger line items whose amounts, accounts and texts vary as a ledger's do."""
    dice = random.Random(7)
    with path.open("w", encoding="utf-8") as file:
        file.write("Code,Company Code,GL Account,Cost Center,Profit Center,Year,Day,Document,Text,Amount,Currency\n")
        number = 0
        while file.tell() < size:
            lines = []
            for _ in range(5000):
                number += 1
                text = " ".join(dice.choices(WORDS, k=3))
                lines.append(
                    f"1010-2026-{number // 4:010d}-{number % 4:06d},1010,00{dice.randint(11000, 69999):08d},"
                    f"00101{dice.randint(0, 999):05d},YB{dice.randint(1, 400):03d},2026,2026-{dice.randint(1, 12):02d}-"
                    f"{dice.randint(1, 28):02d},{number // 4:010d},{text},{dice.expovariate(0.0005):.2f},EUR\n"
                )
            file.writelines(lines)


def pieces(path: Path, size: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(size):
            yield piece


def run_ours(url: str, path: Path) -> None:
    from tui_connector.anaplan.auth import BasicAuth
    from tui_connector.anaplan.client import AnaplanClient
    from tui_connector.anaplan.files import Upload
    from tui_connector.anaplan.keeper import TokenKeeper
    from tui_connector.anaplan.model import File
    from tui_connector.domain.clock import SystemClock
    from tui_connector.transport.client import HttpClient
    from tui_connector.transport.tokens import MemoryShelf

    async def work() -> None:
        clock = SystemClock()
        http = HttpClient(url, name="anaplan", clock=clock)
        basic = BasicAuth(http, "user", "secret", clock)
        keeper = TokenKeeper(MemoryShelf(clock), basic.login, basic.refresh, clock)
        upload = Upload(AnaplanClient(http, keeper, workspace_id=WORKSPACE, model_id=MODEL), File(FILE_ID, FILE_NAME))
        await upload.start()
        for piece in pieces(path, PAGE):
            await upload.write(piece)
        await upload.complete()
        await http.aclose()

    def go() -> float:
        asyncio.run(work())
        return path.stat().st_size

    timed(go)


def run_sdk(url: str, path: Path, *, stream: bool) -> None:
    import httpx2
    from anaplan_sdk import Client

    port = int(url.rpartition(":")[2])
    send: Any = httpx2.HTTPTransport.handle_request

    def redirected(self: Any, request: Any) -> Any:  # its addresses are constants
        request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=port)
        return send(self, request)

    cast("Any", httpx2.HTTPTransport).handle_request = redirected

    def go() -> float:
        client = Client(WORKSPACE, MODEL, user_email="user@example.com", password="secret")
        if stream:
            client.upload_file_stream(int(FILE_ID), pieces(path, CHUNK))
        else:
            client.upload_file(int(FILE_ID), path.read_bytes())
        return path.stat().st_size

    timed(go)


def once(url: str, path: Path, variant: str) -> Figures:
    found = measure("benchmarks.upload", "--run", variant, "--url", url, "--path", str(path))
    with urllib.request.urlopen(f"{url}/2/0/counts", timeout=10) as answer:
        counts = load(answer)["counts"]
    assert counts["chunks"] >= found["done"] / (50 * CHUNK), counts
    return {**found, "sent": counts["bytes"]}


def compare(megabytes: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder, stub("anaplan") as url:
        path = Path(folder) / "line_items.csv"
        write_csv(path, megabytes * 1_000_000)
        found = alternate(tuple(VARIANTS), rounds, lambda variant: once(url, path, variant))
        size = path.stat().st_size
    ours = found["ours"]
    lines = [
        (
            VARIANTS[variant], f"{one['cpu']:.2f}", f"{one['wall']:.2f}", f"{one['rss']:.0f}", f"{one['sent'] / 1e6:.1f}",
            f"1/{one['cpu'] / ours['cpu']:.1f}", f"1/{one['wall'] / ours['wall']:.1f}", f"1/{one['rss'] / ours['rss']:.1f}",
        )
        for variant, one in found.items()
    ]  # fmt: skip
    heads = (f"{size / 1e6:.0f} MB of CSV", "CPU s", "wall s", "peak MB", "MB sent", "ours: CPU", "wall", "peak")
    table(heads, lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--run", choices=tuple(VARIANTS))
    parser.add_argument("--url", default="")
    parser.add_argument("--path", type=Path)
    chosen = parser.parse_args()
    if chosen.run == "ours":
        run_ours(chosen.url, chosen.path)
    elif chosen.run:
        run_sdk(chosen.url, chosen.path, stream=chosen.run == "sdk_stream")
    else:
        compare(chosen.megabytes, chosen.rounds)


if __name__ == "__main__":
    main()
