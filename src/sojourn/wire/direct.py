"""Messages of Direct secure messaging: written, sealed, opened, and the notices about them.

Applicability Statement for Secure Health Transport 1.2; Implementation Guide for Delivery Notification in Direct 1.0; RFC 8551 (S/MIME 4.0),
RFC 8098 (disposition notifications), RFC 3464 (delivery status). A message is wrapped whole (message/rfc822), signed, and encrypted, so that its
own headers are signed and hidden; the headers outside say who to whom, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage, MIMEPart
from email.utils import format_datetime
from typing import Final, NamedTuple

from cryptography import x509

from sojourn.wire import cms, mime
from sojourn.wire.cms import Holder, NotGood, Signed
from sojourn.wire.mime import Bytes, NotMail, Part

PROCESSED, DISPATCHED, FAILED, DISPLAYED = "processed", "dispatched", "failed", "displayed"
FINAL: Final = "X-DIRECT-FINAL-DESTINATION-DELIVERY"
SUBJECT: Final = "Direct message"
"""Of every message, outside: what a subject says is in the message that is sealed."""
_ENVELOPE: Final = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_SIGNATURE: Final = ("application/pkcs7-signature", "application/x-pkcs7-signature")
_ID: Final = re.compile(r"<[^<>\s]{3,250}>")


class File(NamedTuple):
    """One attachment. media: its media type, as its sender names it."""

    name: str
    media: str
    content: bytes


class Notice(NamedTuple):
    """What became of a message. about: its Message-ID; what: processed, dispatched, failed or displayed; final: it was delivered to where it was to go; why: in words."""

    about: str
    what: str
    final: bool = False
    why: str = ""


class Letter(NamedTuple):
    """One message. id: its Message-ID, with its brackets; asks: its sender wants to know that it was delivered; notice: it is about another one."""

    id: str
    sender: str
    recipient: str
    subject: str
    text: str
    files: tuple[File, ...] = ()
    asks: bool = False
    notice: Notice | None = None


class Outside(NamedTuple):
    """A message as it came: who says to have sent it to whom. sealed: what is to be decrypted."""

    id: str
    sender: str
    recipients: tuple[str, ...]
    sealed: Bytes


def new_id(unique: str, sender: str) -> str:
    """A Message-ID."""
    return f"<{unique}@{sender.rpartition('@')[2]}>"


# --- writing -----------------------------------------------------------------------------------------------------------------------


def written(letter: Letter, at: datetime) -> bytes:
    """A message as it is before it is sealed. Raises ValueError where a header would be more than one line."""
    made = _head(letter, at, letter.subject)
    if letter.asks:
        made["Disposition-Notification-To"] = letter.sender
        made["Disposition-Notification-Options"] = f"{FINAL}=optional,true"
    if letter.notice is not None:
        _report(made, letter)
    else:
        made.set_content(letter.text, cte="base64")
        for file in letter.files:
            main, _, sub = file.media.partition("/")
            made.add_attachment(file.content, maintype=main, subtype=sub, filename=file.name, cte="base64")
    return made.as_bytes(policy=policy.SMTP.clone(max_line_length=200))


def _head(letter: Letter, at: datetime, subject: str) -> EmailMessage:
    if not (mime.is_address(letter.sender) and mime.is_address(letter.recipient) and _ID.fullmatch(letter.id)):
        raise ValueError
    made = EmailMessage(policy=policy.SMTP)
    made["From"], made["To"], made["Date"], made["Message-ID"], made["Subject"] = letter.sender, letter.recipient, format_datetime(at.astimezone(UTC)), letter.id, subject
    made["MIME-Version"] = "1.0"
    return made


def _report(made: EmailMessage, letter: Letter) -> None:
    """A disposition notification (RFC 8098, 3) with the field of the delivery guide."""
    notice = letter.notice
    if notice is None or not _ID.fullmatch(notice.about):
        raise ValueError
    text = MIMEPart(policy=policy.SMTP)
    text.set_content(letter.text, cte="7bit", charset="us-ascii")
    said = [
        f"Reporting-UA: {letter.sender.rpartition('@')[2]}; Sojourn", f"Final-Recipient: rfc822;{letter.sender}", f"Original-Message-ID: {notice.about}",
        f"Disposition: automatic-action/MDN-sent-automatically;{notice.what}", *([f"{FINAL}: true"] if notice.final else []),
        *([f"Failure: {mime.plain(notice.why)[:200]}"] if notice.why else []),
    ]  # fmt: skip
    fields = MIMEPart(policy=policy.SMTP)
    fields["Content-Type"] = "message/disposition-notification"
    fields.set_payload("\r\n".join(said) + "\r\n")
    made["Content-Type"] = "multipart/report; report-type=disposition-notification"
    made.set_payload([text, fields])


def sealed(letter: Letter, at: datetime, holder: Holder, recipients: Sequence[x509.Certificate], unique: str, chain: Sequence[x509.Certificate] = ()) -> bytes:
    """A message as it leaves: wrapped, signed and encrypted. unique: what stands in no message. Raises ValueError."""
    entity = b"Content-Type: message/rfc822\r\nContent-Disposition: attachment; filename=message.eml\r\n\r\n" + written(letter, at)
    signature = MIMEPart(policy=policy.SMTP)
    signature.set_content(cms.signed(entity, holder, chain), maintype="application", subtype="pkcs7-signature", filename="smime.p7s", cte="base64")
    line = f"--=_{unique}".encode()
    both = (
        f'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256;\r\n boundary="=_{unique}"\r\n\r\n'.encode()
        + line + b"\r\n" + entity + b"\r\n" + line + b"\r\n" + signature.as_bytes() + b"\r\n" + line + b"--\r\n"
    )  # fmt: skip
    made = _head(letter, at, SUBJECT)
    made.set_content(cms.encrypted(both, recipients), maintype="application", subtype="pkcs7-mime", filename="smime.p7m", cte="base64", params={"smime-type": "enveloped-data"})
    return made.as_bytes()


# --- reading -----------------------------------------------------------------------------------------------------------------------


def outside(raw: bytes) -> Outside:
    """What can be read of a message by anybody. Raises NotMail."""
    if len(raw) > cms.MOST:
        raise NotMail("It is larger than a message may be.")
    whole = mime.part(raw)
    if whole.media not in _ENVELOPE or whole.parameter("smime-type").lower() not in ("", "enveloped-data"):
        raise NotMail("It is not encrypted. Only what is signed and encrypted is taken.")
    senders, recipients = mime.addresses(whole.headers.get("from", "")), mime.addresses(whole.headers.get("to", ""))
    if len(senders) != 1 or not recipients:
        raise NotMail("It does not say who sent it to whom.")
    return Outside(message_id(whole), senders[0], tuple(recipients), whole.decoded)


def message_id(whole: Part) -> str:
    """Its Message-ID with its brackets, or ''."""
    found = _ID.search(whole.headers.get("message-id", ""))
    return found[0] if found else ""


def opened(entity: Bytes) -> Signed:
    """What was signed, of what was decrypted: a part with its headers. Raises NotMail, NotGood."""
    whole = mime.part(entity)
    if whole.media in _ENVELOPE:
        if whole.parameter("smime-type").lower() not in ("", "signed-data"):
            raise NotGood("It is encrypted twice, or not signed.")
        return cms.verified(whole.decoded)
    if whole.media != "multipart/signed":
        raise NotGood("It is not signed. Only what is signed and encrypted is taken.")
    found = []
    for one in mime.parts(whole):
        found.append(one)
        if len(found) == 2:  # noqa: PLR2004 - what is signed, and the signature
            break
    if len(found) != 2 or found[1][1].media not in _SIGNATURE:  # noqa: PLR2004 - as above
        raise NotGood("It is not signed. Only what is signed and encrypted is taken.")
    content, signature = found[0][0], found[1][1].content
    try:
        return cms.verified(signature, content)
    except NotGood:
        lines = bytes(content).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        if lines == content:
            raise
        return cms.verified(signature, lines)  # somebody on the way wrote its lines another way (RFC 8551, 3.1.1)


def letter(content: Bytes, out: Outside) -> Letter:
    """The message that was signed. Its own headers count, where it is wrapped; they must say of the sender what is said outside. Raises NotMail."""
    whole = mime.part(content)
    headers = {}
    if whole.media == "message/rfc822":
        whole = mime.part(whole.decoded)
        headers = whole.headers
        if mime.addresses(headers.get("from", "")) != [out.sender]:
            raise NotMail("It is signed as from somebody else than it says outside.")
    text, files, notice = "", list[File](), None
    if whole.media == "multipart/report":
        notice = _notice(whole)
    for one in mime.leaves(whole):
        if one.media in ("text/plain", "text/html") and not one.headers.get("content-disposition", "").lower().startswith("attachment"):
            text = text or (one.text[:100_000] if one.media == "text/plain" else "")
        elif notice is None:
            files.append(File(one.name, one.media, one.content))
    asks = FINAL.lower() in headers.get("disposition-notification-options", "").lower()
    return Letter(message_id(whole) or out.id, out.sender, out.recipients[0], mime.plain(headers.get("subject", ""))[:200], text, tuple(files), asks, notice)


def again(content: Bytes) -> Letter:
    """The letter of what is kept: headers of what came outside, and what was signed. That its signer is believed was asked when it came. Raises NotMail, NotGood."""
    whole = mime.part(content)
    senders, recipients = mime.addresses(whole.headers.get("from", "")), mime.addresses(whole.headers.get("to", ""))
    if not senders or not recipients:
        raise NotMail("It does not say who sent it to whom.")
    return letter(opened(content).content, Outside(message_id(whole), senders[0], tuple(recipients), b""))


def _notice(whole: Part) -> Notice | None:
    """What a disposition notification or a delivery status says; None where it says nothing of a message."""
    about, what, final, why = "", "", False, ""
    for one in mime.leaves(whole):
        if one.media == "message/disposition-notification":
            said = _fields(one.content)
            about, what = said.get("original-message-id", ""), said.get("disposition", "").rpartition(";")[2].partition("/")[0].strip().lower()
            final = said.get(FINAL.lower(), "").lower() not in ("", "false")
            why = said.get("failure", "") or said.get("error", "")
            if said.get("disposition", "").partition(";")[2].lower().strip() in ("processed/error", "deleted/error"):
                what = FAILED
        elif one.media == "message/delivery-status":
            said = _fields(one.content)
            about, what = said.get("x-original-message-id", ""), FAILED if said.get("action", "").lower() == "failed" else ""
            why = said.get("diagnostic-code", "")
    found = _ID.search(about)
    return Notice(found[0], what, final, mime.plain(why)[:200]) if found and what in (PROCESSED, DISPATCHED, FAILED, DISPLAYED) else None


def _fields(content: bytes) -> dict[str, str]:
    """Fields of a report, those of each of its blocks together, the first of each."""
    said: dict[str, str] = {}
    for line in re.sub(r"\r?\n[ \t]+", " ", content[:20_000].decode("utf-8", "replace")).splitlines():
        name, colon, value = line.partition(":")
        if colon:
            said.setdefault(name.strip().lower(), value.strip())
    return said
