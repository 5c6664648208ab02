"""Results of imports in Anaplan's words: detail types, texts and flat value lists."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Detail = dict[str, Any]


def detail(kind: str, text: str, values: Mapping[str, object] | None = None, *, occurrences: int = 0) -> Detail:
    """One detail; `values` become key, value, key, value … as strings."""
    flat = [part for key, value in (values or {}).items() for part in (key, str(value))]
    return {"type": kind, "localMessageText": text, "occurrences": occurrences, "values": flat}


def result(object_id: str, details: list[Detail], *, successful: bool = True, dump: bool = False) -> dict[str, Any]:
    """The result of a task or of one part of a process."""
    return {"objectId": object_id, "successful": successful, "failureDumpAvailable": dump, "details": details}


def failure(object_id: str, kind: str, text: str, values: Mapping[str, object] | None = None) -> dict[str, Any]:
    """The result of an action that could not run."""
    return result(object_id, [detail(kind, text, values)], successful=False)


def shuffle_values(details: list[Detail]) -> None:
    """Put the pairs of every detail into another order and add one without a value."""
    for one in details:
        flat = one["values"]
        pairs = [flat[at : at + 2] for at in range(0, len(flat), 2)]
        random.Random(len(flat)).shuffle(pairs)
        one["values"] = [part for pair in [*pairs, ["note", None]] for part in pair]


@dataclass(slots=True)
class ErrorCounts:
    """Row errors by type, for the aggregated details."""

    counts: Counter[str] = field(default_factory=Counter)

    def details(self, words: Mapping[str, str]) -> list[Detail]:
        """One detail per type with its number of occurrences; its text from `words`."""
        return [detail(kind, words[kind], occurrences=count) for kind, count in sorted(self.counts.items())]


@dataclass(slots=True)
class HierarchyCounts:
    """What a list import did, row by row."""

    created: int = 0
    updated: int = 0
    warned_created: int = 0
    warned_updated: int = 0
    failed: int = 0
    ignored: int = 0

    def detail(self, name: str) -> Detail:
        """The completion detail that fits the counts."""
        good, warned = self.created + self.updated, self.warned_created + self.warned_updated
        if not good + warned + self.failed:
            total = {"hierarchyName": name, "ignoredCount": self.ignored, "totalRowCount": self.ignored}
            return detail("hierarchyNoChanges", f"{name}: no changes, {self.ignored} ignored", total)
        text = f"{name}: {good} ({self.created}/{self.updated}) rows successful"
        values: dict[str, object] = {
            "hierarchyName": name,
            "successRowCount": good,
            "successCreateCount": self.created,
            "successUpdateCount": self.updated,
        }
        kind = "hierarchyRowsProcessed"
        if warned or self.failed:
            text += f", {warned} ({self.warned_created}/{self.warned_updated}) rows has warnings"
            values["warningsRowCount"] = warned
            values["warningsCreateCount"] = self.warned_created
            values["warningsUpdateCount"] = self.warned_updated
            kind += "WithWarnings"
        if self.failed:
            text += f", {self.failed} failed"
            values["failedCount"] = self.failed
            kind = "hierarchyRowsProcessedWithFailures"
        values["ignoredCount"] = self.ignored
        values["totalRowCount"] = good + warned + self.ignored
        values["totalCreateCount"] = self.created + self.warned_created
        values["totalUpdateCount"] = self.updated + self.warned_updated
        return detail(kind, f"{text}, {self.ignored} ignored", values)


@dataclass(slots=True)
class CellCounts:
    """What a module import did to one line item."""

    taken: int = 0
    failed: int = 0
    ignored: int = 0

    def detail(self, name: str) -> Detail:
        """The completion detail that fits the counts."""
        kind, text = "lineItemRowsProcessed", f"{name} cells: {self.taken}"
        values: dict[str, object] = {"lineItemName": name, "rowCount": self.taken}
        parts = []
        if self.failed:
            parts.append(f"{self.failed} failed")
            values["failureCount"] = self.failed
        if self.ignored:
            parts.append(f"{self.ignored} ignored")
            values["ignoredCount"] = self.ignored
        suffix = {(True, True): "WithFailuresAndIgnored", (True, False): "WithFailures", (False, True): "WithIgnored"}
        kind += suffix.get((bool(self.failed), bool(self.ignored)), "")
        return detail(kind, text + (f" ({', '.join(parts)})" if parts else ""), values)
