"""audit export: an evidence pack of a period, a stretch of time or a proposal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tui_connector.bootstrap import open_installation
from tui_connector.cli import Exit
from tui_connector.cli.bar import events_bar
from tui_connector.cli.out import say
from tui_connector.domain.errors import ConfigError
from tui_connector.review.amounts import counted
from tui_connector.views import evidence
from tui_connector.views.evidence_scope import period_scope, proposal_scope, time_scope
from tui_connector.views.words import figure, size

if TYPE_CHECKING:
    import argparse

    from tui_connector.views.desk import Desk
    from tui_connector.views.evidence import Exported
    from tui_connector.views.evidence_scope import Scope


def export(given: argparse.Namespace) -> int:
    """Write the pack, let its own verifier look at it, and say what it came to."""
    with open_installation(given.config, read_only=not given.note) as installation:
        desk = installation.desk()
        scope = _scope(given, desk)
        path = Path(given.output or scope.file_name).absolute()
        with events_bar() as tell:
            made = evidence.export(desk, scope, path, replace=given.output is not None, progress=tell)
        if given.note:
            evidence.note(desk, made)
    say(given, made.describe(), "\n".join(_words(made)))
    return Exit.FAILED if made.fault else Exit.DONE


def _scope(given: argparse.Namespace, desk: Desk) -> Scope:
    company = given.company or ""
    timed = given.since is not None or given.until is not None
    if sum((given.period is not None, given.proposal is not None, timed)) != 1:
        raise ConfigError("name a period, a stretch of time or a proposal", hint="for example --period 011/2026")
    if given.period is not None:
        return period_scope(desk, given.period, company)
    if given.proposal is not None:
        if company:
            raise ConfigError("a proposal is exported whole", hint="leave --company out")
        return proposal_scope(desk, given.proposal)
    return time_scope(desk, given.since or "", given.until or "", company)


def _words(made: Exported) -> list[str]:
    file, report = made.file, made.report
    told = (
        f"{file.path}: {size(file.bytes)}, {counted(report.runs, 'run')},"
        f" {counted(len(report.proposals), 'proposal')}, events {figure(report.first)} to {figure(report.last)}."
    )
    whole = f"✗ The pack does not verify: {made.fault}." if made.fault else "✓ The pack verifies."
    return [report.sentence, *(f"  ▲ {point}" for point in report.points), told, f"Digest {file.digest}", whole]
