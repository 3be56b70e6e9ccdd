from __future__ import annotations

import json
import os
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from bench_help import cell, fakes, records_of  # noqa: F401

from robust_gym import record, registry
from robust_gym.bench import files as files_module
from robust_gym.bench.engine import Failed, Finished, Job, Resources, Trained
from robust_gym.bench.files import write_atomically, write_folder_atomically
from robust_gym.bench.store import State, Store
from robust_gym.bench.training import changed_arguments, train
from robust_gym.bench.worker import run
from robust_gym.record import RecordError

pytestmark = pytest.mark.usefixtures("fakes")

CELL = cell()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "results")


def test_a_cell_from_open_to_finished(store: Store) -> None:
    assert store.state(CELL) is State.OPEN
    claim = store.claim(CELL)
    assert claim is not None
    assert claim.salvage() == (None, [])
    files = train(CELL, lambda steps: None)
    claim.keep_policy(files)
    assert store.state(CELL) is State.OPEN
    assert claim.salvage() == (files, [])
    records = records_of(CELL)
    claim.keep_records(records)
    claim.release()
    assert store.state(CELL) is State.FINISHED
    assert store.records(CELL) == records
    assert sorted(path.name for path in store.folder(CELL).iterdir()) == ["policy", "records.jsonl"]


def test_failure(store: Store) -> None:
    claim = store.claim(CELL)
    assert claim is not None
    claim.keep_failure(Failed(CELL, "ValueError: no", "Traceback …", "train", Resources(2.0, 1.5, 100.0), "printed"))
    assert store.state(CELL) is State.FAILED
    assert store.failure(CELL) == "ValueError: no"
    report = json.loads((store.folder(CELL) / "failed.json").read_text())
    assert report["traceback"] == "Traceback …"
    assert report["output"] == "printed"
    assert report["resources"] == {"wall_seconds": 2.0, "cpu_seconds": 1.5, "peak_memory_mib": 100.0}
    assert report["cell"]["task"] == "Fake-Walk-v0"
    assert report["provenance"]["machine"]["cores"] > 0
    first = store.failure_stamp(CELL)
    claim.keep_failure(Failed(CELL, "again", "", "train", Resources(0.0)))
    assert store.failure_stamp(CELL) != first
    claim.forget_failure()
    assert store.state(CELL) is State.OPEN
    assert store.failure_stamp(CELL) is None


def test_unreadable_failure(store: Store) -> None:
    store.folder(CELL).mkdir(parents=True)
    (store.folder(CELL) / "failed.json").write_text("{")
    assert store.state(CELL) is State.FAILED
    assert "cannot be read" in store.failure(CELL)


def _other(entry: record.RunRecord, **fields: Any) -> str:
    return record.dump([entry.model_copy(update=fields)])


DAMAGE: dict[str, Any] = {
    "cut": lambda text, records: text[: len(text) // 2],
    "cut at a line": lambda text, records: "".join(text.splitlines(keepends=True)[:-1]),
    "empty": lambda text, records: "",
    "zeros": lambda text, records: "\0" * 100,
    "a line twice": lambda text, records: text + text.splitlines(keepends=True)[0],
    "another seed": lambda text, records: _other(records[0], seed=9) + record.dump(records[1:]),
    "another protocol": lambda text, records: _other(records[0], protocol_sha256="0" * 64) + record.dump(records[1:]),
    "another version": lambda text, records: _other(records[0], task_version=9) + record.dump(records[1:]),
    "other episodes": lambda text, records: _other(records[0], episode_seeds=(1, 2)) + record.dump(records[1:]),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damaged_records_are_moved_aside(store: Store, kind: str) -> None:
    records = records_of(CELL)
    path = store.folder(CELL) / "records.jsonl"
    path.parent.mkdir(parents=True)
    damaged = DAMAGE[kind](record.dump(records), records)
    for number in (1, 2):
        path.write_text(damaged)
        assert store.state(CELL) is State.OPEN
        claim = store.claim(CELL)
        assert claim is not None
        _, lines = claim.salvage()
        claim.release()
        assert len(lines) == 1
        assert f"records.corrupt-{number}.jsonl" in lines[0]
        assert not path.exists()
        assert path.with_name(f"records.corrupt-{number}.jsonl").read_text() == damaged


@pytest.mark.parametrize("kind", ["changed", "missing", "no description", "cut description", "another cell"])
def test_damaged_policy_is_moved_aside(store: Store, kind: str) -> None:
    claim = store.claim(CELL)
    assert claim is not None
    claim.keep_policy(train(cell(1) if kind == "another cell" else CELL, lambda steps: None))
    policy = store.folder(CELL) / "policy"
    if kind == "changed":
        (policy / "fake.json").write_text("{}")
    elif kind == "missing":
        (policy / "fake.json").unlink()
    elif kind == "no description":
        (policy / "training.json").unlink()
    elif kind == "cut description":
        (policy / "training.json").write_text((policy / "training.json").read_text()[:50])
    files, lines = claim.salvage()
    assert files is None
    assert len(lines) == 1
    assert "policy.corrupt-1" in lines[0]
    assert (store.folder(CELL) / "policy.corrupt-1").is_dir()
    assert not policy.exists()


def test_defaults_that_have_changed_since_make_another_training(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    claim = store.claim(CELL)
    assert claim is not None
    claim.keep_policy(train(CELL, lambda steps: None))
    claim.keep_records(records_of(CELL))
    initial = registry.algorithm("fake").cls.__init__
    monkeypatch.setattr(initial, "__defaults__", (2.5, *initial.__defaults__[1:]))
    assert store.state(CELL) is State.OPEN
    files, lines = claim.salvage()
    assert files is None
    assert [line.partition(": ")[2] for line in lines] == ["its gain was 0.0, and is now 2.5"] * 2
    # What a cell names is the same, whatever is its default.
    named = cell(gain=0.0)
    assert changed_arguments(records_of(named)[0].arguments, named) is None


def test_incomplete_records_are_not_written(store: Store) -> None:
    claim = store.claim(CELL)
    assert claim is not None
    with pytest.raises(RecordError, match="lacks 1 of"):
        claim.keep_records(records_of(CELL)[:-1])
    assert store.state(CELL) is State.OPEN


def test_records_of_other_arguments_are_not_written(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node with another version has other defaults; on the disk, its records would not count."""
    theirs = records_of(CELL)
    initial = registry.algorithm("fake").cls.__init__
    monkeypatch.setattr(initial, "__defaults__", (2.5, *initial.__defaults__[1:]))
    claim = store.claim(CELL)
    assert claim is not None
    with pytest.raises(RecordError, match="other arguments than planned, .*: its gain was 0.0, and is now 2.5$"):
        claim.keep_records(theirs)
    assert list(store.folder(CELL).iterdir()) == [store.folder(CELL) / "lock"]
    claim.keep_records(records_of(CELL))
    assert store.state(CELL) is State.FINISHED


class Colour(Enum):
    RED = "red"


@pytest.mark.parametrize(
    "value", [float("inf"), float("nan"), 1e-300, Colour.RED, Path("/there"), frozenset([1]), (1, (2,)), b"bytes"]
)
def test_records_count_whatever_a_default_is(store: Store, fakes: Any, value: Any) -> None:  # noqa: F811
    """An argument in a file and the cell's own are written alike, so no worker of the same version is refused."""
    attributes = {
        "__annotations__": {"odd": Any},
        "odd": value,
        "__doc__": fakes.Fake.__doc__ + "    odd: Any value.\n",
    }
    made = dataclass(type("Odd", (fakes.Fake,), {**attributes, "__module__": "fakes"}))
    registry.register_algorithm("odd", about="Odd.", apis=("gymnasium",), actions=("box",))(made)
    odd = cell(algorithm="odd")
    events: list[Any] = []
    run(Job(odd), events.append)
    assert isinstance(events[-1], Finished), events[-1]
    claim = store.claim(odd)
    assert claim is not None
    claim.keep_policy(next(event.files for event in events if isinstance(event, Trained)))
    assert claim.salvage()[1] == []
    claim.keep_records(events[-1].records)
    assert store.state(odd) is State.FINISHED


def test_temporaries_are_removed(store: Store) -> None:
    folder = store.folder(CELL)
    (folder / "policy.tmp").mkdir(parents=True)
    (folder / "policy.tmp" / "half").write_text("x")
    (folder / "records.jsonl.tmp").write_text("x")
    claim = store.claim(CELL)
    assert claim is not None
    claim.release()
    assert list(folder.iterdir()) == []


def test_nothing_is_visible_before_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each write is stopped at every one of its system calls that reaches the disk."""
    target, folder = tmp_path / "records.jsonl", tmp_path / "policy"
    real = os.fsync

    def crash_at(number: int) -> None:
        count = iter(range(number, -1, -1))

        def fsync(descriptor: int) -> None:
            if next(count, 0) == 0:
                raise OSError(28, "No space left on device")
            real(descriptor)

        monkeypatch.setattr(files_module.os, "fsync", fsync)

    crash_at(0)
    with pytest.raises(OSError, match="No space"):
        write_atomically(target, b"whole")
    assert not target.exists()
    for number in range(4):
        crash_at(number)
        with pytest.raises(OSError, match="No space"):
            write_folder_atomically(folder, {"a": b"1", "b/c": b"2"})
        assert not folder.exists()
    monkeypatch.setattr(files_module.os, "fsync", real)
    write_folder_atomically(folder, {"a": b"1", "b/c": b"2"})
    assert (folder / "b" / "c").read_bytes() == b"2"
    assert not folder.with_name("policy.tmp").exists()


def test_one_claim_at_a_time(store: Store) -> None:
    first = store.claim(CELL)
    assert first is not None
    assert store.claim(CELL) is None
    assert store.claim(cell(1)) is not None
    first.release()
    again = store.claim(CELL)
    assert again is not None
    again.release()
    again.release()
    assert not (store.folder(CELL) / "lock").exists()


def test_a_lock_left_beside_results_goes(store: Store) -> None:
    claim = store.claim(CELL)
    assert claim is not None
    claim.keep_records(records_of(CELL))
    store.tidy(CELL)  # it is held: its holder will remove it
    assert (store.folder(CELL) / "lock").exists()
    claim.release()
    (store.folder(CELL) / "lock").touch()
    store.tidy(CELL)
    assert [path.name for path in store.folder(CELL).iterdir()] == ["records.jsonl"]
