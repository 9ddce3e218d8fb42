"""A partner as they were agreed: how they are known, what must be said of them, what they send is labelled with; and who opens what they say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from sojourn.base import errors
from sojourn.gate.access import Access
from sojourn.gate.exchange import messages, partners
from sojourn.gate.exchange.messages import Result
from sojourn.gate.exchange.partners import Partner
from tests.gate.test_seeing import access, chart
from tests.people import FAR, MH, SUD, Clinic, patient

LAB = Partner("lab", "Lab", applications=("LABSYS",), addresses=("127.0.0.1",))
PRINT = "0123456789abcdef" * 4


@pytest.mark.parametrize("change", [
    {"name": " "}, {"applications": ()}, {"applications": (), "door": "mhd"}, {"door": "fhir"}, {"certificate": "abc"}, {"certificate": PRINT + "0"}, {"certificate": "x" * 64}, {"addresses": ("nowhere",)},
    {"addresses": ("10.0.0.0/8",), "plain": "a private line"}, {"addresses": ("192.0.2.7",)}, {"addresses": ("192.0.2.7",), "plain": "  short   "}, {"addresses": ("127.0.0.1", "192.0.2.7")},
    {"programs": (9,)}, {"program": 9}, {"programs": (1,), "program": 2}, {"timezone": "Nowhere/City"}, {"timezone": ""}, {"acknowledgement": "never"}, {"basis": "none"}, {"strangers": "guess"},
    {"ignored": ("in1",)}, {"ignored": ("IN1", "INSURANCE")}, {"tables": {"OBS": "O"}}, {"tables": {"0004:OBS": " "}}, {"tables": {"0004: OBS": "O"}}, {"marks": {"ZPR-3=Y": "SECRET"}}, {"marks": {"ZPR": "R"}},
    {"marks": {"ZPR-100": "R"}},
])  # fmt: skip
def test_what_is_not_sound_is_refused_with_what_to_do(change: dict[str, Any]) -> None:
    with pytest.raises(errors.Malformed):
        partners.checked(replace(LAB, **change), {1, 2})


@pytest.mark.parametrize("change", [
    {}, {"applications": (), "facilities": ("HERE",)}, {"applications": (), "certificate": PRINT}, {"applications": (), "door": "sftp"}, {"applications": (), "door": "none"}, {"applications": (), "door": "cds"},
    {"applications": (), "door": "fhir", "client": "app"}, {"addresses": ("10.0.0.0/16", "2001:db8::1"), "plain": "a private line"}, {"addresses": ("192.0.2.7",), "certificate": PRINT}, {"addresses": ()},
    {"programs": (1,), "program": 1}, {"program": 2}, {"programs": (1, 2)}, {"strangers": "aside"}, {"ignored": ("IN1", "ZPR")}, {"tables": {"0004:OBS": "O"}}, {"marks": {"ZPR-3=Y": "42CFRPart2", "PV1-16": "R"}},
    {"basis": "consent", "acknowledgement": "enhanced"},
])  # fmt: skip
def test_what_is_sound_stays_as_it_was_said(change: dict[str, Any]) -> None:
    said = replace(LAB, **change)
    assert partners.checked(said, {1, 2}) == said


def test_a_fingerprint_is_kept_in_one_form_and_a_name_without_its_edges() -> None:
    pairs = ":".join(PRINT[n : n + 2] for n in range(0, 64, 2)).upper()
    made = partners.checked(replace(LAB, certificate=pairs, name="  " + "N" * 200), {1})
    assert (made.certificate, made.name) == (PRINT, "N" * 120)


def test_what_a_part_2_program_or_a_consent_brings_is_labelled_so() -> None:
    assert replace(LAB, part2=True).laws == replace(LAB, basis="consent").laws == ("R", "42CFRPart2")
    assert [replace(LAB, basis=basis).laws for basis in ("treatment", "qsoa", "law")] == [(), (), ()]


@pytest.mark.parametrize(("addresses", "address", "comes"), [
    (("192.0.2.7",), "192.0.2.7", True), (("192.0.2.7",), "192.0.2.8", False), (("192.0.2.0/28",), "192.0.2.15", True), (("192.0.2.0/28",), "192.0.2.16", False), (("192.0.2.7/28",), "192.0.2.1", True),
    (("192.0.2.7", "2001:db8::/64"), "2001:db8::9", True), (("2001:db8::/64",), "192.0.2.7", False), ((), "192.0.2.7", False), (("192.0.2.7",), "somewhere", False), (("192.0.2.7",), "", False),
])  # fmt: skip
def test_they_come_from_their_own_addresses_alone(addresses: tuple[str, ...], address: str, comes: bool) -> None:
    assert replace(LAB, addresses=addresses).comes_from(address) is comes


@pytest.mark.parametrize(("applications", "facilities", "application", "facility", "called"), [
    (("A",), (), "A", "any", True), (("A",), (), "B", "any", False), ((), ("F",), "any", "F", True), ((), ("F",), "any", "G", False), (("A", "B"), ("F",), "B", "F", True), (("A",), ("F",), "A", "G", False),
    (("A",), ("F",), "B", "F", False), (("A",), (), "", "", False),
])  # fmt: skip
def test_they_are_called_what_they_call_themselves(applications: tuple[str, ...], facilities: tuple[str, ...], application: str, facility: str, called: bool) -> None:
    assert replace(LAB, applications=applications, facilities=facilities).is_called(application, facility) is called


def test_what_is_kept_is_read_again_and_what_a_newer_version_wrote_beside_is_left_out() -> None:
    whole = replace(LAB, programs=(1, 2), program=1, ignored=("IN1",), tables={"0004:OBS": "O"}, part2=True, types=("ORU^R01",))
    since = datetime(2026, 3, 1, tzinfo=UTC)
    kept = partners.facts(whole)
    row = {"partner": "lab", "state": "stopped", "author": "a", "reason": "r", "since": since, "facts": kept[:-1] + ', "newer": 1}'}
    found = partners.of_row(row)
    assert found == replace(whole, state="stopped", author="a", reason="r", since=since)
    assert not found.active
    assert whole.active
    assert (found.local("0004", "OBS"), found.local("0004", "X"), found.uses("IN1"), found.uses("PID")) == ("O", "X", False, True)


# --- who opens what they say ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mine", "theirs", "opens"), [
    ((SUD, MH, FAR), (), True), ((SUD,), (), True), ((MH,), (), False), ((MH,), (MH,), True), ((MH,), (MH, FAR), False), ((MH, FAR), (MH, FAR), True), ((MH,), (SUD,), False), ((SUD,), (MH,), True), ((), (), False), ((), (MH,), False),
])  # fmt: skip
async def test_what_a_partner_sends_is_opened_by_who_works_wherever_it_may_belong(clinic: Clinic, mine: tuple[int, ...], theirs: tuple[int, ...], opens: bool) -> None:
    one = await access(clinic, "officer", programs=mine)
    assert messages.may_open(one, replace(LAB, programs=theirs)) is opens
    assert messages.may_open(one, None) is (SUD in mine), "of a partner who is no more"
    assert not messages.may_open(await access(clinic, "sys-sud", role="director"), LAB), "and whose role includes it"


async def test_what_became_of_a_message_is_opened_by_who_sees_all_of_it(clinic: Clinic) -> None:
    p, plain, hidden = await chart(clinic)
    other = (await clinic.make("sys-sud", patient())).id

    async def about(one: Access, result: Result) -> list[str] | None:
        return await messages._clients(one, "none", result)

    of_plain, of_hidden = Result(p, (f"Observation/{plain}",)), Result(p, (f"Observation/{plain}", f"Observation/{hidden}"))
    for who, sees in (("sud-clinician", [[], [p], [p], sorted([p, other])]), ("mh-clinician", [[], [p], None, None]), ("far-clinician", [[], None, None, None])):
        one = await access(clinic, who)
        assert [await about(one, result) for result in (Result(), of_plain, of_hidden, Result(other, (f"Observation/{plain}",)))] == sees, who
    clinician, theirs = await access(clinic, "both-clinician"), await access(clinic, "mh-clinician")
    assert await about(clinician, of_hidden) == [p]
    assert await about(clinician, Result(p, ("Observation/none",))) is None
    assert await about(await access(clinic, "biller"), of_plain) is None, "a type that their role does not include"
    assert await about(await access(clinic, "biller"), Result(p)) == [p]
    many = tuple(f"Observation/{plain}" for _ in range(250))
    assert await about(clinician, Result(p, many)) == [p]
    assert await about(theirs, Result(p, (*(f"Observation/n{n}" for n in range(120)), f"Observation/{plain}"))) is None
    assert [await about(one, Result(became=(f"Patient/{other}",))) for one in (clinician, theirs)] == [[other], None], "of a file, the clients of its records"
    assert [await about(one, Result(resources=(f"Observation/{plain}",))) for one in (clinician, theirs)] == [[p], [p]], "whom nobody had to choose"
