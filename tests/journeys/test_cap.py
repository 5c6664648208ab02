"""Several workers under one tenant's cap, as the tenant's own log tells: how many, how fair, and who goes first.

The ordinary form is four times quicker than Anaplan is; with its own figures, for minutes:
DEEP_TESTS=1 pytest tests/journeys/test_cap.py
"""

from __future__ import annotations

import asyncio
import os
import time
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import pairwise
from statistics import fmean, median
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import httpx
import pytest

from tests.journeys.conftest import Sandbox, anaplan, fork, seal_config
from tests.journeys.posting_desk import post, prepare
from tui_connector.bootstrap import Installation, open_installation
from tui_connector.engine import worker
from tui_connector.store.budget import Budget
from tui_connector.transport.budget import Place, go_first

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Postgres

DEEP = os.environ.get("DEEP_TESTS") == "1"
CAP, WINDOW, BURST, SECONDS = (600, 60.0, 20, 150.0) if DEEP else (60, 3.0, 2, 4.0)
RATE = 0.95 * CAP / WINDOW
# A process may send late what it was given a place for; in a short window a moment weighs more than in a minute.
SEEN = CAP if DEEP else CAP + round(RATE / 2)
WORKERS, LANES = 4, 4  # requests that each of them has under way
SHARE = 0.15
SAP_RATE = 20
COMPANIES = "/sap/opu/odata/sap/API_COMPANYCODE_SRV/A_CompanyCode"

pytestmark = pytest.mark.timeout(2 * SECONDS + 120)
Shares = Counter[str]


@dataclass(frozen=True)
class Log:
    """What the tenant has seen: who asked, when, in its own seconds, and whether it was too many."""

    asked: list[tuple[str, float, bool]]

    @property
    def refused(self) -> int:
        """How often one of ours was."""
        return sum(refused for who, _, refused in self.asked if who != "other")

    @property
    def most(self) -> int:
        """Most requests in any window."""
        moments = sorted(at for _, at, _ in self.asked)
        return max(bisect_left(moments, at + WINDOW) - place for place, at in enumerate(moments))

    def shares(self) -> Shares:
        """Requests of each that were answered."""
        return Counter(who for who, _, refused in self.asked if not refused)

    def between(self, who: str, others: str) -> list[int]:
        """How many of the others' requests came between two of his."""
        places = [place for place, (name, *_) in enumerate(self.asked) if name.startswith(who)]
        return [
            sum(name.startswith(others) for name, *_ in self.asked[one + 1 : after]) for one, after in pairwise(places)
        ]

    def __str__(self) -> str:
        seconds = self.asked[-1][1] - self.asked[0][1]
        shares = ", ".join(f"{who} {count}" for who, count in sorted(self.shares().items()))
        return (
            f"{len(self.asked)} requests in {seconds:.0f} s, at most {self.most} in {WINDOW:g} s, {self.refused} times"
            f" 429 to us ({60 * self.refused / seconds:.0f} a minute); answered: {shares}"
        )


def read_log(sandbox: Sandbox, sort: Callable[[str], str] = lambda path: path.partition("who=")[2]) -> Log:
    """The log, of those requests of which `sort` knows whose they are."""
    log = sandbox.call("GET", "log")["requests"]
    found = [(sort(one["path"]), datetime.fromisoformat(one["at"]).timestamp(), one["status"] == 429) for one in log]
    return Log([one for one in found if one[0]])


def spend(
    config: Path,
    who: str,
    *,
    path: str = "",
    seconds: float = SECONDS,
    urgent: bool = False,
    until: Callable[[], bool] = bool,
) -> int:
    """Ask a tenant as fast as the connector lets one, so long or until that is so.

    path: of SAP, Anaplan without. What a forked process does.
    """

    async def lane(installation: Installation) -> None:
        async with installation.tenants() as tenants:
            end = time.monotonic() + seconds
            await asyncio.gather(*(ask(tenants, end) for _ in range(1 if urgent else LANES)))

    async def ask(tenants: Any, end: float) -> None:
        go_first(urgent=urgent)
        while time.monotonic() < end and not until():
            if path:
                await tenants.sap("main").get(path, query={"$filter": f"CompanyCode ne '{who}'", "$top": "1"})
            else:
                await tenants.anaplan("main").get("/2/0/users/me", "user", query={"who": who}, what="the user")

    with open_installation(str(config)) as opened:
        section = opened.settings.anaplan_of("main").model_copy(update={"requests_per_second": RATE, "burst": BURST})
        settings = opened.settings.model_copy(update={"anaplan": {**opened.settings.anaplan, "main": section}})
        asyncio.run(lane(replace(opened, settings=settings)))
    return 0


def consume(url: str, headers: dict[str, str], seconds: float, every: float) -> int:
    """Another program of the same tenant: it comes that often, and again at once when it was refused."""
    with httpx.Client(headers=headers, trust_env=False) as http:
        due = time.monotonic()
        end = due + seconds
        while due < end:
            time.sleep(max(0.0, due - time.monotonic()))
            while http.get(f"{url}/2/0/users/me?who=other").status_code == 429 and time.monotonic() < end:
                time.sleep(every)
            due += every
    return 0


def together(*jobs: Callable[[], int]) -> None:
    """Do the jobs in processes of their own until all have ended."""
    children = [fork(job) for job in jobs]
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * len(children)


@pytest.fixture(params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path: Path) -> Iterator[Path]:
    """A config.toml whose store is on either back end; the tenant allows what Anaplan does, in this form's own time."""
    sandbox.anaplan(rate_capacity=CAP, rate_per_second=CAP / WINDOW)
    if request.param == "sqlite":
        yield seal_config(sandbox, tmp_path)
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    url = postgres.borrow()
    yield seal_config(sandbox, tmp_path, f'[store]\nurl = "{url}"\n')
    postgres.give_back(url)


def workers(config: Path, **more: Any) -> list[Callable[[], int]]:
    return [partial(spend, config, f"load{number}", **more) for number in range(WORKERS)]


def faults_of(log: Log) -> list[str]:
    """What the line forbids and the log shows."""
    shares = log.shares()
    least = min(shares[f"load{number}"] for number in range(WORKERS)) / shares.total()
    found = {"the cap": log.most > SEEN, "a worker starves": least < SHARE, "429": log.refused > 0}
    return [what for what, is_so in found.items() if is_so]


def test_four_workers_stay_under_the_cap_and_none_starves(sandbox: Sandbox, shared: Path) -> None:
    together(*workers(shared))
    log = read_log(sandbox)
    print(f"\n{log}")
    assert faults_of(log) == []
    assert len(log.asked) > 0.5 * RATE * SECONDS  # nobody stays under it by idling


@pytest.mark.parametrize("shared", ["sqlite"], indirect=True)
def test_a_budget_for_each_process_breaks_the_cap(sandbox: Sandbox, shared: Path) -> None:
    """What the harness has to see."""
    reserve = Budget.reserve

    def own(self: Budget, connection: str, *given: Any, **more: Any) -> Place:
        return reserve(self, f"{connection} {os.getpid()}", *given, **more)

    with patch.object(Budget, "reserve", own):
        together(*workers(shared))
    log = read_log(sandbox)
    print(f"\neach for itself: {log}")
    assert "the cap" in faults_of(log)


def ahead_of_posting(log: Log) -> float:
    """How many requests of loads went before one of a posting, in the middle and on average."""
    between = log.between("post", "load")
    print(f"\n{log}\nloads between two of the posting: median {median(between)}, average {fmean(between):.1f}")
    return median(between)


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("shared", ["sqlite"] if not DEEP else ["sqlite", "postgresql"], indirect=True)
def test_posting_goes_first_while_another_program_takes_half(sandbox: Sandbox, shared: Path, *, first: bool) -> None:
    _, headers = anaplan(sandbox)
    sandbox.anaplan(rate_capacity=CAP // 10)
    posting = partial(spend, shared, "post", urgent=True)
    with patch(f"{__name__}.go_first", go_first if first else lambda **_: None):
        together(*workers(shared), posting, partial(consume, sandbox.url, headers, SECONDS, 2 * WINDOW / CAP))
    log = read_log(sandbox)
    assert any(refused for *_, refused in log.asked)
    assert not DEEP or log.refused <= 4 * SECONDS / 60  # the workers make room
    assert (ahead_of_posting(log) <= 4) is first


@pytest.mark.parametrize("first", [True, False] if DEEP else [True])
def test_a_posting_to_sap_goes_before_loads(sandbox: Sandbox, tmp_path: Path, *, first: bool) -> None:
    batch = prepare(sandbox, tmp_path / "batch", 6 if DEEP else 2, 12 if DEEP else 4, test_run=True)
    text = batch.config.read_text()
    batch.config.write_text(text.replace("requests_per_second = 1000", f"requests_per_second = {SAP_RATE}"))
    sandbox.call("DELETE", "log")
    done = tmp_path / "done"

    def posts() -> int:
        time.sleep(2)  # the loads have used up what goes at once
        with patch.object(worker, "go_first", go_first if first else lambda **_: None):
            post(batch, seconds=120)
        done.touch()
        return 0

    together(*workers(batch.config, path=COMPANIES, seconds=120, until=done.exists), posts)
    batch.assert_posted()
    log = read_log(sandbox, lambda path: "load" if "load" in path else "post" if "/sap/" in path else "")
    assert (ahead_of_posting(log) <= 4) is first
