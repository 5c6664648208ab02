"""The verifier that goes with a pack: short, alone, and of one mind with the libraries it does without."""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from importlib.resources import files

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_connector.domain import canonical as ours
from tui_connector.review import verifier

SOURCE = files("tui_connector.review").joinpath("verifier.py").read_text(encoding="utf-8")
ORDER = 2**252 + 27742317777372353535851937790883648493


def test_it_is_short_and_needs_the_standard_library_alone() -> None:
    assert len(SOURCE.splitlines()) <= 300
    needed = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(SOURCE))
        for name in (
            [one.name for one in node.names] if isinstance(node, ast.Import) else [getattr(node, "module", "")]
        )
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert needed <= sys.stdlib_module_names


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=200), st.binary(min_size=32, max_size=32), st.integers(0, 511), st.booleans())
def test_signatures_hold_for_it_as_they_do_for_the_library(message: bytes, seed: bytes, bit: int, in_key: bool) -> None:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = private.public_key().public_bytes_raw(), private.sign(message)
    assert verifier.signed(public, message, signature)
    assert not verifier.signed(public, message + b".", signature)
    if in_key:
        public = flipped(public, bit % 256)
    else:
        signature = flipped(signature, bit)
    assert verifier.signed(public, message, signature) == held(public, message, signature)


def test_a_signature_has_one_form_only() -> None:
    private = Ed25519PrivateKey.generate()
    public, signature = private.public_key().public_bytes_raw(), private.sign(b"m")
    larger = int.from_bytes(signature[32:], "little") + ORDER
    for other in (
        signature[:32] + larger.to_bytes(32, "little"), signature[:-1], signature + b"\0", b"", signature[:32] + bytes(32),
    ):  # fmt: skip
        assert not verifier.signed(public, b"m", other)
    assert not verifier.signed(public[:-1], b"m", signature)
    assert not verifier.signed((2**255 - 18).to_bytes(32, "little"), b"m", signature)  # a point written another way


TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)


@settings(deadline=None)
@given(VALUES)
def test_what_we_write_it_writes_alike(value: object) -> None:
    text = ours.canonical(value)
    assert verifier.canonical(json.loads(text)) == text
    assert verifier.sha(text) == ours.sha256(text) == hashlib.sha256(text.encode()).hexdigest()


def flipped(content: bytes, bit: int) -> bytes:
    return bytes(byte ^ (1 << bit % 8) if at == bit // 8 else byte for at, byte in enumerate(content))


def held(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
