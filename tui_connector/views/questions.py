"""What a person wants explained, as it is typed: a cell, a member, a document or a record."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from tui_connector.domain.errors import ConfigError
from tui_connector.domain.explanation import DOCUMENT, About, Question
from tui_connector.domain.flow import LoadFlow
from tui_connector.domain.text import clean
from tui_connector.review.amounts import listed
from tui_connector.views.audit_filter import document_of
from tui_connector.views.ways import JOINT, reads_documents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_connector.views.desk import Desk

EXAMPLES = (
    'gl_line_items 1010 0000400000 2026 011 EUR for a cell, "Cost Centers" 0000001000 for a member,'
    " 1010/0100000008/2026 for a document"
)
_DIGITS = 10  # of a document's number in SAP


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
    if len(given) == 1 and about in {None, About.DOCUMENT} and (place := document_of(given[0])):
        return _of_document(desk, place)
    if len(given) == 1 and about in {None, About.RECORD}:
        seen = {one.flow for one in desk.store.records.trace(given[0])}
        found = next((one for one in desk.flows if isinstance(one, LoadFlow) and one.name in seen), None)
        if found is not None:
            return Question(About.RECORD, found.name, (given[0],))
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


def _of_flow(flow: LoadFlow, about: About | None, values: tuple[str, ...]) -> Question:
    by = flow.totals.by if flow.totals else ()
    fitting = {
        About.CELL: bool(by) and len(values) == len(by),
        About.ITEM: bool(flow.target_list) and len(values) == 1,
        About.DOCUMENT: reads_documents(flow) and len(values) == len(DOCUMENT),
        About.RECORD: len(values) == 1 and len(values[0].split(JOINT)) == len(flow.source.key),
    }
    found = about or next((one for one in fitting if fitting[one]), None)
    if found is None or not fitting[found]:
        ways = [f"a cell by {', '.join(by)}"] if by else []
        ways += [f"a member of {flow.target_list} by its code"] if flow.target_list else []
        ways += [f"a record by its key, {JOINT.join(flow.source.key)}"]
        raise ConfigError(
            f"{flow.name} knows nothing by {clean(' '.join(values), limit=80)!r}", hint=f"it knows {listed(ways)}"
        )
    return Question(found, flow.name, values)


def _of_document(desk: Desk, place: tuple[str | None, str, str | None]) -> Question:
    company, number, year = place
    flow = next(filter(reads_documents, desk.flows), None)
    if flow is None or not company or not year:
        raise ConfigError(
            f"which document {clean(number)} is meant is not clear" if flow else "no flow reads lines of documents",
            hint="write company code, number and fiscal year: 1010/0100000008/2026",
        )
    return Question(About.DOCUMENT, flow.name, (company, number.zfill(_DIGITS), year))
