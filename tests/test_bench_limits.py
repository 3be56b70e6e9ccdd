"""Limits of a cell's time and memory, and the cores that workers stay on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bench_help import cell, fakes, gone, leftovers, logged, wait_until, workers_of  # noqa: F401
from engine_help import campaign, cores_of_this_test, log_of_fakes, run  # noqa: F401

from robust_gym.bench import cores
from robust_gym.bench.engine import Failed, Finished, Job
from robust_gym.bench.limits import Limits, family, memory_mib
from robust_gym.bench.local import LocalEngine

pytestmark = [pytest.mark.usefixtures("fakes", "cores_of_this_test"), pytest.mark.xdist_group("engines")]

HUNGRY = """
import subprocess, sys
from dataclasses import dataclass
from fakes import Fake
from robust_gym.registry import register_algorithm

EAT = '''
import os, sys, time
open(sys.argv[1], "w").write(str(os.getpid()))
eaten = b"x" * (400 * 2**20)
time.sleep(60)
'''

@register_algorithm("hungry", about="Eats.", apis=("gymnasium",), actions=("box",))
@dataclass
class Hungry(Fake):
    "Starts a process that takes 400 MiB."

    note: str = ""

    def train(self, task, budget, seed, progress):
        progress(1)
        subprocess.run([sys.executable, "-c", EAT, self.note], check=True)
"""


# Limits


@pytest.mark.parametrize("limits", [{"seconds": 0.0}, {"memory_mib": -1.0}, {"seconds": float("nan")}])
def test_limits_are_positive(limits: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="the limit of (time|memory) must be a positive number, got"):
        Limits(**limits)


def test_memory_of_other_processes_needs_linux(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("robust_gym.bench.limits.PROCESSES", tmp_path)
    with pytest.raises(ValueError, match="a limit of memory needs Linux"):
        LocalEngine(1, limits=Limits(memory_mib=100))
    assert memory_mib(os.getpid()) == 0
    assert family(os.getpid()) == [os.getpid()]


def test_a_cell_over_its_time_limit_is_stopped_and_the_campaign_goes_on(tmp_path: Path, log: Path) -> None:
    cells = [cell(0, pause=60.0), cell(1), cell(2)]
    outcome = campaign(LocalEngine(1, limits=Limits(seconds=12)), tmp_path / "out", cells)
    assert outcome.failed == [(cells[0], "over its time limit of 12 s, while training")]
    assert outcome.finished == cells[1:]
    failed = (tmp_path / "out" / cells[0].path / "failed.json").read_text()
    assert "a line that the algorithm prints" in failed
    assert leftovers(tmp_path / "out") == []


def test_a_cell_over_its_memory_limit_is_stopped_with_what_it_started(
    tmp_path: Path, log: Path, monkeypatch: Any
) -> None:
    (tmp_path / "hungry.py").write_text(HUNGRY)
    monkeypatch.syspath_prepend(str(tmp_path))
    hungry = replace(cell(0, algorithm="hungry", note=str(tmp_path / "child")), plugins=("fakes", "hungry"))
    engine = LocalEngine(1, limits=Limits(memory_mib=450))
    failed = run(engine, Job(hungry))[-1]
    assert isinstance(failed, Failed)
    assert failed.error == "over its memory limit of 450 MiB, while training", failed.traceback
    assert failed.phase == "train"
    assert failed.resources.peak_memory_mib > 450
    child = int((tmp_path / "child").read_text())
    wait_until(lambda: gone(child))
    assert isinstance(run(engine, Job(cell(1)))[-1], Finished)
    engine.close()


# Cores


def cores_of_workers() -> list[set[int]]:
    return [os.sched_getaffinity(worker) for worker in workers_of(os.getpid())]


def test_workers_stay_on_cores_of_their_own(log: Path) -> None:
    usable = os.sched_getaffinity(0)
    engines = [LocalEngine(1), LocalEngine(1)]
    for number, engine in enumerate(engines[: len(usable)]):
        run(engine, Job(cell(number)))
    assert cores_of_workers() == [{core} for core in sorted(usable)[:2]]
    assert os.sched_getaffinity(0) == usable
    (worker,) = workers_of(os.getpid())[:1]
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: gone(worker))
    run(engines[0], Job(cell(2)))
    assert {min(usable)} in cores_of_workers()
    for engine in engines:
        engine.close()


def test_more_workers_than_cores_are_not_pinned(log: Path) -> None:
    usable = os.sched_getaffinity(0)
    engine = LocalEngine(len(usable) + 1)
    run(engine, Job(cell(0)))
    assert cores_of_workers() == [usable]
    engine.close()


def test_without_a_free_core_nothing_is_pinned(log: Path) -> None:
    others = cores.Cores()
    while others.take() is not None:
        pass
    engine = LocalEngine(1)
    run(engine, Job(cell(0)))
    assert cores_of_workers() == [os.sched_getaffinity(0)]
    engine.close()
    others.close()


def test_a_cell_with_two_cores_has_two_threads_and_is_not_pinned(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    engine = LocalEngine(1, cpus=2)
    run(engine, Job(cell(0)))
    assert logged(log, "threads") == ["2"]
    assert cores_of_workers() == [os.sched_getaffinity(0)]
    assert os.environ["OMP_NUM_THREADS"] == "1"
    engine.close()


def test_at_least_one_core() -> None:
    with pytest.raises(ValueError, match="a cell needs at least 1 core, got 0"):
        LocalEngine(1, cpus=0)


def test_where_others_cannot_be_seen_only_all_cores_are_taken(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container: with fewer workers than cores, containers side by side would all take the same."""
    usable = os.sched_getaffinity(0)
    monkeypatch.setattr(cores, "others_hidden", lambda: True)
    assert cores.Cores().enough_for(len(usable))
    assert not cores.Cores().enough_for(len(usable) + 1)
    assert not cores.Cores().enough_for(len(usable) - 1)
    engine = LocalEngine(len(usable) + 1)
    run(engine, Job(cell(0)))
    assert cores_of_workers() == [usable]
    engine.close()


HIDDEN = "from robust_gym.bench.cores import others_hidden; print(others_hidden())"


def test_another_network_namespace_hides_others() -> None:
    """Whatever this process is in, one below it has sockets of its own."""
    command = ["unshare", "--map-root-user", "--net", sys.executable, "-c", HIDDEN]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("there is no unshare")
    if "unshare" in done.stderr:
        pytest.skip(done.stderr)
    assert done.stdout == "True\n", done.stderr
