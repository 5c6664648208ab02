"""Which secrets a connection needs, what is still missing of them, and storing them; nothing of them is ever told."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tui_connector.domain.errors import ConfigError
from tui_connector.views.deciding import writing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tui_connector.views.desk import Desk

OPTIONAL = ("passphrase", "refresh_token")
_FROM_FILE = "@"
_MOST_BYTES = 256 * 1024
_LABELS = {
    "user": "user", "password": "password", "client_id": "client id", "client_secret": "client secret",
    "certificate_pem": "certificate", "private_key_pem": "private key", "passphrase": "its passphrase",
    "refresh_token": "refresh token",
}  # fmt: skip


def label_of(field: str) -> str:
    """What a secret is called on a form."""
    optional = ", if it has one" if field == "passphrase" else ""
    return _LABELS.get(field, field) + optional


def is_text(field: str) -> bool:
    """Whether a secret is a text of many lines, which is pasted or read from a file."""
    return field.endswith("_pem")


def require_all(name: str, wanted: Sequence[str], values: Mapping[str, str], hint: str) -> None:
    """Raise ConfigError naming the secrets that a connection cannot do without and that are not there."""
    missing = [field for field in wanted if field not in OPTIONAL and not values.get(field, "").strip()]
    if missing:
        raise ConfigError(f"{name} needs {', '.join(missing)} as well", hint=hint)


def store(desk: Desk, name: str, values: Mapping[str, str]) -> str:
    """Seal what was entered; "@path" stands for the text in that file.

    Raises ConfigError when something is missing, a file cannot be read, or a certificate is none.
    """
    acts = writing(desk)
    wanted = acts.secret_fields(name)
    read = {field: _text(values[field]) for field in wanted if values.get(field, "").strip()}
    require_all(name, wanted, read, "fill every field in; nothing was stored")
    if "refresh_token" in wanted and "refresh_token" not in read:
        raise ConfigError(
            f"{name} needs a refresh token, which a person has to approve in Anaplan",
            hint=f"`credentials set {name}` asks Anaplan for one and waits; nothing was stored",
        )
    acts.set_credential(name, read)
    return f"Stored for {name}: {', '.join(sorted(read))}. What starts from now on uses it."


def _text(given: str) -> str:
    if not given.startswith(_FROM_FILE):
        return given
    path = Path(given.removeprefix(_FROM_FILE).strip()).expanduser()
    try:
        with path.open("rb") as file:
            found = file.read(_MOST_BYTES + 1)
        if len(found) > _MOST_BYTES:
            raise ConfigError(f"{path} is too large for a secret", hint="name the file that holds it alone")
        return found.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigError(
            f"{path} cannot be read: {why}", hint="name a file in PEM form; nothing was stored"
        ) from error
