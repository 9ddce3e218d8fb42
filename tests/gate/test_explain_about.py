"""About whom, of what and of when an explanation can be asked, and what it says where there is nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sojourn.base import clock, errors
from sojourn.base.clock import FakeClock
from sojourn.gate import explain
from sojourn.gate.explain import Asked
from sojourn.gate.explaining.choices import choices
from sojourn.gate.explaining.steps import ABSENT
from sojourn.record import organization
from tests.gate.test_explain import officer, shared, told, why
from tests.people import BY_NAME, A, Clinic, consent, patient

__all__ = ["told"]


async def test_about_whom_it_can_be_asked(clinic: Clinic) -> None:
    p, sud = await shared(clinic)
    access = await officer(clinic)
    for asked in (Asked(), Asked(role="clinician", programs=(1, 99)), Asked(programs=(1,))):
        with pytest.raises(errors.Invalid):
            await explain.explain(access, asked, "Observation", sud)
    for asked, said in (
        (Asked(account="nobody"), "The account nobody was not there, or acted as nothing, on "),
        (Asked(recipient="Organization/unheard-of"), "Organization/unheard-of (no account here), outside the organization."),
        (Asked(recipient="Practitioner/sud-clinician"), "Practitioner/sud-clinician (no account here), outside the organization."),
        (Asked(recipient="Organization/tpo"), "tpo, outside the organization."),
        (Asked(role="clinician", programs=(1,)), "Somebody (made up): clinician, works in SUD."),
        (Asked(account="sud-clinician"), "sud-clinician: clinician, works in SUD."),
    ):
        (one,) = (await explain.explain(access, asked, "Observation", sud)).explanations
        assert one.steps[0].words.startswith(said), one.steps[0]
        assert one.allowed is ("works in SUD" in said)
    views, _ = await explain.tally(access, Asked(account="nobody"), p)
    assert dict(views)["now"] == []
    assert [line["query"] for line in await clinic.trail(access.request) if "account:nobody" in line["query"]]


async def test_for_one_patient_it_can_be_asked_about_accounts_and_those_whom_consents_name(clinic: Clinic) -> None:
    p, _ = await shared(clinic)
    for who in ("tpo", "nobody-here"):
        await clinic.make("sys-sud", consent(p, who))
    found = await choices(await officer(clinic), p)
    assert found.named == ["Organization/nobody-here"]
    assert {"mh-clinician", "sud-clinician", "biller"} <= {a for a, _, _ in found.staff}
    assert {a for a, _, _ in found.outside} >= {"tpo", "stranger"}
    assert not {a for a, _, _ in found.staff} & {a for a, _, _ in found.outside}
    assert "clinician" in found.roles
    assert not {r for a, _, r in found.outside} & set(found.roles)
    assert found.programs == [(3, "FAR"), (2, "MH"), (1, "SUD")]
    other = (await clinic.make("sys-mh", patient())).id
    assert (await choices(await officer(clinic), other)).named == []


async def test_before_it_was_there_it_was_not_there(told: tuple[Clinic, FakeClock]) -> None:
    clinic, now = told
    before = clock.now()
    now.advance(timedelta(days=2))
    _, sud = await shared(clinic)
    for one in await why(clinic, "sud-clinician", "Observation", sud, before):
        assert (one.outcome, one.allowed, [s.step for s in one.steps]) == (ABSENT, False, ["who", "why", "decision"])
    views, _ = await explain.who(await officer(clinic), "Observation", sud, before)
    assert [seers for _, seers in views] == [[], []]


async def test_what_is_of_no_patient_is_explained_without_consents_and_relations(clinic: Clinic) -> None:
    place = (await clinic.make("sys-sud", {"resourceType": "Location", "name": "Annex"})).id
    (one,) = await why(clinic, "sud-clinician", "Location", place)
    assert (one.allowed, one.patient) == (True, None)
    assert [s.rows for s in one.steps if s.step in ("relation", "deny")] == [(), ()]


async def test_whoever_can_see_it_is_named_once_for_a_purpose(clinic: Clinic) -> None:
    p, sud = await shared(clinic)
    await clinic.make("sys-sud", consent(p, "tpo", purposes=("TREAT", "HPAYMT")))
    views, _ = await explain.who(await officer(clinic), "Observation", sud)
    found = [(s.who, s.account, s.purpose) for s in dict(views)["now"]]
    assert len(found) == len(set(found))
    assert {for_ for _, account, for_ in found if account == "tpo"} >= {"TREAT", "HPAYMT"}
    assert {for_ for _, account, for_ in found if account == "sud-clinician"} == {"TREAT"}


async def test_a_record_that_is_not_there_is_not_counted_and_a_refusal_is_in_the_trail(clinic: Clinic) -> None:
    access = await officer(clinic)
    with pytest.raises(errors.NotFound):
        await explain.tally(access, Asked(account="mh-clinician"), "no-such-id")
    (line,) = await clinic.trail(access.request)
    assert (line["action"], line["outcome"]) == ("explain", "absent")
    row = organization.AccountRow("officer", "staff", "officer", "officer", None, BY_NAME["officer"].agent, "privacy-officer", [2], 2, [])
    await organization.account(clinic.owner, A, row, clock.now())
    clinic.gate.identity._known.clear()
    access = await officer(clinic)
    with pytest.raises(errors.Forbidden):
        await explain.tally(access, Asked(account="mh-clinician"), "no-such-id")
    (line,) = await clinic.trail(access.request)
    assert (line["action"], line["outcome"], line["account"]) == ("explain", "denied", "officer")
