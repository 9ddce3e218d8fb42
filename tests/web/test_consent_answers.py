"""The capture form of a consent: what a browser sends becomes answers, and the answers a Consent."""

from __future__ import annotations

from starlette.datastructures import FormData

from sojourn.doors.staff.desk.consents import answers as asked
from sojourn.gate.consenting import drafting, elements, membership, terms
from sojourn.gate.consenting.drafting import Answers

FORM = [("discloser", "Organization/sud"), ("what", "all"), ("purpose", "TREAT"), ("expiry", "date"), ("until", "2099-01-01")]
NET, CLINIC = "Organization/net", "Organization/clinic"


def keys(*sent: tuple[str, str]) -> list[str]:
    """Whom a form with these fields names, as the gate knows them."""
    taken = asked.taken(FormData([*FORM, *sent]), Answers("part2_specific"))
    made = drafting.drafted("Patient/p", taken)
    assert elements.unsigned(made) == []
    return [one.key for one in membership.named(made["provision"])]


def test_an_exchange_is_for_its_members_who_treat_the_patient_unless_members_are_named() -> None:
    exchange = [("to", NET), (f"kind:{NET}", "hie_network")]
    assert keys(*exchange) == [NET, f"participant:{NET}"]
    assert keys(*exchange, ("participants", "treating")) == [NET, f"participant:{NET}"]
    assert keys(*exchange, ("participants", "named"), ("to", CLINIC), (f"kind:{CLINIC}", "covered_entity_provider")) == [NET, f"participant:{NET}:{CLINIC}"]


def test_an_exchange_with_nobody_named_is_missed_by_its_paragraph() -> None:
    taken = asked.taken(FormData([*FORM, ("to", NET), (f"kind:{NET}", "hie_network"), ("participants", "named")]), Answers("part2_specific"))
    assert [e.cite for e in elements.unsigned(drafting.drafted("Patient/p", taken))] == ["42 CFR 2.31(a)(4)(ii)"]


def test_recipients_are_added_and_taken_out_and_only_of_types_that_can_receive() -> None:
    both = [("to", NET), ("to", CLINIC)]
    assert keys(*both, ("remove", NET)) == [CLINIC]
    assert keys(("to", CLINIC), ("add", f"{NET}|third_party")) == [CLINIC, NET]
    assert keys(("to", CLINIC), ("add", "Patient/p|third_party")) == [CLINIC]


def test_what_a_kind_does_not_ask_cannot_be_sent() -> None:
    taken = asked.taken(FormData([("purpose", "HRESCH"), ("class", "nobody"), ("what", "some"), ("category", "medications"), ("grounds", "self_pay"), ("expiry", "none")]), Answers("part2_tpo_single"))
    made = drafting.drafted("Patient/p", taken)
    assert terms.purposes(made["provision"]) == ["TREAT", "HPAYMT", "HOPERAT"]
    assert "actor" not in made["provision"]
    assert terms.value(made, terms.GROUNDS) is None


def test_days_that_are_none_are_no_days() -> None:
    taken = asked.taken(FormData([("expiry", "date"), ("until", "2099-13-45"), ("data_from", "soon")]), Answers("part2_specific"))
    assert (taken.until, taken.data_from) == ("", "")
