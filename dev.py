# SPDX-License-Identifier: MIT
"""Show sigcore at work, or test it, from a fresh checkout.

    python dev.py demo                 the demo, until Ctrl-C
    python dev.py test                 every test, against built and installed packages
    python dev.py test -k serial -x    what follows "test" is for pytest
    python dev.py nox -s lint types    any other session of noxfile.py; "nox -l" lists them

Needs Python 3.11 or newer and, the first time, a package index that pip can reach. What it makes stays in the
checkout, in folders that git ignores: .dev, .nox, dist, build for the docs, and the caches of the tools.
"""

# Written so that older Pythons read it too, and get as far as saying that a newer one is needed: no type annotations.
import importlib.util
import os
import subprocess
import sys

NEEDS_PYTHON = (3, 11)
HERE = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(HERE, ".dev")
NOX = os.path.join(HERE, "requirements", "nox.txt")
VENV_PYTHON = os.path.join(VENV, "Scripts", "python.exe") if os.name == "nt" else os.path.join(VENV, "bin", "python")
COMMANDS = {"demo": ["-s", "demo", "--"], "test": ["-s", "tests", "--"], "nox": []}


def main(arguments):
    """Run one command; return the exit code of the process."""
    if not arguments or arguments[0] not in COMMANDS:
        print(__doc__)
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    problem = what_is_missing() or ("" if has_nox() else install_nox())
    if problem:
        print(f"dev.py: {problem}", file=sys.stderr)
        return 1
    noxfile = os.path.join(HERE, "noxfile.py")
    return wait_for([VENV_PYTHON, "-m", "nox", "-f", noxfile, *COMMANDS[arguments[0]], *arguments[1:]])


def what_is_missing():
    """Return what this Python lacks and what to do about it; an empty text when it will do."""
    if sys.version_info < NEEDS_PYTHON:
        found = ".".join(map(str, sys.version_info[:3]))
        return f"needs Python 3.11 or newer, and {sys.executable} is {found}; try: python3.11 dev.py ..."
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        return (
            f"{sys.executable} cannot make virtual environments: it lacks venv or ensurepip.\n"
            "On Debian and Ubuntu, install them with: sudo apt-get install python3-venv"
        )
    return ""


def has_nox():
    """Return whether an earlier run made a virtual environment that still works."""
    if not os.path.exists(VENV_PYTHON):
        return False
    return subprocess.call([VENV_PYTHON, "-c", "import nox"], stderr=subprocess.DEVNULL) == 0


def install_nox():
    """Make the virtual environment; return what went wrong, or an empty text."""
    print(f"dev.py: making a virtual environment with nox in {VENV}", flush=True)
    if wait_for([sys.executable, "-m", "venv", "--clear", VENV]) != 0:
        return f"no virtual environment could be made in {VENV}, for the reason above"
    pip = [VENV_PYTHON, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    if wait_for([*pip, "--require-hashes", "--requirement", NOX]) != 0:
        return (
            "nox could not be installed, for the reason above.\n"
            "If no package index could be reached: check the network, and the proxy or index in pip's settings."
        )
    return ""


def wait_for(command):
    """Run a command to its end and return its exit code; Ctrl-C reaches the command too, which ends in its own way."""
    process = subprocess.Popen(command, cwd=HERE)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
