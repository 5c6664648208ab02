"""What the terms of a filter mean in a store: kinds, accounts, runs and subjects that events have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.domain.audit import EventColumn, EventFilter, EventTerm, Match
from tui_connector.store.run_search import RunFilter
from tui_connector.views import events
from tui_connector.views.audit_filter import OUTCOMES, document_of, near, proposal_of, reference_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tui_connector.store.store import Store
    from tui_connector.views.audit_filter import Query, Term

_ME = "me"
_RUNS = 50  # newest runs that a record or a proposal leads to


def resolve(store: Store, query: Query, names: Mapping[str, str], person: str) -> EventFilter:
    """The filter that a query stands for here; FilterError for a kind that there is not.

    The same term said twice means either; different terms mean both. names: account -> name. person: who "me" is.
    """
    meanings = _Meanings(store, names, person)
    wanted: dict[tuple[str, bool, int], list[Match]] = {}
    for place, term in enumerate(query.terms):
        together = (term.name, term.excluded, -1 if term.name and not term.excluded else place)
        wanted.setdefault(together, []).extend(meanings.of(term))
    terms = tuple(EventTerm(tuple(dict.fromkeys(found)), excluded) for (_, excluded, _), found in wanted.items())
    return EventFilter(terms, query.since, query.until)


class _Meanings:
    def __init__(self, store: Store, names: Mapping[str, str], person: str) -> None:
        self._store = store
        self._names = names
        self._person = person
        self._kinds = store.audit.kinds()

    def of(self, term: Term) -> list[Match]:
        """What an event has to have, one of these."""
        mean: dict[str, Callable[[Term], list[Match]]] = {
            "": self._bare,
            "kind": self._kind,
            "by": self._by,
            "run": lambda one: [Match(EventColumn.RUN, int(one.value))],
            "about": lambda one: self._about(one.value),
            "doc": lambda one: self._document(one.value),
            "proposal": lambda one: self._proposal(proposal_of(one.value) or 0),
            "outcome": self._outcome,
        }
        return mean[term.name](term)

    def _bare(self, term: Term) -> list[Match]:
        """A subject that begins so, as typed or as numbers and flows are written; or a kind that holds it."""
        spellings = dict.fromkeys((term.value, term.value.upper(), term.value.lower()))
        subjects = [Match(EventColumn.SUBJECT, spelled, begins=True) for spelled in spellings]
        return subjects + [Match(EventColumn.KIND, kind) for kind in self._kinds if term.value.lower() in kind]

    def _kind(self, term: Term) -> list[Match]:
        """A kind, a family, or what a kind is called, or a part of any of them."""
        said = term.value.lower()
        known = dict.fromkeys([*self._kinds, *events.KINDS])
        ways = (
            (kind for kind in known if kind == said),
            (kind for kind in known if kind.startswith(f"{said.removesuffix('.')}.")),
            (kind for kind in known if events.mark_of(kind).word == said),
            (kind for kind in known if said in kind or said in events.mark_of(kind).word),
        )
        found = next((fitting for way in ways if (fitting := list(way))), [])
        if not found:
            families = dict.fromkeys(kind.partition(".")[0] for kind in known)
            words = dict.fromkeys(events.mark_of(kind).word for kind in known)
            hint = f"{near(said, [*known, *words, *families])}Families: {', '.join(families)}."
            raise term.wrong("no such kind of event", hint)
        return [Match(EventColumn.KIND, kind) for kind in found if kind in self._kinds]

    def _by(self, term: Term) -> list[Match]:
        """Who did it: an account, a name, or what begins so, as all workers do."""
        said = term.value.casefold()
        if said == _ME:
            return [Match(EventColumn.ACTOR, self._person)]
        accounts = [account for account, name in self._names.items() if said in name.casefold()]
        account = term.value.replace(" ", ":")  # as it is shown: uid 1000
        matches = [Match(EventColumn.ACTOR, account, begins=not account.startswith("uid:"))]
        return [*matches, *(Match(EventColumn.ACTOR, one) for one in accounts)]

    def _outcome(self, term: Term) -> list[Match]:
        last = OUTCOMES[term.value.lower()]
        return [Match(EventColumn.KIND, kind) for kind in self._kinds if kind.rpartition(".")[2] in last]

    def _about(self, key: str) -> list[Match]:
        """A subject; and what a record's runs, or the proposals and documents of a plan's line, were about.

        Events name batches, not records: a record's own story is its trace.
        """
        found = [Match(EventColumn.SUBJECT, key), Match(EventColumn.SUBJECT, key.upper())]
        if document_of(key) is not None or reference_of(key):
            found += self._document(key)
        stages = self._store.records.trace(key)[-_RUNS:]
        found += [Match(EventColumn.RUN, stage.run_id) for stage in stages]
        for proposal, _, document in self._store.proposals.trace(key):
            found.append(Match(EventColumn.SUBJECT, proposal.name))
            if document is not None:
                found.append(Match(EventColumn.SUBJECT, document.reference))
        return found

    def _document(self, value: str) -> list[Match]:
        reference, place = reference_of(value), document_of(value)
        if reference is not None:
            return [Match(EventColumn.SUBJECT, reference)]
        if place is None:
            return []
        company, number, year = place
        known = self._store.proposals.by_document_number(number, company, year)
        return [Match(EventColumn.SUBJECT, one.reference) for one in known]

    def _proposal(self, number: int) -> list[Match]:
        """Its own events, those of its documents, and those of the runs that serve it."""
        references = [one.reference for one in self._store.proposals.documents(number)]
        runs = self._store.runs.search(RunFilter(proposal=number), _RUNS)
        found = [Match(EventColumn.SUBJECT, f"P-{number:04}")]
        found += [Match(EventColumn.SUBJECT, reference) for reference in references]
        return found + [Match(EventColumn.RUN, run.id) for run in runs]
