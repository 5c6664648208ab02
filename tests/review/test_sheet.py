"""Sheets: every line with its amounts, and nothing that a spreadsheet would compute."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.review.sample import documents_of, lines_of, pack
from tui_connector.domain.proposal import DocumentState, LineDecision, LineKind, ProposalState
from tui_connector.review.amounts import plain
from tui_connector.review.sheet import csv_lines, return_lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tui_connector.review.pack import PackData


def sheet(pieces: Iterable[str]) -> list[list[str]]:
    return list(csv.reader(io.StringIO("".join(pieces), newline=""), strict=True))


def test_the_sheet_holds_every_line() -> None:
    data = pack(outcomes=[DocumentState.VERIFIED])
    heads, *rows = sheet(csv_lines(data))
    lines = list(data.lines())
    assert len(rows) == len(lines)
    for cells, line in zip(rows, lines, strict=True):
        row = dict(zip(heads, cells, strict=True))
        assert row["Document"] == str(line.document or "")
        assert (row["Company Code"], row["GL Account"]) == (line.company_code, line.gl_account)
        assert Decimal(row["Debit"] or 0) - Decimal(row["Credit"] or 0) == line.amount
        assert (Decimal(row["New Plan"]), Decimal(row["Posted"])) == (line.wanted, line.posted)
        assert Decimal(row["To Post"]) == line.amount
        assert row["Last Plan"] == ("" if line.last is None else plain(line.last, line.currency))
        proved = line.document == 1
        assert (row["SAP Document"], row["State"]) == (
            ("0100004712", "verified") if proved else ("", "planned" if line.document else "")
        )
    assert all(piece.endswith("\r\n") for piece in csv_lines(data))


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
def test_a_sheet_computes_nothing(begin: str) -> None:
    line = lines_of(9)[0]._replace(text=f'{begin}cmd|"x"', key=f"{begin}1", amount=Decimal("-5.1"), wanted=Decimal(-7))
    heads, cells = sheet(csv_lines(pack([line])))
    row = dict(zip(heads, cells, strict=True))
    shown = begin if begin.isprintable() else "\N{REPLACEMENT CHARACTER}"
    assert row["Text"] == f'\'{shown}cmd|"x"'
    assert row["Key"] == f"'{shown}1"
    assert (row["To Post"], row["New Plan"], row["Credit"], row["Debit"]) == ("-5.10", "-7.00", "5.10", "")


def test_what_goes_back_to_the_planners() -> None:
    lines = lines_of(30)
    lines[0] = lines[0]._replace(decision=LineDecision.REJECTED, reason="wrong center, see mail")
    lines[2] = lines[2]._replace(decision=LineDecision.HELD, reason="=question")
    heads, *rows = sheet(return_lines(pack(lines)))
    assert heads == ["Key", "Company Code", "Account", "Amount", "Currency", "Decision", "Reason"]
    assert rows == [
        [lines[0].key, "1010", lines[0].gl_account, plain(lines[0].wanted, "EUR"), "EUR", "rejected",
         "wrong center, see mail"],
        [lines[2].key, "1010", lines[2].gl_account, plain(lines[2].wanted, "EUR"), "EUR", "held", "'=question"],
    ]  # fmt: skip
    assert len(sheet(return_lines(pack()))) == 1


def test_a_proposal_rejected_as_a_whole_goes_back_whole() -> None:
    data = pack(state=ProposalState.REJECTED)
    data = replace(data, proposal=replace(data.proposal, reason="the plan is not final"))
    rows = sheet(return_lines(data))[1:]
    posted = [line for line in data.lines() if line.document is not None and line.kind is LineKind.PLAN]
    assert [row[0] for row in rows] == [line.key for line in posted]
    assert {(row[5], row[6]) for row in rows} == {("rejected", "the plan is not final")}


def test_the_sample_is_a_proposal() -> None:
    """What the other tests stand on: it balances, and its documents are made of its lines."""
    lines = lines_of(60)
    for document in documents_of(lines):
        assert document.debit == document.credit > 0
    data: PackData = pack(lines)
    assert data.proposal.lines == 72
    assert list(data.lines()) == list(data.lines())
