"""The connections' screens by keys: pings asked and answered, secrets that stay nowhere, what a model offers."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Any

import pytest

from tests.ui.stage import SMALL, WIDE, press, settled, shoot, shown, stage, text, type_in, until
from tui_connector.domain.errors import ConfigError
from tui_connector.ui.dialogs.credential import SecretInput, SetCredential
from tui_connector.ui.screens.answers import AnswersScreen
from tui_connector.ui.screens.discovery import DiscoveryScreen
from tui_connector.views import storing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from textual.pilot import Pilot

    from tui_connector.store.commands import Command
    from tui_connector.views.desk import Desk

CANARY = "canary-7b1f-secret"


def play(desk: Desk, story: Callable[[Pilot[Any]], Awaitable[None]], size: tuple[int, int] = WIDE, **more: Any) -> None:
    async def played() -> None:
        async with stage(desk, size, first="connections", **more) as pilot:
            await story(pilot)

    asyncio.run(played())


def asked(desk: Desk, kind: str) -> list[Command]:
    return [one for one in desk.store.commands.pending() if one.kind == kind]


def answer(desk: Desk, command: Command, told: dict[str, Any], *, ok: bool = True) -> None:
    with desk.store.transaction() as tx:
        desk.store.commands.finish(tx, command.id, ok=ok, answer=told)


def test_everything_stands_in_its_place(desk: Desk) -> None:
    async def story(pilot: Pilot[Any]) -> None:
        lines = shown(pilot.app)
        assert lines[3] == "  Both tenants answer. 1 certificate ends in 11 days."
        assert lines[6].startswith("  ── SAP S/4HANA ──")
        assert "── Anaplan ──" in lines[6]
        found = text(pilot.app)
        for words in (
            "✓ read rights     9 of 9 services answer          441 ms", "▲ certificate     11 days left",
            "median 41 ms", "▲ Anaplan certificate", "30 Jul 2027", "To renew: register the new certificate",
            "✓ sap.main                client_id, client_secret", "version 1.",
        ):  # fmt: skip
            assert words in found, words
        heights = [index for index, line in enumerate(lines) if "latency" in line]
        assert len(heights) == 1  # both courses stand in one row

    play(desk, story)


def test_a_small_screen_shows_what_needs_a_look(desk: Desk) -> None:
    async def story(pilot: Pilot[Any]) -> None:
        found = text(pilot.app)
        assert "✓ sap.main  my301234-api.s4hana.cloud.sap                      6 checks well" in found
        assert "▲ certificate     11 days left" in found
        assert "read rights" not in found
        assert "▲ Anaplan certificate" in found
        assert "✓ sap.main                client_id, client_secret" in found

    play(desk, story, SMALL)


def test_a_ping_is_asked_shown_and_answered_within_a_second(desk: Desk) -> None:
    async def story(pilot: Pilot[Any]) -> None:
        await press(pilot, "tab", "p")
        (command,) = asked(desk, "ping")
        assert (command.subject, command.requested_by) == ("sap.main", desk.person)
        assert "○ asked" in text(pilot.app)
        assert "Asked sap.main 0 s ago; the worker answers in a moment." in text(pilot.app)
        await press(pilot, "p")
        assert len(asked(desk, "ping")) == 1  # one wish at a time
        checks = [{"name": "reached", "health": "ok", "words": "TLS 1.3, chain valid", "ms": 21}]
        answer(desk, command, {"name": "sap.main", "ok": True, "latency_ms": 21, "checks": checks})
        assert await until(pilot, lambda: "21 ms" in text(pilot.app)) < 1.0
        assert "○ asked" not in text(pilot.app)

    play(desk, story)


def test_all_are_pinged_and_a_failure_tells_its_next_move(desk: Desk) -> None:
    async def story(pilot: Pilot[Any]) -> None:
        await press(pilot, "a")
        commands = asked(desk, "ping")
        assert [one.subject for one in commands] == ["sap.main", "anaplan.main"]
        error, hint = "anaplan.main: the certificate was refused", "register it with the tenant"
        checks = [{"name": "sign-in", "health": "fail", "words": error, "hint": hint}]
        answer(
            desk,
            commands[1],
            {"name": "anaplan.main", "ok": False, "error": error, "hint": hint, "checks": checks},
            ok=False,
        )
        await until(pilot, lambda: "✗ sign-in" in text(pilot.app))
        await settled(pilot)
        assert "anaplan.main did not answer at the last ping." in text(pilot.app)
        assert hint in text(pilot.app)

    play(desk, story)


def test_a_console_that_only_reads_asks_for_nothing(reader: Desk) -> None:
    async def story(pilot: Pilot[Any]) -> None:
        await press(pilot, "tab", "p", "a", "K")
        assert "ping all" not in shown(pilot.app)[-1]
        assert "set credential" not in shown(pilot.app)[-1]
        assert not isinstance(pilot.app.screen, SetCredential)
        await press(pilot, "d")
        assert "Nobody has looked into anaplan.main yet." in text(pilot.app)
        assert "look again" not in shown(pilot.app)[-1]

    play(reader, story)
    assert reader.store.commands.pending() == []


def test_the_answers_of_one_connection(desk: Desk) -> None:
    async def story(pilot: Pilot[Any]) -> None:
        await press(pilot, "tab", "down", "enter")
        assert isinstance(pilot.app.screen, AnswersScreen)
        assert "▲ 14:40:07        36 ms  certificate: 12 days left" in text(pilot.app)
        assert "store the new certificate before this" in text(pilot.app)
        await press(pilot, "p")
        assert [one.subject for one in asked(desk, "ping")] == ["anaplan.main"]
        await press(pilot, "escape")
        assert "What ends when" in text(pilot.app)

    play(desk, story)


def test_a_proposal_that_ends_is_opened(desk: Desk) -> None:
    async def story(pilot: Pilot[Any]) -> None:
        await press(pilot, "enter")
        await until(pilot, lambda: "P-0003" in shown(pilot.app)[1])

    play(desk, story)


def test_whoever_opens_discovery_sees_what_the_worker_finds(desk: Desk) -> None:
    async def story(pilot: Pilot[Any]) -> None:
        await press(pilot, "d")
        assert isinstance(pilot.app.screen, DiscoveryScreen)
        (command,) = asked(desk, "discover")
        assert command.subject == "anaplan.main"
        name = "[bold]Accounts from accounts.csv[/bold]\x1b[2J"
        told = {
            "name": "anaplan.main", "counts": {"models": 1, "imports": 2},
            "models": [{"id": "3E91", "name": "FIN_HUB", "state": "UNLOCKED"}],
            "imports": [{"id": "112000000001", "name": "Accounts from accounts.csv"}, {"id": "112000000002", "name": name}],
        }  # fmt: skip
        answer(desk, command, told)
        assert await until(pilot, lambda: "112000000001" in text(pilot.app)) < 1.0
        await settled(pilot)
        found = text(pilot.app)
        assert "1 model and 2 imports." in found
        assert "[bold]Accounts from accounts.csv[/bold]" in found
        assert "\x1b" not in found
        assert "gl_accounts" in next(line for line in found.splitlines() if "112000000001" in line)
        await press(pilot, "slash")
        await type_in(pilot, "model")
        await press(pilot, "enter")
        assert "112000000001" not in text(pilot.app)
        await press(pilot, "escape", "l")
        assert len(asked(desk, "discover")) == 1

    play(desk, story)


def test_a_secret_goes_into_the_vault_and_stays_nowhere(desk: Desk, tmp_path: Path) -> None:
    secret = CANARY[::-1]  # made here, so that no module holds it

    async def story(pilot: Pilot[Any]) -> None:
        await press(pilot, "tab", "K")
        assert isinstance(pilot.app.screen, SetCredential)
        await type_in(pilot, "new-client")
        await press(pilot, "enter")
        await type_in(pilot, secret)
        assert secret not in text(pilot.app)
        assert secret not in shoot(pilot.app, tmp_path / "masked.svg").read_text()
        field = pilot.app.screen.query_one("#client_secret", SecretInput)
        assert field.value == secret
        field.selection = type(field.selection)(0, len(secret))
        field.action_copy()
        field.action_cut()
        assert secret not in pilot.app.clipboard
        await press(pilot, "enter")
        await type_in(pilot, "sap.mian")
        await press(pilot, "enter")
        assert "does not match at character 6" in text(pilot.app)
        assert isinstance(pilot.app.screen, SetCredential)
        await press(pilot, "backspace", "backspace", "backspace")
        await type_in(pilot, "ain")
        await press(pilot, "enter")
        await until(pilot, lambda: "Stored for sap.main: client_id, client_secret." in text(pilot.app))
        await settled(pilot)
        assert field.value == ""
        assert secret not in shoot(pilot.app, tmp_path / "after.svg").read_text()

    play(desk, story)
    (info,) = [one for one in desk.store.credentials.names() if one.name == "sap.main"]
    assert info.changed_by == desk.person
    assert desk.store.token_ends("sap.main") is None  # the old one's token is forgotten
    events = desk.store.audit.events_before(None, 50, kind="credential.")
    assert secret not in str(events)
    gc.collect()
    kept = [one for one in gc.get_objects() if isinstance(one, dict)]
    assert not [one for one in kept if any(isinstance(v, str) and secret in v for v in list(one.values()))]


def test_leaving_the_form_forgets_what_was_typed(desk: Desk) -> None:
    async def story(pilot: Pilot[Any]) -> None:
        await press(pilot, "tab", "K")
        await type_in(pilot, CANARY)
        field = pilot.app.screen.query_one("#client_id", SecretInput)
        await press(pilot, "escape")
        assert field.value == ""
        assert not isinstance(pilot.app.screen, SetCredential)

    play(desk, story)
    (info,) = [one for one in desk.store.credentials.names() if one.name == "sap.main"]
    assert info.changed_by != desk.person


def test_an_empty_field_is_named_and_nothing_is_stored(desk: Desk) -> None:
    async def story(pilot: Pilot[Any]) -> None:
        await press(pilot, "tab", "K", "enter", "enter")
        await type_in(pilot, "sap.main")
        await press(pilot, "enter")
        assert "client id is empty" in text(pilot.app)
        assert isinstance(pilot.app.screen, SetCredential)

    play(desk, story, SMALL)


def test_a_certificate_is_pasted_or_named_as_a_file(desk: Desk, tmp_path: Path) -> None:
    from textual import events  # noqa: PLC0415 - only here

    pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"

    async def story(pilot: Pilot[Any]) -> None:
        await press(pilot, "tab", "down", "K")
        field = pilot.app.screen.query_one("#certificate_pem", SecretInput)
        field.post_message(events.Paste(pem))
        await settled(pilot)
        assert field.value == pem
        assert "BEGIN" not in text(pilot.app)
        await press(pilot, "enter")
        await type_in(pilot, "k")
        await press(pilot, "enter", "enter")
        await type_in(pilot, "anaplan.main")
        await press(pilot, "enter")
        await until(pilot, lambda: "the certificate cannot be read; nothing was stored" in text(pilot.app))

    play(desk, story)
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        storing.store(desk, "anaplan.main", {"certificate_pem": f"@{tmp_path}/none.pem", "private_key_pem": "k"})
    (tmp_path / "key.pem").write_text(pem)
    named = {"certificate_pem": f"@{tmp_path}/key.pem", "private_key_pem": "k"}
    with pytest.raises(ConfigError, match="the certificate cannot be read"):
        storing.store(desk, "anaplan.main", named)
    with pytest.raises(ConfigError, match=r"anaplan\.main needs private_key_pem as well"):
        storing.store(desk, "anaplan.main", {"certificate_pem": pem})


def test_a_new_installation_leads_to_its_first_credential(empty: Desk) -> None:
    async def story(pilot: Pilot[Any]) -> None:
        assert "sap.main and anaplan.main have no credential." in text(pilot.app)
        await press(pilot, "K")
        assert "None is stored yet" in text(pilot.app)
        await type_in(pilot, "id")
        await press(pilot, "enter")
        await type_in(pilot, "secret")
        await press(pilot, "enter")
        await type_in(pilot, "sap.main")
        await press(pilot, "enter")
        await until(pilot, lambda: "Stored for sap.main" in text(pilot.app))
        await settled(pilot)
        assert "anaplan.main has no credential." in text(pilot.app)

    play(empty, story)
