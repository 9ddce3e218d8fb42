"""Find chromium for the browser tests, install it where that is possible, or say plainly what to install."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = "chromium is missing: the browser tests are skipped. Install the package `chromium` of your system to run them."


def path() -> str | None:
    """Where chromium is, or None."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def install() -> None:
    """Try the system's package manager, as root or with a sudo that asks nothing."""
    if not shutil.which("apt-get"):
        return
    before = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if before and (not shutil.which("sudo") or subprocess.run([*before, "true"], capture_output=True, check=False).returncode):
        return
    print("Installing chromium for the browser tests ...", flush=True)
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update", "-qq"], ["install", "-qq", "-y", "--no-install-recommends", "chromium"]):
        try:
            subprocess.run([*before, "apt-get", *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False, timeout=600, env=quiet)
        except subprocess.TimeoutExpired:
            return


if __name__ == "__main__":
    if not path():
        install()
    if not path():
        print(MISSING, file=sys.stderr)
