"""The way that a load's file goes in its model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui_connector.anaplan.catalogue import Catalogue
    from tui_connector.anaplan.model import File, ImportAction, ImportColumns
    from tui_connector.anaplan.tasks import ActionRef
    from tui_connector.domain.definition import Definition


@dataclass(frozen=True, slots=True)
class Loading:
    """The file, the action that loads it with the imports in it, and what else was read of the model on the way."""

    catalogue: Catalogue
    file: File
    action: ActionRef
    imports: list[tuple[ImportAction, ImportColumns]]
    process: Definition | None = None
