"""M2TD3: TD3 against the worst of the worlds in a box, which it searches for by its critic."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from robust_gym.baselines.base import register_single_algorithm
from robust_gym.baselines.descent import descend
from robust_gym.baselines.single.methods import TD3Method
from robust_gym.baselines.single.standard import Values

if TYPE_CHECKING:
    import numpy as np
    from stable_baselines3.common.type_aliases import ReplayBufferSamples
    from stable_baselines3.common.vec_env import VecEnv
    from torch import Tensor

    from robust_gym.baselines.single.learners import Part
    from robust_gym.baselines.single.policy import Critic
    from robust_gym.task import Task

PAPER = (
    "Tanabe et al., Max-Min Off-Policy Actor-Critic Method Focusing on Worst-Case Robustness to Model "
    "Misspecification, NeurIPS 2022 (arXiv 2211.03413)"
)


@register_single_algorithm(
    "m2td3",
    about="TD3 whose actor maximises the critic's value in the worst world of a box, found by descent on the critic.",
    actions=("box",),
    observations=("box", "dict"),
    honours=("dynamics:random",),
    train="disrupted",
    privileges=("parameter-box", "privileged-dynamics"),
    compare=("td3", "dr-td3"),
    paper=PAPER,
)
@dataclass
class M2TD3(TD3Method):
    """TD3 for the worst world of a box: max over policies pi of the min over worlds omega of E Q(s, pi(s), omega).

    The critic Q(s, a, omega) learns what an action is worth in each world, and candidates omega_k for the worst one
    descend it while the actor ascends.
    An episode takes place in a candidate, chosen by its probability p_k, with noise; before learning begins, anywhere
    in the box. Of every batch:

    - critics: y = r + gamma min_j Q'_j(s', pi'(s') + noise, omega + noise), both noises clipped, as TD3's is;
    - the worst candidate: k = argmin_k mean Q(s, pi(s), omega_k);
    - it descends mean Q(s, pi(s), omega_k), the actor ascends it, and p moves by 1 / (steps of an episode) towards k.

    Before each episode, a candidate that doubles another (L1 distance at most ``restart_distance``) or whose p_k is
    below ``restart_probability`` begins anew at random. All distances and noises are in the box scaled to [-1, 1]^d;
    the paper measures the distance in the parameters' own units. The critic sees omega, the actor does not. The critic
    that is kept for adversaries is that of the likeliest candidate's world.

    Attributes:
        train_disruption: Its dynamics are the box: ``dynamics:random:0.3``, the task's drawn parameters from 0.7 to 1.3
            times their nominal values, or a range for each of some, ``dynamics:gravity:0.5..1.5+dynamics:...``. Terms
            of other channels act in training as they are.
        learning_rate: Adam's, for networks and candidates; the paper's value.
        batch_size: Transitions in an update; the paper's value.
        learning_starts: Share of the budget, with random actions and worlds, before the first update; the paper's
            1e5 of 2e6 steps.
        layers: Units in each hidden layer; the paper's value.
        candidates: How many worlds are candidates; the paper's value.
        omega_noise: Standard deviation of the noise on the world of an episode, at first; the paper's value.
        omega_noise_end: The same at the end, to which it falls linearly; the paper's value.
        restart_distance: L1 distance from which two candidates are one; the paper's value.
        restart_probability: Probability below which a candidate is given up; the paper's value.
    """

    train_disruption: str = "dynamics:random:0.3"
    learning_rate: float | None = 3e-4
    batch_size: int | None = 100
    learning_starts: float | None = 0.05
    layers: tuple[int, ...] | None = (256, 256)
    candidates: int = 5
    omega_noise: float = 1.0
    omega_noise_end: float = 0.1
    restart_distance: float = 0.1
    restart_probability: float = 0.05

    algorithm: ClassVar[str] = "m2td3"
    vectors_only: ClassVar[bool] = True
    noise_falls: ClassVar[float] = 1.0
    """Share of the run over which the noise on worlds falls."""

    def check(self) -> None:
        """Check the arguments."""
        super().check()
        self._require("candidates", self.candidates >= 2, "at least 2")
        self._require("omega_noise", self.omega_noise >= 0, "at least 0")
        self._require("omega_noise_end", self.omega_noise_end >= 0, "at least 0")
        self._require("restart_distance", self.restart_distance >= 0, "at least 0")
        least = self.restart_probability
        self._require("restart_probability", 0 <= least < 1 / self.candidates, "at least 0 and below 1 / candidates")

    def values(self, task: Task) -> dict[str, Any]:
        """Return the arguments, with the box, and the disruption that is left."""
        from robust_gym.baselines.single.parameter_box import ParameterBox

        box, rest = ParameterBox.of(self.train_disruption, task)
        return {**super().values(task), "box": box, "train_disruption": rest}

    def wrapper(self, task: Task, values: Values) -> Callable[[Any], Any]:
        """Return what lets the learner choose the worlds of a training environment."""
        from robust_gym.baselines.single.parameter_box import ChosenWorlds

        return lambda env: ChosenWorlds(env, task, values["box"])

    def network(self, task: Task) -> Any:
        """Return the networks, of which only the critics see the world."""
        from robust_gym.baselines.single.omegas import WorldCriticPolicy

        return WorldCriticPolicy

    def policy_arguments(self, values: Values) -> dict[str, Any]:
        """Return the arguments of the networks."""
        return {**super().policy_arguments(values), "unseen": len(values["box"])}

    def model(self, task: Task, envs: VecEnv, values: Values, seed: int) -> Any:
        """Make the model that learns, and let it choose the world of each episode."""
        model = super().model(task, envs, values, seed)
        envs.set_attr("choose", functools.partial(self.world, model))
        return model

    def parts(self, model: Any) -> dict[str, Part]:
        """Make the candidates."""
        from torch.optim import Adam

        from robust_gym.baselines.single.omegas import Omegas

        (spec,) = model.env.get_attr("spec")
        omegas = Omegas(self.candidates, model.policy.unseen, spec.max_episode_steps)
        return {"omegas": omegas, "omega_optimizer": Adam(omegas.parameters(), lr=model.lr_schedule(1.0))}

    def world(self, model: Any, steps: int) -> np.ndarray:
        """Choose the place of the coming episode's world.

        Args:
            model: The model that learns.
            steps: Of the last episode, 0 before the first.

        Returns:
            The place, ``[d]``, not yet clipped to [-1, 1].
        """
        import torch

        omegas = model.omegas
        if steps:
            omegas.length.fill_(steps)
        if model.num_timesteps < model.learning_starts:
            place = 2 * torch.rand_like(omegas.place(0)) - 1
        else:
            for number in omegas.restart(self.restart_distance, self.restart_probability):
                model.omega_optimizer.state.pop(omegas.logits[number], None)
            place = omegas.place(int(torch.multinomial(omegas.probabilities, 1)))
            done = min(1.0, model.num_timesteps / (self.noise_falls * model._total_timesteps))
            spread = self.omega_noise + done * (self.omega_noise_end - self.omega_noise)
            place = place + spread * torch.randn_like(place)
        chosen: np.ndarray = place.detach().double().numpy()
        return chosen

    def update(self, model: Any, batch: ReplayBufferSamples) -> None:
        """Take one step of the critics, and every ``policy_delay`` times one of the worst candidate and the actor."""
        from stable_baselines3.common.utils import polyak_update

        state, omega = batch.observations.float().tensor_split([-model.policy.unseen], dim=1)
        self.learn_values(model, batch, omega)
        if model._n_updates % model.policy_delay:
            return
        self.learn_worst(model, state)
        polyak_update(model.critic.parameters(), model.critic_target.parameters(), model.tau)
        polyak_update(model.actor.parameters(), model.actor_target.parameters(), model.tau)

    def learn_values(self, model: Any, batch: ReplayBufferSamples, omega: Tensor) -> None:
        """Let the critics learn the value of actions in the worlds where they were taken, as TD3's do."""
        import torch
        from torch.nn import functional

        def noise(like: Tensor) -> Tensor:
            drawn = torch.randn_like(like) * model.target_policy_noise
            return drawn.clamp(-model.target_noise_clip, model.target_noise_clip)

        with torch.no_grad():
            action = (model.actor_target(batch.next_observations) + noise(batch.actions)).clamp(-1, 1)
            near = (omega + noise(omega)).clamp(-1, 1)
            then = torch.cat([batch.next_observations.float()[:, : -omega.shape[1]], near], dim=1)
            worth = torch.cat(model.critic_target(then, action), dim=1).min(dim=1, keepdim=True).values
            target = batch.rewards + (1 - batch.dones) * model.gamma * worth
        loss = sum(functional.mse_loss(q, target) for q in model.critic(batch.observations, batch.actions))
        descend(model.critic.optimizer, loss)

    def learn_worst(self, model: Any, state: Tensor) -> None:
        """Let the worst candidate descend the value, and the actor ascend it."""
        import torch

        omegas = model.omegas

        def worth(action: Tensor, place: Tensor) -> Tensor:
            seen = torch.cat([state, place.expand(len(state), -1)], dim=1)
            # Not q1_forward, which may cut off the slope of what the critic sees.
            mean: Tensor = model.critic.q_networks[0](torch.cat([seen, action], dim=1)).mean()
            return mean

        action = model.actor.mu(state)
        values = torch.stack([worth(action, place) for place in omegas.places().detach()])
        worst = int(values.argmin())
        loss = self.actor_loss(values, omegas.probabilities)

        model._update_learning_rate(model.omega_optimizer)
        descend(model.omega_optimizer, worth(action.detach(), omegas.place(worst)))

        descend(model.actor.optimizer, loss)
        omegas.was_worst(worst)

    def actor_loss(self, values: Tensor, probabilities: Tensor) -> Tensor:
        """Return what the actor descends.

        Args:
            values: Mean value of its actions in each candidate's world, ``[candidates]``.
            probabilities: Of the candidates, ``[candidates]``.
        """
        return -values.min()

    def critic(self, model: Any) -> Critic:
        """Return the critic in the world of the likeliest candidate."""
        from torch import nn

        from robust_gym.baselines.single.omegas import at_place
        from robust_gym.baselines.single.policy import Critic

        first, *rest = model.critic.q_networks[0]
        place = model.omegas.place(int(model.omegas.probabilities.argmax())).detach()
        return Critic(nn.Sequential(at_place(first, place, model.actor.features_dim), *rest), "action")
