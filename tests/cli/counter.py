"""A counter for commands about proposals: an installation without tenants, its store filled as a worker would."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.journeys.desk import Told, assert_plain
from tests.store.conftest import GATES_PASSED, Bench, make_draft
from tui_connector import cli as commands
from tui_connector.approval.keys import KeyFile
from tui_connector.bootstrap import Installation, open_installation
from tui_connector.domain.proposal import ProposalState, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import pytest

    from tui_connector.domain.proposal import DocumentState, Proposal

FLOW = "plan_writeback"
TWO = ({"PL-1": "100.00", "PL-2": "-40.50"}, {"PL-3": "1234567.89"})
ASKS, CLOSED = (
    tuple(replace(gate, verdict=verdict) if gate.name == name else gate for gate in GATES_PASSED)
    for name, verdict in (("threshold", Verdict.ASK), ("period open", Verdict.FAIL))
)
PASSPHRASE = "four words are enough"
CONFIG = """environment = "TEST"
[vault]
key = "file"
[sap.main]
base_url = "https://sap.example"
auth = "basic"
[anaplan.main]
auth = "basic"
workspace_id = "8a81b0927f3c4e1d9a6b5c4d3e2f1a00"
model_id = "3F02A9C41B7D4E58A1C6D2E37B9F0456"
[flows.plan_writeback]
company_codes = ["1010"]
two_approvers_from = {{ EUR = "100000" }}
{more}
"""


class Screen(io.StringIO):
    """Either side of a terminal."""

    def isatty(self) -> bool:
        return True


@dataclass
class Counter:
    """One installation and the person before it."""

    folder: Path
    patch: pytest.MonkeyPatch

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    @property
    def key(self) -> Path:
        return self.folder / "mine" / "approver.key"

    def amend(self, old: str, new: str) -> None:
        """Put something else into config.toml."""
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new))

    def tell(self, *arguments: str, stdin: str = "", secrets: Sequence[str] = ()) -> Told:
        """Give a command; with `secrets` at a terminal, where they are typed unseen one after the other.

        Nothing that it prints may steer a terminal.
        """
        out, err = io.StringIO(), io.StringIO()
        typed = iter(secrets)
        self.patch.setattr("getpass.getpass", lambda _: next(typed))
        self.patch.setattr("sys.stdin", Screen(stdin) if secrets else io.StringIO(stdin))
        told = Told(self._run(arguments, out, err), out.getvalue(), err.getvalue())
        assert_plain(told.text.replace("\r\n", "\n"))
        return told

    def json(self, *arguments: str, stdin: str = "", code: int = 0) -> Any:
        told = self.tell(*arguments, "--json", stdin=stdin)
        assert told.code == code, told.text
        return json.loads(told.out)

    def on_screen(self, *arguments: str) -> str:
        """What a command shows on a terminal of 80 columns, without colours."""
        self.patch.setenv("COLUMNS", "80")
        self.patch.setenv("TERM", "xterm")
        self.patch.setenv("NO_COLOR", "1")
        out, err = Screen(), Screen()
        self._run(arguments, out, err)
        return out.getvalue().replace("\x1b[1m", "").replace("\x1b[2m", "").replace("\x1b[0m", "")

    def _run(self, arguments: tuple[str, ...], out: io.StringIO, err: io.StringIO) -> int:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                return int(commands.run(["--config", str(self.config), *arguments]))
            except SystemExit as ended:  # argparse
                return int(ended.code or 0)

    @contextlib.contextmanager
    def opened(self) -> Iterator[Installation]:
        with open_installation(str(self.config)) as installation:
            yield installation

    def propose(
        self, *documents: Mapping[str, str], unchanged: Mapping[str, str] | None = None, **fields: Any
    ) -> Proposal:
        """A proposal of these documents, made by somebody else just now."""
        now = datetime.now(UTC)
        with self.opened() as installation:
            flow = installation.writeback(FLOW)
            draft = make_draft(*documents, unchanged=unchanged, **asdict(installation.head(flow)))
            given = {"author": "uid:4711", "made_at": now, "expires_at": now + timedelta(hours=72)}
            bench = Bench(installation.store)
            return bench.propose(draft, **{**given, "target_id": installation.target_id(flow), **fields})

    def proposal(self, number: int = 1) -> Proposal:
        """A proposal as it stands now."""
        with self.opened() as installation:
            return installation.store.proposals.get(number)

    def sign(self, number: int = 1, *more: str, key: Path | None = None) -> Told:
        """Approve a proposal with a key, the right fingerprint and the right passphrase."""
        given = ("--key", str(key or self.key), "--fingerprint", self.proposal(number).short, *more)
        return self.tell("proposals", "approve", str(number), *given, stdin=f"{PASSPHRASE}\n")

    def post(self, proposal: Proposal, *states: DocumentState, **last: Any) -> None:
        """Approve it if need be and move its first document as a worker would."""
        with self.opened() as installation:
            bench = Bench(installation.store)
            if installation.store.proposals.get(proposal.id).state is ProposalState.APPROVED:
                run = bench.posting(proposal.id)
                with installation.store.transaction() as tx:
                    installation.store.postings.make_ready(tx, *run, proposal.id)
            else:
                run = bench.ready(proposal.id)
            bench.steps(run, proposal.id, 1, *states, **last)

    def enrol(self, name: str = "a.novak", path: Path | None = None) -> Path:
        """A key of the person at the counter, enrolled; its path."""
        path = path or self.key
        with self.opened() as installation:
            folder = installation.settings.approval.approvers
            user = installation.person() if path == self.key else name
        public = KeyFile(path).create(name, user, PASSPHRASE, environments=("TEST",))
        folder.mkdir(mode=0o755, exist_ok=True)
        (folder / public.file_name).write_text(public.to_text())
        return path


def open_counter(folder: Path, patch: pytest.MonkeyPatch, more: str = "") -> Counter:
    """A counter in this folder; `more` comes after the usual settings."""
    counter = Counter(folder, patch)
    counter.config.write_text(CONFIG.format(more=more))
    patch.setenv("XDG_CONFIG_HOME", str(folder / "home"))
    with counter.opened():
        return counter
