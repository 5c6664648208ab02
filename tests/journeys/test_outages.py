"""What the worker lives on is taken away and given back: it says what is missing, loses nothing, and goes on.

Outages of three minutes, with all attempts: DEEP_TESTS=1 pytest tests/journeys/test_outages.py
"""

from __future__ import annotations

import signal
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.journeys.conftest import SAP_SECRETS, assert_sound, wait_for
from tests.journeys.outage_desk import DEEP, FLOW, OUTAGE_SECONDS, Disk, Site, Way, open_site, serving, serving_site
from tests.journeys.posting_desk import POST, documents_in_sap, lines_in_sap, prepare
from tui_connector.domain.proposal import DocumentState
from tui_connector.domain.run import RunState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.journeys.conftest import Sandbox

pytestmark = pytest.mark.timeout(900 if DEEP else 120)
PAGE = {"path": "/A_ProfitCenter", "method": "GET"}
START = {"path": "/imports/[0-9]+/tasks$", "method": "POST"}
CHUNK = {"path": "/chunks/0$", "method": "PUT"}
LEASE_SECONDS = 2
SCHEDULED = f"""
[flows.{FLOW}]
schedule = "0 2 * * *"
"""


@pytest.fixture(scope="module")
def one_site(sandbox_process: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    sandbox_process.reset()
    folder = tmp_path_factory.mktemp("outages")
    with (
        Disk(folder / "disk", 32) as disk,
        open_site(sandbox_process, folder, f'{SCHEDULED}[store]\nurl = "{disk.store}"\n') as site,
    ):
        site.disk = disk
        yield site


@pytest.fixture
def site(sandbox: Sandbox, one_site: Site) -> Iterator[Site]:
    """The module's one worker, and tenants as at first: it lives through every test."""
    one_site.store_certificate(30)
    yield one_site
    one_site.names_are_gone.unlink(missing_ok=True)
    one_site.sap.mend()
    one_site.anaplan.mend()
    assert one_site.worker.running, one_site.worker.said


def test_the_network_is_cut_while_sap_is_read(site: Site) -> None:
    site.sandbox.fault("delay", **PAGE, seconds=20)
    run_id = site.request()
    wait_for(lambda: any(site.sandbox.hits()))
    site.sap.cut()
    site.refused(site.ended(run_id), "localhost", "accepts no connection")
    assert site.sandbox.tasks() == []
    if DEEP:
        time.sleep(OUTAGE_SECONDS)
    site.sap.mend()
    site.goes_on()


def test_the_network_is_cut_while_a_file_is_uploaded(site: Site) -> None:
    site.sandbox.fault("delay", **CHUNK, seconds=20)
    run_id = site.request()
    wait_for(lambda: any(site.sandbox.hits()))
    site.anaplan.cut()
    site.refused(site.ended(run_id), "localhost", "accepts no connection")
    assert site.sandbox.tasks() == []
    site.anaplan.mend()
    site.goes_on()


def test_a_task_of_anaplan_is_watched_through_an_outage(site: Site) -> None:
    """The cut is longer than all attempts of one poll; the task ends meanwhile."""
    site.sandbox.anaplan(task_seconds=2.0)
    run_id = site.request()
    wait_for(lambda: [task["state"] for task in site.sandbox.tasks()] == ["IN_PROGRESS"])
    site.anaplan.cut()
    wait_for(lambda: [task["state"] for task in site.sandbox.tasks()] == ["COMPLETE"])
    time.sleep(OUTAGE_SECONDS)
    assert site.installation.store.runs.get(run_id).state is RunState.RUNNING
    site.anaplan.mend()
    site.loaded(run_id)
    assert len(site.sandbox.tasks()) == 1


def test_a_task_that_began_as_the_network_was_cut_is_adopted(site: Site) -> None:
    site.sandbox.anaplan(task_seconds=3.0)
    site.sandbox.fault("slow_body", **START, seconds_per_chunk=3)
    run_id = site.request()
    wait_for(site.sandbox.tasks)
    site.anaplan.cut()
    time.sleep(OUTAGE_SECONDS)
    site.anaplan.mend()
    site.loaded(run_id)
    (task,) = site.sandbox.tasks()
    step = site.installation.store.steps.get(run_id, "import")
    assert step is not None
    assert step.data["task_id"] == task["task"]


def test_a_host_name_that_does_not_resolve(site: Site) -> None:
    """The flow's next slot comes while it does not, and the one after that when it does."""
    site.names_are_gone.touch()
    site.anaplan.cut()  # kept connections need no name
    site.refused(site.ended(slot(site)), "anaplan.main: the host name localhost does not resolve")
    site.anaplan.mend()
    site.names_are_gone.unlink()
    assert site.ended(slot(site)).state is RunState.DONE
    site.goes_on()


def slot(site: Site) -> int:
    """The run that the schedule's next slot begins."""
    store, latest = site.installation.store, site.installation.store.runs.latest(FLOW)
    with store.transaction() as tx:
        store.schedule.set_next(tx, FLOW, datetime.now(UTC))
    run = wait_for(lambda: store.runs.latest(FLOW), lambda one: one is not None and one != latest)
    assert run is not None
    assert run.requested_by == "schedule"
    return run.id


def test_tokens_that_are_revoked(site: Site) -> None:
    site.goes_on()
    site.sandbox.call("POST", "anaplan/auth/revoke")
    site.sandbox.call("POST", "sap/tokens/revoke")
    site.goes_on()
    refused = [one["path"] for one in site.sandbox.call("GET", "log")["requests"] if one["status"] == 401]
    assert any("/sap/" in path for path in refused)
    assert any("/2/0/" in path for path in refused)


def test_a_credential_that_is_taken_back(site: Site) -> None:
    """It is tried once; a new one, stored while the worker runs, is used at once."""
    site.sandbox.call("POST", "sap/tokens/revoke")
    site.sandbox.sap(oauth_enabled=False)
    for _ in range(2):
        site.refused(site.run(), "sap.main: SAP gives no token (401, invalid_client)")
    tried = [one for one in site.sandbox.requests("POST", "/oauth2/token") if one["status"] == 401]
    assert len(tried) == 1
    site.sandbox.sap(oauth_enabled=True)
    site.refused(site.run(), "sap.main: SAP gives no token")
    site.installation.set_credential("sap.main", SAP_SECRETS)
    site.goes_on()


def test_certificates_that_have_ended(site: Site) -> None:
    site.sap.mend(serving(site.folder, -1))
    site.refused(site.run(), "sap.main: the certificate of localhost has expired; nothing was sent")
    site.sap.mend(serving(site.folder, 30))
    site.goes_on()
    site.store_certificate(-1)
    site.refused(site.run(), "The Anaplan certificate expired on")
    site.store_certificate(30)
    site.goes_on()


def test_a_model_that_takes_nothing(site: Site) -> None:
    """Archived before a run and within one, locked by somebody, in maintenance."""
    states = {"ARCHIVED": "ARCHIVED", "LOCKED": "LOCKED", "PRODUCTION_MAINTENANCE": "MAINTENANCE"}
    for state, word in states.items():
        site.sandbox.call("POST", "anaplan/model", {"activeState": state})
        site.refused(site.run(), "Finance Hub", word)
    site.sandbox.call("POST", "anaplan/model", {"activeState": "UNLOCKED"})
    site.sandbox.fault("delay", **CHUNK, seconds=0.3)
    run_id = site.request()
    wait_for(lambda: any(site.sandbox.hits()))
    site.sandbox.call("POST", "anaplan/model", {"activeState": "ARCHIVED"})
    site.refused(site.ended(run_id), "archived (422)")
    assert site.sandbox.tasks() == []
    site.sandbox.call("POST", "anaplan/model", {"activeState": "UNLOCKED"})
    site.goes_on()


def test_the_disk_is_full_while_a_flow_loads(site: Site) -> None:
    site.sandbox.fault("delay", **PAGE, seconds=0.5)
    run_id = site.request()
    wait_for(lambda: any(site.sandbox.hits()))
    before = site.worker.said
    site.fill_disk()
    wait_for(lambda: site.manager.status.startswith("waiting: the disk of the store is full"))
    fed = site.manager.count("WATCHDOG")
    time.sleep(max(OUTAGE_SECONDS, 1.5 * LEASE_SECONDS))
    assert site.manager.count("WATCHDOG") > fed
    assert site.sandbox.tasks() == []
    reread_in_vain(site)
    site.free_disk()
    site.loaded(run_id)
    site.goes_on()
    assert_sound(site.installation)
    said = site.worker.said.removeprefix(before)
    print(f"\n{said}")
    assert said.count("the disk of the store is full or fails") == 3, "by the lease, the worker and the configuration"
    assert said.count("the store can be had again") == 1
    assert "Traceback" not in said


def reread_in_vain(site: Site) -> None:
    """A configuration that cannot be written down as the one in force is not."""
    config = site.folder / "config.toml"
    before = config.read_text()
    config.write_text(before.replace(SCHEDULED, f'{SCHEDULED}import = "no such import"\n'))
    site.worker.send(signal.SIGHUP)
    wait_for(lambda: "configuration not read, the one before stays: the disk of the store" in site.worker.said)
    config.write_text(before)


def test_another_process_holds_the_store(site: Site) -> None:
    site.sandbox.fault("delay", **PAGE, seconds=0.5)
    run_id = site.request()
    wait_for(lambda: any(site.sandbox.hits()))
    before = site.worker.said
    with site.installation.store.transaction() as tx:
        assert tx.now
        wait_for(lambda: "has held the store" in site.worker.said)
        time.sleep(max(OUTAGE_SECONDS, 1.5 * LEASE_SECONDS))
    site.loaded(run_id)
    site.goes_on()
    said = site.worker.said.removeprefix(before)
    print(f"\n{said}")
    assert said.count("it is asked again") == said.count("the store can be had again") == 1


def test_documents_are_posted_through_a_cut_network_and_a_full_disk(sandbox: Sandbox, tmp_path: Path) -> None:
    """SAP holds a document of which it could not tell; then one whose number could not be written down."""
    with Way(sandbox) as way, Disk(tmp_path / "disk", 96) as disk:
        batch = prepare(replace(sandbox, url=way.url), tmp_path / "batch", 4, 8, store=disk.store)
        wanted = batch.lines()
        sandbox.fault("slow_body", POST, seconds_per_chunk=0.3, times=2)
        with serving_site(sandbox, batch.config, way, way) as site:
            site.disk = disk
            wait_for(lambda: documents_in_sap(sandbox))
            way.swallow()
            site.refused(site.ended(batch.run), "sap.main: localhost gave no answer in time")
            assert [one.state for one in batch.states()].count(DocumentState.UNKNOWN) == 1
            way.mend()
            wait_for(lambda: len(documents_in_sap(sandbox)) == 2)
            site.fill_disk()
            wait_for(lambda: "is asked again" in site.worker.said)
            time.sleep(max(OUTAGE_SECONDS, 1.5 * LEASE_SECONDS))
            assert len(documents_in_sap(sandbox)) == 2
            site.free_disk()
            wait_for(lambda: len(documents_in_sap(sandbox)) == 4)
            last = site.installation.store.runs.history(flow="plan_writeback")[0]
            site.ended(last.id)
            print(f"\n{site.worker.said}")
            assert lines_in_sap(sandbox) == wanted
            replace(batch, run=last.id).assert_posted()
            site.fill_disk()
            wait_for(lambda: site.manager.status.startswith("waiting: the disk"))
            site.worker.send(signal.SIGTERM)
            assert site.worker.wait(10) == 0, site.worker.said
            assert "the end of this worker is not written down" in site.worker.said
