"""Where you are reached when you are not signed in: proved by a code, guessed by nobody, told to nobody."""

from __future__ import annotations

import re

from sojourn.gate.channels import SMS
from tests.doors.calling.counterpart import Texts
from tests.people import Clinic
from tests.web.real import Visitor, later
from tests.web.test_security import clinic, person

__all__ = ["clinic"]
NUMBER = "518-555-0142"


def code_in(texts: Texts, number: str = "+15185550142") -> str:
    """The newest code that came."""
    return str(re.findall(r"\d{6}", texts.to(number)[-1])[0])


def texting(clinic: Clinic) -> Texts:
    there = Texts()
    clinic.gate.house.channels = {SMS: there.channel()}
    return there


async def asked(visitor: Visitor, to: str = NUMBER) -> int:
    return int((await visitor.post("/security/reached", {"means": "sms", "to": to})).status_code)


async def test_a_number_counts_once_the_code_that_was_sent_there_is_shown_and_until_it_is_ended(clinic: Clinic) -> None:
    texts = texting(clinic)
    visitor = await person(clinic)
    assert "Nowhere" in (await visitor.get("/security")).text
    assert await asked(visitor) == 303
    assert texts.to("+15185550142") == [f"Sojourn: your code is {code_in(texts)}. It is good for ten minutes."]
    assert "Nowhere" in (await visitor.get("/security")).text
    wrong = "000000" if code_in(texts) != "000000" else "000001"
    assert (await visitor.post("/security/reached/code", {"code": wrong})).status_code == 422
    assert (await visitor.post("/security/reached/code", {"code": code_in(texts)})).status_code == 303
    page = (await visitor.get("/security")).text
    assert "By text, …0142" in page
    assert (await visitor.post("/security/reached/end")).status_code == 303
    assert "Nowhere" in (await visitor.get("/security")).text
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.call_place WHERE sealed <> ''") == 0
    trail = [dict(r) for r in await clinic.owner.fetch("SELECT * FROM record.audit WHERE action LIKE 'call-place%' ORDER BY n")]
    assert [(r["action"], r["outcome"]) for r in trail] == [("call-place-begin", "done"), ("call-place-prove", "failed"), ("call-place-prove", "done"), ("call-place-end", "done")]
    assert not re.search(r"555.?0142|\d{6}", " ".join(r["query"] for r in trail))


async def test_a_code_is_guessed_five_times_and_good_for_ten_minutes(clinic: Clinic) -> None:
    texts = texting(clinic)
    visitor = await person(clinic)
    await asked(visitor)
    right = code_in(texts)
    for n in range(5):
        assert (await visitor.post("/security/reached/code", {"code": f"{(int(right) + n + 1) % 1_000_000:06}"})).status_code == 422
    assert (await visitor.post("/security/reached/code", {"code": right})).status_code == 422
    await asked(visitor)
    fresh = code_in(texts)
    later(minutes=4)
    await visitor.get("/security")
    later(minutes=7)
    await visitor.sign_in("mh-clinician")
    await visitor.get("/security")
    assert (await visitor.post("/security/reached/code", {"code": fresh})).status_code == 422
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.call_place WHERE proved IS NOT NULL") == 0


async def test_no_more_than_five_codes_an_hour_and_eight_a_day_to_one_number(clinic: Clinic) -> None:
    texts = texting(clinic)
    visitor = await person(clinic)
    assert [await asked(visitor) for _ in range(6)] == [303] * 5 + [429]
    other = await person(clinic, "sud-clinician")
    assert [await asked(other) for _ in range(4)] == [303, 303, 429, 429], "what was refused counts"
    assert len(texts.to("+15185550142")) == 7


async def test_it_needs_a_recent_proof_and_a_sound_number_that_can_be_reached(clinic: Clinic) -> None:
    texts = texting(clinic)
    visitor = await person(clinic)
    for odd in ("911", "518-555-0142\r\nx: y", "ana@x.example", "+1 (518) 555"):
        assert await asked(visitor, odd) == 422
    texts.no = {"+15185550142"}
    assert await asked(visitor) == 422
    texts.no, texts.down = set(), 503
    answer = await visitor.post("/security/reached", {"means": "sms", "to": NUMBER})
    assert (answer.status_code, "could not be sent now" in answer.text) == (422, True)
    assert (await visitor.post("/security/reached", {"means": "email", "to": "ana@x.example"})).status_code == 422
    texts.down = 0
    later(minutes=6)
    assert await asked(visitor) != 303
    assert texts.given == {}


async def test_a_new_number_takes_the_place_of_the_old_one_only_when_it_is_proved(clinic: Clinic) -> None:
    texts = texting(clinic)
    visitor = await person(clinic)
    await asked(visitor)
    await visitor.post("/security/reached/code", {"code": code_in(texts)})
    await asked(visitor, "518-555-0177")
    assert "By text, …0142" in (await visitor.get("/security")).text
    await visitor.post("/security/reached/code", {"code": code_in(texts, "+15185550177")})
    page = (await visitor.get("/security")).text
    assert "By text, …0177" in page
    assert "0142" not in page
