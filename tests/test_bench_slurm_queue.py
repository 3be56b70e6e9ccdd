"""What the Slurm engine does with Slurm's queue, with programs in place of Slurm's that answer as Slurm does."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from bench_help import cell, fakes  # noqa: F401
from slurm_help import FakeSlurm, make_slurm, progressed, sent, submitted

from robust_gym.bench import slurm, slurm_folder, slurm_queue
from robust_gym.bench.engine import Event, Failed, Finished, Job, Resources
from robust_gym.bench.engines import make_engine
from robust_gym.bench.slurm_job import GivenUp, _Mailbox

pytestmark = [pytest.mark.usefixtures("fakes"), pytest.mark.xdist_group("engines")]


@pytest.fixture(name="queue")
def fake_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSlurm:
    pytest.importorskip("submitit")
    monkeypatch.setattr(slurm, "GRACE_SECONDS", 0.0)
    monkeypatch.setattr(slurm, "RETRY_SECONDS", 0.0)
    return FakeSlurm(tmp_path / "programs", monkeypatch)


def asked(engine: slurm.SlurmEngine) -> list[Event]:
    """Let an engine ask Slurm now, and return what it then has to tell."""
    engine._asked = float("-inf")
    return engine.wait(0)


def finished(seed: int = 0) -> Finished:
    return Finished(cell(seed), (), Resources(1.0))


def kept_by_submitit(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in tmp_path.glob("shared/engine-*/submitit/*"))


def killed(engine: slurm.SlurmEngine) -> None:
    """Let a driver's lock go, as its death does."""
    lock = engine._folder._lock
    assert lock._descriptor is not None
    os.close(lock._descriptor)
    lock._descriptor = None


def test_states_of_slurm(tmp_path: Path, queue: FakeSlurm) -> None:
    engine = make_slurm(tmp_path)
    one = submitted(engine)
    for state, events in (("PENDING", 0), ("PREEMPTED", 0), ("REQUEUED", 0), ("TIMEOUT", 0), ("TIMEOUT", 1)):
        queue.says("41", state)
        found = asked(engine)
        assert len(found) == events, state
    (failed,) = found
    assert isinstance(failed, Failed)
    assert failed.error == "the Slurm job 41 ended: TIMEOUT"
    # Where squeue sees no job of this driver, they may run on.
    assert queue.cancelled == ["41"]
    assert not one.folder.exists()
    submitted(engine)
    queue.says("42", None)
    assert asked(engine) == []
    (failed,) = asked(engine)
    assert failed.error == "the Slurm job 42 ended: it is no longer in the queue"  # type: ignore[union-attr]
    engine.close()
    assert list((tmp_path / "shared").iterdir()) == []


def test_a_refusal_at_the_start_ends_the_campaign(tmp_path: Path, queue: FakeSlurm) -> None:
    engine = make_slurm(tmp_path)
    queue.refuses()
    with pytest.raises(
        ChildProcessError, match="slurm refuses the job of fake Fake-Walk-v0 seed 0: .*Socket timed out on send/recv"
    ):
        engine.submit(Job(cell(0)))
    engine.close()


def test_a_refused_job_is_submitted_again(tmp_path: Path, queue: FakeSlurm, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make_slurm(tmp_path)
    submitted(engine)
    queue.refuses()
    monkeypatch.setattr(slurm, "RETRY_SECONDS", 0.3)
    with pytest.warns(UserWarning, match=r"slurm refuses a job, which is submitted again in 0.3 s: .*timed out"):
        engine.submit(Job(cell(1), policy={"a": b"1"}))
    assert engine.free == 0
    assert engine.wait(0) == []
    with pytest.warns(UserWarning, match="refuses"):
        engine.wait(0.6)
    queue.refuses(False)
    engine.wait(0.6)
    assert engine.free == 3
    assert queue.queue == ["41", "42"]
    again = engine._submitted[-1]
    assert again.job.cell == cell(1)
    assert (again.folder / "0-0.trained.message").exists()
    engine.close()
    assert queue.queue == []


def test_refusals_with_nothing_in_the_queue_end_the_campaign(tmp_path: Path, queue: FakeSlurm) -> None:
    engine = make_slurm(tmp_path)
    submitted(engine)
    queue.refuses()
    with pytest.warns(UserWarning, match="refuses"):
        engine.submit(Job(cell(1)))
        for _ in range(2 * slurm.REFUSALS):
            engine.wait(0)
    queue.says("41", None)
    with pytest.warns(UserWarning, match="refuses"):
        assert asked(engine) == []
        assert len(asked(engine)) == 1
    with pytest.raises(ChildProcessError, match="refuses the job of fake Fake-Walk-v0 seed 1"):
        engine.wait(0)
    engine.close()


def test_a_job_is_in_the_queue_until_it_has_ended(
    tmp_path: Path, queue: FakeSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slurm counts it, whatever its cell has said."""
    engine = make_slurm(tmp_path, jobs=2)
    one, _ = submitted(engine), submitted(engine, 1)
    sent(one, progressed(), finished())
    queue.says("41", "COMPLETING")
    assert [type(event).__name__ for event in asked(engine)] == ["Progressed", "Finished"]
    assert engine.free == 0
    queue.says("41", "COMPLETED")
    engine.wait(0)
    assert engine.free == 0
    # It would be asked again after half a minute, but a place waits for the answer.
    monkeypatch.setattr(slurm, "SOON_SECONDS", 0.0)
    engine.wait(0)
    assert engine.free == 1
    assert [name for name in kept_by_submitit(tmp_path) if not name.startswith(".")] == [
        "42_submission.sh",
        "42_submitted.pkl",
    ]
    assert len(kept_by_submitit(tmp_path)) == 3
    engine.close()


def test_ctrl_c_reaches_no_program_of_slurm(tmp_path: Path, queue: FakeSlurm) -> None:
    """The fake sbatch sends it to itself, and would die of it; the others are in sessions of their own."""
    engine = make_slurm(tmp_path)
    submitted(engine)
    asked(engine)
    engine.close()
    assert queue.cancelled == ["41"]
    assert len(queue.sessions) == 3
    assert all(process == session for process, session in queue.sessions)


def test_what_a_job_goes_on_from_may_be_large(tmp_path: Path, queue: FakeSlurm) -> None:
    """Submitit takes no more than a certain size."""
    engine = make_slurm(tmp_path)
    engine._queue._submitit._executor.max_pickle_size_gb = 2e-5
    for number, files in enumerate(({"policy": {"a": bytes(10**6)}}, {"checkpoint": {"a": bytes(10**6)}})):
        engine.submit(Job(cell(number), **files))  # type: ignore[arg-type]
        one = engine._submitted[-1]
        assert one.job == Job(cell(number))
        assert _Mailbox(one.folder).taken_up(one.job) == Job(cell(number), **files)  # type: ignore[arg-type]
    assert engine.wait(0) == []
    engine.close()


def test_a_driver_that_submits_shows_that_it_is_there(tmp_path: Path, queue: FakeSlurm) -> None:
    engine = make_slurm(tmp_path)
    alive = engine._folder.path / slurm_folder.ALIVE
    os.utime(alive, (0, 0))
    submitted(engine)
    assert time.time() - alive.stat().st_mtime < 60
    os.utime(alive, (0, 0))
    engine.wait(0)
    assert alive.stat().st_mtime == 0
    engine._touched -= slurm.ASK_SECONDS
    engine.wait(0)
    assert alive.stat().st_mtime > 0
    engine.close()


def test_a_job_that_has_given_up_is_submitted_again(tmp_path: Path, queue: FakeSlurm) -> None:
    engine = make_slurm(tmp_path)
    one = submitted(engine)
    sent(one, progressed(), GivenUp(cell(0)))
    assert len(engine.wait(0)) == 1
    assert engine.free == 0
    assert engine.wait(0) == []
    assert [again.handle.job_id for again in engine._submitted] == ["42"]
    assert one.folder.exists()
    sent(one, GivenUp(cell(0)))
    assert engine.wait(0) == []
    assert engine.wait(0) == []
    assert [again.handle.job_id for again in engine._submitted] == ["43"]
    sent(one, GivenUp(cell(0)))
    (failed,) = engine.wait(0)
    assert isinstance(failed, Failed)
    assert failed.error == "the Slurm job 43 ended: it saw no sign of the driver, 3 times"
    assert failed.phase == "train"
    engine.close()
    assert sorted(queue.cancelled) == ["41", "42", "43"]


def test_jobs_that_wait_are_withdrawn(tmp_path: Path, queue: FakeSlurm) -> None:
    engine = make_slurm(tmp_path)
    runs, heard, waits = (submitted(engine, seed) for seed in range(3))
    sent(heard, progressed(1))
    assert len(engine.wait(0)) == 1
    sent(runs, progressed(0))
    queue.refuses()
    with pytest.warns(UserWarning, match="refuses"):
        engine.submit(Job(cell(3)))
    queue.refuses(False)
    assert engine.withdraw() == [cell(3), cell(2)]
    assert queue.queue == ["41", "42"]
    assert not waits.folder.exists()
    assert engine.withdraw() == []
    # Nothing more comes of them.
    assert [event.cell for event in asked(engine)] == [cell(0)]
    assert asked(engine) == []
    assert engine.free == 3
    engine.close()


def test_squeue_has_to_work(tmp_path: Path, queue: FakeSlurm) -> None:
    queue.breaks()
    with pytest.raises(ValueError, match="needs a squeue that lists this user's jobs.*: squeue: unrecognized option"):
        make_slurm(tmp_path)
    assert not (tmp_path / "shared").exists()
    queue.breaks(False)
    engine = make_slurm(tmp_path)
    submitted(engine)
    queue.breaks()
    for _ in range(slurm_queue.UNANSWERED - 1):
        assert asked(engine) == []
    with pytest.warns(UserWarning, match="squeue has failed 10 times in a row"):
        assert asked(engine) == []
    assert asked(engine) == []
    engine.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"memory_mib": -3.0}, "memory_mib of the engine slurm must be a positive number of MiB, got -3"),
        ({"memory_mib": float("inf")}, "a positive number of MiB, got inf"),
        ({"memory_mib": float("nan")}, "a positive number of MiB, got nan"),
        ({"parameters": {"clusters": "far"}}, "its parameters have 'clusters': 'far'"),
        ({"parameters": {"M": "far"}}, "its parameters have 'M': 'far'"),
    ],
)
def test_bad_options(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    pytest.importorskip("submitit")
    with pytest.raises(ValueError) as raised:
        make_engine("slurm", 1, options={"executor": "local", "minutes": 1, "folder": tmp_path / "shared", **options})
    assert message in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_nobody_else_writes_where_pickles_lie(tmp_path: Path, queue: FakeSlurm) -> None:
    before = os.umask(0o002)
    try:
        engine = make_slurm(tmp_path)
    finally:
        os.umask(before)
    assert (tmp_path / "shared").stat().st_mode & 0o777 == 0o775
    assert engine._folder.path.stat().st_mode & 0o777 == 0o700
    engine.close()


def test_what_a_killed_driver_has_left(tmp_path: Path, queue: FakeSlurm, monkeypatch: pytest.MonkeyPatch) -> None:
    dead, alive = make_slurm(tmp_path), make_slurm(tmp_path)
    submitted(dead)
    submitted(dead, 1)
    one = submitted(alive, 2)
    killed(dead)
    engine = make_slurm(tmp_path)
    assert sorted(queue.cancelled) == ["41", "42"]
    assert not dead._folder.path.exists()
    assert one.folder.exists()
    engine.close()
    # Elsewhere, the same lock may be free while its driver lives.
    monkeypatch.setattr(slurm_folder.platform, "node", lambda: "another")
    killed(alive)
    make_slurm(tmp_path).close()
    assert one.folder.exists()
    os.utime(alive._folder.path / slurm_folder.ALIVE, (0, 0))
    make_slurm(tmp_path).close()
    assert queue.queue == []
    assert list((tmp_path / "shared").iterdir()) == []


def test_a_file_system_without_locks(tmp_path: Path, queue: FakeSlurm, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(*_: Any) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", flock)
    engine, another = make_slurm(tmp_path), make_slurm(tmp_path)
    assert engine._folder.path.exists()
    engine.close()
    another.close()
    assert list((tmp_path / "shared").iterdir()) == []
