"""Rules about the code itself: small rooms, plain signs, and a map that is true."""

import ast
import codecs
import re
import socket
import subprocess
from pathlib import Path

import pytest

from tools import decisions, settings_table, tree

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "sojourn"
MODULES = sorted(path for path in SOURCE.rglob("*.py") if "vendor" not in path.parts)
NAMELESS = {"utils", "util", "helpers", "helper", "common", "manager", "service", "misc"}
LONGEST_MODULE = 400


def tracked() -> list[Path]:
    """Every text file that git knows; outside a checkout, every file of the package."""
    try:
        said = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return MODULES
    return [path for name in said.split("\0") if name and (path := ROOT / name).is_file()]


def texts() -> list[tuple[Path, str]]:
    found = []
    for path in tracked():
        try:
            found.append((path.relative_to(ROOT), path.read_text("utf-8")))
        except UnicodeDecodeError:
            continue
    return found


def named(path: Path) -> str:
    return str(path.relative_to(SOURCE))


def test_every_module_has_a_sign_of_at_most_100_characters() -> None:
    """The first docstring line is the sign on the door."""
    signs = {named(module): len(tree.sign(module)) for module in MODULES}
    assert {name: length for name, length in signs.items() if not 0 < length <= 100} == {}


def test_no_module_is_longer_than_400_lines() -> None:
    assert [f"{named(m)}: {n}" for m in MODULES if (n := len(m.read_text("utf-8").splitlines())) > LONGEST_MODULE] == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [named(m) for m in MODULES if m.stem in NAMELESS or m.parent.name in NAMELESS] == []


def test_every_signature_is_typed() -> None:
    bare = []
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                arguments = [a for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs) if a.arg not in ("self", "cls")]
                if node.returns is None or any(a.annotation is None for a in arguments):
                    bare.append(f"{named(module)}:{node.lineno} {node.name}")
    assert bare == []


def test_every_folder_of_the_package_is_a_package() -> None:
    assert [named(m) for m in MODULES if not (m.parent / "__init__.py").exists()] == []


def test_the_time_comes_from_the_clock_only() -> None:
    pattern = re.compile(r"\b(datetime\.(now|utcnow|today)\(|time\.time\(|date\.today\()")
    allowed = {"base/clock.py", "base/log.py"}
    found = [f"{named(m)}:{n}" for m in MODULES if named(m) not in allowed for n, line in enumerate(m.read_text("utf-8").splitlines(), 1) if pattern.search(line)]
    assert found == []


def test_randomness_comes_from_ids_only() -> None:
    """A uuid5 follows from its name, and a seeded Random from its seed: neither is random."""
    pattern = re.compile(r"^\s*(import|from) secrets\b|\buuid[14]\b|\bos\.urandom\(|\brandom\.(SystemRandom|[a-z]+)\(")
    allowed = {"base/ids.py", "base/crypto.py"}  # a server key and the hash for nobody must never be seeded
    found = [f"{named(m)}:{n}" for m in MODULES if named(m) not in allowed for n, line in enumerate(m.read_text("utf-8").splitlines(), 1) if pattern.search(line)]
    assert found == []


def test_the_map_shows_the_code_as_it_is() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    assert tree.placed(text) == text, "run `make architecture`"


def test_the_map_is_short_enough_to_read() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    own = text[: text.index(tree.BEGIN)] + text[text.index(tree.END) :]
    assert len(own.splitlines()) <= 300


def test_the_settings_in_the_manual_are_those_in_the_code() -> None:
    text = settings_table.DOCUMENT.read_text("utf-8")
    assert settings_table.placed(text) == text, "run `make architecture`"


def test_every_variable_named_in_the_manual_exists() -> None:
    variables = {row[0] for row in settings_table.table()}
    assert set(re.findall(r"SOJOURN_[A-Z_]+", settings_table.DOCUMENT.read_text("utf-8"))) <= variables


def test_the_list_of_decisions_is_whole() -> None:
    text = decisions.DOCUMENT.read_text("utf-8")
    assert decisions.placed(text) == text, "run `make architecture`"


@pytest.mark.parametrize("folder", ["src/sojourn/record/sql/migrations", "docs/decisions"])
def test_no_number_is_taken_twice(folder: str) -> None:
    """A migration before the functions and one after them may share theirs."""
    numbers = ["-".join(re.split("[_-]", path.name)[: 2 if path.suffix == ".sql" else 1]) for path in (ROOT / folder).iterdir() if path.name[:4].isdigit()]
    assert sorted(set(numbers)) == sorted(numbers)


def test_links_between_documents_lead_somewhere() -> None:
    found = [(path, link) for path, text in texts() if path.suffix == ".md" for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text) if "://" not in link]
    assert [f"{path}: {link}" for path, link in found if not (ROOT / path.parent / link).exists()] == []


def test_tests_named_in_the_map_exist() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    files = set(re.findall(r"`(tests/[\w/]+\.py)", text))
    assert [name for name in sorted(files) if not (ROOT / name).exists()] == []
    code = "".join((ROOT / name).read_text("utf-8") for name in files)
    assert [name for name in re.findall(r"::(test_\w+)", text) if f"def {name}(" not in code] == []


# Written in rot13, so that this file names none either.
HOSTS = re.compile("|".join(re.escape(codecs.decode(host, "rot13")) for host in ("clcv.bet", "clgubaubfgrq.bet", "aczwf.bet", "aczwf.pbz", "qro.qrovna.bet", "znira.bet")))
MACHINE = re.compile(r"(?<![A-Za-z0-9_.$}-])/(?:wor[k]|roo[t]|hom[e]/[a-z]+|User[s])/")


def test_no_tracked_file_names_a_package_registry() -> None:
    assert [str(path) for path, text in texts() if HOSTS.search(text)] == []


def test_no_tracked_file_names_a_path_of_somebodys_machine() -> None:
    assert [f"{path}:{n}" for path, text in texts() for n, line in enumerate(text.splitlines(), 1) if len(line) < 1000 and MACHINE.search(line)] == []


@pytest.mark.parametrize("name", ["runtime", "build", "node", "dev", "clients"])
def test_requirements_are_pinned_with_hashes_and_no_address(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text
    entries = re.split(r"\n(?=[a-zA-Z0-9])", text)
    assert [entry.splitlines()[0] for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []


def test_what_the_package_asks_for_is_what_is_pinned() -> None:
    import tomllib

    asked = {re.split(r"[;<>=\s]", line)[0] for line in tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]}
    pinned = {line.strip() for line in (ROOT / "requirements" / "runtime.in").read_text("utf-8").splitlines() if line and not line.startswith("#")}
    assert asked == pinned


def test_a_test_that_would_leave_the_machine_fails() -> None:
    with pytest.raises(PermissionError), socket.socket() as line:
        line.connect(("192.0.2.1", 80))  # an address of nobody (RFC 5737)
