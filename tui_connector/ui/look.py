"""Roles instead of colours: what a part of a line means, and how each palette shows it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from rich.style import Style
from textual.theme import Theme

Role = Literal["bright", "ink", "muted", "rule", "accent", "more", "less", "ok", "warn", "fail", "word", "plain"]
_BOLD = ("bright", "word")
_COLOURS = {"plain": "ink", "word": "bright", "tab": "bright", "tab-key": "accent"}


@dataclass(frozen=True, slots=True)
class Palette:
    """One way to show the roles. Colours are those of a terminal: #rrggbb, a name, or "" for the terminal's own.

    sunk: everything behind a dialog. marks: extra attributes of a role, for palettes that have too few colours.
    """

    name: str
    dark: bool
    ansi: bool
    ground: str
    surface: str
    raised: str
    rule: str
    bright: str
    ink: str
    muted: str
    accent: str
    more: str
    less: str
    ok: str
    warn: str
    fail: str
    sunk: str
    marks: tuple[tuple[str, str], ...] = ()

    def style(self, role: str, ground: str = "ground", *, sunk: bool = False) -> Style:
        """How text of a role looks on a ground; "ink!" is the role in bold."""
        return _style(self, role, ground, sunk)

    def theme(self) -> Theme:
        """The same colours for the few widgets that Textual draws itself."""
        ink, ground = self.ink or "ansi_default", self.ground or "ansi_default"
        return Theme(
            name=self.name,
            dark=self.dark,
            ansi=self.ansi,
            primary=_css(self.accent) or ink,
            secondary=_css(self.more) or ink,
            accent=_css(self.accent) or ink,
            warning=_css(self.warn) or ink,
            error=_css(self.fail) or ink,
            success=_css(self.ok) or ink,
            foreground=_css(ink),
            background=_css(ground),
            surface=_css(self.surface) or ground,
            panel=_css(self.raised) or ground,
            variables={
                "ground": _css(ground),
                "side": _css(self.surface) or ground,
                "raised": _css(self.raised) or ground,
                "rule": _css(self.rule) or ink,
                "bright": _css(self.bright) or ink,
                "ink": _css(ink),
                "muted": _css(self.muted) or ink,
                "line": _css(self.accent) or ink,
                **({"ansi-background": "ansi_black", "ansi-foreground": "ansi_white"} if self.ansi else {}),
                "block-cursor-background": _css(self.raised) or ground,
                "block-cursor-foreground": _css(self.bright) or ink,
                "input-cursor-background": _css(self.bright) or ink,
                "input-cursor-foreground": _css(ground),
                "input-selection-background": _css(self.raised) or ground,
            },
        )


DARK = Palette(
    "dark", dark=True, ansi=False, ground="#10141A", surface="#171D26", raised="#243040", rule="#36424F",
    bright="#F7FAFC", ink="#D9E0E8", muted="#8D9AAA", accent="#B3A8F9", more="#6FB4FF", less="#F0A35E", ok="#6CC7A6",
    warn="#E6CC62", fail="#FF858C", sunk="#4A5563",
)  # fmt: skip
LIGHT = Palette(
    "light", dark=False, ansi=False, ground="#FCFBF8", surface="#F2F0EB", raised="#E1E5F0", rule="#C9C5BB",
    bright="#0E141C", ink="#28303B", muted="#566171", accent="#5643C2", more="#0A58A8", less="#974300", ok="#17664E",
    warn="#735400", fail="#B01F38", sunk="#A9A69E",
)  # fmt: skip
# The 256 colours of xterm that come nearest; written out, so that a terminal shows exactly these.
DARK_256 = Palette(
    "dark-256", dark=True, ansi=False, ground="#121212", surface="#1c1c1c", raised="#303030", rule="#444444",
    bright="#ffffff", ink="#e4e4e4", muted="#9e9e9e", accent="#afafff", more="#5fafff", less="#ffaf5f", ok="#87d7af",
    warn="#ffd75f", fail="#ff8787", sunk="#585858",
)  # fmt: skip
SIXTEEN = Palette(
    "sixteen", dark=True, ansi=True, ground="", surface="", raised="", rule="bright_black", bright="bright_white",
    ink="", muted="white", accent="bright_magenta", more="bright_blue", less="yellow", ok="bright_cyan",
    warn="bright_yellow", fail="bright_red", sunk="bright_black", marks=(("raised", "reverse"),),
)  # fmt: skip
MONO = Palette(
    "mono", dark=True, ansi=True, ground="", surface="", raised="", rule="", bright="", ink="", muted="", accent="",
    more="", less="", ok="", warn="", fail="", sunk="",
    marks=(
        ("raised", "reverse"), ("muted", "dim"), ("rule", "dim"), ("accent", "bold"), ("warn", "bold"),
        ("fail", "bold"), ("sunk", "dim"),
    ),
)  # fmt: skip
PALETTES = {palette.name: palette for palette in (DARK, LIGHT, DARK_256, SIXTEEN, MONO)}


def palette_for(wanted: str, colours: str | None, *, no_color: bool) -> Palette:
    """The palette for a terminal. colours: what it can show, as rich names it ("truecolor", "256", "standard")."""
    if no_color or colours is None:
        return MONO
    if colours in ("standard", "windows"):
        return SIXTEEN
    if wanted == "light":
        return LIGHT
    return DARK if colours == "truecolor" else DARK_256


@lru_cache(2048)
def _style(palette: Palette, role: str, ground: str, sunk: bool) -> Style:
    marks = dict(palette.marks)
    bold, role = role.endswith("!") or role in _BOLD, role.removesuffix("!")
    attributes = {"bold"} if bold and not sunk else set()
    if sunk:
        colour, extra = palette.sunk, marks.get("sunk", "")
    else:
        colour = str(getattr(palette, _COLOURS.get(role, role)))
        extra = marks.get(role, "")
    attributes.update(extra.split())
    background = getattr(palette, ground)
    if role in ("tab", "tab-key"):  # the active screen's name in the top bar
        background = palette.raised
        attributes |= {"reverse"} if not background else set() if sunk else {"bold"}
        colour = colour if background else palette.bright
    whole = ground == "raised" and not background  # a selected row that no ground can mark: one reversed bar
    if whole or role == "word":
        attributes.add("reverse")
        attributes.discard("dim")
        colour = "" if whole else colour
    return Style.parse(
        " ".join([*sorted(attributes), colour or "default", *(["on", background] if background else ["on default"])])
    )


def _css(colour: str) -> str:
    """A terminal's colour as Textual's style sheets write it."""
    return colour if not colour or colour.startswith(("#", "ansi_")) else f"ansi_{colour}"
