"""An evidence pack from the console, driven by keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import Input

from tests.ui.played import played
from tests.ui.stage import SMALL, press, stage, text, type_in, until
from tui_connector.review import verifier
from tui_connector.views import evidence

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    import pytest

    from tui_connector.views.desk import Desk


def packs(folder: Path) -> list[Path]:
    return list(folder.glob("*evidence*"))


@played
async def test_a_pack_is_written_verified_and_told(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with stage(desk, first="audit") as pilot:
        await press(pilot, "p")
        assert "012/2026" in text(pilot.app)
        await pilot.press("ctrl+u")
        await type_in(pilot, "P-0001")
        await press(pilot, "enter")
        await until(pilot, lambda: "everything fits" in text(pilot.app))
        assert "Proposal P-0001: complete." in text(pilot.app)
        (file,) = packs(tmp_path)
        said, wrong = verifier.look(file)
        assert wrong == ""
        assert said[0].split()[-1][:40] in text(pilot.app)
        await press(pilot, "escape")
        last = desk.store.audit.head()
        assert last is not None
        assert (last.fact.kind, last.fact.data["digest"]) == ("evidence.exported", said[0].split()[-1])


@played
async def test_what_is_shown_is_proposed(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with stage(desk, SMALL, first="audit") as pilot:
        for words, proposed in (
            ("since:Mon until:Tue kind:run", "2026-11-30T00:00 2026-12-02T00:00"),
            ("proposal:P-0002", "P-0002"),
        ):
            await press(pilot, "slash")
            await pilot.press("ctrl+u")
            await type_in(pilot, words)
            await press(pilot, "enter", "p")
            assert pilot.app.screen.query_one("#text", Input).value == proposed
            await press(pilot, "escape")
        await press(pilot, "p")
        await pilot.press("ctrl+u")
        await type_in(pilot, "013/2026")
        await press(pilot, "enter")
        assert "special period" in text(pilot.app)
        assert packs(tmp_path) == []


@played
async def test_a_pack_that_is_stopped_leaves_nothing(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    held: list[bool] = []

    def hold(tell: Callable[[int, int], None]) -> Callable[[int, int], None]:
        def telling(done: int, whole: int) -> None:
            while True:  # until somebody stops it
                held.append(True)
                tell(done, whole)

        return telling

    real = evidence.export

    def slowly(*given: Any, progress: Callable[[int, int], None], **more: Any) -> Any:
        return real(*given, progress=hold(progress), **more)

    monkeypatch.setattr(evidence, "export", slowly)
    async with stage(desk, first="audit") as pilot:
        await pilot.press("p", "enter")
        await until(pilot, lambda: bool(held) and "Writing the pack" in text(pilot.app))
        await pilot.press("escape")
        await until(pilot, lambda: "stopped; nothing of it is kept" in text(pilot.app))
        assert packs(tmp_path) == []
