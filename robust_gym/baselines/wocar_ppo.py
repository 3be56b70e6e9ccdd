"""WocaR-PPO: PPO that also raises the value of its worst case under perturbed observations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from robust_gym.baselines.base import register_single_algorithm
from robust_gym.baselines.descent import descend
from robust_gym.baselines.sa_ppo import SAPPO
from robust_gym.baselines.single.standard import Values
from robust_gym.task import Task

if TYPE_CHECKING:
    import numpy as np
    from stable_baselines3.common.vec_env import VecEnv
    from torch import Tensor

    from robust_gym.baselines.single.learners import Part
    from robust_gym.baselines.single.perturbation_transitions import Batch
    from robust_gym.baselines.single.policy import FeedForwardPolicy

_WEIGHTS = {"Robust-HalfCheetah-v0": 0.5}


@register_single_algorithm(
    "wocar-ppo",
    about="PPO guided by the value that is left when the worst action within reach of an attack is taken.",
    observations=("box", "dict"),
    compare=("ppo", "sa-ppo"),
    paper="Liang, Sun, Zheng & Huang, Efficient Adversarial Training without Attacking: Worst-Case-Aware Robust "
    "Reinforcement Learning, NeurIPS 2022 (arXiv 2210.05927)",
)
@dataclass
class WocaRPPO(SAPPO):
    """Worst-case-aware PPO: a second critic learns what the policy is worth if every observation may be perturbed.

    From the rollout it learns Qw(s,a) <- r + gamma * min_{a' in A(s')} Qw'(s',a') (section 4.1), where A(s)
    is what the policy, which acts by its most likely action, may be made to do by a perturbation of s within the ball:
    a box of actions bounded by interval bound propagation, in which the worst is searched for by projected gradient
    descent, or those choices whose log-odds may be the largest. Qw' follows Qw slowly. PPO then learns from the
    advantages norm(A) + w * norm(Qw) (section 4.2), each normalised over the rollout, and from the
    penalty of SA-PPO (section 4.3; as in the authors' PPO, all states weigh alike).

    Attributes:
        eps: Radius of the ball of the penalty.
        reach: Radius of the ball of A(s); the authors' 0.01. Interval bounds are wide: within the radius of the penalty
            they would leave nearly every action possible, and Qw would not hang on the policy.
        w: Weight of the worst case among the advantages at the end of the run, to which it grows linearly from 0; by
            default the authors', 0.5 on HalfCheetah and 0.8 elsewhere. (On Walker2d theirs grows as the third power.)
        q_learning_rate: Adam's, for Qw; 4e-4 is the authors'.
        q_epochs: Passes over the rollout in an update of Qw.
        q_steps: Gradient steps of the search for the worst action in the box; the authors take 50.
        tau: How far Qw' follows Qw after each of its steps; the authors' 0.001.
    """

    reach: float = 0.01
    w: float | None = None
    q_learning_rate: float = 4e-4
    q_epochs: int = 10
    q_steps: int = 10
    tau: float = 0.001

    algorithm: ClassVar[str] = "wocar-ppo"

    def check(self) -> None:
        """Check the arguments.

        Raises:
            ValueError: At the first that is out of bounds, naming it and what is accepted.
        """
        super().check()
        self._require("reach", 0 < self.reach < math.inf, "a number above 0")
        self._require("w", self.w is None or 0 <= self.w < math.inf, "a number of at least 0, or none")
        self._require("q_learning_rate", self.q_learning_rate > 0, "above 0")
        self._require("q_epochs", self.q_epochs >= 1, "at least 1")
        self._require("q_steps", self.q_steps >= 1, "at least 1")
        self._require("tau", 0 < self.tau <= 1, "above 0 and at most 1")

    def envs(self, task: Task, values: Values, seeds: np.random.SeedSequence) -> VecEnv:
        """Make the training environments, whose transitions are noted."""
        from robust_gym.baselines.single.perturbation_transitions import Transitions

        return Transitions(super().envs(task, values, seeds))

    def model_arguments(self, values: Values) -> dict[str, Any]:
        """Return the arguments of the model; advantages are normalised here and not once more."""
        return {**super().model_arguments(values), "normalize_advantage": False}

    def model(self, task: Task, envs: VecEnv, values: Values, seed: int) -> Any:
        """Make the model that learns, which knows its task's weight."""
        model = super().model(task, envs, values, seed)
        model.w = _WEIGHTS.get(task.id, 0.8) if self.w is None else self.w
        return model

    def policy(self, task: Task, model: Any, envs: VecEnv) -> FeedForwardPolicy:
        """Take out the actor, and the critic of states."""
        return super().policy(task, model, model.get_vec_normalize_env() or envs)

    def parts(self, model: Any) -> Mapping[str, Part]:
        """Make Qw and Qw', from observation and action to one number, or to one for each choice, and Adam."""
        import copy

        import torch
        from gymnasium import spaces
        from stable_baselines3.common.torch_layers import create_mlp

        seen, does = model.policy.features_dim, model.action_space
        ends = (seen, int(does.n)) if isinstance(does, spaces.Discrete) else (seen + does.shape[0], 1)
        q = torch.nn.Sequential(*create_mlp(*ends, list(model.policy.net_arch), torch.nn.ReLU))
        optimiser = torch.optim.Adam(q.parameters(), self.q_learning_rate)
        return {"worst_q": q, "worst_q_target": copy.deepcopy(q).requires_grad_(False), "worst_q_optimizer": optimiser}

    def collected(self, model: Any) -> None:
        """Learn Qw from the rollout, and guide PPO by it."""
        batch, rollout = model.env.taken(), model.rollout_buffer
        self.learn_worst(model, batch)
        worst = self.q(model, model.worst_q, batch.seen, batch.actions).detach().numpy().reshape(rollout.rewards.shape)
        weight = model.w * (1.0 - float(model._current_progress_remaining))
        rollout.advantages = _normalised(rollout.advantages) + weight * _normalised(worst)

    def learn_worst(self, model: Any, batch: Batch) -> None:
        """Take gradient steps on mean (Qw(s,a) - y)^2 with y = r + gamma * min_{a' in A(s')} Qw'(s',a')."""
        import torch
        from stable_baselines3.common.utils import polyak_update

        for _ in range(self.q_epochs):
            for rows in torch.randperm(len(batch.rewards)).split(model.batch_size):
                some = batch.take(rows)
                target = some.rewards + model.gamma * some.goes_on * self.least(model, some.after)
                loss = torch.nn.functional.mse_loss(self.q(model, model.worst_q, some.seen, some.actions), target)
                descend(model.worst_q_optimizer, loss)
                polyak_update(model.worst_q.parameters(), model.worst_q_target.parameters(), self.tau)

    def least(self, model: Any, seen: Tensor) -> Tensor:
        """Return min_{a in A(s)} Qw'(s,a), ``[B]``.

        Args:
            model: The model.
            seen: Observations s, ``[B, numbers]``.
        """
        import torch

        from robust_gym.baselines.single.perturbation import actor, bounds, lowest, possible

        with torch.no_grad():
            low, high = bounds(actor(model.policy), seen - self.reach, seen + self.reach)
            if _discrete(model):
                return model.worst_q_target(seen).where(possible(low, high), torch.inf).min(-1).values
            ends = _ends(model)
            low, high = (torch.clamp(end, *ends) for end in (low, high))
        return lowest(lambda does: self.q(model, model.worst_q_target, seen, does), low, high, self.q_steps)

    def q(self, model: Any, network: Any, seen: Tensor, actions: Tensor) -> Tensor:
        """Return Q(s,a), ``[B]``; actions of a box enter in units of half their range."""
        import torch

        found: Tensor
        if _discrete(model):
            found = network(seen).gather(1, actions.long()[:, None])
        else:
            low, high = _ends(model)
            found = network(torch.cat([seen, 2 * (actions - low) / (high - low) - 1], dim=1))
        return found[:, 0]


def _ends(model: Any) -> tuple[Tensor, Tensor]:
    """Return the ends of the actions' ranges, in the networks' precision, which need not be the space's."""
    import torch

    return torch.from_numpy(model.action_space.low).float(), torch.from_numpy(model.action_space.high).float()


def _discrete(model: Any) -> bool:
    return bool(model.action_space.shape == ())


def _normalised(numbers: np.ndarray) -> np.ndarray:
    return (numbers - numbers.mean()) / (numbers.std() + 1e-8)
