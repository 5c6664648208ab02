"""An evidence pack from the console: what it is asked of, how it is written, and what is told of it then."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tui_connector.domain.ledger import FiscalPeriod
from tui_connector.ui.dialogs.base import AskText
from tui_connector.ui.draw import MARGIN, Line, wrap
from tui_connector.views import evidence
from tui_connector.views.audit_filter import FilterError, Query, parse
from tui_connector.views.evidence_scope import read_scope
from tui_connector.views.words import size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_connector.ui.at_length import UnderWay
    from tui_connector.views.desk import Desk
    from tui_connector.views.evidence import Exported

_WHAT = (
    "An archive for an auditor: the log, runs with their gaps, tie-outs, refused records, signatures, documents with"
    " their proof, a report to read, and a program that checks all of it."
)
_OF = (
    "Of a period (011/2026, or 011/2026 1010), of a proposal (P-0001), or since a time (Mon, or 2026-11-01 2026-11-15)."
)


def ask(desk: Desk, shown: str) -> AskText:
    """What it shall be of; what is shown under a filter is proposed, or else the present period."""

    def lines(width: int) -> Sequence[Line]:
        return [*wrap(_WHAT, width), Line(), *wrap(_OF, width)]

    return AskText("Evidence pack", lines, label="of what", enter="enter writes it", value=_proposed(desk, shown))


def _proposed(desk: Desk, shown: str) -> str:
    now = desk.clock.now()
    try:
        query = parse(shown, now, desk.zone)
    except FilterError:
        query = Query()
    for term in query.terms:
        if term.name == "proposal" and not term.excluded:
            return term.value
    if query.since is not None:
        return " ".join(f"{one.astimezone(desk.zone):%Y-%m-%dT%H:%M}" for one in (query.since, query.until) if one)
    return str(FiscalPeriod.of(now.astimezone(desk.zone).date()))


def pack(desk: Desk, words: str, under_way: UnderWay) -> Exported:
    """Write it into the folder that the console was started in, under a name of its own; the log tells of it."""
    scope = read_scope(desk, words)
    moment = f"{desk.clock.now().astimezone(desk.zone):%Y%m%d-%H%M%S}"
    path = Path.cwd() / scope.file_name.replace(".zip", f"-{moment}.zip")

    def tell(done: int, whole: int) -> None:
        under_way.last = whole
        under_way.tell(done)

    made = evidence.export(desk, scope, path, progress=tell)
    evidence.note(desk, made)
    return made


def told(made: Exported, width: int) -> Sequence[Line]:
    """What the pack comes to, where it is, and whether it verifies."""
    lines = [*wrap(made.report.sentence, width, "bright")]
    for point in made.report.points:
        first, *more = wrap(point, width, indent=MARGIN + 2)
        lines += [Line(("▲ ", "warn"), *first.parts[1:]), *more]
    whole = (
        [Line(("✓ ", "ok"), ("Its own verifier finds that everything fits.", "ink"))]
        if not made.fault
        else [Line(("✗ ", "fail"), ("Its own verifier finds something wrong:", "ink")), *wrap(made.fault, width)]
    )
    lines += [Line(), *whole, Line(), *wrap(f"{made.file.path.name}, {size(made.file.bytes)}", width, "bright")]
    lines += wrap(f"in {made.file.path.parent}", width, "muted")
    return [*lines, *wrap(f"digest {made.file.digest}", width, "muted")]
