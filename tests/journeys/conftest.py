"""The one browser of a worker goes at the end of its session."""

from collections.abc import AsyncIterator

import pytest

from tests.journeys.serving import close_chromium


@pytest.fixture(scope="session", autouse=True)
async def _browser() -> AsyncIterator[None]:
    """Closed last."""
    yield
    await close_chromium()
