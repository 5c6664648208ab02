"""The poster that one would write first: send until SAP answers 200, and remember what was acknowledged."""

from __future__ import annotations

import os
import random
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

import httpx

from tests.journeys.conftest import SAP_SECRETS
from tests.journeys.posting_harness import Doom, live
from tui_connector.engine.writeback import moments
from tui_connector.sandbox.sap.posting import PATH

if TYPE_CHECKING:
    from pathlib import Path

    from tests.journeys.posting_desk import Batch

_AUTH = (SAP_SECRETS["client_id"], SAP_SECRETS["client_secret"])


def post_naively(url: str, batch: Batch, kills: int, seed: int) -> Counter[str]:
    """Post a batch's own bytes, killed now between an answer and its note, now at a random time; the kills."""
    with batch.opened() as installation:
        proposals = installation.store.proposals
        payloads = {
            one.reference: proposals.payload(batch.proposal, one.document.number)
            for one in proposals.documents(batch.proposal)
        }
    job = partial(_post, url + PATH, payloads, batch.folder / "acknowledged")
    dice, died = random.Random(seed), Counter[str]()
    dooms = [
        Doom(seconds=dice.uniform(0.01, 0.06)) if number % 2 else Doom("answered", dice.randint(1, 3))
        for number in range(kills)
    ]
    for doom in [*dooms, None]:
        died.update(live(job, doom))
    return died


def _post(url: str, payloads: dict[str, bytes], acknowledged: Path) -> int:
    headers = {"content-type": "text/xml; charset=utf-8"}
    with acknowledged.open("a+") as book, httpx.Client(auth=_AUTH, headers=headers, trust_env=False) as http:
        book.seek(0)
        done = set(book.read().split())
        for reference, payload in payloads.items():
            while reference not in done:
                try:
                    answer = http.post(url, content=payload)
                except httpx.HTTPError:
                    continue
                if answer.status_code == 200:
                    moments.reached("answered")
                    done.add(reference)
                    book.write(f"{reference}\n")
                    book.flush()
                    os.fsync(book.fileno())
    return 0
