"""OMPO: SAC that matches the transitions it learns from with those it meets now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from robust_gym.baselines.base import register_single_algorithm
from robust_gym.baselines.descent import descend
from robust_gym.baselines.single.methods import SACMethod
from robust_gym.baselines.single.standard import Values

if TYPE_CHECKING:
    from stable_baselines3.common.type_aliases import ReplayBufferSamples
    from torch import Tensor

    from robust_gym.baselines.single.learners import Part


@register_single_algorithm(
    "ompo",
    about="SAC for policies and dynamics that shift: it matches the occupancy of old transitions with the present one.",
    actions=("box",),
    observations=("box", "discrete", "dict"),
    honours=("dynamics:random",),
    train="disrupted",
    privileges=("parameter-box",),
    compare=("sac", "dr-sac"),
    paper=(
        "Luo et al., OMPO: A Unified Framework for RL under Policy and Dynamics Shifts, ICML 2024 (arXiv 2405.19080)"
    ),
)
@dataclass
class OMPO(SACMethod):
    """SAC that maximises return while the transitions it learns from match those of now in their occupancy.

    A discriminator h(s, a, s') tells the latest transitions from all that are remembered, whose policies and dynamics
    were others; its log-odds R = log h - log(1 - h) estimate the logarithm of the ratio of the two occupancies, and
    critic and actor solve the dual of the problem:

    - reward: r' = r + shift - alpha R(s, a, s');
    - target: y = r' + gamma (0.05 Q(s', a') + 0.95 min_j Q'_j(s', a') - temperature log pi(a' | s')), a' from pi;
    - critic: minimises mean |y - Q(s, a)|^p / p + (1 - gamma) alpha mean Q(s_0, pi(s_0)), with y held fixed;
    - actor: maximises the same through a' and pi(s_0), each y weighted by max(y - Q(s, a), 0)^(p - 1);
    - discriminator: whenever as many new transitions have come as are local, cross-entropy with the local ones as 1
      and the remembered ones as 0, and a gradient penalty.

    The method is meant for dynamics that change between episodes, so that by default each training episode draws them
    within 0.8 to 1.2 times their nominal values; with ``train_disruption="none"`` only the policy shifts. The authors'
    code also cuts rewards below zero off after the shift, for its tasks have none; here they are kept.

    Attributes:
        train_disruption: Disruption of every training episode; ours.
        learning_rate: Adam's, for all networks; the paper's value.
        batch_size: Transitions in an update; the paper's value.
        gradient_steps: Updates for each step of the environment; the paper's value.
        learning_starts: Share of the budget, all of it random, before the first update; the paper's 5e3 of 3e5 steps.
        tau: Share of the online critics that the target critics take over in an update; the paper's value.
        alpha: Weight of the matching; the paper's value.
        exponent: The p above, > 1; the paper's value.
        reward_shift: Added to every reward; the paper's value.
        local_size: How many of the latest transitions are the present ones; the paper's value.
        discriminator_steps: Updates of the discriminator each time; the paper's 10 times 20.
        gradient_penalty: Its weight; the paper's value.
        policy_delay: Updates of the critics for one of actor, temperature and targets; the paper's value.
    """

    train_disruption: str = "dynamics:random:0.2"
    learning_rate: float | None = 3e-4
    batch_size: int | None = 256
    gradient_steps: int | None = 3
    learning_starts: float | None = 1 / 60
    tau: float | None = 0.005
    alpha: float = 1e-3
    exponent: float = 1.5
    reward_shift: float = 1.0
    local_size: int = 1000
    discriminator_steps: int = 200
    gradient_penalty: float = 10.0
    policy_delay: int = 2

    algorithm: ClassVar[str] = "ompo"
    vectors_only: ClassVar[bool] = True

    def check(self) -> None:
        """Check the arguments."""
        super().check()
        self._require("alpha", self.alpha >= 0, "at least 0")
        self._require("exponent", self.exponent > 1, "greater than 1")
        self._require("gradient_penalty", self.gradient_penalty >= 0, "at least 0")
        for name in ("local_size", "discriminator_steps", "policy_delay"):
            self._require(name, getattr(self, name) >= 1, "at least 1")

    def model_arguments(self, values: Values) -> dict[str, Any]:
        """Return the arguments of the model, with a buffer that knows its latest transitions."""
        from robust_gym.baselines.single.recent import RecentReplay

        return {**super().model_arguments(values), "replay_buffer_class": RecentReplay}

    def fitted(self, values: Values, steps: int) -> dict[str, Any]:
        """Fit the values into a budget, with updates for every step, however many are collected at once."""
        fitted = super().fitted(values, steps)
        if fitted["gradient_steps"] > 0:
            fitted["gradient_steps"] *= fitted["train_freq"]
        return fitted

    def parts(self, model: Any) -> dict[str, Part]:
        """Make the discriminator."""
        from torch.optim import Adam

        from robust_gym.baselines.single.discriminator import Discriminator

        (states,), (actions,) = model.observation_space.shape, model.action_space.shape
        discriminator = Discriminator(2 * states + actions, 256)
        rate = model.lr_schedule(1.0)
        return {
            "discriminator": discriminator,
            "discriminator_optimizer": Adam(discriminator.parameters(), lr=rate),
        }

    def update(self, model: Any, batch: ReplayBufferSamples) -> None:
        """Take a step of the critics, and every ``policy_delay`` times one of the actor."""
        from stable_baselines3.common.utils import polyak_update

        if model.num_timesteps - int(model.discriminator.trained) >= self.local_size:
            self.discriminate(model)
        starts = model.replay_buffer.starts(len(batch.rewards))
        self.learn_values(model, batch, starts)
        if model._n_updates % self.policy_delay == 0:
            self.learn_policy(model, batch, starts)
            polyak_update(model.critic.parameters(), model.critic_target.parameters(), model.tau)

    def discriminate(self, model: Any) -> None:
        """Let the discriminator tell the latest transitions, 1, from all, 0."""
        import torch

        def rows(batch: ReplayBufferSamples) -> Tensor:
            return torch.cat([batch.observations, batch.actions, batch.next_observations], dim=1).float()

        discriminator, buffer = model.discriminator, model.replay_buffer
        model._update_learning_rate(model.discriminator_optimizer)
        for _ in range(self.discriminator_steps):
            local = rows(buffer.latest(model.batch_size, self.local_size))
            loss = discriminator.loss(local, rows(buffer.sample(model.batch_size)), self.gradient_penalty)
            descend(model.discriminator_optimizer, loss)
        discriminator.trained.fill_(model.num_timesteps)

    def targets(self, model: Any, batch: ReplayBufferSamples) -> list[Tensor]:
        """Return y for each critic, ``[B, 1]``, which the actor's next actions carry slopes to."""
        import torch

        with torch.no_grad():
            odds = model.discriminator(batch.observations, batch.actions, batch.next_observations)
            reward = batch.rewards + self.reward_shift - self.alpha * odds
        action, log_prob = model.actor.action_log_prob(batch.next_observations)
        slow = torch.cat(model.critic_target(batch.next_observations, action), dim=1).min(dim=1, keepdim=True).values
        bonus = self.temperature(model) * log_prob.reshape(-1, 1)
        quick = model.critic(batch.next_observations, action)
        left = (1 - batch.dones) * model.gamma
        return [reward + left * (0.05 * q + 0.95 * slow - bonus) for q in quick]

    def learn_values(self, model: Any, batch: ReplayBufferSamples, starts: Tensor) -> None:
        """Let the critics descend the dual, y held fixed."""
        import torch

        with torch.no_grad():
            targets = self.targets(model, batch)
            first, _ = model.actor.action_log_prob(starts)
        begun = model.critic(starts, first)
        loss = torch.zeros(())
        for y, q, q0 in zip(targets, model.critic(batch.observations, batch.actions), begun, strict=True):
            gap = (y - q).abs().pow(self.exponent).mean() / self.exponent
            loss = loss + gap + (1 - model.gamma) * self.alpha * q0.mean()
        descend(model.critic.optimizer, loss)

    def learn_policy(self, model: Any, batch: ReplayBufferSamples, starts: Tensor) -> None:
        """Let the actor ascend the dual, and the temperature follow the entropy."""
        import torch

        with torch.no_grad():
            present = model.critic(batch.observations, batch.actions)
        first, _ = model.actor.action_log_prob(starts)
        begun = model.critic(starts, first)
        gain = torch.zeros(())
        for y, q, q0 in zip(self.targets(model, batch), present, begun, strict=True):
            weight = (y - q).detach().clamp(min=0).pow(self.exponent - 1)
            gain = gain + (weight * y).mean() + (1 - model.gamma) * self.alpha * q0.mean()
        descend(model.actor.optimizer, -gain / len(present))

        if model.ent_coef_optimizer is not None:
            with torch.no_grad():
                _, log_prob = model.actor.action_log_prob(batch.observations)
            loss = -(model.log_ent_coef * (log_prob + model.target_entropy)).mean()
            descend(model.ent_coef_optimizer, loss)

    def temperature(self, model: Any) -> Tensor:
        """Return the weight of the entropy."""
        learnt = model.ent_coef_optimizer is not None
        weight: Tensor = model.log_ent_coef.detach().exp() if learnt else model.ent_coef_tensor
        return weight
