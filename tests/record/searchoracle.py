"""Random searches, each with the plainest possible statement of what it means, for tests/record/test_search_agrees.py."""

import random
import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.record.searchworld import CODES, DATES, HIDDEN, NAMES, UNITS, World

Resource = dict[str, Any]
Check = Callable[[Resource], bool]
Asked = tuple[str, str, Check]
Seen = Callable[[str], Resource | None]


def plain(text: str) -> str:
    parts = unicodedata.normalize("NFKD", text)
    return " ".join("".join(c for c in parts if not unicodedata.combining(c)).casefold().split())


def span(text: str) -> tuple[datetime, datetime]:
    """The time that a FHIR date covers."""
    if re.fullmatch(r"\d{4}", text):
        return datetime(int(text), 1, 1, tzinfo=UTC), datetime(int(text) + 1, 1, 1, tzinfo=UTC)
    if re.fullmatch(r"\d{4}-\d\d", text):
        year, month = map(int, text.split("-"))
        return datetime(year, month, 1, tzinfo=UTC), datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    if len(text) == 10:
        low = datetime.fromisoformat(text).replace(tzinfo=UTC)
        return low, low + timedelta(days=1)
    low = datetime.fromisoformat(text).astimezone(UTC)
    return low, low + timedelta(seconds=1)


FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def spans(resource: Resource, key: str) -> list[tuple[datetime, datetime]]:
    value = resource.get(key)
    if value is None:
        return []
    if isinstance(value, dict):
        start, end = value.get("start"), value.get("end")
        return [(span(start)[0] if start else FIRST, span(end)[1] if end else LAST)]
    return [span(value)]


def codings(concept: Resource | None) -> list[tuple[str, str]]:
    return [(c.get("system", ""), c["code"]) for c in (concept or {}).get("coding", [])]


TOKENS: dict[tuple[str, str], Callable[[Resource], list[tuple[str, str]]]] = {
    ("Observation", "code"): lambda r: codings(r.get("code")),
    ("Observation", "category"): lambda r: [c for part in r.get("category", []) for c in codings(part)],
    ("Observation", "component-code"): lambda r: [c for part in r.get("component", []) for c in codings(part.get("code"))],
    ("Observation", "combo-code"): lambda r: (
        codings(r.get("code")) + [c for part in r.get("component", []) for c in codings(part.get("code"))]
    ),
    ("Observation", "status"): lambda r: [("http://hl7.org/fhir/observation-status", r["status"])] if "status" in r else [],
    ("Condition", "code"): lambda r: codings(r.get("code")),
    ("Encounter", "class"): lambda r: [("urn:class", r["class"]["code"])] if "class" in r else [],
    ("Encounter", "status"): lambda r: [("http://hl7.org/fhir/encounter-status", r["status"])] if "status" in r else [],
    ("Patient", "gender"): lambda r: [("http://hl7.org/fhir/administrative-gender", r["gender"])] if "gender" in r else [],
    ("Patient", "active"): lambda r: [("", str(r["active"]).lower())] if "active" in r else [],
    ("Patient", "identifier"): lambda r: [(i.get("system", ""), i["value"]) for i in r.get("identifier", [])],
}
VALUES = {
    "status": ["final", "amended", "planned", "finished"], "gender": ["male", "female", "other"], "active": ["true", "false"],
    "identifier": [str(n) for n in range(8)], "class": ["AMB", "IMP"],
}  # fmt: skip
STRINGS: dict[tuple[str, str], Callable[[Resource], list[str]]] = {
    ("Patient", "name"): lambda r: [t for n in r.get("name", []) for t in [n["family"], *n.get("given", [])]],
    ("Patient", "family"): lambda r: [n["family"] for n in r.get("name", [])],
    ("Patient", "given"): lambda r: [t for n in r.get("name", []) for t in n.get("given", [])],
    ("Practitioner", "name"): lambda r: [n["family"] for n in r.get("name", [])],
    ("Observation", "code:text"): lambda r: words(r.get("code")),
    ("Condition", "code:text"): lambda r: words(r.get("code")),
}
TIMES = {("Observation", "date"): "effectiveDateTime", ("Encounter", "date"): "period", ("Condition", "recorded-date"): "recordedDate",
         ("Patient", "birthdate"): "birthDate"}  # fmt: skip
REFERENCES = {
    ("Observation", "subject"): ("subject", "Patient"), ("Observation", "patient"): ("subject", "Patient"),
    ("Observation", "encounter"): ("encounter", "Encounter"), ("Encounter", "patient"): ("subject", "Patient"),
    ("Condition", "subject"): ("subject", "Patient"), ("Condition", "encounter"): ("encounter", "Encounter"),
    ("Patient", "general-practitioner"): ("generalPractitioner", "Practitioner"),
}  # fmt: skip


def words(concept: Resource | None) -> list[str]:
    found = [c["display"] for c in (concept or {}).get("coding", []) if "display" in c]
    return found + ([concept["text"]] if concept and "text" in concept else [])


def links(resource: Resource, key: str) -> list[str]:
    value = resource.get(key, [])
    return [v["reference"] for v in (value if isinstance(value, list) else [value])]


def amounts(resource: Resource, code: str) -> list[Resource]:
    own = [resource["valueQuantity"]] if "valueQuantity" in resource else []
    parts = [c["valueQuantity"] for c in resource.get("component", []) if "valueQuantity" in c]
    return {"value-quantity": own, "component-value-quantity": parts, "combo-value-quantity": own + parts}[code]


def told(resource: Resource, withheld: set[str]) -> Resource:
    """The resource without its references to what is withheld."""
    kept: Resource = {}
    for key, value in resource.items():
        if isinstance(value, dict) and value.get("reference") in withheld:
            continue
        if isinstance(value, list):
            value = [item for item in value if not (isinstance(item, dict) and item.get("reference") in withheld)]
        if value != []:
            kept[key] = value
    return kept


class Oracle:
    """Makes random conditions over a world as one caller sees it."""

    def __init__(self, world: World, pick: random.Random, hides: bool) -> None:
        self.pick = pick
        withheld = {f"{k.resource['resourceType']}/{k.resource['id']}" for k in world.kept if k.own & HIDDEN} if hides else set()
        seen = [told(r, withheld) for k in world.kept if (r := k.seen(hides)) is not None]
        self.names = [f"{k.resource['resourceType']}/{k.resource['id']}" for k in world.kept]
        self.seen = {f"{r['resourceType']}/{r['id']}": r for r in seen}

    def condition(self, kind: str, depth: int = 2) -> Asked:
        """A condition on resources of the type."""
        makers = [self.token, self.missing]
        makers += [self.string] if any(t == kind for t, _ in STRINGS) else []
        makers += [self.date] if any(t == kind for t, _ in TIMES) else []
        makers += [self.reference, self.chain] if depth and any(t == kind for t, _ in REFERENCES) else []
        makers += [self.has] if depth and any(target == kind for _, target in REFERENCES.values()) else []
        makers += [self.quantity, self.composite] if kind == "Observation" else []
        makers += [self.ids]
        if kind == "Practitioner":
            makers = [self.string, self.ids] + ([self.has] if depth else [])
        return self.pick.choice(makers)(kind, depth)

    def param(self, table: dict[tuple[str, str], Any], kind: str) -> str:
        return self.pick.choice([code for t, code in table if t == kind])

    def token(self, kind: str, depth: int) -> Asked:
        code = self.param(TOKENS, kind)
        values: list[tuple[str | None, str | None]] = []
        for _ in range(self.pick.choice([1, 1, 2])):
            if code in VALUES:
                values.append((None, self.pick.choice(VALUES[code])))
            else:
                system, value = self.pick.choice(CODES)
                values.append(self.pick.choice([(None, value), (system or "", value), (system or "urn:other", None)]))
        text = ",".join(c or f"{s}|" if s is None or c is None else f"{s}|{c}" for s, c in values)
        read = TOKENS[kind, code]

        def check(r: Resource) -> bool:
            return any((s is None or s == ts) and (c is None or c == tc) for ts, tc in read(r) for s, c in values)

        if self.pick.random() < 0.25:
            return f"{code}:not", text, lambda r: not check(r)
        return code, text, check

    def missing(self, kind: str, depth: int) -> Asked:
        tables: list[tuple[str, Check]] = [(c, lambda r, f=f: bool(f(r))) for (t, c), f in TOKENS.items() if t == kind]
        tables += [(c, lambda r, k=k: bool(spans(r, k))) for (t, c), k in TIMES.items() if t == kind]
        tables += [(c, lambda r, k=k: bool(links(r, k))) for (t, c), (k, _) in REFERENCES.items() if t == kind]
        code, present = self.pick.choice(tables)
        missing = self.pick.random() < 0.5
        return f"{code}:missing", str(missing).lower(), lambda r: present(r) != missing

    def string(self, kind: str, depth: int) -> Asked:
        code = self.param(STRINGS, kind)
        read = STRINGS[kind, code]
        value = self.pick.choice([*NAMES, "an", "nu", "name of 8"])
        modes: list[tuple[str, Check]] = [("", lambda r: any(plain(t).startswith(plain(value)) for t in read(r)))]
        if ":" not in code:
            modes += [(":exact", lambda r: value in read(r)), (":contains", lambda r: any(plain(value) in plain(t) for t in read(r)))]
        suffix, check = self.pick.choice(modes)
        return code + suffix, value, check

    def date(self, kind: str, depth: int) -> Asked:
        code = self.param(TIMES, kind)
        key, prefix = TIMES[kind, code], self.pick.choice(["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"])
        text = self.pick.choice([*DATES, "1970", "1985-06-15"])
        s, e = span(text)
        means: dict[str, Callable[[datetime, datetime], bool]] = {
            "eq": lambda low, high: s <= low and high <= e,
            "ne": lambda low, high: not (s <= low and high <= e),
            "gt": lambda low, high: high > e,
            "lt": lambda low, high: low < s,
            "ge": lambda low, high: high > e or (s <= low and high <= e),
            "le": lambda low, high: low < s or (s <= low and high <= e),
            "sa": lambda low, high: low >= e,
            "eb": lambda low, high: high <= s,
        }  # fmt: skip
        return code, prefix + text, lambda r: any(means[prefix or "eq"](*found) for found in spans(r, key))

    def reference(self, kind: str, depth: int) -> Asked:
        code = self.param(REFERENCES, kind)
        key, target = REFERENCES[kind, code]
        ids = [name for name in self.names if name.startswith(target + "/")] + [f"{target}/gone"]
        wanted = self.pick.sample(ids, self.pick.choice([1, 1, 2]))
        bare = code == "patient" and self.pick.random() < 0.5
        return code, ",".join(w.partition("/")[2] if bare else w for w in wanted), lambda r: any(w in links(r, key) for w in wanted)

    def chain(self, kind: str, depth: int) -> Asked:
        code = self.param(REFERENCES, kind)
        key, target = REFERENCES[kind, code]
        name, value, check = self.condition(target, depth - 1)

        def follows(r: Resource) -> bool:
            return any(check(end) for link in links(r, key) if (end := self.seen.get(link)) is not None)

        return f"{code}:{target}.{name}", value, follows

    def has(self, kind: str, depth: int) -> Asked:
        source, code = self.pick.choice([(t, c) for (t, c), (_, target) in REFERENCES.items() if target == kind])
        key, _ = REFERENCES[source, code]
        name, value, check = self.condition(source, depth - 1)

        def found(r: Resource) -> bool:
            here = f"{kind}/{r['id']}"
            return any(s["resourceType"] == source and here in links(s, key) and check(s) for s in self.seen.values())

        return f"_has:{source}:{code}:{name}", value, found

    def ids(self, kind: str, depth: int) -> Asked:
        found = [name.partition("/")[2] for name in self.seen if name.startswith(kind + "/")]
        wanted = [*self.pick.sample(found, min(5, len(found))), "gone"]
        if self.pick.random() < 0.3:
            return "_id:not", ",".join(wanted), lambda r: r["id"] not in wanted
        return "_id", ",".join(wanted), lambda r: r["id"] in wanted

    def amount(self) -> tuple[str, Callable[[Resource], bool]]:
        """A number with prefix and perhaps unit."""
        prefix = self.pick.choice(["", "ne", "gt", "lt", "ge", "le", "sa", "eb"])
        text = self.pick.choice(["5", "5.4", "5.40", "72", "100", "1e2"])
        number = Decimal(text)
        half = Decimal(5).scaleb(int(number.as_tuple().exponent) - 1)
        system, code = self.pick.choice([*UNITS, (None, "/min"), ("urn:none", "/min")])

        def check(quantity: Resource) -> bool:
            if code is not None and (quantity.get("code") != code or (system and quantity.get("system") != system)):
                return False
            low = high = quantity["value"]
            if quantity.get("comparator") == "<":
                low = Decimal("-Infinity")
            if quantity.get("comparator") == ">=":
                high = Decimal("Infinity")
            exact = number - half <= low and high < number + half
            return {
                "": exact, "ne": not exact, "gt": high > number, "lt": low < number, "ge": high >= number, "le": low <= number,
                "sa": low > number, "eb": high < number,
            }[prefix]  # fmt: skip

        unit = "" if code is None else f"|{system or ''}|{code}"
        return prefix + text + unit, check

    def quantity(self, kind: str, depth: int) -> Asked:
        code = self.pick.choice(["value-quantity", "component-value-quantity", "combo-value-quantity"])
        text, check = self.amount()
        return code, text, lambda r: any(check(quantity) for quantity in amounts(r, code))

    def composite(self, kind: str, depth: int) -> Asked:
        code = self.pick.choice(["code-value-quantity", "component-code-value-quantity", "combo-code-value-quantity"])
        system, value = self.pick.choice(CODES)
        with_system = self.pick.random() < 0.5
        text, check = self.amount()

        def pairs(r: Resource) -> list[Resource]:
            own = [] if code.startswith("component") else [r]
            return own + ([] if code.startswith("code") else list(r.get("component", [])))

        def holds(r: Resource) -> bool:
            return any(
                "valueQuantity" in p
                and check(p["valueQuantity"])
                and any(c == value and (not with_system or s == (system or "")) for s, c in codings(p.get("code")))
                for p in pairs(r)
            )

        first = f"{system or ''}|{value}" if with_system else value
        return code, f"{first}${text}", holds
