"""What a model offers, over pages, and names that are missing or double."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tui_connector.anaplan import discovery
from tui_connector.anaplan.codes import NAME, PARENT, list_codes, members_of, read_codes
from tui_connector.domain.errors import ActionNotFoundError, ContractChangedError, UnreachableError

if TYPE_CHECKING:
    from tui_connector.anaplan.client import AnaplanClient

pytestmark = pytest.mark.anyio


async def test_everything_is_found_over_pages(sandbox: Any, client: AnaplanClient) -> None:
    whole = [one.name for one in await discovery.imports(client)]
    assert len(whole) > 6
    sandbox.settings(page_cap=4)  # the server cuts what was asked for, and still shows a next link at the end
    assert [one.name for one in await discovery.imports(client)] == whole
    assert len(sandbox.requests("GET", "/imports?")) == 1 + -(-len(whole) // 4)
    assert {one.name for one in await discovery.lists(client)} >= {"GL Accounts", "Suppliers"}
    assert {one.name for one in await discovery.modules(client)} >= {"ACT01 GL Actuals"}
    assert {one.name for one in await discovery.files(client)} >= {"accounts.csv", "gl_line_items.csv"}
    assert {one.name for one in await discovery.processes(client)} >= {"Load GL line items"}
    assert await discovery.exports(client)
    assert await discovery.actions(client)


async def test_found_by_name_and_by_id(sandbox: Any, client: AnaplanClient) -> None:
    file = await discovery.find_file(client, "accounts.csv")
    assert (file.encoding, file.separator, file.qualifier, file.header_row) == ("UTF-8", ",", '"', 1)
    assert await discovery.find_file(client, file.id) == file
    action = await discovery.find_import(client, "Accounts from accounts.csv")
    assert action.source_file_id == file.id
    columns = await discovery.import_metadata(client, action.id)
    assert columns.header_names == ("Code", "Name", "Account Type", "Account Group", "Blocked")
    process = await discovery.find_process(client, "Load GL line items")
    parts = await discovery.process_actions(client, process.id)
    assert [one.name for one in parts] == [
        "GL Line Items from gl_line_items.csv",
        "ACT01 GL Actuals from gl_line_items.csv",
    ]
    file = await discovery.find_file(client, "gl_line_items.csv")
    assert {one.source_file_id for one in parts} == {file.id}
    assert (await discovery.find_list(client, "Suppliers")).id
    assert (await discovery.find_module(client, "ACT01 GL Actuals")).id
    export = (await discovery.exports(client))[0]
    assert (await discovery.find_export(client, export.id)).name == export.name
    assert "Code" in (await discovery.export_metadata(client, export.id)).header_names


async def test_a_missing_name_tells_the_nearest(sandbox: Any, client: AnaplanClient) -> None:
    sandbox.call("POST", "anaplan/imports", {"rename": {"from": "Accounts from accounts.csv", "to": "accounts 2"}})
    await client.model()
    with pytest.raises(ActionNotFoundError, match=r"'Accounts from accounts\.csv'") as caught:
        await discovery.find_import(client, "Accounts from accounts.csv")
    assert "from customers.csv" in caught.value.hint
    assert '"Finance Hub"' in caught.value.message
    with pytest.raises(ActionNotFoundError) as caught:
        await discovery.find_file(client, "ACCOUNTS.CSV")
    assert "'accounts.csv'" in caught.value.hint


async def test_a_double_name_tells_both_ids(sandbox: Any, client: AnaplanClient) -> None:
    name = "Accounts from accounts.csv"
    other = sandbox.call("POST", "anaplan/imports", {"duplicate": name})["id"]
    first = next(one.id for one in await discovery.imports(client) if one.name == name)
    with pytest.raises(ActionNotFoundError, match="2 import") as caught:
        await discovery.find_import(client, name)
    assert first in caught.value.hint
    assert other in caught.value.hint
    assert (await discovery.find_import(client, other)).id == other


async def test_empty_lists_have_no_key(sandbox: Any, client: AnaplanClient) -> None:
    body = {"meta": {"paging": {"currentPageSize": 0, "totalSize": 0, "offset": 0}}, "status": {"code": 200}}
    sandbox.fault("replace_json", "/files", body=body)
    assert await discovery.files(client) == []
    sandbox.fault("replace_json", "/files", body=body)
    with pytest.raises(ActionNotFoundError) as caught:
        await discovery.find_file(client, "accounts.csv")
    assert "no file at all" in caught.value.hint


async def test_unknown_fields_and_states_are_ignored(sandbox: Any, client: AnaplanClient) -> None:
    row = {"id": "113000000999", "name": "x.csv", "delimiter": None, "brandNew": {"a": [1]}, "chunkCount": "3"}
    sandbox.fault("replace_json", "/files", body={"files": [row]})
    file = (await discovery.files(client))[0]
    assert (file.chunk_count, file.qualifier, file.separator) == (3, "", ",")
    sandbox.call("POST", "anaplan/model", {"activeState": "HIBERNATING"})
    assert (await client.model()).active_state == "HIBERNATING"


async def test_a_wrong_shape_is_a_changed_contract(sandbox: Any, client: AnaplanClient) -> None:
    for body in ({"files": {"id": "1"}}, {"files": [{"name": "no id"}]}):
        sandbox.fault("replace_json", "/files", body=body)
        with pytest.raises(ContractChangedError):
            await discovery.files(client)
    with pytest.raises(UnreachableError) as caught:
        await discovery.import_metadata(client, "112999999999")
    assert "still exists" in caught.value.hint


async def fill(client: AnaplanClient, name: str, items: list[dict[str, str]]) -> str:
    found = await discovery.find_list(client, name)
    path = client.at(f"lists/{found.id}/items?action=add")
    await client.request("POST", path, json={"items": items}, what="members", repeatable=False)
    return found.id


async def test_codes_of_a_list(sandbox: Any, client: AnaplanClient) -> None:
    codes = {f"00{number}" for number in range(25)}
    list_id = await fill(client, "GL Accounts", [{"name": f'A, "{code}"\n', "code": code} for code in sorted(codes)])
    await fill(client, "GL Accounts", [{"name": "without"}])
    assert await list_codes(client, list_id) == codes
    sandbox.settings(read_page_rows=4)
    assert await read_codes(client, list_id) == codes
    assert len(sandbox.requests("GET", "/pages/")) == 7
    assert sandbox.requests("DELETE", "/readRequests/")
    empty = (await discovery.find_list(client, "Customers")).id
    assert await list_codes(client, empty) == set()


async def test_codes_over_pages(sandbox: Any, client: AnaplanClient) -> None:
    list_id = (await discovery.find_list(client, "GL Accounts")).id
    pages: list[list[dict[str, str | None]]] = [
        [{"id": "1", "code": "a"}, {"id": "2", "code": None}],
        [{"id": "3"}],
        [{"id": "4", "code": "b"}],
    ]
    for number, page in enumerate(pages):
        paging = {"currentPageSize": len(page), "totalSize": 4, "offset": number}
        sandbox.fault("replace_json", "/items", body={"meta": {"paging": paging}, "listItems": page})
    assert await list_codes(client, list_id) == {"a", "b"}
    assert [one["path"].rpartition("offset=")[2] for one in sandbox.requests("GET", "/items")] == ["0", "2", "3"]


async def test_members_without_a_code_and_codes_of_two_members(sandbox: Any, client: AnaplanClient) -> None:
    list_id = (await discovery.find_list(client, "GL Accounts")).id
    pages: list[list[dict[str, str]]] = [
        [{"id": "1", "code": "a", "name": "One"}, {"id": "2", "name": "Nameless"}],
        [{"id": "1", "code": "a", "name": "One"}, {"id": "3", "code": "a", "name": "Uno"}],  # the first came again
    ]
    for page in pages:
        sandbox.fault("replace_json", "/items", body={"meta": {"paging": {"totalSize": 4}}, "listItems": page})
    found = await members_of(client, await discovery.list_details(client, list_id), (NAME,))
    assert (found.by_code, found.without_code, found.twice) == ({"a": ("One",)}, [("Nameless",)], {"a"})


async def test_the_member_above_is_told_by_its_code(sandbox: Any, client: AnaplanClient) -> None:
    top, below = [await discovery.find_list(client, name) for name in ("Profit Centers", "Cost Centers")]
    await fill(client, top.name, [{"name": "North", "code": "N"}, {"name": "Nameless"}])
    sandbox.call("POST", f"anaplan/lists/{below.name}", {"parent": top.name})
    rows = [{"code": "1", "parent": "N"}, {"code": "2", "parent": "Nameless"}, {"code": "3"}]
    await fill(client, below.name, [{"name": f"Center {one['code']}", **one} for one in rows])
    details = await discovery.list_details(client, below.id)
    found = await members_of(client, details, (NAME, PARENT))
    assert found.by_code == {"1": ("Center 1", "N"), "2": ("Center 2", "Nameless"), "3": ("Center 3", "")}
    alone = await members_of(client, await discovery.list_details(client, top.id), (PARENT,))
    assert alone.by_code == {"N": (None,)}
    sandbox.fault("replace_json", rf"/lists/{top.id}$", body={"metadata": {"id": top.id, "itemCount": 1_000_001}})
    assert (await members_of(client, details, (PARENT,))).by_code["1"] == (None,)


async def test_more_than_a_million_members_take_a_read_request(sandbox: Any, client: AnaplanClient) -> None:
    list_id = await fill(client, "GL Accounts", [{"name": "n", "code": "c"}])
    metadata = {"id": list_id, "name": "GL Accounts", "itemCount": 1_000_001}
    sandbox.fault("replace_json", rf"/lists/{list_id}$", body={"metadata": metadata})
    assert await list_codes(client, list_id) == {"c"}
    assert sandbox.requests("POST", "/readRequests")
