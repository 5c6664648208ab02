"""A LoadFlow, step by step, from prepare to settle; each can be taken up where a dead worker left it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from tui_connector.anaplan.tasks import ActionKind, ActionRef
from tui_connector.domain.mapping import Mapping, mapping_digest
from tui_connector.domain.run import Counts, Purpose, RunState, StepState, Watermark
from tui_connector.domain.tie import Verdict
from tui_connector.engine.importing import FileImport
from tui_connector.engine.layout import lay_out
from tui_connector.engine.pages import KeptPages, SapPages
from tui_connector.engine.prepare import prepare
from tui_connector.engine.survey import STEP, survey
from tui_connector.engine.tie import TieOut
from tui_connector.engine.transfer import Transfer

if TYPE_CHECKING:
    from tui_connector.domain.flow import LoadFlow
    from tui_connector.domain.tie import Tie
    from tui_connector.engine.context import RunContext


class LoadRun:
    """One run of one LoadFlow: what changed in SAP, or in a replay refused records that a person chose."""

    def __init__(self, context: RunContext[LoadFlow]) -> None:
        self._context = context
        self._checkpoints = context.checkpoints
        self._run = context.run
        self._store = context.store

    async def go(self) -> None:
        """Carry the run to its end; raises ConnectorError when it cannot."""
        transferred = self._checkpoints.last("transfer")
        if transferred is None or transferred.state is not StepState.DONE:
            await self._transfer()
            transferred = self._checkpoints.last("transfer")
        assert transferred is not None  # noqa: S101 - written by _transfer
        data = transferred.data
        counts = Counts(data["read"], data["unchanged"], data["sent"], 0, 0, data["rejected"])
        accounted: int | None = None
        if counts.sent and not self._run.dry_run:
            action = ActionRef(ActionKind(data["action_kind"]), data["action_id"], data["action_name"])
            done = await FileImport(self._context, action, counts.sent).go()
            accounted = done.accounted
            refused = done.refused + done.ignored_rows
            counts = replace(
                counts, loaded=counts.sent - refused, ignored=done.ignored, rejected=counts.rejected + refused
            )
        tie = None
        if not self._run.dry_run and self._run.purpose is not Purpose.REPLAY:  # a replay asks nothing of SAP
            tie = await TieOut(self._context, counts, data, accounted).go()
        self._settle(counts, data["until"], tie, read_all=data["since"] is None)

    async def _transfer(self) -> None:
        layout = lay_out(self._context.flow)
        self._checkpoints.begin("prepare", **Mapping.of(self._context.flow).kept())
        self._context.progress("prepare")
        destination = await prepare(self._context, layout)
        self._checkpoints.done(
            "prepare",
            model=destination.model_name,
            file=destination.file.id,
            action=destination.action.name,
            codes={name: len(codes) for name, codes in destination.codes.items()},
        )
        await survey(self._context, layout, destination)
        replay = self._run.purpose is Purpose.REPLAY
        pages = KeptPages(self._context, layout, destination) if replay else SapPages(self._context, layout)
        await Transfer(self._context, layout, destination, pages).go()

    def _settle(self, counts: Counts, until: str | None, tie: Tie | None, *, read_all: bool) -> None:
        """Move the watermark and end the run in one transaction: both or neither.

        A replay moves none; nor does a run that is not tied, so that what is missing is read again. A tied run that
        read everything ends the cases of records that SAP no longer holds.
        """
        run, fence = self._run, self._context.fence
        with self._store.transaction() as tx:
            untied = tie is not None and tie.verdict is Verdict.NOT_TIED
            if run.purpose is Purpose.FLOW and not run.dry_run and not untied and not self._leaves_a_gap():
                value = datetime.fromisoformat(until) if until else None
                mapping = mapping_digest(self._context.flow)
                moved = Watermark(run.target_id, value, mapping, run.id, self._context.clock.now())
                self._store.watermarks.move(tx, moved, fence)
                self._checkpoints.fact(tx, "watermark.moved", run.flow, value=until)
            reason = f"dry run: nothing was sent{self._would()}" if run.dry_run else self._checkpoints.work.late
            hint = f"`rejects --flow {run.flow}` tells why they were refused and what helps" if counts.rejected else ""
            if tie is not None:
                self._checkpoints.fact(tx, "run.tied", run.flow, **self._store.ties.keep(tx, run.id, tie))
            if untied:
                hint = f"`tie {run.id}` lists where; `run {run.flow} --full` sends everything once more"
            self._store.runs.finish(tx, run.id, fence, RunState.DONE, reason, hint, counts)
            if tie is not None and tie.verdict is Verdict.TIED and read_all:
                self._store.cases.close_gone(tx, run.id, self._checkpoints.actor)
            told = {
                name: getattr(counts, name) for name in ("read", "unchanged", "sent", "loaded", "ignored", "rejected")
            }
            self._checkpoints.fact(tx, "run.done", run.flow, **told, dry_run=run.dry_run)

    def _would(self) -> str:
        """What would have kept a dry run from sending, in words; "" for nothing."""
        step = self._checkpoints.last(STEP)
        if step is None or not step.data["words"]:
            return ""
        how = "it would be stopped" if step.data["stop"] else "it would ask a person first"
        return f"; {how}: {step.data['words']}"

    def _leaves_a_gap(self) -> bool:
        """Whether the run began later than what is confirmed, so that the watermark must stay."""
        since, mark = self._run.since, self._store.watermarks.get(self._run.target_id)
        return since is not None and (mark is None or mark.value is None or since > mark.value)
