"""Figures for Prometheus: once on standard output, or from the worker on a port of this machine."""

from __future__ import annotations

import logging
import sys
import threading
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from tui_connector.bootstrap import open_installation
from tui_connector.cli import Exit
from tui_connector.domain.errors import ConfigError, ConnectorError
from tui_connector.views.measures import measures

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIEnvironment

    from prometheus_client.metrics_core import Metric

    from tui_connector.views.desk import Desk
    from tui_connector.views.measures import Measure

log = logging.getLogger("tui_connector.metrics")
_HOST = "127.0.0.1"
_PREFIX = "tui_connector_"
_READ_SECONDS = 5.0


def show(given: argparse.Namespace) -> int:
    """Print them, as a collector of text files takes them too."""
    from tui_connector.cli.out import print_json  # a worker that serves them prints nothing

    with open_installation(given.config, read_only=True) as installation:
        desk = installation.desk()
        if given.json:
            print_json([_plain(one) for one in measures(desk)])
        else:
            print(Page(desk).text().decode(), end="")
    return Exit.DONE


def _plain(one: Measure) -> dict[str, Any]:
    samples = [
        {"labels": dict(zip(one.labels, sample.labels, strict=True)), "value": sample.value}
        | ({"within": dict(zip((*map(str, one.bounds), "+Inf"), sample.within, strict=True))} if sample.within else {})
        for sample in one.samples
    ]
    return {"name": _PREFIX + one.name, "kind": one.kind, "text": one.text, "samples": samples}


class Page:
    """The text that Prometheus reads, made anew each time."""

    def __init__(self, desk: Desk) -> None:
        require_library()
        from prometheus_client import CollectorRegistry

        self._desk = desk
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Every family of figures; the registry asks."""
        return map(_family, measures(self._desk))

    def text(self) -> bytes:
        from prometheus_client import generate_latest

        return generate_latest(self._registry)


def require_library() -> None:
    """Raise ConfigError where the extra is not installed."""
    if find_spec("prometheus_client") is None:
        raise ConfigError("metrics are not installed", hint='install them with: pip install "tui-connector[metrics]"')


def _family(one: Measure) -> Metric:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    name = _PREFIX + one.name
    if one.kind == "spread":
        spread = HistogramMetricFamily(name, one.text, labels=one.labels)
        bounds = [*(str(float(bound)) for bound in one.bounds), "+Inf"]
        for sample in one.samples:
            buckets = [(bound, float(count)) for bound, count in zip(bounds, sample.within, strict=True)]
            spread.add_metric(sample.labels, buckets, sample.value)
        return spread
    family = (CounterMetricFamily if one.kind == "counter" else GaugeMetricFamily)(name, one.text, labels=one.labels)
    for sample in one.samples:
        family.add_metric(sample.labels, sample.value)
    return family


class _Quiet(WSGIRequestHandler):
    timeout = _READ_SECONDS  # one thread serves: a caller that says nothing may not hold it

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name for it
        log.debug("%s", format % args)


class _Server(WSGIServer):
    def handle_error(self, request: object, client_address: object) -> None:
        del request, client_address
        log.debug("a caller was not answered: %r", sys.exc_info()[1])


class Endpoint:
    """127.0.0.1:PORT/metrics in a thread of its own, until closed."""

    def __init__(self, desk: Desk, port: int) -> None:
        self._page = Page(desk)
        self._server = _Server((_HOST, port), _Quiet)
        self._server.set_app(self._answer)
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, environment: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        from prometheus_client import CONTENT_TYPE_LATEST

        if environment["PATH_INFO"] != "/metrics" or environment["REQUEST_METHOD"] != "GET":
            return _plainly(start, "404 Not Found", "GET /metrics")
        try:
            text = self._page.text()
        except ConnectorError as error:
            log.warning("the figures could not be read: %s", error.message)
            return _plainly(start, "503 Service Unavailable", "the store does not answer")
        start("200 OK", [("Content-Type", CONTENT_TYPE_LATEST), ("Cache-Control", "no-store")])
        return [text]


def _plainly(start: StartResponse, status: str, words: str) -> list[bytes]:
    start(status, [("Content-Type", "text/plain; charset=utf-8")])
    return [f"{words}\n".encode()]


def open_endpoint(desk: Desk, port: int) -> Callable[[], None]:
    """Serve there when the port is free; what ends it. Another worker here that has it tells the same."""
    try:
        endpoint = Endpoint(desk, port)
    except OSError as error:
        log.warning("no metrics: %s port %s cannot be served: %s", _HOST, port, error.strerror)
        return lambda: None
    log.info("metrics at http://%s:%s/metrics", _HOST, port)
    return endpoint.close
