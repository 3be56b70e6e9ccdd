"""Training an adversary against a fixed policy, by PPO."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from robust_gym import registry
from robust_gym.baselines.base import Progress
from robust_gym.baselines.single.policy import FeedForwardPolicy
from robust_gym.disruption import Disruption, DisruptionError
from robust_gym.evaluate import as_policy
from robust_gym.support import unsupported
from robust_gym.task import MissingExtraError, Task, missing
from robust_gym.wrappers.action import action_signal
from robust_gym.wrappers.attacks.learned import FILE
from robust_gym.wrappers.observation import observation_signal
from robust_gym.wrappers.victim import Victim


class Against(gym.Wrapper[Any, Any, Any, Any]):
    """The environment as an adversary sees it: it moves a policy's observations, or its actions, for minus its reward.

    Its action, in [-1, 1] for each dimension, times the radius is what is added; it sees the true observation.

    Args:
        env: The undisturbed environment.
        policy: The policy under attack.
        channel: ``"observation"`` or ``"action"``.
        eps: Radius, in units of the channel's scale.
        task: The task.
    """

    def __init__(self, env: gym.Env[Any, Any], policy: Any, channel: str, eps: float, task: Task) -> None:
        super().__init__(env)
        seen = channel == "observation"
        signal = observation_signal(env.observation_space, task) if seen else action_signal(env.action_space, task)
        space: Any = signal.space
        self.action_space = spaces.Box(-1.0, 1.0, (int(np.prod(space.shape)),), np.float32)
        self._victim = Victim(policy, env.observation_space, env.action_space, channel)
        self._seen, self._space, self._radius = seen, space, eps * signal.scale
        self._true: Any = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset; the policy begins an episode too."""
        self._true, info = self.env.reset(seed=seed, options=options)
        self._victim.begin(0)
        return self._true, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Move what the policy sees, or does, and step."""
        move = self._radius * np.clip(np.asarray(action, np.float64), -1.0, 1.0).reshape(self._space.shape)
        seen = self._moved(self._true, move) if self._seen else self._true
        answer = self._victim.act(seen[None, None])[0, 0]
        self._victim.saw(seen[None])
        if isinstance(self.env.action_space, spaces.Discrete):
            answer = int(answer)
        elif not self._seen:
            answer = self._moved(answer, move)
        self._true, _, terminated, truncated, info = self.env.step(answer)
        return self._true, -float(info["nominal_reward"]), terminated, truncated, info

    def _moved(self, value: np.ndarray, move: np.ndarray) -> np.ndarray:
        moved: np.ndarray = np.clip(value + move, self._space.low, self._space.high).astype(self._space.dtype)
        return moved


def train_adversary(
    policy: Any,
    task: str | Task,
    disruption: str = "obs:adversary:learned,0.1",
    *,
    steps: int = 300_000,
    seed: int = 0,
    directory: str | Path | None = None,
    progress: Progress = lambda done: None,
    **arguments: Any,
) -> FeedForwardPolicy:
    """Train an adversary against a policy that does not change, by PPO on minus the policy's reward.

    This is the inner problem of ATLA (Zhang et al., ICLR 2021) for observations, and of RARL (Pinto et al., ICML 2017)
    and NR-MDP (Tessler et al., ICML 2019) for actions.

    Args:
        policy: The policy under attack: anything that ``evaluate`` takes.
        task: The task, of one agent, with observations that are vectors.
        disruption: Channel and radius: ``"obs:adversary:learned,EPS"`` or ``"action:adversary:learned,EPS"``.
        steps: Environment steps.
        seed: Of everything that is drawn.
        directory: Where to save the adversary, for ``register_learned``; ``None`` to keep it in memory only.
        progress: Called now and then with the steps done.
        **arguments: Arguments of ``ppo`` to change, such as ``learning_rate``.

    Returns:
        The adversary: its actions are multiples of the radius.

    Raises:
        DisruptionError: If the string is not such a term, or the task cannot honour it.
        ValueError: If ``ppo`` has no such argument, or the budget has fewer than two steps.
        MissingExtraError: If Stable-Baselines3 is not installed.
    """
    line = missing("train_adversary", ("stable_baselines3",), 'pip install "robust-gym[sb3]"')
    if line:
        raise MissingExtraError(line)
    from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

    from robust_gym.baselines.base import create, one_thread
    from robust_gym.baselines.single import sb3
    from robust_gym.tasks import make

    found, acting = registry.task(task), as_policy(policy)
    channel, eps = _meant(disruption, found)
    ppo: Any = create("ppo", arguments)
    values = ppo.fitted({**ppo.values(found), "normalise": True}, steps)
    streams, torch_seed = np.random.SeedSequence(seed).spawn(2)

    def maker(stream: np.random.SeedSequence) -> Any:
        return lambda: sb3.TrainingEpisodes(
            Against(make(found.id), acting, channel, eps, found), np.random.default_rng(stream)
        )

    envs = VecNormalize(
        DummyVecEnv([maker(stream) for stream in streams.spawn(values["n_envs"])]), gamma=values["gamma"]
    )
    with contextlib.closing(envs), one_thread(), sb3.own_randomness():
        adversary: FeedForwardPolicy = ppo.learn(found, envs, values, torch_seed, progress)
    if directory is not None:
        adversary.save(Path(directory))
        meta = {"channel": channel, "eps": eps, "task": found.id, "steps": steps, "seed": seed}
        (Path(directory) / FILE).write_text(json.dumps(meta, indent=2) + "\n", encoding="utf-8")
    return adversary


def _meant(disruption: str, task: Task) -> tuple[str, float]:
    """Return channel and radius.

    Raises:
        DisruptionError: If the string is not one term of a learned adversary, or the task cannot honour it.
    """
    terms = Disruption.parse(disruption).terms
    if len(terms) != 1 or terms[0].kind != "adversary" or terms[0].args[:1] != ("learned",):
        raise DisruptionError(
            f"an adversary is trained for 'obs:adversary:learned,EPS' or 'action:adversary:learned,EPS', "
            f"got {disruption!r}"
        )
    (term,) = terms
    assert term.spec is not None
    reason = unsupported(task, term.spec)
    if task.api != "gymnasium":
        reason = "it has several agents"
    elif task.observation != "box":
        reason = "its observations are no vectors"
    if reason:
        raise DisruptionError(f"{task.id} cannot honour {str(term)!r}: {reason}")
    return term.channel, float(str(term.args[1]))
