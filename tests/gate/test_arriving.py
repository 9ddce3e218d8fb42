"""What comes in lines, packed or not: each line by its number, whole or refused; and who may bring it."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import pytest

from sojourn.base import errors
from sojourn.fhir import codec
from sojourn.gate.access import Access
from sojourn.gate.bulk import arriving
from sojourn.gate.bulk.arriving import Read
from sojourn.gate.importing import Arrival, NotTaken
from sojourn.gate.takingback import is_one
from tests.people import FAR, MH, Clinic, patient


def read(body: bytes, size: int = 7) -> Read:
    """The body in pieces."""
    rest = [body[n : n + size] for n in range(0, len(body), size)]

    async def one() -> bytes:
        return rest.pop(0) if rest else b""

    return one


async def unpacked(body: bytes, size: int = 7) -> bytes:
    return b"".join([piece async for piece in arriving._unpacked(read(body, size))])


async def arrivals(body: bytes, came: Any = None, size: int = 7) -> list[Arrival]:
    pieces, loop = arriving._pieces(read(body, size)), asyncio.get_running_loop()
    return await asyncio.to_thread(lambda: list(arriving._arrivals(pieces, MH, loop, came)))


@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_what_is_packed_in_one_piece_or_several_comes_whole(size: int) -> None:
    one, two = gzip.compress(b"one\n" * 50), gzip.compress(b"two\n")
    assert await unpacked(one, size) == b"one\n" * 50
    assert await unpacked(one + two, size) == b"one\n" * 50 + b"two\n"
    assert await unpacked(one + b"\0" * 20, size) == b"one\n" * 50, "filled up"
    assert await unpacked(one + b"\0" * 20 + two, size) == b"one\n" * 50 + b"two\n"
    assert await unpacked(b"", size) == b""
    for wrong, words in ((b"plain", "not gzip"), (one + b"plain", "not gzip"), (one[:-1], "end of the gzip"), (one + two[:-3], "end of the gzip")):
        with pytest.raises(errors.Malformed, match=words):
            await unpacked(wrong, size)


async def test_what_grows_as_no_record_does_is_refused_and_what_grows_as_records_do_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arriving, "ROOM", 1000)
    monkeypatch.setattr(arriving, "GROWS", 2)
    assert await unpacked(gzip.compress(b"x" * 1000)) == b"x" * 1000
    with pytest.raises(errors.TooLarge):
        await unpacked(gzip.compress(b"x" * 1001))
    stored = gzip.compress(bytes(range(256)) * 8, compresslevel=0)
    assert await unpacked(stored, 10_000) == bytes(range(256)) * 8, "twice as much as came"


@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_lines_are_counted_as_they_stand_and_empty_ones_are_none(size: int) -> None:
    found = await arrivals(b'{"a": 1}\n\n  \r\n{"b": 2}\n{"c": 3}', size=size)
    assert found == [Arrival("1", MH, {"a": 1}), Arrival("4", MH, {"b": 2}), Arrival("5", MH, {"c": 3})]
    assert await arrivals(b'{"a": 1}\n \n', size=size) == [Arrival("1", MH, {"a": 1})]
    assert await arrivals(b"", size=size) == []


async def test_a_line_that_is_too_large_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arriving, "LINE", 20)
    assert len(await arrivals(b'{"a": "0123456789a"}\n' * 3)) == 3
    with pytest.raises(errors.TooLarge):
        await arrivals(b'{"a": "0123456789ab"}\n' * 3)


@pytest.mark.parametrize("line", ["[]", "1", "1.5", "true", "null", '"a word"'])
async def test_what_is_no_object_is_said_to_be_none(line: str) -> None:
    for came in (None, dict):
        assert await arrivals(line.encode(), came) == [Arrival("1", MH, "a resource is an object")]


async def test_what_is_no_json_or_holds_too_much_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    (broken,) = await arrivals(b"{")
    assert isinstance(broken.resource, str)
    assert "object" not in broken.resource
    monkeypatch.setattr(codec, "MAX_VALUES", 3)
    assert [one.resource for one in await arrivals(b'{"a": [1, 2, 3]}\n{"a": [1, 2, 3, 4]}')] == [{"a": [1, 2, 3]}, "it holds more than 3 values"]


async def test_what_a_partner_brings_gets_what_it_came_with_and_no_deletions() -> None:
    gone = {"resourceType": "Bundle", "type": "transaction", "entry": [{"request": {"method": "DELETE", "url": "Observation/1"}}]}
    assert is_one(gone)
    body = json.dumps({"resourceType": "Patient"}).encode() + b"\n" + json.dumps(gone).encode()
    first, second = await arrivals(body, came=lambda resource: {**resource, "language": "en"})
    assert first.resource == {"resourceType": "Patient", "language": "en"}
    assert isinstance(second.resource, NotTaken)
    assert [one.resource for one in await arrivals(body)] == [{"resourceType": "Patient"}, gone]


async def acting(clinic: Clinic, who: str) -> Access:
    access = await clinic.gate.access(clinic.tokens[who])
    assert access is not None
    return access


async def test_who_sees_everything_brings_in_for_a_program_of_theirs(clinic: Clinic) -> None:
    whole = await acting(clinic, "sys-mh")
    await arriving.check(whole)
    for who in ("mh-service", "both-clinician", "tpo", "mh-clinician"):
        with pytest.raises(errors.Forbidden):
            await arriving.check(await acting(clinic, who))
    assert [arriving.program(whole, key) for key in ("", "mh", "far")] == [MH, MH, FAR]
    for key in ("nothing", "Organization/mh"):
        with pytest.raises(errors.Malformed):
            arriving.program(whole, key)
    assert arriving.program(await acting(clinic, "sys-none"), "") is None


async def test_an_import_says_what_became_of_each_line_and_stops_where_nothing_is_taken(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    access = await acting(clinic, "sys-mh")
    good = [json.dumps({**patient(), "id": f"p{n}"}).encode() for n in range(3)]
    body = b"\n".join([*good[:2], b"{", json.dumps({"resourceType": "Patient"}).encode()])
    made = await arriving.bring(access, read(body, 1000), MH)
    assert (made.written, made.unchanged, made.refused, made.deleted) == (2, 0, 2, 0)
    assert [issue.diagnostics.split(":")[0] for issue in made.issues] == ["Line 3", "Line 4"]
    made = await arriving.bring(await acting(clinic, "sys-mh"), read(gzip.compress(b"\n".join(good)), 1000), MH, packed=True)
    assert (made.written, made.unchanged, made.refused) == (1, 2, 0)
    monkeypatch.setattr(arriving, "TOLD", 2)
    monkeypatch.setattr(arriving, "ENOUGH", 3)
    made = await arriving.bring(await acting(clinic, "sys-mh"), read(b"{\n" * 5, 1000), MH)
    assert (made.refused, [issue.code for issue in made.issues]) == (5, ["incomplete", "structure", "structure"])
