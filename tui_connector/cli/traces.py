"""Each run that has ended as a trace for an OpenTelemetry collector: made of what the store says of it."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import deque
from importlib.util import find_spec
from typing import TYPE_CHECKING

from tui_connector import __version__
from tui_connector.domain.errors import ConfigError
from tui_connector.domain.run import RunState, StepState

if TYPE_CHECKING:
    from datetime import datetime

    from opentelemetry.trace import Span

    from tui_connector.bootstrap import Installation
    from tui_connector.domain.run import Run

log = logging.getLogger("tui_connector.traces")
_SEND_SECONDS = 5.0
_CLOSE_SECONDS = 2.0


def open_traces(installation: Installation, endpoint: str) -> Traces:
    """What takes runs that have ended; raises ConfigError where the extra is not installed."""
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.exporter") is None:
        raise ConfigError("traces are not installed", hint='install them with: pip install "tui-connector[traces]"')
    return Traces(installation, endpoint)


class Traces:
    """Sends in the background and never waits for the collector; what it does not take in time is given up.

    A run's trace has the same ids wherever it is made, so that two workers that tell of one run tell of one trace. It
    holds names, counts and states: no key, no amount, no text of a tenant.
    """

    def __init__(self, installation: Installation, endpoint: str) -> None:
        import requests
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.id_generator import IdGenerator

        names: deque[str] = deque()

        class Derived(IdGenerator):
            def generate_span_id(self) -> int:
                return _id(names.popleft(), 8)

            def generate_trace_id(self) -> int:
                return _id(names[0], 16)

        session = requests.Session()
        session.trust_env = False  # no proxy, no credential that the environment happens to name
        resource = Resource.create({
            "service.name": "tui-connector", "service.version": __version__,
            "deployment.environment.name": installation.settings.environment,
        })  # fmt: skip
        self._store = installation.store
        self._names = names
        self._provider = TracerProvider(resource=resource, id_generator=Derived(), shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=endpoint, timeout=_SEND_SECONDS, session=session)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("tui_connector", __version__)

    def take(self, run: Run) -> None:
        """Make the trace of a run that has ended; a fault here is told and touches no run."""
        try:
            self._make(run)
        except Exception:
            log.exception("no trace of run %s", run.id)
            self._names.clear()

    def _make(self, run: Run) -> None:
        """How long it waited, then each attempt at each step."""
        from opentelemetry import trace

        if run.ended_at is None:
            return
        verdict = self._store.ties.verdicts([run.id]).get(run.id)
        whole = self._begin(f"run {run.id}", f"{run.flow} {run.purpose}", run.requested_at, None)
        whole.set_attributes({
            "run.id": run.id, "run.flow": run.flow, "run.purpose": run.purpose.value, "run.mode": run.mode.value,
            "run.state": run.state.value, "run.fence": run.fence, "run.worker": run.worker or "",
            "run.dry": run.dry_run, "rows.read": run.counts.read, "rows.unchanged": run.counts.unchanged,
            "rows.sent": run.counts.sent, "rows.loaded": run.counts.loaded, "rows.ignored": run.counts.ignored,
            "rows.rejected": run.counts.rejected, **({"tie.verdict": verdict.value} if verdict else {}),
        })  # fmt: skip
        if run.state is not RunState.DONE:
            whole.set_status(trace.StatusCode.ERROR, run.state.value)
        waiting = self._begin(f"run {run.id} wait", "wait for the model", run.requested_at, whole)
        waiting.end(_nanoseconds(run.started_at or run.ended_at))
        for step in self._store.steps.of(run.id):
            part = self._begin(f"run {run.id} {step.name} {step.attempt}", step.name, step.started_at, whole)
            part.set_attributes({"step.attempt": step.attempt, "step.state": step.state.value})
            if step.state is StepState.FAILED:
                part.set_status(trace.StatusCode.ERROR, step.state.value)
            part.end(_nanoseconds(step.ended_at or run.ended_at))
        whole.end(_nanoseconds(run.ended_at))

    def close(self) -> None:
        """Send what is left, as long as that does not take long."""
        ending = threading.Thread(target=self._provider.shutdown, name="traces", daemon=True)
        ending.start()
        ending.join(_CLOSE_SECONDS)

    def _begin(self, name: str, title: str, at: datetime, parent: Span | None) -> Span:
        from opentelemetry import trace
        from opentelemetry.context import Context

        self._names.append(f"{self._store.id} {name}")
        context = Context() if parent is None else trace.set_span_in_context(parent, Context())
        return self._tracer.start_span(title, context, start_time=_nanoseconds(at))


def _id(name: str, size: int) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:size]) or 1


def _nanoseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000) * 1000
