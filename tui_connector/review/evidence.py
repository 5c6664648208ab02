"""All of a proposal as one JSON document, exact enough to check its digests and signatures without us."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tui_connector.review.rollup import consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui_connector.review.pack import PackData

SCHEMA = "tui-connector/review/1"


def pack_json(data: PackData) -> Iterator[str]:
    """The document in pieces, one line of the proposal at a time; nothing in it steers a terminal.

    Amounts are text, so that no reader rounds them. Texts are as they came, not cleaned: the digests are over them.
    """
    head = {
        "schema": SCHEMA,
        "made_at": data.now,
        "environment": data.environment,
        "name": data.proposal.name,
        "short_fingerprint": data.proposal.short,
        "consequence": consequence(data.proposal, data.documents),
        "approvals_needed": data.proposal.approvals_needed,
        "proposal": asdict(data.proposal),
        "approvals": [asdict(approval) for approval in data.approvals],
        "documents": [asdict(document) for document in data.documents],
    }
    yield _text(head).removesuffix("}") + ',"lines":['
    comma = ""
    for line in data.lines():
        yield f"{comma}\n{_text(line._asdict())}"
        comma = ","
    yield "\n]}\n"


def _text(value: Any) -> str:
    return json.dumps(value, default=_plain, separators=(",", ":"))  # escapes all but printable ASCII


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} has no place in the evidence")
