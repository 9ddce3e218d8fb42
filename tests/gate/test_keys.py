"""By which keys somebody is known: staff by their reach, outside organizations by name, class and network. No database."""

from __future__ import annotations

from typing import Any

import pytest

from sojourn.gate import reach
from sojourn.gate.consenting import terms
from sojourn.gate.consenting.membership import EVERYONE, Named, answers_to, denied, for_purpose, named, participant, split
from tests.gate.test_decide import PROGRAMS, caller

ME, BOSS_OF, UNIT = "Practitioner/z", "supervises:Practitioner/y", "Location/u"
SITES = {1: frozenset({"north"}), 2: frozenset({"north", "south"}), 3: frozenset({"east"})}


def keys(*far: str, programs: tuple[int, ...] = (2,), named_: tuple[str, ...] = (ME,), sites: Any = None, **more: Any) -> list[str]:
    return reach.keys(caller(programs=programs, keys=named_, **more), frozenset(far), PROGRAMS, SITES if sites is None else sites)


def test_everybody_has_the_keys_by_which_a_consent_names_them_and_no_other() -> None:
    assert keys() == [ME, f"for:TREAT:{ME}"]
    assert keys(named_=(ME, "bare", "class:nurses", BOSS_OF)) == [ME, "class:nurses", f"for:TREAT:{ME}"], "a bare id is none, and whom they supervise is not themselves"
    assert keys(named_=(UNIT, "PractitionerRole/r")) == [UNIT, "PractitionerRole/r"]
    assert keys(purpose="HPAYMT") == [ME, f"for:HPAYMT:{ME}"]


def test_who_reaches_programs_reaches_those_in_which_they_work() -> None:
    assert keys("programs", programs=(2, 3))[2:] == ["program:2", "program:3"]
    assert keys("programs", programs=())[2:] == []


def test_who_reaches_sites_reaches_the_programs_there_but_no_part_2_program_in_which_they_do_not_work() -> None:
    assert keys("sites", programs=(2,))[2:] == ["program:2"]
    assert keys("sites", programs=(1,))[2:] == ["program:1", "program:2"]
    assert keys("sites", programs=(3,))[2:] == ["program:3"], "at another site"
    assert keys("sites", programs=(2,), sites={})[2:] == ["program:2"], "their own, also where nobody said where it works"
    assert keys("sites", programs=(2,), sites={**SITES, 4: frozenset({"south"})})[2:] == ["program:2", "program:4"]
    assert keys("sites", programs=(4,), sites={**SITES, 4: frozenset({"north"})})[2:] == ["program:2", "program:4"]


def test_who_is_on_a_team_has_their_own_key_and_one_for_each_program_that_they_do_not_reach_anyway() -> None:
    assert keys("care-team")[2:] == [f"{ME}@0", f"{ME}@2"]
    assert keys("care-team", programs=(3, 2))[2:] == [f"{ME}@0", f"{ME}@2", f"{ME}@3"]
    assert keys("care-team", "programs")[2:] == ["program:2", f"{ME}@0"]
    assert keys("care-team", agent=None)[2:] == []


def test_a_supervisor_has_the_keys_of_those_they_supervise_and_a_unit_its_peoples() -> None:
    assert keys("supervised", named_=(ME, BOSS_OF))[2:] == ["Practitioner/y@0", "Practitioner/y@2"]
    assert keys("care-team", named_=(ME, BOSS_OF))[2:] == [f"{ME}@0", f"{ME}@2"]
    assert keys("unit", named_=(ME, UNIT))[3:] == [f"{UNIT}@0", f"{UNIT}@2"]
    assert keys("care-team", named_=(ME, UNIT))[3:] == [f"{ME}@0", f"{ME}@2"]


def test_a_reach_is_an_action_of_a_role_that_somebody_knows() -> None:
    assert reach.of_actions(["read", "reach:unit", "reach:moon"]) == {"unit"}
    assert reach.of_actions(["unit", "sites"]) == frozenset()
    assert reach.of_actions(f"reach:{one}" for one in ("organization", "sites", "programs", "unit", "care-team", "supervised")) == reach.REACHES.keys()
    assert reach.prefixed("unit") == "reach:unit"
    with pytest.raises(KeyError):
        reach.prefixed("moon")


# --- outside organizations -----------------------------------------------------------------------------------------------------------

NET = {"reference": "Organization/net"}


def actor(reference: str = "", **said: dict[str, Any]) -> dict[str, Any]:
    made = {"reference": {"reference": reference}} if reference else {}
    return {**made, "extension": [terms.extension(name.replace("_", "-"), **value) for name, value in said.items()]}


def network(**more: Any) -> dict[str, Any]:
    return {"part2_intermediary": {"valueReference": NET}, **more}


@pytest.mark.parametrize(
    ("who", "found"),
    [
        (actor("Organization/x"), [Named("Organization/x", True)]),
        (actor("Practitioner/p"), [Named("Practitioner/p", True)]),
        (actor(), []),
        ({"reference": "Organization/x"}, []),  # no Reference
        (actor(**network()), [Named("Organization/net", True)]),
        (actor("Organization/net", **network()), [Named("Organization/net", True)]),
        (actor("Organization/x", **network()), [Named("Organization/net", True), Named("participant:Organization/net:Organization/x", True)]),
        (actor(**network(part2_general_designation={"valueCode": "treating"})), [Named("Organization/net", True), Named("participant:Organization/net", False)]),
        (actor("Organization/x", **network(part2_general_designation={"valueCode": "treating"})), [Named("Organization/net", True), Named("participant:Organization/net", False)]),
        (actor(**network(part2_general_designation={"valueCode": "anybody"})), [Named("Organization/net", True)]),
        (actor("Organization/x", part2_general_designation={"valueCode": "treating"}), [Named("Organization/x", True)]),
        (actor("Organization/x", recipient_class={"valueCode": "nobody-knows"}), []),  # a class that nobody knows reaches nobody, whatever stands beside it
    ],
)
def test_a_recipient_is_named_by_its_key_and_a_network_by_what_the_form_says_of_it(who: dict[str, Any], found: list[Named]) -> None:
    assert named({"actor": [who]}) == found


def test_a_class_names_its_keys_and_relates_nobody() -> None:
    for name, definition in terms.forms()["classes"].items():
        assert named({"actor": [actor("Organization/x", recipient_class={"valueCode": name})]}) == [Named(key, False) for key in definition["keys"]]
        assert definition["keys"]


def test_each_is_named_once_and_what_is_no_actor_is_nobody() -> None:
    assert named({"actor": [actor("Organization/x"), actor("Organization/x"), "x", None]}) == [Named("Organization/x", True)]
    assert named({}) == []


def test_a_denial_keeps_a_network_out_with_all_that_comes_through_it_and_everyone_where_it_names_nobody() -> None:
    assert denied({"actor": [actor("Organization/x")]}) == ["Organization/x", "participant:Organization/x"]
    assert denied({"actor": [actor("Practitioner/p")]}) == ["Practitioner/p"]
    assert denied({}) == [EVERYONE]


def test_an_outside_organization_answers_to_its_classes_and_to_the_networks_it_comes_through() -> None:
    membership = terms.forms()["membership"]
    for type_, classes in membership.items():
        assert set(answers_to("Organization/x", [type_])) == set(classes)
        assert all(c.startswith("class:") for c in classes)
    assert answers_to("Organization/x", ["unheard-of"]) == answers_to("Organization/x") == []
    assert answers_to("Organization/x", through=["Organization/net"]) == ["participant:Organization/net", "participant:Organization/net:Organization/x"]
    both = answers_to("Organization/x", list(membership), through=["Organization/net"])
    assert both == sorted(both)
    assert len(both) == len(set(both)) == len({c for classes in membership.values() for c in classes}) + 2


def test_a_key_by_consent_is_for_its_purpose_and_can_be_taken_apart() -> None:
    assert split(for_purpose("TREAT", "participant:Organization/net:Organization/x")) == ("TREAT", "participant:Organization/net:Organization/x")
    assert split("Organization/x") == ("", "Organization/x")
    assert split("format:x") == ("", "format:x")
    assert participant("Organization/net") == "participant:Organization/net"
