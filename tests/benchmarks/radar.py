"""Masters from a stub of SAP into a stub of Anaplan, first all of them, then none: with the look at masters and without.

python -m benchmarks.radar [--masters 100000] [--rounds 3]
"""

# ruff: noqa: PLC0415 (each variant runs in a process of its own and must not pay for the others' imports)
from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from .figures import FOLDER, Figures, alternate, environment, measure, table, timed
from .load import CONFIG
from .stubs import FILE_ID, MODEL, WORKSPACE, Answer, Request, json_answer, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = 5000
LIST, IMPORT, TASK = "101000000001", "112000000001", "A" * 32
NAMES = {"file": "profit_centers.csv", "import": "Profit Centers from profit_centers.csv", "list": "Profit Centers"}
HEADERS = ["Code", "Name", "Company Code", "Segment", "Responsible", "Valid From", "Valid To"]


def _master(number: int) -> dict[str, Any]:
    return {
        "ControllingArea": "A000", "ProfitCenter": f"{number:010}", "ValidityEndDate": "/Date(253402214400000)/",
        "ValidityStartDate": "/Date(1325376000000)/", "CompanyCode": "1010", "Segment": "1000_A",
        "ProfitCtrResponsiblePersonName": "Aline Meier", "ProfitCenterIsBlocked": "",
        "to_Text": {"results": [{"Language": "EN", "ProfitCenterName": f"Center {number}"}]},
    }  # fmt: skip


class Sap:
    """Pages of profit centers, linked by __next."""

    def __init__(self, masters: int) -> None:
        rows = [_master(number) for number in range(masters)]
        self._pages = [json.dumps(rows[at : at + PAGE])[1:-1].encode() for at in range(0, masters, PAGE)]

    def answer(self, request: Request) -> Answer:
        if not request.path.endswith("/A_ProfitCenter"):
            return json_answer({"d": {"EntitySets": ["A_ProfitCenter"]}})
        found = re.search(r"skiptoken=(\d+)", request.query)
        if found is None and "gt" in request.query:  # beyond the last key
            return json_answer({"d": {"results": []}})
        page = int(found[1]) if found else 0
        link = b',"__next":"A_ProfitCenter?$skiptoken=%d"' % (page + 1) if page + 1 < len(self._pages) else b""
        return Answer(200, b'{"d":{"results":[' + self._pages[page] + b"]" + link + b"}}")


class Anaplan:
    """A model whose list is empty until the first import has run."""

    def __init__(self, masters: int) -> None:
        self._masters = masters
        items = [
            {
                "id": str(number),
                "code": f"{number:010}",
                "name": f"Center {number}",
                "properties": {"Company Code": "1010"},
            }
            for number in range(masters)
        ]
        self._items = [items[at : at + PAGE] for at in range(0, masters, PAGE)]
        self._chunks, self._loaded = 0, False

    def answer(self, request: Request) -> Answer:
        path = re.sub(rf"^/2/0/(workspaces/{WORKSPACE}/)?(models/{MODEL}/?)?", "", request.path)
        if request.method == "PUT":
            self._chunks += 1
            return Answer(204)
        return self._act(path) if request.method == "POST" else self._look(path, request.query)

    def _act(self, path: str) -> Answer:
        if path == "/token/authenticate":
            token = {"tokenValue": "x" * 200, "tokenId": "1", "expiresAt": 4_000_000_000_000}
            return json_answer({"status": "SUCCESS", "tokenInfo": token}, 201)
        if path == f"imports/{IMPORT}/tasks":
            self._loaded = True
            return json_answer({"task": {"taskId": TASK}})
        return json_answer({"file": {"id": FILE_ID, "name": NAMES["file"], "chunkCount": self._chunks}})

    def _look(self, path: str, query: str) -> Answer:
        settings = {"encoding": "UTF-8", "separator": ",", "delimiter": '"', "headerRow": 1, "firstDataRow": 2}
        taken = [
            "hierarchyName",
            NAMES["list"],
            "successRowCount",
            str(self._masters),
            "failedCount",
            "0",
            "ignoredCount",
            "0",
        ]
        details = [{"type": "hierarchyRowsProcessed", "localMessageText": "", "values": taken, "occurrences": 0}]
        result = {"successful": True, "failureDumpAvailable": False, "objectId": IMPORT, "details": details}
        count = self._masters if self._loaded else 0
        metadata = {"id": LIST, "name": NAMES["list"], "itemCount": count, "properties": [{"name": "Company Code"}]}
        singles: dict[str, tuple[str, Any]] = {
            "": ("model", {"id": MODEL, "name": "Finance", "activeState": "UNLOCKED"}),
            f"imports/{IMPORT}": ("importMetadata", {"name": NAMES["import"], "source": {"headerNames": HEADERS}}),
            f"imports/{IMPORT}/tasks/{TASK}": (
                "task", {"taskId": TASK, "taskState": "COMPLETE", "progress": 1.0, "result": result},
            ),
            f"lists/{LIST}": ("metadata", metadata),
        }  # fmt: skip
        many: dict[str, list[dict[str, Any]]] = {
            "workspaces": [{"id": WORKSPACE, "name": "Group", "sizeAllowance": 1 << 40, "currentSize": 1 << 30}],
            "files": [{"id": FILE_ID, "name": NAMES["file"], "chunkCount": self._chunks, **settings}],
            "imports": [{
                "id": IMPORT, "name": NAMES["import"], "importDataSourceId": FILE_ID, "importType": "HIERARCHY_DATA",
            }],
            f"imports/{IMPORT}/tasks": [],
            "lists": [{"id": LIST, "name": NAMES["list"]}],
        }  # fmt: skip
        if path in singles:
            key, value = singles[path]
            return json_answer({key: value})
        if path == f"lists/{LIST}/items":
            offset = re.search(r"offset=(\d+)", query)
            at = int(offset[1]) if offset else 0
            page = self._items[at // PAGE] if self._loaded and at < self._masters else []
            return json_answer({"meta": {"paging": {"totalSize": count, "offset": at}}, "listItems": page})
        if path in many:
            paging = {"currentPageSize": len(many[path]), "totalSize": len(many[path]), "offset": 0}
            return json_answer({"meta": {"paging": paging}, path.rpartition("/")[2]: many[path]})
        return json_answer({"status": {"code": 404, "message": f"no {path}"}}, 404)


def run_engine(sap: str, anaplan: str, *, looks: bool) -> None:
    """Two runs of the product's own worker on a real store; the second one, which has nothing to send, is timed."""
    from tui_connector.bootstrap import open_installation
    from tui_connector.domain.run import ReadMode, RunRequest, RunState
    from tui_connector.domain.tie import Verdict

    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder, ExitStack() as stack:
        if not looks:
            stack.enter_context(patch("tui_connector.engine.survey._LOOKS", ()))
        path = Path(folder) / "config.toml"
        path.write_text(CONFIG.format(sap=sap, anaplan=anaplan, workspace=WORKSPACE, model=MODEL), encoding="utf-8")
        with open_installation(str(path)) as installation:
            for name in ("sap.main", "anaplan.main"):
                installation.set_credential(name, {"user": "benchmark", "password": "secret"})

            async def work(run_id: int) -> None:
                async with installation.worker() as worker:
                    ended = partial(lambda number: installation.store.runs.get(number).state.ended, run_id)
                    await worker.serve(asyncio.Event(), until=ended, scheduled=False)

            def go() -> float:
                (run_id,) = installation.request_runs([RunRequest("profit_centers", ReadMode.DELTA)], "benchmark")
                asyncio.run(work(run_id))
                run, tie = installation.store.runs.get(run_id), installation.store.ties.get(run_id)
                assert run.state is RunState.DONE, f"{run.state}: {run.reason}"
                assert tie is not None
                assert tie.verdict is Verdict.TIED, tie.words
                assert len(installation.store.masters.all(run.target_id)) == looks * run.counts.read
                return run.counts.read

            go()
            timed(go)


@contextmanager
def stub(tenant: str, masters: int) -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.radar", "--serve", tenant, "--masters", str(masters)]
    with subprocess.Popen(
        command, cwd=FOLDER, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}"
        process.stdin.close()


def once(masters: int, variant: str) -> Figures:
    with stub("sap", masters) as sap, stub("anaplan", masters) as anaplan:
        return measure("benchmarks.radar", "--run", variant, "--sap", sap, "--anaplan", anaplan)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--masters", type=int, default=100_000, help="a multiple of 5,000")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--run", choices=("with", "without"))
    parser.add_argument("--serve", choices=("sap", "anaplan"))
    parser.add_argument("--sap", default="")
    parser.add_argument("--anaplan", default="")
    chosen = parser.parse_args()
    if chosen.serve:
        asyncio.run(serve((Sap if chosen.serve == "sap" else Anaplan)(chosen.masters).answer))
    elif chosen.run:
        run_engine(chosen.sap, chosen.anaplan, looks=chosen.run == "with")
    else:
        found = alternate(("without", "with"), chosen.rounds, partial(once, chosen.masters))
        lines = [(name, f"{one['wall']:.2f}", f"{one['cpu']:.2f}", f"{one['rss']:.0f}") for name, one in found.items()]
        table((f"{chosen.masters:,} masters, none changed", "wall s", "CPU s", "peak MB"), lines)


if __name__ == "__main__":
    main()
