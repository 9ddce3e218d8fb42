"""Two databases at a time, and pages that draw alike."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from sojourn.base import ids
from sojourn.record.database import Dsn
from tests.alike import Alike
from tests.conftest import Cluster


@pytest.fixture(autouse=True)
def _alike() -> Iterator[None]:
    """What a page draws for itself alone need not be left out of a comparison."""
    with ids.using(Alike()):
        yield


@pytest.fixture
def databases(cluster: Cluster, template: str) -> Iterator[Callable[[], Dsn]]:
    """Makes fresh, migrated, empty databases."""
    made: list[str] = []

    def fresh() -> Dsn:
        name = f"test_{uuid4().hex}"
        cluster.copy(name, template)
        made.append(name)
        return Dsn(app=cluster.app(name), owner=cluster.owner(name))

    yield fresh
    for name in made:
        cluster.drop(name)
