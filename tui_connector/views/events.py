"""What each kind of event is called, how it is marked, and what it says, in words from its data."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tui_connector.domain.text import clean
from tui_connector.review.amounts import by_currency, counted, listed
from tui_connector.views.marks import Mark
from tui_connector.views.words import figure, found_by_rule, long_id, short_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tui_connector.domain.audit import Fact

_OK, _WARN, _FAIL, _MUTED = ("✓", "ok"), ("▲", "warn"), ("✗", "fail"), ("◇", "muted")
_PERSON, _UNKNOWN = ("◆", "warn"), ("?", "warn")
_NONE = ("", "ink")
_WORDS: dict[str, tuple[str, tuple[str, str]]] = {
    "store.created": ("log begun", _NONE),
    "store.migrated": ("upgraded", _NONE),
    "store.backed_up": ("backed up", _OK),
    "store.restored": ("restored", _WARN),
    "store.restored_behind": ("put back", _WARN),
    "store.restore_confirmed": ("confirmed", _NONE),
    "store.served": ("kept by", _NONE),
    "store.moved": ("moved", _WARN),
    "store.arrived": ("moved here", _NONE),
    "audit.verified": ("verified", _OK),
    "audit.broken": ("broken", _FAIL),
    "evidence.exported": ("pack made", _NONE),
    "key.made": ("key made", _NONE),
    "key.rotated": ("key changed", _NONE),
    "credential.stored": ("secret set", _NONE),
    "credential.changed": ("secret set", _NONE),
    "credential.deleted": ("secret gone", _NONE),
    "worker.started": ("worker up", _NONE),
    "worker.stopped": ("worker down", _NONE),
    "worker.reconfigured": ("reconfigured", _NONE),
    "worker.config_refused": ("config kept", _WARN),
    "command.answered": ("answered", _NONE),
    "command.given_back": ("given back", _WARN),
    "schedule.paused": ("paused", _MUTED),
    "schedule.resumed": ("resumed", _NONE),
    "run.requested": ("asked", _NONE),
    "run.started": ("started", _NONE),
    "run.taken_over": ("taken over", _WARN),
    "run.blocked": ("blocked", _FAIL),
    "run.surveyed": ("surveyed", _NONE),
    "definitions.kept": ("definitions", _NONE),
    "run.asks": ("asks", _PERSON),
    "run.allowed": ("allowed", _PERSON),
    "masters.seen": ("masters seen", _NONE),
    "members.used": ("counted", _NONE),
    "run.failed": ("failed", _FAIL),
    "run.done": ("done", _NONE),
    "run.tied": ("tie-out", _NONE),
    "run.cancelled": ("cancelled", _MUTED),
    "step.intent": ("intent", _NONE),
    "step.running": ("under way", _NONE),
    "step.done": ("step done", _NONE),
    "step.failed": ("step failed", _FAIL),
    "step.cancelled": ("cancelled", _MUTED),
    "task.cancel_asked": ("stop asked", _NONE),
    "task.cancel_refused": ("not stopped", _WARN),
    "records.batch": ("batch", _NONE),
    "records.rejected": ("rejected", _WARN),
    "records.dropped": ("read anew", _NONE),
    "replay.requested": ("replayed", ("»", "accent")),
    "rejects.waived": ("waived", _MUTED),
    "rejects.waiver_taken_back": ("unwaived", _NONE),
    "explanation.made": ("explained", _NONE),
    "rejects.assigned": ("assigned", _NONE),
    "rejects.noted": ("noted", _NONE),
    "rejects.gone": ("gone", _MUTED),
    "watermark.moved": ("watermark", _NONE),
    "plan.compared": ("compared", _NONE),
    "names.unread": ("no names", _WARN),
    "proposal.made": ("proposed", _NONE),
    "proposal.judged": ("judged", _NONE),
    "proposal.checked": ("checked", _NONE),
    "proposal.planned": ("released", _NONE),
    "proposal.held": ("held", _MUTED),
    "proposal.rejected": ("rejected", _FAIL),
    "proposal.superseded": ("superseded", _NONE),
    "proposal.expired": ("expired", _WARN),
    "proposal.approved": ("approved", _OK),
    "proposal.posted": ("posted", _OK),
    "proposal.lines": ("lines", _NONE),
    "proposal.comment": ("comment", _NONE),
    "proposal.signed": ("signed", _NONE),
    "posting.requested": ("post asked", _NONE),
    "posting.blind": ("blind", _WARN),
    "document.ready": ("ready", _NONE),
    "document.sending": ("sending", _NONE),
    "document.unknown": ("unknown", _UNKNOWN),
    "document.posted": ("posted", _NONE),
    "document.verified": ("proved", _OK),
    "document.rejected": ("refused", _FAIL),
    "document.held": ("held", _WARN),
    "document.chosen": ("decided", _PERSON),
    "reversal.requested": ("undo asked", _NONE),
    "reversal.prepared": ("undo ready", _NONE),
    "checkpoint.key_made": ("check key", _NONE),
    "checkpoint.made": ("checkpoint", _NONE),
    "checkpoint.left": ("sent out", _OK),
    "checkpoint.stuck": ("not sent", _WARN),
    "data.erased": ("erased", _WARN),
    "hold.set": ("hold", _NONE),
    "hold.released": ("hold ended", _WARN),
    "alert.raised": ("alert", _WARN),
    "alert.over": ("all clear", _OK),
    "alert.sent": ("told", _NONE),
    "alert.not_sent": ("not told", _WARN),
    "alert.test": ("alert test", _NONE),
    "period.open": ("period open", _NONE),
    "period.soft": ("period soft", _NONE),
    "period.closed": ("period shut", _NONE),
}
KINDS = tuple(_WORDS)
_COUNTS = ("read", "unchanged", "sent", "loaded", "ignored", "rejected", "refused")
_LONGEST = 300


def mark_of(kind: str) -> Mark:
    """How a kind is told: its plain word, and a shape where it matters; a kind of another version by its own words."""
    word, (glyph, role) = _WORDS.get(kind, (kind.rpartition(".")[2].replace("_", " ") or kind, _NONE))
    if kind not in _WORDS and kind.startswith("command."):
        word = "asked"
    return Mark(glyph, word, role)


def parts_of(fact: Fact) -> list[str]:
    """What an event says, part by part, as a rule its subject first."""
    tell = _TELLERS.get(fact.kind) or _FAMILIES.get(fact.kind.partition(".")[0], _plainly)
    return [clean(str(part)) for part in tell(fact, fact.data) if part]


def text_of(fact: Fact) -> str:
    """What an event says, on one line; what its subject is when its data say nothing more."""
    return clean("; ".join(parts_of(fact)), limit=_LONGEST) or clean(fact.subject)


def trace_key(fact: Fact) -> str:
    """What a trace of this event would follow; "" when it is about no record, document or proposal."""
    return clean(fact.subject) if fact.kind.partition(".")[0] in _TRACED else ""


def _alert(fact: Fact, data: Mapping[str, Any]) -> list[Any]:
    given_up = "given up" if data.get("given_up") else ""
    telling = data.get("telling") if data.get("telling") not in (None, "raised", "test") else ""
    return [fact.subject, data.get("words"), data.get("what"), telling, data.get("said"), given_up]


def _counts(data: Mapping[str, Any]) -> str:
    told = [f"{figure(data[name])} {name}" for name in _COUNTS if isinstance(data.get(name), int) and data[name]]
    return listed(told) if told else ("no change" if data.get("read") is not None else "")


def _run(fact: Fact, data: Mapping[str, Any]) -> list[Any]:
    documents = f"{counted(data['proved'], 'document')} proved" if "proved" in data else ""
    held = f"{counted(data['held'], 'document')} held" if data.get("held") else ""
    dry = "dry run" if data.get("dry_run") else ""
    return [fact.subject, data.get("reason") or data.get("why"), _counts(data), documents, held, dry, data.get("said")]


def _requested(fact: Fact, data: Mapping[str, Any]) -> list[Any]:
    how = data.get("purpose") or ("everything" if data.get("mode") == "full" else "what changed")
    since = f"since {data['since']}" if data.get("since") else ""
    return [f"{fact.subject}, {how}", since, "dry run" if data.get("dry_run") else ""]


def _started(fact: Fact, data: Mapping[str, Any]) -> list[Any]:
    before = f"from {data['from']}" if data.get("from") else ""
    return [fact.subject, before, f"fence {data['fence']}" if "fence" in data else ""]


def _blocked(fact: Fact, data: Mapping[str, Any]) -> list[Any]:
    return [f"{fact.subject}: {listed(map(str, data.get('by') or ['a flow before it']))} did not end well"]


def _surveyed(fact: Fact, data: Mapping[str, Any]) -> list[Any]:
    told = found_by_rule(data)
    runs = [f"run {number}" for number in data.get("allowed_by", ())]
    return [fact.subject, ", ".join(told) or "nothing to note", f"as allowed for {listed(runs)}" if runs else ""]


def _definitions(fact: Fact, data: Mapping[str, Any]) -> list[Any]:
    return [f"{fact.subject} goes by new definitions: {listed(sorted(data.get('digests', ())))}"]


def _masters(fact: Fact, data: Mapping[str, Any]) -> list[Any]:
    return [
        fact.subject,
        f"{counted(data.get('masters', 0), 'master')}, {figure(data.get('changed', 0))} otherwise than before",
    ]


def _used(fact: Fact, data: Mapping[str, Any]) -> list[Any]:
    return [fact.subject, f"records counted by {counted(data.get('codes', 0), 'code')}"]


def _allowed(fact: Fact, data: Mapping[str, Any]) -> list[Any]:
    return [f"{counted(data.get('concerns', 0), 'thing')} that run {fact.run_id} asked about", data.get("reason")]


def _step(fact: Fact, data: Mapping[str, Any]) -> list[Any]:
    words = [fact.subject]
    for name, before in (("action", ""), ("task_id", "task "), ("model", "model "), ("outcome", ""), ("said", "")):
        value = data.get(name)
        if isinstance(value, str) and value:
            words.append(f"{before}{short_id(value) if name == 'task_id' else value}")
    chunks = f"{counted(data['chunks'], 'chunk')}" if data.get("chunks") else ""
    return [*words[:1], _counts(data), chunks, *words[1:]]


def _batch(_: Fact, data: Mapping[str, Any]) -> list[Any]:
    digest = str(data.get("digest", ""))
    outcomes = data.get("outcomes") or {}
    told = ", ".join(f"{figure(count)} {name}" for name, count in outcomes.items()) if len(outcomes) > 1 else ""
    return [f"{counted(data.get('count', 0), 'record')}, {digest[:4]} {digest[4:8]}", told]


def _records(_: Fact, data: Mapping[str, Any]) -> list[Any]:
    return [counted(data.get("count", 0), "record"), data.get("reason")]


def _waived(fact: Fact, data: Mapping[str, Any]) -> list[Any]:
    return [f"{counted(data.get('count', 0), 'record')} of run {fact.run_id}", words_of_reject(data)]


def words_of_reject(data: Mapping[str, Any]) -> str:
    """What was said of a reject: the reason of a waiver, who sees to it, a note, or that SAP no longer holds it."""
    if "to" in data:
        return f"given to {data['to']}" if data["to"] else "given to nobody"
    if "by_run" in data:
        return f"run {data['by_run']} read everything its flow reads in SAP and did not find it"
    return str(data.get("reason") or data.get("note") or "")


def _proposal(fact: Fact, data: Mapping[str, Any]) -> list[Any]:
    return [fact.subject, data.get("reason")]


def _made(fact: Fact, data: Mapping[str, Any]) -> list[Any]:
    gross = {str(currency): Decimal(str(amount)) for currency, amount in (data.get("gross") or {}).items()}
    told = counted(len(data.get("documents") or []), "document")
    fingerprint = str(data.get("fingerprint", ""))
    return [
        f"{fact.subject}, {told}, {by_currency(gross)}" if gross else f"{fact.subject}, {told}",
        f"fingerprint {fingerprint[:4]} {fingerprint[4:8]}" if fingerprint else "",
    ]


def _judged(fact: Fact, data: Mapping[str, Any]) -> list[Any]:
    verdicts = data.get("verdicts") or {}
    asks = [name for name, verdict in verdicts.items() if verdict != "pass"]
    return [fact.subject, f"asks or is closed: {listed(asks)}" if asks else "every gate passes"]


def _checked(fact: Fact, data: Mapping[str, Any]) -> list[Any]:
    same = "the plan was exported again and is the same"
    return [fact.subject, same if data.get("checked_at") else "the plan has to be compared again before more is sent"]


def _lines(fact: Fact, data: Mapping[str, Any]) -> list[Any]:
    numbers = data.get("numbers") or []
    return [f"{fact.subject}, {counted(len(numbers), 'line')}", data.get("decision") or "released", data.get("reason")]


def _comment(fact: Fact, data: Mapping[str, Any]) -> list[Any]:
    return [f"{fact.subject}, {counted(len(data.get('numbers') or []), 'line')}", data.get("comment") or "taken back"]


def _signed(fact: Fact, data: Mapping[str, Any]) -> list[Any]:
    return [
        fact.subject,
        data.get("name"),
        f"user {data['user']}" if data.get("user") else "",
        f"key {data.get('key')}",
    ]


def _compared(fact: Fact, data: Mapping[str, Any]) -> list[Any]:
    return [fact.subject, data.get("moved") or "the plan has not moved"]


def _posting(fact: Fact, data: Mapping[str, Any]) -> list[Any]:
    return [fact.subject, " and ".join(map(str, data.get("purposes") or [])), data.get("why"), data.get("reason")]


def _reversal(fact: Fact, data: Mapping[str, Any]) -> list[Any]:
    documents = data.get("documents")
    told = f"{counted(documents, 'document')} would take it back" if isinstance(documents, int) else ""
    return [fact.subject, told, data.get("reason"), *(data.get("closed") or [])]


def _document(fact: Fact, data: Mapping[str, Any]) -> list[Any]:
    changes = data.get("changes") or {}
    place = f"P-{data['proposal']:04}/{data['document']}" if "proposal" in data else fact.subject
    number, year = changes.get("accounting_document"), changes.get("fiscal_year")
    words = [place, f"document {number} of {year}" if number and year else ""]
    match fact.kind:
        case "document.sending":
            words += [f"reference {fact.subject}", f"attempt {changes.get('attempt', 1)}"]
        case "document.verified":
            words.append("read back equal to the cent")
        case "document.unknown" if changes.get("looks"):
            words.append(f"look {changes['looks']}: not found yet")
        case "document.chosen":
            words.append(f"a person decides: {data.get('to')}")
        case _:
            pass
    return [*words, data.get("reason"), changes.get("difference"), changes.get("said")]


def _period(fact: Fact, data: Mapping[str, Any]) -> list[Any]:
    return [fact.subject, data.get("reason")]


def _secret(fact: Fact, data: Mapping[str, Any]) -> list[Any]:
    return [fact.subject, listed(map(str, data["fields"])) if data.get("fields") else ""]


def _key(fact: Fact, data: Mapping[str, Any]) -> list[Any]:
    return [f"master key {long_id(fact.subject)}", f"version {data['version']}" if "version" in data else ""]


def _store(_: Fact, data: Mapping[str, Any]) -> list[Any]:
    if "rows" in data:
        return [f"from {data['from']}", f"{sum(data['rows'].values())} rows"]
    moved = f"tables {data['from']} to {data['to']}" if "from" in data and "to" in data else ""
    moved = moved or (f"to {data['to']}" if "to" in data else "")
    copied = f"up to event {data['seq']}, file {long_id(str(data['file']))}" if "file" in data and "seq" in data else ""
    return [moved, copied, f"store {long_id(str(data['store']))}" if data.get("store") else "", data.get("reason")]


def _behind(_: Fact, data: Mapping[str, Any]) -> list[Any]:
    return ["the store is older than what was sent", data.get("reason")]


def _watermark(fact: Fact, data: Mapping[str, Any]) -> list[Any]:
    return [fact.subject, f"to {data['value']}" if data.get("value") else "read whole"]


def _task(fact: Fact, data: Mapping[str, Any]) -> list[Any]:
    task = f"task {short_id(str(data['task']))}" if data.get("task") else ""
    return [fact.subject, task, data.get("why"), data.get("told")]


def _verified(_: Fact, data: Mapping[str, Any]) -> list[Any]:
    if data.get("finding"):
        return [data["finding"]]
    return [f"whole up to event {figure(data.get('up_to'))}", counted(data.get("records", 0), "record")]


def _exported(_: Fact, data: Mapping[str, Any]) -> list[Any]:
    scope = data.get("scope") or {}
    return [scope.get("words"), data.get("verdict"), f"digest {long_id(str(data.get('digest', '')))}"]


def _command(fact: Fact, data: Mapping[str, Any]) -> list[Any]:
    wish = data.get("kind") or fact.kind.partition(".")[2]
    ended = "" if data.get("ok") is not False else data.get("error") or "it did not work"
    return [f"{str(wish).replace('_', ' ')} {fact.subject}".strip(), data.get("reason") or data.get("why"), ended]


def _replay(fact: Fact, data: Mapping[str, Any]) -> list[Any]:
    runs = [str(run) for run in data.get("runs") or []]
    return [f"{counted(data.get('count', 0), 'record')} of {fact.subject}, run {listed(runs)}"]


def _tied(fact: Fact, data: Mapping[str, Any]) -> list[Any]:
    scopes = f"{counted(data['differences'], 'scope')} differ" if data.get("differences") else ""
    return [fact.subject, data.get("verdict"), data.get("words"), scopes]


def _explained(fact: Fact, data: Mapping[str, Any]) -> list[Any]:
    return [fact.subject, data.get("agreement"), data.get("words")]


def _checkpoint(fact: Fact, data: Mapping[str, Any]) -> list[Any]:
    reach = f"up to event {figure(data['seq'])}" if data.get("seq") else ""
    return [fact.subject, data.get("said"), reach]


def _erased(fact: Fact, data: Mapping[str, Any]) -> list[Any]:
    events = sum(last - first + 1 for first, last in data.get("events", ()))
    told = counted(events, "event") if events else counted(data.get("values", 0), "row")
    return [f"{fact.subject}: {told}", data.get("reason")]


def _plainly(fact: Fact, data: Mapping[str, Any]) -> list[Any]:
    """A kind of which nothing is known here: its subject, and what its data say in words and figures."""
    told = [
        f"{name} {value}" for name, value in data.items() if isinstance(value, str | int) and value not in {"", None}
    ]
    return [fact.subject, *told[:4]]


def _reconfigured(_: Fact, data: Mapping[str, Any]) -> list[Any]:
    return ["the configuration was read anew: " + ", ".join(map(str, data.get("changed", ())))]


def _config_refused(_: Fact, data: Mapping[str, Any]) -> list[Any]:
    return [f"the one before stays: {data.get('reason', '')}"]


_TELLERS: dict[str, Callable[[Fact, Mapping[str, Any]], list[Any]]] = {
    "run.requested": _requested,
    "worker.reconfigured": _reconfigured,
    "worker.config_refused": _config_refused,
    "run.started": _started,
    "run.taken_over": _started,
    "run.blocked": _blocked,
    "run.tied": _tied,
    "run.surveyed": _surveyed,
    "run.allowed": _allowed,
    "definitions.kept": _definitions,
    "masters.seen": _masters,
    "members.used": _used,
    "records.batch": _batch,
    "replay.requested": _replay,
    "proposal.made": _made,
    "proposal.judged": _judged,
    "proposal.checked": _checked,
    "proposal.lines": _lines,
    "proposal.comment": _comment,
    "proposal.signed": _signed,
    "plan.compared": _compared,
    "evidence.exported": _exported,
    "store.restored_behind": _behind,
    "watermark.moved": _watermark,
}
_FAMILIES: dict[str, Callable[[Fact, Mapping[str, Any]], list[Any]]] = {
    "run": _run,
    "step": _step,
    "records": _records,
    "rejects": _waived,
    "proposal": _proposal,
    "posting": _posting,
    "reversal": _reversal,
    "document": _document,
    "period": _period,
    "credential": _secret,
    "key": _key,
    "store": _store,
    "task": _task,
    "audit": _verified,
    "explanation": _explained,
    "command": _command,
    "schedule": _proposal,
    "checkpoint": _checkpoint,
    "data": _erased,
    "alert": _alert,
}
_TRACED = frozenset({"proposal", "document", "posting", "reversal", "plan"})
