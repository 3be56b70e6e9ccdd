"""Severity levels that were measured: the file, how it is used, and how levels follow from measurements."""

from __future__ import annotations

import json
import sys
from importlib import resources
from itertools import pairwise
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
import reference_policies
import severity
import severity_axes as axes

import robust_gym
from robust_gym import kinds, registry
from robust_gym.disruption import Disruption, Term
from robust_gym.evaluate import FunctionPolicy
from robust_gym.splits import task_protocol

DATA = json.loads(resources.files("robust_gym").joinpath("levels.json").read_text(encoding="utf-8"))
COMMITTED = json.loads(resources.files("robust_gym").joinpath("protocols.json").read_text(encoding="utf-8"))
CASES = [(family, label) for family, many in DATA["levels"].items() for label in many]
FAMILIES = sorted({registry.task(id).family for id in registry.list_tasks()})


# The file.


@pytest.mark.parametrize(("family", "label"), CASES)
def test_measured_levels_are_accepted_and_grow(family: str, label: str) -> None:
    channel, name = label.split(":")
    kind = kinds.find_kind(channel, name)
    assert kind is not None
    levels = kinds.levels(kind, family)
    assert len(levels) == 5
    for level in levels:
        term = Term(channel, name, tuple(level))
        assert Disruption.parse(str(term)).terms == (term,)  # the grammar takes it: within bounds, no identity
        assert [*map(float, level[1:])] == [argument.default for argument in kind.arguments[1:]]
    strengths = [float(level[0]) for level in levels]
    assert all(axes.AXES[label].harder(after, before) for before, after in pairwise(strengths))


@pytest.mark.parametrize("family", DATA["levels"])
def test_the_levels_follow_from_what_was_measured(family: str) -> None:
    measured = DATA["measured"][family]
    chosen = severity.choose(measured["tasks"])
    assert chosen.pop("levels") == DATA["levels"][family]
    assert chosen == {"left": measured["left"], "ungraded": measured["ungraded"]}


@pytest.mark.parametrize("family", DATA["measured"])
def test_the_measurement_is_complete_and_of_the_present_reference_policies(family: str) -> None:
    tasks = DATA["measured"][family]["tasks"]
    assert list(tasks) == sorted(reference.task for reference in reference_policies.REFERENCES[family])
    for reference in reference_policies.REFERENCES[family]:
        entry, task = tasks[reference.task], registry.task(reference.task)
        assert task.family == family
        assert (entry["policy"], entry["episodes"]) == (reference.about, reference.episodes)
        assert entry["nominal"] > entry["random"]
        for kind in severity.measurable(task):
            label = axes.name(kind)
            assert severity.wanted(axes.AXES[label], dict(entry["shares"][label])) == []


def test_every_family_is_measured_or_says_why_not() -> None:
    named = [*reference_policies.REFERENCES, *reference_policies.UNMEASURED_FAMILIES]
    assert sorted(named) == FAMILIES
    assert sorted([*DATA["measured"], *DATA["run"]["unmeasured_families"]]) == FAMILIES
    assert all(DATA["run"]["unmeasured_families"].values())


def test_every_kind_has_an_axis_that_leads_to_its_severer_levels() -> None:
    for kind in (kind for channel in severity.CHANNELS for kind in kinds.kinds(channel)):
        label = axes.name(kind)
        if kind.policy or label in axes.UNMEASURED or not kind.implementation.startswith("robust_gym."):
            continue
        axis, (leading, *_) = axes.AXES[label], kind.arguments
        ladder = axis.ladder(severity.LADDER)
        assert [leading.problem(value) for value in ladder] == [None] * len(ladder)
        assert (ladder[0], ladder[-1]) == (axis.mild, axis.strong)
        assert axis.whole == leading.integer
        assert all(axis.harder(after, before) for before, after in pairwise(ladder))
        assert axis.harder(float(kind.levels[4][0]), float(kind.levels[0][0]))


# How it is used.


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    levels = {"classic_control": {"observation:gauss": [[0.01], [0.02], [0.03], [0.04], [0.05]]}}
    monkeypatch.setattr(kinds, "_measured_levels", lambda: levels)


def test_a_level_means_what_was_measured_on_the_family(measured: None) -> None:
    term = Disruption.parse("obs:gauss@3~every=2").terms[0]
    assert str(term.resolved("classic_control")) == "observation:gauss:0.03~every=2"
    assert str(term.resolved("mujoco")) == str(term.resolved()) == "observation:gauss:0.2~every=2"
    other = Disruption.parse("obs:laplace@3").terms[0]
    assert other.resolved("classic_control") == other.resolved()


def test_environments_use_the_levels_of_their_family(measured: None) -> None:
    def first(disruption: str) -> list[float]:
        env = robust_gym.make("Robust-Pendulum-v0", disruption=disruption)
        return list(env.reset(seed=1)[0])

    assert first("obs:gauss@3") == first("obs:gauss:0.03") != first("obs:gauss:0.2")


@pytest.mark.parametrize("family", DATA["levels"])
def test_the_protocol_does_not_change_with_the_levels(family: str) -> None:
    for id in DATA["measured"][family]["tasks"]:
        protocol = task_protocol(id, "v1")
        assert protocol.sha256 == COMMITTED["v1"][id]
        assert not any("@" in disruption for split in protocol.splits for disruption in split.disruptions)


# How levels follow from measurements.


def test_isotonic_regression_pools_what_rises() -> None:
    assert axes.isotonic([1.0, 0.5, 0.25]) == [1.0, 0.5, 0.25]
    assert axes.isotonic([0.0, 1.0, 0.5]) == [0.5, 0.5, 0.5]
    assert axes.isotonic([1.0, 0.25, 0.75, 0.0]) == [1.0, 0.5, 0.5, 0.0]
    assert axes.isotonic([]) == []


def test_a_crossing_lies_between_two_points_on_a_straight_line() -> None:
    places, shares = [0.0, 0.5, 1.0], [1.0, 0.8, 0.2]
    assert axes.crossing(places, shares, 0.9) == pytest.approx(0.25)
    assert axes.crossing(places, shares, 0.5) == pytest.approx(0.75)
    assert axes.crossing(places, shares, 0.8) == 0.5
    assert axes.crossing(places, shares, 0.1) is None
    assert axes.crossing(places, [0.4, 0.3, 0.2], 0.9) == 0.0


@pytest.mark.parametrize(
    ("axis", "middle"),
    [
        (axes.Axis(0.01, 1), 0.1),
        (axes.Axis(0.99, 0, 1), 0.9),
        (axes.Axis(1.01, 2, 1), 1.1),
        (axes.Axis(100, 1, whole=True), 10),
        (axes.Axis(0.01, 0.99, odds=True), 0.5),
    ],
)
def test_an_axis_goes_in_equal_factors_from_mild_to_strong(axis: axes.Axis, middle: float) -> None:
    assert [axis.value(place) for place in (0, 0.5, 1)] == [axis.mild, middle, axis.strong]
    assert [axis.place(value) for value in (axis.mild, middle, axis.strong)] == pytest.approx([0, 0.5, 1])
    assert axis.harder(middle, axis.mild)
    assert axis.harder(axis.strong, middle)


def test_the_next_value_has_two_digits() -> None:
    grows, falls = axes.Axis(0.01, 3), axes.Axis(0.98, 0.02, 1)
    assert [grows.next(value) for value in (0.05, 0.099, 1, 2.9)] == [0.051, 0.1, 1.1, 3]
    assert [grows.next(value, back=True) for value in (0.1, 3)] == [0.099, 2.9]
    assert [falls.next(value) for value in (0.95, 0.5)] == [0.949, 0.49]
    assert axes.Axis(80, 1, whole=True).next(7) == 6


def test_levels_are_where_the_targets_are() -> None:
    axis = axes.Axis(0.01, 1)  # at place t this curve leaves 1 - t
    line = [(0.01, 1.0), (0.1, 0.5), (1, 0.0)]
    assert axes.task_places(axis, line) == pytest.approx([0.05, 0.15, 0.3, 0.5, 0.75])
    levels = axes.family_levels(axis, [line])
    assert levels == [0.013, 0.02, 0.04, 0.1, 0.32]
    assert axes.shares_left(axis, [line], levels) == pytest.approx(axes.TARGETS, abs=0.01)


def test_two_tasks_share_the_geometric_mean() -> None:
    axis = axes.Axis(0.001, 10)
    weak = [(0.001, 1.0), (1, 1.0), (10, 0.0)]
    strong = [(0.001, 1.0), (0.01, 1.0), (0.1, 0.0)]
    (of_weak,), (of_strong,) = ([axes.family_levels(axis, [one])[2]] for one in (weak, strong))
    assert of_weak == pytest.approx(10**0.3, rel=0.06)
    assert of_strong == pytest.approx(10**-1.7, rel=0.06)
    assert axes.family_levels(axis, [weak, strong])[2] == pytest.approx((of_weak * of_strong) ** 0.5, rel=0.06)


def test_a_kind_that_hurts_too_little_is_spread_up_to_the_strongest() -> None:
    axis = axes.Axis(0.01, 1)
    assert axes.task_places(axis, [(0.01, 1.0), (1, 1.0)]) == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    half = [(0.01, 1.0), (0.1, 0.5), (1, 0.5)]
    assert axes.task_places(axis, half) == pytest.approx([0.05, 0.15, 0.3, 0.5, 1.0])
    assert axes.family_levels(axis, [half])[-1] == 1


def test_a_cliff_does_not_make_one_level_of_five() -> None:
    axis = axes.Axis(0.01, 1)
    levels = axes.family_levels(axis, [[(0.01, 1.0), (0.1, 1.0), (0.1001, 0.0), (1, 0.0)]])
    assert levels == [0.069, 0.083, 0.1, 0.12, 0.14]
    assert axes.apart([0.0, 0.0, 0.0, 0.0, 0.0]) == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])
    assert axes.apart([1.0, 1.0, 1.0, 1.0, 1.0]) == pytest.approx([0.84, 0.88, 0.92, 0.96, 1.0])


def test_levels_that_the_mildest_strength_already_passes_are_spread_up_to_the_first_that_it_does_not() -> None:
    axis = axes.Axis(0.01, 1)
    assert axes.task_places(axis, [(0.01, 0.6), (1, 0.0)]) == pytest.approx([0, 0, 0, 1 / 6, 7 / 12])
    assert axes.family_levels(axis, [[(0.01, 0.6), (1, 0.0)]]) == [0.01, 0.013, 0.017, 0.022, 0.15]
    flat = [(0.01, 0.49), (0.1, 0.49), (1, 0.0)]  # 0.25 is left at place 0.745, which is 0.31
    assert axes.family_levels(axis, [flat]) == [0.01, 0.024, 0.056, 0.13, 0.31]


def test_a_kind_that_hurts_too_much_from_the_start_keeps_its_own_levels() -> None:
    def task(left: float) -> severity.Entry:
        return {"shares": {"action:swap": [[1, left], [20, 0.0]]}}

    assert severity.choose({"a": task(0.2)}) == {"levels": {}, "left": {}, "ungraded": {"action:swap": 0.2}}
    assert severity.choose({"a": task(0.2), "b": task(0.9)})["levels"]["action:swap"][0] == [1]


def test_whole_numbers_stay_whole_and_different() -> None:
    steps = axes.Axis(1, 50, whole=True)
    assert axes.distinct(steps, [1, 1, 1, 2, 9]) == [1, 2, 3, 4, 9]
    assert axes.distinct(steps, [48, 50, 50, 50, 50]) == [46, 47, 48, 49, 50]
    assert axes.distinct(axes.Axis(80, 1, whole=True), [3, 2, 1, 1, 1]) == [5, 4, 3, 2, 1]
    levels = axes.family_levels(steps, [[(1, 0.0), (50, 0.0)]])
    assert levels == [1, 2, 3, 4, 5]
    assert all(isinstance(level, int) for level in levels)


# The script.


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let it measure one kind on a small world, and note what it evaluates."""
    asked: list[str] = []
    evaluate = severity.evaluate

    def noting(policy, task, *, disruptions, episodes):
        asked.extend(disruptions)
        return evaluate(policy, task, disruptions=disruptions, episodes=episodes)

    (_, grid) = reference_policies.REFERENCES["exact"]
    small = reference_policies.Reference(grid.task, grid.about, grid.make, episodes=3)
    monkeypatch.setattr(severity, "evaluate", noting)
    monkeypatch.setitem(reference_policies.REFERENCES, "exact", (small,))
    monkeypatch.setattr(severity, "measurable", lambda task: [kinds.find_kind("action", "random")])
    return asked


def test_the_script_measures_what_is_missing_and_no_more(script: list[str], tmp_path: Path) -> None:
    file = tmp_path / "levels.json"
    severity.main(["exact", "--out", str(file)])
    ladder = axes.AXES["action:random"].ladder(severity.LADDER)
    assert script[:5] == ["none"] * 5  # the reference policy, and four random ones
    assert script[5:12] == [f"action:random:{value}" for value in ladder]
    assert 1 <= len(script[12:]) <= 5
    first = json.loads(file.read_text())
    ((kind, levels),) = first["levels"]["exact"].items()
    assert kind == "action:random"
    assert levels == sorted(levels)

    shares = first["measured"]["exact"]["tasks"]["Robust-GridWorld-v0"]["shares"]["action:random"]
    (lost,) = (one for one in shares if one[0] == ladder[2])
    shares.remove(lost)
    file.write_text(json.dumps(first))
    script.clear()
    severity.main(["exact", "--out", str(file)])
    assert script == [f"action:random:{ladder[2]}"]
    again = json.loads(file.read_text())
    assert again["levels"] == first["levels"]
    assert lost in again["measured"]["exact"]["tasks"]["Robust-GridWorld-v0"]["shares"]["action:random"]


def test_a_policy_no_better_than_random_is_refused() -> None:
    still = FunctionPolicy(lambda observation: 0)
    reference = reference_policies.Reference("Robust-FrozenLake-v0", "stands still", lambda: still, episodes=3)
    with pytest.raises(ValueError, match="stands still earns 0 on Robust-FrozenLake-v0"):
        severity.begin(reference, still)


def test_a_family_without_a_reference_policy_is_refused_with_the_reason() -> None:
    with pytest.raises(SystemExit, match="StarCraft"):
        severity.main(["smac"])
    with pytest.raises(SystemExit, match="Did you mean 'exact'"):
        severity.main(["exakt"])
