"""Connect SAP S/4HANA and Anaplan: master data and actuals one way, approved plan values back as journal entries.

Floors, top to bottom; an import points down, never up, and rooms beside each other do not know one another::

    __main__ > cli > demo > bootstrap > clients > ui | engine | sandbox > views
             > approval | anchors | alerting > sap | anaplan | store | vault | flows | review
             > transport > settings > domain

Two wings meet only in the store. The console (``ui``) reads it and writes commands and decisions; the worker
(``engine``) claims work from it and answers with events. ``bootstrap`` is the one place that puts the parts together.

The trip of one record: ``flows`` declares what moves; ``engine.load`` asks ``sap`` for changed pages, compares each
record with the trail in ``store``, streams the changed ones through ``anaplan`` into a file, runs the import as a task,
reads its result and its failure dump, writes every record's outcome, and only then moves the watermark.

The way back: ``engine.writeback`` exports an approved plan, makes a proposal of it and judges its gates; ``approval``
binds a person's signature to it; the worker then sends document by document through one of ``sap``'s channels, looks
up what it got no answer for, and proves each one by reading it back.

``anchors`` signs how far the audit chain in ``store`` reaches, sends that out of the machine, and holds it against the
store that is there later. ``alerting`` tells people who are not looking what ``views`` says needs one.
"""

__version__ = "0.1.0"
