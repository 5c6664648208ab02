"""The documents of SAP that records of a flow come from, told by the flow's key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.domain.flow import Landing, LoadFlow

if TYPE_CHECKING:
    from tui_connector.domain.flow import Flow

JOURNAL = ("CompanyCode", "AccountingDocument", "FiscalYear")  # SAP's own names of what makes a document's number
JOINT = "-"  # of the parts of a record's key
_DIGITS = 10  # of a document's number in SAP

Document = tuple[str, ...]  # values of `document_fields`


def document_fields(flow: Flow | None) -> tuple[str, ...]:
    """Fields by which SAP knows the document of a record, in the order in which people write them; () for masters.

    Those of a journal entry; else the key without what numbers the items inside, as SAP names it.
    """
    if not isinstance(flow, LoadFlow) or flow.lands_in is not Landing.ACTUALS:
        return ()
    key = flow.source.key
    if set(JOURNAL) <= set(key):
        return JOURNAL
    return tuple(field for field in key if "/" not in field and not field.endswith("Item")) or key


def document_of(flow: Flow | None, key: str) -> Document | None:
    """The document that a record is of; None for another record, or a key whose parts cannot be told apart."""
    fields, parts = document_fields(flow), key.split(JOINT)
    if not fields or not isinstance(flow, LoadFlow) or len(parts) != len(flow.source.key):
        return None
    told = dict(zip(flow.source.key, parts, strict=True))
    return tuple(told[name] for name in fields)


def keys_begin(flow: LoadFlow, document: Document) -> str:
    """How the keys of a document's records begin; "" where the document does not stand first in them."""
    fields, key = document_fields(flow), flow.source.key
    lead, told = key[: len(fields)], dict(zip(fields, document, strict=True))
    if set(lead) != set(fields):
        return ""
    return JOINT.join(told[name] for name in lead) + (JOINT if len(key) > len(lead) else "")


def spelled(flow: Flow, document: Document) -> tuple[Document, ...]:
    """How a document that a person names may be written in SAP: as it is, or with the zeros that lead its number."""
    fields = document_fields(flow)
    if len(fields) != len(document) or not all(document):
        return ()
    at = fields.index(JOURNAL[1]) if fields == JOURNAL else 0
    padded = (*document[:at], document[at].zfill(_DIGITS), *document[at + 1 :])
    return (padded,) if fields == JOURNAL else tuple(dict.fromkeys((document, padded)))
