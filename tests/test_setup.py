"""What the Makefile and CI install: the lock is what the project needs, and a missing browser stops no test."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("packaging")

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / ".ci"))

import lock  # noqa: E402

LOCKED = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the lock is written with Python 3.11")
def test_the_lock_is_what_the_development_extra_needs() -> None:
    direct = lock.own_requirements(lock.project(), "dev")
    assert {lock.canonicalize_name(one.name) for one in direct} - LOCKED == set(), "make lock"
    try:
        needed = lock.closure(direct)
    except importlib.metadata.PackageNotFoundError as error:
        pytest.skip(f"not everything is installed: {error}")
    assert needed == LOCKED, "make lock"


def test_extras_of_this_package_are_followed() -> None:
    table = {
        "dependencies": ["numpy>=1"],
        "optional-dependencies": {
            "one": ["scipy", "dm-control; python_version < '3'"],
            "two": ["robust-gym[one,two]", "minari[hdf5]"],
        },
    }
    assert [str(one) for one in lock.own_requirements(table, "two")] == ["numpy>=1", "minari[hdf5]", "scipy"]


@pytest.mark.skipif(shutil.which("sh") is None, reason="needs a shell")
def test_a_browser_that_cannot_be_installed_is_said_and_fails_nothing(tmp_path: Path) -> None:
    for name, body in (("id", "echo 0"), ("apt-get", "exit 100")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n".replace("#!/bin/sh", f"#!{shutil.which('sh')}"))
        (tmp_path / name).chmod(0o755)
    command = [str(shutil.which("sh")), str(ROOT / ".ci" / "system-packages")]
    done = subprocess.run(command, env={**os.environ, "PATH": str(tmp_path)}, capture_output=True, text=True)
    assert done.returncode == 0
    assert "apt-get failed: the browser tests will be skipped" in done.stderr
