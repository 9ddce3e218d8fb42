"""The handle of one request: what it is about, what it refuses and writes down; pages of a search, and everything of a patient."""

from __future__ import annotations

import base64
from datetime import date, timedelta
from typing import Any

import pytest

from sojourn.base import clock, errors
from sojourn.base.clock import FakeClock
from sojourn.fhir.searchvalues import SearchError
from sojourn.gate import together
from sojourn.gate.access import Access
from sojourn.gate.everything import everything
from tests.gate.test_seeing import access
from tests.people import FAR, MH, START, SUD, Clinic, encounter, observation, patient


async def lines(clinic: Clinic, one: Access) -> list[tuple[Any, ...]]:
    """What the trail says of a request: what was done, with what outcome, on what, as it was asked, whose, how many versions."""
    found = await clinic.trail(one.request)
    return [(r["action"], r["outcome"], r["type"], r["query"], list(r["patients"]), len(r["shown"])) for r in found]


async def versions(clinic: Clinic, one: Access) -> set[str]:
    """The resources that the one line of a request says were shown."""
    (line,) = await clinic.trail(one.request)
    return {r["id"] for r in await clinic.owner.fetch("SELECT id FROM record.version WHERE seq = ANY ($1)", line["shown"])}


async def test_what_a_role_does_not_include_is_refused_and_written_down_with_who_asked(clinic: Clinic) -> None:
    for who, type_, role, purpose in (("technician", "Procedure", "technician", "TREAT"), ("biller", "Observation", "biller", "TREAT")):
        one = await access(clinic, who)
        with pytest.raises(errors.Forbidden):
            await one.search(type_, [("code", "a b")])
        (line,) = await clinic.trail(one.request)
        assert (line["account"], line["role"], line["door"], line["purpose"]) == (who, role, one.caller.door, purpose)
        assert (line["action"], line["outcome"], line["type"], line["query"], list(line["patients"]), list(line["shown"])) == ("search", "denied", type_, "code=a+b", [], [])
        assert line["rules"] == one.rules.digest
        assert (line["tenant"], line["recorded"], line["request"]) == (1, one.now, one.request)
        assert not one.may(type_, "search")
        with pytest.raises(errors.Forbidden):
            one.require("search", type_)
    assert (await access(clinic, "mh-clinician")).may("Procedure", "search")


async def test_what_a_role_includes_is_checked_without_a_line_of_its_own(clinic: Clinic) -> None:
    one = await access(clinic, "technician")
    await one.check("search", "Observation", "x")
    one.require("search", "Observation")
    assert await lines(clinic, one) == []


async def test_who_has_another_role_by_now_is_not_refused_by_the_old_one(clinic: Clinic) -> None:
    """They ask again with what they are now; nothing says that they were refused."""
    one = await access(clinic, "technician")
    await clinic.owner.execute("UPDATE record.account SET generation = generation + 1 WHERE account = 'technician'")
    with pytest.raises(errors.StaleCredential):
        await one.check("search", "Procedure", "x")
    assert await lines(clinic, one) == []


async def test_the_programs_of_a_caller_are_those_they_work_in_in_their_order(clinic: Clinic) -> None:
    for who, numbers in (("mh-clinician", [MH]), ("sys-far", [SUD, MH, FAR]), ("ana", [])):
        assert [p.number for p in (await access(clinic, who)).programs] == numbers
    assert [p.number for p in (await access(clinic, "both-clinician", programs=(FAR, SUD))).programs] == [SUD, FAR]


async def test_today_is_the_day_where_the_house_stands(clinic: Clinic) -> None:
    with clock.using(FakeClock(START.replace(hour=3))):
        one = await access(clinic, "mh-clinician")
        assert one.today == date(2026, 2, 28), "late in the evening in New York"
        one.rules.zones = {0: "Pacific/Kiritimati", MH: "America/New_York"}
        assert one.today == date(2026, 3, 1)


async def test_a_token_shows_less_and_what_may_be_known_beside_it_is_decided_without_it(clinic: Clinic) -> None:
    whole, scoped = await access(clinic, "mh-clinician"), await access(clinic, "mh-clinician", scopes="user/Observation.rs?category=vital-signs")
    assert whole.unscoped == whole.decided == whole.decision.args
    assert scoped.decided != whole.decided
    assert scoped.unscoped[0] == whole.unscoped[0]
    assert scoped.head == (1, scoped.caller.credential, scoped.caller.generation, scoped.now)


# --- pages of a search ----------------------------------------------------------------------------------------------------------------

LOOKERS = ("mh-clinician", "both-clinician")
"""The first is subject to redaction, the second is not."""


async def five(clinic: Clinic) -> tuple[str, list[str]]:
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(p))
    start, made = clock.now(), []
    for n in range(5):
        with clock.using(FakeClock(start + timedelta(minutes=n))):
            made.append((await clinic.make("sys-mh", observation(p, 60 + n))).id)
    return p, made


@pytest.mark.parametrize("who", LOOKERS)
async def test_the_trail_has_each_page_as_it_was_shown_and_nothing_of_the_next(clinic: Clinic, who: str) -> None:
    p, made = await five(clinic)
    other = (await clinic.make("sys-mh", patient("Elsewhere"))).id
    await clinic.make("sys-mh", encounter(other))
    params = [("patient", p), ("_sort", "value-quantity")]
    seen: list[str] = []
    cursor, sizes = None, []
    while True:
        one = await access(clinic, who)
        page = await one.search("Observation", params, count=2, cursor=cursor)
        assert await versions(clinic, one) == {s.id for s in page.matches}
        assert await lines(clinic, one) == [("search", "done", "Observation", f"patient={p}&_sort=value-quantity", [p], len(page.matches))]
        assert all(s.receipt is page.receipt and s.receipt.request == one.request for s in page.matches)
        assert {(s.kind, s.mode) for s in page.matches} == {("current", "match")}
        seen += [s.id for s in page.matches]
        sizes.append(len(page.matches))
        assert (page.total, page.included, page.count) == (None, [], 2)
        if (cursor := page.next) is None:
            break
    assert (seen, sizes) == (made, [2, 2, 1])
    exactly = await (await access(clinic, who)).search("Observation", params, count=5)
    assert (len(exactly.matches), exactly.next) == (5, None), "no page after the last"


@pytest.mark.parametrize("who", LOOKERS)
async def test_what_is_included_is_in_the_trail_too_and_said_to_be_no_match(clinic: Clinic, who: str) -> None:
    p, made = await five(clinic)
    one = await access(clinic, who)
    found = await one.search("Observation", [("patient", p), ("_include", "Observation:subject")], count=2)
    assert [(s.type, s.id, s.mode) for s in found.included] == [("Patient", p, "include")]
    assert {s.mode for s in found.matches} == {"match"}
    assert all(s.receipt is found.receipt for s in (*found.matches, *found.included))
    assert await versions(clinic, one) == {p, *(s.id for s in found.matches)}
    assert {s.id for s in found.matches} < set(made)


@pytest.mark.parametrize("who", LOOKERS)
async def test_how_many_are_wanted_and_how_many_there_are(clinic: Clinic, who: str) -> None:
    p, _ = await five(clinic)

    async def asked(*params: tuple[str, str], count: int | None = None) -> tuple[int, int, int | None]:
        one = await access(clinic, who)
        found = await one.search("Observation", [("patient", p), *params], count=count)
        assert (await lines(clinic, one))[0][5] == len(found.matches)
        return len(found.matches), found.count, found.total

    assert await asked() == (5, 50, None)
    assert await asked(("_count", "2")) == (2, 2, None)
    assert await asked(("_count", "2"), count=3) == (3, 3, None)
    assert await asked(count=5000) == (5, 1000, None)
    assert await asked(("_count", "0")) == await asked(count=0) == await asked(count=-1) == (0, 0, 5)
    assert await asked(("_total", "accurate"), count=2) == (2, 2, 5)
    assert (await asked(("_summary", "count")))[::2] == (0, 5)
    assert (await asked(("status", "cancelled"), ("_total", "accurate")))[::2] == (0, 0)


async def test_a_page_sorted_by_what_changes_shows_nothing_that_came_after_its_first(clinic: Clinic) -> None:
    p, made = await five(clinic)
    params = [("patient", p), ("_sort", "-_lastUpdated")]
    later = clock.now() + timedelta(hours=1)
    with clock.using(FakeClock(later)):
        first = await (await access(clinic, "both-clinician")).search("Observation", params, count=2)
    with clock.using(FakeClock(later + timedelta(minutes=1))):
        await clinic.put("sys-mh", {**observation(p, 99), "id": made[0]})
    with clock.using(FakeClock(later + timedelta(minutes=2))):
        second = await (await access(clinic, "both-clinician")).search("Observation", params, count=5, cursor=first.next)
    assert made[0] not in {s.id for s in second.matches}
    assert [s.id for s in (*first.matches, *second.matches)] == made[:0:-1]


@pytest.mark.parametrize("cursor", ["nonsense", "AAAA"])
async def test_a_page_link_that_nobody_here_made_is_refused(clinic: Clinic, cursor: str) -> None:
    with pytest.raises(errors.Malformed):
        await (await access(clinic, "both-clinician")).search("Observation", [], cursor=cursor)


async def test_a_page_that_asks_nearly_the_same_again_gets_an_answer_of_its_own(clinic: Clinic) -> None:
    """A page asks each question once; what differs in one thing is another question."""
    p, made = await five(clinic)
    other = (await clinic.make("sys-mh", patient("Elsewhere"))).id
    one = await access(clinic, "both-clinician")
    together.keep(one)

    async def ids(type_: str | None, *params: tuple[str, str], **more: Any) -> set[str]:
        return {s.id for s in (await one.search(type_, params, **more)).matches}

    assert (await one.read("Patient", p)).type == "Patient"
    with pytest.raises(errors.NotFound):
        await one.read("Observation", p)
    assert (await one.read("Patient", other)).id == other
    assert await ids("Observation", ("code", "8867-4"), compartment=("Patient", p)) == set(made)
    assert await ids("Observation", ("code", "8867-4"), compartment=("Patient", other)) == set()
    assert await ids("Observation", ("code", "none"), compartment=("Patient", p)) == set()
    assert await ids("Procedure", ("code", "8867-4"), compartment=("Patient", p)) == set()
    first = await one.search("Observation", [("patient", p), ("_sort", "_id")], count=2)
    assert (len(first.matches), await ids("Observation", ("patient", p), ("_sort", "_id"), count=5)) == (2, set(made))
    assert await ids("Observation", ("patient", p), ("_sort", "_id"), count=2, cursor=first.next) == set(sorted(made)[2:4])
    assert await ids("Observation", ("patient", p), ("nonsense", "x"), lenient=True) == set(made)
    with pytest.raises(SearchError):
        await ids("Observation", ("patient", p), ("nonsense", "x"))


@pytest.mark.parametrize("who", LOOKERS)
async def test_in_a_chart_matches_are_counted_on_every_page_and_the_trail_says_whose(clinic: Clinic, who: str) -> None:
    p, made = await five(clinic)
    one = await access(clinic, who)
    first = await one.search("Observation", [("_total", "accurate"), ("_count", "2")], compartment=("Patient", p))
    assert await lines(clinic, one) == [("search", "done", "Observation", f"Patient/{p}/_total=accurate&_count=2", [p], 2)]
    assert (first.total, len(first.matches)) == (5, 2)
    second = await (await access(clinic, who)).search("Observation", [("_total", "accurate"), ("_count", "2")], compartment=("Patient", p), cursor=first.next)
    assert (second.total, len(second.matches)) == (5, 2)
    with pytest.raises(errors.Malformed):
        await (await access(clinic, who)).search("Observation", [("_total", "accurate"), ("_count", "2")], compartment=("Patient", made[0]), cursor=first.next)


@pytest.mark.parametrize("who", LOOKERS)
async def test_a_page_is_redacted_for_whom_it_has_to_be_and_large_attachments_are_whole(clinic: Clinic, who: str) -> None:
    p, _ = await five(clinic)
    large = base64.b64encode(bytes(range(256)) * 100).decode()
    narrative = {"text": {"status": "generated", "div": "<div xmlns='http://www.w3.org/1999/xhtml'>words</div>"}}
    paper = {"resourceType": "DocumentReference", "status": "current", "subject": {"reference": f"Patient/{p}"}, "content": [{"attachment": {"contentType": "text/plain", "data": large}}]}
    replaced = (await clinic.make("sys-mh", {**paper, **narrative})).id
    replacing = (await clinic.make("sys-mh", {**paper, **narrative, "relatesTo": [{"code": "replaces", "target": {"reference": f"DocumentReference/{replaced}"}}]})).id
    for params in ([("_id", replacing), ("_include", "DocumentReference:relatesto")], [("_id", replaced), ("_revinclude", "DocumentReference:relatesto")]):
        found = await (await access(clinic, who)).search("DocumentReference", params)
        assert {s.id for s in (*found.matches, *found.included)} == {replaced, replacing}
        for stored in (*found.matches, *found.included):
            assert stored.resource["content"][0]["attachment"]["data"] == large
            assert ("text" in stored.resource) is (who == "both-clinician"), "narrative is taken out for who is subject to redaction, always"
    plain = (await clinic.make("sys-mh", observation(p, 90, **narrative))).id
    for params in ([("_id", plain)], [("patient", p), ("_count", "20")]):
        found = await (await access(clinic, who)).search("Observation", params)
        assert ["text" in s.resource for s in found.matches if s.id == plain] == [who == "both-clinician"]


async def test_what_is_included_of_what_is_included_is_found_on_every_way(clinic: Clinic) -> None:
    p, _ = await five(clinic)
    visit = (await clinic.make("sys-mh", encounter(p))).id
    seen = (await clinic.make("sys-mh", observation(p, 91, encounter={"reference": f"Encounter/{visit}"}))).id
    part = (await clinic.make("sys-mh", encounter(p, partOf={"reference": f"Encounter/{visit}"}))).id
    params = [("_id", visit), ("_revinclude", "Encounter:part-of"), ("_revinclude:iterate", "Observation:encounter")]
    of_part = (await clinic.make("sys-mh", observation(p, 92, encounter={"reference": f"Encounter/{part}"}))).id
    for more in ([], [("patient", p)]):
        found = await (await access(clinic, "both-clinician")).search("Encounter", [*params, *more])
        assert {s.id for s in found.included} == {part, seen, of_part}


# --- everything of a patient ----------------------------------------------------------------------------------------------------------


async def test_everything_is_what_the_role_includes_of_one_patient_with_a_line_that_says_so(clinic: Clinic) -> None:
    p, made = await five(clinic)
    condition = await clinic.make("sys-mh", {"resourceType": "Procedure", "status": "completed", "subject": {"reference": f"Patient/{p}"}})
    other = (await clinic.make("sys-mh", patient("Elsewhere"))).id
    await clinic.make("sys-mh", observation(other, 99))

    async def asked(who: str, *params: tuple[str, str], **more: Any) -> tuple[set[str], Any, Access]:
        one = await access(clinic, who)
        found = await everything(one, p, params, **{"cursor": None, **more})
        return {s.id for s in found.matches}, found, one

    ids, found, one = await asked("mh-clinician")
    assert {p, condition.id, *made} <= ids
    assert other not in ids
    assert (found.count, found.next) == (200, None)
    assert [(r["action"], r["outcome"]) for r in await clinic.trail(one.request)] == [("read", "done"), ("everything", "done")]
    ids, _, _ = await asked("technician")
    assert set(made) <= ids
    assert condition.id not in ids, "their role does not include it"
    ids, _, one = await asked("technician", ("_type", "Observation, Procedure"), apart=False)
    assert ids == set(made)
    assert [r["action"] for r in await clinic.trail(one.request)] == ["everything"]
    ids, _, _ = await asked("technician", ("_type", ",".join(one.house.types)), apart=False)
    assert set(made) <= ids, "every type by its name"
    ids, found, _ = await asked("mh-clinician", ("_type", "Observation"), ("_count", "3"))
    assert (len(ids), found.count) == (3, 3)
    more, found, one = await asked("mh-clinician", ("_type", "Observation"), ("_count", "3"), cursor=found.next)
    assert (more | ids, found.next) == (set(made), None)
    assert [r["action"] for r in await clinic.trail(one.request)] == ["everything"], "the Patient was read with the first page"
    since = (await clinic.get("sys-mh", f"Observation/{made[3]}")).json()["meta"]["lastUpdated"]
    ids, _, _ = await asked("mh-clinician", ("_type", "Observation"), ("_since", since))
    assert ids == set(made[3:])


async def test_everything_of_whom_one_may_not_see_is_of_nobody(clinic: Clinic) -> None:
    p = (await clinic.make("sys-sud", patient())).id
    o = (await clinic.make("sys-sud", observation(p))).id
    for id_ in (p, "nobody"):
        one = await access(clinic, "mh-clinician")
        with pytest.raises(errors.NotFound):
            await everything(one, id_, [], cursor=None)
        assert [r["outcome"] for r in await clinic.trail(one.request)] == ["absent"]
        assert (await everything(await access(clinic, "mh-clinician"), id_, [], cursor=None, apart=False)).matches == []
    assert {s.id for s in (await everything(await access(clinic, "sud-clinician"), p, [], cursor=None)).matches} >= {p, o}


async def test_everything_is_refused_by_type_and_by_role(clinic: Clinic) -> None:
    p, _ = await five(clinic)
    with pytest.raises(errors.Malformed):
        await everything(await access(clinic, "mh-clinician"), p, [("_type", "Observation,Nothing")], cursor=None)
    with pytest.raises(errors.NotFound):
        await everything(await access(clinic, "technician"), p, [("_type", "Procedure")], cursor=None)
    one = await access(clinic, "technician", role="nobody")
    with pytest.raises(errors.Forbidden):
        await everything(one, p, [], cursor=None)
    assert await lines(clinic, one) == [("search", "denied", "Patient", f"{p}/$everything", [], 0)]
