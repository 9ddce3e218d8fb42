"""An import: what is in a chunk, what is refused, changed or left alone; it goes on when everybody is looked up anew, and lists codes that no map knows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from sojourn.base import errors
from sojourn.gate import importing
from sojourn.gate.importing import CHUNK, Arrival, NotTaken, bring_in
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


K = {"system": LAB, "code": "K"}


def gone(*names: str) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "transaction", "entry": [{"request": {"method": "DELETE", "url": name}} for name in names]}


def test_a_chunk_has_no_resource_twice_and_deletions_stand_apart_in_their_order() -> None:
    def sizes(*arrivals: Arrival) -> list[int]:
        return [len(chunk) for chunk in importing._chunks(arrivals)]

    def one(resource: Any) -> Arrival:
        return Arrival("x", MH, resource)

    many = [one({**patient(), "id": f"p{n}"}) for n in range(2 * CHUNK)]
    assert sizes(*many, many[0]) == [CHUNK, CHUNK, 1]
    a, b, other = one({**patient(), "id": "a"}), one({**patient(), "id": "b"}), one({"resourceType": "Basic", "id": "a"})
    assert sizes(a, b, other) == [3]
    assert sizes(a, b, a, b, a) == [2, 2, 1]
    assert sizes(one(patient()), one(patient()), one("not JSON"), one("not JSON"), one(NotTaken("too old")), one([])) == [6], "what has no id is refused one by one"
    assert sizes(a, one(gone("Patient/a")), one(gone("Patient/b")), a, one(gone("Patient/a"))) == [1, 2, 1, 1]
    assert sizes() == []


def test_what_cannot_be_read_is_not_taken_or_is_not_valid_is_refused_by_its_place() -> None:
    deletion, good = gone("Patient/a"), {**patient(), "id": "a"}
    came = [NotTaken("It is too old."), "line 3", patient(), {**good, "nonsense": 1}, ["a"], gone("Patient?name=x"), good, deletion]
    valid, refused = importing._chunk([Arrival(f"f:{n}", MH, resource) for n, resource in enumerate(came)])
    assert [(r.place, r.type, r.id, r.issues[0].code) for r in refused][:3] == [("f:0", "", "", "not-supported"), ("f:1", "", "", "structure"), ("f:2", "Patient", "", "required")]
    assert [(r.place, r.type, r.id) for r in refused][3:] == [("f:3", "Patient", "a"), ("f:4", "", ""), ("f:5", "Bundle", "")]
    assert (refused[0].issues[0].diagnostics, refused[1].issues[0].diagnostics) == ("It is too old.", "not the JSON that FHIR allows: line 3")
    assert [(w.place, w.change.kind, w.change.type, w.change.id, w.change.upsert, w.change.program) for w in valid] == [("f:6", "update", "Patient", "a", True, MH), ("f:7", "delete", "Bundle", "", False, MH)]


async def test_what_is_there_already_is_left_alone_what_differs_is_changed_and_what_cannot_be_is_said(clinic: Clinic) -> None:
    access = await clinic.gate.access(clinic.tokens["sys-none"])
    assert access is not None
    who, one = {**patient(), "id": "who"}, measured("o1", K).resource
    assert [tuple(o)[:2] for o in [o async for o in bring_in(access, [Arrival("1", MH, who), Arrival("2", MH, one)])]] == [(2, 0)]
    stored = (await clinic.get("sys-mh", "Observation/o1")).json()
    labelled = {**one, "meta": {"versionId": "9", "lastUpdated": "2020-01-01T00:00:00Z", "security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "N"}]}}
    (outcome,) = [o async for o in bring_in(access, [Arrival("1", MH, who), Arrival("2", MH, stored), Arrival("3", MH, measured("o2", K).resource)])]
    assert (outcome.written, outcome.unchanged, outcome.refused, outcome.clients) == (1, 2, (), frozenset({"who"}))
    (outcome,) = [o async for o in bring_in(access, [Arrival("1", MH, labelled)])]
    assert (outcome.written, outcome.unchanged, outcome.clients) == (0, 1, frozenset({"who"})), "its version, time and labels are ours to say"
    (outcome,) = [o async for o in bring_in(access, [Arrival("1", MH, {**one, "valueString": "5"}), Arrival("2", MH, {**measured("o2", K).resource, "meta": {"tag": [{"code": "x"}]}})])]
    assert (outcome.written, outcome.unchanged) == (2, 0)
    assert (await clinic.get("sys-mh", "Observation/o1")).json()["valueString"] == "5"
    lost = [Arrival("a", None, {**patient(), "id": "other"}), Arrival("b", MH, {**patient(), "id": "third"}), Arrival("c", None, {**measured("o3", K).resource})]
    (outcome,) = [o async for o in bring_in(access, lost)]
    assert (outcome.written, outcome.unchanged, [(r.place, r.type, r.id, r.issues[0].code) for r in outcome.refused]) == (1, 0, [("a", "Patient", "other", "forbidden"), ("c", "Observation", "o3", "forbidden")])
    assert [(await clinic.get("sys-mh", path)).status for path in ("Patient/other", "Patient/third", "Observation/o3")] == [404, 200, 404]


async def test_deletions_count_once_each_and_what_stays_is_said(clinic: Clinic) -> None:
    access = await clinic.gate.access(clinic.tokens["sys-mh"])
    assert access is not None
    made = [Arrival(str(n), MH, r) for n, r in enumerate([{**patient(), "id": "who"}, *(measured(f"o{n}", K).resource for n in range(3))])]
    assert [o.written async for o in bring_in(access, made)] == [4]
    theirs = (await clinic.make("mh-clinician", {**measured("x", K).resource, "subject": {"reference": "Patient/who"}})).id
    lines = [gone("Observation/o0", "Observation/o1"), gone("Observation/o0"), gone(f"Observation/{theirs}"), gone("Observation/o2", f"Observation/{theirs}"), gone("Observation?code=x")]
    outcomes = [o async for o in bring_in(access, [Arrival(f"d:{n}", MH, line) for n, line in enumerate(lines)])]
    assert [(o.written, o.deleted, o.unchanged) for o in outcomes] == [(0, 1, 1)]
    assert sorted((r.place, r.type) for o in outcomes for r in o.refused) == [("d:2", "Observation"), ("d:3", "Observation"), ("d:4", "Bundle")]
    assert [(await clinic.get("sys-mh", f"Observation/{id_}")).status for id_ in ("o0", "o1", "o2", theirs)] == [410, 410, 410, 200]
