"""What may be written to at all, and what each way of ending a sending comes to."""

from __future__ import annotations

import ast
import asyncio
import json
import socket
from dataclasses import replace
from datetime import date, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tui_connector.sap
from tests.sap.conftest import LOGIN, Answer, Asked, Bench, Run
from tests.sap.test_journal_xml import ENTRY, ID, POSTED, REFUSED, answer, confirmation, log
from tui_connector.domain.errors import ConfigError, OutcomeUnknownError, RejectedError
from tui_connector.domain.flow import Channel as ChannelKind
from tui_connector.domain.flow import ColumnSignal, WritebackFlow
from tui_connector.domain.ledger import PostAnswer, PostOutcome
from tui_connector.sap.auth import BasicAuth
from tui_connector.sap.client import SapClient
from tui_connector.sap.csrf import CsrfSession
from tui_connector.sap.endpoints import JOURNAL_ENTRY
from tui_connector.sap.errors import scenario_of
from tui_connector.sap.journal_xml import entry_id, request_bytes
from tui_connector.sap.posting import Channel, ODataChannel, PlanDataChannel, SoapChannel, open_channel
from tui_connector.sap.values import to_date, to_wire_date
from tui_connector.transport.client import HttpClient, Timeouts

if TYPE_CHECKING:
    from collections.abc import Callable

ODATA = "/sap/opu/odata/sap/"
OWN = "ZJOURNALENTRY_SRV/JournalEntrySet"
XML = {"Content-Type": "text/xml; charset=utf-8"}
HTML = {"Content-Type": "text/html; charset=utf-8"}
GOOD = answer(confirmation("0100000008", reference=ID, told=POSTED))
FAULT = (
    b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><e:Fault><faultcode>e:Server</faultcode>'
    b"<faultstring>Transaction ID 6B3C</faultstring></e:Fault></e:Body></e:Envelope>"
)
FLOW = WritebackFlow("plan", "Plan", "Approved", {}, ColumnSignal("Status"))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"{ODATA}API_SUPPLIERINVOICE_PROCESS_SRV/A_SupplierInvoice"),
        ("POST", f"{ODATA}API_BUSINESS_PARTNER/A_BusinessPartner"),
        ("POST", f"{ODATA}API_FINPLANNINGDATA_SRV/$batch"),
        ("POST", f"{ODATA}{OWN}"),  # no flow has named it
        ("POST", f"{JOURNAL_ENTRY}/"),
        ("POST", f"{JOURNAL_ENTRY}?MessageId=1"),
        ("POST", f"{JOURNAL_ENTRY}/../journalentrybulkcreationreques"),
        ("POST", JOURNAL_ENTRY.upper()),
        ("POST", "https://elsewhere.example" + JOURNAL_ENTRY),
        ("PUT", JOURNAL_ENTRY),
        ("PATCH", f"{ODATA}API_FINPLANNINGDATA_SRV/FinancialPlanData"),
        ("DELETE", f"{ODATA}API_FINPLANNINGDATA_SRV/FinancialPlanData"),
    ],
)
def test_nothing_else_can_be_written(run_async: Run, method: str, path: str) -> None:
    async def story(bench: Bench) -> None:
        stub = await bench.stub(lambda _: {})
        client = bench.sap(stub.url)
        with pytest.raises(ConfigError, match="nothing was sent") as caught:
            await client.write(method, path, b"x")
        assert caught.value.hint
        root, _, name = path.rpartition("/")
        with pytest.raises(ConfigError, match="nothing was sent"):
            await CsrfSession(client, f"{root}/").write(method, name, b"x")
        assert stub.asked == []

    run_async(story)


@pytest.mark.parametrize(
    "service",
    [
        "",
        "ZJOURNAL_SRV",
        "API_SUPPLIERINVOICE_PROCESS_SRV/A_SupplierInvoice",
        "Z/../API_X/A",
        "ZA/B/C",
        "ZA/$batch",
        "zA/B",
    ],
)
def test_only_a_service_of_the_customers_own_can_be_named(run_async: Run, service: str) -> None:
    async def story(bench: Bench) -> None:
        with pytest.raises(ConfigError, match="journal service of your own"):
            ODataChannel(bench.sap("http://127.0.0.1:9"), service)

    run_async(story)


def test_no_other_code_of_this_side_sends_anything_but_reads() -> None:
    """Writes go through the client alone, which asks the allow-list; logging in has its own endpoint."""
    folder = Path(tui_connector.sap.__path__[0])
    senders: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("send", "store")
            ):
                first = node.args[0] if node.args else None
                said = first.value if isinstance(first, ast.Constant) else ast.unparse(first) if first else ""
                senders.setdefault(path.stem, []).append(str(said))
    assert senders == {"auth": ["POST"], "client": ["GET", "method"]}


def test_each_flow_gets_its_channel(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        client = bench.sap("http://127.0.0.1:9")
        assert isinstance(open_channel(client, FLOW), SoapChannel)
        own = open_channel(client, replace(FLOW, channel=ChannelKind.ODATA, journal_service=OWN))
        assert isinstance(own, ODataChannel)
        plan = open_channel(client, replace(FLOW, channel=ChannelKind.PLAN_DATA))
        assert isinstance(plan, PlanDataChannel)
        assert [one.resend_replaces for one in (open_channel(client, FLOW), own, plan)] == [False, False, True]
        with pytest.raises(ConfigError):
            open_channel(client, replace(FLOW, channel=ChannelKind.ODATA))
        assert scenario_of("JournalEntryCreateRequestConfirmation_In") == "SAP_COM_0002"

    run_async(story)


def test_an_entry_is_posted_with_its_exact_bytes_and_without_a_token(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        stub = await bench.stub(lambda _: Answer(GOOD, 200, XML))
        channel = SoapChannel(bench.sap(stub.url))
        payload = channel.payload(ENTRY)
        told = await channel.send(payload, ENTRY)
        assert (told.outcome, told.accounting_document, told.fiscal_year) == (PostOutcome.POSTED, "0100000008", "2026")
        (asked,) = stub.asked
        assert (asked.method, asked.path, asked.body) == ("POST", JOURNAL_ENTRY, payload)
        assert asked.headers["content-type"] == "text/xml; charset=utf-8"
        assert asked.headers["soapaction"].endswith('/JournalEntryCreateRequestConfirmation_InRequest"')
        assert asked.headers["accept"] == "text/xml"
        assert "x-csrf-token" not in asked.headers

    run_async(story)


def test_a_test_run_is_sent_as_one_and_is_checked_by_its_own_id(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        reference = entry_id(ENTRY, test_run=True)
        body = answer(confirmation("0000000000", "0000", reference=reference, told=log(1)))
        stub = await bench.stub(lambda _: Answer(body, 200, XML))
        told = await SoapChannel(bench.sap(stub.url)).test(ENTRY)
        assert told is not None
        assert (told.outcome, told.accounting_document) == (PostOutcome.POSTED, "")
        assert stub.asked[0].body == request_bytes(ENTRY, test_run=True)
        assert await ODataChannel(bench.sap(stub.url), OWN).test(ENTRY) is None

    run_async(story)


SOAP_ENDINGS = [
    (Answer(answer(confirmation("", "0000", reference=ID, told=REFUSED)), 200, XML), PostOutcome.REJECTED, "refuses"),
    (Answer(FAULT, 500, XML), PostOutcome.REJECTED, "could not read the message; nothing was posted"),
    (Answer(FAULT, 400, XML), PostOutcome.REJECTED, "could not read the message"),
    (Answer(b"", 500, XML), PostOutcome.UNKNOWN, "answered 500"),
    (Answer(b"<html>dump</html>", 500, HTML), PostOutcome.UNKNOWN, "answered 500 with a web page"),
    (Answer(FAULT, 503, XML), PostOutcome.UNKNOWN, "answered 503"),
    (Answer(b"", 502, HTML), PostOutcome.UNKNOWN, "answered 502"),
    (Answer(b"", 504, HTML), PostOutcome.UNKNOWN, "answered 504"),
    (Answer(b"", 400, HTML), PostOutcome.UNKNOWN, "answered 400"),
    (Answer(b"", 404, HTML), PostOutcome.UNKNOWN, "answered 404"),
    (Answer(b"", 408, XML), PostOutcome.UNKNOWN, "answered 408"),
    (Answer(b"", 202, XML), PostOutcome.UNKNOWN, "answered 202"),
    (Answer(b"<html>Log on</html>", 200, HTML), PostOutcome.UNKNOWN, "answered 200 with a web page"),
    (Answer(GOOD[:200], 200, XML), PostOutcome.UNKNOWN, "cut off"),
    (Answer(GOOD, 200, {**XML, "Content-Length": str(len(GOOD) + 9)}), PostOutcome.UNKNOWN, "may have taken effect"),
    (Answer(GOOD + b" " * 5_000_000, 200, XML), PostOutcome.UNKNOWN, "may have taken effect"),
    (Answer(b"", 302, {"Location": "https://login.example/"}), PostOutcome.UNKNOWN, "may have taken effect"),
    (Answer(b"<html>", 401, HTML), PostOutcome.NOT_PROCESSED, "refused the credential"),
    (Answer(b"", 403, HTML), PostOutcome.NOT_PROCESSED, "SAP_COM_0002"),
    (Answer(b"", 413, HTML), PostOutcome.NOT_PROCESSED, "413"),
]


@pytest.mark.parametrize(("ending", "outcome", "words"), SOAP_ENDINGS)
def test_every_ending_of_a_posting_has_its_class(
    run_async: Run, ending: Answer, outcome: PostOutcome, words: str
) -> None:
    async def story(bench: Bench) -> None:
        sent: list[int] = []

        async def respond(_: Asked) -> Answer:
            sent.append(1)
            return ending

        stub = await bench.stub(respond)
        options: dict[str, Any] = {"timeouts": Timeouts(read=0.3, whole=0.5)}
        channel = SoapChannel(bench.sap(stub.url, **options))
        told = await channel.send(channel.payload(ENTRY), ENTRY)
        assert told.outcome is outcome, told
        assert words in told.why
        assert (told.accounting_document, told.fiscal_year) == ("", "")
        assert len(sent) == 1  # nothing is ever sent twice by itself

    run_async(story)


def test_the_words_of_a_fault_are_kept(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        stub = await bench.stub(lambda _: Answer(FAULT, 500, XML))
        told = await SoapChannel(bench.sap(stub.url)).send(b"x", ENTRY)
        assert [(message.severity, message.text) for message in told.messages] == [(3, "Transaction ID 6B3C")]

    run_async(story)


def test_a_wish_to_wait_is_kept(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        stub = await bench.stub(lambda _: Answer(b"", 429, {"Retry-After": "60"}))
        told = await SoapChannel(bench.sap(stub.url)).send(b"x", ENTRY)
        assert (told.outcome, told.retry_after, told.too_many) == (PostOutcome.NOT_PROCESSED, 60.0, True)
        at = format_datetime(bench.clock.now() + timedelta(seconds=90), usegmt=True)
        dated = await bench.stub(lambda _: Answer(b"", 429, {"Retry-After": at}))
        told = await SoapChannel(bench.sap(dated.url)).send(b"x", ENTRY)
        assert told.outcome is PostOutcome.NOT_PROCESSED
        assert told.retry_after == pytest.approx(90, abs=2)

    run_async(story)


def test_silence_and_a_cut_connection_are_unknown_and_no_connection_is_not_processed(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        async def hang_up(_: Asked) -> Answer:
            raise ConnectionError

        async def silence(_: Asked) -> Answer:
            await asyncio.sleep(5)
            return Answer()

        quick: dict[str, Any] = {"timeouts": Timeouts(connect=1, read=0.2, whole=0.4)}
        for respond in (hang_up, silence):
            stub = await bench.stub(respond)
            told = await SoapChannel(bench.sap(stub.url, **quick)).send(b"x", ENTRY)
            assert told.outcome is PostOutcome.UNKNOWN
            assert len(stub.asked) == 1
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
        for channel in (SoapChannel(bench.sap(nobody)), ODataChannel(bench.sap(nobody), OWN)):
            told = await channel.send(b"x", ENTRY)
            assert told.outcome is PostOutcome.NOT_PROCESSED
            assert "accepts no connection" in told.why

    run_async(story)


def test_a_refused_password_is_not_even_tried_again(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        stub = await bench.stub(lambda _: Answer(b"", 401, HTML))
        channel = SoapChannel(bench.sap(stub.url))
        for _ in range(3):
            assert (await channel.send(b"x", ENTRY)).outcome is PostOutcome.NOT_PROCESSED
        assert len(stub.asked) == 1

    run_async(story)


class Service:
    """An OData service of the customer's own: gives a token, and answers writes as told."""

    def __init__(self, write: Callable[[Asked], Any]) -> None:
        self.write = write
        self.token = Answer({}, 200, {"x-csrf-token": "t1", "Set-Cookie": "S=1; path=/"})
        self.writes: list[Asked] = []

    def respond(self, asked: Asked) -> Any:
        if asked.method == "GET":
            return self.token
        self.writes.append(asked)
        return self.write(asked)


def created(number: str, year: str = "2026") -> Answer:
    return Answer(
        {"d": {"CompanyCode": "1010", "AccountingDocument": number, "FiscalYear": year, "to_Items": None}}, 201
    )


def refusal(status: int) -> Answer:
    inner = {"errordetails": [{"code": "F5/507", "message": "Account 99 not in chart"}]}
    said = {"code": "F5/507", "message": {"lang": "en", "value": "Account 99 not in chart"}, "innererror": inner}
    return Answer({"error": said}, status)


async def send_own(bench: Bench, service: Service) -> PostAnswer:
    stub = await bench.stub(service.respond)
    channel: Channel = ODataChannel(bench.sap(stub.url), OWN)
    return await channel.send(channel.payload(ENTRY), ENTRY)


def test_a_deep_insert_posts_and_names_the_document(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        service = Service(lambda _: created("0100000009"))
        told = await send_own(bench, service)
        assert (told.outcome, told.accounting_document, told.fiscal_year) == (PostOutcome.POSTED, "0100000009", "2026")
        (asked,) = service.writes
        assert asked.path == ODATA + OWN
        assert (asked.headers["x-csrf-token"], asked.headers["cookie"]) == ("t1", "S=1")
        assert json.loads(asked.body) == {
            "CompanyCode": "1010",
            "AccountingDocumentType": "SA",
            "DocumentReferenceID": "PL0123456789ABCD",
            "DocumentDate": "/Date(1795305600000)/",
            "PostingDate": "/Date(1795996800000)/",
            "AccountingDocumentHeaderText": "Accrual Nov 2026",
            "Reference1InDocumentHeader": "PLAN 3F9A 12CD",
            "LedgerGroup": "",
            "to_Items": {
                "results": [
                    {
                        "GLAccount": "61003000",
                        "CostCenter": "10101101",
                        "ProfitCenter": "",
                        "DebitCreditCode": "S",
                        "AmountInTransactionCurrency": "1200.00",
                        "TransactionCurrency": "EUR",
                        "DocumentItemText": "Accrued rent & <power>",
                        "AssignmentReference": "PL0123456789ABCD",
                    },
                    {
                        "GLAccount": "21550000",
                        "CostCenter": "",
                        "ProfitCenter": "YB600",
                        "DebitCreditCode": "H",
                        "AmountInTransactionCurrency": "-1200.00",
                        "TransactionCurrency": "EUR",
                        "DocumentItemText": "",
                        "AssignmentReference": "PL0123456789ABCD",
                    },
                ]
            },
        }

    run_async(story)


@given(day=st.dates())
@settings(deadline=None)
def test_a_day_is_read_back_as_it_was_written(day: date) -> None:
    assert to_date(to_wire_date(day)) == day.isoformat()


def test_another_ledger_is_named_and_a_bad_value_is_refused(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        channel = ODataChannel(bench.sap("http://127.0.0.1:9"), OWN)
        assert json.loads(channel.payload(replace(ENTRY, ledger="2L")))["LedgerGroup"] == "2L"
        with pytest.raises(RejectedError, match="document_type"):
            channel.payload(replace(ENTRY, document_type="SAX"))

    run_async(story)


@pytest.mark.parametrize(
    ("ending", "outcome", "words"),
    [
        (refusal(400), PostOutcome.REJECTED, "refuses"),
        (refusal(404), PostOutcome.REJECTED, "refuses"),
        (Answer(b"<html>", 400, HTML), PostOutcome.UNKNOWN, "400 with a web page"),
        (refusal(408), PostOutcome.UNKNOWN, "408"),
        (refusal(500), PostOutcome.UNKNOWN, "500"),
        (Answer(b"", 503), PostOutcome.UNKNOWN, "503"),
        (created("0000000000"), PostOutcome.UNKNOWN, "without a document number"),
        (created(" "), PostOutcome.UNKNOWN, "without a document number"),
        (created("0100000009", ""), PostOutcome.UNKNOWN, "without a document number"),
        (Answer({"d": 7}, 201), PostOutcome.UNKNOWN, "answered 201"),
        (Answer(b"<html>", 200, HTML), PostOutcome.UNKNOWN, "200 with a web page"),
        (Answer(b"", 204), PostOutcome.UNKNOWN, "answered 204"),
        (
            Answer(
                created("0100000009").body, 201, {"sap-message": '{"code":"X/1","message":"Cut","severity":"error"}'}
            ),
            PostOutcome.UNKNOWN,
            "of an error: Cut",
        ),
        (
            Answer(b"no", 403, {"Content-Type": "text/plain"}),
            PostOutcome.NOT_PROCESSED,
            "ZJOURNALENTRY_SRV is forbidden",
        ),
        (Answer(b"", 413), PostOutcome.NOT_PROCESSED, "413"),
    ],
)
def test_every_ending_of_a_deep_insert_has_its_class(
    run_async: Run, ending: Answer, outcome: PostOutcome, words: str
) -> None:
    async def story(bench: Bench) -> None:
        service = Service(lambda _: ending)
        told = await send_own(bench, service)
        assert told.outcome is outcome, told
        assert words in told.why
        assert told.accounting_document == ""
        assert len(service.writes) == 1

    run_async(story)


def test_saps_causes_are_kept(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        told = await send_own(bench, Service(lambda _: refusal(400)))
        assert [(one.code, one.text) for one in told.messages] == [("F5/507", "Account 99 not in chart")]

    run_async(story)


def test_an_expired_token_costs_one_more_sending_and_no_token_costs_none(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        wants = Answer(b"CSRF token validation failed", 403, {"x-csrf-token": "Required", "Content-Type": "text/plain"})
        answers = iter([wants, created("0100000009")])
        service = Service(lambda _: next(answers))
        assert (await send_own(bench, service)).outcome is PostOutcome.POSTED
        assert len(service.writes) == 2
        never = Service(lambda _: wants)
        assert (await send_own(bench, never)).outcome is PostOutcome.NOT_PROCESSED
        assert len(never.writes) == 2
        for token in (Answer({}), Answer(b"", 401, HTML), Answer(b"", 503), Answer(b"<html>", 200, HTML)):
            closed = Service(lambda _: created("0100000009"))
            closed.token = token
            assert (await send_own(bench, closed)).outcome is PostOutcome.NOT_PROCESSED
            assert closed.writes == []

    run_async(story)


def test_the_client_itself_tells_a_redirect_apart_from_a_refusal(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        stub = await bench.stub(lambda _: Answer(b"", 307, {"Location": "/elsewhere"}))
        http = HttpClient(stub.url, name="sap.main", clock=bench.clock)
        try:
            with pytest.raises(OutcomeUnknownError):
                await SapClient(http, BasicAuth(LOGIN)).write("POST", JOURNAL_ENTRY, b"x")
        finally:
            await http.aclose()

    run_async(story)
