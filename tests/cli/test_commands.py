"""x."""

from tests.journeys import conftest as journeys

sandbox_process = journeys.sandbox_process


def test_x(sandbox_process):
    print(sandbox_process)
