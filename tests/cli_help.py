"""What tests of the command line share: running a command, and reading what it prints."""

from __future__ import annotations

import json
from typing import Any

import pytest

from robust_gym.cli import main

Capture = pytest.CaptureFixture[str]


def call(capsys: Capture, *arguments: str) -> tuple[int, str, str]:
    """Run a command; returns its exit code, its output and its errors."""
    capsys.readouterr()
    try:
        code = main(list(arguments))
    except SystemExit as stop:
        code = int(stop.code or 0)
    out, error = capsys.readouterr()
    return code, out, error


def fails(capsys: Capture, *arguments: str) -> str:
    """Check that a command ends with one clear line and code 2; returns the line."""
    code, _, error = call(capsys, *arguments)
    assert code == 2, error
    assert error.count("\n") == 1, error
    assert error.startswith("robust-gym: ")
    return error.removeprefix("robust-gym: ").strip()


def parsed(capsys: Capture, *arguments: str) -> Any:
    code, out, error = call(capsys, *arguments, "--json")
    assert code == 0, error
    return json.loads(out)
