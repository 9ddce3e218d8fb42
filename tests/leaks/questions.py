"""Random requests to every route of the FHIR door, with values that are in the record, that are near it, and that are nowhere.

They are made up from world A alone (an attacker may know or guess what is there) and put to both worlds in the same words.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from random import Random
from typing import Any, NamedTuple
from urllib.parse import quote

from sojourn.fhir.extract import extract
from sojourn.fhir.searchparams import PARAMS
from tests.leaks import screens
from tests.leaks.rules import Viewer
from tests.leaks.story import INLINE, MAKERS, SECRET_WORDS, Story
from tests.leaks.telling import Told
from tests.people import BASE, START, encounter, observation

TYPES = ("Patient", "Consent", "Practitioner", "Organization", *MAKERS)
UNKNOWN = "AAAAAAAAAAAAAAAAAAAAAA"
SCREEN = "SCREEN"
"""Instead of a method: a page of the staff app."""


class Question(NamedTuple):
    """One request. pages: follow `next` to the end."""

    method: str
    url: str
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()
    pages: bool = False


def unlabelled(value: Any) -> Any:
    """Without labelled elements: nobody sends what they cannot have seen."""
    if isinstance(value, dict):
        return {k: unlabelled(v) for k, v in value.items() if not _labelled(v)}
    return [unlabelled(v) for v in value if not _labelled(v)] if isinstance(value, list) else value


def _labelled(value: Any) -> bool:
    return isinstance(value, dict) and any(e.get("url") == INLINE for e in value.get("extension", ()))


def found_by(resource: dict[str, Any]) -> list[tuple[str, str]]:
    """Parameters and values that find the resource."""
    terms = extract(resource, BASE)
    found: list[tuple[str, str]] = []
    for code, system, value in terms.tokens:
        found += [(code, f"{system or ''}|{value or ''}"), (code, value or f"{system}|")]
    found += [(c, t) for c, t in terms.strings] + [(c, u) for c, u in terms.uris] + [(c, t) for c, t in terms.references]
    found += [(c, low.strftime("%Y-%m-%d")) for c, low, _ in terms.dates if 1900 < low.year < 2100]
    found += [(c, f"{low:g}") for c, low, *_ in terms.numbers]
    return found + [(c, t) for c, t in terms.texts]


class Asker:
    """Makes questions up."""

    def __init__(self, seed: str, story: Story, told: Told, stored: list[dict[str, Any]], viewer: Viewer) -> None:
        self.random = Random(seed)
        self.staff = False  # whether the viewer has the staff app
        self.overseer = False  # whether the viewer may read the trail
        self.desk = Random(f"{seed}/desk").random() < 0.5  # whether an overseer looks at pages instead of the trail
        self.story = story
        # Where something is hidden, in whole or in part: what a leak would be about.
        delicate = {s.key for s in story.steps if not story.sees(viewer, s.key) or (s.secret and not story.sees(viewer, s.key, s.secret))}
        delicate |= {k for k, t in story.things.items() if any(p.law and not story.sees(viewer, k, p.law) for parts in t.parts.values() for p in parts)}
        self.delicate = [f"{story.things[k].fact.type}/{told.ids[k]}" for k in sorted(delicate) if k in told.ids]
        self.ids = {f"{story.things[k].fact.type}/{v}": told.versions[k] for k, v in told.ids.items()}
        changed = sorted({s.key for s in story.steps if s.secret and s.key in told.ids and not story.sees(viewer, s.key, s.secret) and story.sees(viewer, s.key)})
        self.changed = [f"{story.things[k].fact.type}/{told.ids[k]}" for k in changed]
        raised = sorted({s.key for s in story.steps if (s.kind == "label" or (s.kind == "update" and "meta" in s.snapshot["base"])) and s.key in told.ids and not story.sees(viewer, s.key)})
        self.raised = [f"{story.things[k].fact.type}/{told.ids[k]}" for k in raised]
        # What refers to something that may not be seen, and that itself.
        self.hidden = {f"{story.things[k].fact.type}/{v}" for k, v in told.ids.items() if not story.sees(viewer, k)}
        referring = sorted(k for k, t in story.things.items() if k in told.ids and story.sees(viewer, k) and any(not story.sees(viewer, o) for keys in t.first.get("links", t.links).values() for o in keys))
        self.referring = [f"{story.things[k].fact.type}/{told.ids[k]}" for k in referring]
        self.values: dict[tuple[str, str], list[str]] = {}
        for resource in stored:
            self._learn(resource)
        self.stored = {f"{r['resourceType']}/{r['id']}": r for r in stored}
        # What a resource is found by for the sake of a labelled element alone.
        betraying = {(r["resourceType"], *pair) for r in stored for pair in set(found_by(r)) - set(found_by(unlabelled(r)))}
        self.betraying = sorted(b for b in betraying if b[1] in PARAMS[b[0]] and PARAMS[b[0]][b[1]].kind in ("token", "string"))

    def _learn(self, resource: dict[str, Any]) -> None:
        """What the resource can be found by."""
        for code, text in found_by(resource):
            if text:
                self.values.setdefault((resource["resourceType"], code), []).append(text)

    def some_ref(self, type_: str | None = None) -> str:
        """A resource that is there, for someone at least; rarely one that is nowhere."""
        among = self.delicate if self.random.random() < 0.4 else list(self.ids)
        fits = [r for r in among if type_ is None or r.startswith(type_ + "/")] or list(self.ids)
        fits = [r for r in fits if type_ is None or r.startswith(type_ + "/")]
        return self.random.choice(fits) if fits and self.random.random() < 0.93 else f"{type_ or 'Patient'}/{UNKNOWN}"

    def questions(self, count: int) -> Iterator[Question]:
        """That many, of every kind."""
        # A page asks for several things at once, and in which order their lines come into the trail is chance: who reads it looks at no pages.
        trail = self.overseer and not self.desk
        kinds = (*KINDS, (Asker.trail, 60)) if trail else (*KINDS, (Asker.screen, 40)) if self.staff else KINDS
        last = self.pointed(min(6, count // 10))
        for _ in range(count - len(last)):
            yield self.random.choices([k for k, _ in kinds], [w for _, w in kinds])[0](self)
        yield from last

    # --- searching ------------------------------------------------------------------------------------------------------------

    def value(self, type_: str, code: str, kind: str) -> str:
        """A value for a parameter: usually one that is in the record."""
        random = self.random
        known = self.values.get((type_, code))
        if known and random.random() < 0.85:
            text = random.choice(known)
            if kind == "string":
                text = text[: random.randint(1, len(text))]
            return text.replace(",", "\\,").replace("$", "\\$") if kind != "token" else text
        fallback = {
            "token": ("final", "active", "http://loinc.org|8867-4", "R", "42CFRPart2", "PSYTHPN", "HIV", "SUD", "N", "|x"), "date": ("2025-10-01", "2026", "2026-03-01T08:20:00Z"),
            "string": (*SECRET_WORDS, "a", "R"), "reference": ("",), "number": ("1", "60"), "quantity": ("60", "72|http://unitsofmeasure.org|/min"), "uri": ("http://example.org",),
        }  # fmt: skip
        if kind == "reference":
            return self.some_ref()
        return random.choice(fallback.get(kind, ("x",)))

    def condition(self, type_: str, depth: int = 0) -> tuple[str, str]:
        """One search parameter with its value, sometimes chained or reversed."""
        random = self.random
        if depth < 2 and random.random() < 0.22:
            return self._chained(type_, depth)
        codes = [c for c in PARAMS[type_] if (type_, c) in self.values] or ["_id"]
        code = random.choice(codes) if random.random() < 0.85 else random.choice(sorted(PARAMS[type_]))
        code = "_security" if random.random() < 0.06 else code
        if code in ("_text", "_content", "_query", "_filter", "near"):
            code = "_lastUpdated"
        if code == "_id":
            return "_id", self.some_ref(type_).partition("/")[2]
        if code == "_lastUpdated":
            return code, random.choice(("ge", "le", "lt", "gt", "")) + f"2026-03-01T08:{random.randrange(60):02d}"
        param = PARAMS[type_][code]
        if random.random() < 0.12:
            return f"{code}:missing", random.choice(("true", "false"))
        value = self.value(type_, code, param.kind)
        modifier = ""
        if param.kind == "token":
            modifier = random.choice(("", "", "", ":not", ":text"))
            value = value.rpartition("|")[2] or value if modifier == ":text" else value
        elif param.kind == "string":
            modifier = random.choice(("", "", ":exact", ":contains"))
        elif param.kind in ("date", "number", "quantity"):
            value = random.choice(("", "", "ge", "le", "gt", "lt", "ne", "sa", "eb", "ap")) + value
        elif param.kind == "reference" and "/" in value and random.random() < 0.3:
            kind, _, bare = value.rpartition("/")
            modifier, value = (":" + kind, bare) if random.random() < 0.5 and kind.isalpha() else ("", bare)
        return code + modifier, value

    def _chained(self, type_: str, depth: int) -> tuple[str, str]:
        random = self.random
        if random.random() < 0.5:
            sources = [(t, p) for t in TYPES for p in PARAMS[t].values() if p.kind == "reference" and (type_ in p.targets or "*" in p.targets)]
            if sources:
                source, param = random.choice(sources)
                name, value = self.condition(source, depth + 1)
                return f"_has:{source}:{param.code}:{name}", value
        references = [p for p in PARAMS[type_].values() if p.kind == "reference" and (type_, p.code) in self.values]
        if not references:
            return self.condition(type_, 9)
        param = random.choice(references)
        target = random.choice([t for t in TYPES if t in param.targets] or ["Patient"])
        name, value = self.condition(target, depth + 1)
        return f"{param.code}:{target}.{name}" if random.random() < 0.7 else f"{param.code}.{name}", value

    def query(self, type_: str, *, controls: bool = True) -> str:
        """A whole query string."""
        random = self.random
        pairs = [self.condition(type_) for _ in range(random.choice((0, 1, 1, 1, 2)))]
        if controls:
            pairs += self._controls(type_)
        return "&".join(f"{quote(k, safe=':_.-')}={quote(v, safe=':/|,.-')}" for k, v in pairs)

    def _controls(self, type_: str) -> list[tuple[str, str]]:
        random = self.random
        pairs: list[tuple[str, str]] = []
        if random.random() < 0.08:
            return [("_summary", "count")]
        if random.random() < 0.35:
            pairs.append(("_count", str(random.choice((0, 1, 2, 3, 5, 20)))))
        if random.random() < 0.3:
            pairs.append(("_total", random.choice(("accurate", "estimate", "none"))))
        if random.random() < 0.3:
            sortable = [c for c, p in PARAMS[type_].items() if p.kind in ("date", "string", "number", "quantity", "uri")] + ["_lastUpdated", "_id"]
            pairs.append(("_sort", ",".join(random.choice(("", "-")) + c for c in random.sample(sortable, 1))))
        if random.random() < 0.3:
            references = [p.code for p in PARAMS[type_].values() if p.kind == "reference"]
            if references:
                pairs.append((random.choice(("_include", "_include:iterate")), random.choice((f"{type_}:{random.choice(references)}", f"{type_}:*", "*"))))
        if random.random() < 0.3:
            source = random.choice(TYPES)
            back = [p.code for p in PARAMS[source].values() if p.kind == "reference" and (type_ in p.targets or "*" in p.targets)]
            if back:
                pairs.append((random.choice(("_revinclude", "_revinclude:iterate")), f"{source}:{random.choice(back)}"))
        if random.random() < 0.15:
            pairs.append(("_summary", random.choice(("true", "text", "data", "count", "false"))))
        elif random.random() < 0.1:
            pairs.append(("_elements", random.choice(("status", "code,subject", "id", "name,telecom"))))
        return pairs

    def search(self) -> Question:
        type_ = self.random.choice(TYPES)
        query = self.query(type_)
        if self.random.random() < 0.1:
            return Question("POST", f"{type_}/_search", query.encode(), (("content-type", "application/x-www-form-urlencoded"),), pages=True)
        return Question("GET", f"{type_}?{query}" if query else type_, pages=True)

    def ordered(self) -> Question:
        """A search sorted by something that is in the record."""
        known = [(t, c) for t, c in self.values if c in PARAMS.get(t, ()) and PARAMS[t][c].kind in ("string", "date", "uri", "number", "quantity")]
        type_, code = self.random.choice(known)
        if ("Patient", "address-city") in known and self.random.random() < 0.3:
            type_, code = "Patient", "address-city"  # the cities of some must not be seen
        return Question("GET", f"{type_}?_sort={self.random.choice(('', '-'))}{code}&_count={self.random.choice((2, 3, 50))}", pages=True)

    def betrayed(self) -> Question:
        """A search that begins at what labelled elements alone yield, with nothing else to narrow it."""
        if not self.betraying:
            return self.search()
        type_, code, value = self.random.choice(self.betraying)
        more = self.random.choice(("", "", "&_summary=count", "&_count=1", "&_sort=-_lastUpdated"))
        return Question("GET", f"{type_}?{code}={quote(value, safe=':/|.-')}{more}", pages=True)

    def everywhere(self) -> Question:
        """A search over all or some types."""
        kinds = self.random.sample(TYPES, 3)
        query = self.random.choice((f"_type={','.join(kinds)}", "_summary=count", f"_type={kinds[0]}&_total=accurate&_count=3", "_lastUpdated=ge2026-03-01T08:30"))
        if self.random.random() < 0.3:
            return Question("POST", "_search", query.encode(), (("content-type", "application/x-www-form-urlencoded"),), pages=True)
        return Question("GET", f"?{query}", pages=True)

    def counted(self) -> Question:
        """How many there are of a kind of which something is hidden: what a page leaves out must not be counted, nor lengthen the way to it."""
        hidden = {r.partition("/")[0] for r in (*self.delicate, *self.referring)} & set(TYPES)
        type_ = self.random.choice(sorted(hidden) or list(TYPES))
        more = self.random.choice(("_summary=count", "_summary=count", "_total=accurate&_count=1", "_count=1", "_count=2&_sort=-_lastUpdated"))
        return Question("GET", f"{type_}?{more}", pages=True)

    def pointed(self, most: int) -> list[Question]:
        """Searches for what may be seen by a reference to what may not: as the last questions, and drawn apart, so that those before them are asked as ever."""
        pairs = sorted({
            (type_, code, target)
            for ref in self.referring if ref in self.stored and (type_ := ref.partition("/")[0])
            for code, target in extract(self.stored[ref], BASE).references if target in self.hidden and code in PARAMS[type_]
        })  # fmt: skip
        random = Random(f"{self.story.seed} pointed")

        def asked(type_: str, code: str, target: str) -> str:
            more = random.choice((f"{code}={target}", f"{code}={target}", f"{code}={target}&_summary=count", f"{code}:missing={random.choice(('true', 'false'))}"))
            return f"{type_}?{more}"

        return [Question("GET", asked(*pair), pages=True) for pair in random.sample(pairs, min(most, len(pairs)))]

    def recent(self) -> Question:
        """What changed since a moment of the story, of a kind of which something changed unseen."""
        type_ = self.random.choice(self.changed or self.delicate or ["Observation/x"]).partition("/")[0]
        minute = self.random.randrange(max(1, len(self.story.steps)))
        since = (START + timedelta(minutes=minute, seconds=self.random.choice((-30, 30)))).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Question("GET", f"{type_}?_lastUpdated={self.random.choice(('ge', 'gt', 'lt', 'le'))}{since}{self.random.choice(('', '&_summary=count', '&_sort=_lastUpdated'))}", pages=True)

    def marked(self) -> Question:
        """By a label: which of them stand on the whole, and which fell with a later admission or belong to a hidden element alone."""
        type_ = self.random.choice(("Patient", *sorted({r.partition("/")[0] for r in self.delicate} & set(TYPES))) if self.random.random() < 0.5 else ("Patient",))
        code = self.random.choice(("42CFRPart2", "42CFRPart2", "R", "N", "HIV", "SUD", "PSYTHPN", "PROCESSINLINELABEL"))
        return Question("GET", f"{type_}?{self.random.choice(('_security', '_security', '_security:not'))}={code}{self.random.choice(('', '&_summary=count'))}", pages=True)

    # --- reading ---------------------------------------------------------------------------------------------------------------

    def read(self) -> Question:
        ref = self.some_ref()
        headers: tuple[tuple[str, str], ...] = ()
        if self.random.random() < 0.2 and ref in self.ids:
            headers = (("if-none-match", f'W/"{self.random.choice(self.ids[ref])}"'),)
        elif self.random.random() < 0.1:
            headers = (("if-modified-since", "Sun, 01 Mar 2026 08:30:00 GMT"),)
        return Question(self.random.choice(("GET", "GET", "GET", "HEAD")), ref + self.random.choice(("", "", "", "?_summary=true", "?_elements=status", "?_pretty=true")), None, headers)

    def past(self) -> str:
        """A resource, often one that was put under a law after its first versions."""
        several = [ref for ref in self.referring if len(self.ids[ref]) > 1]
        among = self.raised if self.random.random() < 0.5 else several or self.referring
        return self.random.choice(among) if among and self.random.random() < 0.4 else self.some_ref()

    def vread(self) -> Question:
        ref = self.past()
        return Question("GET", f"{ref}/_history/{self.random.choice(self.ids.get(ref, [UNKNOWN]))}")

    def history(self) -> Question:
        since = self.random.choice(("", "", "", f"_since=2026-03-01T08:{self.random.randrange(60):02d}:00Z"))
        count = self.random.choice(("", "_count=1", "_count=2", "_count=5"))
        path = self.random.choice((f"{self.past()}/_history", f"{self.past()}/_history", f"{self.random.choice(TYPES)}/_history", "_history"))
        return Question("GET", path + "?" + "&".join(p for p in (since, count) if p), pages=True)

    def everything(self) -> Question:
        method = self.random.choice(("GET", "GET", "POST"))
        patient, more = self.some_ref("Patient"), self.random.choice(("", "?_count=3", "?_type=Observation,Condition", "?_since=2026-03-01T08:30:00Z"))
        if not more and method == "GET" and patient[-1:] < "M":  # without a draw: what comes after it is asked as before
            return Question("GET", f"{patient}/$ccd")
        path = f"{patient}/$everything{more}"
        return Question(method, path, pages=method == "GET")

    # --- writing ---------------------------------------------------------------------------------------------------------------

    def sent(self) -> dict[str, Any]:
        """A resource such as a clinician writes, about a patient and things that may be hidden from them."""
        p = self.some_ref("Patient").partition("/")[2]
        more: dict[str, Any] = {"encounter": {"reference": self.some_ref("Encounter")}} if self.random.random() < 0.4 else {}
        return self.random.choice((lambda: observation(p, self.random.randrange(40, 120), **more), lambda: encounter(p, status="planned")))()

    def create(self) -> Question:
        body = self.sent()
        headers = (("if-none-exist", self.query(body["resourceType"], controls=False) or "status=final"),) if self.random.random() < 0.6 else ()
        return Question("POST", body["resourceType"], body, headers)

    def update(self) -> Question:
        ref = self.some_ref(self.random.choice(("Observation", "Encounter", "Condition", "Patient", "Procedure", "Appointment", "QuestionnaireResponse", "CarePlan", "Task")))
        if self.changed and self.random.random() < 0.4:
            ref = self.random.choice(self.changed)  # of which a part has changed that must not be seen
        elif self.referring and self.random.random() < 0.4:
            ref = self.random.choice(self.referring)
        type_, _, id_ = ref.partition("/")
        known = self.stored.get(ref)
        body = {**(known or self.sent()), "resourceType": type_, "id": id_, "language": self.random.choice(("en", "fr"))}
        body = unlabelled(json.loads(json.dumps(body)))
        if self.random.random() < 0.7:
            body = self.unreferring(body)
        body.pop("meta", None)
        headers = (("if-match", f'W/"{self.random.choice(self.ids.get(ref, [UNKNOWN]))}"'),) if self.random.random() < 0.5 else ()
        return Question("PUT", ref, body, headers)

    def unreferring(self, value: Any) -> Any:
        """Without references to what the viewer cannot have seen."""
        if isinstance(value, dict):
            kept = {k: self.unreferring(v) for k, v in value.items() if not (isinstance(v, dict) and v.get("reference") in self.hidden)}
            return {k: v for k, v in kept.items() if v not in ({}, [])}
        if isinstance(value, list):
            items = [self.unreferring(v) for v in value if not (isinstance(v, dict) and v.get("reference") in self.hidden)]
            return [v for v in items if v not in ({}, [])]
        return value

    def update_if(self) -> Question:
        body = self.sent()
        return Question("PUT", f"{body['resourceType']}?{self.query(body['resourceType'], controls=False)}", body)

    def patch(self) -> Question:
        type_ = self.random.choice(("Observation", "Condition", "Encounter", "Procedure", "QuestionnaireResponse", "CarePlan", "Appointment"))
        operations = self.random.choice((
            [{"op": "add", "path": "/language", "value": "pt"}],
            [{"op": "test", "path": "/status", "value": "final"}, {"op": "add", "path": "/language", "value": "pt"}],
            [{"op": "remove", "path": "/encounter"}], [{"op": "remove", "path": "/component/0"}], [{"op": "replace", "path": "/reasonCode/0/text", "value": "x"}],
            [{"op": "test", "path": "/text/status", "value": "generated"}], [{"op": "move", "from": "/component/1", "path": "/component/0"}],
        ))  # fmt: skip
        url = self.some_ref(type_) if self.random.random() < 0.7 else f"{type_}?{self.query(type_, controls=False)}"
        return Question("PATCH", url, operations, (("content-type", "application/json-patch+json"),))

    def delete(self) -> Question:
        type_ = self.random.choice(("Observation", "Condition", "Procedure", "Task", "Appointment", "QuestionnaireResponse", "CarePlan"))
        return Question("DELETE", self.some_ref(type_) if self.random.random() < 0.6 else f"{type_}?{self.query(type_, controls=False) or '_id=x'}")

    def bundle(self) -> Question:
        """A batch or transaction of several other questions."""
        entries = []
        kind = self.random.choice(("batch", "transaction"))
        for _ in range(self.random.randint(1, 4)):
            q = self.random.choice((self.read, self.search, self.create, self.update, self.delete, self.update_if, self.history))()
            if q.method not in ("GET", "POST", "PUT", "DELETE") or isinstance(q.body, bytes):
                continue
            request: dict[str, Any] = {"method": q.method, "url": q.url or "Patient"}
            for name, value in q.headers:
                request[{"if-none-exist": "ifNoneExist", "if-match": "ifMatch", "if-none-match": "ifNoneMatch", "if-modified-since": "ifModifiedSince"}[name]] = value
            request.pop("ifModifiedSince", None)
            entries.append({"request": request, **({"resource": q.body} if isinstance(q.body, dict) else {})})
        if entries and self.random.random() < 0.3:
            body = observation("x")
            body["subject"] = {"reference": f"Patient?{self.query('Patient', controls=False) or 'name=R'}"}
            entries.append({"request": {"method": "POST", "url": "Observation"}, "resource": body})
        return Question("POST", "", {"resourceType": "Bundle", "type": kind, "entry": entries or [{"request": {"method": "GET", "url": "Patient"}}]})

    def validate(self) -> Question:
        asked = self._validate()
        person = self.stored.get(f"Patient/{asked.body['subject']['reference'].partition('/')[2]}")
        if person is not None and asked.url == "$validate":  # without a draw: what comes after it is asked as before
            seen = unlabelled({k: v for k, v in person.items() if k in ("resourceType", "identifier", "name", "birthDate", "gender")})
            return Question("POST", "Patient/$match", {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": seen}]})
        return asked

    def _validate(self) -> Question:
        return Question("POST", self.random.choice(("$validate", "Observation/$validate", f"{self.some_ref('Observation')}/$validate")), observation(self.some_ref("Patient").partition("/")[2]))

    def emergency(self) -> Question:
        """Of an emergency all but the declaration itself, which is recorded and may tell: who is sought, or the purpose alone."""
        header = (("x-purpose-of-use", self.random.choice(("ETREAT", "BTG"))),)
        if self.random.random() < 0.6:
            return Question("GET", self.random.choice((self.some_ref(), f"{self.some_ref('Patient')}/$everything", "Patient", "Task", "Communication")), None, header)
        person = self.stored.get(self.some_ref("Patient"), {})
        name = (person.get("name") or [{}])[0]
        said = {"family": name.get("family", "Rivera"), "given": (name.get("given") or ["Ana"])[0], "birthDate": person.get("birthDate", "1988-03-04"), "reason": "medical-emergency", "because": "?"}
        parameter = [{"name": k, "valueString": v} for k, v in said.items()] + [{"name": "attested", "valueBoolean": False}]
        return Question("POST", "Patient/$emergency-access", {"resourceType": "Parameters", "parameter": parameter}, header if self.random.random() < 0.3 else ())

    def screen(self) -> Question:
        """A page of the staff app, about somebody or something that may be hidden."""
        return Question(SCREEN, screens.address(self.random, self.some_ref, desk=self.overseer))

    def trail(self) -> Question:
        """Who looked at what: AuditEvents, for most callers an empty store."""
        random = self.random
        asked = [
            random.choice(("", f"patient={self.some_ref('Patient')}", f"entity={self.some_ref()}", f"entity={self.some_ref()}")),
            random.choice(("", "", "altid=both-clinician", "altid=sud-clinician", "agent=Practitioner/both-clinician", "altid=sys-sud")),
            random.choice(("", "", "action=R", "action=C,U", "subtype=search-type", "outcome=0", "outcome=4", f"date=ge2026-03-01T08:{random.randrange(60):02d}")),
            random.choice(("", "_count=2", "_count=7", "_count=200")),
        ]
        query = "&".join(part for part in asked if part)
        path = random.choice(("AuditEvent", "AuditEvent", f"{self.some_ref('Patient')}/AuditEvent"))
        return Question("GET", f"{path}?{query}", pages=True)

    def wrong(self) -> Question:
        """Something that is answered by an error."""
        ref = self.some_ref()
        type_ = ref.partition("/")[0]
        return self.random.choice((
            Question("GET", f"{ref}/$nothing"), Question("GET", f"{type_}?nothing=1"), Question("GET", f"{type_}?nothing=1", None, (("prefer", "handling=strict"),)),
            Question("DELETE", f"{ref}/_history"), Question("PUT", ref, b"{"), Question("PUT", ref, {"resourceType": type_, "id": "other"}),
            Question("PUT", ref, {"resourceType": type_, "id": ref.partition("/")[2]}), Question("GET", f"{type_}?_sort=nothing"), Question("GET", f"{type_}?page=abc"),
            Question("GET", f"{type_}/_history?_since=x"), Question("POST", f"{type_}/{ref.partition('/')[2]}", {}),
        ))  # fmt: skip


KINDS: tuple[tuple[Callable[[Asker], Question], float], ...] = (
    (Asker.search, 40), (Asker.ordered, 6), (Asker.betrayed, 6), (Asker.counted, 8), (Asker.recent, 5), (Asker.marked, 4), (Asker.everywhere, 3), (Asker.read, 12), (Asker.vread, 6), (Asker.history, 8), (Asker.everything, 3), (Asker.create, 5), (Asker.update, 5),
    (Asker.update_if, 3), (Asker.patch, 4), (Asker.delete, 3), (Asker.bundle, 5), (Asker.validate, 1), (Asker.wrong, 3), (Asker.emergency, 3),
)  # fmt: skip
