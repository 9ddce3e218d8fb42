"""Patient/$everything: the compartment of a patient, as this caller may see it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sojourn.base import errors
from sojourn.gate import searching

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.found import Found

_PAGE = 200


async def everything(access: Access, patient: str, params: Sequence[tuple[str, str]], *, cursor: str | None, apart: bool = True) -> Found:
    """A page of it; the Patient must be visible.

    Types that the caller's role does not include are left out, as if there were none. apart: read the Patient by itself first; whoever
    does not must look for it in what is found, and take nothing where it is not there.
    """
    await access.check("search", "Patient", f"{patient}/$everything")
    if cursor is None and apart:
        await access.read("Patient", patient)
    wanted = {t.strip() for k, v in params if k == "_type" for t in v.split(",")}
    if not wanted <= set(access.house.types):
        raise errors.Malformed("_type must name R4 resource types.")
    types = [t for t in access.rules.types(access.caller.role, "search", access.house.types) if not wanted or t in wanted]
    if not types:
        raise errors.NotFound("There is no such Patient.")
    passed: list[tuple[str, str]] = [("_type", ",".join(types)), *((k, v) for k, v in params if k == "_count")]
    since = next((v for k, v in params if k == "_since"), None)
    if since:
        passed.append(("_lastUpdated", f"ge{since}"))
    return await searching.search(access, None, passed, count=None if any(k == "_count" for k, _ in params) else _PAGE, cursor=cursor, compartment=("Patient", patient), action="everything")
