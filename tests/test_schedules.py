"""When a disruption acts, and which numbers it draws."""

from __future__ import annotations

import dataclasses
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from counter_help import TIMES, TRUE, Counter, observations

from robust_gym.disruption import Disruption, Schedule
from robust_gym.wrappers import ObservationDisruption
from robust_gym.wrappers.action import action_signal
from robust_gym.wrappers.base import Stream, stream
from robust_gym.wrappers.runner import Chain
from robust_gym.wrappers.schedule import Clock


@pytest.mark.parametrize(
    ("schedule", "active"),
    [
        ("every=10", lambda t: t % 10 == 0),
        ("steps=5..7", lambda t: (t >= 5) & (t <= 7)),
        ("always", lambda t: t >= 0),
    ],
)
def test_schedules_choose_the_steps(schedule: str, active: Any) -> None:
    moved = (observations(f"obs:bias:1~{schedule}") != TRUE).all(axis=1)
    assert np.array_equal(moved, active(TIMES))


def test_ramp_and_sine_grow_and_fall() -> None:
    assert np.allclose(observations("obs:bias:1~ramp=20")[:, 0] - TIMES, np.minimum(1, TIMES / 20))
    assert np.allclose(observations("obs:bias:1~sine=20")[:, 0] - TIMES, (1 - np.cos(2 * np.pi * TIMES / 20)) / 2)


def test_probabilities_are_per_step_and_per_episode() -> None:
    per_step = (observations("obs:bias:1~p=0.3", steps=2000)[:, 0] != np.arange(2001.0)).mean()
    assert 0.25 < per_step < 0.35
    whole = [(observations("obs:bias:1~episode=0.5", seed=s)[:, 0] != TIMES).mean() for s in range(60)]
    assert set(whole) == {0.0, 1.0}
    assert 0.3 < np.mean(whole) < 0.7


def test_a_copy_at_rest_passes_the_same_values_beside_a_disturbed_one() -> None:
    space = gym.spaces.Box(-1.0, 1.0, (1,), np.float32)
    term = Disruption.parse("action:gauss:0.1~p=0.5").terms
    alone, together = (Chain(term, dataclasses.replace(action_signal(space, None), copies=n)) for n in (1, 3))
    beyond = np.full((3, 1), 1.5, np.float32)
    for copy in range(3):
        together.reset(copy, copy)
    alone.reset(0)
    found = [(alone.batch(beyond[:1])[0, 0], together.batch(beyond)[0, 0]) for _ in range(20)]
    assert all(one == other for one, other in found)
    assert {float(one) for one, _ in found} >= {1.5}


def test_a_schedule_does_not_shift_the_noise() -> None:
    always = observations("obs:gauss:1") - TRUE
    some = observations("obs:gauss:1~every=3") - TRUE
    assert np.allclose(some[::3], always[::3])
    assert not some[1::3].any()


def test_noise_depends_on_the_seed_and_on_nothing_else() -> None:
    assert np.array_equal(observations("obs:gauss:1"), observations("obs:gauss:1"))
    assert not np.array_equal(observations("obs:gauss:1"), observations("obs:gauss:1", seed=4))
    # Two equal terms have streams of their own.
    twice = observations("obs:gauss:1+obs:gauss:1") - TRUE
    once = observations("obs:gauss:1") - TRUE
    assert not np.allclose(twice, 2 * once)


def test_unseeded_resets_go_on_and_seeded_ones_begin_anew() -> None:
    env = ObservationDisruption(Counter(), "obs:gauss:1")
    first, _ = env.reset(seed=1)
    second, _ = env.reset()
    again, _ = env.reset(seed=1)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, second)
    unseeded = ObservationDisruption(Counter(), "obs:gauss:1")
    other = ObservationDisruption(Counter(), "obs:gauss:1")
    assert not np.array_equal(unseeded.reset()[0], other.reset()[0])


def test_streams_differ_by_every_part_of_their_key() -> None:
    draws = [
        stream(seed, *key).random()
        for seed, key in [
            (1, (0, "action", "gauss")),
            (2, (0, "action", "gauss")),
            (1, (1, "action", "gauss")),
            (1, (0, "reward", "gauss")),
            (1, (0, "action", "uniform")),
        ]
    ]
    assert len(set(draws)) == 5


def test_clock_never_exceeds_one() -> None:
    clock = Clock(Schedule("ramp", (3,)))
    clock.reset(0, Stream(0, ("clock",)))
    assert [float(clock.strength()[0]) for _ in range(5)] == [0, 1 / 3, 2 / 3, 1, 1]
