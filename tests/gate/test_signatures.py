"""What stands under a signature and what may come after it: one condition at a time. No database."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from sojourn.base import errors
from sojourn.gate import bases
from sojourn.gate.consenting import amending, drafting, ending, episodes, ownsigning, preview, replacing, signers, signing, terms, validity
from sojourn.gate.consenting.drafting import Answers, Recipient
from sojourn.gate.consenting.signers import Signer
from sojourn.gate.consenting.signing import Signing
from sojourn.gate.consenting.wording import Section, Wording
from tests.people import patient

TODAY = date(2026, 3, 1)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AT = "2026-03-01T12:00:00.000Z"
WORDS = Wording("Consent", (Section("Whose records", ("Ana Rivera",)),), ())
ANSWERS = Answers("part2_specific", disclosers=["Organization/sud"], recipients=[Recipient("Organization/tpo")], purposes=["TREAT"], expiry="date", until="2099-01-01")
FORM = {**drafting.drafted("Patient/p", ANSWERS), "id": "c"}
SCREEN = Signing(Signer("patient", "Patient/p"), "electronic", WORDS.digest, name="Ana Rivera", identity="photo-id")
PAPER = replace(SCREEN, method="paper", name="", signed_on=TODAY, scan=b"%PDF-1.7", scan_type="application/pdf")
PNG, JPEG = b"\x89PNG\r\n", b"\xff\xd8\xff\xe0"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (SCREEN, ""), (PAPER, ""), (replace(SCREEN, shown="0" * 64), "changed after it was shown"), (replace(SCREEN, identity=""), "how you know who signs"),
        (replace(SCREEN, identity=signers.OWN_ACCOUNT), ""), (replace(SCREEN, name="Ana"), "first and last name"), (replace(SCREEN, name="  "), "first and last name"), (replace(PAPER, name="Ana"), ""),
        (replace(SCREEN, method="telephone"), "on this screen or"), (replace(PAPER, signed_on=None), "Write the day"), (replace(PAPER, signed_on=date(2026, 3, 2)), "in the future"),
        (replace(PAPER, signed_on=date(2026, 2, 28)), ""), (replace(PAPER, scan=b""), "Scan or photograph"), (replace(PAPER, scan=b"MZ"), "PDF, a JPEG or a PNG"), (replace(PAPER, scan=PNG), "PDF, a JPEG or a PNG"),
        (replace(PAPER, scan=PNG, scan_type="image/png"), ""), (replace(PAPER, scan=JPEG, scan_type="image/jpeg"), ""), (replace(PAPER, scan_type="text/html"), "PDF, a JPEG or a PNG"),
        (replace(PAPER, scan=b"", scan_type=""), "Scan or photograph"), (replace(SCREEN, scan=b"MZ", scan_type="text/html"), ""), (replace(SCREEN, signer=Signer("neighbour")), "2.31(a)(8)"),
    ],
)  # fmt: skip
def test_a_signature_is_refused_with_what_it_lacks_and_nothing_else(given: Signing, said: str) -> None:
    found = signing.problems(FORM, given, WORDS, patient(), TODAY)
    assert len(found) == bool(said), found
    assert said in "".join(found)


def test_a_form_that_lacks_something_is_not_signed_but_for_what_signing_adds() -> None:
    assert [p[:17] for p in signing.problems({**FORM, "organization": []}, SCREEN, WORDS, patient(), TODAY)] == ["42 CFR 2.31(a)(2)"]


# --- what is written -----------------------------------------------------------------------------------------------------------------------


def made(given: Signing = SCREEN, form: dict[str, Any] = FORM, when: str = AT) -> dict[str, Any]:
    return signing._signed(form, given, WORDS, when, "d")


def test_what_is_signed_says_by_whom_how_and_under_which_words_and_acts_from_its_day() -> None:
    done = made(replace(SCREEN, copy="given", witness="Bo", signer=Signer("guardian", "RelatedPerson/r", evidence="order of 2025")))
    assert (done["status"], done["dateTime"], done["performer"], done["sourceReference"]) == ("active", AT, [{"reference": "RelatedPerson/r"}], {"reference": "DocumentReference/d"})
    said = {name: terms.value(done, name) for name in (terms.AUTHORITY, terms.AUTHORITY_EVIDENCE, terms.IDENTITY, terms.WITNESS, terms.METHOD, terms.TYPED, terms.DIGEST, terms.COPY, terms.COPY_AT)}
    assert list(said.values()) == ["guardian", "order of 2025", "photo-id", "Bo", "electronic", "Ana Rivera", WORDS.digest, "given", AT]
    assert done["provision"]["period"] == {"start": AT, "end": "2099-01-01"}
    assert done["verification"] == [{"verified": True, "verificationDate": AT}]


def test_what_was_not_said_is_not_written_and_what_a_draft_claimed_of_its_signature_is_replaced() -> None:
    forged = terms.with_values(FORM, {terms.WITNESS: {"valueString": "Judge"}, terms.AUTHORITY_EVIDENCE: {"valueString": "will"}, terms.COPY: {"valueCode": "given"}, terms.DIGEST: {"valueString": "0"}})
    forged["provision"] = {**forged["provision"], "period": {"start": "2001-01-01", "end": "2099-01-01"}}
    done = made(form=forged)
    assert [terms.value(done, n) for n in (terms.WITNESS, terms.AUTHORITY_EVIDENCE, terms.COPY, terms.COPY_AT)] == [None] * 4
    assert terms.value(done, terms.DIGEST) == WORDS.digest
    assert done["provision"]["period"]["start"] == AT


def test_a_request_waits_for_a_decision_and_an_agreement_to_care_has_no_provision() -> None:
    wish = drafting.drafted("Patient/p", replace(ANSWERS, kind="patient_directive_deny"))
    assert made(form=wish)["status"] == "proposed"
    assert "provision" not in made(form=drafting.drafted("Patient/p", Answers("treatment")))


@pytest.mark.parametrize(("authority", "labelled"), [("minor", True), ("minor_and_parent", False), ("patient", False)])
def test_what_a_minor_signed_alone_is_kept_from_parents_and_so_are_its_papers(authority: str, labelled: bool) -> None:
    done = made(replace(SCREEN, signer=Signer(authority, "Patient/p")))
    mark = {"system": bases.LOCAL, "code": "MINOR"}
    papers = (signing._document(done, SCREEN, WORDS, AT), signing._provenance({}, {**done, "id": "c"}, SCREEN, WORDS, AT))
    assert all((mark in one["meta"]["security"]) is labelled for one in (done, *papers))
    assert all({"system": terms.ACT_CODE, "code": "42CFRPart2"} in one["meta"]["security"] for one in (done, *papers))


def test_papers_of_a_form_under_no_law_carry_no_label() -> None:
    done = {**made(form={**FORM, "meta": {"security": [{"system": terms.ACT_CODE, "code": "HIV"}]}}), "id": "c"}
    assert "meta" not in signing._document(done, SCREEN, WORDS, AT)
    assert "meta" not in signing._provenance({}, done, SCREEN, WORDS, AT)


def test_the_paper_keeps_the_exact_words_and_the_scan_with_their_digests() -> None:
    document = signing._document({**made(PAPER), "id": "c"}, PAPER, WORDS, AT)
    words, scan = (content["attachment"] for content in document["content"])
    assert base64.b64decode(words["data"]).decode() == WORDS.text
    assert (base64.b64decode(scan["data"]), scan["contentType"]) == (PAPER.scan, "application/pdf")
    assert base64.b64decode(words["hash"]) == hashlib.sha1(WORDS.text.encode(), usedforsecurity=False).digest()
    assert len(signing._document({**made(), "id": "c"}, SCREEN, WORDS, AT)["content"]) == 1


@pytest.mark.parametrize(
    ("signer", "who", "behalf"),
    [
        (Signer("patient", "Patient/p"), {"reference": "Patient/p"}, None), (Signer("guardian", "RelatedPerson/r"), {"reference": "RelatedPerson/r"}, {"reference": "Patient/p"}),
        (Signer("guardian", name="Rosa"), {"type": "RelatedPerson", "display": "Rosa"}, {"reference": "Patient/p"}), (Signer("guardian"), {"type": "RelatedPerson", "display": "Ana Rivera"}, {"reference": "Patient/p"}),
    ],
)  # fmt: skip
def test_the_signature_says_whose_it_is_and_for_whom(signer: Signer, who: dict[str, str], behalf: dict[str, str] | None) -> None:
    given = replace(SCREEN, signer=signer)
    proof = signing._provenance({"display": "Cy"}, {**made(given), "id": "c"}, given, WORDS, AT)
    signature = proof["signature"][0]
    assert (signature["who"], signature.get("onBehalfOf")) == (who, behalf)
    assert [a["who"] for a in proof["agent"]] == [who, {"display": "Cy"}]
    assert base64.b64decode(signature["data"]).decode() == f"Ana Rivera\nsha256:{WORDS.digest}"
    assert proof["target"] == [{"reference": "Consent/c"}, {"reference": "DocumentReference/d"}, {"reference": "Patient/p"}]


PROGRAMS = [SimpleNamespace(number=n, organization=o, part2=p) for n, o, p in ((1, "Organization/detox", True), (2, "mh", False), (3, "Organization/sud", True), (4, None, False))]


@pytest.mark.parametrize(
    ("kind", "named", "program", "own"),
    [
        ("part2_specific", ["Organization/sud"], 3, 3), ("hipaa_authorization", ["Organization/mh"], 2, 2), ("part2_specific", [], 1, 1), ("hipaa_authorization", [], None, 1), ("hipaa_authorization", ["Organization/else"], None, 1),
        ("part2_specific", ["Organization/mh"], 2, 2),
    ],
)  # fmt: skip
async def test_the_papers_belong_to_the_program_that_the_form_is_about(kind: str, named: list[str], program: int | None, own: int) -> None:
    form = drafting.drafted("Patient/p", replace(ANSWERS, kind=kind, disclosers=named))
    access: Any = SimpleNamespace(programs=PROGRAMS, caller=SimpleNamespace(acting=9), rules=SimpleNamespace(programs={p.number: p for p in PROGRAMS}))
    assert await signing._program(access, form) == program
    assert signing.program_for(access, form)[0] == (program if named and program else 9)
    assert ownsigning._program(access, form) == own


class Record:
    """A record with these Consents and Practitioners, asked as a search asks."""

    def __init__(self, *consents: dict[str, Any], practitioners: tuple[str, ...] = (), organization: str | None = None, agent: str = "", may: bool = True) -> None:
        self.consents, self.practitioners, self._may = consents, practitioners, may
        self.tenant = SimpleNamespace(organization=organization)
        self.caller = SimpleNamespace(agent=agent, name="Cy Young")

    def may(self, _type: str, _action: str) -> bool:
        return self._may

    async def search(self, type_: str, params: list[tuple[str, str]], *, count: int) -> Any:
        asked = dict(params)
        if type_ == "Practitioner":
            return SimpleNamespace(matches=[x for x in self.practitioners if x == asked["_id"]][:count])
        found = [c for c in self.consents if c["patient"]["reference"] == f"Patient/{asked['patient']}" and c["status"] == asked["status"]]
        return SimpleNamespace(matches=[SimpleNamespace(id=c["id"], version="7", resource=c) for c in found[:count]])


def old(answers: Answers = ANSWERS, id_: str = "old", **more: Any) -> dict[str, Any]:
    return {**drafting.drafted("Patient/p", answers), "id": id_, "status": "active", "dateTime": "2026-02-01T10:00:00Z", **more}


WISH = replace(ANSWERS, kind="patient_directive_deny", expiry="none")


@pytest.mark.parametrize(
    ("record", "form", "how"),
    [
        (Record(old()), replace(ANSWERS, replaces="Consent/old"), {"old": "replaced"}), (Record(old(id_="other")), replace(ANSWERS, replaces="Consent/old"), {}), (Record(old(status="inactive")), replace(ANSWERS, replaces="Consent/old"), {}),
        (Record(old(patient={"reference": "Patient/q"})), replace(ANSWERS, replaces="Consent/old"), {}), (Record(old(WISH)), ANSWERS, {"old": "overtaken"}), (Record(old(WISH), old(WISH, "two")), ANSWERS, {"old": "overtaken", "two": "overtaken"}),
        (Record(old(WISH)), replace(ANSWERS, kind="hipaa_authorization", purposes=["HRESCH"], replaces="Consent/old"), {}), (Record(old(WISH)), replace(WISH, replaces="Consent/old"), {}),
        (Record(old(replace(WISH, disclosers=[])), organization="whole"), replace(ANSWERS, disclosers=["Organization/whole"]), {"old": "overtaken"}), (Record(old(replace(WISH, disclosers=[]))), replace(ANSWERS, disclosers=["Organization/whole"]), {}),
        (Record(old(id_="c")), replace(ANSWERS, replaces="Consent/c"), {}),
    ],
)  # fmt: skip
async def test_a_signature_ends_what_it_replaces_and_what_it_overtakes_and_nothing_else(record: Any, form: Answers, how: dict[str, str]) -> None:
    done = {**made(form=drafting.drafted("Patient/p", form)), "id": "c"}
    changes = await replacing.ended_by(record, done, AT)
    assert {c.id: terms.value(c.resource or {}, terms.ENDED_HOW) for c in changes} == how
    assert all((c.if_match, c.consenting, (c.resource or {})["status"], terms.value(c.resource or {}, terms.ENDED_BY)) == ("7", "ended", "inactive", {"reference": "Consent/c"}) for c in changes)


@pytest.mark.parametrize(
    ("record", "who"),
    [
        (Record(agent="Practitioner/x", practitioners=("x",)), {"reference": "Practitioner/x"}), (Record(agent="Practitioner/x"), None), (Record(agent="Practitioner/x", practitioners=("x",), may=False), None),
        (Record(agent="Device/x", practitioners=("x",)), None), (Record(), None),
    ],
)  # fmt: skip
async def test_who_takes_a_signature_is_named_as_the_directory_has_them(record: Any, who: dict[str, str] | None) -> None:
    assert await replacing.taken_by(record) == (who or {"type": "Practitioner", "display": "Cy Young"})


def test_a_revocation_keeps_the_note_and_the_labels_of_what_it_ends() -> None:
    done = {**made(replace(SCREEN, signer=Signer("minor", "Patient/p"))), "id": "c"}
    proof = ending._provenance({"display": "Cy"}, done, AT, "Consent revoked in writing", "I take it back", {"reference": "Patient/p"})
    assert {c["code"] for c in proof["meta"]["security"]} == {"42CFRPart2", "MINOR"}
    assert base64.b64decode(proof["signature"][0]["data"]).decode() == "I take it back"
    assert proof["target"] == [{"reference": "Consent/c"}, {"reference": "Patient/p"}]
    plain = ending._provenance({}, {**done, "meta": {"security": [{"code": "HIV"}]}}, AT, "x", "", {})
    assert not {"meta", "signature"} & plain.keys()


class Episodes(Record):
    async def search(self, type_: str, params: list[tuple[str, str]], *, count: int) -> Any:
        asked = set(dict(params)["_id"].split(","))
        assert (type_, len(asked) <= count <= 100) == ("EpisodeOfCare", True)
        ended = {"a": {"status": "finished"}, "b": {"status": "cancelled"}, "c": {"status": "active", "period": {"end": "2026-02-01"}}, "d": {"status": "active", "period": {"start": "2026-01-01"}}, "e": {"status": "planned"}}
        return SimpleNamespace(matches=[SimpleNamespace(id=i, resource=ended.get(i, {"status": "finished"})) for i in sorted(asked) if not i.startswith("x")])


async def test_an_episode_is_over_by_its_state_or_its_end_and_one_that_is_not_seen_is_not() -> None:
    everything: Any = Episodes()
    assert await ending.all_over(everything, [f"EpisodeOfCare/{i}" for i in "abcdex"]) == {"EpisodeOfCare/a", "EpisodeOfCare/b", "EpisodeOfCare/c"}
    assert await ending.over(everything, "EpisodeOfCare/a")
    assert not await ending.over(everything, "EpisodeOfCare/d")
    assert len(await ending.all_over(everything, [f"EpisodeOfCare/n{i}" for i in range(250)])) == 250


# --- by what right on one's own account ----------------------------------------------------------------------------------------------------

GROWN, CHILD = "1988-03-04", "2010-03-04"


def caller(kind: str, agent: str, *, of: str = "", law: bool = True) -> Any:
    standing = SimpleNamespace(patient=of, by_law=law) if of else None
    return SimpleNamespace(caller=SimpleNamespace(kind=kind, agent=agent, standing=standing), today=TODAY)


@pytest.mark.parametrize(
    ("who", "born", "authority"),
    [
        (caller("patient", "Patient/p"), GROWN, "patient"), (caller("patient", "Patient/q"), GROWN, ""), (caller("staff", "Patient/p"), GROWN, ""), (caller("patient", "Patient/p"), CHILD, "patient"),
        (caller("proxy", "RelatedPerson/r", of="p"), GROWN, "guardian"), (caller("proxy", "RelatedPerson/r", of="p"), CHILD, "representative"), (caller("proxy", "RelatedPerson/r", of="p"), "", "representative"),
        (caller("proxy", "RelatedPerson/r", of="p", law=False), GROWN, ""), (caller("proxy", "RelatedPerson/r", of="q"), GROWN, ""), (caller("proxy", "RelatedPerson/r"), GROWN, ""), (caller("staff", "Practitioner/x", of="p"), GROWN, ""),
        (caller("proxy", "RelatedPerson/r", of="p"), "2008-03-01", "guardian"), (caller("proxy", "RelatedPerson/r", of="p"), "2008-03-02", "representative"),
    ],
)  # fmt: skip
def test_the_patient_signs_or_who_acts_for_them_by_law_and_nobody_else(who: Any, born: str, authority: str) -> None:
    form = ownsigning.Form(FORM, WORDS, {"birthDate": born}, "1")
    if not authority:
        with pytest.raises(errors.Forbidden):
            ownsigning._signer(who, form)
        return
    signer = ownsigning._signer(who, form)
    assert (signer.authority, signer.reference) == (authority, who.caller.agent)
    assert bool(signer.evidence) is (authority != "patient")


# --- what may come after ---------------------------------------------------------------------------------------------------------------------

SIGNED = {**made(), "id": "c"}
OVER = replacing.ended(SIGNED, AT, "revoked")


def with_(name: str, value: dict[str, Any] | None, form: dict[str, Any] = SIGNED) -> dict[str, Any]:
    return terms.with_values(form, {name: value})


@pytest.mark.parametrize(
    ("before", "after", "allowed"),
    [
        (SIGNED, SIGNED, True), (SIGNED, OVER, True), (SIGNED, {**SIGNED, "status": "entered-in-error"}, True), (SIGNED, {**SIGNED, "meta": {}, "id": "d", "text": {"div": "x"}}, True),
        *((SIGNED, with_(name, {"valueDateTime": AT}), True) for name in (terms.EVENT_OCCURRED, terms.EVENT_CONFIRMED, terms.COPY_AT, terms.DECIDED_AT)),
        (SIGNED, with_(terms.COPY, {"valueCode": "given"}), True), (SIGNED, with_(terms.DECISION, {"valueString": "x"}), True),
        (SIGNED, {**SIGNED, "status": "draft"}, False), (SIGNED, {**SIGNED, "status": "proposed"}, False), (SIGNED, {**SIGNED, "status": "rejected"}, False),
        (SIGNED, {**SIGNED, "dateTime": "2020-01-01"}, False), (SIGNED, {**SIGNED, "patient": {"reference": "Patient/q"}}, False), (SIGNED, {**SIGNED, "modifierExtension": [{"url": "x"}]}, False),
        (SIGNED, {**SIGNED, "provision": {**SIGNED["provision"], "purpose": []}}, False), (SIGNED, {k: v for k, v in SIGNED.items() if k != "provision"}, False),
        *((SIGNED, with_(name, {"valueString": "x"}), False) for name in (terms.DIGEST, terms.KIND, terms.AUTHORITY, terms.IRREVOCABLE, terms.EXPIRY_TEXT, terms.IDENTITY, terms.GROUNDS)),
        (SIGNED, with_(terms.DIGEST, None), False),
        ({**SIGNED, "status": "proposed"}, {**SIGNED, "status": "active"}, True), ({**SIGNED, "status": "proposed"}, {**SIGNED, "status": "rejected"}, True), ({**SIGNED, "status": "proposed"}, {**SIGNED, "status": "inactive"}, True),
        ({**SIGNED, "status": "proposed"}, {**SIGNED, "status": "draft"}, False), ({**SIGNED, "status": "rejected"}, {**SIGNED, "status": "active"}, False),
        ({**SIGNED, "status": "rejected"}, {**SIGNED, "status": "rejected"}, True), ({**SIGNED, "status": "rejected"}, {**SIGNED, "status": "entered-in-error"}, True),
        (with_(terms.ENDED_BY, {"valueReference": {"reference": "Consent/x"}}, OVER), with_(terms.ENDED_BY, {"valueReference": {"reference": "Consent/y"}}, OVER), False),
        ({**SIGNED, "status": "proposed"}, {**SIGNED, "status": "proposed"}, True), ({**SIGNED, "status": "proposed"}, {**SIGNED, "status": "entered-in-error"}, True),
        (OVER, OVER, True), (OVER, {**OVER, "status": "active"}, False), (OVER, {**OVER, "status": "entered-in-error"}, True), (OVER, with_(terms.ENDED_AT, {"valueDateTime": "2027-01-01"}, OVER), False),
        (OVER, with_(terms.ENDED_AT, None, OVER), False), (OVER, with_(terms.ENDED_HOW, {"valueCode": "replaced"}, OVER), False), (OVER, with_(terms.ENDED_BY, {"valueReference": {"reference": "Consent/x"}}, OVER), True),
        (with_(terms.EVENT_OCCURRED, {"valueDateTime": AT}), with_(terms.EVENT_OCCURRED, None), False), (with_(terms.EVENT_OCCURRED, {"valueDateTime": AT}), with_(terms.EVENT_OCCURRED, {"valueDateTime": "2027-01-01"}), False),
        (with_(terms.COPY, {"valueCode": "given"}), with_(terms.COPY, {"valueCode": "declined"}), True), (FORM, {**FORM, "provision": {}, "status": "active"}, True),
    ],
)  # fmt: skip
def test_what_stands_under_a_signature_stays_and_an_end_is_not_taken_back(before: dict[str, Any], after: dict[str, Any], allowed: bool) -> None:
    if allowed:
        amending.check(before, after)
        return
    with pytest.raises(errors.Invalid):
        amending.check(before, after)


@pytest.mark.parametrize(
    ("status", "end", "over"),
    [
        ("active", "", None), ("finished", "", NOW), ("cancelled", "", NOW), ("entered-in-error", "", NOW), ("onhold", "", None), ("active", "2026-02-01", datetime(2026, 2, 2, tzinfo=UTC)), ("active", "2026-03-01", None),
        ("active", "2026-03-01T12:00:00Z", None), ("active", "2099-01-01", None), ("finished", "2026-02-01", datetime(2026, 2, 2, tzinfo=UTC)), ("finished", "2099-01-01", NOW), ("finished", 7, NOW), ("active", 7, None),
        ("active", "2026-03-01T11:59:59Z", NOW),
    ],
)  # fmt: skip
def test_an_episode_is_over_when_it_is_said_to_be_or_its_last_day_has_passed(status: str, end: Any, over: datetime | None) -> None:
    episode: Any = SimpleNamespace(resource={"status": status, **({"period": {"end": end}} if end else {})})
    assert episodes._over(episode, NOW) == over


# --- previews ------------------------------------------------------------------------------------------------------------------------------------


def test_a_preview_asks_as_each_recipient_with_every_key_that_they_answer_to() -> None:
    net = Recipient("Organization/net", through="Organization/net", treating=True)
    form = drafting.drafted("Patient/p", replace(ANSWERS, recipients=[Recipient("Organization/tpo"), Recipient(of_class="treating-provider"), net], purposes=["TREAT", "HPAYMT"]))
    found = {name: (set(keys), purpose) for name, keys, purpose in preview.asked(form)}
    assert {purpose for _, purpose in found.values()} == {"TREAT"}
    assert list(found) == ["Organization/tpo", "class:treating-provider", "Organization/net"]
    assert found["Organization/tpo"][0] == {"Organization/tpo", "for:TREAT:Organization/tpo", preview.membership.EVERYONE}
    assert {"Organization/net", "participant:Organization/net", "for:TREAT:participant:Organization/net"} <= found["Organization/net"][0]


def test_a_wish_that_names_nobody_is_previewed_for_everyone_and_a_permission_for_nobody() -> None:
    wish = drafting.drafted("Patient/p", replace(ANSWERS, kind="patient_directive_deny", recipients=[], purposes=[]))
    assert preview.asked(wish) == [("class:everyone", [preview.membership.EVERYONE], "TREAT")]
    assert preview.asked(drafting.drafted("Patient/p", replace(ANSWERS, recipients=[]))) == []
    assert preview.asked({**FORM, "provision": {**FORM["provision"], "actor": [{"reference": {"display": "My brother"}}]}}) == []


def test_a_form_is_tried_out_as_if_the_patient_had_signed_it_now() -> None:
    whole = preview.as_if_signed(FORM, AT)
    assert (whole["status"], whole["dateTime"], whole["performer"], whole["provision"]["period"]) == ("active", AT, [{"reference": "Patient/p"}], {"start": AT, "end": "2099-01-01"})
    assert FORM["status"] == "draft"
    assert validity.window(whole) is not None
    assert preview.as_if_signed({**FORM, "performer": [{"reference": "RelatedPerson/r"}]}, AT)["performer"] == [{"reference": "RelatedPerson/r"}]
    unsaid = drafting.drafted("Patient/p", replace(ANSWERS, expiry="", until=""))
    assert preview.as_if_signed(unsaid, AT)["provision"]["period"] == {"start": AT, "end": "9999-01-01"}
    assert preview.as_if_signed({**FORM, "provision": {}}, AT)["provision"] == {}
