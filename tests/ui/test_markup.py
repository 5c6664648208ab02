"""Text from a tenant is never read as markup, and never reaches a terminal but through what cleans it."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tui_connector import ui

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(ui.__file__).parent
# Textual's widgets that a file may use; all others are drawn by lines, whose every text is cleaned.
# What is typed into a credential is masked.
WIDGETS = {"prompt.py": {"Input", "Static"}, "text_input.py": {"Input"}, "credential.py": {"Input"}}
TITLES = {"border_title", "border_subtitle", "title", "sub_title", "tooltip", "placeholder", "loading_text"}
PARSERS = {"from_markup", "render_str", "notify", "visualize", "print", "push_pretty"}
DRAWERS = {"Segment": "draw.py", "Text": "", "Strip": "draw.py"}


def breaches(source: str, name: str) -> Iterator[str]:
    """What a module does that could show a text uncleaned or as markup."""
    tree = ast.parse(source)
    known, typed = set[str](), set[int]()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            typed = {id(one) for one in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "textual.widgets" and id(node) not in typed:
            known = {alias.name for alias in node.names}
    made = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    bases = {
        base.id
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for base in node.bases
        if isinstance(base, ast.Name)
    }
    for widget in known & (made | bases) - WIDGETS.get(name, set()):
        yield f"uses {widget}"
    for node in ast.walk(tree):
        yield from _of(node, name)


def _of(node: ast.AST, name: str) -> Iterator[str]:
    if isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called in PARSERS:
            yield f"calls {called}"
        if called in DRAWERS and name != DRAWERS[called] and not _cleaned(node):
            yield f"makes a {called}"
        if called == "Static" and not any(one.arg == "markup" and _is(one.value, False) for one in node.keywords):
            yield "makes a Static that reads markup"
        for given in node.keywords:
            if given.arg in TITLES and not _fixed(given.value):
                yield f"gives {given.arg} a text"
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Attribute) and target.attr in TITLES and not _fixed(node.value):
                yield f"sets {target.attr} to a text"


def _fixed(value: ast.expr | None) -> bool:
    """Written out in the program, or no markup."""
    plain = isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "Content"
    return value is None or isinstance(value, ast.Constant) or plain


def _cleaned(node: ast.Call) -> bool:
    first = node.args[0] if node.args else None
    return isinstance(first, ast.Call) and "clean" in ast.unparse(first.func)


def _is(value: ast.expr, wanted: object) -> bool:
    return isinstance(value, ast.Constant) and value.value is wanted


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=lambda path: str(path.relative_to(FOLDER)))
def test_nothing_is_shown_but_through_lines(path: Path) -> None:
    assert sorted(breaches(path.read_text(encoding="utf-8"), path.name)) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from textual.widgets import Label\nLabel(name)", "uses Label"),
        ("from textual.widgets import DataTable\nclass T(DataTable): ...", "uses DataTable"),
        ("from textual.widgets import Static\nclass S(Static): ...", "uses Static"),
        ("Static(name)", "makes a Static that reads markup"),
        ("box.border_title = name", "sets border_title to a text"),
        ("self.sub_title = f'{name}'", "sets sub_title to a text"),
        ("Field(placeholder=name)", "gives placeholder a text"),
        ("self.notify(name)", "calls notify"),
        ("Content.from_markup(name)", "calls from_markup"),
        ("Segment(name)", "makes a Segment"),
        ("Text(name)", "makes a Text"),
    ],
)
def test_each_way_around_them_is_seen(source: str, found: str) -> None:
    assert found in set(breaches(source, "any.py"))
