"""Ray, here and as a cluster that loses a node. The same campaign has the same results as on the local engine."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bench_help import cell, fakes, gone, leftovers, logged, results, wait_until  # noqa: F401
from engine_help import campaign, cores_of_this_test, log_of_fakes, run  # noqa: F401
from resuming_help import begun, cells_that_resume  # noqa: F401

from robust_gym.bench.cell import Cell
from robust_gym.bench.checkpoint import read_newest, steps_before
from robust_gym.bench.engine import Engine, Event, Failed, Finished, Job, Trained
from robust_gym.bench.engines import make_engine
from robust_gym.bench.limits import family
from robust_gym.bench.local import LocalEngine

pytestmark = [pytest.mark.usefixtures("fakes", "cores_of_this_test"), pytest.mark.xdist_group("engines")]


@pytest.fixture
def one_ray(log: Path) -> Iterator[Engine]:
    pytest.importorskip("ray")
    engine = make_engine("ray", 1)
    yield engine
    engine.close()


def ray_processes(name: bytes, roots: list[int]) -> list[int]:
    """Return processes by the beginning of their name, which Ray sets, among those below some others."""
    found = [process for root in roots for process in family(root)]
    return [process for process in found if Path(f"/proc/{process}/cmdline").read_bytes().startswith(name)]


@pytest.mark.slow
def test_ray_here(one_ray: Engine, log: Path) -> None:
    import ray

    (node,) = ray.nodes()
    events = run(one_ray, Job(cell(0)))
    (kept,) = (event for event in events if isinstance(event, Trained))
    assert isinstance(events[-1], Finished)
    assert logged(log, "threads") == ["1"]
    again = run(one_ray, Job(cell(0), kept.files))
    assert again[-1].records[0].returns == events[-1].records[0].returns  # type: ignore[union-attr]
    assert len(logged(log, "train")) == 1
    for trouble, error in (
        ("raise", "RuntimeError: the fake algorithm was told to fail"),
        ("kill", "the worker process ended by SIGKILL (out of memory?)"),
    ):
        failed = run(one_ray, Job(cell(1, trouble=trouble)))[-1]
        assert isinstance(failed, Failed)
        assert failed.error == error
        assert failed.output == "a line that the algorithm prints\n"

    # The process that minds the worker dies, and its node does not.
    one_ray.submit(Job(cell(2, pause=60.0)))
    wait_until(lambda: "Fake-Walk-v0 2" in logged(log, "train"))
    (supervisor,) = ray_processes(b"ray::Supervisor", [os.getpid()])
    worker = family(supervisor)[-1]
    os.kill(supervisor, signal.SIGKILL)
    failed = run_on(one_ray)
    assert failed.error.startswith(
        f"the worker process ended, while its node {node['NodeID']} went on: ActorDiedError: "
    )
    assert "Worker exit type: SYSTEM_ERROR" in failed.error
    assert "\n" not in failed.error
    assert failed.phase == "train"
    wait_until(lambda: gone(worker))
    assert isinstance(run(one_ray, Job(cell(3)))[-1], Finished)

    # It dies while it is idle, so that the next cell has not begun.
    (supervisor,) = ray_processes(b"ray::Supervisor", [os.getpid()])
    os.kill(supervisor, signal.SIGKILL)
    assert isinstance(run(one_ray, Job(cell(4)))[-1], Finished)


@pytest.mark.slow
def test_ray_actors_that_cannot_start(one_ray: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_ray, "_limits", None)
    with pytest.raises(ChildProcessError, match="^Ray cannot start a worker: AttributeError: .*'check_system'$"):
        run(one_ray, Job(cell(0)))


def run_on(engine: Engine) -> Failed:
    """Return the failure of a job that runs already."""
    events: list[Event] = []
    wait_until(lambda: events.extend(engine.wait(0.2)) or any(isinstance(event, Failed) for event in events), 60)
    (failed,) = (event for event in events if isinstance(event, Failed))
    return failed


@pytest.fixture
def cluster(log: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    health = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_failure_threshold": 2}
    built = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False, "_system_config": health}
    )
    yield built
    built.shutdown()


@pytest.mark.slow
def test_ray_has_the_results_of_local_though_a_node_is_killed(tmp_path: Path, log: Path, cluster: Any) -> None:
    node = cluster.add_node(num_cpus=1)
    cells = [cell(seed, pause=2.0, task=task) for seed in range(4) for task in ("Fake-Walk-v0", "Fake-Other-v0")]
    engine = make_engine("ray", address=cluster.address)
    assert engine.free == 2
    (raylet,) = [info.process.pid for info in node.all_processes["raylet"]]
    wait = engine.wait
    killed: list[int] = []

    def wait_and_kill(timeout: float) -> Any:
        """Kill the node in the middle of a cell that it computes."""
        events = wait(timeout)
        if not killed and len(logged(log, "train")) == 4 and (busy := ray_processes(b"ray::Supervisor.run", [raylet])):
            killed.extend(family(busy[0]))
            cluster.remove_node(node, allow_graceful=False)
        return events

    engine.wait = wait_and_kill  # type: ignore[method-assign]
    outcome = campaign(engine, tmp_path / "ray", cells)
    assert killed
    wait_until(lambda: all(gone(process) for process in killed))
    assert outcome.failed == []
    assert len(outcome.finished) == 8
    # One cell was begun on the lost node, and again on the other.
    assert len(logged(log, "train")) == 9
    assert campaign(LocalEngine(2), tmp_path / "local", cells).failed == []
    assert results(tmp_path / "ray") == results(tmp_path / "local")
    assert leftovers(tmp_path / "ray") == []


@pytest.mark.slow
def test_a_cell_of_a_lost_node_goes_on_from_its_checkpoint(
    tmp_path: Path, log: Path, resuming: Any, cluster: Any
) -> None:
    """The driver reads it from the results; it does not keep it in memory."""
    node = cluster.add_node(num_cpus=1)
    cells = [resuming(seed, pause=20.0) for seed in range(2)]
    engine = make_engine("ray", 2, address=cluster.address)
    out = tmp_path / "out"
    wait = engine.wait
    lost: list[int] = []

    def reached(one: Cell) -> int:
        files = read_newest(out / one.path)
        return 0 if files is None else steps_before(files)

    def wait_and_lose(timeout: float) -> Any:
        assert all(actor.job is None or actor.job.checkpoint is None for actor in engine._actors)  # type: ignore[attr-defined]
        events = wait(timeout)
        if not lost and all(reached(one) >= 3 for one in cells):
            lost.append(min(map(reached, cells)))
            cluster.remove_node(node, allow_graceful=False)
        return events

    engine.wait = wait_and_lose  # type: ignore[method-assign]
    outcome = campaign(engine, out, cells)
    assert (outcome.failed, len(outcome.finished)) == ([], 2)
    first, second, again = begun(tmp_path)
    assert (first, second) == (0, 0)
    assert again >= lost[0] >= 3


@pytest.mark.slow
def test_ray_without_room(cluster: Any) -> None:
    with pytest.raises(ValueError, match="no node of the Ray cluster has room for a cell, which needs 2 CPU$"):
        make_engine("ray", address=cluster.address, options={"cpus": 2})


def text_of_a_death(*lines: str) -> str:
    return "\n".join(["The actor died unexpectedly before finishing this task.", "\tclass_name: Supervisor", *lines])


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        (
            "OutOfMemoryError",
            "Killed: the node ran low on memory.\n\nTop 10:\n9 0.27",
            "Killed: the node ran low on memory.",
        ),
        ("ActorDiedError", text_of_a_death("Its process received SIGTERM.", "More."), "Its process received SIGTERM."),
        ("ActorDiedError", text_of_a_death(), ""),
        ("ActorUnavailableError", "x" * 10_000, "x" * 477 + " ..."),
    ],
)
def test_what_ray_says_about_a_death(name: str, text: str, reason: str) -> None:
    pytest.importorskip("ray")
    from ray.exceptions import ActorDiedError

    from robust_gym.bench.ray import _reason

    base = {"BASE_ERROR_MSG": ActorDiedError.BASE_ERROR_MSG} if name == "ActorDiedError" else {}
    said = _reason(type(name, (Exception,), base)(text))
    assert said == (f"{name}: {reason}" if reason else name)
    assert "\n" not in said


@pytest.mark.slow
def test_ray_takes_back_what_waits_for_room(cluster: Any, log: Path) -> None:
    engine = make_engine("ray", 3, address=cluster.address)
    cells = [cell(seed, pause=2.0) for seed in range(3)]
    for one in cells:
        engine.submit(Job(one))
    assert engine.free == 0
    events: list[Event] = []
    wait_until(lambda: events.extend(engine.wait(0.2)) or events != [])
    (begun,) = {event.cell.seed for event in events}
    assert sorted(one.seed for one in engine.withdraw()) == [seed for seed in range(3) if seed != begun]
    assert engine.withdraw() == []
    assert engine.free == 2
    wait_until(lambda: events.extend(engine.wait(0.2)) or isinstance(events[-1], Finished))
    assert {event.cell.seed for event in events} == {begun}
    assert engine.free == 3
    engine.close()


def test_no_ray_at_an_address() -> None:
    pytest.importorskip("ray")
    with pytest.raises(ValueError, match="there is no Ray cluster at '127.0.0.1:1'"):
        make_engine("ray", 1, address="127.0.0.1:1")
