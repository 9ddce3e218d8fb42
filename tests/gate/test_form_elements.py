"""What a form needs, element by element: each there and missing by one thing alone. No database."""

from __future__ import annotations

from typing import Any

import pytest

from sojourn.gate.consenting import elements, terms
from sojourn.gate.policy import tables
from tests.people import consent

SUDCN, PSYTHPN, PART2, HIV = ({"system": terms.ACT_CODE, "code": c} for c in ("SUDCN", "PSYTHPN", "42CFRPart2", "HIV"))
CRIMINAL, SCHOOL = next(k for k, roles in tables.table("parties")["recipients"].items() if "criminal_justice" in roles), "school"


def missed(kind: str | None = "part2_specific", purposes: tuple[str, ...] = ("TREAT",), said: dict[str, Any] | None = None, provision: dict[str, Any] | None = None, **more: Any) -> list[str]:
    form = terms.with_values(consent("p", "x", kind=kind or "", purposes=purposes, provision=provision, **more), {**({} if kind else {terms.KIND: None}), **(said or {})})
    return [e.key for e in elements.missing(form)]


def actor(reference: dict[str, Any] | None, **said: dict[str, Any]) -> dict[str, Any]:
    made = {"actor": [{**({"reference": reference} if reference else {}), "extension": [terms.extension(getattr(terms, name), **value) for name, value in said.items()]}]}
    return {"provision": made}


X, NET = {"reference": "Organization/x"}, {"reference": "Organization/net"}
TEXT = terms.EXPIRY_TEXT


@pytest.mark.parametrize(
    ("form", "lacks"),
    [
        ({}, []),
        ({"patient": {"reference": "Group/p"}}, ["patient"]), ({"patient": {"display": "Ana"}}, ["patient"]),
        ({"organization": [{"display": "Riverbend"}]}, ["discloser"]), ({"organization": None}, ["discloser"]), ({"organization": [{}, {"reference": "Organization/sud"}]}, []),
        ({"performer": [{"display": "Ana Rivera"}]}, []), ({"performer": [{}]}, ["signature"]), ({"performer": None}, ["signature"]), ({"performer": ["Ana"]}, ["signature"]), ({"performer": [{"type": "Patient"}]}, ["signature"]),
        ({"dateTime": None}, ["date_signed"]),
        ({"purposes": ()}, ["purpose"]),
        ({"provision": {"securityLabel": None}}, ["content"]), ({"provision": {"securityLabel": None}, "said": {terms.CONTENT: {"valueString": "labs"}}}, []),
        *(({"provision": {"securityLabel": None, name: [{"x": 1}]}}, []) for name in ("class", "code", "data", "dataPeriod")),
        (actor({"display": "my doctors"}), ["recipient"]), (actor(None), ["recipient"]), (actor({"display": "my doctors"}, RECIPIENT_CLASS={"valueCode": "tpo"}), []),
        ({"said": {TEXT: None}}, ["expiry"]), ({"said": {TEXT: {"valueString": " "}}}, ["expiry"]), ({"said": {TEXT: {"valueInteger": 1}}}, ["expiry"]), ({"said": {TEXT: None}, "provision": {"period": {"end": "2026-09-01"}}}, []),
        ({"said": {TEXT: None, terms.EXPIRY_EVENT: {"valueCode": "end-of-case"}}}, []), ({"said": {TEXT: None}, "provision": {"period": None}}, ["expiry"]),
        ({"purposes": ("HRESCH",)}, []), ({"purposes": ("PUBHLTH",)}, ["expiry"]), ({"purposes": ("TREAT", "PUBHLTH")}, ["expiry"]), ({"purposes": ("PUBHLTH",), "said": {TEXT: {"valueString": "when the study ends"}}}, []),
        ({"said": {"part2-stmt-revocation": None}}, ["revocation"]), ({"said": {"part2-stmt-revocation": {"valueBoolean": False}}}, ["revocation"]),
        # purposes of their own
        ({"purposes": ("FUNDRAISE",), "said": {TEXT: {"valueString": "a year"}}}, ["fundraising"]), ({"purposes": ("FUNDRAISE",), "said": {TEXT: {"valueString": "a year"}, "part2-stmt-fundraising": {"valueBoolean": True}}}, []),
        ({"kind": "part2_tpo_single", "purposes": ("TREAT", "HPAYMT", "HOPERAT")}, []), ({"kind": "part2_tpo_single"}, []), ({"kind": "part2_tpo_single", "purposes": ("TREAT", "HRESCH")}, ["tpo_only"]),
        ({"kind": "part2_proceedings", "purposes": ("HLEGAL",), "said": {TEXT: {"valueString": "the case ends"}}}, []), ({"kind": "part2_proceedings", "purposes": ("HLEGAL", "TREAT"), "said": {TEXT: {"valueString": "the case ends"}}}, ["proceedings_only"]),
        # intermediaries: participants by name, or whoever treats
        (actor(NET, INTERMEDIARY={"valueReference": NET}), ["participants"]), (actor(X, INTERMEDIARY={"valueReference": NET}), []), (actor(NET, INTERMEDIARY={"valueReference": NET}, DESIGNATION={"valueCode": "treating"}), []),
        (actor(NET, INTERMEDIARY={"valueReference": NET}, DESIGNATION={"valueCode": "all"}), ["participants"]),
        # what may be joined with nothing else
        ({"kind": "part2_counseling_notes", "provision": {"securityLabel": [SUDCN]}}, []), ({"kind": "part2_counseling_notes", "provision": {"securityLabel": [SUDCN, PART2]}}, ["alone"]),
        ({"kind": "part2_counseling_notes", "provision": {"securityLabel": [SUDCN]}, "said": {terms.COMBINED: {"valueCode": "part2_specific"}}}, ["alone"]),
        ({"kind": "part2_counseling_notes", "provision": {"securityLabel": [SUDCN]}, "said": {terms.COMBINED: {"valueCode": "part2_counseling_notes"}}}, []),
        ({"kind": "hipaa_authorization", "provision": {"securityLabel": [PSYTHPN]}}, []), ({"kind": "hipaa_authorization", "provision": {"securityLabel": [PSYTHPN, HIV]}}, ["alone"]),
        ({"kind": "hipaa_authorization", "provision": {"securityLabel": [HIV]}, "said": {terms.COMBINED: {"valueCode": "part2_specific"}}}, []),
        ({"kind": "hipaa_authorization", "provision": {"securityLabel": [PSYTHPN]}, "said": {terms.COMBINED: {"valueCode": "part2_specific"}}}, ["alone"]),
        # recipients of one kind only
        ({"kind": "part2_criminal_justice", **actor(X, RECIPIENT_KIND={"valueCode": CRIMINAL})}, []), ({"kind": "part2_criminal_justice", **actor(X, RECIPIENT_KIND={"valueCode": SCHOOL})}, ["recipient_kind"]),
        ({"kind": "part2_criminal_justice", **actor(X)}, ["recipient_kind"]), ({"kind": "part2_criminal_justice", **actor(X, RECIPIENT_KIND={"valueInteger": 1})}, ["recipient_kind"]),
        ({"kind": "part2_criminal_justice", "provision": {"actor": None}}, ["recipient", "recipient_kind"]),
        ({"kind": "part2_counseling_notes", "provision": {"securityLabel": [PART2]}}, ["alone"]),
        # of a kind that nobody knows
        ({"kind": None, "organization": None}, ["discloser"]), ({"kind": None, "provision": {"securityLabel": None}}, ["content"]), ({"kind": None, **actor(None)}, ["recipient"]), ({"kind": None, "purposes": ()}, ["purpose"]),
        ({"kind": None, "said": {TEXT: None}}, ["expiry"]), ({"kind": None, "performer": None}, ["signature"]), ({"kind": None, "patient": {}}, ["patient"]),
        ({"kind": None}, []), ({"kind": None, "dateTime": None}, ["date_signed"]), ({"kind": None, "said": {"part2-stmt-revocation": None}}, []),
        ({"kind": "unheard-of", "provision": {"type": "deny"}, "dateTime": None, "performer": None, "organization": None}, []), ({"kind": "unheard-of", "provision": {"type": "deny"}, "patient": {}}, ["patient"]),
        ({"kind": "patient_directive_deny", "provision": {"type": "deny", "actor": []}}, []), ({"kind": "patient_directive_deny", "provision": {"type": "deny"}, "dateTime": None}, ["date_signed"]),
    ],
)  # fmt: skip
def test_what_a_form_lacks(form: dict[str, Any], lacks: list[str]) -> None:
    assert missed(**form) == lacks


def test_a_form_is_void_by_whatever_it_lacks_but_a_purpose_that_is_ignored() -> None:
    assert elements.void(consent("p", "x", dateTime=None))
    assert not elements.void(consent("p", "x"))
    assert not elements.void(consent("p", "x", purposes=["TREAT", "HRESCH"]))


def test_before_it_is_signed_only_the_signature_and_its_day_may_be_missing() -> None:
    assert [e.key for e in elements.unsigned(consent("p", "x", dateTime=None, performer=None, organization=None))] == ["discloser"]
    (one,) = elements.unsigned(consent("p", "x", organization=None))
    assert one.missed == f"{one.cite}: {one.name}. {one.do}"
    assert one.cite.startswith("42 CFR 2.31(a)(")
