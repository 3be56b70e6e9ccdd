"""What a disruption must leave alone: other terms, other agents, and what an environment was made with."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

import robust_gym
from robust_gym import registry
from robust_gym.disruption import Disruption
from robust_gym.kind_table import PRESETS
from robust_gym.wrappers.base import Signal, box_scale
from robust_gym.wrappers.runner import Chain


def made(id: str, disruption: str, **kwargs: Any) -> Any:
    if registry.task(id).missing():
        pytest.skip(f"{id} needs packages")
    return robust_gym.make(id, disruption=disruption, **kwargs)


def chain(text: str, space: spaces.Box) -> Chain:
    found = Chain(Disruption.parse(text).terms, Signal(space, np.ones(space.shape), np.zeros(space.shape)))
    found.reset(0)
    return found


@pytest.mark.parametrize("schedule", ["episode=0.5", "p=0.3", "walk=0.3", "trend=20", "fault=20"])
def test_a_term_acts_on_all_agents_at_the_same_time(schedule: str) -> None:
    texts = (f"obs:bias:5~{schedule}", "obs:bias:5", "none")
    envs = [made("Robust-MPESpread-v0", text) for text in texts]
    strengths = []
    for seed in range(12):
        for one, full, true in zip(*(_episode(env, seed) for env in envs), strict=True):
            moved = [[np.abs(seen[agent] - true[agent]).max() for agent in true] for seen in (one, full)]
            each = np.divide(*moved)
            np.testing.assert_allclose(each, each[0], atol=1e-5)
            strengths.append(round(float(each[0]), 3))
    assert len(set(strengths)) > 1


def _episode(env: Any, seed: int) -> list[dict[str, np.ndarray]]:
    seen = [env.reset(seed=seed)[0]]
    while env.agents:
        seen.append(env.step(dict.fromkeys(env.agents, 0))[0])
    return [one for one in seen if one]


def test_noise_stays_each_agents_own() -> None:
    first = _episode(made("Robust-MPESpread-v0", "obs:gauss:1~episode=0.99"), 3)[0]
    plain = _episode(made("Robust-MPESpread-v0", "none"), 3)[0]
    noise = [tuple((first[agent] - plain[agent]).round(4)) for agent in first]
    assert len(set(noise)) == len(noise)


@pytest.mark.parametrize(
    ("id", "kwargs", "term", "name"),
    [
        ("Robust-Building-v0", {"city": "tampa"}, "city:honolulu", "city"),
        ("Robust-EVCharging-v0", {"period": "fall_2019"}, "period:spring_2020", "period"),
    ],
)
def test_a_shift_at_rest_leaves_what_the_environment_was_made_with(
    id: str, kwargs: dict[str, str], term: str, name: str
) -> None:
    env = made(id, f"dynamics:{term}~episode=0.5", **kwargs)
    told: Counter[str] = Counter()
    for seed in range(12):
        _, infos = env.reset(seed=seed)
        info = infos if "dynamics" in infos else next(iter(infos.values()))
        told[info["dynamics"][name]] += 1
        where = env.unwrapped if hasattr(env.unwrapped, name) else env.unwrapped.world
        assert getattr(where, name) == info["dynamics"][name]
    assert set(told) == {kwargs[name], term.partition(":")[2]}


def test_doors_do_not_change_the_luck_of_steps() -> None:
    def luck(text: str) -> list[float]:
        env = made("Robust-MiniGridKeyCorridorS3R2-v0", text)
        env.reset(seed=4)
        return [float(env.unwrapped._luck.random()) for _ in range(5)]

    assert luck("dynamics:slip:0.5") == luck("dynamics:slip:0.5+dynamics:ajar:0.5")


def test_photon_noise_does_not_depend_on_earlier_images() -> None:
    space = spaces.Box(0, 255, (4, 4, 3), np.uint8)
    last = []
    for shade in (1, 250):
        shot = chain("obs:shot:30", space)
        shot(np.full(space.shape, shade, np.uint8))
        last.append(shot(np.full(space.shape, 120, np.uint8)))
    np.testing.assert_array_equal(*last)
    assert len(np.unique(last[0])) > 3


def test_agents_have_one_order() -> None:
    one, other = (Disruption.parse(f"obs/{names}:gauss:0.1") for names in ("agent_1,agent_0", "agent_0,agent_1"))
    assert one == other
    assert str(one) == "observation/agent_0,agent_1:gauss:0.1"


def test_the_largest_numbers_are_no_bounds() -> None:
    largest = np.finfo(np.float32).max
    low, high = np.array([-largest, -2, -np.inf, -largest]), np.array([largest, 2, np.inf, 3])
    np.testing.assert_array_equal(box_scale(spaces.Box(low, high, dtype=np.float64)), [1, 2, 1, 1])


def test_a_shape_that_changes_within_an_episode_moves_no_robot() -> None:
    def place(text: str, steps: int) -> float:
        env = made("Robust-DmWalkerWalk-v0", text)
        env.reset(seed=0)
        for _ in range(steps):
            env.step(np.zeros(env.action_space.shape, np.float32))
        return float(env.unwrapped._inner.physics.named.model.body_pos["torso", "z"])

    plain, longer = place("none", 0), place("dynamics:leg_length:2", 0)
    assert longer > plain + 0.2  # the coming episodes start higher
    assert place("dynamics:leg_length:2~steps=2..4", 4) == plain
    assert place("dynamics:leg_length:2~steps=0..1", 4) == longer


def test_the_challenges_of_realworldrl_hold_and_lose_as_much_as_there() -> None:
    line = spaces.Box(-np.inf, np.inf, (1,), np.float64)
    for name, held, lost in (("easy", 1, 0.01), ("medium", 2, 0.2), ("hard", 3, 0.5)):
        terms = Disruption.parse(PRESETS[f"realworldrl-{name}"].disruption)
        repeats = [str(term) for term in terms.of("action") if term.kind == "repeat"]
        if held > 1:
            repeat = chain(repeats[0], line)
            played = [float(repeat(np.array([float(step)]))[0]) for step in range(3 * held)]
            assert played == [float(held * (step // held)) for step in range(3 * held)]
        else:
            assert not repeats
        (dropout,) = (term for term in terms.of("observation") if term.kind == "dropout")
        assert dropout.args == (lost,)
