"""The store under fire: several writers, a full disk, a folder that cannot be written, and damage of every kind.

Nothing is lost, nothing is done twice, and what is wrong is said once, in a clear line.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from bench_help import (  # noqa: F401
    FAST,
    HERE,
    cell,
    fakes,
    finish,
    leftovers,
    logged,
    records_of,
    results,
    start_bench,
    wait_until,
)
from cli_help import Capture, call

from robust_gym.bench import files as files_module
from robust_gym.bench.engine import Failed, Resources
from robust_gym.bench.files import write_atomically
from robust_gym.bench.merging import merge
from robust_gym.bench.store import State, Store
from robust_gym.bench.training import train

pytestmark = pytest.mark.usefixtures("fakes")

CELL = cell()
KINDS = ("records.jsonl", "policy/fake.json", "policy/training.json", "failed.json")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "results"


def bench(capsys: Capture, out: Path, *arguments: str) -> tuple[int, str, str]:
    common = ("bench", *FAST, "--algo", "fake", "--tasks", "Fake-Walk-v0", "--seeds", "2", "--jobs", "1")
    return call(capsys, *common, "--out", str(out), *arguments)


def undisturbed(capsys: Capture, tmp_path: Path) -> dict[str, list[dict[str, object]]]:
    assert bench(capsys, tmp_path / "undisturbed")[0] == 0
    return results(tmp_path / "undisturbed")


def contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


# Several writers


def test_several_campaigns_and_merges_at_once(tmp_path: Path, out: Path) -> None:
    """Three campaigns with different, overlapping cells, one of them killed and run again, and merges between them."""
    logs = [tmp_path / f"log-{number}" for number in range(4)]
    plans = [("fake", "0,1,2,3,4"), ("Fake-Walk-v0", "3,4,5,6"), ("Fake-Other-v0", "6,5,4,3,2")]
    other = tmp_path / "other"
    assert finish(start_bench(other, tmp_path / "log-other", "--tasks", "Fake-Walk-v0", "--seeds", "9,"))[0] == 0

    def start(number: int, log: Path) -> subprocess.Popen[str]:
        tasks, seeds = plans[number]
        return start_bench(out, log, "--tasks", tasks, "--seeds", seeds, "--jobs", "2", "--set", "pause=0.2")

    processes = [start(number, logs[number]) for number in range(3)]
    wait_until(lambda: len(logged(logs[1], "train")) >= 2)
    processes[1].send_signal(signal.SIGKILL)
    finish(processes[1])
    processes[1] = start(1, logs[3])
    for _ in range(5):
        merge([other], out)
        time.sleep(0.1)
    for process in processes:
        code, output = finish(process)
        assert code == 0, output
        assert "0 failed" in output

    computed = {f"{task} {seed}" for task in ("Fake-Walk-v0", "Fake-Other-v0") for seed in range(7)}
    found = {f"{Path(name).parts[2]} {Path(name).parts[4][5:]}" for name in results(out)}
    assert found == {*computed, "Fake-Walk-v0 9"}
    assert leftovers(out) == []
    assert list(out.rglob("*corrupt*")) == []
    # Only what the killed one was at has been done again.
    done = [line for log in logs for line in logged(log, "evaluate")]
    again = {line for line in done if done.count(line) > 1}
    assert again <= set(logged(logs[1], "evaluate")[-2:])
    assert set(done) == computed


def test_the_same_file_from_several_processes(tmp_path: Path) -> None:
    """Every reader sees one of the contents whole, and no writer is in another's way."""
    context = multiprocessing.get_context("spawn")
    path = tmp_path / "file"
    processes = [context.Process(target=_write_again_and_again, args=(str(path), letter)) for letter in "abc"]
    for process in processes:
        process.start()
    wait_until(path.exists)
    seen = set()
    while any(process.is_alive() for process in processes):
        content = path.read_bytes()
        assert len(content) == 5000
        assert len(set(content)) == 1
        seen.add(content[0])
    for process in processes:
        process.join()
        assert process.exitcode == 0
        process.close()
    assert seen <= set(b"abc")
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def _write_again_and_again(path: str, letter: str) -> None:
    for _ in range(100):
        write_atomically(Path(path), letter.encode() * 5000)


def test_the_same_campaign_from_several_processes(capsys: Capture, tmp_path: Path, out: Path) -> None:
    expected = undisturbed(capsys, tmp_path)
    log = tmp_path / "log"
    for process in [start_bench(out, log, "--tasks", "Fake-Walk-v0", "--seeds", "2") for _ in range(4)]:
        code, output = finish(process)
        assert code == 0, output
    assert sorted(logged(log, "train")) == ["Fake-Walk-v0 0", "Fake-Walk-v0 1"]
    assert results(out) == expected
    assert leftovers(out) == []


# A full disk


@pytest.mark.parametrize("number", range(0, 22, 2))
def test_a_disk_that_fills_up_at_any_write(
    capsys: Capture, tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    expected = undisturbed(capsys, tmp_path)
    real, count = os.fsync, iter(range(10**9))
    refused = []

    def fsync(descriptor: int) -> None:
        if next(count) >= number:
            refused.append(descriptor)
            # It has no name of a file, as in the real case.
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(files_module.os, "fsync", fsync)
    code, _, error = bench(capsys, out)
    monkeypatch.setattr(files_module.os, "fsync", real)
    assert code == (2 if refused else 0)
    if refused:
        assert error.count("\n") == 1
        assert error.startswith("robust-gym: ")
        assert error.endswith("No space left on device\n")
    before = results(out)
    assert all(expected[name] == lines for name, lines in before.items())
    assert leftovers(out) == []
    code, said, error = bench(capsys, out)
    assert code == 0, error
    assert f"{2 - len(before)} done" in said
    assert results(out) == expected
    assert "corrupt" not in " ".join(contents(out))


def test_a_disk_with_no_room_for_records(capsys: Capture, tmp_path: Path, out: Path) -> None:
    """The operating system refuses to let a file grow beyond 16 KiB: room for a policy, and not for the records."""
    expected = undisturbed(capsys, tmp_path)
    command = [sys.executable, "-m", "robust_gym", "bench", *FAST, "--algo", "fake", "--tasks", "Fake-Walk-v0"]
    command += ["--seeds", "2", "--jobs", "1", "--out", str(out)]
    log = tmp_path / "log"
    done = subprocess.run(
        ["bash", "-c", 'ulimit -f 16; exec "$@"', "bash", *command],
        cwd=HERE,
        env={**os.environ, "ROBUST_GYM_FAKE_LOG": str(log)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    records = out / CELL.path / "records.jsonl"
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr == f"robust-gym: {records}: File too large\n"
    assert sorted(path.name for path in records.parent.iterdir()) == ["policy"]
    assert leftovers(out) == []
    assert bench(capsys, out)[0] == 0
    assert results(out) == expected
    assert logged(log, "train") == ["Fake-Walk-v0 0"]


def test_a_full_disk_while_merging(tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Store(tmp_path / "source")
    for seed in range(3):
        _put(source, cell(seed))
    real, refused = os.fsync, 0
    for number in range(1, 40, 3):
        count = iter(range(10**9))

        def fsync(descriptor: int, last: int = number, count: object = count) -> None:
            if next(count) >= last:  # type: ignore[call-overload]
                raise OSError(errno.ENOSPC, "No space left on device")
            real(descriptor)

        monkeypatch.setattr(files_module.os, "fsync", fsync)
        try:
            merge([source.root], out)
        except OSError as error:
            assert error.errno == errno.ENOSPC
            refused += 1
        monkeypatch.setattr(files_module.os, "fsync", real)
        assert leftovers(out) == []
    assert refused >= 3
    merge([source.root], out)
    assert contents(out) == contents(source.root)


# A folder that cannot be written


@pytest.mark.parametrize("when", ["at once", "in the middle"])
def test_a_folder_that_cannot_be_written(
    capsys: Capture, tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Simulated, as root may write everywhere; the real case is among the tests of the command line."""
    expected = undisturbed(capsys, tmp_path)
    real = Path.open

    def refuse(path: Path, mode: str = "r", *arguments: object, **more: object) -> object:
        if path.is_relative_to(out) and "w" in mode and (when == "at once" or "seed-1" in str(path)):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, mode, *arguments, **more)  # type: ignore[call-overload]

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", refuse)
        code, _, error = bench(capsys, out)
    assert code == 2
    assert error.count("\n") == 1
    assert "Permission denied" in error
    assert str(out) in error
    assert len(results(out)) == (0 if when == "at once" else 1)
    assert leftovers(out) == []
    assert bench(capsys, out)[0] == 0
    assert results(out) == expected


def test_finished_results_are_read_where_nothing_can_be_written(
    capsys: Capture, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bench(capsys, out)[0] == 0
    (out / CELL.path / "lock").touch()
    before = contents(out)

    def refuse(*anything: object, **more: object) -> None:
        raise PermissionError(errno.EROFS, "Read-only file system")

    store = Store(out)
    monkeypatch.setattr(files_module.os, "open", refuse)
    assert store.state(CELL) is State.FINISHED
    store.tidy(CELL)
    assert contents(out) == before


# Damage


def _put(store: Store, made: object = CELL, *, failed: bool = False) -> None:
    claim = store.claim(made)  # type: ignore[arg-type]
    assert claim is not None
    claim.keep_policy(train(claim.cell, lambda steps: None))
    if failed:
        claim.keep_failure(Failed(claim.cell, "ValueError: no", "", "train", Resources(1.0)))
    else:
        claim.keep_records(records_of(claim.cell))
    claim.release()


def _cut(content: bytes, dice: random.Random) -> bytes:
    return content[: dice.randrange(len(content))]


def _garble(content: bytes, dice: random.Random) -> bytes:
    place = dice.randrange(len(content))
    return content[:place] + dice.randbytes(8).translate(bytes(range(128, 256)) * 2) + content[place + 8 :]


def _blank(content: bytes, dice: random.Random) -> bytes:
    start = dice.randrange(len(content) - 1)
    return content[:start] + b"\0" * (len(content) - start)


DAMAGE: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "cut": _cut,
    "garbled": _garble,
    "zeros to the end": _blank,
    "empty": lambda content, dice: b"",
    "other JSON": lambda content, dice: b"[1, null]\n",
    "nested JSON": lambda content, dice: b"[" * 100_000,
}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_noticed_and_kept(tmp_path: Path, name: str, kind: str) -> None:
    dice = random.Random(f"{name} {kind}")
    failed = name == "failed.json"
    whole = Store(tmp_path / "whole")
    _put(whole, failed=failed)
    for number in range(12 if kind in ("cut", "garbled", "zeros to the end") else 1):
        store = Store(tmp_path / f"store-{number}")
        shutil.copytree(whole.root, store.root)
        file = store.folder(CELL) / name
        damaged = DAMAGE[kind](file.read_bytes(), dice)
        if damaged.strip() == file.read_bytes().strip():
            continue
        file.write_bytes(damaged)
        if failed:
            # It has failed, whatever the note says.
            assert store.state(CELL) is State.FAILED
            assert store.failure(CELL)
            continue
        assert store.state(CELL) is (State.OPEN if name == "records.jsonl" else State.FINISHED)
        if name != "records.jsonl":
            (store.folder(CELL) / "records.jsonl").unlink()
        claim = store.claim(CELL)
        assert claim is not None
        policy, lines = claim.salvage()
        claim.release()
        assert len(lines) == 1
        assert "\n" not in lines[0]
        assert len(lines[0]) < 1000
        assert str(store.folder(CELL) / name.partition("/")[0]) in lines[0]
        assert damaged in contents(store.root).values()
        assert (policy is None) == name.startswith("policy")


@pytest.mark.parametrize("name", KINDS[:3])
def test_a_campaign_makes_damage_good(capsys: Capture, tmp_path: Path, out: Path, name: str) -> None:
    expected = undisturbed(capsys, tmp_path)
    assert bench(capsys, out)[0] == 0
    file = out / CELL.path / name
    file.write_bytes(file.read_bytes()[:-20])
    damaged = file.read_bytes()
    if name != "records.jsonl":
        (out / CELL.path / "records.jsonl").unlink()
    code, said, error = bench(capsys, out)
    assert code == 0, error
    assert [line for line in said.splitlines() if "cannot be used" in line] == [
        line for line in said.splitlines() if line.startswith(f"warning: {out / CELL.path / name.partition('/')[0]} ")
    ]
    assert said.count("cannot be used") == 1
    assert "1 done · 1 skipped · 0 failed" in said
    assert results(out) == expected
    assert damaged in contents(out).values()
    assert "cannot be used" not in bench(capsys, out)[1]


def test_a_damaged_note_of_a_failure(capsys: Capture, out: Path) -> None:
    assert bench(capsys, out, "--set", "trouble=raise")[0] == 1
    (note,) = out.rglob("failed.json")
    note.write_bytes(b"\xff\xfe{")
    code, said, _ = bench(capsys, out, "--set", "trouble=raise")
    assert code == 1
    assert said.count("unknown, the file cannot be read") == 1
    assert bench(capsys, out, "--set", "trouble=raise", "--retry-failed")[0] == 1
    assert "told to fail" in note.read_text()


def test_a_store_that_vanishes(capsys: Capture, tmp_path: Path, out: Path) -> None:
    """Somebody removes the folder while a campaign runs."""
    expected = undisturbed(capsys, tmp_path)
    process = start_bench(
        out, tmp_path / "log", "--tasks", "Fake-Walk-v0", "--seeds", "2", "--jobs", "1", "--set", "pause=1"
    )
    wait_until(lambda: logged(tmp_path / "log", "train") != [])
    shutil.rmtree(out)
    code, output = finish(process)
    assert "Traceback" not in output
    if code:
        assert code == 2
        assert output.splitlines()[-1].startswith(f"robust-gym: {out}")
    assert bench(capsys, out)[0] == 0
    assert {name: lines for name, lines in results(out).items() if "fake-" not in name} == expected
