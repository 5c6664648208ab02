"""The console wing: reads the store, writes commands and decisions, never calls a tenant."""
