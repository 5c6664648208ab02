"""Classes of refusals: told by Anaplan's own names of errors, by its words alone, and by our own words."""

from __future__ import annotations

import pytest

from tui_connector.domain.record import RejectedBy
from tui_connector.domain.reject_class import NAME_LIMIT, RejectClass, class_of

TYPES = {
    "moduleImportInvalidListIdentifier": RejectClass.UNKNOWN_MEMBER,
    "hierarchyImportInvalidParent": RejectClass.PARENT_MISSING,
    "hierarchyImportParentMustBeLeaf": RejectClass.PARENT_MISSING,
    "moduleImportInvalidTimeEntityIdentifier": RejectClass.UNKNOWN_PERIOD,
    "moduleImportInvalidTimescaleIdentifier": RejectClass.UNKNOWN_PERIOD,
    "invalidPeriod": RejectClass.UNKNOWN_PERIOD,
    "moduleImportInvalidLineItemIdentifier": RejectClass.UNKNOWN_LINE_ITEM,
    "moduleImportLineItemIdentifiersUnmapped": RejectClass.UNKNOWN_LINE_ITEM,
    "hierarchyImportDuplicateKeyInSource": RejectClass.DUPLICATE_CODE,
    "hierarchyImportDuplicateKeyInTarget": RejectClass.DUPLICATE_CODE,
    "hierarchyImportNameOrCodeExists": RejectClass.DUPLICATE_CODE,
    "moduleImportRepeatedNonNumeric": RejectClass.DUPLICATE_CODE,
    "hierarchyImportInvalidCode": RejectClass.BAD_CODE,
    "hierarchyImportEmptyKey": RejectClass.BAD_CODE,
    "hierarchyImportNoNameOrCode": RejectClass.BAD_CODE,
    "hierarchyImportInvalidName": RejectClass.BAD_NAME,
    "hierarchyImportNewEntityNumberedList": RejectClass.NUMBERED_LIST,
    "hierarchyImportAccessAnything": RejectClass.NO_ACCESS,
    "moduleImportNumberFormat": RejectClass.BAD_NUMBER,
    "moduleImportDateFormat": RejectClass.BAD_DATE,
    "dateFormatInvalid": RejectClass.BAD_DATE,
    "dateFormatMalformed": RejectClass.BAD_DATE,
    "invalidDate": RejectClass.BAD_DATE,
    "expectedMonth": RejectClass.BAD_DATE,
    "moduleImportBooleanFormat": RejectClass.BAD_YES_OR_NO,
    "columnSeparatorExpected": RejectClass.BROKEN_LINE,
    "unmatchedTextDelimiter": RejectClass.BROKEN_LINE,
}


@pytest.mark.parametrize(("told", "wanted"), TYPES.items())
def test_anaplans_own_names_tell_a_class_whatever_its_words_are(told: str, wanted: RejectClass) -> None:
    assert class_of(RejectedBy.ANAPLAN, "Grund 17: x", told) is wanted
    assert class_of(RejectedBy.ANAPLAN, "loaded in part: Grund 17", f"{told}; somethingElse") is wanted


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("Invalid parent", RejectClass.PARENT_MISSING),
        ("Invalid name: Code", RejectClass.BAD_NAME),
        (f"Invalid name: {'n' * NAME_LIMIT}", RejectClass.BAD_NAME),
        (f"Invalid name: {'n' * (NAME_LIMIT + 1)}", RejectClass.NAME_TOO_LONG),
        ("Item not located in list: 4736", RejectClass.UNKNOWN_MEMBER),
        ("Item not located in list: Invalid date", RejectClass.UNKNOWN_MEMBER),
        ("Invalid number: no date", RejectClass.BAD_NUMBER),
        ("loaded in part: Invalid parent; Invalid number: x", RejectClass.PARENT_MISSING),
        ("ignored: Cell is calculated: 5", RejectClass.CALCULATED_CELL),
        ("ignored: nothing to do", RejectClass.NOT_WRITTEN),
        ("Anaplan gave no reason", RejectClass.OTHER),
        ("", RejectClass.OTHER),
    ],
)
def test_words_alone_tell_a_class_and_a_quoted_value_tells_none(said: str, wanted: RejectClass) -> None:
    assert class_of(RejectedBy.ANAPLAN, said) is wanted
    assert class_of(RejectedBy.ANAPLAN, said, "someTypeOfTomorrow") is wanted


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("Cost Center x holds y is not in the Anaplan list Cost Centers", RejectClass.UNKNOWN_MEMBER),
        ("Name holds a tab (U+0009)", RejectClass.FORBIDDEN_CHARACTER),
        ("Amount is not a plain decimal number", RejectClass.BAD_NUMBER),
        ("Line is not a whole number", RejectClass.BAD_NUMBER),
        ("PostingDate is not a date", RejectClass.BAD_DATE),
        ("PostingDate is not a day or time of the calendar", RejectClass.BAD_DATE),
        ("PostingDate is a date outside the calendar", RejectClass.BAD_DATE),
        ("Blocked is neither true nor false", RejectClass.BAD_YES_OR_NO),
        ("Currency is a structure, not a value", RejectClass.NO_VALUE),
    ],
)
def test_our_own_words_tell_a_class(said: str, wanted: RejectClass) -> None:
    assert class_of(RejectedBy.CONNECTOR, said) is wanted


def test_every_class_says_what_it_is_and_what_helps() -> None:
    for one in RejectClass:
        assert one.words == one.value.replace("-", " ")
        assert one.sentence.endswith(".")
        assert not one.fix.endswith(".")
    assert {one for one in RejectClass if not one.replay_helps} == {
        RejectClass.NAME_TOO_LONG, RejectClass.FORBIDDEN_CHARACTER, RejectClass.NO_VALUE,
    }  # fmt: skip
