"""A clinic with its cast, on a database of the test's own."""

from collections.abc import AsyncIterator

import pytest

from sojourn.record.database import Dsn
from tests.people import Clinic, close_clinic, open_clinic


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations, everybody signed in."""
    made = await open_clinic(database)
    yield made
    await close_clinic(made)
