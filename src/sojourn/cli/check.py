"""`sojourn check`: verifies the trail and other invariants, and says what is not sealed yet."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import asyncpg

from sojourn.base import crypto, errors, signing
from sojourn.base.settings import Settings
from sojourn.cli.progress import Progress
from sojourn.record import checking, signed
from sojourn.record.blobs import Blobs
from sojourn.record.database import ensure_database

HELP = """\
Reads the whole trail and computes every hash and signature again; nothing is changed. Exits with 0 if all holds, with 1 if something
does not, naming the first place. docs/audit.md says what this proves, and what only checkpoints that were sent outside can prove.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to compare with, what to write."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = HELP
    parser.add_argument("--checkpoints", metavar="FILE", help="compare with checkpoints that were written with --export at an earlier time")
    parser.add_argument("--export", metavar="FILE", help="write all checkpoints to a file (- for standard output), to be kept where this machine cannot change them")
    parser.add_argument("--key", metavar="HEX", action="append", default=[], help="public key that signed older checkpoints or documents (may be given again)")
    parser.add_argument("--public-key", action="store_true", help="print the public key that verifies checkpoints, and end")
    parser.add_argument("--trail-only", action="store_true", help="leave the other invariants out")


def run(args: argparse.Namespace) -> int:
    """Check, and say in plain words what was found. Returns 1 when something does not hold."""
    settings = Settings.from_environment()
    key = crypto.load_server_key(settings.key_file)
    mine, signs = (signing.Signer(key, purpose).public for purpose in ("trail", "signature"))
    if args.public_key:
        print(f"{signing.pem(mine)}# as hexadecimal: {mine.hex()}\n# of signatures on documents:\n{signing.pem(signs)}# as hexadecimal: {signs.hex()}")
        return 0
    outside = _outside(args.checkpoints) if args.checkpoints else {}
    trusted = frozenset({mine, signs, *(_key(text) for text in args.key)})
    dsn = asyncio.run(ensure_database(settings))
    try:
        return asyncio.run(_check(dsn.owner, Blobs(settings.data / "blobs", key), trusted, outside, args))
    finally:
        dsn.release()


async def _check(owner: str, blobs: Blobs, trusted: frozenset[bytes], outside: dict[str, dict[int, str]], args: argparse.Namespace) -> int:
    connection = await asyncpg.connect(owner)
    try:
        broken = False
        known = await checking.tenants(connection)
        for number, key in known:
            with Progress(f"{key}: lines of the trail") as progress:
                found = await checking.check_trail(connection, number, key, trusted, outside.get(key), progress)
            others = [] if args.trail_only else await checking.check_record(connection, number)
            made = signed.Signatures(0, []) if args.trail_only else await signed.check_signatures(connection, number, blobs, trusted)
            broken |= bool(found.wrong or others or made.wrong)
            _say(found, [*others, *made.wrong], compared=len(outside.get(key, {})), signatures=made.checked)
        for key in outside.keys() - {key for _, key in known}:
            broken = True
            print(f"{key}: checkpoints were sent outside, and there is no such organization here.")
        if args.export == "-":
            sys.stdout.write(await _exported(connection, known))
        elif args.export:
            await asyncio.to_thread(Path(args.export).write_text, await _exported(connection, known), "utf-8")
        return int(broken)
    finally:
        await connection.close()


def _say(found: checking.Finding, others: list[str], *, compared: int, signatures: int) -> None:
    print(f"{found.tenant}:")
    for sentence in found.wrong:
        print(f"  BROKEN: {sentence}.")
    if not found.wrong:
        print(f"  The trail holds: {found.lines:,} sealed lines in {found.seals:,} seals, {found.checkpoints:,} signed checkpoints.")
        if compared:
            print(f"  It agrees with {compared:,} checkpoints that were sent outside.")
    if found.unsealed:
        print(f"  {found.unsealed:,} lines are not sealed yet. Nothing can be said about these: they could have been changed without a trace.")
    if found.unsigned:
        print(f"  The last {found.unsigned:,} seals are not signed yet.")
    if signatures:
        print(f"  {signatures:,} signatures were compared with what they stand over.")
    for sentence in others:
        print(f"  BROKEN: {sentence}.")


async def _exported(connection: asyncpg.Connection[Any], known: list[tuple[int, str]]) -> str:
    """Every checkpoint as a line of JSON; a line is some 400 bytes, and there is one a second at most."""
    lines = [
        json.dumps({"organization": key, "seal": row["number"], "text": row["text"], "key": row["key"].hex(), "signature": row["signature"].hex()}) + "\n"
        for number, key in known
        async for row in checking.exported(connection, number)
    ]
    return "".join(lines)


def _outside(name: str) -> dict[str, dict[int, str]]:
    """Checkpoints from a file that --export wrote: texts by organization and seal. Each must be signed by the key that it names."""
    found: dict[str, dict[int, str]] = {}
    try:
        for place, text in enumerate(Path(name).read_text("utf-8").splitlines(), 1):
            line = json.loads(text)
            if not signing.genuine(bytes.fromhex(line["key"]), line["text"].encode(), bytes.fromhex(line["signature"])):
                raise errors.Invalid(f"line {place} of the file of checkpoints is not signed by the key that it names")
            found.setdefault(str(line["organization"]), {})[int(line["seal"])] = str(line["text"])
    except OSError as error:
        raise errors.Invalid(f"the file of checkpoints cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise errors.Invalid("the file of checkpoints is not one that `sojourn check --export` wrote") from error
    return found


def _key(text: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise errors.Invalid("a public key is 64 hexadecimal digits; `sojourn check --public-key` prints it")
    return key
