"""rejects: what was refused, one refused record, waive, and send once more."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Any

from rich.text import Text

from tui_connector.bootstrap import Installation, open_installation
from tui_connector.cli import Exit
from tui_connector.cli.flows import described, summary, work_off
from tui_connector.cli.out import asked, console, facts, mark, moment, print_json, say, say_next, table
from tui_connector.cli.verdict import judge
from tui_connector.domain.case import Place
from tui_connector.domain.errors import ConfigError, RefusedError
from tui_connector.domain.text import clean
from tui_connector.review.amounts import counted, listed
from tui_connector.views.causes import load_flows
from tui_connector.views.refused import case_facts, describe_refused, mapping_words, read_refused
from tui_connector.views.rejects import NOBODY, CauseList, RecordList, RejectFilter, read_class, read_rejects
from tui_connector.views.replay import describe_replay, read_replay
from tui_connector.views.words import figure

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from tui_connector.domain.case import CauseGroup
    from tui_connector.domain.reject_class import RejectClass
    from tui_connector.views.causes import CauseRow
    from tui_connector.views.desk import Desk
    from tui_connector.views.refused import RefusedRecord
    from tui_connector.views.rejects import RecordRow, RejectsModel
    from tui_connector.views.replay import ReplayModel

_ID = re.compile(r"(\d{1,15})/(\d{1,9})")
_COLOURS = {"warn": "yellow", "fail": "red", "ok": "green", "accent": "magenta"}
_PAGE = 500


def listing(given: argparse.Namespace) -> int:
    """Open rejects by cause, or one by one; and what was solved lately."""
    with open_installation(given.config, read_only=True) as installation:
        desk = installation.desk()
        _check_flow(desk, given.flow)
        owner = None if given.owner is None else "" if given.owner == NOBODY else given.owner
        of = RejectFilter(given.flow or "", "", given.waived, owner, _class(given))
        model = read_rejects(desk, of)
        # a cause holds a record or more, so that no more causes than rows are looked at; JSON tells them all
        wanted = list(islice(_causes(desk, of), None if given.json or given.cause else given.limit))
        if given.cause:
            fitting = {group.mark for group in _fitting([row.group for row in wanted], given.cause)}
            wanted = [row for row in wanted if row.group.mark in fitting]
        records = list(_records(desk, wanted, given.limit)) if given.records else []
    if given.json:
        value = _describe(model, wanted)
        print_json(value | {"rejects": [_describe_record(*one) for one in records]} if given.records else value)
        return Exit.DONE
    say(given, None, f"{model.first} {model.second}")
    if given.records:
        _record_table(records)
    else:
        _cause_table(wanted[: given.limit])
    for one in model.solved if not given.cause else ():
        facts([(moment(one.at), f"{one.mark.glyph} {one.words}")])
    if wanted and not given.records and not given.waived:
        say_next("tui-connector rejects list --records, rejects show ID, rejects replay, rejects waive, rejects assign")
    return Exit.DONE


def _class(given: argparse.Namespace) -> RejectClass | None:
    return read_class(given.reject_class) if given.reject_class else None


def _causes(desk: Desk, of: RejectFilter) -> Iterator[CauseRow]:
    source, last = CauseList(desk, of), None
    while page := source.after(last, _PAGE):
        yield from page
        last = page[-1]


def _records(desk: Desk, rows: Sequence[CauseRow], limit: int) -> Iterator[tuple[CauseRow, RecordRow]]:
    left = limit
    for row in rows:
        source, last = RecordList(desk, row.group), None
        while left > 0 and (page := source.after(last, min(left, _PAGE))):
            yield from ((row, one) for one in page)
            left, last = left - len(page), page[-1]


def _cause_table(rows: Sequence[CauseRow]) -> None:
    cells = [
        (
            row.group.flow, figure(row.group.records), row.amounts, moment(row.group.since), figure(row.group.runs),
            mark(row.mark.glyph, _COLOURS[row.mark.role], row.words), row.cause.reject_class.words, row.owner, row.next,
        )
        for row in rows
    ]  # fmt: skip
    heads = ("flow", "records", "missing", "since (UTC)", "runs", "cause", "class", "owner", "next")
    if cells:
        spare = ("runs", "since (UTC)", "next", "owner", "missing", "class")
        table(heads, cells, numbers=("records", "missing", "runs"), spare=spare)


def _record_table(records: Sequence[tuple[CauseRow, RecordRow]]) -> None:
    cells = [
        (
            str(one.place), row.group.flow, one.key, _amount(one), row.cause.reject_class.words, one.owner or "–",
            row.words,
        )
        for row, one in records
    ]  # fmt: skip
    heads = ("id", "flow", "record", "amount", "class", "owner", "cause")
    if cells:
        table(heads, cells, numbers=("amount",), spare=("owner", "flow", "amount", "class"))


def _amount(row: RecordRow) -> str:
    return row.money if row.amount is None else f"{row.money} {row.currency}"


def show(given: argparse.Namespace) -> int:
    """One refused record: cause, values, what was said, where it is from."""
    with open_installation(given.config, read_only=True) as installation:
        one = read_refused(installation.desk(), place_of(given.id))
    if given.json:
        print_json(describe_refused(one))
        return Exit.DONE
    _page(one)
    return Exit.DONE


def _page(one: RefusedRecord) -> None:
    rows: list[tuple[str, Any]] = [
        ("reject", f"{one.place} {one.key}"),
        ("flow", one.flow),
        ("cause", one.words),
        ("class", f"{one.cause.reject_class.words}. {one.cause.reject_class.sentence}"),
        ("stands", one.standing),
        *case_facts(one),
    ]
    rows += [("next", one.next)] if one.next else []
    rows += [(f"{one.by} said" if at == 0 else "", line) for at, line in enumerate(one.said)]
    rows += [("from" if at == 0 else "", line) for at, line in enumerate(one.origin)]
    rows += [("mapping", mapping_words(one))]
    facts(rows)
    if one.erased:
        console().print(Text("\nThe values were erased."))
    else:
        console().print(Text("\nAs sent" if one.task else "\nAs it would have been sent", "dim"))
        facts(
            [
                (value.header, mark("▲", "yellow", f"{value.value} refused") if value.refused else value.value)
                for value in one.sent
            ]
        )


def waive(given: argparse.Namespace) -> int:
    """Let rejects be, with a reason; or take that back."""
    with open_installation(given.config) as installation:
        desk, by = installation.desk(), installation.person()
        if given.take_back:
            places = [place_of(text) for text in given.id]
            if not places:
                raise ConfigError(
                    "which waivers?", hint="name the records, for example `rejects waive 12/5 --take-back`"
                )
            count = installation.take_back_waivers(places, given.reason, by)
            told = f"{counted(count, 'record')} {'is' if count == 1 else 'are'} open again: {given.reason}"
        else:
            places = [place for chosen in _chosen(desk, given).values() for place in chosen]
            count = installation.waive(places, given.reason, by)
            told = f"{counted(count, 'record')} waived: {given.reason}"
        ids = [str(place) for place in places]
        say(given, {"waived": not given.take_back, "records": count, "ids": ids, "reason": given.reason}, told)
    return Exit.DONE


def assign(given: argparse.Namespace) -> int:
    """Give rejects to a person who sees to them; or take that back."""
    with open_installation(given.config) as installation:
        places = [place for chosen in _chosen(installation.desk(), given).values() for place in chosen]
        count = installation.assign_rejects(places, given.to, installation.person())
        to = clean(given.to.strip(), limit=80)
        told = f"{counted(count, 'record')} given to {to}" if to else f"{counted(count, 'record')} given to nobody"
        say(given, {"owner": to or None, "records": count, "ids": [str(place) for place in places]}, told)
    return Exit.DONE


def note(given: argparse.Namespace) -> int:
    """Write a note on rejects, in place of the one before."""
    with open_installation(given.config) as installation:
        places = [place_of(text) for text in given.id]
        count = installation.note_rejects(places, given.text, installation.person())
        told = f"{counted(count, 'record')} {'noted' if given.text.strip() else 'without a note now'}"
        say(given, {"note": given.text or None, "records": count, "ids": [str(place) for place in places]}, told)
    return Exit.DONE


def replay(given: argparse.Namespace) -> int:
    """Show what sending these once more would do, ask, and do it."""
    with open_installation(given.config, read_only=given.dry_run) as installation:
        desk = installation.desk()
        chosen = _chosen(desk, given)
        if len(chosen) != 1:
            raise ConfigError(
                f"a replay is of one flow; these are of {listed(sorted(chosen))}",
                hint="say --flow, or replay one after the other",
            )
        ((flow, places),) = chosen.items()
        model = read_replay(desk, flow, places)
        if given.dry_run and given.json:
            print_json(describe_replay(model))
        elif not given.json or not given.yes:
            _preview(model, to_error=given.json)
        if model.obstacle:
            raise RefusedError(model.obstacle, hint=model.hint)
        if given.dry_run:
            return Exit.DONE
        if not given.yes and not _agreed(model):
            say(given, {"replayed": 0}, "Nothing was sent.")
            return Exit.REFUSED
        return _run(installation, given, model)


def _run(installation: Installation, given: argparse.Namespace, model: ReplayModel) -> int:
    run_id = installation.request_replay(model.flow, model.places, installation.person())
    interrupted = work_off(installation, [run_id], quiet=given.json)
    run = installation.store.runs.get(run_id)
    if given.json:
        print_json(describe_replay(model) | {"run": described(installation.store, [run])[0]})
    else:
        summary([run], installation.store)
    return Exit.INTERRUPTED if interrupted else judge(installation.store, [run])


def _preview(model: ReplayModel, *, to_error: bool) -> None:
    """What is about to happen, on standard error, so that an answer in JSON stays one."""
    out = console(error=True)
    out.print(Text(model.sentence, "bold"))
    if to_error:
        return
    width = max(len(label) for label, _ in model.facts)
    for label, text in model.facts:
        out.print(Text.assemble((f"{label.ljust(width)}   ", "dim"), text))


def _agreed(model: ReplayModel) -> bool:
    nobody = ConfigError(
        f"nobody is here to agree that {counted(model.records, 'record')} of {model.flow} are sent once more",
        hint="look at it with --dry-run, then say --yes",
    )
    return asked(f"Type replay to send {counted(model.records, 'record')}: ", nobody) == "replay"


def _chosen(desk: Desk, given: argparse.Namespace) -> dict[str, list[Place]]:
    """What was named by its ids, or everything open of a flow or of one of its causes; by flow."""
    if bool(given.id) == bool(given.flow or given.cause or given.reject_class):
        raise ConfigError(
            "which rejects?",
            hint="name them by their ids (12/5), or say --flow, --class and --cause; `rejects list` shows them",
        )
    found: dict[str, list[Place]] = {}
    if given.id:
        for place in map(place_of, given.id):
            found.setdefault(desk.store.runs.get(place.run_id).flow, []).append(place)
        return found
    _check_flow(desk, given.flow)
    targets = {number: flow.name for number, flow in load_flows(desk).items() if given.flow in (None, flow.name)}
    groups = list(_groups(desk, list(targets), RejectFilter(reject_class=_class(given))))
    for group in _fitting(groups, given.cause) if given.cause else groups:
        places = desk.store.cases.places(group.target_id, group.cause)
        found.setdefault(group.flow, []).extend(places)
    if not found:
        raise ConfigError(
            f"nothing is open{f' in {given.flow}' if given.flow else ''}", hint="`rejects list` shows what is"
        )
    return found


def _groups(desk: Desk, targets: list[int], of: RejectFilter) -> Iterator[CauseGroup]:
    after, which = None, of.which(desk, targets)
    while page := desk.store.cases.groups(targets, after, _PAGE, which=which):
        yield from page
        after = page[-1].mark


def _fitting(groups: Sequence[CauseGroup], cause: str) -> list[CauseGroup]:
    """The groups of exactly this cause; ConfigError names the near ones when there is none."""
    exact = [group for group in groups if cause in (group.cause, clean(group.cause, limit=300))]
    if exact:
        return exact
    near = [clean(group.cause, limit=120) for group in groups if cause.casefold() in group.cause.casefold()]
    hint = f"did you mean {listed(repr(one) for one in near[:3])}?" if near else "`rejects list` shows the causes"
    raise ConfigError(f"nothing is open for the cause {clean(cause)!r}", hint=hint)


def _check_flow(desk: Desk, name: str | None) -> None:
    known = [flow.name for flow in desk.flows]
    if name is not None and name not in known:
        raise ConfigError(f"there is no flow {clean(name)}", hint=f"there are {', '.join(known)}")


def place_of(text: str) -> Place:
    """A reject by its id as lists show it, run and position (12/5); ConfigError otherwise."""
    found = _ID.fullmatch(text.strip())
    if found is None:
        raise ConfigError(f"{clean(text)} is no reject", hint="write its run and position as `rejects list` does: 12/5")
    return Place(int(found[1]), int(found[2]))


def _describe(model: RejectsModel, rows: Sequence[CauseRow]) -> dict[str, Any]:
    return {
        "sentence": f"{model.first} {model.second}", "open": model.records, "causes_open": model.count,
        "ages": dict(model.ages), "classes": {kind.value: count for kind, count in model.classes},
        "causes": [
            {
                "flow": row.group.flow, "cause": row.group.cause, "kind": row.cause.kind,
                "class": row.cause.reject_class, "class_words": row.cause.reject_class.sentence,
                "fix": row.cause.fix, "owner": row.group.owner or None,
                "owners": "several" if row.group.owner is None else "one" if row.group.owner else "none",
                "replayable": row.cause.replayable, "records": row.group.records,
                "gross": {c: str(a) for c, a in row.missing.gross.items()} if row.missing else None,
                "net": {c: str(a) for c, a in row.missing.net.items()} if row.missing else None,
                "unknown_amounts": row.missing.unknown if row.missing else None, "since": row.group.since,
                "first_run": row.group.first_run, "last_run": row.group.last_run, "runs": row.group.runs,
                "next": row.next,
            }
            for row in rows
        ],
        "solved": [{"at": one.at, "how": one.mark.word, "words": one.words} for one in model.solved],
    }  # fmt: skip


def _describe_record(cause: CauseRow, row: RecordRow) -> dict[str, Any]:
    return {
        "id": str(row.place), "flow": cause.group.flow, "key": row.key, "cause": cause.group.cause,
        "class": cause.cause.reject_class, "owner": row.owner or None, "since": cause.group.since,
        "amount": row.amount, "currency": row.currency or None, "values": dict(row.values),
    }  # fmt: skip
