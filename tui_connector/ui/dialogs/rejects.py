"""What is asked before refused records are sent again, waived, given to somebody or noted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.review.amounts import counted
from tui_connector.ui import rejecting
from tui_connector.ui.dialogs.base import AskText, Confirm
from tui_connector.ui.draw import Line, wrap

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui_connector.views.causes import CauseRow
    from tui_connector.views.replay import ReplayModel


def replay_dialog(plan: ReplayModel, environment: str) -> Confirm:
    """What the replay does, then the word that lets it go."""
    return Confirm(
        f"Replay {counted(plan.records, 'record')}", lambda width: rejecting.replay_dialog(plan, environment, width),
        word="replay", enter="send exactly these once more",
    )  # fmt: skip


def waive_dialog(row: CauseRow, count: int, worth: str, environment: str) -> AskText:
    """What a waiver means, then the reason."""
    what = f"{counted(count, 'record')} {'stays' if count == 1 else 'stay'} out of Anaplan"
    holds = (
        "A waiver holds until the record changes in SAP or is refused for another cause. It stands in the audit log"
        " with your reason, and can be taken back: rejects waive ID --take-back."
    )

    def lines(width: int) -> list[Line]:
        first, *rest = wrap(f"{what}{f': {worth}' if worth else ''}.", width - len(environment) - 4, "bright")
        head = first.right(f" {environment} ", "word", width - 2)
        return [
            head,
            *rest,
            Line(),
            *wrap(f"{row.group.flow}: {row.words}", width),
            Line(),
            *wrap(holds, width, "muted"),
        ]

    return AskText(f"Waive {counted(count, 'record')}", lines, label="reason, kept for good", enter="enter waives")


def owner_dialog(row: CauseRow, count: int, owner: str, environment: str) -> AskText:
    """What an owner means, then the name."""
    holds = (
        "The name stands with the records until they end or somebody else's is put there; an empty one takes it back."
        " It stands in the audit log with yours."
    )
    lines = _asking(row, f"Who sees to {_these(count)}?", holds, environment)
    return AskText(
        f"Owner of {counted(count, 'record')}", lines, label="name", enter="enter gives them", value=owner,
        may_be_empty=True,
    )  # fmt: skip


def note_dialog(row: CauseRow, count: int, environment: str) -> AskText:
    """What a note means, then its text."""
    holds = "It takes the place of the note before; an empty one takes it away. The audit log keeps every one."
    lines = _asking(row, f"A note on {_these(count)}, for whoever sees to it next.", holds, environment)
    return AskText(f"Note on {counted(count, 'record')}", lines, label="note", enter="enter writes", may_be_empty=True)


def _these(count: int) -> str:
    return "this record" if count == 1 else f"these {count:,} records"


def _asking(row: CauseRow, what: str, holds: str, environment: str) -> Callable[[int], list[Line]]:
    def lines(width: int) -> list[Line]:
        first, *rest = wrap(what, width - len(environment) - 4, "bright")
        cause = wrap(f"{row.group.flow}: {row.words}", width)
        head = first.right(f" {environment} ", "word", width - 2)
        return [head, *rest, Line(), *cause, Line(), *wrap(holds, width, "muted")]

    return lines


def take_back_dialog(row: CauseRow, count: int, worth: str, environment: str) -> AskText:
    """What taking a waiver back means, then the reason."""
    what = f"{counted(count, 'record')} {'is' if count == 1 else 'are'} open again"

    def lines(width: int) -> list[Line]:
        first, *rest = wrap(f"{what}{f': {worth}' if worth else ''}.", width - len(environment) - 4, "bright")
        head = first.right(f" {environment} ", "word", width - 2)
        return [head, *rest, Line(), *wrap(f"{row.group.flow}: {row.words}", width)]

    title = f"Take {'a waiver' if count == 1 else f'{count:,} waivers'} back"
    return AskText(title, lines, label="reason, kept for good", enter="enter takes back")
