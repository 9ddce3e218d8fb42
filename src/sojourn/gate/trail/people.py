"""Whom the trail can be asked about: accounts by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sojourn.base import errors
from sojourn.record import lines as store

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sojourn.gate.access import Access

MOST = 2000


class Person(NamedTuple):
    """An account that can leave lines."""

    account: str
    login: str
    name: str
    kind: str

    @property
    def label(self) -> str:
        """`Dana Whitfield (dana)`."""
        return self.name if self.name == self.login else f"{self.name} ({self.login})"


async def people(access: Access) -> list[Person]:
    """Everybody who can leave lines, by name. Raises Forbidden for those who do not oversee the trail."""
    if not access.may("AuditEvent", "trail"):
        raise errors.Forbidden("Your role does not include looking at the audit trail.")
    return [Person(r["account"], r["login"], r["name"], r["kind"]) for r in await store.people(access.house.db, access.head, MOST)]


def found(everybody: Iterable[Person], words: str) -> list[Person]:
    """Those that are meant: by label, login or account as a whole, else by the beginning of any part of the name."""
    wanted = words.casefold().strip()
    among = list(everybody)
    exact = [p for p in among if wanted in (p.label.casefold(), p.login.casefold(), p.account.casefold(), p.name.casefold())]
    return exact or [p for p in among if any(part.startswith(wanted) for part in (p.name.casefold(), *p.name.casefold().split()))]
