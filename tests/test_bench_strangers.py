"""What a store may hold that somebody else has made: merging takes nothing but results, and status reads it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bench_help import cell, fakes, records_of  # noqa: F401
from cli_help import Capture, call, parsed

from robust_gym.bench.cell import is_cell_path
from robust_gym.bench.manifest import FOLDER, keep, kept
from robust_gym.bench.merging import merge
from robust_gym.bench.plan import Request, make_plan
from robust_gym.bench.store import State, Store
from robust_gym.bench.training import train

pytestmark = pytest.mark.usefixtures("fakes")

CELL = cell()
SECRET = "the words of somebody's secret"


@pytest.fixture
def theirs(tmp_path: Path) -> Store:
    """A store with one finished cell, and beside it a file that is no business of anybody else's."""
    (tmp_path / "secret").write_text(SECRET)
    store = Store(tmp_path / "theirs")
    claim = store.claim(CELL)
    assert claim is not None
    claim.keep_policy(train(CELL, lambda steps: None))
    claim.keep_records(records_of(CELL))
    claim.release()
    return store


def merged(capsys: Capture, store: Store, *, code: int = 0) -> tuple[list[str], dict[str, bytes]]:
    """Merge a store into an empty folder; returns what was left out, and the files that came out."""
    out = store.root.with_name("out")
    ended, said, error = call(capsys, "merge", str(store.root), "--out", str(out))
    assert ended == code, error
    for path in out.rglob("*"):
        assert not path.is_symlink()
    files = {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert SECRET.encode() not in b"".join(files.values())
    lines = [line.removeprefix("warning: left out: ") for line in said.splitlines() if line.startswith("warning")]
    return [line.removeprefix(f"{store.root}/") for line in lines], files


def link(store: Store, name: str) -> None:
    """Put a symbolic link in the place of a file of the cell, or beside its files."""
    path = store.folder(CELL) / name
    path.unlink(missing_ok=True)
    path.symlink_to(store.root.with_name("secret"))


def test_what_training_json_does_not_name_stays_where_it_is(theirs: Store, capsys: Capture) -> None:
    policy = theirs.folder(CELL) / "policy"
    (policy / "sub").mkdir()
    (policy / "sub" / "fake.json").write_text("{}")
    (policy / "zoo.txt").write_text("an animal")
    link(theirs, "policy/notes.txt")
    lines, files = merged(capsys, theirs)
    assert lines == [f"{CELL.path}/policy: 'notes.txt' and 2 more, which its training.json does not name"]
    cell_files = ("policy/fake.json", "policy/training.json", "records.jsonl")
    assert files == {f"{CELL.path}/{name}": (theirs.folder(CELL) / name).read_bytes() for name in cell_files}
    # The same merge again finds everything in its place.
    assert merged(capsys, theirs) == (lines, files)


@pytest.mark.parametrize("name", ["policy/fake.json", "policy/training.json", "records.jsonl"])
def test_links_are_refused(theirs: Store, capsys: Capture, name: str) -> None:
    link(theirs, name)
    (line,), files = merged(capsys, theirs)
    folder, _, file = f"{CELL.path}/{name}".rpartition("/")
    assert line == f"{folder}: {file!r} is a symbolic link, and no file; 'cp -rL' copies what links point at"
    kind = "policy" if "policy" in name else "records"
    assert files and not any(kind in path for path in files)


def test_a_linked_note_of_a_failure_is_refused(theirs: Store, capsys: Capture) -> None:
    theirs.root.with_name("secret").write_text(json.dumps({"error": SECRET}))
    (theirs.folder(CELL) / "records.jsonl").unlink()
    link(theirs, "failed.json")
    (line,), files = merged(capsys, theirs)
    assert line.startswith(f"{CELL.path}: 'failed.json' is a symbolic link")
    assert not any("failed" in path for path in files)


def test_a_policy_that_is_a_link_is_refused(theirs: Store, capsys: Capture) -> None:
    policy = theirs.folder(CELL) / "policy"
    policy.rename(theirs.root.with_name("elsewhere"))
    policy.symlink_to(theirs.root.with_name("elsewhere"))
    (line,), files = merged(capsys, theirs)
    assert "policy: it is a symbolic link, and no folder" in line
    assert list(files) == [f"{CELL.path}/records.jsonl"]


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
@pytest.mark.parametrize("name", ["policy/fake.json", "records.jsonl"])
def test_pipes_and_folders_are_refused(theirs: Store, capsys: Capture, name: str, make: Callable[[Path], None]) -> None:
    path = theirs.folder(CELL) / name
    path.unlink()
    make(path)
    (line,), _ = merged(capsys, theirs)
    assert f"{path.name!r} is no regular file" in line


@pytest.mark.parametrize("name", ["../../secret", "/secret", "sub/fake.json", "..", ".", "", "a\\b", "a\0b", "x" * 300])
def test_training_json_names_files_of_its_folder_alone(theirs: Store, capsys: Capture, name: str) -> None:
    policy = theirs.folder(CELL) / "policy"
    (policy.parent.parent / "secret").write_text(SECRET)
    training = json.loads((policy / "training.json").read_text())
    training["files"][name] = hashlib.sha256(SECRET.encode()).hexdigest()
    (policy / "training.json").write_text(json.dumps(training))
    (line,), files = merged(capsys, theirs)
    assert "policy: training.json names " in line and "no name of a file in its folder" in line
    assert len(line) < 300
    assert list(files) == [f"{CELL.path}/records.jsonl"]


@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_a_campaign_that_is_a_link_is_refused(theirs: Store, capsys: Capture, suffix: str) -> None:
    request = Request(("fake",), ("Fake-Walk-v0",), "smoke", (0,))
    name = keep(theirs.root, request, make_plan(request))
    file = theirs.root / FOLDER / f"{name}.{suffix}"
    elsewhere = theirs.root.with_name("secret")
    elsewhere.write_text(file.read_text() if suffix == "json" else SECRET)
    file.unlink()
    file.symlink_to(elsewhere)
    (line,), files = merged(capsys, theirs)
    assert line.startswith(f"{FOLDER}: '{name}.{suffix}' is a symbolic link")
    assert not any(path.startswith(FOLDER) for path in files)


def test_links_of_the_target_are_ones_own(theirs: Store, tmp_path: Path) -> None:
    """Whoever keeps big files elsewhere may merge into the store that links to them."""
    records = theirs.folder(CELL) / "records.jsonl"
    records.rename(tmp_path / "big")
    records.symlink_to(tmp_path / "big")
    other = Store(tmp_path / "other")
    claim = other.claim(cell(1))
    assert claim is not None
    claim.keep_records(records_of(cell(1)))
    claim.release()
    found = merge([other.root], theirs.root)
    assert (found.present, found.copied, found.left_out) == ([CELL.path], [cell(1).path], [])
    assert records.is_symlink()


def manifest(out: Path, **changes: Any) -> str:
    """Keep a campaign, and change its latest start or its cells."""
    request = Request(("fake",), ("Fake-Walk-v0",), "smoke", (0,))
    name = keep(out, request, make_plan(request))
    file = out / FOLDER / f"{name}.json"
    content = json.loads(file.read_text())
    content["starts"][-1]["at"] = changes.pop("at", content["starts"][-1]["at"])
    file.write_text(json.dumps({**content, **changes}))
    return name


def test_a_start_without_a_time_zone_counts_as_damage(theirs: Store, capsys: Capture, tmp_path: Path) -> None:
    name = manifest(theirs.root)
    for number in (1, 2):
        (theirs.root / FOLDER / f"other-{number}.json").write_text(
            (theirs.root / FOLDER / f"{name}.json").read_text().replace("Z", "")
        )
    assert [one.name for one in kept(theirs.root)] == [name]
    assert [one["name"] for one in parsed(capsys, "status", str(theirs.root))["campaigns"]] == [name]
    merge([theirs.root], tmp_path / "out")
    assert [one.name for one in kept(tmp_path / "out")] == [name]


@pytest.mark.parametrize("path", ["x", "", "v1", "v1/smoke/Fake-Walk-v0/fake", "v1/smoke/Fake-Walk-v0/fake/seed-x"])
def test_a_campaign_of_what_is_no_cell_counts_as_damage(theirs: Store, capsys: Capture, path: str) -> None:
    manifest(theirs.root, cells=[str(CELL.path), path])
    (only,) = parsed(capsys, "status", str(theirs.root))["campaigns"]
    assert (only["name"], list(only["cells"])) == ("all cells", [str(CELL.path)])
    code, said, _ = call(capsys, "status", str(theirs.root))
    assert code == 0 and "1 of 1 cells finished" in said


def test_every_cell_has_the_path_of_a_cell() -> None:
    for made in (CELL, cell(12, gain=1.0), cell(algorithm="a" * 80, gain=1.0), cell(algorithm="robust-vdn")):
        assert is_cell_path(made.path)


@pytest.mark.parametrize("content", ["[" * 100_000, '{"error":' + "[" * 5_000 + "]" * 5_000 + "}"])
def test_a_deeply_nested_note_of_a_failure(tmp_path: Path, capsys: Capture, content: str) -> None:
    store = Store(tmp_path)
    store.folder(CELL).mkdir(parents=True)
    (store.folder(CELL) / "failed.json").write_text(content)
    assert store.state(CELL) is State.FAILED
    code, said, _ = call(capsys, "status", str(tmp_path))
    assert code == 0
    assert "unknown, the file cannot be read" in said
    assert "unknown, the file cannot be read" in store.failure(CELL)
