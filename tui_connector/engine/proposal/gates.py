"""The checks before anything is signed or sent: verdicts, words for a controller, and the lines concerned."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING

from tui_connector.domain.flow import PLAN_INTO_ACTUALS, Channel, Holds, LedgerKind
from tui_connector.domain.ledger import MAX_ITEMS, FiscalPeriod, MasterFacts, PeriodStatus, decimals_of
from tui_connector.domain.proposal import GATES, SHOWN_LINES, Gate, LineKind, Verdict
from tui_connector.engine.proposal.amounts import EXACT, rounded, shown
from tui_connector.engine.proposal.masters import Masters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date

    from tui_connector.domain.flow import WritebackFlow
    from tui_connector.domain.ledger import ClosePeriod
    from tui_connector.domain.proposal import ProposedDocument, ProposedLine

_SHOWN = 3  # findings told in words
_CLOCKS = timedelta(minutes=5)  # that two clocks may differ
_CALENDAR_YEAR = "K4"  # SAP's fiscal year variant of twelve calendar months
_ZERO = Decimal(0)
_PASSED = {
    "balanced": "every document balances",
    "period open": "every posting period is open",
    "masters valid": "accounts and centers exist, are not blocked, and are valid on the posting date",
    "decimals": "no amount has more decimals than its currency",
    "not posted before": "no earlier document of these keys is still open",
}


@dataclass(frozen=True, slots=True)
class GateFacts:
    """What the gates are judged by.

    unset: what a period without an entry in the calendar counts as. uncertain: keys whose earlier document is still
    open, with its name. control: what `parse.control_gate` found. reversal: a proposal that undoes another one.
    """

    masters: MasterFacts
    calendar: Mapping[tuple[str, FiscalPeriod], ClosePeriod]
    uncertain: Mapping[str, str]
    control: Gate
    exported_at: datetime | None
    now: datetime
    unset: PeriodStatus = PeriodStatus.CLOSED
    reversal: bool = False


@dataclass(slots=True)
class _Findings:
    """What one gate found. by: words -> lines concerned, the first ones; counts: how many there are."""

    verdict: Verdict = Verdict.PASS
    by: dict[str, int] = field(default_factory=dict)
    lines: list[int] = field(default_factory=list)
    count: int = 0

    def add(self, verdict: Verdict, words: Iterable[str], lines: Sequence[int]) -> None:
        """Note findings that concern all of these lines."""
        for one in words:
            self.by[one] = self.by.get(one, 0) + len(lines)
            self.verdict = Verdict.FAIL if Verdict.FAIL in (verdict, self.verdict) else verdict
        self.lines += lines[: SHOWN_LINES - len(self.lines)]
        self.count += len(lines)

    def gate(self, name: str, passed: str) -> Gate:
        if self.verdict is Verdict.PASS:
            return Gate(name, Verdict.PASS, passed)
        told = [words.format(lines=_lines(count)) for words, count in self.by.items()]
        more = f"; and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
        return Gate(name, self.verdict, "; ".join(told[:_SHOWN]) + more, tuple(sorted(self.lines)), self.count)


def judge(
    flow: WritebackFlow, documents: Sequence[ProposedDocument], lines: Iterable[ProposedLine], facts: GateFacts
) -> tuple[Gate, ...]:
    """Every gate in the order of `GATES`. lines: at least those of the documents; the unchanged are not looked at.

    For one document before it is sent, its own lines will do; the threshold is then that of the document alone.
    """
    with localcontext(EXACT):
        gates = _Lines(flow, documents, lines, facts).gates()
        gates["threshold"] = _threshold(flow, documents)
        gates["export fresh"] = _fresh(flow, facts)
        gates["control total"] = (
            Gate("control total", Verdict.PASS, "a reversal has no export") if facts.reversal else facts.control
        )
        gates["ledger allowed"] = _ledger(flow, documents)
        return tuple(gates[name] for name in GATES)


class _Lines:
    """The gates that look at lines, which pass by once."""

    def __init__(
        self,
        flow: WritebackFlow,
        documents: Sequence[ProposedDocument],
        lines: Iterable[ProposedLine],
        facts: GateFacts,
    ) -> None:
        self._flow = flow
        self._documents = documents
        self._facts = facts
        self._masters = Masters(facts.masters)
        self._found: defaultdict[str, _Findings] = defaultdict(_Findings)
        self._debit: defaultdict[int, Decimal] = defaultdict(Decimal)
        self._credit: defaultdict[int, Decimal] = defaultdict(Decimal)
        self._items: defaultdict[int, list[int]] = defaultdict(list)
        self._scopes: dict[tuple[str, FiscalPeriod], int] = {}
        numbers = {document.number for document in documents}
        for line in lines:
            if line.document is not None and line.document in numbers:
                self._look_at(line, line.document)

    def gates(self) -> dict[str, Gate]:
        for document in self._documents:
            lines = self._items[document.number]
            if self._flow.channel is Channel.PLAN_DATA:
                self._found["balanced"].add(Verdict.FAIL, *self._overwritten(document, lines))
            else:
                self._found["balanced"].add(Verdict.FAIL, *self._unbalanced(document, lines))
            verdict, words = self._period(document.company_code, document.posting_date)
            if words:
                self._found["period open"].add(verdict, [words], lines)
        return {name: self._found[name].gate(name, passed) for name, passed in _PASSED.items()}

    def _look_at(self, line: ProposedLine, document: int) -> None:
        (self._credit if line.amount < 0 else self._debit)[document] += line.amount
        self._items[document].append(line.number)
        faults = self._masters.faults(line)
        if faults:
            self._found["masters valid"].add(Verdict.FAIL, faults, [line.number])
        if rounded(line.amount, line.currency) != line.amount:
            words = f"{{lines}} with more decimals than {line.currency} has ({decimals_of(line.currency)})"
            self._found["decimals"].add(Verdict.FAIL, [words], [line.number])
        if line.kind is LineKind.PLAN and line.key in self._facts.uncertain:
            words = f"{{lines}} with a key whose document {_literal(self._facts.uncertain[line.key])} is still open"
            self._found["not posted before"].add(Verdict.FAIL, [words], [line.number])

    def _unbalanced(self, document: ProposedDocument, lines: list[int]) -> tuple[list[str], list[int]]:
        debit, credit = self._debit[document.number], -self._credit[document.number]
        name = f"document {document.number} ({document.company_code}, {document.posting_date})"
        words = []
        if debit != credit:
            off = shown(debit - credit, document.currency, sign="+")
            words.append(
                f"{name} does not balance: debit {shown(debit, document.currency)}, "
                f"credit {shown(credit, document.currency)}, difference {off}"
            )
        if not 2 <= len(lines) <= MAX_ITEMS:
            words.append(f"{name} has {_lines(len(lines))}, SAP takes 2 to {MAX_ITEMS}")
        if (debit, credit, len(lines)) != (document.debit, document.credit, document.items):
            words.append(f"{name} does not have the totals or lines that its header tells")
        return [_literal(one) for one in words], lines if words else []

    def _overwritten(self, document: ProposedDocument, lines: list[int]) -> tuple[list[str], list[int]]:
        """Plan values need not balance, but one document must not replace what another one has just written."""
        scope = (document.company_code, self._fiscal_period(document.company_code, document.posting_date))
        other = self._scopes.setdefault(scope, document.number)
        if other == document.number:
            return [], []
        return [_literal(f"documents {other} and {document.number} hold plan values of {' in '.join(map(str, scope))}, "
                         "and the later one would replace the first")], lines  # fmt: skip

    def _fiscal_period(self, company_code: str, day: date) -> FiscalPeriod:
        return FiscalPeriod.of(day, self._flow.first_month.get(company_code, 1))

    def _period(self, company_code: str, day: date) -> tuple[Verdict, str]:
        """A verdict and its words; no words when the period is open."""
        month = self._flow.first_month.get(company_code)
        company = self._facts.masters.companies.get(company_code)
        if month is None and company and company.fiscal_year_variant != _CALENDAR_YEAR:
            return Verdict.FAIL, _literal(
                f"company code {company_code} has the fiscal year variant {company.fiscal_year_variant}, "
                "and the flow's first_month does not tell when its year begins"
            )
        period = self._fiscal_period(company_code, day)
        entry = self._facts.calendar.get((company_code, period))
        status = entry.status if entry else self._facts.unset
        if status is PeriodStatus.OPEN:
            return Verdict.PASS, ""
        name = f"period {period} of company code {company_code}"
        if entry is None:
            why = "has no entry in the close calendar, which counts as " + status
        else:
            why = f"is {'closed softly' if status is PeriodStatus.SOFT else 'closed'}, says {entry.by}: {entry.reason}"
        needs = "; a second approver must sign" if status is PeriodStatus.SOFT else ""
        return Verdict.ASK if status is PeriodStatus.SOFT else Verdict.FAIL, _literal(f"{name} {why}{needs}")


def _threshold(flow: WritebackFlow, documents: Iterable[ProposedDocument]) -> Gate:
    """By the greater of all debits and all credits; a net amount would hide the risk."""
    debits: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    credits: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)  # noqa: A001 - the ledger's word
    for document in documents:
        debits[document.company_code, document.currency] += document.debit
        credits[document.company_code, document.currency] += document.credit
    verdict, words = Verdict.PASS, []
    for company_code, currency in sorted(debits):
        gross = max(debits[company_code, currency], credits[company_code, currency])
        name = f"{company_code}: {shown(gross, currency)} gross"
        held = flow.held_at(company_code, currency)
        two = flow.two_at(company_code, currency)
        if held is not None and gross >= held:
            verdict = Verdict.FAIL
            words.append(f"{name}, held from {shown(held, currency)}")
        elif two is None or gross >= two:
            verdict = Verdict.ASK if verdict is Verdict.PASS else verdict
            since = "as no limit is set" if two is None else f"from {shown(two, currency)}"
            words.append(f"{name}, two must sign {since}")
        else:
            words.append(f"{name}, below {shown(two, currency)}")
    return Gate("threshold", verdict, "; ".join(words) or "nothing is posted")


def _fresh(flow: WritebackFlow, facts: GateFacts) -> Gate:
    name = "export fresh"
    if facts.reversal:
        return Gate(name, Verdict.PASS, "a reversal has no export")
    if facts.exported_at is None:
        return Gate(name, Verdict.FAIL, "nobody knows when the plan was exported")
    age = facts.now - facts.exported_at
    if age < -_CLOCKS:
        return Gate(name, Verdict.FAIL, f"the plan was exported at {facts.exported_at.isoformat()}, which is to come")
    minutes = max(0, int(age.total_seconds() // 60))
    words = f"the export is {minutes:,} min old, {flow.fresh_minutes:,g} min are allowed"
    return Gate(name, Verdict.PASS if age < timedelta(minutes=flow.fresh_minutes) else Verdict.FAIL, words)


def _ledger(flow: WritebackFlow, documents: Iterable[ProposedDocument]) -> Gate:
    words = list(_not_allowed(flow))
    strange = sorted({document.company_code for document in documents} - set(flow.company_codes))
    if strange:
        words.append(f"the flow may not post to company code {', '.join(strange)}")
    if words:
        return Gate("ledger allowed", Verdict.FAIL, "; ".join(words))
    return Gate("ledger allowed", Verdict.PASS, f"ledger {flow.ledger}: {flow.ledger_words}")


def _not_allowed(flow: WritebackFlow) -> Iterator[str]:
    actuals = flow.ledger_kind is LedgerKind.ACTUALS
    if flow.channel is Channel.SOAP and not actuals:
        yield f"the SOAP service posts into ACTUALS alone, not into {flow.ledger_words}"
    if (flow.channel is Channel.PLAN_DATA) != (flow.ledger_kind is LedgerKind.PLAN):
        yield f"{flow.ledger_words} does not go through channel {flow.channel}: plan data alone reach a plan category"
    if flow.ledger_kind is LedgerKind.PLAN and not flow.category:
        yield "no plan category is named"
    if flow.holds is Holds.PLAN and actuals and flow.plan_into_actuals != PLAN_INTO_ACTUALS:
        yield f'the export holds plan values and the target is ACTUALS, but the flow does not say "{PLAN_INTO_ACTUALS}"'


def _lines(count: int) -> str:
    return f"{count:,} line" if count == 1 else f"{count:,} lines"


def _literal(words: str) -> str:
    """Words that hold no place for the count of lines."""
    return words.replace("{", "{{").replace("}", "}}")
