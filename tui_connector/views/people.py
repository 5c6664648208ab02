"""What the accounts of people are called: by the name of the key they signed with, else by their login here."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    return known | desk.store.proposals.signers()


def _login(account: str) -> str:
    number = account.removeprefix(_ACCOUNT)
    if pwd is None or not number.isdigit():
        return ""
    try:
        return pwd.getpwuid(int(number)).pw_name
    except KeyError:  # the account is gone
        return ""
