"""What a person wants explained, as it is typed: a cell, a member, a document or a record."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from tui_connector.domain.document import JOINT, JOURNAL, document_fields, document_of, spelled
from tui_connector.domain.errors import ConfigError
from tui_connector.domain.explanation import About, Question
from tui_connector.domain.flow import LoadFlow
from tui_connector.domain.text import clean
from tui_connector.review.amounts import listed
from tui_connector.views.story_record import keys_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_connector.views.desk import Desk

EXAMPLES = (
    'gl_line_items 1010 0000400000 2026 011 EUR for a cell, "Cost Centers" 0000001000 for a member,'
    " 1010/0100000008/2026 or purchase_orders 4500000001 for a document"
)
_DOCUMENT = re.compile(r"[0-9A-Z]{1,20}(?:/[0-9A-Z]{1,20}){0,3}", re.IGNORECASE)


def words_of(text: str) -> list[str]:
    """What is typed in one piece, word by word; quotes keep together what belongs together."""
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def read_question(desk: Desk, words: Sequence[str]) -> Question:
    """What these words ask for; ConfigError, with what would be understood, when it is nothing."""
    about = About(words[0]) if words and words[0] in set(About) else None
    given = list(words[1:] if about else words)
    flow = _named(desk, given[0]) if given else None
    if flow is not None:
        return _of_flow(flow, about, tuple(given[1:]))
    if len(given) == 1 and about in {None, About.RECORD}:
        seen = {one.flow for one in desk.store.records.trace(given[0])}
        found = next((one for one in desk.flows if isinstance(one, LoadFlow) and one.name in seen), None)
        if found is not None:
            return Question(About.RECORD, found.name, (given[0],))
    if len(given) == 1 and about in {None, About.DOCUMENT} and _DOCUMENT.fullmatch(given[0]):
        document = _document(desk, tuple(given[0].split("/")))
        if document is not None:
            return document
    if len(given) == 1 and about in {None, About.DOCUMENT} and (posted := _posted(desk, given[0])) is not None:
        return posted
    raise ConfigError(f"{clean(' '.join(words), limit=80)!r} is nothing that can be explained", hint=f"say {EXAMPLES}")


def of_difference(desk: Desk, run_id: int, number: int) -> Question | None:
    """The question behind a difference that a run's tie-out found; None when it is of no scope of a load's."""
    name, found = desk.store.runs.get(run_id).flow, desk.store.ties.differences(run_id, number - 1, 1)
    flow = next((one for one in desk.flows if one.name == name), None)
    if not isinstance(flow, LoadFlow) or not found:
        return None
    scope = found[0][1].scope
    if flow.totals is not None and len(scope) == len(flow.totals.by):
        return Question(About.CELL, name, scope)
    return Question(About.ITEM, name, scope) if flow.target_list and len(scope) == 1 else None


def _named(desk: Desk, word: str) -> LoadFlow | None:
    """The load flow of this name, or that fills the list or the view of this name."""
    for flow in desk.flows:
        if isinstance(flow, LoadFlow):
            names = (flow.name, flow.target_list, flow.totals.view if flow.totals else "")
            if word.casefold() in {name.casefold() for name in names if name}:
                return flow
    return None


def _posted(desk: Desk, word: str) -> Question | None:
    """The journal entry that a plan's line, or a reference of ours, was posted as last."""
    proposals = desk.store.proposals
    of_key = (document for _, _, document in reversed(proposals.trace(word)) if document)
    found = proposals.by_reference(word) or list(of_key)
    journal = next((one for one in desk.flows if document_fields(one) == JOURNAL), None)
    for one in found:
        if journal is not None and one.accounting_document and one.fiscal_year:
            place = (one.document.company_code, one.accounting_document, one.fiscal_year)
            return Question(About.DOCUMENT, journal.name, place)
    return None


def _of_flow(flow: LoadFlow, about: About | None, values: tuple[str, ...]) -> Question:
    by, document = flow.totals.by if flow.totals else (), document_fields(flow)
    named = tuple(values[0].split("/")) if len(values) == 1 else values
    fitting = {
        About.CELL: bool(by) and len(values) == len(by),
        About.ITEM: bool(flow.target_list) and len(values) == 1,
        About.RECORD: len(values) == 1 and len(values[0].split(JOINT)) == len(flow.source.key),
        About.DOCUMENT: bool(document) and len(named) == len(document) and all(named),
    }
    found = about or next((one for one in fitting if fitting[one]), None)
    if found is None or not fitting[found]:
        ways = [f"a cell by {', '.join(by)}"] if by else []
        ways += [f"a member of {flow.target_list} by its code"] if flow.target_list else []
        ways += [f"a document by {'/'.join(document)}"] if document else []
        ways += [f"a record by its key, {JOINT.join(flow.source.key)}"]
        raise ConfigError(
            f"{flow.name} knows nothing by {clean(' '.join(values), limit=80)!r}", hint=f"it knows {listed(ways)}"
        )
    return Question(found, flow.name, spelled(flow, named)[0] if found is About.DOCUMENT else values)


def _document(desk: Desk, named: tuple[str, ...]) -> Question | None:
    """A document that runs have seen, or a journal entry that is named in full; None for something else."""
    flows = [one for one in desk.flows if isinstance(one, LoadFlow) and len(document_fields(one)) == len(named)]
    for flow in flows:
        seen = next(iter(keys_of(desk.store, flow, named)), None)
        document = document_of(flow, seen) if seen else None
        if document is not None:
            return Question(About.DOCUMENT, flow.name, document)
    journal = next((one for one in flows if document_fields(one) == JOURNAL), None)
    if journal is not None and all(named):
        return Question(About.DOCUMENT, journal.name, spelled(journal, named)[0])
    if all(part.isdigit() for part in named):
        raise ConfigError(
            f"which document {clean('/'.join(named))} is meant is not clear, and no run has seen it",
            hint="write company code, number and fiscal year, 1010/0100000008/2026, or name the flow before it:"
            " purchase_orders 4500000001",
        )
    return None
