"""What a job of the Slurm engine sends, and what the driver takes of it."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest
from bench_help import cell, fakes, logged, workers_of  # noqa: F401
from engine_help import cores_of_this_test, log_of_fakes  # noqa: F401
from slurm_help import progressed, sent

from robust_gym.bench import slurm_job
from robust_gym.bench.engine import Checkpointed, Event, Failed, Finished, Job, Progressed, Resources, Trained
from robust_gym.bench.limits import Limits
from robust_gym.bench.local import LocalEngine
from robust_gym.bench.slurm_job import GivenUp, run_job
from robust_gym.bench.slurm_submitted import Submitted

pytestmark = [pytest.mark.usefixtures("fakes", "cores_of_this_test"), pytest.mark.xdist_group("engines")]

RECEIVED = Finished(cell(0), (), Resources(1.0))


@pytest.fixture(name="one")
def submitted(tmp_path: Path) -> Submitted:
    (tmp_path / "driver").touch()
    return Submitted(Job(cell(0)), tmp_path / "cell")


def test_only_the_first_end_of_a_cell_counts(one: Submitted) -> None:
    """Slurm may have lost sight of a node, whose job goes on while another start of it runs elsewhere."""
    sent(one, progressed(), Checkpointed(cell(0), {"a": b"1"}), Trained(cell(0), {"a": b"1"}))
    sent(one, Checkpointed(cell(0), {"a": b"2"}), Trained(cell(0), {"a": b"2"}), progressed(), RECEIVED)
    sent(one, Failed(cell(0), "over the time limit", "", "evaluate", Resources(1.0)))
    events = one.messages()
    assert [type(event) for event in events] == [Progressed, Checkpointed, Trained, Progressed, Finished]
    assert events[2] == Trained(cell(0), {"a": b"1"})
    # The policy that the driver has kept is the one that is evaluated.
    assert slurm_job._Mailbox(one.folder).taken_up(one.job).policy == {"a": b"1"}


def test_a_signal_after_the_end_is_no_failure(one: Submitted, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The result was in the pipe already when Slurm warned that the time is up."""
    before = LocalEngine.wait

    def wait(engine: LocalEngine, timeout: float) -> list[Event]:
        events = before(engine, timeout)
        if any(isinstance(event, Finished) for event in events):
            os.kill(os.getpid(), signal.SIGUSR2)
        return events

    monkeypatch.setattr(LocalEngine, "wait", wait)
    run_job(one.job, Limits(), str(one.folder))
    sent_in_all = len(list(one.folder.glob("*.message")))
    events = one.messages()
    assert isinstance(events[-1], Finished)
    assert len(events) == sent_in_all


def test_a_job_that_sees_no_sign_of_its_driver(one: Submitted, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so, should the driver only sleep."""
    monkeypatch.setattr(slurm_job, "ABANDONED_SECONDS", 0.5)
    monkeypatch.setattr(slurm_job, "LOOK_SECONDS", 0.1)
    job = Job(cell(0, pause=60.0))
    run_job(job, Limits(), str(one.folder))
    assert one.messages()[-1] == GivenUp(job.cell)
    assert workers_of(os.getpid()) == []


def test_a_job_whose_cell_was_given_up_ends(
    one: Submitted, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slurm may have told that it had ended when it had not."""
    monkeypatch.setattr(slurm_job, "LOOK_SECONDS", 0.1)
    before = LocalEngine.wait

    def wait(engine: LocalEngine, timeout: float) -> list[Event]:
        events = before(engine, timeout)
        if events:
            shutil.rmtree(one.folder, ignore_errors=True)
        return events

    monkeypatch.setattr(LocalEngine, "wait", wait)
    run_job(Job(cell(0, pause=60.0)), Limits(), str(one.folder))
    assert (tmp_path / "driver").exists()
    assert not one.folder.exists()
    assert workers_of(os.getpid()) == []


@pytest.mark.parametrize("cpus", [1, 2])
def test_a_job_uses_all_its_cores(one: Submitted, log: Path, cpus: int) -> None:
    run_job(one.job, Limits(), str(one.folder), cpus)
    assert logged(log, "threads") == [str(cpus)]
