"""Reads a source cell in the format of its target: number, date, boolean, text."""

from __future__ import annotations

import re
import zlib
from datetime import date
from decimal import Decimal

from tui_connector.sandbox.seed.model import BOOLEAN, DATE, NUMBER

NUMBER_SHAPE = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)\Z")
DATE_SHAPE = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
TRUE, FALSE = ("true", "yes"), ("false", "no")
# The types are Anaplan's own, but for what follows hierarchyImportAccess: only its beginning is known. Of the texts
# "Invalid parent", "Invalid name" and "Item not located in list" are; the others are this sandbox's.
ERROR_TEXTS = {
    "moduleImportNumberFormat": "Invalid number",
    "moduleImportDateFormat": "Invalid date format",
    "invalidDate": "Invalid date",
    "moduleImportBooleanFormat": "Invalid boolean",
    "moduleImportInvalidListIdentifier": "Item not located in list",
    "moduleImportRepeatedNonNumeric": "Repeated non-numeric value",
    "moduleImportInvalidTimeEntityIdentifier": "Period not located in time scale",
    "moduleImportInvalidLineItemIdentifier": "Line item not located",
    "dateFormatMalformed": "Malformed date",
    "cellIsCalculated": "Cell is calculated",
    "hierarchyImportAccessDenied": "No access to this item",
    "hierarchyImportDuplicateKeyInTarget": "Duplicate key in target",
    "hierarchyImportInvalidName": "Invalid name",
    "hierarchyImportInvalidCode": "Invalid code",
    "hierarchyImportInvalidParent": "Invalid parent",
    "hierarchyImportEmptyKey": "Empty key",
    "hierarchyImportDuplicateKeyInSource": "Duplicate key in source",
    "hierarchyImportNameOrCodeExists": "Name or code already exists",
    "hierarchyImportNewEntityNumberedList": "Cannot create an item in a numbered list by name",
    "columnSeparatorExpected": "Column separator expected",
    "unmatchedTextDelimiter": "Unmatched text delimiter",
}


class BadValueError(Exception):
    """A cell its target cannot take; `kind` is the detail's type."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


def read_value(text: str, form: str) -> str | None:
    """The value as it is stored, None for a blank; raises BadValueError."""
    if form not in (NUMBER, DATE, BOOLEAN):
        return text or None
    text = text.strip()
    if not text:
        return None
    if form == NUMBER:
        if not NUMBER_SHAPE.match(text):
            raise BadValueError("moduleImportNumberFormat")
        return plain_number(text)
    if form == DATE:
        return _read_date(text)
    if text.lower() in TRUE:
        return "true"
    if text.lower() in FALSE:
        return "false"
    raise BadValueError("moduleImportBooleanFormat")


def _read_date(text: str) -> str:
    if not DATE_SHAPE.match(text):
        raise BadValueError("moduleImportDateFormat")
    try:
        date.fromisoformat(text)
    except ValueError as error:
        raise BadValueError("invalidDate") from error
    return text


def plain_number(text: str) -> str:
    """A decimal text without a plus sign or needless zeros."""
    text = text.lstrip("+")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "", "-") else text


def add_numbers(first: str | None, second: str | None) -> str | None:
    """Exact sum of two stored numbers."""
    if first is None or second is None:
        return second if first is None else first
    return plain_number(format(Decimal(first) + Decimal(second), "f"))


def error_words(kind: str, *, odd: bool = False) -> str:
    """What an error is called; `odd`: in words that say nothing to whoever does not know them."""
    return f"Reason {zlib.crc32(kind.encode()) % 10_000:04}" if odd else ERROR_TEXTS.get(kind, kind)


def error_text(kind: str, value: str, *, odd: bool = False) -> str:
    """The words a dump uses for an error."""
    text = error_words(kind, odd=odd)
    return f"{text}: {value}" if value else text
