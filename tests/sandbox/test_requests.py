"""What every call meets: limits, paging, dropped keys, ids, model states, and the wait while a model is busy."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest

from tests.sandbox.conftest import ModelHandle, SandboxHandle, wait_for
from tui_connector.sandbox.anaplan.bucket import TokenBucket
from tui_connector.sandbox.clock import SandboxClock
from tui_connector.sandbox.seed.model import FINANCE_HUB, WORKFORCE, WORKSPACE_ID

NO_ACTION = "112999999999"


def test_both_spellings_of_a_path_answer_alike(hub: ModelHandle) -> None:
    for path in ("/files", "/imports", "/imports/", "/processes", "/status"):
        short = hub.sandbox.http.get(hub.short + path, headers=hub.headers)
        assert short.status_code == hub.call("GET", path).status_code == 200
        if path != "/status":
            key = path.strip("/")
            assert short.json()[key] == hub.get(path)[key]


@pytest.mark.parametrize(
    "path",
    [
        f"/2/0/models/{FINANCE_HUB.lower()}/files",
        f"/2/0/workspaces/{WORKSPACE_ID.upper()}/models/{FINANCE_HUB}/files",
        f"/2/0/models/{FINANCE_HUB}/nothing",
    ],
)
def test_ids_are_case_sensitive_and_errors_have_the_usual_body(hub: ModelHandle, path: str) -> None:
    answer = hub.sandbox.http.get(path, headers=hub.headers)
    assert answer.status_code == 404
    assert answer.json()["status"] == {"code": 404, "message": "Not Found"}
    assert answer.json()["path"] == path


def test_the_long_path_of_a_model_is_405(hub: ModelHandle) -> None:
    assert hub.call("GET", "").status_code == 405
    assert hub.sandbox.http.get(hub.short, headers=hub.headers).json()["model"]["name"] == "Finance Hub"
    assert hub.call("PATCH", "/files").status_code == 405


def test_a_page_is_cut_silently_and_next_lies_at_the_end(hub: ModelHandle) -> None:
    hub.sandbox.set(page_cap=4)
    seen: list[str] = []
    paging = {"totalSize": 1}
    while len(seen) < paging["totalSize"]:
        page = hub.get("/imports", params={"limit": 1000, "offset": len(seen)})
        paging = page["meta"]["paging"]
        assert paging["currentPageSize"] <= 4
        assert "next" in paging
        seen += [one["id"] for one in page["imports"]]
    assert len(set(seen)) == paging["totalSize"] == 12
    hub.sandbox.set(next_at_end=False)
    assert "next" not in hub.get("/imports", params={"offset": 10})["meta"]["paging"]


def test_an_empty_collection_has_no_key(hub: ModelHandle) -> None:
    page = hub.get(f"/imports/{NO_ACTION}/tasks")
    assert "tasks" not in page
    assert page["meta"]["paging"]["totalSize"] == 0
    file = hub.id_of("files", "accounts.csv")
    assert "chunks" not in hub.get(f"/files/{file}/chunks")
    assert "listItems" not in hub.get(f"/lists/{hub.id_of('lists', 'GL Accounts')}/items")
    assert hub.call("GET", f"/files/{file}").status_code == 404


def test_sort_needs_its_prefix_where_it_is_checked(hub: ModelHandle) -> None:
    client = hub.sandbox.http
    names = client.get("/2/0/models?sort=-name", headers=hub.headers).json()["models"]
    assert [one["name"] for one in names] == ["Workforce", "Finance Hub"]
    assert client.get("/2/0/models?sort=%2Bname", headers=hub.headers).status_code == 200
    for bad in ("name", "-memoryUsage"):
        assert client.get(f"/2/0/models?sort={bad}", headers=hub.headers).status_code == 400
    assert hub.call("GET", "/files?sort=nothing").status_code == 200


def test_details_only_on_request(hub: ModelHandle) -> None:
    client = hub.sandbox.http
    plain = client.get("/2/0/workspaces", headers=hub.headers).json()["workspaces"][0]
    full = client.get("/2/0/workspaces?tenantDetails=true", headers=hub.headers).json()["workspaces"][0]
    assert set(full) - set(plain) == {"sizeAllowance", "currentSize"}
    assert "memoryUsage" not in client.get(hub.short, headers=hub.headers).json()["model"]


def test_no_access_is_masked(hub: ModelHandle) -> None:
    hub.sandbox.set(no_access=True)
    assert hub.call("GET", "/files").status_code == 404
    assert hub.call("GET", f"/imports/{NO_ACTION}/tasks").status_code == 200
    assert hub.sandbox.http.get(hub.short, headers=hub.headers).status_code == 200


@pytest.mark.parametrize(
    ("state", "read", "change"),
    [("ARCHIVED", 422, 422), ("LOCKED", 200, 423), ("MAINTENANCE", 424, 424), ("PRODUCTION", 200, 200)],
)
def test_model_states(hub: ModelHandle, state: str, read: int, change: int) -> None:
    name = hub.id_of("imports", "Accounts from accounts.csv")
    hub.sandbox.tell("/anaplan/model", activeState=state)
    assert hub.call("GET", "/files").status_code == read
    assert hub.call("POST", f"/imports/{name}/tasks", json={"localeName": "en_US"}).status_code == change
    assert hub.sandbox.http.get(hub.short, headers=hub.headers).json()["model"]["activeState"] == state


def test_structure_is_closed_in_deployed_mode(hub: ModelHandle) -> None:
    hub.sandbox.tell("/anaplan/model", activeState="PRODUCTION")
    assert hub.call("POST", "/files/brand new.csv", json={"chunkCount": 1}).status_code == 425


@pytest.mark.parametrize("form", ["seconds", "date", "none"])
def test_the_request_budget(hub: ModelHandle, form: str) -> None:
    hub.sandbox.set(rate_capacity=3, rate_per_second=0.1, retry_after_form=form)
    codes = [hub.call("GET", "/status") for _ in range(5)]
    refused = codes[-1]
    assert refused.status_code == 429
    header = refused.headers.get("Retry-After")
    if form == "seconds":
        assert 1 <= int(header) <= 20
    elif form == "date":
        assert parsedate_to_datetime(header).tzinfo is not None
    else:
        assert header is None
    hub.sandbox.advance(60)
    assert hub.call("GET", "/status").status_code == 200


class StoppedClock(SandboxClock):
    """Stands still until it is moved."""

    def __init__(self) -> None:
        super().__init__()
        self.moment = datetime(2026, 11, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


def test_the_bucket_holds_600_and_refills_at_ten_a_second() -> None:
    clock = StoppedClock()
    bucket = TokenBucket(clock)
    assert [bucket.take(600, 10) for _ in range(600)] == [0.0] * 600
    assert bucket.take(600, 10) == pytest.approx(0.1)
    clock.advance(2)
    assert [bucket.take(600, 10) == 0 for _ in range(21)] == [True] * 20 + [False]


def test_reads_hang_while_a_task_runs_but_tasks_and_lists_of_actions_do_not(hub: ModelHandle) -> None:
    hub.sandbox.set(task_seconds=0.6)
    hub.upload("accounts.csv", "Code,Name\n1,One\n")
    imports = hub.get("/imports")
    poll = hub.start("imports", "Accounts from accounts.csv")
    hub.wait(poll, "IN_PROGRESS")
    assert hub.get("/imports")["imports"] == imports["imports"]
    status = hub.get("/status")["requestStatus"]
    assert status["currentStep"] == "Processing ..."
    assert status["taskId"].endswith("-11")
    began = time.monotonic()
    assert hub.get("/lists")["lists"]
    assert time.monotonic() - began > 0.2
    assert hub.get(poll)["task"]["taskState"] == "COMPLETE"


def test_the_wait_is_bounded(hub: ModelHandle) -> None:
    hub.sandbox.set(task_behaviour="endless", busy_hang_seconds=0.1)
    hub.upload("accounts.csv", "Code,Name\n1,One\n")
    poll = hub.start("imports", "Accounts from accounts.csv")
    hub.wait(poll, "IN_PROGRESS")
    answer = hub.call("GET", "/files")
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (504, "text/html")
    # Uploads and the other model are not held up.
    file = hub.sandbox.model(WORKFORCE).id_of("files", "employees.csv")
    assert file == "113000000002"
    hub.call("DELETE", poll)
    assert hub.wait(poll)["taskState"] == "CANCELLED"


def test_open_and_close(hub: ModelHandle) -> None:
    assert hub.call("POST", "/open").status_code == 200
    assert hub.call("POST", "/close").status_code == 204
    assert hub.get("/status")["requestStatus"]["currentStep"] == "Closed"
    assert hub.call("POST", "/open").status_code == 202
    assert hub.call("POST", "/status").json()["requestStatus"]["progress"] == -1.0


def test_the_log_counts_by_template(hub: ModelHandle, sandbox: SandboxHandle) -> None:
    sandbox.control.delete("/log")
    hub.get(f"/imports/{NO_ACTION}/tasks")
    log = wait_for(lambda: sandbox.look("/log"), lambda found: bool(found["counts"]))
    assert log["counts"] == {"GET /2/0/workspaces/{workspace}/models/{model}/imports/{action}/tasks": 1}
    assert log["requests"][0]["status"] == 200


def test_costly_reads_have_a_limit_of_their_own(hub: ModelHandle) -> None:
    hub.sandbox.set(costly_reads=2)
    path = f"/lists/{hub.id_of('lists', 'GL Accounts')}/items"
    assert [hub.call("GET", path).status_code for _ in range(3)] == [200, 200, 429]
    assert hub.call("GET", "/lists").status_code == 200
