"""The commands of the writeback: the list, a proposal in full, decisions, the pack, a line's story."""

from __future__ import annotations

import csv
import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from rich.cells import cell_len

from tests.cli.counter import ASKS, CLOSED, FLOW, TWO, Counter, open_counter
from tests.store.conftest import Bench
from tui_connector.approval.decisions import line_numbers
from tui_connector.cli import Exit
from tui_connector.domain.errors import ConfigError
from tui_connector.domain.proposal import DocumentState, LineDecision, ProposalState

if TYPE_CHECKING:
    from pathlib import Path

    from tui_connector.domain.proposal import Proposal

SENDING, UNKNOWN, HELD = DocumentState.SENDING, DocumentState.UNKNOWN, DocumentState.HELD
POSTED, VERIFIED = DocumentState.POSTED, DocumentState.VERIFIED


@pytest.fixture
def counter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counter:
    return open_counter(tmp_path, monkeypatch)


@pytest.fixture
def proposal(counter: Counter) -> Proposal:
    """Two documents and one line that did not change."""
    return counter.propose(*TWO, unchanged={"PL-4": "12.30"})


def test_an_empty_list_says_what_comes_next(counter: Counter) -> None:
    assert counter.tell("proposals").out.startswith("No proposal waits; a writeback flow makes one")
    assert counter.json("proposals", "list") == []


def test_the_list_shows_what_waits_first(counter: Counter) -> None:
    made = [counter.propose({f"K{number}": "1"}) for number in range(4)]
    with counter.opened() as installation:
        bench = Bench(installation.store)
        bench.state(1, ProposalState.HELD)
        bench.state(2, ProposalState.APPROVED)
        bench.state(3, ProposalState.REJECTED)
    rows = counter.json("proposals")
    assert [(row["proposal"], row["state"]) for row in rows] == [
        ("P-0004", "planned"),
        ("P-0002", "approved"),
        ("P-0001", "held"),
    ]
    assert rows[0]["short"] == made[3].short
    assert (rows[0]["target"], rows[0]["gross"], rows[0]["waits_for"]) == ("0L ACTUALS", {"EUR": "1.00"}, "a signature")
    assert [row["proposal"] for row in counter.json("proposals", "list", "--all")][-1] == "P-0003"
    assert [row["proposal"] for row in counter.json("proposals", "list", "--limit", "1")] == ["P-0004"]
    told = counter.tell("proposals", "list", "--all").out.splitlines()
    assert told[1].split()[:5] == ["P-0004", *made[3].short.split(), "◆", "planned"]
    assert "1 document to send" in told[2]
    assert "release or rejection; held: r" in told[3]


@pytest.mark.parametrize(
    ("fields", "waits"),
    [
        ({"gates": ASKS}, "signatures: 0 of 2 given"),
        ({"gates": CLOSED}, "a new proposal; not passed: period open"),
        ({"expires_at": datetime(2026, 1, 1, tzinfo=UTC)}, "a new proposal; this one has expired"),
    ],
)
def test_what_a_proposal_waits_for(counter: Counter, fields: dict[str, Any], waits: str) -> None:
    counter.propose(*TWO, **fields)
    assert counter.json("proposals")[0]["waits_for"] == waits


def test_show_tells_everything(counter: Counter, proposal: Proposal) -> None:
    told = counter.tell("proposals", "show", "1").out
    for words in (
        f"P-0001  {proposal.short}  ◆ planned",
        "0L ACTUALS of https://sap.example, TEST",
        "2026-11-30 in 1010",
        "Finance Hub, export Plan.csv, 6 rows",
        "in Anaplan by Ann at 2026-11-29 17:00",
        "by uid:4711",
        "✓ passes: period open: yes",
        "2 documents, 5 lines, 1,234,667.89 EUR gross in 1 company code; undo = 2 reversals. Into 0L ACTUALS.",
        "= 1,234,667.89",
        "Signatures, 0 of 1 given",
    ):
        assert words in told
    value = counter.json("proposals", "show", proposal.fingerprint[:12])
    assert [gate["verdict"] for gate in value["gates"]] == ["pass"] * 9
    assert [(row["level"], row["field"], row["value"]) for row in value["sums"]] == [
        (0, "company_code", "1010"),
        (1, "cost_center", "0000004711"),
        (2, "gl_account", "0061003000"),
    ]
    assert value["sums"][0]["debit"] == "1234667.89"
    assert [one["debit"] for one in value["posting"]] == ["100.00", "1234567.89"]
    assert "line_items" not in value


def test_lines_are_shown_when_asked_for(counter: Counter, proposal: Proposal) -> None:
    def keys(*more: str) -> list[str]:
        return [line["key"] for line in counter.json("proposals", "show", proposal.name, *more)["line_items"]]

    assert keys("--lines") == ["PL-1", "PL-2", "", "PL-3", ""]
    assert keys("--all-lines") == ["PL-1", "PL-2", "", "PL-3", "", "PL-4"]
    assert keys("--lines", "--document", "2") == ["PL-3", ""]
    assert counter.tell("proposals", "show", "1", "--document", "9").code == 2
    assert "-40.50" in counter.tell("proposals", "show", "1", "--lines").out


def test_tenant_text_is_data(counter: Counter) -> None:
    counter.propose({"K\x1b[31m\u202e": "1"})
    for command in ("show 1 --lines", "show 1 --lines --json", "export 1 --format csv", "export 1 --format html"):
        assert "K" in counter.tell("proposals", *command.split()).out
    assert "K" in counter.tell("audit", "trace", "K\x1b[31m\u202e").out


def test_nothing_breaks_at_80_columns(counter: Counter) -> None:
    counter.propose({f"A-LONG-KEY-OF-A-PLAN-{number}": "98765432109.87" for number in range(3)}, *TWO, gates=ASKS)
    counter.tell("periods", "open", "1010", "011/2026", "--reason", "the plan of November is posted late this year")
    counter.enrol()
    assert counter.sign().code == Exit.WAITING
    counter.post(counter.proposal(), SENDING, UNKNOWN, HELD, difference="why " * 60, said="SAP said " * 30)
    for command in (
        "proposals",
        "proposals list --all",
        "proposals show 1",
        "proposals show 1 --all-lines",
        "audit trace PL-1",
        "periods",
        "approver list",
        "flows",
        "runs",
    ):
        lines = [line for line in counter.on_screen(*command.split()).splitlines() if "proposals choose" not in line]
        assert lines, command
        assert max(map(cell_len, lines)) <= 80, command
    shown = counter.on_screen("proposals", "show", "1")
    assert "296,296,296,329.61" in shown
    assert " ".join(shown.split()).count("why why why") > 10


def test_lines_are_taken_out_and_back(counter: Counter, proposal: Proposal) -> None:
    told = counter.tell("proposals", "hold", "1", "--lines", "1, 4", "--reason", "not yet")
    assert told.out.startswith("2 lines of P-0001: held. 2 of 6 lines taken out; `proposals revise P-0001`")
    value = counter.json("proposals", "reject", "1", "--lines", "2-3", "--reason", "wrong account")
    assert value == {"proposal": "P-0001", "lines": [2, 3], "decision": "rejected", "taken_out": 4}
    assert counter.json("proposals", "release", "1", "--lines", "4", "--reason", "")["taken_out"] == 3
    counter.tell("proposals", "comment", "1", "--lines", "1", "--text", "look again")
    with counter.opened() as installation:
        lines = list(installation.store.proposals.each_line(1))
    assert [line.decision for line in lines[:4]] == [
        LineDecision.HELD,
        LineDecision.REJECTED,
        LineDecision.REJECTED,
        LineDecision.NONE,
    ]
    shown = counter.tell("proposals", "show", "1").out
    assert "held: not yet; look again" in shown
    assert "rejected: wrong account" in shown
    assert counter.json("proposals", "show", "1")["taken_out"] == 3
    returned = list(csv.reader(counter.tell("proposals", "export", "1", "--format", "return").out.splitlines()))
    assert [(row[0], row[-2], row[-1]) for row in returned[1:]][:2] == [
        ("PL-1", "held", "not yet"),
        ("PL-2", "rejected", "wrong account"),
    ]


def test_decisions_on_lines_need_a_reason_and_an_open_proposal(counter: Counter, proposal: Proposal) -> None:
    assert counter.tell("proposals", "hold", "1", "--lines", "1", "--reason", " ").code == 2
    assert counter.tell("proposals", "hold", "1", "--lines", "7", "--reason", "r").code == 2
    assert counter.tell("proposals", "reject", "1", "--reason", "all wrong").code == 0
    assert counter.tell("proposals", "hold", "1", "--lines", "1", "--reason", "r").code == Exit.REFUSED
    assert counter.tell("proposals", "comment", "1", "--lines", "1", "--text", "t").code == Exit.REFUSED


@pytest.mark.parametrize("text", ["", "0", "1-", "-3", "3-2", "x", "1,,2", "1;2", "7", "1-999999999", "1" * 40, "٣"])
def test_what_names_no_lines(text: str) -> None:
    with pytest.raises(ConfigError, match="names no lines"):
        line_numbers(text, 6)


def test_a_proposal_is_held_released_and_rejected(counter: Counter, proposal: Proposal) -> None:
    told = counter.tell("proposals", "hold", "P-0001", "--reason", "ask Ann")
    assert (told.code, told.out) == (0, "P-0001 is held: ask Ann\n")
    again = counter.tell("proposals", "hold", "P-0001", "--reason", "ask Ann")
    assert (again.code, "P-0001 is held; only what is planned or approved can become held" in again.err) == (6, True)
    assert counter.sign().code == Exit.REFUSED
    assert counter.json("proposals", "release", "1", "--reason", "Ann says yes")["state"] == "planned"
    assert counter.tell("proposals", "release", "1", "--reason", "twice").code == Exit.REFUSED
    assert counter.tell("proposals", "reject", "1", "--reason", "").code == 2
    assert counter.json("proposals", "reject", "1", "--reason", "no")["state"] == "rejected"
    assert counter.proposal().state is ProposalState.REJECTED
    near = counter.tell("proposals", "show", "P-0002")
    assert (near.code, "there is no proposal P-0002" in near.err) == (2, True)


@pytest.mark.parametrize("kind", ["csv", "json", "html", "return"])
def test_the_pack_is_written_whole_and_for_its_owner_only(counter: Counter, proposal: Proposal, kind: str) -> None:
    path = counter.folder / f"pack.{kind}"
    path.write_text("an older one")
    told = counter.tell("proposals", "export", "1", "--format", kind, "--output", str(path))
    assert told.code == 0, told.text
    content = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert hashlib.sha256(content).hexdigest() in told.out
    assert [one.name for one in counter.folder.iterdir() if one.name.startswith(".pack")] == []
    if kind == "json":
        assert json.loads(content)["proposal"]["fingerprint"] == proposal.fingerprint
    if kind == "html":
        assert proposal.short in content.decode()
    if kind == "csv":
        assert content == counter.tell("proposals", "export", "1").out.encode()
    nowhere = counter.tell("proposals", "export", "1", "--output", str(counter.folder / "no" / "pack"))
    assert (nowhere.code, "cannot be written" in nowhere.err) == (2, True)


def test_a_line_is_traced_from_the_export_to_its_document(counter: Counter, proposal: Proposal) -> None:
    counter.tell("proposals", "hold", "1", "--lines", "1", "--reason", "not yet")
    counter.tell("proposals", "release", "1", "--lines", "1", "--reason", "fine now")
    counter.enrol()
    counter.sign()
    counter.post(proposal, SENDING, POSTED, VERIFIED, accounting_document="0100004711", fiscal_year="2026")
    with counter.opened() as installation:
        reference = installation.store.proposals.document(1, 1).reference
    (story,) = counter.json("audit", "trace", "PL-1")
    assert [event["event"] for event in story["events"]] == [
        "export", "proposal.made", "proposal.lines", "proposal.lines", "proposal.signed", "proposal.approved",
        "posting.requested", "document.ready", "document.sending", "document.posted", "document.verified",
    ]  # fmt: skip
    assert (story["document"]["accounting_document"], story["lines"][0]["row"]) == ("0100004711", 2)
    assert "row 2" in story["events"][0]["words"]
    assert "task T1" in story["events"][0]["words"]
    assert story["events"][2]["words"] == "held; not yet"
    assert story["events"][-1]["words"] == "document 0100004711 of 2026; read back equal to the cent"
    for key in (reference, reference.lower(), "100004711", "0100004711/2026", "1010/0100004711/2026"):
        (found,) = counter.json("audit", "trace", key)
        assert [line["key"] for line in found["lines"]] == ["PL-1", "PL-2", ""]
    assert "proposal.lines" not in json.dumps(counter.json("audit", "trace", "PL-3"))
    (quiet,) = counter.json("audit", "trace", "PL-4")
    assert quiet["document"] is None
    plain = counter.tell("audit", "trace", "PL-1").out
    assert "P-0001 document 1: ✓ proved, 0100004711 of 2026" in plain
    assert "e" * 64 in plain
    for key in ("PL-77", "9999999999", "2010/0100004711/2026", "PL00000000000000"):
        told = counter.tell("audit", "trace", key)
        assert (told.code, f"no run has seen a record {key}, and no proposal holds it" in told.err) == (2, True)
    assert counter.tell("audit", "trace", "PL-1", "--flow", "suppliers").code == 2


def test_flows_shows_the_way_back_as_well(counter: Counter) -> None:
    row = next(one for one in counter.json("flows") if one["name"] == FLOW)
    assert (row["service"], row["file"], row["lands_in"]) == ("Journal Entry - Post", "PLN01 Journal.csv", "0L ACTUALS")
    assert "Journal Entry - Post" in counter.tell("flows").out
