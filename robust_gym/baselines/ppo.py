"""PPO by Stable-Baselines3."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from robust_gym.baselines.single.saved import SavesFeedForward
from robust_gym.registry import register_algorithm
from robust_gym.task import Budget, Task

if TYPE_CHECKING:
    from robust_gym.baselines.base import Progress
    from robust_gym.baselines.single.policy import FeedForwardPolicy

_LEAST_ROLLOUTS = 24


@register_algorithm(
    "ppo",
    about="Proximal policy optimisation, as Stable-Baselines3 implements it.",
    apis=("gymnasium",),
    modules=("stable_baselines3",),
    install='pip install "robust-gym[sb3]"',
    paper="Schulman et al., Proximal Policy Optimization Algorithms, 2017 (arXiv 1707.06347)",
)
@dataclass
class PPO(SavesFeedForward):
    """PPO; an argument left at ``None`` takes the task's value in ``baselines/single/tuned.py``.

    Attributes:
        n_envs: Environments stepped side by side.
        n_steps: Steps of each between updates.
        batch_size: Transitions in a minibatch.
        n_epochs: Passes over the collected steps in an update.
        learning_rate: Adam's.
        decay: Whether learning rate and clip range fall linearly to zero.
        gamma: Discount factor.
        gae_lambda: Decay of generalised advantage estimation.
        clip_range: How far the ratio of new to old action probabilities may go from 1.
        ent_coef: Weight of the entropy bonus.
        vf_coef: Weight of the value loss.
        max_grad_norm: Norm to which gradients are clipped.
        layers: Units in each hidden layer, of actor and critic alike.
        normalise: Whether observations (unless images) and rewards are normalised; the observations' moments are
            saved with the policy.
        train_disruption: Disruption of every training episode.
    """

    n_envs: int | None = None
    n_steps: int | None = None
    batch_size: int | None = None
    n_epochs: int | None = None
    learning_rate: float | None = None
    decay: bool | None = None
    gamma: float | None = None
    gae_lambda: float | None = None
    clip_range: float | None = None
    ent_coef: float | None = None
    vf_coef: float | None = None
    max_grad_norm: float | None = None
    layers: tuple[int, ...] | None = None
    normalise: bool | None = None
    train_disruption: str = "none"

    def train(self, task: Task, budget: Budget, seed: int, progress: Progress) -> FeedForwardPolicy:
        """Train on a task; the run depends on the arguments, the budget's steps and the seed alone.

        Rollouts are shortened where the budget would have fewer than 24 of them. Steps that would not fill another
        rollout are left unused.

        Raises:
            ValueError: If the budget has fewer than two steps.
        """
        import numpy as np
        from stable_baselines3 import PPO as Model  # noqa: N811

        from robust_gym.baselines.base import one_thread
        from robust_gym.baselines.single import sb3
        from robust_gym.baselines.single.tuned import tuned

        values = tuned("ppo", task, dataclasses.asdict(self))
        n_envs, n_steps, batch_size = fit_rollout(
            budget.steps, values["n_envs"], values["n_steps"], values["batch_size"]
        )
        rollouts = budget.steps // (n_envs * n_steps)
        streams, torch_seed = np.random.SeedSequence(seed).spawn(2)
        decay, image = values["decay"], task.observation == "image"
        envs = sb3.training_envs(
            task, self.train_disruption, n_envs, streams, normalise=values["normalise"], gamma=values["gamma"]
        )
        with contextlib.closing(envs), one_thread(), sb3.own_randomness():
            model = Model(
                "CnnPolicy" if image else "MlpPolicy",
                envs,
                n_steps=n_steps,
                batch_size=batch_size,
                n_epochs=values["n_epochs"],
                learning_rate=sb3.schedule(values["learning_rate"], decay),
                clip_range=sb3.schedule(values["clip_range"], decay),
                gamma=values["gamma"],
                gae_lambda=values["gae_lambda"],
                ent_coef=values["ent_coef"],
                vf_coef=values["vf_coef"],
                max_grad_norm=values["max_grad_norm"],
                policy_kwargs={"net_arch": list(values["layers"])},
                seed=int(torch_seed.generate_state(1)[0]),
                device="cpu",
            )
            model.learn(rollouts * n_steps * n_envs, sb3.ReportProgress(progress))
        actor = model.policy
        return sb3.policy_of(
            "ppo",
            task,
            actor.pi_features_extractor,
            actor.mlp_extractor.policy_net,
            actor.action_net,
            envs,
            squash=False,
            critic=sb3.critic_of(
                actor.vf_features_extractor, [actor.mlp_extractor.value_net, actor.value_net], "state"
            ),
        )


def fit_rollout(steps: int, n_envs: int, n_steps: int, batch_size: int) -> tuple[int, int, int]:
    """Fit rollouts into a budget.

    Args:
        steps: The budget's steps.
        n_envs: Environments wished for.
        n_steps: Steps of each in a rollout, likewise.
        batch_size: Transitions in a minibatch, likewise.

    Returns:
        The three numbers to use: at least 24 rollouts where that is possible, and whole minibatches.

    Raises:
        ValueError: If there are fewer than two steps.
    """
    if steps < 2:
        raise ValueError(f"ppo needs a budget of at least 2 steps, got {steps}")
    n_envs = min(n_envs, steps // 2)
    n_steps = max(2, min(n_steps, steps // (n_envs * _LEAST_ROLLOUTS)))
    batch_size = min(batch_size, n_envs * n_steps)
    # A rollout of whole minibatches that every environment contributes equally to.
    unit = math.lcm(n_envs, batch_size)
    if unit <= n_envs * n_steps:
        n_steps = n_envs * n_steps // unit * unit // n_envs
    else:
        batch_size = n_envs * n_steps
    return n_envs, n_steps, batch_size
