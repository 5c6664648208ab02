"""What each screen says, read from the store as plain values: the console draws it, ``--plain`` prints it."""
