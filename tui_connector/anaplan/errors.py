"""Anaplan's refusals in the connector's words, each with the operator's next move."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tui_connector.domain.errors import (
    ActionNotFoundError,
    AuthenticationError,
    ConnectorError,
    ContractChangedError,
    FatalError,
    ModelLockedError,
    UnreachableError,
)
from tui_connector.domain.text import clean

if TYPE_CHECKING:
    from tui_connector.transport.client import Response


class _Status(msgspec.Struct):
    message: str = ""


class _Refusal(msgspec.Struct):
    status: _Status | str = ""
    statusMessage: str = ""  # noqa: N815 (the wire's spelling)


def words(response: Response) -> str:
    """What the answer itself says, cleaned and cut; "" for HTML, an empty body or anything else."""
    try:
        refusal = msgspec.json.decode(response.body, type=_Refusal)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    told = refusal.statusMessage or (refusal.status.message if isinstance(refusal.status, _Status) else refusal.status)
    return clean(told, limit=300)


# code -> (error, what happened, the operator's next move); {what}, {model}, {said} are filled in
_REFUSALS: dict[int, tuple[type[FatalError | UnreachableError | ModelLockedError], str, str]] = {
    401: (
        AuthenticationError,
        "Anaplan refused the token for {what} (401){said}.",
        "Check that the user is active and signs in to this tenant; then store the credential again.",
    ),
    403: (
        AuthenticationError,
        "Anaplan does not let this user read or change {what} (403){said}.",
        "Give the integration user a role in model {model} that includes its actions and lists.",
    ),
    404: (
        ActionNotFoundError,
        "Anaplan does not know {what} in model {model}, or does not show it to this user (404).",
        "Check workspace id (lower case), model id (upper case) and the user's access to the model.",
    ),
    410: (
        UnreachableError,
        "Anaplan moved the workspace while it was asked for {what} (410).",
        "It is asked again later.",
    ),
    422: (
        FatalError,
        "Model {model} is archived (422){said}.",
        "A workspace administrator has to unarchive the model.",
    ),
    423: (
        ModelLockedError,
        "Model {model} is locked by an administrator (423){said}.",
        "Unlock the model in Anaplan; the run goes on afterwards.",
    ),
    424: (
        ModelLockedError,
        "Model {model} is offline or in maintenance (424){said}.",
        "Wait for the end of the maintenance, or bring the model online in Anaplan.",
    ),
    425: (
        FatalError,
        "Model {model} is deployed and refuses a change of its structure (425){said}.",
        "Change the structure in the development model and synchronise it; data loads need no such change.",
    ),
}
_SERVER = (
    UnreachableError,
    "Anaplan failed at {what} ({code}){said}.",
    "Try again; where it stays, the user may lack a right, or look at Anaplan's status page.",
)
_OTHER = (
    ContractChangedError,
    "Anaplan refused the request for {what} ({code}){said}.",
    "The request does not fit the tenant: compare the flow's settings with the model.",
)


def refusal(response: Response, *, what: str, model: str) -> ConnectorError:
    """The error for an answer that is no success. what: "the list of files"; model: how the model is called."""
    code, told = response.status, words(response)
    kind, message, hint = _REFUSALS.get(code, _SERVER if code >= 500 else _OTHER)
    fill = {"what": what, "model": model, "code": code, "said": f': "{told}"' if told else ""}
    return kind(message.format_map(fill), hint=hint.format_map(fill))


def not_json(response: Response, *, what: str) -> ContractChangedError:
    """The error for a success that carries no JSON, such as a sign-in page, or JSON of another form."""
    if response.content_type.endswith("json"):
        return ContractChangedError(
            f"Anaplan's answer for {what} is damaged, or of another form than agreed ({response.status}).",
            hint="Run the flow again; if this stays, compare the answer with Anaplan's documentation.",
        )
    kind = clean(response.content_type, limit=60) or "nothing readable"
    return ContractChangedError(
        f"Anaplan answered {kind} instead of JSON for {what} ({response.status}).",
        hint="Often a proxy's or a sign-in page: check api_url and the way through the company's network.",
    )
