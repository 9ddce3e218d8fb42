"""What is a kind of a listed code is about the same, once the organization has loaded a release that says so."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.gate import bases, labelrules
from sojourn.gate.labeljob import Labeller, Watch
from sojourn.gate.vocabulary import loading
from sojourn.record import labelling
from sojourn.wire.vocabulary.model import RXNORM, SNOMED, Concept, Edge, Release
from tests.gate.test_inheriting import own
from tests.gate.test_overriding import access
from tests.people import START, A, Clinic, patient

LISTED, BEYOND = "86406008", "900000001"
EDGES = ((LISTED, "900000002"), ("900000002", "900000003"), (BEYOND, LISTED), (BEYOND, "900000004"), ("900000003", "900000002"))
"""Kinds of kinds, something above, something beside; and a ring, which no release should have."""


def release(version: str, edges: Any = EDGES, system: str = SNOMED) -> Release:
    codes = sorted({code for edge in edges for code in edge})
    return Release(system, version, date(2026, 3, 1), "invented", iter([*(Concept(code, f"Invented {code}") for code in codes), *(Edge(*edge) for edge in edges)]))


def problem(p: str, code: str, system: str = SNOMED) -> dict[str, Any]:
    return {"resourceType": "Condition", "subject": {"reference": f"Patient/{p}"}, "code": {"coding": [{"system": system, "code": code}]}}


async def worked_off(watch: Watch, time: FakeClock) -> None:
    """As a server does it: noticed, waited until others have seen it, done."""
    for _ in range(4):
        time.advance(timedelta(seconds=6))
        while await watch.tick(A):
            pass


async def test_a_release_labels_what_is_a_kind_of_a_listed_code_again_and_the_next_one_takes_it_back(clinic: Clinic) -> None:
    with clock.using(FakeClock(START)) as time:
        await labelling.add_law(clinic.gate.house.db, A, "HIV", "hiv", source="a law", account="officer", now=clock.now())
        await clinic.gate.reload()
        p = (await clinic.make("sys-mh", patient())).id
        made = {code: (await clinic.make("sys-mh", problem(p, code))).id for code in (LISTED, "900000002", "900000003", "900000004", BEYOND)}
        alias = (await clinic.make("sys-mh", problem(p, "900000003", "urn:oid:2.16.840.1.113883.6.96"))).id

        async def under() -> set[str]:
            return {code for code, id_ in [*made.items(), ("alias", alias)] if await own(clinic, "Condition", id_) == bases.bit_of("HIV")}

        watch = Watch(Labeller(clinic.gate))
        await worked_off(watch, time)
        assert await under() == {LISTED}
        assert await loading.load(await access(clinic, "sys-mh"), release("1")) is not None
        await worked_off(watch, time)
        assert await under() == {LISTED, "900000002", "900000003", "alias"}
        assert await own(clinic, "Condition", (await clinic.make("sys-mh", problem(p, "900000002"))).id) == bases.bit_of("HIV")
        assert await loading.load(await access(clinic, "sys-mh"), release("2", ((LISTED, "900000002"), (BEYOND, "900000003")))) is not None
        await worked_off(watch, time)
        assert await under() == {LISTED, "900000002"}


@pytest.mark.parametrize(("top", "wanted"), [("190521", {"HIV"}), ("7243", set())])
def test_of_medicines_only_those_with_an_ingredient_that_is_listed_so(top: str, wanted: set[str]) -> None:
    """An antiretroviral that treats nothing else is one in every product; naltrexone is in one for losing weight, so products are listed one by one."""
    asked = [labelrules.Kind(system, code, "900000009") for system, code in labelrules.tops() if (system, code) == (RXNORM, top)]
    assert set(labelrules.made_of(kinds=asked).systems[RXNORM].tags("900000009")) == wanted
    assert bool(asked) == bool(wanted)


def test_rules_differ_by_what_is_loaded_and_not_by_its_order() -> None:
    kinds = [labelrules.Kind(SNOMED, LISTED, code) for code in ("900000002", "900000003")]
    assert labelrules.made_of(kinds=kinds).digest == labelrules.made_of(kinds=reversed(kinds)).digest != labelrules.made_of().digest
    assert labelrules.made_of(kinds=()).digest == labelrules.shipped().digest
