# SPDX-License-Identifier: MIT
"""Every check of the project, each in a virtual environment of its own; ``nox -l`` lists them.

The sessions work on whatever stands in ``plugins/``: a new package needs no line here. They use the Python that runs
nox; another one is named with ``nox --force-python 3.13``.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nox
from packaging.requirements import Requirement

ROOT = Path(__file__).parent
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
PACKAGES = [ROOT, *PLUGINS]
DIST = ROOT / "dist"
PINNED = ROOT / "requirements" / "dev.txt"
"""Every package that a session installs, in one version, with its hashes; ``nox -s pin`` writes it."""
SBOM = ROOT / "build" / "sbom" / "sigcore.cdx.json"
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
BENCHMARKS = {
    "in_process": ("--rounds", "15"),
    "startup": ("--times", "10"),
    "idle": ("--clients", "5000", "--seconds", "10"),
    "growth": ("--rounds", "3"),
    "client_path": (),
    "server_path": (),
    "codecs": ("--rounds", "20"),
    "scan": (),
    "advice": ("--rounds", "3"),
    "serial": ("--brief",),
    "tls": ("--rounds", "3"),
    "access": (),
}
"""The small ones, with the options that make them brief."""
BRIEF = "--brief"
BROKERS = ("nats-server", "mosquitto", "redis-server")
INSTALL_BROKERS = "--install-brokers"

TOUCH_OTHER_PACKAGES = [
    *(f"tests/test_{name}.py" for name in ("blocking", "client_server", "codec_check", "json", "plugins", "typed")),
    *(f"plugins/{name}/tests" for name in ("sig_accel", "sig_cbor", "sig_tcp")),
    *(f"plugins/sig_serial/tests/test_serial_{name}.py" for name in ("carrier", "network", "port")),
]

SIDE_BY_SIDE = ("--numprocesses=auto", "--maxprocesses=4", "--dist=loadfile")

NEEDS_NOX = "nox>=2025.5.1"
nox.needs_version = NEEDS_NOX.removeprefix("nox")
nox.options.default_venv_backend = "virtualenv"


@nox.session(default=False)
def dist(session: nox.Session) -> None:
    """Build the sdist and the wheel of every package into dist/; the sessions that install packages share them.

    Where no extension module can be built, what needs that is left out, and the sessions do without it; not in CI.
    """
    install(session, *group("dist"))
    shutil.rmtree(DIST, ignore_errors=True)
    for package in PACKAGES:
        if (package / "setup.py").exists() and "CI" not in os.environ and not can_compile(session):
            session.warn(f"no C compiler, or no headers of Python: {package.name} is neither built nor tested here")
            continue
        session.run("python", "-m", "build", "--no-isolation", "--outdir", str(DIST), str(package), silent=True)


@nox.session(requires=["dist"])
def tests(session: nox.Session) -> None:
    """Run all tests against the installed wheels of all packages; arguments after ``--`` are pytest's."""
    install(session, *wheels(), *group("test-all"))
    session.run("python", "-P", "-c", f"import {', '.join(plugin.name for plugin in built_plugins())}")
    run_pytest_side_by_side(session, *session.posargs)


@nox.session(requires=["dist"])
def tests_minimal(session: nox.Session) -> None:
    """Run the core's tests with the core alone: no plug-in, no msgspec, nothing but pluggy.

    But for those that try every state of a session for long, and import nothing else: ``tests`` runs them.
    """
    install(session, *wheels("sigcore"), *group("test"))
    parts = ("tests", *without("integration", "faults", "sessions"))
    run_pytest_side_by_side(session, *parts, "--only-installed", *session.posargs)


@nox.session(requires=["dist"])
def minimums(session: nox.Session) -> None:
    """Run the tests that touch other packages with the lowest versions of these that each pyproject.toml allows."""
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder, "minimums.txt")
        constraints.write_text("".join(f"{line}\n" for line in lowest_versions()), encoding="utf-8")
        session.install("--constraint", str(constraints), *wheels(), *group("test-all"))
    run_pytest_side_by_side(session, *TOUCH_OTHER_PACKAGES, *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check format and style with ruff."""
    install(session, *group("lint"))
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")


@nox.session(requires=["dist"])
def types(session: nox.Session) -> None:
    """Check types: mypy on each package, then mypy and pyright on what a user sees of the installed packages."""
    install(session, *wheels(), *group("test-all"), *group("types"))
    session.run("mypy", "sigcore", "tests", *map(str, ROOT.glob("examples/*.py")))
    session.run("mypy", "conftest.py", "noxfile.py", ".ci/check_dist.py", ".ci/check_sbom.py")
    for plugin in built_plugins():
        session.run("mypy", *(str(plugin / part) for part in ("src", "tests")))
    with tempfile.TemporaryDirectory() as folder, session.chdir(folder):  # where no checkout hides what is installed
        sample = shutil.copy(ROOT / "tests" / "typing" / "user_sample.py", "user_sample.py")
        session.run("mypy", "--strict", sample)
        session.run("pyright", sample)
        for package in ("sigcore", *(plugin.name for plugin in built_plugins())):
            check_public_types(session, package)


@nox.session(requires=["dist"])
def build(session: nox.Session) -> None:
    """Check what was built: file lists, licence, type marker, entry points, metadata."""
    install(session, *group("build"))
    session.run("twine", "check", "--strict", *map(str, DIST.iterdir()))
    session.run("python", ".ci/check_dist.py", str(DIST), *map(str, [ROOT, *built_plugins()]))


@nox.session(requires=["dist"])
def sbom(session: nox.Session) -> None:
    """Write what the packages are made of, in CycloneDX's form, into build/sbom: they and all that they need."""
    install(session, *group("sbom"))
    SBOM.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:  # an environment with the packages and nothing else
        session.run("virtualenv", "--quiet", "--no-setuptools", "--no-wheel", folder)
        python = str(next(path for path in Path(folder).glob("*/python*") if path.stem == "python"))
        asked = Path(folder, "asked.txt")
        asked.write_text("".join(f"{by_name(wheel)}\n" for wheel in wheels()), encoding="utf-8")
        options = ("--quiet", "--find-links", str(DIST), "--constraint", str(PINNED), "--requirement", str(asked))
        session.run("pip", "--python", python, "install", *options)
        session.run("pip", "--python", python, "uninstall", "--quiet", "--yes", "pip")
        describe = ("--spec-version", "1.6", "--output-reproducible", "--validate", "--output-file", str(SBOM))
        session.run("cyclonedx-py", "environment", "--pyproject", "pyproject.toml", *describe, python)
    session.run("python", ".ci/check_sbom.py", str(SBOM), *map(str, [ROOT, *built_plugins()]))


@nox.session(default=False)
def pin(session: nox.Session) -> None:
    """Write requirements/ anew: for all systems and Pythons, the newest versions that pyproject.toml allows."""
    session.install(*group("pin"))
    with tempfile.TemporaryDirectory() as folder:
        asked = Path(folder, "asked.in")
        asked.write_text("".join(f"{line}\n" for line in pinned_requirements()), encoding="utf-8")
        lock(session, PINNED, str(asked))
        asked.write_text(NEEDS_NOX, encoding="utf-8")
        lock(session, PINNED.with_name("nox.txt"), str(asked), "--constraint", str(PINNED))


@nox.session(default=False)
def audit(session: nox.Session) -> None:
    """Look for known vulnerabilities of what the sessions install; needs the database of advisories on the network."""
    session.install(*group("audit"))
    session.run("pip-audit", "--strict", "--disable-pip", "--require-hashes", "--requirement", str(PINNED))


@nox.session(requires=["dist"])
def docs(session: nox.Session) -> None:
    """Build the documentation into build/docs, where a warning is an error, and run the code in it."""
    install(session, *wheels(), *group("test-all"), *group("docs"))
    session.run("sphinx-build", "-W", "--keep-going", "-q", "-b", "html", "docs", "build/docs")
    run_pytest(session, "tests/test_docs.py")


@nox.session(requires=["dist"], default=False)
def fuzz(session: nox.Session) -> None:
    """Throw hostile input at all that reads it, a minute each; arguments are those of ``python -m fuzz``.

    Needs atheris, which has wheels for CPython on Linux (x86-64); fuzz/README.md says what there is elsewhere.
    """
    session.install(*wheels(), *group("fuzz"))
    session.run("python", "-m", "fuzz", *session.posargs)


@nox.session(requires=["dist"])
def third_party(session: nox.Session) -> None:
    """Build and test a copy of the example package, away from the checkout, as its author would."""
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copytree(ROOT / "examples" / "sig_example", Path(folder, "sig_example"))
        session.install(*wheels("sigcore"), str(copy), "pytest")
        with session.chdir(copy):
            run_pytest(session, "-W", "error")


@nox.session(requires=["dist"], default=False)
def demo(session: nox.Session) -> None:
    """Install the packages and show the demo; arguments after ``--`` are those of ``sig demo``."""
    session.install(*wheels())
    # The demo ends by itself on Ctrl-C; nox's own patience of 0.3 s would cut its last words off.
    session.run("sig", "demo", *session.posargs, interrupt_timeout=10, terminate_timeout=5)


@nox.session(requires=["dist"], default=False)
def bench(session: nox.Session) -> None:
    """Measure sigcore and its peers; results in build/benchmarks, benchmarks/README.md has the options.

    ``-- --brief`` takes half the time for all of it. Other arguments after ``--`` are those of the comparison between
    processes, and leave out all other benchmarks. Brokers
    come from the system: what is not installed is left out. As root on Debian, ``-- --install-brokers`` installs them.
    """
    arguments = [argument for argument in session.posargs if argument != INSTALL_BROKERS]
    if len(arguments) < len(session.posargs):
        session.run("apt-get", "install", "--yes", "--no-install-recommends", *BROKERS, external=True)
    session.install(*wheels(), *group("bench"))
    with tempfile.TemporaryDirectory() as folder:  # copies, away from the checkout, which would hide what is installed
        for package in ("benchmarks", "tests"):  # the latter for its crowd of idle clients
            shutil.copytree(ROOT / package, Path(folder, package))
        alone = {"PYTHONPATH": folder, "PYTHONSAFEPATH": "1"}
        session.run("python", "-m", "benchmarks.compare", *arguments, env=alone)
        for name, brief in BENCHMARKS.items() if set(arguments) <= {BRIEF} else ():
            options = (*(brief if arguments else ()), "--json", f"build/benchmarks/{name}.json")
            session.run("python", "-m", f"benchmarks.{name}", *options, env=alone)


def install(session: nox.Session, *asked: str) -> None:
    """Install requirements in the versions that requirements/dev.txt has, and wheels of ours; pip checks the hashes."""
    with tempfile.TemporaryDirectory() as folder:
        requirements = Path(folder, "asked.txt")
        # Where one thing has a hash, pip wants one for each: also for the wheels that were built a moment ago.
        lines = [f"{what} {hash_of(what)}" if what.endswith(".whl") else what for what in asked]
        requirements.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        session.install("--constraint", str(PINNED), "--requirement", str(requirements))


def hash_of(wheel: str) -> str:
    """Return the option that tells pip the hash of a wheel."""
    return f"--hash=sha256:{hashlib.sha256(Path(wheel).read_bytes()).hexdigest()}"


def by_name(wheel: str) -> str:
    """Return the requirement of a wheel by its name: given as a file, its path would stand in what is made of it."""
    name, version, *_ = Path(wheel).name.split("-")
    return f"{name}=={version} {hash_of(wheel)}"


def lock(session: nox.Session, file: Path, *asked: str) -> None:
    """Write versions and hashes of all that is needed, for every system and Python, and not where they come from."""
    how = ("--quiet", "--universal", "--python-version", "3.11", "--generate-hashes")
    form = ("--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links")
    file.unlink(missing_ok=True)  # else its versions would be kept
    session.run("uv", "pip", "compile", *how, *form, "--output-file", str(file), *asked)


def pinned_requirements() -> Iterator[str]:
    """Yield all that the sessions require, but for ``bench``, which measures what is new, and ``fuzz``."""
    groups = [name for name in PROJECT["dependency-groups"] if name not in ("bench", "fuzz", "pin", "audit")]
    for requirement in itertools.chain(*map(group, groups), *map(requirements_of, PACKAGES)):
        if not Requirement(requirement).name.startswith("sigcore"):
            yield requirement


def requirements_of(package: Path) -> Iterator[str]:
    """Yield what a package of ours requires to be built and to run, extras included."""
    project = project_of(package)
    yield from nox.project.load_toml(package / "pyproject.toml")["build-system"]["requires"]
    yield from itertools.chain(project["dependencies"], *project.get("optional-dependencies", {}).values())


def group(name: str) -> tuple[str, ...]:
    """Return the requirements of a dependency group of the root pyproject.toml."""
    return nox.project.dependency_groups(PROJECT, name)


def wheels(distribution: str = "*") -> list[str]:
    """Return the built wheels, or the one of a distribution."""
    return [str(wheel) for wheel in sorted(DIST.glob(f"{distribution}-*.whl"))]


def built_plugins() -> list[Path]:
    """Return the plug-ins that ``dist`` has built, which is all but where something was missing."""
    return [plugin for plugin in PLUGINS if wheels(project_of(plugin)["name"].replace("-", "_"))]


def project_of(package: Path) -> dict[str, Any]:
    """Return the table ``project`` of a package's pyproject.toml."""
    table: dict[str, Any] = nox.project.load_toml(package / "pyproject.toml")["project"]
    return table


def can_compile(session: nox.Session) -> bool:
    """Return whether an extension module can be built here, by building the least one."""
    with tempfile.TemporaryDirectory() as folder, session.chdir(folder):
        Path("probe.c").write_text("#include <Python.h>\nPyMODINIT_FUNC PyInit_probe(void) { return NULL; }\n")
        Path("setup.py").write_text(
            "from setuptools import Extension, setup\n"
            "setup(name='probe', ext_modules=[Extension('probe', ['probe.c'])])\n"
        )
        session.run("python", "setup.py", "build_ext", "--inplace", silent=True, success_codes=range(256))
        return len(list(Path().glob("probe.*"))) > 1


def without(*folders: str) -> list[str]:
    """Return the arguments of pytest that leave out folders of tests/."""
    return [f"--ignore=tests/{folder}" for folder in folders]


def run_pytest(session: nox.Session, *arguments: str) -> None:
    """Run pytest on what is installed: no process imports from its working folder, and conftest.py makes sure."""
    session.run("pytest", *arguments, env={"PYTHONSAFEPATH": "1", "SIGCORE_TEST_INSTALLED": "1"})


def run_pytest_side_by_side(session: nox.Session, *arguments: str) -> None:
    """The same with several files at a time: most tests wait for time to pass, or for another process."""
    run_pytest(session, *SIDE_BY_SIDE, *arguments)


def check_public_types(session: nox.Session, package: str) -> None:
    """Fail when a public name of an installed package has a type that pyright cannot tell."""
    command = ["pyright", "--verifytypes", package, "--ignoreexternal", "--outputjson"]
    # Its exit code is no help: it fails for attributes that are typed by what __init__ assigns, too.
    report = session.run(*command, silent=True, success_codes=[0, 1], stderr=subprocess.DEVNULL)
    found = json.loads(str(report))["typeCompleteness"]
    unknown = [
        s["name"] for s in found["symbols"] if s["isExported"] and not (s["isTypeKnown"] or s["isTypeAmbiguous"])
    ]
    if unknown or not found["symbols"]:
        session.error(f"{package}: {len(found['symbols'])} public names, without a known type: {', '.join(unknown)}")


def lowest_versions() -> Iterator[str]:
    """Yield ``name==version`` for each requirement of the packages that states a lower bound."""
    for package in PACKAGES:
        project = project_of(package)
        extras = project.get("optional-dependencies", {}).values()
        for requirement in map(Requirement, itertools.chain(project["dependencies"], *extras)):
            bounds = [bound.version for bound in requirement.specifier if bound.operator == ">="]
            if bounds and not requirement.name.startswith("sigcore"):
                yield f"{requirement.name}=={bounds[0]}"
