"""A search URL becomes a Query, or a SearchError that says what was expected; nothing else, whatever is sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.fhir.query import AnyOf, Chain, Has, Include, Missing, Moment, Numbers, References, Sort, Strings, Token, Tokens, Uris
from sojourn.fhir.search import SearchError, UnknownParameterError, parse
from sojourn.fhir.searchparams import PARAMS
from tests.effort import trying


def only(resource_type: str, name: str, value: str) -> object:
    """The one condition of a search."""
    (condition,) = parse(resource_type, [(name, value)]).where
    return condition


def test_commas_are_alternatives_and_repeats_are_further_conditions() -> None:
    query = parse("Observation", [("code", "a,b"), ("code", "c")])
    assert [len(c.values) for c in query.where if isinstance(c, Tokens)] == [2, 1]


def test_escaped_signs_are_part_of_the_value() -> None:
    found = only("Patient", "family", r"a\,b\|c\$d\\e")
    assert isinstance(found, Strings)
    assert found.values == (r"a,b|c$d\e",)


@pytest.mark.parametrize(
    ("text", "token"),
    [("a", Token(None, "a")), ("s|a", Token("s", "a")), ("|a", Token("", "a")), ("s|", Token("s", None))],
)
def test_a_token_is_written_in_four_ways(text: str, token: Token) -> None:
    found = only("Observation", "code", text)
    assert isinstance(found, Tokens)
    assert found.values == (token,)


def test_the_system_of_a_code_is_implied_by_its_parameter() -> None:
    found = only("Observation", "status", "http://hl7.org/fhir/observation-status|final")
    assert isinstance(found, Tokens)
    assert found.values == (Token(None, "final"),)


def test_a_telephone_number_is_found_however_it_is_punctuated() -> None:
    assert only("Patient", "phone", "(555) 010-9999") == only("Patient", "phone", "+1 555.010.9999")


@pytest.mark.parametrize(("name", "mode"), [("family", "starts"), ("family:exact", "exact"), ("family:contains", "contains")])
def test_string_modifiers(name: str, mode: str) -> None:
    found = only("Patient", name, "Ann")
    assert isinstance(found, Strings)
    assert found.mode == mode


def test_uri_modifiers() -> None:
    found = only("ValueSet", "url:below", "http://x.example/")
    assert isinstance(found, Uris)
    assert found.mode == "below"


def test_missing_and_not() -> None:
    assert isinstance(only("Patient", "gender:missing", "true"), Missing)
    found = only("Patient", "gender:not", "male")
    assert isinstance(found, Tokens)
    assert found.negated


def test_a_date_has_a_prefix_and_a_precision() -> None:
    found = only("Patient", "birthdate", "ge1970-02")
    moment: Moment = found.values[0]  # type: ignore[attr-defined]
    assert (moment.prefix, moment.low.month, moment.high.month) == ("ge", 2, 3)


def test_a_plus_that_was_not_encoded_is_still_a_time_zone() -> None:
    assert only("Observation", "date", "2024-01-01T10:00:00 02:00") == only("Observation", "date", "2024-01-01T08:00:00Z")


def test_a_quantity_has_a_unit_by_system_and_code() -> None:
    found = only("Observation", "value-quantity", "gt5.4|http://unitsofmeasure.org|mg")
    assert isinstance(found, Numbers)
    assert found.values[0].code == "mg"
    assert found.values[0].prefix == "gt"


def test_patient_is_subject_limited_to_patients_and_fixes_the_chart() -> None:
    query = parse("Observation", [("patient", "p1")])
    assert query.where == (References(("Observation",), ("subject",), ("Patient/p1",)),)
    assert query.patient == "p1"
    assert parse("Observation", [("subject", "Patient/p1")]).patient == "p1"
    assert parse("Observation", [("patient", "p1,p2")]).patient is None
    assert parse("Observation", [("performer", "Patient/p1")]).patient is None


def test_an_absolute_reference_to_our_own_base_is_local() -> None:
    query = parse("Observation", [("patient", "https://ours.example/fhir/Patient/p1")], base="https://ours.example/fhir")
    assert query.patient == "p1"


def test_a_chain_goes_to_every_type_that_has_the_parameter() -> None:
    found = only("Observation", "subject.name", "x")
    assert isinstance(found, Chain)
    assert [target for target, _ in found.ends] == ["Device", "Location", "Patient"] or "Patient" in dict(found.ends)
    named = only("Observation", "subject:Patient.name:exact", "x")
    assert isinstance(named, Chain)
    assert [target for target, _ in named.ends] == ["Patient"]


def test_chains_and_reverse_chains_nest() -> None:
    found = only("Patient", "_has:Observation:patient:encounter.location.name", "x")
    assert isinstance(found, Has)
    assert isinstance(found.condition, Chain)
    twice = only("Patient", "_has:Observation:subject:_has:Provenance:target:agent", "Practitioner/1")
    assert isinstance(twice, Has)
    assert isinstance(twice.condition, Has)


def test_a_composite_pairs_its_parts() -> None:
    found = only("Observation", "code-value-quantity", "http://loinc.org|8867-4$gt60")
    assert isinstance(found, AnyOf)
    assert found.conditions[0].names == ("code-value-quantity$http://loinc.org|8867-4",)  # type: ignore[union-attr]


def test_includes_and_sort() -> None:
    query = parse("Observation", [("_include", "Observation:patient"), ("_revinclude", "Provenance:target"), ("_sort", "-date,_id")])
    assert query.include == (Include("Observation", ("subject",), "Patient"),)
    assert query.revinclude == (Include("Provenance", ("target",), None),)
    assert query.sort == (Sort((), "at", True), Sort((), "id", False))


def test_value_sets_are_asked_for_by_their_url() -> None:
    query = parse("Observation", [("code:in", "urn:vs")], value_sets={"urn:vs": [("s", "a"), ("s", "b")]}.get)
    (found,) = query.where
    assert isinstance(found, Tokens)
    assert len(found.values) == 2


def test_the_self_link_names_what_was_used_and_the_outcome_what_was_not() -> None:
    query = parse("Patient", [("name", "x"), ("foo", "y"), ("_count", "5"), ("_format", "json")], handling="lenient")
    assert query.ignored == ("foo",)
    assert query.used == (("name", "x"), ("_count", "5"), ("_format", "json"))
    with pytest.raises(UnknownParameterError, match="foo"):
        parse("Patient", [("foo", "y")])


BAD = [
    ("Observation", "date", "2024-02-30"),
    ("Observation", "date", "xx2024"),
    ("Observation", "date:exact", "2024"),
    ("Observation", "value-quantity", "five"),
    ("Observation", "value-quantity", "5|mg"),
    ("Observation", "code", "a|b|c"),
    ("Observation", "code", "|"),
    ("Observation", "code:above", "a"),
    ("Observation", "code:in", "urn:unknown"),
    ("Observation", "code:", "a"),
    ("Observation", "subject", "p1/p2/p3"),
    ("Observation", "focus", "p1"),
    ("Observation", "focus.name", "p1"),
    ("Observation", "code.name", "p1"),
    ("Observation", "subject:Practitioner", "p1"),
    ("Observation", "code-value-quantity", "a"),
    ("Observation", "code-value-quantity", "$5"),
    ("Observation", "code-value-quantity", "a$"),
    ("Observation", "_sort", "code"),
    ("Observation", "_sort", "nothing"),
    ("Observation", "_count", "-1"),
    ("Observation", "_total", "some"),
    ("Observation", "_summary", "yes"),
    ("Observation", "_elements", "a b"),
    ("Observation", "_include", "Patient:general-practitioner"),
    ("Observation", "_include", "Observation:code"),
    ("Observation", "_revinclude", "Provenance:target:Patient"),
    ("Observation", "_type", "Patient"),
    ("Observation", "_contained", "true"),
    ("Observation", "_id", "a b"),
    ("Observation", "_lastUpdated:missing", "true"),
    ("Patient", "name", ""),
    ("Patient", "name", "a,,b"),
    ("Patient", "name", "a\0"),
    ("Patient", "name", "a\ud800"),
    ("Patient", "name", "x" * 600),
    ("Patient", "name", "x" * 70_000),
    ("Patient", "identifier:of-type", "a|b"),
    ("Patient", "active:missing", "maybe"),
    ("Patient", "_has:Observation:patient", "x"),
    ("Patient", "_has:Observation:code:status", "final"),
    ("Patient", "_has:Nothing:patient:code", "x"),
    ("Location", "near", "1|2|3|km"),
    ("Patient", "link." * 30 + "name", "x"),
]


@pytest.mark.parametrize(("resource_type", "name", "value"), BAD, ids=[f"{t}?{n[:30]}={v[:20]!r}" for t, n, v in BAD])
def test_what_cannot_be_searched_is_refused_with_the_parameters_name(resource_type: str, name: str, value: str) -> None:
    with pytest.raises(SearchError) as refused:
        parse(resource_type, [(name, value)])
    assert refused.value.expected
    assert name[:20].rstrip("\0") in refused.value.parameter
    assert refused.value.status == 400


NAMES = sorted({code for t in ("Patient", "Observation", "Encounter", "ValueSet", "MolecularSequence") for code in PARAMS[t]})
names = st.one_of(
    st.sampled_from([*NAMES, "_sort", "_count", "_include", "_revinclude", "_has:Observation:patient:code", "subject.name", "_type"]),
    st.builds(
        lambda a, b: f"{a}{b}", st.sampled_from(NAMES), st.sampled_from([":missing", ":exact", ":not", ":text", ":Patient", ".name"])
    ),
    st.text(max_size=30),
)
values = st.one_of(
    st.text(max_size=40),
    st.from_regex(r"(eq|gt|ap|ne)?[0-9T:.Z|$,+-]{1,25}", fullmatch=True),
    st.sampled_from(
        ["9999-12-31", "ap0001", "ap9999", "1e999", "-0.0", "5.4|a|b", "a$b", "Observation:subject", "*", "a|b", "x/y", "true"]
    ),
)


@trying(200)
@given(
    st.sampled_from(["Patient", "Observation", "Encounter", "ValueSet", "MolecularSequence", None]),
    st.lists(st.tuples(names, values), max_size=3),
)
def test_whatever_is_sent_is_understood_or_refused(resource_type: str | None, params: list[tuple[str, str]]) -> None:
    for handling in ("strict", "lenient"):
        try:
            query = parse(resource_type, params, handling=handling)
        except SearchError:
            continue
        assert len(query.used) + len(query.ignored) == len(params)


def test_every_parameter_of_every_type_can_be_searched() -> None:
    sample = {
        "token": "a", "string": "a", "date": "2024", "number": "1", "quantity": "1", "uri": "urn:a", "reference": "urn:a", "special": "",
    }  # fmt: skip
    for resource_type, params in PARAMS.items():
        for code, param in params.items():
            value = "$".join(sample[c.kind] for c in param.components) or sample[param.kind]
            assert parse(resource_type, [(code, value)]).where or code == "", (resource_type, code)
