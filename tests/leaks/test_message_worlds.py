"""Messages in two worlds: hidden stays, clients, threads and people change no page of whoever may not know of them.

The second world is the first one with the client's stay in a Part 2 program added, threads of its people about them, and a client whom
nobody here may see.
"""

from __future__ import annotations

from sojourn.record.database import Dsn
from tests.care.reported import house, person, visitor
from tests.leaks.drawn import Drawn
from tests.people import Clinic, encounter, patient
from tests.web.real import Visitor
from tests.web.test_messages import client_of, writes

SESSION = Drawn("csrf", "tab", "key", "once")


async def look(who: Visitor, client: str, thread: str) -> list[tuple[str, int, str]]:
    """Every page of messages, Today, the palette, the shift report, and whom one finds to write to."""
    found = []
    for path in ("/messages", "/messages/new", "/today", "/shift", thread, f"/patients/{client}/message", "/messages/nobody"):
        answer = await who.get(path)
        found.append((path, answer.status_code, SESSION.out(answer.text)))
    for path, form in (
        ("/messages", {"q": "dose"}), ("/messages", {"q": "quill"}), ("/messages/find", {"client": client, "find": "ames"}), ("/messages/find", {"client": client, "find": "whit"}),
        ("/messages/find", {"client": client, "find": ""}), ("/messages/find", {"find": "quill"}), ("/palette", {"q": "quill"}), ("/palette", {"q": "whit", "patient": client}),
    ):  # fmt: skip
        answer = await who.post(path, form)
        found.append((f"{path} {form}", answer.status_code, SESSION.out(answer.text)))
    for to in ("person:sud-clinician", "team", "unit:Location/x", "person:nobody"):
        answer = await writes(who, client, to)
        found.append((to, answer.status_code, SESSION.out(answer.text)))
    return found


async def grow(clinic: Clinic, client: str) -> list[str]:
    """What is hidden from MH; the threads of it."""
    await clinic.make("sys-sud", encounter(client))
    team = {"resourceType": "CareTeam", "status": "active", "subject": {"reference": f"Patient/{client}"}, "participant": [{"member": {"reference": await person(clinic, "sud-clinician")}}]}
    await clinic.make("sys-sud", team)
    quill = (await clinic.make("sys-sud", patient("Quillfeather"))).id
    await clinic.make("sys-sud", encounter(quill))
    sud = await visitor(clinic, "sud-clinician")
    made = [(await writes(sud, about, "person:both-clinician", text="Quillfeather asked for the evening dose.", urgent="yes")).headers["location"] for about in (client, quill)]
    both = await visitor(clinic, "both-clinician")
    made.append((await writes(both, "", "person:sud-clinician", text="About the evening dose of Quillfeather.")).headers["location"])
    return made


async def test_hidden_stays_clients_and_threads_change_nothing(database: Dsn) -> None:
    async with house(database) as clinic:
        client = await client_of(clinic)
        nurse = await visitor(clinic, "nurse")
        thread = (await writes(nurse, client, "person:mh-clinician")).headers["location"]
        await look(nurse, client, thread)
        before = await look(nurse, client, thread)
        hidden = await grow(clinic, client)
        after = await look(nurse, client, thread)
        for (path, *one), (_, *other) in zip(before, after, strict=True):
            assert one == other, path
        absent = "/messages/" + "a" * 32
        for path in hidden:
            there, none = await nurse.get(path), await nurse.get(absent)
            assert (there.status_code, SESSION.out(there.text.replace(path, absent))) == (404, SESSION.out(none.text))
            for act in ("answer", "on", "task"):
                one, other = [await nurse.post(p, {"do": act, "text": "Hello", "to": "on-call", "what": "x"}) for p in (path, absent)]
                assert (one.status_code, SESSION.out(one.text.replace(path, absent))) == (other.status_code, SESSION.out(other.text)), act
