"""The ways in: one token however many ask, renewed once when refused, and a refused secret never tried again."""

from __future__ import annotations

import asyncio
import base64
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.sap.conftest import LOGIN, Answer, Asked, Bench, Run, Sandbox
from tui_connector.domain.credential import SapCredential
from tui_connector.domain.errors import AuthenticationError, ConfigError, ContractChangedError, UnreachableError
from tui_connector.sap.auth import BasicAuth, CertificateAuth, ClientCredentialsAuth
from tui_connector.transport.tokens import MemoryShelf

TOKEN_PATH = "/sap/bc/sec/oauth2/token"
CLIENT = SapCredential(client_id="CONNECTOR", client_secret="sandbox-secret-1")
CODES = {"d": {"results": [{"CompanyCode": "1010"}]}}


def oauth(bench: Bench, url: str, shelf: MemoryShelf | None = None, **options: Any) -> ClientCredentialsAuth:
    shelf = shelf or MemoryShelf(bench.clock)
    return ClientCredentialsAuth(bench.http(url), TOKEN_PATH, CLIENT, shelf, bench.clock, **options)


class Tokens:
    """A tenant that gives numbered tokens and knows which of them are good."""

    def __init__(self, **answer: Any) -> None:
        self.given = 0
        self.good: set[str] = set()
        self.answer = {"token_type": "Bearer", "expires_in": 600, **answer}

    async def respond(self, asked: Asked) -> Any:
        if asked.path == TOKEN_PATH:
            await asyncio.sleep(0.02)
            self.given += 1
            self.good = {f"t{self.given}"}
            return {"access_token": f"t{self.given}", **self.answer}
        bearer = asked.headers.get("authorization", "").removeprefix("Bearer ")
        return CODES if bearer in self.good else Answer(b"<html>", 401, {"Content-Type": "text/html"})


def test_fifty_callers_fetch_one_token(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        tokens = Tokens()
        stub = await bench.stub(tokens.respond)
        client = bench.sap(stub.url, oauth(bench, stub.url))
        await asyncio.gather(*(client.ping() for _ in range(50)))
        assert tokens.given == 1

    run_async(story)


def test_fifty_callers_renew_a_refused_token_once(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        tokens = Tokens()
        stub = await bench.stub(tokens.respond)
        client = bench.sap(stub.url, oauth(bench, stub.url))
        await client.ping()
        tokens.good = set()
        await asyncio.gather(*(client.ping() for _ in range(50)))
        assert tokens.given == 2

    run_async(story)


def test_workers_share_the_token_of_one_shelf(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        tokens = Tokens()
        stub = await bench.stub(tokens.respond)
        shelf = MemoryShelf(bench.clock)
        clients = [bench.sap(stub.url, oauth(bench, stub.url, shelf)) for _ in range(10)]
        await asyncio.gather(*(client.ping() for client in clients))
        assert tokens.given == 1
        tokens.good = set()
        await asyncio.gather(*(client.ping() for client in clients))
        assert tokens.given == 2
        saved = shelf.load()
        assert saved is not None
        assert (saved.value, saved.generation) == ("t2", 2)

    run_async(story)


@pytest.mark.parametrize("life", [600, "600", 600.0])
def test_a_token_is_replaced_a_minute_before_its_end(run_async: Run, life: Any) -> None:
    async def story(bench: Bench) -> None:
        tokens = Tokens(expires_in=life)
        stub = await bench.stub(tokens.respond)
        auth = oauth(bench, stub.url)
        await auth.headers()
        bench.clock.advance(539)
        assert await auth.headers() == {"authorization": "Bearer t1"}
        bench.clock.advance(2)
        assert await auth.headers() == {"authorization": "Bearer t2"}

    run_async(story)


def test_a_token_of_a_short_life_is_used_for_half_of_it(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        tokens = Tokens(expires_in=20)
        stub = await bench.stub(tokens.respond)
        auth = oauth(bench, stub.url)
        await auth.headers()
        await auth.headers()
        assert tokens.given == 1
        bench.clock.advance(11)
        await auth.headers()
        assert tokens.given == 2

    run_async(story)


def test_a_refused_secret_is_sent_once_only(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        stub = await bench.stub(lambda _: Answer({"error": "invalid_client"}, 401))
        auth = oauth(bench, stub.url)
        for _ in range(5):
            with pytest.raises(AuthenticationError, match="invalid_client"):
                await auth.headers()
        results = await asyncio.gather(*(auth.headers() for _ in range(20)), return_exceptions=True)
        assert all(isinstance(result, AuthenticationError) for result in results)
        assert len(stub.asked) == 1

    run_async(story)


def test_the_secret_goes_into_header_or_form_and_nowhere_else(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        tokens = Tokens()
        stub = await bench.stub(tokens.respond)
        await oauth(bench, stub.url, scope="API_X_0001").headers()
        await oauth(bench, stub.url, in_body=True).headers()
        first, second = stub.asked
        assert base64.b64decode(first.headers["authorization"].removeprefix("Basic ")) == b"CONNECTOR:sandbox-secret-1"
        assert parse_qs(first.body.decode()) == {"grant_type": ["client_credentials"], "scope": ["API_X_0001"]}
        assert "authorization" not in second.headers
        assert parse_qs(second.body.decode())["client_secret"] == ["sandbox-secret-1"]
        assert "secret" not in first.target + second.target

    run_async(story)


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"access_token":"x","expires_in":"soon"}', b'{"access_token":5}'])
def test_what_is_no_token_is_told(run_async: Run, body: bytes) -> None:
    async def story(bench: Bench) -> None:
        stub = await bench.stub(lambda _: Answer(body))
        with pytest.raises(ContractChangedError, match="no token"):
            await oauth(bench, stub.url).headers()

    run_async(story)


def test_a_worker_waits_for_another_ones_fetch_and_not_for_ever(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        tokens = Tokens()
        stub = await bench.stub(tokens.respond)

        class Held(MemoryShelf):
            def claim(self, owner: str, seconds: float) -> bool:
                return False

        with pytest.raises(UnreachableError, match="another worker"):
            await oauth(bench, stub.url, Held(bench.clock)).headers()
        assert tokens.given == 0
        assert sum(bench.clock.slept) >= 120

    run_async(story)


def test_a_failed_fetch_gives_the_claim_back(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        stub = await bench.stub(lambda _: Answer(b"", 500))
        shelf = MemoryShelf(bench.clock)
        with pytest.raises(UnreachableError):
            await oauth(bench, stub.url, shelf).headers()
        assert shelf.claim("another", 30)

    run_async(story)


def test_basic_is_never_repeated_after_a_refusal(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        stub = await bench.stub(lambda _: Answer(b"<html>", 401, {"Content-Type": "text/html"}))
        with pytest.raises(AuthenticationError, match="refused the credential"):
            await bench.sap(stub.url, BasicAuth(SapCredential(user="Ü", password="ß:x"))).ping()
        (asked,) = stub.asked
        assert base64.b64decode(asked.headers["authorization"].removeprefix("Basic ")).decode() == "Ü:ß:x"

    run_async(story)


def test_a_client_certificate_needs_no_header(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        stub = await bench.stub(lambda _: CODES)
        await bench.sap(stub.url, CertificateAuth()).ping()
        assert "authorization" not in stub.asked[0].headers

    run_async(story)


def test_half_a_credential_is_refused() -> None:
    for credential in (SapCredential(), SapCredential(user="A"), SapCredential(user="A:B", password="x")):
        with pytest.raises(ConfigError):
            BasicAuth(credential)


def test_the_sandbox_takes_both_ways_and_a_revoked_token_is_renewed(run_async: Run, sandbox: Sandbox) -> None:
    async def story(bench: Bench) -> None:
        assert len((await bench.sap(sandbox.url, BasicAuth(LOGIN)).ping()).company_codes) == 2
        client = bench.sap(sandbox.url, oauth(bench, sandbox.url))
        await client.ping()
        sandbox.tell("/sap/tokens/revoke")
        before = sandbox.count(TOKEN_PATH)
        await asyncio.gather(*(client.ping() for _ in range(10)))
        assert sandbox.count(TOKEN_PATH) == before + 1

    run_async(story)


def test_the_token_tells_when_it_ends(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        stub = await bench.stub(Tokens().respond)
        shelf = MemoryShelf(bench.clock)
        await oauth(bench, stub.url, shelf).headers()
        token = shelf.load()
        assert token is not None
        assert token.expires_at - token.obtained_at == timedelta(seconds=600)
        assert token.value not in repr(token)

    run_async(story)
