"""How a partner is asked about a client, what of the client is told, and which documents are fetched: one condition at a time. No database."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from sojourn.base import errors
from sojourn.fhir import codec
from sojourn.gate import disclosing
from sojourn.gate.exchange import asking
from sojourn.gate.exchange.asking import Ask, Paper, Service


@pytest.mark.parametrize("base", ["https://fhir.x.example/r4", "https://x.example:8443", "http://localhost:8080/fhir", "http://127.0.0.1/r4", "http://[::1]/r4", " https://x.example/r4/ "])
def test_partners_are_asked_by_https_or_on_this_machine(base: str) -> None:
    assert asking.checked(Service(base, on=True)).base == base.strip().rstrip("/")


@pytest.mark.parametrize(
    "base", ["http://x.example/r4", "ftp://x.example", "https:///r4", "x.example/r4", "https://me@x.example/r4", "https://me:pw@x.example/r4", "https://:pw@x.example/r4", "https://x.example/r4?x=1", "https://x.example/r4#x", "javascript:alert(1)", "http://localhost.x.example/r4"]
)
def test_they_are_asked_in_no_other_way_whether_or_not_that_is_on(base: str) -> None:
    for on in (True, False):
        with pytest.raises(errors.Malformed):
            asking.checked(Service(base, on=on))


def test_a_partner_may_have_no_address_only_while_they_are_not_asked() -> None:
    assert asking.checked(Service(" ", " me ", " a  b ")) == Service("", "me", "a b")
    with pytest.raises(errors.Malformed):
        asking.checked(Service("", on=True))


def test_what_a_newer_version_wrote_of_a_service_is_left_out() -> None:
    partner: Any = SimpleNamespace(fhir={"base": "https://x.example", "on": True, "later": 1})
    assert asking.service(partner) == Service("https://x.example", on=True)


SEEN = {
    "resourceType": "Patient", "id": "p", "meta": {"versionId": "3", "security": [{"code": "42CFRPart2"}], "tag": [{"code": "t"}]}, "name": [{"family": "Rivera"}], "birthDate": "1988-03-04", "gender": "female",
    "identifier": [{"value": "123-45-6789"}], "contact": [{"name": {"family": "Okafor"}}], "generalPractitioner": [{"reference": "Practitioner/x"}], "communication": [{"preferred": True}], "address": [{"city": "Lakeside"}], "maritalStatus": {}, "telecom": [{"value": "555"}], "deceasedBoolean": False,
}  # fmt: skip


class Partner:
    """A partner who sees this person, or whom an error keeps from it."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    async def read(self, type_: str, id_: str) -> Any:
        assert (type_, id_) == ("Patient", "p")
        if self.error is not None:
            raise self.error
        return SimpleNamespace(resource=SEEN)


async def test_of_a_client_is_told_by_what_they_are_found_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    async def prepare(_them: Any, body: bytes) -> Any:
        return SimpleNamespace(body=body, notice="n")

    monkeypatch.setattr(disclosing, "prepare", prepare)
    them: Any = Partner()
    out: Any = await asking.named(them, "p")
    assert codec.loads(out.body).keys() == {"resourceType", "id", "meta", "name", "birthDate", "gender", "address", "telecom"}
    told = codec.loads(asking.question(out))
    assert [p["name"] for p in told["parameter"]] == ["resource", "count"]
    assert told["parameter"][0]["resource"] == {"resourceType": "Patient", "name": [{"family": "Rivera"}], "birthDate": "1988-03-04", "gender": "female", "address": [{"city": "Lakeside"}], "telecom": [{"value": "555"}], "meta": {"security": [{"code": "42CFRPart2"}]}}
    out.notice = ""
    assert "meta" not in codec.loads(asking.question(out))["parameter"][0]["resource"]


@pytest.mark.parametrize("error", [errors.NotFound(), errors.Gone(), errors.Forbidden()])
async def test_a_client_whom_the_partner_may_not_see_is_not_named(error: Exception) -> None:
    them: Any = Partner(error)
    assert await asking.named(them, "p") is None


PAPERS = tuple(Paper(k, f"https://x.example/{k}", state=s, problem="x") for k, s in (("new", ""), ("bad", "failed"), ("here", "fetched"), ("mine", "taken"), ("soon", "wanted")))
ASK = Ask("i", "partner", "p", 1, "ana", state=asking.OPEN, papers=PAPERS, why="x")


def test_documents_that_are_not_here_yet_can_be_fetched_and_no_others() -> None:
    made = asking.wanted(ASK, ["new", "bad", "here", "mine", "elsewhere"])
    assert {p.key: (p.state, p.problem) for p in made.papers} == {"new": ("wanted", ""), "bad": ("wanted", ""), "here": ("fetched", "x"), "mine": ("taken", "x"), "soon": ("wanted", "x")}
    assert (made.state, made.next, made.why) == (asking.WAITING, asking.FETCH, "")
    for none in ([], ["here"], ["soon"], ["elsewhere"]):
        with pytest.raises(errors.Malformed):
            asking.wanted(ASK, none)


def test_one_document_changes_and_the_others_stay() -> None:
    made = asking.with_paper(ASK, replace(PAPERS[0], state="fetched"))
    assert [p.state for p in made.papers] == ["fetched", "failed", "fetched", "taken", "wanted"]


async def test_what_is_sent_again_as_it_was_is_the_same_disclosure(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[tuple[bytes, str, str]] = []

    async def record(_them: Any, _out: Any, payload: bytes, *, recipient: str, channel: str) -> str:
        written.append((payload, recipient, channel))
        return f"d{len(written)}"

    monkeypatch.setattr(disclosing, "record", record)
    nobody: Any = None
    first = await asking.told(nobody, ASK, nobody, b"one", "Organization/x")
    assert await asking.told(nobody, replace(ASK, sent=first), nobody, b"one", "Organization/x") == first
    second = await asking.told(nobody, replace(ASK, sent=first), nobody, b"two", "Organization/x")
    assert (first[1], second[1], first[0] != second[0]) == ("d1", "d2", True)
    assert written == [(b"one", "Organization/x", "query"), (b"two", "Organization/x", "query")]
