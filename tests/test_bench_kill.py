"""A campaign is killed at many moments; what it has finished must stay, and must not be computed again."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest
from bench_help import finish, gone, leftovers, logged, results, start_bench, temporary, wait_until, workers_of

TASKS = ("Fake-Other-v0", "Fake-Walk-v0")


def arguments(seeds: int) -> tuple[str, ...]:
    return ("--tasks", "fake", "--seeds", str(seeds), "--jobs", "2", "--set", "pause=0.1")


def names(root: Path, file: str) -> set[str]:
    """Return ``task seed`` of every cell that has a file."""
    found = root.glob(f"v1/smoke/*/*/seed-*/{file}")
    return {f"{path.relative_to(root).parts[2]} {path.relative_to(root).parts[4][5:]}" for path in found}


def kill_once(out: Path, logs: Path, number: int, seeds: int, delay: float) -> None:
    """Start the campaign, kill its driver, and check what it did and what it left."""
    log = logs / str(number)
    finished, trained = names(out, "records.jsonl"), names(out, "policy")
    process = start_bench(out, log, *arguments(seeds))
    # Start-up is the same every time; the interesting moments come after it.
    wait_until(lambda: process.poll() is not None or logged(log, "train") or logged(log, "evaluate"))
    time.sleep(delay)
    workers = workers_of(process.pid) if process.poll() is None else []
    process.send_signal(signal.SIGKILL)
    finish(process)
    wait_until(lambda: all(gone(worker) for worker in workers), 10)
    assert set(logged(log, "train")).isdisjoint(trained)
    assert set(logged(log, "evaluate")).isdisjoint(finished)
    assert finished <= names(out, "records.jsonl")
    assert trained <= names(out, "policy")


def kill_and_resume(tmp_path: Path, seeds: int, kills: int) -> None:
    undisturbed, out, logs = tmp_path / "undisturbed", tmp_path / "killed", tmp_path / "logs"
    logs.mkdir()
    code, output = finish(start_bench(undisturbed, logs / "undisturbed", *arguments(seeds)))
    assert code == 0, output
    moments = random.Random(kills)
    for number in range(kills):
        kill_once(out, logs, number, seeds, moments.uniform(0, 0.35))
    before = names(out, "records.jsonl")
    assert 0 < len(before) < len(TASKS) * seeds, "the kills came too early or too late to show anything"
    code, output = finish(start_bench(out, logs / "last", *arguments(seeds)))
    assert code == 0, output
    assert "0 failed" in output
    assert set(logged(logs / "last", "evaluate")).isdisjoint(before)

    expected, found = results(undisturbed), results(out)
    assert len(expected) == len(TASKS) * seeds
    assert found == expected
    assert leftovers(out) == []
    assert list(temporary(out).iterdir()) == []
    assert list(out.rglob("*corrupt*")) == []
    assert list(out.rglob("failed.json")) == []


def test_killed_driver(tmp_path: Path) -> None:
    kill_and_resume(tmp_path, seeds=8, kills=5)


@pytest.mark.slow
def test_killed_driver_at_25_moments(tmp_path: Path) -> None:
    kill_and_resume(tmp_path, seeds=40, kills=25)


@pytest.mark.slow
def test_killed_workers(tmp_path: Path) -> None:
    """Killed workers cost their cells only, and --retry-failed makes these good."""
    undisturbed, out, log = tmp_path / "undisturbed", tmp_path / "killed", tmp_path / "log"
    assert finish(start_bench(undisturbed, tmp_path / "other", *arguments(10)))[0] == 0
    process = start_bench(out, log, *arguments(10))
    moments = random.Random(0)
    for kill in range(5):
        wait_until(lambda kill=kill: len(logged(log, "train")) > 2 * kill)
        time.sleep(moments.uniform(0, 0.1))
        if workers := workers_of(process.pid):
            os.kill(moments.choice(workers), signal.SIGKILL)
    code, output = finish(process)
    failed = len(list(out.rglob("failed.json")))
    assert code == (1 if failed else 0), output
    assert failed <= 5
    assert len(results(out)) == 20 - failed
    code, output = finish(start_bench(out, log, *arguments(10), "--retry-failed"))
    assert code == 0, output
    assert results(out) == results(undisturbed)
    assert list(out.rglob("failed.json")) == []
