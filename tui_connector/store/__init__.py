"""The store: every SQL text lives here; the console and the worker meet in it."""

from __future__ import annotations

from tui_connector.store.store import Store

__all__ = ["Store"]
