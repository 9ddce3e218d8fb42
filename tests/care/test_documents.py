"""The life of a signed document: co-signed by rule, returned, opened again, locked, added to; and what comes after the lock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.base import errors
from sojourn.care import policies, signing, tasks
from sojourn.care.credentials.held import Credential, best, credentials, written
from sojourn.care.policies import Policies
from sojourn.care.signing import acting, adding, documents, late, payers, routing
from sojourn.gate import closing
from sojourn.gate.access import Access
from sojourn.gate.changes import Change
from sojourn.gate.clockwork import Clockwork
from sojourn.gate.feed import Feed
from sojourn.record.database import Dsn
from tests.care.signers import TEXT, at_the_screen, note, practitioner
from tests.people import Clinic, close_clinic, observation, open_clinic, patient
from tests.record.settling import settled

TODAY = date(2026, 3, 1)
INTERN = Credential("MHC-LP", "P-81", "NY", "intern", supervisor="Practitioner/both-clinician", supervision="general")


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations on a database of the test's own, an intern and her supervisor listed."""
    made = await open_clinic(database)
    await practitioner(made, "both-clinician", Credential("LCSW", "4711", "NY"), name="Sam Super")
    await practitioner(made, "mh-clinician", INTERN, name="Ina Intern")
    yield made
    await close_clinic(made)


async def signed(access: Access, id_: str = "note1", **more: object) -> documents.Outcome:
    """A note of the caller, signed."""
    change = await note(access, id_, **more)
    outcome = await documents.signing(access, [change], id_, TEXT)
    await access.write(outcome.changes, action="sign")
    return outcome


async def test_an_interns_note_waits_for_its_supervisor_who_returns_it_with_comments_and_co_signs_what_comes_back(clinic: Clinic) -> None:
    intern, supervisor = await at_the_screen(clinic, "mh-clinician"), await at_the_screen(clinic, "both-clinician")
    outcome = await signed(intern)
    assert outcome.route is not None
    assert outcome.route.owner == "Practitioner/both-clinician"
    assert outcome.route.due == intern.now + timedelta(hours=72)
    (work,) = await tasks.mine(supervisor, kinds=[documents.COSIGN])
    assert (work.focus, work.due) == ("DocumentReference/note1", outcome.route.due.replace(microsecond=outcome.route.due.microsecond // 1000 * 1000))
    document = await documents.read(intern, "note1")
    assert (document.state, document.resource["docStatus"]) == ("signed", "preliminary")
    with pytest.raises(errors.Forbidden):
        await acting.cosign(intern, document, version=document.version)
    seen = await documents.read(supervisor, "note1")
    await acting.give_back(supervisor, seen, "The risk part is missing.", version=seen.version)
    assert await tasks.mine(supervisor, kinds=[documents.COSIGN]) == []
    (back,) = await tasks.mine(intern, kinds=[documents.RETURNED])
    assert "risk" not in back.text
    told = (await intern.search("Provenance", [("target", "DocumentReference/note1")])).resources
    assert [r["text"] for p in told for r in p.get("reason", ())] == ["The risk part is missing."]
    document = await documents.read(intern, "note1")
    assert document.state == "returned"
    better = TEXT + b"No risk today.\n"
    edited = {**document.resource, "content": [{"attachment": documents.attachment(better, "Note", document.resource["meta"]["lastUpdated"])}]}
    again = await documents.signing(intern, [Change("update", "DocumentReference", "note1", edited, if_match=document.version)], "note1", better)
    await intern.write(again.changes, action="sign")
    assert await tasks.mine(intern, kinds=[documents.RETURNED]) == []
    seen = await documents.read(supervisor, "note1")
    await acting.cosign(supervisor, seen, version=seen.version)
    document = await documents.read(intern, "note1")
    assert (document.state, document.resource["docStatus"]) == ("co-signed", "final")
    first, second, third = await signing.signatures(intern, "DocumentReference/note1")
    assert [(s.name, s.meaning, s.binds(document.resource)) for s in (first, second, third)] == [
        ("Ina Intern", "author", False), ("Ina Intern", "author", True), ("Sam Super", "co-signer", True)]  # fmt: skip
    with pytest.raises(closing.Closed):
        await acting.reopen(intern, document, "I forgot something.", version=document.version)


async def test_two_signers_and_two_presses_at_once_come_to_one_signature_each(clinic: Clinic) -> None:
    intern = await at_the_screen(clinic, "mh-clinician")
    change = await note(intern)
    outcomes = [await documents.signing(intern, [Change("create", "DocumentReference", "note1", change.resource, program=change.program)], "note1", TEXT) for _ in range(2)]
    done = await asyncio.gather(*(intern.write(o.changes, action="sign") for o in outcomes), return_exceptions=True)
    assert sorted(type(d).__name__ for d in done) == ["Conflict", "list"]
    supervisor, other = await at_the_screen(clinic, "both-clinician"), await at_the_screen(clinic, "both-clinician")
    seen = await documents.read(supervisor, "note1")
    raced = await asyncio.gather(acting.cosign(supervisor, seen, version=seen.version), acting.give_back(other, seen, "Please change it.", version=seen.version), return_exceptions=True)
    assert sum(r is None for r in raced) == 1, raced
    state = (await documents.read(supervisor, "note1")).state
    meanings = [s.meaning for s in await signing.signatures(intern, "DocumentReference/note1")]
    assert (state, meanings) in (("co-signed", ["author", "co-signer"]), ("returned", ["author"]))


async def test_a_lock_holds_until_it_is_undone_by_whom_the_role_lets_and_an_addendum_stands_beside_it(clinic: Clinic) -> None:
    author = await at_the_screen(clinic, "both-clinician")
    outcome = await signed(author, context={"period": {"end": "2020-01-01T10:00:00Z"}, "encounter": [{"reference": "Encounter/visit-note1"}]})
    assert outcome.route is None
    document = await documents.read(author, "note1")
    assert document.locks == (author.now + timedelta(hours=24)).replace(microsecond=author.now.microsecond // 1000 * 1000)
    assert [e["url"] for e in document.resource["extension"]] == [documents.LATE_ENTRY], "written years after what it tells of"
    await acting.lock(author, document, version=document.version)
    document = await documents.read(author, "note1")
    assert document.state == "locked"
    with pytest.raises(closing.Closed):
        await acting.reopen(author, document, "I forgot something.", version=document.version)
    with pytest.raises(errors.Forbidden):
        await acting.unlock(author, document, "I forgot something.", version=document.version)
    await adding.addendum(author, document, "The mother called later.", key="form1")
    with pytest.raises(errors.Conflict):
        await adding.addendum(author, document, "The mother called later.", key="form1")
    (added,) = await adding.addenda(author, document)
    assert [s.meaning for s in await signing.signatures(author, f"DocumentReference/{added['id']}")] == ["addendum"]
    await acting.error(author, document, "Written into the wrong chart.", version=document.version)
    wrong = await documents.read(author, "note1")
    assert (wrong.state, wrong.resource["status"], wrong.shown) == ("error", "entered-in-error", TEXT)
    assert (await signing.signatures(author, "DocumentReference/note1"))[-1].meaning == "error"


async def test_what_joins_a_locked_visit_is_shown_as_later_and_its_author_is_told_once(clinic: Clinic) -> None:
    author = await at_the_screen(clinic, "mh-clinician")
    await signed(author)
    supervisor = await at_the_screen(clinic, "both-clinician")
    seen = await documents.read(supervisor, "note1")
    await acting.cosign(supervisor, seen, version=seen.version)
    visit = {"reference": "Encounter/visit-note1"}

    async def follow() -> int:
        feed = Feed(clinic.gate.house.db, 1)
        await settled(clinic.gate.house.db)
        await feed.number()
        await feed.follow("late", late.follower(Clockwork(clinic.gate)))
        works = await tasks.mine(author, kinds=[documents.LATE])
        assert {work.focus for work in works} <= {"DocumentReference/note1"}, "it leads to the note, where what came stands"
        return len(works)

    early = (await clinic.make("sys-mh", observation(seen.patient, encounter=visit))).id
    assert await follow() == 0, f"{early} came before the lock"
    supervisor = await at_the_screen(clinic, "both-clinician")  # a request of its own, with its own time
    seen = await documents.read(supervisor, "note1")
    await acting.lock(supervisor, seen, version=seen.version)
    locked = await documents.read(author, "note1")
    await clinic.make("sys-sud", observation(seen.patient, encounter=visit))
    assert await follow() == 0, "a record of a Part 2 program would tell of itself"
    result = (await clinic.make("sys-mh", observation(seen.patient, encounter=visit))).id
    assert await follow() == 1
    again = (await clinic.get("sys-mh", f"Observation/{result}")).json()
    assert (await clinic.put("sys-mh", {**again, "note": [{"text": "corrected"}]})).status == 200
    assert await follow() == 1, "once"
    assert [item.id for item in await late.items(author, locked)] == [result]
    await late.seen(author, locked, "")
    assert await follow() == 0


@given(st.lists(st.sampled_from(["intern * * supervisor 72", "intern 90853 * nobody 0", "intern * medicaid Practitioner/x 24", "* * medicare supervisor 1"]), unique=True),
       st.sampled_from(["intern", "independent"]), st.sampled_from(["", "90853"]), st.sampled_from(["", "medicaid", "medicare"]))  # fmt: skip
def test_of_the_rules_that_fit_the_one_that_says_most_routes_the_co_signature(rows: list[str], level: str, service: str, payer: str) -> None:
    now = datetime(2026, 3, 1, 8, tzinfo=UTC)
    rules = Policies(TODAY, {("signing.co-sign", ""): rows})
    who = {"qualification": [written(Credential("X", level=level, supervisor="Practitioner/s"))]}
    found = routing.route(rules, who, now, service=service, payers=[payer])
    fitting = [r for r in routing.parsed(rows) if r.fits(level, service, [payer])]
    if not fitting:
        assert found is None
        return
    most = max(r.exact for r in fitting)
    assert (found is None) or any(r.exact == most and r.text == found.rule for r in fitting)
    assert (found is None) == (max(fitting, key=lambda r: r.exact).who == "nobody")
    broken = routing.route(Policies(TODAY, {("signing.co-sign", ""): [*rows, "intern whatever"]}), who, now)
    assert broken is not None, "a rule that cannot be read lets nothing pass"


def test_where_nobody_knows_who_pays_no_rule_about_a_payer_lets_a_document_pass() -> None:
    now, who = datetime(2026, 3, 1, 8, tzinfo=UTC), {"qualification": [written(Credential("X", level="independent"))]}
    for rows in (["* * medicare supervisor 1"], ["* * * supervisor 5", "* * medicare nobody 0"]):
        rules = Policies(TODAY, {("signing.co-sign", ""): rows})
        assert routing.route(rules, who, now, payers=None) is not None
        assert (routing.route(rules, who, now, payers=["medicare"]) is None) == (len(rows) == 2)


async def test_who_pays_is_read_from_the_coverages_of_the_day_that_the_author_sees(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    payer = (await clinic.make("sys-none", {"resourceType": "Organization", "name": "Tri-County Medicaid Plan", "active": True})).id
    coverage = {"resourceType": "Coverage", "status": "active", "type": {"coding": [{"system": "https://nahdo.org/sopt", "code": "21"}]}, "beneficiary": {"reference": f"Patient/{p}"}, "payor": [{"reference": f"Organization/{payer}"}],
                "period": {"start": "2026-01-01", "end": "2026-06-30"}}  # fmt: skip
    await clinic.make("sys-mh", coverage)
    author = await at_the_screen(clinic, "mh-clinician")
    assert await payers.of(author, p, date(2026, 3, 1)) == {"medicaid", "tri-county-medicaid-plan", f"Organization/{payer}"}
    assert await payers.of(author, p, date(2026, 7, 1)) == {payers.SELF}
    await clinic.owner.execute("INSERT INTO record.policy (tenant, key, level, value, account, reason, valid_from, known_from) VALUES (1, 'signing.co-sign', '', '[\"* * medicaid supervisor 24\"]', 'x', 'test', '2020-01-01', '2020-01-01')")
    resource = {"resourceType": "DocumentReference", "subject": {"reference": f"Patient/{p}"}, "context": {"period": {"start": "2026-03-01T09:00:00-05:00"}}}
    assert "medicaid" in (await documents._payers(author, await policies.of(author), resource) or ())


def test_a_credential_counts_from_its_first_to_its_last_day_and_an_unreadable_one_never() -> None:
    one = Credential("LCSW", "1", "NY", start=date(2026, 1, 1), end=date(2026, 3, 1))
    who = {"qualification": [written(one)]}
    assert credentials(who) == [one]
    assert [best(who, day) is not None for day in (date(2025, 12, 31), date(2026, 1, 1), TODAY, date(2026, 3, 2))] == [False, True, True, False]
    who["qualification"][0]["period"]["end"] = "soon"
    assert best(who, TODAY) is None


def test_the_sample_is_the_same_whoever_draws_it_and_about_as_large_as_the_policy_says() -> None:
    drawn = [routing.sampled(f"document-{n}", 5) for n in range(4000)]
    assert 120 < sum(drawn) < 280
    assert drawn == [routing.sampled(f"document-{n}", 5) for n in range(4000)]
    assert not any(routing.sampled(f"document-{n}", 0) for n in range(100))
    assert all(routing.sampled(f"document-{n}", 100) for n in range(100))
