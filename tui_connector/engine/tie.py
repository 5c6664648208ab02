"""The tie-out of a load: SAP is asked again for control figures, Anaplan for what it holds, and both are compared."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from itertools import repeat
from typing import TYPE_CHECKING, Any

from tui_connector.anaplan import discovery
from tui_connector.anaplan.codes import list_members
from tui_connector.anaplan.reading import read_view
from tui_connector.domain.canonical import canonical, sha256
from tui_connector.domain.errors import ConnectorError, ContractChangedError, LeaseLostError
from tui_connector.domain.text import clean
from tui_connector.domain.tie import Difference, Hop, HopTotal, Scope, Tie, Total, Verdict
from tui_connector.engine.layout import lay_out
from tui_connector.engine.stage import Stager, file_page
from tui_connector.sap.reader import ChangeWindow, ODataReader
from tui_connector.store.ties import MOST

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping

    from tui_connector.domain.flow import LoadFlow, Totals
    from tui_connector.domain.record import Reject
    from tui_connector.domain.run import Counts
    from tui_connector.engine.context import RunContext

STEP = "tie"
_PAGE = 1000
_NOTHING = Decimal(0)
_ZERO = Total(0, _NOTHING)
Sums = dict[Scope, Total]


@dataclass(slots=True)
class Refused:
    """Records that Anaplan does not hold since they were refused, by scope. in_part: some of them may be there."""

    sums: Sums
    in_part: set[Scope]
    records: int = 0
    untold: int = 0


class TieOut:
    """One run's. moved: data of its transfer step. accounted: rows that Anaplan's result tells of; None: no import."""

    def __init__(
        self, context: RunContext[LoadFlow], counts: Counts, moved: Mapping[str, Any], accounted: int | None
    ) -> None:
        self._context = context
        self._flow = context.flow
        self._run = context.run
        self._store = context.store
        self._counts = counts
        self._moved = moved
        self._accounted = accounted

    async def go(self) -> Tie:
        """Compare; a far side that cannot be asked leaves the run unverified, with the reason."""
        checkpoints = self._context.checkpoints
        checkpoints.begin(STEP)
        self._context.progress(STEP)
        hops, broken = self._own_hops()
        try:
            tie = await self._compare(hops, broken)
        except LeaseLostError:
            raise
        except ConnectorError as error:
            tie = self._unverified(hops, broken, f"Nothing could be read back: {error.message} {error.hint}")
        checkpoints.done(STEP, verdict=tie.verdict.value, differences=tie.differences, words=tie.words)
        return tie

    async def _compare(self, hops: list[HopTotal], broken: list[Difference]) -> Tie:
        flow = self._flow
        if flow.totals is not None:
            return await self._module(flow.totals, hops, broken)
        if flow.target_list:
            return await self._list(hops, broken)
        words = f"Nothing is read back: [flows.{flow.name}] names neither totals nor a target_list."
        return self._unverified(hops, broken, words)

    def _unverified(self, hops: list[HopTotal], broken: list[Difference], words: str) -> Tie:
        if broken:
            return Tie(Verdict.NOT_TIED, broken[0].words, (), tuple(hops), len(broken), found=tuple(broken))
        return Tie(Verdict.UNVERIFIED, clean(words, limit=400), (), tuple(hops))

    # --- what this run did itself -------------------------------------------------------------------------------

    def _own_hops(self) -> tuple[list[HopTotal], list[Difference]]:
        """The figures of its own way, and where two of them do not agree."""
        counts, moved = self._counts, self._moved
        amounts = moved.get("amounts")
        told = None if amounts is None else {currency: Decimal(amount) for currency, amount in amounts.items()}
        kept = self._store.records.count(self._run.id)
        hops = [HopTotal(Hop.READ, moved["read"], told), HopTotal(Hop.STAGED, kept)]
        broken = []
        if kept != moved["read"]:
            words = f"{moved['read']:,} records were read, the trail holds {kept:,}."
            broken.append(_hop_difference(Hop.READ, Hop.STAGED, moved["read"], kept, words))
        if counts.sent:
            lines = moved.get("lines", counts.sent)
            hops.append(HopTotal(Hop.UPLOADED, lines))
            if lines != counts.sent:
                words = f"{counts.sent:,} records were to be sent, the file has {lines:,} lines."
                broken.append(_hop_difference(Hop.STAGED, Hop.UPLOADED, counts.sent, lines, words))
        if self._accounted is not None:
            hops.append(HopTotal(Hop.IMPORTED, self._accounted))
            if self._accounted < counts.sent:
                words = f"Anaplan's result accounts for {self._accounted:,} of the {counts.sent:,} lines of the file."
                broken.append(_hop_difference(Hop.UPLOADED, Hop.IMPORTED, counts.sent, self._accounted, words))
        return hops, broken

    # --- a list -------------------------------------------------------------------------------------------------

    async def _list(self, hops: list[HopTotal], broken: list[Difference]) -> Tie:
        flow, name = self._flow, self._flow.target_list
        ours = {code async for (code,), _ in self._source((0,), None)}
        # Texts are told by Anaplan as they came; how it writes a date or a number is its own.
        texts = [at for at, column in enumerate(flow.columns) if at and column.type is str]
        found = await discovery.find_list(self._context.anaplan, name)
        headers = [flow.columns[at].header for at in texts]
        theirs = await list_members(self._context.anaplan, found.id, headers)
        refused = self._refused_codes()
        missing = sorted(code for code in ours if code not in theirs and code not in refused)
        other = [one for one in [one async for one in self._otherwise(texts, theirs)] if one[0] not in refused]
        moving = {code for (code,) in await self._moved_on((0,))} if missing or other else set[str]()
        differences = [
            *broken,
            *(_absent(code) for code in missing if code not in moving),
            *(_other(code, words) for code, words in other if code not in moving),
        ]
        strangers, explained = sum(code not in ours for code in theirs), len((ours - theirs.keys()) & refused)
        hops += [
            HopTotal(Hop.SOURCE, len(ours), digest=_digest((code,) for code in ours)),
            HopTotal(
                Hop.READ_BACK, len(theirs), digest=_digest((code,) for code in theirs),
                note=f"{strangers:,} of them are not in SAP" if strangers else "",
            ),
        ]  # fmt: skip
        left = f"; {explained:,} were refused" if explained else ""
        words = f"All {len(ours) - explained:,} codes of SAP are in {name}{left}."
        if differences:
            first = differences[0]
            count = len(differences) - len(broken)
            words = (
                first.words if broken else f"{count:,} of {len(ours):,} codes of SAP differ in {name}: {first.words}."
            )
        return Tie(
            Verdict.NOT_TIED if differences else Verdict.TIED, clean(words, limit=400), ("code",), tuple(hops),
            len(differences), explained, len(moving), tuple(differences),
        )  # fmt: skip

    async def _otherwise(
        self, texts: list[int], theirs: Mapping[str, tuple[str | None, ...]]
    ) -> AsyncIterator[tuple[str, str]]:
        """Codes of what this run read whose texts stand otherwise in Anaplan, and how."""
        flow, moved = self._flow, self._moved
        since = moved.get("since")
        window = None
        if since and moved.get("until"):
            window = ChangeWindow(datetime.fromisoformat(since), datetime.fromisoformat(moved["until"]))
        layout = lay_out(flow)
        pages = ODataReader(self._context.sap).read(flow.source, layout.fields, window=window, language=flow.language)
        async with aclosing(pages):
            async for page in pages:
                for row in file_page(layout, page).rows:
                    held = theirs.get(row[0], ())
                    for at, text in zip(texts, held, strict=False):
                        if text is not None and text.strip() != row[at].strip():
                            header = flow.columns[at].header
                            yield row[0], f"{header} is {clean(text, limit=80)!r}, in SAP {clean(row[at], limit=80)!r}"
                            break

    def _refused_codes(self) -> set[str]:
        layout = lay_out(self._flow)
        header = layout.headers[0]
        return {
            reject.values.get(header) or layout.code(reject.key) or "" for reject in self._rejects() if reject.values
        } | {layout.code(reject.key) or "" for reject in self._rejects() if not reject.values}

    # --- a module -----------------------------------------------------------------------------------------------

    async def _module(self, totals: Totals, hops: list[HopTotal], broken: list[Difference]) -> Tie:
        headers = [column.header for column in self._flow.columns]
        parts = tuple(headers.index(name) for name in totals.by)
        ours: Sums = {}
        async for scope, amount in self._source(parts, headers.index(totals.amount)):
            _add(ours, scope, amount)
        if self._flow.source.aggregates:  # a row of SAP's stands for many records
            ours = {scope: Total(None, total.amount) for scope, total in ours.items()}
        theirs = await self._view(totals)
        refused = self._refused_sums(totals)
        differing = [scope for scope in sorted(ours.keys() | theirs.keys()) if not _agree(scope, ours, theirs, refused)]
        moving = await self._moved_on(parts) if differing else set()
        open_ = [scope for scope in differing if scope not in moving]
        at = totals.by.index(totals.currency) if totals.currency in totals.by else None
        hops += [_hop_total(Hop.SOURCE, ours, at), _hop_total(Hop.READ_BACK, theirs, at)]
        found = [_difference(scope, ours, theirs, refused) for scope in open_[:MOST]]
        scopes = len(ours.keys() | theirs.keys())
        told = _money(_by_currency(ours, at))  # a ledger's debits and credits are nothing together
        if broken or open_:
            verdict = Verdict.NOT_TIED
            words = broken[0].words if not open_ else (
                f"{len(open_):,} of {scopes:,} scopes {'differs' if len(open_) == 1 else 'differ'},"
                f" for example {' '.join(open_[0])}: {found[0].words}"
            )  # fmt: skip
        else:
            verdict = Verdict.TIED
            left = f", without {refused.records:,} refused records" if refused.records else ""
            words = f"SAP and Anaplan agree in all {scopes:,} scopes{told}{left}."
        return Tie(
            verdict, clean(words, limit=400), totals.by, tuple(hops), len(broken) + len(open_), refused.records,
            len(differing) - len(open_), tuple(broken + found),
        )  # fmt: skip

    async def _view(self, totals: Totals) -> Sums:
        wanted = [*totals.by, totals.amount, *([totals.count] if totals.count else [])]
        sums: Sums = {}
        picks: list[int] = []
        async with aclosing(read_view(self._context.anaplan, totals.view)) as rows:
            async for row in rows:
                if not picks:
                    picks = _columns(row, wanted, totals.view)
                    continue
                values = [row[at] if at < len(row) else "" for at in picks]
                scope = tuple(values[: len(totals.by)])
                amount = _number(values[len(totals.by)], totals.view)
                count = int(_number(values[-1], totals.view)) if totals.count else None
                if amount or count:
                    before = sums.get(scope)
                    sums[scope] = Total(count, amount) if before is None else _plus(before, Total(count, amount))
        return sums

    def _refused_sums(self, totals: Totals) -> Refused:
        made = Refused({}, set())
        for reject in self._rejects():
            made.records += 1
            scope = tuple(reject.values.get(name, "") for name in totals.by)
            try:
                amount = Decimal(reject.values[totals.amount] or 0)
            except (KeyError, InvalidOperation):
                made.untold += 1  # its values were erased, or SAP's amount could not be read
                continue
            _add(made.sums, scope, amount)
            if reject.file_line is not None:
                made.in_part.add(scope)
        return made

    # --- both ---------------------------------------------------------------------------------------------------

    async def _source(self, parts: tuple[int, ...], amount: int | None) -> AsyncIterator[tuple[Scope, Decimal]]:
        """SAP's own figures, everything there is: a scope and its amount, row by row."""
        flow = self._flow
        columns = [flow.columns[at] for at in (*parts, *(() if amount is None else (amount,)))]
        source = replace(flow.source, changed_on=None)
        if source.aggregates:
            source = replace(source, key=tuple(flow.path(column) for column in columns[: len(parts)]), also=())
        layout = lay_out(replace(flow, columns=tuple(columns), source=source))
        pages = ODataReader(self._context.sap).read(source, layout.fields, language=flow.language)
        async with aclosing(pages):
            async for page in pages:
                laid = file_page(layout, page).rows.columns
                if laid:
                    amounts = map(Decimal, laid[-1]) if amount is not None else repeat(_NOTHING)
                    for found in zip(zip(*laid[: len(parts)], strict=True), amounts, strict=False):
                        yield found

    async def _moved_on(self, parts: tuple[int, ...]) -> set[Scope]:
        """Scopes of records that SAP has changed since this run read them: they are left to the next one."""
        flow, until = self._flow, self._moved.get("until")
        if not until or flow.source.changed_on is None:
            return set()
        window = ChangeWindow(datetime.fromisoformat(until), await self._context.sap.server_time(flow.source))
        layout = lay_out(flow)
        file = await discovery.find_file(self._context.anaplan, flow.file)
        refused = {reject.key for reject in self._rejects()}
        found: set[Scope] = set()
        pages = ODataReader(self._context.sap).read(flow.source, layout.fields, window=window, language=flow.language)
        async with aclosing(pages):
            async for page in pages:
                laid = file_page(layout, page)
                staged = Stager(layout, file, {}).stage(laid, {}).records
                known = self._store.records.known(self._run.target_id, laid.keys)
                for record, row in zip(staged, laid.rows, strict=False):
                    if known.get(record.key) != record.content and record.key not in refused:
                        found.add(tuple(row[at] for at in parts))
        return found

    def _rejects(self) -> Iterator[Reject]:
        """Every record of this target that was refused and not loaded since; this run's own as well."""
        cases, target = self._store.cases, self._run.target_id
        own = {reject.key: reject for reject in self._own_rejects()}
        places = [place for waived in (False, True) for place in cases.places(target, waived=waived)]
        for start in range(0, len(places), _PAGE):
            for refusal in cases.refusals(places[start : start + _PAGE]):
                if refusal.key not in own:
                    yield refusal.reject
        yield from own.values()

    def _own_rejects(self) -> Iterator[Reject]:
        after = -1
        while page := self._store.records.rejects(self._run.id, _PAGE, after):
            yield from page
            after = page[-1].position


def _absent(code: str) -> Difference:
    return Difference((code,), (Hop.SOURCE, Hop.READ_BACK), Total(1), None, f"{clean(code, limit=80)} is not there")


def _other(code: str, words: str) -> Difference:
    return Difference((code,), (Hop.SOURCE, Hop.READ_BACK), Total(1), Total(1), f"{clean(code, limit=80)}: {words}")


def _hop_difference(one: Hop, other: Hop, expected: int, found: int, words: str) -> Difference:
    return Difference((), (one, other), Total(expected), Total(found), words)


def _add(sums: Sums, scope: Scope, amount: Decimal) -> None:
    before = sums.get(scope, _ZERO)
    sums[scope] = Total((before.records or 0) + 1, (before.amount or _NOTHING) + amount)


def _plus(one: Total, other: Total) -> Total:
    records = None if one.records is None or other.records is None else one.records + other.records
    return Total(records, (one.amount or _NOTHING) + (other.amount or _NOTHING))


def _agree(scope: Scope, ours: Sums, theirs: Sums, refused: Refused) -> bool:
    expected, found = ours.get(scope, _ZERO), theirs.get(scope, _ZERO)
    missing = refused.sums.get(scope, _ZERO)
    short = (expected.amount or _NOTHING) - (found.amount or _NOTHING)
    fewer = None if expected.records is None or found.records is None else expected.records - found.records
    exact = short == missing.amount and fewer in (None, missing.records)
    # A record that Anaplan loaded in part may stand there with its amount or without it.
    return exact or (scope in refused.in_part and _between(short, missing.amount))


def _between(short: Decimal, missing: Decimal | None) -> bool:
    low, high = sorted((_NOTHING, missing or _NOTHING))
    return low <= short <= high


def _difference(scope: Scope, ours: Sums, theirs: Sums, refused: Refused) -> Difference:
    expected, found, missing = ours.get(scope), theirs.get(scope), refused.sums.get(scope)
    if expected is None:
        words = "Anaplan holds what SAP does not"
    elif found is None:
        words = "SAP holds what Anaplan does not"
    else:
        short = (expected.amount or _NOTHING) - (found.amount or _NOTHING)
        words = f"{format(abs(short), 'f')} {'missing' if short > 0 else 'too much'} in Anaplan"
        if not short and expected.records is not None and found.records is not None:
            words = f"{found.records:,} records in Anaplan, {expected.records:,} in SAP"
    if missing is not None:
        words += f"; {missing.records:,} refused records explain {format(missing.amount or _NOTHING, 'f')}"
    return Difference(scope, (Hop.SOURCE, Hop.READ_BACK), expected, found, words)


def _hop_total(hop: Hop, sums: Sums, at: int | None) -> HopTotal:
    counts = [total.records for total in sums.values()]
    records = None if None in counts else sum(one or 0 for one in counts)
    rows = ((*scope, format(total.amount or _NOTHING, "f")) for scope, total in sums.items())
    return HopTotal(hop, records, _by_currency(sums, at), _digest(rows), f"{len(sums):,} scopes")


def _by_currency(sums: Sums, at: int | None) -> dict[str, Decimal]:
    made: dict[str, Decimal] = {}
    for scope, total in sums.items():
        currency = "" if at is None else scope[at]
        made[currency] = made.get(currency, _NOTHING) + (total.amount or _NOTHING)
    return made


def _money(amounts: Mapping[str, Decimal]) -> str:
    told = ", ".join(f"{amount:,f} {currency}".rstrip() for currency, amount in sorted(amounts.items()) if amount)
    return f": {told}" if told else ""


def _digest(rows: Iterable[tuple[str, ...]]) -> str:
    return sha256(canonical(sorted(map(list, rows))))


def _columns(header: list[str], wanted: list[str], view: str) -> list[int]:
    missing = [name for name in wanted if name not in header]
    if missing:
        raise ContractChangedError(
            f"The view {clean(view, limit=80)} has no column {', '.join(map(repr, missing))}; it has"
            f" {clean(', '.join(header), limit=200)}.",
            hint="Correct the flow's totals, or let the model builder add the column.",
        )
    return [header.index(name) for name in wanted]


def _number(text: str, view: str) -> Decimal:
    try:
        return Decimal(text.strip() or 0)
    except InvalidOperation as error:
        raise ContractChangedError(
            f"The view {clean(view, limit=80)} holds {clean(text, limit=40)!r} where a number should be.",
            hint="Let it be read without grouping marks and with a decimal point.",
        ) from error
