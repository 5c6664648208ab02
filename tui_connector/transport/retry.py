"""The retry policies: full jitter, as long as the tenant asked, only for requests that are safe to repeat."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from tui_connector.domain.errors import RateLimitedError, TransientError

if TYPE_CHECKING:
    from tui_connector.domain.clock import Clock

BASE_SECONDS = 0.5
CAP_SECONDS = 60.0
LONGEST_WISH_SECONDS = 300.0  # a longer Retry-After is for the scheduler: the caller gets the error at once

_dice = random.SystemRandom()


def retrying(attempts: int, clock: Clock) -> AsyncRetrying:
    """A policy that calls up to `attempts` times while TransientError comes, and then raises the last one.

    A 429 is not tried again by this one: `waiting_out` inside of it does so, and no attempt is lost by that.
    """
    return AsyncRetrying(
        stop=stop_after_attempt(attempts),
        retry=retry_if_exception(lambda error: _worth_waiting(error) and not isinstance(error, RateLimitedError)),
        wait=_wait,
        sleep=clock.sleep,
        reraise=True,
    )


def waiting_out(clock: Clock) -> AsyncRetrying:
    """A policy that calls as often as a 429 comes, since nothing was processed: also for what must not be repeated."""
    return AsyncRetrying(
        retry=retry_if_exception(lambda error: _worth_waiting(error) and isinstance(error, RateLimitedError)),
        wait=_wait,
        sleep=clock.sleep,
        reraise=True,
    )


def parse_retry_after(text: str | None, now: datetime) -> timedelta | None:
    """Read a Retry-After header, whole seconds or an HTTP date; None when there is none or it makes no sense."""
    if not text:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:9]), 86_400))
    moment = parse_http_date(text)
    return None if moment is None else max(moment - now, timedelta(0))


def parse_http_date(text: str | None) -> datetime | None:
    """Read an HTTP date, aware in UTC; None when it is none."""
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _worth_waiting(error: BaseException) -> bool:
    if not isinstance(error, TransientError):
        return False
    return error.retry_after is None or error.retry_after.total_seconds() <= LONGEST_WISH_SECONDS


def pause(attempt: int, wish: float | None) -> float:
    """Seconds to wait after the first, second, … attempt; wish: those the tenant asked for.

    For requests that are not repeated here: whoever sends one again has made sure that it was not processed.
    """
    spread = _dice.uniform(0.0, min(CAP_SECONDS, BASE_SECONDS * 2.0 ** (attempt - 1)))
    # never earlier than told; a little later, so that callers told the same moment do not come together
    return spread if wish is None else wish + min(spread, 1.0)


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    wish = error.retry_after if isinstance(error, TransientError) else None
    return pause(state.attempt_number, None if wish is None else wish.total_seconds())
