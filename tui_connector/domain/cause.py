"""Why a record was refused, as far as the flow's own columns tell it, and what may be done about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TYPE_CHECKING

from tui_connector.domain.record import RejectedBy
from tui_connector.domain.reject_class import HOLDS_WORDS, IGNORED, IN_PART, MEMBER_WORDS, RejectClass, class_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui_connector.domain.flow import LoadFlow
    from tui_connector.domain.record import Reject

_NOT_LOCATED = "Item not located in list: "


class CauseKind(StrEnum):
    """What kind of cause it is, by who has to act.

    MEMBER: a list in Anaplan lacks a member. VALUE: the value cannot stand in a file. UNREADABLE: the value is not what
    its column's type says. ANAPLAN: Anaplan refused it for another reason.
    """

    MEMBER = "member"
    VALUE = "value"
    UNREADABLE = "unreadable"
    ANAPLAN = "anaplan"


@dataclass(frozen=True, slots=True)
class Cause:
    """A cause taken apart. column, value: what was refused. list: where it is missing; each "" when it is not told."""

    kind: CauseKind
    column: str = ""
    value: str = ""
    list: str = ""
    reject_class: RejectClass = RejectClass.OTHER

    @property
    def fix(self) -> str:
        """What a person does about it: what never could be sent is mended where it is from."""
        in_sap = self.kind in (CauseKind.VALUE, CauseKind.UNREADABLE)
        return "Mend the value in SAP" if in_sap else self.reject_class.fix

    @property
    def replayable(self) -> bool:
        """Whether the values as they were kept could ever be loaded: the others have to be mended in SAP."""
        return self.kind in (CauseKind.MEMBER, CauseKind.ANAPLAN) and self.reject_class.replay_helps


def unknown_member(header: str, value: str, list_name: str) -> str:
    """The cause of a record that names a member its Anaplan list does not hold."""
    return f"{header} {value}{MEMBER_WORDS}{list_name}"


def bad_value(header: str, what: str) -> str:
    """The cause of a record with a value that cannot stand in the file."""
    return f"{header}{HOLDS_WORDS}{what}"


def cause_of(flow: LoadFlow, reject: Reject) -> Cause:
    """The cause of a refusal, found again from its words and values."""
    reject_class = class_of(reject.rejected_by, reject.cause, reject.detail)
    return replace(_taken_apart(flow, reject), reject_class=reject_class)


def _taken_apart(flow: LoadFlow, reject: Reject) -> Cause:
    members = {column.header: column.member_of for column in flow.columns if column.member_of}
    if reject.rejected_by is RejectedBy.CONNECTOR:
        for header, name in members.items():
            value = reject.values.get(header, "")
            if reject.cause == unknown_member(header, value, name):
                return Cause(CauseKind.MEMBER, header, value, name)
        for column in flow.columns:
            if reject.cause.startswith(bad_value(column.header, "")):
                return Cause(CauseKind.VALUE, column.header, reject.values.get(column.header, ""))
        for column in flow.columns:
            if reject.cause.startswith(f"{flow.path(column)} "):
                return Cause(CauseKind.UNREADABLE, column.header, reject.detail)
        return Cause(CauseKind.UNREADABLE)
    said = reject.cause.removeprefix(IN_PART).removeprefix(IGNORED)
    for header, name in members.items():
        value = reject.values.get(header, "")
        if value and f"{_NOT_LOCATED}{value}" in said.split("; "):
            return Cause(CauseKind.MEMBER, header, value, name)
    # Anaplan quotes the value that it did not take at the end of its words
    quoted = next((h for h, v in reject.values.items() if v and said.endswith(f": {v}")), "")
    return Cause(CauseKind.ANAPLAN, quoted, reject.values.get(quoted, ""))


@dataclass(frozen=True, slots=True)
class MoneyColumns:
    """The headers under which a flow's records keep their amount and its currency."""

    amount: str
    currency: str

    def read(self, values: Mapping[str, str]) -> tuple[Decimal, str] | None:
        """A record's amount and currency; None when one of them cannot be read."""
        try:
            amount = Decimal(values[self.amount])
        except (KeyError, InvalidOperation):
            return None
        currency = values.get(self.currency, "")
        return (amount, currency) if currency and amount.is_finite() else None


def money_columns(flow: LoadFlow) -> MoneyColumns | None:
    """Where a flow's records tell what they are worth; None for master data."""
    fields = [(column.header, flow.path(column).rpartition("/")[2], column.type) for column in flow.columns]
    amount = next((header for header, name, kind in fields if kind is Decimal and "Amount" in name), None)
    currency = next((header for header, name, kind in fields if kind is str and name.endswith("Currency")), None)
    return MoneyColumns(amount, currency) if amount and currency else None
