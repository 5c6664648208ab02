"""An installation whose alerts go to receivers on this machine, and its state as a test makes it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.alerting.receivers import Received, http_receiver, smtp_receiver
from tui_connector.bootstrap import Installation, open_installation
from tui_connector.domain.audit import Fact
from tui_connector.domain.run import Counts, RunRequest, RunState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


CONFIG = """environment = "PROD"
[sap.main]
base_url = "https://sap.example"
[anaplan.main]
workspace_id = "8a81b0927f3c4e1d9a6b5c4d3e2f1a00"
model_id = "3F02A9C41B7D4E58A1C6D2E37B9F0456"
[vault]
key = "file"
{more}
[alerts]
{alerts}
"""
SECRET = "canary-5d1f"


@dataclass(slots=True)
class House:
    """An installation with a service that lives: runs end in it as a test says."""

    installation: Installation
    hook: Received
    mail: Received
    config: Path

    def run(self, flow: str, state: RunState, reason: str = "") -> int:
        store = self.installation.store
        (number,) = self.installation.request_runs([RunRequest(flow)], "schedule")
        with store.transaction() as tx:
            lease = store.leases.claim(tx, store.runs.get(number).model, "w", 30)
            assert lease is not None
            store.runs.claim(tx, number, "w", lease.fence)
            store.runs.finish(tx, number, lease.fence, state, reason, "mend it" if reason else "", Counts())
            store.leases.release(tx, lease)
            kind = "run.done" if state is RunState.DONE else "run.failed"
            store.audit.append(tx, Fact(kind, "worker:w", flow, {"reason": reason}, number))
        return number

    def look(self) -> list[str]:
        """The titles that targets took."""
        return [one.message.title for one in self.installation.teller().look("worker:w")]

    def kinds(self) -> list[str]:
        return [one.alert.key for one in self.installation.store.alerts.standing()]

    def events(self) -> list[tuple[str, str]]:
        found = self.installation.store.audit.events_before(None, 100, kind="alert.")
        return [(one.fact.kind, one.fact.subject) for one in reversed(found)]


@contextmanager
def house_in(folder: Path, alerts: str, more: str = "") -> Iterator[House]:
    with http_receiver() as hook, smtp_receiver() as mail:
        config = folder / "config.toml"
        config.write_text(CONFIG.format(alerts=alerts, more=more), encoding="utf-8")
        with open_installation(str(config)) as installation:
            installation.vault.init_key("file", by="uid:0")
            urls = {
                "hook": f"json://user:{SECRET}@127.0.0.1:{hook.port}/{SECRET}",
                "mail": f"mailto://127.0.0.1:{mail.port}?from=connector@example.com&to=oncall@example.com",
            }
            for name, url in urls.items():
                if name in installation.settings.alerts.targets:
                    installation.set_credential(f"alert.{name}", {"url": url})
            yield House(installation, hook, mail, config)


@pytest.fixture(params=["file", "server"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """On a store in a file, and on a database server."""
    more, server = "", None
    if request.param == "server":
        server = request.getfixturevalue("postgres")
        url = server.borrow()
        more = f'[store]\nurl = "{url}"'
    with house_in(tmp_path, '[alerts.targets.hook]\n[alerts.targets.mail]\nseverity = "critical"\n', more) as found:
        yield found
    if server is not None:
        server.give_back(url)
