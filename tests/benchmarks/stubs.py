"""Two tenants that cost next to nothing: SAP pages made beforehand, and an Anaplan model that throws chunks away.

python -m benchmarks.stubs sap --rows 250000
python -m benchmarks.stubs anaplan
Prints a JSON line with the port when ready, and ends when its standard input is closed.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import random
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from email.utils import formatdate
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE_ROWS = 5000
WORKSPACE, MODEL, FILE_ID = "8a81b0927f3c4e1d9a6b5c4d3e2f1a00", "3F02A9C41B7D4E58A1C6D2E37B9F0456", "113000000006"
VIEW = "102000000011"
FILE_NAME, PROCESS = "gl_line_items.csv", "Load GL line items"
SERVICE = "/sap/opu/odata/sap/API_GLACCOUNTLINEITEM"
MEMBERS = {
    "GL Accounts": [f"00{number * 37 + 11000:08d}" for number in range(500)],
    "Cost Centers": [f"00101{number:05d}" for number in range(250)],
    "Profit Centers": [f"YB{number:03d}" for number in range(64)],
}
HEADERS = [
    "Code", "Company Code", "GL Account", "Cost Center", "Profit Center", "Fiscal Year", "Period", "Posting Date",
    "Document", "Debit Credit", "Amount", "Currency",
]  # fmt: skip
_PAGE = b"@@@@"  # stands in the template where the page's number goes
_HOST = b"@HOST@"


@dataclass(frozen=True, slots=True)
class Request:
    """What the client asked; the body's bytes are kept only when they are few."""

    method: str
    path: str
    query: str
    gzip: bool
    body: bytes
    length: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What it gets."""

    status: int
    body: bytes = b""
    gzip: bool = False


def json_answer(value: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value).encode())


async def serve(answer: Callable[[Request], Answer]) -> None:
    """Answer requests on a free loopback port until standard input ends."""
    server = await asyncio.start_server(partial(_converse, answer), "127.0.0.1", 0, limit=1 << 20)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


async def _converse(
    answer: Callable[[Request], Answer], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, target, _ = head.partition("\r\n")[0].split(" ")
            path, _, query = target.partition("?")
            found = re.search(r"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
            left = length = int(found[1]) if found else 0
            kept = b""
            while left:
                piece = await reader.read(min(left, 1 << 20))
                if not piece:
                    return
                left -= len(piece)
                if length < 100_000:
                    kept += piece
            wants_gzip = re.search(r"\r\naccept-encoding:[^\r]*gzip", head, re.IGNORECASE) is not None
            told = answer(Request(method, path, query, wants_gzip, kept, length))
            coding = "Content-Encoding: gzip\r\n" if told.gzip else ""
            size = "" if told.status == 204 else f"Content-Length: {len(told.body)}\r\n"
            first = f"HTTP/1.1 {told.status} X\r\nContent-Type: application/json\r\n{coding}{size}"
            writer.write(f"{first}Date: {formatdate(usegmt=True)}\r\n\r\n".encode())
            writer.write(told.body)
            await writer.drain()
    writer.close()


def template() -> list[dict[str, Any]]:
    """The rows of one page, about 1.8 kB each: 30 fields of which a flow wants 14, with SAP's metadata and links."""
    dice = random.Random(1)
    entity = f"http://{_HOST.decode()}{SERVICE}/GLAccountLineItem"
    rows = list[dict[str, Any]]()
    for number in range(PAGE_ROWS):
        document, day = f"{_PAGE.decode()}{number // 4 + 1:06d}", dice.randint(1704067200, 1735603200) // 86400 * 86400
        amount = f"{dice.choice(('', '-'))}{dice.expovariate(0.0005):.2f}"
        uri = f"{entity}('1010{document}{number:06d}2026')"
        row: dict[str, Any] = {
            "__metadata": {"id": uri, "uri": uri, "type": "cds_api_glaccountlineitem.GLAccountLineItemType"},
            "SourceLedger": "0L", "CompanyCode": "1010", "FiscalYear": "2026", "AccountingDocument": document,
            "LedgerGLLineItem": f"{number % 4 + 1:06d}", "Ledger": "0L", "ControllingArea": "A000",
            "ChartOfAccounts": "YCOA", "GLAccount": dice.choice(MEMBERS["GL Accounts"]),
            "ReferenceDocumentType": "BKPFF", "ReferenceDocument": document, "IsReversal": False, "IsReversed": False,
            "CostCenter": dice.choice(MEMBERS["Cost Centers"]), "ProfitCenter": dice.choice(MEMBERS["Profit Centers"]),
            "FunctionalArea": "YB40", "CompanyCodeCurrency": "EUR", "AmountInCompanyCodeCurrency": amount,
            "TransactionCurrency": "EUR", "AmountInTransactionCurrency": amount,
            "DebitCreditCode": "H" if amount.startswith("-") else "S", "FiscalPeriod": f"{number % 12 + 1:03d}",
            "PostingDate": f"/Date({day}000)/", "DocumentDate": f"/Date({day}000)/",
            "AccountingDocumentType": "SA", "DocumentItemText": f"Accrual {dice.randint(0, 99999)} of the month",
            "AccountingDocCreatedByUser": "CB9980000012", "LastChangeDateTime": f"/Date({day + 3600}000+0000)/",
            "to_CompanyCode": {"__deferred": {"uri": f"{uri}/to_CompanyCode"}},
            "to_GLAccount": {"__deferred": {"uri": f"{uri}/to_GLAccount"}},
            "to_CostCenter": {"__deferred": {"uri": f"{uri}/to_CostCenter"}},
        }  # fmt: skip
        rows.append(row)
    return rows


def totals(pages: int) -> list[tuple[str, str, Decimal, int]]:
    """Account, period, sum and count of all line items, since each page holds the same amounts."""
    sums: dict[tuple[str, str], tuple[Decimal, int]] = {}
    for row in template():
        scope = row["GLAccount"], row["FiscalPeriod"]
        amount, count = sums.get(scope, (Decimal(0), 0))
        sums[scope] = amount + Decimal(row["AmountInCompanyCodeCurrency"]) * pages, count + pages
    return [(*scope, *total) for scope, total in sorted(sums.items())]


class Sap:
    """Pages of one entity set, each with keys of its own, linked by __next; made and packed before the first request."""

    def __init__(self, rows: int) -> None:
        self._rows = ",".join(json.dumps(row, separators=(",", ":")) for row in template()).encode()
        self._host = b"sap.example"
        self._count = -(-rows // PAGE_ROWS)
        with ThreadPoolExecutor(2) as pool:
            self._packed = list(pool.map(lambda page: gzip.compress(self._page(page), 1), range(self._count)))
        self._sums = [
            {
                "CompanyCode": "1010", "FiscalYear": "2026", "GLAccount": account, "FiscalPeriod": period,
                "CompanyCodeCurrency": "EUR", "AmountInCompanyCodeCurrency": format(amount, "f"),
            }
            for account, period, amount, _ in totals(self._count)
        ]  # fmt: skip

    def answer(self, request: Request) -> Answer:
        if not request.path.startswith(f"{SERVICE}/GLAccountLineItem"):
            return json_answer({"d": {"EntitySets": ["GLAccountLineItem"]}})
        found = re.search(r"skiptoken=(\d+)", request.query)
        page = int(found[1]) if found else 0
        if "AccountingDocument" not in request.query:  # an aggregating set sums up over what is not selected
            return self._summed(page, request)
        if found is None and "gt" in request.query:  # beyond the last key, asked where a page ended just at $top
            return json_answer({"d": {"results": []}})
        return Answer(200, self._packed[page], gzip=True) if request.gzip else Answer(200, self._page(page))

    def _summed(self, page: int, request: Request) -> Answer:
        if "skiptoken" not in request.query and "gt" in request.query:
            return json_answer({"d": {"results": []}})
        rows = self._sums[page * PAGE_ROWS : (page + 1) * PAGE_ROWS]
        more = (page + 1) * PAGE_ROWS < len(self._sums)
        following = {"__next": f"GLAccountLineItem?$select=GLAccount&$skiptoken={page + 1}"} if more else {}
        return json_answer({"d": {"results": rows, **following}})

    def _page(self, page: int) -> bytes:
        rows = self._rows.replace(_PAGE, b"%04d" % page).replace(_HOST, self._host)
        following = b""
        if page + 1 < self._count:
            following = b',"__next":"GLAccountLineItem?$select=AccountingDocument&$skiptoken=%d"' % (page + 1)
        return b'{"d":{"results":[' + rows + b"]" + following + b"}}"


class Anaplan:
    """One model with one file and one process; `chunks` counts the bytes of each chunk taken."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._chunks: dict[int, int] = {}
        self._joined = 0

    def answer(self, request: Request) -> Answer:
        path = re.sub(rf"^/2/0/(workspaces/{WORKSPACE}/)?(models/{MODEL}/?)?", "", request.path)
        if found := re.fullmatch(rf"files/{FILE_ID}/chunks/(\d+)", path):
            self._chunks[int(found[1])] = request.length
            return Answer(204)
        return self._action(request, path) if request.method == "POST" else self._look(path)

    def _action(self, request: Request, path: str) -> Answer:
        if path == "/token/authenticate":
            token = {"tokenValue": "x" * 200, "tokenId": "1", "expiresAt": int((time.time() + 2100) * 1000)}
            return json_answer({"status": "SUCCESS", "tokenInfo": token}, 201)
        if path == f"files/{FILE_ID}":
            self._chunks.clear()
            self._joined = 0
            return json_answer({"file": {"id": FILE_ID, "name": FILE_NAME, "chunkCount": 0}})
        if path == f"files/{FILE_ID}/complete":
            self._joined = len(self._chunks)
            return json_answer({"file": {"id": FILE_ID, "name": FILE_NAME, "chunkCount": self._joined}})
        if path == f"views/{VIEW}/readRequests":
            return json_answer({"viewReadRequest": {"requestId": "R1", "requestState": "IN_PROGRESS"}})
        if path == "processes/118000000001/tasks":
            return json_answer({"task": {"taskId": "A" * 32}})
        return json_answer({"status": {"code": 404, "message": f"no {request.path}"}}, 404)

    def _look(self, path: str) -> Answer:
        settings = {"encoding": "UTF-8", "separator": ",", "delimiter": '"', "headerRow": 1, "firstDataRow": 2}
        file = {"id": FILE_ID, "name": FILE_NAME, "chunkCount": self._joined, **settings}
        one = {"id": "112000000001", "name": "GL from file", "importDataSourceId": FILE_ID, "importType": "MODULE_DATA"}
        lists = [{"id": f"10100000000{place}", "name": name} for place, name in enumerate(MEMBERS)]
        taken = ["lineItemName", "Amount", "rowCount", str(self._rows)]
        details = [{"type": "lineItemRowsProcessed", "localMessageText": "Amount", "values": taken, "occurrences": 0}]
        result = {"successful": True, "failureDumpAvailable": False, "objectId": "112000000001", "details": details}
        task = {"taskId": "A" * 32, "taskState": "COMPLETE", "progress": 1.0, "result": result}
        singles: dict[str, tuple[str, Any]] = {
            "": ("model", {"id": MODEL, "name": "Finance", "activeState": "UNLOCKED"}),
            f"imports/{one['id']}": ("importMetadata", {"name": one["name"], "source": {"headerNames": HEADERS}}),
            "processes/118000000001": ("processMetadata", {"actions": [{"id": one["id"], "name": one["name"]}]}),
            f"processes/118000000001/tasks/{'A' * 32}": ("task", task),
            f"views/{VIEW}/readRequests/R1": (
                "viewReadRequest",
                {"requestId": "R1", "requestState": "COMPLETE", "availablePages": 1, "successful": True},
            ),
            "counts": (
                "counts",
                {"chunks": len(self._chunks), "bytes": sum(self._chunks.values()), "joined": self._joined},
            ),
        }
        many: dict[str, list[dict[str, Any]]] = {
            "workspaces": [{"id": WORKSPACE, "name": "Group", "sizeAllowance": 1 << 40, "currentSize": 1 << 30}],
            "files": [file],
            "imports": [one],
            "processes": [{"id": "118000000001", "name": PROCESS}],
            "processes/118000000001/tasks": [],
            "lists": lists,
            "views": [{"id": VIEW, "name": "ACT11 GL Totals"}],
        }
        for entry in lists:
            codes = MEMBERS[entry["name"]]
            singles[f"lists/{entry['id']}"] = ("metadata", {**entry, "itemCount": len(codes)})
            if path == f"lists/{entry['id']}/items":
                return json_answer({"listItems": [{"code": code, "name": code} for code in codes]})
        if path == f"views/{VIEW}/readRequests/R1/pages/0":
            return Answer(200, self._view())
        if path in singles:
            key, value = singles[path]
            return json_answer({key: value})
        if path in many:
            total = len(many[path])
            paging = {"currentPageSize": total, "totalSize": total, "offset": 0}
            return json_answer({"meta": {"paging": paging}, path.rpartition("/")[2]: many[path]})
        return json_answer({"status": {"code": 404, "message": f"no {path}"}}, 404)

    def _view(self) -> bytes:
        lines = ["Company Code,GL Account,Fiscal Year,Period,Currency,Amount,Line Count"]
        for account, period, amount, count in totals(-(-self._rows // PAGE_ROWS)):
            lines.append(f"1010,{account},2026,{period},EUR,{amount:f},{count}")
        return "\n".join(lines).encode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tenant", choices=("sap", "anaplan"))
    parser.add_argument("--rows", type=int, default=250_000)
    chosen = parser.parse_args()
    asyncio.run(serve(Sap(chosen.rows).answer if chosen.tenant == "sap" else Anaplan(chosen.rows).answer))


if __name__ == "__main__":
    main()
