"""Whom the organization let go is a stranger at every address of the door of apps, though this process is not told."""

from __future__ import annotations

import pytest

from sojourn.base import crypto
from tests.doors.smart.callers import Caller
from tests.doors.smart.office import Office
from tests.doors.smart.test_role_table import TABLE, everyone, examples, here, said, walked  # noqa: F401 - fixtures

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_whoever_was_let_go_is_answered_as_a_stranger(here: Office, everyone: list[Caller], examples: dict[str, dict[str, dict[str, str]]]) -> None:  # noqa: F811 - the fixtures
    """With what they hold from before, at every address: an administrator, a patient, a proxy, a service, an app."""
    some = [who for who in everyone if who.kind != "staff" or who.role == "administrator"]
    for who in some[1:]:
        account = who.session or await here.clinic.owner.fetchval("SELECT account FROM record.credential WHERE credential = $1", crypto.sha256(who.bearer.encode()))
        for row in TABLE:
            fields = examples.get(row.path, {}).get(row.sent, {})
            none = await walked(here, row, everyone[0], fields)
            left = await walked(here, row, who, fields, gone=account)
            assert said(left) == said(none), (who.name, row.method, row.path, row.sent)
