"""How a partner connects by SFTP or Direct: who says so, what is not sound, whose key and address is whose; and how letters and lists are kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from sojourn.base import clock, errors
from sojourn.gate.access import Access
from sojourn.gate.exchange import boxes, direct, directlists, partners, sftp
from sojourn.gate.exchange.direct import Correspondent, Mailbox, Secret
from sojourn.gate.exchange.partners import Partner
from sojourn.gate.exchange.sftp import Account
from sojourn.wire import trust
from tests.doors.sftp.partner import COUNTY, KEY, OTHER, public
from tests.doors.sftp.test_routes import service
from tests.gate.test_proofs import signed_in
from tests.gate.test_signin import clinic
from tests.people import A, B, Clinic
from tests.web.real import ADMIN, later
from tests.wire import authorities as ca

__all__ = ["clinic"]
MB = 1_000_000
ACCOUNT = Account("county", "cedar-county", most=10 * MB, quota=20 * MB)


async def registered(clinic: Clinic, made: Partner = COUNTY, tenant: int = A) -> None:
    await clinic.gate.house.db.call("SELECT gate.exchange_put_partner($1, $2, $3, 'active', NULL, 'test', '', $4)", tenant, made.id, partners.facts(made), clock.now())


async def late(clinic: Clinic) -> Access:
    """An administrator who proved who they are too long ago."""
    admin = await signed_in(clinic, ADMIN)
    later(minutes=5, seconds=1)
    return clinic.gate.access_of(admin.caller)


async def trail(clinic: Clinic, like: str) -> list[tuple[str, ...]]:
    return [tuple(r) for r in await clinic.owner.fetch("SELECT account, action, outcome FROM record.audit WHERE action LIKE $1 AND outcome = 'done' ORDER BY n", like)]


# --- boxes ----------------------------------------------------------------------------------------------------------------------------


async def test_boxes_are_opened_changed_and_shut_by_an_administrator_with_a_recent_proof(clinic: Clinic) -> None:
    await registered(clinic)
    other, old = await signed_in(clinic, "mh-clinician"), await late(clinic)
    for who, error in ((other, errors.Forbidden), (old, errors.ProofNeeded)):
        for act in (sftp.put(who, ACCOUNT, None), sftp.move(who, "county", "stopped", "Why."), sftp.add_key(who, "county", public(KEY).text, public(KEY).fingerprint, ""), sftp.revoke_key(who, "county", "key", "Why.")):
            with pytest.raises(error):
                await act
    for read in (sftp.one(other, COUNTY), sftp.keys(other, "county")):
        with pytest.raises(errors.Forbidden):
            await read
    admin = await signed_in(clinic, ADMIN)
    assert await sftp.one(admin, COUNTY) is None
    with pytest.raises(errors.NotFound):
        await sftp.move(admin, "county", "stopped", "Why.")
    for partner in ("nobody", ""):
        with pytest.raises(errors.NotFound):
            await sftp.put(admin, replace(ACCOUNT, partner=partner), None)
    await sftp.put(admin, ACCOUNT, None)
    made = await sftp.one(admin, COUNTY)
    assert made is not None
    assert replace(made, since=None, author="") == ACCOUNT
    with pytest.raises(errors.VersionConflict):
        await sftp.put(admin, replace(ACCOUNT, most=MB), None)
    later(seconds=1)
    for state, why in (("shut", "Why."), ("stopped", " ")):
        with pytest.raises(errors.Malformed):
            await sftp.move(admin, "county", state, why)
    await sftp.move(admin, "county", "stopped", " The contract ended. ")
    after = await sftp.one(admin, COUNTY)
    assert after is not None
    assert (after.active, after.reason, after.author, after.login) == (False, "The contract ended.", ADMIN, "cedar-county")
    with pytest.raises(errors.VersionConflict):
        await sftp.put(admin, replace(made, most=MB), made)
    assert await trail(clinic, "sftp-%") == [(ADMIN, "sftp-open", "done"), (ADMIN, "sftp-change", "done")]


@pytest.mark.parametrize(("change", "words"), [
    ({"login": "ab"}, "3 to 32"), ({"login": "1abc"}, "a letter first"), ({"login": "Abc"}, "small letters"), ({"login": "a" * 33}, "3 to 32"), ({"most": 0}, "at most 2,000"), ({"most": 2000 * MB + 1, "quota": 9000 * MB}, "at most 2,000"), ({"quota": 10 * MB - 1}, "room for one"),
    ({"quota": 100_000 * MB + 1}, "room for one"), ({"brings": "nobody"}, "that is registered"), ({"gets": "nobody"}, "that is registered"), ({"brings": "theirs"}, "a service of ours"), ({"gets": "mover"}, "a service of their organization"),
    ({"gets": "elses"}, "of another organization"), ({"every": 24}, "for which service"), ({"every": 5, "gets": "theirs"}, "for which service"), ({"seals": True}, "OpenPGP"), ({"signs": True, "pgp": " "}, "OpenPGP"),
])  # fmt: skip
async def test_what_is_not_sound_opens_no_box(clinic: Clinic, change: dict[str, Any], words: str) -> None:
    await registered(clinic, replace(COUNTY, organization="Organization/tpo"))
    await service(clinic)
    for client, organization in (("theirs", "Organization/tpo"), ("elses", "Organization/specific")):
        await service(clinic, client, whose="outside", organization=organization, role="", programs=())
    admin = await signed_in(clinic, ADMIN)
    with pytest.raises(errors.Malformed, match=words):
        await sftp.put(admin, replace(ACCOUNT, **change), None)
    await sftp.put(admin, replace(ACCOUNT, brings="mover", gets="theirs", every=24, most=2000 * MB, quota=2000 * MB), None)


async def test_what_leaves_is_decided_for_nobody_where_nobody_said_which_organization_they_are(clinic: Clinic) -> None:
    await registered(clinic)
    await service(clinic, "theirs", whose="outside", organization="Organization/tpo", role="", programs=())
    with pytest.raises(errors.Malformed, match="Enter there which they are"):
        await sftp.put(await signed_in(clinic, ADMIN), replace(ACCOUNT, gets="theirs"), None)


async def test_a_key_is_one_partner_s_from_a_day_to_a_day_that_is_to_come(clinic: Clinic) -> None:
    await registered(clinic)
    await registered(clinic, replace(COUNTY, id="other"))
    admin = await signed_in(clinic, ADMIN)
    now = admin.now
    for start, until in ((None, now), (None, now - timedelta(days=1)), (now + timedelta(days=2), now + timedelta(days=2)), (now - timedelta(days=2), now - timedelta(days=1))):
        with pytest.raises(errors.Malformed):
            await sftp.add_key(admin, "county", public(KEY).text, public(KEY).fingerprint, "", start, until)
    with pytest.raises(errors.NotFound):
        await sftp.add_key(admin, "nobody", public(KEY).text, public(KEY).fingerprint, "")
    key = await sftp.add_key(admin, "county", public(KEY).text, public(KEY).fingerprint, " Theirs ", None, now + timedelta(seconds=1))
    with pytest.raises(errors.Conflict):
        await sftp.add_key(admin, "county", public(KEY).text, public(KEY).fingerprint, "")
    (one,) = await sftp.keys(admin, "county")
    assert (one.key, one.name, one.good_from, one.good_to, one.author, one.revoked, one.used) == (key, "Theirs", now, now + timedelta(seconds=1), "Robin Castellanos", None, None)
    assert await sftp.keys(admin, "other") == []
    for partner, id_ in (("other", key), ("county", "none")):
        with pytest.raises(errors.NotFound):
            await sftp.revoke_key(admin, partner, id_, "Lost.")
    await sftp.revoke_key(admin, "county", key, " Lost. ")
    with pytest.raises(errors.NotFound):
        await sftp.revoke_key(admin, "county", key, "Again.")
    (one,) = await sftp.keys(admin, "county")
    assert (one.revoked, one.reason) == (clock.now(), "Lost.")
    await sftp.add_key(admin, "county", public(OTHER).text, public(OTHER).fingerprint, "")
    assert [k.revoked is None for k in await sftp.keys(admin, "county")] == [True, False]
    assert await trail(clinic, "sftp-%") == [(ADMIN, "sftp-key-add", "done"), (ADMIN, "sftp-key-revoke", "done"), (ADMIN, "sftp-key-add", "done")]


async def test_a_file_is_a_partners_own_by_name_and_by_content(clinic: Clinic) -> None:
    """What is sealed for one organization, partner and file is neither found nor read as another's."""
    house, tenants = clinic.gate.house, clinic.gate.house.tenants
    mine = boxes.Box(house, tenants[A], ACCOUNT, "key")
    paths = [box._path(name) for box, name in ((mine, "a"), (mine, "b"), (boxes.Box(house, tenants[B], ACCOUNT, "key"), "a"), (boxes.Box(house, tenants[A], replace(ACCOUNT, partner="other"), "key"), "a"), (boxes.Box(house, tenants[A], ACCOUNT, "key", "errand"), "a"))]
    assert len(set(paths)) == 5
    assert paths[0] == boxes.Box(house, tenants[A], ACCOUNT, "another key")._path("a")
    contexts = {mine._context("f", 1), mine._context("f", 2), mine._context("g", 1), mine._context("f", "name"), boxes.Box(house, tenants[B], ACCOUNT, "key")._context("f", 1)}
    assert len(contexts) == 5


# --- Direct ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("addresses", "writes", "does"), [
    (("clinic@direct.example.org",), "clinic@direct.example.org", True), (("clinic@direct.example.org",), "Clinic@DIRECT.example.org", True), (("clinic@direct.example.org",), "x@direct.example.org", False), (("@direct.example.org",), "x@Direct.example.org", True),
    (("@direct.example.org",), "x@other.direct.example.org", False), (("@direct.example.org",), "x@direct.example.org.test", False), ((), "x@y.test", False), (("@example.org",), "a@direct.example.org@example.org", True),
])  # fmt: skip
def test_a_letter_is_of_whose_address_it_comes_from(addresses: tuple[str, ...], writes: str, does: bool) -> None:
    assert Correspondent("cedar", addresses).writes_from(writes) is does


US = "records@direct.sojourn.test"
NOTHING = Secret("")
BOX = Mailbox(US, "smtp.hisp.test", 587, "imap.hisp.test", 993, "us")


def pem(holder: Any, password: bytes | None = None) -> str:
    return str(holder.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password) if password else NoEncryption()).decode())


def sound(change: dict[str, Any], secret: Secret = NOTHING, password: str = "pw", key: str | None = None) -> tuple[Mailbox, Secret]:
    own = ca.address(US)
    return direct.checked(replace(BOX, certificates=trust.pem(own.certificate), **change), secret, password, pem(own) if key is None else key, clock.now())


@pytest.mark.parametrize(("change", "words"), [
    ({"address": "records"}, "written as"), ({"smtp": ""}, "where the HISP"), ({"imap": "a b"}, "where the HISP"), ({"smtp_port": 0}, "where the HISP"), ({"imap_port": 65536}, "where the HISP"), ({"login": " "}, "where the HISP"), ({"every": 9}, "every 10"), ({"every": 3601}, "every 10"),
    ({"address": "other@direct.sojourn.test"}, "for another address"), ({"authority": "nothing"}, "written as PEM"), ({"certificates": ""}, "written as PEM"),
])  # fmt: skip
def test_a_mailbox_that_is_not_sound_is_refused_with_what_to_do(change: dict[str, Any], words: str) -> None:
    with pytest.raises(errors.Malformed, match=words):
        sound(change) if "certificates" not in change else direct.checked(replace(BOX, **change), NOTHING, "pw", pem(ca.address(US)), clock.now())


def test_a_mailbox_has_a_password_and_the_key_of_its_certificate_and_opens_what_was_sealed_to_the_keys_before() -> None:
    own = ca.address(US)
    for password, key, words in (("", None, "password"), ("pw", "", "private key"), ("pw", "hello", "written as PEM"), ("pw", pem(own, b"secret"), "without a password"), ("pw", pem(ca.address("x@y.test")), "not the private key")):
        with pytest.raises(errors.Malformed, match=words):
            sound({}, password=password, key=key)
    box, secret = sound({"address": f" {US.upper()} ", "smtp": " smtp.hisp.test "})
    assert (box.address, box.smtp, secret.password, len(secret.keys)) == (US, "smtp.hisp.test", "pw", 1)
    again, kept = sound({}, secret, password="", key="")
    assert (kept, again.certificates) == (secret, box.certificates), "what is not entered stays"
    keys = secret.keys
    for n in range(5):
        newer = ca.issued(f"newer{n}", ca.root(), mail=US)
        _, secret = direct.checked(replace(BOX, certificates=trust.pem(newer.certificate)), secret, "", pem(newer), clock.now())
        keys = ((trust.pem(newer.certificate), pem(newer)), *keys)[:4]
        assert secret.keys == keys
    assert next(h.certificate.serial_number for h in direct.holders(secret)) == newer.certificate.serial_number
    with pytest.raises(errors.Malformed, match="private key"):
        sound({}, secret, key="")
    over = ca.issued("over", ca.root(), mail=US, until=clock.now() - timedelta(seconds=1))
    with pytest.raises(errors.Malformed, match="expired"):
        direct.checked(replace(BOX, certificates=trust.pem(over.certificate)), NOTHING, "pw", pem(over), clock.now())


async def test_how_partners_write_is_said_by_an_administrator_and_no_address_is_twos(clinic: Clinic) -> None:
    for id_ in ("county", "other"):
        await registered(clinic, replace(COUNTY, id=id_))
    one = Correspondent("county", ("clinic@direct.example.org", "@direct.cedar.test"))
    other, old = await signed_in(clinic, "mh-clinician"), await late(clinic)
    for act in (direct.one(other, "county"), direct.mailbox(other), direct.refusals(other)):
        with pytest.raises(errors.Forbidden):
            await act
    for who, error in ((other, errors.Forbidden), (old, errors.ProofNeeded)):
        for act in (direct.put(who, one, None), direct.put_mailbox(who, BOX, None)):
            with pytest.raises(error):
                await act
    with pytest.raises(errors.Forbidden):
        await direct.saw(other, "00")
    admin = await signed_in(clinic, ADMIN)
    for addresses in ((), (" ",), ("nobody",), ("@nowhere",), ("@direct.example.org", "x")):
        with pytest.raises(errors.Malformed, match="Write each address"):
            await direct.put(admin, replace(one, addresses=addresses), None)
    with pytest.raises(errors.NotFound):
        await direct.put(admin, replace(one, partner="nobody"), None)
    await direct.put(admin, replace(one, addresses=(" Clinic@direct.example.org ", "clinic@DIRECT.example.org", "@direct.cedar.test")), None)
    made = await direct.one(admin, "county")
    assert made is not None
    assert (made.addresses, made.author) == (one.addresses, ADMIN)
    for address in one.addresses:
        with pytest.raises(errors.Malformed, match="another partner's"):
            await direct.put(admin, Correspondent("other", (address.upper(), "else@else.test")), None)
    later(seconds=1)
    await direct.put(admin, replace(made, state="stopped"), made, "Why.")
    await direct.put(admin, Correspondent("other", one.addresses), None)
    stopped = await direct.one(admin, "county")
    assert stopped is not None
    with pytest.raises(errors.Malformed, match="another partner's"):
        await direct.put(admin, replace(stopped, state="active"), stopped)
    with pytest.raises(errors.VersionConflict):
        await direct.put(admin, replace(made, addresses=("new@new.test",)), made)
    assert await trail(clinic, "direct-%") == [(ADMIN, "direct-partner", "done")] * 3


async def test_what_was_not_taken_is_looked_at_once_and_named_by_nothing_that_it_says(clinic: Clinic) -> None:
    house, tenants = clinic.gate.house, clinic.gate.house.tenants
    await direct.refuse(house, tenants[A], b"raw", "x" * 300, "The reason")
    await direct.refuse(house, tenants[B], b"raw", "them@else.test", "Of another organization")
    admin = await signed_in(clinic, ADMIN)
    (one,) = await direct.refusals(admin)
    assert (one.sender, one.reason, one.seen, one.by) == ("x" * 250, "The reason", None, "")
    with pytest.raises(errors.Malformed):
        await direct.saw(admin, "no name")
    await direct.saw(admin, one.mail)
    with pytest.raises(errors.Conflict):
        await direct.saw(admin, one.mail)
    (one,) = await direct.refusals(admin)
    assert (one.seen, one.by) == (clock.now(), "Robin Castellanos")
    assert one.mail != (await clinic.owner.fetchval("SELECT encode(mail, 'hex') FROM record.direct_refused WHERE tenant = $1", B)), "the same bytes elsewhere have another name"


async def test_a_letter_is_of_the_partner_to_whom_it_went(clinic: Clinic) -> None:
    for id_ in ("county", "other"):
        await registered(clinic, replace(COUNTY, id=id_))
    house, tenant = clinic.gate.house, clinic.gate.house.tenants[A]
    assert await direct.leave(house, tenant, "<1@us>", "county") == direct.LEAVING
    assert not await direct.became(house, tenant, "<1@us>", "other", direct.FAILED, "They say so.")
    assert not await direct.became(house, clinic.gate.house.tenants[B], "<1@us>", "county", direct.FAILED, "They say so.")
    (letter,) = await direct.letters(house, tenant, "county")
    assert (letter.state, letter.why) == (direct.LEAVING, "")
    assert await direct.became(house, tenant, "<1@us>", "county", direct.SENT)
    assert await direct.became(house, tenant, "<1@us>", "county", direct.FAILED, "w" * 400)
    (letter,) = await direct.letters(house, tenant, "county", "<1@us>")
    assert (letter.state, letter.why) == (direct.FAILED, "w" * 300)
    assert await direct.letters(house, tenant, "other") == await direct.letters(house, tenant, "county", "<2@us>") == []


# --- revocation lists of Direct -------------------------------------------------------------------------------------------------------


async def test_a_list_is_asked_for_again_when_it_is_old_and_one_that_is_no_good_after_a_pause(clinic: Clinic) -> None:
    house, tenant, root = clinic.gate.house, clinic.gate.house.tenants[A], ca.root()
    them = ca.issued("listed here", root, mail="x@y.test", lists="http://lists.test/root.crl")
    asked: list[str] = []
    body: bytes | None = None

    async def fetch(url: str) -> bytes | None:
        asked.append(url)
        return body

    async def refresh(**step: float) -> tuple[bool, bool, str]:
        """Whether anything was asked for, whether a list is here, what was wrong last."""
        later(**step)
        asking = await directlists.refresh(house, tenant, [them.certificate, root.certificate], fetch)
        (one,) = await directlists.fetched(house, tenant)
        return asking, one.found is not None, one.problem.partition(".")[0]

    assert await directlists.refresh(house, tenant, [root.certificate], fetch) is False
    assert await directlists.refresh(house, tenant, [ca.issued("unlisted", root, mail="x@y.test").certificate, root.certificate], fetch) is False
    assert await refresh() == (True, False, "It could not be fetched")
    body = ca.revocations(root, until=clock.now() + timedelta(days=2)).public_bytes(Encoding.PEM)
    assert await refresh(minutes=29, seconds=59) == (False, False, "It could not be fetched")
    assert await refresh(seconds=1) == (True, True, "")
    body = None
    assert await refresh(hours=11, minutes=59) == (False, True, "")
    assert await refresh(minutes=1) == (True, True, "It could not be fetched"), "what it said stays"
    body = ca.revocations(ca.root("Other root"), until=clock.now() + timedelta(days=9)).public_bytes(Encoding.DER)
    assert await refresh(minutes=31) == (True, True, "What is there is no list of that authority that is good now")
    body = ca.revocations(root, until=clock.now() + timedelta(days=1)).public_bytes(Encoding.DER)
    assert await refresh(minutes=31) == (True, True, "")
    body = b"nonsense"
    assert await refresh(days=1, seconds=1) == (True, True, "What is there is no list of that authority that is good now"), "its time is over"
    assert set(asked) == {"http://lists.test/root.crl"}
