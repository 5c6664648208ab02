"""The console wing: reads the store, writes commands and decisions, never calls a tenant.

``app`` holds the modes and the keys that work everywhere; ``feed`` tells when the store has moved. A screen
(``screens``) reads its model in a thread (``views`` says what it is), then shows it on the loop through the few
``widgets``, which draw lines (``draw``) whose parts have roles (``look``), not colours. ``dialogs`` ask before anything
is decided or changed.
"""
