from __future__ import annotations

from typing import Any

import pytest
from bench_help import cell, fakes  # noqa: F401

from robust_gym import registry
from robust_gym.bench.arguments import overrides_of, parse_seeds, split_assignments
from robust_gym.bench.cell import Cell
from robust_gym.bench.plan import DEFAULT_SUITE, Plan, Request, make_plan
from robust_gym.registry import UnknownNameError
from robust_gym.task import MissingExtraError

pytestmark = pytest.mark.usefixtures("fakes")


def plan(*algorithms: str, **fields: Any) -> Any:
    return make_plan(Request(algorithms, **{"tasks": ("Fake-Walk-v0",), "budget": "smoke", **fields}))


def names(cells: tuple[Cell, ...]) -> list[tuple[str, str, int]]:
    return [(cell.algorithm, cell.task, cell.seed) for cell in cells]


@pytest.mark.parametrize(
    ("text", "seeds"), [("3", (0, 1, 2)), ("1", (0,)), ("0,1,5", (0, 1, 5)), ("7,", (7,)), (" 4 , 2 ", (4, 2))]
)
def test_seeds(text: str, seeds: tuple[int, ...]) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "a", "1,1", ",", "1,,2", "99999999", "1,-2", "²", "9" * 30])
def test_bad_seeds(text: str) -> None:
    with pytest.raises(ValueError, match="seed"):
        parse_seeds(text)


def test_assignments() -> None:
    assert split_assignments(["a=1", "b-c = x=y "]) == {"a": "1", "b_c": "x=y"}
    for bad in (["a"], ["=1"], ["a=1", "a=2"], ["a b=1"]):
        with pytest.raises(ValueError, match="--set"):
            split_assignments(bad)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ({"gain": "2"}, {"gain": 2.0}),
        ({"gain": "1e-3"}, {"gain": 0.001}),
        ({"sizes": "[3, 4]"}, {"sizes": (3, 4)}),
        ({"sizes": "3,4"}, {"sizes": (3, 4)}),
        ({"sizes": "3"}, {"sizes": (3,)}),
        ({"trouble": "raise"}, {"trouble": "raise"}),
        ({"train_disruption": "obs:0.1"}, {"train_disruption": "observation:gauss:0.1"}),
        ({"train_disruption": "none | dynamics:0.3"}, {"train_disruption": "none | dynamics:random:0.3"}),
        ({"gain": "0", "sizes": "1,2"}, {}),  # the defaults
        ({"unknown": "3"}, {}),
    ],
)
def test_overrides(text: dict[str, str], value: dict[str, Any]) -> None:
    found = dict(overrides_of(registry.algorithm("fake"), text))
    assert found == value
    assert {name: type(one) for name, one in found.items()} == {name: type(one) for name, one in value.items()}


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("gain=fast", "--set gain=fast for fake"),
        ("gain=NaN", "gain"),
        ("trouble=rais", "'raise'"),
        ("train_disruption=7", "train_disruption of fake: "),
        ("gian=1", r"no argument 'gian' of fake; .*Did you mean 'gain'\?"),
    ],
)
def test_bad_overrides(assignment: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plan("fake", assignments=(assignment,))


def test_path_is_identity() -> None:
    assert str(cell(3).path) == "v1/smoke/Fake-Walk-v0/fake/seed-3"
    changed = cell(3, gain=0.5)
    assert changed.path.parent.name.startswith("fake-")
    assert changed.path == cell(3, gain=0.5).path
    assert len({cell(gain=value).path for value in (0.1, 0.2, 0.3)} | {cell().path}) == 4


def test_unsafe_names() -> None:
    for bad in ("../x", "a/b", "", ".hidden"):
        with pytest.raises(ValueError, match="folder"):
            Cell(bad, "Fake-Walk-v0", 0, "smoke")
    with pytest.raises(ValueError, match="seed"):
        Cell("fake", "Fake-Walk-v0", -1, "smoke")


def test_seed_by_seed() -> None:
    found = plan("fake", tasks=("fake",), seeds=(5, 2))
    assert names(found.cells) == [
        ("fake", "Fake-Other-v0", 5),
        ("fake", "Fake-Walk-v0", 5),
        ("fake", "Fake-Other-v0", 2),
        ("fake", "Fake-Walk-v0", 2),
    ]
    assert found.notes == (f"skipped: {registry.task('Fake-Absent-v0').missing()}",)


@pytest.mark.parametrize(("budget", "seeds"), [("smoke", 1), ("quick", 3), ("standard", 5)])
def test_default_seeds(budget: str, seeds: int) -> None:
    assert [cell.seed for cell in plan("fake", budget=budget).cells] == list(range(seeds))


def test_comparison() -> None:
    found = plan("fake-compared", assignments=("gain=2", "only_here=3"))
    assert [(cell.algorithm, dict(cell.overrides)) for cell in found.cells] == [
        ("fake-compared", {"gain": 2.0, "only_here": 3}),
        ("fake-beside", {"gain": 2.0}),
    ]
    assert len(found.notes) == 1
    assert "fake-absent needs the package 'no_such_module'" in found.notes[0]
    assert len(plan("fake-compared", compare=False).cells) == 1
    assert len(plan("fake-compared", "fake-beside").cells) == 2


def test_named_algorithm_that_is_not_installed() -> None:
    with pytest.raises(MissingExtraError, match="pip install nothing"):
        plan("fake-absent")


def test_refused_task() -> None:
    with pytest.raises(ValueError, match="Robust-CartPole-v0 has discrete ones; algorithms for it are .*ppo"):
        plan("fake", tasks=("Fake-Walk-v0", "Robust-CartPole-v0"))
    found = plan("fake", tasks=("Fake-Walk-v0", "Robust-C*Pole-v0"))
    assert names(found.cells) == [("fake", "Fake-Walk-v0", 0)]
    assert "Robust-CartPole-v0" in found.notes[0]


def test_compared_algorithm_may_refuse_a_named_task(fakes: Any) -> None:  # noqa: F811
    registry.register_algorithm("fake-main", about="", apis=("gymnasium",), actions=("discrete",), compare=("fake",))(
        fakes.Fake
    )
    found = plan("fake-main", tasks=("Robust-CartPole-v0",))
    assert names(found.cells) == [("fake-main", "Robust-CartPole-v0", 0)]


def test_unknown_names() -> None:
    for wrong, fields in (("fak", {}), ("fake", {"tasks": ("Fake-Wall-v0",)}), ("fake", {"protocol": "v9"})):
        with pytest.raises(UnknownNameError):
            plan(wrong, **fields)
    with pytest.raises(ValueError, match="budget"):
        plan("fake", budget="quik")
    with pytest.raises(ValueError, match="at least one"):
        plan()


def test_nothing_to_run() -> None:
    with pytest.raises(ValueError, match=r"nothing to run.*pip install no-such-thing"):
        plan("fake", tasks=("Fake-Absent-v0",))


def test_default_suite() -> None:
    found = plan("fake", tasks=())
    assert {cell.task for cell in found.cells} == {"Robust-Pendulum-v0", "Robust-Hopper-v0"}
    for api, ids in DEFAULT_SUITE.items():
        assert [registry.task(id).api for id in ids] == [api] * len(ids)


def test_what_is_beside_a_randomised_method_is_not_randomised() -> None:
    request = Request(("dr-ppo",), ("Robust-CartPole-v0",), seeds=(0,), assignments=("train_disruption=dynamics:0.5",))
    found = {cell.algorithm: dict(cell.overrides) for cell in make_plan(request).cells}
    assert found == {"dr-ppo": {"train_disruption": "dynamics:random:0.5"}, "ppo": {}}


@pytest.mark.parametrize("text", ["obs:0.1", "observation:gauss:0.1", " obs:gauss:sigma=0.1 "])
def test_one_training_has_one_cell(text: str) -> None:
    (cell,) = make_plan(
        Request(("ppo",), ("Robust-CartPole-v0",), seeds=(0,), assignments=(f"train_disruption={text}",), compare=False)
    ).cells
    assert dict(cell.overrides) == {"train_disruption": "observation:gauss:0.1"}


def test_training_that_no_task_can_honour() -> None:
    def plan(disruption: str, *tasks: str) -> Plan:
        settings = (f"train_disruption={disruption}",)
        return make_plan(Request(("ppo",), tasks, seeds=(0,), assignments=settings, compare=False))

    with pytest.raises(ValueError, match=r"train_disruption of ppo: .*Did you mean 'gauss'"):
        plan("obs:gaus:1", "Robust-CartPole-v0")
    with pytest.raises(
        ValueError, match=r"train_disruption of ppo: Robust-CartPole-v0 cannot honour 'action:gauss:0.1'"
    ):
        plan("action:gauss:0.1", "Robust-CartPole-v0")
    found = plan("action:gauss:0.1", "classic_control")
    assert {cell.task for cell in found.cells} == {"Robust-Pendulum-v0", "Robust-MountainCarContinuous-v0"}
    assert sum("cannot honour" in note for note in found.notes) == 3
