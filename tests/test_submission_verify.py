"""A submission played again: what is verified, what is not, and what cannot be told."""

from __future__ import annotations

import hashlib
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
import submission_cheat
from cli_help import Capture, call, fails
from submission_help import TASK, changed_records, closed, evaluated, opened, own_records, put_cell, submission

from robust_gym import record
from robust_gym.bench.store import POLICY, RECORDS
from robust_gym.record import Machine, Provenance
from robust_gym.submission import consistency, replaying
from robust_gym.submission.consistency import LEVEL, MOST_FRESH, fresh_needed, permutation_p, unlike
from robust_gym.submission.verdict import EXIT_CODES

CELL = f"v1/smoke/{TASK}/controller/seed-0"


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("results")
    put_cell(root, "controller")
    put_cell(root, "random", seed=3)
    return submission([root], root.parent / "honest.zip", name="Me")


def verified(capsys: Capture, file: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    code, _, error = call(capsys, "verify", str(file), "--seed", "7", *arguments)
    assert not error
    found = json.loads(file.with_suffix(".verdict.json").read_text())
    assert EXIT_CODES[found["verdict"]] == code
    return code, found


def tampered(honest: Path, target: Path, change: Any) -> Path:
    files = opened(honest)
    files[f"{CELL}/{RECORDS}"] = changed_records(files[f"{CELL}/{RECORDS}"], change)
    return closed(target, files)


def test_an_honest_submission_is_verified(honest: Path, capsys: Capture) -> None:
    code, found = verified(capsys, honest, "--cells", "4", "--fresh", "40")
    assert (code, found["verdict"], found["reasons"]) == (0, "verified", [])
    assert [run["run"].split("/")[3] for run in found["runs"]] == ["controller", "random"]
    for run in found["runs"]:
        assert (run["episodes"], run["fresh"]) == (8, 160)
        assert all(cell["exact"] and cell["recorded_mean"] == cell["replayed_mean"] for cell in run["cells"])
        assert all(cell["fresh_mean"] is not None for cell in run["cells"])
        assert run["p_value"] > 0.005
    assert found["settings"]["seed"] == 7
    assert "permutation test" in found["settings"]["test"]
    assert found["provenance"]["libraries"]["numpy"] == np.__version__
    assert verified(capsys, honest, "--cells", "4", "--fresh", "40")[1]["runs"] == found["runs"]


def test_more_cells_than_there_are_means_all(honest: Path, capsys: Capture) -> None:
    _, found = verified(capsys, honest, "--cells", "99", "--fresh", "0")
    assert [len(run["cells"]) for run in found["runs"]] == [37, 37]
    assert {run["p_value"] for run in found["runs"]} == {None}


def test_a_seed_is_drawn_where_none_is_given(honest: Path, tmp_path: Path, capsys: Capture) -> None:
    seeds = []
    for name in ("a", "b"):
        out = tmp_path / f"{name}.json"
        assert call(capsys, "verify", str(honest), "--cells", "1", "--fresh", "0", "--out", str(out))[0] == 0
        seeds.append(json.loads(out.read_text())["settings"]["seed"])
    assert seeds[0] != seeds[1]


def test_invented_returns_are_found(honest: Path, tmp_path: Path, capsys: Capture) -> None:
    file = tampered(honest, tmp_path / "a.zip", lambda one: {**one, "returns": [r + 1e-9 for r in one["returns"]]})
    code, found = verified(capsys, file)
    assert code == 1
    runs = {run["run"].split("/")[3]: run["verdict"] for run in found["runs"]}
    assert runs == {"controller": "not verified", "random": "verified"}
    assert "5 of 5 cells differ when their episodes are played again" in found["reasons"][0]
    assert "not the same to the bit" in found["reasons"][0]


def test_another_policy_than_the_recorded_one_is_found(tmp_path: Path, capsys: Capture) -> None:
    """The files fit together, and the records are real: of another seed."""
    for seed in (0, 1):
        put_cell(tmp_path / str(seed), "random", seed=seed)
    policy = tmp_path / "0/v1/smoke" / TASK / "random/seed-0" / POLICY
    other = (tmp_path / "1/v1/smoke" / TASK / "random/seed-1" / POLICY / "policy.json").read_bytes()
    training = json.loads((policy / "training.json").read_text())
    training["files"]["policy.json"] = hashlib.sha256(other).hexdigest()
    (policy / "policy.json").write_bytes(other)
    (policy / "training.json").write_text(json.dumps(training))
    code, found = verified(capsys, submission([tmp_path / "0"], tmp_path / "a.zip"))
    assert code == 1
    assert not any(cell["exact"] for cell in found["runs"][0]["cells"])


def test_other_versions_leave_a_tolerance(honest: Path, tmp_path: Path, capsys: Capture) -> None:
    def older(one: dict[str, Any], shift: float) -> dict[str, Any]:
        made = {**one["provenance"], "libraries": {**one["provenance"]["libraries"], "numpy": "1.0"}}
        return {**one, "provenance": made, "returns": [r * (1 + shift) for r in one["returns"]]}

    code, found = verified(capsys, tampered(honest, tmp_path / "a.zip", lambda one: older(one, 0.004)))
    assert code == 0
    (run,) = [run for run in found["runs"] if "controller" in run["run"]]
    assert run["unlike"] == [f"numpy 1.0 then, {np.__version__} now"]
    assert not any(cell["exact"] for cell in run["cells"])
    code, found = verified(capsys, tampered(honest, tmp_path / "b.zip", lambda one: older(one, 0.02)))
    assert (code, found["verdict"]) == (3, "could not be verified")
    assert "beyond the tolerance of 1 %" in found["reasons"][0]
    assert "numpy 1.0 then" in found["reasons"][-1]


def test_a_policy_fitted_to_the_recorded_episodes_is_found(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It leans, but where an episode begins as no recorded one does, it falls: the recorded returns are real."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    records = evaluated(submission_cheat.make(TASK, 0), "cheat", 20)
    (tmp_path / "cheat.jsonl").write_text(record.dump(records))
    file = submission([tmp_path / "cheat.jsonl"], tmp_path / "a.zip", policy_entry="submission_cheat:make")
    code, found = verified(capsys, file, "--trust-code")
    assert code == 1
    assert all(cell["exact"] for cell in found["runs"][0]["cells"])
    assert "episodes with fresh seeds have another mean return" in found["reasons"][0]


def test_code_is_imported_only_where_it_is_trusted(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "strange_code.py").write_text(
        "from pathlib import Path\nfrom submission_help import lean\n"
        f"Path({str(tmp_path / 'ran')!r}).touch()\n"
        "def make(task, seed):\n    assert (task, seed) == ('Robust-CartPole-v0', 0)\n    return lean\n"
        "def broken(task, seed):\n    raise KeyError('no weights')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "mine.jsonl").write_text(record.dump(own_records()))

    def file(entry: str) -> Path:
        return submission([tmp_path / "mine.jsonl"], tmp_path / "a.zip", policy_entry=entry)

    code, found = verified(capsys, file("strange_code:make"))
    assert (code, found["verdict"]) == (3, "could not be verified")
    assert "its policy is code, strange_code:make, which only --trust-code runs" in found["reasons"][0]
    assert not (tmp_path / "ran").exists()
    assert "strange_code" not in sys.modules
    code, found = verified(capsys, file("strange_code:make"), "--trust-code")
    assert (code, found["settings"]["trust_code"]) == (0, True)
    assert (tmp_path / "ran").exists()
    for entry, word, reason in (
        ("strange_code:gone", "could not be verified", "has no function 'gone'"),
        ("no_such_module_here:make", "could not be verified", "no module 'no_such_module_here'"),
        ("strange_code:broken", "not verified", "KeyError: 'no weights'"),
    ):
        _, found = verified(capsys, file(entry), "--trust-code")
        assert found["verdict"] == word
        assert reason in found["reasons"][0]
    sys.modules.pop("strange_code", None)


def test_a_policy_that_cannot_be_loaded(honest: Path, tmp_path: Path, capsys: Capture) -> None:
    files = opened(honest)
    for text, error in (
        (
            b'{"algorithm": "random", "task": "Robust-CartPole-v0", "seed": -1, "spaces": [[null, 2, [], []]]}',
            "Overflow",
        ),
        (b"[" * 100_000, "RecursionError"),
        (b'{"algorithm": "random", "task": "Robust-CartPole-v0"}', "holds no random policy"),
    ):
        folder = f"v1/smoke/{TASK}/random/seed-3/policy"
        training = json.loads(files[f"{folder}/training.json"])
        training["files"]["policy.json"] = hashlib.sha256(text).hexdigest()
        changed = {**files, f"{folder}/policy.json": text, f"{folder}/training.json": json.dumps(training).encode()}
        code, found = verified(capsys, closed(tmp_path / "a.zip", changed))
        assert code == 1
        assert "its policy cannot be played" in found["reasons"][0]
        assert error in found["reasons"][0]


def test_the_records_take_their_verdicts_along(honest: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "results"
    assert call(capsys, "verify", str(honest), "--seed", "7", "--results", str(out))[0] == 0
    records = record.load(out / CELL / RECORDS)
    mark = records[0].verification
    assert mark is not None
    assert (mark.verdict, mark.exact, mark.cells, mark.episodes, mark.fresh) == (
        "verified",
        True,
        5,
        10,
        5 * fresh_needed(2, LEVEL / 2),
    )
    assert all(one.verification == mark for one in records)
    plain = [one.model_copy(update={"verification": None}) for one in records]
    assert record.dump(plain).encode() == opened(honest)[f"{CELL}/{RECORDS}"]
    assert record.dump(records).encode() == (out / CELL / RECORDS).read_bytes()
    code, printed, _ = call(capsys, "verify", str(honest), "--seed", "8", "--results", str(out))
    assert code == 0
    assert "there already, and left as it is" in printed
    code, printed, _ = call(capsys, "leaderboard", str(out), "--text")
    assert code == 0
    assert "controller" in printed


def test_a_record_without_a_verdict_has_the_bytes_it_had() -> None:
    (one, *_) = own_records()
    assert "verification" not in record.dump([one])
    assert "costs" not in record.dump([one])


def test_errors(honest: Path, tmp_path: Path, capsys: Capture) -> None:
    assert "No such file" in fails(capsys, "verify", str(tmp_path / "nowhere.zip"))
    for option, value in (("--cells", "0"), ("--fresh", "-1"), ("--seed", "x")):
        assert f"argument {option}" in fails(capsys, "verify", str(honest), option, value)
    assert "names a file for the verdict" in fails(capsys, "verify", str(honest), "--out", str(tmp_path))
    (tmp_path / "other.txt").touch()
    verdict = tmp_path / "verdict.json"
    line = fails(capsys, "verify", str(honest), "--out", str(verdict), "--results", str(tmp_path))
    assert "no folder of results" in line
    assert not verdict.exists()


def test_returns_that_are_no_numbers_are_not_verified(
    honest: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere(policy: Any, task: Any, jobs: Any) -> dict[tuple[str, int], tuple[float, int, float]]:
        return {(disruption, seed): (math.nan, 1, 0.0) for disruption, seeds in jobs for seed in seeds}

    monkeypatch.setattr(replaying, "play", nowhere)
    code, found = verified(capsys, honest)
    assert code == 1
    assert {run["reasons"][0] for run in found["runs"]} == {"its policy gives returns that are not numbers"}


def test_the_permutation_test_is_scipys(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)

    def theirs(x: np.ndarray, y: np.ndarray) -> float:
        return float(
            scipy.stats.permutation_test(
                (x, y),
                lambda a, b, axis: np.abs(a.mean(axis) - b.mean(axis)),
                vectorized=True,
                alternative="greater",
                n_resamples=np.inf,
            ).pvalue
        )

    for n, m, shift in ((2, 6, 0.0), (4, 7, 1.0), (5, 5, 3.0)):
        x, y = rng.normal(size=n), rng.normal(size=m) + shift
        assert permutation_p(x, y, rng) == pytest.approx(theirs(x, y))
        exact = permutation_p(x, y, rng)
        with monkeypatch.context() as patch:
            patch.setattr(consistency, "PERMUTATIONS", 100)
            drawn = [permutation_p(x, y, np.random.default_rng(seed)) for seed in range(40)]
        assert np.mean(drawn) == pytest.approx(exact, abs=0.05)
    assert permutation_p([1.0, 1.0], [1.0, 1.0, 1.0], rng) == 1.0


@pytest.mark.parametrize("recorded", [1, 2, 5, 20])
@pytest.mark.parametrize("runs", [1, 3, 200])
def test_a_policy_fitted_to_its_episodes_fails_however_many_runs_there_are(recorded: int, runs: int) -> None:
    level = LEVEL / runs
    needed = fresh_needed(recorded, level)
    if needed > MOST_FRESH:
        assert recorded == 1 and runs > 1
        return
    rng = np.random.default_rng(0)
    fitted, fresh = 100 + rng.normal(size=recorded), rng.normal(size=max(20, needed))
    assert permutation_p(fitted, fresh, rng, level) < level
    assert 2 / math.comb(recorded + needed - 1, recorded) >= level


def test_honest_runs_seldom_fail_the_test() -> None:
    rng = np.random.default_rng(1)
    p = [permutation_p(*np.split(rng.exponential(size=25), [5]), rng) for _ in range(200)]
    assert np.mean(np.array(p) < 0.05) < 0.1
    assert min(permutation_p(rng.normal(size=5), rng.normal(size=20) + 5, rng) for _ in range(5)) < 0.001


def test_what_counts_as_another_installation() -> None:
    made = record.provenance()
    assert unlike(made, made) == []
    other = made.model_copy(
        update={
            "git_commit": None,
            "libraries": {"numpy": "0.1", "jaxmarl": "9"},
            "machine": Machine(platform="x", processor="Other\x1b[31m CPU", cores=1, python=made.machine.python),
        }
    )
    assert isinstance(other, Provenance)
    found = unlike(other, made)
    assert found[0].startswith("processor Other[31m CPU then")
    assert "\x1b" not in found[0]
    assert any(line.startswith("numpy 0.1 then") for line in found)
    assert not any("commit" in line for line in found)


def test_a_network_is_verified_to_the_bit(tmp_path: Path, capsys: Capture) -> None:
    pytest.importorskip("stable_baselines3")
    put_cell(tmp_path / "results", "ppo")
    file = submission([tmp_path / "results"], tmp_path / "a.zip")
    assert any(name.endswith("policy.safetensors") for name in opened(file))
    code, found = verified(capsys, file, "--cells", "3", "--fresh", "5")
    assert code == 0, found["reasons"]
    assert all(cell["exact"] for cell in found["runs"][0]["cells"])
