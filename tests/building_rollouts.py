"""What the tests of the building share: SustainGym's own environment, and rollouts."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator

import numpy as np

from robust_gym.tasks import building

AGENTS = [f"zone_{zone}" for zone in range(6)]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep SustainGym from printing, and from failing on what pvlib announces."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The parse_epw function was deprecated")
        yield


def sustaingym(city: str):
    with quiet():
        from sustaingym.envs.building import MultiAgentBuildingEnv, ParameterGenerator

        weather, location = building.CITIES[city]
        return MultiAgentBuildingEnv(
            ParameterGenerator("OfficeSmall", weather, location, ac_map=1, is_continuous_action=False)
        )


def random_actions(seed: int, steps: int = 288) -> list[dict[str, int]]:
    draws = np.random.default_rng(seed).integers(0, 200, (steps, 6))
    return [dict(zip(AGENTS, map(int, row), strict=True)) for row in draws]


def rollout(env, actions, seed=0, options=None) -> tuple[np.ndarray, np.ndarray]:
    """All agents' observations ``[T + 1, 6, 5]`` and the rewards ``[T]``."""
    observations, _ = env.reset(seed=seed, options=options)
    seen, rewards = [list(observations.values())], []
    for action in actions:
        observations, reward, *_ = env.step(action)
        seen.append(list(observations.values()))
        rewards.append(reward["zone_0"])
    return np.array(seen), np.array(rewards)
