"""A desk before the writeback: several people give commands, the plan moves in Anaplan, and SAP's books are looked at."""

from __future__ import annotations

import contextlib
import io
import json
import re
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from tests.journeys.conftest import seal_config
from tests.journeys.desk import Desk, Told, assert_plain
from tests.journeys.posting_desk import open_periods
from tui_connector import cli as commands
from tui_connector.approval.keys import KeyFile
from tui_connector.bootstrap import Installation
from tui_connector.cli import Exit
from tui_connector.sandbox.sap.posting import PATH

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from tests.journeys.conftest import Sandbox
    from tui_connector.domain.proposal import PostingDocument, Proposal

FLOW = "plan_writeback"
PERIOD = "011/2026"
POST = PATH + "$"
PLANNER, NOVAK, KAYA = "uid:4711", "uid:4242", "uid:4343"  # the planner asks, the others may approve
NAMES = {PLANNER: "p.planner", NOVAK: "a.novak", KAYA: "e.kaya"}
PASSPHRASE = "four words are enough"
OFFSET = "21500000"  # accruals
MORE = """
[posting]
quiet_seconds = 1
look_seconds = 0.1
prove_seconds = 5
[flows.plan_writeback]
company_codes = ["1010", "2010"]
two_approvers_from = { EUR = "1000000", CHF = "1000000" }
[flows.plan_writeback.status]
file = "posting_status.csv"
import = "PLN02 Posting Status from posting_status.csv"
"""
COLUMNS = {
    "Code": "Key", "Company Code": "CompanyCode", "GL Account": "GLAccount", "Cost Center": "CostCenter",
    "Profit Center": "ProfitCenter", "Posting Date": "PostingDate", "Amount": "AmountInTransactionCurrency",
    "Currency": "TransactionCurrency", "Text": "DocumentItemText", "Group": "Group",
}  # fmt: skip

Cells = dict[str, str]


class Screen(io.StringIO):
    """Standard output that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@dataclass
class PlanDesk(Desk):
    """An installation with the writeback, the people before it, and both tenants behind it."""

    patch: pytest.MonkeyPatch = field(repr=False)
    transcript: list[str] = field(default_factory=list, repr=False)

    @property
    def folder(self) -> Path:
        return self.config.parent

    def tell(self, *arguments: str, by: str = PLANNER, stdin: str = "") -> Told:
        """Give a command as one of the people; nothing that it prints may steer a terminal."""
        told = self._give(arguments, by, stdin, io.StringIO())
        assert_plain(told.text.replace("\r\n", "\n"))
        return told

    def show(self, *arguments: str, by: str = PLANNER, stdin: str = "") -> Told:
        """Give a command on a terminal of 80 columns, and write it into the transcript."""
        self.patch.setenv("COLUMNS", "80")
        self.patch.setenv("TERM", "xterm")
        told = self._give(arguments, by, stdin, Screen())
        plain = Text.from_ansi(told.out).plain
        line = " ".join(f'"{one}"' if " " in one else one for one in arguments)
        self.transcript += [f"{NAMES[by]}$ tui-connector {line}", *(one.rstrip() for one in plain.splitlines())]
        self.transcript += ["", *([f"(exit code {told.code})", ""] if told.code else [])]
        return Told(told.code, plain, told.err)

    def _give(self, arguments: Sequence[str], by: str, stdin: str, out: io.StringIO) -> Told:
        err = io.StringIO()
        self.patch.setattr(Installation, "person", lambda _: by)
        self.patch.setenv("XDG_CONFIG_HOME", str(self.folder / NAMES[by]))
        self.patch.setattr("sys.stdin", io.StringIO(stdin))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = int(commands.run(["--config", str(self.config), *arguments]))
            except SystemExit as ended:  # argparse
                code = int(ended.code or 0)
        return Told(code, out.getvalue(), err.getvalue())

    def written(self) -> str:
        """The transcript with paths as they are elsewhere, wherever a line's end has broken them."""
        text = "\n".join(self.transcript)
        for path, told in (
            (self.key_of(NOVAK), "~/.config/tui_connector/approver.key"),
            (self.folder / "approvers.d" / f"{NAMES[NOVAK]}.json", f"approvers.d/{NAMES[NOVAK]}.json"),
        ):
            text = re.sub("\n?".join(map(re.escape, str(path))), told, text)
        return text

    def json(self, *arguments: str, by: str = PLANNER, stdin: str = "", code: int = 0) -> Any:
        told = self.tell(*arguments, "--json", by=by, stdin=stdin)
        assert told.code == code, told.text
        return json.loads(told.out)

    # The installation

    def set_flow(self, **settings: Any) -> None:
        """Settings of the flow itself, in place of those it has."""
        text, head = self.config.read_text(), "[flows.plan_writeback]\n"
        for name, value in settings.items():
            text = re.sub(rf"(?m)^{name} = .*\n", "", text)
            text = text.replace(head, f"{head}{name} = {_toml(value)}\n")
        self.config.write_text(text)

    def set_part(self, part: str, **settings: Any) -> None:
        """A table below the flow: columns, approval or control."""
        lines = "".join(f"{json.dumps(name)} = {_toml(value)}\n" for name, value in settings.items())
        self.append(f"[flows.plan_writeback.{part}]\n{lines}")

    def enrol(self, *people: str) -> None:
        """Give these people their keys, and enrol them as an administrator does."""
        for one in people:
            sealed, public = _key(one)
            path = self.key_of(one)
            path.parent.mkdir(mode=0o700, parents=True)
            path.touch(mode=0o600)
            path.write_bytes(sealed)
            self.enrol_key(public)

    def enrol_key(self, text: str) -> None:
        """Put a public key, as `approver init` shows it, into the folder of approvers."""
        approvers = self.folder / "approvers.d"
        approvers.mkdir(mode=0o755, exist_ok=True)
        (approvers / f"{json.loads(text)['name']}.json").write_text(text)

    def key_of(self, person: str) -> Path:
        return self.folder / NAMES[person] / "tui_connector" / "approver.key"

    # Commands that must end well

    def does(self, *arguments: str, by: str = PLANNER, code: int = Exit.DONE) -> Told:
        told = self.tell(*arguments, by=by)
        assert told.code == code, told.text
        return told

    def propose(self, *more: str) -> Proposal:
        """Run the flow, which makes a proposal that waits."""
        told = self.does("run", FLOW, *more, code=Exit.WAITING)
        proposal = self.proposal()
        assert f"{proposal.name} waits for approval" in told.out
        return proposal

    def sign(self, proposal: Proposal, *more: str, by: str = NOVAK) -> Told:
        """Approve with one's own key, the right fingerprint and the passphrase on standard input."""
        given = ("--fingerprint", proposal.short, *more)
        return self.tell("proposals", "approve", proposal.name, *given, by=by, stdin=f"{PASSPHRASE}\n")

    def posts(self, proposal: Proposal, *, by: str = NOVAK) -> Told:
        """Approve and post; all of it must be proved."""
        told = self.sign(proposal, "--wait", by=by)
        assert told.code == Exit.DONE, told.text
        assert {one.state.value for one in self.documents(proposal)} == {"verified"}
        assert self.proposal(proposal.id).state == "posted"
        return told

    def author_signs(self, proposal: Proposal, *more: str) -> Told:
        """The person who asked for a proposal tries to approve it, with a key that is enrolled."""
        if not self.key_of(PLANNER).exists():
            self.enrol(PLANNER)
        return self.sign(proposal, *more, by=PLANNER)

    # What the store holds

    def proposal(self, number: int | None = None) -> Proposal:
        """One proposal, or the newest, as it stands now."""
        with self.opened() as installation:
            proposals = installation.store.proposals
            return proposals.get(number) if number else proposals.history(1)[0]

    def proposals(self) -> dict[int, str]:
        """State of each by its number."""
        with self.opened() as installation:
            return {one.id: one.state.value for one in reversed(installation.store.proposals.history(50))}

    def documents(self, proposal: Proposal) -> list[PostingDocument]:
        with self.opened() as installation:
            return installation.store.proposals.documents(proposal.id)

    def lines(self, proposal: Proposal) -> dict[str, list[tuple[str, Decimal]]]:
        """By key, the change class and amount to post of each line; the connector's own lines under their kind."""
        found = defaultdict(list)
        with self.opened() as installation:
            for line in installation.store.proposals.each_line(proposal.id):
                found[line.key or line.kind.value].append((line.change.value, line.amount))
        return dict(found)

    def gate(self, proposal: Proposal, name: str) -> tuple[str, str]:
        """A gate's verdict and words."""
        gate = next(one for one in proposal.gates if one.name == name)
        return gate.verdict.value, gate.words

    # The plan in Anaplan, and SAP's books

    def fill(self, documents: int = 2, lines: int = 4) -> None:
        """A smaller plan: documents of 1010 and 2010 in turns, their lines PL-0001, PL-0002 and so on in pairs."""
        self.sandbox.call("POST", "anaplan/plan/fill", {"documents": documents, "lines": lines})

    def plan(self, **changes: Any) -> None:
        """What a planner does: lines={code: cells}, add=[line], remove=[code], approval=cells."""
        self.sandbox.call("PATCH", "anaplan/plan", changes)

    def move_pair(self, amount: str) -> None:
        """Another amount for PL-0001, and the opposite for PL-0002, which balances it."""
        self.plan(lines={"PL-0001": {"Amount": amount}, "PL-0002": {"Amount": f"-{amount}"}})

    def plan_lines(self) -> dict[str, Cells]:
        lines: dict[str, Cells] = self.sandbox.call("GET", "anaplan/plan")["lines"]
        return lines

    def in_sap(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.sandbox.call("GET", "sap/documents")["documents"]
        return found

    def balances(self) -> dict[tuple[str, str, str], Decimal]:
        """What SAP's books hold by company code, account and cost center; sums of zero left out."""
        sums: Counter[tuple[str, str, str]] = Counter()
        for document in self.in_sap():
            for item in document["items"]:
                place = (document["company_code"], item["account"].lstrip("0"), item["cost_center"].lstrip("0"))
                sums[place] += Decimal(item["amount"])  # type: ignore[assignment] # counts of money
        return {place: Decimal(amount) for place, amount in sums.items() if amount}

    def nothing_in_sap(self) -> None:
        assert self.in_sap() == []
        assert self.tell("audit", "verify").code == Exit.DONE

    def exports(self) -> int:
        """How often the export was run."""
        return len(self.sandbox.tasks("PLN01 Journal.csv"))


@cache
def _key(person: str) -> tuple[bytes, str]:
    """A person's key file and public key; sealing one takes long, so that each is made once."""
    with tempfile.TemporaryDirectory() as folder:
        file = KeyFile(Path(folder) / "approver.key")
        public = file.create(NAMES[person], person, PASSPHRASE, environments=("TEST",))
        return file.path.read_bytes(), public.to_text()


def plan_desk(sandbox: Sandbox, folder: Path, patch: pytest.MonkeyPatch) -> PlanDesk:
    """A desk with a plan of two documents and four lines, its periods open and one approver enrolled."""
    desk = PlanDesk(seal_config(sandbox, folder, MORE), sandbox, patch)
    desk.fill()
    desk.enrol(NOVAK)
    with desk.opened(read_only=False) as installation:
        open_periods(installation)
    return desk


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{json.dumps(name)} = {_toml(one)}' for name, one in value.items())} }}"
    return json.dumps(value)
