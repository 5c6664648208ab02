"""Control calls of the simulated Anaplan tenant: what no real tenant has."""

# ruff: noqa: S608 -- table and column names are the store's own, values are always bound
from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import combinations
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tui_connector.sandbox.anaplan.file_access import DEFAULT, new_content
from tui_connector.sandbox.anaplan.formats import plain_number
from tui_connector.sandbox.anaplan.objects import Field, FileObject, ImportObject, ModelObject, ModuleObject
from tui_connector.sandbox.anaplan.summaries import summary_rows
from tui_connector.sandbox.anaplan.tables import show_cells
from tui_connector.sandbox.anaplan.tokens import INTEGRATION, USERS, User
from tui_connector.sandbox.anaplan.wire import ApiError, parse_json
from tui_connector.sandbox.seed.model import FINANCE_HUB, NUMBER, build_models

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator

    from starlette.requests import Request

    from tui_connector.sandbox.anaplan.state import TenantState
    from tui_connector.sandbox.anaplan.tasks import Task

MOST_SHOWN = 100_000


class AnaplanControl:
    """Looks into the tenant, and changes what an administrator would change in the model."""

    def __init__(self, current: Callable[[], TenantState]) -> None:
        self._current = current

    def routes(self) -> list[BaseRoute]:
        """All control routes of the tenant."""
        return [
            Route("/actions", self.actions),
            Route("/refused", self.refused),
            Route("/auth", self.auth),
            Route("/auth/revoke", self.revoke, methods=["POST"]),
            Route("/lists/{name}", self.show_list),
            Route("/lists/{name}", self.change_list, methods=["POST"]),
            Route("/modules/{name}", self.show_module),
            Route("/modules/{name}", self.change_module, methods=["POST"]),
            Route("/files/{name}", self.change_file, methods=["POST"]),
            Route("/imports", self.change_imports, methods=["POST"]),
            Route("/model", self.change_model, methods=["POST"]),
            Route("/models", self.copy_model, methods=["POST"]),
            Route("/certificates", self.add_certificate, methods=["POST"]),
            Route("/device/approve", self.approve_device, methods=["POST"]),
        ]

    def _model(self, key: object) -> ModelObject:
        for model in self._current().models.values():
            if key in (model.id, model.name):
                return model
        raise HTTPException(404, f"no model {key!r}")

    async def actions(self, _request: Request) -> Response:
        """Every task that was started, and whether tasks of one model overlapped."""
        queues = self._current().queues.values()
        shown = [_task(task) for queue in queues for task in queue.history]
        overlaps = sum(_overlap(*pair) for queue in queues for pair in combinations(queue.history, 2))
        starts = sum(queue.concurrent_starts for queue in queues)
        return JSONResponse({"actions": shown, "overlaps": overlaps, "concurrent_starts": starts})

    async def refused(self, _request: Request) -> Response:
        """Every row that a data fault had an import refuse: import, line, type, column, status, and its values."""
        return JSONResponse({"refused": self._current().refused})

    async def auth(self, _request: Request) -> Response:
        """How often tokens were made, by every way."""
        counts = self._current().tokens.counts
        logins = {way: counts[way] for way in ("basic", "certificate", "device")}
        rest = {way: counts[way] for way in ("refreshes", "oauth_refreshes", "validates", "logouts", "failures")}
        return JSONResponse({"logins": sum(logins.values()), **logins, **rest})

    async def revoke(self, _request: Request) -> Response:
        """Kill every token, as an expiry in the middle of something does."""
        return JSONResponse({"revoked": self._current().tokens.revoke_all()})

    async def show_list(self, request: Request) -> Response:
        """A list's count and members by code; ?model= names another model, ?limit= caps the members."""
        return JSONResponse(await run_in_threadpool(self._read_list, request))

    def _read_list(self, request: Request) -> dict[str, Any]:
        model = self._model(request.query_params.get("model", FINANCE_HUB))
        target = _named(model.list_named, request.path_params["name"])
        limit = int(request.query_params.get("limit", MOST_SHOWN))
        columns = "".join(f", {one.column}" for one in target.properties)
        items = {}
        with model.store.read() as db:
            for number, code, name, parent, *values in db.execute(
                f"SELECT id, code, name, parent{columns} FROM {target.table} ORDER BY id LIMIT {limit}"
            ):
                pairs = zip(target.properties, values, strict=True)
                properties = {one.name: value for one, value in pairs if value is not None}
                items[code or f"#{number}"] = {"name": name, "parent": parent, "properties": properties}
            count = int(db.execute(f"SELECT count(*) FROM {target.table}").fetchone()[0])
        return {"count": count, "items": items}

    async def show_module(self, request: Request) -> Response:
        """A module's count, cells by member code (or scope, parts joined by /), and exact totals of its numbers."""
        return JSONResponse(await run_in_threadpool(self._read_module, request))

    def _read_module(self, request: Request) -> dict[str, Any]:
        model = self._model(request.query_params.get("model", FINANCE_HUB))
        module = _named(model.module_named, request.path_params["name"])
        limit = int(request.query_params.get("limit", MOST_SHOWN))
        names = [one.name for one in module.line_items]
        totals = {one.name: Decimal(0) for one in module.line_items if one.format == NUMBER}
        cells: dict[str, dict[str, str]] = {}
        count = 0
        with model.store.read() as db:
            for code, values in _filled(db, model, module):
                count += 1
                shown = dict(zip(names, values, strict=True))
                for name in totals:
                    totals[name] += Decimal(shown[name])
                if count <= limit:
                    cells[code] = shown
        shown_totals = {name: plain_number(format(total, "f")) for name, total in totals.items()}
        return {"count": count, "cells": cells, "totals": shown_totals}

    async def change_list(self, request: Request) -> Response:
        """{"rename": {old: new}} gives properties of the list other names, {"parent": name} puts it below a list."""
        body = await _body(request)
        model = self._model(body.get("model", FINANCE_HUB))
        target = _named(model.list_named, request.path_params["name"])
        if "parent" in body:
            target.parent = _named(model.list_named, str(body["parent"])).name
        target.properties = _renamed(target.properties, body)
        return JSONResponse({"properties": [one.name for one in target.properties]})

    async def change_module(self, request: Request) -> Response:
        """{"rename": {old: new}} gives line items of the module other names."""
        body = await _body(request)
        module = _named(self._model(body.get("model", FINANCE_HUB)).module_named, request.path_params["name"])
        module.line_items = _renamed(module.line_items, body)
        return JSONResponse({"line_items": [one.name for one in module.line_items]})

    async def change_file(self, request: Request) -> Response:
        """{"headers": […]} saves other columns, {"default": text} default content; settings go by their names."""
        body = await _body(request)
        model = self._model(body.pop("model", FINANCE_HUB))
        file = next((one for one in model.files.values() if one.name == request.path_params["name"]), None)
        if file is None:
            raise HTTPException(404, "no such file")
        if "headers" in body:
            file.headers = tuple(str(one) for one in body.pop("headers"))
        if "default" in body:
            self._set_default(file, str(body.pop("default")))
        for name in ("encoding", "separator", "delimiter", "header_row", "first_data_row"):
            if name in body:
                setattr(file, name, body.pop(name))
        if body:
            raise HTTPException(400, f"unknown: {', '.join(body)}")
        return JSONResponse({"id": file.id, "headers": list(file.headers)})

    def _set_default(self, file: FileObject, text: str) -> None:
        state = self._current()
        content = new_content(file, DEFAULT, state.folder / "files", state.clock, 1)
        content.path(0).write_text(text, encoding=file.encoding)
        content.chunks[0] = content.path(0).stat().st_size
        content.completed = True

    async def change_imports(self, request: Request) -> Response:
        """{"rename": {"from", "to"}} renames; {"duplicate": name[, "module": name]} makes a second import.

        It bears the same name and fills the other module if one is named. {"match": name, "by": "name" | "code"[,
        "without": [target, …]][, "fill": {target: header}]} lets one find members otherwise, with some targets unmapped
        and others filled as well.
        """
        body = await _body(request)
        model = self._model(body.get("model", FINANCE_HUB))
        if "rename" in body:
            names = body["rename"]
            self._import(model, names["from"]).name = str(names["to"])
            return JSONResponse({"renamed": names["to"]})
        if "match" in body:
            matched = self._import(model, body["match"])
            matched.match_by = str(body["by"])
            dropped = body.get("without", ())
            matched.mapping = {target: header for target, header in matched.mapping.items() if target not in dropped}
            matched.mapping |= body.get("fill", {})
            return JSONResponse({"matched": matched.name})
        former = self._import(model, body.get("duplicate"))
        module_name = str(body.get("module", former.module_name))
        made_id = model.next_id("112")
        model.imports[made_id] = ImportObject(
            made_id, former.name, former.file_id, former.list_name, module_name, former.mapping, former.match_by
        )
        return JSONResponse({"id": made_id}, 201)

    @staticmethod
    def _import(model: ModelObject, name: object) -> ImportObject:
        for one in model.imports.values():
            if one.name == name:
                return one
        raise HTTPException(404, f"no import {name!r}")

    async def change_model(self, request: Request) -> Response:
        """{"activeState": …} sets the mode, {"unload": true} drops the model and its task ids from memory."""
        body = await _body(request)
        model = self._model(body.get("model", FINANCE_HUB))
        if "activeState" in body:
            model.active_state = str(body["activeState"])
        if body.get("unload"):
            model.loaded = False
            self._current().queues[model.id].unload()
        return JSONResponse({"id": model.id, "activeState": model.active_state, "loaded": model.loaded})

    async def copy_model(self, request: Request) -> Response:
        """{"of": model, "times": n} makes copies of a model as it was in the beginning, with ids of their own."""
        body, state = await _body(request), self._current()
        origin = self._model(body.get("of", FINANCE_HUB))
        declared = next(one for one in build_models() if one.id == origin.id)
        made = []
        for _ in range(int(body.get("times", 1))):
            number = len(state.models) + 1
            key = f"{int(declared.id, 16) + number:032X}"
            state.add_model(replace(declared, id=key, name=f"{declared.name} {number}"))
            made.append(key)
        return JSONResponse({"ids": made}, 201)

    async def add_certificate(self, request: Request) -> Response:
        """{"pem": …[, "user": email]} registers a certificate."""
        body = await _body(request)
        try:
            self._current().certificates.register(str(body["pem"]), _user(body))
        except (KeyError, ValueError) as error:
            raise HTTPException(400, f"no certificate: {error}") from error
        return JSONResponse({"registered": True}, 201)

    async def approve_device(self, request: Request) -> Response:
        """{"user_code": …[, "user": email][, "deny": true]}: what a person does in the browser."""
        body = await _body(request)
        code, deny = str(body.get("user_code", "")), bool(body.get("deny"))
        if not self._current().oauth.approve(code, _user(body), deny=deny):
            raise HTTPException(404, "unknown user code")
        return JSONResponse({"approved": not deny})


def _renamed(fields: tuple[Field, ...], body: dict[str, Any]) -> tuple[Field, ...]:
    names = dict(body.get("rename", {}))
    unknown = names.keys() - {one.name for one in fields}
    if unknown:
        raise HTTPException(404, f"nothing is named {', '.join(sorted(unknown))}")
    return tuple(replace(one, name=str(names.get(one.name, one.name))) for one in fields)


def _user(body: dict[str, Any]) -> User:
    return USERS.get(str(body.get("user", "")), INTEGRATION)


def _filled(db: sqlite3.Connection, model: ModelObject, module: ModuleObject) -> Iterator[tuple[str, list[str]]]:
    """Codes and shown cells of the members that have cells; scopes of a summary."""
    if module.summary:
        width = len(module.lead)
        yield from (("/".join(row[:width]), row[width:]) for row in summary_rows(db, module.summary))
        return
    columns = "".join(f", m.{one.column}" for one in module.line_items)
    members = model.list_named(module.list_name).table
    for code, *values in db.execute(
        f"SELECT l.code{columns} FROM {module.table} m JOIN {members} l ON l.id = m.id ORDER BY l.id"
    ):
        yield str(code), show_cells(module, values)


def _task(task: Task) -> dict[str, Any]:
    return {
        "model": task.model_id,
        "action": task.action.name,
        "kind": task.kind,
        "task": task.id,
        "state": task.state,
        "created": task.created,
        "started": task.started,
        "ended": task.ended,
    }


def _overlap(first: Task, second: Task) -> bool:
    if first.started is None or second.started is None:
        return False
    return second.started < (first.ended or second.started + 1) and first.started < (second.ended or first.started + 1)


def _named(find: Callable[[str], Any], name: str) -> Any:
    try:
        return find(name)
    except KeyError as error:
        raise HTTPException(404, f"nothing is named {name!r}") from error


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = parse_json(await request.body())
    except ApiError as error:
        raise HTTPException(400, error.message) from error
    if not isinstance(body, dict):
        raise HTTPException(400, "the body is no JSON object")
    return body
