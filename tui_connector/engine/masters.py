"""SAP's masters against an Anaplan list and against what an earlier load saw of them: pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from tui_connector.domain.concern import Rule
from tui_connector.domain.ledger import same_number
from tui_connector.domain.master import Change, Master, Standing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tui_connector.anaplan.codes import Members
    from tui_connector.domain.flow import Radar

_ORDER = list(Standing)
_WORSE = {
    Standing.BLOCKED: Change.BLOCKED, Standing.EXPIRED: Change.EXPIRED, Standing.MISSING: Change.MISSING,
}  # fmt: skip


BY_HAND = "changed in Anaplan, not in SAP: a load that sends it puts SAP's back"
THERE = "the list holds it already"


class Finding(NamedTuple):
    """One thing found about a code. touches: whether there is a member of the list that it is about. instead: what to
    say in place of the usual effect of such a change.
    """

    change: Change
    rule: Rule
    code: str
    was: str = ""
    now: str = ""
    touches: bool = True
    instead: str = ""


class _Side(NamedTuple):
    """What a text was; instead: why no load changes it now."""

    was: str
    instead: str = ""

    @property
    def sent(self) -> bool:
        return not self.instead


@dataclass(slots=True)
class Masters:
    """What SAP holds. keys: which record a code was first read under. twice: a code's further keys. unread: codes of
    records that could not be read."""

    by_code: dict[str, Master] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    twice: dict[str, list[str]] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)

    def add(self, key: str, master: Master) -> None:
        """One more master."""
        first = self.keys.setdefault(master.code, key)
        if first == key:
            self.by_code[master.code] = master
        else:
            self.twice.setdefault(master.code, []).append(key)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison. kept: by code, what the last load that went on saw; empty before the first.

    headers: of the columns that say where a master belongs. everything: the load sends every record, also one that SAP
    has not changed since.
    """

    radar: Radar
    headers: tuple[str, ...]
    sap: Masters
    listed: Members
    kept: Mapping[str, Master]
    everything: bool

    def findings(self) -> Iterator[Finding]:
        """Everything found, code by code; what is as it was is no finding."""
        doubled = list(self._doubled())
        yield from doubled
        told = {one.code for one in doubled}
        listed, kept = self.listed.by_code, self.kept
        for code, master in self.sap.by_code.items():
            held, before = listed.get(code), kept.get(code)
            if held is not None:
                yield from self._differences(master, held, before)
            elif code not in told:
                # A first load into an empty list asks nothing.
                rule = self.radar.new if listed else Rule.GO_ON
                yield Finding(Change.NEW, rule, code, now=_described(master), touches=False)
        for code, held in listed.items():
            if code not in self.sap.by_code and code not in self.sap.unread:
                yield from self._gone(code, held[0] or "", kept.get(code))

    def seen(self) -> dict[str, Master]:
        """What the next comparison has to know."""
        made = {code: one for code, one in self.kept.items() if code in self.sap.unread} | self.sap.by_code
        for code, held in self.listed.by_code.items():
            if code not in made and code not in self.sap.unread:
                before = self.kept.get(code) or Master(code, held[0] or "", ())
                made[code] = before._replace(standing=Standing.MISSING)
        return made

    def _differences(self, master: Master, held: tuple[str | None, ...], before: Master | None) -> Iterator[Finding]:
        code, radar = master.code, self.radar
        last = (before.name or None, *before.places) if before and len(before.places) == len(self.headers) else None
        name, *places = (
            self._side(told, None if last is None else last[at], now)
            for at, (told, now) in enumerate(zip(held, (master.name, *master.places), strict=True))
        )
        if name is not None:
            rule = radar.renamed if name.sent else Rule.GO_ON
            yield Finding(Change.RENAMED, rule, code, name.was, master.name, instead=name.instead)
        moved = [(at, one) for at, one in enumerate(places) if one is not None]
        if moved:
            sent = [one for _, one in moved if one.sent]
            was = ", ".join(f"{self.headers[at]} {one.was}" for at, one in moved)
            now = ", ".join(f"{self.headers[at]} {master.places[at]}" for at, _ in moved)
            rule, instead = (radar.moved, "") if sent else (Rule.GO_ON, moved[0][1].instead)
            yield Finding(Change.MOVED, rule, code, was, now, instead=instead)
        if before is None:
            if master.standing is not Standing.VALID:  # since when nobody knows
                yield Finding(_WORSE[master.standing], Rule.GO_ON, code, now=master.standing)
        elif _ORDER.index(master.standing) > _ORDER.index(before.standing):
            change = _WORSE[master.standing]
            yield Finding(change, radar.rule(change), code, before.standing, master.standing)
        elif master.standing is not before.standing:
            yield Finding(Change.REAPPEARED, radar.reappeared, code, before.standing, master.standing)

    def _side(self, told: str | None, last: str | None, now: str) -> _Side | None:
        """How a text stands otherwise in the list, or stood when a load last looked; None when all is as SAP says."""
        changed = last is not None and last.strip() != now.strip()
        if told is not None and told.strip() == now.strip():
            return _Side(last or "", THERE) if changed else None
        if told is None:
            return _Side(last or "") if changed else None
        return _Side(told, "" if self.everything or last is None or changed else BY_HAND)

    def _gone(self, code: str, name: str, before: Master | None) -> Iterator[Finding]:
        if before is None:  # never seen in SAP
            yield Finding(Change.MISSING, Rule.GO_ON, code, name)
        elif before.standing is not Standing.MISSING:
            yield Finding(Change.MISSING, self.radar.missing, code, before.name or name)

    def _doubled(self) -> Iterator[Finding]:
        rule, listed, sap = self.radar.doubled, self.listed, self.sap
        for code, keys in sap.twice.items():
            yield Finding(Change.DOUBLED, rule, code, sap.keys[code], ", ".join(keys), code in listed.by_code)
        for code in sorted(listed.twice):
            yield Finding(Change.DOUBLED, rule, code, now="two members of the list")
        strangers = {same_number(code): code for code in listed.by_code if code not in sap.by_code}
        for code, master in sap.by_code.items():
            other = strangers.get(same_number(code))
            if other is not None and code not in listed.by_code:
                yield Finding(Change.DOUBLED, rule, code, f"{other} {listed.by_code[other][0] or ''}".strip(),
                              f"{code} {master.name}".strip())  # fmt: skip
        nameless = {(shown[0] or "").strip() for shown in listed.without_code} - {""}
        if nameless:
            for code, master in sap.by_code.items():
                if master.name.strip() in nameless:
                    yield Finding(Change.DOUBLED, rule, code, f"{master.name}, a member without a code", master.name)


def _described(master: Master) -> str:
    return master.name if master.standing is Standing.VALID else f"{master.name} ({master.standing})"
