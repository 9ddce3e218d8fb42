"""The checks of one US Core profile, made from the metadata of Inferno's US Core test kit and from what is in the record."""

from __future__ import annotations

import gzip
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from sojourn.fhir.validate import validate
from sojourn.record.sql import body as stored
from tests.conformance import derived, meaning, psych
from tests.conformance.left_out import why_not
from tests.people import Clinic
from tests.shared import SHARED

WHO = "app-inside"
CASES = 2
"""Resources from which each search takes its values."""
STRICT = [("Prefer", "handling=strict")]
FORM = [("Content-Type", "application/x-www-form-urlencoded"), *STRICT]
INCLUDED = {"participant": ["X.participant.member"], "medication": ["X.medicationReference"], "endpoint": ["X.endpoint"], "practitioner": ["X.practitioner"]}
Resource = dict[str, Any]


class Result(NamedTuple):
    """One line of the table. outcome: pass, fail or n/a."""

    group: str
    check: str
    expectation: str
    outcome: str
    reason: str = ""


@cache
def groups() -> dict[str, dict[str, Any]]:
    """The metadata by name of its group."""
    if SHARED is None:
        return {}
    path = SHARED / "samples/fhir/inferno-requirements/inferno-us-core-6.1.0-metadata.yml.gz"
    return {g["name"]: g for g in psych.loads(gzip.decompress(path.read_bytes()).decode())["groups"]}


@dataclass
class World:
    """Everything in the record, read around the server."""

    by_type: dict[str, list[Resource]] = field(default_factory=lambda: defaultdict(list))
    by_patient: dict[tuple[str, str], list[Resource]] = field(default_factory=lambda: defaultdict(list))
    targets: dict[str, list[Resource]] = field(default_factory=lambda: defaultdict(list))

    def of(self, type_: str, patient: str | None) -> list[Resource]:
        """Resources of a type, of one patient where one is named."""
        return self.by_type[type_] if patient is None else self.by_patient[type_, patient.rpartition("/")[2]]

    def add(self, resource: Resource) -> None:
        """Take one up."""
        self.by_type[resource["resourceType"]].append(resource)
        for name in ("subject", "patient", "beneficiary"):
            owner = resource.get(name, {}).get("reference", "") if isinstance(resource.get(name), dict) else ""
            if owner.startswith("Patient/"):
                self.by_patient[resource["resourceType"], owner[8:]].append(resource)
                break
        if resource["resourceType"] == "Provenance":
            for target in resource["target"]:
                self.targets[target["reference"]].append(resource)


class Group:
    """The checks of one profile."""

    def __init__(self, name: str, world: World, clinic: Clinic, facts: dict[str, Any] | None = None) -> None:
        self.name = name
        self.facts = facts or groups()[name]
        self.type: str = self.facts["resource"]
        self.world = world
        self.clinic = clinic
        self.own = [r for r in world.by_type[self.type] if self.facts["profile_url"].partition("|")[0] in {p.partition("|")[0] for p in r["meta"].get("profile", ())}]

    async def results(self) -> list[Result]:
        """Every check."""
        if not self.own:
            what = "no child in care" if self.name.startswith(("pediatric", "head_occipital", "us_core_head")) else "no such resource"
            return [Result(self.name, "all", self.facts["resource_conformance_expectation"] or "", "n/a", f"The sample organization has {what}.")]
        out = []
        async for check, expectation, problem, reason in self._all():
            outcome = "fail" if problem else "n/a" if reason else "pass"
            out.append(Result(self.name, check, expectation, outcome, problem or reason))
        return out

    async def _all(self) -> AsyncIterator[tuple[str, str, str, str]]:
        for search in self.facts["searches"]:
            names = search["names"]
            cases = list(self._cases(names))
            reason = "" if cases else f"No resource of the profile has {' and '.join(names)}."
            yield "search " + " + ".join(names), search["expectation"], await self._search(names, cases), reason
            for name in names:
                for comparator, expected in self.facts["search_definitions"][name]["comparators"].items():
                    if expected in ("SHALL", "SHOULD"):
                        yield f"search {' + '.join(names)}, {comparator} on {name}", expected, await self._compared(names, cases, name, comparator), reason
                expected = self.facts["search_definitions"][name]["multiple_or"]
                if expected in ("SHALL", "SHOULD"):
                    yield f"search {' + '.join(names)}, several {name}", expected, await self._several(names, cases, name), reason
        for include in self.facts["include_params"]:
            yield f"_include={include}", self._expectation(include), *await self._include(include)
        for include in self.facts["revincludes"]:
            yield f"_revinclude={include}", self._expectation(include), *await self._revinclude(include)
        for interaction in self.facts["interactions"]:
            if interaction["code"] in _INTERACTIONS and interaction["expectation"] in ("SHALL", "SHOULD"):
                yield interaction["code"], interaction["expectation"], await getattr(self, _INTERACTIONS[interaction["code"]])(), ""
        for operation in self.facts["operations"]:
            yield f"${operation['code']}", operation["expectation"], await self._docref(), ""
        yield "validation against the profile", "SHALL", self._valid(), ""
        yield "must support", "SHALL", "", self._must_support()
        yield "references resolve", "SHALL", await self._resolved(), ""

    def _expectation(self, include: str) -> str:
        return str(self.facts.get("expected", {}).get(include, "SHOULD"))

    # --- searches ------------------------------------------------------------------------------------------------------------

    def _values(self, resource: Resource, name: str) -> list[Any]:
        definition = self.facts["search_definitions"][name]
        return [v for v in meaning.values(resource, definition["full_paths"]) if next(meaning.texts_for(definition["type"], v), None)]

    def _kind(self, name: str) -> str:
        return str(self.facts["search_definitions"][name]["type"])

    def _cases(self, names: list[str]) -> Iterable[dict[str, list[str]]]:
        """For some resources with values for all names: each name's ways to ask."""
        patients: set[str] = set()
        found = []
        for resource in self.own:
            each = {name: [t for v in self._values(resource, name) for t in meaning.texts_for(self._kind(name), v)] for name in names}
            owner = each.get("patient", [resource["id"]])[:1]
            if all(each.values()) and not patients.intersection(owner):
                patients.update(owner)
                found.append(each)
        return islice(found, CASES)

    def _expected(self, asked: dict[str, list[str]]) -> set[str]:
        """By brute force: every name matches one of its texts, for lists of texts all of one after the other."""
        patient = asked["patient"][0] if "patient" in asked else None
        out = set()
        for resource in self.world.of(self.type, patient):
            if all(
                any(meaning.matches(self._kind(name), meaning.values(resource, self.facts["search_definitions"][name]["full_paths"]), text) for text in texts)
                for name, texts in asked.items()
            ):
                out.add(resource["id"])
        return out

    async def _ask(self, asked: dict[str, list[str]], *, form: bool = False) -> str:
        """The problem with the answer, or ''."""
        query = urlencode({name: ",".join(texts) for name, texts in asked.items()}, safe=":/,$|\\", quote_via=quote) + "&_count=1000"
        if form:
            reply = await self.clinic.ask(WHO, "POST", f"{self.type}/_search", query.encode(), FORM)
        else:
            reply = await self.clinic.ask(WHO, "GET", f"{self.type}?{query}", None, STRICT)
        if reply.status != 200:
            return f"status {reply.status}"
        got, expected = reply.ids, self._expected(asked)
        if len(got) != len(set(got)):
            return "a resource came twice"
        return "" if set(got) == expected else f"{len(expected - set(got))} missing, {len(set(got) - expected)} too many"

    async def _search(self, names: list[str], cases: list[dict[str, list[str]]]) -> str:
        for number, case in enumerate(cases):
            ways = max(len(texts) for texts in case.values()) if number == 0 else 1
            for way in range(min(ways, 4)):
                problem = await self._ask({name: [texts[way % len(texts)]] for name, texts in case.items()}, form=way == 0)
                problem = problem or await self._ask({name: [texts[way % len(texts)]] for name, texts in case.items()})
                if problem:
                    return problem
        return ""

    async def _compared(self, names: list[str], cases: list[dict[str, list[str]]], name: str, comparator: str) -> str:
        for case in cases:
            asked = {other: [texts[0]] for other, texts in case.items()}
            dates = [case[name][0], case[name][0][:10], case[name][0][:4]]
            for date in dict.fromkeys(dates):
                if problem := await self._ask({**asked, name: [comparator + date]}):
                    return f"{comparator}: {problem}"
        return ""

    async def _several(self, names: list[str], cases: list[dict[str, list[str]]], name: str) -> str:
        """Several values, one after another of what there is in the record, and then the required values of the code itself."""
        for case in cases:
            all_values = [t for r in self.own for v in self._values(r, name) for t in islice(meaning.texts_for(self._kind(name), v), 1)]
            asked = {other: [texts[0]] for other, texts in case.items()}
            if problem := await self._ask({**asked, name: list(dict.fromkeys([case[name][0], *all_values]))[:6]}):
                return problem
            allowed = self.facts["search_definitions"][name]["values"]
            if allowed and (problem := await self._ask({**asked, name: allowed})):
                return problem
        return ""

    # --- includes --------------------------------------------------------------------------------------------------------------

    async def _include(self, include: str) -> tuple[str, str]:
        _, name, *target = include.split(":")
        for resource in self.own:
            wanted = {v["reference"] for v in meaning.values(resource, INCLUDED[name]) if v.get("reference", "").startswith(tuple(f"{t}/" for t in target) or "")}
            if wanted:
                return await self._with(resource["id"], f"_include={include}", wanted), ""
        return "", f"No resource of the profile has {name}{' of that type' if target else ''} by reference."

    async def _revinclude(self, include: str) -> tuple[str, str]:
        for resource in self.own:
            wanted = {f"Provenance/{p['id']}" for p in self.world.targets[f"{self.type}/{resource['id']}"]}
            if wanted:
                return await self._with(resource["id"], f"_revinclude={include}", wanted), ""
        return "", "The sample organization has no Provenance of such a resource."

    async def _with(self, id_: str, include: str, wanted: set[str]) -> str:
        reply = await self.clinic.ask(WHO, "GET", f"{self.type}?_id={id_}&{include}", None, STRICT)
        if reply.status != 200:
            return f"status {reply.status}"
        got = {f"{e['resource']['resourceType']}/{e['resource']['id']}" for e in reply.json()["entry"] if e["search"]["mode"] == "include"}
        return "" if got == wanted else f"{len(wanted - got)} missing, {len(got - wanted)} too many"

    # --- interactions ------------------------------------------------------------------------------------------------------------

    async def _search_type(self) -> str:
        reply = await self.clinic.ask(WHO, "GET", f"{self.type}?_count=1", None, STRICT)
        return "" if reply.status == 200 and reply.json()["type"] == "searchset" else f"status {reply.status}"

    async def _read(self) -> str:
        for resource in self.own[:3]:
            reply = await self.clinic.get(WHO, f"{self.type}/{resource['id']}")
            if reply.status != 200 or reply.json() != resource:
                return "the resource read is not the one stored"
        return ""

    async def _vread(self) -> str:
        for resource in self.own[:3]:
            reply = await self.clinic.get(WHO, f"{self.type}/{resource['id']}/_history/{resource['meta']['versionId']}")
            if reply.status != 200 or reply.json() != resource:
                return "the version read is not the one stored"
        return ""

    async def _history(self) -> str:
        for resource in self.own[:3]:
            reply = await self.clinic.get(WHO, f"{self.type}/{resource['id']}/_history")
            if reply.status != 200 or reply.json()["type"] != "history" or reply.entries[0] != resource:
                return "the history does not begin with what is stored"
        return ""

    async def _docref(self) -> str:
        patient = self.own[0]["subject"]["reference"].partition("/")[2]
        mine = self.world.by_patient["DocumentReference", patient]
        years = [d["date"][:4] for d in mine if "date" in d]
        reply = await self.clinic.get(WHO, f"DocumentReference/$docref?patient={patient}&start={min(years)}&end={max(years)}")
        if reply.status != 200 or set(reply.ids) != {d["id"] for d in mine}:
            return f"status {reply.status}, {len(reply.ids) if reply.status == 200 else 0} of {len(mine)} documents"
        return ""

    # --- content -----------------------------------------------------------------------------------------------------------------

    def _valid(self) -> str:
        for resource in self.own[:: max(1, len(self.own) // 100)]:
            wrong = [i for i in validate(resource, [self.facts["profile_url"]]) if i.severity in ("error", "fatal")]
            if wrong:
                return f"{wrong[0].expression}: {wrong[0].diagnostics}"
        return ""

    def _must_support(self) -> str:
        """What no resource of the profile shows; by Inferno's list, or by the profile itself."""
        if "must_supports" not in self.facts:
            url, _, version = self.facts["profile_url"].partition("|")
            gone = [p for p in derived.supported(version, url) if not why_not(self.name, p) and not any(derived.shows(version, url, r, p) for r in self.own)]
            return f"No resource of the sample organization shows {', '.join(gone)}." if gone else ""
        needed = self.facts["must_supports"]
        gone = []
        for element in needed["elements"]:
            steps = element["path"].split(".")
            wanted = element.get("fixed_value")
            found = (v for r in self.own for v in _at(r, steps))
            if not any(wanted is None or v == wanted for v in found):
                gone.append(element["path"])
        for extension in needed["extensions"]:
            if not any(extension["url"] in {e["url"] for e in _extensions(r, extension["path"])} for r in self.own):
                gone.append(extension["id"].partition(".")[2])
        return f"No resource of the sample organization shows {', '.join(dict.fromkeys(gone))}." if gone else ""

    async def _resolved(self) -> str:
        seen = set()
        for resource in self.own[:: max(1, len(self.own) // 5)]:
            for reference in _references(resource):
                if reference in seen or not reference.partition("/")[0].isalpha():
                    continue
                seen.add(reference)
                if (await self.clinic.get(WHO, reference)).status != 200:
                    return f"a {reference.partition('/')[0]} is not there"
        return ""


_INTERACTIONS = {"search-type": "_search_type", "read": "_read", "vread": "_vread", "history-instance": "_history"}


def _at(value: Any, steps: list[str]) -> list[Any]:
    """Values at a path of elements; `value[x]` and slice names as the metadata writes them."""
    if isinstance(value, list):
        return [v for item in value for v in _at(item, steps)]
    if not steps:
        return [value]
    if not isinstance(value, dict):
        return []
    head = steps[0].partition(":")[0].removesuffix("[x]")
    names = [k for k in value if k.removeprefix("_") == head or (k.startswith(head) and k[len(head) : len(head) + 1].isupper())]
    return [v for name in names for v in _at(value[name], steps[1:])]


def _extensions(resource: Resource, path: str) -> list[Resource]:
    return [e for e in _at(resource, [s for s in path.split(".") if s]) if isinstance(e, dict) and "url" in e]


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["reference"]] if isinstance(value.get("reference"), str) else []
        return own + [r for v in value.values() for r in _references(v)]
    return [r for item in value for r in _references(item)] if isinstance(value, list) else []


async def read_world(clinic: Clinic) -> World:
    """Everything that is in the record and belongs to the API's caller."""
    world = World()
    import json

    for row in await clinic.owner.fetch(f"SELECT {stored('r')} AS body, r.blobs FROM record.resource r ORDER BY r.rid"):
        body = clinic.gate.house.blobs.whole(1, row["body"], row["blobs"]) if row["blobs"] else row["body"]
        world.add(json.loads(body))
    return world


