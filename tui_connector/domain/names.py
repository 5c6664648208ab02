"""What a tenant calls the members that its numbers stand for: shown beside them, never part of what is signed."""

from __future__ import annotations

from typing import NamedTuple


class Member(NamedTuple):
    """A number that may have a name. field: of a line. company_code: decides the chart and area; "" for a company."""

    field: str
    company_code: str
    code: str
