"""Records and stores that are not as they should be: what is refused is kept with its values, and nothing is lost."""

from __future__ import annotations

import contextlib
import os
import resource
import sqlite3
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.journeys import conftest as journeys
from tests.journeys.desk import ACCOUNT_SERVICE, ACCOUNT_SET, Desk, Told, assert_plain, read_sap
from tui_connector.store.schema import MIGRATIONS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.journeys.conftest import Sandbox

MASTER_DATA = ("gl_accounts", "profit_centers", "cost_centers")
LINE_SET = "/sap/opu/odata/sap/API_GLACCOUNTLINEITEM/GLAccountLineItem"
LINE_KEY = ("CompanyCode", "FiscalYear", "AccountingDocument", "LedgerGLLineItem")


@pytest.fixture
def desk(sandbox: Sandbox, config: Path) -> Desk:
    return Desk(config, sandbox)


def line_items(sandbox: Sandbox, count: int) -> list[dict[str, Any]]:
    return read_sap(sandbox, LINE_SET, filter="Ledger eq '0L' and FiscalPeriod ne '000'", top=str(count))


def key_of(row: dict[str, Any]) -> dict[str, str]:
    return {name: row[name] for name in LINE_KEY}


HOSTILE = {
    "a\nsecond line": "Name holds a line feed (U+000A)",
    "bell\x07": "Name holds a control character (U+0007)",
    "nothing\x00": "Name holds a NUL character (U+0000)",
    "tab\there": "Name holds a tab (U+0009)",
    "\x1b[31mred\x1b[0m": "Name holds a control character (U+001B)",
    "\x1b]0;owned\x07": "Name holds a control character (U+001B)",
    "old\x9b31m": "Name holds a control character (U+009B)",
    "line\u2028separator": "Name holds line separator (U+2028)",
    'say "hello"': "",
    "comma, here": "",
    '"","': "",
    "=1+1": "",
    "back\u202ewards": "",
}


def test_hostile_names_are_refused_or_quoted_and_never_reach_a_terminal(desk: Desk) -> None:
    rows = read_sap(desk.sandbox, f"{ACCOUNT_SERVICE}/{ACCOUNT_SET}", top=str(len(HOSTILE)), select="GLAccount")
    accounts = dict(zip((row["GLAccount"] for row in rows), HOSTILE, strict=True))
    for account, name in accounts.items():
        key = {"ChartOfAccounts": "YCOA", "GLAccount": account}
        desk.sandbox.change(ACCOUNT_SET, key, GLAccountName=name)
    told = desk.tell("run", "gl_accounts")
    assert told.code == 3
    refused = {f"YCOA-{account}": name for account, name in accounts.items() if HOSTILE[name]}
    rejects = desk.rejects("gl_accounts")
    assert {key: (one.cause, one.values["Name"]) for key, one in rejects.items()} == {
        key: (HOSTILE[name], name) for key, name in refused.items()
    }
    loaded = desk.sandbox.items("GL Accounts")
    assert {account: loaded[account]["name"] for account, name in accounts.items() if not HOSTILE[name]} == {
        account: name for account, name in accounts.items() if not HOSTILE[name]
    }
    counts = desk.latest("gl_accounts").counts
    assert (counts.read, counts.loaded) == (len(loaded) + len(refused), len(loaded))
    printed = [told, *(desk.tell("audit", "trace", key, *how) for key in refused for how in ([], ["--json"]))]
    others = (["runs", "1"], ["runs", "1", "--json"], ["audit", "show", "--json"], ["audit", "verify"])
    printed += [desk.tell(*arguments) for arguments in others]
    for one in printed:
        assert_plain(one.text)
    assert printed[-1].code == 0


def unreadable(desk: Desk, **values: object) -> tuple[Told, list[dict[str, Any]]]:
    """Let SAP answer line items, each of the first with one of these values; run the flow."""
    desk.sandbox.sap(gzip=False)
    rows = line_items(desk.sandbox, 20)
    for row, (name, value) in zip(rows, values.items(), strict=False):
        row[name] = value
    assert desk.tell("run", *MASTER_DATA).code == 0
    desk.sandbox.fault("replace_json", "/GLAccountLineItem\\?", body={"d": {"results": rows}}, times=-1)
    return desk.tell("run", "gl_line_items"), rows


def test_a_value_that_cannot_be_read_refuses_its_record_only(desk: Desk) -> None:
    bad = {"AmountInCompanyCodeCurrency": "12,50", "PostingDate": "yesterday"}
    told, rows = unreadable(desk, **bad)
    assert told.code == 3, told.text
    rejects = desk.rejects("gl_line_items")
    assert list(rejects) == ["-".join(key_of(row).values()) for row in rows[:2]]
    told_of = zip(rejects.values(), bad.items(), ("Amount", "Posting Date"), strict=True)
    for (one, (name, value), column), why in zip(
        told_of, ("is not a plain decimal number", "is not a date"), strict=True
    ):
        assert one.cause == f"{name} {why}"
        assert one.detail == value
        assert one.values[column] == value
    cells = desk.sandbox.module("ACT01 GL Actuals")["cells"]
    assert set(cells) == {"-".join(key_of(row).values()) for row in rows[2:]}
    assert desk.tell("audit", "verify").code == 0


def test_a_structure_where_a_text_belongs_refuses_its_record(desk: Desk) -> None:
    told, rows = unreadable(desk, CompanyCodeCurrency=["EUR"])
    assert told.code == 3, desk.sandbox.module("ACT01 GL Actuals")["cells"]["-".join(key_of(rows[0]).values())]
    assert desk.rejects("gl_line_items").keys() == {"-".join(key_of(rows[0]).values())}


@pytest.mark.parametrize("unknown_members", ["reject", "send"])
def test_a_member_that_anaplan_does_not_hold_refuses_its_record_only(desk: Desk, unknown_members: str) -> None:
    desk.append(f'[flows.gl_line_items]\nunknown_members = "{unknown_members}"\n')
    first, second, *_ = line_items(desk.sandbox, 2)
    desk.sandbox.change("GLAccountLineItem", key_of(first), GLAccount="99999999")
    desk.sandbox.change("GLAccountLineItem", key_of(second), CostCenter="NOSUCH")
    told = desk.tell("run", *MASTER_DATA, "gl_line_items")
    assert told.code == 3, told.text
    run, module = desk.latest("gl_line_items"), desk.sandbox.module("ACT01 GL Actuals")
    keys = ["-".join(key_of(row).values()) for row in (first, second)]
    rejects = desk.rejects("gl_line_items")
    assert list(rejects) == keys
    assert [rejects[key].values[name] for key, name in zip(keys, ("GL Account", "Cost Center"), strict=True)] == [
        "99999999",
        "NOSUCH",
    ]
    if unknown_members == "reject":
        assert [one.rejected_by for one in rejects.values()] == ["connector"] * 2
        assert [one.cause for one in rejects.values()] == [
            "GL Account 99999999 is not in the Anaplan list GL Accounts",
            "Cost Center NOSUCH is not in the Anaplan list Cost Centers",
        ]
        assert not set(keys) & set(module["cells"])
        assert run.counts.sent == run.counts.loaded == run.counts.read - 2 == module["count"]
    else:
        assert [one.rejected_by for one in rejects.values()] == ["anaplan"] * 2
        assert [one.cause for one in rejects.values()] == [
            "loaded in part: Item not located in list: 99999999",
            "loaded in part: Item not located in list: NOSUCH",
        ]
        assert run.counts.sent == run.counts.read == run.counts.loaded + 2 == module["count"]
        assert [module["cells"][key]["Amount"] for key in keys] == [
            row["AmountInCompanyCodeCurrency"].rstrip("0").rstrip(".") for row in (first, second)
        ]
    assert desk.tell("audit", "verify").code == 0
    # once SAP says something that Anaplan holds, a full run loads them
    desk.sandbox.change("GLAccountLineItem", key_of(first), GLAccount=first["GLAccount"])
    desk.sandbox.change("GLAccountLineItem", key_of(second), CostCenter=second["CostCenter"])
    assert desk.tell("run", "gl_line_items", "--full").code == 0
    cells = desk.sandbox.module("ACT01 GL Actuals")["cells"]
    assert cells[keys[0]]["GL Account"] == first["GLAccount"]


# The store


def test_a_full_disk_loses_nothing_and_the_run_is_taken_up_when_there_is_room(desk: Desk) -> None:
    """RLIMIT_FSIZE stands for the disk: a write beyond it fails as one to a full disk does."""
    size = sum(one.stat().st_size for one in (desk.config.parent / "state").glob("connector.db*"))
    limit = size + 100_000

    def shrink() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    ended = subprocess.run(
        journeys.command_line(desk.config, "run", "gl_accounts"), env={**os.environ, **journeys.environment(), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, timeout=60, check=False, preexec_fn=shrink,
    )  # fmt: skip
    desk.nothing_lost(desk.latest("gl_accounts"))
    assert desk.tell("run", "gl_accounts").code == 0
    with desk.opened() as installation:
        runs = installation.store.runs.history(flow="gl_accounts")
        journeys.assert_sound(installation)
    assert all(one.state.ended for one in runs)
    assert sum(one.counts.loaded for one in runs) == len(desk.sandbox.items("GL Accounts")) > 0
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr, ended.stderr
    assert "the disk of the store is full" in ended.stdout + ended.stderr
    assert str(desk.config.parent / "state" / "connector.db") in ended.stdout + ended.stderr
    assert "next: Free space" in ended.stdout + ended.stderr


def test_a_store_of_a_newer_version_and_a_foreign_file_are_left_alone(desk: Desk) -> None:
    path = desk.config.parent / "state" / "connector.db"
    desk.loads()
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE meta SET value = '99' WHERE name = 'version'")
    for command in (["run", "gl_accounts"], ["runs"], ["audit", "verify"], ["credentials", "list"]):
        told = desk.tell(*command)
        assert told.code == 1
        assert "newer version of this program (tables 99" in told.err
        assert "next: Update this installation" in told.err
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        assert database.execute("SELECT count(*) FROM run").fetchone() == (1,)
        database.execute("UPDATE meta SET value = ? WHERE name = 'version'", (str(len(MIGRATIONS)),))
    assert desk.tell("audit", "verify").code == 0
    path.write_bytes(b"no database at all\n" * 500)
    told = desk.tell("run", "gl_accounts")
    assert told.code == 1
    assert f"the store {path} is damaged" in told.err
    assert "put back a copy" in told.err
    assert path.read_bytes() == b"no database at all\n" * 500


def test_two_processes_share_a_store_from_its_first_moment(
    desk: Desk, start_worker: Callable[..., journeys.Process]
) -> None:
    path = desk.config.parent / "state" / "connector.db"
    kept = path.with_name("kept")
    path.rename(kept)
    both = [start_worker("flows"), start_worker("connections")]
    assert [one.wait() for one in both] == [0, 0], [one.said for one in both]
    for one in path.parent.glob("connector.db*"):
        one.unlink()
    kept.rename(path)
    both = [start_worker("run", "suppliers"), start_worker("run", "customers")]
    assert [one.wait() for one in both] == [0, 0], [one.said for one in both]
    for flow, members in (("suppliers", "Suppliers"), ("customers", "Customers")):
        assert desk.latest(flow).counts.loaded == len(desk.sandbox.items(members)) > 0
    assert desk.sandbox.clashes() == (0, 0)
    assert desk.tell("audit", "verify").code == 0
