"""Notes put apart later: by who wrote them alone, who keeps their way to it; a mistake is undone without being read."""

from __future__ import annotations

import re

import pytest

from sojourn.base import errors
from sojourn.gate import apart, puttingapart
from tests.gate.test_inheriting import under
from tests.gate.test_keeping_apart import document
from tests.gate.test_overriding import access, decide
from tests.people import Clinic, observation, patient
from tests.web.test_emergency import post
from tests.web.test_frame import normal
from tests.web.test_gate import screen

WORDS = b"A word that nobody else is to read."


async def made(clinic: Clinic, who: str = "mh-clinician") -> tuple[str, str]:
    p = (await clinic.make("sys-mh", patient())).id
    return p, (await clinic.make(who, document(p, WORDS))).id


@pytest.mark.parametrize("who", ["both-clinician", "officer", "sys-mh"])
@pytest.mark.parametrize("code", ["PSYTHPN", "SUDCN"])
async def test_nobody_puts_apart_what_somebody_else_wrote(clinic: Clinic, who: str, code: str) -> None:
    p, id_ = await made(clinic)
    with pytest.raises((errors.Invalid, errors.Forbidden)):
        await decide(clinic, who, "raise", "DocumentReference", id_, code)
    assert (await clinic.get("mh-clinician", f"DocumentReference/{id_}")).status == 200
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.label_override") == 0
    if who == "both-clinician" and code == "PSYTHPN":
        changed = {**document(p, WORDS), "id": id_, **under(code)}
        assert (await clinic.put(who, changed)).status in (400, 422), "nor by changing it"


async def test_who_wrote_it_keeps_a_way_to_it_and_nobody_else_has_one(clinic: Clinic) -> None:
    _, id_ = await made(clinic)
    await decide(clinic, "mh-clinician", "raise", "DocumentReference", id_, "PSYTHPN")
    for who in ("mh-clinician", "both-clinician", "officer"):
        assert (await clinic.get(who, f"DocumentReference/{id_}")).status == 404, who
    assert (await apart.opened(await access(clinic, "mh-clinician")).read("DocumentReference", id_)).id == id_
    with pytest.raises(errors.NotFound):
        await apart.opened(await access(clinic, "both-clinician")).read("DocumentReference", id_)
    q, later = await made(clinic)
    assert (await clinic.put("mh-clinician", {**document(q, WORDS), "id": later, **under("PSYTHPN")})).status == 200
    assert (await apart.opened(await access(clinic, "mh-clinician")).read("DocumentReference", later)).id == later


async def test_the_privacy_officer_undoes_it_without_reading_it(clinic: Clinic) -> None:
    _, id_ = await made(clinic)
    await decide(clinic, "mh-clinician", "raise", "DocumentReference", id_, "PSYTHPN", reason="her uncle came up")
    desk = await screen(clinic, "officer")
    page = (await desk.get("/desk/labels")).text
    listed = page.partition("Put among the notes kept apart")[2].partition("Laws of your state")[0]
    assert f"DocumentReference/{id_}" in listed
    assert "uncle" not in page
    assert "Rivera" not in listed
    with pytest.raises(errors.Forbidden):
        await decide(clinic, "both-clinician", "lower", "DocumentReference", id_, "PSYTHPN")
    assert (await post(desk, f"/desk/labels/apart/DocumentReference/{id_}", reason="it is a progress note")).status_code == 303
    assert (await clinic.get("both-clinician", f"DocumentReference/{id_}")).status == 200
    assert "Put among the notes kept apart" not in (await desk.get("/desk/labels")).text


async def test_what_was_written_as_a_note_apart_is_not_listed_and_not_opened(clinic: Clinic) -> None:
    p, _ = await made(clinic)
    reply = await clinic.make("mh-clinician", {**document(p, WORDS), **under("PSYTHPN")})
    id_ = reply.header("location").split("/DocumentReference/")[1].partition("/")[0]
    officer = await access(clinic, "officer")
    assert await puttingapart.decisions(officer) == []
    said = []
    for wanted in (id_, "nothing"):
        with pytest.raises(errors.NotFound) as found:
            await officer.relabel("DocumentReference", wanted, "lower", ["PSYTHPN"], "curious")
        said.append(str(found.value))
    assert said[0] == said[1]
    mine = apart.opened(await access(clinic, "mh-clinician"))
    await mine.relabel("DocumentReference", id_, "raise", ["PSYTHPN"], "once more")
    with pytest.raises(errors.NotFound):
        await decide(clinic, "officer", "lower", "DocumentReference", id_, "PSYTHPN")


async def test_two_worlds_what_was_put_apart_in_a_program_that_is_not_theirs_is_not_on_the_page(clinic: Clinic) -> None:
    """An officer who works in no Part 2 program: the page is the same with and without."""
    p = (await clinic.make("sys-sud", patient())).id
    await clinic.owner.execute("UPDATE record.assignment SET programs = '{2}' WHERE account = 'officer'")
    desk = await screen(clinic, "officer")
    before = normal((await desk.get("/desk/labels")).text)
    id_ = (await clinic.make("sud-clinician", observation(p))).id
    await decide(clinic, "sud-clinician", "raise", "Observation", id_, "SUDCN")
    assert normal((await desk.get("/desk/labels")).text) == before
    paths = [f"/desk/labels/apart/Observation/{x}" for x in (id_, "nothing")]
    answers = [await post(desk, path, reason="x") for path in paths]
    assert [a.status_code for a in answers] == [404, 404]
    assert len({re.sub(id_, "nothing", normal(a.text)) for a in answers}) == 1


@pytest.mark.parametrize(
    ("raised", "lowered"),
    [
        (["PSYTHPN"], ["SUDCN"]),
        (["PSYTHPN"], ["PSYTHPN", "SUDCN"]),
        (["PSYTHPN", "HIV"], ["PSYTHPN", "HIV"]),
        (["PSYTHPN"], ["PSYTHPN", "HIV"]),
        (["PSYTHPN", "SUD"], ["SUD"]),
    ],
)
async def test_the_privacy_officer_takes_off_of_what_is_apart_what_put_it_there_and_nothing_else(
    clinic: Clinic, raised: list[str], lowered: list[str]
) -> None:
    _, id_ = await made(clinic)
    await decide(clinic, "mh-clinician", "raise", "DocumentReference", id_, *raised)
    said = []
    for wanted in (id_, "nothing"):
        with pytest.raises(errors.NotFound) as found:
            await decide(clinic, "officer", "lower", "DocumentReference", wanted, *lowered)
        said.append(str(found.value))
    assert said[0] == said[1]
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.label_override WHERE effect = 'lower'") == 0


async def test_only_what_put_something_apart_is_listed_and_only_for_who_oversees(clinic: Clinic) -> None:
    _, id_ = await made(clinic)
    await decide(clinic, "mh-clinician", "raise", "DocumentReference", id_, "HIV")
    assert await puttingapart.decisions(await access(clinic, "officer")) == []
    _, other = await made(clinic)
    await decide(clinic, "mh-clinician", "raise", "DocumentReference", other, "PSYTHPN")
    assert [row["id"] for row in await puttingapart.decisions(await access(clinic, "officer"))] == [other]
    for who in ("mh-clinician", "both-clinician", "biller"):
        with pytest.raises(errors.Forbidden):
            await puttingapart.decisions(await access(clinic, who))
    await decide(clinic, "officer", "lower", "DocumentReference", other, "PSYTHPN")
    assert await puttingapart.decisions(await access(clinic, "officer")) == [], "what is undone is not in force"


async def test_who_wrote_the_first_version_puts_it_apart_and_who_wrote_another_does_not(clinic: Clinic) -> None:
    p, id_ = await made(clinic)
    assert (await clinic.put("both-clinician", {**document(p, WORDS), "id": id_, "language": "en"})).status == 200
    with pytest.raises(errors.Invalid, match="Only who wrote it"):
        await decide(clinic, "both-clinician", "raise", "DocumentReference", id_, "PSYTHPN")
    await decide(clinic, "mh-clinician", "raise", "DocumentReference", id_, "PSYTHPN")
    assert (await apart.opened(await access(clinic, "mh-clinician")).read("DocumentReference", id_)).id == id_


async def test_what_a_system_wrote_it_does_not_put_apart(clinic: Clinic) -> None:
    """Nobody would have a way to it: a system keeps no notes of its own."""
    _, id_ = await made(clinic, "sys-mh")
    with pytest.raises(errors.Invalid, match="Only who wrote it"):
        await decide(clinic, "sys-mh", "raise", "DocumentReference", id_, "PSYTHPN")


async def test_nobody_gets_a_way_to_what_somebody_else_puts_apart_later(clinic: Clinic) -> None:
    """Neither who put another label on it before, nor who undid that it was apart."""
    _, id_ = await made(clinic)
    await decide(clinic, "both-clinician", "raise", "DocumentReference", id_, "HIV")
    await decide(clinic, "mh-clinician", "raise", "DocumentReference", id_, "PSYTHPN")
    await decide(clinic, "officer", "lower", "DocumentReference", id_, "PSYTHPN")
    await decide(clinic, "mh-clinician", "raise", "DocumentReference", id_, "PSYTHPN")
    for who in ("both-clinician", "officer"):
        with pytest.raises(errors.NotFound):
            await apart.opened(await access(clinic, who)).read("DocumentReference", id_)
    assert (await apart.opened(await access(clinic, "mh-clinician")).read("DocumentReference", id_)).id == id_


async def test_the_privacy_officer_puts_nothing_apart_that_is(clinic: Clinic) -> None:
    _, id_ = await made(clinic)
    await decide(clinic, "mh-clinician", "raise", "DocumentReference", id_, "PSYTHPN")
    for wanted in (id_, "nothing"):
        with pytest.raises(errors.NotFound):
            await decide(clinic, "officer", "raise", "DocumentReference", wanted, "PSYTHPN")


async def test_what_was_deleted_in_between_is_undone_as_well(clinic: Clinic) -> None:
    p, id_ = await made(clinic)
    assert (await clinic.ask("sys-mh", "DELETE", f"DocumentReference/{id_}")).status in (200, 204)
    assert (await clinic.put("mh-clinician", {**document(p, WORDS), "id": id_})).status in (200, 201)
    await decide(clinic, "mh-clinician", "raise", "DocumentReference", id_, "PSYTHPN")
    await decide(clinic, "officer", "lower", "DocumentReference", id_, "PSYTHPN")
    assert (await clinic.get("both-clinician", f"DocumentReference/{id_}")).status == 200
