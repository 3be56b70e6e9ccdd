"""DBC: SAC behind an encoder in whose space states are as far apart as they matter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from robust_gym.baselines.base import register_single_algorithm
from robust_gym.baselines.descent import descend
from robust_gym.baselines.single.methods import PreparedSACMethod
from robust_gym.baselines.single.standard import Values

if TYPE_CHECKING:
    from stable_baselines3.common.type_aliases import ReplayBufferSamples
    from torch import Tensor

    from robust_gym.baselines.single.learners import Part
    from robust_gym.task import Task


@register_single_algorithm(
    "dbc",
    about="SAC behind an encoder that keeps of observations what matters for rewards, by a bisimulation metric.",
    actions=("box",),
    compare=("sac",),
    paper=(
        "Zhang et al., Learning Invariant Representations for Reinforcement Learning without Reconstruction, ICLR 2021 "
        "(arXiv 2006.10742)"
    ),
)
@dataclass
class DBC(PreparedSACMethod):
    """SAC on what an encoder keeps of observations: as much as tells states apart that differ in rewards.

    The encoder z = phi(s) is trained so that distances of latent states are the bisimulation metric, by how much two
    states differ in rewards now and later; SAC acts and judges on z. Of each batch and a permutation of it, the loss is

    - encoder: (|z_i - z_j| - |r_i - r_j| - gamma W2(P(z_i, pi(z_i)), P(z_j, pi(z_j))))^2 in every dimension of z, the
      right-hand terms held fixed, pi the mean action, W2 the 2-Wasserstein distance of two Gaussians (equation 4, where
      the authors' code, as this one, has the rewards of the batch in place of their predictions, and each dimension in
      place of the norm: W2 of whole vectors, a Euclidean distance, is up to sqrt(features) times shorter than the norm
      ||.||_1 that it is compared with, and latent states would fall together);
    - dynamics and reward models: the likelihood of phi(s') under P(z, a), and the squared error of the reward
      predicted from a sample of P; they train the encoder too;
    - critics: SAC's, which trains the encoder; actor: SAC's, which does not.

    It is sensible where observations hold much that does not matter, such as the background of a picture or sensors of
    something else; where every number matters, it costs SAC time and gains nothing. A distance is in units of
    reward. The saved policy is encoder and actor in one network; no critic is kept for adversaries that need one. Model
    and encoder learn from a batch just before SAC's own update of it, which the paper splits around them.

    Attributes:
        features: Numbers of a latent state; the paper's value.
        encoder_layers: Units in each hidden layer of the encoder, for observations that are not images.
        encoder_learning_rate: Adam's, for encoder and models; the paper's value.
        bisimulation: Weight of the encoder's loss; the authors' value.
        model_units: Units in the hidden layer of each model; the authors' value.
    """

    features: int = 50
    encoder_layers: tuple[int, ...] = (256,)
    encoder_learning_rate: float = 1e-3
    bisimulation: float = 0.5
    model_units: int = 512

    algorithm: ClassVar[str] = "dbc"
    vectors_only: ClassVar[bool] = True

    def check(self) -> None:
        """Check the arguments."""
        super().check()
        self._require("features", self.features >= 1, "at least 1")
        self._require("encoder_layers", all(units >= 1 for units in self.encoder_layers), "numbers of at least 1")
        self._require("encoder_learning_rate", self.encoder_learning_rate > 0, "above 0")
        self._require("bisimulation", self.bisimulation >= 0, "at least 0")
        self._require("model_units", self.model_units >= 1, "at least 1")

    def network(self, task: Task) -> Any:
        """Return the networks, which see through one encoder."""
        from robust_gym.baselines.single.encoder import EncodedPolicy

        return EncodedPolicy

    def policy_arguments(self, values: Values) -> dict[str, Any]:
        """Return the arguments of the networks."""
        from robust_gym.baselines.single.encoder import Encoder

        sizes = {"features": self.features, "hidden": self.encoder_layers}
        return {
            **super().policy_arguments(values),
            "features_extractor_class": Encoder,
            "features_extractor_kwargs": sizes,
        }

    def parts(self, model: Any) -> dict[str, Part]:
        """Make the models of what follows in latent space."""
        from torch.optim import Adam

        from robust_gym.baselines.single.encoder import LatentModel

        (actions,) = model.action_space.shape
        latent = LatentModel(self.features, actions, self.model_units)
        learnt = [*model.critic.features_extractor.parameters(), *latent.parameters()]
        return {"latent_model": latent, "latent_optimizer": Adam(learnt, lr=self.encoder_learning_rate)}

    def prepared(self, model: Any, batch: ReplayBufferSamples) -> ReplayBufferSamples:
        """Let encoder and models learn from a batch, which SAC learns from next (algorithm 1)."""
        latent = self.encoded(model, batch.observations)
        loss = self.model_loss(model, batch, latent) + self.bisimulation * self.metric_loss(model, batch, latent)
        descend(model.latent_optimizer, loss)
        return batch

    def encoded(self, model: Any, observations: Tensor) -> Tensor:
        """Return latent states, ``[B, features]``."""
        latent: Tensor = model.critic.extract_features(observations, model.critic.features_extractor)
        return latent

    def metric_loss(self, model: Any, batch: ReplayBufferSamples, latent: Tensor) -> Tensor:
        """Return how far latent states are from as apart as the metric says, in every dimension (equation 4)."""
        import torch

        other = torch.randperm(len(latent))
        with torch.no_grad():
            action = torch.tanh(model.actor.mu(model.actor.latent_pi(latent)))
            mean, deviation = model.latent_model(latent, action)
            means, deviations = mean - mean[other], deviation - deviation[other]
            later = (means.square() + deviations.square()).sqrt()
            now = (batch.rewards - batch.rewards[other]).abs()
        apart = (latent - latent[other]).abs()
        return (apart - now - model.gamma * later).square().mean()

    def model_loss(self, model: Any, batch: ReplayBufferSamples, latent: Tensor) -> Tensor:
        """Return the error of the models: the next latent state's log-likelihood, the reward's square."""
        import torch

        with torch.no_grad():
            reached = self.encoded(model, batch.next_observations)
        mean, deviation = model.latent_model(latent, batch.actions)
        unlikely = (((mean - reached) / deviation).square() / 2 + deviation.log()).mean()
        reward = model.latent_model.reward(mean + deviation * torch.randn_like(deviation))
        return unlikely + (reward - batch.rewards).square().mean()

    def actor_layers(self, actor: Any) -> tuple[Any, Any]:
        """Return the encoder and the hidden layers of the actor, and the last, whose tanh is the action."""
        return [actor.features_extractor.layers, actor.latent_pi], actor.mu

    def critic(self, model: Any) -> None:
        """Keep no critic, which judges latent states."""
