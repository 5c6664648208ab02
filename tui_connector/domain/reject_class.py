"""Classes of refusals: what kind of fault it is, in plain words, what mends it, and whether a replay can help then."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from tui_connector.domain.record import RejectedBy

IN_PART = "loaded in part: "
IGNORED = "ignored: "
MEMBER_WORDS = " is not in the Anaplan list "
HOLDS_WORDS = " holds "
NAME_LIMIT = 60  # a name of 60 characters is taken, one of 61 is not


class RejectClass(StrEnum):
    """What a refusal comes from. Words for people are in `words`; the value is what a filter and JSON say."""

    UNKNOWN_MEMBER = "unknown-member"
    PARENT_MISSING = "parent-missing"
    UNKNOWN_PERIOD = "unknown-period"
    UNKNOWN_LINE_ITEM = "unknown-line-item"
    DUPLICATE_CODE = "duplicate-code"
    BAD_CODE = "bad-code"
    NAME_TOO_LONG = "name-too-long"
    BAD_NAME = "bad-name"
    BAD_NUMBER = "bad-number"
    BAD_DATE = "bad-date"
    BAD_YES_OR_NO = "bad-yes-or-no"
    NO_ACCESS = "no-access"
    NUMBERED_LIST = "numbered-list"
    CALCULATED_CELL = "calculated-cell"
    NOT_WRITTEN = "not-written"
    BROKEN_LINE = "broken-line"
    FORBIDDEN_CHARACTER = "forbidden-character"
    NO_VALUE = "no-value"
    OTHER = "other"

    @property
    def words(self) -> str:
        return self.replace("-", " ")

    @property
    def sentence(self) -> str:
        """The cause in a plain sentence."""
        return _TOLD[self].sentence

    @property
    def fix(self) -> str:
        """What a person does about it, without the replay that may follow."""
        return _TOLD[self].fix

    @property
    def replay_helps(self) -> bool:
        """Whether the values as they were sent can ever be loaded, once the fix is made."""
        return _TOLD[self].replay_helps


@dataclass(frozen=True, slots=True)
class _Told:
    sentence: str
    fix: str
    replay_helps: bool = True


_TOLD = {
    RejectClass.UNKNOWN_MEMBER: _Told(
        "The record names a member that its Anaplan list does not hold.", "Load or add the member"
    ),
    RejectClass.PARENT_MISSING: _Told(
        "The record names a parent that Anaplan's parent list does not hold.", "Load or add the parent"
    ),
    RejectClass.UNKNOWN_PERIOD: _Told(
        "The record's period is none of the model's calendar.", "Extend the model's calendar, or map the period"
    ),
    RejectClass.UNKNOWN_LINE_ITEM: _Told(
        "The import writes to a line item that the module does not have.", "Map the column in Anaplan's import"
    ),
    RejectClass.DUPLICATE_CODE: _Told(
        "The name or code is there twice, in the file or in Anaplan.", "Give one of the two another name or code"
    ),
    RejectClass.BAD_CODE: _Told(
        "The code is empty, too long or not one that the list takes.", "Look at the code, and at how the list takes it"
    ),
    RejectClass.NAME_TOO_LONG: _Told(
        f"The name is longer than the {NAME_LIMIT} characters that Anaplan takes.", "Shorten the name in SAP", False
    ),
    RejectClass.BAD_NAME: _Told(
        "The name is empty or not one that Anaplan takes.", "Look at the name, and at how the import maps it"
    ),
    RejectClass.BAD_NUMBER: _Told(
        "The value is no number, or none as the import reads them.",
        "Set the import's decimal separator, or mend the value"
    ),
    RejectClass.BAD_DATE: _Told(
        "The value is no date, or none as the import reads them.", "Set the import's date format, or mend the value"
    ),
    RejectClass.BAD_YES_OR_NO: _Told("The value is neither yes nor no.", "Map another column, or mend the value"),
    RejectClass.NO_ACCESS: _Told(
        "The user of the connection may not change this item in Anaplan.", "Give that user access to the item"
    ),
    RejectClass.NUMBERED_LIST: _Told(
        "The import finds items of a numbered list by their names, and can make none so.",
        "Let Anaplan's import match by code",
    ),
    RejectClass.CALCULATED_CELL: _Told(
        "Anaplan ignored it: the cell is calculated or a sum, so that nothing can be written there.",
        "Point the import at a line item for input, or take the column out of it",
    ),
    RejectClass.NOT_WRITTEN: _Told(
        "Anaplan ignored it and wrote nothing, for another reason than a fault in it.",
        "Look at what the import maps and may write",
    ),
    RejectClass.BROKEN_LINE: _Told(
        "Anaplan could not cut the line into columns.", "Set separator and text delimiter of the file in Anaplan"
    ),
    RejectClass.FORBIDDEN_CHARACTER: _Told(
        "The value holds a character that cannot stand in a file for Anaplan.", "Mend the value in SAP", False
    ),
    RejectClass.NO_VALUE: _Told("SAP's answer holds no readable value there.", "Mend the value in SAP", False),
    RejectClass.OTHER: _Told(
        "Anaplan refused it in words that tell no class.", "Mend what Anaplan names, there or in SAP"
    ),
}  # fmt: skip

# Anaplan's own names of what went wrong with a row; each stands for all that begin so. The first that fits counts.
_TYPES: tuple[tuple[str, RejectClass], ...] = (
    ("moduleImportInvalidListIdentifier", RejectClass.UNKNOWN_MEMBER),
    ("hierarchyImportInvalidParent", RejectClass.PARENT_MISSING),
    ("hierarchyImportParentMustBeLeaf", RejectClass.PARENT_MISSING),
    ("hierarchyImportFailedDependency", RejectClass.PARENT_MISSING),
    ("moduleImportInvalidTime", RejectClass.UNKNOWN_PERIOD),
    ("invalidPeriod", RejectClass.UNKNOWN_PERIOD),
    ("moduleImportInvalidLineItemIdentifier", RejectClass.UNKNOWN_LINE_ITEM),
    ("moduleImportLineItemIdentifiersUnmapped", RejectClass.UNKNOWN_LINE_ITEM),
    ("moduleImportDimensionIdentifiersUnmapped", RejectClass.UNKNOWN_LINE_ITEM),
    ("hierarchyImportDuplicateKey", RejectClass.DUPLICATE_CODE),
    ("hierarchyImportNameOrCodeExists", RejectClass.DUPLICATE_CODE),
    ("moduleImportRepeatedNonNumeric", RejectClass.DUPLICATE_CODE),
    ("hierarchyImportInvalidCode", RejectClass.BAD_CODE),
    ("hierarchyImportEmptyKey", RejectClass.BAD_CODE),
    ("hierarchyImportNoNameOrCode", RejectClass.BAD_CODE),
    ("hierarchyImportInvalidName", RejectClass.BAD_NAME),
    ("hierarchyImportNewEntityNumberedList", RejectClass.NUMBERED_LIST),
    ("hierarchyImportAccess", RejectClass.NO_ACCESS),
    ("moduleImportNumberFormat", RejectClass.BAD_NUMBER),
    ("moduleImportDateFormat", RejectClass.BAD_DATE),
    ("dateFormat", RejectClass.BAD_DATE),
    ("invalidDate", RejectClass.BAD_DATE),
    ("moduleImportBooleanFormat", RejectClass.BAD_YES_OR_NO),
    ("cellIsCalculated", RejectClass.CALCULATED_CELL),
    ("columnSeparatorExpected", RejectClass.BROKEN_LINE),
    ("unmatchedTextDelimiter", RejectClass.BROKEN_LINE),
    ("expected", RejectClass.BAD_DATE),  # a part of a date: day, month, year
)

# The same told by words alone. Anaplan's page of codes gives few of the texts, so that these look for what they must
# speak of rather than for a sentence.
_WORDS: tuple[tuple[str, RejectClass], ...] = (
    (r"not (located|found) in (the )?list|unknown (list )?(item|member)", RejectClass.UNKNOWN_MEMBER),
    (r"\bparent\b", RejectClass.PARENT_MISSING),
    (r"\bline item", RejectClass.UNKNOWN_LINE_ITEM),
    (r"\bduplicate|already exists|\brepeated\b", RejectClass.DUPLICATE_CODE),
    (r"\bnumbered list\b", RejectClass.NUMBERED_LIST),
    (r"\bcalculated\b|\bformula\b", RejectClass.CALCULATED_CELL),
    (r"\baccess\b|\bpermission\b|not (allowed|authori[sz]ed)", RejectClass.NO_ACCESS),
    (r"\b(period|time ?scale)\b", RejectClass.UNKNOWN_PERIOD),
    (r"\bdate\b", RejectClass.BAD_DATE),
    (r"\bnumber\b", RejectClass.BAD_NUMBER),
    (r"\bboolean\b", RejectClass.BAD_YES_OR_NO),
    (r"\b(separator|delimiter)\b", RejectClass.BROKEN_LINE),
    (r"\bempty key\b|\binvalid code\b|\bno name or code\b", RejectClass.BAD_CODE),
    (r"\binvalid name\b", RejectClass.BAD_NAME),
)
_OWN_WORDS: tuple[tuple[str, RejectClass], ...] = (
    (MEMBER_WORDS, RejectClass.UNKNOWN_MEMBER),
    (HOLDS_WORDS, RejectClass.FORBIDDEN_CHARACTER),
    (r"number$", RejectClass.BAD_NUMBER),
    (r"is not a date$|calendar$", RejectClass.BAD_DATE),
    (r"neither true nor false$", RejectClass.BAD_YES_OR_NO),
)


def class_of(rejected_by: RejectedBy, cause: str, detail: str = "") -> RejectClass:
    """The class of a refusal. detail: the types that Anaplan's result gives for its words, "" where it gave none."""
    if rejected_by is RejectedBy.CONNECTOR:
        return _found(_OWN_WORDS, cause) or RejectClass.NO_VALUE
    said = cause.removeprefix(IN_PART).removeprefix(IGNORED)
    # a value that Anaplan quotes stands behind the colon, and may say anything
    head, _, value = said.partition(": ")
    head = head.partition("; ")[0]
    found = _of_type(detail) or _found(_WORDS, head)
    if found is None:
        return RejectClass.NOT_WRITTEN if cause.startswith(IGNORED) else RejectClass.OTHER
    return RejectClass.NAME_TOO_LONG if found is RejectClass.BAD_NAME and len(value) > NAME_LIMIT else found


def _of_type(detail: str) -> RejectClass | None:
    return next((kind for begins, kind in _TYPES if detail.startswith(begins)), None)


def _found(table: tuple[tuple[str, RejectClass], ...], words: str) -> RejectClass | None:
    return next((kind for pattern, kind in table if re.search(pattern, words, re.IGNORECASE)), None)
