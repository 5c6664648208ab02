"""Colours carry nothing alone: enough contrast on every ground, and a shape and a word beside each."""

from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module
from typing import get_args

import pytest

import tui_connector.views
from tui_connector.ui.look import DARK, DARK_256, LIGHT, MONO, PALETTES, SIXTEEN, Palette, Role, palette_for
from tui_connector.views.marks import Mark

TEXT = [role for role in get_args(Role) if role not in ("rule", "word")]
GROUNDS = ("ground", "surface", "raised")
# States that must not be mistaken for each other where red and green look alike.
OPPOSED = [("ok", "fail"), ("warn", "less"), ("more", "less"), ("accent", "more"), ("warn", "fail")]

QUIET = ("muted", "ink")  # what is history, or calls nobody


def luminance(colour: str) -> float:
    """Of a colour, as WCAG defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """From 1 to 21."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def marks() -> list[tuple[str, Mark]]:
    """Every mark that a view defines, with the module it stands in."""
    found: list[tuple[str, Mark]] = []
    for module in pkgutil.iter_modules(tui_connector.views.__path__):
        for value in vars(import_module(f"tui_connector.views.{module.name}")).values():
            if isinstance(value, Mark):
                found.append((module.name, value))
            elif isinstance(value, dict):
                found += [(module.name, one) for one in value.values() if isinstance(one, Mark)]
    return found


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("role", TEXT)
@pytest.mark.parametrize("palette", [DARK, LIGHT, DARK_256], ids=lambda one: one.name)
def test_every_role_can_be_read_on_every_ground(palette: Palette, role: str, ground: str) -> None:
    style = palette.style(role, ground)
    assert style.color is not None
    assert style.bgcolor is not None
    shown, below = style.color.get_truecolor(), style.bgcolor.get_truecolor()
    measured = contrast(shown.hex, below.hex)
    assert measured >= 4.5, f"{palette.name} {role} on {ground}: {measured:.2f}"


@pytest.mark.parametrize("palette", [DARK, LIGHT], ids=lambda one: one.name)
def test_the_environment_is_reversed_and_can_be_read(palette: Palette) -> None:
    style = palette.style("word", "surface")
    assert style.reverse
    assert contrast(palette.bright, palette.surface) >= 7


def test_no_mark_is_told_by_its_colour_alone() -> None:
    found = marks()
    assert len({mark for _, mark in found}) > 15
    for where, mark in found:
        assert mark.glyph.strip(), f"{where}: {mark} has no shape"
        assert len(mark.glyph) == 1, f"{where}: {mark} takes more than a cell"
        assert mark.word.strip(), f"{where}: {mark} has no word"
        assert mark.role in get_args(Role), f"{where}: {mark} has no such role"


@pytest.mark.parametrize(("one", "other"), OPPOSED)
def test_opposed_states_differ_in_their_shapes(one: str, other: str) -> None:
    shapes = {role: {mark.glyph for _, mark in marks() if mark.role == role} for role in (one, other)}
    assert not shapes[one] & shapes[other]


def test_a_shape_has_one_colour_everywhere() -> None:
    roles: dict[str, set[str]] = {}
    for _, mark in marks():
        if mark.role not in QUIET:
            roles.setdefault(mark.glyph, set()).add(mark.role)
    several = {glyph: found for glyph, found in roles.items() if len(found) > 1}
    assert not several


@pytest.mark.parametrize("palette", [MONO, SIXTEEN], ids=lambda one: one.name)
def test_few_colours_still_show_the_selection_and_the_tab(palette: Palette) -> None:
    assert palette.style("ink", "raised").reverse
    assert palette.style("tab").reverse
    assert palette.style("word").reverse
    assert not palette.style("ink").reverse


def test_without_colours_there_are_none() -> None:
    for role in get_args(Role):
        for ground in GROUNDS:
            for sunk in (False, True):
                style = MONO.style(role, ground, sunk=sunk)
                assert style.color is None or style.color.is_default
                assert style.bgcolor is None or style.bgcolor.is_default


def test_bold_is_for_three_weights_only() -> None:
    assert DARK.style("bright").bold
    assert not DARK.style("ink").bold
    assert DARK.style("ink!").bold
    assert not DARK.style("muted").bold
    assert not DARK.style("bright", sunk=True).bold


def test_behind_a_dialog_everything_is_one_grey() -> None:
    for palette in (DARK, LIGHT):
        shown = {palette.style(role, sunk=True).color for role in TEXT}
        assert len(shown) == 1


@pytest.mark.parametrize(
    ("wanted", "colours", "no_color", "name"),
    [
        ("dark", "truecolor", False, "dark"), ("light", "truecolor", False, "light"), ("dark", "256", False, "dark-256"),
        ("dark", "standard", False, "sixteen"), ("light", "standard", False, "sixteen"), ("dark", None, False, "mono"),
        ("light", "truecolor", True, "mono"), ("light", "256", False, "light"),
    ],
)  # fmt: skip
def test_the_palette_fits_the_terminal(wanted: str, colours: str | None, no_color: bool, name: str) -> None:
    assert palette_for(wanted, colours, no_color=no_color).name == name


def test_every_palette_names_every_role() -> None:
    fields = inspect.signature(Palette).parameters
    for role in get_args(Role):
        assert role in fields or role in ("word", "plain")
    assert {one.name for one in PALETTES.values()} == set(PALETTES)
