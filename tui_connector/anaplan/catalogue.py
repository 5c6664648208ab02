"""Lists and modules of a model with what they are, each read once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.anaplan import discovery

if TYPE_CHECKING:
    from tui_connector.anaplan.client import AnaplanClient
    from tui_connector.anaplan.model import ListDetails, ModelList, Module


class Catalogue:
    """For the look before a load alone: whoever reads what an import has left asks anew."""

    def __init__(self, client: AnaplanClient) -> None:
        self.client = client
        self._lists: list[ModelList] | None = None
        self._details: dict[str, ListDetails] = {}
        self._modules: list[Module] | None = None

    async def find_list(self, name_or_id: str) -> ListDetails:
        """As `discovery.find_list`, with its metadata."""
        if self._lists is None:
            self._lists = await discovery.lists(self.client)
        found = discovery.pick(self._lists, name_or_id, kind="list", model=self.client.called)
        if found.id not in self._details:
            self._details[found.id] = await discovery.list_details(self.client, found.id)
        return self._details[found.id]

    async def find_module(self, name_or_id: str) -> Module:
        """As `discovery.find_module`."""
        if self._modules is None:
            self._modules = await discovery.modules(self.client)
        return discovery.pick(self._modules, name_or_id, kind="module", model=self.client.called)
