"""Everything the simulated Anaplan tenant knows between two resets."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tui_connector.sandbox.anaplan.bucket import TokenBucket
from tui_connector.sandbox.anaplan.certificates import CertificateDesk
from tui_connector.sandbox.anaplan.dumps import DumpShelf
from tui_connector.sandbox.anaplan.hiding import HIDE_ROWS
from tui_connector.sandbox.anaplan.import_faults import BENDING, REFUSE_FIELDS, REFUSE_ROWS, TRUNCATE_FILE
from tui_connector.sandbox.anaplan.oauth import OAuthDesk
from tui_connector.sandbox.anaplan.objects import ModelObject, build_model
from tui_connector.sandbox.anaplan.plan import PlanBook
from tui_connector.sandbox.anaplan.settings import AnaplanSettings
from tui_connector.sandbox.anaplan.tasks import TaskQueue
from tui_connector.sandbox.anaplan.tokens import TokenBook
from tui_connector.sandbox.data_faults import DataFaultBook
from tui_connector.sandbox.seed.model import FINANCE_HUB, build_models
from tui_connector.sandbox.seed.plan import APPROVAL, build_plan

if TYPE_CHECKING:
    import asyncio

    from tui_connector.sandbox.anaplan.read_requests import ReadRequest
    from tui_connector.sandbox.clock import SandboxClock
    from tui_connector.sandbox.seed.model import ModelSeed


@dataclass(slots=True)
class TenantState:
    """Settings, tokens, models, queues and dumps; thrown away whole by a reset."""

    clock: SandboxClock
    seed: int
    settings: AnaplanSettings
    folder: Path
    tokens: TokenBook
    certificates: CertificateDesk
    oauth: OAuthDesk
    models: dict[str, ModelObject]
    queues: dict[str, TaskQueue]
    dumps: DumpShelf
    bucket: TokenBucket
    costly: TokenBucket
    data_faults: DataFaultBook
    refused: list[dict[str, object]] = field(default_factory=list)  # rows that a data fault had an import refuse
    reads: dict[str, ReadRequest] = field(default_factory=dict)
    background: set[asyncio.Task[None]] = field(default_factory=set)

    def add_model(self, declared: ModelSeed) -> None:
        """One more model in the workspace."""
        self.models[declared.id] = build_model(declared, self.folder)
        self.queues[declared.id] = TaskQueue(self.models[declared.id], self.clock, self.settings)

    def close(self) -> None:
        """Stop what runs and remove the folder."""
        for queue in self.queues.values():
            queue.abort()
        for work in self.background:
            work.cancel()
        for model in self.models.values():
            model.store.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def build_state(clock: SandboxClock, seed: int) -> TenantState:
    """A fresh tenant in a temporary folder of its own; `seed` is that of the SAP tenant its plan is made for."""
    settings = AnaplanSettings()
    folder = Path(tempfile.mkdtemp(prefix="sandbox-anaplan-"))
    tokens = TokenBook(clock, settings)
    models = {declared.id: build_model(declared, folder) for declared in build_models()}
    plan = PlanBook(models[FINANCE_HUB])
    plan.replace(build_plan(seed))
    plan.change(approval=APPROVAL)
    dumps = DumpShelf(clock, settings, folder / "dumps")
    return TenantState(
        clock=clock,
        seed=seed,
        settings=settings,
        folder=folder,
        tokens=tokens,
        certificates=CertificateDesk(clock, settings),
        oauth=OAuthDesk(clock, settings, tokens),
        models=models,
        queues={key: TaskQueue(model, clock, settings) for key, model in models.items()},
        dumps=dumps,
        bucket=TokenBucket(clock),
        costly=TokenBucket(clock),
        data_faults=DataFaultBook(
            {kind: {} for kind in (TRUNCATE_FILE, *BENDING, HIDE_ROWS)} | {REFUSE_ROWS: REFUSE_FIELDS}
        ),
    )
