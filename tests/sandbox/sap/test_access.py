"""Tokens, basic credentials, CSRF, arrangement and limits."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    Served = Any

TOKEN = "/sap/bc/sec/oauth2/token"
COMPANY = "/sap/opu/odata/sap/API_COMPANYCODE_SRV/A_CompanyCode"
INVOICES = "/sap/opu/odata/sap/API_SUPPLIERINVOICE_PROCESS_SRV/A_SupplierInvoice"


@pytest.fixture
def stranger(sap: Served) -> Any:
    with httpx.Client(base_url=sap.url, headers={"Accept": "application/json"}) as client:
        yield client


def test_token_by_basic_and_by_body(sap: Served, stranger: httpx.Client) -> None:
    grant = {"grant_type": "client_credentials"}
    by_basic = stranger.post(TOKEN, data=grant, auth=("CONNECTOR", "sandbox-secret-1"))
    by_body = stranger.post(TOKEN, data=grant | {"client_id": "CONNECTOR", "client_secret": "sandbox-secret-1"})
    for answer in (by_basic, by_body):
        assert answer.status_code == 200
        assert answer.json()["token_type"] == "Bearer"
        assert answer.json()["expires_in"] == 3600
        bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        assert stranger.get(COMPANY, headers=bearer).status_code == 200


def test_token_refusals(sap: Served, stranger: httpx.Client) -> None:
    wrong = stranger.post(TOKEN, data={"grant_type": "client_credentials"}, auth=("CONNECTOR", "no"))
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    other = stranger.post(TOKEN, data={"grant_type": "password"}, auth=("CONNECTOR", "sandbox-secret-1"))
    assert (other.status_code, other.json()["error"]) == (400, "unsupported_grant_type")


def test_token_ends_with_its_life_and_on_revocation(sap: Served, stranger: httpx.Client) -> None:
    sap.tenant.settings.token_seconds = 60
    sap.tenant.settings.expires_in_as_text = True

    def grant() -> dict[str, str]:
        answer = stranger.post(
            TOKEN, data={"grant_type": "client_credentials"}, auth=("CONNECTOR", "sandbox-secret-1")
        ).json()
        assert answer["expires_in"] == "60"
        return {"Authorization": f"Bearer {answer['access_token']}"}

    first = grant()
    sap.clock.advance(59)
    assert stranger.get(COMPANY, headers=first).status_code == 200
    sap.clock.advance(1)
    assert stranger.get(COMPANY, headers=first).status_code == 401
    second = grant()
    assert sap.client.post("/_sandbox/sap/tokens/revoke").status_code == 200
    assert stranger.get(COMPANY, headers=second).status_code == 401


def test_wrong_password_is_401_with_html(stranger: httpx.Client) -> None:
    for auth in (None, ("CONNECTOR", "wrong")):
        answer = stranger.get(COMPANY, auth=auth, headers={"X-CSRF-Token": "Fetch"})
        assert answer.status_code == 401
        assert answer.headers["content-type"].startswith("text/html")
        assert "x-csrf-token" not in answer.headers


def test_service_outside_the_arrangement(sap: Served) -> None:
    sap.tenant.settings.services_off = ["API_COMPANYCODE_SRV"]
    for path in (COMPANY, "/sap/opu/odata/sap/API_JOURNALENTRY_SRV/X"):
        answer = sap.client.get(path)
        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "/IWFND/MED/170"
        assert "x-csrf-token" not in answer.headers


def test_date_is_the_clocks(sap: Served) -> None:
    sap.clock.advance(86_400)
    answer = sap.client.get(COMPANY)
    assert parsedate_to_datetime(answer.headers["date"]) == sap.clock.now()


def test_write_needs_token_and_cookies(sap: Served) -> None:
    def refused(answer: httpx.Response) -> bool:
        return (
            answer.status_code == 403
            and answer.headers["x-csrf-token"] == "Required"
            and answer.text == "CSRF token validation failed"
            and answer.headers["content-type"].startswith("text/plain")
        )

    assert refused(sap.client.post(INVOICES, json={}))
    token = sap.token()
    assert len(list(sap.client.cookies.jar)) >= 2
    assert not refused(sap.client.post(INVOICES, json={}, headers=token))
    assert refused(sap.client.post(INVOICES, json={}, headers={"X-CSRF-Token": "wrong"}))
    sap.client.cookies.clear()
    assert refused(sap.client.post(INVOICES, json={}, headers=token))


def test_csrf_token_ends(sap: Served) -> None:
    token = sap.token()
    assert sap.token() == token
    sap.clock.advance(1801)
    assert sap.client.post(INVOICES, json={}, headers=token).status_code == 403
    token = sap.token()
    assert sap.client.post(INVOICES, json={}, headers=token).status_code == 400
    sap.client.post("/_sandbox/sap/sessions/end")
    assert sap.client.post(INVOICES, json={}, headers=token).status_code == 403


def test_head_fetches_a_token_too(sap: Served) -> None:
    answer = sap.client.head(INVOICES + "?$top=1", headers={"X-CSRF-Token": "Fetch"})
    assert answer.status_code == 200
    assert answer.headers["x-csrf-token"]


def test_too_many_requests(sap: Served) -> None:
    sap.tenant.settings.requests_per_minute = 3
    assert [sap.client.get(COMPANY).status_code for _ in range(5)] == [200, 200, 200, 429, 429]
    assert sap.client.get(COMPANY).headers["retry-after"] == "60"
    sap.tenant.settings.retry_after_as_date = True
    assert parsedate_to_datetime(sap.client.get(COMPANY).headers["retry-after"]) > sap.clock.now()
    sap.clock.advance(60)
    assert sap.client.get(COMPANY).status_code == 200
