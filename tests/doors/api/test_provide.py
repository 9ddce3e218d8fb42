"""A partner brings documents (IHE MHD ITI-65): into the tray, each once, with its sender's marks; the same answer whoever they are about."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from sojourn.base import clock
from sojourn.care.papers import indexing
from sojourn.care.papers.indexing import Wish
from sojourn.care.summaries import filing
from sojourn.doors.mhd.taking import Taking
from sojourn.gate import papers
from sojourn.gate.exchange import partners
from sojourn.gate.exchange.partners import Envoys, Partner
from tests.care import outside
from tests.care.reach import AGREED
from tests.care.test_handoff import at
from tests.doors.mhd.submission import bundle
from tests.people import MH, A, Clinic, Reply, encounter, patient

RESTRICTED = [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}]}]
TEXT = b"Ana Rivera, born 4 March 1988. Seen for a cough."


async def provide(clinic: Clinic, sent: Any, who: str = "tpo") -> Reply:
    """Bring it, and let the server do what came of registered partners."""
    reply = await clinic.ask(who, "POST", "", sent)
    while await Taking(Envoys(clinic.gate)).round(clinic.gate.house.tenants[A]):
        pass
    return reply


async def agreed(clinic: Clinic, **more: Any) -> None:
    """tpo is a partner that delivers to MH."""
    made = Partner("lakeside", "Lakeside Hospital", door="none", organization="Organization/tpo", program=MH, **{"agreed": AGREED, **more})
    await clinic.gate.house.db.call("SELECT gate.exchange_put_partner($1, $2, $3, 'active', NULL, 'test', '', $4)", A, made.id, partners.facts(made), clock.now())


def bare(reply: Reply) -> str:
    """An answer without its random ids."""
    return re.sub(r"DocumentReference/[A-Za-z0-9\-]+", "DocumentReference/X", reply.body.decode())


@pytest.mark.parametrize("metadata", ["Minimal", "UnContained.Comprehensive", "Comprehensive"])
async def test_what_is_brought_waits_in_the_tray_once(clinic: Clinic, metadata: str) -> None:
    await agreed(clinic)
    sent = bundle(outside.ccd(), TEXT, metadata=metadata)
    sent["entry"][3]["resource"]["content"][0]["attachment"]["contentType"] = "text/plain"
    first = await provide(clinic, sent)
    assert first.status == 200, first.body
    answers = first.json()["entry"]
    assert [a["response"]["status"] for a in answers] == ["201 Created"] * 5
    assert (await provide(clinic, sent)).body == first.body
    waits = await papers.waiting(await at(clinic, "officer"))
    assert [(p.door, p.sender, p.program, p.basis) for p in waits] == [(papers.MHD, "Lakeside Hospital", MH, "treatment")] * 2
    assert {a["response"]["location"] for a in answers if a["response"].get("location", "").count("/") == 1} == {f"DocumentReference/{p.id}" for p in waits}
    assert {p.whose for p in waits} == {"Rivera 1988-03-04"}
    assert (await clinic.get("sys-sud", "DocumentReference")).entries == [], "in no chart"
    assert (await clinic.get("tpo", answers[1]["response"]["location"])).status == 404


async def test_its_senders_marks_and_its_source_go_with_it_into_the_chart(clinic: Clinic) -> None:
    await agreed(clinic, part2=True)
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(p))
    them = (await clinic.make("sys-mh", {"resourceType": "Practitioner", "name": [{"family": "Shah"}]})).id
    await clinic.owner.execute("UPDATE record.account SET agent = $1, generation = generation + 1 WHERE tenant = 1 AND account = 'mh-officer'", f"Practitioner/{them}")
    clinic.tokens["mh-officer"] = await clinic.gate.token(clinic.gate.house.tenants[A], "mh-officer")
    for content, media in ((outside.ccd(), "application/xml"), (TEXT, "text/plain")):
        assert (await provide(clinic, bundle(content, media=media, unique=f"urn:oid:1.{len(content)}", securityLabel=RESTRICTED))).status == 200
        access = await at(clinic, "mh-officer")
        (paper,) = await papers.waiting(access)
        wish = Wish(p, MH, "Record from another practice", "2026-02-01", "Summary", born="1988-03-04")
        id_ = await (filing.file if media == "application/xml" else indexing.index)(access, paper, wish)
        stored = (await clinic.get("sys-mh", f"DocumentReference/{id_}")).json()
        assert {"R", "42CFRPart2"} <= {c["code"] for c in stored["meta"]["security"]}
        (source,) = (await clinic.get("sys-mh", f"Provenance?target=DocumentReference/{id_}")).entries
        assert source["agent"][0]["who"]["display"] == "Lakeside Hospital"
        assert source["reason"][0]["text"] == "On the basis of: Treatment, under HIPAA"
        assert "42CFRPart2" in {c["code"] for c in source["meta"]["security"]}


async def test_whom_it_is_about_changes_nothing_of_the_answer(clinic: Clinic) -> None:
    """Two worlds: somebody whom the Part 2 program treats, or nobody here; for a partner whom a consent names, and for one whom none does."""
    await clinic.make("sys-sud", encounter((await clinic.make("sys-sud", patient())).id))
    for who in ("tpo", "stranger"):
        known = await provide(clinic, bundle(outside.ccd(), unique="urn:oid:1.1"), who)
        nobody = await provide(clinic, bundle(outside.ccd(family="Quillfeather"), unique="urn:oid:1.2", family="Quillfeather"), who)
        assert (known.status, bare(known)) == (nobody.status, bare(nobody))
        assert known.status == 200


def _without(sent: dict[str, Any], n: int) -> dict[str, Any]:
    return {**sent, "entry": [e for m, e in enumerate(sent["entry"]) if m != n]}


def _folder(sent: dict[str, Any]) -> dict[str, Any]:
    folder = json.loads(json.dumps(sent["entry"][0]))
    folder["resource"]["code"]["coding"][0]["code"] = "folder"
    return {**sent, "entry": [*sent["entry"], folder]}


def _hash(sent: dict[str, Any]) -> dict[str, Any]:
    sent["entry"][1]["resource"]["content"][0]["attachment"]["hash"] = "AAAA"
    return sent


WRONG = {
    "no submission set": lambda: _without(bundle(TEXT), 0), "no document": bundle, "no binary": lambda: _without(bundle(TEXT), 2), "a folder": lambda: _folder(bundle(TEXT)), "another hash": lambda: _hash(bundle(TEXT)),
    "a file that nobody reads": lambda: bundle(b"\x00\x01\x02"), "too many": lambda: bundle(*[b"x%d" % n for n in range(10)], *[b"y%d" % n for n in range(11)]),
    "an odd list": lambda: {**bundle(TEXT), "entry": [7, {"resource": {"resourceType": "List", "code": 3}}]}, "an observation": lambda: {**bundle(TEXT), "entry": [{"resource": {"resourceType": "Observation"}}]},
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
async def test_what_is_wrong_is_said_and_nothing_of_it_is_kept(clinic: Clinic, wrong: str) -> None:
    reply = await provide(clinic, WRONG[wrong]())
    assert 400 <= reply.status < 500, reply.body
    assert await papers.waiting(await at(clinic, "officer")) == []


async def test_who_may_not_bring_documents_is_refused(clinic: Clinic) -> None:
    tenant = clinic.gate.house.tenants[A]
    token = await clinic.gate.token(tenant, "tpo", scopes="system/*.rs")
    assert (await provide(clinic, bundle(TEXT), token)).status == 403
    assert (await provide(clinic, bundle(TEXT), await clinic.gate.token(tenant, "tpo", scopes="system/DocumentReference.c"))).status == 200
    assert (await provide(clinic, {**bundle(TEXT), "meta": {}})).status == 403, "any other transaction of theirs is what it was"
