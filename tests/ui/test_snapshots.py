"""Every screen as it was looked at and found good; SNAPSHOTS=1 keeps what is drawn now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.ui.played import played
from tests.ui.scenario import DEEPER, TABS, Scene
from tests.ui.snapshot import FOLDER, compare
from tests.ui.stage import SMALL, WIDE, stage

if TYPE_CHECKING:
    from pathlib import Path

    from tui_connector.views.desk import Desk

Look = tuple[Scene, tuple[int, int], str]
_FEW = ("overview", "review", "runs")
LOOKS: list[Look] = [
    *((scene, size, theme) for theme in ("dark", "light") for scene in (*TABS, *DEEPER) for size in (WIDE, SMALL)),
    *((scene, WIDE, theme) for scene in (*TABS, *DEEPER) if scene.name in _FEW for theme in ("sixteen", "mono", "dark-256")),
]  # fmt: skip


def name_of(look: Look) -> str:
    scene, (width, height), theme = look
    return f"{scene.name}-{width}x{height}-{theme}"


@pytest.mark.parametrize("look", LOOKS, ids=name_of)
@played
async def test_it_looks_as_it_did(desk: Desk, tmp_path: Path, look: Look) -> None:
    scene, size, theme = look
    async with stage(desk, size, theme, first=scene.first) as pilot:
        await scene.play(pilot)
        compare(pilot.app, name_of(look), tmp_path)


@pytest.mark.parametrize("scene", TABS, ids=lambda scene: scene.name)
@played
async def test_a_new_installation_looks_as_it_did(empty: Desk, tmp_path: Path, scene: Scene) -> None:
    async with stage(empty, first=scene.first) as pilot:
        compare(pilot.app, f"empty-{scene.name}", tmp_path)


@played
async def test_a_quiet_day_looks_as_it_did(quiet: Desk, tmp_path: Path) -> None:
    async with stage(quiet) as pilot:
        compare(pilot.app, "quiet-overview", tmp_path)


def test_no_snapshot_is_left_over() -> None:
    wanted = {name_of(look) for look in LOOKS} | {f"empty-{scene.name}" for scene in TABS} | {"quiet-overview"}
    assert {path.stem for path in FOLDER.glob("*.txt")} == wanted


def test_a_snapshot_holds_nothing_of_the_machine() -> None:
    for path in FOLDER.glob("*.txt"):
        told = path.read_text(encoding="utf-8")
        assert "/tmp" not in told, path.name
        assert "/home" not in told, path.name
        assert "pytest" not in told, path.name
