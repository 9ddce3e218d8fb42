"""Other ways to and from the sample: a health exchange that brings documents, a Direct mailbox."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sojourn.care.summaries import bringing
from sojourn.care.summaries.bringing import Brought
from sojourn.cli.riverbend_desk import at_browser
from sojourn.gate.access import Access
from sojourn.gate.exchange import agreed, direct, directtrust, partners, profile, trying
from sojourn.gate.exchange.agreed import Agreed
from sojourn.gate.exchange.direct import Correspondent, Mailbox
from sojourn.gate.exchange.keeping import Keeper
from sojourn.gate.exchange.partners import Partner
from sojourn.gate.exchange.profile import Profile
from sojourn.gate.gate import Gate
from sojourn.sample.parts import BASE
from sojourn.wire import trust

EXCHANGE = "Three Rivers Health Exchange"
PRACTICE = "Lakeside Primary Care"
OURS, THEIRS = "records@direct.riverbend.example", "records@direct.lakeside.example"
NO_HISP = "There is no HISP behind the sample: nothing is sent, and nothing is fetched."
_LETTER = """MERCY GENERAL HOSPITAL

Emergency department, visit summary

Patient: {name}      Date of birth: {born}
Seen on: {day}

Came in with palpitations after two nights without sleep. Electrocardiogram without findings.
Went home the same evening. Please see within a week.
"""


async def lay_out(gate: Gate, today: date) -> None:
    """Once. What the exchange brings is kept as if it had come; the server does it when it starts."""
    async with at_browser(gate, "ivy") as ivy:
        there = {p.name: p for p in await partners.every(ivy)}
        if EXCHANGE not in there or await direct.mailbox(ivy) is not None:
            return
        async with at_browser(gate, "priya") as priya:
            await _brought(gate, priya, there[EXCHANGE], today)
        if PRACTICE in there:
            await _direct(ivy, there[PRACTICE], today)


async def join(gate: Gate, today: date) -> None:
    """Once, before anything else happens: the exchange is to be told of who comes and goes, in a file a day. What consents do not permit is held back."""
    async with at_browser(gate, "ivy") as ivy:
        found = (await ivy.search("Organization", [("name:exact", EXCHANGE)], count=1)).matches
        if found and EXCHANGE not in {p.name for p in await partners.every(ivy)}:
            await _exchange(ivy, f"Organization/{found[0].id}", today)


async def _exchange(ivy: Access, organization: str, today: date) -> None:
    agreement = Agreed(data="Documents in; who somebody is, and documents, out to who asks", purpose="TREAT", gives="consent", answers=ivy.caller.account, kind="qsoa", where="In the folder of contracts, 2025-031", begins=today - timedelta(days=90), ends=today + timedelta(days=275))
    told = Profile(kinds=("ADT^A01", "ADT^A02", "ADT^A03", "ADT^A04", "ADT^A08"), batch=24, our_place="RIVERBEND", theirs="TRHIE", their_place="THREE RIVERS")
    made = Partner(
        "", EXCHANGE, door="none", contact="Their service desk", organization=organization, authorities={f"{BASE}mrn": f"{BASE}mrn"}, agreed=agreed.facts(agreement),
        sending=profile.facts(profile.checked(told, organization, ivy.now)),
    )  # fmt: skip
    kept = await partners.put(ivy, made, None, "We joined the exchange. Its server is not entered yet: nobody is asked there.")
    await trying.before(ivy, kept.id, "A week of files was read by them before Sojourn was installed here.")


async def _brought(gate: Gate, priya: Access, partner: Partner, today: date) -> None:
    """One about somebody under our record number, one under a number of theirs."""
    found = await priya.search("EpisodeOfCare", [("status", "active"), ("_include", "EpisodeOfCare:patient")], count=60)
    people = sorted((s.resource for s in found.included if s.resource.get("identifier") and "1900" < str(s.resource.get("birthDate", "")) < f"{today.year - 18}"), key=lambda r: str(r["identifier"][0].get("value", "")))
    keeper = Keeper(gate.house)
    for n, person in enumerate(people[4:6]):
        name, day = person["name"][0], (today - timedelta(days=2 + n)).isoformat()
        number = {"system": f"{BASE}mrn", "value": person["identifier"][0]["value"]} if n == 0 else {"system": "urn:oid:2.16.840.1.113883.3.9999.31", "value": "TR-70318"}
        text = _LETTER.format(name=f"{name['given'][0]} {name['family']}", born=person["birthDate"], day=day).encode()
        patient = {"resourceType": "Patient", "identifier": [number], "name": [{"family": name["family"], "given": name["given"][:1]}], "birthDate": person["birthDate"]}
        reference = {"resourceType": "DocumentReference", "status": "current", "type": {"text": "Discharge summary from elsewhere"}, "date": f"{day}T18:00:00Z", "author": [{"display": "Mercy General Hospital"}]}
        one = Brought(reference, patient, f"urn:oid:2.16.840.1.113883.3.9999.31.{n + 1}", "text/plain", 1, text)
        await keeper.keep(gate.house.tenants[priya.tenant.number], bringing.came(priya, partner, one))


async def _direct(ivy: Access, practice: Partner, today: date) -> None:
    """Our mailbox, which is stopped since nobody keeps it, and how the practice writes. The certificates are of an authority made up for the sample."""
    anchor = _issued("Sample trust anchor, not real", None, today, mail="")
    ours, theirs = (_issued(mail, anchor, today, mail=mail) for mail in (OURS, THEIRS))
    box = Mailbox(OURS, "smtp.hisp.example", 587, "imap.hisp.example", 993, OURS, trust.pem(ours[0]))
    key = ours[1].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    await direct.put_mailbox(ivy, box, None, password="not a password", key=key, reason="For when a HISP is chosen.")  # noqa: S106 - of a mailbox that is not there
    if (kept := await direct.mailbox(ivy)) is not None:
        await direct.put_mailbox(ivy, replace(kept[0], state="stopped"), kept[0], reason=NO_HISP)
    await direct.put(ivy, Correspondent(practice.id, (THEIRS,)), None, "They told us by telephone.")
    for kind, certificate in ((directtrust.ANCHOR, anchor[0]), (directtrust.ADDRESS, theirs[0])):
        await directtrust.add(ivy, practice.id, kind, trust.pem(certificate))


def _issued(name: str, by: tuple[x509.Certificate, rsa.RSAPrivateKey] | None, today: date, *, mail: str) -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject, begins = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), datetime.combine(today, time(), UTC) - timedelta(days=30)
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(by[0].subject if by else subject).public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(begins).not_valid_after(begins + timedelta(days=365 * 3)).add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
    )  # fmt: skip
    if mail:
        made = made.add_extension(x509.SubjectAlternativeName([x509.RFC822Name(mail)]), critical=False).add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    return made.sign(by[1] if by else key, hashes.SHA256()), key
