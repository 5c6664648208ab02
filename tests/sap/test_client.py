"""What SAP's refusals become, the ping, and writes under a CSRF token."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from tests.sap.conftest import Answer, Asked, Bench, Run, Sandbox
from tui_connector.domain.errors import (
    AuthenticationError,
    ConfigError,
    ConnectorError,
    ContractChangedError,
    OutcomeUnknownError,
    TransientError,
)
from tui_connector.flows import FLOWS
from tui_connector.sap.csrf import CsrfSession
from tui_connector.sap.errors import SapMessage, read_message

ROOT = "/sap/opu/odata/sap/API_COSTCENTER_SRV/"
PLAN = "/sap/opu/odata/sap/API_FINPLANNINGDATA_SRV/"
PLANNED = "/sap/opu/odata/sap/API_FINPLANNINGENTRYITEM_SRV/A_FinPlanningEntryItem"
XML = {"Content-Type": "application/xml; charset=utf-8"}
HTML = {"Content-Type": "text/html; charset=utf-8"}


def v2_error(code: str, text: str) -> dict[str, Any]:
    inner = {"transactionid": "ABC", "errordetails": [{"code": "F5/117", "message": "detail"}]}
    return {"error": {"code": code, "message": {"lang": "en", "value": text}, "innererror": inner}}


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (
            Answer(v2_error("5A", "Property ZZ not found in type A_CostCenterType"), 400),
            ContractChangedError,
            "no field ZZ",
        ),
        (
            Answer({"error": {"code": "1", "message": "Property 'ZZ' does not exist in type 'X'"}}, 400),
            ContractChangedError,
            "no field ZZ",
        ),
        (Answer(v2_error("5A", "Invalid filter"), 400), ContractChangedError, "Invalid filter"),
        (
            Answer(
                b"<?xml version='1.0'?><error xmlns='http://x'><code>5A</code>"
                b"<message xml:lang='en'>Property ZZ not found in type T</message></error>",
                400,
                XML,
            ),
            ContractChangedError,
            "no field ZZ",
        ),
        (
            Answer(v2_error("/IWFND/MED/170", "No service found"), 403),
            AuthenticationError,
            "API_COSTCENTER_SRV/A_CostCenter",
        ),
        (Answer(v2_error("S1", "No authorization"), 403), AuthenticationError, "No authorization"),
        (Answer(b"<html>", 403, HTML), AuthenticationError, "forbidden"),
        (Answer(b"<html>", 401, HTML), AuthenticationError, "refused the credential"),
        (Answer(v2_error("/IWBEP/CM_MGW_RT/020", "Resource not found"), 404), ContractChangedError, "does not exist"),
        (Answer(v2_error("S2", "Short dump"), 500), TransientError, "Short dump"),
        (Answer(b"<html>", 500, HTML), TransientError, "a web page"),
        (Answer(v2_error("S3", "x"), 406), ContractChangedError, "406"),
        (Answer(b"<html>Log on</html>", 200, HTML), ContractChangedError, "a web page instead of JSON"),
        (Answer(b"<feed/>", 200, XML), ContractChangedError, "instead of JSON"),
    ],
)
def test_refusals_in_plain_words(run_async: Run, answer: Answer, kind: type[ConnectorError], words: str) -> None:
    async def story(bench: Bench) -> None:
        stub = await bench.stub(lambda _: answer)
        client = bench.sap(stub.url)
        for call in (client.get, client.fetch):
            with pytest.raises(kind) as caught:
                await call(f"{ROOT}A_CostCenter", query={"$top": "1"})
            assert words in caught.value.message
            assert "sap.main" in caught.value.message
            assert caught.value.hint
        # a user that was refused is not tried again: SAP would lock it
        assert len(stub.asked) == (1 if answer.status == 401 else 2)

    run_async(story)


@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        ({"sap-message": '{"code":"S/1","message":"Aggregation cut","severity":"error","details":[]}'}, True),
        ({"sap-messages": '[{"code":"S/1","message":"Aggregation cut","numericSeverity":4}]'}, True),
        ({"sap-message": '{"code":"S/1","message":"Aggregation cut","severity":"warning"}'}, False),
        ({"sap-messages": '[{"code":"S/1","message":"Aggregation cut","numericSeverity":2}]'}, False),
        ({"sap-message": "not json"}, False),
    ],
)
def test_an_error_beside_the_data_is_not_overlooked(run_async: Run, headers: dict[str, str], refused: bool) -> None:
    async def story(bench: Bench) -> None:
        stub = await bench.stub(lambda _: Answer({"d": {"results": []}}, 200, headers))
        call = bench.sap(stub.url).get(f"{ROOT}A_CostCenter")
        if not refused:
            assert (await call).status == 200
            return
        with pytest.raises(ContractChangedError, match="Aggregation cut"):
            await call

    run_async(story)


def test_a_service_outside_the_arrangement_names_the_scenario(run_async: Run, sandbox: Sandbox) -> None:
    async def story(bench: Bench) -> None:
        sandbox.set(services_off=["API_COMPANYCODE_SRV"])
        with pytest.raises(AuthenticationError, match="API_COMPANYCODE_SRV") as caught:
            await bench.sap(sandbox.url).ping()
        assert "SAP_COM_0087" in caught.value.hint

    run_async(story)


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE e [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><error><message>&b;</message></error>',
        b"<error><message>",
        b"<other/>",
    ],
)
def test_hostile_xml_is_not_read(run_async: Run, body: bytes) -> None:
    async def story(bench: Bench) -> None:
        stub = await bench.stub(lambda _: Answer(body, 400, XML))
        with pytest.raises(ContractChangedError, match="an error body"):
            await bench.sap(stub.url).get(f"{ROOT}A_CostCenter")

    run_async(story)


def test_the_tenants_words_are_cleaned_and_cut(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        stub = await bench.stub(lambda _: Answer(v2_error("5A", "\x1b]0;evil\x07\u202e" + "x" * 5000), 400))
        answer = await bench.http(stub.url).send("GET", "/", repeatable=True)
        said = read_message(answer)
        assert said.text.isprintable()
        assert len(said.text) == 300
        assert (said.code, said.transaction, said.details) == ("5A", "ABC", ("detail",))
        strange = await bench.stub(lambda _: Answer(b'{"error":7}', 400))
        assert read_message(await bench.http(strange.url).send("GET", "/", repeatable=True)) == SapMessage(
            "", "an error body of an unknown form"
        )

    run_async(story)


def test_a_ping_tells_latency_clock_and_company_codes(run_async: Run, sandbox: Sandbox) -> None:
    async def story(bench: Bench) -> None:
        found = await bench.sap(sandbox.url).ping()
        assert [(code.company_code, code.currency) for code in found.company_codes] == [
            ("1010", "EUR"),
            ("2010", "CHF"),
        ]
        assert found.writes_open
        assert found.clock_offset is not None
        assert abs(found.clock_offset) < 5

    run_async(story)


def test_a_clock_that_is_ahead_is_told_and_its_time_is_what_counts(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        ahead = bench.clock.now().replace(microsecond=0) + timedelta(hours=1)
        headers = {"Date": format_datetime(ahead, usegmt=True)}
        stub = await bench.stub(lambda _: Answer({"d": {"results": [{"CompanyCode": "1010"}]}}, 200, headers))
        found = await bench.sap(stub.url).ping()
        assert found.clock_offset is not None
        assert abs(found.clock_offset - 3600) <= 1
        assert not found.writes_open
        assert await bench.sap(stub.url).server_time(FLOWS[0].source) == ahead
        assert stub.asked[-1].path == "/sap/opu/odata/sap/API_GLACCOUNTINCHARTOFACCOUNTS_SRV/"

    run_async(story)


def test_an_empty_ping_and_a_server_without_a_date_are_told(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        stub = await bench.stub(lambda _: {"d": {"results": []}})
        with pytest.raises(AuthenticationError, match="no company code"):
            await bench.sap(stub.url).ping()
        with pytest.raises(ContractChangedError, match="no Date header"):
            await bench.sap(stub.url).server_time(FLOWS[0].source)

    run_async(story)


def plan_data(account: str) -> bytes:
    fields = "CompanyCode,PlanningCategory,FiscalYearPeriod,GLAccount"
    line = {
        "CompanyCode": "1010",
        "PlanningCategory": "PLN",
        "FiscalYearPeriod": "005.2026",
        "GLAccount": account,
        "TransactionCurrency": "EUR",
        "AmountInTransactionCurrency": "100.00",
    }
    return json.dumps(
        {
            "PlanDataAggrgnLvlFieldsString": fields,
            "PlanDataRplcScopeFieldsString": fields,
            "to_FinPlanningEntryItemTP": {"results": [line]},
        }
    ).encode()


def test_plan_data_are_written_and_an_ended_session_costs_one_new_token(run_async: Run, sandbox: Sandbox) -> None:
    async def story(bench: Bench) -> None:
        client = bench.sap(sandbox.url)
        session = CsrfSession(client, PLAN)
        first = await session.write("POST", "FinancialPlanData", plan_data("61003000"))
        assert first.status == 201, first.body
        assert sandbox.count("POST") == 1
        sandbox.tell("/sap/sessions/end")
        second = await session.write("POST", "FinancialPlanData", plan_data("11001000"))
        assert second.status == 201, second.body
        fetched = sandbox.count(f"GET {PLAN}")
        assert fetched == 2
        refused = await session.write("POST", "FinancialPlanData", plan_data("99999999"))
        assert refused.status == 400
        assert "F5/507" in read_message(refused).code
        assert sandbox.count(f"GET {PLAN}") == fetched

    run_async(story)


def test_a_lost_answer_to_a_write_is_an_unknown_outcome_and_stays_one_write(run_async: Run, sandbox: Sandbox) -> None:
    async def story(bench: Bench) -> None:
        client = bench.sap(sandbox.url)
        sandbox.tell("/faults", method="POST", path="FinancialPlanData", kind="drop_answer")
        with pytest.raises(OutcomeUnknownError):
            await CsrfSession(client, PLAN).write("POST", "FinancialPlanData", plan_data("61003000"))
        assert sandbox.count("POST") == 1
        planned = json.loads((await client.get(PLANNED)).body)["d"]["results"]
        assert [row["GLAccount"] for row in planned] == ["61003000"]  # it did arrive

    run_async(story)


class Csrf:
    """A service that gives numbered tokens bound to a cookie."""

    def __init__(self, *, always_required: bool = False) -> None:
        self.fetches = 0
        self.writes: list[Asked] = []
        self.always_required = always_required

    def respond(self, asked: Asked) -> Answer:
        if asked.method == "GET":
            self.fetches += 1
            cookie = f"S={self.fetches}; path=/"
            return Answer({}, 200, {"x-csrf-token": f"token{self.fetches}", "Set-Cookie": cookie})
        self.writes.append(asked)
        good = (
            asked.headers["x-csrf-token"] == f"token{self.fetches}" and f"S={self.fetches}" in asked.headers["cookie"]
        )
        if self.always_required or not good:
            headers = {"x-csrf-token": "Required", "Content-Type": "text/plain"}
            return Answer(b"CSRF token validation failed", 403, headers)
        return Answer({}, 201)


def test_a_refused_token_is_fetched_again_once_for_everybody(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        server = Csrf()
        session = CsrfSession(bench.sap((await bench.stub(server.respond)).url), PLAN)
        assert (await session.write("POST", "FinancialPlanData", b"{}")).status == 201
        assert (server.fetches, len(server.writes)) == (1, 1)
        session._token = "outdated"
        answers = await asyncio.gather(*(session.write("POST", "FinancialPlanData", b"{}") for _ in range(8)))
        assert {answer.status for answer in answers} == {201}
        assert server.fetches == 2
        assert len(server.writes) <= 1 + 16

    run_async(story)


def test_a_token_refused_twice_is_not_tried_a_third_time(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        server = Csrf(always_required=True)
        session = CsrfSession(bench.sap((await bench.stub(server.respond)).url), PLAN)
        with pytest.raises(AuthenticationError, match="just given"):
            await session.write("POST", "FinancialPlanData", b"{}")
        assert (server.fetches, len(server.writes)) == (2, 2)

    run_async(story)


def test_a_403_of_another_kind_is_no_matter_of_tokens(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        answers = iter([Answer({}, 200, {"x-csrf-token": "t"}), Answer(v2_error("S1", "No authorization"), 403)])
        stub = await bench.stub(lambda _: next(answers))
        assert (await CsrfSession(bench.sap(stub.url), PLAN).write("POST", "FinancialPlanData", b"{}")).status == 403
        assert len(stub.asked) == 2

    run_async(story)


@pytest.mark.parametrize("headers", [{}, {"x-csrf-token": "Required"}])
def test_nothing_is_written_without_a_token(run_async: Run, headers: dict[str, str]) -> None:
    async def story(bench: Bench) -> None:
        stub = await bench.stub(lambda _: Answer({}, 200, headers))
        with pytest.raises(ContractChangedError, match="no CSRF token"):
            await CsrfSession(bench.sap(stub.url), PLAN).write("POST", "FinancialPlanData", b"{}")
        assert [asked.method for asked in stub.asked] == ["GET"]
        with pytest.raises(ConfigError, match="nothing was sent"):
            await CsrfSession(bench.sap(stub.url), PLAN).write("GET", "FinancialPlanData", b"")

    run_async(story)
