"""The page of rules of care: read in words, changed by ticking or typing, with a reason."""

from __future__ import annotations

from sojourn.care import policies
from sojourn.doors.staff.policies import speaking
from tests.people import Clinic
from tests.web.test_emergency import post
from tests.web.test_gate import clinic, screen  # noqa: F401 - the fixture is pytest's

PATH = "/policies"


async def test_rules_are_read_in_words_and_a_list_is_ticked(clinic: Clinic) -> None:  # noqa: F811
    officer = await screen(clinic, "officer")
    page = (await officer.get(PATH)).text
    for said in ("Identity seen, and a photograph if the client agrees", "Level 3.7", "72 hours (3 days)", "In NY", "whoever is on call, then supervisors, then site leads", "not asked"):
        assert said in page, said
    assert "consent-treatment, rights" not in page
    changed = await post(officer, PATH, PATH, key="admissions.before", level="PHP", reason="Ours", item=["identity", "rights"])
    assert changed.status_code == 303
    page = (await officer.get(PATH)).text
    assert "Identity seen, and a photograph if the client agrees; Rights, grievance and privacy notices given" in page.replace("\n", " ")
    access = await clinic.gate.access(clinic.tokens["officer"])
    assert access is not None
    assert (await policies.of(access)).value("admissions.before", "PHP") == ["identity", "rights"]
    assert (await post(officer, PATH, PATH, key="measure.phq-9.days", value="soon", reason="x")).status_code == 422
    assert (await (await screen(clinic, "mh-clinician")).get(PATH)).status_code == 403


def test_every_code_of_a_shipped_list_has_words() -> None:
    for policy in policies.shipped().values():
        known = speaking.choices(policy.key) or speaking.steps(policy.key)
        for row in policy.rows:
            assert not known or set(row.value) <= set(known), policy.key
            assert speaking.value(policy, row.value)
