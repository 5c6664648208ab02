"""What a result amounts to: clean, partial, failed."""

from __future__ import annotations

from typing import Any

import pytest

from tui_connector.anaplan.results import TaskOutcome, TaskResult, pair_up


def detail(kind: str, *values: str | None, text: str = "", occurrences: int = 0) -> dict[str, Any]:
    return {"type": kind, "localMessageText": text, "values": list(values), "occurrences": occurrences}


def result(*details: dict[str, Any], successful: bool = True, dump: bool = False, **more: Any) -> TaskResult:
    wire = {"objectId": "1", "successful": successful, "failureDumpAvailable": dump, "details": list(details)}
    return TaskResult.read({**wire, **more})


def test_values_pair_up_in_any_order_with_nulls() -> None:
    assert pair_up(["failedCount", "2", "note", None, "hierarchyName", "A"]) == {
        "failedCount": "2",
        "note": "",
        "hierarchyName": "A",
    }
    assert pair_up(None) == {}
    assert pair_up(["odd"]) == {}


def test_a_list_import_with_failures_is_partial() -> None:
    # the vendor's own sample: 88 good, 2 failed, 5 ignored, and successful
    values = ("ignoredCount", "5", "hierarchyName", "Employees", "successRowCount", "88", "failedCount", "2")
    found = result(detail("hierarchyRowsProcessedWithFailures", *values), dump=True)
    assert found.outcome is TaskOutcome.PARTIAL
    assert (found.loaded, found.ignored, found.failed) == (88, 5, 2)


@pytest.mark.parametrize(
    ("details", "outcome"),
    [
        ([detail("hierarchyRowsProcessed", "successRowCount", "3", "ignoredCount", "2")], TaskOutcome.CLEAN),
        ([detail("hierarchyNoChanges", "ignoredCount", "9")], TaskOutcome.CLEAN),
        ([detail("lineItemRowsProcessed", "rowCount", "9")], TaskOutcome.CLEAN),
        ([detail("somethingNewProcessed", "rowCount", "9")], TaskOutcome.CLEAN),
        ([], TaskOutcome.CLEAN),
        ([detail("lineItemRowsProcessedWithIgnored", "rowCount", "9", "ignoredCount", "1")], TaskOutcome.PARTIAL),
        ([detail("lineItemRowsProcessedWithFailures", "failureCount", "1")], TaskOutcome.PARTIAL),
        ([detail("hierarchyRowsProcessedWithWarnings", "warningsRowCount", "1")], TaskOutcome.PARTIAL),
        ([detail("hierarchyRowsProcessedWithInvalidNames", "invalidCount", "1")], TaskOutcome.PARTIAL),
        ([detail("lineItemRowsProcessed"), detail("moduleImportNumberFormat", occurrences=3)], TaskOutcome.PARTIAL),
        ([detail("lineItemRowsProcessed"), detail("missingFields")], TaskOutcome.PARTIAL),
        ([detail("hierarchyRowsProcessed"), detail("unmatchedTextDelimiter")], TaskOutcome.PARTIAL),
        ([detail("usersRowsProcessed")], TaskOutcome.CLEAN),
    ],
)
def test_outcomes_of_a_successful_import(details: list[dict[str, Any]], outcome: TaskOutcome) -> None:
    assert result(*details).outcome is outcome


def test_a_dump_alone_makes_it_partial_and_no_success_makes_it_failed() -> None:
    assert result(dump=True).outcome is TaskOutcome.PARTIAL
    failed = result(detail("uploadedFileNoLongerAvailable", text="The file is gone"), successful=False)
    assert failed.outcome is TaskOutcome.FAILED
    assert failed.explain() == "The file is gone"
    assert TaskResult.read({}).outcome is TaskOutcome.FAILED


def test_a_process_is_judged_by_its_actions() -> None:
    good = {"objectId": "1", "successful": True, "details": [detail("hierarchyRowsProcessed", "successRowCount", "7")]}
    cells = detail("lineItemRowsProcessedWithFailures", "rowCount", "6", "failureCount", "1")
    partly = {"objectId": "2", "successful": True, "failureDumpAvailable": True, "details": [cells]}
    broken = {"objectId": "3", "successful": False, "details": [detail("missingFields")]}
    assert result(nestedResults=[good]).outcome is TaskOutcome.CLEAN
    mixed = result(nestedResults=[good, partly])
    assert mixed.outcome is TaskOutcome.PARTIAL
    assert (mixed.loaded, mixed.failed) == (6, 1)
    assert [one.object_id for one in mixed.leaves() if one.has_dump] == ["2"]
    assert result(nestedResults=[good, broken]).outcome is TaskOutcome.FAILED
    # seen in the wild: the container calls itself unsuccessful though nothing in it failed
    odd = result(detail("taskElementFailed"), successful=False, nestedResults=[good])
    assert odd.outcome is TaskOutcome.PARTIAL


def test_a_repeated_run_shows_what_the_module_took() -> None:
    same = {"successful": True, "details": [detail("hierarchyNoChanges", "ignoredCount", "20")]}
    cells = [detail("lineItemRowsProcessed", "lineItemName", name, "rowCount", "20") for name in ("A", "B")]
    found = result(nestedResults=[same, {"successful": True, "details": cells}])
    assert (found.outcome, found.loaded, found.ignored) == (TaskOutcome.CLEAN, 20, 0)
