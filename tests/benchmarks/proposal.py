"""An export of a plan into a proposal: the engine's strict path, and the script one would write first.

python -m benchmarks.proposal [--rows 100000] [--rounds 3]
"""

# ruff: noqa: PLC0415 (each variant runs in a process of its own and must not pay for the others' imports)
from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from .figures import Figures, alternate, measure, table, timed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tui_connector.engine.proposal.parse import Plan

VARIANTS = {"naive": "naive script, no checks", "engine": "engine", "again": "engine, all rows posted before"}
MOST_MEGABYTES = 200
GROUP = 100  # rows of a document
HEADER = (
    "Code,Company Code,GL Account,Cost Center,Profit Center,Posting Date,Amount,Gross,Currency,Text,Group,Status,"
    "Approved By,Approved At,Line Count"
)
_BLOCK = 256 * 1024


def write_export(path: Path, rows: int) -> None:
    """Balanced groups of rows, approved, and a control line."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(HEADER + "\r\n")
        gross = 0
        for number in range(rows):
            pair = number // 2
            cents = pair * 7919 % 900_000 + 100
            gross += cents
            sign = "-" if number % 2 else ""
            amount = f"{cents // 100}.{cents % 100:02}"
            file.write(
                f"PL-{number * 7 % rows:06},1010,{61_000_000 + pair % 400:010},{10_101_101 + pair % 300:010},,2026-11-30,"
                f"{sign}{amount},{amount},EUR,Reallocation {pair},G{number // GROUP:04},Approved,Ana Pla,2026-11-24T10:00,1\r\n"
            )
        file.write(f"TOTAL EUR,,,,,,,{gross // 100}.{gross % 100:02},,,,,,,{rows}\r\n")


def run_naive(path: Path) -> None:
    """Whole file as dicts, documents by group, one digest over the JSON: no check of anything."""
    import csv
    import hashlib
    import json
    from decimal import Decimal

    def go() -> float:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if not row["Code"].startswith("TOTAL")]
        documents: dict[tuple[str, ...], list[dict[str, str]]] = {}
        for row in rows:
            place = (row["Company Code"], row["Currency"], row["Posting Date"], row["Group"])
            documents.setdefault(place, []).append(row)
        proposal = [
            {"document": place, "total": str(sum(Decimal(row["Amount"]) for row in lines)), "lines": lines}
            for place, lines in sorted(documents.items())
        ]
        assert len(hashlib.sha256(json.dumps(proposal).encode()).hexdigest()) == 64
        return len(rows)

    timed(go)


def run_engine(path: Path, *, again: bool) -> None:
    """Decode, parse, check, propose, seal. again: every row was posted before, a cent apart."""
    import asyncio
    from dataclasses import replace
    from decimal import Decimal

    from tui_connector.anaplan.delimited import decode_text, parse_csv
    from tui_connector.domain.proposal import Origin, PostedLine, ProposalHead, Verdict
    from tui_connector.engine.proposal.parse import control_gate, read_plan
    from tui_connector.engine.proposal.propose import Posted, make_draft, mapping_digest
    from tui_connector.flows.plan_writeback import FLOW

    async def blocks() -> AsyncIterator[bytes]:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                yield block

    flow = replace(FLOW, company_codes=("1010",))
    head = ProposalHead(
        "BENCHMARK", flow.name, "https://sap.example", "", "", flow.export, flow.mode, flow.channel, flow.ledger,
        flow.ledger_words, mapping_digest(flow),
    )  # fmt: skip

    def _posted(plan: Plan) -> Iterator[PostedLine]:
        for row in plan.rows:
            amount = row.amount - Decimal("0.01").copy_sign(row.amount)
            yield PostedLine(
                row.key, row.company_code, row.gl_account, row.cost_center, row.profit_center, row.currency,
                row.posting_date, amount, "",
            )  # fmt: skip

    def go() -> float:
        plan = asyncio.run(read_plan(parse_csv(decode_text(blocks())), flow, HEADER.split(",")))
        assert control_gate(flow, plan).verdict is Verdict.PASS
        posted = Posted.of(_posted(plan)) if again else Posted.of()
        draft = make_draft(flow, head, Origin(rows=plan.records), plan, posted)
        assert all(document.debit == document.credit for document in draft.documents)
        return len(draft.lines)

    timed(go)


def once(path: Path, rows: int, variant: str) -> Figures:
    found = measure("benchmarks.proposal", "--run", variant, "--export", str(path))
    assert found["done"] == rows, found
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help=f"a multiple of {GROUP}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--run", choices=tuple(VARIANTS))
    parser.add_argument("--export", type=Path, default=Path())
    chosen = parser.parse_args()
    if chosen.run:
        if chosen.run == "naive":
            run_naive(chosen.export)
        else:
            run_engine(chosen.export, again=chosen.run == "again")
        return
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        path = Path(folder) / "export.csv"
        write_export(path, chosen.rows)
        found = alternate(tuple(VARIANTS), chosen.rounds, partial(once, path, chosen.rows))
    naive = found["naive"]
    table(
        (f"{chosen.rows:,} rows", "rows/s", "CPU s", "peak MB", "CPU × naive", "memory × naive"),
        [
            (
                VARIANTS[variant], f"{chosen.rows / one['wall']:,.0f}", f"{one['cpu']:.2f}", f"{one['rss']:.0f}",
                f"{naive['cpu'] / one['cpu']:.2f}", f"{naive['rss'] / one['rss']:.2f}",
            )
            for variant, one in found.items()
        ],
    )  # fmt: skip
    assert max(found[one]["rss"] for one in ("engine", "again")) <= MOST_MEGABYTES, f"more than {MOST_MEGABYTES} MB"


if __name__ == "__main__":
    main()
