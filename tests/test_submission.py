"""Results packed into one file: what is accepted, what is refused in which words, and the bytes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from cli_help import Capture, call, fails
from submission_help import TASK, changed_records, opened, own_records, put_cell

from robust_gym import record
from robust_gym.bench.store import RECORDS
from robust_gym.submission.manifest import MANIFEST


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("results")
    put_cell(root, "controller")
    put_cell(root, "random", seed=3)
    return root


@pytest.fixture
def copy(results: Path, tmp_path: Path) -> Path:
    """The controller's results, to be changed."""
    shutil.copytree(results, tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy/v1/smoke" / TASK / "random")
    return tmp_path / "copy"


def cell(root: Path, algorithm: str = "controller", seed: int = 0) -> Path:
    return root / "v1/smoke" / TASK / algorithm / f"seed-{seed}"


def refused(capsys: Capture, *arguments: str) -> list[str]:
    code, _, error = call(capsys, "submit", *arguments)
    assert code == 2
    lines = error.splitlines()
    assert all(line.startswith("robust-gym: ") for line in lines)
    return [line.removeprefix("robust-gym: ") for line in lines]


def test_a_submission_is_a_folder_of_results_and_a_manifest(results: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "made" / "mine.zip"
    about = ("--name", "Åsa", "--contact", "asa@example.org", "--url", "https://example.org/x", "--note", "two\nlines")
    code, printed, _ = call(capsys, "submit", str(results), "--out", str(out), *about)
    assert code == 0
    assert "2 runs, 74 records, 2 with a saved policy" in printed
    files = opened(out)
    manifest = json.loads(files.pop(MANIFEST))
    there = {p.relative_to(results).as_posix(): p.read_bytes() for p in results.rglob("*") if p.is_file()}
    assert files == there
    assert set(manifest["files"]) == set(there)
    assert (manifest["name"], manifest["note"], manifest["protocol"]) == ("Åsa", "two\nlines", "v1")
    assert manifest["policy_entry"] is None


def test_the_same_results_give_the_same_bytes(results: Path, tmp_path: Path, capsys: Capture) -> None:
    later = tmp_path / "later"
    shutil.copytree(results, later)  # with other times
    for name, sources in (
        ("a", [results]),
        ("b", [later]),
        ("c", [cell(results, "random", 3), cell(results), results]),
    ):
        assert call(capsys, "submit", *map(str, sources), "--out", str(tmp_path / f"{name}.zip"))[0] == 0
    assert len({(tmp_path / f"{name}.zip").read_bytes() for name in "abc"}) == 1


def test_a_part_of_a_folder(results: Path, tmp_path: Path, capsys: Capture) -> None:
    for source in (cell(results), cell(results).parent, results / "v1"):
        assert call(capsys, "submit", str(source), "--out", str(tmp_path / "a.zip"))[0] == 0
        expected = {"controller"} if source != results / "v1" else {"controller", "random"}
        assert {name.split("/")[3] for name in opened(tmp_path / "a.zip") if name != MANIFEST} == expected


def test_unfinished_cells_are_left_out_and_named(copy: Path, tmp_path: Path, capsys: Capture) -> None:
    shutil.copytree(cell(copy) / "policy", cell(copy, seed=1) / "policy")
    training = json.loads((cell(copy, seed=1) / "policy/training.json").read_text())
    (cell(copy, seed=1) / "policy/training.json").write_text(json.dumps({**training, "seed": 1}))
    code, printed, _ = call(capsys, "submit", str(copy), "--out", str(tmp_path / "a.zip"))
    assert code == 0
    assert "seed-1 is not finished" in printed
    assert "1 run, " in printed


def test_records_of_ones_own_policy(tmp_path: Path, capsys: Capture) -> None:
    file, out = tmp_path / "mine.jsonl", tmp_path / "a.zip"
    file.write_text(record.dump(own_records()))
    (line,) = refused(capsys, str(file), "--out", str(out))
    assert "--policy-entry module:function" in line
    (line,) = refused(capsys, str(file), "--out", str(out), "--policy-entry", "my_module")
    assert "--policy-entry: 'my_module' is not written module:function" in line
    assert call(capsys, "submit", str(file), "--out", str(out), "--policy-entry", "mypkg.mod:make")[0] == 0
    assert json.loads(opened(out)[MANIFEST])["policy_entry"] == "mypkg.mod:make"
    file.write_text(record.dump(own_records("controller")))
    (line,) = refused(capsys, str(file), "--out", str(out), "--policy-entry", "mypkg.mod:make")
    assert "controller, which comes with robust-gym" in line


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"protocol": "v7"}, "it is of another cell"),
        ({"protocol_sha256": "0" * 64}, "it was evaluated on other cells than the protocol has now"),
        ({"task_version": 10**300}, "of the task, which is now at 0"),
        ({"family": "mujoco"}, "is of the family classic_control, not mujoco"),
        ({"random_return": -1e9, "reference_return": 0.0}, "it names the random and reference returns"),
        ({"budget_steps": 10**9}, "budget smoke grants"),
        ({"steps_used": 10**9}, "it used 1000000000 steps"),
        ({"returns": [1e200, 1.0]}, "is beyond 1e+100"),
        ({"lengths": [0, 10]}, "has 0 steps; those of Robust-CartPole-v0 have 1 to 500"),
        ({"lengths": [10, 10**40]}, "has over 10^18 steps"),
        ({"costs": [0.0, 0.0]}, "has costs that Robust-CartPole-v0 reports none of"),
        ({"episode_seeds": [1, 2]}, "has other episodes than the budget"),
        ({"train": "disrupted"}, "its policy and its records differ in train"),
        ({"arguments": {"x": 1}}, "its policy and its records differ in arguments"),
    ],
)
def test_what_cannot_be_is_refused(
    copy: Path, tmp_path: Path, capsys: Capture, change: dict[str, Any], message: str
) -> None:
    file = cell(copy) / RECORDS
    file.write_bytes(changed_records(file.read_bytes(), lambda one: {**one, **change}))
    lines = refused(capsys, str(copy), "--out", str(tmp_path / "a.zip"))
    assert any(message in line for line in lines), lines
    assert len(lines) <= 21
    assert not (tmp_path / "a.zip").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"protocol_sha256": "0" * 64}, "its protocol hash 000000000000… is not the committed one"),
        ({"task_version": 10**300}, "it is about version over 10^18 of Robust-CartPole-v0, which is now at 0"),
        ({"task": "Robust-CartPol-v0"}, "Did you mean 'Robust-CartPole-v0'?"),
        ({"protocol": "rrls"}, "protocol rrls has no committed cells of Robust-CartPole-v0"),
        ({"budget": "large"}, "unknown budget 'large'"),
        ({"episode_seeds": [1, 2]}, "has other episodes than the budget"),
    ],
)
def test_records_of_a_file_are_checked_too(
    tmp_path: Path, capsys: Capture, change: dict[str, Any], message: str
) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_bytes(changed_records(record.dump(own_records()).encode(), lambda one: {**one, **change}))
    lines = refused(capsys, str(file), "--out", str(tmp_path / "a.zip"), "--policy-entry", "m:f")
    assert any(message in line for line in lines), lines


def test_damage_is_refused(copy: Path, tmp_path: Path, capsys: Capture) -> None:
    file, out = cell(copy) / RECORDS, ("--out", str(tmp_path / "a.zip"))
    whole = file.read_bytes()
    for text, message in (
        (whole[:-30], "line 37"),
        (b"".join(whole.splitlines(keepends=True)[:-1]), "lacks 1 of 37 disruptions"),
        (whole + whole.splitlines(keepends=True)[0], "holds a disruption twice"),
        (whole.replace(b'"returns":[', b'"returns":[NaN,', 1), "returns"),
        (b"", "holds no record"),
    ):
        file.write_bytes(text)
        assert message in fails(capsys, "submit", str(copy), *out)
    file.write_bytes(whole)
    policy = cell(copy) / "policy/policy.json"
    policy.write_text(policy.read_text() + " ")
    assert "has changed since it was trained" in fails(capsys, "submit", str(copy), *out)


def test_one_record_from_elsewhere_is_found(copy: Path, tmp_path: Path, capsys: Capture) -> None:
    file = cell(copy) / RECORDS
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    lines[5]["steps_used"] = 1
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (line,) = refused(capsys, str(copy), "--out", str(tmp_path / "a.zip"))
    assert "its records differ in steps_used: 'dynamics" in line or "its records differ in steps_used: 'action" in line


def test_unknown_and_mixed_protocols(tmp_path: Path, capsys: Capture) -> None:
    file, out = tmp_path / "mine.jsonl", ("--out", str(tmp_path / "a.zip"), "--policy-entry", "m:f")
    text = record.dump(own_records()).encode()
    other = changed_records(text, lambda one: {**one, "protocol": "v2"})
    file.write_bytes(other)
    assert "unknown protocol 'v2'; versions are rrls, v1" in fails(capsys, "submit", str(file), *out)
    file.write_bytes(text + other)
    assert "the records are of several protocols, v1, v2" in fails(capsys, "submit", str(file), *out)


def test_a_record_does_not_bring_its_own_verdict(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "mine.jsonl"
    verdict = {
        "verdict": "verified",
        "exact": True,
        "cells": 1,
        "episodes": 1,
        "fresh": 0,
        "submission_sha256": "0" * 64,
    }
    records = own_records()
    made = json.loads(records[0].provenance.model_dump_json())
    text = record.dump(records).encode()
    file.write_bytes(changed_records(text, lambda one: {**one, "verification": {**verdict, "provenance": made}}))
    lines = refused(capsys, str(file), "--out", str(tmp_path / "a.zip"), "--policy-entry", "m:f")
    assert "holds a verdict already" in lines[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere does not exist"),
        (["{empty}"], "is no folder of results"),
        (["{results}", "--url", "javascript:alert(1)"], "--url"),
        (["{results}", "--policy-entry", "os.system"], "--policy-entry"),
        (["{results}", "--policy-entry", "m:f"], "all of these have one"),
        (["{results}", "--name", "x" * 3000], "--name"),
        (["{results}", "{other}"], "differ in returns"),
    ],
)
def test_errors(results: Path, tmp_path: Path, capsys: Capture, arguments: list[str], message: str) -> None:
    (tmp_path / "empty").mkdir()
    other = tmp_path / "other"
    shutil.copytree(results, other)
    file = cell(other) / RECORDS
    file.write_bytes(changed_records(file.read_bytes(), lambda one: {**one, "returns": [1.0, 2.0]}))
    places = {"results": results, "empty": tmp_path / "empty", "other": other}
    given = [one.format(**places) if "{" in one else one for one in arguments]
    assert message in fails(capsys, "submit", *given, "--out", str(tmp_path / "a.zip"))
    assert "NAME.zip" in fails(capsys, "submit", str(results), "--out", str(tmp_path / "a.tar"))
