"""What a far side says a file, an import, an export, a list, a module or an entity set is; and how that has changed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from tui_connector.domain.canonical import canonical
from tui_connector.domain.concern import Concern, Look, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet

_NOT_THERE = {"there": "no"}
_found = partial(Concern, Look.DEFINITIONS)


@dataclass(frozen=True, slots=True)
class Drift:
    """What a changed definition means for a flow. watch: whether definitions are compared at all.

    missing: what the flow uses is gone, or only known by another name. changed: what it uses has another form. added:
    something new that it does not use, or more room than before.
    """

    watch: bool = True
    missing: Rule = Rule.STOP
    changed: Rule = Rule.ASK
    added: Rule = Rule.GO_ON


@dataclass(frozen=True, slots=True)
class Piece:
    """A column, field, property or line item. id: what it keeps when it gets another name. sizes: how much it holds."""

    id: str
    name: str
    form: str = ""
    sizes: tuple[int, ...] = ()

    @property
    def words(self) -> str:
        """Its form with its sizes: "Edm.String (10), key"."""
        kind, comma, rest = self.form.partition(",")
        return f"{kind} ({', '.join(map(str, self.sizes))}){comma}{rest}" if any(self.sizes) else self.form


@dataclass(frozen=True, slots=True)
class Definition:
    """what: kind and name, as `import Accounts`. piece: what its pieces are called. settings: what holds for all of it.

    ordered: whether another order of its pieces is another definition.
    """

    what: str
    piece: str
    settings: Mapping[str, str]
    pieces: tuple[Piece, ...] = ()
    ordered: bool = False

    def kept(self) -> str:
        """As text; the same for the same definition."""
        pieces = [[one.id, one.name, one.form, list(one.sizes)] for one in self.pieces]
        return canonical({"piece": self.piece, "settings": dict(self.settings), "pieces": pieces})

    @classmethod
    def read(cls, what: str, text: str) -> Self:
        """As `kept` wrote it."""
        said: dict[str, Any] = json.loads(text)
        pieces = tuple(Piece(at, name, form, tuple(sizes)) for at, name, form, sizes in said["pieces"])
        return cls(what, said["piece"], said["settings"], pieces)

    @classmethod
    def absent(cls, what: str, piece: str) -> Self:
        """Of something that is not there, or hidden from the user that asks."""
        return cls(what, piece, _NOT_THERE)

    @property
    def there(self) -> bool:
        return self.settings != _NOT_THERE

    def names(self) -> set[str]:
        """Names of its pieces."""
        return {one.name for one in self.pieces}


@dataclass(frozen=True, slots=True)
class Watched:
    """A definition as it is now. uses: names of the pieces that the flow names; None when it uses all of them."""

    now: Definition
    uses: AbstractSet[str] | None = None

    def used(self, name: str) -> bool:
        """Whether the flow would notice that this is gone."""
        return self.uses is None or name in self.uses


def compare(before: Definition, watched: Watched, rules: Drift) -> Iterator[Concern]:
    """Each difference as one concern."""
    if not watched.now.there and before.there:
        kind, _, name = before.what.partition(" ")
        effect = f"its {before.piece}s cannot be compared any more"
        yield _found(rules.changed, f"{kind} gone", name, "there", "", effect)
    elif before.there:
        yield from _settings(before, watched.now, rules)
        yield from _pieces(before, watched, rules)


def _settings(before: Definition, now: Definition, rules: Drift) -> Iterator[Concern]:
    for name, value in now.settings.items():
        was = before.settings.get(name)
        if was is not None and was != value:  # what an older version did not keep has not changed
            effect = "what is sent or read may be taken for something else"
            yield _found(rules.changed, f"{name} changed", now.what, was, value, effect)


def _pieces(before: Definition, watched: Watched, rules: Drift) -> Iterator[Concern]:
    now, what = watched.now, watched.now.what
    old, new = {one.id: one for one in before.pieces}, {one.id: one for one in now.pieces}
    renamed = _renamed(before, now)
    for key, was in old.items():
        used, one = watched.used(was.name), new.get(key) or renamed.get(key)
        rule = rules.missing if used else rules.added
        if one is None:
            effect = f"the {what} has it no more{_use(used)}"
            yield _found(rule, f"{now.piece} gone", was.name, was.words or "there", "", effect)
        elif one.name != was.name:
            effect = f"the {what} calls it so now{_use(used)}"
            if used and one.id == was.id:  # what goes by its id goes on
                rule = rules.changed
            yield _found(rule, f"{now.piece} renamed", was.name, was.name, one.name, effect)
        elif one.form != was.form and used:
            effect = f"the {what} describes it so now"
            yield _found(rules.changed, f"{now.piece} changed", was.name, was.words, one.words, effect)
        elif one.sizes != was.sizes and used:
            shorter = len(one.sizes) != len(was.sizes) or any(a < b for a, b in zip(one.sizes, was.sizes, strict=True))
            rule, change = (rules.changed, "changed") if shorter else (rules.added, "widened")
            effect = f"the {what} gives it {'less' if shorter else 'more'} room now"
            yield _found(rule, f"{now.piece} {change}", was.name, was.words, one.words, effect)
    fresh = {one.id for one in renamed.values()}
    for key, one in new.items():
        if key not in old and key not in fresh:
            effect = f"the {what} has it now{'' if watched.used(one.name) else '; the flow does not use it'}"
            yield _found(rules.added, f"{now.piece} added", one.name, "", one.words or "there", effect)
    if now.ordered:
        yield from _order(before, now, rules)


def _renamed(before: Definition, now: Definition) -> dict[str, Piece]:
    """By its old id, a piece that stands in the place of one that is gone, where nothing else came or went."""
    if len(before.pieces) != len(now.pieces):
        return {}
    old, new = {one.id for one in before.pieces}, {one.id for one in now.pieces}
    pairs = zip(before.pieces, now.pieces, strict=True)
    return {was.id: one for was, one in pairs if was.id not in new and one.id not in old}


def _order(before: Definition, now: Definition, rules: Drift) -> Iterator[Concern]:
    common = before.names() & now.names()
    was, is_now = ([one.name for one in some.pieces if one.name in common] for some in (before, now))
    if was != is_now:
        effect = "what is read by its place may be taken for something else"
        yield _found(rules.changed, f"{now.piece} order changed", now.what, ", ".join(was), ", ".join(is_now), effect)


def _use(used: bool) -> str:
    return "; the flow uses it" if used else "; the flow does not use it"
