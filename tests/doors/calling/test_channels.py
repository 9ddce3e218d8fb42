"""Text messages and e-mail over their real protocols, to counterparts of our own."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from sojourn.app import create_app
from sojourn.base.settings import BadSetting, Settings
from sojourn.doors.calling import channels
from sojourn.doors.calling.looking import Looking
from sojourn.doors.calling.mailing import Mailing
from sojourn.doors.calling.texting import Texting
from sojourn.gate.channels import EMAIL, GIVEN, LATER, REFUSED, SMS, Message, address
from sojourn.record.database import Dsn
from tests.doors.calling.counterpart import Mails, Texts
from tests.doors.direct.hisp import authority

SAID = Message("k-1", "518-555-0199", "A reminder", "A reminder: you have an appointment.")


async def test_a_text_is_given_once_however_often_it_is_sent() -> None:
    there = Texts()
    channel = there.channel()
    assert [await channel.send(SAID), await channel.send(SAID)] == [GIVEN, GIVEN]
    assert there.given == {"k-1": ("+15185550199", SAID.text)}


@pytest.mark.parametrize("status", [302, 401, 404, 429, 500, 503])
async def test_a_gateway_that_does_not_take_it_is_asked_again_and_said(status: int) -> None:
    there = Texts()
    channel = there.channel()
    there.down = status
    assert (await channel.send(SAID), channel.problem) == (LATER, ""), "what is sent says nothing there"
    await channel.look()
    assert channel.problem
    there.down = 0
    await channel.look()
    assert channel.problem == ""


async def test_a_gateway_that_is_not_there_is_no_error() -> None:
    channel = Texting("http://127.0.0.1:9/api")
    assert await channel.send(SAID) == LATER
    await channel.look()
    assert channel.problem


async def test_a_number_that_is_none_is_refused() -> None:
    there = Texts()
    there.no = {"+15185550199"}
    channel = there.channel()
    assert await channel.send(SAID) == REFUSED
    assert await channel.send(SAID._replace(to="555-0199")) == REFUSED
    assert (there.given, channel.problem) == ({}, "")


LONG = ".".join(["x" * 62] * 3 + ["x" * 51, "example.org"])
"""A domain of 252 letters."""


@pytest.mark.parametrize(("means", "text", "is_"), [
    (SMS, "(518) 555-0199", "+15185550199"), (SMS, "1 518 555 0199", "+15185550199"), (SMS, "+49 30 901820", "+4930901820"), (SMS, "+1518555019\n9", ""), (SMS, "5185550199;ext=1", ""), (SMS, "911", ""),
    (SMS, "٥١٨٥٥٥٠١٩٩", ""), (SMS, "0118 999 881", ""), (EMAIL, " ana@clinic.example ", "ana@clinic.example"), (EMAIL, "ana@clinic.example\r\nBcc: all@x.example", ""), (EMAIL, "ana@x.example,bo@x.example", ""),
    (EMAIL, '"a b"@x.example', ""), (EMAIL, "Ana <ana@x.example>", ""), (EMAIL, "ana@localhost", ""), (EMAIL, "ana@-x.example", ""), (EMAIL, "a" * 65 + "@x.example", ""), (EMAIL, "änä@x.example", ""),
    (SMS, "5185550١٩٩", ""), (SMS, "+4930901٨٢٠", ""), (SMS, "518/555.01-99", "+15185550199"), (EMAIL, "a" * 64 + "@x.example", "a" * 64 + "@x.example"), (EMAIL, f"a@{LONG}", f"a@{LONG}"), (EMAIL, f"aa@{LONG}", ""),
])  # fmt: skip
def test_only_numbers_and_addresses_are_taken(means: str, text: str, is_: str) -> None:
    assert address(means, text) == is_


async def test_an_email_names_its_sender_and_nothing_else() -> None:
    there = Mails()
    async with there.open():
        channel = Mailing(f"127.0.0.1:{there.port}", "notices@example.org")
        assert await channel.send(Message("k-1", "ana@x.example", "A reminder", "You have an appointment.")) == GIVEN
        assert await channel.send(Message("k-1", "ana@x.example\r\nBcc: bo@x.example", "A reminder", "You have an appointment.")) == REFUSED
        there.no = {"bo@x.example"}
        assert await channel.send(Message("k-2", "bo@x.example", "A reminder", "You have an appointment.")) == REFUSED
        there.down = True
        assert await channel.send(Message("k-3", "ana@x.example", "A reminder", "You have an appointment.")) == LATER
        await channel.look()
        assert channel.problem
    (mail,) = there.mails()
    assert {k.lower() for k in mail} == {"from", "to", "subject", "date", "auto-submitted", "message-id", "content-type", "content-transfer-encoding", "mime-version"}
    assert (mail["from"], mail["to"], mail["subject"], str(mail.get_payload()).strip()) == ("notices@example.org", "ana@x.example", "A reminder", "You have an appointment.")


async def test_off_this_machine_nothing_goes_without_encryption_and_a_name_that_is_vouched_for() -> None:
    said = Message("k-1", "ana@x.example", "A reminder", "You have an appointment.")
    trusted = ssl.create_default_context(cadata=authority())
    trusted.check_hostname = False  # the counterpart's certificate is for its address
    plain, there = Mails(), Mails(tls=True, login="sojourn:river stone")
    async with plain.open(), there.open():
        refusing = Mailing(f"mail.example:{plain.port}", "notices@example.org", at="127.0.0.1", context=trusted)
        assert await refusing.send(said) == LATER
        await refusing.look()
        assert "encryption" in refusing.problem
        stranger = Mailing(f"mail.example:{there.port}", "notices@example.org", "sojourn", "river stone", at="127.0.0.1")
        assert await stranger.send(said) == LATER
        assert there.raw == []
        wrong = Mailing(f"mail.example:{there.port}", "notices@example.org", "sojourn", "other", at="127.0.0.1", context=trusted)
        assert await wrong.send(said) == LATER
        await wrong.look()
        assert "login" in wrong.problem
        right = Mailing(f"mail.example:{there.port}", "notices@example.org", "sojourn", "river stone", at="127.0.0.1", context=trusted)
        assert await right.send(said) == GIVEN
    assert len(there.raw) == 1
    assert plain.raw == []


@pytest.mark.parametrize("environment", [
    {"SOJOURN_TEXT_GATEWAY": "http://text.example/api"}, {"SOJOURN_TEXT_GATEWAY": "https://me:secret@text.example"}, {"SOJOURN_MAIL_SERVER": "mail.example:587"},
    {"SOJOURN_MAIL_SERVER": "mail.example:x", "SOJOURN_MAIL_FROM": "a@b.example"}, {"SOJOURN_TEXT_GATEWAY": "https://text.example", "SOJOURN_TEXT_TOKEN_FILE": "/nowhere/token"},
])  # fmt: skip
def test_a_setting_that_cannot_be_used_is_refused_without_repeating_it(environment: dict[str, str]) -> None:
    with pytest.raises(BadSetting) as refused:
        channels.of(Settings.from_environment(environment))
    assert not any(value in str(refused.value) for value in environment.values())


def test_what_is_named_is_there(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t")
    named = {"SOJOURN_TEXT_GATEWAY": "https://text.example/api", "SOJOURN_TEXT_TOKEN_FILE": str(tmp_path / "token"), "SOJOURN_MAIL_SERVER": "mail.example:465", "SOJOURN_MAIL_FROM": "notices@example.org"}
    assert set(channels.of(Settings.from_environment(named))) == {SMS, EMAIL}
    assert channels.of(Settings.from_environment({})) == {}


async def test_the_server_has_them_and_looks_at_them_by_itself(tmp_path: Path) -> None:
    app = create_app(Settings.from_environment({"SOJOURN_DATA": str(tmp_path), "SOJOURN_TEXT_GATEWAY": "http://127.0.0.1:9/api", "SOJOURN_ADDRESS": "https://ehr.example/"}), Dsn("postgresql://nowhere", "postgresql://nowhere"))
    house = app.state.gate.house
    assert (set(house.channels), house.address) == ({SMS}, "https://ehr.example")
    looking = Looking(house.channels)
    await looking.start()
    for _ in range(100):
        if house.channels[SMS].problem:
            break
        await asyncio.sleep(0.05)
    await looking.stop()
    assert "could not be asked" in house.channels[SMS].problem
