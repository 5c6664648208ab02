"""Evidence packs taken apart and put together again, by an honest hand or by one that repairs what it breaks."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tui_connector.domain.canonical import canonical, sha256

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CLOSING = ("manifest.json", "manifest.sha256")


@dataclass
class Parts:
    """The members of a pack in their order."""

    members: dict[str, bytes] = field(repr=False)

    @classmethod
    def of(cls, path: Path) -> Parts:
        with zipfile.ZipFile(path) as pack:
            return cls({name: pack.read(name) for name in pack.namelist()})

    def copy(self) -> Parts:
        return Parts(dict(self.members))

    def json(self, name: str) -> Any:
        return json.loads(self.members[name])

    def lines(self, name: str) -> list[Any]:
        return [json.loads(line) for line in self.members[name].splitlines()]

    def set_lines(self, name: str, lines: list[Any]) -> None:
        self.members[name] = "".join(f"{canonical(line)}\n" for line in lines).encode()

    def change(self, name: str, look: Callable[[list[Any]], object]) -> None:
        """Let somebody change the values of a member, one a line."""
        lines = self.lines(name)
        look(lines)
        self.set_lines(name, lines)

    def tell(self, **told: Any) -> None:
        """Change what the manifest says."""
        self.members["manifest.json"] = (json.dumps({**self.json("manifest.json"), **told}) + "\n").encode()

    def repair(self) -> Parts:
        """Make the manifest fit whatever the members are now."""
        inside = {name: content for name, content in self.members.items() if name not in CLOSING}
        told = self.json("manifest.json")
        told["members"] = [
            {"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in inside.items()
        ]
        manifest = (json.dumps(told, indent=1) + "\n").encode()
        closing = f"{sha256(manifest)}  manifest.json\n".encode()
        self.members = {**inside, "manifest.json": manifest, "manifest.sha256": closing}
        return self

    def rewrite(self) -> Parts:
        """Take every digest of the log anew, as somebody does who holds the whole store."""
        events, told = self.lines("events.jsonl"), self.json("manifest.json")
        previous = told["chain"]["before"]
        for event in events:
            if event[1] is not None:
                event[0]["payload"] = sha256(canonical(event[1]))
            previous = event[2] = sha256(previous + canonical(event[0]))
        self.set_lines("events.jsonl", events)
        self.tell(chain={**told["chain"], "head": previous})
        return self

    def packed(self, *, twice: str = "") -> io.BytesIO:
        """The archive; one member may be there twice."""
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as pack:
            for name, content in self.members.items():
                pack.writestr(name, content)
            if twice:
                pack.writestr(f"{twice}.", self.members[twice])
        content = file.getvalue().replace(f"{twice}.".encode(), twice.encode()) if twice else file.getvalue()
        return io.BytesIO(content)


class Signer:
    """Signs notes as the installation's key for checkpoints does."""

    def __init__(self, store: str) -> None:
        self.name = f"tui-connector/{store}"
        self.store = store
        self.private = Ed25519PrivateKey.generate()
        public = self.private.public_key().public_bytes_raw()
        self.id = hashlib.sha256(self.name.encode() + b"\n\x01" + public).digest()[:4]
        self.verifier = f"{self.name}+{self.id.hex()}+{base64.b64encode(bytes([1]) + public).decode()}"

    def checkpoint(self, seq: int, digest: str, store: str = "") -> str:
        fields = f"store {store or self.store}\nseq {seq}\nhash {digest}\ntime 2026-12-01T13:40:12.000000Z\n"
        return self.note(f"tui-connector/checkpoint/1\n{fields}")

    def note(self, text: str) -> str:
        text += f"signer {self.name}+{self.id.hex()}\n"
        made = base64.b64encode(self.id + self.private.sign(text.encode())).decode()
        return f"{text}\n— {self.name} {made}\n"
