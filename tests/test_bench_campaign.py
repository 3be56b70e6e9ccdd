from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from bench_help import (  # noqa: F401
    cell,
    fakes,
    finish,
    leftovers,
    logged,
    results,
    start_bench,
    wait_until,
    workers_of,
)

from robust_gym import registry
from robust_gym.bench import store as store_module
from robust_gym.bench.command import Options, bench
from robust_gym.bench.engines import EngineChoice
from robust_gym.bench.plan import Request
from robust_gym.evaluate import evaluate
from robust_gym.record import RunRecord

pytestmark = pytest.mark.usefixtures("fakes")


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ROBUST_GYM_FAKE_LOG", str(tmp_path / "log"))
    return tmp_path / "log"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "results"


def publish(records: list[RunRecord], page: Path) -> Path:
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(f"{len(records)} records")
    return page


def run(out: Path, *assignments: str, seeds: int = 2, retry_failed: bool = False, jobs: int = 2) -> int:
    request = Request(
        ("fake",), ("Fake-Walk-v0",), "smoke", tuple(range(seeds)), assignments=assignments, plugins=("fakes",)
    )
    return bench(Options(request, out, EngineChoice(jobs=jobs), retry_failed), publish)  # type: ignore[arg-type]


def one(out: Path, pattern: str) -> Path:
    (found,) = out.glob(f"v1/smoke/Fake-Walk-v0/{pattern}")
    return found


def test_records_are_what_evaluate_says(out: Path, log: Path, fakes: object) -> None:  # noqa: F811
    assert run(out) == 0
    lines = results(out)["v1/smoke/Fake-Walk-v0/fake/seed-1"]
    policy = registry.algorithm("fake").cls.load(one(out, "fake/seed-1/policy"), registry.task("Fake-Walk-v0"))  # type: ignore[attr-defined]
    expected = evaluate(policy, "Fake-Walk-v0", episodes=2)
    assert [(line["split"], line["disruption"], tuple(line["returns"])) for line in lines] == [
        (result.split, result.disruption, result.returns) for result in expected.results
    ]
    first = json.loads(one(out, "fake/seed-1/records.jsonl").read_text().splitlines()[0])
    assert first["arguments"] == {
        "gain": 0.0,
        "trouble": "none",
        "pause": 0.0,
        "sizes": [1, 2],
        "train_disruption": "none",
    }
    assert (first["seed"], first["budget_steps"], first["steps_used"], first["train"]) == (1, 10, 10, "nominal")
    assert first["provenance"]["libraries"]["gymnasium"]
    assert leftovers(out) == []


def test_training_under_disruptions_is_said(out: Path) -> None:
    assert run(out, "train_disruption=obs:0.1", seeds=1) == 0
    assert json.loads(one(out, "fake-*/seed-0/records.jsonl").read_text().splitlines()[0])["train"] == "disrupted"


def test_finished_cells_are_skipped(out: Path, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(out) == 0
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in out.rglob("records.jsonl")}
    assert run(out, seeds=3) == 0
    assert "1 done · 2 skipped · 0 failed" in capsys.readouterr().out
    assert sorted(logged(log, "train")) == [f"Fake-Walk-v0 {seed}" for seed in range(3)]
    for path, state in before.items():
        assert (path.stat().st_mtime_ns, path.read_bytes()) == state


def test_only_the_evaluation_is_repeated_after_training(out: Path, log: Path) -> None:
    assert run(out, seeds=1) == 0
    expected = results(out)
    one(out, "fake/seed-0/records.jsonl").unlink()
    assert run(out, seeds=1) == 0
    assert logged(log, "train") == ["Fake-Walk-v0 0"]
    assert logged(log, "evaluate") == ["Fake-Walk-v0 0"] * 2
    assert results(out) == expected


def test_corrupt_records_are_kept_and_computed_again(out: Path, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(out, seeds=1) == 0
    expected = results(out)
    path = one(out, "fake/seed-0/records.jsonl")
    path.write_text(path.read_text()[:-40])
    damaged = path.read_text()
    assert run(out, seeds=1) == 0
    said = capsys.readouterr().out
    assert "warning: " in said
    assert "records.corrupt-1.jsonl" in said
    assert path.with_name("records.corrupt-1.jsonl").read_text() == damaged
    assert results(out) == expected
    assert logged(log, "train") == ["Fake-Walk-v0 0"]


def test_a_campaign_goes_on_after_a_default_has_changed(
    out: Path, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was trained with the old default is moved aside, and workers with the new one compute the cell again."""
    assert run(out, seeds=2) == 0
    expected = results(out)
    for seed, names in ((0, ("records.jsonl", "policy/training.json")), (1, ("policy/training.json",))):
        for name in names:
            path = one(out, f"fake/seed-{seed}/{name}")
            path.write_text(path.read_text().replace('"gain": 0.0', '"gain": 9.0').replace('"gain":0.0', '"gain":9.0'))
    one(out, "fake/seed-1/records.jsonl").unlink()
    capsys.readouterr()
    assert run(out, seeds=2) == 0
    said = capsys.readouterr().out
    assert said.count("its gain was 9.0, and is now 0.0") == 3
    assert results(out) == expected
    assert len(logged(log, "train")) == 4


def test_a_worker_with_another_default_than_the_driver_fails_at_once(
    out: Path, log: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a node with another version; the workers of this one import the plug-in anew."""
    initial = registry.algorithm("fake").cls.__init__
    monkeypatch.setattr(initial, "__defaults__", (2.5, *initial.__defaults__[1:]))
    for _ in range(2):  # the second time it is not tried again
        assert run(out, seeds=1) == 1
        said = capsys.readouterr().out
        assert "the driver planned another cell, perhaps with another version of a package: its gain was 2.5" in said
        assert "cannot be used" not in said
        assert not logged(log, "train")
    assert not list(out.rglob("records*"))
    monkeypatch.undo()
    monkeypatch.setenv("ROBUST_GYM_FAKE_LOG", str(log))
    assert run(out, seeds=1, retry_failed=True) == 0


@pytest.mark.parametrize(
    ("trouble", "line"),
    [
        ("raise", "RuntimeError: the fake algorithm was told to fail"),
        ("kill", "the worker process ended by SIGKILL"),
        ("nan", "cannot be recorded: returns.0"),
    ],
)
def test_a_failure_stops_nothing(
    out: Path, log: Path, capsys: pytest.CaptureFixture[str], trouble: str, line: str
) -> None:
    assert run(out, f"trouble={trouble}", seeds=4) == 1
    said = capsys.readouterr().out
    assert "3 done · 1 failed" in said
    failed = one(out, "fake-*/seed-1/failed.json")
    (why,) = (row for row in said.splitlines() if row.startswith("failed: "))
    assert line in why
    assert str(failed) in why
    assert len(results(out)) == 3
    report = json.loads(failed.read_text())
    assert line in report["error"]
    assert report["cell"]["overrides"] == {"trouble": trouble}

    trained = len(logged(log, "train"))
    assert run(out, f"trouble={trouble}", seeds=4) == 1
    assert len(logged(log, "train")) == trained
    assert "3 skipped · 1 failed" in capsys.readouterr().out

    before = failed.stat().st_ino, failed.stat().st_mtime_ns
    assert run(out, f"trouble={trouble}", seeds=4, retry_failed=True) == 1
    # What failed in its evaluation is trained already.
    assert len(logged(log, "train")) == trained + (trouble != "nan")
    assert (failed.stat().st_ino, failed.stat().st_mtime_ns) != before


def test_retry_succeeds(out: Path, log: Path) -> None:
    """The cell fails by the death of its worker, which the second time nobody kills."""
    arguments = ("--tasks", "Fake-Walk-v0", "--seeds", "4", "--jobs", "1", "--set", "pause=1")
    process = start_bench(out, log, *arguments)
    wait_until(lambda: logged(log, "train") == ["Fake-Walk-v0 0", "Fake-Walk-v0 1"])
    (worker,) = workers_of(process.pid)
    os.kill(worker, signal.SIGKILL)
    code, output = finish(process)
    assert code == 1, output
    assert "3 done · 1 failed" in output
    assert "SIGKILL" in one(out, "fake-*/seed-1/failed.json").read_text()

    code, output = finish(start_bench(out, log, *arguments, "--retry-failed"))
    assert code == 0, output
    assert list(out.rglob("failed.json")) == []
    assert logged(log, "train") == [f"Fake-Walk-v0 {seed}" for seed in (0, 1, 2, 3, 1)]
    assert len(results(out)) == 4


def test_two_at_once_share_the_work(out: Path, log: Path) -> None:
    arguments = ("--tasks", "fake", "--seeds", "6", "--jobs", "2", "--set", "pause=0.1")
    processes = [start_bench(out, log, *arguments) for _ in range(2)]
    for process in processes:
        code, output = finish(process)
        assert code == 0, output
    cells = [f"{task} {seed}" for task in ("Fake-Other-v0", "Fake-Walk-v0") for seed in range(6)]
    assert sorted(logged(log, "train")) == sorted(cells)
    assert sorted(logged(log, "evaluate")) == sorted(cells)
    assert len(results(out)) == 12
    assert leftovers(out) == []


def test_two_at_once_try_a_failed_cell_once(out: Path, log: Path) -> None:
    arguments = ("--tasks", "Fake-Walk-v0", "--seeds", "1,", "--set", "trouble=raise", "--set", "pause=1")
    assert finish(start_bench(out, log, *arguments))[0] == 1
    processes = [start_bench(out, log, *arguments, "--retry-failed") for _ in range(2)]
    assert [finish(process)[0] for process in processes] == [1, 1]
    assert logged(log, "train") == ["Fake-Walk-v0 1"] * 2


def test_waiting_takes_over_from_a_killed_process(out: Path, log: Path) -> None:
    arguments = ("--tasks", "Fake-Walk-v0", "--seeds", "1", "--set", "pause=8")
    first = start_bench(out, log, *arguments)
    wait_until(lambda: logged(log, "train") != [])
    second = start_bench(out, log, *arguments)
    assert second.stdout is not None
    wait_until(lambda: "waiting for another process" in second.stdout.readline())
    first.kill()
    finish(first)
    code, output = finish(second)
    assert code == 0, output
    assert len(logged(log, "train")) == 2
    assert len(results(out)) == 1
    assert leftovers(out) == []


def _interrupt_process(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)


def _interrupt_group(process: subprocess.Popen[str]) -> None:
    """What a terminal does: the workers hear of it too."""
    for pid in (process.pid, *workers_of(process.pid)):
        os.kill(pid, signal.SIGINT)


def _terminate(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)


@pytest.mark.parametrize("send", [_interrupt_process, _interrupt_group])
def test_one_interruption_finishes_what_is_running(
    out: Path, log: Path, send: Callable[[subprocess.Popen[str]], None]
) -> None:
    arguments = ("--tasks", "Fake-Walk-v0", "--seeds", "8", "--set", "pause=1", "--jobs", "2")
    process = start_bench(out, log, *arguments)
    wait_until(lambda: len(logged(log, "train")) == 4)
    workers = workers_of(process.pid)
    send(process)
    found, output = finish(process)
    assert found == 130, output
    said = "warning: finishing 2 running cells and starting no others; Ctrl-C again stops at once"
    assert output.splitlines().count(said) == 1
    assert output.splitlines()[-1] == "stopped: 4 of 8 cells are finished; the same command resumes with the others"
    assert "Traceback" not in output
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
    assert len(logged(log, "train")) == len(results(out)) == 4
    assert list(out.rglob("failed.json")) == []
    assert leftovers(out) == []


def test_an_interruption_of_the_last_cells_leaves_nothing_out(out: Path, log: Path) -> None:
    process = start_bench(out, log, "--tasks", "Fake-Walk-v0", "--seeds", "2", "--set", "pause=1", "--jobs", "2")
    wait_until(lambda: len(logged(log, "train")) == 2)
    process.send_signal(signal.SIGINT)
    found, output = finish(process)
    assert found == 0, output
    assert "2 done · 0 failed" in output


def _interrupt_twice(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    time.sleep(1)
    process.send_signal(signal.SIGINT)


@pytest.mark.parametrize(("send", "code"), [(_interrupt_twice, 130), (_terminate, 143)])
def test_stopping_at_once(out: Path, log: Path, send: Callable[[subprocess.Popen[str]], None], code: int) -> None:
    arguments = ("--tasks", "Fake-Walk-v0", "--seeds", "6", "--set", "pause=4", "--jobs", "2")
    process = start_bench(out, log, *arguments)
    wait_until(lambda: len(logged(log, "train")) == 4)
    workers = workers_of(process.pid)
    send(process)
    found, output = finish(process)
    assert found == code, output
    assert output.splitlines()[-1] == "stopped: 2 of 6 cells are finished; the same command resumes with the others"
    assert "Traceback" not in output
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
    assert len(results(out)) == 2
    assert list(out.rglob("failed.json")) == []
    assert leftovers(out) == []


def test_full_disk(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = store_module.write_atomically
    written: list[Path] = []

    def write(path: Path, content: bytes) -> None:
        if len(written) == 2:
            raise OSError(28, "No space left on device", str(path))
        written.append(path)
        real(path, content)

    monkeypatch.setattr(store_module, "write_atomically", write)
    with pytest.raises(OSError, match="No space left"):
        run(out, seeds=4)
    assert workers_of(os.getpid()) == []
    assert len(results(out)) == 2
    monkeypatch.setattr(store_module, "write_atomically", real)
    assert run(out, seeds=4) == 0
    assert len(results(out)) == 4
    assert leftovers(out) == []


def test_page_gets_everything_in_the_folder(out: Path) -> None:
    assert run(out, seeds=1) == 0
    assert run(out, "gain=1", seeds=1) == 0
    per_cell = len(results(out)["v1/smoke/Fake-Walk-v0/fake/seed-0"])
    assert (out / "leaderboard" / "index.html").read_text() == f"{2 * per_cell} records"
