"""Rules of the exchange that need no database: labels of what came, errands that are sound, certificates that are pasted, what is kept in one commit."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sojourn.base import errors
from sojourn.gate import bases
from sojourn.gate.exchange import cds, directtrust, errands, keeping, received
from sojourn.gate.exchange.errands import Errand
from sojourn.gate.exchange.partners import Partner
from tests.wire import authorities as ca

AT = datetime(2026, 3, 1, tzinfo=UTC)
PART2 = {"system": bases.ACT_CODE, "code": "42CFRPart2"}
RESTRICTED = {"system": bases.CONFIDENTIALITY, "code": "R"}
TAG = {"system": received.SYSTEM, "code": "treatment"}
OTHER = {"system": "urn:x", "code": "y"}


def stamped(resource: dict[str, Any], **partner: Any) -> dict[str, Any]:
    return received.stamp(Partner("lab", "Lab", **partner))(resource)


def test_what_came_says_on_what_basis_and_under_which_law() -> None:
    """Types that programs share get no label: one that is there already would be hidden from those who wrote it."""
    observation = {"resourceType": "Observation", "status": "final"}
    assert stamped(observation) == {**observation, "meta": {"tag": [TAG]}}
    assert stamped(observation, part2=True)["meta"] == {"security": [PART2, RESTRICTED], "tag": [TAG]}
    assert stamped(observation, basis="consent")["meta"] == {"security": [PART2, RESTRICTED], "tag": [{**TAG, "code": "consent"}]}
    for shared in ("Patient", "RelatedPerson", "Coverage", "Account"):
        assert stamped({"resourceType": shared}, part2=True)["meta"] == {"tag": [TAG]}
    for listed in ("Organization", "Practitioner", "Location"):
        assert stamped({"resourceType": listed}, part2=True) == {"resourceType": listed}


def test_what_its_sender_wrote_stays_and_no_basis_that_they_say() -> None:
    sent = {"resourceType": "Observation", "meta": {"source": "urn:lab", "security": [OTHER, PART2], "tag": [OTHER, {**TAG, "code": "consent"}, "odd"]}}
    assert stamped(sent, part2=True)["meta"] == {"source": "urn:lab", "security": [OTHER, PART2, RESTRICTED], "tag": [OTHER, "odd", TAG]}
    assert stamped({**sent, "resourceType": "Patient"}, part2=True)["meta"]["security"] == [OTHER, PART2]
    assert stamped({"resourceType": "Observation", "meta": {"security": "x", "tag": {}}})["meta"] == {"security": "x", "tag": [TAG]}
    assert stamped({"resourceType": "Observation", "meta": "x"}) == {"resourceType": "Observation", "meta": "x"}, "it is refused as it came"


def test_the_basis_is_a_reason_where_it_is_known() -> None:
    (said,) = received.reason("consent")
    assert (said["coding"], said["text"].startswith("On the basis of: ")) == ([{"system": received.SYSTEM, "code": "consent"}], True)
    assert received.reason("unheard-of") == []


# --- errands ------------------------------------------------------------------------------------------------------------------------

KEY = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
ERRAND = Errand("e", "county", host="sftp.county.example", login="riverbend", known_by=KEY + " somebody@there")


@pytest.mark.parametrize("change", [
    {"host": ""}, {"host": "a b"}, {"host": "-x"}, {"host": "x."}, {"host": "a" * 253}, {"port": 0}, {"port": 65536}, {"login": " "}, {"way": "take"}, {"afterwards": "rename"}, {"every": 0}, {"every": 10_081}, {"folder": "a\0b"},
    {"folder": "x" * 501}, {"pattern": "a/b"}, {"pattern": "x" * 101}, {"known_by": ""}, {"known_by": "ssh-ed25519 AAAA"},
])  # fmt: skip
def test_an_errand_that_is_not_sound_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(errors.Malformed):
        errands.checked(replace(ERRAND, **change))


@pytest.mark.parametrize("change", [
    {}, {"host": "192.0.2.7"}, {"host": "2001:db8::1"}, {"host": "a"}, {"host": "a" * 252}, {"port": 1}, {"port": 65535}, {"way": "bring", "afterwards": "remove"}, {"every": 1}, {"every": 10_080}, {"folder": "x" * 500}, {"pattern": "x" * 100},
])  # fmt: skip
def test_an_errand_that_is_sound_stays_as_it_was_said(change: dict[str, Any]) -> None:
    assert errands.checked(replace(ERRAND, **change)) == replace(ERRAND, known_by=KEY, **change)


def test_what_is_kept_of_an_errand_is_read_again() -> None:
    assert (errands.checked(replace(ERRAND, folder="  ", pattern=" ")).folder, errands.checked(replace(ERRAND, folder="", pattern="")).pattern) == (".", "*")
    whole = replace(ERRAND, way="bring", port=2222, folder="/out", pattern="*.hl7", every=5, afterwards="remove", renamed=False)
    kept = errands.facts(replace(whole, state="stopped", reason="r", since=AT))
    assert errands.of_row({"errand": "e", "partner": "county", "facts": kept[:-1] + ', "newer": 1}'}) == whole
    assert (whole.active, replace(whole, state="stopped").active) == (True, False)


# --- certificates that somebody pasted ----------------------------------------------------------------------------------------------


def pem(holder: Any) -> str:
    return str(holder.certificate.public_bytes(Encoding.PEM).decode())


def test_certificates_are_read_out_of_what_was_pasted() -> None:
    one, two = ca.root(), ca.root("Other")
    listed = ca.revocations(one, 7).public_bytes(Encoding.PEM).decode()
    assert directtrust.read(f"Dear all,\n{pem(one)}\n{listed}{pem(two)} Regards") == [one.certificate, two.certificate]
    for text in ("", "Dear all", listed, pem(one).replace("MII", "!!!", 1), pem(one)[:-20], " " * 200_000 + pem(one)):
        with pytest.raises(errors.Malformed):
            directtrust.read(text)
    body, print_, name, until = directtrust._one(pem(one))
    assert (body, len(print_), name, until) == (pem(one), 64, one.certificate.subject.rfc4514_string(), one.certificate.not_valid_after_utc)
    with pytest.raises(errors.Malformed, match="one certificate at a time"):
        directtrust._one(pem(one) + pem(two))


def test_a_revocation_list_says_until_when_it_is_good() -> None:
    root = ca.root()
    made = ca.revocations(root, 7)
    body, print_, name, until = directtrust._list(f"  {made.public_bytes(Encoding.PEM).decode()} ")
    assert (body, len(print_), name, until) == (made.public_bytes(Encoding.PEM).decode(), 64, root.certificate.subject.rfc4514_string(), made.next_update_utc)
    for text in ("", pem(root)):
        with pytest.raises(errors.Malformed):
            directtrust._list(text)


# --- what is kept in one commit -------------------------------------------------------------------------------------------------------


def groups(*came: tuple[int, str, int]) -> list[list[str]]:
    """Of (organization, control, bytes) what is written together, one group after the other."""
    keeper = keeping.Keeper(SimpleNamespace())  # type: ignore[arg-type]
    nobody: Any = None
    keeper._waiting = [keeping._Waiting(tenant, (f"m{n}", "lab", "hl7v2", "in", control, b"", "", "", b"", size, b"", False), size, nobody) for n, (tenant, control, size) in enumerate(came)]
    found = []
    while group := keeper._group():
        found.append([str(w.row[0]) for w in group])
    return found


def test_messages_of_one_organization_are_kept_together_none_twice_and_not_too_many() -> None:
    assert groups() == []
    assert groups((1, "a", 1), (2, "b", 1), (1, "c", 1)) == [["m0", "m2"], ["m1"]]
    assert groups((1, "a", 1), (1, "a", 1), (1, "b", 1)) == [["m0", "m2"], ["m1"]]
    half = 4 << 20
    assert groups((1, "a", half), (1, "b", half), (1, "c", 1)) == [["m0", "m1"], ["m2"]]
    assert groups((1, "a", 3 * half), (1, "b", 1)) == [["m0"], ["m1"]], "one that is larger goes alone"
    assert [len(g) for g in groups(*((1, str(n), 1) for n in range(65)))] == [64, 1]


# --- services of partners that are asked ------------------------------------------------------------------------------------------------

LISTED = {"services": [{"id": id_, "hook": hook, "title": id_, "description": "d", "prefetch": {}} for id_, hook in (("view", "patient-view"), ("sign", "order-sign"), ("other", "patient-view"))]}
CALLING = cds.found(cds.Calling("https://advice.example/cds-services", services=("view", "sign", "gone")), LISTED, AT)
ADVICE = Partner("a", "Advice", door="cds", organization="Organization/a", agreed={"kind": "participation", "gives": "treatment"})


def test_what_is_listed_no_more_is_asked_no_more() -> None:
    found = cds.found(cds.Calling("https://advice.example/cds-services", services=("view", "sign", "gone")), LISTED, AT)
    assert (found.services, found.discovered, [s.id for s in found.listed]) == (("view", "sign"), AT.isoformat(), ["view", "sign", "other"])
    assert [[s.id for s in CALLING.at(hook)] for hook in ("patient-view", "order-sign", "x")] == [["view"], ["sign"], []]
    for said in ({}, {"services": []}, {"services": [{"id": "x", "hook": "unheard-of"}]}, "x"):
        with pytest.raises(errors.Malformed):
            cds.found(CALLING, said, AT)
    assert cds.of({**json.loads(json.dumps(cds.facts(found))), "newer": 1}) == found
    assert cds.of({}) == cds.Calling()


@pytest.mark.parametrize(("calling", "partner"), [
    ({"discovery": "http://x/y"}, {}), ({"discovery": "https://x/cds-services?a=b"}, {}), ({"discovery": "https://x/other"}, {}), ({"discovery": "nowhere"}, {}), ({"services": ("gone",)}, {}), ({"purpose": "HMARKT"}, {}),
    ({"seconds": 0}, {}), ({"seconds": 11}, {}), ({}, {"organization": ""}), ({}, {"agreed": {}}),
])  # fmt: skip
def test_services_that_are_not_sound_are_refused(calling: dict[str, Any], partner: dict[str, Any]) -> None:
    with pytest.raises(errors.Malformed):
        cds.checked(replace(CALLING, **calling), replace(ADVICE, **partner))


@pytest.mark.parametrize(("calling", "partner"), [
    ({}, {}), ({"discovery": ""}, {}), ({"services": ()}, {"organization": "", "agreed": {}}), ({"seconds": 1}, {}), ({"seconds": 10}, {}),
])  # fmt: skip
def test_services_that_are_sound_stay_as_they_were_said(calling: dict[str, Any], partner: dict[str, Any]) -> None:
    said = replace(CALLING, **calling)
    assert cds.checked(said, replace(ADVICE, **partner)) == said
    assert cds.checked(replace(said, discovery="https://x/cds-services/"), replace(ADVICE, **partner)).discovery == "https://x/cds-services"
