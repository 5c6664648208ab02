"""Encodes rows and uploads a 100 MB CSV to the sandbox, against the independent client; prints figures and ratios.

python tests/anaplan/benchmark_upload.py [--megabytes 100] [--rounds 3]
"""

# ruff: noqa: PLC0415 (each side runs in a process of its own and must not pay for the other's imports)
from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import statistics
import subprocess
import sys
import time
from typing import Any, cast

WORKSPACE, MODEL = "8a81b0927f3c4e1d9a6b5c4d3e2f1a00", "3F02A9C41B7D4E58A1C6D2E37B9F0456"
USER, PASSWORD = "integration@example.com", "sandbox-secret-2"
FILE_ID = "113000000001"
PAGE_ROWS = 5000
WORDS = ("invoice", "rent", "travel", "licence", "freight", "bonus", "hotel", "energy", "audit", "repair", "legal fee")


def rows_of(page: int) -> list[tuple[str, ...]]:
    """A page of ledger line items whose amounts, accounts and texts vary as a ledger's do."""
    dice = random.Random(page)
    rows: list[tuple[str, ...]] = []
    for n in range(page * PAGE_ROWS, (page + 1) * PAGE_ROWS):
        day = f"2026-{dice.randint(1, 12):02d}-{dice.randint(1, 28):02d}"
        text = " ".join(dice.choices(WORDS, k=4))
        rows.append(
            (
                f"1010-2026-{n:010d}-{dice.randint(1, 9):06d}",
                dice.choice(("1010", "2010")),
                f"{dice.randint(4, 9)}{dice.randint(0, 99999):05d}",
                f"10{dice.randint(0, 999):06d}",
                f"YB{dice.randint(1, 400):03d}",
                "2026",
                f"0{day[5:7]}",
                day,
                f"{1900000000 + n}",
                text,
                f"{dice.expovariate(0.0005):.2f}",
                "EUR",
            )
        )
    return rows


def page_bytes(page: int) -> bytes:
    return ("\n".join(map(",".join, rows_of(page))) + "\n").encode()


def report(started: float, cpu: float, size: int) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - started, "rss": peak, "bytes": size}
    print(json.dumps(figures))


def upload_ours(url: str, pages: int) -> None:
    from tui_connector.anaplan.auth import BasicAuth
    from tui_connector.anaplan.client import AnaplanClient
    from tui_connector.anaplan.files import Upload
    from tui_connector.anaplan.keeper import TokenKeeper
    from tui_connector.anaplan.model import File
    from tui_connector.domain.clock import SystemClock
    from tui_connector.transport.client import HttpClient
    from tui_connector.transport.tokens import MemoryShelf

    async def run() -> None:
        clock = SystemClock()
        http = HttpClient(url, name="anaplan", clock=clock)
        basic = BasicAuth(http, USER, PASSWORD, clock)
        keeper = TokenKeeper(MemoryShelf(clock), basic.login, basic.refresh, clock)
        client = AnaplanClient(http, keeper, workspace_id=WORKSPACE, model_id=MODEL)
        spent = size = 0.0
        started, cpu = time.perf_counter(), time.process_time()
        upload = Upload(client, File(FILE_ID, "accounts.csv"))
        await upload.start()
        for page in range(pages):
            before = time.process_time(), time.perf_counter()
            data = page_bytes(page)
            # making the data is not the upload's cost
            spent += time.process_time() - before[0]
            started += time.perf_counter() - before[1]
            size += len(data)
            await upload.write(data)
        await upload.complete()
        report(started, cpu + spent, int(size))
        await http.aclose()

    asyncio.run(run())


def upload_peer(url: str, pages: int) -> None:
    import httpx2
    from anaplan_sdk import Client

    port = int(url.rpartition(":")[2])
    send: Any = httpx2.HTTPTransport.handle_request

    def redirected(self: Any, request: Any) -> Any:
        request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=port)
        return send(self, request)

    cast("Any", httpx2.HTTPTransport).handle_request = redirected
    client = Client(WORKSPACE, MODEL, user_email=USER, password=PASSWORD)
    data = b"".join(page_bytes(page) for page in range(pages))
    started, cpu = time.perf_counter(), time.process_time()
    client.upload_file(int(FILE_ID), data)
    report(started, cpu, len(data))


def encode(pages: int) -> float:
    from tui_connector.anaplan.rows import RowEncoder

    encoder, made = RowEncoder(12), [rows_of(page) for page in range(4)]
    cpu = time.process_time()
    for page in range(pages):
        lines, faults = encoder.lines(made[page % 4])
        assert encoder.data(lines)
        assert not faults
    return pages * PAGE_ROWS / (time.process_time() - cpu)


def measure(which: str, url: str, pages: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--run", which, "--url", url, "--pages", str(pages)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--run")
    parser.add_argument("--url", default="")
    parser.add_argument("--pages", type=int, default=0)
    chosen = parser.parse_args()
    if chosen.run:
        {"ours": upload_ours, "anaplan-sdk": upload_peer}[chosen.run](chosen.url, chosen.pages)
        return
    pages = round(chosen.megabytes * 1e6 / len(page_bytes(0)))
    command = [sys.executable, "-m", "tui_connector.sandbox", "--port", "0", "--line-items", "200", "--parent-pipe"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as sandbox:
        assert sandbox.stdout is not None
        url = f"http://127.0.0.1:{json.loads(sandbox.stdout.readline())['port']}"
        taken: dict[str, list[dict[str, float]]] = {"ours": [], "anaplan-sdk": []}
        for _ in range(chosen.rounds):
            for which, rounds in taken.items():
                rounds.append(measure(which, url, pages))
        assert sandbox.stdin is not None
        sandbox.stdin.close()
    median = {
        which: {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}
        for which, rounds in taken.items()
    }
    for which, found in median.items():
        size, peak = f"{found['bytes'] / 1e6:.0f} MB", f"{found['rss']:.0f} MB at most"
        print(f"{which:12} {size}: {found['cpu']:.2f} CPU s, {found['wall']:.2f} s, {peak}")
    ours, peer = median["ours"], median["anaplan-sdk"]
    ratios = ", ".join(f"{key} 1/{peer[key] / ours[key]:.1f}" for key in ("cpu", "wall", "rss"))
    print(f"ratio        {ratios}")
    print(f"encode       {statistics.median(encode(60) for _ in range(5)):,.0f} rows per CPU s (12 clean columns)")


if __name__ == "__main__":
    main()
