"""What both kinds of import share: the opened source, its columns and the reject log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tui_connector.sandbox.anaplan.formats import error_text, error_words
from tui_connector.sandbox.anaplan.outcome import Detail, ErrorCounts, detail

if TYPE_CHECKING:
    from tui_connector.sandbox.anaplan.dumps import RejectLog
    from tui_connector.sandbox.anaplan.objects import FileObject, ImportObject, ModelObject
    from tui_connector.sandbox.anaplan.settings import AnaplanSettings
    from tui_connector.sandbox.anaplan.source_rows import SourceRow, SourceRows
    from tui_connector.sandbox.anaplan.tasks import Ticket


class ImportRefusedError(Exception):
    """The import cannot run or has to be undone whole; carries the failure's result."""

    def __init__(self, result: dict[str, Any]) -> None:
        super().__init__(result["details"][0]["type"])
        self.result = result


@dataclass(slots=True)
class ImportJob:
    """One run of one import."""

    model: ModelObject
    action: ImportObject
    file: FileObject
    source: SourceRows
    ticket: Ticket
    settings: AnaplanSettings
    rejects: RejectLog
    run: int
    errors: ErrorCounts = field(default_factory=ErrorCounts)
    missing: list[str] = field(default_factory=list)

    def columns(self) -> dict[str, int]:
        """Target name to source column, by header name; a mapped column that is not there goes to `missing`."""
        found: dict[str, int] = {}
        for target, header in self.action.mapping.items():
            at = self.source.column(header) if header in self.file.headers else None
            if at is None:
                self.missing.append(header)
            else:
                found[target] = at
        return found

    def note(self, status: str, row: SourceRow, problems: list[tuple[str, str]]) -> None:
        """Log a row with its (error type, offending value) pairs."""
        for kind, _ in problems:
            self.errors.counts[kind] += 1
        odd = self.settings.odd_error_words
        self.rejects.add(status, row.cells, row.line, [error_text(kind, value, odd=odd) for kind, value in problems])

    def note_ignored(self, row: SourceRow, problems: list[tuple[str, str]]) -> None:
        """Log a row of which something was left as it is, if the tenant's dumps name such rows."""
        if self.settings.dump_ignored:
            self.note(self.settings.dump_ignored, row, problems)

    def closing_details(self) -> list[Detail]:
        """Row errors by type, then the columns that were not found."""
        odd = self.settings.odd_error_words
        found = self.errors.details({kind: error_words(kind, odd=odd) for kind in self.errors.counts})
        if self.missing:
            text = f"Missing fields: {', '.join(self.missing)}"
            values = {"count": len(self.missing), "items": ", ".join(self.missing)}
            found.append(detail("missingFields", text, values))
        return found


def cell(row: SourceRow, at: int | None) -> str:
    """A cell of a row; blank where the row is too short or the column unmapped."""
    return row.cells[at] if at is not None and at < len(row.cells) else ""
