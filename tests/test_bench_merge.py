from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from bench_help import cell, fakes, leftovers, records_of, results, wait_until  # noqa: F401
from cli_help import Capture, call, fails

from robust_gym import record
from robust_gym.bench.cell import Cell
from robust_gym.bench.engine import Failed, Resources
from robust_gym.bench.manifest import kept
from robust_gym.bench.merging import merge
from robust_gym.bench.store import State, Store
from robust_gym.bench.training import train

pytestmark = pytest.mark.usefixtures("fakes")


@pytest.fixture
def stores(tmp_path: Path) -> tuple[Store, Store, Store]:
    return Store(tmp_path / "a"), Store(tmp_path / "b"), Store(tmp_path / "out")


def put(store: Store, made: Cell, *, returns: float = 1.0, records: bool = True, policy: bool = True) -> None:
    claim = store.claim(made)
    assert claim is not None
    if policy:
        claim.keep_policy(train(made, lambda steps: None))
    if records:
        claim.keep_records(records_of(made, returns))
    claim.release()


def put_failure(store: Store, made: Cell, error: str = "ValueError: no") -> None:
    claim = store.claim(made)
    assert claim is not None
    claim.keep_failure(Failed(made, error, "", "train", Resources(1.0)))
    claim.release()


def files(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def path(made: Cell, *names: str) -> str:
    return made.path.joinpath(*names).as_posix()


def test_cells_are_joined_whole(stores: tuple[Store, Store, Store], capsys: Capture) -> None:
    a, b, out = stores
    changed = cell(3, gain=1.0)
    put(a, cell(0))
    put(b, cell(1))
    put(b, changed)
    code, said, _ = call(capsys, "merge", str(a.root), str(b.root), "--out", str(out.root))
    assert code == 0
    assert said == f"{out.root}: 3 copied · 0 there already · 0 conflicts\n"
    assert files(out.root) == {**files(a.root), **files(b.root)}
    assert all(out.state(made) is State.FINISHED for made in (cell(0), cell(1), changed))
    before = {file: file.stat().st_mtime_ns for file in out.root.rglob("*")}
    code, said, _ = call(capsys, "merge", str(a.root), str(b.root), "--out", str(out.root))
    assert (code, said) == (0, f"{out.root}: 0 copied · 3 there already · 0 conflicts\n")
    assert {file: file.stat().st_mtime_ns for file in out.root.rglob("*")} == before


def test_the_same_evaluation_is_taken_once(stores: tuple[Store, Store, Store]) -> None:
    a, b, out = stores
    put(a, cell())
    put(b, cell(), policy=False)
    again = [
        entry.model_copy(update={"train_seconds": 9.0, "evaluate_seconds": 8.0}) for entry in records_of(cell())[::-1]
    ]
    (b.folder(cell()) / "records.jsonl").write_text(record.dump(again))
    merged = merge([b.root, a.root], out.root)
    assert (len(merged.copied), merged.conflicts) == (1, [])
    # The first's records, and the policy that the second has kept.
    assert out.records(cell()) == again
    assert (out.folder(cell()) / "policy" / "fake.json").exists()


RECORDED = "{'gain': 0.0, 'trouble': 'none', 'pause': 0.0, 'sizes': [1, 2], 'train_disruption': 'none'}"
DIFFERENCES: dict[str, tuple[dict[str, Any], str]] = {
    "returns": ({"returns": (1.0, 2.0)}, "returns of 'none' (id): (1.0, 1.0) and (1.0, 2.0)"),
    "arguments": ({"arguments": {"gain": 2}}, f"arguments of 'none' (id): {RECORDED[:57]}… and {{'gain': 2}}"),
    "steps": ({"steps_used": 9}, "steps_used of 'none' (id): 10 and 9"),
}


@pytest.mark.parametrize("kind", DIFFERENCES)
def test_a_conflict_is_listed_and_not_written(stores: tuple[Store, Store, Store], capsys: Capture, kind: str) -> None:
    a, b, out = stores
    fields, difference = DIFFERENCES[kind]
    put(a, cell(0))
    put(a, cell(1))
    put(b, cell(1))
    first, *others = records_of(cell(1))
    (b.folder(cell(1)) / "records.jsonl").write_text(record.dump([first.model_copy(update=fields), *others]))
    code, said, _ = call(capsys, "merge", str(a.root), str(b.root), "--out", str(out.root))
    assert code == 1
    assert said.splitlines() == [
        f"conflict: {a.folder(cell(1))} and {b.folder(cell(1))} differ in {difference}",
        f"{out.root}: 1 copied · 0 there already · 1 conflict",
    ]
    assert out.state(cell(0)) is State.FINISHED
    assert not out.folder(cell(1)).exists()


def test_a_cell_of_which_nothing_can_be_read_is_told_by_the_exit_code(
    stores: tuple[Store, Store, Store], capsys: Capture
) -> None:
    a, _, out = stores
    put(a, cell(0))
    put(a, cell(1), policy=False)
    (a.folder(cell(1)) / "records.jsonl").write_text("{")
    code, said, _ = call(capsys, "merge", str(a.root), "--out", str(out.root))
    assert code == 1
    assert said.splitlines()[-1] == f"{out.root}: 1 copied · 0 there already · 1 damaged · 0 conflicts"
    assert not out.folder(cell(1)).exists()


def test_into_one_of_the_sources(stores: tuple[Store, Store, Store]) -> None:
    a, b, _ = stores
    put(a, cell(0))
    put(a, cell(1), returns=5.0)
    put(b, cell(1))
    put(b, cell(2))
    kept = files(a.root)
    merged = merge([a.root, b.root], a.root)
    assert (merged.present, merged.copied) == ([cell(0).path], [cell(2).path])
    assert len(merged.conflicts) == 1
    assert {name: content for name, content in files(a.root).items() if "seed-2" not in name} == kept
    assert a.state(cell(2)) is State.FINISHED


def test_failures_and_trained_policies(stores: tuple[Store, Store, Store], capsys: Capture) -> None:
    a, b, out = stores
    put_failure(a, cell(0))
    put(b, cell(0))
    put_failure(a, cell(1), "first")
    put_failure(b, cell(1), "second")
    put(b, cell(2), records=False)
    put_failure(out, cell(0))
    code, said, _ = call(capsys, "merge", str(a.root), str(b.root), "--out", str(out.root))
    assert (code, said) == (
        0,
        f"{out.root}: 1 copied · 0 there already · 1 failed · 1 trained only · 0 conflicts\n",
    )
    assert out.state(cell(0)) is State.FINISHED
    assert not (out.folder(cell(0)) / "failed.json").exists()
    assert out.failure(cell(1)) == "first"
    claim = out.claim(cell(2))
    assert claim is not None
    policy, lines = claim.salvage()
    assert policy is not None
    assert lines == []
    claim.release()


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("records.jsonl", "records.jsonl, line"),
        ("policy/fake.json", "policy: its file fake.json has changed"),
        ("policy/training.json", "policy: training.json, file"),
    ],
)
def test_damage_is_left_out_and_said(stores: tuple[Store, Store, Store], capsys: Capture, name: str, line: str) -> None:
    a, b, out = stores
    for store in (a, b):
        put(store, cell())
    _cut(a.folder(cell()) / name)
    code, said, _ = call(capsys, "merge", str(a.root), str(b.root), "--out", str(out.root))
    assert code == 0
    (warning,) = (row for row in said.splitlines() if row.startswith("warning: left out: "))
    assert line in warning
    assert files(out.root) == {**files(b.root), path(cell(), "records.jsonl"): records_bytes(a, b)}
    assert out.state(cell()) is State.FINISHED


def records_bytes(a: Store, b: Store) -> bytes:
    """The records that are kept: those of the first store, where they can be read."""
    (first, second) = ((store.folder(cell()) / "records.jsonl").read_bytes() for store in (a, b))
    return first if len(first) == len(second) else second


def test_damage_in_the_target_is_moved_aside(stores: tuple[Store, Store, Store]) -> None:
    a, _, out = stores
    put(a, cell())
    put(out, cell())
    for name in ("records.jsonl", "policy/fake.json"):
        _cut(out.folder(cell()) / name)
    damaged = files(out.folder(cell()))
    merged = merge([a.root], out.root)
    assert len(merged.left_out) == 2
    after = files(out.folder(cell()))
    assert after["records.corrupt-1.jsonl"] == damaged["records.jsonl"]
    assert after["policy.corrupt-1/fake.json"] == damaged["policy/fake.json"]
    assert {name: content for name, content in after.items() if "corrupt" not in name} == files(a.folder(cell()))


def test_a_policy_that_the_records_are_not_of(stores: tuple[Store, Store, Store]) -> None:
    a, _, out = stores
    put(a, cell(), policy=False)
    put(out, cell(), records=False)
    merge([a.root], out.root)
    assert sorted(file.name for file in out.folder(cell()).iterdir()) == ["policy.corrupt-1", "records.jsonl"]


@pytest.mark.parametrize(("field", "value"), [("seed", 9), ("algorithm", "fak"), ("task", "Fake-Other-v0")])
def test_records_of_another_cell_are_left_out(stores: tuple[Store, Store, Store], field: str, value: Any) -> None:
    a, _, out = stores
    put(a, cell())
    strange = [entry.model_copy(update={field: value}) for entry in records_of(cell())]
    (a.folder(cell()) / "records.jsonl").write_text(record.dump(strange))
    merged = merge([a.root], out.root)
    assert "it is of another cell" in merged.left_out[0]
    assert out.state(cell()) is State.OPEN
    assert merged.trained == [cell().path]


def test_cells_of_unknown_tasks(stores: tuple[Store, Store, Store]) -> None:
    a, _, out = stores
    put(a, cell())
    elsewhere = Cell("else-where", "Nobody-Knows-v0", 4, "smoke", overrides=(("x", 1),))
    changes = {"task": elsewhere.task, "algorithm": "else-where", "seed": 4, "protocol_sha256": "0" * 64}
    text = record.dump(entry.model_copy(update=changes) for entry in records_of(cell()))
    a.folder(elsewhere).mkdir(parents=True)
    (a.folder(elsewhere) / "records.jsonl").write_text(text)
    merged = merge([a.root], out.root)
    assert sorted(merged.copied) == sorted([cell().path, elsewhere.path])
    assert (out.folder(elsewhere) / "records.jsonl").read_text() == text


def test_a_cell_that_is_being_computed(stores: tuple[Store, Store, Store], capsys: Capture) -> None:
    a, _, out = stores
    put(a, cell())
    claim = out.claim(cell())
    assert claim is not None
    arguments = ("merge", str(a.root), "--out", str(out.root))
    code, said, _ = call(capsys, *arguments)
    assert code == 1
    assert f"busy: another process is computing {out.folder(cell())}" in said
    claim.release()
    assert call(capsys, *arguments)[0] == 0
    assert out.state(cell()) is State.FINISHED


def test_what_is_no_store(stores: tuple[Store, Store, Store], capsys: Capture, tmp_path: Path) -> None:
    a, _, out = stores
    put(a, cell())
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("mine")
    arguments = ("--out", str(out.root))
    assert "there is no folder" in fails(capsys, "merge", str(tmp_path / "nowhere"), *arguments)
    assert "is no folder of results" in fails(capsys, "merge", str(a.root), str(tmp_path / "other"), *arguments)
    assert "is not empty" in fails(capsys, "merge", str(a.root), "--out", str(tmp_path / "other"))
    assert "is a file" in fails(capsys, "merge", str(a.root), "--out", str(tmp_path / "other" / "file"))
    assert "--out" in fails(capsys, "merge", str(a.root))
    assert not out.root.exists()


def test_other_folders_are_no_cells(stores: tuple[Store, Store, Store]) -> None:
    a, _, out = stores
    put(a, cell())
    for name in ("v1/smoke/Fake-Walk-v0/fake/seed-007", "v1/smoke/.hidden/fake/seed-1", "leaderboard"):
        (a.root / name).mkdir(parents=True)
        (a.root / name / "records.jsonl").write_text("x")
    merged = merge([a.root], out.root)
    assert (merged.copied, merged.left_out) == ([cell().path], [])


def _merge_again_and_again(a: str, b: str, out: str) -> None:
    for number in itertools.count():
        merge([Path(a), Path(b)], Path(out, f"{number:04}"))


def test_killed_at_any_moment(stores: tuple[Store, Store, Store]) -> None:
    a, b, out = stores
    for seed in range(6):
        put(a if seed % 2 else b, cell(seed))
    expected = {**files(a.root), **files(b.root)}
    context = multiprocessing.get_context("spawn")
    partial = 0
    for number in range(4):
        process = context.Process(target=_merge_again_and_again, args=(str(a.root), str(b.root), str(out.root)))
        process.start()
        wait_until(lambda: any(out.root.glob("*")))
        time.sleep(0.01 * number)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        process.close()
        last = max(out.root.iterdir())
        partial += not set(expected) <= set(files(last))
        for file in last.rglob("records.jsonl"):
            assert file.read_bytes() == expected[file.relative_to(last).as_posix()]
        merge([a.root, b.root], last)
        assert files(last) == expected
        assert leftovers(last) == []
        shutil.rmtree(out.root)
    assert partial


def test_merged_stores_make_one_campaign(stores: tuple[Store, Store, Store], tmp_path: Path, capsys: Capture) -> None:
    bench = ("bench", "--plugin", "fakes", "--budget", "smoke", "--algo", "fake", "--tasks", "Fake-Walk-v0")
    halves = (("0,1", "a"), ("1,2", "b"))
    for seeds, name in halves:
        assert call(capsys, *bench, "--seeds", seeds, "--jobs", "1", "--out", str(tmp_path / name))[0] == 0
    assert call(capsys, *bench, "--seeds", "3", "--jobs", "1", "--out", str(tmp_path / "whole"))[0] == 0
    code, said, _ = call(capsys, "merge", str(tmp_path / "a"), str(tmp_path / "b"), "--out", str(tmp_path / "out"))
    assert code == 0, said
    assert results(tmp_path / "out") == results(tmp_path / "whole")
    # Two campaigns, each started once; the merge is told again, and adds nothing.
    merge([tmp_path / "a", tmp_path / "b"], tmp_path / "out")
    campaigns = {file.name for half in "ab" for file in (tmp_path / half / "campaigns").iterdir()}
    assert {file.name for file in (tmp_path / "out" / "campaigns").iterdir()} == campaigns
    assert len(campaigns) == 4
    assert [len(one.manifest.starts) for one in kept(tmp_path / "out")] == [1, 1]
    assert call(capsys, *bench, "--seeds", "0,1", "--out", str(tmp_path / "a"))[0] == 0
    merge([tmp_path / "a", tmp_path / "b"], tmp_path / "out")
    assert sorted(len(one.manifest.starts) for one in kept(tmp_path / "out")) == [1, 2]
    code, said, _ = call(capsys, *bench, "--seeds", "3", "--out", str(tmp_path / "out"))
    assert "0 done · 3 skipped · 0 failed" in said
    assert json.loads((tmp_path / "out" / path(cell(1), "policy", "training.json")).read_text())["seed"] == 1
