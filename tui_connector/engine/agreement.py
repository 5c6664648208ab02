"""What an explanation comes to: whether the records of SAP are what Anaplan holds, in words: pure."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from tui_connector.domain.explanation import About, Agreement, Standing
from tui_connector.domain.record import Outcome
from tui_connector.domain.text import clean
from tui_connector.review.amounts import counted, listed, money

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tui_connector.domain.explanation import Explanation, Held, Share
    from tui_connector.domain.tie import Total
    from tui_connector.store.records import Trace

_NOTHING = Decimal(0)
_FEW = 3


def standing_of(content: str, trace: Trace | None) -> tuple[Standing, bool]:
    """How a record of SAP stands by its trail, and whether Anaplan may hold something else of it."""
    if trace is None:
        return Standing.UNREAD, False
    if trace.content == content:
        return Standing.LOADED, False
    if trace.outcome is Outcome.REJECTED:  # a row of the file may have been taken without what was refused of it
        return Standing.REFUSED, trace.content is not None or trace.line is not None
    if trace.content is None or (trace.outcome is Outcome.SENT and trace.last != trace.sent):
        return Standing.IN_DOUBT, True
    return Standing.CHANGED, True


def judge_cell(one: Explanation, *, counts: bool) -> tuple[Agreement, str]:
    """Whether the records that were loaded are what a cell holds. counts: whether the view tells how many they are."""
    held, given, whole = one.cells[0].held, one.total(Standing.LOADED), one.total()
    if held is None and not whole.records:
        return Agreement.NOTHING, "Neither SAP nor Anaplan holds anything in this cell."
    over = _amount(held) - _amount(given)
    more = (held.records or 0 if held else 0) - (given.records or 0) if counts else 0
    currency = _currency(one)

    def told(amount: Decimal) -> str:
        return f"{money(amount, currency)} {currency}".strip()

    def others(*, maybe: bool | None = None) -> str:
        return listed(
            f"{_records(share)} ({told(_amount(share.total))})"
            for share in one.shares
            if share.standing is not Standing.LOADED and maybe in {None, share.maybe}
        )

    what = f"Anaplan holds {told(_amount(held))}" + ("" if held else ", since it has no row for this cell")
    loaded, doubtful = _the(given, "record"), [share.total for share in one.shares if share.maybe]
    left = f" Not among them: {others()}." if whole.records != given.records else ""
    if not over and not more:
        of = "of SAP" if whole.records == given.records else "loaded"
        return Agreement.EXPLAINED if left else Agreement.EQUAL, f"{what}; that is the sum of {loaded} {of}.{left}"
    if doubtful:
        all_of_them = sum(map(_amount, doubtful)), sum(total.records or 0 for total in doubtful) if counts else 0
        if (over, more) == all_of_them:
            words = f"{what}; that is the sum of {loaded} loaded and of {others(maybe=True)}, held all the same."
            rest = others(maybe=False) if len(doubtful) + bool(given.records) < len(one.shares) else ""
            return Agreement.EXPLAINED, words + (f" Not held: {rest}." if rest else "")
        words = f"{what}; {loaded} loaded {_make(given)} {told(_amount(given))}."
        return Agreement.IN_DOUBT, f"{words} The other {told(over)} can be of {others(maybe=True)}."
    amount, count = told(abs(over)), counted(abs(more), "record")
    words = f"{amount} {'too much' if over > 0 else 'missing'}" if over else ""
    words = words or f"{count} {'too many' if more > 0 else 'missing'}"
    words = f"{what}; {loaded} loaded {_make(given)} {told(_amount(given))}: {words} in Anaplan."
    return Agreement.DIFFERENT, words + left


def judge_item(one: Explanation, *, there: bool) -> tuple[Agreement, str]:
    """Whether a member is what SAP holds of it. there: whether the list holds it at all."""
    name, code = clean(one.place, limit=80), clean(one.question.values[0], limit=80)
    if not one.records:
        if there:
            return Agreement.DIFFERENT, f"{name} holds {code}, and SAP has no such record."
        return Agreement.NOTHING, f"Neither SAP nor {name} holds {code}."
    other = [_records(share) for share in one.shares if share.standing is not Standing.LOADED]
    why = f": {listed(other)}" if other else ""
    odd = [text.header for text in one.texts if text.same is False]
    words = f"{code} is in {name} as in SAP{why}."
    if not there:
        words = f"{name} does not hold {code}, and SAP does{why}."
    elif odd:
        words = f"{code} is in {name} with another {listed(map(clean, odd))} than in SAP{why}."
    agrees = Agreement.EQUAL if there and not odd else Agreement.DIFFERENT
    return Agreement.EXPLAINED if other else agrees, words


def judge_document(one: Explanation) -> tuple[Agreement, str]:
    """How the records of a document stand, or one record."""
    what = clean(("/" if one.question.about is About.DOCUMENT else " ").join(one.question.values), limit=80)
    if not one.records:
        return Agreement.NOTHING, f"SAP holds no record of {what} that {one.question.flow} reads."
    cells = f", in {counted(len(one.cells), 'cell')} of {clean(one.place, limit=80)}" if one.cells else ""
    count = f"{counted(one.records, 'record')} of {what}"
    if all(share.standing is Standing.LOADED for share in one.shares):
        return Agreement.EQUAL, f"{count}, loaded as SAP holds {_them(one.records)}{cells}."
    return Agreement.EXPLAINED, f"{count}{cells}: {listed(map(_records, one.shares))}."


def judge_module(one: Explanation) -> Explanation:
    """The same with what the module's own rows say to it, row by row."""
    name, cell = clean(one.module, limit=80), one.question.about is About.CELL
    looked = [(source, source.held) for source in one.sources if source.held]
    lost = [source for source, held in looked if source.standing is Standing.LOADED and not held.there]
    odd = [(source, held) for source, held in looked if held.there and held.odd]
    wrong = bool(lost) or any(source.standing is Standing.LOADED for source, _ in odd)
    told = [f"has no row for {_some(source.key for source in lost)}"] if lost else []
    told += [f"holds {_some(f'{clean(source.key)} with {_odd(held)}' for source, held in odd)}"] if odd else []
    if one.beyond:
        besides = _some(f"{clean(source.key)} ({money(source.amount, _currency(one))})" for source in one.beyond)
        told.append(f"counts {besides} there, and SAP does not")
    words = [one.words, *([f"{name} {'; it '.join(told)}."] if told else [])]
    if cell:
        return _judge_rows_of_cell(one, words, wrong=wrong or bool(one.beyond))
    if not (lost or odd) and looked and all(held.there for _, held in looked):
        untold = dict.fromkeys(cell.header for _, held in looked for cell in held.cells if cell.same is None)
        but = f"; its {listed(map(clean, untold))} cannot be compared" if untold else ""
        words.append(f"{name} holds {_them(len(looked))} as SAP does{_sum_of(one)}{but}.")
    return replace(one, agreement=Agreement.DIFFERENT if wrong else one.agreement, words=" ".join(words))


def _judge_rows_of_cell(one: Explanation, words: list[str], *, wrong: bool) -> Explanation:
    """Where every row that the module counts in a cell is known now, there is no doubt left."""
    held, rows = _amount(one.cells[0].held), _amount(one.counted)
    if rows != held:
        currency = _currency(one)
        words.append(
            f"Its rows make {money(rows, currency)} {currency}".rstrip() + ", so the view sums them otherwise."
        )
    elif one.agreement is Agreement.IN_DOUBT and not (wrong or one.rest.records):
        return replace(one, agreement=Agreement.EXPLAINED, words=" ".join(words))
    return replace(one, words=" ".join(words))


def _odd(held: Held) -> str:
    return listed(
        f"{clean(cell.header)} {clean(cell.anaplan) or 'blank'} (in SAP {clean(cell.sap) or 'blank'})"
        for cell in held.odd
    )


def _some(told: Iterable[str]) -> str:
    """The first of them in words, and how many more there are."""
    every = list(told)
    more = [f"{counted(len(every) - _FEW, 'other')}"] if len(every) > _FEW else []
    return listed([*map(clean, every[:_FEW]), *more])


def _sum_of(one: Explanation) -> str:
    """What the rows make, where they are of one currency."""
    scopes, amounts = {source.scope for source in one.sources}, [source.amount for source in one.sources]
    if one.rest.records or None in amounts or len(scopes) != 1 or not one.currency:
        return ""
    currency = clean(next(iter(scopes))[one.parts.index(one.currency)])
    return f": {money(sum((amount or _NOTHING for amount in amounts), _NOTHING), currency)} {currency}".rstrip()


def _currency(one: Explanation) -> str:
    scope = one.cells[0].scope
    return clean(scope[one.parts.index(one.currency)]) if one.currency in one.parts else ""


def _amount(total: Total | None) -> Decimal:
    return _NOTHING if total is None or total.amount is None else total.amount


def _the(total: Total, thing: str) -> str:
    count = total.records or 0
    return f"no {thing}" if not count else f"the one {thing}" if count == 1 else f"the {counted(count, thing)}"


def _make(total: Total) -> str:
    return "makes" if total.records == 1 else "make"


def _them(count: int) -> str:
    return "it" if count == 1 else "them"


def _records(share: Share) -> str:
    return f"{counted(share.total.records or 0, 'record')} {share.standing}"
