"""help: a page for each command, made of its arguments; completion: what lets a shell complete them."""

from __future__ import annotations

import argparse
import textwrap
from typing import TYPE_CHECKING

from tui_connector.cli import EPILOG, Exit, build_parser
from tui_connector.cli.examples import EXAMPLES
from tui_connector.cli.out import print_json
from tui_connector.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PROGRAM = "tui-connector"
_WIDTH = 80
_INDENT = "    "
_DEEPER = 2 * _INDENT
_PATHS = ("FILE", "PATH")
_FOLDERS = ("FOLDER",)


def show(given: argparse.Namespace) -> int:
    """Print the page of a command, or of one of its actions; without a command that of the program."""
    parser, name = build_parser(), _PROGRAM
    for word in given.command:
        choices = dict(_actions(parser))
        if word not in choices:
            known = ", ".join(choices) or "none"
            raise ConfigError(f"{name} has no command {word}", hint=f"there are {known}")
        parser, name = choices[word], f"{name} {word}"
    if given.json:
        print_json({"command": name, "page": page(name, parser)})
    else:
        print(page(name, parser))
    return Exit.DONE


def page(name: str, parser: argparse.ArgumentParser) -> str:
    """The page as text of 80 columns."""
    return "\n\n".join(f"{head}\n{body}" for head, body in _sections(name, parser) if body)


def complete(given: argparse.Namespace) -> int:
    """Print the completion script for a shell."""
    import shtab

    parser = build_parser()
    _tell_files(parser)
    script = shtab.complete(parser, shell=given.shell)
    if given.json:
        print_json({"shell": given.shell, "script": script})
    else:
        print(script)
    return Exit.DONE


def _sections(name: str, parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    description = parser.description or ""
    yield "NAME", _wrapped(f"{name} - {description[:1].lower()}{description[1:].rstrip('.')}", _INDENT)
    ways = " ".join(parser.format_usage().removeprefix("usage: ").split()).split(f"{_PROGRAM} ")
    yield "SYNOPSIS", "\n".join(_wrapped(f"{_PROGRAM} {way}", _INDENT, _DEEPER) for way in ways if way)
    under = dict(_actions(parser))
    yield (
        "COMMANDS",
        _told((f"{name} {word}".removeprefix(f"{_PROGRAM} "), one.description) for word, one in under.items()),
    )
    shown = [one for one in _options(parser) if one.help not in (None, argparse.SUPPRESS)]
    yield "OPTIONS", _told((_called(one), one.help) for one in shown)
    key = name.removeprefix(_PROGRAM).strip()
    examples = EXAMPLES.get(key, ())
    yield (
        "EXAMPLES",
        "\n\n".join(f"{_wrapped(words, _INDENT)}\n{_DEEPER}{_PROGRAM} {line}" for line, words in examples),
    )
    yield "EXIT CODES", _wrapped(EPILOG.partition(": ")[2].replace("\n", " "), _INDENT)
    yield "FILES", _wrapped(
        "config.toml, or what --config PATH or TUI_CONNECTOR_CONFIG names; `tui-connector config sample` prints one "
        "with every setting explained.", _INDENT,
    )  # fmt: skip
    yield "SEE ALSO", _wrapped(", ".join(_see_also(key)), _INDENT)


def _see_also(key: str) -> Iterator[str]:
    words = key.split()
    if words:
        yield f"{_PROGRAM} help {' '.join(words[:-1])}".strip()
    yield f"{_PROGRAM} COMMAND --help"


def _actions(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for one in parser._actions:  # noqa: SLF001 - argparse has no public way to them
        if isinstance(one, argparse._SubParsersAction):  # noqa: SLF001
            yield from one.choices.items()


def _options(parser: argparse.ArgumentParser) -> Sequence[argparse.Action]:
    return [one for one in parser._actions if not isinstance(one, argparse._SubParsersAction)]  # noqa: SLF001


def _called(one: argparse.Action) -> str:
    metavar = one.metavar if isinstance(one.metavar, str) else "|".join(map(str, one.choices or (one.dest.upper(),)))
    if not one.option_strings:
        return metavar
    value = "" if one.nargs == 0 else f" {metavar}"
    return ", ".join(f"{name}{value}" for name in one.option_strings)


def _told(rows: Iterator[tuple[str, str | None]]) -> str:
    return "\n\n".join(f"{_INDENT}{name}\n{_wrapped(text or '', _DEEPER)}" for name, text in rows)


def _wrapped(text: str, indent: str, further: str = "") -> str:
    return textwrap.fill(
        " ".join(text.split()),
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=further or indent,
        break_on_hyphens=False,
    )


def _tell_files(parser: argparse.ArgumentParser) -> None:
    """Let a shell complete paths where an argument is one."""
    import shtab

    for one in _options(parser):
        if one.metavar in (*_PATHS, *_FOLDERS):
            one.complete = shtab.FILE if one.metavar in _PATHS else shtab.DIRECTORY  # type: ignore[attr-defined]
    for _, under in _actions(parser):
        _tell_files(under)
