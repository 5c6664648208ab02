"""Textual's web server with a page of our own that loads nothing from elsewhere and is open to itself only."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import aiohttp_jinja2
from aiohttp import web
from textual_serve.server import Server

from tui_connector.domain.loglines import log_to

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_connector.ui.look import Palette

LOCAL = "localhost"
_MOST = 8  # consoles at a time


def admits(host: str, origin: str | None, names: Sequence[str]) -> bool:
    """Whether a request is for this server and from its own page.

    A page from elsewhere tells its own origin; one whose name was bound to this address tells a name that is not ours.
    """
    try:
        if origin is not None and urlsplit(origin).netloc != host:
            return False
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return name == LOCAL or name in names or is_address(name)


def is_address(name: str) -> bool:
    """Whether it is a number, which no other name server can bind to something else."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Pages(Server):
    """Each page that is opened is one process of a command."""

    def __init__(
        self, command: str, host: str, port: int, *, title: str, names: Sequence[str], palette: Palette
    ) -> None:
        super().__init__(command, host, port, title, templates_path=Path(__file__).parent / "page")
        self._names, self._palette = names, palette
        self._open = set[asyncio.Task[Any]]()

    def initialize_logging(self) -> None:
        """Failures are told in one line; the values on their way may be secret."""
        log_to(sys.stderr, logging.Formatter("%(levelname)s %(name)s %(message)s"), "ERROR", anew=True)

    async def on_startup(self, app: web.Application) -> None:
        """The command has told already what is served."""

    async def on_shutdown(self, _app: web.Application) -> None:
        """Every console is asked to end; none is waited for any longer than that takes."""
        for task in self._open:
            task.cancel()

    async def handle_index(self, request: web.Request) -> web.StreamResponse:
        self._check(request, must_tell=False)
        nonce, size = secrets.token_urlsafe(16), request.query.get("fontsize", "")
        told = {"title": self.title, "nonce": nonce, "ground": self._palette.ground, "ink": self._palette.ink}
        told["font_size"] = size if size.isascii() and size.isdecimal() else "16"
        page = aiohttp_jinja2.render_template("app_index.html", request, told)
        page.headers.update(_headers(nonce))
        return page

    async def handle_websocket(self, request: web.Request) -> Any:
        self._check(request, must_tell=True)
        if len(self._open) >= _MOST:
            raise web.HTTPServiceUnavailable(text=f"{_MOST} consoles are open already")
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._open.add(task)
        try:
            return await super().handle_websocket(request)
        finally:
            self._open.discard(task)

    async def handle_download(self, request: web.Request) -> web.StreamResponse:
        """Nothing is downloaded: the console writes its exports on this machine."""
        self._check(request, must_tell=False)
        raise web.HTTPNotFound

    def _check(self, request: web.Request, *, must_tell: bool) -> None:
        origin = request.headers.get("Origin")
        if (must_tell and origin is None) or not admits(request.host, origin, self._names):
            raise web.HTTPForbidden(text="this server is open to its own page only")


def _headers(nonce: str) -> dict[str, str]:
    """Nothing from elsewhere is loaded or spoken to, and no other page shows this one."""
    allowed = (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": allowed,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
