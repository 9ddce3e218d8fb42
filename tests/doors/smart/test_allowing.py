"""What a person allows an app: kept as it was asked for, found again for the same alone, and good once."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from sojourn.base import clock, errors
from sojourn.base.clock import FakeClock
from sojourn.gate.access import Access
from sojourn.gate.apps import allowing
from sojourn.gate.apps.asking import BadApp, Wish
from sojourn.gate.apps.registry import App
from tests.doors.smart.office import Office
from tests.doors.smart.test_launches import longer_ago

pytestmark = pytest.mark.asyncio(loop_scope="module")

BACK = "https://app.example/back"
ASKED = ("openid", "fhirUser", "user/Observation.rs", "user/Condition.rs")


def wish(app: App, *scopes: str, **more: str) -> Wish:
    return Wish(app.id, BACK, scopes or ASKED, "state", "c" * 43, "n", **more)


async def prepared(here: Office) -> tuple[App, Access]:
    app, _ = await here.person_app(scopes="openid fhirUser offline_access user/*.rs", redirects=(BACK, BACK + "/2"))
    return app, await here.acting("mh-clinician")


async def test_who_works_here_is_found_to_have_allowed_the_same_to_the_same_app_alone(here: Office) -> None:
    app, one = await prepared(here)
    assert await allowing.before(one, app, wish(app)) is None
    given = ["openid", "user/Observation.rs"]
    await allowing.allow(one, app, wish(app), given)
    assert await allowing.before(one, app, wish(app)) == given, "and not what was left out"
    assert await allowing.before(one, app, wish(app, *ASKED[::-1])) == given
    for other in (wish(app, *ASKED[:-1]), wish(app, *ASKED, "user/Procedure.rs"), replace(wish(app), redirect=BACK + "/2"), wish(app, prompt="consent")):
        assert await allowing.before(one, app, other) is None, other
    assert await allowing.before(one, app, wish(app, prompt="login")) == given
    assert await allowing.before(await here.acting("sud-clinician"), app, wish(app)) is None, "somebody else"
    second, _ = await here.person_app(name="Second", scopes="openid user/*.rs", redirects=(BACK,))
    assert await allowing.before(one, second, wish(second)) is None
    patient = Access(one.house, replace(one.caller, kind="patient"), one.request)
    assert await allowing.before(patient, app, wish(app)) is None, "patients are asked each time"
    for days, found in ((89, given), (91, None)):
        with clock.using(FakeClock(clock.now() + timedelta(days=days))):
            assert await allowing.before(one, app, wish(app)) == found


async def test_what_lasts_is_given_by_who_proved_lately_who_they_are(here: Office) -> None:
    app, one = await prepared(here)
    lasting = [*ASKED, "offline_access"]
    assert not await allowing.unproved(one, lasting)
    await longer_ago(here)
    again = await here.clinic.gate.identity.again(one.caller)
    assert again is not None
    late = Access(one.house, again, one.request)
    assert await allowing.unproved(late, lasting)
    assert not await allowing.unproved(late, ASKED)
    assert not await allowing.unproved(Access(one.house, replace(again, kind="patient"), one.request), lasting)
    with pytest.raises(errors.ProofNeeded):
        await allowing.allow(late, app, wish(app, *lasting), lasting)
    assert await here.clinic.owner.fetchval("SELECT count(*) FROM record.app_grant WHERE app = $1", app.id) == 0
    await allowing.allow(late, app, wish(app), list(ASKED))


async def test_what_is_allowed_is_kept_with_what_it_was_asked_with_and_in_the_trail(here: Office) -> None:
    app, one = await prepared(here)
    code = await allowing.allow(one, app, wish(app, patient="p1", encounter="e1"), ["fhirUser", "user/Observation.rs"])
    row = await here.clinic.owner.fetchrow("SELECT * FROM record.app_grant WHERE app = $1", app.id)
    assert (row["app"], row["account"], row["scopes"], row["patient"], row["encounter"]) == (app.id, "mh-clinician", "fhirUser user/Observation.rs", "p1", "e1")
    said = json.loads(row["facts"])
    assert (said["redirect"], said["challenge"], said["nonce"], said["asked"], said["agent"], said["purpose"]) == (BACK, "c" * 43, "n", list(ASKED), "Practitioner/mh-clinician", "TREAT")
    assert one.caller.proved is not None
    assert said["proved"] == one.caller.proved.timestamp()
    assert code not in str(dict(row))
    line = await here.clinic.owner.fetchrow("SELECT * FROM record.audit WHERE action = 'app-allow' AND request = $1", one.request)
    assert (line["account"], line["type"], line["outcome"], line["query"]) == ("mh-clinician", "App", "done", f"app={app.id}&scopes=fhirUser user/Observation.rs")
    nobody = Access(one.house, replace(one.caller, agent=None), one.request)
    await allowing.allow(nobody, app, wish(app), ["fhirUser", "user/Observation.rs"])
    assert "user/Observation.rs" in [r["scopes"] for r in await here.clinic.owner.fetch("SELECT scopes FROM record.app_grant WHERE app = $1", app.id)], "no resource stands for them"


async def test_an_app_that_was_stopped_meanwhile_gets_nothing(here: Office) -> None:
    app, one = await prepared(here)
    await here.clinic.owner.execute("UPDATE record.app SET state = 'stopped' WHERE app = $1", app.id)
    with pytest.raises(BadApp):
        await allowing.allow(one, app, wish(app), list(ASKED))
    assert await here.clinic.owner.fetchval("SELECT count(*) FROM record.app_grant WHERE app = $1", app.id) == 0


async def test_only_what_a_role_includes_can_be_allowed(here: Office) -> None:
    app, _ = await prepared(here)
    asked = wish(app, "openid", "user/Observation.rs", "user/Claim.rs")
    found = {who: [row.part.type for row in allowing.rows(await here.acting(who), asked)] for who in ("technician", "biller")}
    assert (found["technician"], found["biller"]) == (["Observation"], ["Claim"])
