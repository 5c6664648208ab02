"""One afternoon of one customer, Tue 1 Dec 2026 14:40:12 CET: what every screen is looked at and tested with."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.ui import plan
from tests.ui.installation import Customer, desk_of, open_customer, write_config
from tests.ui.people import CERTIFICATE_ENDS, KELLER, LINDQVIST, NOVAK, PASSPHRASE, certificate, enrol
from tests.ui.scenes import (
    WORKER,
    Load,
    Scenes,
    closed_account,
    line_breaks,
    line_item,
    missing_center,
    unreadable_center,
)
from tests.ui.still import Still, foretold
from tests.ui.ties import by_codes, by_totals, unread
from tui_connector.domain.case import Place
from tui_connector.domain.credential import Token
from tui_connector.domain.ledger import PeriodStatus
from tui_connector.domain.proposal import LineDecision
from tui_connector.domain.risk import Flag, Risk

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.ui.people import Person
    from tui_connector.domain.proposal import Proposal
    from tui_connector.domain.run import Counts
    from tui_connector.domain.tie import Tie
    from tui_connector.views.desk import Desk

NOW = datetime(2026, 12, 1, 13, 40, 12, tzinfo=UTC)
TODAY = datetime(2026, 12, 1, tzinfo=UTC)
_DAYS = 14
# Each flow's daily run: hour and minute (UTC), seconds, records; a little more or less each day.
_DAILY = {
    "gl_accounts": (1, 0, 41, 3412), "cost_centers": (1, 1, 22, 1096), "profit_centers": (1, 2, 18, 214),
    "suppliers": (1, 3, 114, 18730), "customers": (1, 5, 62, 9844), "gl_line_items": (5, 0, 849, 391570),
    "supplier_invoices": (5, 16, 157, 22408), "purchase_orders": (5, 19, 80, 7115),
}  # fmt: skip
_TIMEOUT = (
    "sap.main did not answer within 60 seconds, 4 times", "look at the SAP system's load, then run the flow again"
)  # fmt: skip
_WORKSPACE_FULL = (
    '"Load GL line items" failed: the workspace is full', "make room in the workspace, then run the flow again"
)  # fmt: skip
_WELL_TIED: dict[str, Callable[[Counts], Tie]] = {"gl_accounts": by_codes}
_TIES: dict[str, Callable[[Counts], Tie]] = {
    "gl_accounts": by_codes, "gl_line_items": by_totals, "supplier_invoices": unread,
}  # fmt: skip
_CENTER_4735 = missing_center("0000004735", [(100038112, "0061000000", "480.00", 3)], first=190)
_CENTER_4736 = missing_center(
    "0000004736",
    [
        (100038117, "0061000000", "480.00", 2), (100038121, "0061000000", "612.00", 4),
        (100038140, "0063005000", "318.40", 1), (100038152, "0065100000", "459.60", 7),
        (100038190, "0061000000", "260.00", 3),
    ],
)  # fmt: skip


def afternoon(folder: Path, *, read_only: bool = False) -> Desk:
    """The desk of A. Novak at 14:40:12, in a copy of the installation that may be changed."""
    return _copy(_afternoon, folder, read_only=read_only)


def quiet(folder: Path, *, read_only: bool = False) -> Desk:
    """The same installation on a day on which nothing needs a person and nothing runs."""
    return _copy(_quiet, folder, read_only=read_only)


def empty(folder: Path, *, read_only: bool = False) -> Desk:
    """A new installation: configured, nothing has run, no worker, no credential."""
    return _copy(_empty, folder, read_only=read_only)


def _copy(make: Callable[[Customer, Still], None], folder: Path, *, read_only: bool) -> Desk:
    shutil.copytree(_made(make), folder, dirs_exist_ok=True)
    return desk_of(open_customer(folder, Still(NOW), read_only=read_only))


@lru_cache
def _made(make: Callable[[Customer, Still], None]) -> Path:
    """An installation made once for all tests of this process; in a thread of its own, since a plan is read in a loop."""
    folder = Path(tempfile.mkdtemp(prefix="tui-connector-afternoon-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with ThreadPoolExecutor(1) as thread:
        thread.submit(_make, make, folder).result()
    return folder


def _make(make: Callable[[Customer, Still], None], folder: Path) -> None:
    clock = Still(TODAY - timedelta(days=_DAYS + 2))
    write_config(folder)
    with foretold():
        customer = open_customer(folder, clock)
        enrol(folder, customer.settings.approval.approvers, clock)
        make(customer, clock)
        customer.store.close()


def _empty(customer: Customer, clock: Still) -> None:
    """Nothing has happened."""


def _quiet(customer: Customer, clock: Still) -> None:
    scenes = Scenes(customer, clock)
    _set_up(scenes, ends=CERTIFICATE_ENDS + timedelta(days=300))
    for ago in range(_DAYS - 1, -1, -1):
        if not ago:
            _posted(scenes)
        _daily(scenes, TODAY - timedelta(days=ago), {})
        if ago > 1:
            scenes.unchanged(TODAY - timedelta(days=ago, hours=-13))
    _present(scenes)


def _afternoon(customer: Customer, clock: Still) -> None:
    scenes = Scenes(customer, clock)
    _set_up(scenes, ends=CERTIFICATE_ENDS)
    days = [TODAY - timedelta(days=ago) for ago in range(_DAYS - 1, -1, -1)]
    stories: dict[tuple[str, int], Any] = {
        ("suppliers", -10): line_breaks(4), ("suppliers", -9): line_breaks(2), ("suppliers", -1): line_breaks(11),
        ("gl_line_items", -6): _WORKSPACE_FULL, ("profit_centers", -4): _TIMEOUT,
        ("cost_centers", -5): unreadable_center(),
        ("gl_line_items", -1): (*_CENTER_4735, *_CENTER_4736, *closed_account()),
    }  # fmt: skip
    for at, day in enumerate(days, -_DAYS):
        if at == -1:
            _posted(scenes)
        _daily(scenes, day, {flow: what for (flow, when), what in stories.items() if when == at}, _TIES)
        if at == -5:
            _waived(scenes, day)
        if at < -2:
            scenes.unchanged(day + timedelta(hours=13))
    _mended(scenes)
    freight = _freight(scenes)
    _waiting(scenes)
    posting = _signed(scenes, freight)
    _running(scenes)
    scenes.post(freight, posting, NOW - timedelta(minutes=1, seconds=23), lost=3)
    _present(scenes)


def _set_up(scenes: Scenes, ends: datetime) -> None:
    """Two weeks ago: secrets, the close calendar, the worker."""
    customer, clock = scenes.installation, scenes.clock
    clock.at = TODAY - timedelta(days=_DAYS + 1)
    customer.vault.init_key("file", by=LINDQVIST.account)
    customer.vault.seal("sap.main", {"client_id": "sap_prd", "client_secret": "not a secret"}, by=LINDQVIST.account)
    customer.vault.seal("anaplan.main", certificate("svc-anaplan", ends), by=LINDQVIST.account)
    scenes.period(clock.at, KELLER, 10, PeriodStatus.CLOSED, "October is closed")
    scenes.period(clock.at, KELLER, 11, PeriodStatus.OPEN, "November until 3 December, 18:00")
    scenes.worker(TODAY - timedelta(days=_DAYS, hours=-7))


def _daily(
    scenes: Scenes, day: datetime, stories: dict[str, Any], ties: dict[str, Callable[[Counts], Tie]] = _WELL_TIED
) -> None:
    """The runs that the schedule asks for every day. ties: what the tie-outs of today's come to."""
    number = (day - TODAY).days
    for flow, (hour, minute, seconds, records) in _DAILY.items():
        at = day + timedelta(hours=hour, minutes=minute)
        tie = None if number else ties.get(flow)
        more = (number * 37 + len(flow) * 11) % 23 - 11  # a little more or less
        told = stories.get(flow, ())
        load = Load(seconds + more / 5, records + number * 13, unchanged=abs(more), tie=tie)
        if told and isinstance(told[0], str):
            load = Load(seconds / 3, 0, fails=told)
        elif told:
            load.refused = told
        run_id = scenes.request(at, "schedule", flow)[0]
        scenes.load(run_id, at + timedelta(seconds=1), load)
    _pinged(scenes, day + timedelta(hours=6, minutes=30), LINDQVIST, 1 - number)


def _waived(scenes: Scenes, day: datetime) -> None:
    """What could not be loaded and need not be."""
    store = scenes.store
    run = store.runs.latest("cost_centers")
    assert run is not None
    scenes.clock.at = day + timedelta(hours=9, minutes=40)
    with store.transaction() as tx:
        places = [Place(run.id, one.position) for one in store.records.rejects(run.id)]
        store.cases.waive(tx, places, "closed on 1 January, no plan uses it", NOVAK.account)


def _posted(scenes: Scenes) -> None:
    """Yesterday: an accrual is proposed, signed by one, posted and proved."""
    at = TODAY - timedelta(hours=8, minutes=20)
    debits = [("12400.00", "3150.50", "980.00"), ("8800.00", "1200.00"), ("45000.00",), ("7312.25", "687.75")]
    draft = plan.small("AC", "Accruals November", "1010", debits, plan.origin(1, 12, at + timedelta(seconds=23)))
    made = scenes.propose(draft, at, KELLER)
    check, post = _sign(scenes, made, at + timedelta(minutes=27), LINDQVIST)
    scenes.check(made, check, at + timedelta(minutes=28))
    scenes.post(made, post, at + timedelta(minutes=29))


def _freight(scenes: Scenes) -> Proposal:
    """Ten past one: freight is proposed."""
    at = TODAY + timedelta(hours=12, minutes=10)
    debits = [("18200.00", "2100.00"), ("9400.00",), ("120000.00",), ("4650.80", "349.20"), ("22000.00", "1000.00")]
    draft = plan.small("FR", "Freight November", "1310", debits, plan.origin(2, 13, at + timedelta(seconds=23)))
    return scenes.propose(draft, at, KELLER)


def _signed(scenes: Scenes, freight: Proposal) -> int:
    """Half past two: freight is signed, and its plan has not moved; the run that posts it."""
    at = TODAY + timedelta(hours=13, minutes=30, seconds=5)
    check, post = _sign(scenes, freight, at, LINDQVIST)
    scenes.check(freight, check, at + timedelta(seconds=5))
    return post


def _sign(scenes: Scenes, made: Proposal, at: datetime, *people: Any) -> tuple[int, ...]:
    customer, signed = scenes.installation, None
    for person in people:
        scenes.clock.at = at
        flow = customer.writeback(made.flow)
        signed = customer.decisions().approve(
            made.id, typed=made.short, key=person.key(customer.config.parent, scenes.clock), passphrase=PASSPHRASE,
            by=person.account, flow=flow, head=customer.head(flow),
        )  # fmt: skip
    assert signed is not None
    return signed.run_ids


def _waiting(scenes: Scenes) -> None:
    """Two proposals wait: a large one that two must sign, and a small one with a line taken out."""
    at = TODAY + timedelta(hours=13, minutes=1, seconds=30)
    draft = plan.large(plan.origin(3, 317, at + timedelta(seconds=23)))
    agency = next(line for line in draft.lines if line.text.startswith("Agency welders"))
    gone = next(line for line in draft.lines if line.change == "withdrawn")
    flags = {
        agency.number: (
            Flag(Risk.FIRST_USE, "first use of account 65100000 on cost center 4711"),
            Flag(Risk.NEAR_LIMIT, "200.00 EUR under the limit of 50,000.00 EUR"),
        ),
        gone.number: (Flag(Risk.SIGN, "the whole amount is taken back"),),
    }
    made = scenes.propose(draft, at, KELLER, flags)
    scenes.clock.at = at + timedelta(minutes=6)
    decisions = scenes.installation.decisions()
    decisions.comment(
        made.id, [agency.number], "Agency welders until the new hires start on 7 December", LINDQVIST.account
    )
    at = TODAY + timedelta(hours=13, minutes=27, seconds=40)
    debits = [("30000.00", "14200.00"), ("44200.00",)]
    draft = plan.small("IT", "IT recharge November", "1710", debits, plan.origin(4, 5, at + timedelta(seconds=23)))
    other = scenes.propose(draft, at, KELLER)
    scenes.clock.at = at + timedelta(minutes=2)
    decisions.decide_lines(other.id, [2], LineDecision.HELD, "waits for the vendor's invoice", KELLER.account)


def _mended(scenes: Scenes) -> None:
    """A quarter past nine: the cost center is loaded, the record that missed it is replayed."""
    at = TODAY + timedelta(hours=8, minutes=12)
    run_id = scenes.request(at, KELLER.account, "cost_centers")[0]
    scenes.load(run_id, at + timedelta(seconds=1), Load(7, 1, unchanged=1096, codes=("A000-0000004735",)))
    run = scenes.store.runs.latest("gl_line_items")
    assert run is not None
    item = line_item(100038112, "0061000000", "0000004735", "480.00", 3)
    told = Load(41, 1, codes=(item["Code"],))
    scenes.replay(TODAY + timedelta(hours=8, minutes=14, seconds=50), KELLER, run.id, _CENTER_4735[0].position, told)


def _running(scenes: Scenes) -> None:
    """Line items are being imported; two more flows wait for the model."""
    at = NOW - timedelta(minutes=9, seconds=5)
    runs = scenes.request(
        at - timedelta(seconds=1), KELLER.account, "gl_line_items", "supplier_invoices", "purchase_orders"
    )
    scenes.running(runs[0], at, NOW, 402118, 62)


def _present(scenes: Scenes) -> None:
    """What stands as of now: when what runs next, tokens, requests, answers of the tenants, the worker's sign of life."""
    customer, clock, store = scenes.installation, scenes.clock, scenes.store
    _pinged(scenes, NOW - timedelta(seconds=8), NOVAK, 0)
    clock.at = NOW - timedelta(seconds=30)
    for _ in range(143):
        store.budget.reserve(customer.connections()[1].budget, 10.0, 600)
    clock.at = NOW
    with store.transaction() as tx:
        for name, timetable in customer.timetables().items():
            store.schedule.set_next(tx, name, timetable.next(NOW))
    for name, left, whole in (("sap.main", 48, 60), ("anaplan.main", 21, 35)):
        obtained = NOW - timedelta(minutes=whole - left)
        token = Token("not a token", "Bearer", obtained, NOW + timedelta(minutes=left))
        store.tokens(name, lambda sealed: sealed, lambda sealed: sealed, process=WORKER).save(token)
    clock.at = NOW - timedelta(seconds=2)
    scenes.beat()


def _pinged(scenes: Scenes, at: datetime, by: Person, ago: int) -> None:
    """Somebody looks whether both tenants answer."""
    for seconds, connection in enumerate(("sap.main", "anaplan.main")):
        scenes.ping(at + timedelta(seconds=2 * seconds), connection, by.account, _answer(connection, ago))


def _answer(connection: str, ago: int) -> dict[str, Any]:
    """What a ping has told, as the store keeps it."""
    latency = 36 + (ago * 17) % 11 + (60 if ago == 5 else 0)

    def check(name: str, words: str, ms: int | None = None, health: str = "ok", hint: str = "") -> dict[str, Any]:
        told: dict[str, Any] = {"name": name, "health": health, "words": words}
        return told | ({} if ms is None else {"ms": ms}) | ({"hint": hint} if hint else {})

    checks = [check("reached", "TLSv1.3, chain valid", latency)]
    ends = datetime(2027, 7, 30, 12, tzinfo=UTC)
    if connection.startswith("sap"):
        checks += [
            check("token", "48 min left of 60", 212), check("read rights", "9 of 9 services answer", 441),
            check("write rights", "CSRF token for journal entry", 187), check("clock", "SAP is 0.4 s ahead"),
        ]  # fmt: skip
        return {
            "name": connection, "ok": True, "latency_ms": latency, "clock_ms": 400, "found": {},
            "server_certificate_ends": ends.isoformat(), "checks": checks,
        }  # fmt: skip
    renew = "store the new certificate before this one ends"
    checks += [
        check("token", "21 min left of 35", 305), check("workspace", "8a81b09c…d3f2, 61 % full", 118),
        check("model", "FIN_HUB, UNLOCKED", 127), check("actions", "11 of 11 imports and exports", 164),
        check("clock", "Anaplan is 0.1 s behind"), check("certificate", "12 days left", None, "warn", renew),
    ]  # fmt: skip
    return {
        "name": connection, "ok": True, "latency_ms": latency, "clock_ms": -100, "found": {"model": "FIN_HUB"},
        "server_certificate_ends": ends.isoformat(), "checks": checks,
    }  # fmt: skip
