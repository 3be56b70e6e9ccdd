"""Slurm, with processes in place of its jobs. The same campaign has the same results as on the local engine."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from bench_help import cell, fakes, gone, logged, results, wait_until, workers_of  # noqa: F401
from engine_help import campaign, cores_of_this_test, log_of_fakes, run  # noqa: F401

from robust_gym.bench import slurm, slurm_job
from robust_gym.bench.engine import Engine, Event, Failed, Finished, Job, Progressed, Trained
from robust_gym.bench.engines import make_engine
from robust_gym.bench.limits import Limits, family
from robust_gym.bench.local import LocalEngine
from robust_gym.bench.slurm_submitted import Submitted

pytestmark = [pytest.mark.usefixtures("fakes", "cores_of_this_test"), pytest.mark.xdist_group("engines")]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("submitit")
    monkeypatch.setattr(slurm, "ASK_SECONDS", 0.5)
    monkeypatch.setattr(slurm, "GRACE_SECONDS", 1.0)


def make_slurm(tmp_path: Path, jobs: int = 2, **options: Any) -> Engine:
    options = {"executor": "local", "minutes": 10, "folder": tmp_path / "shared", **options}
    return make_engine("slurm", jobs, options=options)


def received(folder: Path) -> Submitted:
    """Return the driver's side of a folder for messages."""
    return Submitted(Job(cell(0)), folder)


def handles(engine: Engine) -> list[Any]:
    assert isinstance(engine, slurm.SlurmEngine)
    return [one.handle for one in engine._submitted]


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_slurm_has_the_results_of_local(tmp_path: Path, log: Path) -> None:
    cells = [cell(seed, task=task) for seed in range(2) for task in ("Fake-Walk-v0", "Fake-Other-v0")]
    assert campaign(LocalEngine(2), tmp_path / "local", cells).finished
    outcome = campaign(make_slurm(tmp_path), tmp_path / "slurm", cells)
    assert outcome.failed == []
    assert results(tmp_path / "slurm") == results(tmp_path / "local")
    assert len(results(tmp_path / "slurm")) == 4
    assert list((tmp_path / "shared").iterdir()) == []


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_slurm_failures(tmp_path: Path, log: Path) -> None:
    engine = make_engine(
        "slurm", 3, limits=Limits(seconds=30), options={"executor": "local", "folder": tmp_path / "shared"}
    )
    events = run(engine, Job(cell(1, trouble="raise")), Job(cell(1, trouble="kill")), Job(cell(0)))
    errors = {event.cell.variant: event.error for event in events if isinstance(event, Failed)}
    assert sorted(errors.values()) == [
        "RuntimeError: the fake algorithm was told to fail",
        "the worker process ended by SIGKILL (out of memory?)",
    ]
    assert sum(isinstance(event, Finished) for event in events) == 1
    (kept,) = (event for event in events if isinstance(event, Trained))
    # A trained policy travels to the job.
    before = len(logged(log, "train"))
    assert not any(isinstance(event, Trained) for event in run(engine, Job(cell(0), kept.files)))
    assert len(logged(log, "train")) == before
    engine.close()


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_a_slurm_job_that_dies_is_one_failed_cell(tmp_path: Path, log: Path) -> None:
    engine = make_slurm(tmp_path)
    engine.submit(Job(cell(0, pause=60.0)))
    engine.submit(Job(cell(1, pause=60.0)))
    wait_until(lambda: len(logged(log, "train")) == 2, 60)
    first, second = handles(engine)
    # Its controller is what Slurm would be; all below it goes with the node.
    below = family(int(first.job_id))
    for process in below:
        os.kill(process, signal.SIGKILL)
    events: list[Event] = []
    wait_until(lambda: events.extend(engine.wait(0.2)) or any(isinstance(event, Failed) for event in events), 30)
    (failed,) = (event for event in events if isinstance(event, Failed))
    assert failed.cell == cell(0, pause=60.0)
    assert failed.error == f"the local job {first.job_id} ended: INTERRUPTED"
    assert failed.phase == "train"
    assert engine.free == 1
    others = family(int(second.job_id))
    assert len(others) >= 3
    engine.close()
    wait_until(lambda: all(gone(process) for process in below + others))
    assert list((tmp_path / "shared").iterdir()) == []


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_ctrl_c_in_a_terminal_lets_local_jobs_finish(tmp_path: Path, log: Path) -> None:
    """It reaches all processes of the terminal; the driver alone decides what becomes of cells."""
    engine = make_slurm(tmp_path)
    engine.submit(Job(cell(0, pause=3.0)))
    wait_until(lambda: len(logged(log, "train")) == 1, 60)
    (one,) = handles(engine)
    for process in family(int(one.job_id)):
        os.kill(process, signal.SIGINT)
    events: list[Event] = []
    wait_until(lambda: events.extend(engine.wait(0.2)) or any(isinstance(event, Finished) for event in events), 60)
    assert not any(isinstance(event, Failed) for event in events)
    engine.submit(Job(cell(1, pause=60.0)))
    wait_until(lambda: len(logged(log, "train")) == 2, 60)
    (one,) = handles(engine)
    below = family(int(one.job_id))
    assert len(below) >= 3
    assert engine.withdraw() == []
    engine.close()
    wait_until(lambda: all(gone(process) for process in below))
    assert list((tmp_path / "shared").iterdir()) == []


def test_a_job_started_again_goes_on_from_the_trained_policy(tmp_path: Path, log: Path) -> None:
    """What Slurm does after a preemption; the messages of the first start are still there."""
    (tmp_path / "driver").touch()
    folder = tmp_path / "cell"
    folder.mkdir()
    one = received(folder)
    slurm_job.run_job(one.job, Limits(), str(folder))
    (finished,) = (event for event in one.messages() if isinstance(event, Finished))
    slurm_job.run_job(one.job, Limits(), str(folder))
    again = one.messages()
    assert [type(event) for event in again if not isinstance(event, Progressed)] == [Finished]
    assert again[-1].records[0].returns == finished.records[0].returns  # type: ignore[union-attr]
    assert len(logged(log, "train")) == 1


@pytest.mark.parametrize(
    ("number", "error"),
    [(signal.SIGTERM, None), (signal.SIGUSR2, "over the time limit of its Slurm job, while training")],
)
def test_a_signal_ends_a_job(
    tmp_path: Path, log: Path, number: signal.Signals, error: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slurm signals the worker too, which dies of it; that is not how the cell failed."""
    (tmp_path / "driver").touch()
    (tmp_path / "cell").mkdir()
    handlers = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGUSR2)
    before = LocalEngine.wait

    def wait(engine: LocalEngine, timeout: float) -> list[Event]:
        events = before(engine, timeout)
        if any(isinstance(event, Progressed) and event.phase == "train" for event in events):
            for process in (*workers_of(os.getpid()), os.getpid()):
                os.kill(process, number)
        return events

    monkeypatch.setattr(LocalEngine, "wait", wait)
    job = Job(cell(0, pause=60.0))
    slurm_job.run_job(job, Limits(), str(tmp_path / "cell"))
    failures = [event.error for event in received(tmp_path / "cell").messages() if isinstance(event, Failed)]
    assert failures == ([error] if error else [])
    assert workers_of(os.getpid()) == []
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGUSR2)) == handlers


def test_a_job_without_a_driver_ends(tmp_path: Path, log: Path) -> None:
    slurm_job.run_job(Job(cell(0, pause=60.0)), Limits(), str(tmp_path / "gone" / "cell"))
    assert workers_of(os.getpid()) == []
