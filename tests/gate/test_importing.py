"""An import goes on when everybody has to be looked up anew."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sojourn.base import errors
from sojourn.gate.importing import CHUNK, Arrival, bring_in
from sojourn.record.database import Dsn
from tests import people
from tests.people import MH, Clinic, close_clinic, consent, open_clinic, patient


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations."""
    made = await open_clinic(database)
    yield made
    await close_clinic(made)


def _arrivals(name: str) -> list[Arrival]:
    """A client who forbids something, and then more than one chunk of others."""
    first = {**patient("First"), "id": f"{name}-first"}
    denial = {**consent(f"{name}-first", "denied", provision={"type": "deny"}), "id": f"{name}-denial"}
    rest = [{**patient(f"P{n}"), "id": f"{name}-{n}"} for n in range(2 * CHUNK)]
    return [Arrival(f"{name}:{n}", MH, resource) for n, resource in enumerate([first, denial, *rest])]


ANEW = """
CREATE FUNCTION record.anew() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN UPDATE record.account SET generation = generation + 1; RETURN NULL; END $$;
CREATE TRIGGER anew AFTER INSERT ON record.ground FOR EACH STATEMENT EXECUTE FUNCTION record.anew();
"""


async def test_rules_that_change_meanwhile_do_not_end_an_import(clinic: Clinic) -> None:
    await clinic.owner.execute(ANEW)  # in the middle of it, when the denial arrives, somebody changes a rule
    access = await clinic.gate.access(clinic.tokens["sys-mh"])
    assert access is not None
    before = await clinic.owner.fetchval("SELECT generation FROM record.account WHERE tenant = $1 AND account = 'sys-mh'", people.A)
    outcomes = [o async for o in bring_in(access, _arrivals("a"), clinic.gate.renewed)]
    assert (sum(o.written for o in outcomes), [r for o in outcomes for r in o.refused]) == (2 * CHUNK + 2, [])
    assert await clinic.owner.fetchval("SELECT generation FROM record.account WHERE tenant = $1 AND account = 'sys-mh'", people.A) > before, "everybody was looked up anew"
    again = await clinic.gate.renewed(access)
    assert again is not None
    assert sum([o.unchanged async for o in bring_in(again, _arrivals("a"), clinic.gate.renewed)]) == 2 * CHUNK + 2
    with pytest.raises(errors.StaleCredential):
        async for _ in bring_in(again, _arrivals("b")):  # nobody to ask
            pass
