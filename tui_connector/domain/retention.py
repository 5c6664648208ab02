"""Classes of what is kept: what of each goes after its time or since a person asks, and what stays."""

from __future__ import annotations

from typing import NamedTuple


class Kept(NamedTuple):
    """One class. name: its setting is `<name>_days` under [retention]. goes, stays: in words, for people."""

    name: str
    goes: str
    stays: str

    @property
    def setting(self) -> str:
        return f"{self.name}_days"


REJECT_VALUES = Kept(
    "reject_values", "the values of refused records", "that they were refused, by whom and why, what became of them"
)
STEP_DETAILS = Kept("step_details", "what events of single steps tell", "that they happened, when and by whom")
CONCERN_TEXTS = Kept(
    "concern_texts",
    "what loads found before they sent: codes and both sides",
    "how many of which kind, who allowed them and why; all of a run that waits for a person's word",
)
EXPLANATIONS = Kept("explanations", "explanations that were given", "what was asked, by whom, and how it came out")
MISSING_NAMES = Kept("missing_names", "names of masters that SAP no longer holds", "their codes, and since when")
COMMAND_ANSWERS = Kept(
    "command_answers", "what came of pings and discoveries", "that they were asked, and the newest answer of each"
)
CLASSES = (REJECT_VALUES, STEP_DETAILS, CONCERN_TEXTS, EXPLANATIONS, MISSING_NAMES, COMMAND_ANSWERS)
