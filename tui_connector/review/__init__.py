"""A proposal for people without a terminal: a page to print, a sheet, and the whole evidence as JSON."""
