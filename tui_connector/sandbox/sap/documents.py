"""The document book: what was posted, its numbers, what is visible already, and reversals."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from tui_connector.sandbox.sap.entries import Draft

FIRST_NUMBER = 190_000_001  # above all numbers of the seeded journal
NO_NUMBER = "0000000000"
LOGICAL_SYSTEM = "0M4SMVI"

DocumentKey = tuple[str, str, str]  # company code, fiscal year, accounting document


@dataclass(frozen=True, slots=True)
class Document:
    """A posted document. reverses, reversed_by: the other one's fiscal year and number, or empty."""

    key: DocumentKey
    draft: Draft
    created: datetime
    reverses: tuple[str, str] = ("", "")
    reversed_by: tuple[str, str] = ("", "")

    @property
    def object_key(self) -> str:
        """Number, company code and fiscal year in 18 characters."""
        company, year, number = self.key
        return number + company + year


@dataclass(slots=True)
class Documents:
    """All documents by key and by reference. `on_visible` learns of every document that becomes visible or changes."""

    on_visible: list[Callable[[Document], None]] = field(default_factory=list)
    _all: dict[DocumentKey, Document] = field(default_factory=dict)
    _visible: dict[DocumentKey, None] = field(default_factory=dict)  # in the order of becoming so
    _references: dict[str, list[DocumentKey]] = field(default_factory=dict)
    _numbers: Counter[tuple[str, str]] = field(default_factory=Counter)
    _waiting: deque[tuple[datetime, DocumentKey]] = field(default_factory=deque)

    def reset(self) -> None:
        """An empty book."""
        for part in (self._all, self._visible, self._references, self._numbers, self._waiting):
            part.clear()

    def post(self, draft: Draft, now: datetime, delay: float = 0.0) -> Document:
        """Give the draft a number and keep it; it becomes visible after `delay` seconds."""
        return self._keep(Document(self._next_key(draft), draft, now), delay)

    def reversible(self, key: DocumentKey) -> Document | None:
        """The document of a key unless it is reversed, or a reversal itself."""
        found = self._all.get(key)
        return None if found is None or found.reversed_by[1] or found.reverses[1] else found

    def reverse(self, original: Document, order: Draft, now: datetime, delay: float = 0.0) -> Document:
        """Post the opposite of a document with the header of the order."""
        turned = tuple(
            replace(
                item,
                amount=-item.amount,
                local_amount=None if item.local_amount is None else -item.local_amount,
                side="S" if item.side == "H" else "H",
            )
            for item in original.draft.items
        )
        draft = replace(order, items=turned)
        made = self._keep(Document(self._next_key(draft), draft, now, reverses=original.key[1:]), delay)
        changed = replace(original, reversed_by=made.key[1:])
        self._all[original.key] = changed
        if original.key in self._visible:
            self._tell(changed)
        return made

    def find(self, company: str, number: str, year: str = "") -> DocumentKey | None:
        """The key of a number; of the latest fiscal year when none is given."""
        years = [year] if year else sorted({key[1] for key in self._all}, reverse=True)
        return next((key for one in years if (key := (company, one, number)) in self._all), None)

    def reveal(self, now: datetime) -> None:
        """Make visible what has waited long enough; called before every read."""
        for _ in range(len(self._waiting)):
            moment, key = self._waiting.popleft()
            if moment > now:
                self._waiting.append((moment, key))
            else:
                self._show(key)

    def visible(self) -> Iterable[Document]:
        """All visible documents by key."""
        return (self._all[key] for key in sorted(self._visible))

    def visible_of(self, reference: str) -> list[Document]:
        """Visible documents that carry a reference."""
        return [self._all[key] for key in self._references.get(reference, ()) if key in self._visible]

    def visible_at(self, key: DocumentKey) -> Document | None:
        """The document of a key if it is visible."""
        return self._all[key] if key in self._visible else None

    def listing(self, reference: str | None) -> list[dict[str, Any]]:
        """All documents as the control API shows them, or those of one reference."""
        keys = self._all if reference is None else self._references.get(reference, ())
        return [self._describe(self._all[key]) for key in keys]

    def _next_key(self, draft: Draft) -> DocumentKey:
        counter = (draft.company_code, str(draft.posting_date.year))
        number = FIRST_NUMBER + self._numbers[counter]
        self._numbers[counter] += 1
        return (*counter, f"{number:010d}")

    def _keep(self, document: Document, delay: float) -> Document:
        self._all[document.key] = document
        self._references.setdefault(document.draft.reference, []).append(document.key)
        if delay > 0:
            self._waiting.append((document.created + timedelta(seconds=delay), document.key))
        else:
            self._show(document.key)
        return document

    def _show(self, key: DocumentKey) -> None:
        self._visible[key] = None
        self._tell(self._all[key])

    def _tell(self, document: Document) -> None:
        for told in self.on_visible:
            told(document)

    def _describe(self, document: Document) -> dict[str, Any]:
        draft = document.draft
        company, year, number = document.key
        return {
            "reference": draft.reference,
            "company_code": company,
            "fiscal_year": year,
            "document": number,
            "document_type": draft.document_type,
            "posting_date": draft.posting_date.isoformat(),
            "header_text": draft.header_text,
            "ledger_group": draft.ledger_group,
            "created": document.created.isoformat(),
            "visible": document.key in self._visible,
            "reversed": bool(document.reversed_by[1]),
            "reversed_by": document.reversed_by[1],
            "reverses": document.reverses[1],
            "items": [
                {
                    "account": item.account,
                    "amount": str(item.amount),
                    "currency": item.currency,
                    "side": item.side,
                    "cost_center": item.cost_center,
                    "profit_center": item.profit_center,
                    "text": item.text,
                    "assignment": item.assignment,
                }
                for item in draft.items
            ],
        }
