"""What the tests of the bench share. The fakes are taken out of the registry again after every test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest

from robust_gym import registry
from robust_gym.bench.cell import Cell
from robust_gym.bench.training import arguments_of, provenance
from robust_gym.plugins import load_plugins
from robust_gym.record import RunRecord
from robust_gym.splits import task_protocol

HERE = Path(__file__).parent
FAST = ("--plugin", "fakes", "--budget", "smoke")


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module ``fakes``, registered for the time of a test."""
    monkeypatch.syspath_prepend(str(HERE))
    load_plugins(())
    registry.list_tasks()
    registry.list_algorithms()
    before = dict(registry._tasks), dict(registry._algorithms), dict(gym.registry)
    load_plugins(("fakes",))
    yield sys.modules["fakes"]
    for now, then in zip((registry._tasks, registry._algorithms, gym.registry), before, strict=True):
        now.clear()
        now.update(then)
    sys.modules.pop("fakes", None)


def cell(seed: int = 0, task: str = "Fake-Walk-v0", algorithm: str = "fake", **overrides: Any) -> Cell:
    return Cell(algorithm, task, seed, "smoke", overrides=tuple(sorted(overrides.items())), plugins=("fakes",))


def records_of(cell: Cell, returns: float = 1.0) -> list[RunRecord]:
    """Make complete records of a cell, without computing anything."""
    task = registry.task(cell.task)
    budget = task.budget(cell.budget)
    protocol = task_protocol(cell.task, cell.protocol)
    seeds = protocol.seeds[: budget.episodes]
    return [
        RunRecord(
            algorithm=cell.algorithm,
            arguments=arguments_of(cell),
            task=task.id,
            task_version=task.version,
            family=task.family,
            seed=cell.seed,
            protocol=cell.protocol,
            protocol_sha256=protocol.sha256,
            split=split.name,
            disruption=disruption,
            episode_seeds=seeds,
            returns=(returns,) * len(seeds),
            lengths=(3,) * len(seeds),
            budget=budget.name,
            budget_steps=budget.steps,
            steps_used=budget.steps,
            train_seconds=1.0,
            evaluate_seconds=1.0,
            provenance=provenance(),
        )
        for split in protocol.splits
        for disruption in split.disruptions
    ]


def results(root: Path) -> dict[str, list[dict[str, Any]]]:
    """Read all records below a folder, without what differs between equal runs."""
    found = {}
    for path in sorted(root.rglob("records.jsonl")):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        for line in lines:
            for name in ("train_seconds", "evaluate_seconds", "provenance"):
                del line[name]
        found[path.parent.relative_to(root).as_posix()] = lines
    return found


def logged(path: Path, what: str) -> list[str]:
    """Return the rest of those lines of a log that begin with a word."""
    if not path.exists():
        return []
    return [line.partition(" ")[2] for line in path.read_text().splitlines() if line.startswith(what + " ")]


def leftovers(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.name.endswith(".tmp") or path.name == "lock"]


def temporary(out: Path) -> Path:
    """Return the folder for temporary files of what ``start_bench`` starts."""
    return out.parent / "temporary"


def start_bench(out: Path, log: Path, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    """Start ``robust-gym bench`` as a process of its own; the options are those of ``Popen``."""
    command = [sys.executable, "-m", "robust_gym", "bench", *FAST, "--algo", "fake", "--out", str(out), *arguments]
    scratch = temporary(out)
    scratch.mkdir(exist_ok=True)
    environment = {**os.environ, "ROBUST_GYM_FAKE_LOG": str(log), "TMPDIR": str(scratch)}
    return subprocess.Popen(
        command, cwd=HERE, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    output, _ = process.communicate(timeout=120)
    return process.returncode, output


def workers_of(pid: int) -> list[int]:
    """Return the worker processes of a bench; of its other children there is the resource tracker."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def wait_until(condition: Any, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def gone(pid: int) -> bool:
    """Tell whether a process has ended; one that nobody has waited for counts as ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
