from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from bench_help import HERE, cell, fakes, gone, logged, wait_until, workers_of  # noqa: F401

from robust_gym.bench import process
from robust_gym.bench.child import last_characters
from robust_gym.bench.engine import Event, Failed, Finished, Job, Progressed, Trained
from robust_gym.bench.local import LocalEngine
from robust_gym.bench.training import read_training

pytestmark = pytest.mark.usefixtures("fakes")


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ROBUST_GYM_FAKE_LOG", str(tmp_path / "log"))
    return tmp_path / "log"


@pytest.fixture
def engine() -> Iterator[LocalEngine]:
    built = LocalEngine(1)
    yield built
    built.close()


def run(engine: LocalEngine, job: Job) -> list[Event]:
    engine.submit(job)
    events: list[Event] = []
    while not engine.free:
        events += engine.wait(10)
    return events


def test_a_cell(engine: LocalEngine, log: Path) -> None:
    events = run(engine, Job(cell()))
    finished = events[-1]
    assert isinstance(finished, Finished)
    (kept,) = (event for event in events if isinstance(event, Trained))
    training = read_training(kept.files)
    assert training.steps_used == training.budget_steps == 10
    assert [event.done for event in events if isinstance(event, Progressed) and event.phase == "train"][-1] == 10
    assert finished.resources.peak_memory_mib > 10
    again = run(engine, Job(cell(), kept.files))
    assert isinstance(again[-1], Finished)
    # Neither the process, nor that it had another policy before, nor the way through the files makes a difference.
    assert [entry.returns for entry in again[-1].records] == [entry.returns for entry in finished.records]
    assert logged(log, "train") == ["Fake-Walk-v0 0"]


@pytest.mark.parametrize(
    ("trouble", "error", "phase"),
    [
        ("raise", "RuntimeError: the fake algorithm was told to fail", "train"),
        ("kill", "the worker process ended by SIGKILL (out of memory?)", "train"),
        ("exit", "the worker process ended with exit code 3", "train"),
        ("evaluate", "RuntimeError: the fake policy cannot be loaded", "evaluate"),
    ],
)
def test_failures_are_reported_and_the_next_cell_runs(
    engine: LocalEngine, trouble: str, error: str, phase: str
) -> None:
    failed = run(engine, Job(cell(1, trouble=trouble)))[-1]
    assert isinstance(failed, Failed)
    assert failed.error == error
    assert failed.phase == phase
    assert failed.resources.wall_seconds > 0
    assert failed.resources.peak_memory_mib > 10
    assert failed.output == "a line that the algorithm prints\n"
    assert failed.traceback.startswith("Traceback" if trouble in ("raise", "evaluate") else "")
    assert isinstance(run(engine, Job(cell(1)))[-1], Finished)


def test_a_worker_that_dies_between_cells_is_replaced(engine: LocalEngine) -> None:
    assert isinstance(run(engine, Job(cell()))[-1], Finished)
    (worker,) = workers_of(os.getpid())
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: gone(worker))
    assert isinstance(run(engine, Job(cell(1)))[-1], Finished)


def test_a_job_given_to_a_worker_that_has_just_died_runs_in_another(engine: LocalEngine) -> None:
    for seed in range(3):
        assert isinstance(run(engine, Job(cell(seed)))[-1], Finished)
        (worker,) = workers_of(os.getpid())
        os.kill(worker, signal.SIGKILL)  # and no waiting: the engine cannot know yet
    assert isinstance(run(engine, Job(cell(3)))[-1], Finished)


def test_one_thread_and_the_parent_keeps_its_own(
    engine: LocalEngine, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    run(engine, Job(cell()))
    assert logged(log, "threads") == ["1"]
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


@pytest.mark.parametrize(("threads", "before", "asked"), [(1, 8, [1]), (2, 8, [2]), (2, 2, [])])
def test_torch_has_as_many_threads_as_there_are_cores(
    monkeypatch: pytest.MonkeyPatch, threads: int, before: int, asked: list[int]
) -> None:
    found: list[int] = []
    torch = SimpleNamespace(get_num_threads=lambda: before, set_num_threads=found.append)
    monkeypatch.setitem(sys.modules, "torch", torch)  # type: ignore[arg-type]
    process._limit_threads(threads)
    assert found == asked


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_worker_ended_by_a_signal_that_may_go_to_all_is_judged_a_little_later(
    engine: LocalEngine, log: Path, number: signal.Signals
) -> None:
    engine.submit(Job(cell(0, pause=60.0)))
    wait_until(lambda: engine.wait(0.1) == [] and logged(log, "train") != [])
    (worker,) = workers_of(os.getpid())
    os.kill(worker, number)
    wait_until(lambda: gone(worker))
    began, used = time.monotonic(), time.process_time()
    assert engine.wait(0.5) == []
    assert time.monotonic() - began >= 0.5
    assert engine.free == 0
    (failed,) = engine.wait(10.0)
    assert isinstance(failed, Failed)
    assert failed.error == f"the worker process ended by {number.name}"
    assert 1.0 < time.monotonic() - began < 6.0
    assert time.process_time() - used < 0.5, "it waited without rest"
    assert engine.free == 1
    assert engine.withdraw() == []


def test_the_end_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for text in ("", "short\n", "ä" * 10, "🙂" * 10 + "x", "x" * 99 + "🙂ä", "one\r\ntwo\n" * 100):
        path.write_bytes(text.encode())
        for count in (1, 2, 3, 50, 1000):
            assert last_characters(path, count) == text.replace("\r\n", "\n")[-count:]
    path.write_bytes(b"\xff\xfe broken")
    assert last_characters(path, 100) == "\ufffd\ufffd broken"
    with path.open("wb") as file:
        file.truncate(2**34)  # nobody could read all of this
        file.seek(0, os.SEEK_END)
        file.write(b"the end")
    assert last_characters(path, 7) == "the end"


def test_close_stops_everything(log: Path) -> None:
    engine = LocalEngine(2)
    scratch = engine._scratch.path
    for seed in (0, 1):
        engine.submit(Job(cell(seed, pause=60.0)))
    assert engine.free == 0
    wait_until(lambda: len(logged(log, "train")) == 2)
    workers = workers_of(os.getpid())
    assert len(workers) == 2
    engine.close()
    assert all(gone(worker) for worker in workers)
    assert not scratch.exists()


def test_unknown_plugin_is_a_failed_cell(engine: LocalEngine) -> None:
    job = Job(cell())
    object.__setattr__(job.cell, "plugins", ("no_such_plugin",))
    failed = run(engine, job)[-1]
    assert isinstance(failed, Failed)
    assert "PluginError: no module 'no_such_plugin'" in failed.error
    assert failed.phase == "start"


def test_at_least_one_job() -> None:
    with pytest.raises(ValueError, match="at least 1, got 0"):
        LocalEngine(0)


DRIVER = """
from pathlib import Path
from bench_help import cell
from robust_gym.bench.engine import Job
from robust_gym.bench.local import LocalEngine
if __name__ == "__main__":
    engine = LocalEngine(2)
    engine.submit(Job(cell(0, pause=600.0)))
    engine.submit(Job(cell(1, pause=600.0)))
    while True:
        engine.wait(1)
"""


def test_workers_die_with_the_driver(log: Path, tmp_path: Path) -> None:
    (tmp_path / "driver.py").write_text(DRIVER)
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    driver = subprocess.Popen([sys.executable, str(tmp_path / "driver.py")], env=environment)
    wait_until(lambda: len(logged(log, "train")) == 2)
    workers = workers_of(driver.pid)
    assert len(workers) == 2
    driver.kill()
    driver.wait()
    wait_until(lambda: all(gone(worker) for worker in workers), 10)


def test_a_younger_argument_is_recorded_where_it_is_not_its_default() -> None:
    from robust_gym.baselines.base import create
    from robust_gym.bench.training import recorded

    assert "n_envs" not in recorded(create("vdn"))
    assert recorded(create("vdn", {"n_envs": 4}))["n_envs"] == 4
    assert recorded(create("ppo"))["n_envs"] is None
