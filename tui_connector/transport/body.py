"""Reads an answer's body piece by piece: gzip is unpacked under a cap, so that no bomb goes off."""

from __future__ import annotations

import io
import zlib

from tui_connector.domain.errors import ContractChangedError, UnreachableError

_GZIP = 16 + zlib.MAX_WBITS
# Unpacked in steps into one growing buffer: megabytes at once, joined later, are fresh memory of the system each time,
# and touching that cost as much as unpacking (measured on pages of 9 MB).
_STEP = 256 * 1024


class BodyReader:
    """Collects one body of at most `max_bytes` unpacked bytes."""

    def __init__(self, coding: str, declared: str | None, max_bytes: int, where: str) -> None:
        self._where = where
        self._max = max_bytes
        self._body = io.BytesIO()
        self._size = 0
        self.received = 0
        coding = coding.strip().lower()
        if coding not in ("", "identity", "gzip", "x-gzip"):
            raise ContractChangedError(
                f"{where} answers with a content coding that was not asked for",
                hint="Look for a proxy in between that compresses answers its own way.",
            )
        self._gzip = zlib.decompressobj(_GZIP) if coding.endswith("gzip") else None
        if self._gzip is None and declared is not None and declared.isdigit() and int(declared) > max_bytes:
            raise self._too_large()

    def feed(self, piece: bytes) -> None:
        """Take the next raw bytes off the wire.

        Raises:
            ContractChangedError: the unpacked body is larger than allowed, or is not gzip.
        """
        self.received += len(piece)
        if self._gzip is None:
            self._keep(piece)
            return
        try:
            while piece:
                # one byte more than allowed is asked for, to notice that there is more
                self._keep(self._gzip.decompress(piece, min(_STEP, self._max - self._size + 1)))
                if self._gzip.eof:
                    piece = self._gzip.unused_data
                    if piece:
                        self._gzip = zlib.decompressobj(_GZIP)
                else:
                    piece = self._gzip.unconsumed_tail
        except zlib.error as error:
            raise ContractChangedError(
                f"{self._where} answers with damaged gzip data", hint="Look for a proxy in between that alters answers."
            ) from error

    def finish(self) -> bytes:
        """The whole body.

        Raises:
            UnreachableError: the gzip data ends early, so the answer was cut.
        """
        if self._gzip is not None and self.received and not self._gzip.eof:
            raise UnreachableError(f"{self._where}: the answer was cut short", hint="Try again; look at the network.")
        return self._body.getvalue()

    def _keep(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._max:
            raise self._too_large()
        self._body.write(data)

    def _too_large(self) -> ContractChangedError:
        return ContractChangedError(
            f"{self._where} answers with more than the {self._max:,} bytes allowed here",
            hint="Ask for smaller pages; if the tenant is meant to answer this much, raise the limit.",
        )
