"""What one signed Consent permits or forbids about one record, read from the resource itself.

A second reading, written to be compared with the first (gate/consenting/compiling.py and the predicate): tests/gate/test_agree_consents.py
holds the two equal. It shares data (tables of purposes, kinds, classes) and no code with it. What cannot be read permits nothing,
and forbids as far as it can be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sojourn.fhir.dates import bounds
from sojourn.gate import bases
from sojourn.gate.policy import tables

Resource = Mapping[str, Any]

_ALWAYS = datetime.min.replace(tzinfo=UTC)
_NEVER = datetime.max.replace(tzinfo=UTC)
_STAFFLESS = {"use": "use", "disclose": "disclose", "access": "disclose"}
NOTES = {bases.SUD_COUNSELING: "part2_counseling_notes", bases.PSYCHOTHERAPY: "hipaa_authorization"}
"""Notes kept apart, and the one kind of form that can speak of each (42 CFR 2.31(b); 45 CFR 164.508(b)(3)(ii))."""
LEGAL = frozenset({"part2_proceedings", "part2_criminal_justice", "hipaa_authorization"})
"""The forms that can permit a legal purpose (42 CFR 2.31(d), 2.35)."""


@dataclass(frozen=True, slots=True)
class House:
    """The operating organization: its own reference, and of each program its reference and whether it is a Part 2 program."""

    organization: str
    programs: Mapping[int, tuple[str, bool]]
    forms: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Thing:
    """One record. laws: its bases; labels: codes on it; codes: (system, code) of what it is; at: when it happened."""

    type: str
    id: str
    patient: str | None
    origin: frozenset[int]
    laws: int
    labels: frozenset[str] = frozenset()
    codes: frozenset[tuple[str, str]] = frozenset()
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Asker:
    """Somebody who asks. names: what a consent or relation can call them. laws: bases that their role alone permits. related: whether
    they see only those with whom they have to do.
    """

    names: frozenset[str]
    programs: frozenset[int]
    outside: bool
    purpose: str
    laws: int = 0
    related: bool = True

    @property
    def action(self) -> str:
        """What giving it to them is."""
        return "disclose" if self.outside else "use"


def of_programs(programs: Iterable[int], thing: Thing) -> bool:
    """Made by these programs alone; of what programs share, by one of them at least."""
    named = frozenset(programs)
    shared = thing.type in bases.LONGITUDINAL and bool(thing.origin & named)
    return bool(thing.origin) and (thing.origin <= named or shared)


class Signed:
    """One Consent as it stands."""

    def __init__(self, resource: Resource, house: House) -> None:
        self.resource, self.house = resource, house
        provision = resource.get("provision")
        self.rule: Resource = provision if isinstance(provision, Mapping) else {}
        self.kind = self._kind()
        self.patient = _after(_reference(resource.get("patient")), "Patient/")

    # --- permits ---

    def opens(self, asker: Asker, now: datetime) -> bool:
        """Whether it names this asker for this purpose: that explains what they have to do with the patient, unless a class is named."""
        direct = {name for actor in _list(self.rule, "actor") for name, themselves in self._named(actor) if themselves}
        return self._permits_anything(now) and asker.purpose in self._purposes() and bool(direct & asker.names)

    def permits(self, law: int, asker: Asker, thing: Thing, now: datetime) -> bool:
        """Whether it is a permission of this law for this record, asker and purpose."""
        return (
            self._permits_anything(now)
            and self._is_for(asker)
            and self._discloses(thing)
            and self._speaks_of(law, thing)
            and _within(self.rule, thing)
            and self._kind_covers(thing)
        )

    def authorizes(self, asker: Asker, thing: Thing, now: datetime) -> bool:
        """For a purpose other than treatment, payment and operations: whether it is the authorization that a record without a law of its
        own needs then (45 CFR 164.508). A Part 2 form is none; whom a form is about, every form tells.
        """
        if not (self._permits_anything(now) and self._is_for(asker)):
            return False
        notes = bases.PSYCHOTHERAPY in self._laws(self.rule)
        named = self.kind == "hipaa_authorization" and not notes and self._discloses(thing) and _within(self.rule, thing)
        return thing.type == "Patient" or named

    def _is_for(self, asker: Asker) -> bool:
        names = {name for actor in _list(self.rule, "actor") for name, _ in self._named(actor)}
        return bool(names & asker.names) and asker.purpose in self._purposes() and asker.action in self._actions(self.rule, ("disclose",))

    def _permits_anything(self, now: datetime) -> bool:
        good = self.rule.get("type") == "permit" and self._in_force(now) and not self._unreadable() and self._complete()
        return good and bool(self._purposes()) and self._disclosers() != [] and bool(self._actions(self.rule, ("disclose",)))

    def _unreadable(self) -> bool:
        """A modifier that nobody here understands may turn the whole around (https://hl7.org/fhir/R4/extensibility.html#modifierExtension);
        and of a limit that cannot be read nobody knows how far it lets the form go: it does not even explain a relation.
        """
        limits = _list(self.rule, "class") and not _types(self.rule) or _list(self.rule, "data") and not _named_records(self.rule)
        return bool(self.resource.get("modifierExtension") or self.rule.get("modifierExtension") or self.resource.get("implicitRules") or limits)

    def _disclosers(self) -> list[int] | None:
        """The programs that may let go of records by it (42 CFR 2.31(a)(2)); None: the organization as a whole."""
        named = {_reference(o) for o in _list(self.resource, "organization")}
        if self.house.organization and self.house.organization in named:
            return None
        return [n for n, (reference, _) in self.house.programs.items() if reference and reference in named]

    def _discloses(self, thing: Thing) -> bool:
        programs = self._disclosers()
        return programs is None or of_programs(programs, thing)

    def _speaks_of(self, law: int, thing: Thing) -> bool:
        """42 CFR 2.31(a)(3), (b). A counseling note is a Part 2 record, too: its own form suffices for it, and for nothing else."""
        said = self._laws(self.rule)
        labelled = bool(_list(self.rule, "securityLabel"))
        if not labelled and self.kind not in ("hipaa_authorization", "part2_counseling_notes"):
            said = {bases.PART2}
        apart = said & NOTES.keys()
        if apart and len(said) == 1 and NOTES[next(iter(apart))] == self.kind and labelled:
            return law in said or (law == bases.PART2 and bases.SUD_COUNSELING in said and bool(thing.laws & bases.SUD_COUNSELING))
        permits = tables.table("consents")["kinds"].get(self.kind, {}).get("permits", ())
        beyond = {bases.PART2} if permits == ["state"] else set()
        if self._extension("consent-signer-authority") == "minor":
            said = said | {bases.MINOR}
        return self.kind != "part2_counseling_notes" and law in said - NOTES.keys() - beyond

    def _kind_covers(self, thing: Thing) -> bool:
        limit = tables.table("consents")["kinds"].get(self.kind, {}).get("content")
        return limit is None or thing.type in limit

    def _purposes(self) -> set[str]:
        codes = _codes(self.rule, "purpose")
        if self.kind == "part2_tpo_single":
            return {exact for code in codes for exact in tables.table("purposes")["tpo"].get(code, ())}
        limit = tables.table("consents")["kinds"].get(self.kind, {}).get("purposes")
        legal = tables.purposes("legal")
        return {c for c in codes if (limit is None or c in limit) and (c not in legal or self.kind in LEGAL)}

    # --- denials ---

    def forbids(self, asker: Asker, thing: Thing, now: datetime) -> bool:
        """Whether it, or a part of it, forbids this: whether or not the rest of it is worth anything."""
        rules = [self.rule] if self.rule.get("type") == "deny" else []
        rules += [r for r in _list(self.rule, "provision") if isinstance(r, Mapping) and r.get("type") == "deny"]
        return any(self._forbidden_by(rule, asker, thing, now) for rule in rules)

    def _forbidden_by(self, rule: Resource, asker: Asker, thing: Thing, now: datetime) -> bool:
        own = rule is self.rule or _guarding(rule.get("period"), now)
        actors = _list(rule, "actor") or (_list(self.rule, "actor") if rule is not self.rule else [])
        purposes = self._denied_purposes(rule)
        labels = _codes(rule, "securityLabel")
        return (
            self._stands(now)
            and own
            and self._keeps_out(actors, asker)
            and (not purposes or asker.purpose in purposes)
            and asker.action in self._actions(rule, ("use", "disclose"))
            and (not labels or self._labelled(labels, thing) or self._tagged(labels, thing))
            and _within(rule, thing, coded=not labels or self._labelled(labels, thing), deny=True)
        )

    def _keeps_out(self, actors: list[Any], asker: Asker) -> bool:
        names = [name for actor in actors for name, _ in self._named(actor)]
        if not names:
            return asker.outside
        return any(n in asker.names or (n.startswith("Organization/") and f"participant:{n}" in asker.names) for n in names)

    def _denied_purposes(self, rule: Resource) -> set[str]:
        """What was paid for in full is kept from the plan for all of payment and operations (45 CFR 164.522(a)(1)(vi))."""
        codes = _codes(rule, "purpose")
        categories = {code for c in _list(self.resource, "category") for code in _codes(c, "coding")}
        if "HIPAASelfPay" not in categories and self._extension("restriction-grounds") != "self_pay":
            return codes
        wide = {"HPAYMT": tables.purposes("payment"), "HOPERAT": tables.purposes("operations")}
        return {exact for code in codes for exact in wide.get(code, {code})}

    @staticmethod
    def _labelled(codes: set[str], thing: Thing) -> bool:
        return any(bases.bit_of(c) & thing.laws for c in codes)

    @staticmethod
    def _tagged(codes: set[str], thing: Thing) -> bool:
        """A label that is no law of its own (a subject): then it stands for the contents, too."""
        return any(not bases.bit_of(c) and c in thing.labels for c in codes)

    # --- what both need ---

    def _kind(self) -> str:
        said = self._extension("part2-consent-kind")
        if isinstance(said, str):
            return said
        categories = {code for c in _list(self.resource, "category") for code in _codes(c, "coding")}
        if "OPTOUT" in categories:
            return "hie_opt_out"
        return "patient_directive_deny" if "HIPAASelfPay" in categories or self.rule.get("type") == "deny" else ""

    def _extension(self, name: str) -> Any:
        return next(iter(_extensions(self.resource, name)), None)

    def _laws(self, rule: Resource) -> set[int]:
        return {bit for code in _codes(rule, "securityLabel") if (bit := bases.bit_of(code))}

    @staticmethod
    def _actions(rule: Resource, otherwise: tuple[str, ...]) -> set[str]:
        said = [code for concept in _list(rule, "action") for code in _codes(concept, "coding")]
        return {_STAFFLESS[c] for c in said if c in _STAFFLESS} if said else set(otherwise)

    def _named(self, actor: Any) -> list[tuple[str, bool]]:
        """(name, whether it names them themselves and not a class they belong to)."""
        if not isinstance(actor, Mapping):
            return []
        reference, network = _reference(actor.get("reference")), _reference(next(iter(_extensions(actor, "part2-intermediary")), None))
        if network:
            treating = "treating" in _extensions(actor, "part2-general-designation")
            member = [(f"participant:{network}", False)] if treating else [(f"participant:{network}:{reference}", True)] if reference not in ("", network) else []
            return [(network, True), *member]
        if of_class := next(iter(_extensions(actor, "recipient-class")), None):
            return [(key, False) for key in self.house.forms["classes"].get(of_class, {}).get("keys", ())]
        return [(reference, True)] if reference else []

    def _in_force(self, now: datetime) -> bool:
        """42 CFR 2.31(a)(7), (c)(1), (c)(3): begun, not ended by day, event, revocation, or somebody's silence about an event."""
        if self.patient is None or not (_during(self.rule.get("period"), now) and _first(self.resource.get("dateTime"), _ALWAYS) <= now):
            return False
        ended = _first(self._extension("consent-ended-at"), _NEVER)
        occurred = self._extension("consent-event-occurred")
        status = self.resource.get("status")
        if status == "inactive" and ended != _NEVER:
            ended = min(ended, _first((self.resource.get("meta") or {}).get("lastUpdated"), _ALWAYS))
        elif status != "active":
            return False
        return now < ended and (now < _first(occurred, _ALWAYS) if occurred else not self._waits() or now < self._confirmed())

    def _stands(self, now: datetime) -> bool:
        """The same of what it forbids: a day begins with the first place on earth in which it does (UTC+14), and is over with the last (UTC-12)."""
        if self.patient is None or not _guarding(self.rule.get("period"), now) or now < _day_from(self.resource.get("dateTime")):
            return False
        status, said = self.resource.get("status"), self._extension("consent-ended-at")
        if status != "active" and not (status == "inactive" and said):
            return False
        if status == "inactive" and now >= _first((self.resource.get("meta") or {}).get("lastUpdated"), _ALWAYS):
            return False
        occurred = self._extension("consent-event-occurred")
        over = now >= _day_until(occurred) if occurred else self._waits() and now >= self._confirmed()
        return now < _day_until(said) and not over

    def _waits(self) -> bool:
        """Whether it ends with something that only a person can say has not come yet."""
        if self.rule.get("type") == "deny":
            return False
        words = self._extension("part2-expiry-text")
        open_ended = not (self.rule.get("period") or {}).get("end")
        return bool(self._extension("part2-expiry-event")) or (isinstance(words, str) and not _no_end(words) and open_ended)

    def _confirmed(self) -> datetime:
        said = min(_first(self._extension("consent-event-confirmed"), _ALWAYS), _first((self.resource.get("meta") or {}).get("lastUpdated"), _NEVER))
        last = max(said, _first(self.resource.get("dateTime"), _ALWAYS))
        return last + timedelta(days=int(self.house.forms["confirm_every_days"])) if last != _ALWAYS else _ALWAYS

    def _complete(self) -> bool:
        """42 CFR 2.31(a), (b), (d); 45 CFR 164.508(c): every element that this kind of form needs."""
        from sojourn.gate.policy.completeness import complete

        return complete(self)


def _during(period: Any, now: datetime) -> bool:
    period = period if isinstance(period, Mapping) else {}
    return _first(period.get("start"), _ALWAYS) <= now < (bounds(period["end"])[1] if period.get("end") else _NEVER)


def _guarding(period: Any, now: datetime) -> bool:
    period = period if isinstance(period, Mapping) else {}
    return _day_from(period.get("start")) <= now < _day_until(period.get("end"), last=True)


def _day_from(text: Any) -> datetime:
    at = _first(text, _ALWAYS)
    return at - timedelta(hours=14) if isinstance(text, str) and "T" not in text and at > _ALWAYS + timedelta(days=1) else at


def _day_until(text: Any, *, last: bool = False) -> datetime:
    if not isinstance(text, str) or not text:
        return _NEVER
    at = bounds(text)[1 if last else 0]
    return at + timedelta(hours=12) if "T" not in text and at < _NEVER - timedelta(days=1) else at


def _within(rule: Resource, thing: Thing, *, coded: bool = True, deny: bool = False) -> bool:
    """Types, contents, single records and time. A limit that cannot be read is none: a denial reaches everything then (and a permission,
    by `_unreadable`, nothing).
    """
    types, named = _types(rule), _named_records(rule)
    codes = {(c.get("system"), c.get("code")) for concept in _list(rule, "code") for c in _list(concept, "coding") if c.get("code")}
    if coded and _list(rule, "code") and not any(_coded(said, thing) for said in codes):
        return False
    return (not types or thing.type in types) and (not named or f"{thing.type}/{thing.id}" in named) and _dated(rule.get("dataPeriod"), thing, deny=deny)


def _types(rule: Resource) -> list[str]:
    return [code for c in _list(rule, "class") if (code := c.get("code"))]


def _named_records(rule: Resource) -> list[str]:
    return [name for d in _list(rule, "data") if (name := _reference(d.get("reference")))]


def _coded(said: tuple[Any, Any], thing: Thing) -> bool:
    system, code = said
    return (system, code) in thing.codes or (system is None and any(code == c for _, c in thing.codes))


def _dated(period: Any, thing: Thing, *, deny: bool) -> bool:
    """A record without a date lies in no period that is permitted and in each that is forbidden; who the patient is, is of no time."""
    if not isinstance(period, Mapping) or not (period.get("start") or period.get("end")):
        return True
    if thing.type == "Patient" or thing.at is None:
        return deny is not (thing.type == "Patient")
    return _during(period, thing.at)


def _no_end(words: str) -> bool:
    return words.strip().rstrip(".").casefold() in ("none", "no expiration", "does not expire")


def _first(text: Any, otherwise: datetime) -> datetime:
    return bounds(text)[0] if isinstance(text, str) and text else otherwise


def _list(value: Any, name: str) -> list[Any]:
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, list) else []


def _codes(value: Any, name: str) -> set[str]:
    return {c["code"] for c in _list(value, name) if isinstance(c, Mapping) and c.get("code")}


def _extensions(value: Any, name: str) -> list[Any]:
    return [v for e in _list(value, "extension") if str(e.get("url", "")).endswith("/" + name) for k, v in e.items() if k.startswith("value")]


def _reference(value: Any) -> str:
    return str(value.get("reference") or "") if isinstance(value, Mapping) else ""


def _after(text: str, prefix: str) -> str | None:
    return text.removeprefix(prefix) or None if text.startswith(prefix) else None
