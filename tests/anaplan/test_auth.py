"""The three ways to sign in, and one token for everybody."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from tui_connector.anaplan.auth import BasicAuth, CertificateAuth, DeviceAuth
from tui_connector.anaplan.device import ask_device, await_approval
from tui_connector.anaplan.keeper import TokenKeeper
from tui_connector.domain.clock import SystemClock
from tui_connector.domain.errors import (
    AuthenticationError,
    ConfigError,
    ContractChangedError,
    RateLimitedError,
    UnreachableError,
)
from tui_connector.transport.tokens import MemoryShelf

if TYPE_CHECKING:
    from datetime import datetime

    from tui_connector.anaplan.client import AnaplanClient

pytestmark = pytest.mark.anyio
USER, PASSWORD = "integration@example.com", "sandbox-secret-2"
KEY = generate_private_key(65537, 2048)


def certificate(since: datetime, until: datetime, key: RSAPrivateKey = KEY) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "integration")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(since).not_valid_after(until)
    return made.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()


def private_key(passphrase: str = "", key: RSAPrivateKey = KEY) -> str:
    seal = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, seal).decode()


def valid() -> str:
    now = SystemClock().now()
    return certificate(now - timedelta(days=1), now + timedelta(days=30))


async def test_basic(sandbox: Any, client: AnaplanClient) -> None:
    assert (await client.whoami()).email == USER
    assert sandbox.auth()["basic"] == 1
    assert "sandbox-secret-2" not in repr(client) + repr(vars(client))


async def test_fifty_callers_share_one_login(sandbox: Any, client: AnaplanClient) -> None:
    users = await asyncio.gather(*(client.whoami() for _ in range(50)))
    assert {one.email for one in users} == {USER}
    assert sandbox.auth()["logins"] == 1


async def test_a_refused_login_is_not_repeated(sandbox: Any, connect: Any, clock: Any) -> None:
    wrong = BasicAuth(connect(), USER, "wrong", clock)
    keeper = TokenKeeper(MemoryShelf(clock), wrong.login, wrong.refresh, clock)
    answers = await asyncio.gather(*(keeper.token() for _ in range(20)), return_exceptions=True)
    assert all(isinstance(one, AuthenticationError) for one in answers)
    with pytest.raises(AuthenticationError, match="credentials supplied were invalid"):
        await keeper.token()
    assert len(sandbox.requests("POST", "/token/authenticate")) == 1
    assert PASSWORD not in str(answers)


async def test_refreshed_five_minutes_before_its_end(
    sandbox: Any, client: AnaplanClient, keeper: TokenKeeper, clock: Any
) -> None:
    first = await keeper.token()
    assert timedelta(minutes=34) < first.expires_at - clock.now() <= timedelta(minutes=35)
    for seconds, refreshes in ((29 * 60, 0), (2 * 60, 1), (29 * 60, 1), (2 * 60, 2)):
        sandbox.advance(seconds)
        clock.offset += timedelta(seconds=seconds)
        await asyncio.gather(*(client.whoami() for _ in range(5)))
        assert (sandbox.auth()["logins"], sandbox.auth()["refreshes"]) == (1, refreshes), seconds
    assert (await keeper.token()).generation == 3


async def test_work_goes_on_while_the_refresh_is_out_of_reach(sandbox: Any, client: AnaplanClient, clock: Any) -> None:
    await client.whoami()
    sandbox.advance(31 * 60)
    clock.offset += timedelta(minutes=31)
    sandbox.fault("status", "/token/refresh", status=503, times=-1)
    for _ in range(3):
        await client.whoami()
    assert len(sandbox.requests("POST", "/token/refresh")) == 5  # one round of tries, then a pause
    assert sandbox.auth()["logins"] == 1
    sandbox.advance(5 * 60)
    clock.offset += timedelta(minutes=5)
    await client.whoami()
    assert sandbox.auth()["logins"] == 2


async def test_a_refresh_may_change_the_token(
    sandbox: Any, client: AnaplanClient, keeper: TokenKeeper, clock: Any
) -> None:
    sandbox.settings(refresh_changes_token=True)
    first = await keeper.token()
    sandbox.advance(31 * 60)
    clock.offset += timedelta(minutes=31)
    await client.whoami()
    assert (await keeper.token()).value != first.value
    assert sandbox.auth()["logins"] == 1


async def test_an_expired_token_means_a_new_login(sandbox: Any, client: AnaplanClient, clock: Any) -> None:
    await client.whoami()
    sandbox.advance(40 * 60)
    clock.offset += timedelta(minutes=40)
    await client.whoami()
    assert (sandbox.auth()["logins"], sandbox.auth()["refreshes"]) == (2, 0)


async def test_a_revoked_token_is_renewed_once_for_all(sandbox: Any, client: AnaplanClient) -> None:
    await client.whoami()
    sandbox.call("POST", "anaplan/auth/revoke")
    await asyncio.gather(*(client.whoami() for _ in range(10)))
    assert sandbox.auth()["logins"] == 2


async def test_a_token_that_stays_refused_is_an_error(sandbox: Any, client: AnaplanClient) -> None:
    sandbox.fault("status", "/2/0/users/me", status=401, times=-1)
    with pytest.raises(AuthenticationError, match="refused the token"):
        await client.whoami()
    assert len(sandbox.requests("GET", "/users/me")) == 2


async def test_a_clock_that_is_wrong_does_not_sign_in_for_every_call(
    sandbox: Any, client: AnaplanClient, clock: Any
) -> None:
    clock.offset = timedelta(hours=3)
    for _ in range(3):
        await client.whoami()
    assert (sandbox.auth()["logins"], sandbox.auth()["refreshes"]) == (1, 0)


async def test_two_processes_share_a_shelf(sandbox: Any, connect: Any, clock: Any) -> None:
    shelf = MemoryShelf(clock)
    basic = BasicAuth(connect(), USER, PASSWORD, clock)
    keepers = [TokenKeeper(shelf, basic.login, basic.refresh, clock) for _ in range(4)]
    tokens = await asyncio.gather(*(keeper.token() for keeper in keepers for _ in range(5)))
    assert len({one.value for one in tokens}) == 1
    renewed = await asyncio.gather(*(keeper.renewed(tokens[0]) for keeper in keepers))
    assert len({one.value for one in renewed}) == 1
    assert sandbox.auth()["logins"] == 2


@pytest.mark.parametrize("passphrase", ["", "open sesame"])
async def test_certificate(sandbox: Any, connect: Any, clock: Any, passphrase: str) -> None:
    pem = valid()
    sandbox.call("POST", "anaplan/certificates", {"pem": pem})
    auth = CertificateAuth(connect(), pem, private_key(passphrase), passphrase, clock)
    keeper = TokenKeeper(MemoryShelf(clock), auth.login, auth.refresh, clock)
    assert (await keeper.token()).scheme == "AnaplanAuthToken"
    assert sandbox.auth()["certificate"] == 1
    assert auth.expires_at > clock.now()


async def test_each_certificate_attempt_is_signed_anew(sandbox: Any, connect: Any, clock: Any) -> None:
    pem = valid()
    sandbox.call("POST", "anaplan/certificates", {"pem": pem})
    # the sandbox refuses a payload it has seen: a repeated one would end in 401
    sandbox.fault("drop_answer", "/token/authenticate", times=1)
    sandbox.fault("status", "/token/authenticate", status=503, times=1)
    auth = CertificateAuth(connect(), pem, private_key(), "", clock)
    await auth.login()
    assert sandbox.auth()["certificate"] == 2
    sandbox.fault("rate_limit", "/token/authenticate", retry_after=4, times=6)
    await auth.login()
    assert len([waited for waited in clock.slept if waited >= 4]) == 6
    sandbox.fault("rate_limit", "/token/authenticate", retry_after=900)
    with pytest.raises(RateLimitedError):
        await auth.login()
    sandbox.fault("status", "/token/authenticate", status=503, times=3)
    with pytest.raises(UnreachableError):
        await auth.login()


async def test_certificate_v1_on_request(sandbox: Any, connect: Any, clock: Any) -> None:
    pem = valid()
    sandbox.call("POST", "anaplan/certificates", {"pem": pem})
    auth = CertificateAuth(connect(), pem, private_key(), "", clock, payload="v1")
    with pytest.raises(AuthenticationError, match="v1"):
        await auth.login()
    sandbox.settings(certificate_v1=True)
    await auth.login()


async def test_an_expired_certificate_sends_nothing(sandbox: Any, connect: Any, clock: Any) -> None:
    now = clock.now()
    old = certificate(now - timedelta(days=20), now - timedelta(days=2))
    young = certificate(now + timedelta(days=2), now + timedelta(days=20))
    for pem, words in ((old, "expired on"), (young, "valid from")):
        keeper_auth = CertificateAuth(connect(), pem, private_key(), "", clock)
        with pytest.raises(AuthenticationError, match=words):
            await keeper_auth.login()
    assert sandbox.requests("POST", "/token/") == []


async def test_certificate_and_key_have_to_fit(connect: Any, clock: Any) -> None:
    other = private_key(key=generate_private_key(65537, 2048))
    for key, passphrase in ((other, ""), (private_key("right"), "wrong"), ("nonsense", "")):
        with pytest.raises(ConfigError) as caught:
            CertificateAuth(connect(), valid(), key, passphrase, clock)
        assert "wrong" not in str(caught.value)


async def test_device(sandbox: Any, connect: Any, clock: Any) -> None:
    sandbox.settings(device_interval=0)
    http, kept = connect(), []
    request = await ask_device(http, "sandbox-client")
    waiting = asyncio.create_task(await_approval(http, "sandbox-client", request, clock))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    sandbox.call("POST", "anaplan/device/approve", {"user_code": request.user_code})
    grant = await waiting
    newest = [grant.refresh_token]

    def keep(value: str) -> None:
        kept.append(value)
        newest.append(value)
        assert sandbox.requests("GET", "/users/me") == []  # kept before the token is used

    auth = DeviceAuth(http, "sandbox-client", lambda: newest[-1], keep, clock)
    keeper = TokenKeeper(MemoryShelf(clock), auth.login, auth.refresh, clock)
    sandbox.fault("rate_limit", "/oauth/token", retry_after=4)
    first = await keeper.token()
    assert max(clock.slept) >= 4
    assert kept
    assert kept[0] != grant.refresh_token
    second = await keeper.renewed(first)
    assert second.value != first.value
    assert len(kept) == 2
    assert grant.refresh_token not in repr(grant)
    newest.append(grant.refresh_token)  # a used one is dead
    with pytest.raises(AuthenticationError, match="refresh token"):
        await keeper.renewed(second)


async def test_device_refused_or_unknown(sandbox: Any, connect: Any, clock: Any) -> None:
    http = connect()
    with pytest.raises(AuthenticationError, match="device code"):
        await ask_device(http, "unknown")
    request = await ask_device(http, "sandbox-client")
    sandbox.call("POST", "anaplan/device/approve", {"user_code": request.user_code, "deny": True})
    with pytest.raises(AuthenticationError, match="refused"):
        await await_approval(http, "sandbox-client", request, clock)


async def test_a_sign_in_page_is_no_token(sandbox: Any, connect: Any, clock: Any) -> None:
    sandbox.fault("html", "/token/authenticate")
    with pytest.raises(ContractChangedError, match="text/html"):
        await BasicAuth(connect(), USER, PASSWORD, clock).login()
    sandbox.fault("replace_json", "/token/authenticate", body={"status": "SUCCESS"})
    with pytest.raises(ContractChangedError, match="no token"):
        await BasicAuth(connect(), USER, PASSWORD, clock).login()
