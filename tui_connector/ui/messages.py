"""Every message that parts of the console send to each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from tui_connector.domain.errors import ConnectorError


class StoreMoved(Message):
    """Somebody committed to the store."""

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, StoreMoved)


class StoreLost(Message):
    """The store cannot be read at the moment."""

    def __init__(self, error: ConnectorError) -> None:
        super().__init__()
        self.error = error

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, StoreLost)
