"""A submission played again in processes that can be stopped."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest
from cli_help import Capture, fails
from submission_help import own_records, put_cell, submission
from test_submission_verify import verified

from robust_gym import record

LITTLE = ("--cells", "2", "--fresh", "3")


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("results")
    put_cell(root)
    return submission([root], root.parent / "honest.zip")


def test_a_run_within_its_limits_has_the_verdict_it_has_without(honest: Path, capsys: Capture) -> None:
    _, free = verified(capsys, honest, *LITTLE)
    code, found = verified(capsys, honest, *LITTLE, "--time-limit", "600", "--memory-limit", "8000.5")
    assert (code, found["runs"]) == (0, free["runs"])
    assert (found["settings"]["time_limit"], found["settings"]["memory_limit"]) == (600.0, 8000.5)
    assert (free["settings"]["time_limit"], free["settings"]["memory_limit"]) == (None, None)


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        (("--time-limit", "0.01"), "stopped: over its time limit of 0.01 s"),
        (("--memory-limit", "2"), "stopped: over its memory limit of 2 MiB"),
    ],
)
def test_a_run_over_a_limit_is_stopped(honest: Path, capsys: Capture, limit: tuple[str, str], reason: str) -> None:
    code, found = verified(capsys, honest, *LITTLE, *limit)
    assert (code, found["verdict"]) == (3, "could not be verified")
    (run,) = found["runs"]
    assert (run["reasons"], run["cells"]) == ([reason], [])
    assert found["reasons"] == [f"{run['run']}: {reason}"]
    assert not multiprocessing.active_children()


@pytest.mark.parametrize(
    ("death", "code", "how"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", 1, "ended by SIGSEGV"),
        ("os._exit(0)", 1, "ended with exit code 0"),
        ("os.kill(os.getpid(), signal.SIGKILL)", 3, "ended by SIGKILL (out of memory?)"),
    ],
)
def test_a_policy_that_takes_its_process_along_is_no_end_of_verify(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, death: str, code: int, how: str
) -> None:
    (tmp_path / "deadly_code.py").write_text(f"import os, signal\ndef make(task, seed):\n    {death}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "mine.jsonl").write_text(record.dump(own_records()))
    file = submission([tmp_path / "mine.jsonl"], tmp_path / "a.zip", policy_entry="deadly_code:make")
    ended, found = verified(capsys, file, *LITTLE, "--trust-code", "--time-limit", "600")
    assert ended == code
    assert found["reasons"][0].endswith(f"its policy cannot be played: the process {how}")


def test_limits_are_positive_numbers(honest: Path, capsys: Capture) -> None:
    error = fails(capsys, "verify", str(honest), "--time-limit", "-1")
    assert "the limit of time must be a positive number, got -1" in error
