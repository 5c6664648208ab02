"""Examples on the pages of `help`: (what is typed after tui-connector, what it does)."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "": (
        ("demo", "The product against two simulated tenants on this machine; nothing has to be configured."),
        ("--config /etc/tui-connector/config.toml doctor", "Look at everything before the first run."),
        ("--no-ui", "The worker alone, as a service runs it."),
        ("--plain overview --follow", "What the console shows, as lines, and then each change."),
    ),
    "demo": (
        ("demo --no-ui --once", "The whole trip once, from SAP into Anaplan and back, then exit."),
        ("demo --state demo-state", "Keep the demo's store, so that other commands can look at it."),
    ),
    "config": (
        ("config sample > config.toml", "Begin with every setting explained."),
        ("config check", "Check it, and every flow in it."),
    ),
    "keys": (("keys init --source systemd", "Use a key that the service manager hands over."),),
    "credentials": (
        ("credentials set sap.main", "Asks for each secret; or reads NAME=VALUE lines from standard input."),
    ),
    "connections": (
        ("connections ping anaplan.main", "Token, user, workspace, model, clock, each as a check of its own."),
        ("connections discover", "Names and ids of imports, exports, processes and files."),
    ),
    "doctor": (
        ("doctor", "Everything: this machine, the tenants, each flow."),
        (
            "doctor gl_accounts --json",
            "One flow with its tenants, for a program; exit code 1 when something is broken.",
        ),
    ),
    "flows": (
        ("flows pause gl_accounts --reason 'model is rebuilt'", "Let it not start by itself until it is resumed."),
    ),
    "run": (
        ("run gl_accounts cost_centers", "Two flows now, in running order."),
        ("run --all --dry-run", "Read and compare; nothing is sent."),
        ("run suppliers --since 2026-11-01", "What has changed since that day."),
    ),
    "runs": (
        ("runs --filter 'outcome:untied since:Mon'", "Runs of this week that did not tie."),
        ("runs 12 --follow", "One run's steps, and what happens until it ends."),
        ("runs allow 12 --reason 'renamed on purpose'", "Let a run that asked a person go on."),
    ),
    "tie": (
        ("tie", "Each flow in one line."),
        ("tie 12 --scopes --output scopes.csv", "Every scope of one run with what each hop tells of it."),
    ),
    "rejects": (
        ("rejects list --flow cost_centers", "Open rejects by cause, the oldest first."),
        ("rejects replay --flow cost_centers --dry-run", "What sending them once more would do."),
        ("rejects waive 12/5 --reason 'test vendor'", "Let one record be."),
    ),
    "proposals": (
        ("proposals show P-0001 --lines", "Target, gates, sums, documents, lines."),
        ("proposals approve P-0001 --wait", "Sign with your own key, post, wait until it is proved."),
    ),
    "periods": (("periods open 1010 011/2026 --reason 'November close'", "Let a period take postings."),),
    "approver": (("approver init --name a.novak", "Your own key, sealed by a passphrase."),),
    "audit": (
        ("audit trace PL-0012", "The story of a plan's line, station by station."),
        ("audit explain gl_line_items 1010 0000400000 2026 011 EUR", "The documents behind a cell."),
        ("audit verify --anchor checkpoints.txt", "The whole chain, held against checkpoints that left."),
        ("audit export --period 011/2026", "An evidence pack for an auditor."),
    ),
    "alerts": (
        ("alerts", "What stands, and who was told."),
        ("alerts test", "Send a test to every target."),
    ),
    "store": (
        ("store backup /mnt/backup/connector.db", "A verified copy, made while the worker serves."),
        ("store restore /mnt/backup/connector.db --reason 'lost'", "Put it back, with every worker stopped."),
    ),
    "service": (
        ("service unit > /etc/systemd/system/tui-connector.service", "Its first lines tell how to make user and key."),
        ("service unit --user connector --json", "The unit and what would not work, for a program."),
    ),
    "metrics": (
        ("metrics", "What a collector of text files takes."),
        ("metrics --json", "The same figures for a program."),
    ),
    "serve": (("serve --readonly", "The console in a browser on this machine; it can change nothing."),),
    "completion": (
        (
            "completion bash > /etc/bash_completion.d/tui-connector",
            "For bash, from the next shell on.",
        ),
        ("completion zsh > _tui-connector", "For zsh, into a folder of its fpath."),
    ),
}
