"""Whether chance is the seed's: of resets, of drawn worlds and of noise."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from robust_gym import registry
from robust_gym.conformance.chosen import CHANGES, LAWS, honoured, play, some_disruption
from robust_gym.conformance.rollout import rollout
from robust_gym.conformance.worlds import worlds_of
from robust_gym.tasks import make


def check_seeding(id: str) -> str | None:
    """The same seed gives the same rollout, whatever was played before; another seed another one.

    Returns:
        That resets do the same whatever their seed, where under the same actions they do.
    """
    disruption = some_disruption(registry.task(id))
    with worlds_of(id) as worlds:
        for chosen in (None, disruption):
            first = worlds.play(chosen)
            assert worlds.play(chosen, seed=8) != first, f"seeds 7 and 8 give the same rollout under {chosen or 'none'}"
            assert worlds.play(chosen) == first, f"a rollout of seed 7 depends on what was played before it ({chosen})"
            assert play(id, chosen) == first, f"two environments differ at seed 7 under {chosen or 'none'}"
        first, other = worlds.play(actions=0), worlds.play(seed=8, actions=0)
    if registry.task(id).drawn:
        _check_draws(id)
    return "under the same actions every episode is the same, whatever its seed" if first == other else None


_DRAWN = 10
"""Worlds that are drawn one after the other, forth and back."""


def _check_draws(id: str) -> None:
    """What an episode drew for its world must not reach into the next ones."""
    disruption = honoured(registry.task(id), *LAWS)
    if disruption is None:
        return
    env, seeds = make(id, disruption=disruption), range(120, 120 + _DRAWN)
    there = [rollout(env, seed, steps=1, close=False) for seed in seeds]
    back = [rollout(env, seed, steps=1, close=False) for seed in reversed(seeds)]
    env.close()
    for seed, first, second in zip(seeds, there, reversed(back), strict=True):
        assert first == second, f"under {disruption}, the episode of seed {seed} depends on the worlds before it"


def check_randomness(id: str) -> None:
    """A term leaves the environment's randomness and other terms' draws untouched."""
    task = registry.task(id)
    noise = honoured(task, "reward:gauss:0.5", "reward:laplace:0.5", "reward:uniform:0.5")
    other = honoured(task, "obs:gauss:0.3", "obs:delay:3", "obs:uniform:0.3", "obs:freeze@3")
    if noise is not None:
        with worlds_of(id) as worlds:
            nominal, noisy = worlds.play(), worlds.play(noise)
            assert noisy.same_observations(nominal), "reward noise changed the observations"
            assert noisy.nominal == nominal.nominal, "reward noise changed the true reward"
            if other is not None:
                both = worlds.play(f"{noise}+{other}")
                assert both.rewards == noisy.rewards, "adding an observation disruption changed the reward noise"
    law = honoured(task, *CHANGES)
    if law is not None:
        drawn = _generator_states(id, "none") == _generator_states(id, law)
        assert drawn, "a dynamics disruption drew from the environment's own generator"


def _generator_states(id: str, disruption: str) -> list[Any]:
    """Return where the environment's generator stands after a seeded reset and after two more; empty without one."""
    env: Any = make(id, disruption=disruption)
    states = []
    for seed in (5, None, None):
        env.reset(seed=seed)
        rng = getattr(env.unwrapped, "np_random", None)
        if isinstance(rng, np.random.Generator):
            states.append(copy.deepcopy(rng.bit_generator.state))
    env.close()
    return states
