"""Between signature and posting somebody meddles, or SAP answers strangely: it is named, and nothing is sent twice."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.journeys.desk import read_sap
from tests.journeys.plan_desk import NOVAK, PERIOD, POST, PlanDesk, plan_desk
from tests.journeys.test_writeback_channels import once_at
from tui_connector.cli import Exit

if TYPE_CHECKING:
    from pathlib import Path

    from tests.journeys.conftest import Sandbox
    from tui_connector.domain.proposal import Proposal

LINE = "PL-0001"
CUBE = "/sap/opu/odata/sap/API_OPLACCTGDOCITEMCUBE_SRV/A_OperationalAcctgDocItemCube"


@pytest.fixture
def desk(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlanDesk:
    desk = plan_desk(sandbox, tmp_path, monkeypatch)
    desk.amend("[posting]\n", "[posting]\ntest_run = false\n")
    return desk


def approved(desk: PlanDesk) -> Proposal:
    proposal = desk.propose()
    assert desk.sign(proposal).code == Exit.DONE
    return proposal


def refused(desk: PlanDesk, *said: str) -> None:
    """Posting ends with a refusal that says all this; SAP was sent nothing."""
    told = desk.does("proposals", "post", "P-0001", by=NOVAK, code=Exit.REFUSED)
    for words in said:
        assert words in " ".join(told.out.split())
    assert desk.sandbox.requests("POST", "journalentrycreate") == []
    assert desk.in_sap() == []


def posts(desk: PlanDesk) -> None:
    """What was in the way is gone: the same proposal is posted."""
    desk.does("proposals", "post", "P-0001", by=NOVAK)
    assert len(desk.in_sap()) == 2


# Another world


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("Amount", "0.01", f"{LINE} amount "),
        ("Cost Center", "10101277", f"{LINE} "),
        ("Text", "something else", f"{LINE} "),
        ("Status", "Draft", LINE),
    ],
)
def test_one_changed_cell_of_the_plan_is_named_with_its_line(desk: PlanDesk, name: str, value: str, said: str) -> None:
    approved(desk)
    before = desk.plan_lines()[LINE][name]
    desk.plan(lines={LINE: {name: value}})
    refused(desk, said)
    desk.plan(lines={LINE: {name: before}})
    posts(desk)


def test_a_line_that_is_gone_is_named(desk: PlanDesk) -> None:
    approved(desk)
    desk.plan(remove=[LINE])
    refused(desk, LINE)


def test_a_period_that_is_closed_bars_the_posting_until_it_is_open(desk: PlanDesk) -> None:
    approved(desk)
    desk.does("periods", "close", "1010", PERIOD, "--reason", "early")
    refused(desk, f"period {PERIOD} of company code 1010 is closed", "early")
    desk.does("periods", "open", "1010", PERIOD, "--reason", "again")
    posts(desk)


def test_an_account_blocked_in_sap_bars_the_posting_until_it_is_free(desk: PlanDesk) -> None:
    approved(desk)
    account = desk.plan_lines()[LINE]["GL Account"]
    key = {"ChartOfAccounts": "YCOA", "GLAccount": account}
    desk.sandbox.change("A_GLAccountInChartOfAccounts", key, AccountIsBlockedForPosting=True)
    refused(desk, f"account {account}", "which is blocked for posting")
    desk.sandbox.change("A_GLAccountInChartOfAccounts", key, AccountIsBlockedForPosting=False)
    posts(desk)


# Other settings


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"document_type": "SB"}, "the mapping or a rule of the flow was"),
        ({"ledger": "2L"}, "ledger was '0L' and is '2L'"),
    ],
)
def test_another_setting_than_the_signed_one_is_named(desk: PlanDesk, setting: dict[str, Any], said: str) -> None:
    approved(desk)
    desk.set_flow(**setting)
    refused(desk, said)


def test_another_environment_is_named(desk: PlanDesk) -> None:
    approved(desk)
    desk.amend('environment = "TEST"', 'environment = "PRODUCTION"')
    refused(desk, "the environment was 'TEST' and is 'PRODUCTION'")


# Other hands in the store


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE proposal_line SET amount = '9' || amount WHERE number = 1", "Document 1 of P-0001: its lines make other"),
        ("UPDATE proposal_line SET gl_account = '0061009999' WHERE number = 2", "PL-0002 account 0061009999 -> "),
        ("UPDATE document SET state = 'verified' WHERE number = 2", "document 2 does not stand as the events say: its state"),
        ("UPDATE document SET payload = x'00' WHERE number = 1", "the bytes of document 1"),
        ("DELETE FROM document WHERE number = 2", "document 2 is missing"),
        ("UPDATE approval SET signed_by = 'uid:1'", "who acted is uid:1, signed was uid:4242"),
        ("UPDATE proposal SET author = 'uid:1'", "author is uid:1, signed was uid:4711"),
        ("UPDATE proposal SET gates = replace(gates, 'pass', 'ask')", "gate balanced says ask"),
        ("UPDATE period SET reason = 'x' WHERE company_code = '2010'", f"period {PERIOD} of 2010 does not stand as it was set"),
    ],
)  # fmt: skip
def test_what_other_hands_wrote_into_the_store_is_named_and_found(desk: PlanDesk, change: str, said: str) -> None:
    approved(desk)
    (path,) = desk.folder.rglob("*.db")
    with closing(sqlite3.connect(path)) as store, store:
        assert store.execute(change).rowcount >= 1
    told = desk.tell("proposals", "post", "P-0001", by=NOVAK)
    assert told.code in (Exit.REFUSED, Exit.FAILED), told.text
    assert said in " ".join(told.text.split())
    assert desk.sandbox.requests("POST", "journalentrycreate") == []
    assert desk.in_sap() == []
    verdict = desk.tell("audit", "verify")
    assert verdict.code not in (Exit.DONE, Exit.WAITING)
    assert "P-0001" in verdict.text or PERIOD in verdict.text


# SAP's answers


def envelope(inside: str, before: str = "") -> str:
    return (
        f'<?xml version="1.0"?>{before}<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
        f'<n0:JournalEntryBulkCreateConfirmation xmlns:n0="http://sap.com/xi/SAPSCORE/SFIN">{inside}'
        "</n0:JournalEntryBulkCreateConfirmation></soap:Body></soap:Envelope>"
    )


def confirmation(number: str, severity: int, note: str) -> str:
    """As SAP answers: the document's number, and one line of its log."""
    return envelope(
        "<JournalEntryCreateConfirmation><JournalEntryCreateConfirmation>"
        f"<AccountingDocument>{number}</AccountingDocument><CompanyCode>1010</CompanyCode><FiscalYear>2026</FiscalYear>"
        "</JournalEntryCreateConfirmation><Log><MaximumLogItemSeverityCode>"
        f"{severity}</MaximumLogItemSeverityCode><Item><TypeID>609(RW)</TypeID><SeverityCode>{severity}</SeverityCode>"
        f"<Note>{note}</Note></Item></Log></JournalEntryCreateConfirmation>"
    )


BOMB = '<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY a{n} "{("&a" + str(n - 1 or "") + ";") * 10}">' for n in range(1, 9)
)
ODD = {
    "a number beside an error": (confirmation("0190000099", 3, "Balance is not zero"), "beside errors"),
    "a number of zeros": (confirmation("0000000000", 1, "All is well"), "with a document number of zeros"),
    "no number": (confirmation("", 1, "All is well"), "without a document number and without an error"),
    "XML that is cut off": (confirmation("0190000099", 1, "Posted")[:-90], "is cut off, or no XML that may be read"),
    "an entity bomb": (envelope("&a8;", before=BOMB + "]>"), "is cut off, or no XML that may be read"),
    "another message": ("<a/>", "is no SOAP message"),
    "nothing at all": ("", "is cut off, or no XML that may be read"),
}


def answered(desk: PlanDesk, body: str, *, after: bool) -> Proposal:
    """Post while SAP answers the first of two documents so; after: it has posted it all the same."""
    proposal = desk.propose()
    desk.sandbox.fault("status", POST, "POST", status=200, body=body, content_type="text/xml", after=after)
    desk.sign(proposal, "--wait")
    assert len(desk.sandbox.requests("POST", "journalentrycreate")) == 2, "nothing may be sent twice"
    return proposal


@pytest.mark.parametrize(
    ("odd", "after"), [*((one, True) for one in ODD), ("a number of zeros", False), ("a number beside an error", False)]
)
def test_an_answer_that_is_not_definite_is_looked_up(desk: PlanDesk, odd: str, after: bool) -> None:
    body, said = ODD[odd]
    proposal = answered(desk, body, after=after)
    first, second = desk.documents(proposal)
    assert (first.state.value, second.state.value) == ("verified" if after else "held", "verified")
    assert said in first.said
    assert first.accounting_document != "0190000099"
    assert first.difference == ("" if after else "not in SAP after 2 looks; whether it still comes, nobody can tell")
    assert len(desk.in_sap()) == (2 if after else 1)
    assert desk.tell("audit", "verify").code == Exit.DONE


@pytest.mark.parametrize("number", ["", "0000000000"])
def test_an_error_inside_an_answer_of_200_is_a_refusal(desk: PlanDesk, number: str) -> None:
    proposal = answered(desk, confirmation(number, 3, "Period 011/2026 is closed"), after=False)
    first, second = desk.documents(proposal)
    assert (first.state.value, second.state.value) == ("rejected", "verified")
    assert first.said == "Period 011/2026 is closed (609(RW))"
    assert first.accounting_document == ""
    assert len(desk.in_sap()) == 1


def test_a_document_that_shows_other_amounts_is_held(desk: PlanDesk) -> None:
    """Off by one cent in the read-back of what SAP has confirmed."""
    desk.sandbox.sap(gzip=False)
    proposal = desk.propose()

    def meddle() -> None:
        reference = desk.documents(proposal)[0].reference
        rows = read_sap(desk.sandbox, CUBE, filter=f"CompanyCode eq '1010' and DocumentReferenceID eq '{reference}'")
        assert len(rows) == 2
        amount = Decimal(rows[0]["AmountInTransactionCurrency"])
        rows[0]["AmountInTransactionCurrency"] = str(amount + Decimal("0.01"))
        desk.sandbox.fault("replace_json", CUBE, "GET", body={"d": {"results": rows}}, skip=1)

    with once_at("settled", meddle):
        told = desk.sign(proposal, "--wait")
    held = [one for one in desk.documents(proposal) if one.state.value == "held"]
    assert told.code == Exit.UNKNOWN, told.text
    assert len(held) == 1
    assert "0.01" in held[0].difference or "not in SAP" in held[0].difference
    assert len(desk.in_sap()) == len(desk.sandbox.requests("POST", "journalentrycreate")) == 2
    again = desk.tell("proposals", "post", "P-0001", by=NOVAK)
    assert again.code == Exit.UNKNOWN
    assert len(desk.in_sap()) == 2
