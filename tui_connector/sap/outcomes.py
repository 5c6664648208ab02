"""What one sending came to by the way it ended, which decides whether anything may be sent again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tui_connector.domain.errors import ConnectorError, OutcomeUnknownError, RateLimitedError, TransientError
from tui_connector.domain.ledger import PostAnswer, PostOutcome, SapMessage
from tui_connector.sap.errors import error_beside_data, read_message, refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tui_connector.transport.client import Response

_UNTOUCHED = frozenset({401, 403, 413})  # refused at the door, before anything is done


async def sending(sent: Awaitable[Response], *, name: str, service: str) -> Response | PostAnswer:
    """The answer to a write, or what it came to where no answer or one from the door tells it."""
    try:
        answer = await sent
    except OutcomeUnknownError as error:
        return PostAnswer(PostOutcome.UNKNOWN, error.message)
    except TransientError as error:
        wish = None if error.retry_after is None else error.retry_after.total_seconds()
        return replace(_untouched(error), retry_after=wish, too_many=isinstance(error, RateLimitedError))
    except ConnectorError as error:
        return _untouched(error)
    if answer.status in _UNTOUCHED:
        return _untouched(refusal(answer, name=name, service=service, entity_set=""))
    return answer


def refused_by_odata(answer: Response) -> PostAnswer | None:
    """What an OData answer that is no clean success came to, rejected only where SAP itself says so; else None."""
    if answer.ok:
        told = error_beside_data(answer)
        return PostAnswer(PostOutcome.UNKNOWN, f"SAP tells of success and of an error: {told}") if told else None
    said = read_message(answer)
    if 400 <= answer.status < 500 and answer.status != 408 and said.code:
        further = [text for text in dict.fromkeys(said.details) if text and text != said.text]
        messages = (SapMessage(said.code, 3, said.text), *(SapMessage("", 3, text) for text in further))
        return PostAnswer(PostOutcome.REJECTED, "SAP refuses the entry; nothing was posted", messages=messages)
    return not_definite(answer)


def not_definite(answer: Response) -> PostAnswer:
    """An answer that says neither yes nor no."""
    page = " with a web page" if answer.content_type == "text/html" else ""
    return PostAnswer(PostOutcome.UNKNOWN, f"SAP answered {answer.status}{page}, which does not tell what became of it")


def _untouched(error: ConnectorError) -> PostAnswer:
    return PostAnswer(PostOutcome.NOT_PROCESSED, f"{error.message}. {error.hint}")
