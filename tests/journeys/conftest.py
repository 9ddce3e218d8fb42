"""The one browser of a worker goes at the end of its session; in CI a journey that failed is tried once more, and said so."""

import os
from collections.abc import AsyncIterator

import pytest

from tests.journeys.serving import close_chromium


@pytest.fixture(scope="session", autouse=True)
async def _browser() -> AsyncIterator[None]:
    """Closed last."""
    yield
    await close_chromium()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser beside ninety others and two databases has moments that no state announces: CI asks it twice (decision 82), a developer once."""
    if os.environ.get("CI"):
        for item in items:
            if item.get_closest_marker("browser") is not None:
                item.add_marker(pytest.mark.flaky(reruns=1))
