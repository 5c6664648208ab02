"""The tie-out of a load: SAP is asked again for control figures, Anaplan for what it holds, and both are compared."""

from __future__ import annotations

from contextlib import aclosing
from datetime import datetime
from itertools import compress
from typing import TYPE_CHECKING, Any

from tui_connector.anaplan import discovery
from tui_connector.anaplan.codes import members_of
from tui_connector.domain.errors import ConnectorError, LeaseLostError, StoreLostError
from tui_connector.domain.text import clean
from tui_connector.domain.tie import Difference, Hop, HopTotal, Scope, Tie, Total, Verdict
from tui_connector.engine.figures import open_rejects, read_pages, refused_sums, source_figures
from tui_connector.engine.layout import lay_out
from tui_connector.engine.own_hops import own_hops
from tui_connector.engine.scopes import (
    ONE,
    ZERO,
    Sums,
    absent,
    add,
    agree,
    by_currency,
    differ,
    difference,
    hop_codes,
    hop_total,
    money,
    stands_otherwise,
)
from tui_connector.engine.stage import Stager
from tui_connector.engine.totals import run_totals
from tui_connector.review.amounts import counted
from tui_connector.sap.reader import ChangeWindow
from tui_connector.store.ties import MOST

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from tui_connector.anaplan.codes import Members
    from tui_connector.domain.flow import LoadFlow, Totals
    from tui_connector.domain.record import Reject
    from tui_connector.domain.run import Counts
    from tui_connector.engine.context import RunContext
    from tui_connector.engine.own_hops import OwnHops

STEP = "tie"
_PAGE = 1000


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
        own = self._own_hops()
        hops, broken = own.hops, own.broken
        try:
            tie = await self._compare(own)
        except (LeaseLostError, StoreLostError):
            raise
        except ConnectorError as error:
            tie = self._unverified(hops, broken, f"Nothing could be read back: {error.message} {error.hint}")
        checkpoints.done(STEP, verdict=tie.verdict.value, differences=tie.differences, words=tie.words)
        return tie

    def _own_hops(self) -> OwnHops:
        kept = self._store.records.count(self._run.id)
        return own_hops(
            self._flow, self._counts, self._moved, self._store.sheets,
            kept=kept, accounted=self._accounted, rejects=self._own_rejects(),
        )  # fmt: skip

    async def _compare(self, own: OwnHops) -> Tie:
        flow = self._flow
        if flow.totals is not None:
            return await self._module(flow.totals, own)
        if flow.target_list:
            return await self._list(own)
        words = f"Nothing is read back: [flows.{flow.name}] names neither totals nor a target_list."
        return self._unverified(own.hops, own.broken, words)

    def _unverified(self, hops: list[HopTotal], broken: list[Difference], words: str) -> Tie:
        if broken:
            return Tie(Verdict.NOT_TIED, broken[0].words, (), tuple(hops), len(broken), found=tuple(broken))
        return Tie(Verdict.UNVERIFIED, clean(words, limit=400), (), tuple(hops))

    # --- a list -------------------------------------------------------------------------------------------------

    async def _list(self, own: OwnHops) -> Tie:
        flow, name, broken = self._flow, self._flow.target_list, own.broken
        ours = {code async for (code,), _ in source_figures(self._context, (0,), None)}
        # Texts are told by Anaplan as they came; how it writes a date or a number is its own.
        texts = [at for at, column in enumerate(flow.columns) if at and column.type is str]
        found = await discovery.find_list(self._context.anaplan, name)
        headers = [flow.columns[at].header for at in texts]
        details = await discovery.list_details(self._context.anaplan, found.id)
        members = await members_of(self._context.anaplan, details, headers)
        theirs = members.by_code
        refused = self._refused_codes()
        missing = sorted(code for code in ours if code not in theirs and code not in refused)
        other = [one for one in [one async for one in self._otherwise(texts, members)] if one[0] not in refused]
        moving = {code for (code,) in await self._moved_on((0,))} if missing or other else set[str]()
        differences = [
            *broken,
            *(stands_otherwise(code, "two members bear it") for code in sorted(members.twice)),
            *(absent(code, unread=self._unread(own, code)) for code in missing if code not in moving),
            *(stands_otherwise(code, words) for code, words in other if code not in moving),
        ]
        strangers, explained = sum(code not in ours for code in theirs), len((ours - theirs.keys()) & refused)
        hops = [
            *own.hops,
            hop_codes(Hop.SOURCE, {(code,): ONE for code in ours}),
            hop_codes(
                Hop.READ_BACK, {(code,): ONE for code in theirs},
                f"{strangers:,} of them are not in SAP" if strangers else "",
            ),
        ]  # fmt: skip
        left = f"; {explained:,} were refused" if explained else ""
        words = f"All {counted(len(ours) - explained, 'code')} of SAP are in {name}{left}."
        if differences:
            first = differences[0]
            count = len(differences) - len(broken)
            words = (
                first.words
                if broken
                else f"{count:,} of {counted(len(ours), 'code')} {differ(count)} in {name}: {first.words}."
            )
        return Tie(
            Verdict.NOT_TIED if differences else Verdict.TIED, clean(words, limit=400), ("code",), tuple(hops),
            len(differences), explained, len(moving), tuple(differences),
        )  # fmt: skip

    async def _otherwise(self, texts: list[int], members: Members) -> AsyncIterator[tuple[str, str]]:
        """Codes of what this run read whose texts stand otherwise in Anaplan, and how.

        An import that matches by name makes a second member of a master with another name, without its code.
        """
        flow, moved, theirs = self._flow, self._moved, members.by_code
        names = [header == flow.radar.name for header in (flow.columns[at].header for at in texts)]
        second = {text.strip() for held in members.without_code for text in compress(held, names) if text}
        since = moved.get("since")
        window = None
        if since and moved.get("until"):
            window = ChangeWindow(datetime.fromisoformat(since), datetime.fromisoformat(moved["until"]))
        async with aclosing(read_pages(self._context, flow, window)) as pages:
            async for page in pages:
                for row in page.rows:
                    held = theirs.get(row[0], ())
                    name = next(compress((row[at].strip() for at in texts), names), "")
                    if held and name in second:
                        yield row[0], f"a second member, without a code, is called {clean(name, limit=80)!r}"
                        continue
                    for at, text in zip(texts, held, strict=False):
                        if text is not None and text.strip() != row[at].strip():
                            header = flow.columns[at].header
                            yield row[0], f"{header} is {clean(text, limit=80)!r}, in SAP {clean(row[at], limit=80)!r}"
                            break

    def _refused_codes(self) -> set[str]:
        layout = lay_out(self._flow)
        header = layout.headers[0]
        return {reject.values.get(header) or layout.code(reject.key) or "" for reject in self._rejects()}

    # --- a module -----------------------------------------------------------------------------------------------

    async def _module(self, totals: Totals, own: OwnHops) -> Tie:
        broken = own.broken
        headers = [column.header for column in self._flow.columns]
        parts = tuple(headers.index(name) for name in totals.by)
        ours: Sums = {}
        rejects = list(self._rejects())
        unseen = {one.key for one in rejects}
        async for scope, amount in source_figures(self._context, parts, headers.index(totals.amount), unseen=unseen):
            add(ours, scope, amount)
        if self._flow.source.aggregates:  # a row of SAP's stands for many records, and tells none of their keys
            ours = {scope: self._with_count(own, scope, total) for scope, total in ours.items()}
            unseen.clear()
        theirs = await run_totals(self._context, totals)
        refused = refused_sums(self._context, totals, [one for one in rejects if one.key not in unseen])
        gone = ours.keys() - theirs.keys() - refused.sums.keys() if totals.count else set[Scope]()
        scopes = sorted(ours.keys() | theirs.keys())
        differing = [scope for scope in scopes if scope in gone or not agree(scope, ours, theirs, refused)]
        moving = await self._moved_on(parts) if differing else set()
        open_ = [scope for scope in differing if scope not in moving]
        at = totals.currency_part
        untold = f", {counted(refused.untold, 'refused record')} of unknown amount" if refused.untold else ""
        hops = [
            *own.hops,
            hop_total(Hop.SOURCE, ours, at, f"{counted(len(ours), 'scope')}{untold}"),
            hop_total(Hop.READ_BACK, theirs, at, counted(len(theirs), "scope")),
        ]
        found = [difference(scope, ours, theirs, refused, self._read_of(own, scope)) for scope in open_[:MOST]]
        told = money(by_currency(ours, at))  # a ledger's debits and credits are nothing together
        if broken or open_:
            verdict = Verdict.NOT_TIED
            words = broken[0].words if broken else ""
            if open_:
                words = f"{len(open_):,} of {counted(len(scopes), 'scope')} {differ(len(open_))}, for example"
                words += f" {' '.join(open_[0])}: {found[0].words}"
        else:
            verdict = Verdict.TIED
            left = f", without {counted(refused.records, 'refused record')}" if refused.records else ""
            left += f"; {counted(len(unseen), 'record')} refused before SAP holds no more" if unseen else ""
            words = f"SAP and Anaplan agree in all {counted(len(scopes), 'scope')}{told}{left}."
        return Tie(
            verdict, clean(words, limit=400), totals.by, tuple(hops), len(broken) + len(open_), refused.records,
            len(differing) - len(open_), tuple(broken + found),
        )  # fmt: skip

    def _reads_all(self) -> bool:
        """Whether this run read everything that SAP holds, so that what was lost before it can be told."""
        return self._moved.get("since") is None and "replayed" not in self._moved

    def _with_count(self, own: OwnHops, scope: Scope, total: Total) -> Total:
        """A sum of SAP's, with as many records as this run read when it read all that are in it."""
        read = self._read_of(own, scope)
        return Total(read.records if read is not None and read.amount == total.amount else None, total.amount)

    def _unread(self, own: OwnHops, code: str) -> bool:
        return own.read is not None and self._reads_all() and (code,) not in own.read

    def _read_of(self, own: OwnHops, scope: Scope) -> Total | None:
        """What this run read of a scope; None when it did not read everything."""
        return own.read.get(scope, ZERO) if own.read is not None and self._reads_all() else None

    # --- both ---------------------------------------------------------------------------------------------------

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
        async with aclosing(read_pages(self._context, flow, window)) as pages:
            async for page in pages:
                staged = Stager(layout, file, {}).stage(page, {}).records
                known = self._store.records.known(self._run.target_id, page.keys)
                # A window of whole days holds what this run has read itself.
                known |= self._store.records.went(self._run.id, self._run.target_id, page.keys)
                for record, row in zip(staged, page.rows, strict=False):
                    if known.get(record.key) != record.content and record.key not in refused:
                        found.add(tuple(row[at] for at in parts))
        return found

    def _rejects(self) -> Iterator[Reject]:
        """Every record of this target that was refused and not loaded since; this run's own as well.

        A run that has read everything knows which of them SAP no longer holds: these explain nothing.
        """
        gone = self._store.cases.unread(self._run.id) if self._moved.get("since") is None else ()
        return open_rejects(self._context, self._own_rejects(), gone)

    def _own_rejects(self) -> Iterator[Reject]:
        after = -1
        while page := self._store.records.rejects(self._run.id, _PAGE, after):
            yield from page
            after = page[-1].position
