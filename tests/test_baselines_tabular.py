"""The tabular algorithms as algorithms: they learn, repeat themselves, save and load, and refuse bad arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from baseline_help import global_state

from robust_gym import registry
from robust_gym.baselines.base import create, load_policy
from robust_gym.baselines.games.table_policy import TablePolicy
from robust_gym.task import Budget
from robust_gym.tasks import exact_returns

TASK = "Robust-GridWorld-v0"
STEPS = 6000
RING = "dynamics:absorbing:ring"
# Of the best returns, 13.5 in the nominal world and 10.4 in that of the ring; random play earns 2.0 and 0.3.
SETTINGS: dict[str, dict[str, Any]] = {
    "robust-vi": {"radius": 0.05},
    "q-learning": {},
    "robust-q-learning": {"risk": "kl", "radius": 0.02},
    "bpi-ucbvi": {"bonus_scale": 1e-5, "replan_every": 10, "target_disruption": RING},
    "hysrl": {"bonus_scale": 1e-5, "replan_every": 4, "target_disruption": RING, "exploration_episodes": 120},
}
NAMES = list(SETTINGS)


def trained(name: str, seed: int = 0, steps: int = STEPS, **changes: Any) -> TablePolicy:
    policy = create(name, SETTINGS[name] | changes).train(
        registry.task(TASK), Budget("test", steps, 1), seed, lambda done: None
    )
    assert isinstance(policy, TablePolicy)
    return policy


def earned(policy: TablePolicy, **world: str) -> float:
    return float(registry.task(TASK).model(**world).expected_return(policy.probabilities(4), 20))


@pytest.mark.parametrize("name", NAMES)
def test_it_learns_within_its_budget(name: str) -> None:
    reported: list[int] = []
    policy = create(name, SETTINGS[name]).train(registry.task(TASK), Budget("test", STEPS, 1), 0, reported.append)
    world = {"absorbing": "ring"} if "target_disruption" in SETTINGS[name] else {}
    returns = exact_returns(registry.task(TASK), **world)
    assert earned(policy, **world) > returns.random + 0.9 * (returns.optimal - returns.random)
    assert reported == sorted(reported)
    assert reported[-1] == (0 if name == "robust-vi" else STEPS)


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_decides_everything(name: str) -> None:
    before = global_state()
    first, again, other = (trained(name, seed, steps=800).table for seed in (3, 3, 4))
    assert global_state() == before
    assert (first == again).all()
    assert (first != other).any() == (name != "robust-vi"), "only planning does not depend on the seed"


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_policy_acts_as_before(name: str, tmp_path: Path) -> None:
    policy = trained(name, steps=400)
    policy.save(tmp_path)
    loaded = load_policy(tmp_path)
    assert isinstance(loaded, TablePolicy)
    assert (loaded.table == policy.table).all()
    assert (loaded.algorithm, loaded.task.id) == (name, TASK)


@pytest.mark.parametrize("name", [*NAMES, "finite"])
def test_a_batch_acts_as_its_rows_do_alone(name: str) -> None:
    policy = trained("robust-vi", finite_horizon=True) if name == "finite" else trained(name, steps=400)
    rng = np.random.default_rng(0)
    seen, starts = rng.integers(16, size=(40, 3)), rng.random((40, 3)) < 0.1
    starts[0] = True
    state, together = None, []
    for observation, start in zip(seen, starts, strict=True):
        actions, state = policy.act(observation, state, start)
        together.append(actions)
    for row in range(3):
        state, alone = None, []
        for observation, start in zip(seen[:, row : row + 1], starts[:, row : row + 1], strict=True):
            actions, state = policy.act(observation, state, start)
            alone.append(actions[0])
        assert alone == [actions[row] for actions in together]


def test_a_table_of_steps_counts_them_and_stays_on_its_last_row() -> None:
    table = np.array([[0, 0], [1, 1], [2, 2]])
    policy = TablePolicy(table, "robust-vi", registry.task(TASK))
    state, actions = None, []
    for step in range(6):
        action, state = policy.act(np.zeros(2, int), state, np.array([step == 0, step in (0, 2)]))
        actions.append(action.tolist())
    assert actions == [[0, 0], [1, 1], [2, 0], [2, 1], [2, 2], [2, 2]]


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="in the shape"):
        TablePolicy(np.zeros((2, 2, 2)), "robust-vi", registry.task(TASK))
    create("random").train(registry.task(TASK), Budget("test", 1, 1), 0, lambda done: None).save(tmp_path)
    with pytest.raises(ValueError, match="holds no table of actions"):
        TablePolicy.load(tmp_path, registry.task(TASK))


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("robust-vi", {"risk": "klm"}, "Did you mean 'kl'"),
        ("robust-vi", {"radius": 2.0}, "radius of 'tv'"),
        ("robust-vi", {"gamma": 1.0}, "discount must be at least 0 and below 1"),
        ("robust-vi", {"gamma": 1.5, "finite_horizon": True}, "discount 0 to 1"),
        ("q-learning", {"gamma": 1.0}, "gamma must be at least 0 and below 1"),
        ("q-learning", {"epsilon_end": 1.5}, "q-learning: epsilon_end must be from 0 to 1, got 1.5"),
        ("q-learning", {"step_exponent": 0.5}, "step_exponent must be above 0.5"),
        ("robust-q-learning", {"levels": -1}, "levels must be at least 0"),
        ("robust-q-learning", {"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ("bpi-ucbvi", {"epsilon": 0.0}, "epsilon must be above 0"),
        ("bpi-ucbvi", {"delta": 1.0}, "delta must be above 0 and below 1"),
        ("bpi-ucbvi", {"bonus_scale": 0.0}, "bonus_scale must be above 0"),
        ("bpi-ucbvi", {"replan_every": 0}, "replan_every must be at least 1"),
        ("bpi-ucbvi", {"reward_range": (1.0, 2.0)}, "reward_range must be two numbers with 0 between them"),
        ("bpi-ucbvi", {"reward_range": (0.0, 0.5), "epsilon": 1.0}, "outside reward_range, 0 to 0.5"),
        ("hysrl", {"beta": 0.0}, "beta must be above 0 and at most 1"),
        ("hysrl", {"sigma": 2.0}, "sigma must be above 0 and at most 1"),
        ("hysrl", {"source_episodes": 0}, "source_episodes must be at least 1"),
        ("hysrl", {"exploration_episodes": 0}, "exploration_episodes must be at least 1"),
        ("hysrl", {"target_disruption": "dynamics:absorbing:rign"}, "'absorbing' of .* is one of none, diagonal"),
        ("hysrl", {"target_disruption": "dynamics:random:0.3"}, "must be one fixed world"),
        ("bpi-ucbvi", {"target_disruption": "dynamics:slip:0.5..1.5"}, "'dynamics:slip:0.5..1.5' is none"),
        ("bpi-ucbvi", {"target_disruption": "action:sticky:0.3"}, "must be one fixed world"),
        ("bpi-ucbvi", {"target_disruption": "dynamics:slip:1.5~steps=0..9"}, "must be one fixed world"),
    ],
)
def test_bad_arguments(name: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        trained(name, **changes)


@pytest.mark.parametrize("name", NAMES)
def test_only_numbered_states_are_accepted(name: str) -> None:
    assert registry.algorithm(name).refuses(registry.task("Robust-CartPole-v0")) is not None
    assert registry.algorithm(name).refuses(registry.task(TASK)) is None


def test_what_each_may_know_is_registered() -> None:
    known = {name: (registry.algorithm(name).train, registry.algorithm(name).privileges) for name in NAMES}
    assert known == {
        "robust-vi": ("nominal", ("model",)),
        "q-learning": ("nominal", ()),
        "robust-q-learning": ("nominal", ()),
        "bpi-ucbvi": ("disrupted", ("parameter-box",)),
        "hysrl": ("disrupted", ("parameter-box", "offline-data")),
    }


@pytest.mark.parametrize(
    ("id", "least"),
    [
        ("Robust-MachineReplacement-v0", -75.0),  # costs; the best is -69, and random play earns -355
        ("Robust-FrozenLake-v0", 0.65),  # episodes end; the best is 0.74, and random play earns 0.01
    ],
)
def test_rewards_may_be_costs_and_episodes_may_end(id: str, least: float) -> None:
    task = registry.task(id)
    arguments = {"bonus_scale": 1e-6, "replan_every": 5}
    policy = create("bpi-ucbvi", arguments).train(task, Budget("test", 10_000, 1), 0, lambda done: None)
    model = task.model()
    assert model.expected_return(policy.probabilities(len(model.actions)), task.horizon) > least
    assert exact_returns(task).random < least


def test_no_random_torch_is_drawn() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    trained("q-learning", steps=200)
    assert torch.equal(before, torch.get_rng_state())
