"""How records came into Anaplan: run, file, task and mapping version; and the proposal of what was posted."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tui_connector.domain.document import JOURNAL, document_fields, document_of
from tui_connector.domain.errors import ConfigError
from tui_connector.domain.flow import LoadFlow
from tui_connector.domain.text import clean
from tui_connector.review.amounts import listed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tui_connector.domain.flow import Flow
    from tui_connector.domain.tie import Scope
    from tui_connector.store.mappings import MappingVersion
    from tui_connector.store.store import Store


class Way(NamedTuple):
    """How a run brought its records into Anaplan. version: of the mapping it worked with."""

    at: datetime | None = None
    file: str = ""
    task: str = ""
    version: MappingVersion | None = None


class Place(NamedTuple):
    """A journal entry in SAP."""

    company_code: str
    number: str
    fiscal_year: str


class Ways:
    """Runs and proposals behind the records of one flow; each is looked up once."""

    def __init__(self, store: Store, flow: Flow | None) -> None:
        self._store = store
        self._flow = flow
        self._runs: dict[int, Way] = {}
        self._versions: dict[str, MappingVersion] = {}
        self._posted: dict[Place, str] = {}

    def of(self, run_id: int) -> Way:
        """The way of a run's records."""
        if run_id not in self._runs:
            self._runs[run_id] = self._look(run_id)
        return self._runs[run_id]

    def versions(self) -> Iterator[MappingVersion]:
        """Every mapping version of the runs asked for so far."""
        yield from self._versions.values()

    def posted(self, key: str) -> str:
        """The proposal that a record's document was posted from, and who signed; "" for a document of SAP's own."""
        place = place_of(self._flow, key)
        if place is None:
            return ""
        if place not in self._posted:
            found = self._store.proposals.by_document_number(place.number, place.company_code, place.fiscal_year)
            numbers = dict.fromkeys(one.proposal_id for one in found)
            self._posted[place] = listed(map(self._proposal, numbers)) if numbers else ""
        return self._posted[place]

    def _proposal(self, number: int) -> str:
        signed = listed(clean(one.name) for one in self._store.proposals.approvals(number))
        return f"P-{number:04}, signed by {signed}"

    def _look(self, run_id: int) -> Way:
        file = clean(self._flow.file) if isinstance(self._flow, LoadFlow) else ""
        try:
            run = self._store.runs.get(run_id)
        except ConfigError:  # retention took it; the explanation is kept longer
            return Way(file=file)
        step, version = self._store.steps.get(run_id, "import"), self._store.mappings.version(run_id)
        if version is not None:
            self._versions.setdefault(version.mapping.digest, version)
        task = str(step.data.get("task_id") or "") if step else ""
        return Way(run.ended_at or run.started_at, file, clean(task), version)


def mapping_words(version: MappingVersion | None) -> str:
    """A mapping version by its digest, and since which run it holds; "" for none."""
    if version is None:
        return ""
    digest = clean(version.mapping.digest)
    return f"{digest[:4]} {digest[4:8]}, in force since run {version.since}"


def cell_words(scope: Scope) -> str:
    """A scope's values on one line."""
    return " ".join(clean(part) or "(blank)" for part in scope)


def place_of(flow: Flow | None, key: str) -> Place | None:
    """The journal entry that a record is a line of; None for another record."""
    found = document_of(flow, key) if document_fields(flow) == JOURNAL else None
    return Place(*found) if found else None
