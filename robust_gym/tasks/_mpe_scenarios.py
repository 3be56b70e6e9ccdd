"""MPE2's scenarios by name.

Beside a scenario's own arguments each takes ``max_cycles``, ``render_mode`` and ``continuous_actions``.
"""

from __future__ import annotations

from typing import Any

from robust_gym.tasks._mpe_env import ContinuousParticles, Particles


def _particles(scenario: str, *world: Any, continuous_actions: bool = False, **settings: Any) -> Particles:
    return (ContinuousParticles if continuous_actions else Particles)(scenario, world, **settings)


def simple(**settings: Any) -> Particles:
    """Make MPE2's ``simple_v3``."""
    return _particles("simple", **settings)


def spread(N: int = 3, local_ratio: float = 0.5, **settings: Any) -> Particles:
    """Make MPE2's ``simple_spread_v3`` with ``N`` agents and landmarks."""
    return _particles("simple_spread", N, local_ratio=local_ratio, **settings)


def speaker_listener(**settings: Any) -> Particles:
    """Make MPE2's ``simple_speaker_listener_v4``."""
    return _particles("simple_speaker_listener", **settings)


def reference(local_ratio: float = 0.5, **settings: Any) -> Particles:
    """Make MPE2's ``simple_reference_v3``."""
    return _particles("simple_reference", local_ratio=local_ratio, **settings)


def adversary(N: int = 2, **settings: Any) -> Particles:
    """Make MPE2's ``simple_adversary_v3`` with ``N`` good agents."""
    return _particles("simple_adversary", N, **settings)


def crypto(**settings: Any) -> Particles:
    """Make MPE2's ``simple_crypto_v3``."""
    return _particles("simple_crypto", **settings)


def push(**settings: Any) -> Particles:
    """Make MPE2's ``simple_push_v3``."""
    return _particles("simple_push", **settings)


def tag(num_good: int = 1, num_adversaries: int = 3, num_obstacles: int = 2, **settings: Any) -> Particles:
    """Make MPE2's ``simple_tag_v3``."""
    return _particles("simple_tag", num_good, num_adversaries, num_obstacles, **settings)


def world_comm(
    num_good: int = 2,
    num_adversaries: int = 4,
    num_obstacles: int = 1,
    num_food: int = 2,
    num_forests: int = 2,
    **settings: Any,
) -> Particles:
    """Make MPE2's ``simple_world_comm_v3``."""
    return _particles("simple_world_comm", num_good, num_adversaries, num_obstacles, num_food, num_forests, **settings)


def formation(N: int = 4, **settings: Any) -> Particles:
    """Make MPE2's ``simple_formation_v1`` with ``N`` agents."""
    return _particles("simple_formation", N, local_ratio=0.0, **settings)


def line(N: int = 4, **settings: Any) -> Particles:
    """Make MPE2's ``simple_line_v1`` with ``N`` agents."""
    return _particles("simple_line", N, local_ratio=0.0, **settings)


def collect_treasure(
    num_collectors: int = 6, num_deposits: int = 2, num_treasures: int = 6, **settings: Any
) -> Particles:
    """Make MPE2's ``collect_treasure_v1``."""
    return _particles("collect_treasure", num_collectors, num_deposits, num_treasures, **settings)
