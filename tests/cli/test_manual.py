"""Pages of `help`, completion scripts, the sample configuration."""

from __future__ import annotations

import argparse
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.journeys.conftest import ROOT
from tui_connector.cli import build_parser, run
from tui_connector.cli.examples import EXAMPLES
from tui_connector.cli.manual import page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHELLS = ("bash", "zsh", "tcsh", "fish")


def commands(parser: argparse.ArgumentParser, name: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    yield name, parser
    for one in parser._actions:
        for word, under in one.choices.items() if isinstance(one, argparse._SubParsersAction) else ():
            yield from commands(under, f"{name} {word}".strip())


VERBS = dict(commands(build_parser()))


def test_every_command_has_a_page() -> None:
    for name, parser in VERBS.items():
        text = page(f"tui-connector {name}".strip(), parser)
        assert max(map(len, text.splitlines())) <= 80, name
        heads = [line for line in text.splitlines() if line and not line.startswith(" ")]
        assert [one for one in heads if one not in ("COMMANDS", "EXAMPLES")] == [
            "NAME", "SYNOPSIS", "OPTIONS", "EXIT CODES", "FILES", "SEE ALSO",
        ], name  # fmt: skip
        for option in parser._actions:
            if option.option_strings and option.help != argparse.SUPPRESS:
                assert f"    {option.option_strings[0]}" in text, name


@pytest.mark.parametrize("name", ["", "doctor", "rejects replay"])
def test_a_page_is_printed(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["help", *name.split()]) == 0
    assert capsys.readouterr().out == page(f"tui-connector {name}".strip(), VERBS[name]) + "\n"


def test_every_command_has_examples_that_can_be_typed() -> None:
    assert {name for name in VERBS if " " not in name} - set(EXAMPLES) == {"help"}
    for name, examples in EXAMPLES.items():
        for line, words in examples:
            given = build_parser().parse_args(shlex.split(line.partition(" > ")[0]))
            assert given.handler or name == "", line
            assert words.endswith("."), line
            assert line.startswith(name), line


def test_a_page_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["help", "rejects", "replays"]) == 2
    assert "no command replays" in capsys.readouterr().err


@pytest.mark.parametrize("shell", SHELLS)
def test_a_completion_script_knows_the_commands(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", shell]) == 0
    script = capsys.readouterr().out
    for name in VERBS:
        assert not name or " " in name or name in script, name


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [("doct", "doctor"), ("proposals app", "approve"), ("rejects replay --dr", "--dry-run"), ("completion f", "fish")],
)
def test_bash_completes_what_was_begun(
    typed: str, wanted: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["completion", "bash"])
    (tmp_path / "script").write_text(capsys.readouterr().out)
    words = shlex.join(["tui-connector", *typed.split(" ")])
    ask = f"source ./script; COMP_WORDS=({words}); COMP_CWORD={len(typed.split(' '))}; _shtab_tui_connector; echo ${{COMPREPLY[@]}}"
    done = subprocess.run(["bash", "-c", ask], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [wanted]


def test_the_sample_is_the_one_of_the_project(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "sample"]) == 0
    assert capsys.readouterr().out == (ROOT / "config.toml").read_text()
