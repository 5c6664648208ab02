"""Names of masters: in the connection's language, spelled as they were asked for, of the span that is valid now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.domain.names import Member
from tui_connector.sap.masters import WantedMasters, read_masters
from tui_connector.sap.names import read_names

if TYPE_CHECKING:
    from tests.sap.conftest import Bench, Run, Sandbox


def test_the_sandbox_tells_every_name(run_async: Run, sandbox: Sandbox) -> None:
    async def story(bench: Bench) -> None:
        client = bench.sap(sandbox.url)
        wanted = WantedMasters(
            {"1010", "9999"},
            {("1010", "61003000"), ("1010", "0061003000"), ("1010", "99999999"), ("9999", "61003000")},
            {("1010", "4103")},
            {("1010", "YB110"), ("1010", "bad\x07name")},
        )
        known = await read_masters(client, wanted)
        found = await read_names(client, wanted, known)
        assert {(member.field, member.code): name for member, name in found.items()} == {
            ("company_code", "1010"): "Nordwerk Pumpen GmbH", ("gl_account", "61003000"): "Rent IC", ("gl_account", "0061003000"): "Rent IC",
            ("cost_center", "4103"): "Purchasing Lübeck", ("profit_center", "YB110"): "Valves North",
        }  # fmt: skip
        assert {member.company_code for member in found} == {"", "1010"}
        assert Member("gl_account", "1010", "61003000") in found

    run_async(story)


def test_nothing_wanted_asks_nothing(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        stub = await bench.stub(lambda _: {"d": {"results": []}})
        client = bench.sap(stub.url)
        assert await read_names(client, WantedMasters(), await read_masters(client, WantedMasters())) == {}
        assert stub.asked == []

    run_async(story)
