"""Pictures of what disruptions do, drawn by running the real wrappers on a sine; plain SVG, no plotting library."""

from __future__ import annotations

import html
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from robust_gym.kinds import Kind
from robust_gym.wrappers import ActionDisruption, CostDisruption, ObservationDisruption, RewardDisruption

LEVEL = 3
STEPS = 72
PERIOD = 36.0
AMPLITUDE = 0.8
SEED = 11
WIDTH, HEIGHT = 320, 84
Signal = Sequence[float]


class SineEnv(gym.Env[np.ndarray, np.ndarray]):
    """Observation and reward are a sine of the step, the cost its upper half; the action is noted."""

    def __init__(self) -> None:
        self.observation_space = spaces.Box(-np.inf, np.inf, (1,), np.float64)
        self.action_space = spaces.Box(-1.0, 1.0, (1,), np.float64)
        self.applied: list[float] = []
        self._t = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        """Go back to the first step."""
        super().reset(seed=seed)
        self._t = 0
        self.applied = []
        return np.array([sine()[0]]), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict]:
        """Note the action and go on by a step."""
        self.applied.append(float(action[0]))
        reward = sine()[self._t % STEPS]
        self._t += 1
        return np.array([sine()[self._t % STEPS]]), reward, False, False, {"cost": max(0.0, reward)}


def sine() -> Signal:
    """Return the undisturbed signal."""
    return [AMPLITUDE * float(np.sin(2 * np.pi * t / PERIOD)) for t in range(STEPS)]


def disturbed(channel: str, disruption: str, seed: int = SEED) -> Signal:
    """Return the sine after a disruption of any channel but the dynamics."""
    env = SineEnv()
    wrapped = _WRAPPERS[channel](env, disruption)
    observation, _ = wrapped.reset(seed=seed)
    observations, rewards, costs = [float(observation[0])], [], []
    for value in sine():
        observation, reward, _, _, info = wrapped.step(np.array([value]))
        observations.append(float(observation[0]))
        rewards.append(float(reward))
        costs.append(float(info["cost"]))
    return {"observation": observations[:STEPS], "action": env.applied, "reward": rewards, "cost": costs}[channel]


_WRAPPERS: dict[str, Callable[..., gym.Env[Any, Any]]] = {
    "observation": ObservationDisruption,
    "action": ActionDisruption,
    "reward": RewardDisruption,
    "cost": CostDisruption,
}


def swing(disruption: str | None, seed: int) -> Signal:
    """Return the angle of a pendulum let go at one radian, without torque."""
    from robust_gym import make

    env = make("Robust-Pendulum-v0", disruption=disruption)
    env.reset(seed=seed)
    env.unwrapped.state = np.array([np.pi + 1.0, 0.0])
    angles = []
    for _ in range(STEPS):
        angles.append(float(env.unwrapped.state[0] - np.pi))
        env.step(np.zeros(1, np.float32))
    env.close()
    return angles


def of_kind(kind: Kind) -> str:
    """Return the picture of a kind at severity 3, or nothing where a sine cannot show it."""
    disruption = f"{kind.channel}:{kind.name}@{LEVEL}"
    if kind.channel == "dynamics":
        about = f"{disruption} on the swing of a pendulum: undisturbed, and in four episodes"
        return svg(about, swing(None, SEED), *(swing(disruption, SEED + number) for number in range(4)))
    if "box" not in kind.spaces:
        return ""
    nominal = [max(0.0, value) for value in sine()] if kind.channel == "cost" else sine()
    return svg(f"{disruption} on a sine", nominal, disturbed(kind.channel, disruption))


def of_schedule(schedule: str) -> str:
    """Return the picture of a schedule, on a constant added to the sine, in the first episode in which it acts."""
    disruption = f"observation:bias:0.6~{schedule}"
    episodes = (disturbed("observation", disruption, seed) for seed in itertools.count(SEED))
    return svg(f"{disruption} on a sine", sine(), next(episode for episode in episodes if episode != sine()))


def svg(about: str, nominal: Signal, *others: Signal) -> str:
    """Return a picture of a signal as it is, behind what becomes of it."""
    drawn = np.array([nominal, *others])
    low, high = float(drawn.min()), float(drawn.max())
    x = np.linspace(2, WIDTH - 2, len(nominal))
    y = HEIGHT - 4 - (drawn - low) / (high - low) * (HEIGHT - 8)
    lines = [
        f'<polyline class="{name}" points="{" ".join(f"{a:.0f},{b:.1f}" for a, b in zip(x, row, strict=True))}"/>'
        for name, row in zip(["nominal", *["disturbed"] * len(others)], y, strict=True)
    ]
    label = html.escape(about)
    return f'<svg class="signal" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(lines)}</svg>'
