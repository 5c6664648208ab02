"""Tasks of actions: start, list, poll, cancel; and the failure dumps they leave."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from starlette.responses import Response, StreamingResponse

from tui_connector.sandbox.anaplan.actions_api import KINDS, pool
from tui_connector.sandbox.anaplan.gate import ANSWERS, Call, Endpoint
from tui_connector.sandbox.anaplan.running import Running
from tui_connector.sandbox.anaplan.wire import ApiError, Row, envelope, page_rows, read_flag

if TYPE_CHECKING:
    from pathlib import Path

    from tui_connector.sandbox.anaplan.tasks import Task

AsyncHandler = Callable[[Call], Awaitable[Response]]


def starter(kind: str) -> AsyncHandler:
    """The handler that starts a task of one kind of action; 200 with the task's id."""

    async def started(call: Call) -> Response:
        action = pool(call.model, kind).get(call.part("action"))
        if action is None:
            raise ApiError(404)
        body = call.fields()
        if not isinstance(body.get("localeName"), str):
            raise ApiError(400, "localeName is required")
        mapping = body.get("mappingParameters") or []
        call.model.loaded = True
        queue, settings = call.state.queues[call.model.id], call.state.settings
        task = queue.start(kind, action, call.user, mapping, Running(call.state, call.model).work(action))
        if settings.task_start_502 > 0:
            settings.task_start_502 -= 1
            raise ApiError(502, "Bad Gateway", html=True)
        return envelope("task", call.model.id, task=task.as_row())

    return started


def lister(kind: str) -> Callable[[Call], Response]:
    """The handler of a task list; an action that is not there has merely no tasks."""

    def listed(call: Call) -> Response:
        tasks = call.state.queues[call.model.id].tasks.values()
        hidden = call.state.settings.no_access
        wanted = [task for task in tasks if task.kind == kind and task.action.id == call.part("action")]
        rows: list[Row] = [] if hidden else [task.as_row() for task in wanted]
        return page_rows(call.request, "tasks", "task", rows, call.rules, model_id=call.model.id)

    return listed


def find_task(call: Call, kind: str) -> Task:
    """The task of the path; ids of an unloaded model are gone."""
    task = call.state.queues[call.model.id].tasks.get(call.part("task"))
    if task is None or task.kind != kind or task.action.id != call.part("action"):
        raise ApiError(404)
    return task


def poller(kind: str) -> AsyncHandler:
    """The handler that shows one task."""

    async def polled(call: Call) -> Response:
        task = find_task(call, kind)
        shown = task.as_json()
        if read_flag(call.request, "includeProcessDetails") and task.result is not None:
            began, ended = task.started or task.created, task.ended or task.created
            shown["result"] = {**task.result, "startTime": str(began), "duration": str(ended - began)}
        return envelope("task", call.model.id, task=shown)

    return polled


def canceller(kind: str) -> AsyncHandler:
    """The handler that cancels a task."""

    async def cancelled(call: Call) -> Response:
        task = find_task(call, kind)
        call.state.queues[call.model.id].cancel(task, call.user)
        status = call.state.settings.cancel_status
        if status == 204:
            return Response(status_code=204)
        answer = envelope("task", call.model.id, task=task.as_json())
        answer.status_code = status
        return answer

    return cancelled


def _dump(call: Call, kind: str) -> Path | None:
    find_task(call, kind)
    owner = call.request.path_params.get("object", call.part("action"))
    return call.state.dumps.find((call.model.id, call.user.email, str(owner)), call.part("task"))


def dump_whole(kind: str) -> Callable[[Call], Response]:
    """The handler of a whole dump, text/plain."""

    def whole(call: Call) -> Response:
        path = _dump(call, kind)
        if path is None:
            raise ApiError(404)
        return StreamingResponse(call.state.dumps.blocks(path), media_type="text/plain")

    return whole


def dump_chunks(kind: str) -> Callable[[Call], Response]:
    """The handler of a dump's chunk list."""

    def chunks(call: Call) -> Response:
        path = _dump(call, kind)
        missing = call.state.settings.missing_dump_status
        if path is None and missing == 204:
            return Response(status_code=204)
        if path is None and missing != 200:
            raise ApiError(missing)
        count = 0 if path is None else call.state.dumps.chunk_count(path)
        rows: list[Row] = [{"id": str(number), "name": f"Chunk {number}"} for number in range(count)]
        return page_rows(call.request, "chunks", "chunk", rows, call.rules, model_id=call.model.id)

    return chunks


def dump_chunk(kind: str) -> Callable[[Call], Response]:
    """The handler of one chunk of a dump, text/plain."""

    def chunk(call: Call) -> Response:
        path, number = _dump(call, kind), call.part("chunk")
        if path is None or not number.isdigit() or int(number) >= call.state.dumps.chunk_count(path):
            raise ApiError(404)
        return Response(call.state.dumps.chunk(path, int(number)), media_type="text/plain")

    return chunk


def _endpoints(kind: str) -> list[Endpoint]:
    tasks = f"/{kind}/{{action}}/tasks"
    one = f"{tasks}/{{task}}"
    made = [
        Endpoint("GET", tasks, lister(kind), ANSWERS),
        Endpoint("POST", tasks, starter(kind), ANSWERS, changes=True),
        Endpoint("GET", one, poller(kind), ANSWERS),
        Endpoint("DELETE", one, canceller(kind), ANSWERS),
    ]
    for stem in (f"{one}/dump", f"{one}/dumps/{{object}}"):
        made.append(Endpoint("GET", stem, dump_whole(kind), ANSWERS))
        made.append(Endpoint("GET", f"{stem}/chunks", dump_chunks(kind), ANSWERS))
        made.append(Endpoint("GET", f"{stem}/chunks/{{chunk}}", dump_chunk(kind), ANSWERS))
    return made


MODEL_ENDPOINTS = [endpoint for kind in KINDS for endpoint in _endpoints(kind)]
