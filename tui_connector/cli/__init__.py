"""Arguments: every verb with its options, and the exit codes; what a verb needs is imported when it runs."""

from __future__ import annotations

import argparse
import sys
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_EPILOG = """exit codes: 0 done · 1 failed · 2 usage or configuration · 3 done with rejected records · 4 not tied ·
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
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    parser.add_argument("--config", metavar="PATH", help="configuration file (default: config.toml)")
    parser.add_argument("--no-ui", action="store_true", help="run the worker alone until SIGTERM")
    parser.set_defaults(handler="", json=False)
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND")

    def verb(
        name: str, handler: str, text: str, under: argparse._SubParsersAction[argparse.ArgumentParser] = verbs
    ) -> argparse.ArgumentParser:
        made = under.add_parser(name, help=text, description=text)
        made.add_argument("--json", action="store_true", help="print JSON")
        made.set_defaults(handler=handler)
        return made

    def group(name: str, text: str, handler: str | None = None) -> argparse._SubParsersAction[argparse.ArgumentParser]:
        made = verb(name, handler or "", text)
        return made.add_subparsers(metavar="ACTION", required=handler is None)

    demo = verb("demo", "demo:demo", "the product, unchanged, against two simulated tenants on this machine")
    demo.add_argument("--no-ui", action="store_true", default=argparse.SUPPRESS, help="without the console")
    demo.add_argument("--once", action="store_true", help="run every flow once, print what happened, and exit")
    demo.add_argument(
        "--line-items", type=int, default=20_000, metavar="N", help="posted GL line items (default: 20000)"
    )
    demo.add_argument("--state", metavar="FOLDER", help="keep the demo's store here (default: a temporary folder)")

    config = group("config", "check or show the configuration")
    verb("check", "setup:config_check", "check config.toml and every flow in it", config)
    verb("show", "setup:config_show", "print the settings in force; secrets are never among them", config)

    keys = group("keys", "the master key that seals the credentials")
    init = verb("init", "setup:keys_init", "make the master key", keys)
    init.add_argument(
        "--source", choices=("file", "keyring", "passphrase"), help="where to keep it (default: [vault] key)"
    )
    verb("rotate", "setup:keys_rotate", "make a new master key and seal every credential anew", keys)

    credentials = group("credentials", "the tenants' secrets, sealed in the store")
    put = verb(
        "set",
        "setup:credentials_set",
        "store a connection's secrets: asked for, or NAME=VALUE lines on standard input",
        credentials,
    )
    put.add_argument("name", metavar="NAME", help="connection, for example sap.main or anaplan.main")
    verb("list", "setup:credentials_list", "which connections have secrets, without showing any", credentials)
    drop = verb("delete", "setup:credentials_delete", "forget a connection's secrets", credentials)
    drop.add_argument("name", metavar="NAME")

    connections = group("connections", "the configured tenants and how they are", handler="connections:show")
    ping = verb("ping", "connections:ping", "reach the tenants: token, rights, latency, clock, model", connections)
    ping.add_argument("name", nargs="?", metavar="NAME", help="one connection (default: all)")

    verb("flows", "flows:show", "the flows in running order, with watermark and next due time")
    start = verb("run", "flows:run", "run flows now and show their progress")
    start.add_argument("flow", nargs="*", metavar="FLOW", help="flows to run; --all for every one")
    start.add_argument("--all", action="store_true", help="every enabled flow")
    start.add_argument("--full", action="store_true", help="read everything and send all of it again")
    start.add_argument("--dry-run", action="store_true", help="read and compare only; nothing is sent")
    start.add_argument(
        "--since", metavar="TIME", help="read changes since this moment (2026-11-01 or 2026-11-01T06:00:00Z)"
    )

    runs = verb("runs", "runs:show", "history, or one run's steps")
    runs.add_argument("id", nargs="?", type=int, metavar="ID", help="one run")
    runs.add_argument("--follow", action="store_true", help="go on printing what happens until it ends")
    runs.add_argument("--limit", type=int, default=20, metavar="N", help="how many runs (default: 20)")

    audit = group("audit", "the audit chain and each record's story")
    show = verb("show", "audit:show", "events, newest last", audit)
    show.add_argument("--run", type=int, metavar="ID", help="of one run")
    show.add_argument("--kind", metavar="KIND", help='of one kind, for example "run.failed"')
    show.add_argument("--limit", type=int, default=50, metavar="N", help="how many (default: 50)")
    trace = verb("trace", "audit:trace", "everything that happened to one record", audit)
    trace.add_argument("key", metavar="KEY", help="record key, for example YCOA-0061003000")
    trace.add_argument("--flow", metavar="FLOW", help="in one flow only")
    verb("verify", "audit:verify", "recompute the whole chain and the records it covers", audit)
    return parser


def run(arguments: Sequence[str]) -> int:
    """Parse, run the verb, and turn its end into an exit code."""
    arguments = list(arguments)
    parser = build_parser()
    given = parser.parse_args(arguments)
    if given.version:
        from tui_connector import __version__

        print(__version__)
        return Exit.DONE
    handler = given.handler or ("worker:serve" if given.no_ui else "")
    if not handler:
        parser.print_help()
        return Exit.USAGE
    from tui_connector.cli.out import fail
    from tui_connector.domain.errors import ConfigError, ConnectorError, OutcomeUnknownError, StaleProposalError

    module, function = handler.split(":")
    try:
        return int(getattr(_load(module), function)(given))
    except ConnectorError as error:
        fail(given, error)
        kinds = ((ConfigError, Exit.USAGE), (OutcomeUnknownError, Exit.UNKNOWN), (StaleProposalError, Exit.REFUSED))
        return next((code for kind, code in kinds if isinstance(error, kind)), Exit.FAILED)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; so does the interpreter's own complaint
        return Exit.FAILED
    except KeyboardInterrupt:
        return Exit.INTERRUPTED


def _load(module: str) -> object:
    import importlib

    return importlib.import_module(f"tui_connector.cli.{module}")
