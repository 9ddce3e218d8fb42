"""`sojourn demo`: everything with the sample organization, and how to sign in."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path

from sojourn.base import clock, crypto, log
from sojourn.base.settings import Settings
from sojourn.cli import riverbend, riverbend_apps
from sojourn.cli.progress import Progress
from sojourn.gate.gate import Gate
from sojourn.record.database import Dsn, ensure_database
from sojourn.web.about import About, SampleLogin


def arguments(parser: argparse.ArgumentParser) -> None:
    """Where to listen, when it is not where the settings say."""
    parser.add_argument("--host", help="address to listen on (SOJOURN_HOST)")
    parser.add_argument("--port", type=int, help="port to listen on (SOJOURN_PORT)")
    parser.add_argument("--fill-only", action="store_true", help="make the sample organization and stop")


def run(args: argparse.Namespace) -> int:
    """Set up what is missing, print the logins and tokens, and serve."""
    started = time.monotonic()
    settings = Settings.from_environment()
    log.configure("warning")
    dsn = asyncio.run(ensure_database(settings))
    try:
        key = crypto.load_server_key(settings.key_file)
        asyncio.run(riverbend.set_up(dsn.owner, key))
        _fill(settings, dsn, key)
        tokens, postgres = asyncio.run(_tokens(settings, dsn, key))
        if args.fill_only:
            return 0
        from sojourn.app import create_app
        from sojourn.cli import http

        host, port = args.host or settings.host, settings.port if args.port is None else args.port
        patient = asyncio.run(_apps(settings, dsn, key, f"http://{'localhost' if host == '127.0.0.1' else host}:{port}"))
        logins = tuple(SampleLogin(login.login, riverbend.PASSWORD, login.name, login.role, login.programs) for login in riverbend.logins())
        app = create_app(settings, dsn, base=f"http://{'localhost' if host == '127.0.0.1' else host}:{port}/fhir", about=About(postgres, logins))
        server = http.server(app, host, port)
        _greet(host, port, tokens, time.monotonic() - started, patient)
        server.run()
        return 0 if server.started else 1
    finally:
        dsn.release()


def _fill(settings: Settings, dsn: Dsn, key: crypto.ServerKey) -> None:
    """Once per data folder; a fill that was stopped goes on where it was."""
    done = Path(settings.data) / "riverbend.filled"
    if done.exists():
        return
    today = clock.now().date()

    with Progress("Making Riverbend Behavioral Health") as progress:
        outcome = riverbend.run_fill(dsn.app, key, settings.data, today, progress)
    for refused in outcome.refused[:10]:
        print(f"Not taken: {refused.type} at {refused.place}: {refused.issues[0].expression} {refused.issues[0].diagnostics}", file=sys.stderr)
    done.write_text(today.isoformat())


async def _tokens(settings: Settings, dsn: Dsn, key: crypto.ServerKey) -> tuple[list[riverbend.Token], str]:
    gate = Gate(dsn.app, key, settings.data, base="", connections=2)
    await gate.open()
    try:
        version = (await gate.house.db.call("SELECT current_setting('server_version') AS v"))[0]["v"]
        return await riverbend.tokens(gate, key), str(version).partition(" ")[0]
    finally:
        await gate.close()


async def _apps(settings: Settings, dsn: Dsn, key: crypto.ServerKey, place: str) -> riverbend_apps.PatientLogin | None:
    gate = Gate(dsn.app, key, settings.data, base=place + "/fhir", connections=2)
    await gate.open()
    try:
        return await riverbend_apps.set_up(gate, dsn.owner, place, riverbend.PASSWORD, riverbend.ADMINISTRATOR)
    finally:
        await gate.close()


def _greet(host: str, port: int, tokens: list[riverbend.Token], seconds: float, patient: riverbend_apps.PatientLogin | None) -> None:
    place = f"http://{'localhost' if host == '127.0.0.1' else host}:{port}"
    print(f"\nSojourn with Riverbend Behavioral Health is at {place} (ready in {seconds:.1f} s; Ctrl-C stops it)\n")
    print(f"  Sign in with any of these; the password is {riverbend.PASSWORD!r}:")
    for login in riverbend.logins():
        print(f"    {login.login:<8} {login.name:<32} {login.role:<20} {login.programs}")
    if patient:
        print(f"\n  A client's own app is at {place}{riverbend_apps.PAGE}; sign in there as {patient.login} ({patient.name}). Clinicians find apps on a chart under Apps.")
    print(f"\n  The FHIR API is at {place}/fhir. Bearer tokens:")
    for token in tokens:
        print(f"    {token.secret}  {token.name}: {token.note}")
    print(f"\n  Try: curl -H 'Authorization: Bearer {tokens[0].secret}' '{place}/fhir/Patient?name=a&_count=3&_pretty=true'\n", flush=True)
