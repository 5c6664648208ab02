"""Hands a message to a target whose address is an Apprise URL; the one place that knows Apprise."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, Protocol

from tui_connector.domain.alert import Severity, Telling
from tui_connector.domain.errors import ConfigError, UnreachableError

if TYPE_CHECKING:
    from tui_connector.domain.alert import Message

_LOOPBACK = re.compile(r"^(localhost|127\.\d+\.\d+\.\d+|\[?::1\]?)$")
_ANSWERED = re.compile(r"\berror=(\d{3})\b")
_TYPES = {
    Severity.NOTICE: "info", Severity.WARNING: "warning", Severity.ERROR: "failure", Severity.CRITICAL: "failure",
}  # fmt: skip


class Ring(Protocol):
    """Hands a message over."""

    def __call__(self, url: str, message: Message, seconds: float) -> None:
        """Raises ConfigError for an address that is none, UnreachableError when the message was not taken."""


def ring(url: str, message: Message, seconds: float) -> None:
    """Through Apprise; nothing that it says of an address, which is a secret, gets any further."""
    target, kinds = _open(url, seconds)
    told = _Told()
    logger = logging.getLogger("apprise")
    logger.addHandler(told)
    try:
        taken = target.notify(body=message.body, title=message.title, notify_type=kinds(_type(message)))
    except Exception as error:  # noqa: BLE001 - a plugin of somebody else's: its words may hold the address
        raise _untaken(type(error).__name__) from None
    finally:
        logger.removeHandler(told)
    if not taken:
        raise _untaken(f"answered with {told.answered}" if told.answered else "was not reached, or did not take it")


def check(url: str) -> None:
    """Raises ConfigError for an address that is none, or by which a message would go in the clear."""
    _open(url, 1.0)


def _open(url: str, seconds: float) -> tuple[Any, Any]:
    for talker in ("apprise", "urllib3"):  # before they can say anything
        logging.getLogger(talker).propagate = False
    try:
        import apprise  # noqa: PLC0415 - takes its time, and only a process that sends needs it
    except ImportError as error:
        raise ConfigError(
            "Apprise, which sends alerts, is not installed", hint="install the extra: tui-connector[alerts]"
        ) from error
    asset = apprise.AppriseAsset(
        async_mode=False, http_redirects=False, secure_logging=True, allow_templates=False, storage_mode="memory",
        service_timeout=seconds, app_id="tui-connector", app_desc="tui-connector", app_url="",
    )  # fmt: skip
    target = apprise.Apprise.instantiate(url.strip(), asset=asset)
    if target is None:
        raise ConfigError(
            "that is no address of a target for alerts",
            hint="write an Apprise URL, for example mailtos://USER:PASSWORD@HOST?to=ADDRESS or jsons://HOST/PATH",
        )
    if not target.verify_certificate:
        raise ConfigError("an address may not say verify=no", hint="add your authority to the system's certificates")
    if _in_the_clear(target):
        raise ConfigError(
            "by that address alerts would travel unencrypted",
            hint="use its secure form, such as mailtos:// or jsons://",
        )
    return target, apprise.NotifyType


def _in_the_clear(target: Any) -> bool:
    host = getattr(target, "smtp_host", "") or target.host or ""
    if not host or _LOOPBACK.match(host):
        return False
    mode = getattr(target, "secure_mode", None)
    if mode is not None:
        return str(mode) == "insecure"
    plain = target.protocol or ()
    return target.schema in ((plain,) if isinstance(plain, str) else tuple(plain))


def _type(message: Message) -> str:
    return "success" if message.telling is Telling.OVER else _TYPES[message.severity]


def _untaken(said: str) -> UnreachableError:
    return UnreachableError(said, hint="`tui-connector alerts test` tries it; `credentials set` changes its address")


class _Told(logging.Handler):
    """Picks the status out of what Apprise logs, and nothing else."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.answered = ""

    def emit(self, record: logging.LogRecord) -> None:
        found = _ANSWERED.search(record.getMessage())
        if found:
            self.answered = found[1]
