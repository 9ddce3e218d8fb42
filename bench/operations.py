"""What is asked of the server: for every row of the table, the requests that are sent again and again."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote

from bench import made
from bench.closed import MARK, request
from bench.house import TOKENS

POOL = 2000
WHEN = datetime(2026, 1, 5, 9)


class Operation(NamedTuple):
    """One row. peer: requests/s of the peer in its measurement at 32 connections (None: not measured).

    target: what issue asks for, in requests a second (`least`), or as a share of the bare app. entries: how many a full page has.
    """

    name: str
    requests: Callable[[int, random.Random], list[bytes]]
    peer: float | None
    least: float | None
    per: int = 1
    share: float | None = None
    check: tuple[int, int] = (200, 0)


def _headers(who: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKENS[who]}", "Accept": "application/fhir+json"}


def _get(path: str, who: str = "all") -> bytes:
    return request("GET", f"/fhir{path}", _headers(who))


def _send(method: str, path: str, body: Any) -> bytes:
    raw = json.dumps(body, separators=(",", ":")).encode()
    return request(method, f"/fhir{path}", _headers("all"), raw)


def _patients(patients: int, rng: random.Random) -> list[int]:
    """Of the mental health program: the caller acts for it, and writes about a Part 2 patient would belong to the other."""
    return [n for n in rng.sample(range(patients), min(POOL, patients)) if n % 10 != 9]


def read(patients: int, rng: random.Random, who: str = "all") -> list[bytes]:
    """Observation by id."""
    return [_get(f"/Observation/b{rng.randrange(patients)}-{rng.randrange(36)}", who) for _ in range(POOL)]


def vitals(patients: int, rng: random.Random, more: str = "", who: str = "all") -> list[bytes]:
    """The newest 20 vital signs of a patient."""
    return [_get(f"/Observation?patient=Patient/p{n}&category=vital-signs&_sort=-date&_count=20{more}", who) for n in _patients(patients, rng)]


def name(patients: int, rng: random.Random) -> list[bytes]:
    """Patient by family name and date of birth."""
    return [_get(f"/Patient?name={made.family(n)}&birthdate={made.born(n)}") for n in _patients(patients, rng)]


def identifier(patients: int, rng: random.Random) -> list[bytes]:
    """Patient by record number."""
    return [_get(f"/Patient?identifier={quote('https://example.org/mrn|')}MRN{n:07d}") for n in _patients(patients, rng)]


def problem(patients: int, rng: random.Random) -> list[bytes]:
    """A patient's Condition by code."""
    return [_get(f"/Condition?patient=Patient/p{n}&code={quote(made.SNOMED + '|' + rng.choice(made.PROBLEMS)[0])}") for n in _patients(patients, rng)]


def history(patients: int, rng: random.Random) -> list[bytes]:
    """All versions of Observations that have five."""
    return [_get(f"/Observation/b{n}-0/_history?_count=20") for n in versioned(patients)]


def versioned(patients: int) -> list[int]:
    """Patients whose first observation gets five versions before the measurement."""
    return list(range(0, patients, max(1, patients // 200)))[:200]


def include(patients: int, rng: random.Random) -> list[bytes]:
    """The vital signs with their encounters."""
    return vitals(patients, rng, "&_include=Observation:encounter")


def reverse(patients: int, rng: random.Random) -> list[bytes]:
    """Five encounters with their observations."""
    return [_get(f"/Encounter?patient=Patient/p{n}&_count=5&_revinclude=Observation:encounter") for n in _patients(patients, rng)]


def create(patients: int, rng: random.Random) -> list[bytes]:
    """A vital sign, its identifier new each time."""
    return [_send("POST", "/Observation", _vital(n, rng, f"e{n}-{rng.randrange(8)}")) for n in _patients(patients, rng)]


def _vital(n: int, rng: random.Random, encounter_id: str, about: str = "") -> made.Resource:
    when = WHEN + timedelta(minutes=rng.randrange(400_000))
    return made.observation(n, encounter_id, when, rng, token=f"{rng.getrandbits(40):010x}-{MARK.decode()}", about=about)


def update(patients: int, rng: random.Random) -> list[bytes]:
    """An Observation with another note each time."""
    out = []
    for n in _patients(patients, rng)[:1000]:
        found = _vital(n, rng, f"e{n}-1") | {"id": f"b{n}-1", "note": [{"text": f"changed {MARK.decode()}"}]}
        out.append(_send("PUT", f"/Observation/b{n}-1", found))
    return out


def transaction(patients: int, rng: random.Random) -> list[bytes]:
    """An encounter, two conditions and 17 observations that refer to it by urn:uuid."""
    return [_send("POST", "", _bundle(n, rng)) for n in _patients(patients, rng)[:300]]


def _bundle(n: int, rng: random.Random) -> made.Resource:
    def name_() -> str:
        h = f"{rng.getrandbits(128):032x}"
        return f"urn:uuid:{h[:8]}-{h[8:12]}-4{h[13:16]}-8{h[17:20]}-{h[20:]}"

    visit = name_()
    resources = [made.encounter(n, None, WHEN, rng)]
    resources += [made.condition(n, "", code, text, WHEN, token=f"{code}-{MARK.decode()}", about=visit) for code, text in rng.sample(made.PROBLEMS, 2)]
    resources += [_vital(n, rng, "", visit) for _ in range(17)]
    entries = [{"fullUrl": name_() if k else visit, "resource": r, "request": {"method": "POST", "url": r["resourceType"]}} for k, r in enumerate(resources)]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


ALL = [
    Operation("read", read, 1305, None, share=0.55),
    Operation("chart search, 20 rows", vitals, 374, 2500, check=(200, 20)),
    Operation("Patient by name and birth date", name, 915, 3000, check=(200, 1)),
    Operation("Patient by identifier", identifier, 979, None, check=(200, 1)),
    Operation("Condition by code", problem, 991, 3000),
    Operation("history, 5 versions", history, 667, 3000, check=(200, 5)),
    Operation("_include", include, 107, 1000, check=(200, 22)),
    Operation("_revinclude", reverse, 257, 1500, check=(200, 25)),
    Operation("create", create, 349, 1000, check=(201, 0)),
    Operation("update", update, 320, 900),
    Operation("transaction of 20", transaction, 16.3, 2000, per=20, check=(200, 20)),
    Operation("read, redacted caller", lambda p, rng: read(p, rng, "redacted"), None, None, check=(0, 0)),
    Operation("chart search, redacted caller", lambda p, rng: vitals(p, rng, who="redacted"), None, None, check=(200, 20)),
]
