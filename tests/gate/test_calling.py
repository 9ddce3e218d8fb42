"""Where somebody is reached when they are not signed in: begun and proved by themselves with a recent proof, told to others by its kind alone."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest

from sojourn.base import errors
from sojourn.gate import calling, channels
from sojourn.gate.access import Access
from sojourn.gate.channels import EMAIL, SMS, Message
from tests.gate.test_proofs import signed_in
from tests.gate.test_signin import clinic
from tests.people import Clinic
from tests.web.real import later

__all__ = ["clinic"]
NUMBER, MAIL = "+15185550142", "robin@example.org"
WHO, OTHER = "mh-clinician", "sud-clinician"


@dataclass
class Sending:
    """A channel that keeps what it is given. answer: what it says; problem: why it does not work."""

    given: list[Message] = field(default_factory=list)
    answer: str = channels.GIVEN
    problem: str = ""

    async def send(self, message: Message) -> str:
        self.given.append(message)
        return self.answer

    async def look(self) -> None:
        """Nothing."""

    @property
    def code(self) -> str:
        """The newest one that came."""
        return str(re.findall(r"\d{6}", self.given[-1].text)[0])


def reaching(clinic: Clinic) -> tuple[Sending, Sending]:
    texts, mails = Sending(), Sending()
    clinic.gate.house.channels = {SMS: texts, EMAIL: mails}
    return texts, mails


def again(clinic: Clinic, access: Access) -> Access:
    """The same session, now."""
    return clinic.gate.access_of(access.caller)


async def proved(clinic: Clinic, access: Access, channel: Sending, means: str = SMS, to: str = NUMBER) -> None:
    await calling.begin(access, means, to)
    assert await calling.prove(access, channel.code)


async def test_a_code_is_of_the_account_and_the_place_that_it_was_sent_for(clinic: Clinic) -> None:
    texts, mails = reaching(clinic)
    me, other = await signed_in(clinic, WHO), await signed_in(clinic, OTHER)
    await calling.begin(me, SMS, NUMBER)
    mine = texts.code
    await calling.begin(other, SMS, "+15185550143")
    assert not await calling.prove(other, mine) or mine == texts.code
    assert [(p.means, p.shown, p.proved) for p in await calling.places(me)] == [(SMS, "…0142", None)]
    assert await calling.prove(me, f" {mine[:3]} {mine[3:]} ")
    assert not await calling.prove(me, mine), "it is good once"
    await calling.begin(me, EMAIL, MAIL)
    first, second = await calling.places(me)
    assert [(p.means, p.shown, p.proved is None) for p in (first, second)] == [(SMS, "…0142", False), (EMAIL, "r…@example.org", True)], "what counts comes first"
    later(minutes=4)
    await calling.begin(again(clinic, me), EMAIL, MAIL)
    later(minutes=9, seconds=59)
    assert len(await calling.places(me)) == 2
    later(seconds=1)
    assert await calling.places(me) == [first], "it waits for its code so long"
    assert not await calling.prove(await signed_in(clinic, WHO), mails.code)
    assert MAIL not in (await clinic.owner.fetchval("SELECT string_agg(sealed || means, '') FROM record.call_place"))
    assert {r["account"] for r in await clinic.owner.fetch("SELECT account FROM record.call_place WHERE proved IS NOT NULL")} == {WHO}


async def test_every_step_takes_a_recent_proof_and_a_session_that_is_good(clinic: Clinic) -> None:
    texts, _ = reaching(clinic)
    me = await signed_in(clinic, WHO)
    await calling.begin(me, SMS, NUMBER)
    later(minutes=5, seconds=1)
    late = again(clinic, me)
    for act in (calling.begin(late, SMS, NUMBER), calling.prove(late, texts.code), calling.end(late)):
        with pytest.raises(errors.ProofNeeded):
            await act
    assert await calling.prove(await signed_in(clinic, WHO), texts.code)
    me = await signed_in(clinic, WHO)
    await clinic.owner.execute("UPDATE record.account SET generation = generation + 1 WHERE tenant = 1 AND account = $1", WHO)
    for act in (calling.begin(me, SMS, NUMBER), calling.prove(me, texts.code), calling.end(me)):
        with pytest.raises(errors.StaleCredential):
            await act
    assert len(texts.given) == 1


async def test_what_cannot_be_reached_is_said_with_what_to_do_and_sends_nothing(clinic: Clinic) -> None:
    texts, mails = reaching(clinic)
    me = await signed_in(clinic, WHO)
    for means, to, words in (("pager", NUMBER, "Choose how"), (SMS, MAIL, "Write a mobile number"), (EMAIL, NUMBER, "Write an e-mail address")):
        with pytest.raises(errors.Malformed, match=words):
            await calling.begin(me, means, to)
    assert (texts.given, mails.given) == ([], [])
    for answer, words in ((channels.REFUSED, "Nothing can be sent there"), (channels.LATER, "could not be sent now")):
        texts.answer = answer
        with pytest.raises(errors.Conflict, match=words):
            await calling.begin(me, SMS, NUMBER)
    clinic.gate.house.channels = {SMS: texts}
    with pytest.raises(errors.Malformed, match="Choose how"):
        await calling.begin(me, EMAIL, MAIL)


async def test_others_are_told_by_what_somebody_is_reached_and_never_where(clinic: Clinic) -> None:
    texts, mails = reaching(clinic)
    me, other = await signed_in(clinic, WHO), await signed_in(clinic, OTHER)
    assert await calling.reached(other) == {}
    await proved(clinic, me, texts)
    await calling.begin(other, EMAIL, MAIL)
    assert await calling.reached(other) == {f"Practitioner/{WHO}": "text"}, "what is not proved does not count"
    assert await calling.prove(other, mails.code)
    assert await calling.reached(me) == {f"Practitioner/{WHO}": "text", f"Practitioner/{OTHER}": "e-mail"}
    texts.problem = "The gateway does not answer."
    assert calling.problems(me) == [("text", "The gateway does not answer.")]
    clinic.gate.house.channels = {EMAIL: mails}
    assert await calling.reached(me) == {f"Practitioner/{OTHER}": "e-mail"}, "by what is not there any more nobody is reached"
    clinic.gate.house.channels = {}
    assert await calling.reached(me) == {}
    await calling.end(other)
    assert (await calling.places(other), [p.means for p in await calling.places(me)]) == ([], [SMS]), "one's own"
    trail = await clinic.owner.fetch("SELECT account, action, query FROM record.audit WHERE action LIKE 'call-place%' ORDER BY n")
    assert [tuple(line) for line in trail] == [
        (WHO, "call-place-begin", "kind=sms"), (WHO, "call-place-prove", ""), (OTHER, "call-place-begin", "kind=email"), (OTHER, "call-place-prove", ""), (OTHER, "call-place-end", ""),
    ]  # fmt: skip
