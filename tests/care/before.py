"""Papers as they were kept before sources were keyed (0097), for the tests of what puts them right."""

from __future__ import annotations

from sojourn.gate import papers
from sojourn.gate.access import Access
from tests.people import Clinic


async def as_before(clinic: Clinic, access: Access, id_: str, source: str) -> None:
    """Turn one into what it would have been: named by a plain source, in a file that is the same for the same content."""
    row = await clinic.owner.fetchrow("SELECT * FROM record.paper WHERE paper = $1", id_)
    paper = papers._read(access, row)
    content = await papers._got(access, paper.blob, paper.under)
    blob = await papers._put(access, content, "")
    body = papers._sealed(access, paper._replace(blob=blob, under=""))
    await clinic.owner.execute("UPDATE record.paper SET source = $2, blob = $3, body = $4 WHERE paper = $1", id_, source, blob, body)
