"""An operator's desk: commands given in this process, and a look at what the store holds afterwards."""

from __future__ import annotations

import contextlib
import io
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from tests.journeys.conftest import (
    ANAPLAN_SECRETS,
    CONFIG,
    FINANCE_HUB,
    SAP_SECRETS,
    WORKSPACE,
    Sandbox,
    assert_sound,
)
from tui_connector import cli as commands
from tui_connector.bootstrap import Installation, open_installation
from tui_connector.domain.run import Run, RunState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tui_connector.domain.record import Reject

ACCOUNT_SET = "A_GLAccountInChartOfAccounts"
ACCOUNT_SERVICE = "/sap/opu/odata/sap/API_GLACCOUNTINCHARTOFACCOUNTS_SRV"


@dataclass(frozen=True)
class Told:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


@dataclass
class Desk:
    """One installation and the person before it."""

    config: Path
    sandbox: Sandbox = field(repr=False)

    def tell(self, *arguments: str) -> Told:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = commands.run(["--config", str(self.config), *arguments])
            except SystemExit as ended:  # argparse
                code = int(ended.code or 0)
        return Told(int(code), out.getvalue(), err.getvalue())

    def amend(self, old: str, new: str) -> None:
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new))

    def append(self, text: str) -> None:
        self.config.write_text(self.config.read_text() + text)

    @contextlib.contextmanager
    def opened(self, *, read_only: bool = True) -> Iterator[Installation]:
        with open_installation(str(self.config), read_only=read_only) as installation:
            yield installation

    def seal(self, connection: str, **secrets: str) -> None:
        with self.opened(read_only=False) as installation:
            installation.set_credential(connection, secrets)

    def latest(self, flow: str) -> Run:
        with self.opened() as installation:
            run = installation.store.runs.latest(flow)
        assert run is not None
        return run

    def rejects(self, flow: str) -> dict[str, Reject]:
        with self.opened() as installation:
            return {one.key: one for one in installation.store.records.rejects(self.latest(flow).id)}

    def fails(self, *said: str, hint: str, flow: str = "gl_accounts") -> Run:
        """Run a flow that must fail, saying all this; nothing may count as loaded, and the trail must be sound."""
        told = self.tell("run", flow)
        run = self.latest(flow)
        assert (told.code, run.state) == (1, RunState.FAILED), told.text
        for words in said:
            assert words in run.reason
            assert words in told.text
        assert hint in run.hint
        assert hint in " ".join(told.out.split())
        assert_plain(told.text)
        self.nothing_lost(run)
        return run

    def nothing_lost(self, run: Run) -> None:
        with self.opened() as installation:
            store = installation.store
            assert store.watermarks.get(run.target_id) is None
            assert not store.records.has_any(run.target_id)
            assert_sound(installation)
        assert self.tell("audit", "verify").code == 0

    def loads(self, flow: str = "gl_accounts", members: str = "GL Accounts") -> None:
        """Run a flow that must load everything."""
        told = self.tell("run", flow)
        counts = self.latest(flow).counts
        assert told.code == 0, told.text
        assert counts.read == counts.loaded == len(self.sandbox.items(members)) > 0


def set_up(sandbox: Sandbox, folder: Path, more: str = "") -> Desk:
    """An installation against the sandbox in this folder, its secrets sealed; `more` comes after the usual settings."""
    path = folder / "config.toml"
    path.write_text(CONFIG.format(url=sandbox.url, workspace=WORKSPACE, model=FINANCE_HUB) + more, encoding="utf-8")
    desk = Desk(path, sandbox)
    desk.seal("sap.main", **SAP_SECRETS)
    desk.seal("anaplan.main", **ANAPLAN_SECRETS)
    return desk


def restore(sandbox: Sandbox) -> None:
    sandbox.reset()
    sandbox.anaplan(task_seconds=0.0, task_queue_seconds=0.0)


def assert_plain(text: str) -> None:
    """No control character but the line end, so that nothing printed can steer a terminal."""
    found = {f"U+{ord(one):04X}" for one in text if unicodedata.category(one) == "Cc" and one != "\n"}
    assert not found, f"{found} in {text!r}"


def read_sap(sandbox: Sandbox, path: str, **query: str) -> list[dict[str, Any]]:
    """Rows of one plain read."""
    wanted = {f"${name}": value for name, value in query.items()} | {"$format": "json"}
    auth = (SAP_SECRETS["client_id"], SAP_SECRETS["client_secret"])
    answer = httpx.get(sandbox.url + path, params=wanted, auth=auth, trust_env=False, timeout=30)
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()["d"]["results"]
    return rows
