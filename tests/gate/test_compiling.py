"""What a Consent compiles to, row by row: the rules of forms, limits and denials said as the rows that must come of them.

Whether rows and Consents mean the same is asked elsewhere (test_agree_consents.py). Here each rule has an example of its own.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from sojourn.fhir import definitions
from sojourn.gate import bases
from sojourn.gate.caller import Program, Tenant
from sojourn.gate.consenting import terms
from sojourn.gate.consenting.compiling import compiled, consented_alone, missing, self_paid
from sojourn.gate.consenting.validity import EVER, FOREVER
from sojourn.record.index import Keys
from tests.people import consent

SUD, MH, NOWHERE = 1, 2, 3
TENANT = Tenant(1, "a", "A", None, b"a" * 16, "house")
PROGRAMS = {
    SUD: Program(SUD, "sud", "SUD", "Organization/sud", True),
    MH: Program(MH, "mh", "MH", "mh", False),
    NOWHERE: Program(NOWHERE, "n", "N", None, False),
}
KEYS = Keys(TENANT.secret)
SIGNED = datetime(2026, 1, 1, 10, tzinfo=UTC)
X = "Organization/x"
TPO = [
    "TREAT",
    "COC",
    "HPAYMT",
    "COVERAGE",
    "ELIGVER",
    "CLMATTCH",
    "COVAUTH",
    "REMITADV",
    "HOPERAT",
    "CAREMGT",
    "HACCRED",
    "HCOMPL",
    "PATSFTY",
]


class Row(NamedTuple):
    """One grant, with its fields by name."""

    op: int
    patient: str
    effect: str
    basis: int
    recipient: str
    purpose: str
    action: str
    programs: list[int] | None
    types: list[str] | None
    codes: list[int] | None
    data_from: datetime | None
    data_to: datetime | None
    named: list[str] | None
    start: datetime
    end: datetime


PERMIT = Row(5, "p", "permit", bases.PART2, X, "TREAT", "disclose", [SUD], None, None, None, None, None, SIGNED, FOREVER)
DENY = Row(5, "p", "deny", 0, X, "*", "*", None, None, None, None, None, None, SIGNED, FOREVER)


def rows(form: dict[str, Any]) -> list[Row]:
    """Purpose by purpose."""
    return [Row(*grant[:5], purpose, *grant[6:]) for grant in compiled(form, TENANT, PROGRAMS, KEYS, 5)[0] for purpose in grant[5]]


def specific(
    *purposes: str,
    kind: str = "part2_specific",
    extension: dict[str, Any] | None = None,
    provision: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A complete form for one purpose, with parts of its rule changed and extensions added."""
    form = consent("p", "x", kind=kind, purposes=purposes or ("TREAT",), provision=provision, **more)
    return terms.with_values(form, extension or {})


def denial(**rule: Any) -> dict[str, Any]:
    form = consent("p", "x", kind="patient_directive_deny")
    return {**form, "provision": {"type": "deny", "actor": form["provision"]["actor"], **rule}}


def label(code: str) -> list[dict[str, str]]:
    return [{"system": bases.ACT_CODE, "code": code}]


def labels_of(code: str, system: str | None = None) -> list[int]:
    """What every type of resource with this label is found by."""
    return sorted(KEYS.token(t, "_security", system, code) for t in definitions.RESOURCE_TYPES)


def coded(concepts: list[tuple[str | None, str]]) -> list[int]:
    return sorted(key for system, code in concepts for key in KEYS.of_code(system, code))


# --- what a permission opens ------------------------------------------------------------------------------------------------------


def test_a_form_opens_its_records_to_whom_it_names_for_its_purpose() -> None:
    grants, relations = compiled(specific(), TENANT, PROGRAMS, KEYS, 5)
    assert [Row(*g) for g in grants] == [PERMIT._replace(purpose=["TREAT"])]
    assert relations == [(5, "p", f"for:TREAT:{X}", "consent", SIGNED, FOREVER)]


def test_each_recipient_and_each_action_has_a_row() -> None:
    form = specific()
    form["provision"]["actor"] = [
        {"reference": {"reference": X}},
        {"extension": [terms.extension("recipient-class", valueCode="treating-provider")]},
    ]
    form["provision"]["action"] = [
        {"coding": [{"code": "use"}, {"code": "access"}]},
        {"coding": [{"code": "disclose"}, {"code": "correct"}]},
    ]
    grants, relations = compiled(form, TENANT, PROGRAMS, KEYS, 5)
    keys = terms.forms()["classes"]["treating-provider"]["keys"]
    assert [(g[4], g[6]) for g in grants] == [(key, action) for key in (X, *keys) for action in ("disclose", "use")]
    assert [r[2] for r in relations] == [f"for:TREAT:{X}"], "a class relates nobody"


@pytest.mark.parametrize(
    ("actions", "compiled_to"),
    [([], ["disclose"]), (["use"], ["use"]), (["access"], ["disclose"]), (["correct"], []), (["correct", "use"], ["use"])],
)
def test_an_action_that_is_not_known_permits_nothing(actions: list[str], compiled_to: list[str]) -> None:
    form = specific(provision={"action": [{"coding": [{"code": a} for a in actions]}] if actions else []})
    assert [r.action for r in rows(form)] == compiled_to


def test_a_single_consent_speaks_in_classes_and_no_other_form_does() -> None:
    assert [r.purpose for r in rows(consent("p", "x"))] == sorted(TPO)
    assert [r.purpose for r in rows(consent("p", "x", purposes=("TREAT", "HRESCH")))] == ["COC", "TREAT"], (
        "another purpose on it is not heard"
    )
    assert [r.purpose for r in rows(specific("TREAT", "HPAYMT", "TREAT"))] == ["HPAYMT", "TREAT"]


def test_who_discloses_is_who_is_named() -> None:
    def by(*organizations: str) -> list[list[int] | None]:
        return [r.programs for r in rows(specific(organization=[{"reference": f"Organization/{o}"} for o in organizations]))]

    assert by("sud", "mh") == [[SUD, MH]]
    assert by("mh") == [[MH]]
    assert by("mh", "house") == [None], "the organization as a whole"
    assert by("elsewhere") == []
    nameless = Tenant(1, "a", "A", None, b"a" * 16, None)
    assert compiled(specific(organization=[{"reference": "Organization/None"}]), nameless, PROGRAMS, KEYS, 5) == ([], [])


def test_every_limit_is_in_the_row() -> None:
    limits = {
        "class": [{"code": "Observation"}, {"code": "Condition"}, {"display": "more"}],
        "code": [
            {"coding": [{"system": "http://loinc.org", "code": "8867-4"}, {"display": "x"}]},
            {"coding": [{"code": "z"}]},
            {"text": "words"},
        ],
        "dataPeriod": {"start": "2025-01-01", "end": "2025-12-31"},
        "data": [
            {"meaning": "instance", "reference": {"reference": "Observation/o"}},
            {"meaning": "instance", "reference": {"display": "that"}},
        ],
    }
    within = PERMIT._replace(types=["Observation", "Condition"], codes=coded([("http://loinc.org", "8867-4"), (None, "z")]), named=["Observation/o"],
                             data_from=datetime(2025, 1, 1, tzinfo=UTC), data_to=datetime(2026, 1, 1, tzinfo=UTC))  # fmt: skip
    assert rows(specific(provision=limits)) == [within]
    assert rows(specific(provision={"dataPeriod": {"start": "2025-01-01"}})) == [
        PERMIT._replace(data_from=within.data_from, data_to=FOREVER)
    ]
    assert rows(specific(provision={"dataPeriod": {"end": "2025-12-31"}})) == [PERMIT._replace(data_from=EVER, data_to=within.data_to)]
    assert rows(specific(provision={"code": [{"text": "words alone"}]})) == [PERMIT._replace(codes=[])], "matches nothing"


def test_a_registry_learns_little() -> None:
    form = specific(
        kind="part2_central_registry",
        provision={"class": [{"code": "Encounter"}, {"code": "Observation"}], "period": {"start": "2026-01-01", "end": "2026-12-31"}},
    )
    form["provision"]["actor"][0]["extension"] = [terms.extension("recipient-kind", valueCode="central_registry")]
    end = datetime(2027, 1, 1, tzinfo=UTC)
    assert rows(form) == [PERMIT._replace(types=["Encounter"], end=end)]
    del form["provision"]["class"]
    assert [r.types for r in rows(form)] == [
        [
            "Patient",
            "MedicationRequest",
            "MedicationDispense",
            "MedicationAdministration",
            "MedicationStatement",
            "Encounter",
            "EpisodeOfCare",
        ]
    ]


# --- what permits nothing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "form",
    [
        specific(provision={"class": [{"display": "labs"}]}),
        specific(provision={"data": [{"reference": {"display": "that one"}}]}),
        specific(provision={"modifierExtension": [{"url": "x"}]}),
        specific(modifierExtension=[{"url": "x"}]),
        specific(implicitRules="http://example.org"),
        specific(kind="no_such_kind"),
        specific(kind="patient_directive_deny"),
        specific(kind="treatment"),
        specific(provision={"type": "unknown"}),
        specific(provision={"type": None}),
        specific(extension={"part2-stmt-revocation": None}),
        specific(status="inactive"),
        specific(patient={"reference": "Group/p"}),
        specific(patient={"display": "Ana"}),
        specific(patient=None),
        specific(provision={"action": [{"coding": [{"code": "correct"}]}]}),
        specific("HLEGAL", extension={"part2-expiry-text": {"valueString": "the end of the case"}}),
    ],
)  # fmt: skip
def test_what_is_unreadable_unknown_or_incomplete_permits_nothing(form: dict[str, Any]) -> None:
    assert compiled(form, TENANT, PROGRAMS, KEYS, 5) == ([], [])


def test_a_form_that_does_not_say_its_kind_is_one_for_part_2() -> None:
    assert rows(specific(kind="")) == [PERMIT]
    assert rows(specific(extension={"part2-consent-kind": None})) == [PERMIT]


def test_what_is_missing_is_named() -> None:
    assert missing(specific()) == []
    assert missing(specific(extension={"part2-stmt-revocation": None}))[0].startswith("42 CFR 2.31(a)(6)")


@pytest.mark.parametrize("kind", ["part2_proceedings", "part2_criminal_justice", "hipaa_authorization"])
def test_a_legal_purpose_has_forms_of_its_own(kind: str) -> None:
    form = specific("HLEGAL", kind=kind, provision={"period": {"start": "2026-01-01", "end": "2026-12-31"}})
    form["provision"]["actor"][0]["extension"] = [terms.extension("recipient-kind", valueCode="criminal_justice_element")]
    assert {r.purpose for r in rows(form)} == {"HLEGAL"}


def test_a_director_speaks_of_payment_alone() -> None:
    form = specific("HPAYMT", "TREAT", kind="part2_director_payment")
    form["provision"]["actor"][0]["extension"] = [terms.extension("recipient-kind", valueCode="health_plan")]
    assert [r.purpose for r in rows(form)] == ["HPAYMT"]


# --- which laws it speaks for -----------------------------------------------------------------------------------------------------


def test_a_form_speaks_for_the_laws_that_it_names() -> None:
    assert [r.basis for r in rows(specific(provision={"securityLabel": [*label("42CFRPart2"), *label("HIV"), *label("SUD"), {"display": "x"}]}))] == [
        bases.PART2,
        bases.bit_of("HIV"),
    ]
    assert [r.basis for r in rows(specific(provision={"securityLabel": label("HIV")}))] == [bases.bit_of("HIV")]
    assert [r.basis for r in rows(specific(provision={"securityLabel": [], "class": [{"code": "Observation"}]}))] == [bases.PART2]
    assert rows(specific(provision={"securityLabel": label("SUD")})) == [], "a subject is no law"


def test_notes_kept_apart_need_a_form_for_nothing_else() -> None:
    ends = {"period": {"start": "2026-01-01", "end": "2026-12-31"}}
    sudcn = [{"system": bases.LOCAL, "code": "SUDCN"}]
    end = datetime(2027, 1, 1, tzinfo=UTC)
    notes = rows(specific(kind="part2_counseling_notes", provision={**ends, "securityLabel": sudcn}))
    assert notes == [PERMIT._replace(basis=bases.SUD_COUNSELING, end=end), PERMIT._replace(end=end, codes=labels_of("SUDCN", bases.LOCAL))]
    assert rows(specific(kind="part2_counseling_notes", provision={**ends, "securityLabel": [], "class": [{"code": "Observation"}]})) == []
    assert [r.basis for r in rows(specific(provision={"securityLabel": [*sudcn, *label("42CFRPart2")]}))] == [bases.PART2]
    assert rows(specific(provision={"securityLabel": sudcn})) == []
    assert rows(specific(provision={"securityLabel": label("PSYTHPN")})) == []
    psychotherapy = specific(kind="hipaa_authorization", provision={**ends, "securityLabel": label("PSYTHPN")})
    assert [r.basis for r in rows(psychotherapy)] == [bases.PSYCHOTHERAPY]
    both = {**ends, "securityLabel": [*label("PSYTHPN"), *label("HIV")]}
    assert rows(specific(kind="hipaa_authorization", provision=both)) == []


def test_an_authorization_opens_part_2_records_only_if_it_says_so_and_a_release_under_state_law_never() -> None:
    ends = {"period": {"start": "2026-01-01", "end": "2026-12-31"}, "class": [{"code": "Observation"}]}
    assert rows(specific(kind="hipaa_authorization", provision={**ends, "securityLabel": None})) == []
    assert [r.basis for r in rows(specific(kind="hipaa_authorization", provision=ends))] == [bases.PART2]
    state = {**ends, "securityLabel": [*label("42CFRPart2"), *label("HIV")]}
    assert [r.basis for r in rows(specific(kind="state_specific_release", provision=state))] == [bases.bit_of("HIV")]


def test_what_no_law_of_its_own_protects_goes_out_under_an_authorization_for_what_needs_one() -> None:
    """45 CFR 164.506 needs none for treatment, payment and operations; a form for Part 2 records opens no more than who it is about."""
    ends = {"period": {"start": "2026-01-01", "end": "2026-12-31"}, "class": [{"code": "Observation"}]}
    row = PERMIT._replace(purpose="HRESCH", end=datetime(2027, 1, 1, tzinfo=UTC))
    person = row._replace(basis=bases.ORDINARY, programs=None, types=["Patient"])
    authorized = rows(specific("HRESCH", kind="hipaa_authorization", provision={**ends, "securityLabel": None}))
    assert authorized == [row._replace(basis=bases.ORDINARY, types=["Observation"]), person]
    notes = rows(specific("HRESCH", kind="hipaa_authorization", provision={**ends, "securityLabel": label("PSYTHPN")}))
    assert notes == [row._replace(basis=bases.PSYCHOTHERAPY, types=["Observation"]), person]
    assert rows(specific("HRESCH", provision=ends)) == [row._replace(types=["Observation"]), person]


# --- minors -----------------------------------------------------------------------------------------------------------------------


def test_a_minor_speaks_alone_about_care_to_which_they_consented_alone() -> None:
    minor = {"consent-signer-authority": {"valueCode": "minor"}}
    assert [r.basis for r in rows(specific(extension=minor))] == [bases.PART2, bases.MINOR]
    assert [r.basis for r in rows(specific(extension={"consent-signer-authority": {"valueCode": "patient"}}))] == [bases.PART2]


def test_a_minors_own_agreement_labels_the_records_of_that_care() -> None:
    minor = {"consent-signer-authority": {"valueCode": "minor"}}
    agreed = specific(kind="treatment", extension=minor)
    assert consented_alone(agreed)
    assert not consented_alone(specific(extension=minor))
    assert not consented_alone(specific(kind="treatment"))
    labelled = Row(5, "p", "label", bases.MINOR, "", "*", "label", [SUD], None, labels_of("42CFRPart2"), None, None, None, SIGNED, FOREVER)
    assert rows(agreed) == [labelled]
    without = specific(kind="treatment", extension=minor, provision={"securityLabel": None})
    assert rows(without) == [labelled._replace(codes=None)]
    assert rows({**without, "organization": [{"reference": "Organization/house"}]}) == [labelled._replace(codes=None, programs=None)]
    assert rows({**without, "organization": [{"reference": "Organization/elsewhere"}]}) == []
    assert rows(specific(kind="treatment")) == []


# --- what is forbidden ------------------------------------------------------------------------------------------------------------


def test_a_denial_without_limits_is_one_of_everything() -> None:
    assert rows(denial()) == [DENY, DENY._replace(recipient=f"participant:{X}")]
    assert {r.recipient for r in rows(denial(actor=[]))} == {terms.forms()["everyone"]["key"]}
    for nobody in ({"reference": "Group/p"}, {"reference": "Patient/"}, {"display": "Ana"}, None):
        assert compiled({**denial(), "patient": nobody}, TENANT, PROGRAMS, KEYS, 5) == ([], [])


def test_every_limit_of_a_denial_is_in_the_row() -> None:
    limits = {
        "class": [{"code": "Observation"}],
        "code": [{"coding": [{"system": "http://loinc.org", "code": "8867-4"}]}],
        "dataPeriod": {"start": "2025-01-01", "end": "2025-12-31"},
        "data": [{"meaning": "instance", "reference": {"reference": "Observation/o"}}],
        "purpose": [{"code": "TREAT"}, {"code": "HPAYMT"}],
        "action": [{"coding": [{"code": "use"}]}],
    }
    within = DENY._replace(types=["Observation"], codes=coded([("http://loinc.org", "8867-4")]), named=["Observation/o"], action="use",
                           data_from=datetime(2025, 1, 1, tzinfo=UTC), data_to=datetime(2026, 1, 1, tzinfo=UTC))  # fmt: skip
    assert [r for r in rows(denial(**limits)) if r.recipient == X] == [within._replace(purpose="HPAYMT"), within._replace(purpose="TREAT")]


@pytest.mark.parametrize(
    ("said", "law", "found"),
    [
        (["HIV"], ["HIV"], ["HIV", "STD"]), (["SUD"], [], ["SUD"]), (["HIV", "SUD"], ["HIV"], ["HIV", "STD", "SUD"]), (["PSY"], ["MH"], ["MH", "PSY", "BH"]),
        (["42CFRPart2"], ["42CFRPart2"], []), (["PSYTHPN"], ["PSYTHPN"], []), (["42CFRPart2", "SUD"], ["42CFRPart2"], ["SUD"]),
    ],
)  # fmt: skip
def test_a_denial_by_label_is_one_of_laws_and_of_what_is_about_it_without_one(said: list[str], law: list[str], found: list[str]) -> None:
    made = [(r.basis, r.codes) for r in rows(denial(securityLabel=[c for code in said for c in label(code)])) if r.recipient == X]
    by_label = [(0, sorted(key for code in found for key in labels_of(code)))] if found else []
    assert made == [*((bases.bit_of(code), None) for code in law), *by_label]


def nested(*inner: dict[str, Any], **root: Any) -> dict[str, Any]:
    return specific(provision={"provision": list(inner), **root})


def test_a_denial_within_a_permission_narrows_it() -> None:
    assert [r for r in rows(nested({"type": "deny"})) if r.effect == "deny"] == [DENY, DENY._replace(recipient=f"participant:{X}")], (
        "those whom the permission names"
    )
    other = nested({"type": "deny", "actor": [{"reference": {"reference": "Practitioner/z"}}]})
    assert [r.recipient for r in rows(other) if r.effect == "deny"] == ["Practitioner/z"]
    assert [r.effect for r in rows(nested({"type": "permit"}))] == ["permit"]
    assert [
        r.effect for r in rows({**denial(provision=[{"type": "deny", "actor": [{"reference": {"reference": "Practitioner/z"}}]}])})
    ] == ["deny"] * 3


def test_a_denial_within_a_permission_lasts_no_longer_than_that() -> None:
    def lasts(inner: dict[str, str], **root: Any) -> set[tuple[datetime, datetime]]:
        return {(r.start, r.end) for r in rows(nested({"type": "deny", "period": inner}, **root)) if r.effect == "deny"}

    february, march = datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
    february, march = february - timedelta(hours=14), march + timedelta(hours=12)  # a day of what withholds: wherever it is that day
    assert lasts({"start": "2026-02-01", "end": "2026-02-28"}) == {(february, march)}
    assert lasts({"start": "2025-02-01"}) == {(SIGNED, FOREVER)}
    assert lasts({"end": "2027-02-28"}, period={"start": "2026-02-01", "end": "2026-02-28"}) == {(february, march)}


def test_what_was_paid_for_oneself_is_kept_from_the_plan_for_all_that_is_payment_or_operations() -> None:
    own = [{"coding": [{"code": "HIPAASelfPay"}]}]
    assert self_paid({"category": own})
    assert self_paid(terms.with_values({}, {"restriction-grounds": {"valueCode": "self_pay"}}))
    assert not self_paid(
        terms.with_values({"category": [{"coding": [{"code": "OPTOUT"}]}, {"text": "mine"}]}, {"restriction-grounds": {"valueCode": "wish"}})
    )
    pay = denial(purpose=[{"code": "HPAYMT"}, {"code": "HOPERAT"}, {"code": "TREAT"}])
    assert {r.purpose for r in rows(pay)} == {"HPAYMT", "HOPERAT", "TREAT"}
    wide = {r.purpose for r in rows({**pay, "category": own})}
    assert wide > {"HPAYMT", "COVERAGE", "HOPERAT", "CAREMGT", "POPHLTH", "TREAT"}
    assert "COC" not in wide, "treatment is no payment"
    assert "CAREMGT" not in {r.purpose for r in rows({**denial(purpose=[{"code": "HPAYMT"}]), "category": own})}
