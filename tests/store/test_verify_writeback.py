"""Whatever is changed behind the chain's back in proposals, documents, signatures or the close calendar is found."""

from __future__ import annotations

import shutil
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]

from tests.store.conftest import NOON, Bench, make_draft
from tests.store.test_chain import changed
from tui_connector.domain.ledger import FiscalPeriod, PeriodStatus
from tui_connector.domain.proposal import Approval, DocumentState, Gate, LineDecision, ProposalState, Verdict
from tui_connector.store import Store, lines

if TYPE_CHECKING:
    from pathlib import Path

    from tui_connector.domain.audit import ChainVerdict

KEYS = {
    "proposal": ("id",),
    "proposal_line": ("proposal_id", "number"),
    "document": ("proposal_id", "number"),
    "approval": ("proposal_id", "number"),
    "period": ("company_code", "year", "number"),
}


def fill(bench: Bench) -> None:
    """Three proposals, decided differently; documents in several states; signatures; a calendar."""
    store = bench.store
    run_id, target_id, lease = bench.running("plan_writeback")
    unchanged = {"PL-8": "3.00", "PL-9": "4.00"}
    draft = make_draft({"PL-1": "100.00", "PL-2": "-40.50"}, {"PL-3": "7"}, {"PL-4": "9.10"}, unchanged=unchanged)
    first = bench.propose(draft, run_id=run_id, target_id=target_id, fence=lease.fence)
    later = NOON + timedelta(minutes=3)
    with store.transaction() as tx:
        store.proposals.decide_lines(tx, first.id, [1, 2], LineDecision.HELD, "ask", "uid:7")
        store.proposals.decide_lines(tx, first.id, [2], LineDecision.NONE, "", "uid:7")
        store.proposals.comment_lines(tx, first.id, [4], "see mail", "uid:7")
        store.proposals.set_gates(tx, first.id, [Gate("balanced", Verdict.PASS, "yes", (1,), 1)], later)
        store.proposals.checked(tx, first.id, later)
        for key in ("ka", "kb"):
            signature = Approval(first.id, key, "Ann", "ann", "uid:7", f'{{"by":"{key}"}}', key.encode() * 32, later)
            store.proposals.add_approval(tx, signature, "uid:7")
    run = bench.ready(first.id)
    bench.steps(run, first.id, 1, DocumentState.SENDING, attempt=1, sent_at=NOON)
    number = {"accounting_document": "0100000001", "fiscal_year": "2026"}
    bench.steps(run, first.id, 1, DocumentState.POSTED, said="posted", **number)
    bench.steps(run, first.id, 1, DocumentState.VERIFIED, proved_at=later)
    bench.steps(run, first.id, 2, DocumentState.SENDING, DocumentState.UNKNOWN, look_at=later, looks=0)
    bench.steps(run, first.id, 2, DocumentState.HELD, looks=2, difference="0.01 EUR")
    second = bench.propose(make_draft({"PL-1": "1", "PL-2": "2", "PL-3": "-3"}), author_key="k9", parent=first.id)
    bench.state(second.id, ProposalState.REJECTED)
    bench.propose(make_draft({"PL-1": "1", "PL-2": "2", "PL-3": "-3"}))
    with store.transaction() as tx:
        store.periods.set(tx, "1010", FiscalPeriod(2026, 11), PeriodStatus.CLOSED, "over", "uid:1")
        store.periods.set(tx, "1010", FiscalPeriod(2026, 11), PeriodStatus.OPEN, "once more", "uid:2")
        store.periods.set(tx, "2010", FiscalPeriod(2026, 11), PeriodStatus.SOFT, "", "uid:1")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A filled store's file, closed and checkpointed."""
    path = tmp_path_factory.mktemp("writeback") / "store.db"
    store = Store.open(str(path))
    fill(Bench(store))
    assert store.audit.verify().finding == "everything fits"
    store.close()
    return path


def tampered(filled: Path, tmp_path: Path, *changes: tuple[str, tuple[Any, ...]]) -> ChainVerdict:
    """What the verification says after changes, made in a copy by another program."""
    copy = tmp_path / "copy.db"
    shutil.copyfile(filled, copy)
    raw = sqlite3.connect(str(copy), isolation_level=None)
    try:
        for sql, parameters in changes:
            raw.execute(sql, parameters)
    finally:
        raw.close()
    store = Store.open(str(copy))
    try:
        verdict: ChainVerdict = store.audit.verify()
    finally:
        store.close()
    return verdict


def rows_of(filled: Path, table: str) -> list[dict[str, Any]]:
    raw = sqlite3.connect(str(filled))
    raw.row_factory = sqlite3.Row
    rows = [dict(row) for row in raw.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3")]
    raw.close()
    return rows


def at(table: str, row: dict[str, Any]) -> tuple[str, tuple[Any, ...]]:
    return " AND ".join(f"{column} = ?" for column in KEYS[table]), tuple(row[column] for column in KEYS[table])


@pytest.mark.parametrize("table", sorted(KEYS))
def test_every_column_of_every_row_is_covered(filled: Path, tmp_path: Path, table: str) -> None:
    """No column may be changed unseen, be it content or state; nor may a row be taken away."""
    missed = []
    for row in rows_of(filled, table):
        where, key = at(table, row)
        for column, value in row.items():
            other = value[:9] + bytes([value[9] ^ 1]) + value[10:] if isinstance(value, bytes) else changed(value, 0)
            try:
                verdict = tampered(filled, tmp_path, (f"UPDATE {table} SET {column} = ? WHERE {where}", (other, *key)))
            except sqlite3.IntegrityError:
                continue  # the database itself has refused it
            if verdict.broken_at is None:
                missed.append((column, value, other))
        if tampered(filled, tmp_path, (f"DELETE FROM {table} WHERE {where}", key)).broken_at is None:
            missed.append(("deleted", key, None))
    assert missed == []


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_change_is_found(filled: Path, tmp_path: Path, data: st.DataObject) -> None:
    """Any value in place of any other, two rows exchanged, one row added."""
    table = data.draw(st.sampled_from(sorted(KEYS)))
    rows = rows_of(filled, table)
    row = data.draw(st.sampled_from(rows))
    where, key = at(table, row)
    action = data.draw(st.sampled_from(["value", "value", "exchange", "insert"]))
    if action == "value":
        column = data.draw(st.sampled_from(sorted(row)))
        text = st.text(st.characters(codec="utf-8"), max_size=12)
        value = data.draw(
            st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), text, st.binary(max_size=9), st.floats())
        )
        changes = [(f"UPDATE {table} SET {column} = ? WHERE {where}", (value, *key))]
    elif action == "exchange":
        other = data.draw(st.sampled_from(rows))
        columns = [column for column in row if column not in KEYS[table]]
        sets = ", ".join(f"{column} = ?" for column in columns)
        changes = [("DROP INDEX proposal_alive", ())]
        for one, values in ((row, other), (other, row)):
            there, place = at(table, one)
            changes.append(
                (f"UPDATE {table} SET {sets} WHERE {there}", (*(values[column] for column in columns), *place))
            )
        if [row[column] for column in columns] == [other[column] for column in columns]:
            return
    else:
        fresh = dict(row)
        fresh[KEYS[table][-1]] += data.draw(st.sampled_from([1000, -1000]))
        changes = [("DROP INDEX proposal_alive", ())]
        places = ", ".join("?" * len(fresh))
        changes.append((f"INSERT INTO {table} ({', '.join(fresh)}) VALUES ({places})", tuple(fresh.values())))
    try:
        verdict = tampered(filled, tmp_path, *changes)
    except sqlite3.IntegrityError:
        return  # the database itself has refused it
    if action == "value" and rows_of(tmp_path / "copy.db", table) == rows:
        assert verdict.broken_at is None  # nothing was changed
    else:
        assert verdict.broken_at is not None, changes
        assert verdict.finding != "everything fits"


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ("DELETE FROM proposal WHERE id = 2", "P-0002: the proposal is missing"),
        ("UPDATE proposal SET author = 'bob' WHERE id = 1", "P-0001: the proposal is not as it was made"),
        ("UPDATE proposal SET state = 'posted' WHERE id = 1", "stand as the events say: its state was changed"),
        ("UPDATE proposal SET state = 'nonsense' WHERE id = 1", "its state was changed"),
        ("UPDATE proposal SET gates = '[]' WHERE id = 1", "its gates was changed"),
        ("UPDATE proposal_line SET amount = '100.000' WHERE proposal_id = 1 AND number = 1", "P-0001: lines 1 to 1000"),
        ("UPDATE proposal_line SET amount = ' 7' WHERE proposal_id = 1 AND number = 4", "lines 1 to 1000 are not those"),
        ("UPDATE proposal_line SET source = '' WHERE proposal_id = 3 AND number = 2", "P-0003: lines 1 to 1000"),
        ("UPDATE proposal_line SET target_id = 9 WHERE proposal_id = 3", "P-0003: lines 1 to 1000"),
        ("UPDATE proposal_line SET decision = '' WHERE proposal_id = 1", "what people said of line 1 was changed"),
        ("UPDATE proposal_line SET comment = 'x' WHERE proposal_id = 3 AND number = 3", "said of line 3 was changed"),
        ("DELETE FROM proposal_line WHERE proposal_id = 2", "P-0002: lines from 1 on are missing"),
        ("UPDATE document SET debit = '60' WHERE proposal_id = 1 AND number = 2", "P-0001: document 2 is not as it was"),
        ("UPDATE document SET reference = 'PL' WHERE proposal_id = 1 AND number = 3", "document 3 is not as it was"),
        ("UPDATE document SET payload = x'00' WHERE proposal_id = 1 AND number = 3", "the bytes of document 3"),
        ("UPDATE document SET payload = (SELECT payload FROM document WHERE number = 2) WHERE number = 1", "the bytes"),
        ("DELETE FROM document WHERE proposal_id = 1 AND number = 2", "it has 2 documents, but 3 were made"),
        ("UPDATE document SET state = 'ready' WHERE proposal_id = 1 AND number = 2", "document 2 does not stand"),
        ("UPDATE document SET state = 'ready' WHERE proposal_id = 3", "P-0003: document 1 does not stand"),
        ("UPDATE document SET accounting_document = '0100000002' WHERE number = 1 AND proposal_id = 1",
         "document 1 does not stand as the events say: its accounting_document was changed"),
        ("UPDATE document SET proved_at = proved_at + 1 WHERE number = 1", "its proved_at was changed"),
        ("UPDATE approval SET statement = '{}' WHERE key_id = 'ka'", "its signatures are not those that were given"),
        ("UPDATE approval SET user_name = 'bob' WHERE key_id = 'kb'", "its signatures"),
        ("DELETE FROM approval WHERE key_id = 'kb'", "its signatures"),
        ("UPDATE approval SET statement = CAST(statement AS BLOB)", "its signatures"),
        ("UPDATE approval SET signature = 9223372036854775807", "its rows or events cannot be read"),
        ("UPDATE proposal SET gates = CAST(gates AS BLOB) WHERE id = 1", "its gates was changed"),
        ("UPDATE proposal SET author_key = x'' WHERE id = 1", "the proposal is not as it was made"),
        ("UPDATE proposal_line SET reason = x'' WHERE proposal_id = 3 AND number = 1", "said of line 1 was changed"),
        ("UPDATE proposal_line SET text = CAST(text AS BLOB) WHERE proposal_id = 3", "P-0003: lines 1 to 1000"),
        (("INSERT INTO approval SELECT 3, 1, key_id, name, user_name, signed_by, statement, signature, at FROM approval"
          " WHERE key_id = 'ka'"), "P-0003: its signatures"),
        ("UPDATE period SET status = 'open' WHERE company_code = '2010'", "period 011/2026 of 2010 does not stand"),
        ("UPDATE period SET set_by = 'uid:1'", "period 011/2026 of 1010 does not stand"),
        ("INSERT INTO period VALUES ('1010', 2026, 12, 'open', '', 'uid:1', 1)", "period 012/2026 of 1010 does not stand"),
        ("DELETE FROM period WHERE company_code = '2010'", "period 2010 011/2026 is missing from the close calendar"),
        ("UPDATE audit_event SET data = NULL WHERE kind = 'proposal.made'", "nothing tells that they were erased"),
        ("UPDATE audit_event SET data = NULL WHERE kind = 'document.held'", "nothing tells that they were erased"),
        ((f"INSERT INTO proposal_line (proposal_id, target_id, {lines.KEPT}) SELECT 77, 1, {lines.KEPT} FROM proposal_line"
         " WHERE proposal_id = 2"),
         "P-0077 stands in proposal_line, but no event tells of its making"),
    ],
)  # fmt: skip
def test_what_was_changed_is_named(filled: Path, tmp_path: Path, change: str, finding: str) -> None:
    verdict = tampered(filled, tmp_path, (change, ()))
    assert verdict.broken_at is not None
    assert finding in verdict.finding


def test_a_change_in_a_long_proposal_is_narrowed_down(bench: Bench) -> None:
    """Lines are covered by batches: the finding names the batch, and a batch added or cut off is found too."""
    count = 2 * lines.BATCH + 5
    made = bench.propose(
        make_draft({f"K{i:05}": "1" for i in range(900)}, unchanged={f"U{i:05}": "2" for i in range(count - 901)})
    )
    assert made.lines == count
    assert bench.store.audit.verify().broken_at is None
    bench.write(lambda tx: tx.change("UPDATE proposal_line SET last = '3' WHERE number = 1500"))
    assert "lines 1001 to 2000 are not those" in bench.store.audit.verify().finding
    bench.write(lambda tx: tx.change("UPDATE proposal_line SET last = '2' WHERE number = 1500"))
    assert bench.store.audit.verify().broken_at is None
    bench.write(lambda tx: tx.change("DELETE FROM proposal_line WHERE number > 2000"))
    assert "lines from 2001 on are missing" in bench.store.audit.verify().finding


def test_an_event_made_up_afterwards_is_told(bench: Bench) -> None:
    """Whoever can append to the chain cannot make a proposal a second time, nor break the verification."""
    made = bench.propose(make_draft({"PL-1": "1"}))
    audit = bench.store.audit
    event = audit.events(kind="proposal.made")[0].fact
    with bench.store.transaction() as tx:
        audit.append(tx, event)
    assert f"{made.name} was made twice" in audit.verify().finding


def test_an_event_that_makes_no_sense_is_told(bench: Bench) -> None:
    made = bench.propose(make_draft({"PL-1": "1"}))
    audit = bench.store.audit
    with bench.store.transaction() as tx:
        audit.append(tx, audit.events(kind="proposal.made")[0].fact.__class__("proposal.judged", "x", made.name, {}))
    assert "its rows or events cannot be read" in audit.verify().finding
