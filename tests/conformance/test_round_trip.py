"""What goes in comes out: every official example, Synthea's and US Core's, and made-up resources of every type."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from sojourn.cli import sources
from sojourn.fhir import codec
from sojourn.fhir.definitions import RESOURCE_TYPES
from sojourn.gate.importing import Arrival, Refused, bring_in
from tests.fhir.generate import make
from tests.fhir.test_validate_corpora import DEFECTIVE_EXAMPLES
from tests.people import MH, Clinic, close_clinic, open_clinic
from tests.shared import SHARED, needs_shared

WHO = "sys-mh"
OURS = ("versionId", "lastUpdated", "security")


def content(resource: dict[str, Any]) -> tuple[bytes, bytes]:
    """The resource without its id and what the server puts into meta, byte for byte: digits, order, everything unknown."""
    meta = {k: v for k, v in resource.get("meta", {}).items() if k not in OURS}
    return codec.dumps(meta), codec.dumps({k: v for k, v in resource.items() if k not in ("resourceType", "id", "meta")})


def examples() -> Iterator[Path]:
    """The files of examples."""
    assert SHARED is not None
    fhir = SHARED / "samples/fhir"
    yield fhir / "r4-examples/r4-examples-4.0.1.ndjson.gz"
    yield fhir / "us-core-examples/us-core-6.1.0-examples.ndjson.gz"
    yield from (Path(name) for name in sources.in_order([str(p) for p in sorted((fhir / "synthea/transaction-bundles").glob("*.gz"))]))


async def imported(clinic: Clinic, path: Path) -> tuple[list[dict[str, Any]], list[Refused]]:
    """Import a file; what was in it, and what was refused."""
    access = await clinic.gate.access(clinic.tokens[WHO])
    assert access is not None
    source = sources.Source(str(path))
    refused: list[Refused] = []
    sent: list[dict[str, Any]] = []

    def seen(arrivals: Iterator[Arrival]) -> Iterator[Arrival]:
        for arrival in arrivals:
            sent.append(arrival.resource)
            yield arrival

    async for outcome in bring_in(access, seen(sources.resolved(access, sources.arrivals(source, MH, source.skip(0)), asyncio.get_running_loop()))):
        refused += outcome.refused
    return sent, refused


@needs_shared
@pytest.mark.parametrize("path", list(examples()) if SHARED else [], ids=lambda p: p.name[:24])
async def test_an_imported_example_reads_back_as_it_was(clinic: Clinic, path: Path) -> None:
    if "transaction" in str(path) and "Information" not in path.name:
        for other in examples():
            if "Information" in other.name:
                await imported(clinic, other)
    sent, refused = await imported(clinic, path)
    gone = {(r.type, r.id) for r in refused}
    assert all(r.issues for r in refused)
    assert {f"{kind}/{id_}" for kind, id_ in gone} == (set(DEFECTIVE_EXAMPLES) if "r4-examples" in path.name else set())
    last = {(r["resourceType"], r["id"]): r for r in sent if (r["resourceType"], r["id"]) not in gone}
    for (kind, id_), resource in last.items():
        reply = await clinic.get(WHO, f"{kind}/{id_}")
        assert reply.status == 200, (kind, id_)
        assert content(codec.loads(reply.body)) == content(resource), (kind, id_)
    unchanged = sum([outcome.unchanged async for outcome in bring_in(*await _again(clinic, sent))])
    twice = len(sent) - len({(r["resourceType"], r["id"]) for r in sent})
    assert unchanged >= len(last) - 2 * twice, "importing again changes nothing"


async def _again(clinic: Clinic, sent: list[dict[str, Any]]) -> tuple[Any, Any]:
    access = await clinic.gate.access(clinic.tokens[WHO])
    return access, [sources.Arrival("again", MH, resource) for resource in sent]


@needs_shared
async def test_a_posted_example_reads_back_as_it_was(clinic: Clinic) -> None:
    assert SHARED is not None
    refused = []
    for line in gzip.decompress((SHARED / "samples/fhir/r4-examples/r4-examples-4.0.1.ndjson.gz").read_bytes()).splitlines():
        sent = codec.loads(line)
        kind = sent["resourceType"]
        made = await clinic.ask(WHO, "POST", kind, line)
        if made.status != 201:
            assert made.status == 422, (kind, sent["id"], made.body[:300])
            refused.append(f"{kind}/{sent['id']}")
            continue
        kept = codec.loads((await clinic.get(WHO, f"{kind}/{made.id}")).body)
        if kind == "Subscription":
            assert [kept["channel"].pop("header", []), kept.pop("status")] == [["Authorization: (kept)"] if "header" in sent["channel"] else [], "requested"]
            sent["channel"].pop("header", None)
            sent.pop("status")
        assert content(kept) == content(sent), (kind, sent["id"])
    assert set(refused) == set(DEFECTIVE_EXAMPLES)


SEEDS = 3


def made_up(kind: str, seed: int) -> dict[str, Any]:
    """A valid resource; some seeds lead to none."""
    for attempt in range(50):
        try:
            return make(kind, Random(f"{kind}{seed}.{attempt}"))
        except AssertionError:
            continue
    raise AssertionError(kind)


async def test_a_resource_of_any_type_reads_back_in_every_version(clinic: Clinic) -> None:
    for kind in sorted(RESOURCE_TYPES - {"Subscription"}):  # of topics that are offered: tests/doors/api/test_subscriptions.py
        for seed in range(SEEDS):
            first, second = made_up(kind, seed), made_up(kind, seed + SEEDS)
            for resource in (first, second):
                resource.pop("id", None)
            made = await clinic.ask(WHO, "POST", kind, codec.dumps(first))
            assert made.status == 201, (kind, seed, made.body[:400])
            assert content(codec.loads(made.body)) == content(first), (kind, seed)
            url = f"{kind}/{made.id}"
            assert (await clinic.get(WHO, url)).body == made.body
            changed = await clinic.ask(WHO, "PUT", url, codec.dumps({**second, "id": made.id}))
            assert changed.status == 200, (kind, seed, changed.body[:400])
            assert content(codec.loads((await clinic.get(WHO, url)).body)) == content(second), (kind, seed)
            for version, resource in ((made.version, first), (changed.version, second)):
                assert content(codec.loads((await clinic.get(WHO, f"{url}/_history/{version}")).body)) == content(resource), (kind, seed)
            history = await clinic.get(WHO, f"{url}/_history")
            assert [content(e["resource"]) for e in codec.loads(history.body)["entry"]] == [content(second), content(first)]


@pytest.fixture
async def clinic(database: Any) -> Any:
    """A clinic with its cast."""
    made = await open_clinic(database)
    yield made
    await close_clinic(made)
