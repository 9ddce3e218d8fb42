"""Settings, time, ids, logs and keys."""

import io
import json
import logging
import re
import stat
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.base import clock, crypto, ids, log
from sojourn.base.settings import BadSetting, Settings

FHIR_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


def test_settings_come_from_the_environment_and_an_empty_variable_is_none() -> None:
    settings = Settings.from_environment({"SOJOURN_PORT": "9000", "SOJOURN_HOST": " ", "SOJOURN_DATA": "/var/lib/sojourn"})
    assert (settings.port, settings.host, settings.data) == (9000, "127.0.0.1", Path("/var/lib/sojourn"))
    assert settings.embedded


@pytest.mark.parametrize(("variable", "value"), [("SOJOURN_PORT", "secret-thing"), ("SOJOURN_DATABASE_URL", "mysql://u:hunter2@h/d"), ("SOJOURN_LOG_LEVEL", "hunter2")])
def test_a_bad_setting_is_named_and_its_value_is_not(variable: str, value: str) -> None:
    with pytest.raises(BadSetting, match=variable) as caught:
        Settings.from_environment({variable: value})
    assert value not in str(caught.value)


def test_the_printed_settings_hold_no_password() -> None:
    assert "hunter2" not in repr(Settings(database_url="postgresql://u:hunter2@h/d"))


def test_a_fake_clock_moves_only_when_told() -> None:
    with clock.using(clock.FakeClock(datetime(2026, 3, 8, 6, tzinfo=UTC))) as fake:
        begin = clock.monotonic()
        fake.advance(timedelta(hours=1))
        assert clock.now() == datetime(2026, 3, 8, 7, tzinfo=UTC)
        assert clock.monotonic() - begin == 3600
    assert clock.now().tzinfo is UTC


def test_ids_are_fhir_ids_of_their_own() -> None:
    made = {ids.new_id() for _ in range(5000)} | {ids.new_version() for _ in range(5000)}
    assert len(made) == 10_000
    assert all(FHIR_ID.fullmatch(one) and len(one) == 22 for one in made)
    assert len(ids.new_token()) == 43


def test_a_step_draws_the_same_ids_whatever_other_steps_there_were() -> None:
    def play(*labels: str) -> dict[str, tuple[str, str]]:
        source = ids.SeededSource("seed")
        drawn = {}
        with ids.using(source):
            for label in labels:
                source.step(label)
                drawn[label] = (ids.new_id(), ids.new_version())
        return drawn

    whole, part = play("admit", "secret", "note"), play("admit", "note")
    assert part.items() <= whole.items()
    assert len({one for pair in whole.values() for one in pair}) == 6


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    log.configure("debug", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_field_that_is_not_on_the_list_is_dropped(lines: io.StringIO) -> None:
    log.logger("t").info("written", resource_type="Patient", name="Ana Rivera")
    line = json.loads(lines.getvalue())
    assert line["resource_type"] == "Patient"
    assert line["dropped"] == 1
    assert "Ana" not in lines.getvalue()


def test_an_error_is_logged_by_type_and_place_without_its_message(lines: io.StringIO) -> None:
    try:
        int("Ana Rivera")
    except ValueError as error:
        log.logger("t").error("failed", error)
        logging.getLogger("other.library").exception("it broke for %s", "Ana Rivera")
    assert "Ana" not in lines.getvalue()
    assert [json.loads(line)["error_type"] for line in lines.getvalue().splitlines()] == ["ValueError"] * 2


def test_a_password_is_verified_and_an_unknown_account_is_not() -> None:
    stored = crypto.hash_password("correct horse")
    assert stored.startswith("$argon2id$")
    assert crypto.verify_password("correct horse", stored)
    assert not crypto.verify_password("wrong", stored)
    assert not crypto.verify_password("anything", None)


@given(st.binary(max_size=200), st.binary(max_size=40))
def test_what_is_sealed_opens_for_the_same_purpose_and_context_only(data: bytes, context: bytes) -> None:
    key = crypto.ServerKey(b"k" * 32)
    sealed = key.seal("cursor", data, context)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", sealed)
    assert key.open("cursor", sealed, context) == data
    for other, purpose, around in ((crypto.ServerKey(b"o" * 32), "cursor", context), (key, "state", context), (key, "cursor", context + b"x")):
        with pytest.raises(crypto.BadSeal):
            other.open(purpose, sealed, around)


@given(st.text(max_size=100))
def test_no_text_opens_that_was_not_sealed(text: str) -> None:
    with pytest.raises(crypto.BadSeal):
        crypto.ServerKey(b"k" * 32).open("cursor", text)


def test_the_server_key_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "server.key"
    keys: list[bytes] = []
    threads = [threading.Thread(target=lambda: keys.append(crypto.load_server_key(path).derive("x"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 4
    assert len(set(keys)) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["server.key"]
