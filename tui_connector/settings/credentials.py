"""Which secrets each kind of connection needs; the secrets themselves are never settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui_connector.settings.sections import AnaplanSettings, SapSettings, Settings

_SECRETS = {
    ("sap", "basic"): ("user", "password"),
    ("sap", "oauth"): ("client_id", "client_secret"),
    ("sap", "certificate"): ("certificate_pem", "private_key_pem", "passphrase"),
    ("anaplan", "basic"): ("user", "password"),
    ("anaplan", "certificate"): ("certificate_pem", "private_key_pem", "passphrase"),
    ("anaplan", "device"): ("client_id", "refresh_token"),
}


def credential_fields(settings: Settings, name: str) -> tuple[str, ...]:
    """Which secrets a connection needs, by its way to authenticate."""
    kind, _, short = name.partition(".")
    if kind == "alert" and short in settings.alerts.targets:
        return ("url",)
    kinds: dict[str, Mapping[str, SapSettings | AnaplanSettings]] = {"sap": settings.sap, "anaplan": settings.anaplan}
    sections = kinds.get(kind, {})
    if short not in sections:
        known = [
            *(f"sap.{one}" for one in settings.sap), *(f"anaplan.{one}" for one in settings.anaplan),
            *(f"alert.{one}" for one in settings.alerts.targets),
        ]  # fmt: skip
        raise ConfigError(
            f"there is no connection {name}",
            hint=f"configured are {', '.join(known) or 'none'}; add [{name}] to config.toml",
        )
    return _SECRETS[kind, sections[short].auth]
