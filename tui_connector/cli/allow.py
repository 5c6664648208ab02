"""runs allow: lets a run that asked a person go on, with what it held up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.bootstrap import open_installation
from tui_connector.cli.flows import finish
from tui_connector.domain.errors import ConfigError

if TYPE_CHECKING:
    import argparse


def allow(given: argparse.Namespace) -> int:
    """Keep the permission and its reason, then work until the runs that follow have ended."""
    if given.of is None:
        raise ConfigError("which run?", hint="`runs allow ID --reason TEXT`; `runs` lists their numbers")
    with open_installation(given.config) as installation:
        ids = installation.allow(given.of, given.reason or "", installation.person())
        return finish(installation, ids, given)
