"""Addresses: which ones a connection may call, and how a query is written."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from urllib.parse import quote

import httpx

from tui_connector.domain.errors import ConfigError, ContractChangedError
from tui_connector.domain.text import clean

Query = Sequence[tuple[str, str]] | Mapping[str, str]

_DEFAULT_PORTS = {"http": 80, "https": 443}
_IN_QUERY = "$,()/:@!*"


class Address:
    """The root of one connection. Every URL is made here, and none leaves scheme, host and port."""

    def __init__(self, base_url: str, name: str) -> None:
        self.name = name
        try:
            self.base = httpx.URL(base_url.strip().rstrip("/"))
        except httpx.InvalidURL as error:
            raise ConfigError(f"{name}: the address is not a URL", hint="Write it as https://host.") from error
        if self.base.scheme not in _DEFAULT_PORTS or not self.base.host:
            raise ConfigError(
                f"{name}: the address {clean(base_url, limit=80)!r} is not an https URL",
                hint="Write it as https://host.",
            )
        if self.base.userinfo or self.base.query or self.base.fragment:
            raise ConfigError(
                f"{name}: the address holds more than scheme, host, port and path",
                hint="Leave user, password, query and fragment out; secrets belong into the credential store.",
            )
        if self.base.scheme == "http" and not is_loopback(self.base.host):
            raise ConfigError(
                f"{name}: plain http to {clean(self.base.host)} would send the credential readable",
                hint="Write https://; plain http is allowed to this machine only.",
            )
        self.origin = _origin(self.base)

    @property
    def host(self) -> str:
        return self.base.host

    def locate(self, path: str, query: Query | None = None) -> httpx.URL:
        """The URL of a path under the base, or of an absolute URL of the same origin.

        Raises:
            ContractChangedError: it points to another origin, or is no URL; nothing was sent.
        """
        try:
            if "://" in path.partition("?")[0]:
                url = httpx.URL(path)
            elif path.startswith(("//", "/\\", "\\")):
                raise self._foreign(path)
            else:
                url = httpx.URL(f"{str(self.base).rstrip('/')}/{path.removeprefix('/')}")
        except httpx.InvalidURL as error:
            raise ContractChangedError(
                f"{self.name}: {clean(path, limit=120)!r} is not a URL", hint="Look at what the tenant answers."
            ) from error
        if _origin(url) != self.origin or url.userinfo:
            raise self._foreign(url.host or path)
        text = encode_query(query) if query else ""
        if text:
            raw = url.raw_path.decode("ascii")
            url = url.copy_with(raw_path=f"{raw}{'&' if '?' in raw else '?'}{text}".encode("ascii"))
        return url

    def _foreign(self, target: str) -> ContractChangedError:
        return ContractChangedError(
            f"{self.name}: {clean(self.host)} points to {clean(target, limit=99)!r}; nothing was sent there",
            hint="A tenant links only to itself: look for a proxy that rewrites links, or correct the address.",
        )


def encode_query(query: Query) -> str:
    """Write a query with %20 for a blank and every character that could end a value percent-encoded."""
    pairs = query.items() if isinstance(query, Mapping) else query
    return "&".join(f"{quote(name, safe='$')}={quote(value, safe=_IN_QUERY)}" for name, value in pairs)


def is_loopback(host: str) -> bool:
    """Whether a host name means this machine, without asking a name server."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return (url.scheme, url.host.lower().rstrip("."), url.port or _DEFAULT_PORTS.get(url.scheme))
