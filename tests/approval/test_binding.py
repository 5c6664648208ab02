"""Whatever differs between what was signed and what would be sent is named, and then nothing is sent.

Every change there is: DEEP_TESTS=1 pytest tests/approval/test_binding.py; else one of three is tried.
"""

from __future__ import annotations

import json
import os
import zlib
from contextlib import suppress
from dataclasses import asdict, fields, replace
from datetime import datetime
from decimal import Decimal
from itertools import islice
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from tests.approval.rig import FLOW, TABLES, Desk, forged, payloads, update
from tests.engine.proposal.plans import NOW, head_of
from tui_connector.domain.canonical import sha256
from tui_connector.domain.definition import Drift
from tui_connector.domain.errors import ConnectorError
from tui_connector.domain.flow import (
    Channel,
    ColumnSignal,
    ControlTotal,
    Holds,
    JournalField,
    LedgerKind,
    WritebackMode,
)
from tui_connector.store.database import ClashError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tui_connector.domain.proposal import Draft, ProposalHead

# Not signed, and why that is safe. The audit chain still notices every one of them.
UNSIGNED = {
    "proposal": {
        "flow": "repeats what the signed head says",
        "target_id": "which books the trail belongs to; the run brings its own",
        "run_id": "which run made it",
        "parent": "which proposal it was made from",
        "documents": "a count for lists",
        "changes": "counts for lists",
        "reason": "why its state is what it is",
        "gates_at": "when the gates were judged; they are judged anew",
        "checked_at": "moves with every comparison of the plan, after the signature",
    },
    "document": {
        "state": "moves after the signature",
        "attempt": "moves after the signature",
        "sent_at": "moves after the signature",
        "look_at": "moves after the signature",
        "looks": "moves after the signature",
        "accounting_document": "told by SAP",
        "fiscal_year": "told by SAP",
        "said": "told by SAP",
        "difference": "found in the read-back",
        "proved_at": "moves after the signature",
    },
    "proposal_line": {
        "target_id": "which books the trail belongs to",
        "change": "shown, not sent",
        "export_row": "shown, not sent",
        "source": "digest of the export's row, for the next proposal",
        "last": "shown, not sent",
        "decision": "a line that is taken out bars the signature, not the posting of what was signed",
        "reason": "words of people",
        "comment": "words of people",
    },
    "approval": {"number": "the order of signatures"},
}
JSON = ("head", "origin", "gross", "gates")
AMOUNTS = ("wanted", "posted", "amount", "debit", "credit")
FORCED = {"checked_at", "state"}  # unsigned, but not without effect: an old comparison bars, a proved one is not sent
TIMES = 1 if os.environ.get("DEEP_TESTS") else 3  # of so many changes one is tried
COUNTS = {"signed": 3500, "unsigned": 450, "payload": 2900, "statement": 3100, "forged": 350, "setting": 550}
PEOPLE = "novak|brandt|approv|sign"


def enough(kind: str) -> int:
    """How many changes of a kind are at least tried."""
    return COUNTS[kind] if TIMES == 1 else COUNTS[kind] // TIMES * 9 // 10


def other(char: str) -> str:
    """Another character of the same kind."""
    if char.isdigit():
        return str((int(char) + 1) % 10)
    return {"z": "a", "Z": "A"}.get(char, chr(ord(char) + 1)) if char.isascii() and char.isalpha() else "x"


def spelled(text: str, most: int = 32) -> Iterator[str]:
    """The text with one character changed, at every place or at so many of them."""
    step = max(1, len(text) // most)
    for at in range(0, len(text), step):
        yield text[:at] + other(text[at]) + text[at + 1 :]


def cut(text: str, most: int = 32) -> Iterator[str]:
    """The text without one of its characters."""
    step = max(1, len(text) // most)
    yield from (text[:at] + text[at + 1 :] for at in range(0, len(text), step))


def mutations(value: Any, neighbour: Any) -> Iterator[Any]:
    """Other values for a cell: one character, more or less, cut, empty, gone, or that of the next row."""
    if isinstance(value, str):
        yield from spelled(value, most=64)
        yield from cut(value)
        yield from ("", value + " ", value.swapcase())
    elif isinstance(value, bytes):
        yield from (flipped(value, bit) for bit in range(0, len(value) * 8, max(1, len(value) // 8)))
        yield from (b"", value[:-1], value + b"\0")
    elif isinstance(value, int):
        yield from (value + 1, value - 1, value * 10 + 7, -value - 1, "x")
    else:
        yield from (1, "x")
    yield from (None, neighbour)


def flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def cells(desk: Desk, wanted: Callable[[str, str], bool]) -> Iterator[tuple[str, dict[str, Any], str, Any]]:
    """Table, row, column and another value, for each cell of the proposal that is wanted."""
    for table in TABLES:
        rows = desk.rows(table)
        for place, row in enumerate(rows):
            for column, value in row.items():
                if wanted(table, column):
                    neighbour = rows[(place + 1) % len(rows)][column]
                    for changed in dict.fromkeys(mutations(value, neighbour)):
                        if changed != value:
                            yield table, row, column, changed


def names(table: str, row: dict[str, Any], column: str) -> str:
    """What a refusal must name when this cell was changed."""
    match table:
        case "proposal":
            more = {
                "id": "no proposal|missing", "head": "made for something else|not what", "origin": "not what",
                "gates": "not what|gate", "expires_at": "expired", "made_at": "bytes", "state": "not approved",
                "checked_at": "not compared",
            }  # fmt: skip
            return "|".join(
                filter(None, [column.replace("_", " "), "the proposal", "cannot be read", more.get(column)])
            )
        case "document":
            return f"ocument {row['number']}|company codes|posting dates|cannot be read"
        case "proposal_line":
            document = row["document"]
            return f"ocument {document}|line {row['number']} |lines 1 to 1000|cannot be read"
        case _:
            return f"{PEOPLE}|signatures|cannot be read"


def first_of(table: str, row: dict[str, Any]) -> int:
    """The first document that a change of this row concerns."""
    named = {"proposal_line": "document", "document": "number"}.get(table)
    return int(row[named]) if named else 1


def means(column: str, text: Any) -> Any:
    """What a cell says to its reader, where two texts can say the same; else the text itself."""
    try:
        if column in AMOUNTS:
            return str(Decimal(text))
        said = json.loads(text) if column in JSON else text
        if column == "origin":
            said["exported_at"] = datetime.fromisoformat(said["exported_at"])
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return text
    return said


def sweep(desk: Desk, wanted: Callable[[str, str], bool], *, chainless: bool) -> int:
    """Try every cell; how many cases the store took and the guard refused.

    chainless: the audit chain is no help; every second change is then made between admission and sending.
    """
    count = 0
    for number, (table, row, column, changed) in enumerate(islice(cells(desk, wanted), 0, None, TIMES)):
        between = chainless and number % 2 == 1
        if chainless and means(column, changed) == means(column, row[column]):
            continue  # the signature holds what is said, not how
        change = update(table, row, **{column: changed})
        with suppress(ClashError):  # a constraint of the table: nobody can write this
            desk.refuses(names(table, row, column), change, between=between, first=first_of(table, row))
            count += 1
    return count


# Cells


@pytest.mark.usefixtures("signature_alone")
def test_every_signed_cell_is_held_by_the_signature_alone(desk: Desk) -> None:
    """Even were the audit chain written anew to fit the change."""
    assert sweep(desk, lambda table, column: column not in UNSIGNED[table], chainless=True) >= enough("signed")


def test_every_unsigned_cell_is_held_by_the_audit_chain(desk: Desk) -> None:
    assert sweep(desk, lambda table, column: column in UNSIGNED[table], chainless=False) >= enough("unsigned")
    for table, columns in (("proposal", JSON), ("proposal_line", AMOUNTS[:3]), ("document", AMOUNTS[3:])):
        row = desk.rows(table)[0]
        for column in columns:  # the same, spaced in another way
            desk.refuses("P-0001: ", update(table, row, **{column: row[column] + " "}))


@pytest.mark.usefixtures("signature_alone")
def test_no_unsigned_cell_alters_what_is_sent(desk: Desk) -> None:
    tried = 0
    changes = cells(desk, lambda table, column: column in UNSIGNED[table])
    for table, row, column, changed in islice(changes, 0, None, 2):
        with desk.rig.undone() as do:
            try:
                update(table, row, **{column: changed})(do)
                sent = desk.rig.post(desk.proposal.id)
            except ConnectorError:
                continue  # refused all the same
        tried += 1
        if column in FORCED:
            assert set(sent) <= set(desk.genuine)
        else:
            assert sent == desk.genuine, (table, column, changed)
    assert tried > 150
    assert sum(COUNTS.values()) >= 10_000


# Bytes


def test_every_changed_byte_of_a_payload_is_found(desk: Desk) -> None:
    """Changed as it is kept, changed and packed anew, and changed with its digest made to fit."""
    chance, count = Random(3), 0
    for row in desk.rows("document"):
        number, payload = row["number"], zlib.decompress(row["payload"])
        share = COUNTS["payload"] // 3 // TIMES
        for place in range(share + 1):
            bit = chance.randrange(len(payload) * 8)
            changed = flipped(payload, bit)
            kept: dict[str, Any] = {"payload": zlib.compress(changed, 1)}
            if place % 3 == 1:
                kept["payload_digest"] = sha256(changed)
            if place % 3 == 2:
                kept = {"payload": flipped(row["payload"], bit % (8 * len(row["payload"])))}
                if zlib_reads(kept["payload"]) == payload:
                    continue  # a bit of the packing that carries no content
            between = place % 2 == 1
            desk.refuses(f"ocument {number}", update("document", row, **kept), between=between, first=number)
            count += 1
    assert count >= enough("payload") - 30


def zlib_reads(packed: bytes) -> bytes | None:
    try:
        return zlib.decompress(packed)
    except zlib.error:
        return None


@pytest.mark.usefixtures("signature_alone")
def test_every_changed_character_of_a_statement_or_a_signature_is_found(desk: Desk) -> None:
    count = 0
    for row in desk.rows("approval"):
        for number, text in enumerate(spelled(row["statement"], most=900 // TIMES)):
            desk.refuses(PEOPLE, update("approval", row, statement=text), between=number % 2 == 1)
            count += 1
        for bit in range(0, len(row["signature"]) * 8, TIMES):
            desk.refuses(PEOPLE, update("approval", row, signature=flipped(row["signature"], bit)))
            count += 1
    assert count >= enough("statement")


# Rows


def test_a_row_that_is_gone_added_or_exchanged_is_found(desk: Desk) -> None:
    """Lines, documents and signatures; with the chain and without it."""
    audit, count = desk.rig.store.audit, 0
    for chain in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            if not chain:
                patch.setattr(audit, "proposal_fault", lambda *_: "")
            for table in ("document", "proposal_line", "approval"):
                rows = desk.rows(table)
                for row in rows:
                    where = names(table, row, "")
                    desk.refuses(where + "|needs 2|of its making", remove(table, row))
                    count += 1
                    if chain or table != "approval":  # a signature twice is still one signature
                        far = row | {"number": max(one["number"] for one in rows) + 1}
                        desk.refuses(
                            "document|lines|signatures", add(table, far)
                        ) if chain or table == "document" else None
                    for behind in rows:
                        if behind["number"] > row["number"] and (chain or table != "approval"):
                            where = f"{names(table, row, '')}|{names(table, behind, '')}"
                            desk.refuses(where, exchange(table, row, behind))
                            count += 1
    assert count >= 70


def remove(table: str, row: dict[str, Any]) -> Callable[..., object]:
    where = " AND ".join(f"{key} = ?" for key in TABLES[table])
    return lambda do: do(f"DELETE FROM {table} WHERE {where}", *(row[key] for key in TABLES[table]))


def add(table: str, row: dict[str, Any]) -> Callable[..., object]:
    statement = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"
    return lambda do: do(statement, *row.values())


def exchange(table: str, one: dict[str, Any], two: dict[str, Any]) -> Callable[..., object]:
    """Two rows change places: each gets the other's number."""

    def change(do: Callable[..., object]) -> None:
        for row, number in ((one, -1), (two, one["number"]), (one | {"number": -1}, two["number"])):
            update(table, row, number=number)(do)

    return change


# A forger who makes everything fit


def rewrite(desk: Desk, draft: Draft) -> Callable[..., object]:
    """Write a forged draft over the approved one: lines, documents, keys, bytes and the fingerprint."""

    def change(do: Callable[..., object]) -> None:
        do("UPDATE proposal SET fingerprint = ?", draft.fingerprint)
        for line in draft.lines:
            do(
                "UPDATE proposal_line SET gl_account = ?, cost_center = ?, profit_center = ?, amount = ?, wanted = ?,"
                " text = ?, key = ? WHERE number = ?",
                line.gl_account, line.cost_center, line.profit_center, str(line.amount), str(line.wanted), line.text,
                line.key, line.number,
            )  # fmt: skip
        for document, (keys, payload) in zip(draft.documents, payloads(draft, NOW), strict=True):
            do(
                "UPDATE document SET debit = ?, credit = ?, digest = ?, reference = ?, message_id = ?, payload = ?,"
                " payload_digest = ? WHERE number = ?",
                str(document.debit), str(document.credit), document.digest, *keys, zlib.compress(payload, 1),
                sha256(payload), document.number,
            )  # fmt: skip

    return change


@pytest.mark.usefixtures("signature_alone")
def test_a_forgery_that_fits_in_itself_is_held_by_the_signature(desk: Desk) -> None:
    count = 0
    for line in desk.rig.draft.lines:
        for name in ("gl_account", "cost_center", "profit_center", "text", "key"):
            for text in spelled(getattr(line, name)):
                draft = forged(desk.rig.draft, line.number, **{name: text})
                desk.refuses(f"document {line.document}", rewrite(desk, draft), between=count % 2 == 1)
                count += 1
        for cents in range(-10, 10):
            amount = line.amount + Decimal(cents) / 100 + Decimal("0.01") * (cents >= 0)
            draft = forged(desk.rig.draft, line.number, amount=amount, wanted=amount)
            message = desk.refuses(f"document {line.document}", rewrite(desk, draft), between=count % 2 == 1)
            assert "fingerprint" in message
            count += 1
    assert count >= COUNTS["forged"]


# Settings


def settings() -> Iterator[tuple[str, str, Any]]:
    """What a refusal must name, a setting of the flow, and another value for it; for all that decide content."""
    rule = "the mapping or a rule of the flow"
    for header, meaning in FLOW.columns.items():
        rest = {name: value for name, value in FLOW.columns.items() if name != header}
        yield rule, "columns", rest
        for text in spelled(header):
            yield rule, "columns", {**rest, text: meaning}
        for sense in JournalField:
            if sense is not meaning:
                yield rule, "columns", {**FLOW.columns, header: sense}
    for name in (
        "offset_account", "offset_cost_center", "rounding_account", "document_type", "business_transaction_type",
        "created_by", "header_text", "journal_service", "decimal_separator", "grouping", "date_format", "category",
    ):  # fmt: skip
        value = getattr(FLOW, name)
        for text in (*spelled(value), value + "1", "" if value else "1"):
            yield rule, name, text
    yield from (("ledger", "ledger", text) for text in (*spelled("0L"), "", "0", "0LL"))
    yield from ((rule, "mode", mode) for mode in WritebackMode if mode is not FLOW.mode)
    yield from (("channel", "channel", channel) for channel in Channel if channel is not FLOW.channel)
    yield from (("the target", "ledger_kind", kind) for kind in LedgerKind if kind is not FLOW.ledger_kind)
    yield rule, "holds", Holds.PLAN
    yield from ((rule, "first_month", {code: month}) for code in FLOW.company_codes for month in range(1, 13))
    yield rule, "withdraw_absent", True
    yield rule, "control", None
    yield from ((rule, "control", ControlTotal("Code", begins=text)) for text in spelled("TOTAL"))
    yield from ((rule, "approval", ColumnSignal("Status", text)) for text in spelled("Approved"))
    yield from (("export", "export", text) for text in spelled(FLOW.export))
    yield from (("flow", "name", text) for text in spelled(FLOW.name))


def heads() -> Iterator[tuple[str, ProposalHead]]:
    """What a refusal must name, and where the proposal would go by another configuration."""
    words = {
        "environment": "the environment", "sap": "the SAP address", "workspace_id": "the Anaplan workspace",
        "model_id": "the Anaplan model", "ledger_words": "the target", "mapping": "the mapping",
    }  # fmt: skip
    head = head_of(FLOW)
    for name, value in asdict(head).items():
        if name not in ("reverses", "repeat"):  # told by the proposal itself, not by the configuration
            for text in (*spelled(value, most=64), *(value + end for end in " x/0"), value.swapcase() + " ", ""):
                yield words.get(name, name), replace(head, **{name: text})


def test_every_changed_setting_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    count, changed = 0, set()
    for number, (words, name, value) in enumerate(settings()):
        other_flow = replace(FLOW, **{name: value})
        change = lambda _, flow=other_flow: monkeypatch.setattr(desk.rig, "flow", flow)  # noqa: E731
        desk.refuses(words, change, between=number % 2 == 1)
        monkeypatch.setattr(desk.rig, "flow", FLOW)
        changed.add(name)
        count += 1
    for number, (words, head) in enumerate(heads()):
        change = lambda _, other=head: monkeypatch.setattr(desk.rig, "head", other)  # noqa: E731
        desk.refuses(words, change, between=number % 2 == 1)
        monkeypatch.setattr(desk.rig, "head", None)
        count += 1
    assert count >= COUNTS["setting"]
    judged = {"company_codes", "two_approvers_from", "held_from", "fresh_minutes", "plan_into_actuals"}
    elsewhere = {
        "title",
        "status",
        "after",
        "schedule",
        "time_zone",
        "after_close",
        "task_minutes",
        "sap",
        "anaplan",
        "drift",
    }  # names, when a flow runs, and what a changed definition means for it
    assert {one.name for one in fields(FLOW)} == changed | judged | elsewhere
    harmless: dict[str, Any] = {
        "drift": Drift(watch=False),
        "status": None,
        "after": ("x",),
        "schedule": "1h",
        "time_zone": "Asia/Tokyo",
        "after_close": (2,),
        "task_minutes": 1,
        "title": "T",
    }
    for name, value in harmless.items():
        monkeypatch.setattr(desk.rig, "flow", replace(FLOW, **{name: value}))
        assert desk.rig.post(desk.proposal.id) == desk.genuine
    monkeypatch.setattr(desk.rig, "flow", FLOW)


@pytest.mark.parametrize(
    ("words", "changed"),
    [
        ("ledger allowed: the flow may not post to company code 2010", {"company_codes": ("1010",)}),
        ("ledger allowed: the flow may not post to company code 1010, 2010", {"company_codes": ()}),
        ("threshold: 1010: 1,350.00 EUR gross, held from 1,000.00 EUR", {"held_from": {"EUR": Decimal(1000)}}),
        ("2010: 77.10 CHF gross, held from 77.00 CHF", {"held_from": {"2010/CHF": Decimal(77)}}),
    ],
)
def test_a_setting_that_a_gate_judges_closes_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, words: str, changed: dict[str, Any]
) -> None:
    flow = replace(FLOW, **changed)
    desk.refuses(words, lambda _: monkeypatch.setattr(desk.rig, "flow", flow))
