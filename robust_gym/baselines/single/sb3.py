"""Stable-Baselines3 behind the Algorithm interface: environments in, our own light policy out."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.torch_layers import FlattenExtractor, NatureCNN
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecNormalize
from torch import nn

from robust_gym.baselines.base import Progress, training_seed
from robust_gym.baselines.single.batch import BatchedVecEnv
from robust_gym.baselines.single.frames import StackedFrames
from robust_gym.baselines.single.layers import flat
from robust_gym.baselines.single.policy import Critic, FeedForwardPolicy, Head
from robust_gym.baselines.single.vectors import VectorObservation
from robust_gym.task import Task
from robust_gym.vector.simulator import is_batched

_PROGRESS_EVERY = 100


class TrainingEpisodes(gym.Wrapper[Any, Any, Any, Any]):
    """Seeds every episode with a training seed of its own, whatever seed the caller gives.

    Args:
        env: The environment.
        rng: Draws the seeds.

    Attributes:
        rng: The same.
    """

    def __init__(self, env: gym.Env[Any, Any], rng: np.random.Generator) -> None:
        super().__init__(env)
        self.rng = rng

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset to a new training episode."""
        return self.env.reset(seed=training_seed(self.rng), options=options)


class ReportProgress(BaseCallback):
    """Tells a progress callback the number of steps, now and then.

    Args:
        progress: The callback.
    """

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._report = progress
        self._reported = 0

    def _on_step(self) -> bool:
        if self.num_timesteps - self._reported >= _PROGRESS_EVERY:
            self._reported = self.num_timesteps
            self._report(self.num_timesteps)
        return True

    def _on_training_end(self) -> None:
        self._report(self.model.num_timesteps)


@contextlib.contextmanager
def own_randomness() -> Iterator[None]:
    """Give the global generators back as they were: Stable-Baselines3 seeds and draws from all of them."""
    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)  # noqa: NPY002


def training_envs(
    task: Task,
    disruption: str,
    count: int,
    seeds: np.random.SeedSequence,
    *,
    normalise: bool,
    gamma: float,
    wrap: Callable[[gym.Env[Any, Any]], gym.Env[Any, Any]] | None = None,
    flat: bool = False,
) -> VecEnv:
    """Make the training environments.

    Args:
        task: The task.
        disruption: Disruption of every training episode.
        count: How many step side by side.
        seeds: From which each takes the seeds of its episodes.
        normalise: Whether to normalise observations (unless they are images) and rewards.
        gamma: Discount factor, by which rewards are normalised.
        wrap: Wraps each environment once more, outermost.
        flat: Whether to flatten observations that are arrays, but no images.
    """
    from robust_gym.tasks import make

    image = task.observation == "image"

    def maker(stream: np.random.SeedSequence) -> Callable[[], gym.Env[Any, Any]]:
        def one() -> gym.Env[Any, Any]:
            env: gym.Env[Any, Any] = TrainingEpisodes(
                make(task.id, disruption=disruption), np.random.default_rng(stream)
            )
            if image:
                env = StackedFrames(env)
            elif task.observation in ("dict", "discrete") or (flat and len(env.observation_space.shape or ()) > 1):
                env = VectorObservation(env)
            return env if wrap is None else wrap(env)

        return one

    streams = seeds.spawn(count)
    envs: VecEnv
    if count > 1 and wrap is None and is_batched(task):
        envs = BatchedVecEnv(task, disruption, [np.random.default_rng(stream) for stream in streams])
    else:
        envs = DummyVecEnv([maker(stream) for stream in streams])
    return VecNormalize(envs, norm_obs=not image, gamma=gamma) if normalise else envs


def policy_of(
    name: str,
    task: Task,
    extractor: nn.Module,
    trunk: nn.Module | Sequence[nn.Module],
    last: nn.Module,
    envs: VecEnv,
    *,
    squash: bool,
    critic: Critic | None = None,
) -> FeedForwardPolicy:
    """Take the acting network out of a trained model.

    Args:
        name: Registered name of the algorithm.
        task: The task.
        extractor: The model's features extractor.
        trunk: The hidden layers of its actor.
        last: From them to actions.
        envs: What it was trained on, with the normaliser if there is one.
        squash: Whether actions pass a tanh.
        critic: The critic to keep with it.
    """
    hidden = [trunk] if isinstance(trunk, nn.Module) else trunk
    network = nn.Sequential(*flat([*layers_of(extractor), *hidden, last]))
    return FeedForwardPolicy(network, algorithm=name, task=task, critic=critic, **surroundings(task, envs, squash))


def surroundings(task: Task, envs: VecEnv, squash: bool) -> dict[str, Any]:
    """Return the arguments of a policy that tell how it sees, and how its network's outputs become actions.

    Args:
        task: The task.
        envs: What it was trained on, with the normaliser if there is one.
        squash: Whether actions pass a tanh.
    """
    moments = None
    if isinstance(envs, VecNormalize) and envs.norm_obs:
        moments = _moments(envs)
    space = envs.action_space
    if isinstance(space, spaces.Box):
        head = Head("squash" if squash else "clip", tuple(space.low.tolist()), tuple(space.high.tolist()))
    else:
        head = Head("discrete")
    values = 0
    if task.observation == "discrete":
        assert envs.observation_space.shape is not None
        (values,) = envs.observation_space.shape  # one-hot
    return {"head": head, "moments": moments, "image": task.observation == "image", "states": values}


def critic_of(extractor: nn.Module, layers: Sequence[nn.Module], of: str) -> Critic | None:
    """Take the critic out of a trained model; ``None`` for images, whose critics are large and see several frames.

    Args:
        extractor: The model's features extractor.
        layers: Modules of the critic, one after another.
        of: ``"state"`` or ``"action"``.
    """
    return Critic(nn.Sequential(*flat(layers)), of) if isinstance(extractor, FlattenExtractor) else None


def _moments(envs: VecNormalize) -> tuple[torch.Tensor, torch.Tensor]:
    seen = envs.obs_rms
    mean, variance = seen.mean.ravel(), seen.var.ravel()
    # Stable-Baselines3 begins with a variance of 1 that weighs 1e-4 of a sample; of a number that never changed,
    # that is all there is. Its standard deviation is called infinite, so that it reads 0 like in training even when
    # evaluation disturbs it, and not thousands.
    constant = variance * seen.count < 2e-4 * (1 + mean**2)
    std = np.where(constant, np.inf, np.sqrt(variance + envs.epsilon))
    return torch.from_numpy(mean), torch.from_numpy(std)


def layers_of(extractor: nn.Module) -> list[nn.Module]:
    """Return the layers of a features extractor: those of images, or none.

    Raises:
        TypeError: If it is another one.
    """
    if isinstance(extractor, NatureCNN):
        return [extractor.cnn, extractor.linear]
    if isinstance(extractor, FlattenExtractor):
        return []
    raise TypeError(f"no way to keep the features extractor {type(extractor).__name__}")


def schedule(value: float, decay: bool) -> float | Callable[[float], float]:
    """Return a constant, or one that falls linearly to zero over training."""
    return (lambda remaining: remaining * value) if decay else value
