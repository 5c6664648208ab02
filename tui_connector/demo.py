"""The demo: simulated tenants in a process of their own, a configuration for them, and the demo's second person."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from tui_connector.approval.keys import KeyFile
from tui_connector.bootstrap import open_installation
from tui_connector.domain.errors import ConfigError
from tui_connector.domain.flow import LoadFlow
from tui_connector.domain.ledger import FiscalPeriod, PeriodStatus
from tui_connector.flows import FLOWS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tui_connector.bootstrap import Installation

FIRST_PERSON, SECOND_PERSON = "demo:operator", "demo:controller"
PASSPHRASE = "demo-passphrase-1"  # noqa: S105 - of a key that only the simulated tenants know


@contextmanager
def start_sandbox(line_items: int) -> Iterator[str]:
    """The simulated tenants in a process of their own, which ends with this one; their address."""
    if find_spec("starlette") is None or find_spec("uvicorn") is None:
        raise ConfigError(
            "the simulated tenants are not installed", hint='install them with: pip install "tui-connector[demo]"'
        )
    command = [sys.executable, "-m", "tui_connector.sandbox", "--parent-pipe", "--line-items", str(line_items)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own interpreter
        assert process.stdin is not None  # noqa: S101 - both are pipes
        assert process.stdout is not None  # noqa: S101
        try:
            line = process.stdout.readline()
            if not line:
                raise ConfigError("the simulated tenants did not start", hint="the lines above tell why")
            yield f"http://127.0.0.1:{json.loads(line)['port']}"
        finally:
            process.stdin.close()
            process.wait(timeout=10)


def write_demo_config(folder: Path, address: str, *, scheduled: bool) -> Path:
    """A configuration for the simulated tenants, with their fixed demo secrets sealed; the path of its config.toml."""
    path = folder / "config.toml"
    every_minute = 'schedule = "* * * * *"' if scheduled else ""
    loads = "\n".join(f"[flows.{flow.name}]\n{every_minute}" for flow in FLOWS if isinstance(flow, LoadFlow))
    path.write_text(
        f"""environment = "DEMO"
[vault]
key = "file"
[engine]
task_poll_seconds = 0.5
[sap.main]
base_url = "{address}"
auth = "oauth"
token_url = "{address}/sap/bc/sec/oauth2/token"
[anaplan.main]
api_url = "{address}"
auth_url = "{address}"
oauth_url = "{address}"
auth = "basic"
workspace_id = "8a81b0927f3c4e1d9a6b5c4d3e2f1a00"
model_id = "3F02A9C41B7D4E58A1C6D2E37B9F0456"
{loads}
[flows.plan_writeback]
{every_minute}
company_codes = ["1010", "2010"]
two_approvers_from = {{ EUR = "1000000.00", CHF = "1000000.00" }}
[flows.plan_writeback.status]
file = "posting_status.csv"
import = "PLN02 Posting Status from posting_status.csv"
""",
        encoding="utf-8",
    )
    with open_installation(str(path)) as installation:
        sap = {"client_id": "CONNECTOR", "client_secret": "sandbox-secret-1"}
        anaplan = {"user": "integration@example.com", "password": "sandbox-secret-2"}
        installation.set_credential("sap.main", sap)
        installation.set_credential("anaplan.main", anaplan)
        _open_books(installation)
    second_person(folder)
    return path


def second_person(folder: Path) -> KeyFile:
    """The key of the demo's controller, who did not ask for the proposal; made and enrolled when it is new."""
    key = KeyFile(folder / "second-person" / "approver.key")
    approvers = folder / "approvers.d"
    if not approvers.exists():
        approvers.mkdir(mode=0o700)
        public = key.create("controller", SECOND_PERSON, PASSPHRASE, environments=("DEMO",))
        place = approvers / public.file_name
        place.touch(mode=0o600)
        place.write_text(public.to_text(), encoding="utf-8")
    return key


def _open_books(installation: Installation) -> None:
    """Both companies' periods of the simulated plan are open."""
    store = installation.store
    with store.transaction() as tx:
        for company_code in ("1010", "2010"):
            for number in (11, 12):
                period = FiscalPeriod(2026, number)
                if store.periods.get(company_code, period) is None:
                    store.periods.set(tx, company_code, period, PeriodStatus.OPEN, "the demo's books", FIRST_PERSON)
