"""The batched classic control tasks against Gymnasium's own environments, bit for bit."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.classic_control.acrobot import wrap
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import robust_gym
from robust_gym import registry
from robust_gym.disruption import Disruption
from robust_gym.vector import classic, simulator
from robust_gym.vector.batched import BatchedVectorEnv

IDS = robust_gym.list_tasks("classic_control")
BOXES = ["Robust-MountainCarContinuous-v0", "Robust-Pendulum-v0"]
CHOICES = [id for id in IDS if id not in BOXES]
MODES = [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP]
STEPS = 1000


def worlds(id: str) -> list[str]:
    """Return dynamics that differ from copy to copy."""
    first = next(iter(registry.task(id).dynamics))
    drifts = ["dynamics:0.4~ramp=50", "dynamics:redraw:0.2,9", "dynamics:0.5~p=0.3"]
    return ["none", "dynamics:0.3", "dynamics:0.9", f"dynamics:{first}:0.6..1.5", *drifts]


def batched(id: str, disruptions: list[str], mode: AutoresetMode, **kwargs: Any) -> BatchedVectorEnv:
    parsed = [Disruption.parse(one) for one in disruptions]
    return BatchedVectorEnv(registry.task(id), len(parsed), parsed, mode, **kwargs)


def one_by_one(id: str, disruptions: list[str], mode: AutoresetMode, **kwargs: Any) -> SyncVectorEnv:
    copies = [lambda one=one: robust_gym.make(id, disruption=one, **kwargs) for one in disruptions]
    return SyncVectorEnv(copies, autoreset_mode=mode)


def drawn(space: Any, last: Any, rng: np.random.Generator, dtype: Any = np.float32) -> np.ndarray:
    """Return actions that keep on for a while, so that cars get somewhere, and that may be out of bounds."""
    if isinstance(space, gym.spaces.MultiDiscrete):
        fresh, keep = rng.integers(0, space.nvec), 0.9
    else:
        fresh, keep = (3.0 * rng.uniform(-1, 1, space.shape)).astype(dtype), 0.97
    return fresh if last is None else np.where(rng.random(space.shape) < keep, last, fresh)


def compare(singles: Any, together: Any, steps: int, dtype: Any = np.float32) -> int:
    """Check that two vector environments do the same, to the bit; return how many episodes have ended."""
    first, second = singles.reset(seed=3), together.reset(seed=3)
    _same(first[0], second[0])
    rng, actions, ends = np.random.default_rng(0), None, 0
    for _ in range(steps):
        actions = drawn(together.action_space, actions, rng, dtype)
        theirs, ours = singles.step(actions), together.step(actions)
        for a, b in zip(theirs[:4], ours[:4], strict=True):
            _same(a, b)
        told, known = theirs[4], ours[4]
        assert ("dynamics" in told) == ("dynamics" in known)
        for name, values in told.get("dynamics", {}).items():
            _same(values, known["dynamics"][name])
        for key in ("nominal_reward", "_nominal_reward", "_final_obs"):
            assert np.array_equal(told.get(key), known.get(key)), key
        for copy in np.flatnonzero(told.get("_final_obs", [])):
            _same(told["final_obs"][copy], known["final_obs"][copy])
        ends += int((ours[2] | ours[3]).sum())
    singles.close()
    together.close()
    return ends


def _same(theirs: np.ndarray, ours: np.ndarray) -> None:
    assert np.array_equal(theirs, ours)
    assert theirs.dtype == ours.dtype


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
@pytest.mark.parametrize("id", IDS)
def test_copies_are_gymnasiums_own_environments(id: str, mode: AutoresetMode) -> None:
    assert compare(one_by_one(id, worlds(id), mode), batched(id, worlds(id), mode), STEPS) > 5


@pytest.mark.parametrize("id", BOXES)
def test_actions_may_have_another_precision(id: str) -> None:
    mode = AutoresetMode.SAME_STEP
    compare(one_by_one(id, worlds(id), mode), batched(id, worlds(id), mode), 300, np.float64)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
@pytest.mark.parametrize("id", IDS)
def test_make_vec_is_make_copy_by_copy(id: str, mode: AutoresetMode) -> None:
    box = id in BOXES
    mixed = [
        "none",
        "dynamics:0.3+obs:gauss:0.1+obs:delay:2",
        "action:gauss:0.1+reward:flip:0.2" if box else "action:sticky:0.3+reward:flip:0.2",
        "obs:freeze:0.1,5~p=0.5",
        "dynamics:0.4~ramp=50+action:delay:1",
    ]
    together = gym.make_vec(id, num_envs=len(mixed), disruption=mixed, autoreset_mode=mode)
    assert isinstance(together.unwrapped, BatchedVectorEnv)
    compare(one_by_one(id, mixed, mode), together, 250)


@pytest.mark.parametrize(
    ("id", "kwargs"),
    [
        ("Robust-CartPole-v0", {"sutton_barto_reward": True}),
        ("Robust-MountainCar-v0", {"goal_velocity": 0.03}),
        ("Robust-MountainCarContinuous-v0", {"goal_velocity": 0.03}),
        ("Robust-Pendulum-v0", {"g": 9.81}),
    ],
)
def test_keyword_arguments_hold(id: str, kwargs: dict[str, Any]) -> None:
    strings, mode = ["none", "dynamics:0.3"] * 3, AutoresetMode.NEXT_STEP
    singles, together = one_by_one(id, strings, mode, **kwargs), gym.make_vec(id, 6, disruption=strings, **kwargs)
    assert isinstance(together.unwrapped, BatchedVectorEnv)
    assert compare(singles, together, 400) > 2


@pytest.mark.parametrize("sutton", [False, True])
@pytest.mark.filterwarnings("ignore:.*even though this environment has already returned")  # Gymnasium's own
def test_a_fallen_pole_earns_what_gymnasium_gives_it(sutton: bool, recwarn: pytest.WarningsRecorder) -> None:
    alone = robust_gym.make("Robust-CartPole-v0", sutton_barto_reward=sutton)
    together = batched("Robust-CartPole-v0", ["none"] * 2, AutoresetMode.DISABLED, sutton_barto_reward=sutton)
    alone.reset(seed=1)
    together.reset(seed=1)
    expected = [alone.step(0)[1] for _ in range(30)]
    recwarn.clear()
    found = [together.step(np.array([0, 1]))[1][0] for _ in range(30)]
    assert not recwarn.list
    assert found == expected
    assert found[-1] == (-1.0 if sutton else 0.0)
    together.reset(options={"reset_mask": np.array([True, False])})
    earned = together.step(np.array([0, 1]))[1].tolist()
    assert earned == ([0.0, -1.0] if sutton else [1.0, 0.0])


def test_some_copies_rest() -> None:
    env = batched("Robust-Acrobot-v0", ["none"] * 3, AutoresetMode.DISABLED)
    first, _ = env.reset(seed=1)
    actions = np.array([0, 2, 0])
    alone = robust_gym.make("Robust-Acrobot-v0")
    alone.reset(seed=2)
    for _ in range(5):
        env.advance(actions, np.array([1]))
        expected = alone.step(2)[0]
    assert np.array_equal(env.observe()[[0, 2]], first[[0, 2]])
    assert np.array_equal(env.observe()[1], expected)


def test_angles_of_many_turns_are_wrapped_as_gymnasium_wraps_them() -> None:
    angles = np.random.default_rng(0).uniform(-2e4, 2e4, (2, 20))
    expected = [[wrap(angle, -np.pi, np.pi) for angle in row] for row in angles]
    assert np.array_equal(classic._wrapped(angles), expected)


def test_bounds_of_the_initial_state_are_passed_on() -> None:
    for id, options in (("Robust-CartPole-v0", {"low": 0.01, "high": 0.02}), ("Robust-Pendulum-v0", {"x_init": 0.1})):
        singles = one_by_one(id, ["none"] * 2, AutoresetMode.NEXT_STEP)
        together = gym.make_vec(id, num_envs=2)
        found, plain = together.reset(seed=1, options=dict(options))[0], together.reset(seed=1)[0]
        assert np.array_equal(found, singles.reset(seed=1, options=dict(options))[0])
        assert not np.array_equal(found, plain)


@pytest.mark.parametrize(
    ("actions", "words"),
    [
        ([0, 3, 1], "action 3 of copy 1 is not from 0 to 2"),
        ([0, 0, -1], "action -1 of copy 2 is not from 0 to 2"),
        ([0.0, 1.0, 2.0], "whole numbers from 0 to 2, got float64"),
        ([[0], [1], [2]], "must have the shape"),
    ],
)
def test_errors(actions: Any, words: str) -> None:
    env = batched("Robust-MountainCar-v0", ["none"] * 3, AutoresetMode.NEXT_STEP)
    env.reset(seed=1)
    with pytest.raises(ValueError, match=words):
        env.step(np.array(actions))


def test_what_is_not_computed_here_is_refused() -> None:
    with pytest.raises(ValueError, match="no batched classic control for TimeLimit; there are AcrobotEnv, "):
        classic.simulate([gym.make("CartPole-v1")], 1)
    env = batched("Robust-Acrobot-v0", ["none"], AutoresetMode.NEXT_STEP)
    env.envs[0].book_or_nips = "nips"
    with pytest.raises(ValueError, match="book_or_nips of a batched AcrobotEnv is 'book', not 'nips'"):
        env.reset(seed=1)


@pytest.mark.parametrize("id", IDS)
def test_the_grid_is_the_loop(id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    from robust_gym.baselines.single.policy import FeedForwardPolicy, Head

    env = robust_gym.make(id)
    torch.manual_seed(0)
    size, space = env.observation_space.shape[0], env.action_space
    network = torch.nn.Sequential(
        torch.nn.Linear(size, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1 if id in BOXES else space.n)
    )
    head = Head("clip", (float(space.low[0]),), (float(space.high[0]),)) if id in BOXES else Head("discrete")
    policy = FeedForwardPolicy(network, head, "ppo", robust_gym.task(id))
    grid = robust_gym.evaluate(policy, id, episodes=2)
    monkeypatch.setattr(simulator, "is_batched", lambda task: False)
    loop = robust_gym.evaluate(policy, id, episodes=2)
    for ours, theirs in zip(grid.results, loop.results, strict=True):
        assert ours == theirs, ours.disruption


@pytest.mark.parametrize("column", [False, True])
def test_a_policy_may_answer_with_a_number_or_a_list_of_one(column: bool) -> None:
    class Upright:
        def act(self, observation: np.ndarray, state: Any, episode_start: np.ndarray) -> tuple[np.ndarray, Any]:
            chosen = (observation[:, 2] + observation[:, 3] > 0).astype(int)
            return chosen[:, None] if column else chosen, state

    result = robust_gym.evaluate(Upright(), "Robust-CartPole-v0", disruptions=["none", "action:sticky:0.1"], episodes=4)
    assert [one.mean > 100 for one in result.results] == [True, True]
    with pytest.raises(ValueError, match="action 2 of copy 0 is not from 0 to 1"):
        robust_gym.evaluate(lambda observation: 2, "Robust-CartPole-v0", episodes=1)


@pytest.mark.parametrize(("id", "steps"), [("Robust-CartPole-v0", 1024), ("Robust-Pendulum-v0", 768)])
def test_ppo_learns_the_same_weights(id: str, steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("stable_baselines3")
    from robust_gym.baselines.base import create
    from robust_gym.baselines.single import sb3
    from robust_gym.task import Budget

    arguments = {"n_envs": 4, "n_steps": 64, "n_epochs": 2, "train_disruption": "dynamics:0.2+obs:gauss:0.1"}
    weights = []
    for batch in (True, False):
        monkeypatch.setattr(sb3, "is_batched", simulator.is_batched if batch else lambda task: False)
        policy = create("ppo", arguments).train(robust_gym.task(id), Budget("smoke", steps, 1), 0, lambda steps: None)
        weights.append(policy.network.state_dict())  # type: ignore[attr-defined]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
