"""Print the lock: what the extra ``dev`` needs, and what that needs, at the versions installed here.

``make lock`` runs it in a fresh environment, which holds the newest versions that ``pyproject.toml`` allows. What else
is installed, by hand or as part of every virtual environment, is left out, and so is this package.
"""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
OWN = "robust-gym"

# Without wheels for newer versions of Python, as the extra dm_control says.
MARKERS = {"dm-control": "python_version < '3.13'", "labmaze": "python_version < '3.13'"}


def project(file: Path = PROJECT) -> dict[str, Any]:
    """Read the project's table; needs Python 3.11."""
    import tomllib

    table: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
    return table


def own_requirements(table: Mapping[str, Any], extra: str) -> list[Requirement]:
    """Return what this package requires always, and for an extra, in this version of Python.

    Its extras that the extra names are resolved; the file is asked and not the installation, which may be older.
    """
    found, todo, seen = list(map(Requirement, table["dependencies"])), [extra], set()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        for requirement in map(Requirement, table["optional-dependencies"][name]):
            if canonicalize_name(requirement.name) == OWN:
                todo += requirement.extras
            else:
                found.append(requirement)
    return [one for one in found if one.marker is None or one.marker.evaluate()]


def closure(requirements: Iterable[Requirement]) -> set[str]:
    """Return the names of all distributions that requirements need, themselves included.

    Raises:
        PackageNotFoundError: If one of them is not installed.
    """
    todo = [(canonicalize_name(one.name), extra) for one in requirements for extra in ("", *one.extras)]
    seen: set[tuple[str, str]] = set()
    while todo:
        name, extra = todo.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        for one in map(Requirement, importlib.metadata.requires(name) or ()):
            if one.marker is None or one.marker.evaluate({"extra": extra}):
                todo += [(canonicalize_name(one.name), wanted) for wanted in ("", *one.extras)]
    return {name for name, _ in seen}


def lock() -> str:
    """Return the lock's lines."""
    lines = [
        f"# Exact versions for `make` and CI; written by `make lock` with Python {platform.python_version()}.",
        "# What the Makefile calls NO_DEPS is installed beside these.",
    ]
    for name in sorted(closure(own_requirements(project(), "dev"))):
        # A local build, such as torch's +cpu, is not on PyPI.
        version = importlib.metadata.version(name).partition("+")[0]
        lines.append(f"{name}=={version}" + (f"; {MARKERS[name]}" if name in MARKERS else ""))
    return "\n".join(lines)


if __name__ == "__main__":
    if sys.version_info[:2] != (3, 11):
        sys.exit("the lock is written with Python 3.11, the oldest that it serves: make lock PYTHON=python3.11")
    print(lock())
