"""A preview counts what the one who asks sees, before and after; a wish takes away what a permission opened."""

from __future__ import annotations

from dataclasses import replace

from sojourn.gate.consenting import drafting, preview
from tests.gate.test_signing import SPECIFIC, WISH, access_of, draft, signed, treated
from tests.people import Clinic


async def test_a_wish_takes_away_from_whom_it_names_and_of_one_against_everyone_nothing_is_left(clinic: Clinic) -> None:
    p, _, _ = await treated(clinic)
    await signed(clinic, "sud-clinician", p, SPECIFIC)
    access = await access_of(clinic, "sud-clinician")
    form, _ = await draft(clinic, access, p, replace(WISH, everything=False, categories=["results"]))
    (named,) = await preview.of_form(access, form)
    kinds = {k.type: (k.total, k.before, k.after) for k in named.kinds}
    assert (kinds["Observation"], kinds["Encounter"]) == ((2, 2, 0), (2, 2, 2))
    assert (named.total, named.before, named.after) == tuple(sum(k[n] for k in kinds.values()) for n in range(3))
    everyone = drafting.drafted(f"Patient/{p}", replace(WISH, recipients=[]))
    (effect,) = await preview.of_form(access, everyone)
    assert (effect.recipient, effect.before, effect.after) == ("class:everyone", 0, 0), "nobody is asked as: what a permission opens is somebody's"
    assert {k.type: k.total for k in effect.kinds}["Observation"] == 2
    assert not {k.type for k in effect.kinds} & {"Consent", "Provenance"}


async def test_each_look_at_a_preview_is_in_the_trail(clinic: Clinic) -> None:
    p, _, _ = await treated(clinic)
    made = await signed(clinic, "sud-clinician", p, SPECIFIC)
    access = await access_of(clinic, "sud-clinician")
    await preview.of_form(access, drafting.drafted(f"Patient/{p}", SPECIFIC))
    await preview.of_revoking(access, made)
    lines = [r for r in await clinic.trail(access.request) if r["action"] == "preview"]
    assert sorted((r["outcome"], r["account"], r["type"], r["query"], r["patients"]) for r in lines) == sorted(
        [("done", "sud-clinician", "Consent", query, [p]) for query in ("", made["id"])]
    )


async def test_what_a_consent_opens_now_is_what_revoking_closes(clinic: Clinic) -> None:
    p, _, _ = await treated(clinic)
    made = await signed(clinic, "sud-clinician", p, SPECIFIC)
    rows = await preview.open_rows(await access_of(clinic, "sud-clinician"), made["id"])
    assert rows
    assert await preview.open_rows(await access_of(clinic, "sud-clinician"), "no-such") == []
