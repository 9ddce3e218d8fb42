"""The cover sheet of a fax: to whom, from whom, how many pages, the notice; nothing of the patient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sojourn.care.papers import reading, sandbox
from sojourn.care.release import sheets
from sojourn.care.release.sheets import Line

if TYPE_CHECKING:
    from sojourn.care.reaching.sender import Parcel
    from sojourn.gate.caller import Tenant

CONFIDENTIAL: Final = (
    "This fax holds confidential health information for the recipient named above and nobody else. If you are somebody else: do not read on, copy or keep it. Call the sender, who will ask you to destroy it."
)


async def faxed(tenant: Tenant, parcel: Parcel, ours: str) -> bytes:
    """Cover and document as one PDF. ours: the number that we fax from, '' where it is not known. Raises Unreadable."""
    _, pages = await sandbox.checked(parcel.content.body)
    front, count = b"", 1
    while True:  # the number of pages stands on a page that may become two
        front = sheet(tenant.name, parcel, ours, pages + count)
        _, now = await sandbox.checked(front)
        if now == count:
            break
        count = now
    every = [(front, reading.PDF, [(n, 0) for n in range(count)]), (parcel.content.body, reading.PDF, [(n, 0) for n in range(pages)])]
    return await sandbox.composed(every)


def sheet(sender: str, parcel: Parcel, ours: str, pages: int) -> bytes:
    """The cover alone, as a PDF. pages: with the cover."""
    facts = (("To", parcel.partner.name), ("Fax", parcel.way.address), ("From", sender), ("Our fax", ours), ("Date", parcel.day), ("Pages, with this one", str(pages)), ("Our number of it", parcel.id[:8]))
    pieces = [Line("Confidential", "title", fresh=True), Line("Fax", "head"), *(Line(f"{label}: {text}") for label, text in facts if text), Line("", "small"), Line(CONFIDENTIAL)]
    if parcel.notice:
        pieces += [Line("", "small"), Line("Notice on redisclosure (42 CFR 2.32)", "head"), Line(parcel.notice)]
    drawn, _ = sheets.laid_out(pieces)
    return sheets.written(drawn, CONFIDENTIAL, sender)
