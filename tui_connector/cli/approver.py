"""approver: the key that a person signs with, and those that are enrolled."""

from __future__ import annotations

import getpass
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui_connector.approval.keys import Directory, KeyFile, default_key_path
from tui_connector.bootstrap import open_installation
from tui_connector.cli import Exit
from tui_connector.cli.out import console, facts, mark, moment, print_json, say, table
from tui_connector.domain.errors import ConfigError

if TYPE_CHECKING:
    import argparse

    from tui_connector.approval.keys import PublicKey


def init(given: argparse.Namespace) -> int:
    """Make the key of the person at this command; its public half is for an administrator to enrol."""
    path = key_path(given)
    with open_installation(given.config) as installation:
        folder, environment = installation.settings.approval.approvers, installation.settings.environment
        user = installation.person()
    if path.exists():  # before anybody has thought of a passphrase
        raise ConfigError(f"{path} exists already, and a key is never overwritten", hint="`approver show` tells of it")
    public = KeyFile(path).create(given.name, user, _new_passphrase(), environments=(environment,))
    place = folder / public.file_name
    if given.json:
        value = {"key": str(path), "public_key": json.loads(public.to_text()), "enrol_as": str(place)}
        print_json(value)
        return Exit.DONE
    say(given, None, f"The key {public.key_id} is made and kept in {path}; without its passphrase it cannot be used.")
    say(given, None, f"An administrator enrols it for {environment} by putting this into {place}:\n")
    console().print(public.to_text(), end="", soft_wrap=True)
    return Exit.DONE


def show(given: argparse.Namespace) -> int:
    """One's own key, and whether it is enrolled."""
    path = key_path(given)
    public = KeyFile(path).public()
    with open_installation(given.config, read_only=True) as installation:
        folder = installation.settings.approval.approvers
    enrolled = Directory(folder).find(public.key_id)
    if given.json:
        value = _described(public) | {"file": str(path), "enrolled": enrolled is not None}
        revoked = enrolled.revoked_at if enrolled else None
        print_json(value | {"environments": enrolled.environments if enrolled else (), "revoked_at": revoked})
        return Exit.DONE
    if enrolled is None:
        stands = mark("○", "dim", f"not enrolled: an administrator puts it into {folder / public.file_name}")
    elif enrolled.revoked_at:
        stands = mark("✗", "red", f"revoked since {moment(enrolled.revoked_at)} UTC")
    else:
        stands = mark("✓", "green", f"enrolled for {', '.join(enrolled.environments) or 'no environment'}")
    facts([
        ("name", public.name), ("user", public.user), ("key", public.key_id), ("made", moment(public.made_at)),
        ("file", path), ("state", stands),
    ])  # fmt: skip
    return Exit.DONE


def listing(given: argparse.Namespace) -> int:
    """Who is enrolled."""
    with open_installation(given.config, read_only=True) as installation:
        folder = installation.settings.approval.approvers
    keys = Directory(folder).keys()
    if given.json:
        print_json([_described(key) for key in keys])
    elif keys:
        rows = [
            (
                key.name, key.user, key.key_id, moment(key.made_at),
                mark("✗", "red", f"revoked {key.revoked_at:%Y-%m-%d}") if key.revoked_at
                else mark("✓", "green", ", ".join(key.environments) or "no environment"),
            )
            for key in keys
        ]  # fmt: skip
        table(("name", "user", "key", "made (UTC)", "may approve in"), rows, spare=("made (UTC)",))
    else:
        say(given, [], f"Nobody is enrolled in {folder}: `approver init` makes a key.")
    return Exit.DONE


def key_path(given: argparse.Namespace) -> Path:
    """Where the person's key is."""
    return Path(given.key).expanduser() if given.key else default_key_path()


def passphrase(prompt: str) -> str:
    """Asked for on a terminal, else one line of standard input; never an argument."""
    said = getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not said:
        raise ConfigError("no passphrase was given", hint="type it, or write it as one line on standard input")
    return said


def _new_passphrase() -> str:
    said = passphrase("new passphrase: ")
    if sys.stdin.isatty() and passphrase("once more: ") != said:
        raise ConfigError("the two passphrases differ", hint="no key was made; try again")
    return said


def _described(key: PublicKey) -> dict[str, Any]:
    return {
        "name": key.name, "user": key.user, "key": key.key_id, "environments": key.environments,
        "made_at": key.made_at, "revoked_at": key.revoked_at,
    }  # fmt: skip
