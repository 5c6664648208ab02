"""The decisions on proposals, their lines and documents, each as a dialog."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tui_connector.domain.proposal import DocumentState, LineDecision
from tui_connector.ui.dialogs.decide import Decide, Field, Words
from tui_connector.ui.draw import Line
from tui_connector.ui.widgets.listing import Listing
from tui_connector.views import acting, deciding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from textual.widget import Widget

    from tui_connector.domain.proposal import Proposal
    from tui_connector.views.desk import Desk

_WHY = "A decision needs a reason: say why, for those who read it later."
_REASON = Field("reason", "reason", why=_WHY)
_NOTHING = "Nothing was changed."
_STANDS = "  stands for every byte you just read"


def approve(desk: Desk, proposal: Proposal, unopened: Sequence[str] = ()) -> Decide:
    """Sign a proposal: its fingerprint, then the passphrase of one's key. unopened: flagged lines not looked at."""
    fields = (
        Field("fingerprint", "fingerprint", wanted=proposal.short, why="Type the fingerprint as you read it."),
        Field("passphrase", "passphrase", secret=True, why="Type the passphrase of your key."),
    )
    words = Words(
        "Type the fingerprint to sign", "signs", "signing…", "Nothing was signed.",
        ((proposal.short, "bright"), (_STANDS, "muted")),
    )  # fmt: skip
    return Decide(
        f"Approve {proposal.name}",
        lambda: deciding.before_approval(desk, proposal.id, unopened),
        lambda said: acting.approve(desk, proposal.id, typed=said["fingerprint"], passphrase=said["passphrase"]),
        fields,
        words,
    )


def reject(desk: Desk, proposal: Proposal) -> Decide:
    """End a proposal."""
    return Decide(
        f"Reject {proposal.name}",
        lambda: deciding.before_rejection(desk, proposal.id),
        lambda said: acting.reject(desk, proposal.id, said["reason"]),
        (_REASON, _word("reject")),
        Words("Say why, then type reject", "rejects it", "rejecting…", _NOTHING),
    )


def hold(desk: Desk, proposal: Proposal) -> Decide:
    """Set a proposal aside."""
    return Decide(
        f"Hold {proposal.name}",
        lambda: deciding.before_hold(desk, proposal.id),
        lambda said: acting.hold(desk, proposal.id, said["reason"]),
        (_REASON,),
        Words("Say why", "holds it", "holding…", _NOTHING),
    )


def release(desk: Desk, proposal: Proposal) -> Decide:
    """Take a hold back."""
    return Decide(
        f"Release {proposal.name}",
        lambda: deciding.before_release(desk, proposal.id),
        lambda said: acting.release(desk, proposal.id, said["reason"]),
        (_REASON,),
        Words("Say why", "releases it", "releasing…", _NOTHING),
    )


def decide_lines(desk: Desk, proposal: Proposal, decision: LineDecision, lines: str = "") -> Decide:
    """Hold or reject lines, or put them back. lines: those to begin with, as 3,7-9."""
    back = decision is LineDecision.NONE
    reason = Field("reason", "reason", optional=True) if back else _REASON
    verb = {LineDecision.HELD: "holds", LineDecision.REJECTED: "rejects", LineDecision.NONE: "puts back"}[decision]
    return Decide(
        f"Lines of {proposal.name}",
        lambda: deciding.before_lines(desk, proposal.id, decision),
        lambda said: acting.decide_lines(desk, proposal.id, said["lines"], decision, said["reason"]),
        (_lines(lines), reason),
        Words("Name the lines" if back else "Name the lines, and say why", f"{verb} them", "writing…", _NOTHING),
    )


def comment(desk: Desk, proposal: Proposal, lines: str = "") -> Decide:
    """Write beside lines."""
    return Decide(
        f"Comment on {proposal.name}",
        lambda: deciding.before_lines(desk, proposal.id, None),
        lambda said: acting.comment(desk, proposal.id, said["lines"], said["text"]),
        (_lines(lines), Field("text", "comment", why="Write the comment.")),
        Words("Name the lines, and write", "writes it", "writing…", _NOTHING),
    )


def revise(desk: Desk, proposal: Proposal) -> Decide:
    """Propose again without the lines taken out."""
    return Decide(
        f"Revise {proposal.name}",
        lambda: deciding.before_revision(desk, proposal.id),
        lambda _: acting.revise(desk, proposal.id),
        (_word("revise"),),
        Words("Type revise", "proposes it", "asking…", _NOTHING),
    )


def reverse(desk: Desk, proposal: Proposal) -> Decide:
    """Propose the opposite of what was posted."""
    return Decide(
        f"Reverse {proposal.name}",
        lambda: deciding.before_reversal(desk, proposal.id),
        lambda said: acting.reverse(desk, proposal.id, said["reason"]),
        (_REASON, _word("reverse")),
        Words("Say why, then type reverse", "proposes it", "asking…", _NOTHING),
    )


class Choose(Decide):
    """A person's word on a held document, after it was looked up in SAP."""

    DEFAULT_CSS = "Choose Listing { height: 3; background: $side; }"
    WAYS: ClassVar[Sequence[tuple[DocumentState, str, str]]] = (
        (DocumentState.VERIFIED, "SAP holds it", "posted, under the number you say"),
        (DocumentState.READY, "SAP does not hold it, send it again", "the same bytes go out once more"),
        (DocumentState.REJECTED, "SAP does not hold it, leave it", "not posted, and never sent"),
    )

    def __init__(self, desk: Desk, proposal: Proposal, number: int) -> None:
        fields = (
            Field("number", "number/year", why="Write its number and fiscal year, as 0100004711/2026."),
            _REASON,
            Field("fingerprint", "fingerprint", wanted=proposal.short, why="Type the fingerprint as you read it."),
        )
        super().__init__(
            f"Settle document {number}",
            lambda: deciding.before_choice(desk, proposal.id, number),
            lambda said: self._choose(desk, proposal, number, said),
            fields,
            Words(
                "Say what you found in SAP",
                "settles it",
                "writing…",
                _NOTHING,
                (("then type ", "muted"), (proposal.short, "bright")),
            ),
        )
        self._way = self.WAYS[0]

    def choice(self) -> Iterator[Widget]:
        yield Listing(self._draw, key=lambda way: way[0], fit=True, id="ways", ground="surface")

    def on_mount(self) -> None:
        self.query_one("#ways", Listing).show_rows(self.WAYS)

    def focus_first(self) -> None:
        self.query_one("#ways", Listing).focus()

    def wants(self, field: Field) -> bool:
        return field.name != "number" or self._way[0] is DocumentState.VERIFIED

    def on_listing_moved(self, event: Listing.Moved) -> None:
        if event.row is not None:
            self._way = event.row
            self._show()

    def on_listing_chosen(self, event: Listing.Chosen) -> None:
        self._way = event.row
        self._show()
        super().focus_first()

    def _show(self) -> None:
        super()._show()
        ways = self.query_one("#ways", Listing)
        ways.display = self._open
        ways.refresh()

    def _draw(self, way: tuple[DocumentState, str, str], width: int, selected: bool) -> Line:
        mark = ("■ ", "accent") if way is self._way else ("□ ", "muted")
        line = Line(mark, (way[1], "bright" if selected else "ink"))
        return line.to(42).put(way[2], "muted", limit=max(width - 44, 0))

    def _choose(self, desk: Desk, proposal: Proposal, number: int, said: Mapping[str, str]) -> str:
        return acting.choose(
            desk, proposal.id, number, self._way[0], typed=said["fingerprint"], reason=said["reason"],
            said=said.get("number", ""),
        )  # fmt: skip


def _word(word: str) -> Field:
    return Field("word", f"type {word}", wanted=word, why=f"Type {word}, so that it is no slip.")


def _lines(lines: str) -> Field:
    return Field("lines", "lines", value=lines, why="Name lines by their numbers, as 3,7-9.")
