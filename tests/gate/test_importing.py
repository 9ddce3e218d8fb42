"""An import goes on when everybody has to be looked up anew, and tells whoever keeps maps of codes that none knows."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sojourn.base import errors
from sojourn.gate.importing import CHUNK, Arrival, bring_in
from sojourn.gate.vocabulary import mapping
from sojourn.gate.vocabulary.mapping import Own
from sojourn.record.database import Dsn
from sojourn.wire.vocabulary.model import LOINC
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


def measured(id_: str, *codings: dict[str, str], text: str = "") -> Arrival:
    """A measurement of somebody, with these codes."""
    code = {"coding": list(codings), **({"text": text} if text else {})}
    return Arrival(id_, MH, {"resourceType": "Observation", "id": id_, "status": "final", "code": code, "subject": {"reference": "Patient/who"}, "valueString": "4"})


LAB = "urn:oid:1.2.3.4"


async def test_codes_that_no_map_knows_are_listed_once_with_their_own_name_and_nothing_else(clinic: Clinic) -> None:
    access = await clinic.gate.access(clinic.tokens["sys-mh"])
    assert access is not None
    await mapping.put(access, Own(LAB, "NA", "Sodium", LOINC, "2951-2", "Sodium", "equivalent"), "The list of March.")
    arrivals = [
        Arrival("who", MH, {**patient(), "id": "who"}), measured("o1", {"system": LAB, "code": "K", "display": "Potassium"}, text="Ana's potassium"), measured("o2", {"system": LAB, "code": "K"}),
        measured("o3", {"system": LAB, "code": "NA"}), measured("o4", {"system": LAB, "code": "CL"}, {"system": LOINC, "code": "2075-0"}), measured("o5", {"system": LAB, "code": "X"}, text="Ana's blood"),
        measured("o6", {"system": "https://sojourn.example/fhir/CodeSystem/care", "code": "own"}), measured("o7", {"system": LOINC, "code": "2823-3"}),
    ]  # fmt: skip
    assert [r async for o in bring_in(access, arrivals) for r in o.refused] == []
    lines, total = await mapping.work(access)
    assert [tuple(w)[:-1] for w in lines] == [("", LAB, "K", "Potassium", LOINC, "open", ""), ("", LAB, "X", "", LOINC, "open", "")]
    assert total == 2
    assert (await clinic.get("sys-mh", "Observation/o3")).json()["code"] == {"coding": [{"system": LAB, "code": "NA"}]}, "what is imported stays as it came"
    await mapping.set_aside(access, lines[0], "Nobody asks.")
    assert [o.unchanged async for o in bring_in(access, arrivals)] == [8]
    assert [w.code for w in (await mapping.work(access))[0]] == [lines[1].code], "what was set aside does not come back"


async def test_a_run_that_was_stopped_before_it_came_to_its_codes_lists_them_the_next_time(clinic: Clinic) -> None:
    access = await clinic.gate.access(clinic.tokens["sys-mh"])
    assert access is not None
    arrivals = [Arrival("who", MH, {**patient(), "id": "who"}), measured("o1", {"system": LAB, "code": "K", "display": "Potassium"})]
    assert [o.written async for o in bring_in(access, arrivals)] == [2]
    await clinic.owner.execute("DELETE FROM record.vocabulary_unmapped")
    assert [o.unchanged async for o in bring_in(access, arrivals)] == [2]
    assert [w.code for w in (await mapping.work(access))[0]] == ["K"]
