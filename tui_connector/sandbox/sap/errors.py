"""Refusals of the OData services and their codes."""

from __future__ import annotations

FRAMEWORK = "005056A509B11EE1B9A8FEA8DE87F78E"  # 32-digit id of a framework exception
NOT_FOUND = "/IWBEP/CM_MGW_RT/020"
UNKNOWN_SEGMENT = "/IWFND/CM_MGW/051"
NO_SERVICE = "/IWFND/MED/170"


class ODataError(Exception):
    """A request the service refuses: HTTP status, error code and text; details: code and text of each cause."""

    def __init__(self, status: int, code: str, message: str, details: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details or ((code, message),)


def bad_request(message: str, code: str = FRAMEWORK) -> ODataError:
    """400."""
    return ODataError(400, code, message)


def unknown_property(name: str, type_name: str) -> ODataError:
    """400 in the words of the Gateway."""
    return bad_request(f"Property {name} not found in type {type_name}")


def not_found(what: str) -> ODataError:
    """404 for an unknown key."""
    return ODataError(404, NOT_FOUND, f"Resource {what} not found")


def unknown_segment(name: str) -> ODataError:
    """404 for a path segment that is neither an entity set nor a navigation."""
    return ODataError(404, UNKNOWN_SEGMENT, f"Resource not found for the segment '{name}'")
