"""The way to Apprise: what it and its library for HTTP say of an address, which is a secret, is heard by nobody."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tui_connector.alerting.ring import check

if TYPE_CHECKING:
    import pytest


def test_nobody_hears_what_they_say(caplog: pytest.LogCaptureFixture) -> None:
    check("json://user:canary-5d1f@127.0.0.1/canary-5d1f")
    for talker in ("apprise", "urllib3.connectionpool"):
        logging.getLogger(talker).warning("Failed to parse headers (url=%s)", "http://127.0.0.1/canary-5d1f")
    logging.getLogger("elsewhere").warning("heard")
    assert caplog.messages == ["heard"]
