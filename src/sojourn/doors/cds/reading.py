"""What a CDS client sends: a call of a hook, and what became of cards.

Whatever is sent beside it is passed over.

https://cds-hooks.hl7.org/2.0/#http-request_1, #feedback, https://cds-hooks.org/hooks/patient-view/, https://cds-hooks.org/hooks/order-sign/
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from uuid import UUID

from sojourn.base.errors import Malformed

PATIENT_VIEW, ORDER_SIGN = "patient-view", "order-sign"
MOST: Final = 100
"""Feedbacks in one message."""
IDENTIFIERS: Final = 5
"""Identifiers of a prefetched patient that are looked at."""
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}", re.ASCII).fullmatch
_USER = re.compile(r"(Practitioner|PractitionerRole|Patient|RelatedPerson)/[A-Za-z0-9\-.]{1,64}", re.ASCII).fullmatch
_STAFF = ("Practitioner/", "PractitionerRole/")
_REASON = re.compile(r"[a-z-]{1,32}", re.ASCII).fullmatch


class Call(NamedTuple):
    """A call of a hook. instance: of this call; user: who has the chart open, as their system calls them; patient: its id at the server `base`.

    identifiers, born: of the patient as their system knows them, where it sent them along.
    """

    hook: str
    instance: str
    user: str
    patient: str
    base: str
    identifiers: tuple[tuple[str, str], ...]
    born: str

    @property
    def for_staff(self) -> bool:
        """Whether somebody who gives care reads the cards; nobody else is shown any."""
        return self.user.startswith(_STAFF)


class Told(NamedTuple):
    """What became of a card. outcome: accepted or overridden; reason: a code, '' where none was given."""

    card: str
    outcome: str
    reason: str


def value(body: bytes) -> Mapping[str, Any]:
    """The JSON object of a body. Raises Malformed."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Malformed("Send a JSON object.")
    return found


def call(sent: Mapping[str, Any], hook: str) -> Call:
    """A call, read. hook: the one that the service is for. Raises Malformed."""
    if sent.get("hook") != hook:
        raise Malformed(f"This service is for the hook {hook}.")
    context = sent.get("context")
    if not isinstance(context, dict):
        raise Malformed("context is missing.")
    user, patient = str(context.get("userId", "")), str(context.get("patientId", "")).removeprefix("Patient/")
    if not _USER(user):
        raise Malformed("context.userId is a Practitioner/id, PractitionerRole/id, Patient/id or RelatedPerson/id.")
    if not _ID(patient):
        raise Malformed("context.patientId is the id of a Patient.")
    if hook == ORDER_SIGN:
        _drafts(context.get("draftOrders"), patient)
    base = sent.get("fhirServer", "")
    if not isinstance(base, str):
        raise Malformed("fhirServer is an address.")
    identifiers, born = _prefetched(sent.get("prefetch"))
    return Call(hook, _uuid(sent.get("hookInstance"), "hookInstance"), user, patient, base.rstrip("/"), identifiers, born)


def _drafts(bundle: object, patient: str) -> None:
    """Check that the orders are about the patient. Raises Malformed."""
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise Malformed("context.draftOrders is a Bundle.")
    entries = bundle.get("entry", [])
    for entry in entries if isinstance(entries, list) else []:
        resource = entry.get("resource") if isinstance(entry, dict) else None
        subject = (resource.get("subject") or resource.get("patient")) if isinstance(resource, dict) else None
        named = subject.get("reference") if isinstance(subject, dict) else None
        if named is not None and str(named).rpartition("Patient/")[2] != patient:
            raise Malformed("An order in context.draftOrders is about somebody else.")


def _prefetched(prefetch: object) -> tuple[tuple[tuple[str, str], ...], str]:
    """Identifiers (system, value) and day of birth of `prefetch.patient`."""
    person = prefetch.get("patient") if isinstance(prefetch, dict) else None
    if not isinstance(person, dict) or person.get("resourceType") != "Patient":
        return (), ""
    listed = person.get("identifier")
    found = [(str(i.get("system") or ""), str(i.get("value") or "")) for i in listed if isinstance(i, dict)] if isinstance(listed, list) else []
    good = [(s, v) for s, v in dict.fromkeys(found) if s and v and (s + v).isprintable() and len(s) + len(v) <= 300]  # noqa: PLR2004 - no identifier is longer
    return tuple(good[:IDENTIFIERS]), str(person.get("birthDate") or "")


def _uuid(sent: object, name: str) -> str:
    try:
        return str(UUID(str(sent)))
    except ValueError:
        raise Malformed(f"{name} is a UUID.") from None


def feedback(sent: Mapping[str, Any]) -> list[Told]:
    """What became of cards. What somebody wrote in their own words is not taken: it may be about anything. Raises Malformed."""
    listed = sent.get("feedback")
    if not isinstance(listed, list) or not 0 < len(listed) <= MOST:
        raise Malformed(f"feedback is a list of 1 to {MOST}.")
    found = []
    for one in listed:
        outcome = one.get("outcome") if isinstance(one, dict) else None
        if outcome not in ("accepted", "overridden"):
            raise Malformed("outcome is accepted or overridden.")
        given = one.get("overrideReason")
        reason = given.get("reason") if isinstance(given, dict) else None
        code = str(reason.get("code", "")) if isinstance(reason, dict) else ""
        found.append(Told(_uuid(one.get("card"), "card"), outcome, code if _REASON(code) else ""))
    return found
