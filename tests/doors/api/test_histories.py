"""Histories of an instance, a type and everything (https://hl7.org/fhir/R4/http.html#history)."""

from urllib.parse import urlsplit

from tests.people import BASE, Clinic, Reply, observation, patient

WHO = "sys-mh"


def link(reply: Reply, relation: str) -> str:
    """A link of a Bundle, relative to the base; '' if there is none."""
    url = next((one["url"] for one in reply.json().get("link", ()) if one["relation"] == relation), "")
    assert not url or url.startswith(BASE + "/")
    return url.removeprefix(BASE + "/")


async def pages(clinic: Clinic, url: str, *, limit: int = 50) -> list[Reply]:
    """A page and all that follow it."""
    found = []
    while url:
        found.append(await clinic.get(WHO, url))
        assert found[-1].status == 200, found[-1].body
        url = link(found[-1], "next")
        assert len(found) < limit
    return found


async def test_a_history_is_whole_newest_first_and_says_how_each_version_came(clinic: Clinic) -> None:
    made = await clinic.make(WHO, patient())
    versions = [made.version]
    for year in (1990, 1991, 1992):
        versions.append((await clinic.put(WHO, patient(id=made.id, birthDate=f"{year}-01-01"))).version)
    await clinic.ask(WHO, "DELETE", f"Patient/{made.id}")
    bundle = (await clinic.get(WHO, f"Patient/{made.id}/_history")).json()
    assert bundle["type"] == "history"
    assert bundle.get("total", 5) == 5
    entries = bundle["entry"]
    assert [e["request"]["method"] for e in entries] == ["DELETE", "PUT", "PUT", "PUT", "POST"]
    assert [e["response"]["status"][:3] for e in entries] == ["204", "200", "200", "200", "201"]
    assert [e["resource"]["meta"]["versionId"] for e in entries[1:]] == versions[::-1]
    assert all(e["response"]["etag"] and e["response"]["lastModified"] for e in entries)
    assert {e["fullUrl"] for e in entries} == {f"{BASE}/Patient/{made.id}"}
    assert entries[0]["request"]["url"] == f"Patient/{made.id}"
    assert entries[-1]["request"]["url"] == "Patient"


async def test_histories_of_a_type_and_of_everything_page_without_gap_or_repetition(clinic: Clinic) -> None:
    people = [await clinic.make(WHO, patient(f"Family{n}")) for n in range(4)]
    hearts = [await clinic.make(WHO, observation(people[0].id, n)) for n in range(3)]
    await clinic.put(WHO, patient("Changed", id=people[1].id))
    wanted = {"Patient/_history": 5, "Observation/_history": 3, "_history": 8, f"Patient/{people[1].id}/_history": 2}
    for url, count in wanted.items():
        whole = (await clinic.get(WHO, url)).entries
        assert len(whole) == count, url
        paged = await pages(clinic, f"{url}?_count=2")
        assert [r for page in paged for r in page.entries] == whole
        assert all(len(page.entries) <= 2 for page in paged)
        assert link(paged[0], "self").startswith(url)
    # What is written while someone pages does not move the pages.
    first = await clinic.get(WHO, "Observation/_history?_count=2")
    await clinic.make(WHO, observation(people[0].id, 99))
    second = await clinic.get(WHO, link(first, "next"))
    assert first.ids + second.ids == [h.id for h in reversed(hearts)]


async def test_since_is_inclusive_and_limits_every_history(clinic: Clinic) -> None:
    before = await clinic.make(WHO, patient("Before"))
    after = await clinic.make(WHO, patient("After"))
    moment = after.json()["meta"]["lastUpdated"]
    if before.json()["meta"]["lastUpdated"] == moment:
        return
    for url in ("Patient/_history", "_history"):
        assert (await clinic.get(WHO, f"{url}?_since={moment}")).ids == [after.id]
        assert (await clinic.get(WHO, f"{url}?_since=2999-01-01T00:00:00Z")).ids == []
        assert len((await clinic.get(WHO, f"{url}?_since=2000")).ids) == 2
    assert (await clinic.get(WHO, f"Patient/{after.id}/_history?_since={moment}")).ids == [after.id]
    for query in ("_since=yesterday", "_count=-1", "_count=x", "_at=2020"):
        assert (await clinic.get(WHO, f"Patient/_history?{query}")).status == 400, query


async def test_there_is_no_history_of_what_never_was(clinic: Clinic) -> None:
    assert (await clinic.get(WHO, "Patient/nobody/_history")).status == 404
    assert (await clinic.get(WHO, "Patient/nobody/_history/1")).status == 404
    made = await clinic.make(WHO, patient())
    assert (await clinic.get(WHO, f"Patient/{made.id}/_history/nothing")).status == 404
    assert (await clinic.get(WHO, f"Observation/{made.id}/_history/{made.version}")).status == 404


async def test_a_page_link_is_of_no_use_elsewhere(clinic: Clinic) -> None:
    for n in range(4):
        await clinic.make(WHO, patient(f"Family{n}"))
    following = urlsplit(link(await clinic.get(WHO, "Patient/_history?_count=2"), "next")).query
    page = next(part for part in following.split("&") if part.startswith("page="))
    for url in (f"Patient?{page}", f"Observation?{page}", "Patient/_history?page=AAAA"):
        assert (await clinic.get(WHO, url)).status == 400, url
    assert (await clinic.get("both-clinician", f"Patient/_history?_count=2&{page}")).status == 400
