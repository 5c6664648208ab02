"""How records came into Anaplan: run, file, task and mapping version; and the proposal of what was posted."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tui_connector.domain.document import JOINT, JOURNAL, document_fields, document_of
from tui_connector.domain.errors import ConfigError
from tui_connector.domain.flow import LoadFlow
from tui_connector.domain.text import clean
from tui_connector.review.amounts import listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from tui_connector.domain.explanation import Source
    from tui_connector.domain.flow import Flow
    from tui_connector.domain.proposal import PostingDocument, ProposedLine
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


class Posted(NamedTuple):
    """Where a journal line comes from that was posted here. name: the proposal; document: its number in it.

    rows: of the export, () for a line that the connector added. export: action and model; task: of the export; run:
    the one that proposed; mapping: digest of columns and rules; approved: by whom in Anaplan, "" for nobody told.
    """

    name: str
    document: int
    signed: str
    rows: tuple[int, ...]
    export: str
    task: str
    run: int | None
    mapping: str
    approved: str

    @property
    def words(self) -> str:
        """The proposal, and who signed it."""
        return f"{self.name}, signed by {self.signed}"

    @property
    def origin(self) -> str:
        """The way back to the plan."""
        rows = f"{'row' if len(self.rows) == 1 else 'rows'} {listed(map(str, self.rows))} of " if self.rows else ""
        told = (
            f"{rows}{self.export}" if rows else f"added by the connector to {self.export}",
            f"approved there by {self.approved}" if self.approved else "",
            f"task {self.task}" if self.task else "",
            f"run {self.run}" if self.run else "",
            f"mapping {self.mapping[:4]} {self.mapping[4:8]}",
        )
        return ", ".join(one for one in told if one)


class Ways:
    """Runs and proposals behind the records of one flow; each is looked up once."""

    def __init__(self, store: Store, flow: Flow | None) -> None:
        self._store = store
        self._flow = flow
        self._runs: dict[int, Way] = {}
        self._versions: dict[str, MappingVersion] = {}
        self._documents: dict[Place, list[PostingDocument]] = {}
        self._lines: dict[tuple[int, int], list[ProposedLine]] = {}

    def of(self, run_id: int) -> Way:
        """The way of a run's records."""
        if run_id not in self._runs:
            self._runs[run_id] = self._look(run_id)
        return self._runs[run_id]

    def versions(self) -> Iterator[MappingVersion]:
        """Every mapping version of the runs asked for so far."""
        yield from self._versions.values()

    def posted(self, source: Source) -> list[Posted]:
        """The plans that a record was posted from; none for a document of SAP's own."""
        place = place_of(self._flow, source.key)
        if place is None:
            return []
        if place not in self._documents:
            found = self._store.proposals.by_document_number(place.number, place.company_code, place.fiscal_year)
            self._documents[place] = found
        return [self._origin(one, source) for one in self._documents[place]]

    def _origin(self, document: PostingDocument, source: Source) -> Posted:
        proposals, number = self._store.proposals, document.document.number
        proposal = proposals.get(document.proposal_id)
        at = proposal.id, number
        if at not in self._lines:
            self._lines[at] = list(proposals.each_line(*at))
        rows = dict.fromkeys(line.row for line in _meant(self._lines[at], source) if line.row)
        origin = proposal.origin
        return Posted(
            proposal.name, number, listed(clean(one.name) for one in proposals.approvals(proposal.id)), tuple(rows),
            clean(f"{origin.export_name} of {origin.model_name}"), clean(origin.task_id), proposal.run_id,
            clean(proposal.head.mapping), clean(origin.approved_by),
        )  # fmt: skip

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


def _meant(lines: Sequence[ProposedLine], source: Source) -> Sequence[ProposedLine]:
    """Those of a document's lines that a journal line is; all of them where its amount and account do not tell."""
    alike = [line for line in lines if line.amount == source.amount and line.gl_account in {*source.scope}]
    item = source.key.rpartition(JOINT)[2]
    if len(alike) > 1 and item.isdigit() and 0 < int(item) <= len(lines) and lines[int(item) - 1] in alike:
        return [lines[int(item) - 1]]
    return alike or lines


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
