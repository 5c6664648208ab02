"""Arguments: every verb with its options, and the exit codes; what a verb needs is imported when it runs."""

from __future__ import annotations

import argparse
import sys
from enum import IntEnum

TYPE_CHECKING = False  # known to type checkers by its name; importing typing for it takes a tenth of --help
if TYPE_CHECKING:
    from collections.abc import Sequence

    _Verbs = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no public name

EPILOG = """exit codes: 0 done · 1 failed · 2 usage or configuration · 3 done with rejected records · 4 not tied ·
5 waiting for a person · 6 refused · 7 outcome unknown, held · 130 interrupted"""


class Exit(IntEnum):
    """What a command's exit code says."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    REJECTS = 3
    NOT_TIED = 4
    WAITING = 5
    REFUSED = 6
    UNKNOWN = 7
    INTERRUPTED = 130


def build_parser() -> argparse.ArgumentParser:
    """The whole command line; each verb names its function as "module:function"."""
    parser = argparse.ArgumentParser(
        prog="tui-connector",
        description="Connect SAP S/4HANA and Anaplan.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    parser.add_argument("--config", metavar="PATH", help="configuration file (default: config.toml)")
    parser.add_argument("--no-ui", action="store_true", help="run the worker alone until SIGTERM")
    parser.add_argument("--readonly", action="store_true", help="a console that can change nothing")
    parser.add_argument("--theme", choices=("dark", "light"), default="dark", help="how the console looks")
    parser.add_argument("--calm", action="store_true", help="the console redraws once in five seconds at most")
    text = "the console's views as lines: overview, run ID, proposal ID, audit [FILTER], flows, connections"
    parser.add_argument("--plain", nargs="*", metavar="VIEW", help=text)
    parser.add_argument("--follow", action="store_true", help="with --plain: then one line for each change")
    parser.set_defaults(handler="", json=False)
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_demo(verbs)
    _add_setup(verbs)
    _add_flows(verbs)
    _add_rejects(verbs)
    _add_proposals(verbs)
    _add_periods(verbs)
    _add_approver(verbs)
    _add_audit(verbs)
    _add_store(verbs)
    _add_alerts(verbs)
    _add_serve(verbs)
    _add_manual(verbs)
    _add_service(verbs)
    return parser


def _verb(under: _Verbs, name: str, handler: str, text: str) -> argparse.ArgumentParser:
    made = under.add_parser(name, help=text, description=text)
    made.add_argument("--json", action="store_true", help="print JSON")
    made.set_defaults(handler=handler)
    return made


def _group(under: _Verbs, name: str, text: str, handler: str = "") -> _Verbs:
    return _verb(under, name, handler, text).add_subparsers(metavar="ACTION", required=not handler)


def _add_demo(verbs: _Verbs) -> None:
    demo = _verb(verbs, "demo", "demo:demo", "the product, unchanged, against two simulated tenants on this machine")
    demo.add_argument("--no-ui", action="store_true", default=argparse.SUPPRESS, help="without the console")
    demo.add_argument("--once", action="store_true", help="run every flow once, print what happened, and exit")
    items = "posted GL line items, up to 2500000 (default: 20000)"
    demo.add_argument("--line-items", type=int, default=20_000, metavar="N", help=items)
    demo.add_argument("--state", metavar="FOLDER", help="keep the demo's store here (default: a temporary folder)")


def _add_setup(verbs: _Verbs) -> None:
    config = _group(verbs, "config", "check or show the configuration")
    _verb(config, "check", "setup:config_check", "check config.toml and every flow in it")
    _verb(config, "show", "setup:config_show", "print the settings in force; secrets are never among them")

    _verb(config, "sample", "setup:config_sample", "print a commented config.toml with every setting")

    keys = _group(verbs, "keys", "the master key that seals the credentials")
    init = _verb(keys, "init", "setup:keys_init", "make the master key")
    sources = ("file", "keyring", "passphrase", "systemd")
    init.add_argument("--source", choices=sources, help="where to keep it (default: [vault] key)")
    _verb(keys, "rotate", "setup:keys_rotate", "make a new master key and seal every credential anew")

    credentials = _group(verbs, "credentials", "the tenants' secrets, sealed in the store")
    text = "store a connection's secrets: asked for, or NAME=VALUE lines on standard input"
    put = _verb(credentials, "set", "setup:credentials_set", text)
    put.add_argument("name", metavar="NAME", help="connection, for example sap.main or anaplan.main")
    _verb(credentials, "list", "setup:credentials_list", "which connections have secrets, without showing any")
    drop = _verb(credentials, "delete", "setup:credentials_delete", "forget a connection's secrets")
    drop.add_argument("name", metavar="NAME", help="connection, for example sap.main")

    connections = _group(verbs, "connections", "the configured tenants and how they are", "connections:show")
    text = "reach the tenants: token, rights, latency, clock, model"
    ping = _verb(connections, "ping", "connections:ping", text)
    ping.add_argument("name", nargs="?", metavar="NAME", help="one connection (default: all)")
    text = "what an Anaplan workspace and model offer: models, actions, files"
    look = _verb(connections, "discover", "connections:look_into", text)
    look.add_argument("name", nargs="?", metavar="NAME", help="one connection (default: every Anaplan model)")

    text = "look at everything that a run will need, before one is started: here, at the tenants, for each flow"
    doctor = _verb(verbs, "doctor", "doctor:examine", text)
    doctor.add_argument("flow", nargs="*", metavar="FLOW", help="these flows and their tenants only (default: all)")


def _add_flows(verbs: _Verbs) -> None:
    text = "the flows in running order, with watermark and next due time"
    flows = _group(verbs, "flows", text, "flows:show")
    pause = _verb(flows, "pause", "schedule:pause", "let a flow not start by itself any more")
    pause.add_argument("--reason", required=True, metavar="TEXT", help="why; kept for good")
    resume = _verb(flows, "resume", "schedule:resume", "let it start by itself again, from its next slot on")
    for one in (pause, resume):
        one.add_argument("flow", metavar="FLOW", help="its name, for example gl_accounts")
    start = _verb(verbs, "run", "flows:run", "run flows now and show their progress")
    start.add_argument("flow", nargs="*", metavar="FLOW", help="flows to run; --all for every one")
    start.add_argument("--all", action="store_true", help="every enabled flow")
    start.add_argument("--full", action="store_true", help="read everything and send all of it again")
    start.add_argument("--dry-run", action="store_true", help="read and compare only; nothing is sent")
    start.add_argument("--since", metavar="TIME", help="changes since 2026-11-01 or 2026-11-01T06:00:00Z")

    runs = _verb(verbs, "runs", "runs:show", "history, or one run's steps")
    runs.usage = (
        "tui-connector runs [ID] [--follow] [--filter TEXT] [--limit N]\n"
        "       tui-connector runs cancel ID --reason TEXT\n"
        "       tui-connector runs allow ID --reason TEXT"
    )
    runs.add_argument(
        "id", nargs="?", type=_run_or_verb, metavar="ID", help="one run; cancel ID, allow ID: end it, or let it go on"
    )
    runs.add_argument("of", nargs="?", type=int, metavar="", help=argparse.SUPPRESS)
    runs.add_argument("--reason", metavar="TEXT", help="with cancel and allow: why; kept for good")
    runs.add_argument("--follow", action="store_true", help="go on printing what happens until it ends")
    runs.add_argument("--filter", metavar="TEXT", help='those that fit, for example "outcome:untied since:Mon"')
    runs.add_argument("--limit", type=int, default=20, metavar="N", help="how many runs, or scopes that differ")

    text = "whether Anaplan holds what SAP holds: of a run, of a flow, or each flow in one line"
    tie = _verb(verbs, "tie", "tie:show", text)
    tie.add_argument("of", nargs="?", metavar="RUN|FLOW", help="a run's number, or a flow's name for its newest one")
    tie.add_argument("--limit", type=int, default=20, metavar="N", help="how many scopes that differ (default: 20)")
    tie.add_argument("--scopes", action="store_true", help="every scope with what each hop tells of it")
    tie.add_argument("--output", metavar="FILE", help="with --scopes: write them as CSV")


_RUN_VERBS = ("cancel", "allow")


def _run_or_verb(text: str) -> int | str:
    """A run's number, or what is to be done with one."""
    if text not in _RUN_VERBS and not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no run's number")
    return text if text in _RUN_VERBS else int(text)


def _add_rejects(verbs: _Verbs) -> None:
    group = _verb(verbs, "rejects", "rejects:listing", "what was refused and why: show, assign, waive, replay")
    group.set_defaults(records=False, waived=False, limit=200, cause=None, owner=None, reject_class=None)
    group.add_argument("--flow", metavar="FLOW", help="of one flow only")
    under = group.add_subparsers(metavar="ACTION")
    listing = _verb(under, "list", "rejects:listing", "open rejects by cause, the oldest first")
    listing.add_argument("--records", action="store_true", help="each record with its id")
    listing.add_argument("--waived", action="store_true", help="those that a person lets be, instead of the open ones")
    listing.add_argument("--limit", type=int, default=200, metavar="N", help="how many rows (default: 200)")
    listing.add_argument("--owner", metavar="NAME", help='those that this person sees to; "-" for nobody')
    show = _verb(under, "show", "rejects:show", "one refused record: cause, values, what was said, where it is from")
    show.add_argument("id", metavar="ID", help="its run and position, for example 12/5")
    waive = _verb(under, "waive", "rejects:waive", "let rejects be, until their records change or the cause does")
    waive.add_argument("--reason", required=True, metavar="TEXT", help="why; kept for good")
    waive.add_argument("--take-back", action="store_true", help="take the waiver of these records back")
    assign = _verb(under, "assign", "rejects:assign", "give rejects to a person who sees to them")
    assign.add_argument("--to", required=True, metavar="NAME", help='who; "" takes it back')
    note = _verb(under, "note", "rejects:note", "write a note on rejects, in place of the one before")
    note.add_argument("id", nargs="+", metavar="ID", help="run and position, for example 12/5")
    note.add_argument("text", metavar="TEXT", help='the note; "" takes it away')
    replay = _verb(under, "replay", "rejects:replay", "send exactly these records once more")
    replay.add_argument("--dry-run", action="store_true", help="only show what it would do")
    replay.add_argument("--yes", action="store_true", help="do not ask")
    for one in (waive, assign, replay):
        one.add_argument("id", nargs="*", metavar="ID", help="run and position, for example 12/5")
    for one in (listing, waive, assign, replay):
        one.add_argument("--flow", metavar="FLOW", help="everything open of this flow")
        one.add_argument("--cause", metavar="TEXT", help="of this cause only, as `rejects list` writes it")
        one.add_argument("--class", dest="reject_class", metavar="CLASS", help="of this class, such as unknown-member")


def _add_proposals(verbs: _Verbs) -> None:
    text = "what would be posted: review, decide, sign, post, reverse"
    group = _verb(verbs, "proposals", "proposals:overview", text)
    group.set_defaults(all=False, limit=20)
    under = group.add_subparsers(metavar="ACTION")
    listing = _verb(under, "list", "proposals:overview", "what waits or is open, newest first")
    listing.add_argument("--all", action="store_true", help="those that ended as well")
    listing.add_argument("--limit", type=int, default=20, metavar="N", help="how many (default: 20)")

    show = _proposal(under, "show", "review:show", "one proposal: target, gates, sums, documents, signatures")
    show.add_argument("--lines", action="store_true", help="its lines as well")
    show.add_argument("--all-lines", action="store_true", help="those that did not change as well")
    show.add_argument("--document", type=int, metavar="N", help="of one document only")
    export = _proposal(under, "export", "proposals:export", "the review pack for people without a terminal")
    formats = ("csv", "json", "html", "return")
    export.add_argument("--format", choices=formats, help="return: what planners get back (default: csv)")
    export.add_argument("--output", metavar="FILE", help="write this file (default: standard output)")

    for name, text in (
        ("hold", "set a proposal or lines of it aside"),
        ("release", "take a hold back"),
        ("reject", "end a proposal, or leave lines of it out"),
    ):
        decide = _proposal(under, name, f"proposals:{name}", text)
        decide.add_argument("--reason", required=True, metavar="TEXT", help="why; kept for good")
        decide.add_argument("--lines", metavar="LIST", help="only these lines, for example 3,7-9")
    comment = _proposal(under, "comment", "proposals:comment", "write beside lines")
    comment.add_argument("--lines", required=True, metavar="LIST", help="for example 3,7-9")
    comment.add_argument("--text", required=True, metavar="TEXT", help='"" takes the comment back')

    text = "export the plan again and look whether it is still what the proposal was made from"
    _proposal(under, "compare", "compare:compare", text)
    _proposal(under, "revise", "posting:revise", "propose again without the lines that were taken out")
    approve = _proposal(under, "approve", "posting:approve", "sign with your own key; asks for its passphrase")
    approve.add_argument("--fingerprint", metavar="DIGITS", help='instead of being asked, for example "7f3a 91c2"')
    approve.add_argument("--key", metavar="PATH", help="your key (default: where `approver init` puts it)")
    approve.add_argument("--wait", action="store_true", help="post it and wait until it is proved")
    _proposal(under, "post", "posting:post", "post what is approved, look up what is open, and wait for it")
    reverse = _proposal(under, "reverse", "posting:reverse", "propose the opposite of what was posted")
    reverse.add_argument("--reason", required=True, metavar="TEXT", help="why; kept for good")
    choose = _proposal(under, "choose", "posting:choose", "decide on a held document after you looked it up in SAP")
    choose.add_argument("document", type=int, metavar="DOCUMENT", help="its number in the proposal")
    how = choose.add_mutually_exclusive_group(required=True)
    how.add_argument("--send-again", action="store_true", help="SAP does not hold it: send it again")
    how.add_argument("--posted", metavar="NUMBER/YEAR", help="SAP holds it under this number")
    how.add_argument("--not-posted", action="store_true", help="SAP does not hold it, and it shall not be sent")
    choose.add_argument("--reason", required=True, metavar="TEXT", help="why; kept for good")
    choose.add_argument("--fingerprint", required=True, metavar="DIGITS", help="of the proposal")
    text = "confirm that a store put back from a backup was compared with SAP"
    restored = _verb(under, "restored", "posting:restored", text)
    restored.add_argument("--reason", required=True, metavar="TEXT", help="what was compared; kept for good")


def _proposal(under: _Verbs, name: str, handler: str, text: str) -> argparse.ArgumentParser:
    made = _verb(under, name, handler, text)
    made.add_argument("id", metavar="ID", help="P-0017, 17, or eight digits of its fingerprint")
    return made


def _add_periods(verbs: _Verbs) -> None:
    group = _verb(verbs, "periods", "periods:show", "the close calendar: which periods take postings")
    group.set_defaults(company=None)
    under = group.add_subparsers(metavar="ACTION")
    listing = _verb(under, "list", "periods:show", "periods that somebody has set")
    listing.add_argument("company", nargs="?", metavar="COMPANY", help="of one company code")
    for name, text in (
        ("open", "let a period take postings"),
        ("soft", "let it take them with a second approver only"),
        ("close", "let it take none"),
    ):
        change = _verb(under, name, "periods:change", text)
        change.set_defaults(status=name)
        change.add_argument("company", metavar="COMPANY", help="company code, for example 1010")
        change.add_argument("period", metavar="PERIOD", help="011/2026, or a range: 001/2026-012/2026")
        change.add_argument("--reason", required=True, metavar="TEXT", help="why; kept for good")


def _add_approver(verbs: _Verbs) -> None:
    under = _group(verbs, "approver", "the keys that approvers sign with")
    init = _verb(under, "init", "approver:init", "make your own key, sealed by a passphrase")
    init.add_argument("--name", required=True, metavar="NAME", help="what the key is called, for example a.novak")
    show = _verb(under, "show", "approver:show", "your key, and whether it is enrolled")
    for one in (init, show):
        one.add_argument("--key", metavar="PATH", help="its file (default: in your configuration folder)")
    _verb(under, "list", "approver:listing", "who is enrolled and may approve here")


def _add_audit(verbs: _Verbs) -> None:
    audit = _group(verbs, "audit", "the audit chain and each record's story")
    show = _verb(audit, "show", "audit:show", "events that fit, newest last; or all of them as a file")
    text = "terms such as since:Mon by:a.novak outcome:failed; quote them where one begins with -"
    show.add_argument("filter", nargs="*", metavar="FILTER", help=text)
    show.add_argument("--run", type=int, metavar="ID", help="of one run")
    show.add_argument("--kind", metavar="KIND", help='of one kind ("run.failed") or family ("run.")')
    show.add_argument("--limit", type=int, metavar="N", help="the newest N (default: 50; of a file: all)")
    formats = ("csv", "jsonl", "text")
    show.add_argument("--format", choices=formats, help="write what fits so, oldest first (default: csv)")
    show.add_argument("--output", metavar="FILE", help="into this file instead of standard output")
    text = "the story of one thing, from the store: from SAP or the plan to where it is now; of a cell see explain"
    trace = _verb(audit, "trace", "trace:trace", text)
    text = "a record's or plan line's key, a reference (PL…), a document in SAP (1010/0100000008/2026), a proposal"
    text += "; or, in several words, a cell or a member, whose documents are told as `audit explain` tells them"
    trace.add_argument("what", nargs="+", metavar="KEY", help=text)
    trace.add_argument("--flow", metavar="FLOW", help="of a key in one flow only")
    text = "back from what Anaplan holds to the records of SAP that make it, or on to their cells; asks both sides"
    explain = _verb(audit, "explain", "explain:explain", text)
    text = 'a cell (gl_line_items 1010 0000400000 2026 011 EUR), a member ("Cost Centers" 0000001000), a document'
    text += " (1010/0100000008/2026, purchase_orders 4500000001), a plan line that was posted, or a record's key"
    explain.add_argument("what", nargs="+", metavar="WHAT", help=text)
    for one in (trace, explain):
        one.add_argument("--kept", action="store_true", help="what both sides said the last time; asks nobody")
        one.add_argument("--limit", type=int, default=50, metavar="N", help="how many records of SAP (default: 50)")
    verify = _verb(audit, "verify", "audit:verify", "recompute the whole chain and the records it covers")
    verify.add_argument("--note", action="store_true", help="let the log tell that it was verified, and how that ended")
    text = "hold these signed checkpoints against it: what was cut, put back or written anew is found"
    verify.add_argument("--anchor", metavar="FILE", help=text)
    text = "trust this key alone: a line of `audit key`, or a file of them (default: those of the store)"
    verify.add_argument("--key", metavar="KEY", help=text)
    text = "recompute the chain from this event on; before it, it is taken as good"
    verify.add_argument("--from", dest="since", type=_event, default=1, metavar="SEQ", help=text)
    text = "sign how far the log reaches now, and send that out by every way of [evidence]"
    _verb(audit, "checkpoint", "audit:checkpoint", text)
    _verb(audit, "key", "audit:key", "the public half of the key that signs checkpoints, to be kept elsewhere")
    export = _verb(
        audit, "export", "evidence:export", "an evidence pack for an auditor: one archive, checked by itself"
    )
    export.add_argument("--period", metavar="PERIOD", help="of a fiscal period, for example 011/2026")
    export.add_argument("--company", metavar="COMPANY", help="proposals of this company code only, for example 1010")
    export.add_argument("--since", metavar="TIME", help="of a stretch of time: from then on, such as 2026-11-01 or Mon")
    export.add_argument("--until", metavar="TIME", help="up to then, that moment left out (default: now)")
    export.add_argument("--proposal", metavar="ID", help="of one proposal, for example P-0001")
    export.add_argument("--output", metavar="FILE", help="write this file (default: evidence-….zip, never overwritten)")
    export.add_argument("--note", action="store_true", help="let the log tell that it was exported, with its digest")
    _add_keeping(audit)


def _add_keeping(audit: _Verbs) -> None:
    retention = _verb(
        audit, "retention", "keeping:retention", "erase what is older than [retention] says, class by class"
    )
    hold = _group(audit, "hold", "legal holds, which nothing is erased against", "keeping:holds")
    _verb(hold, "list", "keeping:holds", "the holds in force")
    add = _verb(hold, "add", "keeping:hold", "keep everything, or what it names, from being erased")
    add.add_argument("--run", type=int, metavar="ID", help="of one run only")
    add.add_argument("--since", metavar="TIME", help="of this moment and later, for example 2026-11-01")
    add.add_argument("--until", metavar="TIME", help="of before this moment")
    add.add_argument("--proposal", metavar="ID", help="of the runs of a proposal, for example P-0001")
    add.add_argument("--period", metavar="PERIOD", help="of what an export of a period holds, for example 011/2026")
    add.add_argument("--company", metavar="COMPANY", help="with --period: proposals of this company code only")
    release = _verb(hold, "release", "keeping:release", "end a hold")
    erase = _verb(audit, "erase", "keeping:erase", "erase a person's name where nothing is verified by it")
    erase.add_argument("person", metavar="PERSON", help="the name as it is written")
    for one in (retention, erase):
        one.add_argument("--dry-run", action="store_true", help="only tell what would be erased")
    for one in (add, release):
        one.add_argument("name", metavar="NAME", help="what the hold is called")
    for one in (add, release, erase):
        one.add_argument("--reason", required=True, metavar="TEXT", help="why; kept for good")


def _add_store(verbs: _Verbs) -> None:
    store = _group(verbs, "store", "the store: back it up, put it back, move it")
    make = _verb(store, "backup", "backup:make", "copy it while it is in use, and verify the copy")
    make.add_argument("file", metavar="FILE", help="a file that is not there yet")
    put_back = _verb(store, "restore", "backup:put_back", "put a backup in its place, after verifying it")
    put_back.add_argument("file", metavar="FILE", help="what `store backup` wrote")
    put_back.add_argument("--reason", required=True, metavar="TEXT", help="why; kept for good")
    copy = _verb(store, "copy", "store:copy", "move an installation to another database, verified by count and chain")
    copy.add_argument("source", metavar="FROM", help="the path of a file, sqlite:///… or postgresql://…")
    copy.add_argument("target", metavar="TO", help="an empty database, or a file that is not there yet")
    grant = _verb(store, "grant", "store:grant", "print the SQL that gives a role of PostgreSQL its rights")
    grant.add_argument("role", metavar="ROLE", help="it may read, and the server refuses it everything else")
    grant.add_argument("--write", action="store_true", help="it may write as well, as a worker or an approver does")
    grant.add_argument("--schema", default="public", metavar="NAME", help="where the tables are (default: public)")


def _add_alerts(verbs: _Verbs) -> None:
    group = _verb(verbs, "alerts", "alerts:listing", "what people are told who are not looking, and whether they were")
    group.set_defaults(all=False, limit=50)
    under = group.add_subparsers(metavar="ACTION")
    listing = _verb(under, "list", "alerts:listing", "what stands, and who was told")
    listing.add_argument("--all", action="store_true", help="what is over as well")
    listing.add_argument("--limit", type=int, default=50, metavar="N", help="with --all: how many (default: 50)")
    test = _verb(under, "test", "alerts:test", "send a test to the targets")
    test.add_argument("target", nargs="*", metavar="TARGET", help="of [alerts.targets] (default: every one)")
    _verb(under, "look", "alerts:look", "look once and tell what is new, as a worker does; for a timer beside it")


def _event(text: str) -> int:
    """An event's number."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no event's number")
    return int(text)


def _add_serve(verbs: _Verbs) -> None:
    serve = _verb(
        verbs, "serve", "serve:serve", "the console in a browser, on this machine alone unless told otherwise"
    )
    serve.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="where to listen (default: 127.0.0.1)")
    serve.add_argument("--port", type=int, default=8000, metavar="N", help="default: 8000")
    text = "a name under which a proxy answers for this server; may be given again"
    serve.add_argument("--name", action="append", default=[], metavar="HOST", help=text)
    text = "listen where other machines come in, though the page asks nobody who they are"
    serve.add_argument("--unauthenticated", action="store_true", help=text)
    text = "consoles that can change nothing"
    serve.add_argument("--readonly", action="store_true", default=argparse.SUPPRESS, help=text)


def _add_manual(verbs: _Verbs) -> None:
    completion = _verb(verbs, "completion", "manual:complete", "a script that lets a shell complete these commands")
    completion.add_argument("shell", choices=("bash", "zsh", "tcsh", "fish"), help="for which shell")
    page = _verb(verbs, "help", "manual:show", "a page on a command: synopsis, options, examples, exit codes")
    page.add_argument("command", nargs="*", metavar="COMMAND", help="for example rejects replay; default: the program")


def _add_service(verbs: _Verbs) -> None:
    service = _group(verbs, "service", "the worker as a service of this machine")
    unit = _verb(service, "unit", "unit:unit", "print the hardened systemd unit for this configuration")
    unit.add_argument("--user", default="tui-connector", metavar="NAME", help="who it runs as (default: tui-connector)")
    _verb(verbs, "metrics", "metrics:show", "how runs, rows and documents stand, as Prometheus reads it")


def run(arguments: Sequence[str]) -> int:
    """Parse, run the verb, and turn its end into an exit code."""
    arguments = list(arguments)
    parser = build_parser()
    given = parser.parse_args(arguments)
    if given.version:
        from tui_connector import __version__

        print(__version__)
        return Exit.DONE
    alone = "worker:serve" if given.no_ui else "console:start" if given.plain is None else "plain:show"
    handler = given.handler or alone
    from tui_connector.cli.out import fail
    from tui_connector.domain import errors

    module, function = handler.split(":")
    try:
        return int(getattr(_load(module), function)(given))
    except errors.ConnectorError as error:
        fail(given, error)
        kinds = {
            errors.ConfigError: Exit.USAGE,
            errors.OutcomeUnknownError: Exit.UNKNOWN,
            errors.StaleProposalError: Exit.REFUSED,
            errors.RefusedError: Exit.REFUSED,
        }
        return next((code for kind, code in kinds.items() if isinstance(error, kind)), Exit.FAILED)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; so does the interpreter's own complaint
        return Exit.FAILED
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except Exception:
        import logging

        # by the log, whose lines hold no secret: the interpreter would print what the exception quotes
        logging.getLogger("tui_connector").critical("an unexpected fault in the connector", exc_info=True)
        return Exit.FAILED


def _load(module: str) -> object:
    import importlib

    return importlib.import_module(f"tui_connector.cli.{module}")
