"""$lookup, $validate-code, $expand, $translate: what code systems, value sets and maps say.

https://hl7.org/fhir/R4/terminology-service.html.
The answers are about nobody. Resources that they rest on (a ValueSet, CodeSystem or ConceptMap of the organization) are found as the caller finds them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

from sojourn.base import clock, errors
from sojourn.care.vocabulary import systems, valuesets
from sojourn.doors.api.answer import Answer, of_json
from sojourn.doors.api.ask import Ask
from sojourn.gate import security
from sojourn.gate.vocabulary import asking
from sojourn.gate.vocabulary.asking import Match

Values = Mapping[str, list[Any]]
_PAGE = 1000
_CODINGS = 20
"""That one question may ask about."""


async def lookup(ask: Ask, type_: str) -> Answer:
    """CodeSystem/$lookup: what a code is. Raises NotFound for a code that its system lacks, NotInstalled where the system is not here."""
    given = await _given(ask, type_, "CodeSystem", "lookup", ("code", "system", "version", "coding", "date", "displayLanguage", "property"))
    coding = _coding(given)
    system = await systems.find(ask.access, coding["system"], coding.get("version", ""), _day(given))
    code = (await system.codes([coding["code"]])).get(coding["code"])
    if code is None:
        raise errors.NotFound(f"There is no such code in {systems.name_of(system.url)}{f' {system.version}' if system.version else ''}.")
    out = [_value("name", "String", systems.name_of(system.url))]
    if system.version:
        out.append(_value("version", "String", system.version))
    out.append(_value("display", "String", code.display))
    out += [{"name": "designation", "part": [_value("value", "String", name)]} for name in code.names]
    out.append(_property("inactive", "Boolean", not code.usable))
    out += [_property("parent", "Code", parent) for parent in code.parents]
    out += [_property("replacedBy", "Code", other) for other in code.replaced]
    if code.kind:
        out.append(_property("kind", "String", code.kind))
    return _parameters(out)


async def validate(ask: Ask, type_: str, id_: str = "") -> Answer:
    """CodeSystem/$validate-code and ValueSet/$validate-code: whether a code is one of them."""
    takes = ("url", "code", "system", "version", "systemVersion", "valueSetVersion", "display", "coding", "codeableConcept", "date", "abstract", "displayLanguage", "valueSet", "codeSystem", "inferSystem")
    given = await _given(ask, type_, ("CodeSystem", "ValueSet"), "validate-code", takes)
    codings = _codings(given)
    if type_ == "CodeSystem":
        return await _in_system(ask, given, id_, codings)
    value_set = await _value_set(ask, given, id_)
    unknown: systems.NotInstalled | None = None
    for coding in codings:
        try:
            found = await valuesets.member(ask.access, value_set, coding.get("system", ""), coding["code"], _day(given))
        except systems.NotInstalled as error:
            unknown = error
            continue
        if found is not None:
            return _judged(coding, found.display, usable=found.usable)
    if unknown is not None:
        raise unknown
    return _parameters([_value("result", "Boolean", False), _value("message", "String", "The code is not in the value set.")])


async def _in_system(ask: Ask, given: Values, id_: str, codings: list[dict[str, Any]]) -> Answer:
    if id_ or "codeSystem" in given:
        resource = (await ask.access.read("CodeSystem", id_)).resource if id_ else given["codeSystem"][0]
        if not isinstance(resource, Mapping):
            raise errors.Malformed("codeSystem is a resource.", expression="codeSystem")
        if resource.get("content") != "complete":
            raise errors.NotSupported("This CodeSystem does not hold all of its codes.")
        with _readable():
            system: systems.System = systems.Listing(resource)
    else:
        url = _one(given, "url") or codings[0].get("system", "")
        if not url:
            raise errors.Malformed("Say the code system: url, or a coding with its system.", expression="url")
        system = await systems.find(ask.access, url, _one(given, "version"), _day(given))
    for coding in codings:
        if coding.get("system", system.url) not in ("", system.url):
            continue
        found = (await system.codes([coding["code"]])).get(coding["code"])
        if found is not None:
            return _judged(coding, found.display if system.named else coding.get("display", ""), usable=found.usable, names=found.names)
    said = f"{systems.name_of(system.url)}{f' {system.version}' if system.version else ''}"
    return _parameters([_value("result", "Boolean", False), _value("message", "String", f"There is no such code in {said}.")])


def _judged(coding: Mapping[str, Any], display: str, *, usable: bool, names: tuple[str, ...] = ()) -> Answer:
    """A code that is there; a name that is not one of its own makes the whole untrue."""
    said = str(coding.get("display", ""))
    wrong = bool(said and display) and said.casefold() not in {n.casefold() for n in (display, *names)}
    out = [_value("result", "Boolean", not wrong)]
    if wrong:
        out.append(_value("message", "String", "The code is there, by another name."))
    elif not usable:
        out.append(_value("message", "String", "The code is there, and is no longer for use."))
    return _parameters([*out, *([_value("display", "String", display)] if display else [])])


async def expand(ask: Ask, type_: str, id_: str = "") -> Answer:
    """ValueSet/$expand: its codes, a page at a time."""
    takes = ("url", "valueSet", "valueSetVersion", "filter", "offset", "count", "date", "activeOnly", "includeDesignations", "includeDefinition", "excludeNested", "excludeNotForUI", "displayLanguage")
    given = await _given(ask, type_, "ValueSet", "expand", takes)
    offset, count = _number(given, "offset", 0), min(_number(given, "count", _PAGE), _PAGE)
    value_set = await _value_set(ask, given, id_)
    words, active = _one(given, "filter"), _one(given, "activeOnly") == "true"
    found, total = await valuesets.listed(ask.access, value_set, words=words, inactive=not active, offset=offset, most=count, day=_day(given))
    contains = [
        {"system": m.system, **({"version": m.version} if m.version else {}), **({} if m.usable else {"inactive": True}), "code": m.code, "display": m.display} for m in found
    ]
    resource = {
        "resourceType": "ValueSet",
        **({"url": value_set.url} if value_set.url else {}),
        **({"version": value_set.version} if value_set.version else {}),
        **({"title": value_set.title} if value_set.title else {}),
        "status": "active",
        "expansion": {
            "timestamp": clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"), "total": total, "offset": offset,
            "parameter": [_value("count", "Integer", count), *([_value("filter", "String", words)] if words else [])],
            **({"contains": contains} if contains else {}),
        },
    }  # fmt: skip
    return _said(resource)


async def translate(ask: Ask, type_: str, id_: str = "") -> Answer:
    """ConceptMap/$translate: what a code is in another system, by the organization's maps, then by those of releases; or by one ConceptMap alone."""
    takes = ("url", "conceptMap", "conceptMapVersion", "code", "system", "version", "source", "coding", "codeableConcept", "target", "targetsystem", "reverse")
    given = await _given(ask, type_, "ConceptMap", "translate", takes)
    codings = _codings(given)
    back, target = _one(given, "reverse") == "true", _one(given, "targetsystem")
    resource = await _concept_map(ask, given, id_)
    out: list[dict[str, Any]] = []
    for coding in codings:
        if resource is not None:
            with _readable():
                matches = _of_resource(resource, coding, target, back=back)
        else:
            if not coding.get("system"):
                raise errors.Malformed("Say the system of the code.", expression="system")
            matches = (await asking.translated(ask.access, coding["system"], [coding["code"]], target, back=back)).get(coding["code"], [])
        out += [_match(m) for m in await _named(ask, matches)]
    true = any(m["part"][0]["valueCode"] not in ("unmatched", "disjoint") for m in out)
    if not out and resource is None and target and not await _maps_to(ask, codings[0]["system"], target, back=back):
        raise systems.NotInstalled(f"No map from {systems.name_of(codings[0]['system'])} to {systems.name_of(target)} is installed here, so nothing can be said.")
    said = "" if true else "It is known that the code has no counterpart there." if out else "No map here knows the code."
    return _parameters([_value("result", "Boolean", true), *([_value("message", "String", said)] if said else []), *out])


async def _maps_to(ask: Ask, system: str, target: str, *, back: bool) -> bool:
    """Whether a release in force has maps at all where one would look."""
    holder = target if back else system
    release = await asking.release_of(ask.access, holder)
    return release is not None and release.maps > 0


async def _named(ask: Ask, matches: list[Match]) -> list[Match]:
    """With the names that the releases in force have: a question for each system."""
    wanted: dict[str, list[str]] = {}
    for m in matches:
        if m.target and not m.display:
            wanted.setdefault(m.system, []).append(m.target)
    names: dict[tuple[str, str], str] = {}
    for system, targets in wanted.items():
        release = await asking.release_of(ask.access, system)
        known = await asking.codes(ask.access, release, targets) if release is not None else {}
        names |= {(system, code): found.display for code, found in known.items()}
    return [m if m.display else m._replace(display=names.get((m.system, m.target), "")) for m in matches]


def _match(m: Match) -> dict[str, Any]:
    """equivalence first, then the concept, then from where and under which rule."""
    part: list[dict[str, Any]] = [_value("equivalence", "Code", m.equivalence)]
    if m.target:
        part.append({"name": "concept", "valueCoding": {"system": m.system, "code": m.target, **({"display": m.display} if m.display else {})}})
    if m.rule or m.advice:
        part.append({"name": "product", "part": [_value("element", "Uri", "rule"), {"name": "concept", "valueCoding": {"display": m.rule or m.advice}}]})
    if m.source.startswith(("http:", "https:", "urn:")):
        part.append(_value("source", "Uri", m.source))
    return {"name": "match", "part": part}


def _of_resource(resource: Mapping[str, Any], coding: Mapping[str, Any], target: str, *, back: bool) -> list[Match]:
    found = []
    for group in resource.get("group") or []:
        here, there = (group.get("target", ""), group.get("source", "")) if back else (group.get("source", ""), group.get("target", ""))
        if coding.get("system", here) != here or target not in ("", there):
            continue
        for element in group.get("element") or []:
            for t in element.get("target") or []:
                mine, other, shown = (t.get("code"), element.get("code"), element.get("display")) if back else (element.get("code"), t.get("code"), t.get("display"))
                if mine == coding["code"]:
                    equivalence = str(t.get("equivalence", "relatedto"))
                    found.append(Match(True, there, str(other or ""), str(shown or ""), asking.turned(equivalence) if back else equivalence, 1, "", str(t.get("comment", "")), str(resource.get("url", ""))))
    return found


async def _concept_map(ask: Ask, given: Values, id_: str) -> Mapping[str, Any] | None:
    if id_:
        return (await ask.access.read("ConceptMap", id_)).resource
    if "conceptMap" in given and isinstance(given["conceptMap"][0], dict):
        return given["conceptMap"][0]
    if url := _one(given, "url"):
        plain, _, version = url.partition("|")
        await ask.access.check("search", "ConceptMap", url)
        found = await ask.access.search("ConceptMap", [("url", plain), *([("version", version)] if version else [])], count=1)
        if not found.matches:
            raise errors.NotFound("No ConceptMap of this URL is known here.")
        return found.matches[0].resource
    return None


async def _value_set(ask: Ask, given: Values, id_: str) -> valuesets.Composed:
    if id_:
        return await valuesets.of_resource(ask.access, (await ask.access.read("ValueSet", id_)).resource)
    if "valueSet" in given and isinstance(given["valueSet"][0], dict):
        with _readable():
            return await valuesets.of_resource(ask.access, given["valueSet"][0])
    url = _one(given, "url")
    if not url:
        raise errors.Malformed("Say the value set: url, or valueSet in the Parameters.", expression="url")
    version = _one(given, "valueSetVersion")
    return await valuesets.find(ask.access, f"{url}|{version}" if version else url)


# --- what was asked ----------------------------------------------------------------------------------------------------------------


async def _given(ask: Ask, type_: str, offered: str | tuple[str, ...], name: str, takes: tuple[str, ...]) -> Values:
    """The parameters, of the URL or of Parameters. Raises NotSupported for another type or parameter, Malformed."""
    types = (offered,) if isinstance(offered, str) else offered
    if type_ not in types:
        raise errors.NotSupported(f"${name} is offered for {' and '.join(types)}.")
    ask.check_format()
    await security.alive(ask.access)  # most of what is asked here asks nothing of the record, which would look
    out: dict[str, list[Any]] = {}
    for key, value in ask.search_params():
        out.setdefault(key, []).append(value)
    if ask.method == "POST":
        body = await ask.json()
        if not isinstance(body, dict) or body.get("resourceType") != "Parameters" or not isinstance(body.get("parameter") or [], list):
            raise errors.Malformed("Send a Parameters resource.", expression="resourceType")
        for p in body.get("parameter") or []:
            found = next((v for k, v in p.items() if k.startswith("value") or k == "resource"), None) if isinstance(p, dict) else None
            if found is None or not isinstance(p.get("name"), str):
                raise errors.Malformed("Each parameter has a name, and a value or resource.", expression="Parameters.parameter")
            out.setdefault(p["name"], []).append(found)
    unknown = out.keys() - set(takes)
    if unknown:
        raise errors.NotSupported(f"${name} takes {', '.join(takes)}.")
    return out


@contextmanager
def _readable() -> Iterator[None]:
    """What is sent along is no stored resource, and may have any shape. Raises Malformed."""
    try:
        yield
    except (AttributeError, KeyError, TypeError):
        raise errors.Malformed("The resource that was sent along cannot be read.") from None


def _one(given: Values, name: str) -> str:
    value: Any = given.get(name, [""])[-1]
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int):
        raise errors.Malformed(f"{name} is one plain value.", expression=name)
    return str(value)


def _number(given: Values, name: str, otherwise: int) -> int:
    text = _one(given, name)
    if not text:
        return otherwise
    if not (text.isascii() and text.isdecimal() and len(text) < 8):  # noqa: PLR2004 - as many digits as any answer needs
        raise errors.Malformed(f"{name} is a number.", expression=name)
    return int(text)


def _day(given: Values) -> date | None:
    text = _one(given, "date")
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).date() if len(text) > 10 else date.fromisoformat(text)  # noqa: PLR2004 - YYYY-MM-DD
    except ValueError:
        raise errors.Malformed("date is a day, or a day and a time.", expression="date") from None


def _codings(given: Values) -> list[dict[str, Any]]:
    """What is asked about: code and system, a Coding, or each Coding of a CodeableConcept. Raises Malformed for none."""
    found: list[Any] = list(given.get("coding", []))
    for concept in given.get("codeableConcept", []):
        found += concept.get("coding") or [] if isinstance(concept, dict) else [None]
    if "code" in given:
        version = _one(given, "systemVersion") or _one(given, "version")
        found.append({k: v for k, v in {"system": _one(given, "system"), "code": _one(given, "code"), "display": _one(given, "display"), "version": version}.items() if v})
    if not found or not all(isinstance(c, dict) and isinstance(c.get("code"), str) and isinstance(c.get("system", ""), str) for c in found):
        raise errors.Malformed("Say the code: code with system, a coding, or a codeableConcept.", expression="code")
    if len(found) > _CODINGS:
        raise errors.NotSupported(f"One question asks about at most {_CODINGS} codes.", expression="code")
    return found


def _coding(given: Values) -> dict[str, Any]:
    coding = _codings(given)[0]
    if not coding.get("system"):
        raise errors.Malformed("Say the system of the code.", expression="system")
    return coding


def _value(name: str, kind: str, value: object) -> dict[str, Any]:
    return {"name": name, f"value{kind}": value}


def _property(name: str, kind: str, value: object) -> dict[str, Any]:
    return {"name": "property", "part": [_value("code", "Code", name), _value("value", kind, value)]}


def _parameters(parts: list[dict[str, Any]]) -> Answer:
    return _said({"resourceType": "Parameters", "parameter": parts})


def _said(resource: dict[str, Any]) -> Answer:
    answer = of_json(resource)
    answer.about = True
    return answer
