"""Functions of the gate that name clients and take no decision: each is written down with who calls it and what keeps its rows from whom they are not for.

Everything else that names a client takes the decision itself (`p_mask` and what goes with it). A new function, or a new caller of one of these, fails here until somebody
has looked at it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import asyncpg
import pytest

import sojourn
from sojourn.record.database import Dsn

SOURCE = Path(str(sojourn.__file__)).parent


class Held(NamedTuple):
    """What holds it. why: in a sentence, with its tests. calls: a pattern of each call on the way, and the modules in which it may stand."""

    why: str
    calls: tuple[tuple[str, tuple[str, ...]], ...]


def by(*calls: tuple[str, str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """(pattern, modules parted by blanks)."""
    return tuple((pattern, tuple(modules.split())) for pattern, modules in calls)


HELD = {
    # --- what was asked of partners -------------------------------------------------------------------------------------------------
    "asks": Held(
        "One client's, whom the caller reads first, of the caller's own programs, and of these only what rests on something that they may see or is their own (asking._shown): tests/leaks/test_mhd_worlds.py",
        by((r"gate\.asks\(", "record/asking.py"), (r"record\.asks\(", "gate/exchange/asking.py"), (r"asking\.(?:of_patient|one)\(", "doors/staff/outside/outside.py")),
    ),
    "asks_failed": Held(
        "Of the caller's own programs, passed through asking._shown, each about a client whom the page asks the record for: tests/leaks/test_stopped_worlds.py",
        by((r"gate\.asks_failed\(", "record/asking.py"), (r"record\.failed\(", "gate/exchange/asking.py")),
    ),
    "asks_old": Held(
        "For the clock alone (Exchange:watch): they are destroyed, and nothing of them leaves but how many there were, into the trail: tests/leaks/test_clock_worlds.py",
        by((r"gate\.asks_old\(", "record/asking.py"), (r"record\.old\(", "gate/exchange/asking.py"), (r"asking\.destroy\(", "care/exchange/forgetting.py")),
    ),
    "ask_claim": Held(
        "For the door that asks, which decides anew as the partner what may be told (asking.still): tests/leaks/test_mhd_worlds.py",
        by((r"gate\.ask_claim\(", "record/asking.py"), (r"asking\.claim\(", "doors/mhd/asking.py")),
    ),
    # --- who of theirs is who of ours -----------------------------------------------------------------------------------------------
    "exchange_people": Held(
        "By a partner's own number for somebody, sealed, and under the partner's account: whom that account may not see is no match (matching._answer), and a page that asks whose something is "
        "names only whom its reader sees and says otherwise that there is nobody (doors/staff/exchange/message.py). What comes from outside is answered alike: tests/leaks/test_exchange_worlds.py",
        by(
            (r"gate\.exchange_people\(", "record/exchange.py"), (r"\bexchange\.people\(", "gate/exchange/doing.py"), (r"await doing\.known\(access,", "care/exchange/matching.py"),
            (r"matching\.answers\(", "care/exchange/inbound.py care/summaries/bringing.py care/summaries/filing.py"),
        ),
    ),
    # --- what one typed -------------------------------------------------------------------------------------------------------------
    "draft": Held(
        "Of the account that asks, and sealed for it: tests/gate/test_drafts.py::test_a_draft_is_its_authors_alone",
        by((r"gate\.draft\(", "record/rooms.py"), (r"rooms\.draft\(", "gate/drafts.py")),
    ),
    "drafts": Held(
        "Of the account that asks, without their text; whoever lists them asks the record whether their author still sees the client: tests/gate/test_drafts.py, tests/leaks/test_note_worlds.py",
        by((r'Call\("drafts"', "record/rooms.py"), (r"rooms\.drafts\(", "gate/drafts.py")),
    ),
    # --- labels: who writes is told nothing of them ---------------------------------------------------------------------------------
    "minors_consents": Held(
        "Of the clients about whom something is being written, for its labels alone, which tell nothing: tests/gate/test_minorscare.py, test_labels_tell_nothing.py",
        by((r"gate\.minors_consents\(", "record/labelling.py"), (r"stored_labels\.minors_consents\(", "gate/minorscare.py")),
    ),
    "label_sources": Held("For the labels of what is being written: tests/gate/test_labels_tell_nothing.py", by((r"gate\.label_sources\(", "record/labelling.py"), (r"stored_labels\.sources\(", "gate/inheriting.py"))),
    "label_facts": Held(
        "For labelling and indexing again, by the account of the clock or of versions that the caller may change: tests/gate/test_labels_tell_nothing.py, test_puttingapart.py, tests/leaks/test_label_worlds.py",
        by(
            (r"gate\.label_facts\(", "record/labelling.py"),
            (r"labell?ing\.facts\(|stored_labels\.facts\(", "gate/indexagain.py gate/inheriting.py gate/origin.py gate/overriding.py gate/puttingapart.py gate/relabelling.py"), (r"\blabelling\.page\(", "gate/labeljob.py"),
        ),
    ),
    # --- who somebody is ------------------------------------------------------------------------------------------------------------
    "caller": Held("Whom the credential itself acts for: tests/gate/test_sessions.py", by((r"gate\.caller\(", "gate/identity.py gate/proof.py"))),
    "acting_for": Held("Those for whom the caller acts, as the decision is made: tests/gate/test_proxies.py", by((r"gate\.acting_for\(", "gate/narrowing.py"))),
    "redeem_code": Held("The client whom the person had in mind who allowed it, for the app that holds the code: tests/doors/smart/test_launches.py", by((r"gate\.redeem_code\(", "gate/apps/tokens.py"))),
    "redeem_refresh": Held("The same, for the app that holds the refresh token: tests/doors/smart/test_tokens.py", by((r"gate\.redeem_refresh\(", "gate/apps/tokens.py"))),
    "app_token": Held("The client of a token, for the app that it was given to: tests/doors/smart/test_tokens.py", by((r"gate\.app_token\(", "gate/apps/ending.py"))),
    "app_grants": Held(
        "What one allowed oneself (an app's token: of that app alone), or what people allowed one app, for App:administer, whose page names accounts and no client: tests/doors/smart/test_role_table.py, test_tokens.py",
        by((r"gate\.app_grants\(", "gate/apps/ending.py"), (r"ending\.mine\(", "doors/smart/mine.py doors/staff/apps/apps.py"), (r"ending\.of_app\(", "doors/staff/apps/register.py")),
    ),
    # --- messages -------------------------------------------------------------------------------------------------------------------
    "threads": Held("Of a member of the thread; the client is named to whoever sees them: tests/leaks/test_message_worlds.py", by((r'Call\(\s*"threads"', "record/messages.py"))),
    "thread": Held("The same: tests/leaks/test_message_worlds.py", by((r"gate\.thread\(", "record/messages.py"), (r"rows\.thread\(", "gate/messages.py"))),
    "threads_waiting": Held("For the clock, which passes urgent ones on by the roster: tests/leaks/test_clock_worlds.py", by((r"gate\.threads_waiting\(", "record/messages.py"))),
    # --- what leaves, and emergencies -----------------------------------------------------------------------------------------------
    "consents_for": Held(
        "Of versions that the recipient was just shown, for what goes along with them: tests/gate/test_disclosing.py",
        by((r'_call\("consents_for"', "record/disclosures.py"), (r"disclosures\.consents_for\(", "gate/disclosing.py gate/bulk/leaving.py")),
    ),
    "emergency_find": Held(
        "By an exact identity, of those whom the declaration opens, which is written down first: tests/gate/test_emergency.py",
        by((r'_call\("emergency_find"', "record/disclosures.py"), (r"disclosures\.emergency_find\(", "gate/emergency.py")),
    ),
}


async def test_whatever_names_a_client_takes_the_decision_or_is_written_down(database: Dsn) -> None:
    owner = await asyncpg.connect(database.owner)
    rows = await owner.fetch(
        "SELECT DISTINCT p.proname FROM pg_proc p WHERE p.pronamespace = 'gate'::regnamespace AND p.prosecdef AND has_function_privilege('sojourn_app', p.oid, 'EXECUTE') "
        "AND NOT 'p_mask' = ANY (coalesce(p.proargnames, '{}')) AND ("
        "EXISTS (SELECT FROM unnest(p.proargnames, p.proargmodes::text[]) AS a(name, mode) WHERE a.mode = 't' AND a.name IN ('patient', 'patients')) "
        "OR EXISTS (SELECT FROM pg_type t JOIN pg_attribute c ON c.attrelid = t.typrelid WHERE t.oid = p.prorettype AND c.attname IN ('patient', 'patients')))"
    )
    await owner.close()
    assert {r["proname"] for r in rows} == set(HELD)


@pytest.mark.parametrize("name", sorted(HELD))
def test_it_is_called_where_somebody_looked_and_nowhere_else(name: str) -> None:
    texts = {path.relative_to(SOURCE).as_posix(): path.read_text("utf-8") for path in SOURCE.rglob("*.py")}
    for pattern, modules in HELD[name].calls:
        assert {path for path, text in texts.items() if re.search(pattern, text)} == set(modules), pattern


@pytest.mark.parametrize("name", sorted(HELD))
def test_the_tests_that_hold_it_are_there(name: str) -> None:
    found = re.findall(r"(?:tests/[\w/]+/)?test_\w+\.py", HELD[name].why)
    assert found
    folder = ""
    for path in found:
        folder = path.rpartition("/")[0] or folder
        assert (Path(__file__).parents[2] / folder / path.rpartition("/")[2]).is_file(), path
