"""The way to Apprise: what it and its library for HTTP say of an address, which is a secret, is heard by nobody."""

from __future__ import annotations

import logging

from tui_connector.alerting.ring import check


class Heard(logging.Handler):
    """What reaches the root, where the product listens; pytest's own listens at loggers that keep to themselves, too."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def test_nobody_hears_what_they_say() -> None:
    check("json://user:canary-5d1f@127.0.0.1/canary-5d1f")
    heard = Heard()
    logging.getLogger().addHandler(heard)
    try:
        for talker in ("apprise", "urllib3.connectionpool", "elsewhere"):
            logging.getLogger(talker).error("of http://127.0.0.1/%s", talker)
    finally:
        logging.getLogger().removeHandler(heard)
    assert heard.lines == ["of http://127.0.0.1/elsewhere"]
