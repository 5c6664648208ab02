"""The README's picture comes from a real run on a real pseudo-terminal; SCREENSHOTS=1 writes it anew."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent.parent
COMMAND = "tui-connector demo --no-ui --once"


def on_a_terminal(*arguments: str) -> tuple[int, str]:
    """Exit code and what stood on a terminal of 100 columns."""
    master, slave = pty.openpty()
    environment = os.environ | {"COLUMNS": "100", "TERM": "xterm-256color"}
    command = [sys.executable, "-m", "tui_connector", *arguments]
    process = subprocess.Popen(command, stdout=slave, stderr=subprocess.DEVNULL, env=environment, cwd=ROOT)
    os.close(slave)
    shown = bytearray()
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # a pseudo-terminal ends with an error once its other side is closed
            break
        if not piece:
            break
        shown += piece
    os.close(master)
    return process.wait(timeout=60), shown.decode().replace("\r\n", "\n").rstrip("\n")


def test_the_demo_shows_its_flows_on_a_terminal() -> None:
    code, shown = on_a_terminal("demo", "--no-ui", "--once", "--line-items", "20000")
    assert code == 0, shown
    plain = Text.from_ansi(shown).plain
    assert "\x1b[" in shown  # colours, since this is a terminal
    assert plain.count("✓ done") == 9
    assert plain.count("✓ proved") == 8
    assert "20,000" in plain
    if os.environ.get("SCREENSHOTS"):
        out = Console(record=True, width=94, file=io.StringIO(), force_terminal=True)
        out.print(Text.assemble(("$ ", "dim"), (COMMAND, "bold")))
        out.print(Text.from_ansi(shown))
        out.print()
        drawn = re.sub(
            r"@font-face \{.*?\}", "", out.export_svg(title="tui-connector"), flags=re.DOTALL
        )  # no far fonts
        (ROOT / "screenshots" / "demo.svg").write_text(drawn.replace("Fira Code", "DejaVu Sans Mono"))
