"""The simulated Anaplan tenant: tokens, metadata, files, tasks and real import behaviour."""
