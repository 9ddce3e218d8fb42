"""Code systems and the organization's own maps, asked of the gate itself: who may, what is refused, what is said on a day, and the work list."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from sojourn.base import errors
from sojourn.gate.access import Access
from sojourn.gate.vocabulary import asking, loading, local, mapping
from sojourn.gate.vocabulary.mapping import Missed, Own
from sojourn.wire.vocabulary.model import LOINC, Concept, Edge, Part, Release
from tests.people import Clinic

LAB = "urn:oid:1.2.3"
OWN = Own(LAB, "GLU", "Glucose", LOINC, "1-8", "Glucose in serum", "equivalent")
WHY = "The laboratory says so."
DAY = date(2026, 3, 1)


async def acting(clinic: Clinic, who: str = "sys-mh") -> Access:
    access = await clinic.gate.access(clinic.tokens[who])
    assert access is not None
    return access


def release(version: str, *parts: Part, published: date | None = DAY) -> Release:
    def each() -> Iterator[Part]:
        yield from parts

    return Release(LOINC, version, published, "a file", each())


SOME = (
    Concept("1-8", "Glucose in serum", names=("Blood sugar",)), Concept("2-6", "Glucose, old", active=False, replaced=("1-8",)), Concept("3-4", "Sodium", since=DAY, until=date(2026, 4, 1)), Concept("0", "Tests"),
    Edge("0", "1-8"), Edge("1-8", "3-4"),
)  # fmt: skip


async def test_a_release_is_in_force_when_all_of_it_is_there_and_the_same_one_once(clinic: Clinic) -> None:
    access = await acting(clinic)
    told: list[int] = []
    assert await loading.load(access, release("1", *SOME), told.append) == 4
    assert told == [4, 6]
    assert await loading.load(access, release("1", *SOME)) is None
    with pytest.raises(errors.Invalid):
        await loading.load(access, release("2"))
    with pytest.raises(errors.Forbidden):
        await loading.load(await acting(clinic, "mh-clinician"), release("2", *SOME))

    def broken() -> Iterator[Part]:
        yield SOME[0]
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - any
        await loading.load(access, Release(LOINC, "3", DAY, "a file", broken()))
    (one,) = await asking.installed(access)
    assert (one.system, one.version, one.published, one.source, one.concepts, one.state, one.account) == (LOINC, "1", DAY, "a file", 4, "active", "sys-mh")
    assert await loading.load(access, release("2", *SOME, Concept("9", "More"))) == 5
    found = await asking.release_of(access, LOINC)
    assert found is not None
    assert found.version == "2"
    old = await asking.release_of(access, LOINC, "1")
    assert old is not None
    assert old.state == "retired"
    assert await asking.release_of(access, LOINC, "3") is None
    assert await asking.release_of(access, LAB) is None
    lines = await clinic.owner.fetch("SELECT query FROM record.audit WHERE action = 'vocabulary-load' AND outcome = 'done' ORDER BY n")
    assert [line["query"] for line in lines] == [f"{LOINC} 1", f"{LOINC} 2"]


async def test_a_code_is_usable_on_the_days_that_its_system_says(clinic: Clinic) -> None:
    access = await acting(clinic)
    await loading.load(access, release("1", *SOME))
    there = await asking.release_of(access, LOINC)
    assert there is not None

    async def usable(code: str, day: date) -> Any:
        found = await asking.codes(access, there, [code], day)
        return found[code].usable if code in found else None

    assert [await usable("3-4", DAY + timedelta(days=n)) for n in (-1, 0, 30, 31)] == [False, True, True, False]
    assert [await usable(code, DAY) for code in ("1-8", "2-6", "none")] == [True, False, None]
    found = await asking.codes(access, there, ["1-8", "2-6"], DAY)
    assert (found["1-8"].names, found["1-8"].parents, found["2-6"].replaced) == (("Blood sugar",), ("0",), ("1-8",))
    assert await asking.under(access, there, ["0", "1-8", "3-4", "2-6"], ["1-8"]) == {"1-8", "3-4"}
    assert await asking.listed(access, there, words="sug") == ([asking.Listed("1-8", "Glucose in serum", usable=True)], 1)
    every, count = await asking.listed(access, there, day=DAY, most=2)
    assert (len(every), count) == (2, 3), "what may not be used is left out"
    assert (await asking.listed(access, there, inactive=True))[1] == 4
    assert {one.code for one in (await asking.listed(access, there, tops=["1-8"], day=DAY))[0]} == {"1-8", "3-4"}
    assert await asking.listed(access, there, words="nothing") == ([], 0)
    assert [asking._query(words) for words in ("Blood sug", "1.8 ..", "", "a'b & !c")] == ["'blood':* & 'sug':*", "'1.8':*", "", "'a':* & 'b':* & 'c':*"]


async def test_what_the_organization_says_goes_before_what_releases_say_and_ends(clinic: Clinic) -> None:
    access = await acting(clinic)
    for wrong in (
        OWN._replace(system=" "), OWN._replace(code=""), OWN._replace(target_system=""), OWN._replace(equivalence="same"), OWN._replace(target=" "), OWN._replace(equivalence="unmatched"),
        OWN._replace(equivalence="disjoint"),
    ):  # fmt: skip
        with pytest.raises(errors.Malformed):
            await mapping.put(access, wrong, WHY)
    for no in ("", "  "):
        with pytest.raises(errors.Malformed):
            await mapping.put(access, OWN, no)
        with pytest.raises(errors.Malformed):
            await mapping.end(access, OWN, no)
    other = await acting(clinic, "mh-clinician")
    for act in (mapping.put(other, OWN, WHY), mapping.end(other, OWN, WHY), mapping.listed(other), mapping.work(other), mapping.set_aside(other, Missed("", LAB, "X", "", LOINC, "open", "", DAY), WHY)):
        with pytest.raises(errors.Forbidden):
            await act
    assert await mapping.put(access, OWN._replace(display=" Glucose "), WHY) is True
    assert await mapping.put(access, OWN, WHY) is False, "it says so already"
    access = await acting(clinic)
    (match,) = (await asking.translated(access, LAB, ["GLU", "none"], LOINC))["GLU"]
    assert (match.own, match.system, match.target, match.equivalence) == (True, LOINC, "1-8", "equivalent")
    assert await mapping.put(access, OWN._replace(code="HBA", target="2-6", equivalence="wider"), WHY)
    access = await acting(clinic)
    back = await asking.translated(access, LOINC, ["2-6"], LAB, back=True)
    assert [(m.target, m.equivalence) for m in back["2-6"]] == [("HBA", "narrower")]
    assert await mapping.put(access, OWN._replace(code="NO", target="", equivalence="unmatched"), WHY)
    access = await acting(clinic)
    assert [(m.target, m.equivalence) for m in (await asking.translated(access, LAB, ["NO"]))["NO"]] == [("", "unmatched")]
    found, count = await mapping.listed(access, words="hba")
    assert [(one.code, one.display, one.account, one.reason, one.until) for one in found] == [("HBA", "Glucose", "sys-mh", WHY, None)]
    assert count == 1
    assert await mapping.end(access, OWN, "wrong") is True
    access = await acting(clinic)
    assert await mapping.end(access, OWN, "wrong") is False
    assert await asking.translated(access, LAB, ["GLU"], LOINC) == {}
    assert (await mapping.listed(access))[1] == 2
    past, count = await mapping.listed(access, everything=True, most=1)
    assert (len(past), count) == (1, 3)
    assert any(one.until is not None for one in (await mapping.listed(access, everything=True))[0])
    lines = await clinic.owner.fetch("SELECT action, query FROM record.audit WHERE action LIKE 'vocabulary-%map' AND outcome = 'done' ORDER BY n")
    assert [tuple(line) for line in lines] == [*[("vocabulary-map", f"{LAB} {code}") for code in ("GLU", "HBA", "NO")], ("vocabulary-unmap", f"{LAB} GLU")]


async def test_what_no_map_knows_is_listed_once_and_set_aside_with_a_reason(clinic: Clinic) -> None:
    access = await acting(clinic)
    await mapping.put(access, OWN, WHY)
    access = await acting(clinic)
    codes = [local.Code(LAB, code, LOINC, name, {}) for code, name in (("GLU", ""), ("B", ""), ("B", "Of B"), ("B", "Other"))]
    known = await local.known(access, "northlab", codes)
    assert [m.target for m in known[LAB, "GLU", LOINC]] == ["1-8"]
    assert known[LAB, "B", LOINC] == []
    await local.known(access, "northlab", codes)
    (line,), count = await mapping.work(access)
    assert (line.partner, line.system, line.code, line.display, line.target_system, line.state, count) == ("northlab", LAB, "B", "Of B", LOINC, "open", 1)
    assert await mapping.set_aside(access, line, " nobody asks for it ") is True
    assert await mapping.work(access) == ([], 0)
    (line,), count = await mapping.work(access, "aside")
    assert (line.state, line.reason, count) == ("aside", "nobody asks for it", 1)
    assert await mapping.set_aside(access, line, " ") is True
    assert (await mapping.work(access))[1] == 1
    await mapping.missed(access, "northlab", [], LOINC)
