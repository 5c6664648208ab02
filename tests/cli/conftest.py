"""The simulated tenants, as tests/sandbox starts them."""

from tests.sandbox.conftest import sandbox, server

__all__ = ["sandbox", "server"]
