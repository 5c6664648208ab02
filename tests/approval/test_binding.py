"""Whatever differs between what was signed and what would be sent is named, and then nothing is sent."""

from __future__ import annotations

import json
import zlib
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from tests.approval.rig import FLOW, Rig, payloads
from tests.engine.plans import NOW, head_of
from tui_connector.domain.canonical import sha256
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
from tui_connector.domain.proposal import Proposal, ProposalHead, document_digest, fingerprint_of
from tui_connector.store.database import ClashError, to_micros

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tui_connector.domain.proposal import Draft

TABLES = {
    "proposal": ("id",),
    "document": ("proposal_id", "number"),
    "proposal_line": ("proposal_id", "number"),
    "approval": ("proposal_id", "number"),
}
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
JSON = ("head", "origin", "gross", "gates")  # what they say is signed, not how it is spaced
FORCED = {"checked_at", "state"}  # unsigned, but not without effect: an old comparison bars, a proved one is not sent
COUNTS = {"signed": 3500, "unsigned": 450, "payload": 2900, "statement": 3100, "forged": 350, "setting": 550}
PEOPLE = "novak|brandt|approv|sign"


@dataclass(frozen=True)
class Desk:
    """A rig with its approved proposal, and the bytes that were approved."""

    rig: Rig
    proposal: Proposal
    genuine: list[bytes]

    def refuses(self, words: str, change: Callable[..., object], *, between: bool = False, first: int = 1) -> str:
        """What the guard says of a change; nothing of the changed document or of one behind it may be sent.

        words: any of them, between bars, must be in the message. first: the document that is changed.
        """
        with self.rig.undone() as do:
            if not between:
                change(do)
            refused, sent = self.rig.refusal(self.proposal.id, (lambda: change(do)) if between else None)
        assert refused, f"{len(sent)} documents were sent after a change that should name {words}"
        assert sent == (self.genuine[: first - 1] if between else []), refused
        assert any(word in refused.message for word in words.split("|")), f"{words} is not in: {refused.message}"
        assert refused.hint
        return refused.message

    def rows(self, table: str) -> list[dict[str, Any]]:
        names = [row[1] for row in self.rig.backend.query(f"PRAGMA table_info({table})", ())]
        found = self.rig.backend.query(
            f"SELECT {', '.join(names)} FROM {table} ORDER BY {', '.join(TABLES[table])}",
            (),
        )
        return [dict(zip(names, row, strict=True)) for row in found]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    rig = Rig(tmp_path_factory.mktemp("binding") / "rig")
    proposal = rig.approved()
    genuine = [payload for _, payload in payloads(rig.draft, NOW)]
    assert rig.post(proposal.id) == genuine
    assert len(genuine) == 3
    yield Desk(rig, proposal, genuine)
    rig.store.close()


@pytest.fixture
def signature_alone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if whoever changed the rows had also written the audit chain anew to fit them."""
    monkeypatch.setattr(desk.rig.store.audit, "proposal_fault", lambda *_: "")


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


def mutations(value: Any, neighbour: Any) -> Iterator[Any]:
    """Other values for a cell: one character, more or less, cut, empty, gone, or that of the next row."""
    if isinstance(value, str):
        yield from spelled(value)
        yield from (value[:-1], "", value + " ", value.swapcase())
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


def update(table: str, row: dict[str, Any], **changed: Any) -> Callable[..., object]:
    """The change of cells of one row."""
    keys = TABLES[table]
    statement = f"UPDATE {table} SET {', '.join(f'{name} = ?' for name in changed)} WHERE "
    statement += " AND ".join(f"{key} = ?" for key in keys)
    return lambda do: do(statement, *changed.values(), *(row[key] for key in keys))


def names(table: str, row: dict[str, Any], column: str) -> str:
    """What a refusal must name when this cell was changed."""
    match table:
        case "proposal":
            more = "fingerprint" if column in ("fingerprint", "id") else "it is as it was made"
            return f"{column.replace('_', ' ')}|the proposal|cannot be read|{more}|no proposal|missing" + (
                "|made for something else|not what" if column in ("head", "origin", "gates", "author_key") else ""
            ) + ("|expired" if column == "expires_at" else "") + ("|bytes" if column == "made_at" else "") + (
                "|not approved" if column == "state" else "|not compared" if column == "checked_at" else ""
            )  # fmt: skip
        case "document":
            return f"ocument {row['number']}|company codes|posting dates"
        case "proposal_line":
            document = row["document"]
            return f"ocument {document}|line {row['number']} |lines 1 to 1000"
        case _:
            return f"{PEOPLE}|signatures"


def first_of(table: str, row: dict[str, Any]) -> int:
    """The first document that a change of this row concerns."""
    return int(row["document"]) if table == "proposal_line" else 1


def spoken(text: Any) -> Any:
    """What a JSON text says; the text itself where it says nothing."""
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text


def sweep(desk: Desk, wanted: Callable[[str, str], bool], modes: tuple[bool, ...]) -> int:
    """Try every cell; how many cases the store took and the guard refused."""
    count = 0
    for number, (table, row, column, changed) in enumerate(cells(desk, wanted)):
        between = modes[number % len(modes)] and column != "state"
        if column in JSON and spoken(changed) == spoken(row[column]):
            continue
        change = update(table, row, **{column: changed})
        with suppress(ClashError):  # a constraint of the table: nobody can write this
            desk.refuses(names(table, row, column), change, between=between, first=first_of(table, row))
            count += 1
    return count


# Cells


@pytest.mark.usefixtures("signature_alone")
def test_every_signed_cell_is_held_by_the_signature_alone(desk: Desk) -> None:
    """Even were the audit chain written anew to fit the change."""
    assert sweep(desk, lambda table, column: column not in UNSIGNED[table], (False, True)) >= COUNTS["signed"]


def test_every_unsigned_cell_is_held_by_the_audit_chain(desk: Desk) -> None:
    assert sweep(desk, lambda table, column: column in UNSIGNED[table], (False,)) >= COUNTS["unsigned"]
    (row,) = desk.rows("proposal")
    for column in JSON:
        desk.refuses("the proposal", update("proposal", row, **{column: row[column] + " "}))


@pytest.mark.usefixtures("signature_alone")
def test_no_unsigned_cell_alters_what_is_sent(desk: Desk) -> None:
    tried = 0
    for table, row, column, changed in cells(desk, lambda table, column: column in UNSIGNED[table]):
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
    assert tried > 300
    assert sum(COUNTS.values()) >= 10_000


# Bytes


def test_every_changed_byte_of_a_payload_is_found(desk: Desk) -> None:
    """Changed as it is kept, changed and packed anew, and changed with its digest made to fit."""
    chance, count = Random(3), 0
    for row in desk.rows("document"):
        number, payload = row["number"], zlib.decompress(row["payload"])
        share = COUNTS["payload"] // 3
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
            first = 1 if "payload_digest" in kept or between is False else number
            desk.refuses(f"ocument {number}", update("document", row, **kept), between=between, first=first)
            count += 1
    assert count >= COUNTS["payload"] - 30


def zlib_reads(packed: bytes) -> bytes | None:
    try:
        return zlib.decompress(packed)
    except zlib.error:
        return None


@pytest.mark.usefixtures("signature_alone")
def test_every_changed_character_of_a_statement_or_a_signature_is_found(desk: Desk) -> None:
    count = 0
    for row in desk.rows("approval"):
        for number, text in enumerate(spelled(row["statement"], most=900)):
            desk.refuses(PEOPLE, update("approval", row, statement=text), between=number % 2 == 1)
            count += 1
        for bit in range(len(row["signature"]) * 8):
            desk.refuses(PEOPLE, update("approval", row, signature=flipped(row["signature"], bit)))
            count += 1
    assert count >= COUNTS["statement"]


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


def forged(draft: Draft, number: int, **changed: Any) -> Draft:
    """The draft with one line changed and every digest worked out anew."""
    lines = tuple(line._replace(**changed) if line.number == number else line for line in draft.lines)
    documents = []
    for document in draft.documents:
        own = [line for line in lines if line.document == document.number]
        totals = {
            "debit": sum((line.amount for line in own if line.amount > 0), Decimal(0)),
            "credit": -sum((line.amount for line in own if line.amount < 0), Decimal(0)),
        }
        made = replace(document, **totals, digest="")
        documents.append(replace(made, digest=document_digest(made, own)))
    return replace(
        draft, lines=lines, documents=tuple(documents), fingerprint=fingerprint_of(draft.head, documents)
    )  # fmt: skip


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
        if name != "reverses":
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
        "task_minutes",
        "sap",
        "anaplan",
    }  # names, and when a flow runs
    assert {one.name for one in fields(FLOW)} == changed | judged | elsewhere
    for name, value in {"status": None, "after": ("x",), "schedule": "1h", "task_minutes": 1, "title": "T"}.items():
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


# The world around it


@pytest.mark.parametrize("between", [False, True])
def test_a_period_that_is_closed_is_named(desk: Desk, between: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk.rig.store.audit, "proposal_fault", lambda *_: "")
    close = "UPDATE period SET status = 'closed' WHERE company_code = ?"
    for code, first in (("1010", 1), ("2010", 3)):
        words = f"period 011/2026 of company code {code} is closed"
        desk.refuses(words, lambda do, code=code: do(close, code), between=between, first=first)
    desk.refuses("company code 2010 has no entry in the close calendar",
                 lambda do: do("DELETE FROM period WHERE company_code = '2010'"), between=between, first=3)  # fmt: skip


def test_a_period_opened_by_other_hands_is_found(desk: Desk) -> None:
    for column, value in (("reason", "x"), ("status", "soft"), ("set_by", "uid:0"), ("at", 1)):
        words = "period 011/2026 of 2010 does not stand as it was set"
        desk.refuses(
            words, lambda do, c=column, v=value: do(f"UPDATE period SET {c} = ? WHERE company_code = '2010'", v)
        )


@pytest.mark.parametrize("between", [False, True])
def test_a_master_that_is_blocked_gone_or_not_valid_is_named(
    desk: Desk, between: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts, count = desk.rig.facts, 0
    late = tuple(replace(one, valid_from=date(2026, 12, 1)) for one in next(iter(facts.cost_centers.values())))
    worse: list[tuple[str, str, Any]] = []
    for key, account in facts.accounts.items():
        for bad in (replace(account, blocked_for_posting=True), replace(account, marked_for_deletion=True)):
            worse += [(key[1], "accounts", {**facts.accounts, key: bad})]
        worse.append((key[1], "accounts", {k: v for k, v in facts.accounts.items() if k != key}))
    for kind in ("cost_centers", "profit_centers"):
        known = getattr(facts, kind)
        for key, slices in known.items():
            blocked = tuple(replace(one, blocked=True) for one in slices)
            foreign = tuple(replace(one, company_code="3010") for one in slices)
            worse += [(key[1], kind, {**known, key: value}) for value in (blocked, foreign, late, ())]
    for code in facts.companies:
        worse.append((code, "companies", {k: v for k, v in facts.companies.items() if k != code}))
        variant = replace(facts.companies[code], fiscal_year_variant="V3")
        worse.append((code, "companies", {**facts.companies, code: variant}))
    genuine = {one.number: one for one in desk.rig.draft.documents}
    for named, kind, changed in worse:
        first = min(
            line.document or len(genuine)
            for line in desk.rig.draft.lines
            if named
            in (line.gl_account.lstrip("0"), line.cost_center.lstrip("0"), line.profit_center, line.company_code)
        )

        def change(_: Any, kind: str = kind, changed: Any = changed) -> None:
            monkeypatch.setattr(desk.rig, "facts", replace(facts, **{kind: changed}))
            desk.rig.clock.at = NOW + timedelta(minutes=5)  # masters are read anew after a minute

        desk.refuses(named, change, between=between, first=first)
        monkeypatch.setattr(desk.rig, "facts", facts)
        desk.rig.clock.at = NOW
        count += 1
    assert count == len(worse) > 20


@pytest.mark.parametrize(
    ("words", "minutes"),
    [("The plan was not compared with P-0001 for 241 minutes", 241), ("expired at 2026-11-28 14:40 UTC", 72 * 60)],
)
@pytest.mark.parametrize("between", [False, True])
def test_time_runs_out(desk: Desk, words: str, minutes: int, between: bool) -> None:
    def wait(_: Any) -> None:
        desk.rig.clock.at = NOW + timedelta(minutes=minutes)

    desk.refuses(words, wait, between=between)
    desk.rig.clock.at = NOW


@pytest.mark.usefixtures("signature_alone")
def test_a_plan_that_was_not_compared_again_is_not_posted(desk: Desk) -> None:
    desk.refuses("The plan was not compared", lambda do: do("UPDATE proposal SET checked_at = NULL"))
    old = to_micros(NOW - timedelta(minutes=240, seconds=1))
    desk.refuses("for 240 minutes", lambda do: do("UPDATE proposal SET checked_at = ?", old), between=True)


def test_a_proposal_in_another_state_is_not_posted(desk: Desk, signature_alone: None) -> None:
    for state in ("planned", "held", "rejected", "superseded", "expired", "posted"):
        desk.refuses(f"is {state}, not approved", lambda do, s=state: do("UPDATE proposal SET state = ?", s))


def test_what_was_posted_meanwhile_for_a_key_is_named_with_its_line(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "rig")
    proposal = rig.approved()
    twin = rig.propose(forged(rig.draft, 6, text="of another hand"))
    desk = Desk(rig, proposal, [payload for _, payload in payloads(rig.draft, NOW)])
    said = "UPDATE document SET state = ? WHERE proposal_id = ? AND number = ?"
    for number, line, key in ((1, 1, "PL-0001"), (2, 3, "PL-0003"), (3, 6, "PL-0005")):
        desk.refuses(
            f"Line {line} of P-0001 ({key}): ",
            lambda do, n=number: do(said, "verified", twin.id, n), between=True, first=number,
        )  # fmt: skip
        for state in ("sending", "unknown", "posted", "held"):
            words = f"not posted before: 2 lines with a key whose document P-0002/{number} is still open"
            desk.refuses(words, lambda do, n=number, s=state: do(said, s, twin.id, n))
    rig.store.close()


def test_the_difference_itself_is_shown(desk: Desk) -> None:
    lines = desk.rows("proposal_line")
    message = desk.refuses("Document 1 of P-0001", update("proposal_line", lines[0], gl_account="0061003008"))
    assert "<GLAccount>0061003008</GLAccount>" in message.partition("signed was")[0]
    assert "<GLAccount>0061003000</GLAccount>" in message.partition("signed was")[2]
    unreadable = desk.refuses("month must be in 1..12", update("proposal_line", lines[0], posting_date="2026-13-30"))
    assert "lines 1 to 1000 are not those that were made" in unreadable
