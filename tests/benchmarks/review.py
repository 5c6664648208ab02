"""Opening the review of a large proposal beside that of a small one, as the console reads it.

python -m benchmarks.review [--large 500000] [--small 5000] [--rounds 15]
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tui_connector.approval.keys import Directory
from tui_connector.domain.canonical import sha256
from tui_connector.domain.proposal import (
    GATES,
    Change,
    Draft,
    Gate,
    LineKind,
    Origin,
    ProposalHead,
    ProposedDocument,
    ProposedLine,
    Verdict,
    document_digest,
    document_keys,
    fingerprint_of,
)
from tui_connector.domain.risk import Flag, Risk
from tui_connector.domain.sums import Order
from tui_connector.store import Store
from tui_connector.store.sums import Reading
from tui_connector.views.desk import Desk
from tui_connector.views.review import read_detail, read_review

from .figures import table

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui_connector.views.tree import Tree

MOST = 2.0
DOCUMENT = 100  # lines of one document
SCREEN = 40  # rows
NOON = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
HEAD = ProposalHead(
    "BENCHMARK", "plan_writeback", "https://sap.example", "ws", "M1", "Plan.csv", "target", "soap", "0L", "ACTUALS",
    "m" * 64,
)  # fmt: skip
COMPANIES = [f"{1000 + 10 * at}" for at in range(10)]


@dataclass
class Noon:
    """A clock that stands."""

    def now(self) -> datetime:
        return NOON

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError


def draft_of(count: int) -> Draft:
    """Balanced documents over ten companies, 300 centers and 400 accounts; a tenth of the lines is unchanged."""
    lines: list[ProposedLine] = []
    documents: list[ProposedDocument] = []
    day = date(2026, 11, 30)
    posted = count * 9 // 10 // DOCUMENT * DOCUMENT
    for number in range(count):
        pair, at = number // 2, number // DOCUMENT
        cents = Decimal(pair * 7919 % 900_000 + 100).scaleb(-2) * (-1 if number % 2 else 1)
        last = Decimal(pair % 5000)
        wanted = last + cents
        moves = number < posted
        lines.append(
            ProposedLine(
                number + 1, at + 1 if moves else None, LineKind.PLAN, Change.CHANGED if moves else Change.UNCHANGED,
                f"PL-{number:07}", COMPANIES[at % len(COMPANIES)], f"{61_000_000 + pair % 400:010}",
                f"{4_000 + pair * 31 % 300:010}", "", "EUR", day, wanted if moves else last, last,
                cents if moves else Decimal(0), f"Reallocation {pair}", number + 1, "", last,
            )
        )  # fmt: skip
    for first in range(0, posted, DOCUMENT):
        own = lines[first : first + DOCUMENT]
        debit = sum((line.amount for line in own if line.amount > 0), Decimal(0))
        made = ProposedDocument(
            len(documents) + 1, own[0].company_code, "EUR", day, day, "SA", "Reallocation", len(own), debit, debit, ""
        )
        documents.append(replace(made, digest=document_digest(made, own)))
    origin = Origin("1", "Plan.csv", "Hub", "T1", sha256(str(count)), count, NOON - timedelta(minutes=30), "Ann", "")
    return Draft(HEAD, origin, tuple(lines), tuple(documents), fingerprint_of(HEAD, documents))


def propose(store: Store, draft: Draft) -> int:
    """Keep it, with the bytes that a document of that size has; every thousandth line is flagged."""
    with store.transaction() as tx:
        target = store.targets.id_for(tx, HEAD.flow, "main", HEAD.sap, "main", "ws", "M1")
    gates = [Gate(name, Verdict.PASS, f"{name}: yes") for name in GATES]
    keys = [document_keys(HEAD.sap, one.company_code, draft.fingerprint, one.number) for one in draft.documents]
    flags = {number: (Flag(Risk.ROUND, "a round sum"),) for number in range(1000, len(draft.lines), 1000)}
    with store.transaction() as tx:
        return store.proposals.add(
            tx, draft, target_id=target, run_id=None, author="uid:1", made_at=NOON - timedelta(minutes=20),
            expires_at=NOON + timedelta(hours=8), gates=gates, flags=flags, actor="worker:w",
            payloads=((key, b"<Item>payload</Item>" * 40 * DOCUMENT) for key in keys),
        ).id  # fmt: skip


def acts(desk: Desk, number: int) -> dict[str, Callable[[], object]]:
    """What a person waits for."""

    def opened(reading: Reading) -> Tree:
        review = read_review(desk, number)
        tree = review.tree(desk, reading).unfolded(SCREEN // 2)
        assert tree.after(None, 2 * SCREEN)
        return tree

    def turned(reading: Reading) -> None:
        assert opened(reading).after(None, 2 * SCREEN)

    def looked() -> None:
        tree = opened(Reading())
        row = next(row for row in tree.after(None, 2 * SCREEN) if row.depth == 1)
        assert read_detail(desk, tree.proposal, row).title

    def flagged() -> None:
        first = desk.store.sums.flagged(number)[0]
        assert desk.store.sums.flagged(number, first.place)
        assert read_review(desk, number).tree(desk, Reading()).to(first.place).row(first.place)

    return {
        "open": lambda: turned(Reading()),
        "accounts first": lambda: turned(Reading(Order.ACCOUNT_COMPANY_CENTER)),
        "largest first": lambda: turned(Reading(flat=True)),
        "by change": lambda: turned(Reading(by_delta=True)),
        "one row": looked,
        "next flag": flagged,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", type=int, default=500_000)
    parser.add_argument("--small", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=15)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        stores, numbers, made = [], [], []
        for count in (chosen.small, chosen.large):
            store = Store.open(f"{folder}/{count}.db")
            draft = draft_of(count)
            began = time.process_time()
            numbers.append(propose(store, draft))
            made.append(time.process_time() - began)
            del draft
            stores.append(store)
        desks = [
            Desk(
                store, (), (), Directory(Path(folder)), cast("Any", Noon()), UTC, "BENCHMARK", "uid:2", Path(folder),
                Path(folder), lambda _: None, lambda _: False,
            )
            for store in stores
        ]  # fmt: skip
        small, large = (acts(desk, number) for desk, number in zip(desks, numbers, strict=True))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        rows = []
        for name in small:
            taken: tuple[list[float], list[float]] = ([], [])
            for _ in range(chosen.rounds):
                for found, act in zip(taken, (small[name], large[name]), strict=True):
                    began = time.perf_counter()
                    act()
                    found.append(time.perf_counter() - began)
            ours, theirs = map(statistics.median, taken)
            rows.append((name, f"{1000 * ours:.1f}", f"{1000 * theirs:.1f}", theirs / ours))
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        heads = ("milliseconds", f"{chosen.small:,} lines", f"{chosen.large:,} lines", "ratio")
        table(heads, [(*row[:3], f"{row[3]:.2f}") for row in rows])
        print(
            f"\nkept with their sums: {made[0]:.1f} and {made[1]:.1f} CPU s; {grown:.0f} MB more memory for all of it"
        )
        for store in stores:
            store.close()
        assert rows[0][3] <= MOST, f"opening takes {rows[0][3]:.2f} times as long"


if __name__ == "__main__":
    main()
