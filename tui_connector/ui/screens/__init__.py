"""One file a screen: what it reads, how it is laid out, and its keys."""
