"""Checkpoints of a campaign: where they lie, which of them count, and what becomes of a cell that is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bench_help import HERE, cell, fakes, finish, gone, leftovers, results, wait_until, workers_of  # noqa: F401
from cli_help import Capture, call, fails
from resuming_help import begun, cells_that_resume  # noqa: F401

from robust_gym.baselines.checkpoints import NUMBERS
from robust_gym.bench import checkpoint, slurm_job
from robust_gym.bench.campaign import Campaign
from robust_gym.bench.cell import Cell
from robust_gym.bench.display import LogDisplay
from robust_gym.bench.engine import Checkpointed, Event, Failed, Job, Progressed, Trained
from robust_gym.bench.files import Files
from robust_gym.bench.local import LocalEngine
from robust_gym.bench.merging import merge
from robust_gym.bench.status import status
from robust_gym.bench.store import Store
from robust_gym.bench.worker import run
from robust_gym.terminal import console

pytestmark = pytest.mark.usefixtures("fakes")

DRIVER = """
import sys
from pathlib import Path
from robust_gym.bench.campaign import Campaign
from robust_gym.bench.cell import Cell
from robust_gym.bench.engine import Progressed
from robust_gym.bench.local import LocalEngine
from robust_gym.bench.sinks import Quiet
from robust_gym.bench.store import Store

class Steps(Quiet):
    def happened(self, event):
        if isinstance(event, Progressed) and event.phase == "train":
            print("train", event.done, flush=True)

    def warned(self, line):
        print("warned", line, flush=True)

def main():
    out, algorithm, task, budget = sys.argv[1:]
    engine = LocalEngine(1)
    campaign = Campaign(Store(Path(out)), engine, Steps(), checkpoint_seconds=0.2)
    outcome = campaign.run([Cell(algorithm, task, 0, budget)])
    print("finished", len(outcome.finished), flush=True)

if __name__ == "__main__":
    main()
"""


def events_of(job: Job) -> list[Event]:
    events: list[Event] = []
    run(job, events.append)
    return events


def checkpoints_in(one: Cell) -> list[Files]:
    """Return the checkpoints of a training, one after each of its 10 steps."""
    return [event.files for event in events_of(Job(one)) if isinstance(event, Checkpointed)]


def policy_of(events: list[Event]) -> bytes:
    (trained,) = (event for event in events if isinstance(event, Trained))
    return trained.files["fake.json"]


def campaign(out: Path, cells: list[Cell], **arguments: Any) -> tuple[Any, str]:
    """Run a campaign, and return its outcome and what it said."""
    from io import StringIO

    said = StringIO()
    printed = console()
    printed.file = said
    outcome = Campaign(Store(out), LocalEngine(1), LogDisplay(printed), **arguments).run(cells)
    return outcome, said.getvalue()


def test_a_worker_goes_on_from_a_checkpoint(resuming: Any, tmp_path: Path) -> None:
    events = events_of(Job(resuming()))
    left = [event.files for event in events if isinstance(event, Checkpointed)]
    assert len(left) == 10
    again = events_of(Job(resuming(), None, left[5]))
    assert begun(tmp_path) == [0, 6]
    assert policy_of(again) == policy_of(events)
    (trained,) = (event for event in again if isinstance(event, Trained))
    before = json.loads(left[5]["checkpoint.json"])["train_seconds"]
    assert json.loads(trained.files["training.json"])["train_seconds"] > before > 0


def test_algorithms_that_do_not_go_on_begin_anew() -> None:
    assert not any(isinstance(event, Checkpointed) for event in events_of(Job(cell())))


def test_the_newest_whole_checkpoint_counts(resuming: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, store = resuming(), Store(tmp_path / "out")
    left = checkpoints_in(one)
    folder = store.folder(one)
    claim = store.claim(one)
    assert claim is not None
    assert claim.salvage_checkpoint(None) == (None, [])
    for files in left[:3]:
        claim.keep_checkpoint(files)
        assert [path.name for path in folder.glob("checkpoint-*")] == [checkpoint.newest(folder).name]  # type: ignore[union-attr]
        assert claim.salvage_checkpoint(None) == (files, [])
    # Killed between the two steps of writing, and while the old one is removed.
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "_remove", lambda folders: None)
        claim.keep_checkpoint(left[3])
    assert len(list(folder.glob("checkpoint-*"))) == 2
    assert claim.salvage_checkpoint(None) == (left[3], [])
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint.shutil, "rmtree", lambda path: None)
        claim.keep_checkpoint(left[4])
    claim.release()
    claim = store.claim(one)
    assert claim is not None
    assert claim.salvage_checkpoint(None) == (left[4], [])
    assert leftovers(tmp_path) == [folder / "lock"]
    # Killed between writing the policy and removing the checkpoint.
    assert claim.salvage_checkpoint({}) == (None, [])
    assert list(folder.glob("checkpoint-*")) == []
    claim.release()


def damaged(files: Files) -> Files:
    return {**files, NUMBERS: files[NUMBERS][:-1]}


def changed(files: Files, **fields: Any) -> Files:
    description = json.loads(files["checkpoint.json"])
    return {**files, "checkpoint.json": json.dumps({**description, **fields}).encode()}


def of_another_version(files: Files) -> Files:
    provenance = json.loads(files["checkpoint.json"])["provenance"]
    return changed(files, provenance={**provenance, "robust_gym": "0.0.1"})


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (damaged, "state.json has changed"),
        (lambda files: {NUMBERS: b"{}"}, "there is no checkpoint.json"),
        (lambda files: {"checkpoint.json": b"{"}, "checkpoint.json, file"),
        (lambda files: {"checkpoint.json": files["checkpoint.json"]}, "is missing"),
        (lambda files: changed(files, task_version=7), "its task version was 7, and is now"),
        (lambda files: changed(files, arguments={"gain": 3.0}), "its arguments was {'gain': 3.0}"),
        (lambda files: changed(files, seed=5), "its seed was 5, and is now 0"),
        (lambda files: changed(files, budget_steps=11), "its budget steps was 11"),
        (of_another_version, "robust-gym of version 0.0.1"),
    ],
)
def test_what_cannot_be_used_costs_one_warning(resuming: Any, tmp_path: Path, spoil: Any, why: str) -> None:
    one, store = resuming(), Store(tmp_path / "out")
    claim = store.claim(one)
    assert claim is not None
    claim.keep_checkpoint(spoil(checkpoints_in(one)[5]))
    claim.release()
    (tmp_path / "log").unlink()
    outcome, said = campaign(tmp_path / "out", [one])
    assert outcome.finished == [one]
    assert begun(tmp_path) == [0]
    assert said.count("cannot be used") == 1
    assert why in " ".join(said.split())
    assert [path.name for path in store.folder(one).glob("checkpoint*")] == ["checkpoint-1.corrupt-1"]
    assert "cannot be used" not in campaign(tmp_path / "out", [one])[1]


def test_a_failed_cell_goes_on_and_a_finished_one_leaves_nothing(resuming: Any, tmp_path: Path) -> None:
    """What stopped a training may have been a limit, so that what it has learnt is worth keeping."""
    one, out = resuming(fails_at=7), tmp_path / "out"
    folder = Store(out).folder(one)
    outcome, _ = campaign(out, [one])
    assert [failed for failed, _ in outcome.failed] == [one]
    kept = checkpoint.newest(folder)
    assert kept is not None
    (progress,) = status(out)
    assert list(progress.states.values()) == ["failed"]
    (folder / "failed.json").unlink()
    (progress,) = status(out)
    assert list(progress.states.values()) == ["open"]
    merged = merge([out], tmp_path / "merged")
    assert (merged.unfinished, merged.copied, merged.damaged) == ([one.path], [], [])
    assert not (tmp_path / "merged" / one.path).exists()
    files = dict(checkpoint.read_newest(folder) or {})
    assert json.loads(files[NUMBERS])["steps"] == 6
    campaign(out, [one], retry_failed=True)
    assert begun(tmp_path) == [0, 6]

    other = resuming(1)
    campaign(out, [other])
    assert not [path for path in Store(out).folder(other).iterdir() if path.name.startswith("checkpoint")]


@pytest.mark.usefixtures("resuming")
@pytest.mark.parametrize(("asked", "begins"), [((), [0, 0]), (("--checkpoint-every", "1e-6"), [0, 1])])
def test_checkpoints_are_as_frequent_as_asked(asked: Any, begins: list[int], tmp_path: Path, capsys: Capture) -> None:
    # The second checkpoint waits until the first took a twentieth of the time, which is longer than this training.
    command = ["bench", "--plugin", "fakes", "--plugin", "resuming_plugin", "--algo", "resuming", "--jobs", "1", *asked]
    command += ["--tasks", "Fake-Walk-v0", "--budget", "smoke", "--seeds", "1", "--no-compare", "--retry-failed"]
    command += ["--set", "fails_at=5", "--set", "when_due=true", "--out", str(tmp_path / "out")]
    for _ in begins:
        code, out, _ = call(capsys, *command)
        assert code == 1 and "told to fail" in out
    assert begun(tmp_path) == begins


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "soon"])
def test_checkpoints_never_or_at_no_time(text: str, capsys: Capture) -> None:
    line = fails(capsys, "bench", "--algo", "random", "--checkpoint-every", text)
    assert f"must be a positive number of seconds, got '{text}'" in line


def test_tidying_removes_the_checkpoint_of_a_finished_cell(resuming: Any, tmp_path: Path) -> None:
    one, store = resuming(), Store(tmp_path / "out")
    campaign(tmp_path / "out", [one])
    checkpoint.write_newest(store.folder(one), {"left": b"behind"})
    campaign(tmp_path / "out", [one])
    assert checkpoint.newest(store.folder(one)) is None
    assert leftovers(tmp_path) == []


def test_another_start_of_a_slurm_job_goes_on(resuming: Any, tmp_path: Path) -> None:
    left = checkpoints_in(resuming())
    job = Job(resuming(), None, left[0])
    mailbox = slurm_job._Mailbox(tmp_path)
    assert mailbox.taken_up(job) == job
    for files in left[1:4]:
        mailbox.send(Checkpointed(job.cell, files))
    for message in tmp_path.glob("*.message"):
        message.unlink()  # as the driver does
    assert slurm_job._Mailbox(tmp_path).taken_up(job) == Job(job.cell, None, left[3])
    mailbox.send(Trained(job.cell, {"policy": b"1"}))
    assert slurm_job._Mailbox(tmp_path).taken_up(job) == Job(job.cell, {"policy": b"1"})


def test_the_memory_of_a_worker_is_its_own(resuming: Any, tmp_path: Path) -> None:
    """A process inherits the peak of the one that started it, as getrusage tells it."""
    code = (
        "import subprocess, sys\n"
        "eaten = b'x' * (600 * 2**20)\n"
        "inner = 'from robust_gym.bench.worker import _peak_memory_mib; print(_peak_memory_mib())'\n"
        "print(subprocess.run([sys.executable, '-c', inner], capture_output=True, text=True, check=True).stdout)\n"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert 10 < float(output) < 500


def start_driver(tmp_path: Path, out: Path, *arguments: str) -> subprocess.Popen[str]:
    script = tmp_path / "driver.py"
    script.write_text(DRIVER)
    return subprocess.Popen(
        [sys.executable, str(script), str(out), *arguments],
        cwd=HERE, env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip


def trained(output: str) -> list[int]:
    return [int(line.split()[1]) for line in output.splitlines() if line.startswith("train")]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("algorithm", "task", "budget", "kills", "exact"),
    [
        ("robust-vdn-tv", "Robust-TwoStepGameSum-v0", "quick", 3, True),
        ("ppo", "Robust-CartPole-v0", "quick", 1, False),
    ],
)
def test_killed_in_training(
    tmp_path: Path, algorithm: str, task: str, budget: str, kills: int, exact: bool
) -> None:  # fmt: skip
    """Driver and worker are killed, and each time the training goes on further."""
    if algorithm == "ppo":
        pytest.importorskip("stable_baselines3")
    arguments = (algorithm, task, budget)
    out = tmp_path / "killed"
    folder = out / "v1" / budget / task / algorithm / "seed-0"
    reached = 0
    for _ in range(kills):
        process = start_driver(tmp_path, out, *arguments)

        def further(before: int = reached) -> bool:
            # While one is written and the other removed, it may be gone again.
            try:
                kept = checkpoint.read_newest(folder)
                return kept is not None and checkpoint.read_checkpoint(kept).steps > before
            except (OSError, ValueError):
                return False

        wait_until(further, 100)
        workers = workers_of(process.pid)
        for pid in (process.pid, *workers):
            os.kill(pid, signal.SIGKILL)
        _, output = finish(process)
        wait_until(lambda workers=workers: all(gone(worker) for worker in workers), 10)
        first = next((steps for steps in trained(output) if steps), reached)
        assert "warned" not in output
        assert "finished" not in output, "the kill came too late to show anything"
        assert first >= reached
        kept = checkpoint.read_newest(folder)
        assert kept is not None
        reached = checkpoint.read_checkpoint(kept).steps
    code, output = finish(start_driver(tmp_path, out, *arguments))
    assert code == 0, output
    assert "finished 1" in output
    assert next(steps for steps in trained(output) if steps) >= reached > 0
    assert [path.name for path in sorted(folder.iterdir())] == ["policy", "records.jsonl"]
    if exact:
        undisturbed = tmp_path / "undisturbed"
        assert finish(start_driver(tmp_path, undisturbed, *arguments))[0] == 0
        assert results(out) == results(undisturbed)
        ours, theirs = (root / folder.relative_to(out) / "policy/policy.safetensors" for root in (out, undisturbed))
        assert ours.read_bytes() == theirs.read_bytes()


def test_events_arrive_in_order(resuming: Any) -> None:
    """From a process of its own, checkpoints come between the reports of training, and none after the policy."""
    engine = LocalEngine(1)
    engine.submit(Job(resuming()))
    events: list[Event] = []
    while not engine.free:
        events += engine.wait(10.0)
    engine.close()
    kinds = [type(event) for event in events]
    assert Failed not in kinds
    assert kinds[0] is Progressed
    assert kinds.count(Checkpointed) == 10
    assert Checkpointed not in kinds[kinds.index(Trained) :]
