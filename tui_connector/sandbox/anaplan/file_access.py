"""Whose content of a file is served: private first, then the default one, and only while it has not perished."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.sandbox.anaplan.contents import Content

if TYPE_CHECKING:
    from pathlib import Path

    from tui_connector.sandbox.anaplan.objects import FileObject
    from tui_connector.sandbox.anaplan.settings import AnaplanSettings
    from tui_connector.sandbox.anaplan.tokens import User
    from tui_connector.sandbox.clock import SandboxClock

DEFAULT = ""


def find_content(file: FileObject, user: User, clock: SandboxClock, settings: AnaplanSettings) -> Content | None:
    """The user's content, complete or not, else the default; touching it restarts its 48 hours."""
    own = file.contents.get(user.email)
    if own is not None and (clock.now() - own.touched).total_seconds() > settings.file_seconds:
        drop_content(file, user.email)
        own = None
    if own is None:
        return file.contents.get(DEFAULT)
    own.touched = clock.now()
    return own


def usable_content(file: FileObject, user: User, clock: SandboxClock, settings: AnaplanSettings) -> Content | None:
    """Content that an import can read: marked complete, or with a known chunk count."""
    content = find_content(file, user, clock, settings)
    if content is None or not content.chunks:
        return None
    if content.gaps and settings.missing_chunks == "fail":
        return None
    return content if content.completed or content.declared >= 0 else None


def new_content(file: FileObject, user: str, root: Path, clock: SandboxClock, declared: int) -> Content:
    """Replace a user's content with an empty one."""
    drop_content(file, user)
    made = file.contents[user] = Content.create(root, clock.now(), declared)
    return made


def drop_content(file: FileObject, user: str) -> None:
    """Remove a user's content."""
    former = file.contents.pop(user, None)
    if former is not None:
        former.drop()
