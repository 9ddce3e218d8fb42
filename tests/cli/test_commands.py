"""The command line: every command explains itself, fails with a sentence, and stops cleanly."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sojourn.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[2]


def sojourn(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "sojourn", *words], capture_output=True, text=True, check=False, env=os.environ | environment, timeout=60)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    said = sojourn(command, "--help")
    assert said.returncode == 0, said.stderr
    assert COMMANDS[command][1].split()[0].lower() in said.stdout.lower()


def test_every_command_module_is_offered() -> None:
    folder = ROOT / "src" / "sojourn" / "cli"
    modules = {path.stem for path in folder.glob("*.py") if "def run(" in path.read_text("utf-8") and "def arguments(" in path.read_text("utf-8")}
    assert modules == {module for module, _ in COMMANDS.values()}


def test_a_bad_setting_is_one_sentence_and_no_traceback() -> None:
    said = sojourn("migrate", SOJOURN_PORT="x")
    assert said.returncode == 1
    assert said.stderr == "sojourn migrate: SOJOURN_PORT must be a whole number from 0 to 65535.\n"


def test_a_database_that_does_not_answer_is_one_sentence(folder: Path) -> None:
    said = sojourn("migrate", SOJOURN_DATA=str(folder), SOJOURN_DATABASE_URL="postgresql://nobody:secret@127.0.0.1:1/none")
    assert said.returncode == 1
    assert "cannot be reached" in said.stderr
    assert "secret" not in said.stderr


def test_migrate_brings_up_an_empty_folder_and_leaves_nothing_running(folder: Path) -> None:
    home = {"SOJOURN_DATA": str(folder / "data")}
    first, second = sojourn("migrate", **home), sojourn("migrate", **home)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert "0001_pre_record" in first.stdout
    assert second.stdout == "The database is up to date.\n"
    assert sojourn("postgres", "status", **home).returncode == 3


def test_postgres_is_started_and_stopped_by_hand(folder: Path) -> None:
    home = {"SOJOURN_DATA": str(folder / "data")}
    assert sojourn("postgres", "start", **home).returncode == 0
    try:
        assert sojourn("postgres", "status", **home).returncode == 0
        assert sojourn("postgres", "address", **home).stdout.startswith("postgresql://postgres@/sojourn?host=")
    finally:
        assert sojourn("postgres", "stop", **home).returncode == 0
    assert sojourn("postgres", "status", **home).returncode == 3
