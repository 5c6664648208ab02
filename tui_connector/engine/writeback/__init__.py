"""Plans into the ledger: export, parse, propose, judge; and after a person has signed: post, look up, prove, undo."""
