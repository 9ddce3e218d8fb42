"""The second person of the tests: gives out codes, and approves what was asked for."""

from __future__ import annotations

import re

from tests.people import Clinic
from tests.web.real import Visitor

CONFIRMS = "officer"


async def at_the_page(clinic: Clinic, who: str = CONFIRMS) -> Visitor:
    """Somebody at the page of the second person."""
    visitor = Visitor(clinic)
    await visitor.sign_in(who)
    await visitor.get("/accounts/confirm")
    return visitor


async def code_for(clinic: Clinic, login: str, who: str = CONFIRMS) -> str:
    """The code for a link of somebody of the staff."""
    account = await clinic.owner.fetchval("SELECT account FROM record.account WHERE tenant = 1 AND login = $1", login)
    answer = await (await at_the_page(clinic, who)).post("/accounts/confirm", {"do": "code", "account": account})
    assert answer.status_code == 200, answer.text
    return code_on(answer.text)


def code_on(page: str) -> str:
    """The code that a page shows."""
    return re.findall(r'id="code"[^>]* value="([a-z0-9]{4}-[a-z0-9]{4})"', page)[0]


async def approve(clinic: Clinic, account: str, who: str = CONFIRMS) -> None:
    """A change of role that somebody asked for acts from now on."""
    visitor = await at_the_page(clinic, who)
    asked = re.findall(rf'value="{re.escape(account)}"><input type="hidden" name="asked" value="([^"]+)"', visitor.last.text)[0]
    answer = await visitor.post("/accounts/confirm", {"do": "grant", "account": account, "asked": asked})
    assert answer.status_code == 303, answer.text
