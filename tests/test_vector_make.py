"""Vector environments of tasks, and the evaluation grid on them."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import robust_gym
from robust_gym import DisruptionError, registry
from robust_gym.vector import make as making
from robust_gym.vector import simulator
from robust_gym.vector.batched import BatchedVectorEnv
from robust_gym.vector.disruption import VectorDisruption
from robust_gym.wrappers import ObservationDisruption

MIXED = ["none", "dynamics:0.3+obs:gauss:0.1+obs:delay:2", "action:gauss:0.1+reward:flip:0.2", "obs:freeze:0.1,5~p=0.5"]


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
@pytest.mark.parametrize("id", ["Robust-Hopper-v0", "Robust-BipedalWalker-v0"])
def test_make_vec_is_make_copy_by_copy(id: str, mode: str) -> None:
    together = gym.make_vec(id, num_envs=4, disruption=MIXED, autoreset_mode=mode)
    singles = SyncVectorEnv(
        [lambda one=one: robust_gym.make(id, disruption=one) for one in MIXED], autoreset_mode=AutoresetMode(mode)
    )
    assert isinstance(together.unwrapped, BatchedVectorEnv) == ("Hopper" in id)
    assert np.array_equal(together.reset(seed=2)[0], singles.reset(seed=2)[0])
    together.action_space.seed(1)
    for _ in range(250):
        actions = together.action_space.sample()
        ours, theirs = together.step(actions), singles.step(actions)
        assert all(np.array_equal(a, b) for a, b in zip(ours[:4], theirs[:4], strict=True))
    together.close()
    singles.close()


def test_one_disruption_is_for_all_copies() -> None:
    env = gym.make_vec("Robust-HalfCheetah-v0", num_envs=3, disruption="dynamics:gravity:1.5")
    _, info = env.reset(seed=1)
    assert info["dynamics"]["gravity"].tolist() == [1.5] * 3
    assert env.spec is not None
    env.close()


def test_gymnasiums_modes_are_left() -> None:
    env = gym.make_vec("Robust-Hopper-v0", num_envs=2, vectorization_mode="sync", disruption="obs:0.1")
    assert isinstance(env.unwrapped, SyncVectorEnv)
    env.close()


def test_time_limits_are_those_asked_for() -> None:
    for id in ("Robust-HalfCheetah-v0", "Robust-Pendulum-v0"):
        env = gym.make_vec(id, num_envs=2, max_episode_steps=3)
        env.reset(seed=1)
        ends = [env.step(env.action_space.sample())[3].tolist() for _ in range(3)]
        assert ends == [[False] * 2, [False] * 2, [True] * 2]
        env.close()


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"disruption": ["none"]}, ValueError, "one disruption for each of 2 copies"),
        ({"disruption": "dynamics:gravty:2"}, DisruptionError, "Did you mean 'gravity'"),
        ({"disruption": "obs/agent_0:0.1"}, DisruptionError, "has only one|there is only one"),
        ({"autoreset_mode": "NextStop"}, ValueError, "Did you mean 'NextStep'"),
        ({"disruption": "obs:adversary:mad,0.1"}, DisruptionError, "attack a policy"),
    ],
)
def test_errors(arguments: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        gym.make_vec("Robust-Hopper-v0", num_envs=2, **arguments)


def test_teams_are_refused() -> None:
    with pytest.raises(ValueError, match="many agents"):
        making.make_vec("Robust-MPESpread-v0", 2)


@pytest.mark.parametrize("id", ["Robust-Hopper-v0", "Robust-Reacher-v0"])
def test_the_grid_is_the_loop(id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluating in the batch gives, episode by episode and to the bit, what environments one by one give."""
    torch = pytest.importorskip("torch")
    from robust_gym.baselines.single.policy import FeedForwardPolicy, Head

    task = robust_gym.task(id)
    env = robust_gym.make(id)
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Linear(env.observation_space.shape[0], 32),
        torch.nn.Tanh(),
        torch.nn.Linear(32, env.action_space.shape[0]),
    )
    head = Head("clip", tuple(map(float, env.action_space.low)), tuple(map(float, env.action_space.high)))
    policy = FeedForwardPolicy(network, head, "ppo", task)
    grid = robust_gym.evaluate(policy, id, episodes=3)
    alone = robust_gym.evaluate(policy, id, episodes=3, splits="ood-mixed")
    monkeypatch.setattr(simulator, "is_batched", lambda task: False)
    loop = robust_gym.evaluate(policy, id, episodes=3)
    for ours, theirs in zip(grid.results, loop.results, strict=True):
        assert ours == theirs, ours.disruption
    whole = {result.disruption: result for result in grid.results}
    assert all(whole[result.disruption] == result for result in alone.results)


@pytest.mark.parametrize("id", ["Robust-Hopper-v0", "Robust-Pendulum-v0"])
def test_dummy_dimensions_are_evaluated_together_or_apart(id: str) -> None:
    env = robust_gym.make(id)
    size, still = env.observation_space.shape[0], np.zeros(env.action_space.shape, np.float32)
    seen: set[int] = set()

    def act(observation: np.ndarray) -> np.ndarray:
        seen.add(len(observation))
        return still

    both = robust_gym.evaluate(act, id, disruptions=["obs:dummy:5", "obs:dummy:5+dynamics:0.3"], episodes=2)
    assert seen == {size + 5}
    plain = robust_gym.evaluate(act, id, disruptions=["none", "dynamics:0.3"], episodes=2)
    assert [one.returns for one in both.results] == [one.returns for one in plain.results]
    with pytest.raises(DisruptionError, match="'observation:dummy:5' and 'none' give observations of different shapes"):
        robust_gym.evaluate(act, id, disruptions=["none", "obs:dummy:5"], episodes=2)


@pytest.mark.parametrize("noise", ["obs:gauss:0.1", "obs:spike:0.3,1", "obs:freeze:0.1,5~p=0.5", "obs:jitter:3"])
def test_a_reset_of_one_copy_takes_no_draws_from_another(noise: str) -> None:
    """Numbers are drawn ahead in blocks of 64: copy 1 begins anew just when copy 0's block is used up."""
    both = gym.make_vec("Robust-Pendulum-v0", num_envs=2, disruption=noise, autoreset_mode="Disabled")
    alone = robust_gym.make("Robust-Pendulum-v0", disruption=noise)
    both.reset(seed=[5, 6])  # type: ignore[arg-type]
    alone.reset(seed=5)
    still = np.zeros((2, 1), np.float32)
    for step in range(1, 150):
        seen, *_ = both.step(still)
        assert np.array_equal(seen[0], alone.step(still[0])[0]), step
        if step >= 62:
            mask = np.array([False, True])
            both.reset(seed=[None, 7], options={"reset_mask": mask})  # type: ignore[arg-type]
    both.close()


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_a_reset_of_one_copy_leaves_what_the_others_see(mode: AutoresetMode) -> None:
    mask = np.array([True, False])
    copies = SyncVectorEnv([lambda: gym.make("CartPole-v1")] * 2, autoreset_mode=mode)
    both = VectorDisruption(copies, "obs:delay:3")
    with pytest.raises(gym.error.ResetNeeded, match="of all copies"):
        both.reset(options={"reset_mask": mask})
    alone = ObservationDisruption(gym.make("CartPole-v1"), "obs:delay:3")
    seen, last = both.reset(seed=[5, 6])[0][1], alone.reset(seed=6)[0]  # type: ignore[arg-type]
    for step in range(10):
        assert np.array_equal(seen, last), step
        if step == 5:
            options = {"reset_mask": mask}
            again, _ = both.reset(seed=[7, None], options=options)  # type: ignore[arg-type]
            assert np.array_equal(again[1], last)
            assert "reset_mask" in options
        seen, last = both.step(np.full(2, step % 2))[0][1], alone.step(step % 2)[0]


def test_dummy_dimensions_of_a_dict() -> None:
    parts = ("observation", "desired_goal")

    class Fetch(gym.Env[Any, Any]):
        observation_space = gym.spaces.Dict({name: gym.spaces.Box(-1.0, 1.0, (3,)) for name in parts})
        action_space = gym.spaces.Discrete(2)

        def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
            return {name: np.zeros(3, np.float32) for name in parts}, {}

    one = ObservationDisruption(Fetch(), "obs:dummy:2")
    assert one.observation_space["observation"].shape == (5,)
    assert one.observation_space.contains(one.reset(seed=1)[0])
    plain = ObservationDisruption(Fetch(), "obs:gauss:0.1")
    assert plain.observation_space is plain.env.observation_space
    many = VectorDisruption(SyncVectorEnv([Fetch, Fetch]), "obs:dummy:2")
    assert many.single_observation_space == one.observation_space
    assert many.observation_space.contains(many.reset(seed=1)[0])
    with pytest.raises(DisruptionError, match="same observation space"):
        VectorDisruption(SyncVectorEnv([Fetch, Fetch]), ["obs:dummy:2", "none"])


def test_dummy_dimensions_of_a_team() -> None:
    env = robust_gym.make("Robust-MPESpread-v0", disruption="obs:dummy:2")
    plain = robust_gym.make("Robust-MPESpread-v0")
    assert env.observation_spaces == {agent: env.observation_space(agent) for agent in env.possible_agents}
    for agent in env.possible_agents:
        assert env.observation_spaces[agent].shape[0] == plain.observation_space(agent).shape[0] + 2


def test_groups_of_copies_with_as_many_dummy_dimensions() -> None:
    strings = ["obs:dummy:2", "obs:dummy:2+obs:gauss:0.1", "obs:dummy:2"]
    together = gym.make_vec("Robust-Pendulum-v0", num_envs=3, disruption=strings)
    singles = [robust_gym.make("Robust-Pendulum-v0", disruption=one) for one in strings]
    seen = together.reset(seed=4)[0]
    alone = [env.reset(seed=4 + number)[0] for number, env in enumerate(singles)]
    for _ in range(3):
        assert seen.shape == (3, 5)
        assert np.array_equal(seen, alone)
        seen = together.step(np.ones((3, 1), np.float32))[0]
        alone = [env.step(np.ones(1, np.float32))[0] for env in singles]


def test_a_batch_refuses_what_gymnasiums_own_vectors_refuse() -> None:
    env = gym.make_vec("Robust-CartPole-v0", num_envs=2)
    with pytest.raises(gym.error.ResetNeeded):
        env.step(np.array([0, 1]))
    with pytest.raises(gym.error.ResetNeeded):
        env.reset(options={"reset_mask": np.array([True, False])})
    for seeds in ([3], [3, 4, 5]):
        with pytest.raises(ValueError, match=f"2 copies is needed, got {len(seeds)}"):
            env.reset(seed=seeds)  # type: ignore[arg-type]
    for mask in (np.array([0, 1]), np.array([True]), np.array([False, False])):
        with pytest.raises(ValueError, match="reset_mask must be 2 booleans"):
            env.reset(options={"reset_mask": mask})


@pytest.mark.parametrize("id", ["Robust-Pendulum-v0", "Robust-MountainCarContinuous-v0"])
def test_without_a_time_limit(id: str) -> None:
    env = gym.make_vec(id, num_envs=2, max_episode_steps=-1)
    env.reset(seed=1)
    over = [env.step(env.action_space.sample())[3].any() for _ in range(registry.task(id).horizon + 5)]
    assert not any(over)
    for limit in (0, -2):
        with pytest.raises(ValueError, match=f"max_episode_steps must be at least 1, or -1 for no limit, got {limit}"):
            robust_gym.vector.make.make_vec(id, 2, max_episode_steps=limit)
