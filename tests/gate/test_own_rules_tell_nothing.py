"""Rules of an organization's own, and what somebody writes, tell nothing of what is hidden beside it: the same with and without a hidden part."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given

from sojourn.base import clock
from sojourn.fhir import codec
from sojourn.gate import bases, labels
from sojourn.gate.labelrules import OwnCode, made_of
from sojourn.gate.redact import redact
from sojourn.gate.visible import is_whole
from sojourn.record import index, labelling
from tests.effort import trying
from tests.gate.test_inheriting import on
from tests.gate.test_labeljob import law
from tests.gate.test_labels_tell_nothing import ACT, ICD, edited, looked
from tests.gate.test_redact import RANDOMS, bytes_or_none
from tests.gate.worlds import PERMITTED, Worlds
from tests.people import A, Clinic, encounter, labelled, observation, patient

OURS = "http://example.org/local"
CONFIDENTIAL = bases.CONFIDENTIALITY
WHO = pytest.mark.parametrize("who", ["mh-clinician", "both-clinician"])


def coded(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


WORDS: dict[str, Any] = {"text": "x"}


def apart(part: dict[str, Any], *codes: str) -> dict[str, Any]:
    """A part that is labelled, as a note kept apart unless something else is named."""
    for code in codes or ("PSYTHPN",):
        part = {**part, "extension": [*part.get("extension", ()), *labelled({}, code)["extension"]]}
    return {"interpretation": [part]}


async def own_code(clinic: Clinic, code: str, tag: str) -> None:
    await labelling.add_code(clinic.gate.house.db, A, OURS, code, prefix=False, tags=[tag], source="our own list", account="officer", now=clock.now())
    await clinic.gate.reload()


async def stay(clinic: Clinic) -> str:
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(p))
    return p


async def sent(clinic: Clinic, who: str, id_: str, *security: Any) -> int:
    """The status of a change that puts these labels on the whole, and on nothing else."""
    seen = (await clinic.get(who, f"Observation/{id_}")).json()
    return (await clinic.put(who, {**seen, "meta": {"security": list(security)}, "language": "fr"})).status


@WHO
async def test_a_subject_by_an_own_code_is_shown_alike_whatever_is_hidden(clinic: Clinic, who: str) -> None:
    await own_code(clinic, "HARM", "SUD")
    await own_code(clinic, "FEAR", "MH")
    p = await stay(clinic)
    visible = {"code": {"coding": [{"system": OURS, "code": "FEAR"}], "text": "x"}}
    shown = []
    for more in (apart(coded(OURS, "HARM")), apart(coded(OURS, "FEAR")), apart(WORDS), {}):
        o = (await clinic.make("sys-mh", observation(p, 72, **visible, **more))).id
        first = [await looked(clinic, who, "Observation", o, code) for code in ("SUD", "MH")]
        await edited(clinic, who, "Observation", o)
        shown.append((first, [await looked(clinic, who, "Observation", o, code) for code in ("SUD", "MH")]))
    assert shown[0] == shown[1] == shown[2] == shown[3]
    assert [c["code"] for c in shown[0][0][0][0]] == ["N", "MH"]


@WHO
@pytest.mark.parametrize("own", [False, True])
async def test_a_law_of_the_state_by_a_code_in_a_hidden_part_is_on_that_part_alone(clinic: Clinic, who: str, *, own: bool) -> None:
    """own: by a code of the organization's own."""
    await law(clinic, "HIV", "hiv")
    await own_code(clinic, "VIRUS", "HIV")
    p = await stay(clinic)
    part = coded(OURS, "VIRUS") if own else coded(ICD, "B20")
    shown = []
    for more in (apart(part), apart(WORDS), {}):
        o = (await clinic.make("sys-mh", observation(p, 72, **more))).id
        first = await looked(clinic, who, "Observation", o, "HIV")
        await edited(clinic, who, "Observation", o)
        shown.append((first, await looked(clinic, who, "Observation", o, "HIV")))
    assert shown[0] == shown[1] == shown[2]
    row = await clinic.owner.fetchrow("SELECT own, parts, tags FROM record.resource WHERE type = 'Observation' AND parts & 32 <> 0")
    assert row is not None
    assert (row["own"], row["parts"], row["tags"]) == (0, bases.PSYCHOTHERAPY | 32, [])


async def test_what_hangs_on_a_visit_gets_no_law_from_a_hidden_part_of_it(clinic: Clinic) -> None:
    await law(clinic, "HIV", "hiv")
    p = await stay(clinic)
    shown = []
    for hidden in ([labelled({"coding": [{"system": ICD, "code": "B20"}]}, "PSYTHPN")], []):
        visit = (await clinic.make("sys-mh", encounter(p, **({"reasonCode": hidden} if hidden else {})))).id
        o = (await clinic.make("sys-mh", observation(p, 72, **on(visit)))).id
        shown.append(await looked(clinic, "both-clinician", "Observation", o, "HIV"))
    assert shown[0] == shown[1]
    assert [c["code"] for c in shown[0][0]] == ["N"]


async def test_a_prescription_gets_no_subject_from_a_hidden_part_of_its_medication(clinic: Clinic) -> None:
    p = await stay(clinic)
    hidden = {"ingredient": [labelled({"itemCodeableConcept": {"coding": [{"system": ICD, "code": "F11.20"}]}}, "PSYTHPN")]}
    shown = []
    for more in (hidden, {}):
        drug = (await clinic.make("sys-mh", {"resourceType": "Medication", "code": {"text": "a drug"}, **more})).id
        order = {"resourceType": "MedicationRequest", "status": "active", "intent": "order", "subject": {"reference": f"Patient/{p}"}, "medicationReference": {"reference": f"Medication/{drug}"}}
        o = (await clinic.make("sys-mh", order)).id
        shown.append(await looked(clinic, "both-clinician", "MedicationRequest", o, "SUD"))
    assert shown[0] == shown[1]


@WHO
async def test_a_hidden_primitive_finds_nothing_by_the_label_that_stands_beside_it(clinic: Clinic, who: str) -> None:
    p = await stay(clinic)
    shown = []
    for more in ({"issued": "2026-02-01T10:00:00Z", "_issued": labelled({}, "PSYTHPN")}, {}):
        o = (await clinic.make("sys-mh", observation(p, 72, **more))).id
        shown.append((await looked(clinic, who, "Observation", o, "PROCESSINLINELABEL"), await looked(clinic, who, "Observation", o, "PSYTHPN")))
    assert shown[0] == shown[1]
    assert shown[0][0][1] == [0, 0, 1]


SAID: dict[str, list[Any]] = {
    "subject": [{"system": ACT, "code": "SUD"}],
    "law": [{"system": ACT, "code": "PRS"}],
    "law, and that parts are labelled": [{"system": ACT, "code": "PRS"}, bases.PROCESS_INLINE],
    "law and subject": [{"system": ACT, "code": "HIV"}],
    "restricted": [{"system": CONFIDENTIAL, "code": "R"}],
    "very restricted": [{"system": CONFIDENTIAL, "code": "V"}],
    "two": [{"system": ACT, "code": "HIV"}, {"system": ACT, "code": "SUD"}],
}


@WHO
@pytest.mark.parametrize("what", SAID)
async def test_what_becomes_of_a_label_that_somebody_sends_tells_nothing(clinic: Clinic, who: str, what: str) -> None:
    """Beside a hidden part with the same label or the same code, which its writer also said of the whole, as DS4P would have it; beside another; beside none."""
    p = await stay(clinic)
    visible = {"code": {"coding": [{"system": ICD, "code": "F32.1"}], "text": "x"}}
    repeated = {"meta": {"security": [{"system": CONFIDENTIAL, "code": "R"}, {"system": ACT, "code": "SUD"}, bases.PROCESS_INLINE]}}
    shown = []
    for more in (
        {**apart(coded(ICD, "F11.20"), "PSYTHPN"), **repeated},
        {**apart(coded(ICD, "F11.20"), "PSYTHPN", "PRS"), "meta": {"security": [*repeated["meta"]["security"], {"system": ACT, "code": "PRS"}]}},
        apart(coded(ICD, "B20")), apart(WORDS), {},
    ):  # fmt: skip
        o = (await clinic.make("sys-mh", observation(p, 72, **visible, **more))).id
        status = await sent(clinic, who, o, *SAID[what])
        found = [len((await clinic.get(who, f"Observation?_id={o}&_security={c}")).ids) for c in ("SUD", "HIV", "PRS", "MH", "R", "V", "N")]
        again = await clinic.get(who, f"Observation/{o}")
        shown.append((status, found, again.status, again.json().get("meta", {}).get("security")))
    assert shown[0] == shown[1] == shown[2] == shown[3] == shown[4]


@WHO
async def test_the_strictest_label_of_the_whole_is_shown_alike_whatever_is_hidden(clinic: Clinic, who: str) -> None:
    p = await stay(clinic)
    strict = {"meta": {"security": [{"system": CONFIDENTIAL, "code": "V"}, labels.decided("HIV")]}}
    shown = []
    for more in (apart(WORDS), {}):
        o = (await clinic.make("sys-mh", observation(p, 72, **strict, **more))).id
        shown.append(await looked(clinic, who, "Observation", o, "V"))
    assert shown[0] == shown[1]
    if who == "both-clinician":
        assert [c["code"] for c in shown[0][0]] == ["V", "HIV"]


@pytest.mark.parametrize("lacking", [{"component": [{"valueString": "no code"}]}, {"code": None}, {"component": [{"id": "a"}]}])
async def test_what_lacks_a_required_element_is_shown_alike_whatever_is_hidden(clinic: Clinic, lacking: dict[str, Any]) -> None:
    """Imported records may lack one. To whom everything but notes is shown, it stays as it is beside a part of a note, too."""
    p = await stay(clinic)
    shown = []
    for hidden in ({"note": [labelled({"text": "x"}, "PSYTHPN")]}, {}):
        o = (await clinic.make("sys-mh", observation(p, 72, **hidden))).id
        body = bytes(await clinic.owner.fetchval("SELECT body FROM record.resource WHERE type = 'Observation' AND id = $1", o))
        stored = {k: v for k, v in {**codec.loads(body), **lacking}.items() if v is not None}
        await clinic.owner.execute("UPDATE record.resource SET body = $2 WHERE type = 'Observation' AND id = $1", o, codec.dumps(stored))
        seen = []
        for who in ("both-clinician", "mh-clinician"):
            reply = await clinic.get(who, f"Observation/{o}")
            seen.append((reply.status, {k: v for k, v in reply.json().items() if k not in ("id", "meta")} if reply.status == 200 else None))
        shown.append(seen)
    assert shown[0] == shown[1]


RULES = made_of(
    [OwnCode(OURS, f"{word}{n}", True, (tag,)) for word in ("v", "secret") for n, tag in ((1, "HIV"), (2, "SUD"), (3, "MH"), (4, "SDV"))],
    [("HIV", "hiv"), ("SDV", "violence")],
)


def in_our_system(value: Any) -> Any:
    """The same with every code in the system of our own codes, but for one that is itself a labelled primitive: its law stands on the whole (docs/labels.md)."""
    if isinstance(value, list):
        return [in_our_system(item) for item in value]
    if not isinstance(value, dict):
        return value
    ours = value.keys() >= {"system", "code"} and not value.keys() & {"_system", "_code"} and value["system"] != bases.ACT_CODE
    return {k: OURS if ours and k == "system" else in_our_system(v) for k, v in value.items()}


@trying(300)
@given(RANDOMS)
def test_labels_and_search_keys_follow_from_what_is_left_by_any_rules(random: Random) -> None:
    """Two worlds made together, with codes that give subjects, and subjects under laws, in what is hidden and beside it."""
    worlds = Worlds(random)
    a, b = map(in_our_system, worlds.resource())
    if worlds.targets:
        return
    known = []
    for resource in (a, b):
        label = labels.label(resource, [], RULES)
        stored = {**resource, "meta": {"security": label.security}}
        # What says nothing but its label stays for whom rows are served as stored; where the other world has such a thing, it was never one that may be.
        ways = (True, False) if is_whole(b, b["resourceType"]) else (True,)
        seen = [redact(stored, permitted=PERMITTED, hidden=set(), strip=strip, rules=RULES) for strip in ways]
        rest = index.without(stored, [path for path, _ in labels.labelled_elements(stored, RULES)])
        known.append((label.own, label.tags, labels.findable(resource, rest, [], RULES), *map(bytes_or_none, seen)))
    if None not in known[0][3:]:
        assert known[0] == known[1]
