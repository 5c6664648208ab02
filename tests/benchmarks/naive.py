"""The script one would write first: whole answers as objects, csv.DictWriter, gzip's default level, no trail, no checks."""

from __future__ import annotations

import csv
import gzip
import io
from datetime import UTC, datetime, timedelta

import httpx

from .stubs import FILE_ID, HEADERS, MODEL, SERVICE, WORKSPACE

CHUNK = 10_000_000
FIELDS = (
    "CompanyCode", "GLAccount", "CostCenter", "ProfitCenter", "FiscalYear", "FiscalPeriod", "PostingDate",
    "AccountingDocument", "DebitCreditCode", "AmountInCompanyCodeCurrency", "CompanyCodeCurrency",
)  # fmt: skip
KEY = ("CompanyCode", "FiscalYear", "AccountingDocument", "LedgerGLLineItem")


def load(sap: str, anaplan: str) -> int:
    """Carry every line item from one side to the other, run the import, and say how many there were."""
    with httpx.Client(timeout=60) as client:
        token = client.post(f"{anaplan}/token/authenticate", auth=("user", "secret")).json()["tokenInfo"]["tokenValue"]
        model = f"{anaplan}/2/0/workspaces/{WORKSPACE}/models/{MODEL}"
        client.headers["authorization"] = f"AnaplanAuthToken {token}"
        client.post(f"{model}/files/{FILE_ID}", json={"chunkCount": -1}).raise_for_status()
        text = io.StringIO()
        writer = csv.DictWriter(text, HEADERS)
        writer.writeheader()
        rows = chunks = 0
        link: str | None = (
            f"{SERVICE}/GLAccountLineItem?$select={','.join({*FIELDS, *KEY})}&$orderby={','.join(KEY)}&$top=5000"
        )
        while link:
            answer = client.get(f"{sap}{link}").json()["d"]
            for item in answer["results"]:
                item["PostingDate"] = _day(item["PostingDate"])
                values = ["-".join(item[part] for part in KEY), *(item[name] for name in FIELDS)]
                writer.writerow(dict(zip(HEADERS, values, strict=True)))
            rows += len(answer["results"])
            link = answer.get("__next")
            link = f"{SERVICE}/{link}" if link else None
            if text.tell() >= CHUNK or not link:
                body = gzip.compress(text.getvalue().encode())
                client.put(f"{model}/files/{FILE_ID}/chunks/{chunks}", content=body).raise_for_status()
                chunks += 1
                text.seek(0)
                text.truncate()
        client.post(f"{model}/files/{FILE_ID}/complete", json={"id": FILE_ID}).raise_for_status()
        action = f"{model}/processes/118000000001/tasks"
        task = client.post(action, json={"localeName": "en_US"}).json()["task"]["taskId"]
        while client.get(f"{action}/{task}").json()["task"]["taskState"] != "COMPLETE":
            pass
    return rows


def _day(wire: str) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(wire[6:-2]))).strftime("%Y-%m-%d")
