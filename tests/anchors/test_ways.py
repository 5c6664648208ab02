"""The ways out: a real file, a real socket, a real program, and what each of them does when it does not work."""

from __future__ import annotations

import os
import socket
import stat
import struct
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tui_connector.anchors import ways
from tui_connector.anchors.notes import Signer
from tui_connector.anchors.ways import CommandWay, FileWay, JournalWay
from tui_connector.domain.checkpoint import VerifierKey, read_notes
from tui_connector.domain.errors import UnreachableError

STORE = "0123456789abcdef0123456789abcdef"
SIGNER = Signer.make(STORE)
FIRST, SECOND = (SIGNER.sign(seq, "ab" * 32, datetime(2026, 11, 26, tzinfo=UTC)) for seq in (7, 8))
KEYS = (SIGNER.key,)


def test_a_file_grows_by_whole_notes_and_the_key_lies_beside(tmp_path: Path) -> None:
    path = tmp_path / "new" / "checkpoints.txt"
    for note in (FIRST, SECOND, SECOND):
        FileWay(path).send(note, KEYS)
    assert read_notes(path.read_text()) == (FIRST, SECOND, SECOND)
    other = Signer.make(STORE).key
    FileWay(path).send(FIRST, (*KEYS, other))
    lines = path.with_name("checkpoints.txt.pub").read_text().splitlines()
    assert [VerifierKey.from_text(line) for line in lines] == [*KEYS, other]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_torn_line_does_not_take_the_next_note_with_it(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.txt"
    path.write_text(FIRST.to_text()[:100])
    FileWay(path).send(SECOND, KEYS)
    text = path.read_text()
    assert read_notes(text[101:]) == (SECOND,)
    with pytest.raises(ValueError, match="line 1"):
        read_notes(text)


def test_a_full_disk_leaves_no_half_of_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "checkpoints.txt"
    FileWay(path).send(FIRST, KEYS)
    whole, write = path.read_bytes(), os.write
    monkeypatch.setattr(os, "write", lambda file, content: write(file, content[:50]))
    with pytest.raises(UnreachableError, match="the disk is full"):
        FileWay(path).send(SECOND, KEYS)
    assert path.read_bytes() == whole


def test_a_file_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(UnreachableError, match="link"):
        FileWay(tmp_path / "link").send(FIRST, KEYS)
    with pytest.raises(UnreachableError, match="Is a directory"):
        FileWay(tmp_path).send(FIRST, KEYS)
    assert not (tmp_path / "target").exists()


def fields(datagram: bytes) -> dict[str, str]:
    """What a journal reads out of a datagram of its native protocol."""
    found, at = dict[str, str](), 0
    while at < len(datagram):
        end = datagram.index(b"\n", at)
        name, joint, value = datagram[at:end].partition(b"=")
        at = end + 1
        if not joint:
            (size,) = struct.unpack_from("<Q", datagram, at)
            value = datagram[at + 8 : at + 8 + size]
            assert datagram[at + 8 + size : at + 9 + size] == b"\n"
            at += 9 + size
        found[name.decode()] = value.decode()
    return found


def test_the_journal_gets_one_datagram_with_the_whole_note(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(str(tmp_path / "socket"))
        JournalWay(tmp_path / "socket").send(FIRST, KEYS)
        found = fields(journal.recv(65536))
    assert read_notes(found["MESSAGE"]) == (FIRST,)
    assert (found["TUI_CONNECTOR_STORE"], found["TUI_CONNECTOR_SEQ"]) == (STORE, "7")
    assert found["SYSLOG_IDENTIFIER"] == "tui-connector-checkpoint"


def test_a_journal_that_is_not_there_or_does_not_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnreachableError, match="No such file"):
        JournalWay(tmp_path / "socket").send(FIRST, KEYS)
    monkeypatch.setattr(ways, "_SOCKET_SECONDS", 0.05)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(str(tmp_path / "socket"))
        with pytest.raises(UnreachableError, match="timed out"):
            send_many(JournalWay(tmp_path / "socket"))
    with pytest.raises(UnreachableError, match="refused"):
        JournalWay(tmp_path / "socket").send(FIRST, KEYS)


def send_many(way: JournalWay) -> None:
    """More than a socket holds that nobody reads from."""
    for _ in range(100_000):
        way.send(FIRST, KEYS)


def program(tmp_path: Path, text: str, *arguments: str, seconds: float = 20) -> CommandWay:
    path = tmp_path / "program.py"
    path.write_text(text)
    return CommandWay((sys.executable, str(path), *arguments), seconds)


def test_a_program_gets_the_note_and_its_arguments_as_they_are(tmp_path: Path) -> None:
    text = "import sys; open(sys.argv[1], 'w').write(sys.argv[2] + '\\n' + sys.stdin.read())"
    program(tmp_path, text, str(tmp_path / "out"), "$(id); *").send(FIRST, KEYS)
    first, _, rest = (tmp_path / "out").read_text().partition("\n")
    assert first == "$(id); *"
    assert read_notes(rest) == (FIRST,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import sys; sys.exit('first\\nno \\x1b[31mroute to host')", "ended with 1: no .*route to host"),
        ("import sys; sys.exit(3)", "ended with 3$"),
        ("import os; os.kill(os.getpid(), 9)", "ended with -9$"),
    ],
)
def test_a_program_that_fails_is_told_with_its_last_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UnreachableError, match=said) as caught:
        program(tmp_path, text).send(FIRST, KEYS)
    assert "\x1b" not in caught.value.message


def test_a_program_that_hangs_is_ended_with_what_it_started(tmp_path: Path) -> None:
    text = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid)); time.sleep(60)\n"
    )
    began = time.monotonic()
    with pytest.raises(UnreachableError, match=r"did not end within 1.5 s"):
        program(tmp_path, text, seconds=1.5).send(FIRST, KEYS)
    assert time.monotonic() - began < 10
    child = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 5
    while Path(f"/proc/{child}/stat").exists() and Path(f"/proc/{child}/stat").read_text().split()[2] != "Z":
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match="nowhere: No such file"):
        CommandWay((str(tmp_path / "nowhere"),), 1).send(FIRST, KEYS)


def test_a_program_that_does_not_read_counts_when_it_ends_well(tmp_path: Path) -> None:
    program(tmp_path, "").send(FIRST, KEYS)
