"""Evaluation: batched, paired, and equal to the plain loop."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import robust_gym
from robust_gym.disruption import Disruption
from robust_gym.evaluate import as_policy
from robust_gym.splits import task_protocol


def steer(observation: np.ndarray) -> int:
    return int(observation[2] + 0.3 * observation[3] > 0)


class Memory:
    """Alternates actions by counting its own steps: shows that rows keep state and forget it at a new episode."""

    def act(self, observation: Any, state: Any, episode_start: np.ndarray) -> tuple[Any, Any]:
        count = np.zeros(len(episode_start), int) if state is None else state
        count = np.where(episode_start, 0, count + 1)
        return count % 2, count

    def save(self, directory: Any) -> None: ...


def plain_loop(act: Any, id: str, disruption: str, seed: int) -> tuple[float, int]:
    env = gym.make(id, disruption=disruption)
    observation, _ = env.reset(seed=seed)
    total, steps, over = 0.0, 0, False
    while not over:
        observation, _, terminated, truncated, info = env.step(act(observation, steps))
        total += info["nominal_reward"]
        steps += 1
        over = terminated or truncated
    return total, steps


@pytest.mark.parametrize("policy", [steer, Memory()])
def test_equal_to_the_plain_loop(policy: Any) -> None:
    result = robust_gym.evaluate(policy, "Robust-CartPole-v0", episodes=3)
    act = (lambda o, t: steer(o)) if policy is steer else (lambda o, t: t % 2)
    for row in result.results:
        for seed, total, length in zip(row.episode_seeds, row.returns, row.lengths, strict=True):
            assert (total, length) == plain_loop(act, "Robust-CartPole-v0", row.disruption, seed)


def test_independent_of_what_is_evaluated_beside_it() -> None:
    everything = robust_gym.evaluate(steer, "Robust-CartPole-v0", episodes=3)
    alone = robust_gym.evaluate(steer, "Robust-CartPole-v0", splits=["ood-drift"], episodes=3)
    by_name = {row.disruption: row for row in everything.results}
    assert alone.results
    assert all(by_name[row.disruption] == row for row in alone.results)


def test_the_true_reward_is_scored() -> None:
    plain = robust_gym.evaluate(steer, "Robust-CartPole-v0", disruptions=["none"], episodes=2)
    flipped = robust_gym.evaluate(steer, "Robust-CartPole-v0", disruptions=["reward:flip:1"], episodes=2)
    assert plain.results[0].returns == flipped.results[0].returns
    assert flipped.results[0].split == "custom"
    assert plain.results[0].split == "id"


def test_a_team_scores_the_sum_over_its_agents() -> None:
    def noop(observation: dict[str, Any]) -> dict[str, int]:
        return dict.fromkeys(observation, 0)

    result = robust_gym.evaluate(noop, "Robust-MPESpread-v0", disruptions=["none"], episodes=1)
    env = robust_gym.make_parallel("Robust-MPESpread-v0")
    env.reset(seed=result.results[0].episode_seeds[0])
    total = 0.0
    while env.agents:
        _, rewards, _, _, _ = env.step(dict.fromkeys(env.agents, 0))
        total += sum(rewards.values())
    assert result.results[0].returns == (pytest.approx(total),)
    assert result.results[0].lengths == (25,)


def test_summary_and_progress() -> None:
    seen: list[tuple[int, int]] = []
    result = robust_gym.evaluate(
        steer, "Robust-CartPole-v0", splits=["id", "ood-mixed"], episodes=2, progress=lambda a, b: seen.append((a, b))
    )
    assert seen[-1] == (12, 12)
    means = result.split_means()
    summary = result.summary()
    assert set(means) == {"id", "ood-mixed"}
    assert summary["gap"] == pytest.approx(means["id"] - means["ood-mixed"])
    assert summary["worst"] == means["ood-mixed"]
    assert "ood-mixed" in str(result)


def test_bad_input() -> None:
    with pytest.raises(LookupError, match="Did you mean 'Robust-CartPole-v0'"):
        robust_gym.evaluate(steer, "Robust-CartPol-v0")
    with pytest.raises(LookupError, match="no split 'odd'"):
        robust_gym.evaluate(steer, "Robust-CartPole-v0", splits=["odd"])
    with pytest.raises(ValueError, match="whole number between 1 and 20"):
        robust_gym.evaluate(steer, "Robust-CartPole-v0", episodes=21)
    with pytest.raises(LookupError, match="unknown protocol 'v9'"):
        robust_gym.evaluate(steer, "Robust-CartPole-v0", protocol="v9")
    with pytest.raises(TypeError, match="has act\\(\\) or predict"):
        as_policy(3)


@pytest.mark.parametrize("id", ["Robust-CartPole-v0", "Robust-FrozenLake-v0"])
def test_an_action_between_two_is_refused(id: str) -> None:
    for action in (0.7, np.float32(0.7), np.array([0.7])):
        with pytest.raises(ValueError, match="the action 0.7 is no whole number"):
            robust_gym.evaluate(lambda observation, action=action: action, id, disruptions="none", episodes=1)
    same = [
        robust_gym.evaluate(lambda _, one=one: one, id, disruptions="none", episodes=1).results
        for one in (1, 1.0, np.int64(1), np.array([1.0]))
    ]
    assert all(results == same[0] for results in same)


def test_what_else_may_be_given() -> None:
    wanted = robust_gym.evaluate(lambda _: 1, "Robust-CartPole-v0", disruptions=["obs:gauss:0.1"], episodes=2).results
    given = Disruption.parse("obs:gauss:0.1")
    assert (
        robust_gym.evaluate(lambda _: 1, "Robust-CartPole-v0", disruptions=given, episodes=np.int64(2)).results
        == wanted
    )
    with pytest.raises(ValueError, match="got True"):
        robust_gym.evaluate(lambda _: 1, "Robust-CartPole-v0", episodes=True)

    class Mine:
        def act(self, observation: Any, state: Any, episode_start: Any) -> Any:
            return observation, state

    with pytest.raises(TypeError, match=r"is the class: give Mine\(…\)"):
        robust_gym.evaluate(Mine, "Robust-CartPole-v0", episodes=1)


def test_a_stable_baselines3_model_is_a_policy() -> None:
    sb3 = pytest.importorskip("stable_baselines3")
    model = sb3.PPO("MlpPolicy", gym.make("Robust-CartPole-v0"), n_steps=64, device="cpu", seed=0)
    result = robust_gym.evaluate(model, "Robust-CartPole-v0", disruptions=["none"], episodes=2)
    assert min(result.results[0].returns) >= 1


@pytest.mark.slow
def test_stable_baselines3_trains_on_a_disturbed_task() -> None:
    sb3 = pytest.importorskip("stable_baselines3")
    from stable_baselines3.common.env_checker import check_env

    env = gym.make("Robust-Hopper-v0", disruption="obs:0.1+action:delay:1")
    check_env(env, warn=False)
    model = sb3.PPO("MlpPolicy", env, device="cpu", seed=0)
    model.learn(2_000)
    assert model.num_timesteps >= 2_000


def test_protocol_seeds_are_never_training_seeds() -> None:
    from robust_gym.protocol import EVALUATION_SEEDS

    for id in robust_gym.list_tasks():
        seeds = task_protocol(id).seeds
        assert len(set(seeds)) == 20
        assert min(seeds) >= EVALUATION_SEEDS
        assert max(seeds) < 2**31
