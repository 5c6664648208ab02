"""The worker under a service manager: readiness, watchdog, signals and log lines, by the real process on real sockets."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families

from tests.journeys.conftest import (
    ANAPLAN_SECRETS,
    SAP_SECRETS,
    Process,
    Sandbox,
    assert_sound,
    command_line,
    environment,
    request_runs,
    wait_for,
    wait_for_runs,
)
from tests.journeys.manager import Manager
from tui_connector.domain.run import Run, RunState
from tui_connector.views.events import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from tui_connector.bootstrap import Installation


class Collector(ThreadingHTTPServer):
    """An OpenTelemetry collector on this machine: what was exported to it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.spans: list[Span] = []
        self.bodies: list[bytes] = []


class _Taking(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.bodies.append(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.server.spans += [span for scope in resource.scope_spans for span in scope.spans]
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(tmp_path / "notify")
    yield made
    made.socket.close()


@pytest.fixture
def service(config: Path, tmp_path: Path, manager: Manager) -> Iterator[Process]:
    """The real worker with a watchdog of 1.5 seconds, and the test as its service manager."""
    folder = tmp_path / "service"
    folder.mkdir()
    told = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1500000"}
    command = command_line(config, "--no-ui")
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        popen = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env={**environment(), **told}
        )
    process = Process(popen, folder)
    wait_for(lambda: manager.count("READY") or not process.running)
    assert process.running, process.said
    yield process
    process.kill()


@pytest.fixture
def more_config(collector: Collector) -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    traces = f'endpoint = "http://127.0.0.1:{collector.server_port}/v1/traces"'
    return f'[log]\nformat = "json"\nlevel = "INFO"\n[metrics]\nport = {port}\n[traces]\n{traces}\n'


def lines(process: Process) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (process.folder / "out").read_text().splitlines()]


def assert_scraped(installation: Installation, run: Run) -> None:
    """What Prometheus's own parser makes of the process's page is what the store says of its one run."""
    port = installation.settings.metrics.port
    with httpx.Client(trust_env=False, base_url=f"http://127.0.0.1:{port}") as http:
        assert http.get("/").status_code == 404
        answer = http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    found = {
        (one.name.removeprefix("tui_connector_"), tuple(sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(answer.text)
        for one in family.samples
    }

    def told(name: str, **labels: str) -> float:
        return found[name, tuple(sorted(labels.items()))]

    flow = "gl_accounts"
    assert told("runs_total", flow=flow, purpose="flow", state="done") == 1
    assert told("rows_total", flow=flow, outcome="read") == run.counts.read > 0
    assert told("rows_total", flow=flow, outcome="loaded") == run.counts.loaded
    assert told("tie_outs_total", flow=flow, verdict="tied") == told("last_tie_out", flow=flow, verdict="tied") == 1
    assert told("last_tie_out", flow=flow, verdict="not tied") == 0
    assert told("rejects", flow=flow, standing="open") == 0
    assert told("run_wait_seconds_count", flow=flow) == told("run_wait_seconds_bucket", flow=flow, le="+Inf") == 1
    assert told("task_seconds_count", flow=flow) == told("task_seconds_bucket", flow=flow, le="60.0") == 1
    assert 0 < told("task_seconds_sum", flow=flow) < 60
    assert told("workers", state="alive") == 1
    assert told("runs_under_way", flow=flow, state="running") == told("leases_held") == 0
    assert told("requests_last_minute", budget="sap.main") > 0
    assert told("requests_per_minute_limit", budget="sap.main") == 60_000
    assert told("audit_events_total") > 0
    assert run.ended_at is not None
    assert told("last_done_timestamp_seconds", flow=flow) == run.ended_at.timestamp()


def assert_traced(installation: Installation, run: Run, collector: Collector) -> None:
    """One trace: the run, how long it waited, and each attempt at each step, with the store's own moments."""
    (whole,) = [span for span in collector.spans if not span.parent_span_id]
    parts = [span for span in collector.spans if span.parent_span_id]
    assert whole.name == "gl_accounts flow"
    assert {(span.parent_span_id, span.trace_id) for span in parts} == {(whole.span_id, whole.trace_id)}
    steps = installation.store.steps.of(run.id)
    assert [span.name for span in parts] == ["wait for the model", *(step.name for step in steps)]
    told = {one.key: one.value for one in whole.attributes}
    assert told["run.state"].string_value == "done"
    assert told["tie.verdict"].string_value == "tied"
    assert told["rows.read"].int_value == run.counts.read
    assert run.ended_at is not None
    assert whole.end_time_unix_nano == round(run.ended_at.timestamp() * 1e6) * 1000
    assert {len(span.span_id) for span in collector.spans} == {8}
    assert len({span.span_id for span in collector.spans}) == len(collector.spans)


def test_it_is_ready_alive_and_stops_in_order(
    service: Process, manager: Manager, installation: Installation, collector: Collector
) -> None:
    first = manager.hear()[0]
    assert first["READY"] == "1"
    assert first["STATUS"].startswith("waiting for work of ")
    wait_for(lambda: manager.count("WATCHDOG") >= 4, seconds=4)

    (run,) = wait_for_runs(installation, request_runs(installation, "gl_accounts"))
    assert run.state is RunState.DONE, run.reason
    assert_scraped(installation, run)
    service.send(signal.SIGTERM)
    told = time.monotonic()
    assert service.wait(10) == 0, service.said
    assert time.monotonic() - told < 2
    assert manager.hear()[-1]["STOPPING"] == "1"

    assert_traced(installation, run, collector)
    assert not [one for one in (*SAP_SECRETS.values(), *ANAPLAN_SECRETS.values()) if one in service.said]
    said = lines(service)
    assert {one["level"] for one in said} == {"INFO"}, service.said
    (began,) = [one for one in said if one["message"] == f"run {run.id} started"]
    assert (began["run"], began["flow"], began["fence"], began["logger"]) == (
        run.id, "gl_accounts", run.fence, "tui_connector.worker",
    )  # fmt: skip
    steps = {one["step"] for one in said if "step" in one}
    assert {step.name for step in installation.store.steps.of(run.id)} >= steps >= {"import", "transfer"}
    assert all(one["run"] == run.id and one["fence"] == run.fence for one in said if "step" in one)
    assert any(one["message"].startswith(f"run {run.id} done; read ") for one in said)


def test_a_stuck_loop_is_not_fed(service: Process, manager: Manager, installation: Installation) -> None:
    """Another program holds the store's write lock: the process lives, its loop stands, the watchdog starves."""
    wait_for(lambda: manager.count("WATCHDOG") >= 2)
    with installation.store.transaction() as tx:
        assert tx.now
        time.sleep(0.3)
        fed = manager.count("WATCHDOG")
        time.sleep(1.6)
        assert manager.count("WATCHDOG") == fed
    assert service.running
    wait_for(lambda: manager.count("WATCHDOG") > fed)


REFUSED = {
    "[engine]\nlease_seconds = 0\n": "cannot be read",
    '[flows.gl_accounts]\nsap = "other"\n': "the flow gl_accounts uses [sap.other], which is not configured",
    '[store]\nurl = "/tmp/elsewhere.db"\n': "not while it runs: store.url was sqlite, is now /tmp/elsewhere.db",
}


def test_the_configuration_is_read_anew_or_refused_and_runs_under_way_keep_theirs(
    service: Process, manager: Manager, installation: Installation, config: Path, sandbox: Sandbox
) -> None:
    def send(text: str, how: str) -> str:
        ready = manager.count("READY")
        config.write_text(text)
        service.send(signal.SIGHUP)
        wait_for(lambda: manager.count("READY") == ready + 1)
        return next(one["STATUS"] for one in reversed(manager.hear()) if one.get("STATUS", "").startswith(how))

    before = config.read_text()
    for text, why in REFUSED.items():
        assert why in send(before + text, "configuration refused, the one before stays: ")
        assert any(one["level"] == "ERROR" and why in one["message"] for one in lines(service))
    refused = installation.store.audit.events(kind="worker.config_refused")
    assert [why in text_of(one.fact) for one, why in zip(refused, REFUSED.values(), strict=True)] == [True] * 3

    sandbox.anaplan(task_seconds=1.5)
    ids = request_runs(installation, "gl_accounts")
    wait_for(sandbox.tasks)
    changed = f'{before}[flows.gl_accounts]\nschedule = "0 3 * * *"\nimport = "no such import"\n'
    told = send(changed, "configuration read anew")
    assert "flows.gl_accounts.import is now no such import; flows.gl_accounts.schedule is now 0 3 * * *" in told
    at = [int(one["MONOTONIC_USEC"]) for one in manager.hear() if "RELOADING" in one]
    assert len(at) == len(REFUSED) + 1
    assert 0 < time.clock_gettime_ns(time.CLOCK_MONOTONIC) / 1e3 - at[-1] < 60e6
    (run,) = wait_for_runs(installation, ids)
    assert run.state is RunState.DONE, run.reason
    (run,) = wait_for_runs(installation, request_runs(installation, "gl_accounts"))
    assert "no such import" in run.reason

    (event,) = installation.store.audit.events(kind="worker.reconfigured")
    assert event.fact.data["flows"]["gl_accounts"]["schedule"] == "0 3 * * *"
    names = "flows.gl_accounts.import, flows.gl_accounts.schedule"
    assert text_of(event.fact) == f"the configuration was read anew: {names}"
    assert_sound(installation)
