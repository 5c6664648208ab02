"""How a connection was found: one check after the other, each with its mark in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Health(StrEnum):
    """WARN: it works, and a person should look."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. ms: how long the far side took. hint: the operator's next move, unless all is well."""

    name: str
    health: Health
    words: str
    ms: int | None = None
    hint: str = ""

    def to_json(self) -> dict[str, Any]:
        """As the store keeps it and `--json` prints it."""
        told: dict[str, Any] = {"name": self.name, "health": self.health.value, "words": self.words}
        return told | ({} if self.ms is None else {"ms": self.ms}) | ({"hint": self.hint} if self.hint else {})


@dataclass(frozen=True, slots=True)
class Examined:
    """Everything looked at of one thing: the installation, a connection, a flow."""

    about: str
    checks: tuple[Check, ...]

    @property
    def failed(self) -> bool:
        return any(one.health is Health.FAIL for one in self.checks)


@dataclass(frozen=True, slots=True)
class Reached:
    """What came of reaching a tenant.

    latency_ms: of its cheapest call. clock_ms: how far its clock is ahead of ours, in milliseconds. server_ends_at: the
    end of the certificate it shows. found: what it told, by name. error: why it was not reached; "" when it was.
    """

    name: str
    checks: tuple[Check, ...]
    latency_ms: int | None = None
    clock_ms: int | None = None
    server_ends_at: datetime | None = None
    found: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    hint: str = ""

    @property
    def ok(self) -> bool:
        return not self.error

    def to_json(self) -> dict[str, Any]:
        """As the store keeps it and `--json` prints it."""
        told: dict[str, Any] = {"name": self.name, "ok": self.ok}
        if self.error:
            told |= {"error": self.error, "hint": self.hint}
        else:
            told |= {"latency_ms": self.latency_ms, "clock_ms": self.clock_ms, "found": self.found}
        if self.server_ends_at is not None:
            told["server_certificate_ends"] = self.server_ends_at.isoformat()
        told["checks"] = [one.to_json() for one in self.checks]
        return told

    @classmethod
    def of_json(cls, told: dict[str, Any]) -> Reached:
        """The opposite of `to_json`."""
        checks = [
            Check(one["name"], Health(one["health"]), one["words"], one.get("ms"), one.get("hint", ""))
            for one in told.get("checks", ())
        ]
        ends = told.get("server_certificate_ends")
        return cls(
            told.get("name", ""), tuple(checks), told.get("latency_ms"), told.get("clock_ms"),
            datetime.fromisoformat(ends) if ends else None, told.get("found", {}), told.get("error", ""),
            told.get("hint", ""),
        )  # fmt: skip
