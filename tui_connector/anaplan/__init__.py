"""Anaplan: authentication, discovery, files in chunks, actions and their tasks."""
