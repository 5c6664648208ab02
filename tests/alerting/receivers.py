"""Real receivers on loopback: one that takes HTTP posts, one that speaks enough SMTP to take a mail."""

from __future__ import annotations

import json
import socketserver
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage


@dataclass(slots=True)
class Received:
    """What came. answer: the HTTP status that posts get; 0 hangs up."""

    port: int
    posts: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    mails: list[EmailMessage] = field(default_factory=list)
    answer: int = 200
    gate: threading.Event = field(default_factory=threading.Event)

    @property
    def titles(self) -> list[str]:
        return [post["title"] for post in self.posts]


@contextmanager
def http_receiver() -> Iterator[Received]:
    """Keeps what is posted; waits for its gate first where a test has closed it."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            received.gate.wait(20)
            received.paths.append(self.path)
            received.posts.append(content)
            if received.answer:
                self.send_response(received.answer)
                self.send_header("Location", "http://192.0.2.1/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

        def log_message(self, *_: object) -> None:
            """In silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received = Received(server.server_address[1])
    received.gate.set()
    with _serving(server):
        yield received


@contextmanager
def smtp_receiver() -> Iterator[Received]:
    """Takes every mail."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 test")
            for line in self.rfile:
                verb = line.decode("ascii", "replace").strip().upper()
                if verb == "DATA":
                    self._say("354 go on")
                    lines = list(iter(self.rfile.readline, b".\r\n"))
                    content = b"".join(lines)
                    received.mails.append(message_from_bytes(content, policy=default))
                self._say("221 bye" if verb == "QUIT" else "250 ok")
                if verb == "QUIT":
                    return

        def _say(self, words: str) -> None:
            self.wfile.write(f"{words}\r\n".encode())

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    received = Received(server.server_address[1])
    with _serving(server):
        yield received


@contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
