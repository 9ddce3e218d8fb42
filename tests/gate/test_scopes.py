"""SMART scopes narrow what a token does, and never widen it. https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from sojourn.gate import scopes
from sojourn.record.index import Keys
from tests.people import A, Clinic, Reply, encounter, observation, patient

LAB = {"category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}]}
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
KEYS = Keys(b"k" * 16)


async def app(clinic: Clinic, text: str, who: str = "mh-clinician", patient: str | None = None) -> str:
    """A token of an account with these scopes."""
    return await clinic.gate.token(clinic.gate.house.tenants[A], who, scopes=text, patient=patient)


async def chart(clinic: Clinic) -> dict[str, str]:
    p = (await clinic.make("sys-mh", patient())).id
    q = (await clinic.make("sys-mh", patient("Okafor"))).id
    e = (await clinic.make("sys-mh", encounter(p))).id
    o = (await clinic.make("sys-mh", observation(p, encounter={"reference": f"Encounter/{e}"}))).id
    lab = (await clinic.make("sys-mh", observation(p, 99, **LAB))).id
    return {"p": p, "q": q, "e": e, "o": o, "lab": lab, "qo": (await clinic.make("sys-mh", observation(q, 60))).id}


async def status(clinic: Clinic, who: str, url: str) -> int:
    return (await clinic.get(who, url)).status


async def test_a_scope_names_types_and_actions(clinic: Clinic) -> None:
    c = await chart(clinic)
    token = await app(clinic, "openid user/Observation.rs user/Encounter.s nonsense/Patient.rs")
    assert await status(clinic, token, f"Observation/{c['o']}") == 200
    assert sorted((await clinic.get(token, f"Observation?patient={c['p']}")).ids) == sorted([c["o"], c["lab"]])
    assert "subject" in (await clinic.get(token, f"Observation/{c['o']}")).json(), "a reference to what is outside the scopes stays, as one outside a role does"
    for asked in (f"encounter=Encounter/{c['e']}", "encounter:missing=false", f"encounter=Encounter/{c['e']}&subject=Patient/{c['p']}"):
        assert (await clinic.get(await app(clinic, "user/Observation.rs"), f"Observation?{asked}")).ids == [c["o"]], "and finds what has it"
    assert await status(clinic, token, f"Patient/{c['p']}") == 403
    assert await status(clinic, token, "Patient") == 403
    assert await status(clinic, token, f"Encounter/{c['e']}") == 403
    assert (await clinic.get(token, "Encounter")).ids == [c["e"]]
    assert await status(clinic, token, "Encounter/_history") == 403
    assert {r["resourceType"] for r in (await clinic.get(token, f"Observation?_id={c['o']}&_include=*")).entries} == {"Observation", "Encounter"}
    assert (await clinic.ask(token, "POST", "Observation", observation(c["p"]))).status == 403
    assert (await clinic.get(await app(clinic, ""), "Observation")).status == 403
    assert (await clinic.get(await app(clinic, "launch openid"), "metadata")).status == 200


async def test_a_reference_to_what_is_outside_the_scopes_is_found_beside_one_to_what_is_withheld(clinic: Clinic) -> None:
    c = await chart(clinic)
    hidden = (await clinic.make("sys-sud", observation(c["p"], 55))).id
    both = (await clinic.make("sys-mh", observation(c["p"], 66, encounter={"reference": f"Encounter/{c['e']}"}, derivedFrom=[{"reference": f"Observation/{hidden}"}]))).id
    for text in ("user/Observation.rs", "user/*.rs"):
        token = await app(clinic, text)
        assert sorted((await clinic.get(token, f"Observation?encounter=Encounter/{c['e']}")).ids) == sorted([c["o"], both])
        assert (await clinic.get(token, f"Observation?derived-from=Observation/{hidden}")).ids == []


async def test_version_1_scopes_read_and_write(clinic: Clinic) -> None:
    c = await chart(clinic)
    reading, writing = await app(clinic, "user/*.read"), await app(clinic, "user/Observation.write")
    assert await status(clinic, reading, f"Observation/{c['o']}") == 200
    assert (await clinic.ask(reading, "POST", "Observation", observation(c["p"]))).status == 403
    assert await status(clinic, writing, f"Observation/{c['o']}") == 403
    assert (await clinic.ask(writing, "POST", "Observation", observation(c["p"]))).status == 201


async def test_a_granular_scope_shows_its_category_in_every_question(clinic: Clinic) -> None:
    c = await chart(clinic)
    for search in (f"category={CATEGORY}|laboratory", "category=laboratory"):
        token = await app(clinic, f"user/Observation.rs?{search} user/Patient.rs")
        assert await status(clinic, token, f"Observation/{c['lab']}") == 200
        assert await status(clinic, token, f"Observation/{c['o']}") == 404
        assert await status(clinic, token, f"Observation/{c['o']}/_history") == 404
        for question in ("Observation", f"Observation?patient={c['p']}", f"Observation?patient={c['p']}&_sort=-date", f"Patient/{c['p']}/Observation", "Observation?code=8867-4"):
            assert (await clinic.get(token, question)).ids == [c["lab"]], question
        assert (await clinic.get(token, f"Observation?patient={c['p']}&_summary=count")).json()["total"] == 1
        assert c["o"].encode() not in (await clinic.get(token, f"Patient/{c['p']}/$everything")).body
        assert c["o"].encode() not in (await clinic.get(token, f"Patient?_id={c['p']}&_revinclude=Observation:patient")).body
        assert c["o"].encode() not in (await clinic.get(token, "Observation/_history")).body
        assert (await clinic.get(token, "Patient?_has:Observation:patient:value-quantity=72")).ids == []


async def test_a_granular_scope_holds_for_what_is_written(clinic: Clinic) -> None:
    c = await chart(clinic)
    token = await app(clinic, "user/Observation.cruds?category=laboratory user/Patient.rs")
    assert (await clinic.ask(token, "POST", "Observation", observation(c["p"]))).status == 403
    made = await clinic.ask(token, "POST", "Observation", observation(c["p"], **LAB))
    assert made.status == 201
    assert (await clinic.put(token, {**made.json(), "category": observation("x")["category"]})).status == 403
    assert (await clinic.put(token, {**made.json(), "language": "en"})).status == 200
    assert (await clinic.put(token, {**observation(c["p"], **LAB), "id": c["o"]})).status == 405, "what is outside the scopes is not there"
    other = await app(clinic, "user/Observation.rs user/Observation.c?category=vital-signs user/Observation.u?category=laboratory")
    assert (await clinic.ask(other, "POST", "Observation", observation(c["p"], **LAB))).status == 403, "what may be read or changed may not be made for that"
    there, nowhere = [(await clinic.ask(token, "DELETE", f"Observation/{i}")).status for i in (c["o"], "A" * 22)]
    assert there == nowhere
    assert await status(clinic, "mh-clinician", f"Observation/{c['o']}") == 200


async def test_to_write_every_type_is_no_way_around_what_another_scope_narrows(clinic: Clinic) -> None:
    """A scope that only writes lets the rows of its types be there for writing; it opens nothing that a named type's own scopes close."""
    c = await chart(clinic)
    for text, shown in (
        ("patient/Observation.rs user/*.write", {c["o"], c["lab"]}),
        ("user/Observation.rs?category=laboratory user/*.cud", {c["lab"]}),
        ("user/Observation.rs?category=laboratory patient/*.s", {c["lab"]}),
        ("user/Observation.rs?category=laboratory patient/*.rs", {c["o"], c["lab"]}),
        ("user/Observation.rs?category=laboratory user/*.read", {c["o"], c["lab"], c["qo"]}),
    ):
        token = await app(clinic, text, patient=c["p"])
        assert set((await clinic.get(token, "Observation")).ids) == shown, text
        assert {o for o in (c["o"], c["lab"], c["qo"]) if await status(clinic, token, f"Observation/{o}") == 200} == shown, text


async def test_a_scope_to_delete_deletes(clinic: Clinic) -> None:
    c = await chart(clinic)
    assert (await clinic.ask(await app(clinic, "user/Observation.cru", "sys-mh"), "DELETE", f"Observation/{c['o']}")).status == 403
    assert (await clinic.ask(await app(clinic, "user/Observation.d", "sys-mh"), "DELETE", f"Observation/{c['o']}")).status == 204


def test_each_type_that_is_named_has_lines_of_its_own_and_none_is_without() -> None:
    """number, type, patient, codes: what a row has to fit one of."""
    lab, final = KEYS.token("Observation", "category", None, "laboratory"), KEYS.token("Observation", "status", None, "final")
    both = ",".join(map(str, sorted((lab, final))))
    for text, lines in (
        ("", set()),
        ("user/Observation.r", {"Observation * "}),
        ("user/Observation.s", {"Observation * "}),
        ("user/Observation.r?category=laboratory user/Observation.u", {f"Observation * {lab}"}),
        ("user/Observation.s?category=laboratory user/Observation.u", {f"Observation * {lab}"}),
        ("patient/*.r user/Observation.s", {"* p1 ", "Observation p1 "}),
        ("user/Observation.r user/Observation.s?category=laboratory", {f"Observation * {lab}"}),
        ("user/Observation.cud?category=laboratory", {f"Observation * {lab}"}),
        ("user/Observation.rs?category=laboratory user/Observation.cud", {f"Observation * {lab}"}),
        ("patient/Observation.r?category=laboratory user/Observation.rs?status=final user/Patient.c", {f"Observation * {final}", f"Observation p1 {both}", "Patient * "}),
    ):
        assert set(scopes.parse(text, KEYS, patient="p1").entries(3)) == {"scope 3 - - ", *(f"scope 3 {line}" for line in lines)}, text


def test_what_a_scope_cannot_say_grants_nothing() -> None:
    for text in (
        "user/*.rs?category=laboratory", "user/Observation.rs?_include=Observation:subject", "user/Observation.rs?_revinclude=Provenance:target", "user/Observation.rs?_sort=date", "user/Observation.rs?_count=2",
        "user/Observation.rs?category=laboratory&_include=Observation:subject", "user/Observation.rs?category=laboratory&_revinclude=Provenance:target", "user/Observation.rs?category=laboratory&_sort=date",
        "user/Observation.rs?category:not=laboratory", "user/Observation.rs?category=|", "user/Observation.rs?nothing=1", "user/Observation.rs?date=2026", "user/Unheard.rs", "user/Observation.", "user/Observation.sr",
    ):  # fmt: skip
        assert scopes.parse(text, KEYS, patient="p1").all == (), text
    assert scopes.parse("patient/Observation.rs", KEYS).all == (), "nobody in context"


def test_each_letter_lets_its_actions_pass_and_history_needs_two() -> None:
    for letters, actions in (("c", {"create"}), ("r", {"read"}), ("u", {"update", "patch", "sign"}), ("d", {"delete"}), ("s", {"search"}), ("rs", {"read", "search", "history"}), ("cruds", {"create", "read", "update", "patch", "sign", "delete", "search", "history"})):
        made = scopes.parse(f"user/Observation.{letters}", KEYS)
        tried = ("create", "read", "update", "patch", "sign", "delete", "search", "history", "administer")
        assert {a for a in tried if made.allows(a, "Observation")} == actions, letters
        assert not any(made.allows(a, "Patient") for a in tried)
        assert {a for a in tried[:7] if made.fits(a, "Observation", "p1", ())} == actions - {"history"}, letters
    lab = KEYS.token("Observation", "category", None, "laboratory")
    narrow = scopes.parse("patient/Observation.u?category=laboratory", KEYS, patient="p1")
    assert [narrow.fits("update", *row) for row in (("Observation", "p1", {lab, 5}), ("Observation", "p1", {5}), ("Observation", "p2", {lab}), ("Condition", "p1", {lab}), ("Observation", None, {lab}))] == [True, False, False, False, False]
    assert scopes.parse("user/*.u", KEYS).fits("update", "Goal", None, ())
    assert scopes.of_types(None).allows("read", "Patient")
    assert [scopes.of_types(["Goal"]).allows(a, t) for a, t in (("read", "Goal"), ("search", "Goal"), ("create", "Goal"), ("read", "Patient"))] == [True, True, False, False]


async def test_a_patient_scope_is_about_the_patient_in_context(clinic: Clinic) -> None:
    c = await chart(clinic)
    token = await app(clinic, "patient/*.cruds", patient=c["p"])
    assert await status(clinic, token, f"Observation/{c['o']}") == 200
    assert await status(clinic, token, f"Observation/{c['qo']}") == 404
    assert await status(clinic, token, f"Patient/{c['q']}") == 404
    assert (await clinic.get(token, "Patient")).ids == [c["p"]]
    assert c["qo"].encode() not in (await clinic.get(token, "_history")).body
    assert (await clinic.ask(token, "POST", "Observation", observation(c["q"]))).status in (403, 422)
    nobody = await app(clinic, "patient/*.cruds")
    assert (await clinic.get(nobody, "Patient")).status == 403


async def test_scopes_never_widen_what_the_account_may_do(clinic: Clinic) -> None:
    c = await chart(clinic)
    sud = (await clinic.make("sys-sud", observation(c["p"]))).id
    for who in ("mh-clinician", "technician", "far-clinician", "tpo"):
        token = await app(clinic, "user/*.cruds system/*.cruds patient/*.cruds", who, patient=c["p"])
        for url in (f"Observation/{c['o']}", f"Observation/{sud}", f"Patient/{c['p']}", "Procedure", "Observation", f"Encounter/{c['e']}/_history"):
            bare, scoped = await clinic.get(who, url), await clinic.get(token, url)
            assert bare.status == scoped.status, (who, url)
            assert set(scoped.ids if scoped.status == 200 and "entry" in scoped.json() else []) <= set(bare.ids if bare.status == 200 and "entry" in bare.json() else [])
        for action in ("administer", "oversee", "emergency", "release", "explain"):
            access = await clinic.gate.access(token)
            assert access is not None
            assert not access.may("*", action)


def some(random: Random) -> str:
    """A random scope."""
    type_ = random.choice(("*", "Observation", "Patient", "Encounter"))
    search = random.choice(("", "", "?category=laboratory", "?category=laboratory,vital-signs", "?status=final&category=vital-signs", "?category:not=x", "?date=2026"))
    return f"{random.choice(('user', 'patient'))}/{type_}.{random.choice(('rs', 'r', 's', 'read', 'cruds', '*'))}{search if type_ == 'Observation' else ''}"


@pytest.mark.parametrize("seed", range(4))
async def test_another_set_of_scopes_never_adds_a_row(clinic: Clinic, seed: int) -> None:
    """What a token shows is within what its account shows; taking a scope away shows nothing more."""
    random = Random(seed)
    c = await chart(clinic)
    whole = await seen(clinic, "mh-clinician")
    for _ in range(4):
        texts = [some(random) for _ in range(random.randint(1, 4))]
        more = await seen(clinic, await app(clinic, " ".join(texts), patient=c["p"]))
        assert more <= whole, texts
        if all(t.partition("?")[0].rpartition(".")[2] in ("rs", "cruds", "*", "read") for t in texts):  # reading and searching go together
            assert await seen(clinic, await app(clinic, " ".join(texts[1:]), patient=c["p"])) <= more, texts


async def seen(clinic: Clinic, who: str) -> set[str]:
    """Ids in the answers to a few broad questions."""
    out: set[str] = set()
    for url in ("?_type=Patient,Observation,Encounter", "Observation", "Patient?_revinclude=*", "Observation?_include=*", "Observation/_history"):
        reply: Reply = await clinic.get(who, url)
        out |= {r["id"] for r in reply.entries} if reply.status == 200 else set()
    return out


@pytest.mark.parametrize("text", ["Observation.rs", "user/Observation.sr", "user/Nothing.rs", "user/*.rs?category=x", "user/Observation.rs?nothing=x",
                                  "user/Observation.rs?category:not=x", "user/Observation.rs?date=2026", "user/Observation.rs?category", "patient/Observation.rs", "user/Observation."])  # fmt: skip
def test_what_is_not_understood_grants_nothing(text: str) -> None:
    found = scopes.parse(text, KEYS)
    assert not found.allows("read", "Observation")
    assert all(entry.split(" ")[2] == "-" for entry in found.entries(0))


def test_letters_mean_what_they_say() -> None:
    found = scopes.parse("user/Observation.crs user/Patient.read", KEYS)
    allowed: Any = {(t, a) for t in ("Observation", "Patient") for a in ("create", "read", "update", "delete", "search", "history", "oversee") if found.allows(a, t)}
    assert allowed == {("Observation", a) for a in ("create", "read", "search", "history")} | {("Patient", a) for a in ("read", "search", "history")}
