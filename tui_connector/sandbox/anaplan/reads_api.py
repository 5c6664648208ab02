"""Large reads of views and lists: a request, its state, its CSV pages."""

from __future__ import annotations

import asyncio
import csv
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Iterator

from starlette.responses import Response

from tui_connector.sandbox.anaplan.gate import Call, Endpoint, Handler
from tui_connector.sandbox.anaplan.hiding import hidden_members, visible_rows
from tui_connector.sandbox.anaplan.lists_api import find_list, parents_of
from tui_connector.sandbox.anaplan.modules_api import find_module
from tui_connector.sandbox.anaplan.read_requests import ReadRequest
from tui_connector.sandbox.anaplan.tables import list_header, list_rows, module_header, named_rows
from tui_connector.sandbox.anaplan.wire import ApiError, Row, envelope

IDLE_SECONDS = 30 * 60
TIMER_STEP = 100
Table = tuple[list[str], Callable[[sqlite3.Connection], Iterator[list[str]]]]


def _table(call: Call, kind: str) -> tuple[str, Table]:
    book, model = call.state.data_faults, call.model
    if kind == "view":
        module = find_module(call, "view")

        named = call.state.settings.view_members == "names" and not module.summary

        def view_rows(db: sqlite3.Connection) -> Iterator[list[str]]:
            rows = visible_rows(book, model, module, db)
            return named_rows(db, model, module, rows) if named else rows

        header = module_header(module)
        return module.id, ([header[0], *header[2:]] if named else header, view_rows)
    target = find_list(call)
    parents = parents_of(call, target)

    def member_rows(db: sqlite3.Connection) -> Iterator[list[str]]:
        return list_rows(db, target, parents, hidden_members(book, target, db))

    return target.id, (list_header(target), member_rows)


def starter(kind: str) -> Handler:
    """The handler that starts a large read."""

    async def started(call: Call) -> Response:
        owner, table = _table(call, kind)
        request_id = secrets.token_hex(16).upper()
        folder = call.state.folder / "reads" / request_id
        folder.mkdir(parents=True)
        url = f"{call.request.url.replace(query='')}/{request_id}"
        made = ReadRequest(request_id, owner, kind, url, folder, call.state.clock.now())
        call.state.reads[request_id] = made
        work = asyncio.get_running_loop().create_task(_produce(call, made, table))
        call.state.background.add(work)
        work.add_done_callback(call.state.background.discard)
        return _answer(call, made)

    return started


async def _produce(call: Call, made: ReadRequest, table: Table) -> None:
    await asyncio.sleep(call.state.settings.read_seconds)
    await asyncio.to_thread(_write_pages, call, made, table)


def _write_pages(call: Call, made: ReadRequest, table: Table) -> None:
    header, rows_of = table
    size = call.state.settings.read_page_rows
    with call.model.store.read() as db:
        rows = rows_of(db)
        page: list[list[str]] = []
        for row in rows:
            page.append(row)
            if len(page) == size:
                _write_page(made, header, page)
                page = []
        if page or not made.pages:
            _write_page(made, header, page)
    if made.state == "IN_PROGRESS":
        made.state, made.successful = "COMPLETE", True


def _write_page(made: ReadRequest, header: list[str], rows: list[list[str]]) -> None:
    with (made.folder / str(made.pages)).open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        # Only the first page bears the header: pages are to be joined as they come.
        if not made.pages:
            writer.writerow(header)
        writer.writerows(rows)
    made.pages += 1


def _answer(call: Call, made: ReadRequest) -> Response:
    shown: Row = {"requestId": made.id, "requestState": made.state, "url": made.url, "availablePages": made.pages}
    shown[f"{made.kind}Id"] = made.owner
    if made.successful is not None:
        shown["successful"] = made.successful
    return envelope(f"{made.kind}ReadRequest", call.model.id, **{f"{made.kind}ReadRequest": shown})


def _find(call: Call, kind: str) -> ReadRequest:
    made = call.state.reads.get(call.part("request"))
    if made is None or made.kind != kind or made.owner != call.part(kind):
        raise ApiError(404)
    if (call.state.clock.now() - made.touched).total_seconds() > IDLE_SECONDS:
        _forget(call, made)
        raise ApiError(404)
    return made


def _forget(call: Call, made: ReadRequest) -> None:
    call.state.reads.pop(made.id, None)
    shutil.rmtree(made.folder, ignore_errors=True)


def shower(kind: str) -> Handler:
    """The handler that shows how far a read is."""

    def shown(call: Call) -> Response:
        return _answer(call, _find(call, kind))

    return shown


def pager(kind: str) -> Handler:
    """The handler of one page, text/csv; pages divisible by 100 restart the idle timer."""

    def paged(call: Call) -> Response:
        made, number = _find(call, kind), call.part("page")
        if not number.isdigit() or int(number) >= made.pages:
            raise ApiError(404)
        if int(number) % TIMER_STEP == 0:
            made.touched = call.state.clock.now()
        return Response((made.folder / number).read_bytes(), media_type="text/csv")

    return paged


def ender(kind: str) -> Handler:
    """The handler that gives a read up; 200 with its last state."""

    def ended(call: Call) -> Response:
        made = _find(call, kind)
        if made.state == "IN_PROGRESS":
            made.state = "CANCELLED"
        answer = _answer(call, made)
        _forget(call, made)
        return answer

    return ended


def _endpoints(kind: str) -> list[Endpoint]:
    stem = f"/{kind}s/{{{kind}}}/readRequests"
    return [
        Endpoint("POST", stem, starter(kind)),
        Endpoint("GET", f"{stem}/{{request}}", shower(kind)),
        Endpoint("DELETE", f"{stem}/{{request}}", ender(kind)),
        Endpoint("GET", f"{stem}/{{request}}/pages/{{page}}", pager(kind)),
    ]


MODEL_ENDPOINTS = [*_endpoints("view"), *_endpoints("list")]
