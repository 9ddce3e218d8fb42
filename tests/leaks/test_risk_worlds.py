"""The risk path in two worlds: an episode of a Part 2 program changes no page and no answer of whoever may not see it.

The second world is the first one with the episode added, its chain run to the end, and a precaution put up.
"""

from __future__ import annotations

import pytest

from sojourn.care.measures import forms
from sojourn.care.measures.model import instruments
from sojourn.care.risk import precautions
from sojourn.gate import bases
from sojourn.record.database import Dsn
from tests.care.risky import DAY, cssrs, ward
from tests.leaks.drawn import same
from tests.people import BASE, MH, SUD, encounter
from tests.web.real import furnish
from tests.web.test_risk import visitor


async def test_a_hidden_episode_is_nowhere(database: Dsn) -> None:
    async with ward(database, at=DAY, program=SUD) as sud:
        await furnish(sud.clinic)
        await sud.clinic.make("sys-mh", encounter(sud.client))
        away = await visitor(sud, "mh-clinician")
        paths = ("/today", "/risk", f"/patients/{sud.client}/risk", f"/patients/{sud.client}", f"/patients/{sud.client}/risk/plan", "/patients/nobody/risk")
        before = [(r.status_code, same(r.text)) for r in [await away.get(path) for path in paths]]
        asked = same((await away.post("/palette", {"q": "risk", "patient": sud.client})).text)
        reply = await sud.answer("c-ssrs-screener", cssrs(q2=1, q4=1))
        await precautions.put(await sud.access("therapist"), sud.client, "in-sight")
        await sud.minutes(40)
        away = await visitor(sud, "mh-clinician")
        after = [await away.get(path) for path in paths]
        assert [(r.status_code, same(r.text)) for r in after] == before
        assert same((await away.post("/palette", {"q": "risk", "patient": sud.client})).text) == asked
        id_ = (await sud.episode()).id
        for act in ("acknowledge", "pass", "action", "close"):
            hidden, none = [await away.post(f"/patients/{sud.client}/risk/{one}/{act}", {"code": "spoke"}) for one in (id_, "A" * 22)]
            assert (hidden.status_code, same(hidden.text)) == (none.status_code, same(none.text)) == (404, same(none.text))
        for type_ in ("ClinicalImpression", "RiskAssessment", "Task", "Flag"):
            assert (await sud.clinic.get("mh-clinician", f"{type_}?patient={sud.client}")).entries == []
            assert (await sud.clinic.get("mh-clinician", type_)).entries == []
        assert reply.status == 201
        seen = await (await visitor(sud, "therapist")).get("/risk")
        assert "Rivera" in seen.text


@pytest.mark.parametrize(("program", "system", "code"), [(MH, bases.ACT_CODE, "PSYTHPN"), (SUD, bases.LOCAL, "SUDCN")])
async def test_of_an_answer_kept_apart_its_own_program_knows_how_great_the_danger_is_and_by_what_it_was_asked(database: Dsn, program: int, system: str, code: str) -> None:
    """What 45 CFR 164.501 and 42 CFR 2.11 leave out of such notes: the result of a test. No answer, no word, no way to the note (docs/policy.md)."""
    async with ward(database, at=DAY, program=program) as at:
        await at.clinic.make("sys-mh", encounter(at.client))
        kept = {"meta": {"security": [{"system": system, "code": code}]}}
        made = forms.response(instruments()["c-ssrs-screener"], cssrs(q2=1, q4=1), BASE, patient=f"Patient/{at.client}", authored="2026-03-04T15:00:00Z")
        made["item"][0]["answer"][0]["extension"] = [{"url": "http://example.org/words", "valueString": "Said: tonight, by the bridge"}]
        reply = await at.clinic.ask("therapist", "POST", "QuestionnaireResponse", {**made, **kept})
        assert reply.status == 201, reply.body
        note = reply.header("location").split("/")[-3]
        (episode,) = await at.episodes("boss")
        assert [e.level for e in episode.events if e.level] == ["high"]
        told = [(await at.clinic.get("boss", f"{t}?patient={at.client}")).body.decode() for t in ("ClinicalImpression", "RiskAssessment", "Task", "QuestionnaireResponse")]
        assert not [text for text in told if "bridge" in text or note in text or '"valueDecimal"' in text]
        assert (await at.clinic.get("boss", f"QuestionnaireResponse/{note}")).status == 404
        if program == SUD:
            assert [(await at.clinic.get("mh-clinician", f"{t}?patient={at.client}")).entries for t in ("ClinicalImpression", "RiskAssessment", "Task")] == [[], [], []]
