"""Users, workspaces and models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from tui_connector.sandbox.anaplan.gate import ANSWERS, Call, Endpoint
from tui_connector.sandbox.anaplan.wire import ApiError, PageRules, Row, envelope, page_rows, read_flag
from tui_connector.sandbox.seed.model import CUSTOMER_ID, WORKSPACE_ID, WORKSPACE_NAME

if TYPE_CHECKING:
    from tui_connector.sandbox.anaplan.objects import ModelObject

GIGABYTE = 1 << 30
CREATED = "2024-02-01T08:00:00.000+0000"


def user_me(call: Call) -> Response:
    """Who the token belongs to; the cheapest call there is."""
    user = call.user
    shown = {
        "id": user.id,
        "active": True,
        "email": user.email,
        "emailOptIn": False,
        "firstName": user.first_name,
        "lastName": user.last_name,
        "customerId": CUSTOMER_ID,
        "lastLoginDate": call.state.clock.now().strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
    }
    return envelope("user", user=shown)


def _workspace(details: bool) -> Row:
    shown: Row = {"id": WORKSPACE_ID, "name": WORKSPACE_NAME, "active": True}
    return {**shown, "sizeAllowance": 20 * GIGABYTE, "currentSize": 3 * GIGABYTE} if details else shown


def list_workspaces(call: Call) -> Response:
    """The tenant's workspaces; sizes only with tenantDetails=true."""
    rules = PageRules(call.rules.cap, call.rules.next_at_end, ("name", "sizeAllowance"))
    rows = [_workspace(read_flag(call.request, "tenantDetails"))]
    return page_rows(call.request, "workspaces", "workspace", rows, rules)


def show_workspace(call: Call) -> Response:
    """One workspace."""
    if call.part("workspace") != WORKSPACE_ID:
        raise ApiError(404)
    return envelope("workspace", workspace=_workspace(read_flag(call.request, "tenantDetails")))


def _model(call: Call, model: ModelObject, details: bool) -> Row:
    shown: Row = {
        "id": model.id,
        "activeState": model.active_state,
        "name": model.name,
        "currentWorkspaceId": WORKSPACE_ID,
        "currentWorkspaceName": WORKSPACE_NAME,
        "modelUrl": f"https://us1a.app.anaplan.com/core3/s/{WORKSPACE_ID}/{model.id}",
        "categoryValues": [],
    }
    if not details:
        return shown
    return {
        **shown,
        "lastSavedSerialNumber": 1000 + len(call.state.queues[model.id].history),
        "lastModifiedByUserGuid": call.user.id,
        "memoryUsage": GIGABYTE,
        "isoCreationDate": CREATED,
        "lastModified": call.state.clock.now().strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
    }


def list_models(call: Call) -> Response:
    """All models, or those of a workspace."""
    if call.request.path_params.get("workspace", WORKSPACE_ID) != WORKSPACE_ID:
        raise ApiError(404)
    rules = PageRules(call.rules.cap, call.rules.next_at_end, ("name", "activeState"))
    details = read_flag(call.request, "modelDetails")
    rows = [_model(call, model, details) for model in call.state.models.values()]
    return page_rows(call.request, "models", "model", rows, rules)


def show_model(call: Call) -> Response:
    """One model; it answers even without access to it."""
    if "workspace" in call.request.path_params:
        raise ApiError(405)
    details = read_flag(call.request, "modelDetails")
    shown = _model(call, call.model, details)
    if details:
        shown["modelTransactionRunning"] = not call.state.queues[call.model.id].idle.is_set()
    return envelope("model", model=shown)


def show_status(call: Call) -> Response:
    """What the model is doing; the one answer without an envelope."""
    task = call.state.queues[call.model.id].current
    busy = task is not None
    step = "Processing ..." if busy else "Open" if call.model.loaded else "Closed"
    status: Row = {
        "peakMemoryUsageEstimate": None,
        "peakMemoryUsageTime": None,
        "progress": task.progress if task else -1.0,
        "currentStep": step,
        "tooltip": f"{task.kind} {task.action.name} by {task.user.full_name}" if task else None,
        "taskId": f"{task.id}-11" if task else None,
        "creationTime": int(call.state.clock.now().timestamp() * 1000),
        "exportTaskType": None,
    }
    return JSONResponse({"requestStatus": status})


def open_model(call: Call) -> Response:
    """200 when it is open already, 202 when it has to be loaded."""
    was_open, call.model.loaded = call.model.loaded, True
    return Response(status_code=200 if was_open else 202)


def close_model(call: Call) -> Response:
    """Throws everybody out; 204. Task ids are gone with it."""
    call.model.loaded = False
    call.state.queues[call.model.id].unload()
    return Response(status_code=204)


TENANT_ENDPOINTS = [
    Endpoint("GET", "/users/me", user_me),
    Endpoint("GET", "/workspaces", list_workspaces),
    Endpoint("GET", "/workspaces/{workspace}", show_workspace),
    Endpoint("GET", "/models", list_models),
    Endpoint("GET", "/workspaces/{workspace}/models", list_models),
]
MODEL_ENDPOINTS = [
    Endpoint("GET", "", show_model, ANSWERS, any_state=True),
    Endpoint("GET", "/status", show_status, ANSWERS),
    Endpoint("POST", "/status", show_status, ANSWERS),
    Endpoint("POST", "/open", open_model),
    Endpoint("POST", "/close", close_model),
]
