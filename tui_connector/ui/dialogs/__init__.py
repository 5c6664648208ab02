"""What is asked before something is decided, changed or sent."""
