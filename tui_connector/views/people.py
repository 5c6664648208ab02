"""What the accounts of people are called: by the name of the key they signed with or enrolled, else by their login."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.domain.errors import ConfigError

if TYPE_CHECKING:
    from tui_connector.views.desk import Desk

try:
    import pwd
except ImportError:  # not a Unix system: there accounts are names already
    pwd = None  # type: ignore[assignment]

_ACCOUNT = "uid:"


def names(desk: Desk) -> dict[str, str]:
    """Account -> name, for showing only: who did what is told by the account, and proved by a signature."""
    known = {desk.person: login} if (login := _login(desk.person)) else {}
    return known | _enrolled(desk) | desk.store.proposals.signers()


def _enrolled(desk: Desk) -> dict[str, str]:
    try:
        return {key.user: key.name for key in desk.directory.keys()}  # noqa: SIM118 - not a dict
    except ConfigError:  # a folder that is not as it must be is told where somebody signs
        return {}


def _login(account: str) -> str:
    number = account.removeprefix(_ACCOUNT)
    if pwd is None or not number.isdigit():
        return ""
    try:
        return pwd.getpwuid(int(number)).pw_name
    except KeyError:  # the account is gone
        return ""
