"""What the tie-outs of the afternoon come to: a list by its codes, a module by its totals, and one that nobody can tell."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tui_connector.domain.tie import Difference, Hop, HopTotal, Tie, Total, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui_connector.domain.run import Counts

PARTS = ("Company Code", "GL Account", "Fiscal Year", "Period", "Currency")
_READ = {"EUR": Decimal("48211904.37"), "USD": Decimal("3904118.20")}
_REFUSED = {"EUR": Decimal("2690.00")}
_CHECKED = (Hop.SOURCE, Hop.READ_BACK)


def by_codes(counts: Counts) -> Tie:
    """A list that holds every code that SAP holds."""
    whole = counts.read
    return Tie(
        Verdict.TIED, f"the list holds all {whole:,} codes that SAP holds", ("Code",), (
            HopTotal(Hop.READ, counts.read), HopTotal(Hop.STAGED, counts.read), HopTotal(Hop.UPLOADED, counts.sent),
            HopTotal(Hop.IMPORTED, counts.loaded), HopTotal(Hop.SOURCE, whole), HopTotal(Hop.READ_BACK, whole),
        ),
    )  # fmt: skip


def by_totals(counts: Counts) -> Tie:
    """Line items of which Anaplan does not hold what SAP holds, in three scopes."""
    held = counts.read - counts.rejected
    sent = _less(_READ, _REFUSED)
    found = (
        _scope(("1010", "0061000000", "EUR"), (12481, "8204118.40"), (12480, "8203506.40"), "Anaplan holds less than SAP"),
        _scope(("1010", "0065100000", "EUR"), (7, "1319.60"), None, "Anaplan has no row for it"),
        _scope(("1710", "0041000000", "USD"), (2210, "-904220.15"), (2211, "-905060.15"),
               "Anaplan holds more than SAP: a record was loaded twice, or SAP no longer holds it"),
    )  # fmt: skip
    wanted = {**_READ, "EUR": Decimal("48209214.37")}
    lost = {"EUR": Decimal("48207282.77"), "USD": Decimal("3903278.20")}
    off = {"EUR": Decimal("-1931.60"), "USD": Decimal("-840.00")}
    return Tie(
        Verdict.NOT_TIED, "3 of 1,204 scopes differ", PARTS, (
            _gross(Hop.READ, counts.read, _READ), _gross(Hop.STAGED, counts.read, _READ),
            _gross(Hop.LEFT, counts.read - counts.sent, _REFUSED, note="6 unchanged, 6 refused"),
            _gross(Hop.UPLOADED, counts.sent, sent), _gross(Hop.IMPORTED, counts.loaded, sent),
            HopTotal(Hop.SOURCE, held, _nothing(wanted), "4f1c", gross=wanted),
            HopTotal(Hop.READ_BACK, held - 7, off, "92ab", gross=lost),
        ), differences=3, explained=counts.rejected, found=found,
    )  # fmt: skip


def unread(counts: Counts) -> Tie:
    """Invoices whose totals nobody could read back."""
    amounts = {"EUR": Decimal("9120448.02")}
    return Tie(
        Verdict.UNVERIFIED, "the model has no view ACT12 Invoice Totals, so nothing could be read back",
        ("Company Code", "Currency"), (
            HopTotal(Hop.READ, counts.read, amounts), HopTotal(Hop.STAGED, counts.read, amounts),
            HopTotal(Hop.UPLOADED, counts.sent, amounts), HopTotal(Hop.IMPORTED, counts.loaded),
            HopTotal(Hop.SOURCE, counts.read, amounts),
        ),
    )  # fmt: skip


def _gross(hop: Hop, records: int, gross: Mapping[str, Decimal], note: str = "") -> HopTotal:
    """A hop of a ledger: its debits and credits are nothing together."""
    return HopTotal(hop, records, _nothing(gross), note=note, gross=gross)


def _nothing(gross: Mapping[str, Decimal]) -> dict[str, Decimal]:
    return dict.fromkeys(gross, Decimal("0.00"))


def _scope(
    where: tuple[str, str, str], expected: tuple[int, str], found: tuple[int, str] | None, words: str
) -> Difference:
    company, account, currency = where
    scope = (company, account, "2026", "011", currency)
    return Difference(scope, _CHECKED, _total(expected), found and _total(found), words)


def _total(told: tuple[int, str]) -> Total:
    return Total(told[0], Decimal(told[1]))


def _less(amounts: Mapping[str, Decimal], by: Mapping[str, Decimal]) -> dict[str, Decimal]:
    return {currency: amount - by.get(currency, Decimal(0)) for currency, amount in amounts.items()}
