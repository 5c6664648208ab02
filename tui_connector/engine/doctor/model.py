"""What an Anaplan model offers, each kind read once however many flows ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui_connector.anaplan import discovery
from tui_connector.anaplan.catalogue import Catalogue

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tui_connector.anaplan.client import AnaplanClient
    from tui_connector.anaplan.model import Model

_LISTS: dict[str, Callable[[AnaplanClient], Awaitable[list[Any]]]] = {
    "file": discovery.files, "import": discovery.imports, "export": discovery.exports, "process": discovery.processes,
    "view": discovery.views,
}  # fmt: skip


class Offer:
    """One model. Raises what `anaplan.discovery` raises."""

    def __init__(self, client: AnaplanClient) -> None:
        self.client = client
        self.catalogue = Catalogue(client)
        self._model: Model | None = None
        self._read: dict[str, list[Any]] = {}

    async def model(self) -> Model:
        """The model itself."""
        if self._model is None:
            self._model = await self.client.model()
        return self._model

    async def every(self, kind: str) -> list[Any]:
        """Everything of a kind: file, import, export, process, view."""
        if kind not in self._read:
            self._read[kind] = await _LISTS[kind](self.client)
        return self._read[kind]

    async def find(self, kind: str, name_or_id: str) -> Any:
        """The one of this name or id."""
        return discovery.pick(await self.every(kind), name_or_id, kind=kind, model=self.client.called)
