"""Incidents in two worlds: what is hidden changes no page of whoever may not know it, whether it is a client, a report or a draft.

The second world is the first one with reports added: about whoever looks, of another program, about a hidden client, and a draft of a colleague.
"""

from __future__ import annotations

import re
from typing import Any

from sojourn.record.database import Dsn
from tests.care.reported import WHAT, house, person, report, visitor
from tests.leaks.drawn import Drawn
from tests.people import Clinic, patient
from tests.web.real import Visitor

SESSION = Drawn("csrf", "tab", "once", "draft", "seen")
FORM = {"kind": "fall", "harm": "mild", "what": WHAT, "day": "2026-03-04", "time": "09:30"}


async def look(who: Visitor, shown: str) -> list[tuple[str, int, str]]:
    """Every page of incidents, Today, the palette, and the answers while one types."""
    found: list[tuple[str, int, str]] = []
    for path in ("/incidents", "/incidents/closed", "/incidents/trends", "/incidents/trends.csv", "/today", f"/incidents/{shown}", f"/incidents/{shown}/print?names=yes", "/incidents/nobody"):
        answer = await who.get(path)
        found.append((path, answer.status_code, SESSION.out(answer.text)))
    asked: list[tuple[str, dict[str, Any]]] = [
        ("/palette", {"q": "quill"}), ("/incidents/find", {"find": "quill"}), ("/incidents/find", {"find": "riv"}), (f"/incidents/draft/{'k' * 24}/keep", {**FORM, "what": "At ten Quillfeather slipped.", "tab": "t"}),
    ]  # fmt: skip
    for path, form in asked:
        answer = await who.post(path, form)
        found.append((f"{path} {form}", answer.status_code, SESSION.out(answer.text)))
    return found


async def grow(clinic: Clinic, who: str) -> list[str]:
    """What is hidden from a supervisor of MH; the ids of reports."""
    hidden = (await clinic.make("sys-sud", patient("Quillfeather"))).id
    away, both = await visitor(clinic, "sud-clinician"), await visitor(clinic, "both-clinician")
    whom = await person(clinic, who)
    made = [await report(clinic, away, clients=[hidden], kind="death", harm="death"), await report(clinic, both, staff=[whom], about=[whom]), await report(clinic, both, staff=[whom], about=[whom], anonymous="yes")]
    await both.get("/incidents/new")
    key = re.findall(r'action="/incidents/draft/(\w+)"', both.last.text)[0]
    await both.post(f"/incidents/draft/{key}/keep", {**FORM, "tab": "x"})
    return [*made, key]


async def test_hidden_reports_clients_and_drafts_change_nothing(database: Dsn) -> None:
    async with house(database) as clinic:
        await clinic.make("sys-mh", patient())
        shown = await report(clinic, await visitor(clinic, "nurse"))
        lead = await visitor(clinic, "lead")
        await look(lead, shown)
        before = await look(lead, shown)
        *made, key = await grow(clinic, "lead")
        after = await look(lead, shown)
        for (path, *one), (_, *other) in zip(before, after, strict=True):
            assert one == other, path
        absent = "a" * len(made[0])
        for id_ in made:
            for path in ("/incidents/{}", "/incidents/{}/print"):
                hidden, none = await lead.get(path.format(id_)), await lead.get(path.format(absent))
                assert (hidden.status_code, SESSION.out(hidden.text.replace(id_, absent))) == (none.status_code, SESSION.out(none.text)) == (404, SESSION.out(none.text))
            for act in ("told", "correct", "cause", "give", "committee", "sign", "note"):
                there, nothing = [await lead.post(f"/incidents/{one}", {"do": act, "seen": "", **FORM}) for one in (id_, absent)]
                assert (there.status_code, SESSION.out(there.text.replace(id_, absent))) == (nothing.status_code, SESSION.out(nothing.text)), act
        assert (await lead.get(f"/incidents/draft/{key}")).status_code == (await lead.get(f"/incidents/draft/{'z' * 24}")).status_code == 404


async def test_a_report_about_a_hidden_client_reads_as_one_without_them(database: Dsn) -> None:
    async with house(database) as clinic:
        hidden = (await clinic.make("sys-sud", patient("Quillfeather"))).id
        both, lead = await visitor(clinic, "both-clinician"), await visitor(clinic, "lead")
        pages = []
        for clients in ([], [hidden]):
            id_ = await report(clinic, both, clients=clients)
            texts = [(await lead.get(path)).text for path in (f"/incidents/{id_}", f"/incidents/{id_}/print?names=yes")]
            number = "IR-" + id_.upper()[-6:]
            pages.append([SESSION.out(t.replace(id_, "X").replace(number, "N")) for t in texts])
        assert pages[0] == pages[1]
