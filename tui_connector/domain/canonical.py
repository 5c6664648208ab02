"""Canonical JSON (RFC 8785 for the values we keep, which hold no floats), and the digests taken over it."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

_LARGEST = 2**53 - 1  # RFC 8785 numbers are doubles; beyond this a reader may round


def canonical(value: Any) -> str:
    """One text for one value: keys sorted by UTF-16 units, no blanks, nothing escaped that need not be.

    Decimals become plain text and moments UTC text, so that they survive the trip. Raises TypeError for anything else
    that JSON does not know (floats too), and ValueError for whole numbers beyond 2**53 - 1.
    """
    text = json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair from a tenant: not text, and no database takes it
        return text.encode(errors="replace").decode()
    return text


def sha256(content: str | bytes) -> str:
    """SHA-256 as 64 hexadecimal digits."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, int):
        if abs(value) > _LARGEST:
            raise ValueError(f"{value} is too large for a JSON number; write it as text")
        return value
    if isinstance(value, dict):
        return {_key(k): _plain(value[k]) for k in sorted(value, key=_utf16)}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    raise TypeError(f"{type(value).__name__} has no canonical form; write it as text")


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a key must be text, not {type(key).__name__}")
    return key


def _utf16(key: Any) -> bytes:
    return _key(key).encode("utf-16-be", "surrogatepass")
