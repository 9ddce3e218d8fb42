"""The rows of consents are a copy: dropped and compiled anew from the Consents they are the same."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sojourn.base import clock
from sojourn.gate.consenting import terms
from sojourn.gate.consenting.rebuilding import Rebuilt, rebuild
from tests.effort import trying
from tests.people import A, Clinic, consent, encounter, patient

ROWS = (
    "SELECT patient, consent, effect, basis, recipient, purposes, action, programs, types, codes, data_from, data_to, resources, valid_from, valid_to "
    "FROM record.consent_grant WHERE known_to = 'infinity' AND tenant = 1"
)
RELATIONS = "SELECT patient, actor, kind, source, valid_from, valid_to FROM record.relation WHERE known_to = 'infinity' AND tenant = 1 AND kind = 'consent'"

KINDS = ("part2_tpo_single", "part2_specific", "part2_counseling_notes", "part2_proceedings", "part2_criminal_justice", "part2_central_registry", "hipaa_authorization",
         "patient_directive_deny", "hie_opt_out", "part2_director_payment", "treatment")  # fmt: skip
LABELS = ({"system": terms.ACT_CODE, "code": "42CFRPart2"}, {"system": terms.ACT_CODE, "code": "PSYTHPN"}, {"system": terms.ACT_CODE, "code": "HIV"},
          {"system": "https://sojourn.example/fhir/CodeSystem/sensitivity", "code": "SUDCN"})  # fmt: skip
DAYS = st.sampled_from(("2025-06-01", "2026-01-15", "2026-03-01T12:00:00Z", "2030-01-01"))


def actors() -> st.SearchStrategy[dict[str, Any]]:
    def actor(reference: str, of_class: str, kind: str, through: bool, treating: bool) -> dict[str, Any]:  # noqa: FBT001
        extensions = [terms.extension(terms.RECIPIENT_KIND, valueCode=kind)] if kind else []
        extensions += [terms.extension(terms.RECIPIENT_CLASS, valueCode=of_class)] if of_class else []
        extensions += [terms.extension(terms.INTERMEDIARY, valueReference={"reference": "Organization/net"})] if through else []
        extensions += [terms.extension(terms.DESIGNATION, valueCode="treating")] if treating else []
        return {"extension": extensions, "role": {"text": "r"}, "reference": {"reference": reference}} if extensions else {"role": {"text": "r"}, "reference": {"reference": reference}}

    return st.builds(actor, st.sampled_from(("Organization/tpo", "Organization/net", "Practitioner/z")), st.sampled_from(("", "", "tpo", "health-plan")),
                     st.sampled_from(("", "health_plan", "criminal_justice_element", "central_registry")), st.booleans(), st.booleans())  # fmt: skip


@st.composite
def consents(draw: st.DrawFn) -> dict[str, Any]:
    """Any Consent that somebody may write: whole or lacking something, of any kind, ended or not."""
    made = consent("PATIENT", "tpo", kind=draw(st.sampled_from(KINDS)), purposes=draw(st.lists(st.sampled_from(("TREAT", "HPAYMT", "HOPERAT", "HLEGAL", "HRESCH", "PATRQT", "FUNDRAISE")), unique=True, min_size=1)),
                   status=draw(st.sampled_from(("active", "active", "active", "draft", "inactive", "rejected"))))  # fmt: skip
    provision = made["provision"]
    provision["type"] = draw(st.sampled_from(("permit", "permit", "deny")))
    provision["actor"] = draw(st.lists(actors(), min_size=1, max_size=3))
    provision["securityLabel"] = draw(st.lists(st.sampled_from(LABELS), min_size=1, max_size=2, unique_by=str))
    if draw(st.booleans()):
        provision["class"] = [{"system": "http://hl7.org/fhir/resource-types", "code": c} for c in draw(st.lists(st.sampled_from(("Observation", "Condition", "Encounter")), min_size=1, unique=True))]
    if draw(st.booleans()):
        provision["dataPeriod"] = {"start": draw(DAYS)}
    if draw(st.booleans()):
        provision["code"] = [{"coding": [{"system": "http://loinc.org", "code": "8867-4"}]}]
    if draw(st.booleans()):
        provision["period"] = {"end": draw(DAYS)}
    if draw(st.booleans()):
        provision["provision"] = [{"type": "deny", "purpose": [{"system": terms.ACT_REASON, "code": "HPAYMT"}]}]
    made["organization"] = [{"reference": draw(st.sampled_from(("Organization/sud", "Organization/mh", "Organization/elsewhere")))}]
    added: dict[str, Any] = {}
    for name, value in ((terms.ENDED_AT, {"valueDateTime": draw(DAYS)}), (terms.EVENT_OCCURRED, {"valueDateTime": draw(DAYS)}), (terms.EXPIRY_EVENT, {"valueCode": "end-of-treatment"}),
                        (terms.COMBINED, {"valueCode": "part2_specific"}), (terms.GROUNDS, {"valueCode": "self_pay"}), ("part2-stmt-revocation", None)):  # fmt: skip
        if draw(st.integers(0, 4)) == 0:
            added[name] = value
    made = terms.with_values(made, added)
    for element in ("performer", "dateTime", "organization"):
        if draw(st.integers(0, 9)) == 0:
            del made[element]
    return made


async def again(clinic: Clinic) -> Rebuilt:
    return await rebuild(clinic.owner, clinic.gate.house.tenants[A], clinic.gate.house.rules[A].programs, clinic.gate.house.blobs, clock.now())


async def open_rows(clinic: Clinic) -> list[list[str]]:
    return [sorted(repr(tuple(row)) for row in await clinic.owner.fetch(query)) for query in (ROWS, RELATIONS)]


async def test_rows_dropped_and_rebuilt_from_any_consents_are_the_same(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(p))
    found: list[dict[str, Any]] = []

    @trying(60)
    @given(consents())
    def gather(made: dict[str, Any]) -> None:
        found.append(made)

    gather()
    for made in found:
        made["patient"] = {"reference": f"Patient/{p}"}
        assert (await clinic.ask("sys-sud", "POST", "Consent", made)).status == 201
    before = await open_rows(clinic)
    said = await clinic.owner.fetchval("SELECT sum(cardinality(purposes)) FROM record.consent_grant WHERE known_to = 'infinity'")
    assert said > len(found) // 4, "hardly any of them permits or forbids anything"
    assert await again(clinic) == Rebuilt(len(found), 0, 0)
    await clinic.owner.execute("DELETE FROM record.consent_grant")
    await clinic.owner.execute("DELETE FROM record.relation WHERE kind = 'consent'")
    await again(clinic)
    assert await open_rows(clinic) == before


async def test_a_row_that_no_consent_stands_behind_is_closed_and_kept(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(p))
    made = await clinic.make("sys-sud", consent(p, "tpo"))
    await clinic.owner.execute("UPDATE record.consent_grant SET recipient = 'Organization/stranger' WHERE consent = $1 AND 'TREAT' = ANY (purposes)", made.id)
    done = await again(clinic)
    assert (done.consents, done.closed, done.added) == (1, 1, 1)
    closed = await clinic.owner.fetchval("SELECT count(*) FROM record.consent_grant WHERE recipient = 'Organization/stranger' AND known_to < $1", clock.now() + timedelta(minutes=1))
    assert closed == 1
