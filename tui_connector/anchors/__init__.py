"""Evidence that leaves the machine: checkpoints of the audit chain, signed, sent out, and held against the store."""
