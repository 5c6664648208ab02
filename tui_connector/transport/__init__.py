"""HTTP to either tenant: one client factory, the retry policy and the shared request budget."""
