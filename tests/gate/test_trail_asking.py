"""What is asked of the trail: each parameter as a wish, names of people, visits by day, and what stands out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sojourn.base import errors
from sojourn.gate.trail import accounting, asking, events, outliers, people, words
from sojourn.gate.trail.accesses import Report, grouped
from sojourn.gate.trail.lines import Line, question
from sojourn.gate.trail.people import Person
from sojourn.record.lines import NEWEST, Wish
from tests.gate.test_trail_reports import opening

DAY = datetime(2026, 3, 1, tzinfo=UTC)
NEXT = DAY + timedelta(days=1)
TICK = timedelta(microseconds=1)


def asked(*params: tuple[str, str]) -> Wish:
    made = asking._Asked()
    assert all(asking._take(made, name, value) for name, value in params)
    return made.wish


@pytest.mark.parametrize(("params", "wish"), [
    ([("patient", "p")], {"patient": "p"}), ([("patient", "Patient/p")], {"patient": "p"}), ([("patient:Patient", "p")], {"patient": "p"}), ([("agent", "ann")], {"account": "ann"}), ([("altid", "ann")], {"account": "ann"}),
    ([("agent", "Practitioner/a")], {"account": "Practitioner/a"}), ([("agent:Practitioner", "a")], {"account": "Practitioner/a"}), ([("agent:Practitioner", "Practitioner/a")], {"account": "Practitioner/a"}),
    ([("entity", "Observation/o")], {"entity": "Observation/o"}), ([("entity:Observation", "o")], {"entity": "Observation/o"}), ([("entity", "Observation/o/_history/v")], {"entity": "Observation/o"}),
    ([("entity", "o")], {"entity": "o"}), ([("entity:Observation", "Observation/o")], {"entity": "Observation/o"}), ([("action", "D,X")], {"actions": ["delete"]}), ([("outcome", "0")], {"outcome": "done"}), ([("outcome", "4")], {"outcome": "absent"}), ([("outcome", "http://x|8")], {"outcome": "denied"}), ([("outcome", "failed")], {"outcome": "failed"}),
    ([("date", "2026-03-01")], {"since": DAY, "until": NEXT}), ([("date", "eq2026-03-01")], {"since": DAY, "until": NEXT}), ([("date", "ge2026-03-01")], {"since": DAY}), ([("date", "gt2026-03-01")], {"since": NEXT}),
    ([("date", "sa2026-03-01")], {"since": NEXT}), ([("date", "le2026-03-01")], {"until": NEXT}), ([("date", "lt2026-03-01")], {"until": DAY}), ([("_lastUpdated", "eb2026-03-01")], {"until": DAY}),
    ([("date", "ge2026-03-01"), ("date", "ge2026-02-01"), ("date", "lt2026-03-02"), ("date", "lt2026-04-01")], {"since": DAY, "until": NEXT}), ([("date", "2026-03-01T00:00:00 01:00")], {"since": DAY - timedelta(hours=1), "until": DAY - timedelta(hours=1) + timedelta(seconds=1)}),
    ([("action", "D")], {"actions": ["delete"]}), ([("action", "http://x|D")], {"actions": ["delete"]}), ([("subtype", "vread")], {"actions": ["vread"]}), ([("action", "R"), ("subtype", "http://x|read,vread,delete")], {"actions": ["read", "vread"]}),
    ([("action", "X")], {"actions": []}), ([("subtype", "disclose")], {"outside": True, "outcome": "done"}), ([("subtype", "disclose,read")], {"actions": ["read"]}), ([("_sort", "-date")], {}), ([("_sort", "-_lastUpdated")], {}),
    ([("_id", "r.0.00000000")], {"request": "r", "since": datetime(1970, 1, 1, tzinfo=UTC), "until": datetime(1970, 1, 1, tzinfo=UTC) + TICK}), ([("_id", "none")], {"request": "", "until": Wish().since + TICK}), ([("_count", "7")], {}),
])  # fmt: skip
def test_a_parameter_is_a_wish(params: list[tuple[str, str]], wish: dict[str, Any]) -> None:
    assert asked(*params) == Wish()._replace(**wish)


@pytest.mark.parametrize(("name", "value"), [
    ("patient:Person", "p"), ("altid:Patient", "a"), ("date:Patient", "2026"), ("altid:Practitioner", "a"), ("agent:2", "a"), ("entity:_x", "a"), ("date:missing", "true"), ("_sort", "date"), ("_sort", "-agent"), ("site", "x"), ("_count:x", "1"),
])  # fmt: skip
def test_what_is_not_offered_is_not_taken(name: str, value: str) -> None:
    assert not asking._take(asking._Asked(), name, value)


@pytest.mark.parametrize(("name", "value", "error"), [("date", "yesterday", errors.Malformed), ("date", "ne2026-03-01", errors.NotSupported), ("date", "ap2026", errors.NotSupported), ("_count", "-1", errors.Malformed), ("_count", "some", errors.Malformed)])
def test_what_cannot_be_read_is_said(name: str, value: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        asking._take(asking._Asked(), name, value)


def test_how_many_are_asked_for() -> None:
    made = asking._Asked()
    assert (made.count, asking._take(made, "_count", "7"), made.count) == (50, True, 7)


def test_the_question_of_the_trail_names_what_was_asked_and_no_more() -> None:
    assert question(Wish()) == question(Wish(alone=True)) == ""
    assert question(Wish(patient="p q", actions=["read", "vread"], outside=True, since=DAY)) == "patient=p+q&actions=read%2Cvread&outside=True&since=2026-03-01T00%3A00%3A00%2B00%3A00"


NINA, MIA, SAME = Person("n1", "nina", "Nina Torres", "staff"), Person("m1", "mia", "Mia Torres-Nin", "staff"), Person("x", "cedar", "cedar", "interface")


@pytest.mark.parametrize(("said", "meant"), [
    ("nina", [NINA]), (" NINA ", [NINA]), ("n1", [NINA]), ("Nina Torres", [NINA]), ("nina torres (nina)", [NINA]), ("nin", [NINA]), ("torr", [NINA, MIA]), ("mia torr", [MIA]), ("cedar", [SAME]), ("ina", []), ("nobody", []),
])  # fmt: skip
def test_people_are_found_as_a_whole_or_by_the_beginning_of_a_part(said: str, meant: list[Person]) -> None:
    assert people.found([NINA, MIA, SAME], said) == meant


def test_a_label_has_the_login_where_it_says_more() -> None:
    assert [p.label for p in (NINA, SAME)] == ["Nina Torres (nina)", "cedar"]


LINE = Line(DAY + timedelta(hours=12), "r", "nina", "Nina Torres", "staff", "Practitioner/n", "nurse", "staff", "TREAT", "read", "done", "Observation", "", ("p",), ("Observation/o/_history/1",), b"", NEWEST)


def test_a_visit_is_what_one_person_did_on_one_day() -> None:
    earlier = replace(LINE, recorded=LINE.recorded - timedelta(hours=2), action="update", purpose="ETREAT", entities=("Observation/o/_history/2", "Condition/c/_history/1"))
    others = [replace(LINE, outcome="absent"), replace(LINE, outcome="denied"), replace(LINE, account="other", name="", kind="organization", role="app", outcome="started", entities=()), replace(LINE, role="director")]
    first, other, director = grouped([LINE, earlier, *others], ZoneInfo("UTC"))
    assert (first.who, first.role, first.outside, first.times, first.first, first.last) == ("Nina Torres", "Nurse", False, 2, earlier.recorded, LINE.recorded)
    assert (first.why, first.did, first.what) == (["treatment", "emergency treatment"], ["looked at", "changed"], {"measurements and results": 2, "diagnoses": 1})
    assert (other.who, other.outside, other.what, director.role) == ("other", True, {}, "Director")
    assert Report("p", DAY, NEXT, [first, other, director], complete=True).people == 2
    assert Report("p", DAY, NEXT, [first, replace(first, outside=True), replace(first, who="Nina Torrez")], complete=True).people == 3
    (again,) = grouped([LINE, replace(LINE, purpose=""), LINE], ZoneInfo("UTC"))
    assert (again.why, again.did, again.times) == (["treatment"], ["looked at"], 3), "each word once, and none for nothing"
    assert len(grouped([LINE, replace(LINE, account="namesake"), replace(LINE, recorded=LINE.recorded - timedelta(days=1))], ZoneInfo("UTC"))) == 3
    through = grouped([LINE, replace(LINE, door="app:planner")], ZoneInfo("UTC"))
    assert [v.who for v in through] == ["Nina Torres", "Nina Torres, through an app"], "apart what they did through an app"


def test_who_did_it_in_words() -> None:
    assert words.who(replace(LINE, name="", account="")) == "somebody who was not signed in"
    assert words.who(replace(LINE, door="app:planner", account="app-planner", name="Planner")) == "Planner", "an app for itself"
    assert (words.thing("Observation"), words.thing("BodyStructure"), words.purpose("XYZ"), words.did("no-such")) == ("measurements and results", "body structure", "XYZ", "no such")
    assert set(words.actions("looked at")) >= {"read", "vread", "search"}
    assert not {"update", "delete"} & set(words.actions("looked at"))


@pytest.mark.parametrize(("change", "profile", "subtype", "outcome"), [
    ({}, "PatientRead", ["read"], "0"), ({"patients": ()}, "Read", ["read"], "0"), ({"patients": ("p", "q")}, "", ["read"], "0"), ({"entities": ()}, "", ["read"], "0"), ({"outcome": "absent"}, "", ["read"], "4"),
    ({"outcome": "denied"}, "", ["read"], "8"), ({"outcome": "new"}, "", ["read"], "8"), ({"outcome": "started"}, "", ["read"], "0"), ({"action": "history"}, "", ["history"], "0"), ({"action": "no-such"}, "", [], "0"),
    ({"action": "search", "query": "a=b"}, "PatientQuery", ["search-type"], "0"), ({"action": "search", "query": "a=b", "patients": ()}, "Query", ["search-type"], "0"), ({"action": "search"}, "", ["search-type"], "0"),
    ({"kind": "organization"}, "PrivacyDisclosure.Source", ["disclose", "read"], "0"), ({"kind": "organization", "patients": ("p", "q")}, "", ["disclose", "read"], "0"), ({"kind": "organization", "entities": ()}, "", ["read"], "0"),
    ({"kind": "organization", "outcome": "absent"}, "", ["read"], "4"), ({"kind": "organization", "action": "no-such"}, "PrivacyDisclosure.Source", ["disclose"], "0"),
])  # fmt: skip
def test_a_line_as_an_event(change: dict[str, Any], profile: str, subtype: Sequence[str], outcome: str) -> None:
    class Key:
        def sign(self, what: str, said: bytes) -> bytes:
            return b"\1" * 32

    key: Any = Key()
    line = replace(LINE, mark=b"\0" * 32 + b"Observation", **change)
    made = events.event(key, "https://here/fhir", line)
    assert [c["code"] for c in made.get("subtype", [])] == list(subtype)
    assert (made["outcome"], made.get("outcomeDesc")) == (outcome, None if line.outcome == "done" else line.outcome)
    assert [p.rpartition("IHE.BasicAudit.")[2] for p in made["meta"].get("profile", [])] == ([profile] if profile else [])
    assert [a["requestor"] for a in made["agent"]] == [False, False, True]
    user = made["agent"][2]
    assert (user["altId"], user["name"], user["who"], user["role"]) == ("nina", "Nina Torres", {"identifier": {"value": "nina"}, "reference": "Practitioner/n"}, [{"text": "nurse"}])
    assert [e["what"]["reference"] for e in made["entity"] if "reference" in e.get("what", {})] == [*(f"Patient/{p}" for p in line.patients), *line.entities]
    assert any("query" in e for e in made["entity"]) is (line.query != "")
    assert made["agent"][0]["who"] == (user["who"] if events.disclosed(line) else {"display": "staff"}), "what left went to them"
    assert [c["coding"][0]["code"] for c in (*made["purposeOfEvent"], *user["purposeOfUse"])] == ["TREAT", "TREAT"]
    assert made["source"]["observer"]["identifier"]["value"] == "https://here/fhir"
    assert events.parts_of(made["id"]) == ("r", line.recorded)
    alone = events.event(key, "https://here/fhir", replace(line, patients=("p", "q")), "q")
    assert [e["what"]["reference"] for e in alone["entity"] if e.get("what", {}).get("reference", "").startswith("Patient/")] == ["Patient/q"]


def test_an_id_names_a_request_and_a_moment_after_which_there_is_another() -> None:
    last = (datetime.max.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // TICK
    assert events.parts_of(f"r.{last - 1:x}.00000000") == ("r", datetime.max.replace(tzinfo=UTC) - TICK)
    assert [events.parts_of(id_) for id_ in (f"r.{last:x}.00000000", f"r.{last + 1:x}.00000000", "r.ffffffffffffffff.00000000", "r.1", "")] == [None] * 5


def test_of_somebody_not_known_nothing_is_made_up() -> None:
    key: Any = type("Key", (), {"sign": lambda *_: b"\1" * 32})()
    made = events.event(key, "b", replace(LINE, account="", name="", agent=None, role="", purpose="", door="", mark=b"\0" * 32))
    user = made["agent"][2]
    assert (user["who"], user.keys() & {"role", "name", "altId", "purposeOfUse"}, "purposeOfEvent" in made, made["agent"][0]["who"]) == ({"display": "nobody known"}, set(), False, {"display": "unknown"})


def kinds(*rows: dict[str, Any]) -> list[str]:
    return [s.kind for s in outliers.signals(rows, outliers.thresholds(date(2026, 11, 1)))]


def test_what_connects_somebody_with_a_chart_and_what_explains_it() -> None:
    assert kinds(opening("a", "p", self=True, colleague=True, address=True, family=True)) == ["self"]
    assert kinds(opening("a", "p", colleague=True, address=True, family=True)) == ["address", "colleague"]
    assert kinds(opening("a", "p", family=True)) == [], "whom they treat"
    assert [kinds(opening("a", "p", family=True, related=False, **{what: True})) for what in ("self", "address")] == [["self"], ["address"]]
    assert kinds(opening("a", "p", family=True, related=False)) == ["family-name"]
    (treated,), (not_,) = (outliers.signals([opening("a", "p", colleague=True, related=r)], outliers.thresholds(date(2026, 11, 1))) for r in (True, False))
    assert (treated.explained, not_.explained) == ("They may treat the colleague.", "Nothing in the record connects them as patient and staff.")
    assert [s.strong for s in (treated, not_)] == [True, True]
    assert "charts of 1 person " in treated.says


def test_what_is_much_begins_at_its_number_and_leaves_out_what_is_explained() -> None:
    numbers = outliers.thresholds(date(2026, 11, 1))
    area = [opening("a", f"p{n}", area="12345", related=False) for n in range(numbers.area)]
    assert kinds(*area) == ["area"]
    assert kinds(*area[1:]) == []
    for explained in ({"related": True}, {"address": True}, {"self": True}):
        assert "area" not in kinds(*area[1:], {**area[0], **explained})
    apart = [opening("a", f"p{n}", related=False) for n in range(numbers.unrelated)]
    assert (kinds(*apart), kinds(*apart[1:])) == (["unrelated"], [])
    many = [opening("a", f"p{n}") for n in range(numbers.many_a_day)]
    colleagues = [opening(f"c{k}", f"q{n}") for k in range(4) for n in range(numbers.many_a_day // 3)]
    assert ("many" in kinds(*many, *colleagues), "many" in kinds(*many[1:], *colleagues[:-20])) == (True, False)
    busy = [opening(f"c{k}", f"q{n}") for k in range(4) for n in range(numbers.many_a_day // 3 + 1)]
    assert "many" not in kinds(*many, *busy), "not three times what is usual in the role"
    night = opening("a", "p", times=2 * numbers.nights, nights=numbers.nights)
    assert [kinds({**night, **change}) for change in ({}, {"nights": numbers.nights - 1, "times": numbers.nights - 1}, {"times": 2 * numbers.nights + 1})] == [["night"], [], []]
    (late,) = outliers.signals([night, opening("a", "by day", times=0)], numbers)
    assert (late.patients, late.strong) == (("p",), False)


def test_the_busiest_day_is_told_with_whose_charts_were_opened_on_it() -> None:
    numbers, later = outliers.thresholds(date(2026, 11, 1)), date(2026, 3, 9)
    usual = [opening(f"c{k}", f"q{n}") for k in range(4) for n in range(3)]
    rows = [opening("a", f"p{n}") for n in range(numbers.many_a_day)] + [opening("a", f"r{n}", days=[later]) for n in range(numbers.many_a_day + 1)] + [opening("a", "s", days=[date(2026, 3, 20)])]
    (found,) = outliers.signals([*rows, *usual], numbers)
    assert (found.kind, found.strong, found.patients) == ("many", False, tuple(f"r{n}" for n in range(numbers.many_a_day + 1)))
    assert f"{numbers.many_a_day + 1} patients on 9 Mar 2026" in found.says


def test_what_is_rarely_explained_comes_first() -> None:
    rows = [opening("a", "p", family=True, related=False), opening("b", "q", self=True)]
    assert [(s.name, s.kind, s.strong) for s in outliers.signals(rows, outliers.thresholds(date(2026, 11, 1)))] == [("b", "self", True), ("a", "family-name", False)]


# --- accountings --------------------------------------------------------------------------------------------------------------------


def sent(made: datetime = DAY, recipient: str = "Organization/x", purpose: str = "HRESCH", what: tuple[str, ...] = ("Observation/o/_history/1",), *traits: str) -> accounting.Sent:
    return accounting.Sent(made, recipient, purpose, what, frozenset(traits), logged=True)


@pytest.mark.parametrize(("purpose", "consents", "to_patient", "traits"), [
    ("TREAT", [], False, {"treatment"}), ("HPAYMT", [], False, {"payment"}), ("HOPERAT", [], False, {"operations"}), ("ETREAT", [], False, {"treatment", "emergency"}), ("HRESCH", [], False, set()),
    ("HRESCH", [], True, {"individual"}), ("PATRQT", [], False, {"individual"}), ("TREAT", ["consent"], False, {"treatment", "consented"}), ("HRESCH", ["consent"], False, {"consented", "authorized"}), ("HPAYMT", ["consent"], False, {"payment", "consented"}), ("HOPERAT", ["consent"], False, {"operations", "consented"}),
    ("HRESCH", [""], False, {"consented", "authorized"}), ("TREAT", ["consent", "part2_intermediary designation"], False, {"treatment", "consented", "designated"}),
])  # fmt: skip
def test_what_the_law_asks_about_a_disclosure(purpose: str, consents: list[str], to_patient: bool, traits: set[str]) -> None:
    assert accounting._traits(purpose, consents, to_patient=to_patient) == traits
    assert "emergency" in accounting._traits("BTG", [], to_patient=False)


@pytest.mark.parametrize(("traits", "listed"), [
    ((), {"hipaa"}), (("treatment",), set()), (("payment",), set()), (("operations",), set()), (("emergency",), set()), (("individual",), set()), (("consented", "authorized"), {"part2"}),
    (("treatment", "consented"), {"part2"}), (("treatment", "consented", "designated"), {"part2", "intermediary"}),
])  # fmt: skip
def test_which_accounting_lists_it(traits: tuple[str, ...], listed: set[str]) -> None:
    one = sent(DAY, "Organization/x", "HRESCH", (), *traits)
    assert {r.id for r in accounting.rules(date(2026, 11, 1)) if accounting.lists(r, one)} == listed


def test_disclosures_to_one_recipient_for_one_purpose_are_one_entry() -> None:
    first, last = DAY, NEXT
    other, again = sent(DAY + TICK, purpose="HLEGAL"), sent(last, what=("Condition/c/_history/1", "Observation/p/_history/1"))
    entries = accounting.grouped([again, other, sent(first), sent(DAY, "Organization/y")], {"Organization/x": "Lakeside"})
    assert [(e.first, e.last, e.times, e.recipient, e.purpose, e.what) for e in entries] == [
        (first, last, 2, "Lakeside", "research", "measurements and results, diagnoses"), (DAY + TICK, DAY + TICK, 1, "Lakeside", "legal reasons", "measurements and results"),
        (DAY, DAY, 1, "Organization/y", "research", "measurements and results"),
    ]  # fmt: skip


def test_years_go_back_to_the_same_day() -> None:
    assert [accounting._back(datetime(2028, 2, day, 5, tzinfo=UTC), years) for day, years in ((29, 4), (29, 3), (28, 6))] == [
        datetime(2024, 2, 29, 5, tzinfo=UTC), datetime(2025, 2, 28, 5, tzinfo=UTC), datetime(2022, 2, 28, 5, tzinfo=UTC),
    ]  # fmt: skip
