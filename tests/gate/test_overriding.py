"""Staff put labels on, only the privacy officer takes them off; decisions are dated, and labelling again respects them."""

from __future__ import annotations

from typing import Any

import pytest

from sojourn.base import errors
from sojourn.gate import bases, overriding
from sojourn.gate.access import Access
from tests.gate.test_inheriting import ACT, on, own, security, under
from tests.people import Clinic, consent, encounter, observation, patient

HIV, GENETIC = bases.bit_of("HIV"), bases.bit_of("GDIS")


async def access(clinic: Clinic, who: str) -> Access:
    made = await clinic.gate.access(clinic.tokens[who])
    assert made is not None
    return made


async def decide(clinic: Clinic, who: str, effect: str, type_: str, id_: str, *codes: str, reason: str = "asked by the patient") -> None:
    await (await access(clinic, who)).relabel(type_, id_, effect, codes, reason)


async def test_staff_raise_a_label_and_it_acts_at_once_on_every_version_and_on_what_hangs_on_it(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    e = (await clinic.make("sys-mh", encounter(p))).json()
    assert (await clinic.put("sys-mh", {**e, "language": "en"})).status == 200
    hanging = (await clinic.make("sys-mh", observation(p, **on(e["id"])))).id
    before = await clinic.get("both-clinician", f"Encounter/{e['id']}")
    await decide(clinic, "mh-clinician", "raise", "Encounter", e["id"], "HIV")
    assert await own(clinic, "Encounter", e["id"]) == HIV
    assert await own(clinic, "Observation", hanging) == HIV
    rows = await clinic.owner.fetch("SELECT own, body FROM record.version WHERE type = 'Encounter' AND id = $1", e["id"])
    assert [row["own"] for row in rows] == [HIV, HIV]
    assert all(b'"HIV"' in row["body"] for row in rows)
    after = await clinic.get("both-clinician", f"Encounter/{e['id']}")
    assert after.version == before.version
    assert after.json()["meta"]["lastUpdated"] == before.json()["meta"]["lastUpdated"]
    assert security(after.json()) == ["R", "HIV"]
    kept = await clinic.owner.fetchrow("SELECT * FROM record.label_change l JOIN record.version v USING (tenant, seq) WHERE v.id = $1 AND l.reason LIKE 'raise%' ORDER BY l.seq DESC", e["id"])
    assert kept["reason"] == "raise HIV: asked by the patient"
    assert (kept["own_before"], kept["own_after"]) == (0, HIV)


@pytest.mark.parametrize("who", ["mh-clinician", "technician", "biller", "sys-mh"])
async def test_only_the_privacy_officer_lowers_a_label(clinic: Clinic, who: str) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    made = (await clinic.make("sys-mh", observation(p, **under("HIV")))).id
    with pytest.raises(errors.Forbidden):
        await decide(clinic, who, "lower", "Observation", made, "HIV")
    assert await own(clinic, "Observation", made) == HIV
    denied = await clinic.owner.fetch("SELECT * FROM record.audit WHERE action = 'label' AND outcome = 'denied'")
    assert len(denied) == 1
    await decide(clinic, "officer", "lower", "Observation", made, "HIV", reason="filed in error")
    assert await own(clinic, "Observation", made) == 0
    assert security((await clinic.get("both-clinician", f"Observation/{made}")).json()) == ["N"]
    row = await clinic.owner.fetchrow("SELECT * FROM record.label_override")
    assert (row["effect"], row["codes"], row["reason"], row["account"], row["role"]) == ("lower", ["HIV"], "filed in error", "officer", "privacy-officer")


async def test_a_lowered_label_stays_lowered_when_its_editor_echoes_or_omits_and_falls_from_what_hangs_on_it(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    e = (await clinic.make("sys-mh", encounter(p, **under("HIV")))).json()
    made = (await clinic.make("sys-mh", observation(p, **on(e["id"])))).json()
    await decide(clinic, "officer", "lower", "Observation", made["id"], "HIV")
    assert await own(clinic, "Observation", made["id"]) == 0
    for body in ({**made, "language": "en"}, {k: v for k, v in made.items() if k != "meta"} | {"language": "fr"}):
        assert (await clinic.put("both-clinician", body)).status == 200
        assert await own(clinic, "Observation", made["id"]) == 0
    await decide(clinic, "mh-clinician", "raise", "Observation", made["id"], "HIV")  # the newer decision holds
    assert await own(clinic, "Observation", made["id"]) == HIV
    ended = await clinic.owner.fetch("SELECT * FROM record.label_override WHERE known_to = 'infinity' AND ended_by IS NOT NULL")
    assert [(row["effect"], row["ended_by"]) for row in ended] == [("lower", "mh-clinician")]


async def test_a_raised_label_stays_whatever_an_editor_sends(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    made = (await clinic.make("sys-mh", observation(p))).json()
    await decide(clinic, "mh-clinician", "raise", "Observation", made["id"], "GDIS", "MH")
    for body in ({**made, "language": "en"}, {k: v for k, v in made.items() if k != "meta"}):
        assert (await clinic.put("both-clinician", body)).status == 200
        assert await own(clinic, "Observation", made["id"]) == GENETIC | bases.bit_of("MH")


async def test_the_law_of_a_part_2_program_cannot_be_taken_off_a_record(clinic: Clinic) -> None:
    p = (await clinic.make("sys-sud", patient())).id
    made = (await clinic.make("sys-sud", observation(p))).id
    with pytest.raises(errors.Invalid, match="Part 2 program"):
        await decide(clinic, "officer", "lower", "Observation", made, "42CFRPart2")
    claimed = (await clinic.make("sys-mh", observation(p, **under("42CFRPart2")))).id  # a claim of its sender is another matter
    await decide(clinic, "officer", "lower", "Observation", claimed, "42CFRPart2")
    assert await own(clinic, "Observation", claimed) == 0


@pytest.mark.parametrize(
    ("effect", "codes", "reason"),
    [("raise", ("NOSUCH",), "x"), ("raise", (), "x"), ("raise", ("",), "x"), ("raise", ("HIV",), " "), ("drop", ("HIV",), "x")],
)
async def test_what_is_no_decision_is_refused(clinic: Clinic, effect: str, codes: tuple[str, ...], reason: str) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    made = (await clinic.make("sys-mh", observation(p))).id
    with pytest.raises((errors.Invalid, errors.Forbidden)):
        await decide(clinic, "officer", effect, "Observation", made, *codes, reason=reason)
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.label_override") == 0


async def test_what_may_not_be_seen_answers_as_what_is_not_there(clinic: Clinic) -> None:
    p = (await clinic.make("sys-sud", patient())).id
    made = (await clinic.make("sys-sud", observation(p))).id
    said = []
    for id_ in (made, "nothing"):
        with pytest.raises(errors.NotFound) as found:
            await decide(clinic, "mh-clinician", "raise", "Observation", id_, "HIV")
        said.append(str(found.value))
    assert said[0] == said[1]


async def test_a_raise_acts_on_the_next_question_of_who_may_not_have_it(clinic: Clinic) -> None:
    p = (await clinic.make("sys-sud", patient())).id
    await clinic.make("sys-sud", consent(p, "tpo"))
    e = (await clinic.make("sys-sud", encounter(p))).id
    made = (await clinic.make("sys-sud", observation(p, **on(e)))).id
    assert (await clinic.get("tpo", f"Observation/{made}")).status == 200
    await decide(clinic, "sud-clinician", "raise", "Encounter", e, "HIV")
    unknown = await clinic.get("tpo", "Observation/nothing")
    for url in (f"Observation/{made}", f"Encounter/{e}", f"Observation/{made}/_history"):
        reply = await clinic.get("tpo", url)
        assert reply.status == unknown.status, url
    assert (await clinic.get("tpo", f"Observation?patient=Patient/{p}&_total=accurate")).json()["total"] == 0


async def test_relabelling_keeps_the_laws_of_parts_that_a_resource_cannot_do_without(clinic: Clinic) -> None:
    """A required element under a law of its own puts the whole under it; a new label of the whole must not lose that."""
    p = (await clinic.make("sys-mh", patient())).id
    inline = {"extension": [{"url": "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label",
                             "valueCoding": {"system": ACT, "code": "HIV"}}]}  # fmt: skip
    body: dict[str, Any] = observation(p)
    body["code"] = {**inline, **body["code"]}
    made = (await clinic.make("sys-mh", body)).id
    assert await own(clinic, "Observation", made) == HIV
    await decide(clinic, "mh-clinician", "raise", "Observation", made, "GDIS")
    assert await own(clinic, "Observation", made) == HIV | GENETIC
    await decide(clinic, "officer", "lower", "Observation", made, "GDIS")
    assert await own(clinic, "Observation", made) == HIV
    # A patient whom another program admits is relabelled too.
    telling = patient(birthDate=None, extension=[])
    telling = {k: v for k, v in telling.items() if v}
    link = [{"other": {**inline, "reference": f"Patient/{p}"}, "type": "seealso"}]
    q = (await clinic.make("sys-sud", {**telling, "link": link})).id
    assert await own(clinic, "Patient", q) == bases.PART2
    await clinic.make("sys-mh", encounter(q))
    assert await own(clinic, "Patient", q) == 0
    assert await clinic.owner.fetchval("SELECT parts FROM record.resource WHERE id = $1", q) == HIV


async def test_a_subject_is_put_on_and_taken_off_as_a_law_is_and_is_none(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    made = (await clinic.make("sys-mh", observation(p))).id
    await decide(clinic, "mh-clinician", "raise", "Observation", made, "SUD")
    assert await own(clinic, "Observation", made) == 0
    assert security((await clinic.get("both-clinician", f"Observation/{made}")).json()) == ["N", "SUD"]
    assert (await clinic.get("both-clinician", f"Observation?patient={p}&_security={ACT}|SUD")).ids == [made]
    await decide(clinic, "officer", "lower", "Observation", made, "SUD")
    assert security((await clinic.get("both-clinician", f"Observation/{made}")).json()) == ["N"]


async def test_the_law_of_a_program_may_be_said_of_what_it_made_once_more(clinic: Clinic) -> None:
    p = (await clinic.make("sys-sud", patient())).id
    made = (await clinic.make("sys-sud", observation(p))).id
    await decide(clinic, "sud-clinician", "raise", "Observation", made, "42CFRPart2", "HIV")
    assert await own(clinic, "Observation", made) == bases.PART2 | HIV
    await decide(clinic, "officer", "lower", "Observation", made, "HIV")
    assert await own(clinic, "Observation", made) == bases.PART2


@pytest.mark.parametrize(
    ("who", "type_", "words"),
    [("biller", "Observation", "does not include"), ("technician", "Encounter", "does not include"), ("technician", "Observation", "")],
)
async def test_who_may_not_change_it_puts_no_label_on_it(clinic: Clinic, who: str, type_: str, words: str) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    made = (await clinic.make("sys-mh", observation(p) if type_ == "Observation" else encounter(p))).id
    if not words:
        return await decide(clinic, who, "raise", type_, made, "HIV")
    with pytest.raises(errors.Forbidden, match=words):
        await decide(clinic, who, "raise", type_, made, "HIV")
    with pytest.raises(errors.Forbidden, match="Only the privacy officer"):
        await decide(clinic, who, "lower", type_, made, "HIV")
    assert await own(clinic, type_, made) == 0
    denied = await clinic.owner.fetch("SELECT outcome FROM record.audit WHERE action = 'label'")
    assert [row["outcome"] for row in denied] == ["denied", "denied"]
    return None


async def test_a_label_covers_the_time_in_which_it_was_deleted_too(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    made = (await clinic.make("sys-mh", observation(p))).json()
    assert (await clinic.ask("sys-mh", "DELETE", f"Observation/{made['id']}")).status in (200, 204)
    assert (await clinic.put("sys-mh", made)).status in (200, 201)
    await decide(clinic, "mh-clinician", "raise", "Observation", made["id"], "HIV")
    rows = await clinic.owner.fetch("SELECT kind, own FROM record.version WHERE type = 'Observation' AND id = $1 ORDER BY seq", made["id"])
    assert [row["own"] for row in rows] == [HIV] * 3
    await decide(clinic, "officer", "lower", "Observation", made["id"], "HIV")
    rows = await clinic.owner.fetch("SELECT kind, own FROM record.version WHERE type = 'Observation' AND id = $1 ORDER BY seq", made["id"])
    assert [row["own"] for row in rows] == [0, HIV, 0], "that of a deletion only rises"


async def test_a_decision_is_told_of_the_present_always_and_of_the_past_where_its_label_changes(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    made = (await clinic.make("sys-mh", observation(p))).json()
    assert (await clinic.put("sys-mh", {**made, "language": "en"})).status == 200
    for reason, versions in (("first", 2), ("second", 1)):
        await decide(clinic, "mh-clinician", "raise", "Observation", made["id"], "HIV", reason=reason)
        assert await clinic.owner.fetchval("SELECT count(*) FROM record.label_change WHERE reason = $1", f"raise HIV: {reason}") == versions


async def test_decisions_are_listed_newest_first_of_one_or_of_all_and_only_of_what_may_be_seen(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-sud", encounter(p))
    one, two = [(await clinic.make(who, observation(p))).id for who in ("sys-mh", "sys-sud")]
    await decide(clinic, "mh-clinician", "raise", "Observation", one, "HIV")
    await decide(clinic, "sud-clinician", "raise", "Observation", two, "HIV")
    officer, mine = await access(clinic, "officer"), await access(clinic, "mh-clinician")
    assert [row["id"] for row in await overriding.overrides(officer)] == [two, one]
    assert [row["id"] for row in await overriding.overrides(officer, of=("Observation", one))] == [one]
    assert [row["id"] for row in await overriding.overrides(mine)] == [one]
    assert await overriding.overrides(mine, of=("Observation", two)) == []
