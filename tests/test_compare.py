"""Two rows compared: the numbers, who wins, what may be compared, and the words."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cli_help import Capture, call, fails, parsed
from leaderboard_samples import TASKS, board, run

from robust_gym import record
from robust_gym.leaderboard import bootstrap, statistics
from robust_gym.leaderboard.comparing import COMPARED, compare
from robust_gym.leaderboard.quantities import BOOTSTRAP_SEED, QUANTITIES, summarise
from robust_gym.leaderboard.runs import collect


@pytest.fixture(scope="module")
def records() -> list[record.RunRecord]:
    return list(board(algorithms=("a", "b", "c"), tasks=TASKS[:3], seeds=4))


@pytest.fixture
def file(records: list[record.RunRecord], tmp_path: Path) -> str:
    path = tmp_path / "records.jsonl"
    path.write_text(record.dump(records))
    return str(path)


def test_the_numbers_are_those_of_the_runs(records: list[record.RunRecord]) -> None:
    (group,) = compare(records, "a", "b")
    runs = {one.task: one for one in collect(records).groups[0].tasks}
    assert [one.task for one in group.tasks] == sorted(TASKS[:3])
    for one in group.tasks:
        of = {e.algorithm: summarise(runs[one.task].cells, r.returns) for e, r in runs[one.task].results.items()}
        assert one.seeds == (4, 4)
        for name in COMPARED:
            place = QUANTITIES.index(name)
            value = one.differences[name]
            assert value.value == pytest.approx(of["a"][place].mean() - of["b"][place].mean())
            assert value.interval is not None
            assert value.interval[0] < value.value < value.interval[1]
        ood = QUANTITIES.index("ood")
        assert one.improvement.value == statistics.probability_of_improvement([of["a"][ood]], [of["b"][ood]])
    assert group.overall is not None
    assert (group.overall.tasks, group.overall.seeds, group.overall.unit) == (3, (12, 12), "score")


def test_the_other_way_round_is_the_opposite(records: list[record.RunRecord]) -> None:
    for mine, theirs in zip(compare(records, "a", "b")[0].tasks, compare(records, "b", "a")[0].tasks, strict=True):
        assert mine.improvement.value == pytest.approx(1 - theirs.improvement.value)
        for name in COMPARED:
            assert mine.differences[name].value == pytest.approx(-theirs.differences[name].value)
        assert {mine.winner, theirs.winner} in ({"A", "B"}, {"neither"})


def test_who_wins() -> None:
    strong = [r for seed in range(4) for r in run(TASKS[0], "strong", seed, level=200.0, loss=10.0)]
    weak = [r for seed in range(4) for r in run(TASKS[0], "weak", seed, level=100.0, loss=90.0)]
    twin = [r.model_copy(update={"algorithm": "twin"}) for r in strong]
    few = [r for seed in range(2) for r in run(TASKS[0], "few", seed)]
    everything = [*strong, *weak, *twin, *few]

    def winner(a: str, b: str) -> str | None:
        return compare(everything, a, b)[0].tasks[0].winner

    assert (winner("strong", "weak"), winner("weak", "strong")) == ("A", "B")
    assert winner("strong", "twin") == "neither"
    assert winner("strong", "few") is None
    ((one,),) = (group.tasks for group in compare(everything, "strong", "weak"))
    assert one.improvement.value == 1.0
    assert one.improvement.interval == (1.0, 1.0)
    assert compare(everything, "strong", "weak")[0].overall is None  # one task is its own overall


def test_intervals_cover_the_difference() -> None:
    """Of two equal normal scores, about one interval in twenty leaves out 0; with few seeds, a few more."""
    rng = np.random.default_rng(0)
    missed = 0
    for _ in range(200):
        x, y = rng.normal(size=(1, 12)), rng.normal(size=(1, 12))
        ends = bootstrap.difference_interval([x], [y], statistics.mean, np.random.default_rng(BOOTSTRAP_SEED), 400)
        assert ends is not None
        missed += not ends[0][0] <= 0 <= ends[1][0]
    assert 2 <= missed <= 26
    assert bootstrap.difference_interval([[1.0, 2.0]], [[1.0, 2.0, 3.0]], statistics.mean, rng) is None


def test_only_what_may_rank_together_is_compared(records: list[record.RunRecord]) -> None:
    others = [r.model_copy(update={"algorithm": "d", "budget": "standard", "budget_steps": 9}) for r in records]
    with pytest.raises(ValueError, match="no results that may be compared.*'a' has .*budget quick.*'d' has .*standard"):
        compare([*records, *others], "a", "d")
    with pytest.raises(ValueError, match="Did you mean 'a'"):
        compare(records, "aa", "b")
    with pytest.raises(ValueError, match="'a' and 'a' are the same row"):
        compare(records, "a", "a")
    both = [*records, *(r.model_copy(update={"budget": "standard"}) for r in records)]
    assert len(compare(both, "a", "b")) == 2


def test_rows_with_arguments(records: list[record.RunRecord]) -> None:
    varied = [r.model_copy(update={"arguments": {"rho": 0.5}}) for r in records if r.algorithm == "b"]
    plain = [r.model_copy(update={"arguments": {"rho": 0.1}}) for r in records if r.algorithm == "b"]
    everything = [*(r for r in records if r.algorithm == "a"), *varied, *plain]
    with pytest.raises(ValueError, match=r"'b' has several rows: b \(rho=0.1\), b \(rho=0.5\); name one"):
        compare(everything, "a", "b")
    (group,) = compare(everything, "b (rho=0.5)", "a")
    assert group.labels == ("b (rho=0.5)", "a")


def test_printed(file: str, capsys: Capture) -> None:
    code, out, _ = call(capsys, "compare", "a", "b", file)
    assert code == 0
    assert "A: a, B: b" in out
    assert "3 tasks, normalised" in out
    for task in TASKS[:3]:
        assert task in out
    assert "P(A > B)" in out


def test_json(file: str, capsys: Capture) -> None:
    found = parsed(capsys, "compare", "a", "b", file)
    (group,) = found["groups"]
    assert set(group["tasks"][0]["differences"]) == set(COMPARED)
    assert group["overall"]["task"] is None
    assert len(group["overall"]["improvement"]["interval"]) == 2


def test_what_is_not_a_number_is_null_in_json(tmp_path: Path, capsys: Capture) -> None:
    only_id = [r for a in ("a", "b") for s in range(3) for r in run(TASKS[0], a, s) if r.split == "id"]
    (tmp_path / "r.jsonl").write_text(record.dump(only_id))
    code, out, _ = call(capsys, "compare", "a", "b", str(tmp_path / "r.jsonl"), "--json")
    assert code == 0
    assert json.loads(out, parse_constant=lambda word: pytest.fail(word))["groups"][0]["tasks"]


def test_the_published_records_by_default(capsys: Capture) -> None:
    code, out, _ = call(capsys, "compare", "robust-qmix", "qmix")
    assert code == 0
    assert "Robust-Building-v0" in out
    assert "Did you mean 'random'?" in fails(capsys, "compare", "ppo", "radnom")


def test_errors(tmp_path: Path, capsys: Capture) -> None:
    assert "does not exist" in fails(capsys, "compare", "a", "b", str(tmp_path / "nowhere"))
    assert "there are no records" in fails(capsys, "compare", "a", "b", str(tmp_path))
