"""Adversaries: what they may not do, and how they are told whom to attack."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from adversary_help import ACTIONS, OBSERVATIONS, PENDULUM, SCALE, VALUES, Blind, Linear, adversary, policy_of

import robust_gym
from robust_gym import kinds
from robust_gym.disruption import DisruptionError
from robust_gym.evaluate import evaluate
from robust_gym.wrappers import UnboundAdversaryError, adversaries, bind
from robust_gym.wrappers.attacks.search import Search
from robust_gym.wrappers.base import Signal, Stream
from robust_gym.wrappers.victim import Victim


class Liar:
    """An attack that moves everything as it is told to, however far."""

    by: Any = 1000.0

    def __init__(self, signal: Signal, eps: float, budget: int) -> None:
        pass

    def bind(self, victim: Victim) -> None:
        pass

    def begin(self, copy: int, stream: Stream) -> None:
        pass

    def perturb(self, values: np.ndarray, observation: np.ndarray) -> np.ndarray:
        return values + self.by


kinds.register_word("adversaries", "liar", "test_adversaries:Liar")


# What the adversary does not let an attack do


@pytest.mark.parametrize("by", [1000.0, -1000.0, np.inf, np.array([1.0, -1.0, 1.0])])
def test_a_lying_attack_is_brought_back_into_the_ball(by: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Liar, "by", by)
    moved = adversary("liar", Blind())(VALUES) - VALUES
    assert moved == pytest.approx(np.tile(np.sign(by) * 0.1 * SCALE, (2, 1)))


def test_what_is_not_a_number_stays_true(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Liar, "by", np.array([np.nan, 1.0, np.nan]))
    moved = adversary("liar", Blind())(VALUES) - VALUES
    assert moved == pytest.approx(np.tile([0.0, 0.2, 0.0], (2, 1)))


def test_an_attack_that_changes_the_shape_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Liar, "by", np.zeros((4, 1, 1)))
    with pytest.raises(ValueError, match=r"'liar' returned values of shape \(4, 2, 3\), expected \(2, 3\)"):
        adversary("liar", Blind())(VALUES)


def test_the_space_holds_too() -> None:
    env = bind(robust_gym.make(PENDULUM, disruption="obs:adversary:liar,100"), policy_of())
    observation, _ = env.reset(seed=0)
    assert env.observation_space.contains(observation)
    assert observation == pytest.approx([1.0, 1.0, 8.0])


# Who is told what


@pytest.mark.parametrize("disruption", ["obs:adversary:search,0.1", "action:adversary:random,0.1", "obs:adversary@3"])
def test_unbound_is_one_clear_error(disruption: str) -> None:
    env = robust_gym.make(PENDULUM, disruption=disruption)
    with pytest.raises(UnboundAdversaryError, match=r"bind\(env, policy\)"):
        env.reset(seed=0)


def test_an_environment_without_adversaries_is_left_alone() -> None:
    env = robust_gym.make(PENDULUM, disruption="obs:0.1")
    assert bind(env, object()) is env
    assert adversaries(env) == []


def test_copies_are_bound_one_by_one() -> None:
    def made() -> gym.Env[Any, Any]:
        return bind(robust_gym.make(PENDULUM, disruption="obs:adversary:search,0.1"), policy_of())

    envs = gym.vector.SyncVectorEnv([made, made])
    with pytest.raises(TypeError, match="one by one"):
        bind(envs, policy_of())
    seen, _ = envs.reset(seed=[1, 1])
    assert np.array_equal(seen[0], seen[1])


def test_bind_tells_every_adversary_and_leaves_the_spec() -> None:
    env = robust_gym.make(PENDULUM, disruption="action:adversary:random,0.2+obs:adversary:mad,0.1,5")
    before = env.spec.to_json()
    policy = policy_of()
    assert bind(bind(env, policy), policy) is env
    assert [one.name for one in adversaries(env)] == ["mad", "random"]
    assert env.spec.to_json() == before
    assert gym.make(gym.envs.registration.EnvSpec.from_json(before)).spec is not None
    observation, info = env.reset(seed=0)
    assert "adversary" not in info
    env.step(policy.act(observation[None], None, np.ones(1, bool))[0][0])


@pytest.mark.parametrize(
    ("disruption", "policy", "error", "message"),
    [
        ("obs:adversary:search,0.1", object(), TypeError, "has act"),
        ("obs:adversary:mad,0.1", Blind(), DisruptionError, "'search' attacks any policy"),
        ("obs:adversary:critic,0.1", Linear(), DisruptionError, r"Q\(s, a\) or V\(s\)"),
        ("action:adversary:critic,0.1", Linear("state"), DisruptionError, r"Q\(s, a\), and this Linear carries none"),
        ("action:adversary:search,0.1", Blind(), DisruptionError, "carries none"),
        ("obs:adversary:search,0.1+obs:dummy:2", Blind(), DisruptionError, "must be the last"),
        (
            "action:adversary:search,0.1+obs:dummy:2",
            Linear(),
            DisruptionError,
            "leave out what changes the observation",
        ),
    ],
)
def test_what_a_policy_lacks_is_said(disruption: str, policy: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        bind(robust_gym.make(PENDULUM, disruption=disruption), policy)


@pytest.mark.parametrize(
    ("task", "disruption", "message"),
    [
        (PENDULUM, "action:adversary:mad,0.1", "does not act on the action channel; those that do are random, search"),
        (PENDULUM, "obs:adversary:serach,0.1", "unknown attack 'serach'.*Did you mean 'search'"),
        (PENDULUM, "obs:adversary:search,0", "must be > 0"),
        (PENDULUM, "obs:adversary:search", "lacks 'eps'"),
        (PENDULUM, "obs:adversary:search,0.1,1.5", "whole number"),
        (PENDULUM, "obs:adversary:learned,0.1", "register_learned"),
        ("Robust-CartPole-v0", "action:adversary:random,0.1", "its actions are discrete"),
        ("Robust-FrozenLake-v0", "obs:adversary:search,0.1", "its observations are no real vectors"),
        ("Robust-MPESimple-v0", "obs:adversary:search,0.1", "multi-agent task"),
        ("Robust-MPESpread-v0", "obs:adversary:search,0.1", "multi-agent task"),
        ("Robust-MPESpread-v0", "action/agent_0:traitor:1", "draws among the whole team; leave out '/agent_0'"),
    ],
)
def test_what_cannot_be_honoured_is_an_error_when_it_is_made(task: str, disruption: str, message: str) -> None:
    with pytest.raises(DisruptionError, match=message):
        robust_gym.make(task, disruption=disruption)


def test_the_canonical_form_reads_back() -> None:
    parsed = robust_gym.Disruption.parse("obs:adversary:eps=0.1,attack=mad~p=0.5")
    assert str(parsed) == "observation:adversary:mad,0.1,0~p=0.5"
    assert robust_gym.Disruption.parse(str(parsed)) == parsed


def test_evaluate_binds_and_repeats() -> None:
    strings = ["none", "obs:adversary:search,0.3", "obs:adversary:mad,0.3", "obs:adversary:critic,0.3"]
    policy = policy_of()
    first, again = (evaluate(policy, PENDULUM, disruptions=strings, episodes=2) for _ in range(2))
    assert [result.returns for result in first.results] == [result.returns for result in again.results]
    assert len({result.returns for result in first.results}) == 4
    alone = evaluate(policy, PENDULUM, disruptions=strings[2], episodes=2)
    assert alone.results[0].returns == first.results[2].returns


def test_evaluate_attacks_functions_by_search() -> None:
    results = evaluate(
        lambda seen: np.clip(seen[1:2] * 2, -2, 2),
        PENDULUM,
        disruptions=["none", "obs:adversary:search,0.5"],
        episodes=2,
    ).results
    assert results[0].returns != results[1].returns


# The memory of the policy under attack


class Counter:
    """Remembers the sum of what it has seen; acts on it."""

    def __init__(self) -> None:
        self.rows: list[int] = []

    def act(self, observation: np.ndarray, state: Any, start: np.ndarray) -> tuple[np.ndarray, Any]:
        self.rows.append(len(start))
        total = np.zeros(len(observation)) if state is None else np.where(start, 0.0, state["sum"][0])
        total = total + observation.sum(axis=1)
        return np.stack([total, total], axis=1), {"sum": (total,), "rows": [b"x"] * len(total)}


def test_the_victim_remembers_what_it_really_saw() -> None:
    policy = Counter()
    victim = Victim(policy, OBSERVATIONS, ACTIONS, "observation", 2)
    assert victim.act(np.stack([VALUES] * 3, axis=1))[:, :, 0] == pytest.approx(np.repeat([[0.2], [0.0]], 3, axis=1))
    victim.saw(VALUES)
    victim.saw(VALUES)
    asked = victim.act(np.stack([VALUES, 0 * VALUES], axis=1))[:, :, 0]
    assert asked == pytest.approx(np.array([[0.6, 0.4], [0.0, 0.0]]))
    victim.begin(0)
    assert victim.act(VALUES[:, None])[0, 0, 0] == pytest.approx(0.2)


def test_search_keeps_the_memory_through_the_runner() -> None:
    policy = Counter()
    env = bind(robust_gym.make(PENDULUM, disruption="obs:adversary:search,0.1,4~p=0.5"), policy)
    seen = [env.reset(seed=1)[0]]
    seen += [env.step(np.zeros(1, np.float32))[0] for _ in range(5)]
    (one,) = adversaries(env)
    assert one.victim is not None
    assert one.victim._state["sum"][0] == pytest.approx(np.sum(seen, axis=(0, 1)), abs=1e-5)
    assert isinstance(one.attack, Search)
