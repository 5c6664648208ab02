"""What another reading of config.toml has changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_connector.domain.errors import ConfigError
from tui_connector.domain.text import clean

if TYPE_CHECKING:
    from tui_connector.settings.sections import Settings

_FIXED = ("environment", "state_folder", "store", "vault", "metrics", "traces")  # what is open already is of these
_UNTOLD = ("evidence.command",)  # a program's arguments may be anything
_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Change:
    """One setting: its dotted name, and its values in words; None where it is not set."""

    name: str
    before: str | None
    after: str | None

    @property
    def words(self) -> str:
        if self.name in _UNTOLD:
            return f"{self.name} changed"
        if self.before is None or self.after is None:
            return f"{self.name} {'is not set any more' if self.after is None else f'is now {_cut(self.after)}'}"
        return f"{self.name} was {_cut(self.before)}, is now {_cut(self.after)}"


def changes(before: Settings, after: Settings) -> tuple[Change, ...]:
    """Every setting that differs; raises ConfigError when one does that takes a restart."""
    (old, old_set), (new, new_set) = ((_flat(one), _flat(one, unset=False)) for one in (before, after))
    found = tuple(
        Change(name, old.get(name), new.get(name))
        for name in sorted(old_set.keys() | new_set.keys())
        if old.get(name) != new.get(name)
    )
    fixed = [change.words for change in found if change.name.partition(".")[0] in _FIXED]
    if fixed:
        raise ConfigError(f"not while it runs: {'; '.join(fixed)}", hint="restart the worker to change that")
    return found


def _flat(settings: Settings, *, unset: bool = True) -> dict[str, str]:
    """Dotted names and values; `unset`: also of those that nobody has set."""
    found: dict[str, str] = {}

    def walk(prefix: str, value: object) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                walk(f"{prefix}.{name}" if prefix else str(name), inner)
        else:
            found[prefix] = str(value)

    walk("", settings.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=not unset))
    return found


def _cut(text: str) -> str:
    return clean(text, limit=_LONGEST) or '""'
