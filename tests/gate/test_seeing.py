"""Who could see something before they are told of it, and who was shown it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sojourn.base import clock
from sojourn.gate import lookers, seeing
from sojourn.gate.access import Access
from sojourn.gate.seeing import Sight
from tests.people import MH, SUD, Clinic, encounter, observation, patient

EVERYBODY = [f"Practitioner/{who}" for who in ("sud-clinician", "mh-clinician", "both-clinician", "far-clinician", "technician", "biller", "nobody")]


async def access(clinic: Clinic, who: str = "sys-mh", **changed: Any) -> Access:
    made = await clinic.gate.access(clinic.tokens[who])
    assert made is not None
    return clinic.gate.access_of(replace(made.caller, **changed)) if changed else made


async def chart(clinic: Clinic) -> tuple[str, str, str]:
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-sud", encounter(p))
    return p, (await clinic.make("sys-mh", observation(p, 60))).id, (await clinic.make("sys-sud", observation(p, 61))).id


async def test_who_is_told_is_whoever_sees_all_of_it(clinic: Clinic) -> None:
    p, plain, hidden = await chart(clinic)
    gate = await access(clinic)
    programs = gate.rules.programs

    async def seen(*names: str, program: int | None = None, type_: str = "Observation", people: list[str] = EVERYBODY) -> set[str]:
        found = await seeing.sights(gate, people, names, programs[program] if program is not None else None, type_)
        assert "Practitioner/nobody" not in found
        assert all(sight.account == who.partition("/")[2] for who, sight in found.items())
        return {sight.account for sight in found.values() if sight.sees}

    assert await seen(f"Patient/{p}") == {"sud-clinician", "mh-clinician", "both-clinician", "technician"}
    assert await seen(f"Patient/{p}", f"Observation/{plain}") == {"sud-clinician", "mh-clinician", "both-clinician", "technician"}
    assert await seen(f"Patient/{p}", f"Observation/{hidden}") == {"sud-clinician", "both-clinician"}
    assert await seen(f"Observation/{plain}", f"Observation/{hidden}") == {"sud-clinician", "both-clinician"}
    assert await seen(f"Observation/{plain}", "Observation/none") == set(), "what is not there is seen by nobody"
    assert await seen(f"Patient/{p}", program=SUD) == {"sud-clinician", "both-clinician"}, "what a Part 2 program makes"
    assert await seen(f"Patient/{p}", program=MH) == {"sud-clinician", "mh-clinician", "both-clinician", "technician"}
    assert await seen(f"Patient/{p}", type_="Basic") <= {"sud-clinician", "mh-clinician", "both-clinician"}
    assert await seen(f"Patient/{p}", people=EVERYBODY[:1]) == {"sud-clinician"}
    assert await seeing.sights(gate, [], [f"Patient/{p}"], None, "Observation") == {}


async def test_a_role_that_does_not_read_the_kind_of_thing_sees_none_of_it(clinic: Clinic) -> None:
    p, plain, _ = await chart(clinic)
    gate = await access(clinic)
    await clinic.owner.execute("UPDATE record.assignment SET role = 'biller' WHERE account = 'technician'")
    for type_, names in (("Observation", (f"Patient/{p}",)), ("Patient", (f"Observation/{plain}",))):
        found = await seeing.sights(gate, ["Practitioner/technician", "Practitioner/mh-clinician"], names, None, type_)
        assert {who.rpartition("/")[2]: sight.sees for who, sight in found.items()} == {"technician": False, "mh-clinician": True}, type_


async def test_of_several_accounts_of_one_person_one_that_sees_it_is_named_and_no_system_is_anybody(clinic: Clinic) -> None:
    p, _, hidden = await chart(clinic)
    gate = await access(clinic)
    me = "Practitioner/both-clinician"
    await clinic.owner.execute("UPDATE record.account SET agent = $1 WHERE account IN ('mh-clinician', 'technician')", me)
    assert await seeing.sights(gate, [me], [f"Observation/{hidden}"], None, "Observation") == {me: Sight("both-clinician", True)}
    await clinic.owner.execute("UPDATE record.account SET agent = 'Practitioner/sys' WHERE account = 'sys-sud'")
    assert await seeing.sights(gate, ["Practitioner/sys"], [f"Patient/{p}"], None, "Observation") == {}


async def test_who_was_shown_something_in_any_version_the_first_to_see_it_first(clinic: Clinic) -> None:
    p, plain, hidden = await chart(clinic)
    start = clock.now()
    asked = [
        ("both-clinician", f"Observation/{plain}"), ("mh-clinician", f"Observation?patient={p}"), ("sud-clinician", f"Observation/{hidden}"), ("both-clinician", f"Observation/{plain}/_history"),
        ("mh-clinician", f"Observation/{hidden}"), ("far-clinician", f"Observation/{plain}"), ("tpo", f"Observation/{plain}"), ("technician", f"Patient/{p}"),
    ]  # fmt: skip
    for n, (who, url) in enumerate(asked):
        with clock.using(clock.FakeClock(start + timedelta(minutes=n + 1))):
            await clinic.get(who, url)
    changed = (await clinic.get("sys-mh", f"Observation/{plain}")).json()
    await clinic.put("mh-clinician", {**changed, "valueQuantity": {**changed["valueQuantity"], "value": 77}})
    with clock.using(clock.FakeClock(start + timedelta(minutes=20))):
        await clinic.get("biller", f"Observation/{plain}")
        await clinic.get("both-clinician", f"Observation/{plain}")
    officer = await access(clinic, "mh-officer")
    found = await lookers.of(officer, "Observation", plain)
    assert [look.account for look in found if look.account not in ("sys-mh", "mh-officer")] == ["both-clinician", "mh-clinician"]
    both = found[[look.account for look in found].index("both-clinician")]
    assert (both.name, both.role) == ("both-clinician", "director")
    assert ((both.first - start).seconds // 60, (both.last - start).seconds // 60) == (1, 20)
    assert [look.account for look in await lookers.of(officer, "Observation", plain, besides="both-clinician") if look.account not in ("sys-mh", "mh-officer")] == ["mh-clinician"]
    assert [look.account for look in await lookers.of(officer, "Observation", hidden, besides="mh-officer")] == ["sud-clinician"]
    practitioner = (await clinic.make("sys-mh", {"resourceType": "Practitioner", "name": [{"family": "Reed"}]})).id
    await clinic.get("mh-clinician", f"Practitioner/{practitioner}")
    assert [look.account for look in await lookers.of(officer, "Practitioner", practitioner, besides="mh-officer")] == ["mh-clinician"], "also of what is about nobody"


async def test_every_way_of_looking_counts(clinic: Clinic) -> None:
    p, plain, _ = await chart(clinic)
    version = (await clinic.get("sys-mh", f"Observation/{plain}")).version
    for who, url in (("sud-clinician", f"Observation/{plain}/_history"), ("both-clinician", f"Observation/{plain}/_history/{version}"), ("officer", f"Patient/{p}/$everything"),
                     ("mh-clinician", f"Observation?patient={p}")):  # fmt: skip
        assert (await clinic.get(who, url)).status == 200
    found = {look.account for look in await lookers.of(await access(clinic, "mh-officer"), "Observation", plain, besides="mh-officer")}
    assert found - {"sys-mh"} == {"sud-clinician", "both-clinician", "officer", "mh-clinician"}
