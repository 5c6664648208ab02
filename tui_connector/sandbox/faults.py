"""Fault rules and the ASGI layer that applies them: lost answers, slow bodies, foreign links and the like."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import re
import socket
import struct
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from tui_connector.sandbox.clock import SandboxClock

KINDS = frozenset(
    {
        "drop_request", "drop_answer", "reset", "delay", "slow_body", "truncate", "status", "html", "rate_limit",
        "replace_json", "gzip_bomb", "foreign_next", "late_commit", "echo",
    }
)  # fmt: skip
Chance = Callable[[str, str], "dict[str, Any] | None"]  # method and target of a request
NEXT_KEYS = ("__next", "@odata.nextLink", "next")
HTML_PAGE = b"<html><head><title>Sign in</title></head><body><h1>Please sign in</h1></body></html>"
BODY_PIECES = 8


class FaultError(ValueError):
    """A fault rule that cannot be understood."""


@dataclass(slots=True)
class FaultRule:
    """One rule: which requests it meets, how often, and what it does to them.

    rate: the share of those requests that suffer, drawn one by one from `dice`.
    """

    id: int
    kind: str
    method: str
    path: re.Pattern[str]
    times: int
    skip: int
    fields: dict[str, Any]
    rate: float = 1.0
    dice: random.Random = field(default_factory=random.Random)
    matched: int = 0
    hits: int = 0

    def meets(self, method: str, target: str) -> bool:
        """Whether this request is to suffer; counts the match, and the hit if it is."""
        if self.method not in ("*", method) or not self.path.search(target):
            return False
        if 0 <= self.times <= self.hits:
            return False
        self.matched += 1
        if self.matched <= self.skip or self.dice.random() >= self.rate:
            return False
        self.hits += 1
        return True

    def as_json(self) -> dict[str, Any]:
        """The rule with its counters, as the control API shows it."""
        head = {"id": self.id, "kind": self.kind, "method": self.method, "path": self.path.pattern}
        return {
            **head,
            "times": self.times,
            "skip": self.skip,
            "rate": self.rate,
            "matched": self.matched,
            "hits": self.hits,
            **self.fields,
        }


@dataclass(slots=True)
class FaultBook:
    """All rules in force, in the order they were laid down; the first that meets a request wins.

    chances: asked for a request that no rule meets; what they answer is a rule for this one request.
    """

    rules: list[FaultRule] = field(default_factory=list)
    chances: list[Chance] = field(default_factory=list)
    _ids: count[int] = field(default_factory=lambda: count(1))

    def add(self, rule: dict[str, Any]) -> FaultRule:
        """Lay down a rule; raises FaultError for an unknown kind or a bad pattern."""
        made = self._read(rule)
        self.rules.append(made)
        return made

    def find(self, method: str, target: str) -> FaultRule | None:
        """The rule that meets this request, or None."""
        found = next((rule for rule in self.rules if rule.meets(method, target)), None)
        if found is not None:
            return found
        drawn = next((rule for chance in self.chances if (rule := chance(method, target))), None)
        return None if drawn is None else self._read(drawn)

    def clear(self) -> None:
        """Forget every rule."""
        self.rules.clear()

    def _read(self, rule: dict[str, Any]) -> FaultRule:
        fields = dict(rule)
        kind = str(fields.pop("kind", ""))
        if kind not in KINDS:
            raise FaultError(f"unknown fault kind {kind!r}; known: {', '.join(sorted(KINDS))}")
        try:
            pattern = re.compile(str(fields.pop("path", "")))
            times, skip = int(fields.pop("times", 1)), int(fields.pop("skip", 0))
            rate, dice = float(fields.pop("rate", 1.0)), random.Random(fields.pop("seed", None))
        except (re.error, TypeError, ValueError) as error:
            raise FaultError(f"bad fault rule: {error}") from error
        method = str(fields.pop("method", "*")).upper()
        return FaultRule(next(self._ids), kind, method, pattern, times, skip, fields, rate, dice)


@dataclass(slots=True)
class Answer:
    """An answer held back so that it can be changed before it is sent."""

    status: int = 200
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)

    async def collect(self, message: Message) -> None:
        """Take one ASGI message of the application."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message.get("headers", []))
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")

    def put_header(self, name: bytes, value: bytes) -> None:
        """Set one header, replacing it in any spelling."""
        self.headers = [pair for pair in self.headers if pair[0].lower() != name] + [(name, value)]

    async def send(self, send: Send, *, seconds_between: float = 0.0) -> None:
        """Send it all, in several pieces with a pause between them when asked."""
        self.put_header(b"content-length", str(len(self.body)).encode())
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        size = len(self.body) if seconds_between <= 0 else max(1, -(-len(self.body) // BODY_PIECES))
        for start in range(0, len(self.body), max(size, 1)):
            if seconds_between > 0:
                await asyncio.sleep(seconds_between)
            piece = bytes(self.body[start : start + size])
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


class FaultLayer:
    """ASGI middleware in front of both tenants; the control API is never disturbed."""

    def __init__(
        self, app: ASGIApp, book: FaultBook, clock: SandboxClock, connections: dict[tuple[str, int], asyncio.Transport]
    ) -> None:
        self._app = app
        self._book = book
        self._clock = clock
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Apply the rule that meets the request, if any."""
        if scope["type"] != "http" or scope["path"].startswith("/_sandbox"):
            await self._app(scope, receive, send)
            return
        query = scope.get("query_string", b"").decode("latin-1")
        rule = self._book.find(scope["method"], scope["path"] + ("?" + query if query else ""))
        if rule is None:
            await self._app(scope, receive, send)
            return
        handler: Callable[[FaultRule, Scope, Receive, Send], Awaitable[None]] = getattr(self, f"_{rule.kind}")
        await handler(rule, scope, receive, send)

    async def _held_answer(self, scope: Scope, receive: Receive) -> Answer:
        answer = Answer()
        await self._app(scope, receive, answer.collect)
        return answer

    async def _hang_up(self, scope: Scope, receive: Receive, *, hard: bool) -> None:
        # without a transport the caller itself has hung up already
        transport = self._connections.get(tuple(scope["client"]))
        if transport is not None and hard:
            sock: socket.socket = transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        elif transport is not None:
            transport.close()
        while (await receive())["type"] != "http.disconnect":
            pass

    async def _drop_request(self, _rule: FaultRule, scope: Scope, receive: Receive, _send: Send) -> None:
        await self._hang_up(scope, receive, hard=False)

    async def _reset(self, _rule: FaultRule, scope: Scope, receive: Receive, _send: Send) -> None:
        await self._hang_up(scope, receive, hard=True)

    async def _drop_answer(self, _rule: FaultRule, scope: Scope, receive: Receive, _send: Send) -> None:
        await self._held_answer(scope, receive)
        await self._hang_up(scope, receive, hard=False)

    async def _late_commit(self, rule: FaultRule, scope: Scope, receive: Receive, _send: Send) -> None:
        # the caller is gone before the application begins, and its work is done all the same
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
        await self._hang_up(scope, receive, hard=False)
        await asyncio.sleep(float(rule.fields.get("seconds", 0.3)))

        async def replay() -> Message:
            return {"type": "http.request", "body": bytes(body), "more_body": False}

        await self._held_answer(scope, replay)

    async def _delay(self, rule: FaultRule, scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(float(rule.fields.get("seconds", 1)))
        await self._app(scope, receive, send)

    async def _slow_body(self, rule: FaultRule, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._held_answer(scope, receive)
        await answer.send(send, seconds_between=float(rule.fields.get("seconds_per_chunk", 0.2)))

    async def _truncate(self, rule: FaultRule, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._held_answer(scope, receive)
        kept = bytes(answer.body[: int(rule.fields.get("bytes", len(answer.body) // 2))])
        answer.put_header(b"content-length", str(max(len(answer.body), len(kept) + 1)).encode())
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": kept, "more_body": True})
        await self._hang_up(scope, receive, hard=False)

    async def _status(self, rule: FaultRule, scope: Scope, receive: Receive, send: Send) -> None:
        # "after": the application does its work first, and only its answer is lost.
        if rule.fields.get("after"):
            await self._held_answer(scope, receive)
        body = rule.fields.get("body", "")
        text = body if isinstance(body, str) else json.dumps(body)
        kind = str(rule.fields.get("content_type", "text/plain" if isinstance(body, str) else "application/json"))
        answer = Answer(
            int(rule.fields.get("status", 500)), [(b"content-type", kind.encode())], bytearray(text.encode())
        )
        for name, value in dict(rule.fields.get("headers", {})).items():
            answer.put_header(str(name).lower().encode(), str(value).encode())
        await answer.send(send)

    async def _html(self, _rule: FaultRule, _scope: Scope, _receive: Receive, send: Send) -> None:
        await Answer(200, [(b"content-type", b"text/html;charset=utf-8")], bytearray(HTML_PAGE)).send(send)

    async def _rate_limit(self, rule: FaultRule, _scope: Scope, _receive: Receive, send: Send) -> None:
        wait = rule.fields.get("retry_after", 1)
        answer = Answer(429, [(b"content-type", b"application/json")], bytearray(b'{"status":{"code":429}}'))
        if wait == "date":
            moment = self._clock.now() + timedelta(seconds=float(rule.fields.get("seconds", 2)))
            answer.put_header(b"retry-after", format_datetime(moment, usegmt=True).encode())
        elif wait is not None:
            answer.put_header(b"retry-after", str(wait).encode())
        await answer.send(send)

    async def _replace_json(self, rule: FaultRule, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._held_answer(scope, receive)
        answer.status = int(rule.fields.get("status", answer.status))
        answer.body = bytearray(json.dumps(rule.fields.get("body")).encode())
        answer.put_header(b"content-type", b"application/json")
        await answer.send(send)

    async def _echo(self, rule: FaultRule, scope: Scope, receive: Receive, send: Send) -> None:
        # as a debug page or a proxy does: what was sent comes back, and what stands in its basic credentials
        kind = str(rule.fields.get("content_type", "text/plain"))
        told, steered = await read_request(scope, receive), kind.endswith("json")
        body = str(rule.fields.get("body", "{request}"))
        body = body.replace("{request}", json.dumps(told)[1:-1] if steered else told)
        head = [(b"content-type", kind.encode())]
        head += [
            (str(name).lower().encode(), str(value).replace("{request}", quote(told)).encode())
            for name, value in dict(rule.fields.get("headers", {})).items()
        ]
        await Answer(int(rule.fields.get("status", 500)), head, bytearray(body.encode())).send(send)

    async def _gzip_bomb(self, rule: FaultRule, _scope: Scope, _receive: Receive, send: Send) -> None:
        packed = await asyncio.to_thread(pack_bomb, int(rule.fields.get("megabytes", 100)))
        head = [(b"content-type", b"application/json"), (b"content-encoding", b"gzip")]
        await Answer(200, head, bytearray(packed)).send(send)

    async def _foreign_next(self, rule: FaultRule, scope: Scope, receive: Receive, send: Send) -> None:
        plain = {**scope, "headers": [one for one in scope["headers"] if one[0] != b"accept-encoding"]}
        answer = await self._held_answer(plain, receive)
        tree = json.loads(bytes(answer.body) or b"null")
        turn_links(tree, str(rule.fields.get("url", "https://elsewhere.example/steal")))
        answer.body = bytearray(json.dumps(tree).encode())
        await answer.send(send)


async def read_request(scope: Scope, receive: Receive) -> str:
    """A request in one line: credentials first, since what quotes it may cut it; then other headers and the body."""
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    headers.sort(key=lambda one: one[0] not in ("authorization", "cookie", "x-csrf-token"))
    basic = [value.partition(" ")[2] for _, value in headers if value.startswith("Basic ")]
    body, more = bytearray(), True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    plain = [base64.b64decode(one).decode("utf-8", "replace") for one in basic]
    query = scope.get("query_string", b"").decode("latin-1")
    return " ".join([*plain, *(f"{name}={value}" for name, value in headers), query, body.decode("utf-8", "replace")])


def pack_bomb(megabytes: int) -> bytes:
    """A valid JSON text of that size, gzip-packed to about a thousandth of it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = packer.compress(b'{"value":"')
    block = b" " * (1 << 20)
    for _ in range(megabytes):
        packed += packer.compress(block)
    return packed + packer.compress(b'"}') + packer.flush()


def turn_links(tree: Any, url: str) -> None:
    """Point every next link inside a decoded JSON answer at `url`."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key in NEXT_KEYS and isinstance(value, str):
                tree[key] = url
            else:
                turn_links(value, url)
    elif isinstance(tree, list):
        for value in tree:
            turn_links(value, url)
