"""What a partner gets from us, as data: which messages, where to, how written, for what purpose."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import Any, Final

from sojourn.base import addresses, errors

KINDS: Final = {
    "ADT^A01": "Admission", "ADT^A02": "Transfer", "ADT^A03": "Discharge or end of a visit", "ADT^A04": "Registration of an outpatient", "ADT^A08": "Changed patient or visit", "ADT^A11": "Admission or visit cancelled",
    "ADT^A12": "Transfer cancelled", "ADT^A13": "Discharge cancelled", "ADT^A28": "New person", "ADT^A31": "Changed person", "ADT^A40": "Two records of one person merged",
    "SIU^S12": "Appointment booked", "SIU^S13": "Appointment moved", "SIU^S14": "Appointment changed", "SIU^S15": "Appointment cancelled", "SIU^S26": "Did not come",
    "ORM^O01": "Laboratory order (general order message)", "OML^O21": "Laboratory order (laboratory order message)", "MDM^T02": "Signed note or document", "DFT^P03": "Signed service, to be charged",
}  # fmt: skip
"""What can be sent, in words."""
VERSIONS: Final = ("2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.7.1", "2.8")
CHARSETS: Final = {"UNICODE UTF-8": "utf-8", "8859/1": "latin-1", "ASCII": "ascii"}
"""MSH-18 and the codec."""
MODES: Final = {"original": "Original mode: one answer", "enhanced": "Enhanced mode: that it is kept", "both": "Enhanced mode: that it is kept, and what became of it"}
BATCHES: Final = {0: "Each at once, to their receiver", 1: "In a file every hour", 6: "In a file every 6 hours", 12: "In a file every 12 hours", 24: "In a file every day", 168: "In a file every week"}
"""Hours between files, counted from the beginning of 1970 (UTC)."""
PURPOSES: Final = {"TREAT": "Treatment", "HPAYMT": "Payment", "HOPERAT": "Health care operations"}
_NOT_BEFORE_24: Final = ("OML^O21",)
_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45}")
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")
_ZED: Final = re.compile(r"Z[A-Z0-9]{2}\|[^\r\n]{0,500}")


@dataclass(frozen=True, slots=True)
class Profile:
    """How and what is sent.

    kinds: of KINDS. host, port: where their receiver listens. tls: whether the connection is encrypted. certificate: SHA-256 of their server's certificate, in hex;
    without it the certificate is verified by its authorities and its host name. plain: why nothing is encrypted off this machine. ours, our_place: MSH-3 and MSH-4;
    theirs, their_place: MSH-5 and MSH-6. processing: P, T or D. acknowledgement: of MODES. purpose: of PURPOSES, for which they get it. unnamed: whether
    orders that name no laboratory are theirs. tables: local codes, as in `0001.female` -> `W` or `2160-0` -> `CREA^Creatinine^L`. segments: Z-segments that are added,
    where `{PID-3.1}` is what stands there. answers: whether application acknowledgements (MSH-16) of what they send go to them. begun: since when.
    batch: hours after which what waits is put into a file that they take by SFTP, one of BATCHES; 0: each message goes by itself to their receiver.
    """

    kinds: tuple[str, ...] = ()
    host: str = ""
    port: int = 0
    tls: bool = True
    certificate: str = ""
    plain: str = ""
    ours: str = "SOJOURN"
    our_place: str = ""
    theirs: str = ""
    their_place: str = ""
    version: str = "2.5.1"
    charset: str = "UNICODE UTF-8"
    processing: str = "P"
    acknowledgement: str = "original"
    timeout: int = 30
    purpose: str = "TREAT"
    unnamed: bool = False
    tables: Mapping[str, str] = field(default_factory=dict)
    segments: tuple[str, ...] = ()
    answers: bool = False
    begun: str = ""
    batch: int = 0

    @property
    def on(self) -> bool:
        """Whether anything is sent."""
        return bool((self.batch or (self.host and self.port)) and (self.kinds or self.answers))

    @property
    def since(self) -> datetime | None:
        """What was changed before this is not told."""
        return datetime.fromisoformat(self.begun) if self.begun else None


def of(facts: Mapping[str, Any]) -> Profile:
    """The profile as it is kept with the partner. What a newer version wrote beside is left out."""
    known = {f.name for f in fields(Profile)}
    said: dict[str, Any] = {k: tuple(v) if k in ("kinds", "segments") else v for k, v in facts.items() if k in known}
    return Profile(**said)


def facts(profile: Profile) -> dict[str, Any]:
    """The profile as it is kept with the partner."""
    return asdict(profile)


def _near(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def checked(profile: Profile, organization: str, now: datetime) -> Profile:
    """The same, sound. organization: which the partner is here. Raises Malformed with what to do."""
    p = replace(profile, certificate=profile.certificate.replace(":", "").replace(" ", "").lower(), host=profile.host.strip())
    if not p.host and not p.kinds and not p.answers:
        return replace(p, begun="", batch=0)
    if p.batch not in BATCHES:
        raise errors.Malformed("Choose how often a file is put out of the list.")
    if not p.batch and (not _HOST.fullmatch(p.host) or not 0 < p.port < 65536):  # noqa: PLR2004 - the last port
        raise errors.Malformed("Enter the host and the port at which they take messages.")
    if addresses.nobodys(p.host):
        raise errors.Malformed("This address is nobody's receiver: of one link alone, of many, or of none.")
    if set(p.kinds) - set(KINDS):
        raise errors.Malformed("Choose messages of the list.")
    if p.kinds and not organization.startswith("Organization/"):
        raise errors.Malformed("Enter first which organization they are here: consents name it, and the gate decides by it.")
    if p.version not in VERSIONS or p.charset not in CHARSETS or p.acknowledgement not in MODES or p.purpose not in PURPOSES or p.processing not in ("P", "T", "D"):
        raise errors.Malformed("Choose version, character set, acknowledgement, purpose and processing id of the lists.")
    if p.version in ("2.3", "2.3.1") and any(k in _NOT_BEFORE_24 for k in p.kinds):
        raise errors.Malformed("OML^O21 is there since version 2.4. Choose ORM^O01, or a newer version.")
    if {"ORM^O01", "OML^O21"} <= set(p.kinds):
        raise errors.Malformed("An order goes out once: choose ORM^O01 or OML^O21.")
    if p.certificate and not _FINGERPRINT.fullmatch(p.certificate):
        raise errors.Malformed("The certificate's fingerprint is 64 hexadecimal digits (SHA-256).")
    if not p.batch and not p.tls and not _near(p.host) and len(p.plain.strip()) < 10:  # noqa: PLR2004 - a word is no reason
        raise errors.Malformed("Without TLS, messages cross the network readable. Write why that is permitted here, or let it be encrypted.")
    if not 1 <= p.timeout <= 600:  # noqa: PLR2004 - ten minutes
        raise errors.Malformed("An answer is waited for 1 to 600 seconds.")
    if any(not _ZED.fullmatch(s) for s in p.segments):
        raise errors.Malformed("A segment of their own is written as ZXX|first field|second, a line each.")
    return replace(p, begun=p.begun or now.isoformat())
