"""The command `tui-connector`."""

from __future__ import annotations

import sys

# What --help says at 80 columns, kept ready: reading it must not cost the making of a whole command line.
HELP = """\
usage: tui-connector [-h] [--version] [--config PATH] [--no-ui] [--readonly]
                     [--theme {dark,light}] [--calm] [--plain [VIEW ...]]
                     [--follow]
                     COMMAND ...

Connect SAP S/4HANA and Anaplan.

options:
  -h, --help            show this help message and exit
  --version             print the version
  --config PATH         configuration file (default: config.toml)
  --no-ui               run the worker alone until SIGTERM
  --readonly            a console that can change nothing
  --theme {dark,light}  how the console looks
  --calm                the console redraws once in five seconds at most
  --plain [VIEW ...]    the console's views as lines: overview, run ID,
                        proposal ID, audit [FILTER], flows, connections
  --follow              with --plain: then one line for each change

commands:
  COMMAND
    demo                the product, unchanged, against two simulated tenants
                        on this machine
    config              check or show the configuration
    keys                the master key that seals the credentials
    credentials         the tenants' secrets, sealed in the store
    connections         the configured tenants and how they are
    doctor              look at everything that a run will need, before one is
                        started: here, at the tenants, for each flow
    flows               the flows in running order, with watermark and next
                        due time
    run                 run flows now and show their progress
    runs                history, or one run's steps
    tie                 whether Anaplan holds what SAP holds: of a run, of a
                        flow, or each flow in one line
    rejects             what was refused and why: show, assign, waive, replay
    proposals           what would be posted: review, decide, sign, post,
                        reverse
    periods             the close calendar: which periods take postings
    approver            the keys that approvers sign with
    audit               the audit chain and each record's story
    store               the store: back it up, put it back, move it
    alerts              what people are told who are not looking, and whether
                        they were
    serve               the console in a browser, on this machine alone unless
                        told otherwise
    completion          a script that lets a shell complete these commands
    help                a page on a command: synopsis, options, examples, exit
                        codes
    service             the worker as a service of this machine
    metrics             how runs, rows and documents stand, as Prometheus
                        reads it

exit codes: 0 done · 1 failed · 2 usage or configuration · 3 done with rejected records · 4 not tied ·
5 waiting for a person · 6 refused · 7 outcome unknown, held · 130 interrupted
"""


def main() -> int:
    """Run the command line; the process's exit code."""
    if sys.argv[1:] in (["--help"], ["-h"]):
        print(HELP, end="")
        return 0
    from tui_connector.cli import run
    from tui_connector.cli.discreet import leave_no_core

    leave_no_core()
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
